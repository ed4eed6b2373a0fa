"""Tasks side by side in threads: NumPy works without the interpreter's lock, and starts none anew.

Each task has BLAS to itself with one thread, however many run, so that the results are the same to
the last bit.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from queue import Empty, SimpleQueue
from threading import Event
from typing import TypeVar

from .._engine.threads import one_blas_thread, start_thread
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
        ended: list[Event] = []
        for _ in range(min(n_threads, len(tasks)) - 1):
            # The system may have no more threads to give, and the caller then does their part. One
            # starts without its maker's context, which holds NumPy's error state.
            with suppress(RuntimeError):
                ended.append(start_thread(partial(copy_context().run, work)))
        work()
        _wait_for(ended, stop)
    if errors:
        raise next((one for one in errors if isinstance(one, KeyboardInterrupt)), errors[0])
    return results


def _wait_for(ended: Sequence[Event], stop: Stop) -> None:
    """Wait for threads; Ctrl-C tells all to stop, and is answered by what they have come to."""
    while not all(event.is_set() for event in ended):
        try:
            for event in ended:
                event.wait()
        except KeyboardInterrupt:
            stop.set_by_user()
