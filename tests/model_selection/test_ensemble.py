"""The ensemble of the best candidates: the mean of what each, fitted alone, predicts."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from searches import RATES, assert_same_results, classifier, data, fit_and_read_warnings, regressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep.model_selection import VectorizedGridSearchCV, VectorizedRandomizedSearchCV

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
