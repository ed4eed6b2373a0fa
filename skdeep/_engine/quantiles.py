"""Quantiles of weighted values.

A quantile is where the weighted distribution function reaches a level; where it stays at that level
up to the next value, halfway between the two. So a row of weight 2 is two rows, and all weights
times a constant change nothing.
"""

import numpy as np

from .backend import Array

# Sums of weights are this close, as shares of the total, where only rounding tells them apart.
_ROUNDING = 1e-11


def quantiles(values: Array, levels: Array, weights: Array | None = None) -> Array:
    """The averaged inverted distribution function of finite `values` (n,) at `levels` (k,).

    Without weights it is ``np.quantile(values, levels, method="averaged_inverted_cdf")``. Weights
    are positive.
    """
    if weights is None:
        ordered, weight_up_to = np.sort(values), np.arange(1.0, values.size + 1)
    else:
        order = np.argsort(values)
        ordered, weight_up_to = values[order], np.cumsum(weights[order], dtype=np.float64)
    total = weight_up_to[-1]
    wanted, rounding = np.asarray(levels) * total, _ROUNDING * total
    last = ordered.size - 1
    # The first value by which the level is reached, and the first by which it is passed.
    low = np.searchsorted(weight_up_to, wanted - rounding, side="left")
    high = np.searchsorted(weight_up_to, wanted + rounding, side="right")
    return _halfway(ordered[np.minimum(low, last)], ordered[np.minimum(high, last)])


def _halfway(low: Array, high: Array) -> Array:
    """The mean, exact where both are equal and finite where their sum is not."""
    return np.where(low == high, low, 0.5 * low + 0.5 * high)
