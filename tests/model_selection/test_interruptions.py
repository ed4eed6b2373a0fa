"""Ctrl-C in a search, and workers whose search is no more."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skdeep import (
    DeepMLPClassifier,
    DeepMLPRegressor,
    LogisticRegressionGD,
    SoftmaxClassifier,
    TabularMLPClassifier,
)
from skdeep._fit.watch import Watch
from skdeep.model_selection import (
    CoarseToFineSearchCV,
    VectorizedGridSearchCV,
    VectorizedHalvingRandomSearchCV,
    check_same_distribution,
)

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

ROOT = Path(__file__).parents[2]
N_EPOCHS, N_FOLDS = 6, 2
CHOSEN = {"best_estimator_", "best_index_", "best_params_", "best_score_", "refit_time_"}
MLP = {"hidden_layer_sizes": (4,), "max_iter": N_EPOCHS, "random_state": 0}
LINEAR = {"solver": "sgd", "max_iter": N_EPOCHS, "random_state": 0}

# What is searched, and two settings of it. What is verbose shares no stack.
ALONE = {
    "classifier": (DeepMLPClassifier(**MLP, verbose=True), {"solver": ["adam", "sgd"]}),
    "regressor": (DeepMLPRegressor(**MLP, verbose=True), {"solver": ["adam", "sgd"]}),
    "logistic": (LogisticRegressionGD(**LINEAR, verbose=True), {"shuffle": [True, False]}),
    "softmax": (SoftmaxClassifier(**LINEAR, verbose=True), {"shuffle": [True, False]}),
    "full batch": (DeepMLPClassifier(**MLP, verbose=True), {"solver": ["lbfgs", "adam"]}),
    "pipeline": (
        make_pipeline("passthrough", DeepMLPClassifier(**MLP, verbose=True)),
        {"deepmlpclassifier__solver": ["adam", "sgd"]},
    ),
    "early stopping": (
        DeepMLPClassifier(**MLP, early_stopping=True, verbose=True),
        {"solver": ["adam", "sgd"]},
    ),
    "table": (
        TabularMLPClassifier(
            n_bins=3,
            hidden_layer_sizes=(4,),
            max_iter=N_EPOCHS,
            refit=False,
            verbose=True,
            random_state=0,
        ),
        {"activation": ["relu", "silu"]},
    ),
}


def data(n=60):
    X = np.random.default_rng(0).normal(size=(n, 3))
    return X, (X[:, 0] > 0).astype(int)


class InterruptAtEpoch:
    """Raises KeyboardInterrupt as the n-th epoch is recorded, 0 the first, of whatever fit."""

    def __init__(self, monkeypatch):
        self.count, self.at, self._record = 0, None, Watch.record
        monkeypatch.setattr(Watch, "record", lambda *args: self._hear(*args))

    def _hear(self, *args):
        self.count += 1
        if self.count - 1 == self.at:
            raise KeyboardInterrupt
        self._record(*args)

    def set(self, n):
        self.count, self.at = 0, n


@pytest.fixture
def interrupt(monkeypatch):
    return InterruptAtEpoch(monkeypatch)


@pytest.mark.parametrize("part", ALONE)
def test_what_is_complete_is_kept(part, interrupt):
    estimator, grid = ALONE[part]
    X, y = data()
    search = VectorizedGridSearchCV(estimator, grid, cv=N_FOLDS, refit=False)
    whole = search.fit(X, y).cv_results_
    assert search.stacked_["n_stacked"] == 0
    n_epochs = interrupt.count
    search.set_params(refit=True).fit(X, y)
    # Half-way through the epochs of the second candidate, whatever the first one's are.
    first = VectorizedGridSearchCV(
        estimator, {name: values[:1] for name, values in grid.items()}, cv=N_FOLDS, refit=False
    )
    interrupt.set(None)
    first.fit(X, y)
    interrupt.set((interrupt.count + n_epochs) // 2)
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, y)
    assert search.cv_results_["params"] == whole["params"][:1]
    assert search.cv_results_["mean_test_score"] == whole["mean_test_score"][:1]
    # Nor is anything left of the search before.
    assert not CHOSEN.intersection(vars(search))
    # Interrupted in its first candidate it has nothing to say.
    interrupt.set(1)
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, y)
    assert not hasattr(search, "cv_results_")


def test_stacks_that_are_done_are_kept(interrupt):
    X, y = data()
    grid = [{"solver": ["adam"], "alpha": [0.1, 0.2]}, {"solver": ["sgd"], "alpha": [0.1, 0.2]}]
    search = VectorizedGridSearchCV(DeepMLPClassifier(**MLP), grid, cv=N_FOLDS)
    search.fit(X, y)
    assert search.stacked_["n_stacked"] == 8
    n_stacks = 4
    per_stack = 2 * N_EPOCHS
    complete = []
    for n_done in range(n_stacks):
        interrupt.set(n_done * per_stack + 3)
        with pytest.raises(KeyboardInterrupt):
            search.fit(X, y)
        complete.append(len(getattr(search, "cv_results_", {"params": []})["params"]))
        assert not CHOSEN.intersection(vars(search))
    assert complete[0] == 0
    assert complete[-1] == 2


@pytest.mark.parametrize("alone", [False, True])
def test_rungs_that_are_done_are_kept(alone, interrupt):
    X, y = data()
    model = DeepMLPClassifier(hidden_layer_sizes=(4,), max_iter=9, random_state=0, verbose=alone)
    search = VectorizedHalvingRandomSearchCV(
        model, {"alpha": [0.1 * i for i in range(1, 10)]}, cv=N_FOLDS, random_state=0
    )
    whole = search.fit(X, y).cv_results_
    # Nine candidates of one epoch on each fold, then three that go on.
    interrupt.set(9 * N_FOLDS + 4)
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, y)
    assert search.cv_results_["iter"].tolist() == [0] * 9
    assert search.cv_results_["n_resources"].tolist() == [1] * 9
    assert search.cv_results_["params"] == whole["params"][:9]
    np.testing.assert_array_equal(
        search.cv_results_["mean_test_score"], whole["mean_test_score"][:9]
    )
    assert not CHOSEN.intersection(vars(search))


@pytest.mark.parametrize("scoring", [None, ["accuracy", "roc_auc"], "callable"])
def test_the_rounds_before_are_kept_with_any_scoring(scoring, interrupt):
    X, y = data()
    if scoring == "callable":

        def scoring(estimator, X, y):
            return {"accuracy": estimator.score(X, y)}

    refit = True if scoring is None else "accuracy"
    search = CoarseToFineSearchCV(
        DeepMLPClassifier(**MLP), {"alpha": (1e-4, 1e-1)}, n_iter=4, n_rounds=2, cv=N_FOLDS,
        scoring=scoring, refit=refit, random_state=0,
    )  # fmt: skip
    search.fit(X, y)
    rounds = search.cv_results_["round"].tolist()
    interrupt.set(rounds.count(0) * N_FOLDS * N_EPOCHS + 3)
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, y)
    assert search.cv_results_["round"].tolist() == [0] * rounds.count(0)
    score = "score" if scoring is None else "accuracy"
    assert np.isfinite(search.cv_results_[f"mean_test_{score}"]).all()


def test_a_refit_that_is_interrupted_leaves_no_half_trained_model(interrupt):
    X, y = data()
    search = VectorizedGridSearchCV(
        DeepMLPClassifier(**MLP), {"alpha": [0.1, 0.2]}, cv=N_FOLDS, refit=False
    )
    whole = search.fit(X, y).cv_results_
    interrupt.set(interrupt.count + 3)
    with pytest.raises(KeyboardInterrupt):
        search.set_params(refit=True).fit(X, y)
    assert search.cv_results_["params"] == whole["params"]
    assert not CHOSEN.intersection(vars(search))


def test_an_ensemble_that_is_interrupted_is_none(interrupt):
    X, y = data()
    search = VectorizedGridSearchCV(
        DeepMLPClassifier(**MLP), {"solver": ["sgd", "adam"]}, cv=N_FOLDS, keep_best=2
    )
    ensemble = search.fit(X, y).ensemble_
    before = ensemble.predict_proba(X)
    interrupt.set(N_EPOCHS + 2)
    with pytest.raises(KeyboardInterrupt):
        ensemble.fit(X, y)
    np.testing.assert_array_equal(ensemble.predict_proba(X), before)
    # In a search what was chosen before is whole.
    interrupt.set((2 * N_FOLDS + 1) * N_EPOCHS + 3)
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, y)
    assert set(vars(search)) >= CHOSEN
    assert not hasattr(search, "ensemble_")


def test_a_comparison_of_sets_that_is_interrupted_is_none(interrupt):
    X, _ = data()
    interrupt.set(3)
    with pytest.raises(KeyboardInterrupt):
        check_same_distribution(
            X[:30], X[30:], estimator=DeepMLPClassifier(**MLP), n_permutations=20, cv=2
        )


class Interrupted(ClassifierMixin, BaseEstimator):
    """Another library's classifier, in whose fit Ctrl-C is pressed if its C is 2."""

    def __init__(self, C=1.0):
        self.C = C

    def fit(self, X, y):
        if self.C == 2:
            raise KeyboardInterrupt
        self._inner = LogisticRegression(C=self.C).fit(X, y)
        self.classes_ = self._inner.classes_
        return self

    def predict(self, X):
        return self._inner.predict(X)


def test_other_estimators_are_kept_too():
    X, y = data()
    search = VectorizedGridSearchCV(Interrupted(), {"C": [1.0, 0.5, 2.0, 3.0]}, cv=3)
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, y)
    assert search.cv_results_["params"] == [{"C": 1.0}, {"C": 0.5}]


def test_a_fit_by_itself_answers_ctrl_c_as_before(interrupt):
    X, y = data()
    interrupt.set(3)
    model = DeepMLPClassifier(**MLP).fit(X, y)
    assert model.n_iter_ == 3


# ---------------------------------------------------------------- processes and threads, for real

# Each epoch leaves a sign of life; `{search}` says what is searched, and how.
PROGRAM = """
import os, sys, threading, time
import numpy as np
from joblib import parallel_config
from skdeep import DeepMLPClassifier
from skdeep.model_selection import VectorizedGridSearchCV

folder, backend, n_jobs, what = sys.argv[1:]

class Beating:
    def __call__(self, epoch):
        with open(os.path.join(folder, f"{os.getpid()}-{threading.get_ident()}"), "w") as file:
            file.write(repr(time.time()))
        time.sleep(0.02)
        return 1e-3

X = np.random.default_rng(0).normal(size=(60, 3))
y = (X[:, 0] > 0).astype(int)
grid = {
    "alone": {"solver": ["adam", "sgd", "rmsprop", "adamw"], "learning_rate": [Beating()]},
    "stacked": {"alpha": [1e-3, 1e-2], "learning_rate": [Beating()]},
}[what]
search = VectorizedGridSearchCV(
    DeepMLPClassifier((4,), max_iter=100_000, n_iter_no_change=100_000), grid, cv=2,
    n_jobs=int(n_jobs),
)
try:
    with parallel_config(backend=backend):
        search.fit(X, y)
except KeyboardInterrupt:
    print("interrupted", hasattr(search, "cv_results_"), hasattr(search, "best_estimator_"))
    sys.stdout.flush()
    # The process lives on, as a notebook's does.
    time.sleep(3)
"""

WAYS = [
    ("loky", 1, "alone"),
    ("loky", 2, "alone"),
    ("loky", 2, "stacked"),
    ("threading", 2, "alone"),
    ("threading", 2, "stacked"),
    ("multiprocessing", 2, "alone"),
]


class Running:
    """A search in a process of its own, which is the first of a group as at a terminal."""

    def __init__(self, folder, *way):
        self.folder = folder
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(folder), *map(str, way)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
            start_new_session=True, preexec_fn=hear_ctrl_c,
        )  # fmt: skip

    def wait_for_signs(self, n, seconds=60):
        until = time.time() + seconds
        while len(list(self.folder.iterdir())) < n:
            assert time.time() < until, "the search has not begun"
            assert self.process.poll() is None, self.process.stderr.read()
            time.sleep(0.02)
        time.sleep(0.1)

    def assert_silent_after(self, seconds):
        """That a little later nobody trains any more."""
        time.sleep(seconds)
        heard = [path.read_text() for path in self.folder.iterdir()]
        time.sleep(0.5)
        assert [path.read_text() for path in self.folder.iterdir()] == heard


def hear_ctrl_c():
    """Processes that run tests for others ignore it, and what they start does too."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def start(tmp_path):
    started = []

    def started_search(*way):
        started.append(Running(tmp_path, *way))
        return started[-1]

    yield started_search
    for running in started:
        with suppress(ProcessLookupError):
            os.killpg(running.process.pid, signal.SIGKILL)
        running.process.communicate()


@pytest.mark.skipif(os.name != "posix", reason="groups of processes are POSIX's")
@pytest.mark.parametrize("to", ["group", "process"])
@pytest.mark.parametrize("way", WAYS, ids=str)
def test_ctrl_c_ends_the_search_and_its_workers(way, to, start):
    running = start(*way)
    running.wait_for_signs(way[1])
    send = os.killpg if to == "group" else os.kill
    pressed = time.time()
    send(running.process.pid, signal.SIGINT)
    assert running.process.stdout.readline() == "interrupted False False\n"
    assert time.time() - pressed < 5
    running.assert_silent_after(0.5)


@pytest.mark.skipif(os.name != "posix", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("way", [("loky", 2, "alone"), ("loky", 2, "stacked")], ids=str)
def test_workers_end_with_their_search(way, start):
    running = start(*way)
    running.wait_for_signs(2)
    os.kill(running.process.pid, signal.SIGKILL)
    running.process.wait()
    running.assert_silent_after(1.0)
