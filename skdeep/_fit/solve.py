"""The solvers under one roof: each goes on until it is told to stop, or has come to its own end.

All of them report every epoch, or iteration on all rows, to `after_epoch(cost)`.
"""

from dataclasses import dataclass

from .._engine.full_batch import (
    descend,
    descend_accelerated,
    gradient_resolution,
    minimize_lbfgs,
)
from .._engine.objective import Problem
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


def solve(
    recipe: Recipe,
    problem: Problem,
    state: TrainingState,
    settings: LoopSettings,
    *,
    n_epochs: int,
    after_epoch: AfterEpoch,
) -> Outcome | None:
    """Move the state by the recipe's solver, for n_epochs at most; None of a stochastic one."""
    if recipe.is_stochastic:
        train_epochs(problem, state, settings, n_epochs=n_epochs, after_epoch=after_epoch)
        return None
    if recipe.solver == "lbfgs":
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
