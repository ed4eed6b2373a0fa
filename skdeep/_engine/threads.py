"""Who uses the cores: BLAS within a product, or threads that each take some of the rows.

A second core is worth its cost only where the work between two meetings is long. The products of a
step on a mini-batch are BLAS's to share, and the small ones not even that. Many rows, to predict or
to descend on all at once, are divided among threads that meet once, each with BLAS to itself: then
the passes over activations are shared as well, and no core reads what another has just written.

The threads are as many as BLAS may use, so that a caller who limits BLAS, as joblib does in its
workers, limits them too.
"""

import os
import weakref
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from contextvars import copy_context
from functools import cache, partial
from itertools import count, pairwise
from threading import Event, RLock, Thread

from threadpoolctl import LibController, ThreadpoolController

from .network import Network

# Multiply-adds of a network's largest product from which on sharing it pays. Measured on two cores:
# at 2**21 one thread is a tenth faster, at 2**24 two are.
SHARED_FROM = 2**22


LOCK_PATIENCE = 1.0


class _Limit:
    """One thread for BLAS as long as anyone wants it so.

    OpenBLAS's threads are the whole process's. Whoever comes first finds how many there are, and
    the last to leave gives each library its own number back.
    """

    def __init__(self) -> None:
        # Of those who want it so, by token: one that an interrupt kept from leaving is dropped
        # when it is collected. That may happen anywhere, so the lock lets its holder in again.
        self._users: set[int] = set()
        self._lock = RLock()
        self._found: list[tuple[LibController, int]] = []

    def enter(self, token: int) -> None:
        lock = self._take_lock()
        try:
            if not self._users:
                self._found = [(one, one.num_threads or 1) for one in _blas().lib_controllers]
            self._users.add(token)
            self._set_to_one()
        finally:
            lock.release()

    def leave(self, token: int) -> None:
        lock = self._take_lock()
        try:
            # Restored before it is forgotten: cut short in between, it is done again.
            if self._users == {token}:
                self._restore()
            self._users.discard(token)
        finally:
            lock.release()

    def _take_lock(self) -> RLock:
        """The lock, which is held for microseconds: after a second it is that of one who was
        interrupted holding it, and there is a new one."""
        lock = self._lock
        while not lock.acquire(timeout=LOCK_PATIENCE):
            if lock is self._lock:
                self._lock = RLock()
            lock = self._lock
        return lock

    def forget_all(self) -> None:
        """Be as if nobody had wanted it so: in a forked child the threads that did are not."""
        self._lock = RLock()
        if self._users:
            self._restore()
        self._users = set()

    def _set_to_one(self) -> None:
        for library, n in self._found:
            if n > 1:
                library.set_num_threads(1)

    def _restore(self) -> None:
        for library, n in self._found:
            if n > 1:
                library.set_num_threads(n)


_LIMIT = _Limit()
_TOKENS = count()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_LIMIT.forget_all)


class _OneBlasThread:
    """A context in which BLAS has one thread; that it ends is seen to, however it does."""

    def __init__(self) -> None:
        self._token = next(_TOKENS)
        # For when an interrupt keeps it from leaving by itself.
        self._dropped = weakref.finalize(self, _LIMIT.leave, self._token)
        # At the end of the process there is nothing to restore.
        self._dropped.atexit = False

    def __enter__(self) -> None:
        _LIMIT.enter(self._token)

    def __exit__(self, *error: object) -> None:
        _LIMIT.leave(self._token)
        self._dropped.detach()


def blas_threads_for(
    network: Network, rows: int, *, sparse_input: bool = False
) -> AbstractContextManager[object]:
    """A context in which BLAS has one thread if the network's products on `rows` rows are small.

    Products with a sparse X are not BLAS's.
    """
    by_blas = network.dense_layers[1:] if sparse_input else network.dense_layers
    largest = rows * max((layer.n_in * layer.n_out for layer in by_blas), default=0)
    return nullcontext() if largest >= SHARED_FROM else one_blas_thread()


def one_blas_thread() -> AbstractContextManager[object]:
    """A context in which BLAS has one thread; several may overlap, in one thread or in many."""
    return _OneBlasThread()


def slices_for_threads(n_rows: int, at_least: int) -> list[slice]:
    """Consecutive slices of the rows, one for each thread; of `at_least` so many, if several."""
    if n_rows < 2 * at_least:
        return [slice(0, n_rows)]
    n = min(n_threads(), n_rows // at_least)
    bounds = [n_rows * i // n for i in range(n + 1)]
    return [slice(start, stop) for start, stop in pairwise(bounds)]


def run_in_threads(work: Callable[[int, slice], None], parts: list[slice]) -> None:
    """Call work(number, part) for every part, each but the first in a thread of its own."""
    if len(parts) == 1:
        work(0, parts[0])
        return
    errors: list[Exception] = []

    def run(number: int, part: slice) -> None:
        try:
            work(number, part)
        except Exception as error:
            errors.append(error)

    with one_blas_thread():
        ended: list[Event] = []
        for number, part in enumerate(parts[1:], start=1):
            # A thread starts without its maker's context, which holds NumPy's error state.
            try:
                ended.append(start_thread(partial(copy_context().run, run, number, part)))
            except RuntimeError:
                # The interpreter is shutting down, or the system has no more threads to give.
                run(number, part)
        try:
            run(0, parts[0])
        finally:
            # On Ctrl-C, too: what they write into, and BLAS's threads, are theirs until they end.
            wait_for_all(ended)
    if errors:
        raise errors[0]


def start_thread(work: Callable[[], object]) -> Event:
    """Run in a thread of its own; the event that is set when that is done.

    `Thread.join` would not do to wait for it: once it has been interrupted, Python takes a thread
    that is alive for one that has ended.
    """
    ended = Event()

    def run() -> None:
        try:
            work()
        finally:
            ended.set()

    Thread(target=run, daemon=True).start()
    return ended


def wait_for_all(events: Iterable[Event]) -> None:
    """Wait for all; Ctrl-C is raised once they are there."""
    interrupt: KeyboardInterrupt | None = None
    for event in events:
        while not event.is_set():
            try:
                event.wait()
            except KeyboardInterrupt as error:
                interrupt = error
    if interrupt is not None:
        raise interrupt


def n_threads() -> int:
    """How many threads BLAS may use."""
    return max((library.num_threads or 1 for library in _blas().lib_controllers), default=1)


@cache
def _blas() -> ThreadpoolController:
    """The BLAS libraries that NumPy and SciPy have loaded; to look for them takes milliseconds."""
    return ThreadpoolController().select(user_api="blas")
