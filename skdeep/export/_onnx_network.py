"""A network's layers and its link, as nodes of an ONNX graph.

Arrays may be one network's, of shapes (n_in, n_out) and (n_out,), or those of K members of an
ensemble, (K, n_in, n_out) and (K, 1, n_out): the formulas are the same.

ONNX Runtime lacks some functions for float64, so they are put together from those that it has. The
error function alone is computed in float32, to some 1e-7.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

from .._engine.activations import ELU_ALPHA, LEAKY_SLOPE, SELU_ALPHA, SELU_SCALE
from ..estimators._layers import DenseLayer
from ._onnx_graph import Graph

Function = Callable[[Graph, str], str]


# ------------------------------------------------------------------------------------- activations


def _of_one_node(operator: str) -> Function:
    return lambda graph, z: graph.add(operator, z)


def _identity(graph: Graph, z: str) -> str:
    return z


def _positive(graph: Graph, z: str) -> str:
    return graph.add("Max", z, graph.constant(0))


def _leaky_relu(graph: Graph, z: str) -> str:
    return graph.add("Max", z, graph.add("Mul", z, graph.constant(LEAKY_SLOPE)))


def _exponential(graph: Graph, z: str, alpha: float) -> str:
    """max(z, 0) + α (exp(min(z, 0)) − 1)"""
    e = graph.add("Exp", graph.add("Min", z, graph.constant(0)))
    below = graph.add("Mul", graph.add("Sub", e, graph.constant(1)), graph.constant(alpha))
    return graph.add("Add", _positive(graph, z), below)


def _elu(graph: Graph, z: str) -> str:
    return _exponential(graph, z, ELU_ALPHA)


def _selu(graph: Graph, z: str) -> str:
    return graph.add("Mul", _exponential(graph, z, SELU_ALPHA), graph.constant(SELU_SCALE))


def _gelu(graph: Graph, z: str) -> str:
    """z (1 + erf(z / √2)) / 2"""
    scaled = graph.add("Mul", z, graph.constant(math.sqrt(0.5)))
    erf = graph.cast(graph.add("Erf", graph.cast(scaled, "float32")), graph.dtype)
    twice = graph.add("Add", erf, graph.constant(1))
    return graph.add("Mul", z, graph.add("Mul", twice, graph.constant(0.5)))


def _silu(graph: Graph, z: str) -> str:
    """z/2 · (1 + tanh(z/2)): z σ(z) some versions of ONNX Runtime take for what is float32 only."""
    half = graph.add("Mul", z, graph.constant(0.5))
    return graph.add("Mul", half, graph.add("Add", graph.add("Tanh", half), graph.constant(1)))


def _softplus(graph: Graph, z: str) -> str:
    """max(z, 0) + log(1 + exp(−|z|))"""
    e = graph.add("Exp", graph.add("Neg", graph.add("Abs", z)))
    log = graph.add("Log", graph.add("Add", e, graph.constant(1)))
    return graph.add("Add", _positive(graph, z), log)


def _mish(graph: Graph, z: str) -> str:
    return graph.add("Mul", z, graph.add("Tanh", _softplus(graph, z)))


ACTIVATIONS: dict[str, Function] = {
    "identity": _identity,
    "logistic": _of_one_node("Sigmoid"),
    "tanh": _of_one_node("Tanh"),
    "relu": _of_one_node("Relu"),
    "leaky_relu": _leaky_relu,
    "elu": _elu,
    "selu": _selu,
    "gelu": _gelu,
    "silu": _silu,
    "mish": _mish,
    "softplus": _softplus,
}


# ------------------------------------------------------------------------------------------- links


def _softmax(graph: Graph, z: str) -> str:
    return graph.add("Softmax", z, axis=-1)


LINKS: dict[str, Function] = {
    "identity": _identity,
    "logistic": _of_one_node("Sigmoid"),
    "softmax": _softmax,
    "exp": _of_one_node("Exp"),
}


# ------------------------------------------------------------------------------------------ layers


def raw_outputs(graph: Graph, x: str, layers: Sequence[DenseLayer]) -> str:
    """What a network's layers give for rows x."""
    for layer in layers:
        x = _layer(graph, x, layer)
    return x


def _layer(graph: Graph, x: str, layer: DenseLayer) -> str:
    z = graph.add("MatMul", x, graph.constant(layer.W))
    if layer.b is not None:
        z = graph.add("Add", z, graph.constant(layer.b))
    if layer.norm is not None:
        z = _norm(graph, z, layer)
    return ACTIVATIONS[layer.activation](graph, z)


def _norm(graph: Graph, z: str, layer: DenseLayer) -> str:
    assert layer.scale is not None
    assert layer.shift is not None
    if layer.norm == "layer":
        assert layer.epsilon is not None
        z = _normalised_rows(graph, z, layer.W.shape[-1], layer.epsilon)
    scaled = graph.add("Mul", z, graph.constant(layer.scale))
    return graph.add("Add", scaled, graph.constant(layer.shift))


def _normalised_rows(graph: Graph, z: str, n_units: int, epsilon: float) -> str:
    """(z − m) / √(v + ε), m and v of each row; a mean is a product, as it is in training."""
    shares = graph.constant(np.full((n_units, 1), 1 / n_units))
    centred = graph.add("Sub", z, graph.add("MatMul", z, shares))
    variance = graph.add("MatMul", graph.add("Mul", centred, centred), shares)
    deviation = graph.add("Sqrt", graph.add("Add", variance, graph.constant(epsilon)))
    return graph.add("Div", centred, deviation)
