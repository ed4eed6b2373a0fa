"""The default two-sample test: kernel ridge regression on the labels, its AUC under permutations.

It is linear in the labels, so that for all permutations together its training is one product of
matrices. Each column is ranked and expanded into cosines, which see its mean, scale and shape;
products of two columns' first cosines see how they go together.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.linalg
import scipy.sparse
from scipy.stats import rankdata

from .._engine.backend import Array
from .._inputs import Splitter, dense
from ._two_sets import Columns, Numbers

# Cosines per column: the first sees a shift of the mean, the second of the scale, then the shape.
HARMONICS = np.arange(1, 5)
# The ridge, in units of the kernel's mean diagonal.
RIDGE = 1.0
# Numbers that a block of columns or of permutations may hold.
BLOCK_ELEMENTS = 2**21


def _components(X: Numbers) -> Iterator[tuple[slice, Array]]:
    """Blocks of columns with their centred cosines, (n_rows, n_harmonics, n_columns) each."""
    n_rows, n_columns = X.shape
    width = max(1, BLOCK_ELEMENTS // (n_rows * HARMONICS.size))
    for start in range(0, n_columns, width):
        block = slice(start, start + width)
        x = dense(X[:, block])
        x = np.where(np.isnan(x), -np.inf, x)
        uniform = (rankdata(x, axis=0) - 0.5) / n_rows
        waves = np.cos(np.pi * HARMONICS[:, None] * uniform[:, None, :])
        # Normed, but the finer the weaker: coarse shifts are the likelier ones.
        waves *= np.sqrt(2 / HARMONICS)[:, None]
        waves -= waves.mean(axis=0)
        yield block, waves


def _indicators(labels: Array) -> scipy.sparse.csr_array:
    """One column per label, scaled so that each column of labels has a numeric column's trace."""
    n_rows, n_columns = labels.shape
    counts = np.bincount(labels.ravel())
    trace = (1 - counts[labels] / n_rows).sum(axis=0)
    # A column with a single label tells nothing apart.
    scales = np.divide(
        n_rows * (1 / HARMONICS).sum(), trace, out=np.zeros(n_columns), where=trace > 1e-9
    )
    weights = np.broadcast_to(np.sqrt(scales), labels.shape)
    return scipy.sparse.csr_array(
        (weights.ravel(), labels.ravel(), np.arange(n_rows + 1) * n_columns),
        shape=(n_rows, counts.size),
    )


@dataclass(frozen=True)
class _Kernel:
    """K = additive / additive_scale + pairs² / pair_scale, centred, with a mean diagonal of 1."""

    matrix: Array
    products: Array
    additive_scale: float
    pair_scale: float


def _kernel(X: Columns) -> _Kernel:
    indicators = _indicators(X.labels)
    additive = _centred((indicators @ indicators.T).toarray())
    n_rows = additive.shape[0]
    products = np.zeros((n_rows, n_rows))
    for _, waves in _components(X.numbers):
        flat, first = waves.reshape(n_rows, -1), waves[:, 0]
        additive += flat @ flat.T
        products += first @ first.T
    pairs = _centred(products**2)
    # Columns that do not vary at all have a kernel of zeros, which tells nothing apart.
    scales = [2 * float(part.trace()) / n_rows or 1.0 for part in (additive, pairs)]
    return _Kernel(additive / scales[0] + pairs / scales[1], products, *scales)


def _centred(kernel: Array) -> Array:
    kernel = kernel - kernel.mean(axis=0)
    return kernel - kernel.mean(axis=1, keepdims=True)


def _solve(matrix: Array, right: Array) -> Array:
    return scipy.linalg.solve(matrix + RIDGE * np.eye(matrix.shape[0]), right, assume_a="pos")


def tell_apart_by_kernel(
    X: Columns, labels: Array, folds: Splitter, n_permutations: int, rng: np.random.RandomState
) -> tuple[float, float, Array]:
    """AUC, p-value and each column's share by kernel ridge regression on the labels."""
    kernel = _kernel(X)
    held_out = [rows for _, rows in folds.split(labels, labels)]
    smoothers = [_smoother(kernel.matrix, rows) for rows in held_out]
    auc = float(_aucs(smoothers, held_out, labels[:, None].astype(np.float64))[0])
    n_better, left = 0, n_permutations
    while left > 0:
        permuted = _permuted(labels, held_out, min(left, BLOCK_ELEMENTS // labels.size), rng)
        # Rounding must not make the labels' own order better than itself.
        n_better += int((_aucs(smoothers, held_out, permuted) >= auc - 1e-12).sum())
        left -= permuted.shape[1]
    p_value = (n_better + 1) / (n_permutations + 1)
    return auc, p_value, _shares(X, kernel, labels)


def _smoother(kernel: Array, held_out: Array) -> Array:
    """The matrix that makes scores of the rows held out of the labels of the others, centred."""
    others = np.delete(np.arange(kernel.shape[0]), held_out)
    weights = _solve(kernel[np.ix_(others, others)], kernel[np.ix_(others, held_out)]).T
    smoother = np.zeros((held_out.size, kernel.shape[0]))
    smoother[:, others] = weights - weights.mean(axis=1, keepdims=True)
    return smoother


def _permuted(
    labels: Array, held_out: list[Array], n_permutations: int, rng: np.random.RandomState
) -> Array:
    """Labels permuted within each fold, which leaves the folds stratified; one draw per column."""
    permuted = np.empty((labels.size, n_permutations))
    draws = rng.random_sample((n_permutations, labels.size))
    for rows in held_out:
        permuted[rows] = labels[rows][draws[:, rows].argsort(axis=1)].T
    return permuted


def _aucs(smoothers: list[Array], held_out: list[Array], labels: Array) -> Array:
    """The mean over the folds of the AUC, for each column of labels."""
    total = np.zeros(labels.shape[1])
    for smoother, rows in zip(smoothers, held_out, strict=True):
        own = labels[rows]
        n_dev = own.sum(axis=0)
        ranks = rankdata((smoother @ labels).round(12), axis=0)
        wins = (ranks * own).sum(axis=0) - n_dev * (n_dev + 1) / 2
        total += wins / (n_dev * (rows.size - n_dev))
    return total / len(held_out)


def _shares(X: Columns, kernel: _Kernel, labels: Array) -> Array:
    """Each column's share of the variance of the classifier's terms, trained on all rows.

    A pair's term Σ_i α_i z_ij z_il, summed squared over l, is a quadratic form in z_j: no matrix
    of all pairs is needed. Half of a pair's variance is each column's.
    """
    weights = _solve(kernel.matrix, labels - labels.mean())
    form = weights[:, None] * kernel.products * weights * (2 / kernel.pair_scale**2)
    of_numbers = np.zeros(X.numbers.shape[1])
    for block, waves in _components(X.numbers):
        first = waves[:, 0]
        slopes = np.einsum("i,ihj->hj", weights, waves) / kernel.additive_scale
        of_numbers[block] = np.einsum("ihj,hj->ij", waves, slopes).var(axis=0)
        of_numbers[block] += (first * (form @ first)).sum(axis=0)
    indicators = _indicators(X.labels)
    # The weights add up to 0, which centres the indicators.
    gains = (indicators.T @ weights) / kernel.additive_scale
    terms = indicators.data.reshape(X.labels.shape) * gains[X.labels]
    share = np.empty(X.are_labels.size)
    share[~X.are_labels], share[X.are_labels] = of_numbers, terms.var(axis=0)
    share = np.maximum(share, 0)
    total = share.sum()
    return share / total if total > 0 else share
