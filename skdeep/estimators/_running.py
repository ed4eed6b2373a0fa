"""A fit while it runs, as callbacks see it: what it has come to, and how to save it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from .._engine.records import recorded
from .._fit.watch import Counters, Watch
from .._plain_state import KeepsPlainState
from ._callbacks import TRANSIENT as CALLBACKS
from ._callbacks import are_equal

Estimator = TypeVar("Estimator", bound="HasRunningFit")
Attributes = dict[str, object]

OTHER_DATA = (
    "A fit that was saved goes on with the data it began with: X, y, the weights or the dev set "
    "are other ones now."
)


# What an estimator has only as long as its fit runs.
TRANSIENT = ("_running", "_foreseen", "_parent_callback_ctx", *CALLBACKS)


class FollowedFit(Protocol):
    """What callbacks can ask of a fit while it runs, whatever it trains."""

    @property
    def watch(self) -> Watch:
        """What watches the training that is under way."""

    @property
    def n_epochs(self) -> int:
        """How many epochs this fit has run."""

    @property
    def loss_curve(self) -> list[float]:
        """The costs so far of what is being trained; its epochs count from 0."""

    @property
    def last_row(self) -> dict[str, float]:
        """Of the last epoch its number, what else says where it was, and what was recorded."""

    @property
    def history(self) -> list[dict[str, float]]:
        """The same of all epochs so far."""

    @property
    def has_ended(self) -> bool:
        """Whether nothing remains to be trained."""

    @property
    def can_be_saved(self) -> bool:
        """Whether a fit could go on from here."""

    def saved_attributes(self) -> Attributes:
        """Attributes with which a copy of the estimator predicts, and its own `fit` goes on."""


class HasRunningFit(KeepsPlainState):
    """An estimator whose callbacks can look at its fit while it runs."""

    learning_rate_init: Any

    # While a fit runs.
    _running: FollowedFit | None = None

    def _check_not_running(self) -> None:
        if self._running is not None:
            raise RuntimeError(
                f"This {type(self).__name__} is being fitted, by the fit that calls this callback, "
                "and cannot be fitted within. Fit a clone of it."
            )

    def __getstate__(self) -> Attributes:
        """All but the fit that runs, which no copy has."""
        state: Attributes = dict(super().__getstate__())
        state.pop("_running", None)
        return state


@recorded
@dataclass(frozen=True, eq=False)
class PausedFit:
    """How far a fit had come when it was saved: what is neither in the state nor in the curves."""

    counters: Counters
    fingerprint: str
    random_state: object

    @property
    def n_epochs(self) -> int:
        return self.counters.n_epochs


@dataclass
class RunningFit:
    """The fit of one network.

    `fingerprint` tells its data from others; `fitted_attributes` are those of an estimator whose
    fit had ended now.
    """

    watch: Watch
    fingerprint: Callable[[], str]
    fitted_attributes: Callable[[], Attributes]
    random_state: object

    @property
    def n_epochs(self) -> int:
        return self.watch.n_epochs

    @property
    def loss_curve(self) -> list[float]:
        return self.watch.curves.loss

    @property
    def last_row(self) -> dict[str, float]:
        last = len(self.watch.curves.loss) - 1
        return {"epoch": last, **self.watch.curves.row(last)}

    @property
    def history(self) -> list[dict[str, float]]:
        return [{"epoch": n, **row} for n, row in enumerate(self.watch.curves.rows())]

    @property
    def has_ended(self) -> bool:
        return self.watch.stopped

    @property
    def can_be_saved(self) -> bool:
        return not self.watch.diverged

    def saved_attributes(self) -> Attributes:
        return {
            **self.fitted_attributes(),
            "_standing": self.watch.standing,
            "_paused": PausedFit(self.watch.counters(), self.fingerprint(), self.random_state),
        }


def saved_fit(estimator: Estimator) -> Estimator:
    """A copy of an estimator in the midst of its fit, whose own `fit` goes on from here."""
    copied = object.__new__(type(estimator))
    copied.__dict__.update(estimator.__dict__)
    for name in TRANSIENT:
        copied.__dict__.pop(name, None)
    if "_rate_before_control" in copied.__dict__:
        copied.__dict__["_rate_under_control"] = copied.learning_rate_init
        copied.learning_rate_init = copied.__dict__.pop("_rate_before_control")
    copied.__dict__.update(running_fit(estimator).saved_attributes())
    return copied


def check_random_state_kept(before: object, now: object) -> None:
    """Raise where a saved fit would go on with other random numbers than its parameter says."""
    if not are_equal(now, before):
        raise ValueError(
            f"A fit that was saved cannot go on after random_state has changed from {before!r} to "
            f"{now!r}. Clone the estimator to start anew."
        )


def running_fit(estimator: HasRunningFit) -> FollowedFit:
    """The fit of this estimator that is running, for its callbacks."""
    fit: FollowedFit = estimator.__dict__["_running"]
    return fit


def take_control_of_rate(estimator: HasRunningFit) -> None:
    """Remember the estimator's own learning rate, which others are set for while a fit runs."""
    if "_rate_before_control" in estimator.__dict__:
        # Another control has it already.
        return
    estimator._rate_before_control = estimator.learning_rate_init
    # A fit that was saved under control goes on with the rate it had. It is kept until the fit has
    # begun: one that is refused can be tried again.
    if "_rate_under_control" in estimator.__dict__:
        estimator.learning_rate_init = estimator.__dict__["_rate_under_control"]


def give_back_rate(estimator: HasRunningFit) -> None:
    """Set the estimator's own learning rate again."""
    if "_rate_before_control" in estimator.__dict__:
        estimator.learning_rate_init = estimator.__dict__.pop("_rate_before_control")
