"""Why a fit made no progress: looked for once it has ended no better than a constant prediction.

The yardstick is the loss of the best constant prediction. A fit whose cost comes within a hundredth
of it, or has risen again by a tenth of it, is looked into: what the network has learnt, its inputs
and targets, its curve, its units and its gradients, on a sample of the training rows. A fit that
goes well costs one look at its curve and targets.
"""

import copy
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from .._engine.backend import Array, Matrix
from .._engine.data import Rows
from .._engine.objective import (
    FEWEST_ROWS,
    FullObjective,
    Problem,
    entries_per_row,
    evaluate_loss,
    predict_logits,
)
from .._engine.solvers import SOLVERS
from .._engine.training import TrainingState
from .._fit.fit import Model
from ..exceptions import NoProgressWarning
from ..utils import ewma
from ._recipe import YieldsRecipe
from ._warnings import warn

# Fewer epochs tell nothing.
FEWEST_EPOCHS = 10
# Averages of a noisy cost are over as many.
NOISE_BETA = 1 - 1 / FEWEST_EPOCHS
# Fractions of the loss of a constant prediction: what must be gained, and what may be lost again.
LEAST_GAIN, LARGEST_RISE = 0.01, 0.1
SAMPLE_ROWS, SAMPLE_ELEMENTS = 2000, 2**19
# Columns, or a target, are unscaled beyond these.
LARGEST_RATIO, LARGEST_SPREAD = 1e3, 1e2
DEAD_FRACTION = 0.5
# The first layer's gradient beside the last one's, entry by entry.
VANISHED = 1e-4
STEADY_FRACTION = 0.8
STRONG_PENALTY = 0.02


def warn_if_no_progress(estimator: YieldsRecipe, data: Rows, model: Model) -> None:
    """Warn once, with the likely causes, if the fit that has just ended has come to nothing."""
    watch, state = model.watch, model.state
    n_epochs = watch.n_epochs - watch.n_epochs_of_other_cost
    if n_epochs < FEWEST_EPOCHS or watch.interrupted or watch.diverged:
        return
    losses, problem = np.asarray(watch.curves.loss[-n_epochs:]), model.recipe.problem(data)
    if model.recipe.is_noisy_on(data.n_rows):
        # By noise alone a cost is low once, and higher ever after.
        losses = ewma(losses, beta=NOISE_BETA)
    numbers = _sample(data)
    targets, weights = _targets_and_weights(problem, numbers)
    y = data.y[_in_x(data, numbers)]
    constant = _mean(_constant_losses(problem, targets, weights, y), weights)
    if not np.isfinite(constant) or constant <= np.finfo(np.float64).eps:
        # Any prediction would do.
        return
    lowest = int(np.argmin(losses))
    has_risen = losses[-1] - losses[lowest] > LARGEST_RISE * constant
    if not has_risen and losses[-1] <= (1 - LEAST_GAIN) * constant:
        return
    # The cost has the penalty in it, and the noise of dropout and augmentation; what counts is what
    # the network gives for the rows as they are.
    rows = Rows(*data.gather(numbers))
    loss = _mean(_losses(state, problem, rows), weights)
    if has_risen and loss - losses[lowest] > LARGEST_RISE * constant:
        _warn(
            f"the cost rose from {losses[lowest]:.3g} in epoch {lowest} to {losses[-1]:.3g}",
            [*_in_the_data(estimator, problem, rows, targets), f"lower {_rate(estimator)}"],
        )
    elif loss > (1 - LEAST_GAIN) * constant:
        _warn(
            f"after {watch.n_epochs} epochs the loss on the training rows is {loss:.3g}, and "
            f"that of a constant prediction {constant:.3g}",
            list(_causes(estimator, state, problem, rows, targets, losses)),
        )


def _warn(what: str, causes: list[str]) -> None:
    found = "; ".join(causes) or "nothing was found, perhaps X does not tell about y"
    warn(f"The fit made no progress: {what}. What to look at: {found}.", NoProgressWarning)


def _sample(data: Rows) -> Array:
    """Numbers of some rows; at random, for their order may have a pattern."""
    affordable = max(FEWEST_ROWS, SAMPLE_ELEMENTS // entries_per_row(data.x))
    n_rows = min(SAMPLE_ROWS, affordable, data.n_rows)
    return np.random.default_rng(0).choice(data.n_rows, n_rows, replace=False)


def _in_x(data: Rows, numbers: Array) -> Array:
    return numbers if data.index is None else data.index[numbers]


def _mean(losses: Array, weights: Array | None) -> float:
    return float(np.average(losses, weights=weights))


def _targets_and_weights(problem: Problem, numbers: Array) -> tuple[Array, Array | None]:
    """Targets as the loss compares with them, and weights, None where they are equal."""
    data = problem.data
    picked = _in_x(data, numbers)
    prepare = problem.loss.bind_targets(np.empty((numbers.size, problem.network.n_out)))
    targets = np.asarray(prepare(data.y[picked]), dtype=np.float64)
    weights = None if data.sample_weight is None else data.sample_weight[picked]
    return targets, weights if weights is not None and weights.any() else None


def _constant_losses(problem: Problem, targets: Array, weights: Array | None, y: Array) -> Array:
    """Losses of the best constant prediction."""
    logits = np.tile(problem.loss.best_constant(targets, weights), (y.shape[0], 1))
    return evaluate_loss(problem.loss, logits, y)


def _losses(state: TrainingState, problem: Problem, rows: Rows) -> Array:
    logits = predict_logits(problem.network, state.theta, state.statistics, rows.x)
    return evaluate_loss(problem.loss, logits, rows.y)


# ------------------------------------------------------------------------------------- the causes


def _causes(
    estimator: YieldsRecipe,
    state: TrainingState,
    problem: Problem,
    rows: Rows,
    targets: Array,
    losses: Array,
) -> Iterator[str]:
    yield from _in_the_data(estimator, problem, rows, targets)
    at_zero = [*_held_at_zero(estimator, state, problem), *_symmetric_start(estimator)]
    yield from at_zero
    if at_zero:
        # The rest would follow from it.
        return
    yield from _dead_units(estimator, state, problem, rows)
    yield from _vanishing_gradients(estimator, state, problem, rows)
    yield from _wrong_rate(estimator, losses)


def _in_the_data(
    estimator: YieldsRecipe, problem: Problem, rows: Rows, targets: Array
) -> Iterator[str]:
    yield from _unscaled_columns(estimator, rows)
    if problem.loss.link.keeps_units:
        yield from _unscaled_target(targets)


def _unscaled_columns(estimator: YieldsRecipe, rows: Rows) -> Iterator[str]:
    with np.errstate(over="ignore"):
        x = rows.x
        squares: Matrix
        squares = np.square(x, dtype=np.float64) if isinstance(x, np.ndarray) else x.power(2)
        sizes = np.sqrt(np.asarray(squares.mean(axis=0)).ravel())
    used = np.flatnonzero(sizes)
    if used.size == 0:
        yield "all columns of X are zero"
        return
    smallest, largest = used[sizes[used].argmin()], int(sizes.argmax())
    if sizes[largest] > LARGEST_RATIO * min(1.0, sizes[smallest]) or sizes[largest] < 1e-3:
        names = getattr(estimator, "feature_names_in_", np.arange(sizes.size))
        yield (
            f"X is not scaled, its columns are of sizes from {sizes[smallest]:.2g} (column "
            f"{names[smallest]!s}) to {sizes[largest]:.2g} (column {names[largest]!s}): put a "
            "StandardScaler before the estimator, in a Pipeline"
        )


def _unscaled_target(targets: Array) -> Iterator[str]:
    spread, offset = targets.std(axis=0), np.abs(targets.mean(axis=0))
    varies = spread > 0
    if not varies.any():
        return
    spread, offset = spread[varies], offset[varies]
    worst = int(np.argmax(np.maximum(spread, 1 / spread)))
    if not 1 / LARGEST_SPREAD < spread[worst] < LARGEST_SPREAD or offset.max() > LARGEST_SPREAD:
        yield (
            f"y is not scaled, its spread is {spread[worst]:.2g} about {offset[worst]:.2g}: wrap "
            "the estimator in a TransformedTargetRegressor with a StandardScaler"
        )


def _held_at_zero(estimator: YieldsRecipe, state: TrainingState, problem: Problem) -> Iterator[str]:
    weights = problem.network.layout.penalised(state.theta)
    # A penalty that counts for something beside a loss of scaled columns.
    is_strong = estimator.alpha / problem.data.total_weight > STRONG_PENALTY
    if is_strong and np.max(np.abs(weights)) < 1e-2:
        yield f"the penalty holds all weights at zero: lower alpha (now {estimator.alpha})"


def _symmetric_start(estimator: YieldsRecipe) -> Iterator[str]:
    if getattr(estimator, "weight_init", "auto") == "zeros":
        yield "the units of a layer have stayed alike: weight_init='zeros' starts them so"


def _dead_units(
    estimator: YieldsRecipe, state: TrainingState, problem: Problem, rows: Rows
) -> Iterator[str]:
    """Units that give zero for all rows, as a relu far below zero does: no gradient moves them."""
    outputs = problem.network.hidden_outputs(state.theta, state.statistics, rows.x)
    for name, output in outputs.items():
        dead = float(np.mean(~output.any(axis=0)))
        if dead > DEAD_FRACTION:
            yield (
                f"{dead:.0%} of the units of {name!r} give zero for all rows: lower "
                f"{_rate(estimator)}, or take an activation without a flat side, 'leaky_relu' say "
                f"(now {estimator.activation!r})"
            )
            return


def _vanishing_gradients(
    estimator: YieldsRecipe, state: TrainingState, problem: Problem, rows: Rows
) -> Iterator[str]:
    dense = problem.network.dense_layers
    if len(dense) < 3:
        return
    objective = FullObjective(
        replace(problem, data=rows),
        state.theta,
        state.statistics.copy(),
        copy.deepcopy(state.streams),
    )
    with np.errstate(all="ignore"):
        objective()
    grads = problem.network.layout.views(objective.grad)
    first, last = (
        float(np.sqrt(np.mean(np.square(grads[layer.name, "W"]))))
        for layer in (dense[0], dense[-1])
    )
    if first < VANISHED * last:
        norm = "" if estimator.layer_norm else "set batch_norm=True, "
        yield (
            f"gradients vanish on their way to the first layer ({first:.1e} there, {last:.1e} in "
            f"the last): {norm}take 'relu' as activation (now "
            f"{estimator.activation!r}), weight_init='auto' (now {estimator.weight_init!r}), or "
            "fewer layers"
        )


def _wrong_rate(estimator: YieldsRecipe, losses: Array) -> Iterator[str]:
    falls = float(np.mean(np.diff(losses) < 0))
    has_rate = SOLVERS[estimator.solver].has_learning_rate
    if falls > STEADY_FRACTION:
        longer = f"max_iter (now {estimator.max_iter})"
        how = f"{_rate(estimator)} or {longer}" if has_rate else longer
        yield f"the cost falls steadily but slowly: raise {how}"
    elif losses[-1] > (1 + LEAST_GAIN) * losses[0] and has_rate:
        yield f"the cost is higher than it was in the first epoch: lower {_rate(estimator)}"


def _rate(estimator: YieldsRecipe) -> str:
    return f"learning_rate_init (now {estimator.learning_rate_init})"
