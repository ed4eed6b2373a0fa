"""Who uses the cores: BLAS within a product, or threads that each take some of the rows.

A second core is worth its cost only where the work between two meetings is long. The products of a
step on a mini-batch are BLAS's to share, and the small ones not even that. Many rows, to predict or
to descend on all at once, are divided among threads that meet once, each with BLAS to itself: then
the passes over activations are shared as well, and no core reads what another has just written.

The threads are as many as BLAS may use, so that a caller who limits BLAS, as joblib does in its
workers, limits them too.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from contextvars import copy_context
from functools import cache
from itertools import pairwise
from threading import Lock, Thread

from threadpoolctl import ThreadpoolController

from .network import Network

# Multiply-adds of a network's largest product from which on sharing it pays. Measured on two cores:
# at 2**21 one thread is a tenth faster, at 2**24 two are.
SHARED_FROM = 2**22

_LOCK = Lock()
LOCK_PATIENCE = 1.0


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
    """A context in which BLAS has one thread.

    OpenBLAS's threads are the whole process's. Of contexts that overlap in several threads only the
    first one in limits and restores them: what a later one found would not be the original.
    """
    # It is held for microseconds. Who waits longer waits for one that was interrupted holding it.
    held = _LOCK.acquire(timeout=LOCK_PATIENCE)
    try:
        if n_threads() == 1:
            return nullcontext()
        limit: AbstractContextManager[object] = _blas().limit(limits=1)
        return limit
    finally:
        if held or _LOCK.locked():
            _LOCK.release()


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
        others = []
        for number, part in enumerate(parts[1:], start=1):
            # A thread starts without its maker's context, which holds NumPy's error state.
            thread = Thread(target=copy_context().run, args=(run, number, part))
            try:
                thread.start()
            except RuntimeError:
                # The interpreter is shutting down, or the system has no more threads to give.
                run(number, part)
            else:
                others.append(thread)
        try:
            run(0, parts[0])
        finally:
            # On Ctrl-C, too: what they write into, and BLAS's threads, are theirs until they end.
            for thread in others:
                thread.join()
    if errors:
        raise errors[0]


def n_threads() -> int:
    """How many threads BLAS may use."""
    return max((library.num_threads or 1 for library in _blas().lib_controllers), default=1)


@cache
def _blas() -> ThreadpoolController:
    """The BLAS libraries that NumPy and SciPy have loaded; to look for them takes milliseconds."""
    return ThreadpoolController().select(user_api="blas")
