"""By which recipes a group is trained: AdamW on blocks of φ, first by coslog4, then down a line."""

from dataclasses import dataclass

import numpy as np

from .._engine.data import Rows
from .._engine.losses import Loss
from .._engine.optimizers import AdamW
from .._engine.schedules import Schedule
from .._engine.solvers import SOLVERS
from .._engine.tied import SharedWeights
from .._engine.updates import ParameterGroup
from .._fit.architecture import Architecture
from .._fit.recipe import Recipe
from ._length import batch_for, epochs_for, even_batch, refit_epochs
from ._steering import Steering

# What parts of φ learn at, beside the rate of W: the scale of the inputs fast, biases slowly.
INPUT_SCALE_RATE, BIAS_RATE = 6.0, 0.1
# One logit is the difference of the two that a softmax would have, and moves as far as both.
ONE_LOGIT_RATE = 2.0
# The rate of the second training beside that of the first.
REFIT_RATE = 0.3


@dataclass(frozen=True)
class GroupSettings:
    """How groups are trained: those of the estimator's parameters that are the same throughout."""

    hidden_layer_sizes: tuple[int, ...]
    n_members: int
    # None: by the number of rows.
    max_iter: int | None
    batch_size: int | None
    refit: bool
    verbose: bool
    loss: Loss
    # Of each output its own two classes.
    one_logit: bool
    activations: tuple[str, ...] = ()

    def epochs(self, n_rows: int) -> int:
        """The epochs of the training that looks for the best one."""
        return epochs_for(n_rows) if self.max_iter is None else self.max_iter

    def rows_per_batch(self, n_rows: int, n_all: int) -> int:
        """The batch that n_rows of n_all rows are cut into."""
        if self.batch_size is None:
            return even_batch(n_rows, batch_for(n_all))
        return min(self.batch_size, n_rows)


@dataclass(frozen=True)
class Recipes:
    """The recipes of a group's two trainings, by what holds at the time.

    `n_rows` are all rows that there are to learn from.
    """

    settings: GroupSettings
    steering: Steering
    architecture: Architecture
    tied: SharedWeights
    n_rows: int

    def first(self, rows: Rows) -> Recipe:
        """Of the training on these rows that looks for the best epoch."""
        return self._recipe(
            rows,
            learning_rate=self.steering.learning_rate,
            schedule="coslog4",
            n_epochs=self.settings.epochs(self.n_rows),
            watched=True,
        )

    def second(self, rows: Rows, best_epoch: int) -> Recipe:
        """Of the training that goes on from the best epoch."""
        return self._recipe(
            rows,
            learning_rate=self.steering.learning_rate * REFIT_RATE,
            schedule="linear",
            n_epochs=refit_epochs(best_epoch, self.settings.epochs(self.n_rows)),
            watched=False,
        )

    def _recipe(
        self, rows: Rows, *, learning_rate: float, schedule: str, n_epochs: int, watched: bool
    ) -> Recipe:
        settings = self.settings
        return Recipe(
            architecture=self.architecture,
            loss=settings.loss,
            optimizer=AdamW(beta_1=0.9, beta_2=0.95, epsilon=1e-8),
            solver=SOLVERS["adamw"],
            # The decay is not divided by the number of rows.
            alpha=self.steering.weight_decay * float(np.max(rows.total_weight)),
            l1_ratio=0.0,
            learning_rate=learning_rate,
            schedule=Schedule(schedule, decay_epochs=n_epochs),
            gradient_clip=None,
            tol=0.0,
            n_iter_no_change=np.inf,
            weight_init="auto",
            max_epochs=n_epochs,
            max_evaluations=1,
            batch_size=settings.rows_per_batch(rows.n_rows, self.n_rows),
            shuffle=True,
            augment=None,
            early_stopping=watched,
            accelerates=False,
            ftol=0.0,
            parameter_groups=self._parameter_groups(),
            decay_schedule=Schedule("flat_cosine", decay_epochs=n_epochs),
        )

    def _parameter_groups(self) -> tuple[ParameterGroup, ...]:
        """Rates and decay of the parts of φ."""
        of_output = ONE_LOGIT_RATE if self.settings.one_logit else 1.0
        groups = []
        layers = [layer.name for layer in self.architecture.network.dense_layers]
        for (layer, name), span in self.tied.layout.spans.items():
            rate = of_output if layer == layers[-1] else 1.0
            if name == "b":
                rate *= BIAS_RATE
            elif name == "a" and layer == layers[0]:
                rate *= INPUT_SCALE_RATE
            groups.append(ParameterGroup(span, rate=rate))
        return tuple(groups)
