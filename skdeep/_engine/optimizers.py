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
    """θ ← θ − α · g (course I 2.4)."""

    name: ClassVar[str] = "gradient descent"
    kind: ClassVar[str] = "gradient descent"

    def bind(self, state: OptimizerState, dtype: FloatType) -> Move:
        def move(rate: Array, t: Array, g: Array, scratch: Array) -> None:
            np.multiply(g, rate, out=scratch)
            np.subtract(t, scratch, out=t)

        return move

    def coordinate_step(self, state: OptimizerState, step_size: Number, span: slice) -> Number:
        return step_size


@dataclass(frozen=True, eq=False)
class Momentum(Optimizer):
    """V ← β V − α · g, θ ← θ + V (course II 2.3, where α is scaled by 1 − β)."""

    momentum: Number = 0.9
    name: ClassVar[str] = "momentum"
    kind: ClassVar[str] = "velocity"
    n_vectors: ClassVar[int] = 1

    def bind(self, state: OptimizerState, dtype: FloatType) -> Move:
        momentum = constant(self.momentum, dtype)

        def move(rate: Array, t: Array, g: Array, V: Array, scratch: Array) -> None:
            _move_velocity(V, momentum, g, rate, scratch)
            np.add(t, V, out=t)

        return move

    def coordinate_step(self, state: OptimizerState, step_size: Number, span: slice) -> Number:
        # A steady gradient moves θ by α (1 + β + β² + …); at β = 1 there is no such limit.
        rest: Array = np.maximum(1 - np.asarray(self.momentum), 1e-3)
        return step_size / rest


def _move_velocity(V: Array, momentum: Array, g: Array, rate: Array, scratch: Array) -> None:
    """V ← β V − α · g, with α · g left in scratch."""
    np.multiply(V, momentum, out=V)
    np.multiply(g, rate, out=scratch)
    np.subtract(V, scratch, out=V)


@dataclass(frozen=True, eq=False)
class Nesterov(Momentum):
    """V ← β V − α · g, θ ← θ + β V − α · g: the gradient is that of the point ahead."""

    name: ClassVar[str] = "nesterov"

    def bind(self, state: OptimizerState, dtype: FloatType) -> Move:
        momentum = constant(self.momentum, dtype)

        def move(rate: Array, t: Array, g: Array, V: Array, scratch: Array) -> None:
            _move_velocity(V, momentum, g, rate, scratch)
            np.subtract(t, scratch, out=t)
            np.multiply(V, momentum, out=scratch)
            np.add(t, scratch, out=t)

        return move


@dataclass(frozen=True, eq=False)
class RMSprop(Optimizer):
    """S ← β₂ S + (1 − β₂) g², θ ← θ − α · g / (√S + ε), without bias correction (course II 2.4).

    The notes have ε within the root. Here it is beside it, in all that follows, as in the papers.
    """

    rho: Number = 0.9
    epsilon: Number = 1e-8
    name: ClassVar[str] = "rmsprop"
    kind: ClassVar[str] = "squares"
    n_vectors: ClassVar[int] = 1

    def bind(self, state: OptimizerState, dtype: FloatType) -> Move:
        rho, rest = constant(self.rho, dtype), constant(1 - self.rho, dtype)
        epsilon = constant(self.epsilon, dtype)

        def move(rate: Array, t: Array, g: Array, S: Array, scratch: Array) -> None:
            # S ← β₂ S + (1 − β₂) g²
            np.multiply(g, g, out=scratch)
            np.multiply(scratch, rest, out=scratch)
            np.multiply(S, rho, out=S)
            np.add(S, scratch, out=S)
            # θ ← θ − α · g / (√S + ε)
            np.sqrt(S, out=scratch)
            np.add(scratch, epsilon, out=scratch)
            np.divide(g, scratch, out=scratch)
            np.multiply(scratch, rate, out=scratch)
            np.subtract(t, scratch, out=t)

        return move

    def coordinate_step(self, state: OptimizerState, step_size: Number, span: slice) -> Number:
        return step_size / (np.sqrt(state.vectors[0][..., span]) + self.epsilon)


@dataclass(frozen=True, eq=False)
class Moments(Optimizer):
    """The bookkeeping of Adam and its kin, which leaves their formulas two passes over θ shorter.

    Running means of the gradients, V, and of their squares, S, are kept without their constants, as
    V / (1 − β₁) and S / (1 − β₂): then V ← β₁ V + g, and S ← β₂ S + g². The constants gather in the
    two factors that the formulas have anyway, the rate and ε. With r² = (1 − β₂) / (1 − β₂ᵗ), the
    root of the corrected S is r √S of the S that is kept, and division by r leaves √S + ε / r.
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
        """Keep V and S what they were where β₁ or β₂ has been changed since the last update."""
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
    """V ← β₁ V + (1 − β₁) g, S ← β₂ S + (1 − β₂) g²; with V̂ = V / (1 − β₁ᵗ) and
    Ŝ = S / (1 − β₂ᵗ), θ ← θ − α · V̂ / (√Ŝ + ε) (course II 2.5; Kingma and Ba, 2015).
    """

    name: ClassVar[str] = "adam"

    def bind(self, state: OptimizerState, dtype: FloatType) -> Move:
        self._rescale_after_change(state)
        beta_1, beta_2 = constant(self.beta_1, dtype), constant(self.beta_2, dtype)

        def move(
            now: tuple[Array, ...], t: Array, g: Array, V: Array, S: Array, scratch: Array
        ) -> None:
            rate, epsilon = now
            # V ← β₁ V + g
            np.multiply(V, beta_1, out=V)
            np.add(V, g, out=V)
            # S ← β₂ S + g²
            np.multiply(S, beta_2, out=S)
            np.multiply(g, g, out=scratch)
            np.add(S, scratch, out=S)
            # θ ← θ − α · V / (√S + ε)
            np.sqrt(S, out=scratch)
            np.add(scratch, epsilon, out=scratch)
            np.divide(V, scratch, out=scratch)
            np.multiply(scratch, rate, out=scratch)
            np.subtract(t, scratch, out=t)

        return move


@dataclass(frozen=True, eq=False)
class AdamW(Adam):
    """Adam on the loss alone; the weights decay by themselves (Loshchilov and Hutter, 2019).

    The decay, W ← (1 − α · l2) W before the update, is the penalty's: it knows which are weights.
    """

    name: ClassVar[str] = "adamw"
    decoupled_decay: ClassVar[bool] = True


@dataclass(frozen=True, eq=False)
class NAdam(Moments):
    """Adam whose V̂ looks one step ahead: V̂ = β₁ V / (1 − β₁ᵗ⁺¹) + (1 − β₁) g / (1 − β₁ᵗ).

    That is Nesterov's momentum in Adam (Dozat, 2016), here with one β₁ for all steps.
    """

    name: ClassVar[str] = "nadam"

    def bind(self, state: OptimizerState, dtype: FloatType) -> Move:
        self._rescale_after_change(state)
        beta_1, beta_2 = constant(self.beta_1, dtype), constant(self.beta_2, dtype)
        room: Array = np.empty(0, dtype=dtype)

        def move(
            now: tuple[Array, ...], t: Array, g: Array, V: Array, S: Array, scratch: Array
        ) -> None:
            nonlocal room
            if room.size < scratch.size:
                # The first block is the longest.
                room = np.empty_like(scratch)
            ahead = room[..., : scratch.shape[-1]]
            rate, epsilon, momentum = now
            # V ← β₁ V + g
            np.multiply(V, beta_1, out=V)
            np.add(V, g, out=V)
            # S ← β₂ S + g²
            np.multiply(S, beta_2, out=S)
            np.multiply(g, g, out=scratch)
            np.add(S, scratch, out=S)
            # θ ← θ − α · (momentum · V + g) / (√S + ε)
            np.sqrt(S, out=scratch)
            np.add(scratch, epsilon, out=scratch)
            np.multiply(V, momentum, out=ahead)
            np.add(ahead, g, out=ahead)
            np.divide(ahead, scratch, out=scratch)
            np.multiply(scratch, rate, out=scratch)
            np.subtract(t, scratch, out=t)

        return move

    def numbers(
        self, state: OptimizerState, step_size: Number, dtype: FloatType
    ) -> tuple[Array, ...]:
        """The rate, ε, and what V counts for beside g in the step ahead."""
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
