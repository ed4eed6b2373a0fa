"""The shape of a network, before there is one: what a recipe says and a stack combines."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from typing import Self

from .._engine.activations import ACTIVATIONS
from .._engine.backend import Array
from .._engine.network import Network, build_network
from .._engine.population import BATCH_AXES, combine_values
from .._engine.records import recorded

Number = float | Array


@recorded
@dataclass(frozen=True)
class Architecture:
    """A multi-layer perceptron; of several models, numbers are arrays with a value for each."""

    n_in: int
    hidden_layer_sizes: tuple[int, ...]
    n_out: int
    activations: tuple[str, ...] = ()
    dropout: tuple[Number, ...] | None = None
    input_dropout: Number = 0.0
    batch_norm: bool = False
    batch_norm_momentum: Number = 0.9
    batch_norm_epsilon: Number = 1e-5
    layer_norm: bool = False
    layer_norm_epsilon: Number = 1e-5
    output_bias: bool = True
    # How many units of each hidden layer are a model's own; None: all.
    live_units: tuple[int | Array, ...] | None = None

    @cached_property
    def network(self) -> Network:
        """The network; equal architectures of one model share it."""
        try:
            return _build_once(self)
        except TypeError:
            # Arrays, of several models, cannot be looked up.
            return _build(self)

    @property
    def skeleton(self) -> tuple[object, ...]:
        """What cannot change while the network trains: all but numbers."""
        return (self.n_in, self.hidden_layer_sizes, *self.common)

    @property
    def common(self) -> tuple[object, ...]:
        """What networks of one stack have in common beside their widths."""
        functions = tuple(ACTIVATIONS[name].name for name in self.activations)
        return (self.n_out, functions, self.batch_norm, self.layer_norm, self.output_bias)

    @classmethod
    def together(cls, several: Sequence[Self]) -> Self:
        """One architecture for several models, its layers as wide as the widest of theirs."""
        sizes = [one.hidden_layer_sizes for one in several]
        values = {
            field.name: combine_values([getattr(one, field.name) for one in several], BATCH_AXES)
            for field in fields(cls)
            if field.name not in ("hidden_layer_sizes", "live_units")
        }
        live = combine_values(sizes, BATCH_AXES)
        return cls(hidden_layer_sizes=widest(sizes), live_units=live, **values)


def widest(sizes: Sequence[Sequence[int]]) -> tuple[int, ...]:
    """Layer sizes in which all of these have room."""
    return tuple(max(column) for column in zip(*sizes, strict=True))


def _build(architecture: Architecture) -> Network:
    one = architecture
    return build_network(
        one.n_in,
        one.hidden_layer_sizes,
        one.n_out,
        activations=one.activations,
        dropout=one.dropout,
        input_dropout=one.input_dropout,
        batch_norm=one.batch_norm,
        batch_norm_momentum=one.batch_norm_momentum,
        batch_norm_epsilon=one.batch_norm_epsilon,
        layer_norm=one.layer_norm,
        layer_norm_epsilon=one.layer_norm_epsilon,
        output_bias=one.output_bias,
        live_units=one.live_units,
    )


_build_once = lru_cache(maxsize=128)(_build)
