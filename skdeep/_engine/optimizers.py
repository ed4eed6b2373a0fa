"""Optimizers: arithmetic on vectors, in order of rising complexity.

An optimizer is configuration. `init(theta)` makes its state, `update(theta, grad, state, step_size,
scratch)` moves θ in place; neither knows of layers. Hyperparameters are numbers, or arrays of shape
(*M, 1) with one value per model. Long vectors are worked through in blocks of scratch's length, so
that the passes of one update meet in the cache.

`coordinate_step` is the step that the last update took along a steady unit gradient, per
coordinate: the step that the proximal operator of an L1 penalty needs.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np

from .backend import Array

BLOCK = 2**14


@dataclass
class OptimizerState:
    """What an optimizer remembers: vectors like θ, and how many updates it has made."""

    vectors: tuple[Array, ...] = ()
    updates: int = 0
    remembered: dict[str, Any] = field(default_factory=dict)


class Optimizer(Protocol):
    name: ClassVar[str]
    decoupled_decay: ClassVar[bool]

    def init(self, theta: Array) -> OptimizerState: ...

    def update(
        self,
        theta: Array,
        grad: Array,
        state: OptimizerState,
        step_size: float | Array,
        scratch: Array,
    ) -> None: ...

    def coordinate_step(
        self, state: OptimizerState, step_size: float | Array, span: slice
    ) -> float | Array: ...


def make_scratch(theta: Array) -> Array:
    """Room for one block of θ."""
    n_models = int(np.prod(theta.shape[:-1]))
    width = min(theta.shape[-1], max(BLOCK // n_models, 256))
    return np.empty((*theta.shape[:-1], width), dtype=theta.dtype)


def _blocks(scratch: Array, *vectors: Array) -> Iterator[tuple[Array, ...]]:
    """The vectors and scratch in matching pieces; whole where scratch is as long as they are."""
    size, width = vectors[0].shape[-1], scratch.shape[-1]
    if size <= width:
        yield (*vectors, scratch)
        return
    for start in range(0, size, width):
        pieces = tuple(vector[..., start : start + width] for vector in vectors)
        yield (*pieces, scratch[..., : pieces[0].shape[-1]])


@dataclass(frozen=True, eq=False)
class GradientDescent:
    """θ ← θ − lr · g (course I 2.4)."""

    name: ClassVar[str] = "gradient descent"
    decoupled_decay: ClassVar[bool] = False

    def init(self, theta: Array) -> OptimizerState:
        return OptimizerState()

    def update(
        self,
        theta: Array,
        grad: Array,
        state: OptimizerState,
        step_size: float | Array,
        scratch: Array,
    ) -> None:
        state.updates += 1
        for t, g, s in _blocks(scratch, theta, grad):
            np.multiply(g, step_size, out=s)
            np.subtract(t, s, out=t)

    def coordinate_step(
        self, state: OptimizerState, step_size: float | Array, span: slice
    ) -> float | Array:
        return step_size


@dataclass(frozen=True, eq=False)
class Momentum:
    """v ← μ v − lr · g, θ ← θ + v (course II 2.3, where lr is scaled by 1 − β)."""

    momentum: float | Array = 0.9
    name: ClassVar[str] = "momentum"
    decoupled_decay: ClassVar[bool] = False

    def init(self, theta: Array) -> OptimizerState:
        return OptimizerState((np.zeros_like(theta),))

    def update(
        self,
        theta: Array,
        grad: Array,
        state: OptimizerState,
        step_size: float | Array,
        scratch: Array,
    ) -> None:
        state.updates += 1
        for t, g, v, s in _blocks(scratch, theta, grad, *state.vectors):
            self._move_velocity(g, v, s, step_size)
            np.add(t, v, out=t)

    def _move_velocity(self, g: Array, v: Array, s: Array, step_size: float | Array) -> None:
        """Leaves lr · g in s."""
        np.multiply(v, self.momentum, out=v)
        np.multiply(g, step_size, out=s)
        np.subtract(v, s, out=v)

    def coordinate_step(
        self, state: OptimizerState, step_size: float | Array, span: slice
    ) -> float | Array:
        # A steady gradient moves θ by lr (1 + μ + μ² + …); at μ = 1 there is no such limit.
        return step_size / np.maximum(1 - np.asarray(self.momentum), 1e-3)


@dataclass(frozen=True, eq=False)
class Nesterov(Momentum):
    """v ← μ v − lr · g, θ ← θ + μ v − lr · g: the gradient is that of the point ahead."""

    name: ClassVar[str] = "nesterov"

    def update(
        self,
        theta: Array,
        grad: Array,
        state: OptimizerState,
        step_size: float | Array,
        scratch: Array,
    ) -> None:
        state.updates += 1
        for t, g, v, s in _blocks(scratch, theta, grad, *state.vectors):
            self._move_velocity(g, v, s, step_size)
            np.subtract(t, s, out=t)
            np.multiply(v, self.momentum, out=s)
            np.add(t, s, out=t)


@dataclass(frozen=True, eq=False)
class RMSprop:
    """S ← ρ S + (1 − ρ) g², θ ← θ − lr · g / (√S + ε) (course II 2.4), without bias correction."""

    rho: float | Array = 0.9
    epsilon: float | Array = 1e-8
    name: ClassVar[str] = "rmsprop"
    decoupled_decay: ClassVar[bool] = False

    def init(self, theta: Array) -> OptimizerState:
        return OptimizerState((np.zeros_like(theta),))

    def update(
        self,
        theta: Array,
        grad: Array,
        state: OptimizerState,
        step_size: float | Array,
        scratch: Array,
    ) -> None:
        state.updates += 1
        rest = 1 - self.rho
        for t, g, S, s in _blocks(scratch, theta, grad, *state.vectors):
            np.multiply(g, g, out=s)
            np.multiply(s, rest, out=s)
            np.multiply(S, self.rho, out=S)
            np.add(S, s, out=S)
            np.sqrt(S, out=s)
            np.add(s, self.epsilon, out=s)
            np.divide(g, s, out=s)
            np.multiply(s, step_size, out=s)
            np.subtract(t, s, out=t)

    def coordinate_step(
        self, state: OptimizerState, step_size: float | Array, span: slice
    ) -> float | Array:
        return step_size / (np.sqrt(state.vectors[0][..., span]) + self.epsilon)


@dataclass(frozen=True, eq=False)
class Adam:
    """m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g²; with m̂ = m / (1 − β₁ᵗ) and
    v̂ = v / (1 − β₂ᵗ), θ ← θ − lr · m̂ / (√v̂ + ε) (course II 2.5; Kingma and Ba, 2015).

    The state keeps m / (1 − β₁) and v / (1 − β₂), which saves two passes over θ per update; the
    constants gather in the two factors that the formula has anyway.
    """

    beta_1: float | Array = 0.9
    beta_2: float | Array = 0.999
    epsilon: float | Array = 1e-8
    name: ClassVar[str] = "adam"
    decoupled_decay: ClassVar[bool] = False

    def init(self, theta: Array) -> OptimizerState:
        return OptimizerState((np.zeros_like(theta), np.zeros_like(theta)))

    def update(
        self,
        theta: Array,
        grad: Array,
        state: OptimizerState,
        step_size: float | Array,
        scratch: Array,
    ) -> None:
        self._rescale_after_change(state)
        state.updates += 1
        # √v̂ = √(v / (1 − β₂)) · root, so that dividing by root leaves √(stored v) + ε / root.
        root = self._root(state)
        epsilon = self.epsilon / root
        rate = step_size * (1 - self.beta_1) / (1 - self.beta_1**state.updates) / root
        for t, g, m, v, s in _blocks(scratch, theta, grad, *state.vectors):
            np.multiply(m, self.beta_1, out=m)
            np.add(m, g, out=m)
            np.multiply(v, self.beta_2, out=v)
            np.multiply(g, g, out=s)
            np.add(v, s, out=v)
            np.sqrt(v, out=s)
            np.add(s, epsilon, out=s)
            np.divide(m, s, out=s)
            np.multiply(s, rate, out=s)
            np.subtract(t, s, out=t)

    def _root(self, state: OptimizerState) -> Any:
        return ((1 - self.beta_2) / (1 - self.beta_2**state.updates)) ** 0.5

    def _rescale_after_change(self, state: OptimizerState) -> None:
        """Keep m and v what they were where β₁ or β₂ has been changed since the last update."""
        betas = (self.beta_1, self.beta_2)
        before = state.remembered.get("betas", betas)
        for vector, old, new in zip(state.vectors, before, betas, strict=True):
            if old is not new and not np.array_equal(old, new):
                np.multiply(vector, (1 - old) / (1 - new), out=vector)
        state.remembered["betas"] = betas

    def coordinate_step(
        self, state: OptimizerState, step_size: float | Array, span: slice
    ) -> float | Array:
        return step_size / (np.sqrt(state.vectors[1][..., span]) * self._root(state) + self.epsilon)


@dataclass(frozen=True, eq=False)
class AdamW(Adam):
    """Adam on the loss alone; the weights decay by themselves (Loshchilov and Hutter, 2019).

    The decay, W ← (1 − lr · l2) W before the update, is the penalty's: it knows which are weights.
    """

    name: ClassVar[str] = "adamw"
    decoupled_decay: ClassVar[bool] = True


def make_optimizer(
    solver: str,
    *,
    momentum: float | Array = 0.9,
    nesterovs_momentum: bool = True,
    rho: float | Array = 0.9,
    beta_1: float | Array = 0.9,
    beta_2: float | Array = 0.999,
    epsilon: float | Array = 1e-8,
) -> Optimizer:
    """The optimizer that a solver's name and its parameters stand for."""
    if solver == "rmsprop":
        return RMSprop(rho, epsilon)
    if solver == "adam":
        return Adam(beta_1, beta_2, epsilon)
    if solver == "adamw":
        return AdamW(beta_1, beta_2, epsilon)
    if not np.any(np.asarray(momentum) > 0):
        return GradientDescent()
    return Nesterov(momentum) if nesterovs_momentum else Momentum(momentum)


def clip_by_global_norm(grad: Array, limit: float | Array) -> None:
    """Scale each model's gradient down to the norm `limit` where it is longer."""
    norm = np.sqrt(np.vecdot(grad, grad))[..., np.newaxis]
    if np.any(norm > limit):
        shrink = np.minimum(limit / np.maximum(norm, np.finfo(grad.dtype).tiny), 1)
        np.multiply(grad, shrink.astype(grad.dtype, copy=False), out=grad)
