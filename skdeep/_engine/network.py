"""A network: a chain of layers, and the layout of its parameters in one flat vector.

The network holds no numbers. `bind_training` and `bind_prediction` tie it to a θ and return plain
functions, so that a training step is a sequence of calls with nothing left to look up.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from .activations import ACTIVATIONS
from .backend import Array, FloatType, Matrix, Stream
from .initializers import INITIALIZERS
from .layers import (
    Activation,
    Backward,
    BatchWeights,
    Binding,
    Dense,
    Dropout,
    Forward,
    Layer,
    Role,
    Workspace,
)
from .layout import Layout
from .norms import BatchNorm, LayerNorm

# Of a dense layer that no activation follows.
OUTPUT_INIT = "glorot_uniform"


class Network:
    """Layers one after the other, their widths and their order checked when the chain is made."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        _check_widths(layers)
        _check_order(layers)
        self.layers = tuple(layers)
        self.dense_layers = [layer for layer in layers if isinstance(layer, Dense)]
        self.widest_output = max(layer.n_out for layer in self.dense_layers)
        self.layout = Layout(slot for layer in layers for slot in layer.slots())
        self.statistics_layout = Layout(slot for layer in layers for slot in layer.statistics())

    @property
    def n_in(self) -> int:
        return self.layers[0].n_in

    @property
    def n_out(self) -> int:
        return self.layers[-1].n_out

    @property
    def mixes_rows(self) -> bool:
        """Whether the rows have to come together: all of a batch, at least two."""
        return any(layer.mixes_rows for layer in self.layers)

    @property
    def dropout_layers(self) -> list[Dropout]:
        """The layers that draw random numbers, each from the stream of its name."""
        return [layer for layer in self.layers if isinstance(layer, Dropout)]

    @property
    def can_be_padded(self) -> bool:
        """Whether the hidden layers may be filled up with units that stay zero."""
        first = self.layers.index(self.dense_layers[0])
        return all(layer.can_be_padded for layer in self.layers[first:])

    @property
    def intercept_keys(self) -> list[tuple[str, str]]:
        """Of each dense layer, the parameter that is added to it: its own bias or a norm's β."""
        return [
            (layer.name, layer.intercept) for layer in self.layers if layer.intercept is not None
        ]

    def bind_training(
        self,
        theta: Array,
        grad: Array,
        statistics: Array,
        *,
        rows: int,
        workspace: Workspace,
        streams: Mapping[str, Stream],
        sparse_input: bool = False,
    ) -> tuple[list[Forward], list[Backward], BatchWeights]:
        """Functions for batches of `rows` rows, to be called one after the other.

        The first lead from x to logits, the second from dJ/dlogits to grad, in place. The third
        value takes the batch's example weights, which batch norm averages with.
        """
        weights = BatchWeights(rows, theta.dtype)
        binding = Binding(
            rows=rows,
            models=theta.shape[:-1],
            params=self.layout.views(theta),
            grads=self.layout.views(grad),
            statistics=self.statistics_layout.views(statistics),
            workspace=workspace,
            streams=streams,
            weights=weights,
        )
        first = self.dense_layers[0]
        forwards: list[Forward] = []
        backwards: list[Backward] = []
        reached_first = False
        for layer in self.layers:
            binding.sparse_input = sparse_input and not reached_first
            binding.is_first = layer is first
            binding.is_output = layer is self.layers[-1]
            forward, backward = layer.bind_training(binding)
            forwards.append(forward)
            # Nothing before the first dense layer has parameters: backward ends there.
            if reached_first or layer is first:
                reached_first = True
                backwards.insert(0, backward)
        return forwards, backwards, weights

    def bind_prediction(
        self,
        theta: Array,
        statistics: Array,
        *,
        rows: int,
        workspace: Workspace,
        sparse_input: bool = False,
    ) -> Forward:
        """The function that gives logits for at most `rows` rows at once, dropout off."""
        bound = self._layers_for_prediction(
            theta, statistics, rows=rows, workspace=workspace, sparse_input=sparse_input
        )
        return _chain([forward for _, forward in bound])

    def hidden_outputs(self, theta: Array, statistics: Array, x: Matrix) -> dict[str, Array]:
        """What each activation gives for the rows of x, dropout off, by its layer's name."""
        outputs: dict[str, Array] = {}
        value: Any = x
        for layer, forward in self._layers_for_prediction(
            theta,
            statistics,
            rows=x.shape[0],
            workspace=Workspace(theta.dtype),
            sparse_input=not isinstance(x, np.ndarray),
        ):
            value = forward(value)
            if layer.role is Role.ACTIVATION:
                # A buffer that may serve the layers after it.
                outputs[layer.name] = value.copy()
        return outputs

    def _layers_for_prediction(
        self,
        theta: Array,
        statistics: Array,
        *,
        rows: int,
        workspace: Workspace,
        sparse_input: bool,
    ) -> list[tuple[Layer, Forward]]:
        binding = Binding(
            rows=rows,
            models=theta.shape[:-1],
            params=self.layout.views(theta),
            statistics=self.statistics_layout.views(statistics),
            workspace=workspace,
        )
        bound: list[tuple[Layer, Forward]] = []
        for layer in self.layers:
            if layer.draws_numbers:
                # It lets everything pass.
                continue
            binding.is_first = not bound
            binding.sparse_input = sparse_input and binding.is_first
            binding.is_output = layer is self.layers[-1]
            bound.append((layer, layer.bind_prediction(binding)))
        return bound

    def draw_parameters(
        self, generator: np.random.Generator, weight_init: str, dtype: FloatType
    ) -> Array:
        """A fresh θ for one model; "auto" takes each layer's draw from the activation it feeds."""
        theta = np.empty(self.layout.size)
        views = self.layout.views(theta)
        for layer, fitting in zip(self.layers, self._fitting_inits(), strict=True):
            initializer = INITIALIZERS[fitting if weight_init == "auto" else weight_init]
            layer.draw(views, generator, initializer)
        return theta.astype(dtype)

    def _fitting_inits(self) -> list[str]:
        """For each layer the initialisation that suits the activation after it, if there is one."""
        names: list[str] = []
        name = OUTPUT_INIT
        for layer in reversed(self.layers):
            name = layer.weight_init or name
            names.append(name)
            if layer.role is Role.DENSE:
                name = OUTPUT_INIT
        return names[::-1]


def _check_widths(layers: Sequence[Layer]) -> None:
    for before, after in pairwise(layers):
        if before.n_out != after.n_in:
            raise ValueError(
                f"Layer {after.name!r} takes {after.n_in} inputs, "
                f"but layer {before.name!r} before it gives {before.n_out}."
            )


def _check_order(layers: Sequence[Layer]) -> None:
    """Refuse chains in which a layer would overwrite what another needs, or learn nothing."""
    order = "dense, norm, activation, dropout, each of the last three at most once"
    if not layers or layers[-1].role is not Role.DENSE:
        last = f"{layers[-1].name!r}" if layers else "none"
        raise ValueError(f"The last layer must be a dense one, the raw outputs; it is {last}.")
    before = layers[0]
    if not before.may_take_x:
        raise ValueError(
            f"Layer {before.name!r} cannot stand before the first dense layer: it would write over "
            "X, and its parameters would get no gradient. Dropout alone can."
        )
    for after in layers[1:]:
        if after.role is not Role.DENSE and after.role <= before.role:
            raise ValueError(
                f"Layer {after.name!r} cannot follow layer {before.name!r}: the order is {order}."
            )
        before = after


def _chain(functions: Sequence[Forward]) -> Forward:
    """One function that applies the given ones in turn."""
    steps = tuple(functions)

    def apply(value: Any) -> Any:
        for step in steps:
            value = step(value)
        return value

    return apply


def build_network(
    n_features: int,
    hidden_layer_sizes: Sequence[int],
    n_outputs: int,
    *,
    activations: Sequence[str] = (),
    dropout: Sequence[float | Array] | None = None,
    input_dropout: float | Array = 0.0,
    batch_norm: bool = False,
    batch_norm_momentum: float | Array = 0.9,
    batch_norm_epsilon: float | Array = 1e-5,
    layer_norm: bool = False,
    layer_norm_epsilon: float | Array = 1e-5,
    live_units: Sequence[int | Array] | None = None,
    output_bias: bool = True,
) -> Network:
    """The multi-layer perceptron: dense [→ norm] → activation [→ dropout], …, dense.

    `live_units` says of padded hidden layers how many of their units are real, of each model of a
    stack in an array of shape (K, 1, 1).
    """
    if batch_norm and layer_norm:
        raise ValueError("A hidden layer has one norm: batch_norm and layer_norm are both True.")
    rates: Sequence[float | Array] = [0.0] * len(hidden_layer_sizes) if dropout is None else dropout
    live: Sequence[int | Array] = hidden_layer_sizes if live_units is None else live_units
    layers: list[Layer] = []
    if np.any(np.asarray(input_dropout) > 0):
        layers.append(Dropout("input dropout", n_features, input_dropout))
    width = n_features
    per_layer = zip(hidden_layer_sizes, live, activations, rates, strict=True)
    for number, (size, real, activation, rate) in enumerate(per_layer, start=1):
        # Batch norm would take a bias out again, and the paper of layer norm adds it afterwards: β.
        layers.append(Dense(f"hidden {number}", width, size, bias=not (batch_norm or layer_norm)))
        if batch_norm:
            layers.append(
                BatchNorm(f"batch norm {number}", size, batch_norm_momentum, batch_norm_epsilon)
            )
        if layer_norm:
            layers.append(LayerNorm(f"layer norm {number}", size, layer_norm_epsilon, real))
        layers.append(Activation(f"activation {number}", size, ACTIVATIONS[activation]))
        if np.any(np.asarray(rate) > 0):
            layers.append(Dropout(f"dropout {number}", size, rate, real))
        width = size
    layers.append(Dense("output", width, n_outputs, bias=output_bias))
    return Network(layers)
