"""Halving whose stacks go on: what training anew at each rung gives, with no epoch twice."""

import pytest
from numpy.testing import assert_allclose
from scipy.stats import loguniform
from searches import RATES, assert_same_results, classifier, data
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import HalvingRandomSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skdeep._engine.training as training_module
from skdeep.model_selection import VectorizedHalvingRandomSearchCV

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_halving_with_candidates_of_different_widths():
    X, y = data("classes")
    space = {**RATES, "hidden_layer_sizes": [(2, 3), (5, 4), (8, 8)]}
    arguments = {"cv": 2, "random_state": 0, "max_resources": 9}
    estimator = classifier(batch_norm=True)
    found = VectorizedHalvingRandomSearchCV(estimator, space, **arguments).fit(X, y)
    expected = HalvingRandomSearchCV(estimator, space, resource="max_iter", **arguments).fit(X, y)
    assert_same_results(found.cv_results_, expected.cv_results_)


@pytest.mark.parametrize("arguments", [{}, {"aggressive_elimination": True}, {"factor": 2}])
def test_halving_gives_what_training_anew_at_each_rung_gives(arguments):
    X, y = data("classes")
    estimator = make_pipeline(StandardScaler(), classifier(dropout=0.1))
    space = {f"deepmlpclassifier__{name}": values for name, values in RATES.items()}
    common = {"max_resources": 9, "n_candidates": 8, "random_state": 0, "cv": 3, **arguments}
    ours = VectorizedHalvingRandomSearchCV(estimator, space, **common).fit(X, y)
    theirs = HalvingRandomSearchCV(
        estimator, space, resource="deepmlpclassifier__max_iter", **common
    ).fit(X, y)
    assert_same_results(ours.cv_results_, theirs.cv_results_)
    for name in ("n_resources_", "n_candidates_", "n_iterations_", "best_params_", "best_index_"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert_allclose(ours.best_score_, theirs.best_score_, atol=1e-6)


def test_halving_trains_a_schedule_with_an_end_anew():
    X, y = data("classes")
    space = {**RATES, "learning_rate": ["constant", "cosine"]}
    common = {"max_resources": 9, "n_candidates": 8, "random_state": 0, "cv": 3}
    ours = VectorizedHalvingRandomSearchCV(classifier(), space, **common).fit(X, y)
    theirs = HalvingRandomSearchCV(classifier(), space, resource="max_iter", **common).fit(X, y)
    assert_same_results(ours.cv_results_, theirs.cv_results_)


def test_halving_with_early_stopping_and_two_groups():
    X, y = data("classes")
    estimator = classifier(early_stopping=True, validation_fraction=0.2, n_iter_no_change=2)
    space = {**RATES, "hidden_layer_sizes": [(4,), (6,)], "solver": ["adam", "lbfgs"]}
    common = {"max_resources": 18, "n_candidates": 9, "random_state": 0, "cv": 3, "n_jobs": 2}
    ours = VectorizedHalvingRandomSearchCV(estimator, space, **common).fit(X, y)
    theirs = HalvingRandomSearchCV(estimator, space, resource="max_iter", **common).fit(X, y)
    assert_same_results(ours.cv_results_, theirs.cv_results_)


def test_halving_with_early_stopping_watches_the_survivors():
    X, y = data("classes")
    estimator = classifier(early_stopping=True, validation_fraction=0.2, n_iter_no_change=2)
    common = {"max_resources": 27, "min_resources": 3, "n_candidates": 9, "cv": 3}
    common |= {"random_state": 2}
    ours = VectorizedHalvingRandomSearchCV(estimator, RATES, **common).fit(X, y)
    theirs = HalvingRandomSearchCV(estimator, RATES, resource="max_iter", **common).fit(X, y)
    assert_same_results(ours.cv_results_, theirs.cv_results_)


@pytest.mark.parametrize("n_candidates", [6, 20])
def test_halving_keeps_candidates_that_stopped_on_a_plateau_as_they_stopped(n_candidates):
    X, y = data("classes")
    estimator = classifier(n_iter_no_change=1, solver="sgd")
    space = {**RATES, "tol": [1e-4, 0.05, 0.2, 1.0]}
    common = {"max_resources": 27, "min_resources": 3, "n_candidates": n_candidates, "cv": 3}
    common |= {"random_state": 0, "scoring": "neg_log_loss"}
    ours = VectorizedHalvingRandomSearchCV(estimator, space, **common).fit(X, y)
    theirs = HalvingRandomSearchCV(estimator, space, resource="max_iter", **common).fit(X, y)
    assert_same_results(ours.cv_results_, theirs.cv_results_)


def test_halving_trains_no_epoch_twice(monkeypatch):
    trained = []
    run = training_module.Epochs.run
    monkeypatch.setattr(
        training_module.Epochs,
        "run",
        lambda self, rate: trained.append(self._state.theta.shape[0]) or run(self, rate),
    )
    X, y = data("classes")
    search = VectorizedHalvingRandomSearchCV(
        classifier(tol=0), RATES, max_resources=9, n_candidates=9, cv=2, refit=False, random_state=0
    )
    search.fit(X, y)
    # 9 candidates for 1 epoch, 3 go on to 3, 1 goes on to 9.
    assert sum(trained) == 2 * (9 * 1 + 3 * 2 + 1 * 6)


def test_halving_needs_epochs_to_count():
    from sklearn.naive_bayes import GaussianNB

    X, y = data("classes")
    search = VectorizedHalvingRandomSearchCV(GaussianNB(), {"var_smoothing": loguniform(1e-9, 1)})
    with pytest.raises(ValueError, match="GaussianNB has no parameter max_iter"):
        search.fit(X, y)


def test_halving_keeps_its_stacks_across_processes():
    X, y = data("classes")
    search = VectorizedHalvingRandomSearchCV(
        classifier(), RATES, max_resources=9, n_candidates=6, cv=2, n_jobs=2, random_state=0
    )
    processes = search.fit(X, y).cv_results_
    alone = search.set_params(n_jobs=1).fit(X, y).cv_results_
    assert_same_results(processes, alone)


def test_each_split_of_a_halving_has_a_pipeline_of_its_own():
    X, y = data("classes")
    seen = {}

    def mean_of_scaler(estimator, X, y):
        seen.setdefault(X.tobytes(), set()).add(tuple(estimator[0].mean_))
        return estimator.score(X, y)

    pipeline = make_pipeline(StandardScaler(), classifier())
    space = {"deepmlpclassifier__alpha": loguniform(1e-3, 1)}
    VectorizedHalvingRandomSearchCV(
        pipeline, space, n_candidates=3, max_resources=3, cv=3, scoring=mean_of_scaler
    ).fit(X, y)
    # Train and test rows of three splits, each always with the scaler of its split.
    assert all(len(means) == 1 for means in seen.values())
    assert len(set.union(*seen.values())) == 3


def test_halving_keeps_the_best_of_the_last_rungs():
    X, y = data("classes")
    search = VectorizedHalvingRandomSearchCV(
        classifier(), RATES, n_candidates=9, max_resources=9, cv=2, keep_best=4, random_state=0
    ).fit(X, y)
    epochs = [estimator.max_iter for estimator in search.ensemble_.estimators]
    assert epochs == [9, 3, 3, 1]
    alphas = {estimator.alpha for estimator in search.ensemble_.estimators}
    assert len(alphas) == 4


def test_survivors_of_early_stopping_are_watched_in_their_new_places():
    X, y = data("classes")
    space = {**RATES, "solver": ["adam", "sgd"]}
    estimator = classifier(early_stopping=True, max_iter=9)
    common = {"random_state": 0, "cv": 2}
    ours = VectorizedHalvingRandomSearchCV(estimator, space, **common).fit(X, y)
    theirs = HalvingRandomSearchCV(
        estimator, space, resource="max_iter", max_resources=9, **common
    ).fit(X, y)
    assert ours.stacked_["n_alone"] == 0
    assert_same_results(ours.cv_results_, theirs.cv_results_)
