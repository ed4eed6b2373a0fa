"""Learning-rate schedules: the factor on `learning_rate_init` during an epoch, counted from 0.

The formulas are the course's (II 2.6), scikit-learn's invscaling, the cosine, and three that change
from step to step. "adaptive" is a constant here: the loop lowers it when progress stalls.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from .reals import real_number

DECAY_RATES = {"inverse_time": 1.0, "exponential": 0.95, "step": 0.5}


def _constant(epoch: float, schedule: "Schedule") -> float:
    return 1.0


def _inverse_time(epoch: float, schedule: "Schedule") -> float:
    return 1 / (1 + schedule.decay_rate * epoch)


def _sqrt(epoch: float, schedule: "Schedule") -> float:
    return float((epoch + 1) ** -0.5)


def _exponential(epoch: float, schedule: "Schedule") -> float:
    return float(schedule.decay_rate**epoch)


def _step(epoch: float, schedule: "Schedule") -> float:
    return float(schedule.decay_rate ** (epoch // schedule.decay_epochs))


def _cosine(epoch: float, schedule: "Schedule") -> float:
    """From 1 down to 0 over `decay_epochs` epochs; the last epoch still moves."""
    return (1 + math.cos(math.pi * min(epoch / schedule.decay_epochs, 1))) / 2


def _linear(epoch: float, schedule: "Schedule") -> float:
    """From 1 straight down to 0."""
    return 1 - min(epoch / schedule.decay_epochs, 1)


def _flat_cosine(epoch: float, schedule: "Schedule") -> float:
    """1 for the first half, then down to 0 along a cosine."""
    past_half = max(2 * min(epoch / schedule.decay_epochs, 1) - 1, 0)
    return (1 + math.cos(math.pi * past_half)) / 2


def _coslog4(epoch: float, schedule: "Schedule") -> float:
    """From 0 up and down again four times, each time for twice as long as the time before."""
    done = min(epoch / schedule.decay_epochs, 1)
    return (1 - math.cos(2 * math.pi * math.log2(1 + 15 * done))) / 2


@dataclass(frozen=True)
class Rule:
    """A schedule's formula, (epoch, schedule) → factor, and what a loop has to know of it.

    One that `changes_by_step` is asked before each step, with the epoch as a fraction; one that
    `has_end` comes down over a number of epochs that is known when it starts.
    """

    formula: Callable[[float, "Schedule"], float]
    changes_by_step: bool = False
    has_end: bool = False


SCHEDULES: dict[str, Rule] = {
    "constant": Rule(_constant),
    "invscaling": Rule(_constant),
    "adaptive": Rule(_constant),
    "inverse_time": Rule(_inverse_time),
    "sqrt": Rule(_sqrt),
    "exponential": Rule(_exponential),
    "step": Rule(_step),
    "cosine": Rule(_cosine, has_end=True),
    "linear": Rule(_linear, changes_by_step=True, has_end=True),
    "flat_cosine": Rule(_flat_cosine, changes_by_step=True, has_end=True),
    # Epoch by epoch it would stand still in the first, and skip most of its first two arches.
    "coslog4": Rule(_coslog4, changes_by_step=True, has_end=True),
}


def ends_with_training(name: object, decay_epochs: int | None) -> bool:
    """Whether a schedule of this name comes down over as many epochs as there are."""
    return isinstance(name, str) and SCHEDULES[name].has_end and decay_epochs is None


@dataclass(frozen=True)
class Schedule:
    """A schedule with its parameters; call it with the epoch and the rows seen before it."""

    name: str | Rule | Callable[[int], float] = "constant"
    decay_rate: float = 1.0
    decay_epochs: int = 1
    power_t: float = 0.5

    @classmethod
    def of(
        cls,
        name: str | Callable[[int], float],
        *,
        decay_rate: float | None,
        decay_epochs: int | None,
        power_t: float,
        max_iter: int,
    ) -> "Schedule":
        """The schedule, with its own defaults where decay_rate or decay_epochs is None."""
        key = name if isinstance(name, str) else ""
        if decay_epochs is None:
            decay_epochs = max_iter if key in SCHEDULES and SCHEDULES[key].has_end else 10
        if decay_rate is None:
            decay_rate = DECAY_RATES.get(key, 1.0)
        return cls(name, decay_rate=decay_rate, decay_epochs=decay_epochs, power_t=power_t)

    @property
    def is_adaptive(self) -> bool:
        return self.name == "adaptive"

    @property
    def rule(self) -> Rule | None:
        """The formula; None of a user's function."""
        if isinstance(self.name, str):
            return SCHEDULES[self.name]
        return self.name if isinstance(self.name, Rule) else None

    @property
    def changes_by_step(self) -> bool:
        """Whether it changes within an epoch, and has to be asked before each step."""
        return self.rule is not None and self.rule.changes_by_step

    @property
    def has_end(self) -> bool:
        """Whether it comes down to zero over `decay_epochs`."""
        return self.rule is not None and self.rule.has_end

    def factor(self, epoch: int, rows_seen: int, part_of_epoch: float = 0.0) -> float:
        """The factor once so many epochs, and a part of the one that runs, are done."""
        if self.name == "invscaling":
            # scikit-learn's clock: training rows seen, not steps or epochs.
            return float((rows_seen + 1) ** -self.power_t)
        rule, function = self.rule, self.name
        if rule is not None:
            return rule.formula(epoch + part_of_epoch if rule.changes_by_step else epoch, self)
        assert not isinstance(function, (str, Rule))
        given: object = function(epoch)
        factor = real_number(given)
        if not 0 <= factor < math.inf:
            raise ValueError(
                "learning_rate, a callable, must return a finite factor >= 0 for every epoch; "
                f"got {given!r} for epoch {epoch}."
            )
        return factor
