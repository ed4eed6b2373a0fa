"""A network as the sequence of steps that other frameworks make their Sequentials of.

An exporter translates `steps_of` a fitted network one by one; an importer makes the same steps of a
framework's layers, and `_estimators.py` an estimator of those. Only here are the two ways alike:
what a framework calls its layers, and in which units it takes their settings, is its own file's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from .._engine.backend import Array
from ._layers import NetworkArrays


@dataclass(frozen=True, eq=False)
class Step:
    """What all steps have: `told`, how an error names the layer that a step was read from."""

    told: str


@dataclass(frozen=True, eq=False)
class DenseStep(Step):
    """x W + b; b is None where there is none."""

    W: Array
    b: Array | None


@dataclass(frozen=True, eq=False)
class NormStep(Step):
    """γ (x − mean) / √(variance + epsilon) + β, mean and variance of a "batch" or of a "layer".

    Those of a batch are running ones, which move by running = momentum · running + (1 − momentum) ·
    batch.
    """

    kind: str
    gamma: Array
    beta: Array
    epsilon: float
    mean: Array | None = None
    variance: Array | None = None
    momentum: float | None = None


@dataclass(frozen=True, eq=False)
class FunctionStep(Step):
    """An activation function, or, at the end, a link."""

    name: str


@dataclass(frozen=True, eq=False)
class DropoutStep(Step):
    """Inverted dropout in training, nothing in prediction."""

    rate: float


def steps_of(network: NetworkArrays) -> list[Step]:
    """The steps of a fitted network, its link the last of them."""
    steps: list[Step] = _dropout("input", network.input_dropout)
    rates: Sequence[float] = (*network.dropout, 0.0)
    for layer, rate in zip(network.layers, rates[-len(network.layers) :], strict=True):
        steps.append(DenseStep(layer.name, layer.W, layer.b))
        if layer.norm is not None:
            assert layer.gamma is not None
            assert layer.beta is not None
            assert layer.epsilon is not None
            steps.append(
                NormStep(
                    layer.name,
                    layer.norm,
                    layer.gamma,
                    layer.beta,
                    layer.epsilon,
                    layer.mean,
                    layer.variance,
                    network.batch_norm_momentum,
                )
            )
        if layer is not network.layers[-1]:
            steps.append(FunctionStep(layer.name, layer.activation))
        steps += _dropout(layer.name, rate)
    return [*steps, FunctionStep("output", network.link)]


def _dropout(told: str, rate: float) -> list[Step]:
    return [DropoutStep(told, rate)] if rate > 0 else []
