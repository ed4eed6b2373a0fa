"""What an estimator says: its parameters, and the recipe that they yield."""

import inspect
import math
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable
from dataclasses import replace
from functools import cache
from numbers import Integral, Real
from typing import TypeVar

import numpy as np
from sklearn.base import BaseEstimator, is_classifier

from .._documentation import HasPage
from .._engine.data import Augment
from .._engine.losses import LogisticCrossEntropy, Loss
from .._engine.optimizers import Optimizer
from .._engine.schedules import SCHEDULES, Schedule
from .._engine.solvers import SOLVERS
from .._fit.architecture import Architecture
from .._fit.recipe import Recipe, token
from .._inputs import RandomState
from ._callbacks import callbacks_of
from ._compat import Interval, Options, StrOptions
from ._scoring import check_scoring

# Parameters that no recipe knows of. The first say which rows, weights and numbers there are, and
# are the same for all models of a fit; the others how a model is scored, and how its fit begins.
OF_THE_ROWS = {"batch_size", "class_weight", "validation_fraction", "random_state", "dtype"}
OF_ITS_OWN = {"scoring", "warm_start", "verbose"}

# Why another library's estimator is fitted alone.
NOT_OURS = "is none of skdeep's estimators"


class YieldsRecipe(HasPage, BaseEstimator, ABC):
    """The parameters of all estimators, and the recipe that they yield."""

    solver: str
    alpha: float
    l1_ratio: float
    batch_size: int | str
    learning_rate: str | Callable[[int], float]
    learning_rate_init: float | str
    power_t: float
    decay_rate: float | None
    decay_epochs: int | None
    max_iter: int
    shuffle: bool
    random_state: RandomState
    tol: float
    verbose: bool
    warm_start: bool
    momentum: float | str
    nesterovs_momentum: bool
    early_stopping: bool
    validation_fraction: float
    scoring: str | Callable[..., float] | None
    rho: float
    beta_1: float
    beta_2: float
    epsilon: float
    n_iter_no_change: float
    max_fun: int
    gradient_clip: float | None
    augment: Augment | None
    dtype: str | None

    _parameter_constraints: dict[str, list[object]] = {
        "alpha": [Interval(Real, 0, None, closed="left")],
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
        "batch_size": [StrOptions({"auto", "full"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate": [StrOptions(set(SCHEDULES)), callable],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "decay_rate": [Interval(Real, 0, None, closed="neither"), None],
        "decay_epochs": [Interval(Integral, 1, None, closed="left"), None],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "scoring": [str, callable, None],
        "rho": [Interval(Real, 0, 1, closed="left")],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), Options(Real, {np.inf})],
        "max_fun": [Interval(Integral, 1, None, closed="left")],
        "gradient_clip": [Interval(Real, 0, None, closed="neither"), None],
        "augment": [callable, None],
        "dtype": [StrOptions({"float32", "float64"}), None],
    }

    # ------------------------------------------------------------------ what derived classes say

    @abstractmethod
    def _make_loss(self) -> Loss: ...

    @abstractmethod
    def _architecture(self, n_in: int, n_out: int) -> Architecture: ...

    def _weight_init(self) -> str:
        return "auto"

    def _default_batch_size(self, n_samples: int) -> int:
        # The docstrings say what was measured: 64 gains nothing for its time, 256 costs accuracy.
        return min(128, n_samples)

    def _rate(self) -> float | None:
        """The learning rate, None for the inverse of the objective's curvature."""
        return float(self.learning_rate_init)

    def _momentum(self) -> float:
        return float(self.momentum)

    @property
    def _accelerates(self) -> bool:
        return False

    def _lbfgs_ftol(self) -> float:
        return 2.220446049250313e-09  # SciPy's default, as in scikit-learn's MLP

    # -------------------------------------------------------------------------------- the recipe

    def _check_hyperparameters(self) -> None:
        """What no single parameter's range can rule out."""
        check_scoring(self)
        solver = SOLVERS[self.solver]
        if self.alpha > 0 and self.l1_ratio > 0 and not solver.takes_l1:
            raise ValueError(
                f"solver={self.solver!r} needs a smooth objective: l1_ratio must be 0, got "
                f"l1_ratio={self.l1_ratio} with alpha={self.alpha}. Other solvers take L1."
            )
        if self.gradient_clip is not None and not solver.takes_gradient_clip:
            raise ValueError(
                f"solver={self.solver!r} cannot clip gradients: gradient_clip must be None, got "
                f"gradient_clip={self.gradient_clip}."
            )
        schedule = self.learning_rate
        by_step = isinstance(schedule, str) and SCHEDULES[schedule].changes_by_step
        if by_step and not solver.is_stochastic:
            raise ValueError(
                f"solver={self.solver!r} has no mini-batches, from one to the next of which "
                f"learning_rate={schedule!r} changes. Stochastic solvers take it."
            )
        if self.augment is not None and not solver.takes_changing_objective:
            raise ValueError(
                f"solver={self.solver!r} needs an objective that stays the same from step to step: "
                f"augment must be None, got augment={self.augment!r}. Stochastic solvers take it."
            )

    def _recipe(self, n_in: int, n_out: int, n_rows: int, loss: Loss | None = None) -> Recipe:
        """All that training needs to know beyond the rows."""
        architecture = self._architecture(n_in, n_out)
        return Recipe(
            architecture=architecture,
            loss=self._make_loss() if loss is None else loss,
            optimizer=self._optimizer(),
            solver=SOLVERS[self.solver],
            alpha=float(self.alpha),
            l1_ratio=float(self.l1_ratio),
            learning_rate=self._rate(),
            schedule=Schedule.of(
                self.learning_rate,
                decay_rate=None if self.decay_rate is None else float(self.decay_rate),
                decay_epochs=self.decay_epochs,
                power_t=float(self.power_t),
                max_iter=self.max_iter,
            ),
            gradient_clip=None if self.gradient_clip is None else float(self.gradient_clip),
            tol=float(self.tol),
            n_iter_no_change=self.n_iter_no_change,
            weight_init=self._weight_init(),
            max_epochs=self.max_iter,
            max_evaluations=self.max_fun,
            batch_size=self._batch_size(n_rows, architecture.network.mixes_rows),
            shuffle=self.shuffle,
            augment=self.augment,
            early_stopping=bool(self.early_stopping),
            accelerates=self._accelerates,
            ftol=self._lbfgs_ftol(),
        )

    def _optimizer(self) -> Optimizer | None:
        """What makes the solver's steps; None where it makes them itself."""
        solver = SOLVERS[self.solver]
        if solver.make is None:
            return None
        given = {name: getattr(self, name) for name in solver.parameters}
        if "momentum" in given:
            given["momentum"] = self._momentum()
        numbers = {
            name: value if isinstance(value, (bool, np.bool_)) else float(value)
            for name, value in given.items()
        }
        return solver.make(**numbers)

    def _batch_size(self, n_rows: int, mixes_rows: bool) -> int:
        if isinstance(self.batch_size, str):
            return n_rows if self.batch_size == "full" else self._default_batch_size(n_rows)
        if self.batch_size == 1 and mixes_rows and SOLVERS[self.solver].is_stochastic:
            raise ValueError(
                "batch_norm=True needs batch_size >= 2, got batch_size=1: the variance of a "
                "batch of one row is zero."
            )
        return min(int(self.batch_size), n_rows)

    # --------------------------------------------------------------------- while a fit is running

    def _recipe_after_change(
        self, recipe: Recipe, n_rows: int, before: dict[str, object], changed: list[str]
    ) -> Recipe:
        """The recipe, after the one that holds, of parameters that a callback has changed, checked
        like the first."""
        if not recipe.solver.takes_changing_objective:
            raise ValueError(
                f"{changed[0]} cannot change while solver={recipe.solver.name!r} runs, which needs "
                "an objective that stays the same. Stochastic solvers take it."
            )
        rate = getattr(self, changed[0])
        if changed == ["learning_rate_init"] and type(rate) is float and 0 < rate < math.inf:
            # What is changed most often, before each epoch maybe.
            return replace(recipe, learning_rate=rate)
        self._validate_params()
        shape = recipe.architecture
        for name in changed:
            if not self._may_change(name, before, recipe, n_rows):
                raise ValueError(
                    f"{name} cannot change while a fit runs: a callback has set it from "
                    f"{before[name]!r} to {getattr(self, name)!r}."
                )
        self._check_hyperparameters()
        return self._recipe(shape.n_in, shape.n_out, n_rows)

    def _may_change(
        self, name: str, before: dict[str, object], recipe: Recipe, n_rows: int
    ) -> bool:
        """Whether a fit that runs by a recipe can go on with this one parameter changed."""
        if name in OF_ITS_OWN | shared_parameters(type(self)):
            return False
        one_changed = shallow_copy(self)
        one_changed.__dict__.update(before | {name: getattr(self, name)})
        shape = recipe.architecture
        try:
            return recipe.is_kept_by(one_changed._recipe(shape.n_in, shape.n_out, n_rows))
        except ValueError:
            # It does not even go with the parameters that were there.
            return False


Estimator = TypeVar("Estimator", bound=BaseEstimator)


def shallow_copy(estimator: Estimator) -> Estimator:
    """A copy with attributes of its own, which are the same objects."""
    copied = object.__new__(type(estimator))
    copied.__dict__.update(estimator.__dict__)
    return copied


def check_parameters(estimator: YieldsRecipe) -> None:
    """Raise where an estimator's parameters, one by one or together, are not allowed."""
    estimator._validate_params()
    estimator._check_hyperparameters()


@cache
def shared_parameters(kind: type) -> frozenset[str]:
    """Parameters of a class that no recipe carries: those of the rows, and of a user's subclass."""
    ours = next(base for base in kind.__mro__ if base.__module__.startswith(__package__))
    own, known = (set(inspect.signature(one).parameters) for one in (kind, ours))
    return frozenset((OF_THE_ROWS & own) | (own - known))


def fit_key(estimator: BaseEstimator) -> Hashable | None:
    """What estimators that may be fitted together have in common; None where one goes alone.

    As far as their parameters tell: data may part those who agree in it, and never join others.
    """
    if not isinstance(estimator, YieldsRecipe) or why_alone(estimator) is not None:
        return None
    check_parameters(estimator)
    # Which loss a classifier has its labels will say, to all alike.
    loss = LogisticCrossEntropy() if is_classifier(estimator) else None
    recipe = estimator._recipe(1, 1, sys.maxsize, loss)
    shared = sorted(shared_parameters(type(estimator)))
    tokens = ((name, token(getattr(estimator, name))) for name in shared)
    return (type(estimator), *tokens, recipe.key_of_fit())


def why_alone(estimator: object) -> str | None:
    """Why an estimator is fitted alone whatever the others are; None where it need not be."""
    if not isinstance(estimator, YieldsRecipe):
        name, ours = type(estimator).__name__, __package__.partition(".")[0]
        if type(estimator).__module__.partition(".")[0] == ours:
            return f"{name} trains networks of its own together"
        return f"{name} {NOT_OURS}"
    if not fits_as_skdeep_does(estimator):
        return f"{type(estimator).__name__} has a fit of its own"
    solver = SOLVERS.get(estimator.solver)
    if solver is not None and not solver.is_stochastic:
        return f"solver={estimator.solver!r} sees all rows at every step"
    if estimator.verbose:
        return "with verbose each prints its own epochs"
    if callbacks_of(estimator):
        return "it has callbacks of its own"
    return None


def fits_as_skdeep_does(estimator: BaseEstimator) -> bool:
    """Whether a class, a user's maybe, leaves `fit` as it is."""
    definer = next(base for base in type(estimator).__mro__ if "fit" in vars(base))
    return definer.__module__.partition(".")[0] == __package__.partition(".")[0]


def recipe_like(estimator: YieldsRecipe, recipe: Recipe, n_rows: int) -> Recipe:
    """An estimator's recipe for data that another one's recipe is for."""
    shape = recipe.architecture
    return estimator._recipe(shape.n_in, shape.n_out, n_rows)


def recipe_of(estimator: YieldsRecipe, n_in: int, n_out: int) -> Recipe:
    """An estimator's recipe for so many columns and outputs, and any number of rows."""
    return estimator._recipe(n_in, n_out, sys.maxsize)


def architecture_like(estimator: YieldsRecipe, n_in: int, n_out: int) -> Architecture:
    """The shape of an estimator's network for so many columns and outputs."""
    return estimator._architecture(n_in, n_out)


def hidden_layer_sizes(estimator: YieldsRecipe) -> tuple[int, ...]:
    """The widths of an estimator's hidden layers."""
    return estimator._architecture(1, 1).hidden_layer_sizes


def rows_per_step(estimator: YieldsRecipe, n_rows: int) -> int:
    """How many of n_rows rows an estimator's mini-batch has."""
    return estimator._batch_size(n_rows, mixes_rows=False)
