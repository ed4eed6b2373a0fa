"""The dev set, and checks of what comes with it: arrays and weights whose errors name them."""

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils.validation import check_array

from .._engine.backend import Array


@dataclass
class ValidationSet:
    """The dev set: rows of its own, or rows of X picked by number."""

    x: Any
    y: Array
    sample_weight: Array | None
    index: Array | None
    labels: Any

    @property
    def weights(self) -> Array | None:
        if self.sample_weight is None or self.index is None:
            return self.sample_weight
        return self.sample_weight[self.index]

    @property
    def targets(self) -> Array:
        return self.y if self.index is None else self.y[self.index]


def checked_array(values: Any, dtype: Any, name: str) -> Any:
    """`check_array`, whose errors name the argument also where a conversion fails."""
    try:
        return check_array(values, ensure_2d=False, dtype=dtype, input_name=name)
    except (TypeError, ValueError) as error:
        if name in str(error):
            raise
        raise ValueError(f"{name} must hold numbers: {error}") from error


def checked_weights(weights: Any, n_samples: int, dtype: Any, name: str) -> Array | None:
    """One weight per row in dtype, or None; negative or all-zero weights raise."""
    if weights is None:
        return None
    if isinstance(weights, Real):
        weights = np.full(n_samples, weights)
    checked = checked_array(weights, dtype, name)
    if checked.ndim != 1:
        raise ValueError(f"{name} must be 1D, got an array of shape {checked.shape}.")
    if checked.shape[0] != n_samples:
        raise ValueError(
            f"{name} must have one value per row ({n_samples}), got {checked.shape[0]}."
        )
    if (checked < 0).any():
        raise ValueError(f"{name} must not be negative, got a minimum of {checked.min()}.")
    if not checked.any():
        raise ValueError(f"{name} must have at least one positive value, all are zero.")
    mean, limits = float(checked.mean(dtype=np.float64)), np.finfo(checked.dtype)
    if not limits.tiny**0.5 < mean < limits.max**0.5:
        raise ValueError(
            f"{name} has a mean of {mean:.3g}, too far from 1 to compute with in {checked.dtype}. "
            "Divide it by its mean, and alpha with it."
        )
    return checked


def weighted_share(correct: Array, weights: Array | None) -> float:
    """The weighted mean of a boolean array; NaN where no row has weight."""
    if weights is None:
        return float(correct.mean())
    total = weights.sum()
    return float((correct * weights).sum() / total) if total > 0 else math.nan
