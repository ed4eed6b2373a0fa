"""The norms: layers that bring their input to mean 0 and variance 1, then to a learnt scale.

Batch norm does so unit by unit over the rows of a batch, layer norm row by row over the units. Both
write over their input, the output of a dense layer, which needs no bias where a norm follows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .backend import Array, FloatType
from .initializers import Initializer
from .layers import Backward, BatchWeights, Binding, Forward, Role, UnitByUnit, Views
from .layout import Slot
from .products import product_into


@dataclass(frozen=True, eq=False)
class Norm(UnitByUnit):
    """What norms have in common: γ, which starts at one, and β."""

    role: ClassVar[Role] = Role.NORM
    # What means are taken over: the rows of a "batch", or the units of a "layer".
    kind: ClassVar[str]

    def slots(self) -> list[Slot]:
        return [Slot(self.name, "gamma", (1, self.n)), Slot(self.name, "beta", (1, self.n))]

    def draw(self, params: Views, generator: np.random.Generator, drawn: Initializer) -> None:
        super().draw(params, generator, drawn)
        params[self.name, "gamma"].fill(1)

    @property
    def intercept(self) -> str | None:
        return "beta"


@dataclass(frozen=True, eq=False)
class BatchNorm(Norm):
    """out = γ (x − μ) / √(σ² + ε) + β, μ and σ² of the batch (course II 3.2).

    Running means of μ and σ² serve prediction: each moves by running = momentum·running +
    (1 − momentum)·batch from zero, as does a running mean of ones, whose value is the factor by
    which the others are short of an average: dividing by it is the bias correction. The three are
    the rows of one array.

    A variance takes two rows at least. Of a model to which fewer rows of the batch count, whatever
    their number, the statistics stay where they are, x̂ is 0, and so is dJ/dx.
    """

    momentum: float | Array = 0.9
    epsilon: float | Array = 1e-5

    kind: ClassVar[str] = "batch"
    mixes_rows: ClassVar[bool] = True

    @property
    def can_be_padded(self) -> bool:
        # An added unit's variance is zero, and it is divided by what ε leaves of that.
        return bool(np.min(self.epsilon) > np.finfo(np.float32).tiny)

    def statistics(self) -> list[Slot]:
        return [Slot(self.name, "running", (3, self.n))]

    def bind_training(self, binding: Binding) -> tuple[Forward, Backward]:
        gamma, beta = binding.params[self.name, "gamma"], binding.params[self.name, "beta"]
        d_gamma, d_beta = binding.grads[self.name, "gamma"], binding.grads[self.name, "beta"]
        weights, ones = binding.weights, binding.ones()
        assert weights is not None
        epsilon = np.asarray(self.epsilon, dtype=gamma.dtype)
        present = np.ones((*binding.models, 3, self.n), dtype=gamma.dtype)
        mean, variance = present[..., 0:1, :], present[..., 1:2, :]
        running = binding.statistics[self.name, "running"]
        move_statistics = self._bind_moving(running, present)
        move_known_statistics = self._bind_moving_known(running, present, weights)
        inverse_std, scale, slope = (np.empty_like(gamma) for _ in range(3))
        weigh_line = self._bind_weighing(binding, weights)
        out = binding.buffer(self.name, "out", self.n)
        sum_to_mean, sum_to_variance = product_into(mean), product_into(variance)
        sum_to_d_gamma, sum_to_d_beta = product_into(d_gamma), product_into(d_beta)
        centred: Array = out

        def forward(x: Array) -> Array:
            nonlocal centred
            shares = weights.shares
            sum_to_mean(shares, x)
            centred = np.subtract(x, mean, out=x)
            np.multiply(centred, centred, out=out)
            sum_to_variance(shares, out)
            np.add(variance, epsilon, out=inverse_std)
            np.sqrt(inverse_std, out=inverse_std)
            np.reciprocal(inverse_std, out=inverse_std)
            if weights.all_known:
                move_statistics()
            else:
                move_known_statistics()
                np.copyto(inverse_std, 0, where=~weights.known)
            np.multiply(gamma, inverse_std, out=scale)
            np.multiply(centred, scale, out=out)
            return np.add(out, beta, out=out)

        # With ω the shares and x̂ the centred x by its std, dγ = Σ d x̂ and dβ = Σ d:
        # dx = γ/std · (d − ω (dβ + x̂ dγ)).
        def backward(d: Array) -> Array:
            sum_to_d_beta(ones, d)
            np.multiply(d, centred, out=out)
            sum_to_d_gamma(ones, out)
            np.multiply(d_gamma, inverse_std, out=d_gamma)
            np.multiply(d_gamma, inverse_std, out=slope)
            weigh_line(centred, slope, d_beta)
            np.subtract(d, centred, out=d)
            return np.multiply(d, scale, out=d)

        return forward, backward

    def _bind_weighing(
        self, binding: Binding, weights: BatchWeights
    ) -> Callable[[Array, Array, Array], None]:
        """The function (x, a, b) that writes ω (a x + b) over x; it may spoil a."""
        dtype = weights.shares.dtype
        share = np.asarray(1 / binding.rows, dtype=dtype)
        shift = np.empty((*binding.models, 1, self.n), dtype=dtype)

        def weigh_line(x: Array, a: Array, b: Array) -> None:
            if weights.equal:
                # ω is one number, which a and b take up without a pass over the batch.
                np.multiply(a, share, out=a)
                np.multiply(b, share, out=shift)
                np.multiply(x, a, out=x)
                np.add(x, shift, out=x)
            else:
                np.multiply(x, a, out=x)
                np.add(x, b, out=x)
                np.multiply(x, weights.column, out=x)

        return weigh_line

    def _bind_moving(self, running: Array, present: Array) -> Callable[[], None]:
        """The function that moves running statistics towards the present batch's."""
        step = np.empty_like(present)
        keep = np.asarray(self.momentum, dtype=present.dtype)
        rest = np.asarray(1 - self.momentum, dtype=present.dtype)

        def move() -> None:
            np.multiply(running, keep, out=running)
            np.multiply(present, rest, out=step)
            np.add(running, step, out=running)

        return move

    def _bind_moving_known(
        self, running: Array, present: Array, weights: BatchWeights
    ) -> Callable[[], None]:
        """The same for those models alone whose variance the batch tells."""
        moved = np.empty_like(present)
        move = self._bind_moving(moved, present)

        def move_known() -> None:
            np.copyto(moved, running)
            move()
            np.copyto(running, moved, where=weights.known)

        return move_known

    def bind_prediction(self, binding: Binding) -> Forward:
        gamma, beta = binding.params[self.name, "gamma"], binding.params[self.name, "beta"]
        mean, variance = averages(binding.statistics[self.name, "running"])
        scale, shift = scale_and_shift(gamma, beta, mean, variance, self.epsilon)

        def forward(x: Array) -> Array:
            np.multiply(x, scale, out=x)
            return np.add(x, shift, out=x)

        return forward


def averages(running: Array) -> tuple[Array, Array]:
    """The mean and the variance that running statistics stand for, of shape (*M, 1, n).

    Before any batch has been seen the statistics are zero: predict as with mean 0, variance 1.
    """
    mean, variance, weight = np.split(running, 3, axis=-2)
    seen = weight > 0
    safe = np.where(seen, weight, 1)
    return mean / safe, np.where(seen, variance / safe, 1)


def set_averages(running: Array, mean: Array, variance: Array) -> None:
    """Let running statistics stand for these, as if many batches had been seen.

    Units that stand for them already keep how much they have seen.
    """
    before = averages(running)
    changed = (before[0] != mean) | (before[1] != variance)
    after = np.concatenate([mean, variance, np.ones_like(mean)], axis=-2)
    np.copyto(running, after, where=changed)


def scale_and_shift(
    gamma: Array, beta: Array, mean: Array, variance: Array, epsilon: float | Array
) -> tuple[Array, Array]:
    """What γ (x − mean) / √(variance + ε) + β multiplies x by, and adds."""
    scale = gamma / np.sqrt(variance + epsilon)
    return scale, beta - mean * scale


@dataclass(frozen=True, eq=False)
class LayerNorm(Norm):
    """out = γ (x − μ) / √(σ² + ε) + β, μ and σ² of a row's units (Ba, Kiros and Hinton, 2016).

    Of a layer that has been padded, the first `live` units are real, of each model of a stack its
    own number of them: an array of shape (K, 1, 1). The others count for nothing and stay zero.
    """

    epsilon: float | Array = 1e-5
    live: int | Array | None = None

    kind: ClassVar[str] = "layer"

    def bind_training(self, binding: Binding) -> tuple[Forward, Backward]:
        gamma, beta = binding.params[self.name, "gamma"], binding.params[self.name, "beta"]
        d_gamma, d_beta = binding.grads[self.name, "gamma"], binding.grads[self.name, "beta"]
        out, ones = binding.buffer(self.name, "out", self.n), binding.ones()
        shares = self._shares(binding.workspace.dtype)
        counts = np.sign(shares)
        is_padded = not counts.all()
        normalise, inverse_std = self._bind_normalising(binding, shares, out)
        slope, offset = (binding.buffer(self.name, purpose, 1) for purpose in ("slope", "offset"))
        weighed = np.empty(np.broadcast_shapes(gamma.shape, shares.shape), dtype=gamma.dtype)
        weighed_T = weighed.mT
        sum_to_d_gamma, sum_to_d_beta = product_into(d_gamma), product_into(d_beta)
        sum_to_slope, sum_to_offset = product_into(slope), product_into(offset)
        normed: Array = out

        def forward(x: Array) -> Array:
            nonlocal normed
            normed = normalise(x)
            np.multiply(normed, gamma, out=out)
            return np.add(out, beta, out=out)

        # With ω the units' shares, dγ = Σ d x̂ and dβ = Σ d over the rows, and over the units
        # dx = (γ d − Σ ω γ d − x̂ Σ ω γ d x̂) / std.
        def backward(d: Array) -> Array:
            sum_to_d_beta(ones, d)
            np.multiply(d, normed, out=out)
            sum_to_d_gamma(ones, out)
            np.multiply(gamma, shares, out=weighed)
            sum_to_slope(out, weighed_T)
            sum_to_offset(d, weighed_T)
            np.multiply(normed, slope, out=normed)
            np.add(normed, offset, out=normed)
            if is_padded:
                np.multiply(normed, counts, out=normed)
            np.multiply(d, gamma, out=d)
            np.subtract(d, normed, out=d)
            return np.multiply(d, inverse_std, out=d)

        return forward, backward

    def bind_prediction(self, binding: Binding) -> Forward:
        gamma, beta = binding.params[self.name, "gamma"], binding.params[self.name, "beta"]
        squares = binding.buffer(self.name, "out", self.n)
        normalise, _ = self._bind_normalising(
            binding, self._shares(binding.workspace.dtype), squares
        )

        def forward(x: Array) -> Array:
            normalise(x)
            np.multiply(x, gamma, out=x)
            return np.add(x, beta, out=x)

        return forward

    def _shares(self, dtype: FloatType) -> Array:
        """What a unit counts for in a mean over a row, shape (1, n) or (K, 1, n)."""
        live = np.asarray(self.n if self.live is None else self.live)
        return np.where(np.arange(self.n)[np.newaxis] < live, 1 / live, 0).astype(dtype)

    def _bind_normalising(
        self, binding: Binding, shares: Array, squares: Array
    ) -> tuple[Forward, Array]:
        """The function that writes x̂ over x, and where it leaves 1 / std of each row."""
        column, epsilon = shares.mT, np.asarray(self.epsilon, dtype=shares.dtype)
        mean, std = (binding.buffer(self.name, purpose, 1) for purpose in ("mean", "std"))
        sum_to_mean, sum_to_variance = product_into(mean), product_into(std)

        def normalise(x: Array) -> Array:
            sum_to_mean(x, column)
            np.subtract(x, mean, out=x)
            np.multiply(x, x, out=squares)
            sum_to_variance(squares, column)
            np.add(std, epsilon, out=std)
            np.sqrt(std, out=std)
            np.reciprocal(std, out=std)
            return np.multiply(x, std, out=x)

        return normalise, std
