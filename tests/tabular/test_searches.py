"""In the hands of others: searches of both libraries, pipelines, stacks, calibration."""

import warnings
from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import BaggingRegressor, StackingClassifier, VotingRegressor
from sklearn.exceptions import FitFailedWarning
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
    FORMS,
    MAY_MAKE_NO_PROGRESS,
    TARGETS,
    N,
    ctrl_c_is_heard,
    numbers,
    plain,
    predictions,
    small,
    target_for,
)

from skdeep import TabularMLPClassifier, TabularMLPRegressor
from skdeep.estimators._callbacks import HAS_CALLBACKS
from skdeep.model_selection import (
    VectorizedGridSearchCV,
    VectorizedHalvingRandomSearchCV,
    VectorizedRandomizedSearchCV,
    log_uniform,
    suggested_space,
)
from skdeep.tabular._stack import TableStack

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


def test_halving_needs_a_number_of_epochs():
    search = VectorizedHalvingRandomSearchCV(
        small(TabularMLPClassifier, max_iter="auto"), {"learning_rate_init": [0.05, 0.1]}
    )
    with pytest.raises(ValueError, match=r"max_resources='auto' is .* max_iter='auto' is none"):
        search.fit(X, TARGETS["two classes"])


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


# ------------------------------------------------------------- candidates trained in one stack


class Searches:
    """A search of ours and scikit-learn's, of the same candidates on the same folds."""

    def __init__(self, estimator, space, **settings):
        self.settings = {"n_iter": 6, "cv": FOLDS, "random_state": 0} | settings
        self.ours = VectorizedRandomizedSearchCV(estimator, space, **self.settings)
        self.theirs = RandomizedSearchCV(estimator, space, **self.settings)

    def fit(self, X, y, **fit_params):
        self.ours.fit(X, y, **fit_params)
        self.theirs.fit(X, y, **fit_params)
        return self

    def assert_equal(self, X):
        for name, found in self.ours.cv_results_.items():
            if name.endswith("_score"):
                assert_allclose(found, self.theirs.cv_results_[name], rtol=1e-4, err_msg=name)
        assert self.ours.best_params_ == self.theirs.best_params_
        best = [search.best_estimator_ for search in (self.ours, self.theirs)]
        assert_array_equal(*(predictions(one, X) for one in best))


RATES = {"learning_rate_init": log_uniform(0.01, 0.2), "weight_decay": log_uniform(1e-3, 1.0)}


def log_loss_or_error(Estimator):
    return "neg_log_loss" if Estimator is TabularMLPClassifier else "neg_mean_squared_error"


@BOTH
@pytest.mark.parametrize("refit", [True, False])
@pytest.mark.parametrize("n_members", [1, 2])
def test_candidates_trained_together_are_as_each_alone(Estimator, n_members, refit):
    """Those that end with an earlier arch, and have best epochs of their own, included."""
    model = small(Estimator, n_members=n_members, refit=refit, max_iter=15, dtype="float64")
    scoring = log_loss_or_error(Estimator)
    searches = Searches(model, RATES, scoring=scoring).fit(X, target_for(Estimator))
    searches.assert_equal(X)
    assert searches.ours.stacked_["n_stacked"] == 18
    assert searches.ours.stacked_["n_alone"] == 0


@pytest.mark.parametrize("name", TARGETS)
def test_all_kinds_of_targets_are_searched_together(name):
    if name in ("two classes", "three classes", "labels"):
        model = small(TabularMLPClassifier, dtype="float64")
        space, scoring = RATES | {"label_smoothing": [0.0, 0.1, 0.3]}, "accuracy"
    else:
        loss = {"counts": "poisson", "amounts": "gamma"}.get(name, "squared_error")
        model = small(TabularMLPRegressor, loss=loss, dtype="float64")
        space, scoring = RATES, "neg_mean_squared_error"
    y = TARGETS[name]
    weights = 1.0 + np.arange(N) % 3
    searches = Searches(model, space, scoring=scoring).fit(X, y, sample_weight=weights)
    searches.assert_equal(X)
    assert searches.ours.stacked_["n_alone"] == 0


@BOTH
def test_in_a_stack_all_comes_to_what_it_comes_to_alone(Estimator):
    y = target_for(Estimator)
    models = [small(Estimator, learning_rate_init=rate, max_iter=15) for rate in (0.02, 0.1, 0.3)]
    stack = TableStack(models, X, y)
    stack.train()
    for number, model in enumerate(models):
        found, expected = stack.end_of(number), clone(model).fit(X, y)
        assert vars(found).keys() == vars(expected).keys()
        assert_allclose(predictions(found, X), predictions(expected, X), rtol=1e-3, atol=1e-4)
        assert found.best_epoch_ == expected.best_epoch_
        for name in ("loss_curve_", "validation_scores_", "validation_loss_curve_"):
            for one, other in zip(getattr(found, name), getattr(expected, name), strict=True):
                assert_allclose(one, other, rtol=1e-3, atol=1e-4, err_msg=name)
        assert not hasattr(model, "n_iter_")


@BOTH
@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
def test_one_that_diverges_fails_alone(Estimator):
    y = target_for(Estimator)
    space = {"learning_rate_init": [0.05, 1e30, 0.1]}
    with pytest.warns(FitFailedWarning, match="1 fits failed out of a total of 3"):
        search = VectorizedGridSearchCV(
            small(Estimator), space, cv=[(np.arange(N), np.arange(N))]
        ).fit(X, y)
    assert search.stacked_["n_alone"] == 0
    assert np.isnan(search.cv_results_["mean_test_score"]).tolist() == [False, True, False]


@BOTH
def test_frames_pipelines_and_an_ensemble_of_the_best(Estimator):
    y = target_for(Estimator)
    pipeline = make_pipeline(FunctionTransformer(), small(Estimator))
    name = f"{Estimator.__name__.lower()}__learning_rate_init"
    search = VectorizedRandomizedSearchCV(
        pipeline, {name: [0.02, 0.05, 0.1]}, n_iter=3, cv=2, random_state=0, keep_best=2
    ).fit(X, y)
    assert search.stacked_["n_alone"] == 0
    members = [one.fit(X, y) for one in map(clone, search.ensemble_.estimators)]
    mean = np.mean([predictions(one, X) for one in members], axis=0)
    assert_allclose(predictions(search.ensemble_, X), mean, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("form", ["polars", "arrow", "categories"])
def test_any_frame_is_searched_together(form):
    y = TARGETS["two classes"]
    frame = FORMS[form]()
    searches = Searches(small(TabularMLPClassifier, dtype="float64"), RATES, n_iter=3).fit(frame, y)
    searches.assert_equal(frame)
    assert searches.ours.stacked_["n_alone"] == 0


@BOTH
def test_what_is_not_a_number_of_training_parts_candidates(Estimator):
    space = {"n_bins": [3, (3, 5)], "learning_rate_init": [0.05, 0.1], "verbose": [False]}
    search = VectorizedGridSearchCV(small(Estimator), space, cv=2).fit(X, target_for(Estimator))
    assert search.stacked_["n_stacked"] == 8
    assert search.stacked_["n_alone"] == 0


def test_why_some_are_fitted_alone():
    y = TARGETS["two classes"]

    class Own(TabularMLPClassifier):
        def fit(self, X, y):
            return super().fit(X, y)

    for model, reason in (
        (small(Own), "Own has a fit of its own"),
        (small(TabularMLPClassifier, verbose=True), "with verbose each prints its own epochs"),
        (small(TabularMLPClassifier, n_bins=(0, 1)), "its parameters are not what they have to be"),
    ):
        search = VectorizedGridSearchCV(
            model, {"learning_rate_init": [0.05, 0.1]}, cv=2, error_score=0.0
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                search.fit(X, y)
            except ValueError:
                assert "n_bins" in reason or "parameters" in reason
                continue
        assert search.stacked_["reasons"] == {reason: 4}


@pytest.mark.skipif(not HAS_CALLBACKS, reason="this scikit-learn has no callbacks")
def test_callbacks_of_a_search_hear_of_its_epochs_one_by_one():
    from sklearn.callback import ProgressBar

    search = VectorizedGridSearchCV(
        small(TabularMLPClassifier), {"learning_rate_init": [0.05, 0.1]}, cv=2
    )
    search.set_callbacks(ProgressBar(max_propagation_depth=None))
    search.fit(X, TARGETS["two classes"])
    assert search.stacked_["reasons"] == {"callbacks hear of its epochs one by one": 4}


def test_a_bad_table_is_reported_as_alone():
    bad = X.assign(size=np.inf)
    search = VectorizedGridSearchCV(
        small(TabularMLPClassifier), {"learning_rate_init": [0.05, 0.1]}, cv=2
    )
    with pytest.raises(ValueError, match="size"):
        search.fit(bad, TARGETS["two classes"])


@BOTH
@pytest.mark.parametrize("n_jobs", [2])
def test_stacks_in_processes(Estimator, n_jobs):
    model = small(Estimator, dtype="float64")
    searches = Searches(model, RATES, n_jobs=n_jobs, scoring=log_loss_or_error(Estimator))
    searches.fit(X, target_for(Estimator)).assert_equal(X)


def test_ctrl_c_in_a_stack_ends_the_search(monkeypatch):
    """While the calling thread waits for the other one, which trains on."""
    import signal
    import threading
    import time

    from skdeep._fit.watch import Watch

    record, main = Watch.record, threading.main_thread()
    pressed = threading.Event()

    def slow(self, loss, on_dev):
        if threading.current_thread() is not main:
            # The main thread is done long before, and waits.
            time.sleep(0.1)
            if not pressed.is_set():
                pressed.set()
                press = partial(signal.pthread_kill, main.ident, signal.SIGINT)
                threading.Timer(0.3, press).start()
        record(self, loss, on_dev)

    monkeypatch.setattr(Watch, "record", slow)
    models = [
        small(TabularMLPClassifier, n_bins=(3, 5), n_jobs=2, learning_rate_init=rate, max_iter=30)
        for rate in (0.05, 0.1)
    ]
    stack = TableStack(models, X, TARGETS["two classes"])
    with ctrl_c_is_heard(), pytest.raises(KeyboardInterrupt):
        stack.train()


def test_members_of_a_group_are_evaluated_once(monkeypatch):
    from skdeep._fit.dev import DevPart

    calls, whole = [], DevPart.evaluate

    def counted(self, *args):
        calls.append(1)
        return whole(self, *args)

    monkeypatch.setattr(DevPart, "evaluate", counted)
    models = [
        small(TabularMLPClassifier, n_bins=3, n_members=8, learning_rate_init=rate, refit=False)
        for rate in (0.05, 0.1)
    ]
    stack = TableStack(models, X, TARGETS["two classes"])
    stack.train()
    epochs = [len(stack.end_of(number).loss_curve_[0]) for number in range(2)]
    assert len(calls) == sum(epochs)
