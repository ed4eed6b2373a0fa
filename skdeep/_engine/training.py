"""Training: the state that continues, and the loop over epochs and mini-batches.

`TrainingState` is all that a training run leaves behind and goes on from: θ, the running
statistics, the optimizer's vectors, the random streams and the clocks. Continuing with the state of
a epochs for b more gives, to the last bit, what a + b epochs in one go give.

The loop reports every epoch to `after_epoch(loss)`, which decides whether to stop; it knows nothing
of validation, printing or callbacks.
"""

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

import numpy as np

from .backend import Array, FloatType, Matrix, Number, RandomStream, StreamsByWidth, spawn_streams
from .data import Augment, AugmentedBatches, Batch, Batches, EncodedBatches, batch_slices
from .layers import Workspace
from .network import Network
from .objective import BatchObjective, Problem
from .optimizers import Optimizer, OptimizerState, global_norm
from .records import recorded
from .threads import blas_threads_for
from .tied import Step
from .updates import ParameterGroup, Updates

# Told the cost after each epoch; whether to return: all is done, or the caller goes on with another
# problem or other settings.
AfterEpoch = Callable[[Array], bool]


@recorded
@dataclass
class TrainingState:
    """θ of shape (*M, P), the statistics of batch norm, and everything that continues.

    Of tied parameters `phi` is what the optimizer moves, and θ follows it.
    """

    theta: Array
    statistics: Array
    streams: dict[str, RandomStream]
    optimizer: OptimizerState | None = None
    epochs: int = 0
    rows_seen: int = 0
    adaptive_factor: float = 1.0
    split_seed: int = 0
    # Of the last epoch: its rate, and the mean norm of its gradients where that is watched.
    rate: Number = math.nan
    gradient_norm: Number = math.nan
    phi: Array | None = None
    # Of a population, whose layers may differ in width, in place of the streams of these names.
    streams_by_width: dict[str, StreamsByWidth] = field(default_factory=dict)

    @classmethod
    def start(
        cls, network: Network, entropy: list[int], weight_init: str, dtype: FloatType
    ) -> "TrainingState":
        """A fresh start for one model."""
        n_hidden = len(network.dense_layers) - 1
        streams = spawn_streams(entropy, stream_names(n_hidden))
        theta = network.draw_parameters(streams["weights"].generator, weight_init, dtype)
        statistics = np.zeros(network.statistics_layout.size, dtype=dtype)
        # Training that continues on the same rows holds out the same ones: the seed is kept.
        split_seed = streams["validation"].integer_seed()
        return cls(theta, statistics, streams, split_seed=split_seed)

    def copy(self, drawn: Collection[str]) -> "TrainingState":
        """The same, sharing nothing that moves where only the streams named are drawn from."""
        return replace(
            self,
            theta=self.theta.copy(),
            statistics=self.statistics.copy(),
            streams={n: s.copy() if n in drawn else s for n, s in self.streams.items()},
            optimizer=None if self.optimizer is None else self.optimizer.copy(),
            phi=None if self.phi is None else self.phi.copy(),
        )

    def own_arrays(self) -> None:
        """Copy the arrays that cannot be written, as those from another process may be."""

        def own(array: Array) -> Array:
            return array if array.flags.writeable else array.copy()

        self.theta, self.statistics = own(self.theta), own(self.statistics)
        self.phi = None if self.phi is None else own(self.phi)
        if self.optimizer is not None:
            self.optimizer.vectors = tuple(map(own, self.optimizer.vectors))

    def select(self, models: Array, phis: Array | None = None) -> "TrainingState":
        """The models of a population with these numbers, copied; the streams stay shared.

        Of tied parameters `phis` are the numbers of those φ that stand for these models.
        """
        moved = models if phis is None else phis
        return replace(
            self,
            theta=self.theta[models],
            statistics=self.statistics[models],
            optimizer=None if self.optimizer is None else self.optimizer.select(moved),
            phi=None if self.phi is None else self.phi[moved],
        )

    def population(self, n_models: int) -> "TrainingState":
        """K models that start from here with the same random streams."""
        return replace(
            self,
            theta=np.tile(self.theta, (n_models, 1)),
            statistics=np.tile(self.statistics, (n_models, 1)),
        )


class Snapshot:
    """A state as it was at a moment, to go back to, in arrays that are made once."""

    def __init__(self, state: TrainingState, drawn: Collection[str]) -> None:
        self._state, self._streams = state, [state.streams[name] for name in drawn]
        self._optimizer: OptimizerState | None = None
        self._pairs: list[tuple[Array, Array]] = []

    def remember(self) -> None:
        """Remember the state as it is now."""
        state = self._state
        if not self._pairs or state.optimizer is not self._optimizer:
            self._bind()
        for kept, array in self._pairs:
            kept[...] = array
        self._positions = [stream.position for stream in self._streams]
        if self._optimizer is not None:
            self._counts = self._optimizer.counts()
        self._clocks = (state.epochs, state.rows_seen, state.adaptive_factor, state.rate)

    def _bind(self) -> None:
        """Make room for all that moves; the optimizer's vectors are there from its first epoch."""
        state, self._optimizer = self._state, self._state.optimizer
        vectors = () if self._optimizer is None else self._optimizer.vectors
        phi = () if state.phi is None else (state.phi,)
        moved = (state.theta, state.statistics, *vectors, *phi)
        # Those of before are let go first: there is never room for both.
        self._pairs.clear()
        self._pairs = [(np.empty_like(array), array) for array in moved if array.size]

    def restore(self) -> None:
        """Make the state what it was."""
        state = self._state
        state.optimizer = self._optimizer
        if self._optimizer is not None:
            self._optimizer.updates, self._optimizer.remembered = self._counts
        for kept, array in self._pairs:
            array[...] = kept
        for stream, position in zip(self._streams, self._positions, strict=True):
            stream.position = position
        state.epochs, state.rows_seen, state.adaptive_factor, state.rate = self._clocks


def stream_names(n_hidden: int) -> list[str]:
    """The purposes of randomness, in the fixed order in which their streams are spawned."""
    dropout = [f"dropout {number}" for number in range(1, n_hidden + 1)]
    return ["weights", "validation", "permutations", "augmentation", "input dropout", *dropout]


class RateSchedule(Protocol):
    """What the learning rate is multiplied by once so many epochs are done."""

    @property
    def changes_by_step(self) -> bool:
        """Whether to ask before each step, with the part of the epoch that is done."""

    def factor(self, epoch: int, rows_seen: int, part_of_epoch: float = 0.0) -> Number:
        """One factor, or of a population one for each model."""


@dataclass(frozen=True, eq=False)
class LoopSettings:
    """How to descend: the optimizer, its rate over time, and the batches."""

    optimizer: Optimizer
    schedule: RateSchedule
    learning_rate: Number
    batch_size: int
    shuffle: bool = True
    gradient_clip: Number | None = None
    augment: Augment | None = None
    # Whether to know the gradients' norm, which costs a pass over each.
    watch_gradient: bool = False
    # Parts with rates and decay of their own, and how decoupled decay changes beside the rate.
    parameter_groups: Sequence[ParameterGroup] = ()
    decay_schedule: RateSchedule | None = None

    def rate(self, state: TrainingState, part_of_epoch: float = 0.0) -> Number:
        """The step size of the epoch that comes next, or of a step so far within it."""
        factor = self.schedule.factor(state.epochs, state.rows_seen, part_of_epoch)
        factor = factor * state.adaptive_factor
        rate = self.learning_rate * factor
        return float(rate) if np.ndim(rate) == 0 else np.asarray(rate, dtype=state.theta.dtype)


def batch_slices_for(problem: Problem, batch_size: int) -> list[slice]:
    """The cuts of an epoch; batch norm cannot use a batch of a single row."""
    smallest = 2 if problem.network.mixes_rows else 1
    return batch_slices(problem.data.n_rows, batch_size, smallest=smallest)


class Epochs:
    """Runs epochs of a problem, one call each, moving the state in place."""

    def __init__(self, problem: Problem, state: TrainingState, settings: LoopSettings) -> None:
        self._problem, self._state = problem, state
        self._grad = np.empty_like(state.theta)
        self._workspace = Workspace(state.theta.dtype)
        self._bound: dict[int, BatchObjective] = {}
        self._bind_updates(settings)
        slices = batch_slices_for(problem, settings.batch_size)
        self._batches = self._make_batches(slices, settings)
        self._clock: StepClock | None = None
        if settings.schedule.changes_by_step or settings.decay_schedule is not None:
            self._clock = StepClock(settings, state, len(slices))
        self._norms: list[Array] | None = [] if settings.watch_gradient else None

    def _bind_updates(self, settings: LoopSettings) -> None:
        """Tie the optimizer to what it moves: θ, or the φ from which θ is made."""
        problem, state, tied = self._problem, self._state, self._problem.tied
        moved, self._moved_grad = state.theta, self._grad
        n_penalised = problem.network.layout.n_penalised
        self._expand: Step | None = None
        self._pull_back: Step | None = None
        if tied is not None:
            assert state.phi is not None
            moved, n_penalised = state.phi, tied.n_penalised
            self._moved_grad = np.empty_like(moved)
            self._expand, self._pull_back = tied.bind(
                moved, state.theta, self._grad, self._moved_grad
            )
            self._expand()
        optimizer, penalty = settings.optimizer, problem.penalty
        state.optimizer = optimizer.resume(moved, state.optimizer)
        self._weights = moved[..., :n_penalised]
        # A decoupled optimizer decays the weights beside J, which then has no L2.
        self._penalty_in_J = replace(penalty, l2=0.0) if optimizer.decoupled_decay else penalty
        self._updates = Updates(
            moved,
            self._moved_grad,
            n_penalised,
            optimizer=optimizer,
            state=state.optimizer,
            penalty=penalty,
            gradient_clip=settings.gradient_clip,
            groups=settings.parameter_groups,
        )

    def _make_batches(self, slices: list[slice], settings: LoopSettings) -> Iterable[Batch]:
        problem, streams = self._problem, self._state.streams
        shuffle = streams["permutations"] if settings.shuffle else None
        batches: Iterable[Batch] = Batches(problem.data, slices, shuffle)
        if settings.augment is not None:
            as_matrix = partial(problem.loss.as_matrix, dtype=self._grad.dtype)
            batches = AugmentedBatches(
                batches,
                settings.augment,
                streams["augmentation"],
                as_matrix,
                problem.loss.are_targets,
            )
        if problem.data.encode is not None:
            batches = EncodedBatches(batches, problem.data.encode)
        return batches

    def run(self, rate: Number) -> Array:
        """One pass over the rows; the cost J, the penalty taken where the epoch starts."""
        state, data = self._state, self._problem.data
        penalty = self._penalty_in_J.value(self._weights)
        if self._problem.tied is not None and np.ndim(penalty) > 0:
            penalty = np.repeat(penalty, self._problem.tied.n_members)
        # A NumPy scalar, which float32 sums join in float64.
        total: Number = np.float64(0)
        for x, y, w in self._batches:
            if self._clock is not None:
                rate, self._updates.decay_factor = self._clock.next()
            total = total + self.step(x, y, w, rate)
        state.epochs += 1
        state.rows_seen += data.n_rows
        state.rate = rate
        if self._norms is not None:
            state.gradient_norm = np.mean(self._norms, axis=0)
            self._norms.clear()
        return np.asarray(total / data.total_weight + penalty, dtype=np.float64)

    def step(self, x: Matrix, y: Array, w: Array | None, rate: Number) -> Array:
        """Move by one mini-batch; its weighted sum of losses."""
        objective = self._bound.get(y.shape[0]) or self._bind(y.shape[0])
        total = objective(x, y, w)
        if self._pull_back is not None:
            self._pull_back()
        if self._norms is not None:
            self._norms.append(global_norm(self._moved_grad))
        self._updates.apply(rate)
        if self._expand is not None:
            self._expand()
        return total

    def _bind(self, n_rows: int) -> BatchObjective:
        state = self._state
        self._bound[n_rows] = BatchObjective(
            self._problem,
            state.theta,
            self._grad,
            state.statistics,
            rows=n_rows,
            scale=1 / (n_rows * self._problem.data.mean_weight),
            workspace=self._workspace,
            streams={**state.streams, **state.streams_by_width},
        )
        return self._bound[n_rows]


class StepClock:
    """The rates of an epoch's steps, for schedules that change from step to step."""

    def __init__(self, settings: LoopSettings, state: TrainingState, steps_per_epoch: int) -> None:
        self._settings, self._state, self._per_epoch = settings, state, steps_per_epoch
        self._epoch, self._step = -1, 0

    def next(self) -> tuple[Number, Number]:
        """The size of the step that comes next, and what decay is multiplied by in it."""
        state, settings = self._state, self._settings
        if state.epochs != self._epoch:
            self._epoch, self._step = state.epochs, 0
        part = self._step / self._per_epoch
        self._step += 1
        decay: Number = 1.0
        if settings.decay_schedule is not None:
            decay = settings.decay_schedule.factor(state.epochs, state.rows_seen, part)
        if isinstance(decay, np.ndarray):
            decay = decay.astype(state.theta.dtype)
        return settings.rate(state, part), decay


def train_epochs(
    problem: Problem,
    state: TrainingState,
    settings: LoopSettings,
    *,
    n_epochs: int,
    after_epoch: AfterEpoch,
) -> None:
    """Run epochs until `after_epoch` says stop, or n_epochs are done."""
    epochs = Epochs(problem, state, settings)
    sparse = problem.data.feeds_sparse
    with blas_threads_for(problem.network, settings.batch_size, sparse_input=sparse):
        for _ in range(n_epochs):
            if after_epoch(epochs.run(settings.rate(state))):
                return
