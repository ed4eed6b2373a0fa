"""Training: the state that continues, and the loop over epochs and mini-batches.

`TrainingState` is all that a training run leaves behind and goes on from: θ, the running
statistics, the optimizer's vectors, the random streams and the clocks. Continuing with the state of
a epochs for b more gives, to the last bit, what a + b epochs in one go give.

The loop reports every epoch to `after_epoch(loss)`, which decides whether to stop; it knows nothing
of validation, printing or callbacks.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from .backend import Array, RandomStream, spawn_streams
from .data import Augment, AugmentedBatches, Batch, Batches, batch_slices
from .layers import Workspace
from .network import Network
from .objective import BatchObjective, Problem
from .optimizers import Optimizer, OptimizerState
from .schedules import Schedule
from .threads import blas_threads_for
from .updates import Updates

AfterEpoch = Callable[[Array], bool]


@dataclass
class TrainingState:
    """θ of shape (*M, P), the statistics of batch norm, and everything that continues."""

    theta: Array
    statistics: Array
    streams: dict[str, RandomStream]
    optimizer: OptimizerState | None = None
    epochs: int = 0
    rows_seen: int = 0
    adaptive_factor: float = 1.0
    split_seed: int = 0
    # Of the last epoch: its rate, and the mean norm of its gradients where that is watched.
    rate: Any = math.nan
    gradient_norm: Any = math.nan

    @classmethod
    def start(
        cls, network: Network, entropy: list[int], weight_init: str, dtype: Any
    ) -> "TrainingState":
        """A fresh start for one model."""
        n_hidden = len(network.dense_layers) - 1
        streams = spawn_streams(entropy, stream_names(n_hidden))
        theta = network.draw_parameters(streams["weights"].generator, weight_init, dtype)
        statistics = np.zeros(network.statistics_layout.size, dtype=dtype)
        # Training that continues on the same rows holds out the same ones: the seed is kept.
        split_seed = streams["validation"].integer_seed()
        return cls(theta, statistics, streams, split_seed=split_seed)

    def select(self, models: Array) -> "TrainingState":
        """The models of a population with these numbers, copied; the streams stay shared."""
        optimizer = None if self.optimizer is None else self.optimizer.select(models)
        return replace(
            self,
            theta=self.theta[models],
            statistics=self.statistics[models],
            optimizer=optimizer,
        )

    def population(self, n_models: int) -> "TrainingState":
        """K models that start from here with the same random streams."""
        return replace(
            self,
            theta=np.tile(self.theta, (n_models, 1)),
            statistics=np.tile(self.statistics, (n_models, 1)),
        )


def stream_names(n_hidden: int) -> list[str]:
    """The purposes of randomness, in the fixed order in which their streams are spawned."""
    dropout = [f"dropout {number}" for number in range(1, n_hidden + 1)]
    return ["weights", "validation", "permutations", "augmentation", "input dropout", *dropout]


@dataclass(frozen=True, eq=False)
class LoopSettings:
    """How to descend: the optimizer, its rate over time, and the batches."""

    optimizer: Optimizer
    schedule: Schedule
    learning_rate: float | Array
    batch_size: int
    shuffle: bool = True
    gradient_clip: float | Array | None = None
    augment: Augment | None = None
    # Whether to know the gradients' norm, which costs a pass over each.
    watch_gradient: bool = False

    def rate(self, state: TrainingState) -> Any:
        """The step size of the epoch that comes next."""
        factor = self.schedule.factor(state.epochs, state.rows_seen) * state.adaptive_factor
        rate = self.learning_rate * factor
        return float(rate) if np.ndim(rate) == 0 else np.asarray(rate, dtype=state.theta.dtype)


def batch_sizes_for(problem: Problem, batch_size: int) -> list[slice]:
    """The cuts of an epoch; batch norm cannot use a batch of a single row."""
    smallest = 2 if problem.network.has_batch_norm else 1
    return batch_slices(problem.data.n_rows, batch_size, smallest=smallest)


class Epochs:
    """Runs epochs of a problem, one call each, moving the state in place."""

    def __init__(self, problem: Problem, state: TrainingState, settings: LoopSettings) -> None:
        optimizer = settings.optimizer
        state.optimizer = optimizer.resume(state.theta, state.optimizer)
        self._problem, self._state = problem, state
        self._grad = np.empty_like(state.theta)
        self._workspace = Workspace(state.theta.dtype)
        self._bound: dict[int, BatchObjective] = {}
        layout = problem.network.layout
        self._weights = layout.penalised(state.theta)
        # A decoupled optimizer decays the weights beside J, which then has no L2.
        penalty = problem.penalty
        self._penalty_in_J = replace(penalty, l2=0.0) if optimizer.decoupled_decay else penalty
        self._updates = Updates(
            state.theta,
            self._grad,
            layout.n_penalised,
            optimizer=optimizer,
            state=state.optimizer,
            penalty=penalty,
            gradient_clip=settings.gradient_clip,
        )
        slices = batch_sizes_for(problem, settings.batch_size)
        shuffle = state.streams["permutations"] if settings.shuffle else None
        self._batches: Iterable[Batch] = Batches(problem.data, slices, shuffle)
        if settings.augment is not None:
            as_matrix = partial(problem.loss.as_matrix, dtype=state.theta.dtype)
            self._batches = AugmentedBatches(
                self._batches,
                settings.augment,
                state.streams["augmentation"],
                as_matrix,
                problem.loss.are_targets,
            )
        self._norms: list[Any] | None = [] if settings.watch_gradient else None

    def run(self, rate: Any) -> Array:
        """One pass over the rows; the cost J, the penalty taken where the epoch starts."""
        state, data = self._state, self._problem.data
        penalty = self._penalty_in_J.value(self._weights)
        # A NumPy scalar, which float32 sums join in float64.
        total: Any = np.float64(0)
        for x, y, w in self._batches:
            total = total + self._step(x, y, w, rate)
        state.epochs += 1
        state.rows_seen += data.n_rows
        state.rate = rate
        if self._norms is not None:
            state.gradient_norm = np.mean(self._norms, axis=0)
            self._norms.clear()
        return np.asarray(total / data.total_weight + penalty, dtype=np.float64)

    def _step(self, x: Any, y: Array, w: Array | None, rate: Any) -> Any:
        """Move θ by one mini-batch; its weighted sum of losses."""
        n_rows = y.shape[0]
        objective = self._bound.get(n_rows) or self._bind(n_rows)
        total = objective(x, y, w)
        if self._norms is not None:
            self._norms.append(np.sqrt(np.vecdot(self._grad, self._grad)))
        self._updates.apply(rate)
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
            streams=state.streams,
        )
        return self._bound[n_rows]


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
    sparse = problem.data.is_sparse
    with blas_threads_for(problem.network, settings.batch_size, sparse_input=sparse):
        for _ in range(n_epochs):
            if after_epoch(epochs.run(settings.rate(state))):
                return
