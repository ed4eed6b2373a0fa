"""A network: a chain of layers, and the layout of its parameters in one flat vector.

The network holds no numbers. `bind_training` and `bind_prediction` tie it to a θ and return plain
functions, so that a training step is a sequence of calls with nothing left to look up.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from .activations import ACTIVATIONS
from .backend import Array, Stream
from .initializers import INITIALIZERS
from .layers import (
    Activation,
    Backward,
    BatchNorm,
    BatchWeights,
    Binding,
    Dense,
    Dropout,
    Forward,
    Layer,
    Workspace,
)
from .layout import Layout


class Network:
    """Layers one after the other, their widths checked when the chain is made."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        for before, after in pairwise(layers):
            if before.n_out != after.n_in:
                raise ValueError(
                    f"Layer {after.name!r} takes {after.n_in} inputs, "
                    f"but layer {before.name!r} before it gives {before.n_out}."
                )
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
    def has_batch_norm(self) -> bool:
        return any(isinstance(layer, BatchNorm) for layer in self.layers)

    @property
    def dropout_layers(self) -> list[Dropout]:
        return [layer for layer in self.layers if isinstance(layer, Dropout)]

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
    ) -> tuple[Forward, Backward, BatchWeights]:
        """Functions for batches of `rows` rows: logits of x, then grad in place from dJ/dlogits.

        The third value takes the batch's example weights, which batch norm averages with.
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
            # Nothing before the first dense layer has parameters, so backward ends there.
            binding.sparse_input = sparse_input and not reached_first
            binding.is_first = layer is first
            binding.is_output = layer is self.layers[-1]
            forward, backward = layer.bind_training(binding)
            forwards.append(forward)
            if reached_first or layer is first:
                reached_first = True
                backwards.insert(0, backward)
        return _chain(forwards), _chain(backwards), weights

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

    def hidden_outputs(self, theta: Array, statistics: Array, x: Any) -> dict[str, Array]:
        """What each activation gives for the rows of x, dropout off, by its layer's name."""
        outputs: dict[str, Array] = {}
        for layer, forward in self._layers_for_prediction(
            theta,
            statistics,
            rows=x.shape[0],
            workspace=Workspace(theta.dtype),
            sparse_input=not isinstance(x, np.ndarray),
        ):
            x = forward(x)
            if isinstance(layer, Activation):
                # A buffer that may serve the layers after it.
                outputs[layer.name] = x.copy()
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
            if isinstance(layer, Dropout):
                continue
            binding.is_first = not bound
            binding.sparse_input = sparse_input and binding.is_first
            binding.is_output = layer is self.layers[-1]
            bound.append((layer, layer.bind_prediction(binding)))
        return bound

    def draw_parameters(
        self, generator: np.random.Generator, weight_init: str, dtype: Any
    ) -> Array:
        """A fresh θ for one model; "auto" takes each layer's draw from the activation it feeds."""
        theta = np.zeros(self.layout.size)
        views = self.layout.views(theta)
        for layer, follower in self._dense_with_activation():
            name = follower.function.weight_init if follower is not None else "glorot_uniform"
            initializer = INITIALIZERS[name if weight_init == "auto" else weight_init]
            views[layer.name, "W"][...] = initializer(generator, (layer.n_in, layer.n_out))
        for norm in self.layers:
            if isinstance(norm, BatchNorm):
                views[norm.name, "gamma"].fill(1)
        return theta.astype(dtype)

    def _dense_with_activation(self) -> list[tuple[Dense, Activation | None]]:
        pairs: list[tuple[Dense, Activation | None]] = []
        for layer in self.layers:
            if isinstance(layer, Dense):
                pairs.append((layer, None))
            elif isinstance(layer, Activation):
                pairs[-1] = (pairs[-1][0], layer)
        return pairs


def _chain(functions: Sequence[Any]) -> Any:
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
    output_bias: bool = True,
) -> Network:
    """The multi-layer perceptron: dense [→ batch norm] → activation [→ dropout], …, dense."""
    rates: Sequence[float | Array] = [0.0] * len(hidden_layer_sizes) if dropout is None else dropout
    layers: list[Layer] = []
    if np.any(np.asarray(input_dropout) > 0):
        layers.append(Dropout("input dropout", n_features, input_dropout))
    width = n_features
    per_layer = zip(hidden_layer_sizes, activations, rates, strict=True)
    for number, (size, activation, rate) in enumerate(per_layer, start=1):
        layers.append(Dense(f"hidden {number}", width, size, bias=not batch_norm))
        if batch_norm:
            layers.append(
                BatchNorm(f"batch norm {number}", size, batch_norm_momentum, batch_norm_epsilon)
            )
        layers.append(Activation(f"activation {number}", size, ACTIVATIONS[activation]))
        if np.any(np.asarray(rate) > 0):
            layers.append(Dropout(f"dropout {number}", size, rate))
        width = size
    layers.append(Dense("output", width, n_outputs, bias=output_bias))
    return Network(layers)
