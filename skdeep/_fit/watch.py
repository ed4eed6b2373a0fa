"""Watching a model train: its curves, its dev set, when it ends, and whom to tell.

After each epoch a `Watch` is told the cost; what it answers, and the curves it keeps, are all that
the training of a model and those who look at it need to know of each other.
"""

import math
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np

from .._engine.backend import Array
from .._engine.errors import own_errors
from .._engine.records import recorded, recorded_tuple
from .._engine.training import TrainingState
from .recipe import Recipe

# scikit-learn's: below this rate "adaptive" gives up instead of dividing by 5 once more.
SMALLEST_ADAPTIVE_RATE = 1e-6
# Of weights that add up to what they are compared with.
SLACK = 1e-9

# θ, the statistics of batch norm, and of tied parameters φ.
Learnt = tuple[Array, Array, Array | None]


class Listener(Protocol):
    """Who is told of a fit's epochs, and may change its recipe or end it."""

    def epoch_begins(self) -> None:
        """Hear that another epoch begins."""

    def epoch_ends(self) -> bool:
        """Hear that it has ended; whether to stop."""

    def new_recipe(self) -> Recipe | None:
        """The recipe that holds from now on, None if it is the one before."""


@recorded
@dataclass
class Curves:
    """What is recorded once per epoch; it continues with the training it belongs to."""

    loss: list[float] = field(default_factory=list)
    # The learning rates that were used; NaN for a full-batch solver.
    rate: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_score: list[float] = field(default_factory=list)

    def row(self, epoch: int) -> dict[str, float]:
        """What was recorded of an epoch, NaN where there is nothing."""
        columns = {
            "loss": self.loss,
            "validation_loss": self.validation_loss,
            "validation_score": self.validation_score,
            "learning_rate": self.rate,
        }
        return {
            name: values[epoch] if epoch < len(values) else math.nan
            for name, values in columns.items()
        }

    def rows(self) -> list[dict[str, float]]:
        """What was recorded, epoch by epoch."""
        return [self.row(epoch) for epoch in range(len(self.loss))]

    def copy(self) -> "Curves":
        return Curves(*(list(values) for values in vars(self).values()))

    def cut(self, n_epochs: int) -> None:
        """Forget what is beyond so many epochs."""
        for values in vars(self).values():
            del values[n_epochs:]


@recorded
@dataclass
class Standing:
    """The best so far and how long ago it was; it continues as the curves do."""

    best_loss: float = math.inf
    # The average of a noisy cost, by which its plateau is judged, too, and of how much weight it
    # is; the lowest so far.
    average: float = 0.0
    averaged: float = 0.0
    best_average: float = math.inf
    best_score: float = -math.inf
    best_epoch: int | None = None
    stalled: int = 0
    # Whether the weights of the best epoch are those that training would go on with.
    holds_best: bool = False

    def copy(self) -> "Standing":
        return Standing(*vars(self).values())


@recorded_tuple
class Counters(NamedTuple):
    """How far a fit has come, beyond its state and its curves."""

    n_epochs: int
    stopped: bool
    diverged: bool
    best: Learnt | None
    n_recorded: int
    standing: Standing
    n_epochs_of_other_cost: int


class Watch:
    """Keeps the curves of a model and decides when its training ends.

    Parameters
    ----------
    recipe : Recipe
        By which it trains, and is stopped.
    state : TrainingState
        What training moves.
    curves, standing : Curves, Standing
        What has been recorded so far, empty for a fresh start.
    listener : Listener or None
        Whom to tell.
    verbose : bool
        Whether to print a line per epoch.
    announces_epochs : bool
        Whether an epoch is known to follow before it is run; the full-batch solvers may end by
        themselves after any iteration.
    """

    def __init__(
        self,
        recipe: Recipe,
        state: TrainingState,
        curves: Curves,
        standing: Standing,
        *,
        listener: Listener | None = None,
        verbose: bool = False,
        announces_epochs: bool = True,
    ) -> None:
        self.recipe, self.state = recipe, state
        self.curves, self.standing = curves, standing
        self.listener, self._verbose, self._announces = listener, verbose, announces_epochs
        self.n_epochs = 0
        self._n_rows, self._is_noisy = 0, False
        # Epochs of this fit before a callback changed what the cost is.
        self.n_epochs_of_other_cost = 0
        self.stopped = self.diverged = self.interrupted = False
        self.best_learnt: Learnt | None = None
        if recipe.early_stopping and standing.holds_best:
            # A continued fit starts from the best weights so far, and may not find better ones.
            self._remember_best()
        elif recipe.early_stopping:
            # The best weights of epochs past, if any, are gone: the best is yet to come.
            standing.best_score, standing.best_epoch = -math.inf, None

    @property
    def has_epochs_left(self) -> bool:
        return not self.stopped and self.n_epochs < self.recipe.max_epochs

    @property
    def n_epochs_left(self) -> int:
        return self.recipe.max_epochs - self.n_epochs

    def learns_from(self, n_rows: int) -> None:
        """Know how many rows it is trained on, which decide whether its cost is noisy."""
        self._n_rows = n_rows
        self._is_noisy = self.recipe.is_noisy_on(n_rows)

    def go_on_by(self, recipe: Recipe) -> None:
        """Train by another recipe from now on."""
        if not recipe.has_the_cost_of(self.recipe):
            self.n_epochs_of_other_cost = self.n_epochs
        self.recipe = recipe
        self._is_noisy = recipe.is_noisy_on(self._n_rows)

    def announce_next(self) -> None:
        """Announce the next epoch, if it is known that there will be one."""
        if self.listener is not None and self._announces and self.has_epochs_left:
            with own_errors(Exception):
                self.listener.epoch_begins()

    def _end(self) -> bool:
        """Announce that an epoch is over; whether a callback asks to stop."""
        if self.listener is None:
            return False
        with own_errors(Exception):
            if not self._announces:
                self.listener.epoch_begins()
            return self.listener.epoch_ends()

    def new_recipe(self) -> Recipe | None:
        """The recipe that a listener has made, None if it is the one before."""
        if self.listener is None:
            return None
        with own_errors(Exception):
            return self.listener.new_recipe()

    def record(self, loss: float, on_dev: tuple[float, float] | None) -> None:
        """Record an epoch: its cost, and loss and score on the dev set if there is one."""
        self.n_epochs += 1
        self.standing.holds_best = False
        self.curves.loss.append(loss)
        self.curves.rate.append(float(self.state.rate))
        self._print(f"Iteration {self.n_epochs}, loss = {loss:.8f}")
        if on_dev is not None:
            self._record_validation(*on_dev)
        self.diverged = not math.isfinite(loss)
        # Known to callbacks, which may save the fit as it is now.
        self.stopped = self.diverged or self._has_stalled(on_dev is not None)

    def announce(self) -> None:
        """Announce that the epoch is over, and the next one, if there is any."""
        self.stopped = self._end() or self.stopped
        if not self.stopped:
            self.announce_next()

    def _record_validation(self, loss: float, score: float) -> None:
        curves = self.curves
        # Epochs in which nobody watched count too: position e is epoch e.
        unwatched = [math.nan] * (len(curves.loss) - 1 - len(curves.validation_loss))
        curves.validation_loss += [*unwatched, loss]
        curves.validation_score += [*unwatched, score]
        self._print(f"Validation score: {score:f}")

    def _has_stalled(self, watched: bool) -> bool:
        """Count the epochs without progress, and judge whether they are too many."""
        standing, recipe = self.standing, self.recipe
        improved = self._update_best(watched)
        standing.stalled = 0 if improved else standing.stalled + 1
        if not recipe.stops_on_plateau or standing.stalled <= recipe.n_iter_no_change:
            return False
        what = "Validation score" if recipe.early_stopping else "Training loss"
        message = (
            f"{what} did not improve more than tol={recipe.tol:f} for "
            f"{recipe.n_iter_no_change} consecutive epochs."
        )
        if not recipe.is_adaptive:
            self._print(message + " Stopping.")
            return True
        assert recipe.learning_rate is not None
        rate = recipe.learning_rate * self.state.adaptive_factor
        if rate <= SMALLEST_ADAPTIVE_RATE:
            self._print(message + " Stopping.")
            return True
        self.state.adaptive_factor /= 5
        standing.stalled = 0
        self._print(message + f" Setting learning rate to {rate / 5:f}")
        return False

    def _update_best(self, watched: bool) -> bool:
        """scikit-learn's two tests of progress, by the loss or by the dev set's score.

        A cost that noise takes down once would not be that low again for long, and one that falls
        by less than its noise would not seem to fall: progress of its average counts, too.
        """
        curves, standing, recipe = self.curves, self.standing, self.recipe
        previous = standing.best_score
        if watched and curves.validation_score[-1] > previous:
            standing.best_score = curves.validation_score[-1]
            standing.best_epoch = len(curves.loss) - 1
            if recipe.early_stopping:
                self._remember_best()
        loss = curves.loss[-1]
        if recipe.early_stopping:
            # NaN is no progress.
            return curves.validation_score[-1] >= previous + recipe.tol
        improved = not loss > standing.best_loss - recipe.tol
        standing.best_loss = min(standing.best_loss, loss)
        return self._average_improves(loss) or improved if self._is_noisy else improved

    def _average_improves(self, loss: float) -> bool:
        """The same test of a noisy cost's average, which one epoch hardly moves."""
        standing, average = self.standing, self._average_with(loss)
        if average is None:
            return True
        improved = not average > standing.best_average - self.recipe.tol
        standing.best_average = min(standing.best_average, average)
        return improved

    def _average_with(self, loss: float) -> float | None:
        """The average of the cost over about `n_iter_no_change` epochs (II 2.2).

        None before there are so many: a first cost that is low by chance is no standard for others.
        """
        standing, memory = self.standing, self.recipe.n_iter_no_change
        if not math.isfinite(memory):
            return None
        beta = 1 - 1 / memory
        standing.average = beta * standing.average + (1 - beta) * loss
        standing.averaged = beta * standing.averaged + (1 - beta)
        if standing.averaged < 1 - beta**memory - SLACK:
            return None
        # Without bias: the epochs are not averaged with the zero before them.
        return standing.average / standing.averaged

    def _remember_best(self) -> None:
        phi = self.state.phi
        self.best_learnt = (
            self.state.theta.copy(),
            self.state.statistics.copy(),
            None if phi is None else phi.copy(),
        )

    # --------------------------------------------------------------------- leaving and resuming

    def counters(self) -> Counters:
        """How far the fit has come, for another watch, or this one, to be there again."""
        return Counters(
            self.n_epochs,
            self.stopped,
            self.diverged,
            self.best_learnt,
            len(self.curves.loss),
            self.standing.copy(),
            self.n_epochs_of_other_cost,
        )

    def go_on_from(self, counters: Counters) -> None:
        """Be where the counters were read."""
        self.n_epochs, self.stopped = counters.n_epochs, counters.stopped
        self.diverged, self.best_learnt = counters.diverged, counters.best
        self.curves.cut(counters.n_recorded)
        self.standing = counters.standing.copy()
        self.n_epochs_of_other_cost = counters.n_epochs_of_other_cost

    @property
    def would_end_with(self) -> tuple[Array, Array]:
        """θ and the statistics that the fit would end with if it ended now."""
        if self.best_learnt is not None:
            return self.best_learnt[:2]
        return self.state.theta, self.state.statistics

    def restore_best(self) -> bool:
        """Put back the weights of the best dev score; whether there were any."""
        if self.best_learnt is None:
            return False
        theta, statistics, phi = self.best_learnt
        np.copyto(self.state.theta, theta)
        np.copyto(self.state.statistics, statistics)
        if self.state.phi is not None and phi is not None:
            np.copyto(self.state.phi, phi)
        self.standing.holds_best = True
        return True

    def _print(self, line: str) -> None:
        if self._verbose:
            print(line)
