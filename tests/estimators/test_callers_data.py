"""What a caller hands in is read and never written, and what a sparse matrix means counts, not how
its entries lie: duplicates are summed and the order of indices is nothing, in every solver.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array, csr_matrix
from sklearn.base import clone, is_classifier

from skdeep import DeepMLPClassifier, DeepMLPRegressor, LogisticRegressionGD, SoftmaxClassifier
from skdeep.inspection import bias_variance_report, gradient_check
from skdeep.model_selection import VectorizedGridSearchCV, train_dev_test_split

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::skdeep.exceptions.NoProgressWarning"),
]

SOLVERS = ["adam", "sgd", "rmsprop", "adamw", "nadam", "gd", "lbfgs"]
MODELS = {
    f"{kind.__name__}, {solver}": kind(solver=solver, **settings)
    for kind, settings in (
        (LogisticRegressionGD, {}),
        (SoftmaxClassifier, {}),
        (DeepMLPClassifier, {"hidden_layer_sizes": (4,)}),
        (DeepMLPRegressor, {"hidden_layer_sizes": (4,)}),
    )
    for solver in SOLVERS
    if solver != "gd" or kind in (LogisticRegressionGD, SoftmaxClassifier)
} | {
    "input dropout": DeepMLPClassifier((4,), input_dropout=0.3),
    "early stopping": DeepMLPClassifier((4,), early_stopping=True),
    "elastic net": LogisticRegressionGD(solver="gd", alpha=1.0, l1_ratio=0.5),
}
for one in MODELS.values():
    one.set_params(max_iter=4, random_state=0)


def entries(dtype):
    """Data, indices and indptr of 40 rows with entries twice, out of order and explicit zeros."""
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 7, 40)
    indptr = np.concatenate([[0], np.cumsum(counts)])
    indices = rng.integers(0, 5, indptr[-1])
    return rng.integers(-3, 4, indptr[-1]).astype(dtype), indices, indptr


def messy(dtype="f8", kind=csr_array, *, read_only=False):
    parts = [part.copy() for part in entries(dtype)]
    if read_only:
        for part in parts:
            part.flags.writeable = False
    return kind(tuple(parts), shape=(40, 5))


def tidy(dtype="f8"):
    """The same as a canonical matrix, made without SciPy's own summing."""
    data, indices, indptr = entries(dtype)
    places, which = np.unique(
        np.repeat(np.arange(40), np.diff(indptr)) * 5 + indices, return_inverse=True
    )
    summed = np.bincount(which, weights=data).astype(dtype)
    starts = np.searchsorted(places, 5 * np.arange(41))
    return csr_array((summed, places % 5, starts), shape=(40, 5))


Y = (np.arange(40) % 3 == 0).astype(int)


def stored(matrix):
    return [part.copy() for part in (matrix.data, matrix.indices, matrix.indptr)]


def same_entries(matrix, before):
    for part, expected in zip(stored(matrix), before, strict=True):
        assert_array_equal(part, expected)


def outputs(model, X):
    return model.predict_proba(X) if is_classifier(model) else model.predict(X)


@pytest.mark.parametrize("kind", [csr_array, csr_matrix])
@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("name", MODELS)
def test_duplicates_and_order_change_neither_the_model_nor_the_matrix(name, dtype, kind):
    X, X_val = messy(dtype, kind), messy(dtype, kind)
    before = stored(X)
    found, expected = clone(MODELS[name]), clone(MODELS[name])
    validation = {} if found.early_stopping else {"X_val": X_val, "y_val": Y}
    found.fit(X, Y, **validation)
    if validation:
        validation["X_val"] = tidy(dtype)
    expected.fit(tidy(dtype), Y, **validation)
    assert_allclose(outputs(found, X), outputs(expected, tidy(dtype)), rtol=1e-5, atol=1e-6)
    assert_array_equal(found.loss_curve_, expected.loss_curve_)
    same_entries(X, before)
    same_entries(X_val, before)


def test_the_matrix_of_the_report():
    X = csr_matrix(([1.0, 1, 3, 0, 5, 0, 0, 7], [0, 0, 1, 1, 0, 0, 1, 1], [0, 4, 8]), shape=(2, 2))
    model = LogisticRegressionGD(max_iter=5).fit(X, [0, 1])
    assert_array_equal(X.toarray(), [[2, 3], [5, 7]])
    same = LogisticRegressionGD(max_iter=5).fit(csr_matrix([[2.0, 3], [5, 7]]), [0, 1])
    assert_allclose(model.coef_, same.coef_)


@pytest.mark.parametrize("name", MODELS)
def test_a_read_only_matrix_will_do(name):
    X = messy(read_only=True)
    model = clone(MODELS[name]).fit(X, Y)
    assert np.isfinite(outputs(model, X)).all()
    if hasattr(model, "partial_fit") and not model.early_stopping:
        model.partial_fit(X, Y)


@pytest.mark.parametrize("name", MODELS)
def test_dense_rows_and_all_else_are_not_written(name):
    model = clone(MODELS[name])
    X, weights = tidy().toarray(), 1.0 + Y
    y = Y.astype(float)
    validation = () if model.early_stopping else (X[::2].copy(), y[::2].copy(), weights[::2].copy())
    given = (X, y, weights, *validation)
    copies = [array.copy() for array in given]
    for array in given:
        array.flags.writeable = False
    names = ("X_val", "y_val", "sample_weight_val")
    model.fit(X, y, weights, **dict(zip(names, validation, strict=False)))
    outputs(model, X)
    model.score(X, y, weights)
    for array, before in zip(given, copies, strict=True):
        assert_array_equal(array, before)


@pytest.mark.parametrize("is_sparse", [True, False])
def test_labels_are_not_written(is_sparse):
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, (40, 3))
    y = csr_array(labels) if is_sparse else labels
    if is_sparse:
        # Out of order.
        for start, stop in zip(y.indptr[:-1], y.indptr[1:], strict=True):
            y.indices[start:stop] = y.indices[start:stop][::-1]
        y.has_sorted_indices = y.has_canonical_format = False
    before = stored(y) if is_sparse else y.copy()
    model = DeepMLPClassifier((4,), max_iter=3, random_state=0).fit(tidy(), y)
    expected = DeepMLPClassifier((4,), max_iter=3, random_state=0).fit(tidy(), labels)
    assert_array_equal(model.predict_proba(tidy()), expected.predict_proba(tidy()))
    if is_sparse:
        same_entries(y, before)
    else:
        assert_array_equal(y, before)


def test_what_works_on_estimators_does_not_write_either():
    X = messy()
    before = stored(X)
    model = LogisticRegressionGD(solver="adam", max_iter=3, random_state=0).fit(X, Y)
    gradient_check(model, X, Y)
    bias_variance_report(model, X, Y, X, Y)
    VectorizedGridSearchCV(clone(model), {"alpha": [0.1, 1.0]}, cv=2).fit(X, Y)
    train_dev_test_split(X, Y)
    same_entries(X, before)
