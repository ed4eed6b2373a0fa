"""Random starts for weight matrices, scaled by their fan-in and fan-out.

A start breaks the symmetry between units and keeps the variance of signals steady through the
layers (course I 4.5 and II 1.10). Biases start at zero.
"""

import math
from collections.abc import Callable

import numpy as np

from .backend import Array

Initializer = Callable[[np.random.Generator, tuple[int, int]], Array]


def _uniform(variance: Callable[[int, int], float]) -> Initializer:
    def draw(generator: np.random.Generator, shape: tuple[int, int]) -> Array:
        bound = math.sqrt(3 * variance(*shape))
        return generator.uniform(-bound, bound, shape)

    return draw


def _normal(variance: Callable[[int, int], float]) -> Initializer:
    def draw(generator: np.random.Generator, shape: tuple[int, int]) -> Array:
        return generator.standard_normal(shape) * math.sqrt(variance(*shape))

    return draw


def _he(fan_in: int, fan_out: int) -> float:
    return 2 / fan_in


def _glorot(fan_in: int, fan_out: int) -> float:
    return 2 / (fan_in + fan_out)


def _lecun(fan_in: int, fan_out: int) -> float:
    return 1 / fan_in


def _small(fan_in: int, fan_out: int) -> float:
    return 0.01**2


def _zeros(generator: np.random.Generator, shape: tuple[int, int]) -> Array:
    return np.zeros(shape)


INITIALIZERS: dict[str, Initializer] = {
    "he_uniform": _uniform(_he),
    "he_normal": _normal(_he),
    "glorot_uniform": _uniform(_glorot),
    "glorot_normal": _normal(_glorot),
    "lecun_uniform": _uniform(_lecun),
    "lecun_normal": _normal(_lecun),
    "small_random": _normal(_small),
    "zeros": _zeros,
}
