"""What the searches' tests share: small data and estimators, and a search beside scikit-learn's."""

import warnings

import numpy as np
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import loguniform
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.preprocessing import StandardScaler

from skdeep import DeepMLPClassifier, DeepMLPRegressor

RATES = {"learning_rate_init": loguniform(1e-3, 1e-1), "alpha": loguniform(1e-3, 10)}


def data(kind):
    """Small real data, scaled; labels or targets as the kind asks."""
    if kind == "multilabel":
        return make_multilabel_classification(90, 8, n_classes=3, random_state=0)
    X, y = load_iris(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    if kind == "binary":
        return X[:100], np.array(["setosa", "versicolor"])[y[:100]]
    if kind == "regression":
        return X[:, :3], X[:, 3]
    if kind == "amounts":
        return X[:, :3], np.exp(X[:, 3])
    if kind == "sparse":
        return scipy.sparse.csr_matrix(np.where(np.abs(X) > 0.5, X, 0)), y
    return X, y


def classifier(**parameters):
    defaults = {"hidden_layer_sizes": (6,), "batch_size": 32, "max_iter": 6, "random_state": 0}
    return DeepMLPClassifier(**{**defaults, **parameters})


def regressor(**parameters):
    defaults = {"hidden_layer_sizes": (6,), "batch_size": 32, "max_iter": 6, "random_state": 0}
    return DeepMLPRegressor(**{**defaults, **parameters})


def search_both(ours, theirs, estimator, space, X, y, fit_params=None, **arguments):
    """Our search and scikit-learn's, fitted alike."""
    shared = {k: v for k, v in arguments.items() if k != "max_stack_bytes"}
    searches = [ours(estimator, space, **arguments), theirs(estimator, space, **shared)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [search.fit(X, y, **(fit_params or {})) for search in searches]


def assert_same_results(ours, theirs, atol=1e-6):
    """All of cv_results_ but the times."""
    assert list(ours) == list(theirs)
    for name, expected in theirs.items():
        found = ours[name]
        if name == "params":
            assert str(found) == str(expected)
        elif name.startswith("param_"):
            assert_array_equal(found.mask, expected.mask)
            assert [str(value) for value in found] == [str(value) for value in expected]
        elif name.startswith("rank_"):
            assert_same_ranks(found, expected, theirs["mean_" + name.removeprefix("rank_")], atol)
        elif "time" not in name:
            assert_allclose(found, expected, atol=atol, err_msg=name)


def assert_same_ranks(found, expected, scores, atol):
    """Ranks agree but where neighbours are tied up to rounding."""
    order = np.sort(np.nan_to_num(scores, nan=-np.inf))
    with np.errstate(invalid="ignore"):
        gaps = np.diff(order)
    if not np.any((gaps > 0) & (gaps < 2 * atol)):
        assert_array_equal(found, expected)


def fit_and_read_warnings(search, X, y):
    """All that fitting warns of, as one text."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        search.fit(X, y)
    return "\n".join(str(warning.message) for warning in caught)
