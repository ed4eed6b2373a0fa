"""How many threads BLAS uses: one, where the products of a step are too small to be shared.

What a second core gains on a small product it loses again: threads have to meet, and the passes
over activations that follow find half of them in the other core's cache.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController

from .network import Network

# Multiply-adds of a network's largest product from which on sharing it pays. Measured on two cores:
# at 2**21 one thread is a tenth faster, at 2**24 two are.
SHARED_FROM = 2**22


@contextmanager
def blas_threads_for(network: Network, rows: int) -> Iterator[None]:
    """While the block runs, one BLAS thread if the network's products on `rows` rows are small.

    Where threads are the whole process's, as OpenBLAS's are, and several fits overlap, threadpoolctl
    heeds the first that asks.
    """
    largest = rows * max(layer.n_in * layer.n_out for layer in network.dense_layers)
    if largest >= SHARED_FROM:
        yield
    else:
        with _blas().limit(limits=1):
            yield


@cache
def _blas() -> Any:
    """The BLAS libraries that NumPy and SciPy have loaded; to look for them takes milliseconds."""
    return ThreadpoolController().select(user_api="blas")
