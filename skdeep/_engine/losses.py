"""Losses on raw outputs (logits): value and gradient of each example, from one pass.

A loss turns stored targets into what it compares with (`bind_targets`), then
`value_and_gradient(z, t, dz)` returns the losses, one per example, and writes dL/dz into dz; z is
spoilt. The caller weighs and sums over examples. Sums over outputs are taken here: a multi-label or
multi-output loss is the sum of its columns' losses, so that its gradient is the plain difference
the course derives.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np

from .backend import Array, expit, xlogy

Prepare = Callable[[Array], Array]

# Up to this many classes the target rows of all of them are kept ready in a table.
MAX_TABLE_CLASSES = 256


@cache
def _lowest_exponent(dtype: np.dtype[Any]) -> Array:
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


@dataclass(frozen=True, eq=False)
class SoftmaxCrossEntropy:
    """L = log Σ exp z − Σ t z for class codes; t is the one-hot row, smoothed if asked (II 3.4).

    Instead of codes there may be rows of probabilities, one column per class.
    """

    n_classes: int
    label_smoothing: float | Array = 0.0
    link: ClassVar[str] = "softmax"

    @property
    def targets_are_shared(self) -> bool:
        return np.ndim(self.label_smoothing) == 0

    def as_matrix(self, codes: Array, dtype: Any) -> Array:
        """Targets as floats, a column per output: one-hot rows."""
        matrix = np.zeros((codes.shape[0], self.n_classes), dtype=dtype)
        matrix[np.arange(codes.shape[0]), codes] = 1
        return matrix

    @staticmethod
    def are_targets(y: Array) -> bool:
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
        total = np.add.reduce(dz, axis=-1, keepdims=True)
        np.divide(dz, total, out=dz)
        np.subtract(dz, t, out=dz)
        return np.log(total)[..., 0] - np.vecdot(z, t)


@dataclass(frozen=True, eq=False)
class LogisticCrossEntropy:
    """L = log(1 + exp z) − t z, one logistic loss per column: one for two classes, or one a label.

    With smoothing s the targets 0 and 1 become s/2 and 1 − s/2, softmax's for two classes. Targets
    may be probabilities, too.
    """

    label_smoothing: float | Array = 0.0
    link: ClassVar[str] = "logistic"

    @property
    def targets_are_shared(self) -> bool:
        return np.ndim(self.label_smoothing) == 0

    def as_matrix(self, y: Array, dtype: Any) -> Array:
        """Targets as floats, a column per output."""
        return y.astype(dtype, copy=False)

    @staticmethod
    def are_targets(y: Array) -> bool:
        """Whether a float matrix can be learnt from: probabilities."""
        return bool(((y >= 0) & (y <= 1)).all())

    def bind_targets(self, out: Array) -> Prepare:
        smoothing = np.asarray(self.label_smoothing)
        slope, offset = (1 - smoothing).astype(out.dtype), (smoothing / 2).astype(out.dtype)

        def prepare(y: Array) -> Array:
            np.multiply(y, slope, out=out)
            return np.add(out, offset, out=out)

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


@dataclass(frozen=True)
class _RegressionLoss:
    """Targets are compared as they are."""

    link: ClassVar[str] = "identity"
    targets_are_shared: ClassVar[bool] = True

    def as_matrix(self, y: Array, dtype: Any) -> Array:
        """Targets as floats, a column per output."""
        return y.astype(dtype, copy=False)

    @staticmethod
    def are_targets(y: Array) -> bool:
        """Whether a float matrix can be learnt from."""
        return bool(np.isfinite(y).all())

    def bind_targets(self, out: Array) -> Prepare:
        return _as_they_are


@dataclass(frozen=True)
class SquaredError(_RegressionLoss):
    """L = (z − y)² / 2."""

    def value_and_gradient(self, z: Array, t: Array, dz: Array) -> Array:
        np.subtract(z, t, out=dz)
        return np.asarray(np.vecdot(dz, dz) * 0.5)


@dataclass(frozen=True)
class AbsoluteError(_RegressionLoss):
    """L = |z − y|."""

    def value_and_gradient(self, z: Array, t: Array, dz: Array) -> Array:
        np.subtract(z, t, out=z)
        np.sign(z, out=dz)
        return np.asarray(np.vecdot(z, dz))


@dataclass(frozen=True, eq=False)
class Huber(_RegressionLoss):
    """L = r²/2 for |r| ≤ δ, else δ (|r| − δ/2), r = z − y; the gradient is r clipped at ±δ."""

    delta: float | Array = 1.0

    def value_and_gradient(self, z: Array, t: Array, dz: Array) -> Array:
        np.subtract(z, t, out=z)
        np.clip(z, -self.delta, self.delta, out=dz)
        # c r − c²/2 with c the clipped residual is both branches at once.
        np.subtract(z, dz / 2, out=z)
        return np.asarray(np.vecdot(z, dz))


@dataclass(frozen=True)
class Poisson(_RegressionLoss):
    """Half the Poisson deviance with a log link: L = exp z − y z + y log y − y."""

    link: ClassVar[str] = "exp"

    @staticmethod
    def are_targets(y: Array) -> bool:
        """Whether a float matrix can be learnt from."""
        return bool((np.isfinite(y) & (y >= 0)).all())

    def value_and_gradient(self, z: Array, t: Array, dz: Array) -> Array:
        np.exp(z, out=dz)
        losses = np.add.reduce(dz - t * z + (xlogy(t, t) - t), axis=-1)
        np.subtract(dz, t, out=dz)
        return np.asarray(losses)


Loss = SoftmaxCrossEntropy | LogisticCrossEntropy | SquaredError | AbsoluteError | Huber | Poisson


def apply_link(link: str, logits: Array) -> Array:
    """Predictions on the target's scale from raw outputs, in place."""
    if link == "softmax":
        np.subtract(logits, np.maximum.reduce(logits, axis=-1, keepdims=True), out=logits)
        np.exp(logits, out=logits)
        np.divide(logits, np.add.reduce(logits, axis=-1, keepdims=True), out=logits)
    elif link == "logistic":
        expit(logits, out=logits)
    elif link == "exp":
        np.exp(logits, out=logits)
    return logits
