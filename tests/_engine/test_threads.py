"""BLAS has one thread where products are small; threads that share rows change no result."""

import gc
import os
import signal
import threading
import warnings
from contextlib import ExitStack, nullcontext
from itertools import permutations

import numpy as np
import pytest
from interruptions import InterruptAt
from threadpoolctl import threadpool_info, threadpool_limits

from skdeep import DeepMLPClassifier, LogisticRegressionGD
from skdeep._engine import objective, threads
from skdeep._engine.network import build_network
from skdeep._engine.threads import (
    SHARED_FROM,
    blas_threads_for,
    one_blas_thread,
    run_in_threads,
    slices_for_threads,
)


def n_threads():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def two_threads():
    with threadpool_limits(2, user_api="blas"):
        if n_threads() != {2}:
            pytest.skip("this BLAS cannot be given two threads")
        yield
        assert n_threads() == {2}


SMALL = build_network(16, [8], 3, activations=["relu"])
ROWS_TO_SHARE = SHARED_FROM // (16 * 8)


def test_small_products_get_one_thread():
    with blas_threads_for(SMALL, ROWS_TO_SHARE - 1):
        assert n_threads() == {1}


def test_large_products_are_shared():
    with blas_threads_for(SMALL, ROWS_TO_SHARE):
        assert n_threads() == {2}


def test_an_error_restores_the_threads():
    with pytest.raises(RuntimeError), blas_threads_for(SMALL, 1):
        raise RuntimeError


class Blas:
    """Two BLAS libraries, as threadpoolctl controls them."""

    class Library:
        def __init__(self, n):
            self.num_threads = n

        def set_num_threads(self, n):
            self.num_threads = n

    def __init__(self):
        self.lib_controllers = [self.Library(2), self.Library(7)]

    @property
    def n(self):
        return [one.num_threads for one in self.lib_controllers]


@pytest.fixture
def blas(monkeypatch):
    made = Blas()
    monkeypatch.setattr(threads, "_blas", lambda: made)
    return made


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_overlapping_contexts_leave_the_threads_as_they_were(order, blas):
    """The number is one until the last has left, and then that of each library."""
    stacks = [ExitStack() for _ in range(3)]
    for stack in stacks:
        stack.enter_context(one_blas_thread())
        assert blas.n == [1, 1]
    for number in order[:-1]:
        stacks[number].close()
        assert blas.n == [1, 1]
    stacks[order[-1]].close()
    assert blas.n == [2, 7]


def test_what_is_changed_in_between_is_the_next_ones(blas):
    with one_blas_thread():
        pass
    blas.lib_controllers[0].set_num_threads(5)
    with one_blas_thread(), one_blas_thread():
        assert blas.n == [1, 1]
    assert blas.n == [5, 7]


def test_ctrl_c_at_any_line_leaves_the_threads_as_they_were(blas):
    def use():
        with one_blas_thread(), one_blas_thread():
            pass

    with InterruptAt(None, threads.__file__) as lines:
        use()
    assert lines.count > 20
    for n in range(1, lines.count + 1):
        try:
            with InterruptAt(n, threads.__file__):
                use()
        except KeyboardInterrupt:
            pass
        gc.collect()
        assert blas.n == [2, 7], n
        with one_blas_thread():
            assert blas.n == [1, 1], n
        assert blas.n == [2, 7], n


def test_many_threads_leave_the_threads_as_they_were(blas):
    seen = []

    def use():
        for _ in range(200):
            with one_blas_thread():
                seen.append(blas.n == [1, 1])

    workers = [threading.Thread(target=use) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert all(seen)
    assert blas.n == [2, 7]


def _end_the_child():
    """Fit, and exit with 0 if BLAS has its threads before and after; never come back."""
    code = 2
    try:
        signal.alarm(30)
        before = n_threads()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            DeepMLPClassifier((4,), max_iter=2).fit(np.eye(4), [0, 1, 0, 1])
        code = int(not before == n_threads() == {2})
    finally:
        os._exit(code)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("lock_is_held", [False, True])
def test_a_child_of_a_fork_fits_while_its_parent_does(lock_is_held):
    """The lock may be held, and BLAS limited, by a thread that the child does not have."""
    held, go_on = threading.Event(), threading.Event()

    def hold():
        with one_blas_thread(), threads._LIMIT._lock if lock_is_held else nullcontext():
            held.set()
            go_on.wait(60)

    other = threading.Thread(target=hold)
    other.start()
    assert held.wait(60)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            _end_the_child()
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        go_on.set()
        other.join()


def test_training_runs_inside(monkeypatch):
    X, y = [[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1]
    seen = []

    def score(estimator, X, y):
        seen.extend(n_threads())
        return 0.0

    model = DeepMLPClassifier((4,), scoring=score, early_stopping=True, n_iter_no_change=1)
    model.set_params(validation_fraction=0.5).fit(X, y)
    assert set(seen) == {1}
    seen.clear()
    monkeypatch.setattr(threads, "SHARED_FROM", 1)
    model.fit(X, y)
    assert set(seen) == {2}


# ---------------------------------------------------------------------------------- shared rows


@pytest.mark.parametrize(("n_rows", "n"), [(1, 1), (19, 1), (20, 2), (29, 2), (30, 3), (1000, 3)])
def test_slices_hold_all_rows_and_no_fewer_than_a_chunk(n_rows, n, monkeypatch):
    monkeypatch.setattr(threads, "n_threads", lambda: 3)
    parts = slices_for_threads(n_rows, 10)
    assert len(parts) == n
    np.testing.assert_array_equal(
        np.concatenate([np.arange(n_rows)[p] for p in parts]), range(n_rows)
    )
    sizes = [part.stop - part.start for part in parts]
    assert max(sizes) - min(sizes) <= 1


def test_there_are_no_more_threads_than_blas_may_use():
    assert len(slices_for_threads(1000, 10)) == 2
    with threadpool_limits(1, user_api="blas"):
        assert len(slices_for_threads(1000, 10)) == 1


def test_every_share_has_a_thread_of_its_own_with_its_makers_error_state():
    seen = {}
    # Each waits for the others, so they must run at the same time.
    together = threading.Barrier(3, timeout=10)

    def work(number, part):
        together.wait()
        seen[number] = threading.current_thread(), np.geterr()["over"], n_threads(), part

    parts = [slice(0, 2), slice(2, 4), slice(4, 6)]
    with np.errstate(over="ignore"), one_blas_thread():
        run_in_threads(work, parts)
    assert len({thread for thread, *_ in seen.values()}) == 3
    assert [seen[number][1:] for number in range(3)] == [("ignore", {1}, part) for part in parts]


@pytest.mark.parametrize("failing", [0, 1])
def test_an_error_in_a_share_is_raised(failing):
    def work(number, part):
        if number == failing:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_in_threads(work, [slice(0, 1), slice(1, 2)])


@pytest.fixture
def short_chunks(monkeypatch):
    monkeypatch.setattr(objective, "CHUNK_ELEMENTS", 60)
    monkeypatch.setattr(objective, "FEWEST_ROWS", 10)


def with_threads(n, monkeypatch, function):
    monkeypatch.setattr(threads, "n_threads", lambda: n)
    return function()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_predictions_do_not_depend_on_the_threads(dtype, rng, short_chunks, monkeypatch):
    X, y = rng.normal(size=(95, 6)).astype(dtype), rng.integers(3, size=95)
    model = DeepMLPClassifier((8, 7), max_iter=200, n_iter_no_change=2, tol=1.0).fit(X, y)
    one = with_threads(1, monkeypatch, lambda: model.predict_proba(X))
    three = with_threads(3, monkeypatch, lambda: model.predict_proba(X))
    assert one.shape == (95, 3)
    np.testing.assert_allclose(three, one, rtol=1e-5 if dtype == np.float32 else 1e-12)


@pytest.mark.parametrize("solver", ["gd", "lbfgs"])
def test_full_batch_fits_do_not_depend_on_the_threads(solver, rng, short_chunks, monkeypatch):
    X = rng.normal(size=(95, 6))
    y = X[:, 0] + rng.normal(size=95) > 0
    w = rng.uniform(0.5, 2, size=95)

    def fit():
        return LogisticRegressionGD(solver=solver, tol=1e-10).fit(X, y, w).coef_

    one = with_threads(1, monkeypatch, fit)
    three = with_threads(3, monkeypatch, fit)
    np.testing.assert_allclose(three, one, rtol=1e-6)
    np.testing.assert_array_equal(three, with_threads(3, monkeypatch, fit))


def test_where_no_thread_can_be_started_the_parts_run_one_by_one(monkeypatch):
    def start(thread):
        raise RuntimeError("can't start new thread")

    done = []
    monkeypatch.setattr(threading.Thread, "start", start)
    run_in_threads(
        lambda number, part: done.append(number), [slice(0, 1), slice(1, 2), slice(2, 3)]
    )
    assert sorted(done) == [0, 1, 2]


@pytest.mark.parametrize(("megabytes", "n"), [(0, 1), (1, 3)])
def test_gradients_of_all_threads_stay_within_a_bound(
    megabytes, n, make_problem, short_chunks, monkeypatch
):
    monkeypatch.setattr(threads, "n_threads", lambda: 3)
    monkeypatch.setattr(objective, "GRADIENTS_BYTES", megabytes * 2**20)
    seen = []
    monkeypatch.setattr(objective, "run_in_threads", lambda work, parts: seen.append(len(parts)))
    problem = make_problem((4,), n_rows=95)
    theta = np.zeros(problem.network.layout.size)
    objective.FullObjective(problem, theta, np.empty(0), {}).data_loss()
    assert seen == [n]
