"""Activation functions, each with its derivative beside it.

Both halves write into arrays they are given and allocate nothing. `value(z, a)` may spoil z unless
the derivative needs it; `chain(d, z, a)` multiplies d by f'(z) in place and may spoil z and a,
which nobody reads after it. An activation that works in place gets the same array as z and a.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .backend import Array, erf

LEAKY_SLOPE = 0.01
ELU_ALPHA = 1.0
SELU_SCALE = 1.0507009873554805
SELU_ALPHA = 1.6732632423543772


@dataclass(frozen=True)
class ActivationFunction:
    """f and f', what f' is computed from, and the initialisation that suits f.

    `derivative_from` the "input", the "output", or "both": f(z), and what `value` has left in z.
    `in_place` activations leave f(z) where z was; for them f' must come from f(z) alone.
    """

    name: str
    value: Callable[[Array, Array], None]
    chain: Callable[[Array, Array, Array], None]
    derivative_from: str
    in_place: bool
    weight_init: str

    def __post_init__(self) -> None:
        if self.in_place and self.derivative_from != "output":
            raise ValueError(
                f"activation {self.name!r} works in place, so its input is gone when "
                "its derivative asks for it."
            )

    @property
    def keeps_zero(self) -> bool:
        """Whether f(0) = 0: a unit that nothing comes into then gives nothing."""
        z = np.zeros(1)
        a = z if self.in_place else np.empty(1)
        self.value(z, a)
        return bool(a[0] == 0)


def _identity(z: Array, a: Array) -> None:
    pass


def _identity_chain(d: Array, z: Array, a: Array) -> None:
    pass


# σ(z) = (1 + tanh(z/2)) / 2: NumPy's tanh is vectorised, and it cannot overflow.
def sigmoid(z: Array, a: Array) -> None:
    np.multiply(z, 0.5, out=a)
    np.tanh(a, out=a)
    np.multiply(a, 0.5, out=a)
    np.add(a, 0.5, out=a)


# σ' = a (1 − a)
def _logistic_chain(d: Array, z: Array, a: Array) -> None:
    np.multiply(d, a, out=d)
    np.subtract(1, a, out=a)
    np.multiply(d, a, out=d)


def _tanh(z: Array, a: Array) -> None:
    np.tanh(z, out=a)


# tanh' = 1 − a²
def _tanh_chain(d: Array, z: Array, a: Array) -> None:
    np.multiply(a, a, out=a)
    np.subtract(1, a, out=a)
    np.multiply(d, a, out=d)


# A ufunc takes an array for its number sooner than a Python one, which it converts at each call.
_ZEROS = {np.dtype(kind): np.zeros((), dtype=kind) for kind in ("float32", "float64")}


def _relu(z: Array, a: Array) -> None:
    np.maximum(z, _ZEROS[z.dtype], out=a)


# relu' = [a > 0]
def _relu_chain(d: Array, z: Array, a: Array) -> None:
    np.greater(a, _ZEROS[a.dtype], out=a)
    np.multiply(d, a, out=d)


def _leaky_relu(z: Array, a: Array) -> None:
    np.multiply(z, LEAKY_SLOPE, out=a)
    np.maximum(z, a, out=a)


# slope + (1 − slope) [a > 0]
def _leaky_relu_chain(d: Array, z: Array, a: Array) -> None:
    np.greater(a, 0, out=a)
    np.multiply(a, 1 - LEAKY_SLOPE, out=a)
    np.add(a, LEAKY_SLOPE, out=a)
    np.multiply(d, a, out=d)


# max(z, 0) + α (exp(min(z, 0)) − 1)
def _elu(z: Array, a: Array) -> None:
    np.minimum(z, 0, out=a)
    np.expm1(a, out=a)
    np.multiply(a, ELU_ALPHA, out=a)
    np.maximum(z, 0, out=z)
    np.add(a, z, out=a)


# 1 above zero, a + α below; with α = 1 that is 1 + min(a, 0) on both sides
def _elu_chain(d: Array, z: Array, a: Array) -> None:
    np.minimum(a, 0, out=a)
    np.add(a, ELU_ALPHA, out=a)
    np.multiply(d, a, out=d)


# scale · elu(z; α)
def _selu(z: Array, a: Array) -> None:
    np.minimum(z, 0, out=a)
    np.expm1(a, out=a)
    np.multiply(a, SELU_ALPHA, out=a)
    np.maximum(z, 0, out=z)
    np.add(a, z, out=a)
    np.multiply(a, SELU_SCALE, out=a)


# scale above zero, a + scale·α below
def _selu_chain(d: Array, z: Array, a: Array) -> None:
    np.greater(a, 0, out=z)
    np.multiply(z, SELU_SCALE * (1 - SELU_ALPHA), out=z)
    np.minimum(a, 0, out=a)
    np.add(a, SELU_SCALE * SELU_ALPHA, out=a)
    np.add(a, z, out=a)
    np.multiply(d, a, out=d)


# z Φ(z), Φ the normal distribution's function
def _gelu(z: Array, a: Array) -> None:
    np.multiply(z, math.sqrt(0.5), out=a)
    erf(a, out=a)
    np.add(a, 1, out=a)
    np.multiply(a, 0.5, out=a)
    np.multiply(a, z, out=a)


# Φ(z) + z φ(z)
def _gelu_chain(d: Array, z: Array, a: Array) -> None:
    np.multiply(z, z, out=a)
    np.multiply(a, -0.5, out=a)
    np.exp(a, out=a)
    np.multiply(a, z, out=a)
    np.multiply(a, 1 / math.sqrt(2 * math.pi), out=a)
    np.multiply(z, math.sqrt(0.5), out=z)
    erf(z, out=z)
    np.add(z, 1, out=z)
    np.multiply(z, 0.5, out=z)
    np.add(a, z, out=a)
    np.multiply(d, a, out=d)


# z σ(z) = (z/2) · 2σ(z), with 2σ(z) = 1 + tanh(z/2), which stays in z
def _silu(z: Array, a: Array) -> None:
    np.multiply(z, 0.5, out=a)
    np.tanh(a, out=z)
    np.add(z, 1, out=z)
    np.multiply(a, z, out=a)


# σ + a (1 − σ) = 1 + (2σ − 2)(1 − a) / 2
def _silu_chain(d: Array, z: Array, a: Array) -> None:
    np.subtract(z, 2, out=z)
    np.subtract(1, a, out=a)
    np.multiply(z, a, out=z)
    np.multiply(z, 0.5, out=z)
    np.add(z, 1, out=z)
    np.multiply(d, z, out=d)


# z tanh(log(1 + eᶻ)) = z (1 − q²) / (1 + q²) with q = σ(−z), and
# (1 − q²) / (1 + q²) = 2 / (1 + q²) − 1
def _mish(z: Array, a: Array) -> None:
    np.negative(z, out=a)
    sigmoid(a, a)
    np.multiply(a, a, out=a)
    np.add(a, 1, out=a)
    np.divide(2, a, out=a)
    np.subtract(a, 1, out=a)
    np.multiply(a, z, out=a)


# tanh(u) + z σ(z) (1 − tanh²u), u = log(1 + eᶻ). With c = 1 / (1 + q²), q = σ(−z), this is
# (4 q² z σ(z) c + 2) c − 1.
def _mish_chain(d: Array, z: Array, a: Array) -> None:
    np.negative(z, out=a)
    sigmoid(a, a)  # q
    np.multiply(z, a, out=z)
    np.multiply(z, a, out=z)
    np.subtract(1, a, out=a)  # σ(z) = 1 − q
    np.multiply(z, a, out=z)
    np.multiply(z, 4, out=z)  # 4 q² z σ(z)
    np.subtract(1, a, out=a)
    np.multiply(a, a, out=a)
    np.add(a, 1, out=a)
    np.reciprocal(a, out=a)
    np.multiply(z, a, out=z)
    np.add(z, 2, out=z)
    np.multiply(z, a, out=z)
    np.subtract(z, 1, out=z)
    np.multiply(d, z, out=d)


# log(1 + eᶻ) = max(z, 0) + log(1 + e^−|z|)
def _softplus(z: Array, a: Array) -> None:
    np.abs(z, out=a)
    np.negative(a, out=a)
    np.exp(a, out=a)
    np.log1p(a, out=a)
    np.maximum(z, 0, out=z)
    np.add(a, z, out=a)


# σ(z) = 1 − e^−a
def _softplus_chain(d: Array, z: Array, a: Array) -> None:
    np.negative(a, out=a)
    np.expm1(a, out=a)
    np.negative(a, out=a)
    np.multiply(d, a, out=d)


_TABLE = (
    ActivationFunction("identity", _identity, _identity_chain, "output", True, "glorot_uniform"),
    ActivationFunction("logistic", sigmoid, _logistic_chain, "output", True, "glorot_uniform"),
    ActivationFunction("tanh", _tanh, _tanh_chain, "output", True, "glorot_uniform"),
    ActivationFunction("relu", _relu, _relu_chain, "output", True, "glorot_uniform"),
    ActivationFunction(
        "leaky_relu", _leaky_relu, _leaky_relu_chain, "output", False, "glorot_uniform"
    ),
    ActivationFunction("elu", _elu, _elu_chain, "output", False, "glorot_uniform"),
    ActivationFunction("selu", _selu, _selu_chain, "output", False, "lecun_normal"),
    ActivationFunction("gelu", _gelu, _gelu_chain, "input", False, "glorot_uniform"),
    ActivationFunction("silu", _silu, _silu_chain, "both", False, "glorot_uniform"),
    ActivationFunction("mish", _mish, _mish_chain, "input", False, "glorot_uniform"),
    ActivationFunction("softplus", _softplus, _softplus_chain, "output", False, "glorot_uniform"),
)

ACTIVATIONS: dict[str, ActivationFunction] = {function.name: function for function in _TABLE}
ACTIVATIONS["sigmoid"] = ACTIVATIONS["logistic"]
