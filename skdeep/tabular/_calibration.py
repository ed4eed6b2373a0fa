"""From the mean of the members' probabilities to those that are predicted.

Members are trained on smoothed labels, so what they give is (1 − s) p + s / C. That is undone
first. Then one power β, p ∝ pᵝ, makes the log-loss of held-out rows least: the members of a small
table are surer of themselves than they ought to be, or less so.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_softmax, logsumexp, softmax

from .._engine.backend import Array
from .._engine.records import recorded

# No class is ruled out by less than this, or by a fiftieth of its share where classes are many.
FLOOR, SHARE_OF_FLOOR = 0.002, 0.02
# How far a temperature may go, β from an eighth to eight.
LARGEST_LOG_BETA = float(np.log(8))


@recorded
@dataclass(frozen=True)
class Calibration:
    """Of probabilities that sum to one in a row: smoothing s undone, then the power β."""

    smoothing: float
    beta: float = 1.0

    def apply(self, q: Array) -> Array:
        """Calibrated probabilities of shape (n, n_classes)."""
        return np.asarray(softmax(self._powers(q), axis=-1))

    def log(self, q: Array) -> Array:
        """Their logarithms, also where they round to zero."""
        return np.asarray(log_softmax(self._powers(q), axis=-1))

    def _powers(self, q: Array) -> Array:
        """The logarithms of what is to be made to sum to one."""
        powers: Array = self.beta * np.log(self.unsmoothed(q))
        return powers

    def unsmoothed(self, q: Array) -> Array:
        """What probabilities would be if labels had not been smoothed."""
        p = unsmoothed(q, self.smoothing, q.shape[-1])
        return p / p.sum(axis=-1, keepdims=True)

    def fitted(self, q: Array, codes: Array, weights: Array | None) -> "Calibration":
        """The same with the β of least log-loss for these probabilities and classes."""
        log_p = np.log(self.unsmoothed(np.asarray(q, dtype=np.float64)))
        n_rows = log_p.shape[0]
        doubt = _doubt(n_rows)
        # What stands in the log-loss beside the normalisation: log p of the class, or of a doubt.
        of_class = (1 - doubt) * log_p[np.arange(n_rows), codes] + doubt * log_p.mean(axis=-1)

        def log_loss(log_beta: float) -> float:
            beta = np.exp(log_beta)
            losses = logsumexp(beta * log_p, axis=-1) - beta * of_class
            return float(np.average(losses, weights=weights))

        return Calibration(self.smoothing, _least(log_loss))


@recorded
@dataclass(frozen=True, eq=False)
class ColumnCalibration:
    """Of a probability per column, each its own: smoothing undone, then a power of the odds."""

    smoothing: float
    beta: Array

    def log_odds(self, q: Array) -> Array:
        """The logarithms of calibrated odds, of shape (n, n_columns)."""
        p = unsmoothed(q, self.smoothing, 2)
        odds: Array = self.beta * (np.log(p) - np.log1p(-p))
        return odds

    def apply(self, q: Array) -> Array:
        """Calibrated probabilities of shape (n, n_columns)."""
        return np.asarray(expit(self.log_odds(q)))

    def fitted(self, q: Array, targets: Array, weights: Array | None) -> "ColumnCalibration":
        """The same with each column's β of least log-loss for these probabilities and targets."""
        p = unsmoothed(np.asarray(q, dtype=np.float64), self.smoothing, 2)
        log_odds = np.log(p) - np.log1p(-p)
        columns = zip(log_odds.T, targets.T, strict=True)
        beta = np.array([_least_of_column(z, t, weights) for z, t in columns])
        return ColumnCalibration(self.smoothing, beta.astype(q.dtype))


def unsmoothed(q: Array, smoothing: float, n_classes: int) -> Array:
    """(q − s / C) / (1 − s), no closer to 0 and 1 than the floor."""
    floor = floor_of(n_classes)
    p = (q - smoothing / n_classes) / (1 - smoothing)
    return np.clip(p, floor, 1 - floor)


def floor_of(n_classes: int) -> float:
    """What no probability is less than."""
    return min(FLOOR, SHARE_OF_FLOOR / n_classes)


def _doubt(n_rows: int) -> float:
    """By how much a label is believed to be another one, so that n rows prove nothing for sure.

    Were all of them predicted right, no β would be too large. Half a row is added that is not
    (Krichevsky and Trofimov, 1981).
    """
    return 0.5 / (n_rows + 1)


def _least_of_column(z: Array, t: Array, weights: Array | None) -> float:
    doubt = _doubt(z.shape[0])
    t = (1 - doubt) * t + doubt / 2

    def log_loss(log_beta: float) -> float:
        scaled = np.exp(log_beta) * z
        losses = np.logaddexp(0, scaled) - t * scaled
        return float(np.average(losses, weights=weights))

    return _least(log_loss)


def _least(log_loss: Callable[[float], float]) -> float:
    """The β at which the loss is least."""
    bounds = (-LARGEST_LOG_BETA, LARGEST_LOG_BETA)
    found = minimize_scalar(log_loss, bounds=bounds, method="bounded")
    return float(np.exp(found.x))
