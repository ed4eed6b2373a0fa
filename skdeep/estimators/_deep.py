"""What the deep networks' parameters mean: from a user's words to hidden layers."""

import sys
from collections.abc import Sequence
from numbers import Integral, Real

import numpy as np
from numpy.typing import ArrayLike

from .._engine.activations import ACTIVATIONS
from .._engine.backend import Array
from .._engine.initializers import INITIALIZERS
from .._engine.layers import Views
from .._engine.reals import real_number
from .._engine.solvers import SOLVERS
from .._fit.architecture import Architecture
from ._base import BaseNetworkEstimator
from ._coefficients import LayerArrays
from ._compat import Interval, StrOptions
from ._layers import DenseLayer, layers_of, write_layers


def _in_order(values: object, name: str) -> list[object]:
    """A list, tuple or 1D array as a list; sets and dicts have no order to go by layers."""
    if isinstance(values, np.ndarray) and values.ndim == 1:
        return list(values)
    if not isinstance(values, (list, tuple)):
        raise ValueError(
            f"{name} must be one value, or a list, tuple or 1D array with one per hidden layer; "
            f"got {values!r}."
        )
    return list(values)


class BaseDeepMLP(BaseNetworkEstimator):
    """What the classifier and the regressor share: the hidden layers."""

    hidden_layer_sizes: int | Sequence[int]
    activation: str | Sequence[str]
    dropout: float | Sequence[float]
    input_dropout: float
    batch_norm: bool
    batch_norm_momentum: float
    batch_norm_epsilon: float
    layer_norm: bool
    layer_norm_epsilon: float
    weight_init: str

    _parameter_constraints: dict[str, list[object]] = {
        **BaseNetworkEstimator._parameter_constraints,
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions(set(ACTIVATIONS)), "array-like"],
        "solver": [StrOptions({name for name, row in SOLVERS.items() if row.takes_hidden_layers})],
        "dropout": [Interval(Real, 0, 1, closed="left"), "array-like"],
        "input_dropout": [Interval(Real, 0, 1, closed="left")],
        "batch_norm": ["boolean"],
        "batch_norm_momentum": [Interval(Real, 0, 1, closed="left")],
        "batch_norm_epsilon": [Interval(Real, 0, None, closed="neither")],
        "layer_norm": ["boolean"],
        "layer_norm_epsilon": [Interval(Real, 0, None, closed="neither")],
        "weight_init": [StrOptions({"auto", *INITIALIZERS})],
    }

    def _hidden_layer_sizes(self) -> list[int]:
        given: object = self.hidden_layer_sizes
        sizes = [given] if isinstance(given, Integral) else _in_order(given, "hidden_layer_sizes")
        widths = [
            int(size)
            for size in sizes
            if isinstance(size, Integral) and 0 < int(size) <= sys.maxsize
        ]
        if len(widths) < len(sizes):
            raise ValueError(
                f"hidden_layer_sizes must be integers > 0 that an array can have, got {sizes}."
            )
        return widths

    def _activations(self) -> list[str]:
        n_hidden = len(self._hidden_layer_sizes())
        if isinstance(self.activation, str):
            return [self.activation] * n_hidden
        given = _in_order(self.activation, "activation")
        names = [name for name in given if isinstance(name, str)]
        unknown = [n for n in given if not (isinstance(n, str) and n in ACTIVATIONS)]
        if unknown:
            raise ValueError(
                f"activation must name functions among {sorted(ACTIVATIONS)}, got {unknown[0]!r}."
            )
        if len(names) != n_hidden:
            raise ValueError(
                f"activation must be one name or one per hidden layer ({n_hidden}), "
                f"got {len(names)}: {names}."
            )
        return names

    def _dropout_rates(self) -> list[float]:
        n_hidden = len(self._hidden_layer_sizes())
        if isinstance(self.dropout, Real):
            return [float(self.dropout)] * n_hidden
        rates = _in_order(self.dropout, "dropout")
        if len(rates) != n_hidden:
            raise ValueError(
                f"dropout must be one rate or one per hidden layer ({n_hidden}), "
                f"got {len(rates)}: {rates}."
            )
        floats = [real_number(rate) for rate in rates if 0 <= real_number(rate) < 1]
        if len(floats) < len(rates):
            raise ValueError(f"dropout rates must be in the range [0, 1), got {rates}.")
        return floats

    def _architecture(self, n_in: int, n_out: int) -> Architecture:
        # Over all rows at once the statistics are those of the present parameters.
        is_stochastic = SOLVERS[self.solver].is_stochastic
        momentum = float(self.batch_norm_momentum) if is_stochastic else 0.0
        return Architecture(
            n_in,
            tuple(self._hidden_layer_sizes()),
            n_out,
            activations=tuple(self._activations()),
            dropout=tuple(self._dropout_rates()),
            input_dropout=float(self.input_dropout),
            batch_norm=bool(self.batch_norm),
            batch_norm_momentum=momentum,
            batch_norm_epsilon=float(self.batch_norm_epsilon),
            layer_norm=bool(self.layer_norm),
            layer_norm_epsilon=float(self.layer_norm_epsilon),
        )

    def _weight_init(self) -> str:
        return str(self.weight_init)

    def _continued_with(self) -> dict[str, object]:
        return {
            "hidden_layer_sizes": self._hidden_layer_sizes(),
            "activation": [ACTIVATIONS[name].name for name in self._activations()],
            "batch_norm": self.batch_norm,
            "layer_norm": self.layer_norm,
            **super()._continued_with(),
        }

    def _check_hyperparameters(self) -> None:
        super()._check_hyperparameters()
        self._activations()
        self._check_norms()
        rates = {"dropout": max(self._dropout_rates(), default=0.0)}
        rates["input_dropout"] = float(self.input_dropout)
        for name, rate in rates.items():
            if rate > 0 and not SOLVERS[self.solver].takes_changing_objective:
                raise ValueError(
                    f"solver={self.solver!r} needs an objective that stays the same from step to "
                    f"step: {name} must be 0, got {name}={getattr(self, name)!r}. Stochastic "
                    "solvers take it."
                )

    def _check_norms(self) -> None:
        if self.batch_norm and self.layer_norm:
            raise ValueError(
                "A hidden layer has one norm: batch_norm and layer_norm must not both be True, got "
                f"batch_norm={self.batch_norm!r} and layer_norm={self.layer_norm!r}."
            )
        sizes = self._hidden_layer_sizes()
        if self.layer_norm and 1 in sizes:
            raise ValueError(
                "layer_norm=True needs hidden layers of at least 2 units, got hidden_layer_sizes="
                f"{sizes}: the variance of a single unit is zero."
            )

    @property
    def coefs_(self) -> LayerArrays:
        """The weight matrices, layer by layer: views of the parameter vector."""
        views = self._parameter_views("coefs_")
        layers = self._network.dense_layers
        return LayerArrays([views[layer.name, "W"] for layer in layers], "coefs_")

    @coefs_.setter
    def coefs_(self, values: Sequence[ArrayLike]) -> None:
        self.coefs_.set_all(values)

    @property
    def intercepts_(self) -> LayerArrays:
        """The bias vectors; of a hidden layer with batch norm or layer norm, its β."""
        views = self._parameter_views("intercepts_")
        keys = self._network.intercept_keys
        return LayerArrays([views[key][0] for key in keys], "intercepts_")

    @intercepts_.setter
    def intercepts_(self, values: Sequence[ArrayLike]) -> None:
        self.intercepts_.set_all(values)

    @property
    def layers_(self) -> list[DenseLayer]:
        """All the numbers that the network predicts with, layer by layer, as copies."""
        self._parameter_views("layers_")
        return layers_of(self._network, self._state.theta, self._state.statistics)

    @layers_.setter
    def layers_(self, layers: Sequence[DenseLayer]) -> None:
        self._parameter_views("layers_")
        write_layers(self._network, self._state.theta, self._state.statistics, layers)

    def _parameter_views(self, attribute: str) -> Views:
        if not hasattr(self, "_state"):
            raise AttributeError(
                f"{type(self).__name__} has no attribute {attribute!r} before it is fitted."
            )
        for name in ("theta", "statistics"):
            vector: Array = getattr(self._state, name)
            if not vector.flags.writeable:
                # Read from a file that is mapped into memory, say: what is set is this model's own.
                setattr(self._state, name, vector.copy())
        return self._network.layout.views(self._state.theta)
