"""Steering the training of groups: what hears of their epochs, changes their rate, or ends them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING, Protocol

from .._fit.recipe import Recipe
from .._fit.watch import Watch
from ..estimators._callbacks import FitEvents

if TYPE_CHECKING:
    from ._group import FittedGroup, PausedTraining


class Stop(Event):
    """Ends the training of all groups once it is set."""

    # Whether Ctrl-C has set it.
    by_user = False

    def set_by_user(self) -> None:
        """Let all end, and whoever asks know why."""
        self.by_user = True
        self.set()


class GroupTraining(Protocol):
    """A group that is being trained."""

    @property
    def watch(self) -> Watch:
        """What watches the one of its two trainings that is under way."""

    @property
    def n_epochs(self) -> int:
        """How many epochs it has been trained for."""

    @property
    def loss_curve(self) -> list[float]:
        """Its costs so far."""

    def rows(self) -> list[dict[str, float]]:
        """What was recorded of its epochs, in both trainings."""

    def present(self) -> "FittedGroup":
        """What it predicts with, as it is."""

    def paused(self) -> "PausedTraining":
        """What it takes to go on from here."""


@dataclass
class Steering:
    """Listens to the epochs of groups, and holds what may change while they are trained.

    Parameters
    ----------
    learning_rate, weight_decay : float
        What groups are trained with from now on.
    stop : Stop
        Common to all groups; a callback that asks to stop sets it.
    events : FitEvents or None
        Of the estimator's callbacks, where there are any.
    """

    learning_rate: float
    weight_decay: float
    stop: Stop
    events: FitEvents | None = None
    # Whether the training that runs has done all that is worth it.
    is_over: Callable[[], bool] | None = None
    # Groups whose training has ended, and the one that is being trained.
    ended: list["FittedGroup"] = field(default_factory=list)
    training: GroupTraining | None = field(default=None, init=False)
    # Of the training that is under way, or was the last one.
    watch: Watch | None = field(default=None, init=False)
    _make: Callable[[], Recipe] | None = field(default=None, init=False)

    @property
    def reads_gradient_norm(self) -> bool:
        """Whether a callback wants to know the gradients' norm."""
        return self.events is not None and self.events.reads_gradient_norm

    def begin(self, make: Callable[[], Recipe]) -> Recipe:
        """The recipe of a training that begins; `make` makes it of what holds at the time."""
        self._make = make
        return make()

    def show(self, training: GroupTraining) -> None:
        """Let callbacks see the group that is being trained."""
        self.training, self.watch = training, training.watch

    def end(self, group: "FittedGroup") -> None:
        """The training of a group has ended."""
        self.ended.append(group)
        self.training = None

    def groups_now(self) -> list["FittedGroup"]:
        """All groups whose training has begun, as they are."""
        return [*self.ended, *([] if self.training is None else [self.training.present()])]

    def change(self, learning_rate: float, weight_decay: float) -> Recipe:
        """Train on with these; the recipe that holds from now on."""
        assert self._make is not None
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        return self._make()

    def epoch_begins(self) -> None:
        """Tell the callbacks that another epoch begins."""
        if self.events is not None:
            self.events.epoch_begins()

    def epoch_ends(self) -> bool:
        """Tell them that it has ended; whether to stop."""
        if self.events is not None and self.events.epoch_ends():
            self.stop.set()
        return self.stop.is_set() or (self.is_over is not None and self.is_over())

    def new_recipe(self) -> Recipe | None:
        """The recipe of parameters that a callback has set, None if none has been set."""
        return None if self.events is None else self.events.new_recipe()
