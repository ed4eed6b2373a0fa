"""Tasks side by side in threads: NumPy works without the interpreter's lock, and starts none anew.

Each task has BLAS to itself with one thread, however many run, so that the results are the same to
the last bit.
"""

from collections.abc import Callable, Sequence
from contextvars import copy_context
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import TypeVar

from .._engine.threads import one_blas_thread

Result = TypeVar("Result")


def side_by_side(
    tasks: Sequence[Callable[[], Result]], n_threads: int, stop: Event
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
        for thread in others:
            thread.start()
        work()
        for thread in others:
            _join(thread, stop)
    if errors:
        raise errors[0]
    return results


def _join(thread: Thread, stop: Event) -> None:
    """Wait for a thread; Ctrl-C tells all to stop, and is answered by what they have come to."""
    while thread.is_alive():
        try:
            thread.join()
        except KeyboardInterrupt:
            stop.set()
