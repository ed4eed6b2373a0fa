"""Stacks on folds: one per group, within its memory, and undisturbed by what fails beside it."""

import os
import threading
import tracemalloc

import numpy as np
import pytest
from joblib import parallel_config
from joblib.externals.loky.process_executor import TerminatedWorkerError
from numpy.testing import assert_array_equal
from searches import (
    RATES,
    assert_same_results,
    classifier,
    data,
    fit_and_read_warnings,
    search_both,
)
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skdeep._engine.training as training_module
from skdeep import DeepMLPClassifier
from skdeep.model_selection import VectorizedGridSearchCV, VectorizedRandomizedSearchCV

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("before", [(StandardScaler(),), ()])
def test_a_scorer_that_looks_into_the_pipeline_gets_one(before):
    X, y = data("classes")

    def n_steps_and_score(estimator, X, y):
        return len(estimator.steps) + estimator.score(X, y)

    pipeline = make_pipeline(*before, classifier())
    space = {"deepmlpclassifier__alpha": [0.1, 1.0]}
    ours, theirs = search_both(
        VectorizedGridSearchCV, GridSearchCV, pipeline, space, X, y, scoring=n_steps_and_score
    )
    assert_same_results(ours.cv_results_, theirs.cv_results_)


def test_the_ensemble_of_a_pipeline_of_one_step_has_pipelines():
    X, y = data("classes")
    space = {"deepmlpclassifier__alpha": [0.1, 1.0]}
    search = VectorizedGridSearchCV(make_pipeline(classifier()), space, cv=2, keep_best=2)
    members = search.fit(X, y).ensemble_.estimators_
    assert [list(one.named_steps) for one in members] == [["deepmlpclassifier"]] * 2


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_candidates_of_a_group_train_as_one(monkeypatch, n_jobs):
    """One forward pass per step for all of them, on θ of two axes; only the refit is alone."""
    shapes, alone = [], []
    run = training_module.Epochs.run

    def counted(self, rate):
        shapes.append(self._state.theta.shape)
        return run(self, rate)

    monkeypatch.setattr(training_module.Epochs, "run", counted)
    fit = DeepMLPClassifier._fit
    monkeypatch.setattr(
        DeepMLPClassifier, "_fit", lambda self, *a, **k: alone.append(1) or fit(self, *a, **k)
    )
    X, y = data("classes")
    search = VectorizedRandomizedSearchCV(
        classifier(), RATES, n_iter=7, cv=2, random_state=0, n_jobs=n_jobs
    )
    with parallel_config("threading", n_jobs=n_jobs):  # where the instruments are
        search.fit(X, y)
    n_parameters = search.best_estimator_._state.theta.shape[-1]
    stacks = [shape for shape in shapes if len(shape) == 2]
    assert sum(shape[0] for shape in stacks) == 7 * 2 * 6
    assert all(shape[1] == n_parameters for shape in stacks)
    assert len(stacks) == 2 * 6
    assert len(alone) == 1


def test_candidates_of_different_widths_train_as_one(monkeypatch):
    shapes = []
    run = training_module.Epochs.run

    def counted(self, rate):
        shapes.append(self._state.theta.shape)
        return run(self, rate)

    monkeypatch.setattr(training_module.Epochs, "run", counted)
    X, y = data("classes")
    space = {"hidden_layer_sizes": [(2,), (5,), (6,), (8,)]}
    VectorizedGridSearchCV(classifier(), space, cv=2, refit=False).fit(X, y)
    as_wide_as_the_widest = 4 * 8 + 8 + 8 * 3 + 3
    assert shapes == [(4, as_wide_as_the_widest)] * 2 * 6


def test_a_diverging_candidate_costs_the_others_nothing():
    X, y = data("classes")
    space = {"learning_rate_init": [0.01, 1e200, 0.1]}
    search = VectorizedGridSearchCV(classifier(solver="sgd"), space, cv=3, error_score=-1.0)
    assert "non-finite parameter weights" in fit_and_read_warnings(search, X, y)
    scores = search.cv_results_["mean_test_score"]
    assert scores[1] == -1
    alone = VectorizedGridSearchCV(
        classifier(solver="sgd"), {"learning_rate_init": [0.01, 0.1]}, cv=3
    ).fit(X, y)
    assert_array_equal(scores[[0, 2]], alone.cv_results_["mean_test_score"])


def test_error_score_raise_raises_what_the_candidate_raised():
    X, y = data("classes")
    space = {"learning_rate_init": [0.01, 1e200]}
    search = VectorizedGridSearchCV(classifier(solver="sgd"), space, error_score="raise")
    with pytest.raises(ValueError, match="non-finite parameter weights"):
        search.fit(X, y)


def test_an_invalid_candidate_costs_the_others_nothing():
    X, y = data("classes")
    search = VectorizedGridSearchCV(classifier(), {"alpha": [0.1, -1.0]}, cv=3)
    assert "'alpha' parameter" in fit_and_read_warnings(search, X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).tolist() == [True, False]


def test_layers_that_do_not_go_with_activations_cost_the_others_nothing():
    X, y = data("classes")
    space = {"hidden_layer_sizes": [(3, 4), (5,), [6, 6]]}
    search = VectorizedGridSearchCV(classifier(activation=("relu", "tanh")), space, cv=2)
    assert "one per hidden layer" in fit_and_read_warnings(search, X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).tolist() == [True, False, True]


def test_a_schedule_that_raises_costs_the_others_nothing():
    def broken(epoch):
        if epoch == 2:
            raise RuntimeError("out of steps")
        return 1.0

    X, y = data("classes")
    search = VectorizedGridSearchCV(classifier(), {"learning_rate": ["constant", broken]}, cv=3)
    assert "out of steps" in fit_and_read_warnings(search, X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).tolist() == [True, False]


def test_a_scorer_that_raises_is_reported():
    X, y = data("classes")

    def picky(estimator, X, y):
        if estimator.alpha > 0.5:
            raise ValueError("too smooth")
        return estimator.score(X, y)

    search = VectorizedGridSearchCV(classifier(), {"alpha": [0.1, 1.0]}, cv=3, scoring=picky)
    assert "too smooth" in fit_and_read_warnings(search, X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).tolist() == [True, False]
    with pytest.raises(ValueError, match="too smooth"):
        search.set_params(error_score="raise").fit(X, y)


def peak_bytes(function):
    tracemalloc.start()
    function()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize("return_train_score", [False, True])
def test_memory_stays_within_the_budget_whatever_the_number_of_candidates(return_train_score):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(3000, 20)), rng.integers(5, size=3000)
    estimator = classifier(hidden_layer_sizes=(64, 64), batch_size=128, max_iter=1)
    budget = 6_000_000
    for n_candidates in (20, 80):
        search = VectorizedRandomizedSearchCV(
            estimator,
            RATES,
            n_iter=n_candidates,
            cv=2,
            refit=False,
            return_train_score=return_train_score,
            max_stack_bytes=budget,
            random_state=0,
        )
        # X is cut into a train and a test part, and the batches of the train part are permuted.
        assert peak_bytes(lambda: search.fit(X, y)) < budget + 3 * X.nbytes  # noqa: B023


def test_any_backend_of_joblib_gives_the_same():
    X, y = data("classes")
    search = VectorizedRandomizedSearchCV(
        make_pipeline(StandardScaler(), classifier()),
        {f"deepmlpclassifier__{name}": space for name, space in RATES.items()},
        n_iter=4,
        cv=3,
        n_jobs=2,
        random_state=0,
    )
    processes = search.fit(X, y).cv_results_
    with parallel_config(backend="threading", n_jobs=2):
        threads = search.fit(X, y).cv_results_
    assert_same_results(processes, threads)


def die(estimator, X, y):
    os._exit(1)


def test_a_worker_that_dies_is_reported():
    X, y = data("classes")
    search = VectorizedGridSearchCV(classifier(), {"alpha": [0.1, 1.0]}, scoring=die, n_jobs=2)
    with parallel_config(backend="loky", n_jobs=2), pytest.raises(TerminatedWorkerError):
        search.fit(X, y)
    # The next search gets new workers.
    with parallel_config(backend="loky", n_jobs=2):
        search.set_params(scoring=None).fit(X, y)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_interrupt_ends_the_search(n_jobs):
    def interrupted(epoch):
        raise KeyboardInterrupt

    X, y = data("classes")
    space = {"learning_rate": ["constant", interrupted]}
    search = VectorizedGridSearchCV(classifier(), space, cv=3, n_jobs=n_jobs)
    threads = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, y)
    assert not hasattr(search, "cv_results_")
    assert threading.active_count() <= threads + n_jobs
    # BLAS has its threads back, and the search works again.
    search.set_params(param_grid={"alpha": [0.1]}).fit(X, y)


def test_a_test_fold_that_cannot_be_predicted_costs_its_score_only():
    X, y = data("classes")
    X = X.copy()
    X[0, 0] = np.nan
    test = np.arange(10)
    cv = [(np.arange(10, 150), test), (np.arange(20, 150), np.arange(10, 20))]
    ours, theirs = search_both(
        VectorizedGridSearchCV, GridSearchCV, classifier(), {"alpha": [0.1, 1.0]}, X, y, cv=cv,
        refit=False,
    )  # fmt: skip
    assert_same_results(ours.cv_results_, theirs.cv_results_)
    assert np.isnan(ours.cv_results_["split0_test_score"]).all()
    assert np.isfinite(ours.cv_results_["split1_test_score"]).all()


def test_a_scorer_that_spoils_its_rows_spoils_no_others():
    X, y = data("classes")

    def rude(estimator, X, y):
        score = estimator.score(X, y)
        X[:] = 0
        return score

    ours, theirs = search_both(
        VectorizedGridSearchCV, GridSearchCV, classifier(), {"alpha": [0.1, 1.0]}, X, y, cv=3,
        scoring=rude,
    )  # fmt: skip
    assert_same_results(ours.cv_results_, theirs.cv_results_)


def test_a_backend_without_generators():
    X, y = data("classes")
    search = VectorizedGridSearchCV(classifier(), {"alpha": [0.1, 1.0]}, cv=2)
    expected = search.fit(X, y).cv_results_
    with parallel_config(backend="multiprocessing", n_jobs=2):
        found = search.set_params(n_jobs=2).fit(X, y).cv_results_
    assert_same_results(found, expected)
