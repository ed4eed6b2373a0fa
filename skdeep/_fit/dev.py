"""The dev set: rows that are watched while a model trains, and learnt from by none.

Each model of a fit may have dev rows of its own: they are those of which its column of the weights
is positive. All are predicted together; what a model makes of its own is its loss and score.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .._engine.backend import Array, Matrix
from .._engine.data import Encode
from .._engine.errors import own_errors
from .._engine.links import Link
from .._engine.losses import Loss
from .._engine.network import Network
from .._engine.objective import evaluate_loss, predict_logits

# So many raw outputs of all models are evaluated at once: it takes some copies of them, and where
# there are more it is no quicker than one model after the other.
AT_ONCE = 2**17
# Of raw outputs for a model's dev rows; None stands for minus the loss.
Score = Callable[[Array], float]


@dataclass(frozen=True)
class SharedScore:
    """A score that is one function for all models which are watched on the same rows.

    From raw outputs of shape (*M, n, n_out) `of_models` makes scores of shape M.
    """

    of_models: Callable[[Array], Array]

    def __call__(self, logits: Array) -> float:
        return float(self.of_models(logits))


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

    def is_evaluated_at_once(self, logits: Array) -> bool:
        """Whether all models are watched on the same rows, and these are few."""
        is_shared = self.sample_weight is None or self.sample_weight.ndim == 1
        return is_shared and logits.size <= AT_ONCE

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
        return of_all if self.rows is None else of_all[..., self.rows, :]

    def evaluate(self, loss: Loss, logits: Array, score: Score | None) -> tuple[float, float]:
        """Loss and score of one model's raw outputs for these rows."""
        return self.evaluate_several(loss, logits[np.newaxis], [score]).of_row(0, score)

    def evaluate_several(
        self, loss: Loss, logits: Array, scores: Sequence[Score | None]
    ) -> "Evaluations":
        """What raw outputs for these rows come to, of shape (K, n, n_out)."""
        losses, weights = evaluate_loss(loss, logits.copy(), self.targets), self.cost_weights
        if weights is not None:
            # As for a row without weight: of a class without weight, too.
            losses = np.where(weights > 0, losses, 0)
        predictions = loss.link.inverse(logits.copy())
        finite = [np.isfinite(values).all(axis=(-2, -1)) for values in (logits, predictions)]
        shared = [one for one in scores if isinstance(one, SharedScore)]
        return Evaluations(
            logits,
            np.average(losses, axis=-1, weights=weights),
            np.asarray(finite[0] & finite[1]),
            shared[0].of_models(logits) if shared else None,
        )


@dataclass(frozen=True)
class Evaluations:
    """What several models come to on the dev rows that all of them are watched on."""

    logits: Array
    losses: Array
    # Outputs and predictions that are not finite have no score.
    can_be_scored: Array
    shared_scores: Array | None

    def of_row(self, row: int, score: Score | None) -> tuple[float, float]:
        """The loss of the model in this row, and its score."""
        loss = float(self.losses[row])
        if not self.can_be_scored[row]:
            return loss, math.nan
        if score is None:
            return loss, -loss
        if self.shared_scores is not None and isinstance(score, SharedScore):
            return loss, float(self.shared_scores[row])
        with own_errors(Exception):
            return loss, float(score(self.logits[row]))


def mean_of_predictions(link: Link, logits: Array) -> Array:
    """Raw outputs that stand for the mean of several models' predictions, their axis the first."""
    return link.raw(link.inverse(logits.copy()).mean(axis=0))
