"""What a fit has come to: whether there is a model, its fitted attributes, and what to warn of."""

import math

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from .._engine.backend import Array
from .._engine.data import Rows
from .._engine.objective import predict_logits
from .._engine.training import TrainingState
from .._fit.fit import Model
from .._fit.recipe import NON_FINITE, Recipe
from ._recipe import YieldsRecipe
from ._warnings import warn


def warn_of_settings(
    estimator: YieldsRecipe, recipe: Recipe, state: TrainingState, n_rows: int
) -> None:
    """What a run begins with that its user may not have meant."""
    if not recipe.solver.has_learning_rate:
        return
    if not isinstance(estimator.batch_size, str) and estimator.batch_size > n_rows:
        warn("Got `batch_size` less than 1 or larger than sample size. It is going to be clipped")
    schedule = recipe.schedule
    if recipe.ends_with_its_schedule and state.epochs >= schedule.decay_epochs:
        warn(
            f"learning_rate={schedule.name!r} has come down to zero after {schedule.decay_epochs} "
            f"epochs, and {state.epochs} have been trained: nothing moves any more. "
            "Set decay_epochs to the epochs of all calls together.",
            ConvergenceWarning,
        )


def check_outcome(model: Model, rows: Rows) -> bool:
    """Put back the best weights, where early stopping has kept some; whether it has.

    Raises
    ------
    ValueError
        If what has been learnt is not finite, or does not predict finite values for the rows.
    """
    watch = model.watch
    restored = model.recipe.early_stopping and watch.restore_best()
    if (watch.diverged and not restored) or not _predicts_finite_values(model, rows):
        raise ValueError(NON_FINITE)
    return restored


def _predicts_finite_values(model: Model, rows: Rows) -> bool:
    """Whether θ is finite, and so are the predictions for the training rows.

    The recorded losses are those before the last step, which may have been the one too many.
    Parameters of ordinary size cannot overflow, so as a rule no prediction is made here.
    """
    network, state, link = model.recipe.network, model.state, model.recipe.loss.link
    largest = float(np.max(np.abs(state.theta)))
    if not math.isfinite(largest):
        return False
    layers = len(network.dense_layers)
    if not link.can_overflow and largest < np.finfo(state.theta.dtype).max ** (1 / (4 * layers)):
        return True
    finite = True

    def look(predictions: Array) -> Array:
        nonlocal finite
        if not np.isfinite(link.inverse(predictions)).all():
            finite = False
        return predictions

    with np.errstate(all="ignore"):
        predict_logits(
            network,
            state.theta,
            state.statistics,
            rows.x,
            index=rows.index,
            transform=look,
            encode=rows.encode,
        )
    return finite


def fitted_attributes(model: Model) -> dict[str, object]:
    """The fitted attributes that all estimators have."""
    watch, outcome, network = model.watch, model.outcome, model.recipe.network
    curves, standing = watch.curves, watch.standing
    loss = curves.loss[-1] if curves.loss else math.inf
    n_iter = watch.n_epochs
    if outcome is not None and outcome.cost is not None:
        loss, n_iter = outcome.cost, outcome.n_iter
    watched = bool(curves.validation_score)
    return {
        "n_iter_": n_iter,
        "t_": model.state.rows_seen,
        "loss_curve_": curves.loss,
        "loss_": loss,
        "validation_scores_": curves.validation_score if watched else None,
        "validation_loss_curve_": curves.validation_loss if watched else None,
        "best_validation_score_": standing.best_score if watched else None,
        "best_epoch_": standing.best_epoch,
        "best_loss_": None if model.recipe.early_stopping else standing.best_loss,
        "n_outputs_": network.n_out,
        "n_layers_": len(network.dense_layers) + 1,
        "out_activation_": model.recipe.loss.link.name,
    }


def warn_of_outcome(
    estimator: YieldsRecipe, model: Model, *, restored: bool, incremental: bool
) -> None:
    """Say how training ended, where that may not be what was wanted."""
    watch = model.watch
    if watch.interrupted:
        warn("Training interrupted by user.")
    if watch.diverged:
        warn(
            f"Training diverged in epoch {watch.n_epochs}; the weights of the best epoch "
            f"({watch.standing.best_epoch}, counted from 0) were restored. Scale X, or lower "
            "learning_rate_init.",
            ConvergenceWarning,
        )
    elif model.recipe.early_stopping and not restored and watch.n_epochs > 0:
        warn(
            f"Early stopping saw no validation score above -inf in {watch.n_epochs} epochs, "
            f"so no weights were restored; scoring={estimator.scoring!r} gave "
            f"{watch.curves.validation_score[-1]}.",
            ConvergenceWarning,
        )
    elif not incremental and not watch.interrupted and not watch.stopped:
        _warn_if_unconverged(estimator, model)


def _warn_if_unconverged(estimator: YieldsRecipe, model: Model) -> None:
    recipe, outcome = model.recipe, model.outcome
    if recipe.is_stochastic:
        if model.watch.n_epochs == estimator.max_iter:
            warn(
                f"Stochastic Optimizer: Maximum iterations ({estimator.max_iter}) "
                "reached and the optimization hasn't converged yet.",
                ConvergenceWarning,
            )
    elif outcome is not None and not recipe.solver.has_learning_rate:
        if not outcome.converged:
            warn(
                f"{recipe.solver.name} failed to converge after {outcome.n_iter} iteration(s) "
                f"{outcome.message}. Increase max_iter (now "
                f"{estimator.max_iter}) or max_fun (now {estimator.max_fun}), or scale the data.",
                ConvergenceWarning,
            )
    elif outcome is not None:
        _warn_of_descent(estimator, model)


def _warn_of_descent(estimator: YieldsRecipe, model: Model) -> None:
    """Of gradient descent on all rows that has not come down to tol."""
    outcome, dtype, tol = model.outcome, model.state.theta.dtype, estimator.tol
    assert outcome is not None
    if outcome.converged and tol >= outcome.resolution:
        return
    if outcome.converged:
        message = (
            f"{dtype} cannot resolve the gradient to tol={tol:g}; gd stopped at about "
            f"{outcome.resolution:.1e}, where rounding takes over. "
            "Use dtype='float64', or a larger tol."
        )
    else:
        hint = " dtype='float64' may help too." if dtype == np.float32 else ""
        message = (
            f"gd did not converge to tol={tol:g} in max_iter={estimator.max_iter} iterations. "
            f"Scale X, or increase max_iter.{hint}"
        )
    warn(message, ConvergenceWarning)
