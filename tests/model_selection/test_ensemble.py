"""The ensemble of the best candidates: the mean of what each, fitted alone, predicts."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array, csr_matrix
from searches import RATES, assert_same_results, classifier, data, fit_and_read_warnings, regressor
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from skdeep.model_selection import VectorizedGridSearchCV, VectorizedRandomizedSearchCV
from skdeep.model_selection._ensemble import ClassifierEnsemble

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class CountedScaler(StandardScaler):
    fits = 0

    def fit(self, X, y=None, sample_weight=None):
        CountedScaler.fits += 1
        return super().fit(X, y, sample_weight)


@pytest.mark.parametrize("kind", ["classes", "binary", "regression"])
def test_the_ensemble_averages_the_best_fitted_alone(kind):
    X, y = data(kind)
    estimator = regressor() if kind == "regression" else classifier()
    search = VectorizedRandomizedSearchCV(
        make_pipeline(StandardScaler(), estimator),
        {f"{type(estimator).__name__.lower()}__{name}": space for name, space in RATES.items()},
        n_iter=6,
        random_state=0,
        keep_best=3,
    ).fit(X, y)
    order = np.argsort(-search.cv_results_["mean_test_score"], kind="stable")[:3]
    alone = [
        search.estimator.set_params(**search.cv_results_["params"][i]).fit(X, y)
        and (
            search.estimator.predict(X)
            if kind == "regression"
            else search.estimator.predict_proba(X)
        )
        for i in order
    ]
    mean = np.mean(alone, axis=0)
    if kind == "regression":
        assert_allclose(search.ensemble_.predict(X), mean, atol=1e-10)
    else:
        assert_allclose(search.ensemble_.predict_proba(X), mean, atol=1e-10)
        expected = search.ensemble_.classes_[mean.argmax(axis=1)]
        assert_array_equal(search.ensemble_.predict(X), expected)


def test_an_ensemble_of_multilabel_classifiers_of_different_widths():
    X, y = data("multilabel")
    space = {"hidden_layer_sizes": [3, 5, 8]}
    search = VectorizedGridSearchCV(classifier(), space, cv=2, keep_best=3).fit(X, y)
    alone = [classifier(**parameters).fit(X, y) for parameters in search.cv_results_["params"]]
    mean = np.mean([one.predict_proba(X) for one in alone], axis=0)
    assert_allclose(search.ensemble_.predict_proba(X), mean, atol=1e-10)
    assert_array_equal(search.ensemble_.predict(X), mean > 0.5)


def test_a_pipeline_keeps_its_transformers_in_its_memory(tmp_path):
    X, y = data("classes")
    pipeline = make_pipeline(CountedScaler(), classifier(), memory=str(tmp_path))
    space = {"deepmlpclassifier__alpha": [0.1, 1.0]}
    CountedScaler.fits = 0
    found = VectorizedGridSearchCV(pipeline, space, cv=2).fit(X, y)
    assert CountedScaler.fits == 3  # two folds and the refit
    again = VectorizedGridSearchCV(pipeline, space, cv=2).fit(X, y)
    assert CountedScaler.fits == 3
    assert_same_results(again.cv_results_, found.cv_results_, atol=0)


def test_members_of_the_ensemble_can_be_trained_further():
    X, y = data("classes")
    search = VectorizedGridSearchCV(classifier(), {"alpha": [0.1, 1.0]}, cv=2, keep_best=2)
    search.fit(X, y)
    best = search.ensemble_.estimators[0]
    alone = classifier(alpha=best.alpha).fit(X, y)
    assert_allclose(best.partial_fit(X, y).coefs_[0], alone.partial_fit(X, y).coefs_[0], atol=1e-10)


def test_what_fails_on_all_rows_is_left_out_of_the_ensemble():
    X, y = data("classes")

    epochs = []

    def fails_on_all_rows(epoch):
        epochs.append(epoch)
        if len(epochs) > 2 * 2:  # two epochs on each of two folds
            raise RuntimeError("too many rows")
        return 1.0

    space = {"learning_rate": ["constant", fails_on_all_rows]}
    search = VectorizedGridSearchCV(
        classifier(max_iter=2), space, cv=2, keep_best=2, refit=False, n_jobs=1
    )
    text = fit_and_read_warnings(search, X, y)
    assert "left out of ensemble_" in text
    assert "too many rows" in text
    assert [one.learning_rate for one in search.ensemble_.estimators] == ["constant"]


def test_no_score_no_ensemble_but_a_search():
    X, y = data("classes")
    search = VectorizedGridSearchCV(
        classifier(), {"alpha": [0.1]}, cv=2, keep_best=1, scoring=lambda *_: np.nan
    )
    assert "there is no ensemble_" in fit_and_read_warnings(search, X, y)
    assert not hasattr(search, "ensemble_")
    assert len(search.cv_results_["params"]) == 1


def test_members_of_the_ensemble_share_no_transformer():
    X, y = data("classes")
    pipeline = make_pipeline(StandardScaler(), classifier())
    space = {"deepmlpclassifier__alpha": [0.1, 1.0]}
    ensemble = VectorizedGridSearchCV(pipeline, space, cv=2, keep_best=2).fit(X, y).ensemble_
    first, second = ensemble.estimators
    before = second.predict_proba(X)
    first.fit(X * 100, y)
    assert_array_equal(second.predict_proba(X), before)


# ------------------------------------------------------------------------- an estimator like others


def searched(estimator, X, y, **settings):
    space = {"alpha": [0.01, 0.1, 1.0]}
    return VectorizedGridSearchCV(estimator, space, cv=2, keep_best=2, **settings).fit(X, y)


@pytest.mark.parametrize("kind", [np.asarray, csr_matrix, csr_array])
def test_labels_come_as_the_best_estimators_do(kind):
    X, y = data("multilabel")
    search = searched(classifier(), X, kind(y))
    found, like = search.ensemble_.predict(X), search.best_estimator_.predict(X)
    assert type(found) is type(like)
    assert found.dtype == like.dtype
    dense = found.toarray() if hasattr(found, "toarray") else found
    assert_array_equal(dense, search.ensemble_.predict_proba(X) > 0.5)


@pytest.mark.parametrize("kind", ["classes", "regression"])
def test_names_numbers_and_tags_are_the_members(kind):
    X, y = data(kind)
    estimator = regressor() if kind == "regression" else classifier()
    frame = pd.DataFrame(X, columns=[f"column {k}" for k in range(X.shape[1])])
    ensemble = searched(estimator, frame, y).ensemble_
    assert ensemble.n_features_in_ == X.shape[1]
    assert ensemble.feature_names_in_.tolist() == list(frame)
    assert not hasattr(searched(estimator, X, y).ensemble_, "feature_names_in_")
    found, expected = get_tags(ensemble), get_tags(estimator)
    assert found.estimator_type == expected.estimator_type
    for name in ("input_tags", "target_tags", "classifier_tags", "regressor_tags"):
        assert getattr(found, name) == getattr(expected, name)


@pytest.mark.parametrize("in_pipeline", [False, True])
def test_fit_takes_weights_and_leaves_its_parameter(in_pipeline):
    X, y = data("classes")
    weights = 1.0 + np.arange(len(y)) % 3
    members = [classifier(alpha=alpha) for alpha in (0.01, 1.0)]
    if in_pipeline:
        members = [make_pipeline(StandardScaler(), one) for one in members]
    ensemble = ClassifierEnsemble(members)
    given = list(ensemble.estimators)
    ensemble.fit(X, y, sample_weight=weights)
    assert ensemble.estimators is members
    assert all(one is other for one, other in zip(members, given, strict=True))
    assert not any(hasattr(one, "classes_") for one in members)
    name = "deepmlpclassifier__sample_weight" if in_pipeline else "sample_weight"
    alone = [clone(one).fit(X, y, **{name: weights}).predict_proba(X) for one in members]
    assert_array_equal(ensemble.predict_proba(X), np.mean(alone, axis=0))
    again = clone(ensemble)
    with pytest.raises(NotFittedError):
        check_is_fitted(again)
    assert_array_equal(again.fit(X, y, weights).predict(X), ensemble.predict(X))


def test_it_is_cross_validated_as_it_is():
    X, y = data("classes")
    ensemble = searched(classifier(), X, y).ensemble_
    scores = cross_val_score(ensemble, X, y, cv=3, error_score="raise")
    assert np.isfinite(scores).all()
    assert_array_equal(ensemble.predict(X), searched(classifier(), X, y).ensemble_.predict(X))
