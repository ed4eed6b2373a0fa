"""The layers: dense, activation, dropout, and what every layer declares of itself.

A layer is configuration only. Bound to the arrays of one fit, it gives two functions, `forward(x)`
and, right below it, its derivative `backward(d)`; what the second needs of the first stays in
their common scope, in buffers made once. Bound for prediction it gives `forward` alone.
`backward` takes dJ/d(output), writes its parameters' gradients into the bound views, and returns
dJ/d(input), written into arrays it owns or over the one it was given.

What others have to know of a layer it declares itself, so that nobody asks which class it is of:
its place in the chain, its first values, whether it mixes rows or draws random numbers, and what
becomes of units that are there only to fill a stack up.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import partial
from typing import Any, ClassVar, cast

import numpy as np

from .activations import ActivationFunction
from .backend import CSR, Array, FloatType, Stream
from .initializers import Initializer
from .layout import Slot
from .products import (
    Product,
    copy_pays,
    product_into,
    product_of_any_into,
    sparse_times_dense,
)

Forward = Callable[[Any], Array]
Backward = Callable[[Array], Array | None]
Views = dict[tuple[str, str], Array]


class Workspace:
    """Arrays written over again and again; each is made once, at the largest size asked for."""

    def __init__(self, dtype: FloatType) -> None:
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

    They are `equal` until `set` is called for the first time. `shares` has the shape (1, rows), or
    (K, 1, rows) where each model of a stack has weights of its own; `column` is its transpose. A
    model to which fewer than two rows of the batch count does not know their variance, and learns
    nothing from them: `known` says of which models it is known, and `all_known` whether of all.
    """

    def __init__(self, rows: int, dtype: FloatType) -> None:
        self.shares = np.full((1, rows), 1 / rows, dtype=dtype)
        self.column = self.shares.mT
        self.known = np.ones((1, 1), dtype=bool)
        self.equal = self.all_known = True

    def set(self, weights: Array) -> None:
        """Take the batch's weights: of shape (rows,), or (K, rows) for each model its own."""
        self.equal = False
        shape = (*weights.shape[:-1], 1, weights.shape[-1])
        if self.shares.shape != shape:
            self.shares = np.empty(shape, dtype=self.shares.dtype)
            self.column = self.shares.mT
        self.shares[..., 0, :] = weights
        total = np.add.reduce(self.shares, axis=-1, keepdims=True)
        np.divide(self.shares, total, out=self.shares, where=total > 0)
        self.known = np.count_nonzero(self.shares, axis=-1, keepdims=True) > 1
        self.all_known = bool(self.known.all())


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


class Role(IntEnum):
    """The places of layers in the order in which they follow each other, from one dense layer on.

    Each has its reason: a norm writes over its input, which only a dense layer can spare; an
    activation may be in place, and what it has written it needs again.
    """

    DENSE = 0
    NORM = 1
    ACTIVATION = 2
    DROPOUT = 3


class Layer(ABC):
    """What all layers can do and say of themselves."""

    name: str
    n_in: int
    n_out: int

    role: ClassVar[Role]
    # Whether it may stand before the first dense layer, where X must stay as it is and backward
    # does not come.
    may_take_x: ClassVar[bool] = False
    # Whether a row's output depends on the other rows, so that all have to come at once.
    mixes_rows: ClassVar[bool] = False
    # Whether it draws random numbers, from the stream of its name, which training alone does.
    draws_numbers: ClassVar[bool] = False

    def slots(self) -> list[Slot]:
        """Its parameters."""
        return []

    def statistics(self) -> list[Slot]:
        """What it keeps of the batches it has seen, beside its parameters."""
        return []

    def draw(self, params: Views, generator: np.random.Generator, drawn: Initializer) -> None:
        """Write its first values; `drawn` is how weights are drawn, and all else starts at zero."""
        for slot in self.slots():
            params[slot.key].fill(0)

    @property
    def weight_init(self) -> str | None:
        """The initialisation that suits weights whose products come to it, if it has a say."""
        return None

    @property
    def intercept(self) -> str | None:
        """The name of the parameter that is added to its output, if there is one."""
        return None

    @property
    def can_be_padded(self) -> bool:
        """Whether added units stay zero, and all others are what they are without them.

        An added unit's input is zero, and so are its parameters.
        """
        return True

    @abstractmethod
    def bind_training(self, binding: Binding) -> tuple[Forward, Backward]:
        """The functions forward and backward."""

    @abstractmethod
    def bind_prediction(self, binding: Binding) -> Forward:
        """The function forward, as it is once training has ended."""


@dataclass(frozen=True, eq=False)
class UnitByUnit(Layer):
    """A layer that gives as many units as it takes."""

    name: str
    n: int

    @property
    def n_in(self) -> int:  # type: ignore[override]
        return self.n

    @property
    def n_out(self) -> int:  # type: ignore[override]
        return self.n


@dataclass(frozen=True)
class Dense(Layer):
    """z = x W + b."""

    name: str
    n_in: int
    n_out: int
    bias: bool = True

    role: ClassVar[Role] = Role.DENSE
    may_take_x: ClassVar[bool] = True

    def slots(self) -> list[Slot]:
        slots = [Slot(self.name, "W", (self.n_in, self.n_out), penalised=True)]
        if self.bias:
            slots.append(Slot(self.name, "b", (1, self.n_out)))
        return slots

    def draw(self, params: Views, generator: np.random.Generator, drawn: Initializer) -> None:
        super().draw(params, generator, drawn)
        params[self.name, "W"][...] = drawn(generator, (self.n_in, self.n_out))

    @property
    def intercept(self) -> str | None:
        return "b" if self.bias else None

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
        if binding.is_output or not copy_pays(W_T):
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
            product: Product = partial(sparse_times_dense, out=z)
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
        x_T: CSR

        def remember(x: CSR) -> Array:
            nonlocal x_T
            x_T = x.T
            return forward(x)

        def backward(dz: Array) -> None:
            sparse_times_dense(x_T, dz, out=dW)
            if db is not None:
                np.matmul(ones, dz, out=db)

        return remember, backward


@dataclass(frozen=True)
class Activation(UnitByUnit):
    """a = f(z), unit by unit."""

    function: ActivationFunction

    role: ClassVar[Role] = Role.ACTIVATION

    @property
    def weight_init(self) -> str | None:
        return self.function.weight_init

    @property
    def can_be_padded(self) -> bool:
        return self.function.keeps_zero

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
class Dropout(UnitByUnit):
    """Inverted dropout (course II 1.6): zero each unit with probability `rate`, scale the rest up.

    The rate is applied in steps of 2⁻¹⁶, and what is kept is scaled by the rate really applied.
    The same draws serve all models of a population, each compared with its own rate, but for layers
    that are padded: those of each width have draws of their own, the ones that they have alone.
    Then `live` says how many units are real, of each model in an array of shape (K, 1, 1).
    """

    rate: float | Array
    live: int | Array | None = None

    role: ClassVar[Role] = Role.DROPOUT
    may_take_x: ClassVar[bool] = True
    draws_numbers: ClassVar[bool] = True

    @property
    def widths(self) -> list[int]:
        """How wide the layer is, padding apart, in those models that drop any of it."""
        live, rate = np.broadcast_arrays(self.n if self.live is None else self.live, self.rate)
        return [int(width) for width in np.unique(live[rate > 0])]

    @property
    def is_padded(self) -> bool:
        return self.live is not None and self.widths not in ([], [self.n])

    def _threshold_and_scale(self, dtype: FloatType) -> tuple[Array, Array]:
        threshold = np.minimum(np.rint(np.asarray(self.rate) * 2**16), 2**16 - 1)
        return threshold.astype(np.uint16), (2**16 / (2**16 - threshold)).astype(dtype)

    def bind_training(self, binding: Binding) -> tuple[Forward, Backward]:
        if binding.sparse_input:
            return self._bind_sparse_training(binding)
        stream = binding.streams[self.name]
        threshold, scale = self._threshold_and_scale(binding.workspace.dtype)
        is_shared = threshold.ndim == 0 and not self.is_padded
        mask = binding.buffer(self.name, "mask", self.n, shared=is_shared)
        out = binding.buffer(self.name, "out", self.n)
        draw = self._bind_draws(stream, binding.rows)

        def forward(x: Array) -> Array:
            np.greater_equal(draw(), threshold, out=mask)
            np.multiply(mask, scale, out=mask)
            return np.multiply(x, mask, out=out)

        def backward(d: Array) -> Array:
            return np.multiply(d, mask, out=d)

        return forward, backward

    def _bind_draws(self, stream: Stream, rows: int) -> Callable[[], Array]:
        """What gives the numbers of a batch: the same for all models, or of each its own."""
        if not self.is_padded:
            of_all_units = stream.of_width(self.n)
            return lambda: of_all_units.uint16(rows * self.n).reshape(rows, self.n)
        widths = self.widths
        streams = [stream.of_width(width) for width in widths]
        by_width = np.zeros((len(widths), rows, self.n), dtype=np.uint16)
        of_models = np.searchsorted(widths, np.ravel(np.asarray(self.live)))
        drawn_by_models = np.empty((of_models.size, rows, self.n), dtype=np.uint16)

        def draw() -> Array:
            for drawn, own, width in zip(by_width, streams, widths, strict=True):
                drawn[:, :width] = own.uint16(rows * width).reshape(rows, width)
            # Those that drop nothing take any.
            return np.take(by_width, of_models, axis=0, out=drawn_by_models, mode="clip")

        return draw

    def _bind_sparse_training(self, binding: Binding) -> tuple[Forward, Backward]:
        """Draws for the stored entries only: dropping a zero changes nothing."""
        if binding.models:
            raise ValueError("Input dropout on sparse X gives each model an X of its own.")
        stream = binding.streams[self.name]
        threshold, scale = self._threshold_and_scale(binding.workspace.dtype)

        def forward(x: CSR) -> CSR:
            mask = (stream.uint16(x.nnz) >= threshold) * scale
            return type(x)((x.data * mask, x.indices, x.indptr), shape=x.shape)

        # Before the first dense layer there is no gradient to pass on.
        return cast(Forward, forward), _unchanged

    def bind_prediction(self, binding: Binding) -> Forward:
        return _unchanged


def _unchanged(x: Array) -> Array:
    return x
