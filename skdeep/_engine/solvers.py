"""The solvers: a row for each says all that the rest of skdeep has to know of it.

A solver is a way to run, over mini-batches or over all rows, and where it takes steps of its own
the optimizer that makes them. What it takes and refuses, which parameters configure it and where to
search for them stands in its row: no other file compares its name.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

import numpy as np

from .backend import Array
from .optimizers import (
    Adam,
    AdamW,
    GradientDescent,
    Momentum,
    NAdam,
    Nesterov,
    Optimizer,
    RMSprop,
)

Number = float | Array


class Run(Enum):
    """How a solver comes down."""

    # Epochs of mini-batches, an update after each.
    EPOCHS = auto()
    # Steps along the gradient over all rows, as long as a known curvature allows.
    DESCENT = auto()
    # SciPy's quasi-Newton method over all rows, which finds the length of its steps itself.
    LINE_SEARCH = auto()


@dataclass(frozen=True)
class Range:
    """Where to search for a number, on a log scale; `near_one`: on one of its distance from 1."""

    low: float
    high: float
    near_one: bool = False


@dataclass(frozen=True, eq=False)
class Solver:
    """What distinguishes a solver.

    Parameters
    ----------
    name : str
        The value of the estimators' `solver`.
    run : Run
        How it comes down.
    make : callable or None
        Makes its optimizer from those of `parameters` that are given; None where it has none.
    parameters : tuple of str
        The estimators' parameters that configure it and no others.
    default_learning_rate : float or None
        What "auto" stands for; None where the data say, or there is none.
    takes_l1, takes_gradient_clip : bool
        Whether it can do with a cost that is not smooth, and with clipped gradients.
    takes_hidden_layers : bool
        Whether it suits networks with hidden layers, whose curvature is not known.
    ranges : mapping of str to Range
        The numbers worth a search, the most important first.
    """

    name: str
    run: Run
    make: Callable[..., Optimizer] | None = None
    parameters: tuple[str, ...] = ()
    default_learning_rate: float | None = None
    takes_l1: bool = True
    takes_gradient_clip: bool = True
    takes_hidden_layers: bool = True
    ranges: Mapping[str, Range] = field(default_factory=dict)

    @property
    def is_stochastic(self) -> bool:
        """Whether it works on mini-batches."""
        return self.run is Run.EPOCHS

    @property
    def takes_changing_objective(self) -> bool:
        """Whether J may be another one at every step, as dropout and augmentation make it."""
        return self.run is Run.EPOCHS

    @property
    def has_learning_rate(self) -> bool:
        """Whether the length of its steps is given to it."""
        return self.run is not Run.LINE_SEARCH

    @property
    def decoupled_decay(self) -> bool:
        """Whether L2 shrinks the weights beside J instead of being in it."""
        return self.make is not None and self.make().decoupled_decay


def _descent(momentum: Number = 0.9, nesterovs_momentum: bool = True) -> Optimizer:
    """Gradient descent, with the kind of momentum asked for where any model has some."""
    if not np.any(np.asarray(momentum) > 0):
        return GradientDescent()
    return Nesterov(momentum) if nesterovs_momentum else Momentum(momentum)


_MOMENTUM = ("momentum", "nesterovs_momentum")
_MOMENTS = ("beta_1", "beta_2", "epsilon")
_MOMENTUM_RANGE = Range(0.5, 0.99, near_one=True)
_MOMENTS_RANGES = {
    "learning_rate_init": Range(1e-4, 1e-1),
    "beta_1": Range(0.5, 0.99, near_one=True),
    "beta_2": Range(0.9, 0.9999, near_one=True),
}

_ROWS = (
    Solver(
        "sgd",
        Run.EPOCHS,
        _descent,
        _MOMENTUM,
        default_learning_rate=0.01,
        ranges={"learning_rate_init": Range(1e-3, 1e-1), "momentum": _MOMENTUM_RANGE},
    ),
    Solver(
        "rmsprop",
        Run.EPOCHS,
        RMSprop,
        ("rho", "epsilon"),
        default_learning_rate=0.001,
        ranges={
            "learning_rate_init": Range(1e-4, 1e-1),
            "rho": Range(0.8, 0.999, near_one=True),
        },
    ),
    Solver("adam", Run.EPOCHS, Adam, _MOMENTS, 0.001, ranges=_MOMENTS_RANGES),
    Solver("adamw", Run.EPOCHS, AdamW, _MOMENTS, 0.001, ranges=_MOMENTS_RANGES),
    Solver("nadam", Run.EPOCHS, NAdam, _MOMENTS, 0.001, ranges=_MOMENTS_RANGES),
    Solver(
        "lbfgs",
        Run.LINE_SEARCH,
        parameters=("max_fun",),
        takes_l1=False,
        takes_gradient_clip=False,
    ),
    Solver(
        "gd",
        Run.DESCENT,
        _descent,
        _MOMENTUM,
        takes_hidden_layers=False,
        ranges={"learning_rate_init": Range(1e-3, 1), "momentum": _MOMENTUM_RANGE},
    ),
)
SOLVERS: dict[str, Solver] = {row.name: row for row in _ROWS}
STOCHASTIC_SOLVERS = tuple(name for name, row in SOLVERS.items() if row.is_stochastic)


def make_optimizer(solver: str, **parameters: Number | np.bool_) -> Optimizer:
    """The optimizer that a solver's name and parameters of its own stand for."""
    make = SOLVERS[solver].make
    if make is None:
        raise ValueError(f"solver={solver!r} makes its steps itself: it has no optimizer.")
    return make(**parameters)
