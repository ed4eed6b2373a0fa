"""The layers: dense, batch norm, activation, dropout.

A layer is configuration only. Bound to the arrays of one fit, it gives two functions, `forward(x)`
and, right below it, its derivative `backward(d)`; what the second needs of the first stays in
their common scope, in buffers made once. Bound for prediction it gives `forward` alone.
`backward` takes dJ/d(output), adds its parameters' gradients to the bound views, and returns
dJ/d(input), written into arrays it owns or over the one it was given.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .activations import ActivationFunction
from .backend import Array, Stream
from .layout import Slot

Forward = Callable[[Any], Array]
Backward = Callable[[Array], Array | None]
Views = dict[tuple[str, str], Array]


class Workspace:
    """Arrays written over again and again; each is made once, at the largest size asked for."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self._blocks: dict[tuple[str, str], Array] = {}

    def array(self, owner: str, purpose: str, shape: tuple[int, ...], dtype: Any = None) -> Array:
        size = int(np.prod(shape))
        block = self._blocks.get((owner, purpose))
        if block is None or block.size < size:
            block = np.empty(size, dtype=self.dtype if dtype is None else dtype)
            self._blocks[(owner, purpose)] = block
        return block[:size].reshape(shape)

    def columns(self, owner: str, purpose: str, shape: tuple[int, ...]) -> Array:
        """The same, each column (*M, :, k) contiguous.

        For raw outputs: a loss works row by row on a few columns, and its sums and maxima over
        them run several times as fast when they need not run along the memory.
        """
        *models, rows, width = shape
        return self.array(owner, purpose, (*models, width, rows)).swapaxes(-1, -2)


class BatchWeights:
    """The examples' weights of the present batch, as batch norm wants them: summing to one."""

    def __init__(self, rows: int, dtype: np.dtype[Any]) -> None:
        self.shares = np.full((1, rows), 1 / rows, dtype=dtype)
        self.any = True

    def set(self, weights: Array) -> None:
        total = weights.sum()
        self.any = bool(total > 0)
        if self.any:
            np.divide(weights, total, out=self.shares[0])
        else:
            # Nothing is learnt from this batch; its rows still pass through at a sane scale.
            self.shares.fill(1 / weights.shape[0])


@dataclass
class Binding:
    """What one fit or one prediction hands to its layers: views, buffers, the number of rows."""

    rows: int
    models: tuple[int, ...]
    params: Views
    workspace: Workspace
    statistics: Views
    sparse_input: bool = False
    is_output: bool = False
    grads: Views = field(default_factory=dict)
    streams: Mapping[str, Stream] = field(default_factory=dict)
    weights: BatchWeights | None = None
    needs_input_gradient: bool = True

    def buffer(self, layer: str, purpose: str, width: int, *, shared: bool = False) -> Array:
        """An array of one value per row and unit, per model unless `shared` by all models."""
        models = () if shared else self.models
        return self.workspace.array(layer, purpose, (*models, self.rows, width))

    def ones(self) -> Array:
        """A row of ones: a sum over the batch as a product runs at the speed of BLAS."""
        row = self.workspace.array("", f"ones {self.rows}", (1, self.rows))
        row.fill(1)
        return row


@dataclass(frozen=True)
class Dense:
    """z = x W + b."""

    name: str
    n_in: int
    n_out: int
    bias: bool = True

    def slots(self) -> list[Slot]:
        slots = [Slot(self.name, "W", (self.n_in, self.n_out), penalised=True)]
        if self.bias:
            slots.append(Slot(self.name, "b", (1, self.n_out)))
        return slots

    def statistics(self) -> list[Slot]:
        return []

    def bind_training(self, binding: Binding) -> tuple[Forward, Backward]:
        if binding.sparse_input:
            return self._bind_sparse_training(binding)
        forward = self.bind_prediction(binding)
        W, dW = binding.params[self.name, "W"], binding.grads[self.name, "W"]
        db = binding.grads.get((self.name, "b"))
        W_T = W.swapaxes(-1, -2)
        ones = binding.ones()
        dx = binding.buffer(self.name, "dx", self.n_in) if binding.needs_input_gradient else None
        x_T: Array = np.empty(0)

        def remember(x: Array) -> Array:
            nonlocal x_T
            x_T = x.swapaxes(-1, -2)
            return forward(x)

        def backward(dz: Array) -> Array | None:
            np.matmul(x_T, dz, out=dW)
            if db is not None:
                np.matmul(ones, dz, out=db)
            return None if dx is None else np.matmul(dz, W_T, out=dx)

        return remember, backward

    def bind_prediction(self, binding: Binding) -> Forward:
        W, b = binding.params[self.name, "W"], binding.params.get((self.name, "b"))
        if binding.is_output:
            shape = (*binding.models, binding.rows, self.n_out)
            z = binding.workspace.columns(self.name, "z", shape)
        else:
            z = binding.buffer(self.name, "z", self.n_out)
        product = _sparse_times_dense if binding.sparse_input else np.matmul

        def forward(x: Any) -> Array:
            product(x, W, out=z)
            return z if b is None else np.add(z, b, out=z)

        return forward

    def _bind_sparse_training(self, binding: Binding) -> tuple[Forward, Backward]:
        forward = self.bind_prediction(binding)
        dW, db = binding.grads[self.name, "W"], binding.grads.get((self.name, "b"))
        ones = binding.ones()
        x_T: Any = None

        def remember(x: Any) -> Array:
            nonlocal x_T
            x_T = x.T
            return forward(x)

        def backward(dz: Array) -> None:
            _sparse_times_dense(x_T, dz, out=dW)
            if db is not None:
                np.matmul(ones, dz, out=db)

        return remember, backward


def _sparse_times_dense(x: Any, dense: Array, out: Array) -> Array:
    """x @ dense into `out`; the matrices of a population lie side by side in one product."""
    if dense.ndim == 2:
        out[...] = x @ dense
    else:
        side_by_side = np.moveaxis(dense, -2, 0)
        product = x @ side_by_side.reshape(side_by_side.shape[0], -1)
        out[...] = np.moveaxis(product.reshape(-1, *side_by_side.shape[1:]), 0, -2)
    return out


@dataclass(frozen=True, eq=False)
class BatchNorm:
    """out = γ (x − μ) / √(σ² + ε) + β, μ and σ² of the batch (course II 3.2).

    Running means of μ and σ² serve prediction: each moves by running = momentum·running +
    (1 − momentum)·batch from zero, as does a running mean of ones, "weight", whose value is the
    factor by which the others are short of an average: dividing by it is the bias correction.
    """

    name: str
    n: int
    momentum: float | Array = 0.9
    epsilon: float | Array = 1e-5

    @property
    def n_in(self) -> int:
        return self.n

    @property
    def n_out(self) -> int:
        return self.n

    def slots(self) -> list[Slot]:
        return [Slot(self.name, "gamma", (1, self.n)), Slot(self.name, "beta", (1, self.n))]

    def statistics(self) -> list[Slot]:
        return [
            Slot(self.name, "mean", (1, self.n)),
            Slot(self.name, "variance", (1, self.n)),
            Slot(self.name, "weight", (1, 1)),
        ]

    def bind_training(self, binding: Binding) -> tuple[Forward, Backward]:
        gamma, beta = binding.params[self.name, "gamma"], binding.params[self.name, "beta"]
        d_gamma, d_beta = binding.grads[self.name, "gamma"], binding.grads[self.name, "beta"]
        weights = binding.weights
        assert weights is not None
        shares, shares_column, ones = weights.shares, weights.shares.T, binding.ones()
        out = binding.buffer(self.name, "out", self.n)
        mean, variance, inverse_std, scale = (np.empty_like(gamma) for _ in range(4))
        move_statistics = self._bind_statistics(binding, mean, variance)
        x_hat: Array = out

        def forward(x: Array) -> Array:
            nonlocal x_hat
            np.matmul(shares, x, out=mean)
            x_hat = np.subtract(x, mean, out=x)
            np.multiply(x_hat, x_hat, out=out)
            np.matmul(shares, out, out=variance)
            np.add(variance, self.epsilon, out=inverse_std)
            np.sqrt(inverse_std, out=inverse_std)
            np.reciprocal(inverse_std, out=inverse_std)
            np.multiply(x_hat, inverse_std, out=x_hat)
            np.multiply(x_hat, gamma, out=out)
            np.add(out, beta, out=out)
            if weights.any:
                move_statistics()
            return out

        # With ω the shares: dx = γ/std · (d − ω (Σd + x̂ Σ d x̂)), sums over the batch.
        def backward(d: Array) -> Array:
            np.matmul(ones, d, out=d_beta)
            np.multiply(d, x_hat, out=out)
            np.matmul(ones, out, out=d_gamma)
            np.multiply(x_hat, d_gamma, out=x_hat)
            np.add(x_hat, d_beta, out=x_hat)
            np.multiply(x_hat, shares_column, out=x_hat)
            np.subtract(d, x_hat, out=d)
            np.multiply(gamma, inverse_std, out=scale)
            return np.multiply(d, scale, out=d)

        return forward, backward

    def _bind_statistics(
        self, binding: Binding, mean: Array, variance: Array
    ) -> Callable[[], None]:
        keep = self.momentum
        running = [binding.statistics[self.name, key] for key in ("mean", "variance", "weight")]
        present = [mean, variance, np.ones_like(running[2])]

        def move() -> None:
            for average, value in zip(running, present, strict=True):
                average *= keep
                average += (1 - keep) * value

        return move

    def bind_prediction(self, binding: Binding) -> Forward:
        gamma, beta = binding.params[self.name, "gamma"], binding.params[self.name, "beta"]
        mean, variance, weight = (
            binding.statistics[self.name, key] for key in ("mean", "variance", "weight")
        )
        # Before any batch has been seen the statistics are zero: predict as with mean 0, variance
        # 1.
        seen = weight > 0
        safe = np.where(seen, weight, 1)
        scale = gamma / np.sqrt(np.where(seen, variance / safe, 1) + self.epsilon)
        shift = beta - (mean / safe) * scale

        def forward(x: Array) -> Array:
            np.multiply(x, scale, out=x)
            return np.add(x, shift, out=x)

        return forward


@dataclass(frozen=True)
class Activation:
    """a = f(z), unit by unit."""

    name: str
    n: int
    function: ActivationFunction

    @property
    def n_in(self) -> int:
        return self.n

    @property
    def n_out(self) -> int:
        return self.n

    def slots(self) -> list[Slot]:
        return []

    def statistics(self) -> list[Slot]:
        return []

    def bind_training(self, binding: Binding) -> tuple[Forward, Backward]:
        value, chain = self.function.value, self.function.chain
        own = None if self.function.in_place else binding.buffer(self.name, "a", self.n)
        saved: tuple[Array, Array] = (np.empty(0), np.empty(0))

        def forward(z: Array) -> Array:
            nonlocal saved
            a = z if own is None else own
            value(z, a)
            saved = (z, a)
            return a

        def backward(d: Array) -> Array:
            chain(d, *saved)
            return d

        return forward, backward

    def bind_prediction(self, binding: Binding) -> Forward:
        return self.bind_training(binding)[0]


@dataclass(frozen=True, eq=False)
class Dropout:
    """Inverted dropout (course II 1.6): zero each unit with probability `rate`, scale the rest up.

    The rate is applied in steps of 2⁻¹⁶, and what is kept is scaled by the rate really applied.
    The same draws serve all models of a population, each compared with its own rate.
    """

    name: str
    n: int
    rate: float | Array

    @property
    def n_in(self) -> int:
        return self.n

    @property
    def n_out(self) -> int:
        return self.n

    def slots(self) -> list[Slot]:
        return []

    def statistics(self) -> list[Slot]:
        return []

    def _threshold_and_scale(self, dtype: np.dtype[Any]) -> tuple[Array, Array]:
        threshold = np.minimum(np.rint(np.asarray(self.rate) * 2**16), 2**16 - 1)
        return threshold.astype(np.uint16), (2**16 / (2**16 - threshold)).astype(dtype)

    def bind_training(self, binding: Binding) -> tuple[Forward, Backward]:
        if binding.sparse_input:
            return self._bind_sparse_training(binding)
        stream = binding.streams[self.name]
        threshold, scale = self._threshold_and_scale(binding.workspace.dtype)
        mask = binding.buffer(self.name, "mask", self.n, shared=threshold.ndim == 0)
        out = binding.buffer(self.name, "out", self.n)
        shape = (binding.rows, self.n)
        n_draws = binding.rows * self.n

        def forward(x: Array) -> Array:
            np.greater_equal(stream.uint16(n_draws).reshape(shape), threshold, out=mask)
            np.multiply(mask, scale, out=mask)
            return np.multiply(x, mask, out=out)

        def backward(d: Array) -> Array:
            return np.multiply(d, mask, out=d)

        return forward, backward

    def _bind_sparse_training(self, binding: Binding) -> tuple[Forward, Backward]:
        """Draws for the stored entries only: dropping a zero changes nothing."""
        if binding.models:
            raise ValueError("Input dropout on sparse X gives each model an X of its own.")
        stream = binding.streams[self.name]
        threshold, scale = self._threshold_and_scale(binding.workspace.dtype)

        def forward(x: Any) -> Any:
            mask = (stream.uint16(x.nnz) >= threshold) * scale
            return type(x)((x.data * mask, x.indices, x.indptr), shape=x.shape)

        # Before the first dense layer there is no gradient to pass on.
        return forward, _unchanged

    def bind_prediction(self, binding: Binding) -> Forward:
        return _unchanged


def _unchanged(x: Array) -> Array:
    return x


Layer = Dense | BatchNorm | Activation | Dropout
