"""A recipe: all that training needs to know beyond the rows.

It is frozen. Each field says here, and nowhere else, what it may do: whether it may differ among
the models of one fit, whether it may change while a fit runs, and whether the cost is another one
after it has.
"""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field, fields

import joblib
import numpy as np

from .._engine.data import Augment, Rows
from .._engine.full_batch import largest_curvature
from .._engine.losses import Loss
from .._engine.network import Network
from .._engine.objective import Problem
from .._engine.optimizers import Optimizer
from .._engine.penalties import ElasticNet
from .._engine.schedules import Schedule
from .._engine.solvers import Solver
from .._engine.training import LoopSettings, TrainingState
from .._engine.updates import ParameterGroup
from .architecture import Architecture

# Where data, or what is learnt from them, are too large to compute with.
NON_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and "
    "need to be preprocessed. Scale X (StandardScaler in a Pipeline), or lower learning_rate_init."
)


# What fields say: the same for all models of a fit and as long as it runs, or else.
COMMON = {"per_model": False, "may_change": False, "of_the_cost": False}
OWN = COMMON | {"per_model": True}
OWN_AND_MAY_CHANGE = OWN | {"may_change": True}
OF_THE_COST = OWN_AND_MAY_CHANGE | {"of_the_cost": True}


@dataclass(frozen=True, eq=False)
class Recipe:
    """How one model is trained.

    `architecture`, `loss` and `optimizer` may differ, and change, in their numbers, not in kind.
    A `learning_rate` of None is the inverse of the objective's curvature on the rows.
    """

    architecture: Architecture = field(metadata=COMMON)
    loss: Loss = field(metadata=COMMON)
    # None where the solver makes its steps itself.
    optimizer: Optimizer | None = field(metadata=COMMON)
    solver: Solver = field(metadata=COMMON)
    alpha: float = field(metadata=OF_THE_COST)
    l1_ratio: float = field(metadata=OF_THE_COST)
    learning_rate: float | None = field(metadata=OWN_AND_MAY_CHANGE)
    schedule: Schedule = field(metadata=OWN_AND_MAY_CHANGE)
    gradient_clip: float | None = field(metadata=OWN_AND_MAY_CHANGE)
    tol: float = field(metadata=OWN_AND_MAY_CHANGE)
    n_iter_no_change: float = field(metadata=OWN_AND_MAY_CHANGE)
    weight_init: str = field(metadata=OWN)
    max_epochs: int = field(metadata=OWN)
    max_evaluations: int = field(metadata=OWN)
    batch_size: int = field(metadata=COMMON)
    shuffle: bool = field(metadata=COMMON)
    augment: Augment | None = field(metadata=COMMON)
    early_stopping: bool = field(metadata=COMMON)
    # Only the full-batch solvers read these two: gd the first, lbfgs the second.
    accelerates: bool = field(metadata=COMMON)
    ftol: float = field(metadata=COMMON)
    # Parts of what the optimizer moves that have rates and decay of their own, and how decoupled
    # decay changes beside the rate.
    parameter_groups: tuple[ParameterGroup, ...] = field(metadata=COMMON, default=())
    decay_schedule: Schedule | None = field(metadata=COMMON, default=None)

    @property
    def network(self) -> Network:
        return self.architecture.network

    def streams_drawn_for(self, n_rows: int) -> list[str]:
        """The random streams that training on so many rows draws from."""
        names = [layer.name for layer in self.network.dropout_layers]
        # The order of the rows of a single batch changes nothing.
        if self.shuffle and n_rows > self.batch_size:
            names.append("permutations")
        if self.augment is not None:
            names.append("augmentation")
        return names

    def is_noisy_on(self, n_rows: int) -> bool:
        """Whether on so many rows the cost of an epoch depends on what is drawn for it."""
        return self.is_stochastic and bool(self.streams_drawn_for(n_rows))

    @property
    def is_stochastic(self) -> bool:
        return self.solver.is_stochastic

    @property
    def stops_on_plateau(self) -> bool:
        return self.early_stopping or self.is_stochastic

    @property
    def is_adaptive(self) -> bool:
        return self.schedule.is_adaptive and self.is_stochastic

    @property
    def ends_with_its_schedule(self) -> bool:
        """Whether the rate comes down to zero once `schedule.decay_epochs` have been trained."""
        return self.solver.has_learning_rate and self.schedule.has_end

    # ------------------------------------------------------------------------- beside others

    def key_of_fit(self) -> Hashable:
        """What recipes of one fit have in common; those whose keys are equal may share one."""
        shape = self.architecture
        # An ε that rounds to zero would divide what a narrower network does not have.
        divides = getattr(self.optimizer, "epsilon", 1.0) > float(np.finfo(np.float32).tiny)
        can_be_padded = divides and shape.network.can_be_padded
        sizes = shape.hidden_layer_sizes
        return (
            shape.common,
            len(sizes) if can_be_padded else sizes,
            self.solver.name,
            # On sparse X, input dropout is what keeps models from sharing the rows.
            shape.input_dropout != 0,
            type(self.loss),
            type(self.optimizer),
            self.schedule.changes_by_step,
            *(token(value) for _, value in self._fields(per_model=False)),
        )

    def is_kept_by(self, other: "Recipe") -> bool:
        """Whether a fit that runs by this recipe can go on by the other."""
        kinds = [
            (one.architecture.skeleton, one.solver.name, type(one.loss), one.loss_shape)
            for one in (self, other)
        ]
        mine, theirs = (dict(one._fields(may_change=False)) for one in (self, other))
        return kinds[0] == kinds[1] and all(
            _are_same(value, theirs[name]) for name, value in mine.items()
        )

    def differs_in_rate_alone(self, other: "Recipe") -> bool:
        """Whether steps by the two differ in size only, so that nothing need be bound anew."""
        mine, theirs = vars(self), vars(other)
        return all(
            value is theirs[name] or name == "learning_rate" or _are_alike(value, theirs[name])
            for name, value in mine.items()
        )

    def has_the_cost_of(self, other: "Recipe") -> bool:
        """Whether costs by the two recipes can be compared."""
        mine, theirs = (dict(one._fields(of_the_cost=True)) for one in (self, other))
        return mine == theirs and vars(self.loss) == vars(other.loss)

    @property
    def loss_shape(self) -> object:
        return getattr(self.loss, "n_classes", None)

    def _fields(self, **wanted: bool) -> Iterator[tuple[str, object]]:
        """Names and values of the fields of which this is said, those of kinds apart."""
        for one in fields(self):
            if one.name in ("architecture", "loss", "optimizer", "solver"):
                continue
            if all(one.metadata[trait] == value for trait, value in wanted.items()):
                yield one.name, getattr(self, one.name)

    # ------------------------------------------------------------------------- with the rows

    def penalty_on(self, rows: Rows) -> ElasticNet:
        """The penalty, divided by the rows' total weight."""
        return ElasticNet.of(self.alpha, self.l1_ratio, rows.total_weight)

    def problem(self, rows: Rows) -> Problem:
        """What is to be minimised on these rows."""
        return Problem(self.network, self.loss, self.penalty_on(rows), rows)

    @property
    def made_optimizer(self) -> Optimizer:
        """The optimizer of a solver that has one."""
        assert self.optimizer is not None
        return self.optimizer

    def settings(self, problem: Problem, *, watch_gradient: bool = False) -> LoopSettings | None:
        """How to descend on this problem; None where the solver finds its steps itself."""
        if self.optimizer is None:
            return None
        return LoopSettings(
            optimizer=self.optimizer,
            schedule=self.schedule,
            learning_rate=self.rate_on(problem),
            batch_size=self.batch_size,
            shuffle=self.shuffle,
            gradient_clip=self.gradient_clip,
            augment=self.augment,
            watch_gradient=watch_gradient,
            parameter_groups=self.parameter_groups,
            decay_schedule=self.decay_schedule,
        )

    def rate_at(self, state: TrainingState, part_of_epoch: float = 0.0) -> float:
        """The step size of a stochastic solver's next epoch, or of a step so far within it."""
        factor = self.schedule.factor(state.epochs, state.rows_seen, part_of_epoch)
        assert self.learning_rate is not None
        return self.learning_rate * (factor * state.adaptive_factor)

    def rate_on(self, problem: Problem) -> float:
        """The learning rate; of a linear model on all rows, if asked, 1/L."""
        if self.learning_rate is not None:
            return self.learning_rate
        has_bias = self.network.dense_layers[-1].bias
        curvature = largest_curvature(problem.data, with_intercept=has_bias)
        lipschitz = problem.loss.curvature_bound * curvature + float(problem.penalty.l2)
        if not np.isfinite(lipschitz):
            raise ValueError(NON_FINITE)
        return 1 / lipschitz if lipschitz > 0 else 1.0


def token(value: object) -> Hashable:
    """Something hashable, equal for equal values; of what cannot be pickled for the same object."""
    if value is None or isinstance(value, (bool, int, float, str)):
        # NaN is no other than NaN.
        return (type(value), "nan" if value != value else value)
    try:
        return str(joblib.hash(value))
    except Exception:
        return (type(value), id(value))


def _are_alike(one: object, other: object) -> bool:
    """Whether two values are equal, or of one kind with equal attributes."""
    if type(one) is not type(other):
        return False
    if hasattr(one, "__dict__") and not callable(one):
        return bool(vars(one) == vars(other))
    return bool(one == other)


def _are_same(one: object, other: object) -> bool:
    return one is other or bool(one == other)
