"""Tasks in threads: results in their order, errors that arrive, an end that is heard by all."""

import signal
import threading
import time

import numpy as np
import pytest
from tabular.tables import ctrl_c_is_heard
from threadpoolctl import threadpool_info

from skdeep.tabular._side_by_side import side_by_side
from skdeep.tabular._steering import Stop

EVERY_NUMBER = pytest.mark.parametrize("n_threads", [1, 2, 5, 100])


@EVERY_NUMBER
def test_results_come_in_the_order_of_the_tasks(n_threads):
    def make(number):
        def task():
            time.sleep(0.002 * (7 - number))
            return number

        return task

    assert side_by_side([make(k) for k in range(7)], n_threads, Stop()) == list(range(7))


@EVERY_NUMBER
def test_no_tasks(n_threads):
    assert side_by_side([], n_threads, Stop()) == []


def test_as_many_run_at_once_as_are_asked_for():
    running, most, lock, three = [0], [0], threading.Lock(), threading.Barrier(3)

    def task():
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        # Fewer would wait for each other in vain.
        three.wait(5)
        with lock:
            running[0] -= 1

    side_by_side([task] * 6, 3, Stop())
    assert most[0] == 3


@EVERY_NUMBER
@pytest.mark.parametrize(
    "error", [ValueError("of a task"), MemoryError("of a task"), RuntimeError(3)]
)
def test_an_error_arrives_once_all_have_ended(n_threads, error):
    n_tasks = min(n_threads, 4)
    stop, ended, all_run = Stop(), [], threading.Barrier(n_tasks)

    def fails():
        all_run.wait(5)
        raise error

    def goes_on():
        all_run.wait(5)
        time.sleep(0.03)
        ended.append(True)

    with pytest.raises(type(error)) as caught:
        side_by_side([fails, *[goes_on] * (n_tasks - 1)], n_threads, stop)
    assert caught.value is error
    assert stop.is_set()
    assert len(ended) == n_tasks - 1


def test_after_an_error_no_task_is_begun():
    begun = []

    def fails():
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        side_by_side([fails, lambda: begun.append(1)], 1, Stop())
    assert begun == []


def test_a_task_that_stops_the_others_keeps_its_result():
    stop = Stop()

    def stops():
        stop.set()
        return "first"

    assert side_by_side([stops, lambda: "second", lambda: "third"], 1, stop) == [
        "first",
        None,
        None,
    ]


def test_ctrl_c_goes_before_other_errors():
    """Whoever pressed it is answered by it, whatever else went wrong."""
    other_has_failed = Stop()

    def fails():
        other_has_failed.set()
        raise ValueError("the first to come")

    def is_interrupted():
        other_has_failed.wait(5)
        time.sleep(0.02)
        raise KeyboardInterrupt

    with pytest.raises((KeyboardInterrupt, ValueError)) as caught:
        side_by_side([is_interrupted, fails], 2, Stop())
    assert caught.type is KeyboardInterrupt


def test_ctrl_c_while_waiting_for_a_thread_stops_it():
    """The calling thread has nothing left to do, and is interrupted as it waits."""
    stop, started, waits = Stop(), threading.Barrier(2), threading.Event()

    def task():
        started.wait(5)
        if threading.current_thread() is threading.main_thread():
            waits.set()
            return "at once"
        assert waits.wait(5)
        time.sleep(0.1)
        # To the thread that waits, as the terminal does.
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        assert stop.wait(5)
        # It is waited for, however long that takes it.
        time.sleep(0.2)
        return "stopped"

    with ctrl_c_is_heard():
        assert sorted(side_by_side([task, task], 2, stop)) == ["at once", "stopped"]
    assert stop.is_set()
    assert stop.by_user


def test_where_no_thread_can_be_started_the_caller_does_all(monkeypatch):
    """As the engine's own threads do, where the system has no more to give."""

    def start(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    assert side_by_side([lambda: 1, lambda: 2], 2, Stop()) == [1, 2]


def test_each_task_has_blas_to_itself_with_one_thread():
    def n_blas_threads():
        return max(lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas")

    before = n_blas_threads()
    assert side_by_side([n_blas_threads] * 3, 2, Stop()) == [1, 1, 1]
    assert n_blas_threads() == before


@EVERY_NUMBER
def test_how_numpy_treats_errors_is_the_callers(n_threads):
    def divide():
        return np.ones(1) / np.zeros(1)

    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        side_by_side([divide] * 3, n_threads, Stop())
    with np.errstate(divide="ignore"):
        assert all(np.isinf(side_by_side([divide] * 3, n_threads, Stop())))
