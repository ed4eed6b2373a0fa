"""Searches over pipelines of imbalanced-learn: samplers change the rows of each fold's fit."""

import numpy as np
import pytest
from searches import assert_same_results, classifier, search_both
from sklearn.datasets import make_classification
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import StandardScaler

from skdeep.estimators._callbacks import HAS_CALLBACKS
from skdeep.model_selection import VectorizedGridSearchCV, VectorizedHalvingRandomSearchCV

pytest.importorskip("imblearn")

from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.pipeline import Pipeline, make_pipeline
from imblearn.under_sampling import RandomUnderSampler

pytestmark = [
    pytest.mark.tools,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

X, y = make_classification(200, 6, weights=[0.85], random_state=0)
SPACE = {"deepmlpclassifier__alpha": [0.01, 0.1, 1.0]}
PIPELINES = {
    "smaller": make_pipeline(StandardScaler(), RandomUnderSampler(random_state=0), classifier()),
    "larger": make_pipeline(RandomOverSampler(random_state=0), StandardScaler(), classifier()),
    "new rows": make_pipeline(StandardScaler(), SMOTE(random_state=0), classifier()),
    "no sampler": make_pipeline(StandardScaler(), classifier()),
    "nothing before": make_pipeline(classifier()),
    "passthrough": make_pipeline("passthrough", SMOTE(random_state=0), classifier()),
}


@pytest.mark.parametrize("scoring", [None, "balanced_accuracy", "callable"])
@pytest.mark.parametrize("name", PIPELINES)
def test_candidates_share_stacks_with_the_results_of_single_fits(name, scoring):
    if scoring == "callable":

        def scoring(pipeline, X, y):
            return len(pipeline.steps) + pipeline.score(X, y)

    ours, theirs = search_both(
        VectorizedGridSearchCV,
        GridSearchCV,
        *(PIPELINES[name], SPACE, X, y),
        cv=3,
        scoring=scoring,
        return_train_score=True,
    )
    assert_same_results(ours.cv_results_, theirs.cv_results_)
    assert ours.stacked_ == {"n_stacked": 9, "n_alone": 0, "reasons": {}}
    np.testing.assert_allclose(
        ours.best_estimator_.predict_proba(X), theirs.best_estimator_.predict_proba(X), atol=1e-6
    )


def test_a_samplers_parameters_are_searched_too():
    space = {"randomundersampler__sampling_strategy": [0.5, 1.0], **SPACE}
    ours, theirs = search_both(
        VectorizedGridSearchCV, GridSearchCV, PIPELINES["smaller"], space, X, y, cv=3
    )
    assert_same_results(ours.cv_results_, theirs.cv_results_)
    assert ours.stacked_["n_stacked"] == 18


def test_the_ensemble_is_fitted_on_resampled_rows():
    search = VectorizedGridSearchCV(PIPELINES["smaller"], SPACE, cv=3, keep_best=2).fit(X, y)
    for member, parameters in zip(
        search.ensemble_.estimators_,
        np.array(search.cv_results_["params"])[np.argsort(search.cv_results_["rank_test_score"])],
        strict=False,
    ):
        assert isinstance(member, Pipeline)
        alone = PIPELINES["smaller"].set_params(**parameters).fit(X, y)
        np.testing.assert_allclose(member.predict_proba(X), alone.predict_proba(X), atol=1e-6)


def test_rungs_go_on_with_their_rows():
    search = VectorizedHalvingRandomSearchCV(
        PIPELINES["new rows"], SPACE, n_candidates=3, max_resources=6, min_resources=2,
        cv=2, random_state=0,
    ).fit(X, y)  # fmt: skip
    assert search.stacked_["n_alone"] == 0
    found = search.best_score_
    alone = GridSearchCV(
        PIPELINES["new rows"], {name: [value] for name, value in search.best_params_.items()}, cv=2
    ).fit(X, y)
    assert found == pytest.approx(alone.best_score_)


def test_what_is_fitted_alone_says_so():
    weights = {"deepmlpclassifier__sample_weight": np.ones(len(y))}
    search = VectorizedGridSearchCV(PIPELINES["no sampler"], SPACE, cv=2).fit(X, y, **weights)
    assert search.stacked_["reasons"] == {
        "fit has arguments, and its pipeline may have samplers": 6
    }


@pytest.mark.skipif(not HAS_CALLBACKS, reason="this scikit-learn has no callbacks")
def test_with_callbacks_they_are_fitted_alone():
    from sklearn.callback import ScoringMonitor

    monitor = ScoringMonitor(scoring="accuracy")
    search = VectorizedGridSearchCV(PIPELINES["smaller"], SPACE, cv=2).set_callbacks(monitor)
    assert list(search.fit(X, y).stacked_["reasons"].values()) == [6]
