"""The step sizes of a fit, asked for at each epoch or step: of one model, or of each of several.

A callback may change a rate while a fit runs, and a user's schedule may raise: both are seen here,
and nothing that trains needs to be bound anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .._engine.backend import Array, Number
from .._engine.errors import own_errors
from .._engine.population import PARAMETER_AXES, combine_values
from .._engine.schedules import Schedule
from .._engine.training import RateSchedule

if TYPE_CHECKING:
    from .fit import Model


@dataclass(frozen=True)
class OwnSchedule:
    """A schedule, maybe a user's function, whose errors are its model's own."""

    schedule: Schedule

    @property
    def changes_by_step(self) -> bool:
        return self.schedule.changes_by_step

    def factor(self, epoch: int, rows_seen: int, part_of_epoch: float = 0.0) -> float:
        """The schedule's factor."""
        with own_errors(Exception):
            return self.schedule.factor(epoch, rows_seen, part_of_epoch)


class PresentRate:
    """The step size of one model by the rate that its recipe has at the time."""

    def __init__(self, model: "Model", schedule: RateSchedule) -> None:
        self._model, self._schedule = model, schedule
        self.changes_by_step = schedule.changes_by_step

    def factor(self, epoch: int, rows_seen: int, part_of_epoch: float = 0.0) -> Number:
        """The rate times the schedule's factor."""
        rate = self._model.recipe.learning_rate
        assert rate is not None
        return rate * self._schedule.factor(epoch, rows_seen, part_of_epoch)


class DecaysOfModels:
    """What decoupled decay is multiplied by beside the rate, each model's by its own schedule."""

    def __init__(self, models: Sequence["Model"]) -> None:
        schedules = [model.recipe.decay_schedule for model in models]
        self._schedules = [schedule for schedule in schedules if schedule is not None]
        self.changes_by_step = True

    def factor(self, epoch: int, rows_seen: int, part_of_epoch: float = 0.0) -> Number:
        """One factor if all are the same, else of shape (K, 1)."""
        factors = [one.factor(epoch, rows_seen, part_of_epoch) for one in self._schedules]
        together: Number = combine_values(factors, PARAMETER_AXES)
        return together


class RatesOfModels:
    """The step sizes of several models; a user's schedule that raises ends its model."""

    def __init__(self, models: Sequence["Model"]) -> None:
        self._models = models
        self.changes_by_step = models[0].recipe.schedule.changes_by_step

    def factor(self, epoch: int, rows_seen: int, part_of_epoch: float = 0.0) -> Array:
        """Rates of shape (K, 1); zero for models that train no longer."""
        rates = np.zeros((len(self._models), 1))
        for row, model in enumerate(self._models):
            if model.trains_on:
                rates[row] = self._rate(model, part_of_epoch)
        return rates

    @staticmethod
    def _rate(model: "Model", part_of_epoch: float) -> float:
        try:
            return model.recipe.rate_at(model.state, part_of_epoch)
        except MemoryError:
            raise
        except Exception as error:
            model.error = error
            return 0.0
