"""Targets of a regression as members see them, and back.

Where raw outputs are in the target's units, targets are standardised: one learning rate suits them
all. A log link has no such units. Members' raw outputs are kept within those that the targets of
training have, since between bins' outermost edges a network knows nothing.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_consistent_length

from .._arguments import ErrorsName
from .._engine.backend import Array, FloatType, Matrix
from .._engine.links import Link
from .._engine.records import recorded
from .._inputs import MatrixLike
from ..estimators._validation import validated_y


@recorded
@dataclass(frozen=True, eq=False)
class TargetScale:
    """Column by column: what is subtracted, what is divided by, and the range of raw outputs."""

    mean: Array
    scale: Array
    lowest: Array
    highest: Array

    @classmethod
    def of(cls, targets: Array, weights: Array | None, link: Link) -> Self:
        """Learnt from targets (n, n_outputs) of positive weight."""
        n_outputs = targets.shape[1]
        mean, scale = np.zeros(n_outputs), np.ones(n_outputs)
        if link.keeps_units:
            mean = np.average(targets, axis=0, weights=weights)
            scale = _deviation(targets - mean, weights)
            ends = [(end - mean) / scale for end in (targets.min(axis=0), targets.max(axis=0))]
        else:
            ends = [_raw_or_infinite(targets.min(axis=0), link), link.raw(targets.max(axis=0))]
        return cls(mean, scale, *ends)

    def standardised(self, targets: Array, dtype: FloatType) -> Array:
        """Targets as the loss compares with them."""
        return np.asarray(((targets - self.mean) / self.scale).astype(dtype))

    def clip(self, raw: Array) -> Array:
        """Raw outputs within the range of training, in place."""
        clipped: Array = np.clip(raw, self.lowest, self.highest, out=raw)
        return clipped

    def restored(self, predictions: Array) -> Array:
        """Predictions in the target's units."""
        return np.asarray(predictions * self.scale + self.mean)


def _deviation(residuals: Array, weights: Array | None) -> Array:
    """Root mean square of each column, 1 of one that is zero; no square is too large or small."""
    largest = np.abs(residuals).max(axis=0)
    largest = np.where(largest > 0, largest, 1.0)
    mean_square = np.average((residuals / largest) ** 2, axis=0, weights=weights)
    return np.where(mean_square > 0, largest * np.sqrt(mean_square), 1.0)


def _raw_or_infinite(predictions: Array, link: Link) -> Array:
    """Raw outputs of predictions, −∞ for those that no raw output gives."""
    return np.where(predictions > 0, link.raw(predictions), -np.inf)


def checked_y(estimator: BaseEstimator, y: MatrixLike | None, n_rows: int, name: str) -> Matrix:
    """y as scikit-learn checks it, for a table of n_rows; a single column has one axis."""
    with ErrorsName(name):
        checked = validated_y(estimator, y, name)
        check_consistent_length(np.empty(n_rows), checked)
    return checked
