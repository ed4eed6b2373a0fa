"""A fit while it runs, as callbacks see it: what it has come to, and how to save it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from .._fit.watch import Counters, Watch
from ._callbacks import TRANSIENT as CALLBACKS
from ._recipe import YieldsRecipe

Estimator = TypeVar("Estimator", bound=YieldsRecipe)

# What an estimator has only as long as its fit runs.
TRANSIENT = ("_running", "_foreseen", "_parent_callback_ctx", *CALLBACKS)


@dataclass(frozen=True, eq=False)
class PausedFit:
    """How far a fit had come when it was saved: what is neither in the state nor in the curves."""

    counters: Counters
    fingerprint: str

    @property
    def n_epochs(self) -> int:
        return self.counters.n_epochs


@dataclass
class RunningFit:
    """What callbacks can see of a fit while it runs.

    `fingerprint` tells its data from others; `fitted_attributes` are those of an estimator whose
    fit had ended now.
    """

    watch: Watch
    fingerprint: Callable[[], str]
    fitted_attributes: Callable[[], dict[str, object]]

    @property
    def is_last_epoch(self) -> bool:
        """Whether no epoch is to come."""
        return not self.watch.has_epochs_left


def saved_fit(estimator: Estimator) -> Estimator:
    """A copy of an estimator in the midst of its fit, whose own `fit` goes on from here."""
    fit = estimator.__dict__["_running"]
    copied = object.__new__(type(estimator))
    copied.__dict__.update(estimator.__dict__)
    for name in TRANSIENT:
        copied.__dict__.pop(name, None)
    if "_rate_before_control" in copied.__dict__:
        copied.__dict__["_rate_under_control"] = copied.learning_rate_init
        copied.learning_rate_init = copied.__dict__.pop("_rate_before_control")
    # It predicts as the network does now.
    copied.__dict__.update(fit.fitted_attributes())
    copied.__dict__["_standing"] = fit.watch.standing
    copied.__dict__["_paused"] = PausedFit(fit.watch.counters(), fit.fingerprint())
    return copied


def running_fit(estimator: YieldsRecipe) -> RunningFit:
    """The fit of this estimator that is running, for its callbacks."""
    fit: RunningFit = estimator.__dict__["_running"]
    return fit


def take_control_of_rate(estimator: YieldsRecipe) -> None:
    """Remember the estimator's own learning rate, which others are set for while a fit runs."""
    estimator._rate_before_control = estimator.learning_rate_init
    # A fit that was saved under control goes on with the rate it had.
    if "_rate_under_control" in estimator.__dict__:
        estimator.learning_rate_init = estimator.__dict__.pop("_rate_under_control")


def give_back_rate(estimator: YieldsRecipe) -> None:
    """Set the estimator's own learning rate again."""
    if "_rate_before_control" in estimator.__dict__:
        estimator.learning_rate_init = estimator.__dict__.pop("_rate_before_control")
