"""Bins of a numeric feature: their edges, where a value lies among them, what they hold on average.

A value's *position* is the number of bins that it has passed, with a fraction for the one it is in.
One number thus stands for the whole encoding: column b of it is clip(position − b, 0, 1).
"""

import numpy as np

from .._arguments import ErrorsName
from .._engine.backend import Array
from .._engine.quantiles import quantiles

# The smallest part of the rows that a bin is made for where others hold single values.
SMALLEST_SHARE = 1 / 128


def bin_edges(values: Array, n_bins: int, weights: Array | None) -> Array:
    """Ends of at most n_bins bins of equal weight; fewer than two ends are no bin.

    A single value counts for no more than a bin. Otherwise the zeros that most rows have of an
    amount would leave the amounts of the others, which tell the more, to one bin or two.
    """
    if values.size == 0:
        return np.empty(0)
    distinct, share = _distinct(values, weights)
    edges = distinct
    if distinct.size > 2:
        with ErrorsName("n_bins"):
            levels = np.linspace(0, 1, n_bins + 1)
        edges = np.unique(quantiles(distinct, levels, _capped(share, n_bins)))
    # A bin narrower than the smallest normal number has no slope that can be computed with.
    with np.errstate(over="ignore"):
        wide = np.diff(edges) > np.finfo(np.float64).tiny
    return edges[np.concatenate([[True], wide])]


def _distinct(values: Array, weights: Array | None) -> tuple[Array, Array]:
    """The distinct values in rising order, and each one's weight."""
    if weights is None:
        distinct, counts = np.unique(values, return_counts=True)
        return distinct, counts.astype(np.float64)
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    first = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    return ordered[first], np.add.reduceat(weights[order], first)


def _capped(share: Array, n_bins: int) -> Array:
    """Weights of distinct values, those of more than a bin's cut down to a bin's.

    With m values cut down and a rest R, a bin's weight c is (m c + R) / n_bins: c = R / (n_bins −
    m). It is no less than the smallest that a bin is made for.
    """
    total = share.sum()
    if share.max() <= total / n_bins:
        return share
    largest = np.sort(share)[::-1][:n_bins]
    rest = total - np.concatenate([[0], largest.cumsum()[:-1]])
    caps = rest / (n_bins - np.arange(largest.size))
    # The first at which no other value has more than a bin's weight.
    fits = np.flatnonzero(largest <= caps)
    cap = caps[fits[0]] if fits.size else 0.0
    capped: Array = np.minimum(share, max(cap, total * SMALLEST_SHARE))
    return capped


def positions(values: Array, edges: Array) -> Array:
    """Positions among at least two edges, in [0, number of bins]; NaN stays NaN."""
    found: Array = np.interp(values, edges, np.arange(edges.size, dtype=np.float64))
    return found


def bin_moments(position: Array, n_bins: int, weights: Array | None) -> tuple[Array, Array]:
    """Mean and variance (n_bins,) of each column of the encoding, of rows without missing ones.

    Linear in the number of rows: a row is in one bin, and has passed all before.
    """
    inside = np.minimum(position.astype(np.intp), n_bins - 1)
    share = position - inside
    weight = np.ones_like(position) if weights is None else weights

    def total(amount: Array) -> Array:
        return np.bincount(inside, weights=amount, minlength=n_bins)

    here = total(weight)
    passed = here[::-1].cumsum()[::-1] - here
    mean = (passed + total(weight * share)) / here.sum()
    mean_square = (passed + total(weight * share**2)) / here.sum()
    return mean, np.maximum(mean_square - mean**2, 0)
