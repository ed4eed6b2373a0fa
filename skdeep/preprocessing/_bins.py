"""Bins of a numeric feature: their edges, where a value lies among them, what they hold on average.

A value's *position* is the number of bins that it has passed, with a fraction for the one it is in.
One number thus stands for the whole encoding: column b of it is clip(position − b, 0, 1).
"""

import numpy as np

from .._engine.backend import Array
from ._quantiles import quantiles


def bin_edges(values: Array, n_bins: int, weights: Array | None) -> Array:
    """The distinct ones of the n_bins + 1 evenly spaced quantiles; fewer than two are no bin."""
    if values.size == 0:
        return np.empty(0)
    edges = np.unique(quantiles(values, np.linspace(0, 1, n_bins + 1), weights))
    # A bin narrower than the smallest normal number has no slope that can be computed with.
    with np.errstate(over="ignore"):
        wide = np.diff(edges) > np.finfo(np.float64).tiny
    return edges[np.concatenate([[True], wide])]


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
