"""Losses on raw outputs (logits): value and gradient of each example, from one pass.

A loss turns stored targets into what it compares with (`bind_targets`), then
`value_and_gradient(z, t, dz)` returns the losses, one per example, and writes dL/dz into dz; z is
spoilt. The caller weighs and sums over examples. Sums over outputs are taken here: a multi-label or
multi-output loss is the sum of its columns' losses, so that its gradient is the plain difference
the course derives.

A loss is one class, which says all that the rest has to know of it: its link, the targets that it
takes, its best constant, how far it curves, which parameters of an estimator it has. A new one for
regression is a class and a row of `REGRESSION_LOSSES`.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, Literal, Self

import numpy as np
from numpy.typing import DTypeLike

from .backend import Array, FloatType, xlogy
from .links import EXP, IDENTITY, LOGISTIC, SOFTMAX, Link
from .quantiles import quantiles

Prepare = Callable[[Array], Array]

# Up to this many classes the target rows of all of them are kept ready in a table.
MAX_TABLE_CLASSES = 256
# Halvings of an interval down to the spacing of float64.
HALVINGS = 64


@dataclass(frozen=True)
class Parameter:
    """A parameter of estimators that configures a loss: the field it becomes, and its range."""

    field: str
    low: float
    high: float | None
    closed: Literal["left", "right", "both", "neither"] = "neither"


@dataclass(frozen=True)
class TargetRange:
    """The targets that a loss takes: all above `low`, and `low` itself if it is included."""

    low: float = -math.inf
    includes_low: bool = True

    def contains(self, y: Array) -> bool:
        """Whether all of y are in it."""
        return bool((y >= self.low if self.includes_low else y > self.low).all())

    def __str__(self) -> str:
        return f"{'>=' if self.includes_low else '>'} {self.low:g}"


class Loss(ABC):
    """What the engine and the estimators ask of a loss."""

    link: ClassVar[Link]
    # What no second derivative by the logits exceeds; infinite where the gradient may jump.
    curvature_bound: ClassVar[float] = math.inf
    parameters: ClassVar[Mapping[str, Parameter]] = {}

    @classmethod
    def of(cls, parameters: Mapping[str, float]) -> Self:
        """The loss as an estimator's values of `parameters` configure it."""
        return cls(**{own.field: parameters[name] for name, own in cls.parameters.items()})

    @property
    def targets_are_shared(self) -> bool:
        """Whether all models of a population compare with the same targets."""
        return True

    def as_matrix(self, y: Array, dtype: DTypeLike) -> Array:
        """Targets as floats, a column per output."""
        return y.astype(dtype, copy=False)

    @abstractmethod
    def are_targets(self, y: Array) -> bool:
        """Whether a float matrix can be learnt from."""

    @abstractmethod
    def bind_targets(self, out: Array) -> Prepare:
        """A function from stored targets to what they are compared as, maybe written into out."""

    @abstractmethod
    def value_and_gradient(self, z: Array, t: Array, dz: Array) -> Array:
        """The losses of logits z at prepared targets t; dL/dz is written into dz, z is spoilt."""

    @abstractmethod
    def best_constant(self, targets: Array, weights: Array | None = None) -> Array:
        """The raw outputs (n_out,) of least mean loss that are the same for all rows.

        For one model's loss and prepared targets (n, n_out); not all weights are zero.
        """


def _mean(targets: Array, weights: Array | None) -> Array:
    mean: Array = np.average(np.asarray(targets, dtype=np.float64), axis=0, weights=weights)
    return mean


def _log(mean: Array) -> Array:
    """The logarithm, of zero a finite one: no smaller than that of the smallest number."""
    return np.log(np.maximum(mean, np.finfo(np.float64).tiny))


def _quantile(targets: Array, level: float, weights: Array | None) -> Array:
    """The quantile of each column that minimises the pinball loss; of two equally good, halfway."""
    if weights is not None:
        targets, weights = targets[weights > 0], weights[weights > 0]
    wanted = np.array([level])
    return np.concatenate([quantiles(column, wanted, weights) for column in targets.T])


@cache
def _lowest_exponent(dtype: FloatType) -> Array:
    """The exponent at which probabilities in a gradient cease to fall, at 6e-33 in float32.

    A network that is sure of itself would otherwise fill its gradients with denormal numbers, over
    which processors take many times as long: on digits, products took twice the time.
    """
    return np.asarray(0.85 * np.log(np.finfo(dtype).tiny), dtype=dtype)


def _as_they_are(y: Array) -> Array:
    return y


def _bind_probabilities(out: Array, low: Array, high: Array) -> Prepare:
    slope = high - low

    def prepare(probabilities: Array) -> Array:
        np.multiply(probabilities, slope, out=out)
        return np.add(out, low, out=out)

    return prepare


def _bind_scattered_targets(out: Array, low: Array, high: Array) -> Prepare:
    rows = np.arange(out.shape[-2])
    peak = high if high.ndim == 0 else high[..., 0]

    def prepare(codes: Array) -> Array:
        out[...] = low
        out[..., rows, codes] = peak
        return out

    return prepare


# ---------------------------------------------------------------------------------------- classes

LABEL_SMOOTHING = {"label_smoothing": Parameter("label_smoothing", 0, 1, closed="left")}


@dataclass(frozen=True, eq=False)
class SoftmaxCrossEntropy(Loss):
    """L = log Σ exp z − Σ t z for class codes; t is the one-hot row, smoothed if asked (II 3.4).

    Instead of codes there may be rows of probabilities, one column per class.
    """

    n_classes: int
    label_smoothing: float | Array = 0.0
    link: ClassVar[Link] = SOFTMAX
    curvature_bound: ClassVar[float] = 1 / 2
    parameters: ClassVar[Mapping[str, Parameter]] = LABEL_SMOOTHING

    @property
    def targets_are_shared(self) -> bool:
        return np.ndim(self.label_smoothing) == 0

    def as_matrix(self, y: Array, dtype: DTypeLike) -> Array:
        """Targets as floats, a column per output: one-hot rows."""
        matrix = np.zeros((y.shape[0], self.n_classes), dtype=dtype)
        matrix[np.arange(y.shape[0]), y] = 1
        return matrix

    def are_targets(self, y: Array) -> bool:
        """Whether a float matrix can be learnt from: rows of probabilities."""
        return bool((y >= 0).all() and np.allclose(y.sum(axis=-1), 1, atol=1e-3))

    def bind_targets(self, out: Array) -> Prepare:
        smoothing = np.asarray(self.label_smoothing)
        low = (smoothing / self.n_classes).astype(out.dtype)
        high = (1 - smoothing + smoothing / self.n_classes).astype(out.dtype)
        from_codes = self._bind_codes(out, low, high)
        from_probabilities = _bind_probabilities(out, low, high)

        def prepare(y: Array) -> Array:
            return from_codes(y) if y.ndim == 1 else from_probabilities(y)

        return prepare

    def _bind_codes(self, out: Array, low: Array, high: Array) -> Prepare:
        if self.n_classes > MAX_TABLE_CLASSES:
            return _bind_scattered_targets(out, low, high)
        # Symmetric, so its columns are its rows; `out` has its columns contiguous.
        table = np.where(np.eye(self.n_classes, dtype=bool), high, low)
        columns = out.swapaxes(-1, -2)

        def prepare(codes: Array) -> Array:
            table.take(codes, axis=-1, out=columns, mode="clip")
            return out

        return prepare

    def value_and_gradient(self, z: Array, t: Array, dz: Array) -> Array:
        np.subtract(z, np.maximum.reduce(z, axis=-1, keepdims=True), out=z)
        np.maximum(z, _lowest_exponent(z.dtype), out=dz)
        np.exp(dz, out=dz)
        total: Array = np.add.reduce(dz, axis=-1, keepdims=True)
        np.divide(dz, total, out=dz)
        np.subtract(dz, t, out=dz)
        losses: Array = np.log(total)[..., 0] - np.vecdot(z, t)
        return losses

    def best_constant(self, targets: Array, weights: Array | None = None) -> Array:
        """The logarithms of the classes' frequencies."""
        return _log(_mean(targets, weights))


@dataclass(frozen=True, eq=False)
class LogisticCrossEntropy(Loss):
    """L = log(1 + exp z) − t z, one logistic loss per column: one for two classes, or one a label.

    With smoothing s the targets 0 and 1 become s/2 and 1 − s/2, softmax's for two classes. Targets
    may be probabilities, too.
    """

    label_smoothing: float | Array = 0.0
    link: ClassVar[Link] = LOGISTIC
    curvature_bound: ClassVar[float] = 1 / 4
    parameters: ClassVar[Mapping[str, Parameter]] = LABEL_SMOOTHING

    @property
    def targets_are_shared(self) -> bool:
        return np.ndim(self.label_smoothing) == 0

    def are_targets(self, y: Array) -> bool:
        """Whether a float matrix can be learnt from: probabilities."""
        return bool(((y >= 0) & (y <= 1)).all())

    def bind_targets(self, out: Array) -> Prepare:
        smoothing = np.asarray(self.label_smoothing)
        slope, offset = (1 - smoothing).astype(out.dtype), (smoothing / 2).astype(out.dtype)

        def prepare(y: Array) -> Array:
            np.multiply(y, slope, out=out)
            shifted: Array = np.add(out, offset, out=out)
            return shifted

        return prepare

    def value_and_gradient(self, z: Array, t: Array, dz: Array) -> Array:
        # With e = exp(−|z|), which cannot overflow, L = max(z, 0) − t z + log(1 + e) and
        # σ(z) = (1 if z >= 0 else e) / (1 + e). NumPy's exp and log1p are several times as fast as
        # expit.
        e = np.abs(z, out=dz)
        np.negative(e, out=e)
        np.maximum(e, _lowest_exponent(z.dtype), out=e)
        np.exp(e, out=e)
        # The first two terms as one: to a tiny log they are added once they have cancelled.
        losses = np.maximum(z, 0) - t * z
        np.add(losses, np.log1p(e), out=losses)
        np.greater_equal(z, 0, out=z)
        np.maximum(z, e, out=z)
        np.add(e, 1, out=e)
        np.divide(z, e, out=dz)
        np.subtract(dz, t, out=dz)
        return np.asarray(np.add.reduce(losses, axis=-1))

    def best_constant(self, targets: Array, weights: Array | None = None) -> Array:
        """The log-odds of each column's frequency."""
        frequency = _mean(targets, weights)
        return _log(frequency) - _log(1 - frequency)


# ---------------------------------------------------------------------------------------- numbers


@dataclass(frozen=True)
class RegressionLoss(Loss):
    """Targets are compared as they are."""

    name: ClassVar[str]
    link: ClassVar[Link] = IDENTITY
    targets: ClassVar[TargetRange] = TargetRange()
    # Whether predictions are scored by the part of this loss that they explain, D², and not by R².
    scored_by_itself: ClassVar[bool] = False

    def are_targets(self, y: Array) -> bool:
        return bool(np.isfinite(y).all()) and self.targets.contains(y)

    def check_targets(self, y: Array, name: str) -> None:
        """Raise where y, called by this name in the message, is not in the range of targets."""
        if not self.targets.contains(y):
            raise ValueError(
                f"loss={self.name!r} needs `{name}` {self.targets}, got a minimum of {y.min()}."
            )

    def bind_targets(self, out: Array) -> Prepare:
        return _as_they_are

    def explained(self, logits: Array, targets: Array, weights: Array | None = None) -> float:
        """D²: 1 − the mean loss / that of the best constant, averaged over outputs.

        Conventions are scikit-learn's: NaN for one row; a constant target gives 1 or 0.
        """
        if targets.shape[0] < 2:
            return math.nan
        constant = np.broadcast_to(self.best_constant(targets, weights), targets.shape)
        lost, there_is = (self._of_each_output(z, targets, weights) for z in (logits, constant))
        unexplained = np.divide(lost, there_is, out=np.sign(lost), where=there_is > 0)
        return float(np.mean(1 - unexplained))

    def _of_each_output(self, logits: Array, targets: Array, weights: Array | None) -> Array:
        """Mean losses in float64: as those of models with one output each."""
        z, t = (np.array(a.T[..., np.newaxis], dtype=np.float64) for a in (logits, targets))
        losses = self.value_and_gradient(z, t, np.empty_like(z))
        # No loss is negative but by rounding.
        return np.asarray(np.maximum(np.average(losses, axis=-1, weights=weights), 0))


@dataclass(frozen=True)
class SquaredError(RegressionLoss):
    """L = (z − y)² / 2."""

    name: ClassVar[str] = "squared_error"
    curvature_bound: ClassVar[float] = 1.0

    def value_and_gradient(self, z: Array, t: Array, dz: Array) -> Array:
        np.subtract(z, t, out=dz)
        return np.asarray(np.vecdot(dz, dz) * 0.5)

    def best_constant(self, targets: Array, weights: Array | None = None) -> Array:
        """The mean."""
        return _mean(targets, weights)


@dataclass(frozen=True)
class AbsoluteError(RegressionLoss):
    """L = |z − y|."""

    name: ClassVar[str] = "absolute_error"

    def value_and_gradient(self, z: Array, t: Array, dz: Array) -> Array:
        np.subtract(z, t, out=z)
        np.sign(z, out=dz)
        return np.asarray(np.vecdot(z, dz))

    def best_constant(self, targets: Array, weights: Array | None = None) -> Array:
        """The median."""
        return _quantile(targets, 0.5, weights)


@dataclass(frozen=True, eq=False)
class Huber(RegressionLoss):
    """L = r²/2 for |r| ≤ δ, else δ (|r| − δ/2), r = z − y; the gradient is r clipped at ±δ."""

    delta: float | Array = 1.0
    name: ClassVar[str] = "huber"
    curvature_bound: ClassVar[float] = 1.0
    parameters: ClassVar[Mapping[str, Parameter]] = {"huber_delta": Parameter("delta", 0, None)}

    def value_and_gradient(self, z: Array, t: Array, dz: Array) -> Array:
        np.subtract(z, t, out=z)
        np.clip(z, -self.delta, self.delta, out=dz)
        # c r − c²/2 with c the clipped residual is both branches at once.
        np.subtract(z, dz / 2, out=z)
        return np.asarray(np.vecdot(z, dz))

    def best_constant(self, targets: Array, weights: Array | None = None) -> Array:
        """Where the clipped residuals cancel, between the smallest and the largest target."""
        y = np.asarray(targets, dtype=np.float64)
        w = np.ones(y.shape[0]) if weights is None else weights
        low, high = y.min(axis=0), y.max(axis=0)
        for _ in range(HALVINGS):
            middle = low / 2 + high / 2
            is_above = w @ np.clip(middle - y, -self.delta, self.delta) > 0
            low, high = np.where(is_above, low, middle), np.where(is_above, middle, high)
        return np.asarray(low / 2 + high / 2)


@dataclass(frozen=True, eq=False)
class Quantile(RegressionLoss):
    """The pinball loss, L = max((1 − q) r, −q r), r = z − y, which the quantile q minimises."""

    quantile: float | Array = 0.5
    name: ClassVar[str] = "quantile"
    scored_by_itself: ClassVar[bool] = True
    # At 0 and 1 any prediction beyond all targets is as good: a network would drift off for good.
    parameters: ClassVar[Mapping[str, Parameter]] = {"quantile": Parameter("quantile", 0, 1)}

    def value_and_gradient(self, z: Array, t: Array, dz: Array) -> Array:
        np.subtract(z, t, out=z)
        np.greater(z, 0, out=dz)
        np.subtract(dz, self.quantile, out=dz)
        return np.asarray(np.vecdot(z, dz))

    def best_constant(self, targets: Array, weights: Array | None = None) -> Array:
        """The quantile."""
        return _quantile(targets, float(self.quantile), weights)


@dataclass(frozen=True)
class Poisson(RegressionLoss):
    """Half the Poisson deviance with a log link: L = exp z − y z + y log y − y."""

    name: ClassVar[str] = "poisson"
    link: ClassVar[Link] = EXP
    targets: ClassVar[TargetRange] = TargetRange(0)

    def value_and_gradient(self, z: Array, t: Array, dz: Array) -> Array:
        np.exp(z, out=dz)
        losses = np.add.reduce(dz - t * z + (xlogy(t, t) - t), axis=-1)
        np.subtract(dz, t, out=dz)
        return np.asarray(losses)

    def best_constant(self, targets: Array, weights: Array | None = None) -> Array:
        """The logarithm of the mean."""
        return _log(_mean(targets, weights))


@dataclass(frozen=True)
class Gamma(RegressionLoss):
    """Half the gamma deviance with a log link: L = u + exp(−u) − 1, u = z − log y."""

    name: ClassVar[str] = "gamma"
    link: ClassVar[Link] = EXP
    targets: ClassVar[TargetRange] = TargetRange(0, includes_low=False)
    scored_by_itself: ClassVar[bool] = True

    def value_and_gradient(self, z: Array, t: Array, dz: Array) -> Array:
        np.subtract(z, np.log(t), out=z)
        np.negative(z, out=dz)
        # Not exp(−u) − 1, which rounds away the losses of good predictions.
        np.expm1(dz, out=dz)
        np.add(z, dz, out=z)
        np.negative(dz, out=dz)
        return np.asarray(np.add.reduce(z, axis=-1))

    def best_constant(self, targets: Array, weights: Array | None = None) -> Array:
        """The logarithm of the mean."""
        return _log(_mean(targets, weights))


# All that `loss` can be.
REGRESSION_LOSSES: dict[str, type[RegressionLoss]] = {
    loss.name: loss for loss in (SquaredError, AbsoluteError, Huber, Poisson, Quantile, Gamma)
}
LOSSES: tuple[type[Loss], ...] = (
    SoftmaxCrossEntropy,
    LogisticCrossEntropy,
    *REGRESSION_LOSSES.values(),
)
# The estimators' parameters that are part of a loss.
LOSS_PARAMETERS = frozenset().union(*(loss.parameters for loss in LOSSES))
