"""The dev set: rows that are watched while a model trains, and learnt from by none.

Each model of a fit may have dev rows of its own: they are those of which its column of the weights
is positive. All are predicted together; what a model makes of its own is its loss and score.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .._engine.backend import Array, Matrix
from .._engine.data import Encode
from .._engine.errors import own_errors
from .._engine.links import Link
from .._engine.network import Network
from .._engine.objective import evaluate_loss, predict_logits
from .recipe import Recipe

# Of raw outputs for a model's dev rows; None stands for minus the loss.
Score = Callable[[Array], float]


@dataclass
class DevSet:
    """Rows of its own, or rows of X picked by number; weights of shape (n,) or (n, K).

    Scores count rows by their weights alone; in the loss, which is to be compared with the cost of
    training, these are multiplied by the weights of the rows' classes.
    """

    x: Matrix
    y: Array
    sample_weight: Array | None
    index: Array | None
    labels: Matrix
    encode: Encode | None = None
    # Of shape (n,).
    class_weight: Array | None = None

    def predict(self, network: Network, theta: Array, statistics: Array) -> Array:
        """Raw outputs of all models for all dev rows."""
        return predict_logits(
            network, theta, statistics, self.x, index=self.index, encode=self.encode
        )

    def of_model(self, number: int) -> "DevPart":
        """The dev rows that one model is watched on."""
        weights, rows = self.sample_weight, None
        if weights is not None and weights.ndim == 2:
            weights = weights[:, number]
        if weights is not None and self.index is not None:
            weights = weights[self.index]
        if weights is not None and not weights.all():
            # A row without weight counts for nothing, whatever its loss: it may overflow.
            rows = np.flatnonzero(weights)
            weights = weights[rows]
        return DevPart(self, weights, rows)


@dataclass
class DevPart:
    """Those of the dev rows that count for a model, and their weights in scores."""

    whole: DevSet
    weights: Array | None
    rows: Array | None

    def _picked(self, values: Matrix) -> Matrix:
        if self.whole.index is not None:
            values = values[self.whole.index]
        return values if self.rows is None else values[self.rows]

    @property
    def x(self) -> Matrix:
        return self._picked(self.whole.x)

    @cached_property
    def targets(self) -> Array:
        return np.asarray(self._picked(self.whole.y))

    @cached_property
    def cost_weights(self) -> Array | None:
        """What rows count in the loss."""
        if self.whole.class_weight is None:
            return self.weights
        of_classes = np.asarray(self._picked(self.whole.class_weight))
        return of_classes if self.weights is None else of_classes * self.weights

    @property
    def labels(self) -> Matrix:
        return self._picked(self.whole.labels)

    def logits(self, of_all: Array) -> Array:
        """Raw outputs for these rows out of those for all dev rows."""
        return of_all if self.rows is None else of_all[self.rows]

    def evaluate(self, recipe: Recipe, logits: Array, score: Score | None) -> tuple[float, float]:
        """The loss, and the score, of raw outputs for these rows."""
        loss_function = recipe.loss
        losses, weights = (
            evaluate_loss(loss_function, logits.copy(), self.targets),
            self.cost_weights,
        )
        if weights is not None:
            # As for a row without weight: of a class without weight, too.
            losses = np.where(weights > 0, losses, 0)
        loss = float(np.average(losses, weights=weights))
        predictions = loss_function.link.inverse(logits.copy())
        if not (np.isfinite(logits).all() and np.isfinite(predictions).all()):
            return loss, math.nan
        if score is None:
            return loss, -loss
        with own_errors(Exception):
            return loss, float(score(logits))


def mean_of_predictions(link: Link, logits: Array) -> Array:
    """Raw outputs that stand for the mean of several models' predictions, their axis the first."""
    return link.raw(link.inverse(logits.copy()).mean(axis=0))
