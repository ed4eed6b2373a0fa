"""In the hands of others: searches of both libraries, pipelines, stacks, calibration."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import BaggingRegressor, StackingClassifier, VotingRegressor
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    RandomizedSearchCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from tabular.tables import (
    BOTH,
    MAY_MAKE_NO_PROGRESS,
    TARGETS,
    N,
    numbers,
    plain,
    predictions,
    small,
    target_for,
)

from skdeep import TabularMLPClassifier, TabularMLPRegressor
from skdeep.model_selection import (
    VectorizedHalvingRandomSearchCV,
    VectorizedRandomizedSearchCV,
    log_uniform,
    suggested_space,
)

pytestmark = MAY_MAKE_NO_PROGRESS
X = plain()
FOLDS = KFold(3, shuffle=True, random_state=0)


@BOTH
def test_a_vectorized_search_finds_what_scikit_learns_does(Estimator):
    y = target_for(Estimator)
    space = {"learning_rate_init": [0.01, 0.03, 0.1], "n_bins": [3, (3, 5)], "weight_decay": [0.02]}
    settings = {"n_iter": 4, "cv": FOLDS, "random_state": 0}
    ours = VectorizedRandomizedSearchCV(small(Estimator), space, **settings).fit(X, y)
    theirs = RandomizedSearchCV(small(Estimator), space, **settings).fit(X, y)
    assert_allclose(ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"])
    assert ours.best_params_ == theirs.best_params_
    assert_array_equal(predictions(ours.best_estimator_, X), predictions(theirs.best_estimator_, X))


@BOTH
def test_in_a_pipeline_and_a_vectorized_search(Estimator):
    y = target_for(Estimator)
    pipeline = make_pipeline(FunctionTransformer(), small(Estimator))
    name = f"{Estimator.__name__.lower()}__learning_rate_init"
    search = VectorizedRandomizedSearchCV(
        pipeline, {name: log_uniform(0.01, 0.3)}, n_iter=2, cv=2, random_state=0
    ).fit(X, y)
    assert search.score(X, y) > 0.3


@BOTH
def test_halving_by_epochs(Estimator):
    y = target_for(Estimator)
    search = VectorizedHalvingRandomSearchCV(
        small(Estimator),
        {"learning_rate_init": log_uniform(0.01, 0.3)},
        min_resources=3,
        max_resources=9,
        n_candidates=3,
        factor=3,
        cv=2,
        random_state=0,
    ).fit(X, y)
    assert search.best_estimator_.max_iter == 9
    assert set(search.cv_results_["n_resources"]) == {3, 9}


@BOTH
def test_the_suggested_space_can_be_searched(Estimator):
    space = suggested_space(small(Estimator))
    assert space.keys() <= Estimator().get_params().keys()
    search = VectorizedRandomizedSearchCV(
        small(Estimator).set_params(max_iter=1), space, n_iter=2, cv=2, random_state=0
    )
    assert np.isfinite(search.fit(X, target_for(Estimator)).cv_results_["mean_test_score"]).all()


@BOTH
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_grid_in_processes(Estimator, n_jobs):
    y = target_for(Estimator)
    search = GridSearchCV(small(Estimator), {"n_members": [1, 2]}, cv=2, n_jobs=n_jobs).fit(X, y)
    expected = [cross_val_score(small(Estimator, n_members=k), X, y, cv=2).mean() for k in (1, 2)]
    assert_allclose(search.cv_results_["mean_test_score"], expected)


def test_cross_validation():
    y = TARGETS["three classes"]
    p = cross_val_predict(small(TabularMLPClassifier), X, y, cv=3, method="predict_proba")
    assert p.shape == (N, 3)
    assert_allclose(p.sum(axis=1), 1)
    scores = cross_validate(
        small(TabularMLPClassifier),
        *(X, y),
        cv=3,
        scoring=["accuracy", "neg_log_loss", "roc_auc_ovr", "neg_brier_score"],
        params={"sample_weight": np.ones(N)},
    )
    assert np.isfinite(scores["test_neg_log_loss"]).all()
    assert (scores["test_roc_auc_ovr"] > 0.5).all()


def test_a_stack_and_a_vote():
    y = TARGETS["two classes"]
    stack = StackingClassifier(
        [
            ("networks", small(TabularMLPClassifier)),
            ("fast", small(TabularMLPClassifier, n_bins=4)),
        ],
        LogisticRegression(),
        cv=3,
    ).fit(X, y)
    assert stack.score(X, y) > 0.6
    real = TARGETS["numbers"]
    vote = VotingRegressor(
        [("a", small(TabularMLPRegressor)), ("b", small(TabularMLPRegressor, n_bins=4))]
    )
    vote.fit(X, real, sample_weight=np.ones(N))
    each = [
        small(TabularMLPRegressor).fit(X, real, np.ones(N)),
        small(TabularMLPRegressor, n_bins=4).fit(X, real, np.ones(N)),
    ]
    assert_allclose(vote.predict(X), np.mean([model.predict(X) for model in each], axis=0))
    bag = BaggingRegressor(small(TabularMLPRegressor), 2, random_state=0).fit(numbers(), real)
    assert np.isfinite(bag.predict(numbers())).all()
    mixed = make_pipeline(
        FunctionTransformer(lambda frame: frame[["size", "age"]]), small(TabularMLPRegressor)
    )
    assert (
        VotingRegressor(
            [
                ("net", mixed),
                ("line", make_pipeline(FunctionTransformer(lambda f: f[["size"]]), Ridge())),
            ]
        )
        .fit(X, real)
        .score(X, real)
        > 0.3
    )


@pytest.mark.parametrize("method", ["sigmoid", "isotonic", "temperature"])
def test_calibrated_once_more(method):
    y = TARGETS["two classes"]
    if method == "temperature":
        pytest.importorskip("sklearn", "1.8")
    model = CalibratedClassifierCV(small(TabularMLPClassifier), method=method, cv=3).fit(X, y)
    assert_allclose(model.predict_proba(X).sum(axis=1), 1)
    assert model.score(X, y) > 0.6


@BOTH
def test_permutation_importance_finds_what_tells(Estimator):
    y = target_for(Estimator)
    model = small(Estimator, max_iter=20).fit(X, y)
    found = permutation_importance(model, X, y, n_repeats=3, random_state=0).importances_mean
    assert list(X)[found.argmax()] == "size"


def test_around_other_estimators():
    y = TARGETS["three classes"]
    assert (
        OneVsRestClassifier(small(TabularMLPClassifier)).fit(numbers(), y).score(numbers(), y) > 0.4
    )
    two = TARGETS["two numbers"]
    assert (
        MultiOutputRegressor(small(TabularMLPRegressor))
        .fit(numbers(), two)
        .predict(numbers())
        .shape
        == two.shape
    )
    logs = TransformedTargetRegressor(small(TabularMLPRegressor), func=np.log, inverse_func=np.exp)
    assert (logs.fit(X, TARGETS["amounts"]).predict(X) > 0).all()


@BOTH
def test_metadata_is_routed(Estimator):
    import sklearn

    y, weights = target_for(Estimator), 1.0 + np.arange(N) % 3
    with sklearn.config_context(enable_metadata_routing=True):
        model = small(Estimator).set_fit_request(sample_weight=True)
        pipeline = make_pipeline(FunctionTransformer(), model).fit(X, y, sample_weight=weights)
    expected = clone(model).fit(X, y, weights)
    assert_array_equal(predictions(pipeline, X), predictions(expected, X))


def test_a_search_says_that_an_ensemble_is_fitted_alone():
    search = VectorizedRandomizedSearchCV(
        small(TabularMLPClassifier), {"learning_rate_init": [0.01, 0.1]}, n_iter=2, cv=2
    )
    search.fit(X, target_for(TabularMLPClassifier))
    assert search.stacked_["n_alone"] == 4
    reasons = search.stacked_["reasons"]
    assert list(reasons) == ["TabularMLPClassifier trains networks of its own together"]
