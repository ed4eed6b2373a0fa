"""A network as a list of layers with arrays: all the numbers that it predicts with, and back.

`coefs_` and `intercepts_` are not all: where there are norms, a prediction also takes γ and what
batch norm has kept of the batches. A `DenseLayer` has everything between one layer's input and the
next one's, under the names of the formulas, so that whoever reads the list leaves nothing out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np

from .._engine.activations import ACTIVATIONS
from .._engine.backend import Array
from .._engine.layers import Activation, Dense, Layer
from .._engine.network import Network
from .._engine.norms import BatchNorm, LayerNorm, averages, scale_and_shift, set_averages
from ._coefficients import coefficients_like

ARRAYS = ("W", "b", "gamma", "beta", "mean", "variance")
IDENTITY = "identity"


@dataclass(frozen=True, eq=False)
class DenseLayer:
    """A dense layer with its norm, if it has one, and its activation function: all its numbers.

    With z = x W + b, and b = 0 where it is None, the layer gives

    - without a norm, f(z);
    - with norm="batch", f(gamma · (z − mean) / √(variance + epsilon) + beta), which is
      f(scale · z + shift);
    - with norm="layer", f(scale · (z − m) / √(v + epsilon) + shift), m and v the mean and the
      (biased) variance of the row z over its units; scale is gamma, and shift is beta.

    Fitted estimators have a list of these as `layers_`. Its arrays are copies, and read-only;
    `dataclasses.replace` makes a layer with other ones.

    Parameters
    ----------
    name : str
        "hidden 1", "hidden 2", … or "output".
    W : ndarray of shape (n_in, n_out)
        The weights.
    b : ndarray of shape (n_out,), default=None
        The biases; None with a norm, which has `beta` instead, and without an intercept.
    activation : {"identity", "logistic", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", \
            "silu", "mish", "softplus"}, default="identity"
        The activation function f. Of the output layer "identity": it gives raw outputs, which the
        estimator's link, `out_activation_`, turns into predictions.
    norm : {"batch", "layer"} or None, default=None
        The norm between z and f.
    gamma, beta : ndarray of shape (n_out,), default=None
        What a norm multiplies by, and adds.
    mean, variance : ndarray of shape (n_out,), default=None
        Of batch norm, the running mean and (biased) variance of z, corrected for their start.
    epsilon : float, default=None
        What a norm adds to the variance.

    Attributes
    ----------
    scale, shift : ndarray of shape (n_out,) or None
        What is left of a norm for prediction; None without one.

    References
    ----------
    Course II 3.2 and 3.4, batch norm and its statistics at test time.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from skdeep import DeepMLPRegressor
    >>> X, y = load_iris(return_X_y=True)
    >>> model = DeepMLPRegressor(
    ...     hidden_layer_sizes=(5,), batch_norm=True, batch_size=16, random_state=0
    ... ).fit(X, y)
    >>> hidden, output = model.layers_
    >>> a = np.maximum((X @ hidden.W) * hidden.scale + hidden.shift, 0)
    >>> np.allclose(a @ output.W[:, 0] + output.b, model.predict(X))
    True
    """

    name: str
    W: Array = field(repr=False)
    b: Array | None = field(default=None, repr=False)
    activation: str = IDENTITY
    norm: str | None = None
    gamma: Array | None = field(default=None, repr=False)
    beta: Array | None = field(default=None, repr=False)
    mean: Array | None = field(default=None, repr=False)
    variance: Array | None = field(default=None, repr=False)
    epsilon: float | None = None

    @property
    def scale(self) -> Array | None:
        """What a norm multiplies by in prediction; None without one."""
        return self._scale_and_shift()[0]

    @property
    def shift(self) -> Array | None:
        """What a norm adds in prediction; None without one."""
        return self._scale_and_shift()[1]

    def _scale_and_shift(self) -> tuple[Array | None, Array | None]:
        if self.mean is None or self.gamma is None or self.beta is None:
            return self.gamma, self.beta
        assert self.variance is not None
        assert self.epsilon is not None
        return scale_and_shift(self.gamma, self.beta, self.mean, self.variance, self.epsilon)


def layers_of(network: Network, theta: Array, statistics: Array) -> list[DenseLayer]:
    """The numbers of a network, layer by layer, as copies."""
    params = network.layout.views(theta)
    running = network.statistics_layout.views(statistics)
    found = []
    for block in _blocks(network):
        dense = block[0]
        b = params.get((dense.name, "b"))
        of_block: dict[str, Any] = {"W": _copy(params[dense.name, "W"])}
        of_block["b"] = None if b is None else _copy(b[0])
        for layer in block:
            if isinstance(layer, Activation):
                of_block["activation"] = layer.function.name
            if isinstance(layer, (BatchNorm, LayerNorm)):
                of_block |= {"norm": layer.kind, "epsilon": float(layer.epsilon)}
                of_block |= {n: _copy(params[layer.name, n][0]) for n in ("gamma", "beta")}
            if isinstance(layer, BatchNorm):
                pair = averages(running[layer.name, "running"])
                of_block |= {
                    n: _copy(a[0]) for n, a in zip(("mean", "variance"), pair, strict=True)
                }
        found.append(DenseLayer(dense.name, **of_block))
    return found


def write_layers(
    network: Network, theta: Array, statistics: Array, layers: Iterable[DenseLayer]
) -> None:
    """Write such a list into a network's vectors: all of it, or nothing where it does not fit.

    Raises
    ------
    ValueError
        If the list is another network's, or an array is not what it has to be.
    TypeError
        If something in it is no DenseLayer.
    """
    checked = checked_layers(layers_of(network, theta, statistics), layers)
    params = network.layout.views(theta)
    running = network.statistics_layout.views(statistics)
    for block, arrays in zip(_blocks(network), checked, strict=True):
        for layer in block:
            if isinstance(layer, BatchNorm):
                mean, variance = (arrays[n][np.newaxis] for n in ("mean", "variance"))
                set_averages(running[layer.name, "running"], mean, variance)
            for slot in layer.slots():
                params[slot.key][...] = arrays[slot.name]


def checked_layers(
    present: Sequence[DenseLayer], given: Iterable[DenseLayer]
) -> list[dict[str, Array]]:
    """The arrays of layers that are to take the place of those present, in their dtype."""
    layers = list(given)
    if len(layers) != len(present):
        raise ValueError(f"layers_ must have {len(present)} layers, got {len(layers)}.")
    return [
        _arrays_like(before, after, f"layers_[{number}]")
        for number, (before, after) in enumerate(zip(present, layers, strict=True))
    ]


def _arrays_like(present: DenseLayer, given: DenseLayer, name: str) -> dict[str, Array]:
    if not isinstance(given, DenseLayer):
        raise TypeError(f"{name} must be a DenseLayer, got {given!r}.")
    for attribute in ("name", "activation", "norm", "epsilon"):
        before, after = (_known_as(getattr(layer, attribute)) for layer in (present, given))
        if before != after:
            raise ValueError(
                f"{name}.{attribute} must be {before!r}, as this estimator was fitted with, got "
                f"{after!r}: layers_ sets numbers, not the architecture."
            )
    arrays = {}
    for attribute in ARRAYS:
        before, after = getattr(present, attribute), getattr(given, attribute)
        if before is None and after is not None:
            raise ValueError(f"{name}.{attribute} must be None: this layer has none.")
        if before is not None:
            arrays[attribute] = coefficients_like(before, after, f"{name}.{attribute}")
    if "variance" in arrays and (arrays["variance"] < 0).any():
        raise ValueError(f"{name}.variance must be >= 0, got {arrays['variance'].min()}.")
    return arrays


def _known_as(value: object) -> object:
    """The one name of an activation function that has several; all else as it is."""
    known = isinstance(value, str) and value in ACTIVATIONS
    return ACTIVATIONS[str(value)].name if known else value


def _copy(array: Array) -> Array:
    copied = array.copy()
    copied.flags.writeable = False
    return copied


def _blocks(network: Network) -> list[list[Layer]]:
    """Each dense layer with those after it, up to the next one."""
    starts = [n for n, layer in enumerate(network.layers) if isinstance(layer, Dense)]
    ends = chain(starts[1:], [len(network.layers)])
    return [list(network.layers[start:end]) for start, end in zip(starts, ends, strict=True)]
