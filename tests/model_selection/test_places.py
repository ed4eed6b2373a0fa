"""Searches on a cluster, as far as that needs none: equal results, and data that are sent once."""

import os
import signal
import time

import numpy as np
import pandas as pd
import pytest
from clusters import NOTES, cluster_in_process
from joblib import parallel_config
from joblib.externals.loky.process_executor import TerminatedWorkerError
from numpy.testing import assert_array_equal
from searches import RATES, assert_same_results, classifier, data, regressor
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import load_digits
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.random_projection import GaussianRandomProjection

from skdeep import TabularMLPClassifier
from skdeep._inputs import bytes_of
from skdeep.estimators._stack import Measures, least_worthwhile
from skdeep.model_selection import (
    CoarseToFineSearchCV,
    VectorizedGridSearchCV,
    VectorizedHalvingRandomSearchCV,
    VectorizedRandomizedSearchCV,
    _clusters,
    _kept,
    _places,
)
from skdeep.model_selection._evaluation import Evaluator
from skdeep.model_selection._folds import Split

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

COMMON = {"cv": 3, "random_state": 0, "refit": False}
SEARCHES = {
    "random": lambda estimator, space: VectorizedRandomizedSearchCV(
        estimator, space, n_iter=12, **COMMON
    ),
    "grid": lambda estimator, space: VectorizedGridSearchCV(
        estimator, {name: [0.01, 0.1, 0.3] for name in space}, cv=3, refit=False
    ),
    "coarse to fine": lambda estimator, space: CoarseToFineSearchCV(
        estimator, space, n_rounds=3, n_iter=4, **COMMON
    ),
    "halving": lambda estimator, space: VectorizedHalvingRandomSearchCV(
        estimator, space, n_candidates=9, max_resources=9, **COMMON
    ),
}


def pipeline(model, *steps):
    steps = steps or (StandardScaler(),)
    made = make_pipeline(*steps, model)
    return made, {f"{made.steps[-1][0]}__{name}": space for name, space in RATES.items()}


def large():
    X, y = load_digits(return_X_y=True)
    return np.tile(X / 16, (3, 1)), np.tile(y, 3)


@pytest.mark.parametrize("kind", SEARCHES)
def test_data_are_sent_once_and_the_results_are_the_same(kind, monkeypatch):
    X, y = large()
    make = SEARCHES[kind]
    model, space = pipeline(classifier(hidden_layer_sizes=(4,), max_iter=3))
    local = make(model, space).fit(X, y)
    with cluster_in_process(monkeypatch) as log:
        there = make(model, space).fit(X, y)
    assert_same_results(there.cv_results_, local.cv_results_, atol=0)
    assert there.stacked_ == local.stacked_
    # X, y and the row numbers of three folds.
    once = X.nbytes + y.nbytes + 3 * 8 * len(y)
    assert sum(log.sent) < 1.01 * once
    # Candidates, states and outcomes; of data nothing.
    assert sum(log.tasks) + sum(log.results) < (1.2 if kind == "halving" else 0.3) * X.nbytes


def fit_arguments(model):
    X, y = data("classes" if hasattr(model, "predict_proba") else "regression")
    rng = np.random.default_rng(0)
    weights = rng.uniform(0.5, 2, len(y))
    return X, y, {"sample_weight": weights, "X_val": X[::3], "y_val": y[::3]}


class Centred(TransformerMixin, BaseEstimator):
    """Spoils the rows that it is given."""

    def fit(self, X, y=None):
        self.mean_ = X.mean(axis=0)
        return self

    def transform(self, X):
        X -= self.mean_
        return X


CASES = {
    "dev set, weights": (classifier(), {}, True),
    "early stopping": (classifier(early_stopping=True, n_iter_no_change=2), {}, False),
    "in place": (make_pipeline(Centred(), regressor()), {"deepmlpregressor__": ""}, False),
    "widths": (
        classifier(batch_norm=True, dropout=0.2),
        {"hidden_layer_sizes": [(3,), (9,)]},
        False,
    ),
    "momentum": (classifier(solver="sgd", nesterovs_momentum=False), {}, False),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("kind", ["random", "halving"])
def test_rungs_go_on_with_the_same_data(kind, case, monkeypatch):
    model, more, has_arguments = CASES[case]
    last = model.steps[-1][1] if hasattr(model, "steps") else model
    X, y, arguments = fit_arguments(last)
    prefix = "".join(name for name in more if name.endswith("__"))
    space = {prefix + name: values for name, values in RATES.items()}
    space |= {name: values for name, values in more.items() if values}
    make = SEARCHES[kind]
    found = []
    for context in (parallel_config(n_jobs=1), cluster_in_process(monkeypatch)):
        search = make(model, space).set_params(return_train_score=True, error_score="raise")
        with context:
            found.append(search.fit(X, y, **(arguments if has_arguments else {})))
    local, there = found
    assert local.stacked_["n_alone"] == 0
    assert there.stacked_ == local.stacked_
    assert_same_results(there.cv_results_, local.cv_results_, atol=0)


def test_candidates_alone_and_tables_are_searched_there_too(monkeypatch):
    X, y = data("classes")
    table = TabularMLPClassifier(n_members=2, hidden_layer_sizes=(4,), max_iter=2, random_state=0)
    for estimator, space in (
        (classifier(), {"early_stopping": [False, True], "alpha": [0.1, 1.0]}),
        (LogisticRegression(), {"C": [0.1, 1.0]}),
        (table, {"learning_rate_init": [1e-3, 1e-2]}),
    ):
        local = VectorizedGridSearchCV(estimator, space, cv=2, refit=False).fit(X, y)
        with cluster_in_process(monkeypatch):
            there = VectorizedGridSearchCV(estimator, space, cv=2, refit=False).fit(X, y)
        assert getattr(there, "stacked_", None) == getattr(local, "stacked_", None)
        assert_same_results(there.cv_results_, local.cv_results_, atol=0)


def test_what_cannot_be_prepared_is_fitted_alone_there_too(monkeypatch):
    X, y = data("classes")

    class Refuses(StandardScaler):
        def fit(self, X, y=None, sample_weight=None):
            raise ValueError("refused")

    model, space = pipeline(classifier(), Refuses())
    search = VectorizedRandomizedSearchCV(model, space, n_iter=2, cv=2, error_score=-1.0)
    with cluster_in_process(monkeypatch), pytest.raises(ValueError, match="refused"):
        search.fit(X, y)


def test_a_searchs_data_are_forgotten_at_its_end(monkeypatch):
    X, y = data("classes")
    model, space = pipeline(classifier())

    def fails(estimator, X, y):
        assert _clusters.n_kept() > 0
        raise ZeroDivisionError

    search = VectorizedRandomizedSearchCV(model, space, n_iter=2, cv=2, refit=False)
    with cluster_in_process(monkeypatch):
        search.fit(X, y)
        search.set_params(scoring=fails, error_score="raise")
        with pytest.raises(ZeroDivisionError):
            search.fit(X, y)
    assert _clusters.n_kept() == _kept.n_kept() == 0


def test_a_worker_keeps_the_last_splits_within_a_budget(monkeypatch):
    X, y = large()

    class Counting(StandardScaler):
        def fit(self, X, y=None, sample_weight=None):
            from clusters import NOTES

            NOTES.append("made")
            return super().fit(X, y, sample_weight)

    def look(estimator, X, y):
        from clusters import NOTES

        NOTES.append(_kept.n_kept())
        return estimator.score(X, y)

    def search(budget):
        monkeypatch.setattr(_kept, "MOST_BYTES", budget)
        NOTES.clear()
        model, space = pipeline(classifier(max_iter=1), Counting())
        with cluster_in_process(monkeypatch):
            # One task at a time: of two, each may for a moment keep a split of its own.
            VectorizedRandomizedSearchCV(
                model,
                space,
                n_iter=3,
                cv=4,
                refit=False,
                scoring=look,
                random_state=0,
                pre_dispatch=1,
            ).fit(X, y)
        kept = [note for note in NOTES if note != "made"]
        return max(kept), NOTES.count("made")

    # Each split has the rows twice, for a scorer that may spoil them.
    assert search(20 * X.nbytes) == (4, 4)
    most, n_made = search(5 * X.nbytes)
    assert most == 2
    assert n_made > 4
    assert search(1)[0] == 1


def test_data_that_a_worker_has_lost_are_sent_again(monkeypatch):
    X, y = large()
    model, space = pipeline(classifier(max_iter=1))
    NOTES.clear()

    def loses(estimator, X, y):
        from clusters import NOTES

        if not NOTES:
            NOTES.append("lost")
            for search in {name[0] for name in list(_clusters._KEPT)}:
                _clusters.forget_data(search)
        return estimator.score(X, y)

    make = SEARCHES["halving"]
    local = make(model, space).fit(X, y)
    with cluster_in_process(monkeypatch) as log:
        there = make(model, space).set_params(scoring=loses).fit(X, y)
    assert sum(n > X.nbytes for n in log.sent) == 2
    assert_same_results(there.cv_results_, local.cv_results_, atol=0)


def test_data_that_are_lost_all_the_time_end_the_search(monkeypatch):
    X, y = data("classes")

    monkeypatch.setattr("clusters.keep_data", lambda names, data: None)
    with cluster_in_process(monkeypatch), pytest.raises(RuntimeError, match="have lost the data"):
        VectorizedGridSearchCV(classifier(), {"alpha": [0.1]}, cv=2).fit(X, y)


def test_idle_data_of_a_search_that_has_died_are_let_go(monkeypatch):
    _clusters.keep_data([("dead", 0)], [(1, 2)])
    monkeypatch.setattr(_clusters, "IDLE_SECONDS", -1)
    _clusters.keep_data([("living", 0)], [(1, 2)])
    assert _clusters.n_kept("dead") == 0
    assert _clusters.n_kept("living") == 1
    _clusters.forget_data("living")


def test_transformers_without_a_random_state_do_the_same_in_all_workers(monkeypatch):
    X, y = large()
    model, space = pipeline(classifier(max_iter=3), GaussianRandomProjection(8))
    found = []
    for budget in (2**28, 1):
        # With a budget of nothing splits are made again and again.
        monkeypatch.setattr(_kept, "MOST_BYTES", budget)
        np.random.seed(0)  # noqa: NPY002
        with cluster_in_process(monkeypatch):
            found.append(SEARCHES["halving"](model, space).fit(X, y).cv_results_)
    assert_same_results(*found, atol=0)


def test_stacks_leave_work_to_all_workers_where_that_costs_little(monkeypatch):
    X, y = large()
    n_tasks = {}
    for width in (4, 300):
        model = classifier(hidden_layer_sizes=(width,), batch_size=256, max_iter=1)
        with cluster_in_process(monkeypatch) as log:
            VectorizedRandomizedSearchCV(
                model, RATES, n_iter=24, cv=3, refit=False, random_state=0
            ).fit(X, y)
        # Without those that prepare the splits.
        n_tasks[width] = len(log.tasks) - 3
    # Small networks share what a step costs beyond its arithmetic: to part them is a loss.
    assert n_tasks[4] < 24
    assert n_tasks[300] >= 4 * 2


@pytest.mark.parametrize("width", [8, 64, 512])
def test_the_least_stack_costs_each_little_more_than_the_largest(width):
    models = [classifier(hidden_layer_sizes=(width,)) for _ in range(64)]
    measures = Measures(1000, 20, 3, 0, 0, 8)
    least = least_worthwhile(models, measures)

    def cost(n):
        return 2**21 / n + 3 * 32 * (20 * width + width * 3)

    assert 1 <= least <= 64
    assert cost(least) <= 1.1 * cost(64) * (1 + 1e-9)
    assert least == 1 or cost(least - 1) > 1.1 * cost(64)


def dies(estimator, X, y):
    if estimator.alpha == 1.0:
        time.sleep(1)
        os.kill(os.getpid(), signal.SIGKILL)
    return estimator.score(X, y)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="a signal of POSIX")
def test_what_is_complete_is_kept_when_a_worker_dies():
    X, y = data("classes")
    grid, estimator = {"alpha": [0.1, 0.2, 0.3, 1.0]}, classifier()
    cv = [(np.arange(0, 150, 2), np.arange(1, 150, 2))]
    search = VectorizedGridSearchCV(
        estimator, grid, cv=cv, scoring=dies, n_jobs=2, max_stack_bytes=1
    )
    with (
        parallel_config(backend="loky", n_jobs=2),
        pytest.raises(TerminatedWorkerError) as caught,
    ):
        search.fit(X, y)
    (note,) = caught.value.__notes__
    assert "A worker of the search has died" in note
    kept = [params["alpha"] for params in search.cv_results_["params"]]
    assert f"cv_results_ has the {len(kept)} candidates" in note
    assert kept
    assert 1.0 not in kept
    assert not hasattr(search, "best_estimator_")
    expected = GridSearchCV(estimator, grid, cv=cv).fit(X, y).cv_results_
    scores = dict(zip(map(str, expected["params"]), expected["mean_test_score"], strict=True))
    found = [scores[str(params)] for params in search.cv_results_["params"]]
    assert_array_equal(search.cv_results_["mean_test_score"], found)


def test_nested_searches(monkeypatch):
    X, y = data("classes")
    search = VectorizedGridSearchCV(classifier(), {"alpha": [0.1, 1.0]}, cv=2)
    expected = cross_val_score(search, X, y, cv=2)
    with cluster_in_process(monkeypatch):
        found = cross_val_score(search, X, y, cv=2)
    assert_array_equal(found, expected)


def test_stacks_that_arrive_read_only_are_trained_on():
    X, y = data("classes")
    space = {"hidden_layer_sizes": [(400, 400)], "alpha": [0.1, 1.0, 10.0]}
    # Each in a stack of its own, so that one goes on as a whole; large enough for a memory map.
    search = VectorizedHalvingRandomSearchCV(
        classifier(), space, n_candidates=3, max_resources=9, max_stack_bytes=1, **COMMON
    )
    expected = search.fit(X, y).cv_results_
    found = search.set_params(n_jobs=2).fit(X, y).cv_results_
    assert_same_results(found, expected, atol=0)


# -------------------------------------------------------------- what is there at once, on a machine

WORDS = [["a", "b"], ["b", "c", "c"], ["a"], ["c", "b", "a", "a"]] * 15
TEXTS = [" ".join(words) for words in WORDS]


@pytest.mark.parametrize("there", [False, True], ids=["here", "on a cluster"])
@pytest.mark.parametrize(
    ("X", "vectorizer"),
    [
        (TEXTS, CountVectorizer(token_pattern=r"\w")),
        (np.array(TEXTS), CountVectorizer(token_pattern=r"\w")),
        (np.array(TEXTS, dtype=object), CountVectorizer(token_pattern=r"\w")),
        (pd.Series(TEXTS), CountVectorizer(token_pattern=r"\w")),
        (WORDS, CountVectorizer(analyzer=list)),
    ],
    ids=["list", "array", "objects", "series", "lists of words"],
)
def test_texts_are_searched(X, vectorizer, there, monkeypatch):
    model, _ = pipeline(classifier(max_iter=2), vectorizer)
    y = np.tile([0, 1, 0, 1], 15)
    space = {"deepmlpclassifier__alpha": [0.1, 1.0]}
    # A callable scorer keeps the texts as they were, too.
    search = VectorizedGridSearchCV(
        model, space, cv=3, scoring=lambda model, X, y: model.score(X, y), n_jobs=2
    )
    if there:
        with cluster_in_process(monkeypatch):
            search.fit(X, y)
    else:
        search.fit(X, y)
    assert search.stacked_["n_stacked"] == 6


def test_long_texts_take_what_they_take():
    texts = ["short"] * 1000 + ["long " * 10_000]
    assert bytes_of(texts) < 200_000
    assert bytes_of(np.array(texts, dtype=object)) < 200_000
    assert bytes_of(pd.Series(texts, dtype=object)) < 200_000


@pytest.mark.parametrize(
    ("n_workers", "n_bytes", "expected"),
    [(1, 1, 1), (2, 2**26, 2), (2, 2**25, 2), (2, 2**24, 4), (4, 2**24, 4), (3, 0, 2**26)],
)
def test_more_splits_than_workers_are_there_at_once_if_they_are_small(n_workers, n_bytes, expected):
    split = object.__new__(Split)
    # Computed once, and kept.
    split.__dict__["n_bytes"] = n_bytes
    here = _places.Here(None, None, None)
    first = [_places.Prepared(split, []), _places.Prepared(None, [])]
    assert here.n_first(n_workers) == n_workers
    assert here.n_at_once(n_workers, first) == expected


@pytest.mark.parametrize(("n_bytes", "most"), [(0, 2), (2**26, 8)], ids=["large", "small"])
def test_no_more_splits_are_prepared_than_there_is_room_for(n_bytes, most, monkeypatch):
    """The transformer makes much of little: what counts is what a split takes, not X."""
    monkeypatch.setattr(_places, "SPLITS_BYTES", n_bytes)
    X, y = data("classes")
    waiting = []
    prepare, run = Evaluator._prepare, Evaluator._run

    def prepared(self, rung, parallel, units):
        waiting.append(len(units))
        return prepare(self, rung, parallel, units)

    def ran(self, rung, parallel, tasks):
        assert sum(waiting) <= most
        waiting.clear()
        return run(self, rung, parallel, tasks)

    monkeypatch.setattr(Evaluator, "_prepare", prepared)
    monkeypatch.setattr(Evaluator, "_run", ran)
    model, space = pipeline(classifier(max_iter=2), PolynomialFeatures(3))
    grid = {name: [0.01, 0.1] for name in space}
    expected = GridSearchCV(model, grid, cv=8, refit=False).fit(X, y)
    search = VectorizedGridSearchCV(model, grid, cv=8, refit=False, n_jobs=2).fit(X, y)
    assert waiting == []
    assert_same_results(search.cv_results_, expected.cv_results_)
