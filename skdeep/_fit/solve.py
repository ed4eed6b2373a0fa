"""The solvers under one roof: each goes on until it is told to stop, or has come to its own end.

All of them take the same arguments, and report every epoch, or iteration on all rows, to
`after_epoch(cost)`. Those that see all rows at every step also say how they ended.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from .._engine.full_batch import (
    descend,
    descend_accelerated,
    gradient_resolution,
    minimize_lbfgs,
)
from .._engine.objective import Problem
from .._engine.solvers import Run
from .._engine.training import AfterEpoch, LoopSettings, TrainingState, train_epochs
from .recipe import Recipe


@dataclass(frozen=True)
class Outcome:
    """How a solver that sees all rows has ended."""

    converged: bool
    n_iter: int
    # The cost at the end; None where it is the last one reported.
    cost: float | None = None
    # What rounding leaves of a gradient, where the solver knows it.
    resolution: float = 0.0
    message: str = ""


Solve = Callable[..., Outcome | None]


def solver_of(recipe: Recipe) -> Solve:
    """What moves a state: (problem, state, settings, *, n_epochs, after_epoch) → Outcome."""
    if recipe.solver.run is Run.EPOCHS:
        return train_epochs
    return partial(RUNS[recipe.solver.run], recipe)


def _descend(
    recipe: Recipe,
    problem: Problem,
    state: TrainingState,
    settings: LoopSettings,
    *,
    n_epochs: int,
    after_epoch: AfterEpoch,
) -> Outcome:
    """Gradient descent on all rows, as far down as rounding lets it see."""
    resolution = gradient_resolution(problem.data, state.theta.dtype)
    descent = descend_accelerated if recipe.accelerates else descend
    n_before = state.epochs
    converged = descent(
        problem,
        state,
        settings,
        n_iter=n_epochs,
        tol=max(recipe.tol, resolution),
        after_iteration=after_epoch,
    )
    return Outcome(converged, state.epochs - n_before, resolution=resolution)


def _search_lines(
    recipe: Recipe,
    problem: Problem,
    state: TrainingState,
    settings: None,
    *,
    n_epochs: int,
    after_epoch: AfterEpoch,
) -> Outcome:
    """SciPy's L-BFGS, which finds the length of its steps itself."""
    result = minimize_lbfgs(
        problem,
        state,
        max_iter=n_epochs,
        max_fun=recipe.max_evaluations,
        tol=recipe.tol,
        ftol=recipe.ftol,
        after_iteration=after_epoch,
    )
    message = f"(status={result.status}): {result.message}"
    return Outcome(result.status == 0, result.nit, float(result.fun), message=message)


RUNS: dict[Run, Solve] = {Run.DESCENT: _descend, Run.LINE_SEARCH: _search_lines}
