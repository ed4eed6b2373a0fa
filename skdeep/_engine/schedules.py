"""Learning-rate schedules: the factor on `learning_rate_init` during an epoch, counted from 0.

The formulas are the course's (II 2.6), scikit-learn's invscaling, and the cosine. "adaptive" is a
constant here: the loop lowers it when progress stalls.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import Any

DECAY_RATES = {"inverse_time": 1.0, "exponential": 0.95, "step": 0.5}


def _constant(epoch: int, schedule: "Schedule") -> float:
    return 1.0


def _inverse_time(epoch: int, schedule: "Schedule") -> float:
    return 1 / (1 + schedule.decay_rate * epoch)


def _sqrt(epoch: int, schedule: "Schedule") -> float:
    return (epoch + 1) ** -0.5


def _exponential(epoch: int, schedule: "Schedule") -> float:
    return schedule.decay_rate**epoch


def _step(epoch: int, schedule: "Schedule") -> float:
    return schedule.decay_rate ** (epoch // schedule.decay_epochs)


def _cosine(epoch: int, schedule: "Schedule") -> float:
    """From 1 down to 0 over `decay_epochs` epochs; the last epoch still moves."""
    return (1 + math.cos(math.pi * min(epoch / schedule.decay_epochs, 1))) / 2


SCHEDULES: dict[str, Callable[[int, Any], float]] = {
    "constant": _constant,
    "invscaling": _constant,
    "adaptive": _constant,
    "inverse_time": _inverse_time,
    "sqrt": _sqrt,
    "exponential": _exponential,
    "step": _step,
    "cosine": _cosine,
}


@dataclass(frozen=True)
class Schedule:
    """A schedule with its parameters; call it with the epoch and the rows seen before it."""

    name: str | Callable[[int], float] = "constant"
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
        return cls(
            name,
            decay_rate=DECAY_RATES.get(key, 1.0) if decay_rate is None else decay_rate,
            decay_epochs=(max_iter if key == "cosine" else 10)
            if decay_epochs is None
            else decay_epochs,
            power_t=power_t,
        )

    @property
    def is_adaptive(self) -> bool:
        return self.name == "adaptive"

    def factor(self, epoch: int, rows_seen: int) -> float:
        if self.name == "invscaling":
            # scikit-learn's clock: training rows seen, not steps or epochs.
            return (rows_seen + 1) ** -self.power_t
        if isinstance(self.name, str):
            return SCHEDULES[self.name](epoch, self)
        factor: Any = self.name(epoch)
        if not (isinstance(factor, Real) and 0 <= float(factor) < math.inf):
            raise ValueError(
                "learning_rate, a callable, must return a finite factor >= 0 for every epoch; "
                f"got {factor!r} for epoch {epoch}."
            )
        return float(factor)
