"""The layers: dense, batch norm, activation, dropout.

A layer is configuration only. Bound to the arrays of one fit, it gives two functions, `forward(x)`
and, right below it, its derivative `backward(d)`; what the second needs of the first stays in
their common scope, in buffers made once. Bound for prediction it gives `forward` alone.
`backward` takes dJ/d(output), writes its parameters' gradients into the bound views, and returns
dJ/d(input), written into arrays it owns or over the one it was given.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
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

    def array(self, owner: str, purpose: str, shape: tuple[int, ...]) -> Array:
        size, key = math.prod(shape), (owner, purpose)
        block = self._blocks.get(key)
        if block is None or block.size < size:
            self._blocks[key] = block = np.empty(size, self.dtype)
        return block[:size].reshape(shape)

    def columns(self, owner: str, purpose: str, shape: tuple[int, ...]) -> Array:
        """The same, each column (*M, :, k) contiguous.

        For raw outputs: a loss works row by row on a few columns, and its sums and maxima over
        them run several times as fast when they need not run along the memory.
        """
        *models, rows, width = shape
        return self.array(owner, purpose, (*models, width, rows)).mT


class BatchWeights:
    """The examples' weights of the present batch, as batch norm wants them: summing to one.

    They are `equal` until `set` is called for the first time.
    """

    def __init__(self, rows: int, dtype: np.dtype[Any]) -> None:
        self.shares = np.full((1, rows), 1 / rows, dtype=dtype)
        self.any = self.equal = True

    def set(self, weights: Array) -> None:
        self.equal = False
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
    is_first: bool = False

    def buffer(self, layer: str, purpose: str, width: int, *, shared: bool = False) -> Array:
        """An array of one value per row and unit, per model unless `shared` by all models."""
        models = () if shared else self.models
        return self.workspace.array(layer, purpose, (*models, self.rows, width))

    def ones(self) -> Array:
        """A row of ones: a sum over the batch as a product runs at the speed of BLAS."""
        row = self.workspace.array("", f"ones {self.rows}", (1, self.rows))
        row.fill(1)
        return row


Product = Callable[[Array, Array], Array]

# BLAS multiplies by a small transposed matrix at half its speed or less: with 64 units the product
# takes 1.7 times as long, and a copy costs less than that. From 128 units on the copy costs what it
# gains, and below 32 the call does, unless several models share it.
COPIED_FROM, COPIED_UP_TO = 2**11, 2**13


def product_into(out: Array) -> Product:
    """The function (a, b) → a @ b that writes into `out` and returns it.

    An array's `dot` calls the same BLAS as np.matmul with half the ado, which counts where products
    take a microsecond. But it knows no stacks of matrices, and writes row by row only, so that an
    `out` whose columns are contiguous is given as bᵀ aᵀ.
    """
    if out.ndim > 2:

        def product(a: Array, b: Array) -> Array:
            return np.matmul(a, b, out=out)

    elif out.flags.c_contiguous:

        def product(a: Array, b: Array) -> Array:
            return a.dot(b, out)

    else:
        out_T = out.T

        def product(a: Array, b: Array) -> Array:
            b.T.dot(a.T, out_T)
            return out

    return product


def product_of_any_into(out: Array) -> Product:
    """The same for an `a` that may lie in memory in any way, some columns of a wider X, say.

    `dot` would copy it whole.
    """
    of_contiguous = product_into(out)

    def product(a: Array, b: Array) -> Array:
        return of_contiguous(a, b) if a.flags.forc else np.matmul(a, b, out=out)

    return product


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
        into = product_of_any_into if binding.is_first else product_into
        product_to_dW = into(binding.grads[self.name, "W"])
        db, ones = binding.grads.get((self.name, "b")), binding.ones()
        product_to_db = None if db is None else product_into(db)
        times_W_T = None if binding.is_first else self._bind_times_W_T(binding)
        x_T: Array = np.empty(0)

        def remember(x: Array) -> Array:
            nonlocal x_T
            x_T = x.mT
            return forward(x)

        def backward(dz: Array) -> Array | None:
            product_to_dW(x_T, dz)
            if product_to_db is not None:
                product_to_db(ones, dz)
            return None if times_W_T is None else times_W_T(dz)

        return remember, backward

    def _bind_times_W_T(self, binding: Binding) -> Forward:
        """The function dz → dz Wᵀ."""
        W_T = binding.params[self.name, "W"].mT
        dx = binding.buffer(self.name, "dx", self.n_in)
        product = product_into(dx)
        if self.n_out == 1:
            return lambda dz: np.multiply(dz, W_T, out=dx)
        is_small = self.n_in * self.n_out <= COPIED_UP_TO
        if binding.is_output or not is_small or W_T.size < COPIED_FROM:
            return lambda dz: product(dz, W_T)
        copy = binding.workspace.array(self.name, "W_T", W_T.shape)

        def times_copy(dz: Array) -> Array:
            np.copyto(copy, W_T)
            return product(dz, copy)

        return times_copy

    def bind_prediction(self, binding: Binding) -> Forward:
        W, b = binding.params[self.name, "W"], binding.params.get((self.name, "b"))
        if binding.is_output:
            shape = (*binding.models, binding.rows, self.n_out)
            z = binding.workspace.columns(self.name, "z", shape)
        else:
            z = binding.buffer(self.name, "z", self.n_out)
        if binding.sparse_input:
            product: Product = partial(_sparse_times_dense, out=z)
        else:
            product = product_of_any_into(z) if binding.is_first else product_into(z)

        def forward(x: Any) -> Array:
            product(x, W)
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
    (1 − momentum)·batch from zero, as does a running mean of ones, whose value is the factor by
    which the others are short of an average: dividing by it is the bias correction. The three are
    the rows of one array.
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
        return [Slot(self.name, "running", (3, self.n))]

    def bind_training(self, binding: Binding) -> tuple[Forward, Backward]:
        gamma, beta = binding.params[self.name, "gamma"], binding.params[self.name, "beta"]
        d_gamma, d_beta = binding.grads[self.name, "gamma"], binding.grads[self.name, "beta"]
        weights, ones = binding.weights, binding.ones()
        assert weights is not None
        shares = weights.shares
        epsilon = np.asarray(self.epsilon, dtype=shares.dtype)
        present = np.ones((*binding.models, 3, self.n), dtype=shares.dtype)
        mean, variance = present[..., 0:1, :], present[..., 1:2, :]
        move_statistics = self._bind_statistics(binding, present)
        inverse_std, scale, slope = (np.empty_like(gamma) for _ in range(3))
        weigh_line = self._bind_weighing(binding, weights)
        out = binding.buffer(self.name, "out", self.n)
        sum_to_mean, sum_to_variance = product_into(mean), product_into(variance)
        sum_to_d_gamma, sum_to_d_beta = product_into(d_gamma), product_into(d_beta)
        centred: Array = out

        def forward(x: Array) -> Array:
            nonlocal centred
            sum_to_mean(shares, x)
            centred = np.subtract(x, mean, out=x)
            np.multiply(centred, centred, out=out)
            sum_to_variance(shares, out)
            np.add(variance, epsilon, out=inverse_std)
            np.sqrt(inverse_std, out=inverse_std)
            np.reciprocal(inverse_std, out=inverse_std)
            np.multiply(gamma, inverse_std, out=scale)
            np.multiply(centred, scale, out=out)
            np.add(out, beta, out=out)
            if weights.any:
                move_statistics()
            return out

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
        column = weights.shares.T
        share = np.asarray(1 / binding.rows, dtype=column.dtype)
        shift = np.empty((*binding.models, 1, self.n), dtype=column.dtype)

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
                np.multiply(x, column, out=x)

        return weigh_line

    def _bind_statistics(self, binding: Binding, present: Array) -> Callable[[], None]:
        running, step = binding.statistics[self.name, "running"], np.empty_like(present)
        keep = np.asarray(self.momentum, dtype=present.dtype)
        rest = np.asarray(1 - self.momentum, dtype=present.dtype)

        def move() -> None:
            np.multiply(running, keep, out=running)
            np.multiply(present, rest, out=step)
            np.add(running, step, out=running)

        return move

    def bind_prediction(self, binding: Binding) -> Forward:
        gamma, beta = binding.params[self.name, "gamma"], binding.params[self.name, "beta"]
        mean, variance, weight = np.split(binding.statistics[self.name, "running"], 3, axis=-2)
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
        saved: tuple[Array, Array]

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
        value = self.function.value
        own = None if self.function.in_place else binding.buffer(self.name, "a", self.n)

        def forward(z: Array) -> Array:
            a = z if own is None else own
            value(z, a)
            return a

        return forward


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
