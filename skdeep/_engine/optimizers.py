"""Optimizers: arithmetic on vectors, in order of rising complexity.

Each class opens with its formula and the few lines that compute it in place; what it takes to do so
in fewer passes, where that is more than the formula says, stands in a class of its own before it.

An optimizer is configuration. `init(theta)` makes its state; `bind(state, dtype)` gives what moves
θ, `move(now, theta, grad, *vectors, scratch)`, to be called on the whole or on one block after the
other, with `now` what `numbers(state, step_size, dtype)` gives once that update is counted;
`update` does all of it once. None of it knows of layers. Hyperparameters are numbers, or arrays of
shape (*M, 1) with one value per model. Long vectors are worked through in blocks, so that the
passes of one update meet in the cache.

`coordinate_step` is the step that the last update took along a steady unit gradient, per
coordinate: the step that the proximal operator of an L1 penalty needs.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from .backend import Array, FloatType, Number
from .records import recorded

BLOCK = 2**15
# Columns of a population's θ are pieces of rows, over which a pass takes twice as long as over a
# whole: it is cut for nothing less than a cache that overflows.
POPULATION_BLOCK = 2**18


@recorded
@dataclass
class OptimizerState:
    """What an optimizer remembers: vectors like θ, and how many updates it has made.

    `kind` says what the vectors mean: an optimizer goes on with a state of its own kind only.
    """

    kind: str
    vectors: tuple[Array, ...] = ()
    updates: int = 0
    remembered: dict[str, tuple[Number, ...]] = field(default_factory=dict)

    def select(self, models: Array) -> "OptimizerState":
        """The state of the models with these numbers out of a population's."""

        def pick(value: Number) -> Number:
            return value[models] if isinstance(value, np.ndarray) and value.ndim > 0 else value

        remembered = {name: tuple(map(pick, values)) for name, values in self.remembered.items()}
        vectors = tuple(vector[models] for vector in self.vectors)
        return replace(self, vectors=vectors, remembered=remembered)

    def copy(self) -> "OptimizerState":
        """The same with vectors of its own."""
        vectors = tuple(vector.copy() for vector in self.vectors)
        return replace(self, vectors=vectors, remembered=dict(self.remembered))

    def counts(self) -> tuple[int, dict[str, tuple[Number, ...]]]:
        """`updates` and `remembered`: all but the vectors."""
        return self.updates, self.remembered

    def at(self, positions: Array) -> "OptimizerState":
        """The state of a smaller network whose parameters lie at these positions in θ."""
        return replace(self, vectors=tuple(vector[..., positions] for vector in self.vectors))


Move = Callable[..., None]
# The numbers that an update begins with, as its `move` takes them.
Now = Array | tuple[Array, ...]


def constant(value: Number, dtype: FloatType) -> Array:
    """The number as an array: a ufunc takes that in half the time that a Python float costs it."""
    return np.asarray(value, dtype=dtype)


class Optimizer(ABC):
    """What all optimizers can do."""

    name: ClassVar[str]
    kind: ClassVar[str]
    # How many vectors like θ it remembers.
    n_vectors: ClassVar[int] = 0
    decoupled_decay: ClassVar[bool] = False

    def init(self, theta: Array) -> OptimizerState:
        """The state to start from: its vectors are zero."""
        vectors = tuple(np.zeros_like(theta) for _ in range(self.n_vectors))
        return OptimizerState(self.kind, vectors)

    def resume(self, theta: Array, state: OptimizerState | None) -> OptimizerState:
        """The state to go on with: the one given, or a new one if it is of another kind."""
        return state if state is not None and state.kind == self.kind else self.init(theta)

    @abstractmethod
    def bind(self, state: OptimizerState, dtype: FloatType) -> Move:
        """What moves a block of θ."""

    def numbers(self, state: OptimizerState, step_size: Number, dtype: FloatType) -> Now:
        """The numbers of the update that is counted last; also for steps of different sizes."""
        return constant(step_size, dtype)

    @abstractmethod
    def coordinate_step(self, state: OptimizerState, step_size: Number, span: slice) -> Number: ...

    def update(
        self,
        theta: Array,
        grad: Array,
        state: OptimizerState,
        step_size: Number,
        scratch: Array,
    ) -> None:
        """Move θ in place, in blocks of scratch's length."""
        move = self.bind(state, theta.dtype)
        state.updates += 1
        now = self.numbers(state, step_size, theta.dtype)
        for pieces in blocks(scratch, theta, grad, *state.vectors):
            move(now, *pieces)


def make_scratch(theta: Array) -> Array:
    """Room for one block of θ; a population's is not cut while it may still fit the cache."""
    n_models, size = math.prod(theta.shape[:-1]), theta.shape[-1]
    width = size
    if theta.ndim == 1 or theta.size > POPULATION_BLOCK:
        width = min(size, max(BLOCK // n_models, 256))
    return np.empty((*theta.shape[:-1], width), dtype=theta.dtype)


def blocks(scratch: Array, *vectors: Array) -> Iterator[tuple[Array, ...]]:
    """The vectors and scratch in matching pieces."""
    size, width = vectors[0].shape[-1], scratch.shape[-1]
    for start in range(0, size, width):
        pieces = tuple(vector[..., start : start + width] for vector in vectors)
        yield (*pieces, scratch[..., : pieces[0].shape[-1]])


@dataclass(frozen=True, eq=False)
class GradientDescent(Optimizer):
    """θ ← θ − lr · g (course I 2.4)."""

    name: ClassVar[str] = "gradient descent"
    kind: ClassVar[str] = "gradient descent"

    def bind(self, state: OptimizerState, dtype: FloatType) -> Move:
        def move(rate: Array, t: Array, g: Array, s: Array) -> None:
            np.multiply(g, rate, out=s)
            np.subtract(t, s, out=t)

        return move

    def coordinate_step(self, state: OptimizerState, step_size: Number, span: slice) -> Number:
        return step_size


@dataclass(frozen=True, eq=False)
class Momentum(Optimizer):
    """v ← μ v − lr · g, θ ← θ + v (course II 2.3, where lr is scaled by 1 − β)."""

    momentum: Number = 0.9
    name: ClassVar[str] = "momentum"
    kind: ClassVar[str] = "velocity"
    n_vectors: ClassVar[int] = 1

    def bind(self, state: OptimizerState, dtype: FloatType) -> Move:
        momentum = constant(self.momentum, dtype)

        def move(rate: Array, t: Array, g: Array, v: Array, s: Array) -> None:
            _move_velocity(v, momentum, g, rate, s)
            np.add(t, v, out=t)

        return move

    def coordinate_step(self, state: OptimizerState, step_size: Number, span: slice) -> Number:
        # A steady gradient moves θ by lr (1 + μ + μ² + …); at μ = 1 there is no such limit.
        rest: Array = np.maximum(1 - np.asarray(self.momentum), 1e-3)
        return step_size / rest


def _move_velocity(v: Array, momentum: Array, g: Array, rate: Array, s: Array) -> None:
    """v ← μ v − lr · g, with lr · g left in s."""
    np.multiply(v, momentum, out=v)
    np.multiply(g, rate, out=s)
    np.subtract(v, s, out=v)


@dataclass(frozen=True, eq=False)
class Nesterov(Momentum):
    """v ← μ v − lr · g, θ ← θ + μ v − lr · g: the gradient is that of the point ahead."""

    name: ClassVar[str] = "nesterov"

    def bind(self, state: OptimizerState, dtype: FloatType) -> Move:
        momentum = constant(self.momentum, dtype)

        def move(rate: Array, t: Array, g: Array, v: Array, s: Array) -> None:
            _move_velocity(v, momentum, g, rate, s)
            np.subtract(t, s, out=t)
            np.multiply(v, momentum, out=s)
            np.add(t, s, out=t)

        return move


@dataclass(frozen=True, eq=False)
class RMSprop(Optimizer):
    """S ← ρ S + (1 − ρ) g², θ ← θ − lr · g / (√S + ε) (course II 2.4), without bias correction."""

    rho: Number = 0.9
    epsilon: Number = 1e-8
    name: ClassVar[str] = "rmsprop"
    kind: ClassVar[str] = "squares"
    n_vectors: ClassVar[int] = 1

    def bind(self, state: OptimizerState, dtype: FloatType) -> Move:
        rho, rest = constant(self.rho, dtype), constant(1 - self.rho, dtype)
        epsilon = constant(self.epsilon, dtype)

        def move(rate: Array, t: Array, g: Array, S: Array, s: Array) -> None:
            # S ← ρ S + (1 − ρ) g²
            np.multiply(g, g, out=s)
            np.multiply(s, rest, out=s)
            np.multiply(S, rho, out=S)
            np.add(S, s, out=S)
            # θ ← θ − lr · g / (√S + ε)
            np.sqrt(S, out=s)
            np.add(s, epsilon, out=s)
            np.divide(g, s, out=s)
            np.multiply(s, rate, out=s)
            np.subtract(t, s, out=t)

        return move

    def coordinate_step(self, state: OptimizerState, step_size: Number, span: slice) -> Number:
        return step_size / (np.sqrt(state.vectors[0][..., span]) + self.epsilon)


@dataclass(frozen=True, eq=False)
class Moments(Optimizer):
    """The bookkeeping of Adam and its kin, which leaves their formulas two passes over θ shorter.

    Running means of the gradients, m, and of their squares, v, are kept without their constants, as
    m / (1 − β₁) and v / (1 − β₂): then m ← β₁ m + g, and v ← β₂ v + g². The constants gather in the
    two factors that the formulas have anyway, the rate and ε. With r² = (1 − β₂) / (1 − β₂ᵗ), the
    root of the corrected v is r √v of the v that is kept, and division by r leaves √v + ε / r.
    """

    beta_1: Number = 0.9
    beta_2: Number = 0.999
    epsilon: Number = 1e-8
    kind: ClassVar[str] = "moments"
    n_vectors: ClassVar[int] = 2

    def numbers(
        self, state: OptimizerState, step_size: Number, dtype: FloatType
    ) -> tuple[Array, ...]:
        """The rate and ε of this update, with the constants in them."""
        r = self._root(state)
        rate = step_size * (1 - self.beta_1) / (1 - self.beta_1**state.updates) / r
        return constant(rate, dtype), constant(self.epsilon / r, dtype)

    def _root(self, state: OptimizerState) -> Number:
        root: Number = ((1 - self.beta_2) / (1 - self.beta_2**state.updates)) ** 0.5
        return root

    def _rescale_after_change(self, state: OptimizerState) -> None:
        """Keep m and v what they were where β₁ or β₂ has been changed since the last update."""
        betas = (self.beta_1, self.beta_2)
        before = state.remembered.get("betas", betas)
        for vector, old, new in zip(state.vectors, before, betas, strict=True):
            if old is not new and not np.array_equal(old, new):
                np.multiply(vector, (1 - old) / (1 - new), out=vector)
        # Another dict: those who hold the one before remember what was.
        state.remembered = {**state.remembered, "betas": betas}

    def coordinate_step(self, state: OptimizerState, step_size: Number, span: slice) -> Number:
        return step_size / (np.sqrt(state.vectors[1][..., span]) * self._root(state) + self.epsilon)


@dataclass(frozen=True, eq=False)
class Adam(Moments):
    """m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g²; with m̂ = m / (1 − β₁ᵗ) and
    v̂ = v / (1 − β₂ᵗ), θ ← θ − lr · m̂ / (√v̂ + ε) (course II 2.5; Kingma and Ba, 2015).
    """

    name: ClassVar[str] = "adam"

    def bind(self, state: OptimizerState, dtype: FloatType) -> Move:
        self._rescale_after_change(state)
        beta_1, beta_2 = constant(self.beta_1, dtype), constant(self.beta_2, dtype)

        def move(now: tuple[Array, ...], t: Array, g: Array, m: Array, v: Array, s: Array) -> None:
            rate, epsilon = now
            # m ← β₁ m + g
            np.multiply(m, beta_1, out=m)
            np.add(m, g, out=m)
            # v ← β₂ v + g²
            np.multiply(v, beta_2, out=v)
            np.multiply(g, g, out=s)
            np.add(v, s, out=v)
            # θ ← θ − rate · m / (√v + ε)
            np.sqrt(v, out=s)
            np.add(s, epsilon, out=s)
            np.divide(m, s, out=s)
            np.multiply(s, rate, out=s)
            np.subtract(t, s, out=t)

        return move


@dataclass(frozen=True, eq=False)
class AdamW(Adam):
    """Adam on the loss alone; the weights decay by themselves (Loshchilov and Hutter, 2019).

    The decay, W ← (1 − lr · l2) W before the update, is the penalty's: it knows which are weights.
    """

    name: ClassVar[str] = "adamw"
    decoupled_decay: ClassVar[bool] = True


@dataclass(frozen=True, eq=False)
class NAdam(Moments):
    """Adam whose m̂ looks one step ahead: m̂ = β₁ m / (1 − β₁ᵗ⁺¹) + (1 − β₁) g / (1 − β₁ᵗ).

    That is Nesterov's momentum in Adam (Dozat, 2016), here with one β₁ for all steps.
    """

    name: ClassVar[str] = "nadam"

    def bind(self, state: OptimizerState, dtype: FloatType) -> Move:
        self._rescale_after_change(state)
        beta_1, beta_2 = constant(self.beta_1, dtype), constant(self.beta_2, dtype)
        room: Array = np.empty(0, dtype=dtype)

        def move(now: tuple[Array, ...], t: Array, g: Array, m: Array, v: Array, s: Array) -> None:
            nonlocal room
            if room.size < s.size:
                # The first block is the longest.
                room = np.empty_like(s)
            ahead = room[..., : s.shape[-1]]
            rate, epsilon, momentum = now
            # m ← β₁ m + g
            np.multiply(m, beta_1, out=m)
            np.add(m, g, out=m)
            # v ← β₂ v + g²
            np.multiply(v, beta_2, out=v)
            np.multiply(g, g, out=s)
            np.add(v, s, out=v)
            # θ ← θ − rate · (momentum · m + g) / (√v + ε)
            np.sqrt(v, out=s)
            np.add(s, epsilon, out=s)
            np.multiply(m, momentum, out=ahead)
            np.add(ahead, g, out=ahead)
            np.divide(ahead, s, out=s)
            np.multiply(s, rate, out=s)
            np.subtract(t, s, out=t)

        return move

    def numbers(
        self, state: OptimizerState, step_size: Number, dtype: FloatType
    ) -> tuple[Array, ...]:
        """The rate, ε, and what m counts for beside g in the step ahead."""
        rate, epsilon = super().numbers(state, step_size, dtype)
        t, beta_1 = state.updates, self.beta_1
        momentum = beta_1 * (1 - beta_1**t) / (1 - beta_1 ** (t + 1))
        return rate, epsilon, constant(momentum, dtype)


def global_norm(grad: Array) -> Array:
    """Each model's norm of its whole gradient, in float64.

    Squares of entries that are far from 1 may be beyond what the dtype holds, where the norm is
    not: then entries are divided by the largest before.
    """
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        norm: Array = np.sqrt(np.vecdot(grad, grad), dtype=np.float64)
        # Below, squares are denormal and have lost digits.
        least = math.sqrt(float(np.finfo(grad.dtype).tiny) * grad.shape[-1])
        if np.all((norm > least) & (norm < np.inf)):
            return norm
        largest = np.max(np.abs(grad), axis=-1, keepdims=True).astype(np.float64)
        scaled = grad / np.where(largest > 0, largest, 1)
        return np.asarray(largest[..., 0] * np.sqrt(np.vecdot(scaled, scaled)))


def clip_by_global_norm(grad: Array, limit: Number) -> None:
    """Scale each model's gradient down to the norm `limit` where it is longer."""
    norm = global_norm(grad)[..., np.newaxis]
    if np.any(norm > limit):
        shrink = np.minimum(limit / np.maximum(norm, np.finfo(np.float64).tiny), 1)
        np.multiply(grad, shrink, out=grad, casting="same_kind")
