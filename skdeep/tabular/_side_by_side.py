"""Tasks side by side in threads: NumPy works without the interpreter's lock, and starts none anew.

Each task has BLAS to itself with one thread, however many run, so that the results are the same to
the last bit.
"""

from collections.abc import Callable, Sequence
from contextvars import copy_context
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

from .._engine.threads import one_blas_thread
from ._steering import Stop

Result = TypeVar("Result")


def side_by_side(
    tasks: Sequence[Callable[[], Result]], n_threads: int, stop: Stop
) -> list[Result | None]:
    """The tasks' results, None of those that have not been begun when `stop` was set.

    What a task raises is raised once all have ended, KeyboardInterrupt first; `stop` is set then.
    """
    results: list[Result | None] = [None] * len(tasks)
    errors: list[BaseException] = []
    waiting: SimpleQueue[int] = SimpleQueue()
    for number in range(len(tasks)):
        waiting.put(number)

    def work() -> None:
        while not stop.is_set():
            try:
                number = waiting.get_nowait()
            except Empty:
                return
            try:
                results[number] = tasks[number]()
            except BaseException as error:
                errors.append(error)
                stop.set()

    with one_blas_thread():
        # A thread starts without its maker's context, which holds NumPy's error state.
        others = [
            Thread(target=copy_context().run, args=(work,), daemon=True)
            for _ in range(min(n_threads, len(tasks)) - 1)
        ]
        started = [thread for thread in others if _starts(thread)]
        work()
        for thread in started:
            _join(thread, stop)
    if errors:
        raise next((one for one in errors if isinstance(one, KeyboardInterrupt)), errors[0])
    return results


def _starts(thread: Thread) -> bool:
    """Start a thread; the system may have no more to give, and the caller then does its part."""
    try:
        thread.start()
    except RuntimeError:
        return False
    return True


def _join(thread: Thread, stop: Stop) -> None:
    """Wait for a thread; Ctrl-C tells all to stop, and is answered by what they have come to."""
    while thread.is_alive():
        try:
            thread.join()
        except KeyboardInterrupt:
            stop.set_by_user()
