"""The fit of an ensemble while it runs, as callbacks see it, and what a saved one goes on from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import joblib
import numpy as np

from .._engine.records import recorded
from .._fit.watch import Watch
from ..estimators._callbacks import are_equal
from ..estimators._running import OTHER_DATA, Attributes
from ._group import FittedGroup, PausedTraining
from ._preparation import LabelledTable
from ._steering import Steering

# Makes a `PausedEnsemble` of the groups that have ended and the training that is under way.
Pause = Callable[[list[FittedGroup], PausedTraining | None], "PausedEnsemble"]

# Parameters that may be others when a saved fit goes on: a callback may set the first two anyway.
MAY_CHANGE = {"learning_rate_init", "weight_decay"}
OF_NO_CONSEQUENCE = {"n_jobs", "verbose"}


@recorded
@dataclass(frozen=True, eq=False)
class PausedEnsemble:
    """How far a fit had come when it was saved, and what tells whether another one may go on."""

    ended: list[FittedGroup]
    # None where all that there was to do had been done.
    training: PausedTraining | None
    entropy: list[list[int]]
    fingerprint: str
    parameters: Mapping[str, object]

    def check_parameters(self, now: Mapping[str, object]) -> None:
        """Raise where parameters are not those that the fit began with."""
        for name, before in self.parameters.items():
            if name not in MAY_CHANGE | OF_NO_CONSEQUENCE and not are_equal(now[name], before):
                raise ValueError(
                    f"A fit that was saved cannot go on after {name} has changed from {before!r} "
                    f"to {now[name]!r}. Clone the estimator to start anew."
                )

    def check_data(self, fingerprint: Callable[[], str]) -> None:
        """Raise where data are not those that the fit began with."""
        if fingerprint() != self.fingerprint:
            raise ValueError(OTHER_DATA)


def fingerprint_of(table: LabelledTable, given: LabelledTable | None) -> str:
    """What tells these rows, targets and weights from others."""
    parts: list[object] = []
    for one in (table, given):
        if one is not None:
            arrays = (one.raw.numbers, one.raw.codes, one.targets, one.weights, one.sample_weight)
            # How they lie in memory is nothing.
            parts += [None if array is None else np.ascontiguousarray(array) for array in arrays]
    return str(joblib.hash(parts))


@dataclass(frozen=True, eq=False)
class RunningEnsemble:
    """What callbacks can ask of the fit of an ensemble.

    Parameters
    ----------
    steering : Steering
        Of all groups, one after the other.
    pause : Pause
        What makes that which is saved.
    attributes : callable
        Gives the attributes with which a copy predicts by the members as they are.
    """

    steering: Steering
    pause: Pause
    attributes: Callable[[], Attributes]

    @property
    def watch(self) -> Watch:
        watch = self.steering.watch
        assert watch is not None
        return watch

    @property
    def n_epochs(self) -> int:
        present = self.steering.training
        n_before = sum(group.n_epochs for group in self.steering.ended)
        return n_before + (0 if present is None else present.n_epochs)

    @property
    def loss_curve(self) -> list[float]:
        """Of the group that is being trained, in both of its trainings."""
        present = self.steering.training
        return self.steering.ended[-1].curves.loss if present is None else present.loss_curve

    @property
    def last_row(self) -> dict[str, float]:
        group, curves = len(self.steering.ended), self.watch.curves
        own = curves.row(len(curves.loss) - 1)
        return {"epoch": self.n_epochs - 1, "group": group, **own}

    @property
    def history(self) -> list[dict[str, float]]:
        of_groups = [group.curves.rows() for group in self.steering.ended]
        if self.steering.training is not None:
            of_groups.append(self.steering.training.rows())
        rows = [{"group": number, **row} for number, own in enumerate(of_groups) for row in own]
        return [{"epoch": epoch, **row} for epoch, row in enumerate(rows)]

    @property
    def has_ended(self) -> bool:
        return self.steering.training is None

    @property
    def can_be_saved(self) -> bool:
        # Ctrl-C leaves groups as they were in their best epoch: training cannot go on from there.
        watch = self.steering.watch
        has_diverged = watch is not None and watch.diverged
        return not (has_diverged or self.steering.stop.by_user)

    def saved_attributes(self) -> Attributes:
        present = self.steering.training
        training = None if present is None else present.paused()
        return {
            **self.attributes(),
            "_paused": self.pause(list(self.steering.ended), training),
        }


def pause_with(
    entropy: list[list[int]], fingerprint: Callable[[], str], parameters: Mapping[str, object]
) -> Pause:
    """What makes a `PausedEnsemble`; the data are hashed once, if at all."""
    known: list[str] = []

    def pause(ended: list[FittedGroup], training: PausedTraining | None) -> PausedEnsemble:
        if not known:
            known.append(fingerprint())
        return PausedEnsemble(ended, training, entropy, known[0], parameters)

    return pause
