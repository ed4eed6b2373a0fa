"""Predictions of a network that skdeep has trained, with NumPy alone.

This file is all that there is to it: `to_numpy` writes a copy of it beside the network's arrays, an
.npz file of the same name, and neither needs skdeep again. Per layer the arrays are W, and as far
as the layer has them b, scale and shift; `activations`, `norms` and `epsilons` say what is done
with them, `link`, `task` and `classes` what the outputs mean.
"""

import functools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def sigmoid(z: Array) -> Array:
    """1 / (1 + exp(−z)), which as a tanh cannot overflow."""
    return 0.5 * (1 + np.tanh(0.5 * z))


def elu(z: Array) -> Array:
    """z above zero, exp(z) − 1 below."""
    return np.maximum(z, 0) + np.expm1(np.minimum(z, 0))


def selu(z: Array) -> Array:
    """Scaled elu."""
    below = 1.6732632423543772 * np.expm1(np.minimum(z, 0))
    return 1.0507009873554805 * (np.maximum(z, 0) + below)


def gelu(z: Array) -> Array:
    """z Φ(z), Φ the normal distribution's function."""
    erf = np.vectorize(math.erf, otypes=[z.dtype])
    return 0.5 * z * (1 + erf(z * math.sqrt(0.5)))


def softplus(z: Array) -> Array:
    """log(1 + exp(z))."""
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


def softmax(z: Array) -> Array:
    """exp(z) over its sum, row by row."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "identity": lambda z: z,
    "logistic": sigmoid,
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z: np.maximum(z, 0.01 * z),
    "elu": elu,
    "selu": selu,
    "gelu": gelu,
    "silu": lambda z: z * sigmoid(z),
    "mish": lambda z: z * np.tanh(softplus(z)),
    "softplus": softplus,
    "softmax": softmax,
    "exp": np.exp,
}


@functools.cache
def network() -> dict[str, Array]:
    """The arrays that lie beside this file."""
    with np.load(Path(__file__).with_suffix(".npz"), allow_pickle=False) as file:
        return dict(file)


def raw_outputs(X: Any) -> Array:
    """What the network gives for rows of X, of shape (n, n_features), before its link."""
    arrays = network()
    a = np.asarray(X, dtype=arrays["W0"].dtype)
    n_features = arrays["W0"].shape[0]
    if a.ndim != 2 or a.shape[1] != n_features:
        raise ValueError(f"X must be of shape (n, {n_features}), got {a.shape}.")
    for k, activation in enumerate(arrays["activations"].tolist()):
        z = a @ arrays[f"W{k}"]
        if f"b{k}" in arrays:
            z = z + arrays[f"b{k}"]
        if arrays["norms"][k] == "layer":
            z = z - z.mean(axis=1, keepdims=True)
            variance = (z * z).mean(axis=1, keepdims=True)
            z = z / np.sqrt(variance + arrays["epsilons"][k].astype(z.dtype))
        if f"scale{k}" in arrays:
            z = z * arrays[f"scale{k}"] + arrays[f"shift{k}"]
        a = FUNCTIONS[activation](z)
    return a


def predict_proba(X: Any) -> Array:
    """Probabilities of the classes, or of the labels, a column for each."""
    arrays, z = network(), raw_outputs(X)
    if arrays["task"] == "regression":
        raise ValueError("The network is a regressor's: it has no probabilities. Call predict.")
    if arrays["task"] == "binary":
        if arrays["classes"].size == 1:
            return np.ones_like(z)
        return sigmoid(np.hstack([-z, z]))
    return FUNCTIONS[str(arrays["link"])](z)


def predict(X: Any) -> Array:
    """The classes, the labels (0 or 1, a column for each), or the predicted numbers."""
    arrays, z = network(), raw_outputs(X)
    if arrays["task"] == "regression":
        predictions = FUNCTIONS[str(arrays["link"])](z)
        return predictions[:, 0] if arrays["single_column"] else predictions
    if arrays["task"] == "multilabel":
        return (z > 0).astype(int)
    if arrays["task"] == "multiclass":
        return arrays["classes"][z.argmax(axis=1)]
    return arrays["classes"][np.minimum(z[:, 0] > 0, arrays["classes"].size - 1)]
