"""Matrix products into arrays made before: which BLAS call is the quickest for which operands.

A layer asks once, when it is bound, for the function that multiplies into an array of its own; what
BLAS is slow at is known here and nowhere else.
"""

from collections.abc import Callable

import numpy as np

from .backend import CSR, Array

Product = Callable[[Array, Array], Array]

# BLAS multiplies by a small transposed matrix at half its speed or less: with 64 units the product
# takes 1.7 times as long, and a copy costs less than that. From 128 units on the copy costs what it
# gains, and below 32 the call does, unless several models share it.
COPIED_FROM, COPIED_UP_TO = 2**11, 2**13


def product_into(out: Array) -> Product:
    """The function (a, b) → a @ b that writes into `out` and returns it.

    An array's `dot` calls the same BLAS as np.matmul with half the ado, which counts where products
    take a microsecond. But it knows no stacks of matrices, and writes row by row only, so that an
    `out` whose columns are contiguous is given as bᵀ aᵀ.
    """
    if out.ndim > 2:

        def product(a: Array, b: Array) -> Array:
            return np.matmul(a, b, out=out)

    elif out.flags.c_contiguous:

        def product(a: Array, b: Array) -> Array:
            return a.dot(b, out)

    else:
        out_T = out.T

        def product(a: Array, b: Array) -> Array:
            b.T.dot(a.T, out_T)
            return out

    return product


def product_of_any_into(out: Array) -> Product:
    """The same for an `a` that may lie in memory in any way, some columns of a wider X, say.

    `dot` would copy it whole.
    """
    of_contiguous = product_into(out)

    def product(a: Array, b: Array) -> Array:
        return of_contiguous(a, b) if a.flags.forc else np.matmul(a, b, out=out)

    return product


def copy_pays(W_T: Array) -> bool:
    """Whether to multiply by a copy of a transposed matrix, or a stack of them, costs less."""
    n_out, n_in = W_T.shape[-2:]
    return n_in * n_out <= COPIED_UP_TO and W_T.size >= COPIED_FROM


def sparse_times_dense(x: CSR, dense: Array, out: Array) -> Array:
    """x @ dense into `out`; the matrices of a population lie side by side in one product."""
    if dense.ndim == 2:
        out[...] = x @ dense
    else:
        side_by_side = np.moveaxis(dense, -2, 0)
        product = x @ side_by_side.reshape(side_by_side.shape[0], -1)
        out[...] = np.moveaxis(product.reshape(-1, *side_by_side.shape[1:]), 0, -2)
    return out
