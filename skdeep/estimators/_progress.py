"""Watching a fit: learning curves, the dev set, early stopping, printing, callbacks.

The training loop calls `FitMonitor.after_epoch(loss)` once per epoch; what it answers, and the
curves it keeps, are all that the loop and the estimator need to know of each other.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._engine.training import TrainingState
from ._callbacks import FitEvents
from ._warnings import warn

# scikit-learn's: below this rate "adaptive" gives up instead of dividing by 5 once more.
SMALLEST_ADAPTIVE_RATE = 1e-6


@dataclass
class Curves:
    """What is recorded once per epoch; it continues with the training it belongs to."""

    loss: list[float] = field(default_factory=list)
    # The learning rates that were used; NaN for a full-batch solver.
    rate: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_score: list[float] = field(default_factory=list)
    best_loss: float = math.inf
    best_score: float = -math.inf
    best_epoch: int | None = None
    stalled: int = 0
    # Whether the weights of the best epoch are those that training would go on with.
    holds_best: bool = False


@dataclass
class StoppingRule:
    """When to stop, in scikit-learn's terms."""

    tol: float
    n_iter_no_change: float
    early_stopping: bool
    stop_on_plateau: bool
    is_adaptive: bool
    learning_rate_init: float
    verbose: bool
    # Whether an epoch is known to follow before it is run; the full-batch solvers may end by
    # themselves after any iteration.
    announces_epochs: bool


@dataclass(frozen=True)
class PausedFit:
    """How far a fit had come when it was saved: what is neither in the state nor in the curves."""

    n_epochs: int
    stopped: bool
    diverged: bool
    best: tuple[Any, Any] | None
    best_score: float
    best_epoch: int | None
    fingerprint: str


class FitMonitor:
    """Keeps the curves of a fit and decides when it ends.

    Parameters
    ----------
    state : TrainingState
        What the training loop moves.
    curves : Curves
        The curves so far, empty for a fresh start.
    rule : StoppingRule
        When to stop.
    validate : callable or None
        Gives the loss and the score on the dev set at the present state.
    events : FitEvents
        Whom to tell.
    max_epochs : int
        How many epochs there can be.
    """

    def __init__(
        self,
        state: TrainingState,
        curves: Curves,
        rule: StoppingRule,
        validate: Callable[[], tuple[float, float]] | None,
        events: FitEvents | None,
        max_epochs: int,
    ) -> None:
        self.state, self.curves, self.rule = state, curves, rule
        self.validate, self._events = validate, events
        self.n_epochs, self._max_epochs = 0, max_epochs
        # Epochs of this fit before a callback changed what the cost is.
        self.n_epochs_of_other_cost = 0
        self.stopped = self.diverged = self.interrupted = False
        # What rounding leaves of a gradient, where the solver knows it.
        self.resolution = 0.0
        self._best: tuple[Any, Any] | None = None
        if rule.early_stopping and curves.holds_best:
            # A continued fit starts from the best weights so far, and may not find better ones.
            self._keep_as_best()
        elif rule.early_stopping:
            # The best weights of epochs past, if any, are gone: the best is yet to come.
            curves.best_score, curves.best_epoch = -math.inf, None

    def begin(self) -> None:
        """Announce the next epoch, if it is known that there will be one."""
        another = self.rule.announces_epochs and self.n_epochs < self._max_epochs
        if self._events is not None and another:
            self._events.epoch_begins()

    def _end(self) -> bool:
        """Announce that an epoch is over; whether a callback asks to stop."""
        if self._events is None:
            return False
        if not self.rule.announces_epochs:
            self._events.epoch_begins()
        return self._events.epoch_ends()

    def after_epoch(self, loss: Any) -> bool:
        """Record an epoch; whether the fit ends with it."""
        self.n_epochs += 1
        self.curves.holds_best = False
        self.curves.loss.append(float(loss))
        self.curves.rate.append(float(self.state.rate))
        self._print(f"Iteration {self.n_epochs}, loss = {float(loss):.8f}")
        if self.validate is not None:
            self._record_validation(*self.validate())
        self.diverged = not math.isfinite(float(loss))
        # Known to callbacks, which may save the fit as it is now.
        self.stopped = self.diverged or self._has_stalled()
        self.stopped = self._end() or self.stopped
        if not self.stopped:
            self.begin()
        return self.stopped

    def _record_validation(self, loss: float, score: float) -> None:
        curves = self.curves
        # Epochs in which nobody watched count too: position e is epoch e.
        unwatched = [math.nan] * (len(curves.loss) - 1 - len(curves.validation_loss))
        curves.validation_loss += [*unwatched, loss]
        curves.validation_score += [*unwatched, score]
        self._print(f"Validation score: {score:f}")

    def _has_stalled(self) -> bool:
        """Count the epochs without progress, and judge whether they are too many."""
        curves, rule = self.curves, self.rule
        improved = self._update_best()
        curves.stalled = 0 if improved else curves.stalled + 1
        if not rule.stop_on_plateau or curves.stalled <= rule.n_iter_no_change:
            return False
        watched = "Validation score" if rule.early_stopping else "Training loss"
        message = (
            f"{watched} did not improve more than tol={rule.tol:f} for "
            f"{rule.n_iter_no_change} consecutive epochs."
        )
        rate = rule.learning_rate_init * self.state.adaptive_factor
        if not rule.is_adaptive or rate <= SMALLEST_ADAPTIVE_RATE:
            self._print(message + " Stopping.")
            return True
        self.state.adaptive_factor /= 5
        curves.stalled = 0
        self._print(message + f" Setting learning rate to {rate / 5:f}")
        return False

    def _update_best(self) -> bool:
        """scikit-learn's two tests of progress, by the loss or by the dev set's score."""
        curves, tol = self.curves, self.rule.tol
        if self.validate is not None and curves.validation_score[-1] > curves.best_score:
            previous, curves.best_score = curves.best_score, curves.validation_score[-1]
            curves.best_epoch = len(curves.loss) - 1
            if self.rule.early_stopping:
                self._keep_as_best()
        else:
            previous = curves.best_score
        loss = curves.loss[-1]
        if self.rule.early_stopping:
            # NaN is no progress.
            return curves.validation_score[-1] >= previous + tol
        improved = not loss > curves.best_loss - tol
        curves.best_loss = min(curves.best_loss, loss)
        return improved

    def _keep_as_best(self) -> None:
        self._best = (self.state.theta.copy(), self.state.statistics.copy())

    def paused(self, fingerprint: str) -> PausedFit:
        """What to save of it, with the state and the curves, for a fit to go on from here."""
        curves = self.curves
        return PausedFit(
            self.n_epochs,
            self.stopped,
            self.diverged,
            self._best,
            curves.best_score,
            curves.best_epoch,
            fingerprint,
        )

    def go_on_from(self, paused: PausedFit) -> None:
        """Be as the monitor of the fit that was saved."""
        self.n_epochs, self.stopped = paused.n_epochs, paused.stopped
        self.diverged, self._best = paused.diverged, paused.best
        self.curves.best_score, self.curves.best_epoch = paused.best_score, paused.best_epoch

    @property
    def weights(self) -> tuple[Any, Any]:
        """θ and the statistics that the fit would end with if it ended now."""
        return self._best or (self.state.theta, self.state.statistics)

    def restore_best(self) -> bool:
        """Put back the weights of the best dev score; whether there were any."""
        if self._best is None:
            return False
        theta, statistics = self._best
        self.state.theta[...] = theta
        self.state.statistics[...] = statistics
        self.curves.holds_best = True
        return True

    def _print(self, line: str) -> None:
        if self.rule.verbose:
            print(line)

    def run(self, solve: Callable[[], Any]) -> Any:
        """Run the solver; Ctrl-C ends it with what has been learnt so far."""
        self.begin()
        try:
            with np.errstate(all="ignore"):
                # A diverging fit is reported once, by its own error, not by each operation.
                return solve()
        except KeyboardInterrupt:
            self.interrupted = True
            warn("Training interrupted by user.")
            return None
