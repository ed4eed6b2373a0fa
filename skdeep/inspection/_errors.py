"""The error of a fitted estimator on a set of rows: predictions made once, judged by any metric.

The default metrics are quotients of sums over rows, which resamples of the rows share; any other
is a black box, called for each resample.
"""

from collections.abc import Callable
from numbers import Real

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, is_classifier, is_regressor
from sklearn.metrics import get_scorer, get_scorer_names
from sklearn.utils import Tags
from sklearn.utils.metaestimators import available_if

from .._arguments import ErrorsName
from .._engine.backend import Array
from .._inputs import Rows, check_at_hand, check_labels, dense, n_rows_of
from ..estimators._validation import checked_weights
from ._bootstrap import resampled_errors, resampled_sums

Metric = Callable[..., float] | str | None
# Draws so many resamples and gives their errors.
Resampler = Callable[[int, np.random.RandomState], Array]
# What an estimator answers: one array, or of several outputs a list of them.
Answers = Array | list[Array]


class Predictions(BaseEstimator):
    """A fitted estimator's answers for given rows; scorers ask for them by the rows' numbers."""

    def __init__(
        self, estimator: BaseEstimator, X: Rows, y: Array, weights: Array | None, part: str
    ) -> None:
        self._estimator, self._X, self.y, self.weights = estimator, X, y, weights
        self.part = part
        self._answers: dict[str, Answers] = {}

    def _answer(self, method: str, rows: Array) -> Answers:
        if method not in self._answers:
            with ErrorsName(f"X_{self.part}"):
                answer = getattr(self._estimator, method)(self._X)
            self._answers[method] = answer.toarray() if scipy.sparse.issparse(answer) else answer
        answers = self._answers[method]
        if isinstance(answers, list):  # one array per output
            return [answer[rows] for answer in answers]
        return np.asarray(answers)[rows]

    def predict(self, rows: Array) -> Answers:
        return self._answer("predict", rows)

    @available_if(lambda self: hasattr(self._estimator, "predict_proba"))
    def predict_proba(self, rows: Array) -> Answers:
        return self._answer("predict_proba", rows)

    @available_if(lambda self: hasattr(self._estimator, "decision_function"))
    def decision_function(self, rows: Array) -> Answers:
        return self._answer("decision_function", rows)

    def __sklearn_tags__(self) -> Tags:
        return self._estimator.__sklearn_tags__()

    @property
    def classes_(self) -> Answers:
        classes: Answers = self._estimator.classes_
        return classes

    @property
    def n_rows(self) -> int:
        return int(self.y.shape[0])

    def weighted(self, rows: Array) -> dict[str, Array]:
        return {} if self.weights is None else {"sample_weight": self.weights[rows]}


def predictions_of(
    estimator: BaseEstimator,
    X: Rows,
    y: ArrayLike,
    weights: ArrayLike | None,
    part: str,
) -> Predictions:
    with ErrorsName(f"X_{part}"):
        check_at_hand(X, f"X_{part}")
        n_rows = n_rows_of(X)
    with ErrorsName(f"y_{part}"):
        check_labels(y, f"y_{part}")
        targets = dense(y)
    if targets.ndim == 0 or targets.shape[0] != n_rows:
        raise ValueError(
            f"y_{part} must have one value per row of X_{part} ({n_rows}), got shape "
            f"{targets.shape}."
        )
    if n_rows == 0:
        raise ValueError(f"X_{part} must have at least one row, got none.")
    classes = getattr(estimator, "classes_", None)
    if isinstance(classes, np.ndarray) and _kind_of(classes) != _kind_of(targets):
        raise ValueError(
            f"y_{part} must hold labels like those the estimator was fitted on, "
            f"{classes[0]!r} for instance, got {targets.flat[0]!r}."
        )
    name = "sample_weight" if part == "train" else "sample_weight_dev"
    checked = checked_weights(weights, n_rows, np.float64, name)
    return Predictions(estimator, X, targets, checked, part)


def _kind_of(labels: Array) -> str:
    """What labels are that can be equal: text, numbers, or what their dtype says."""
    kind = labels.dtype.kind
    if kind == "O":
        types = set(map(type, labels.flat))
        if all(issubclass(one, str) for one in types):
            return "text"
        return "number" if all(issubclass(one, Real) for one in types) else "objects"
    if kind in "UST":
        return "text"
    return "number" if kind in "fiub" else kind


# -------------------------------------------------------------------------------------- the metrics


def metric_name(metric: Metric, estimator: BaseEstimator) -> str:
    if metric is None:
        if is_classifier(estimator):
            return "1 - accuracy"
        if is_regressor(estimator):
            return "1 - R²"
        raise TypeError(
            f"metric must be given: {type(estimator).__name__} is neither a classifier nor a "
            "regressor."
        )
    if isinstance(metric, str):
        if metric not in get_scorer_names() or metric == "positive_likelihood_ratio":
            raise ValueError(
                "metric must be a scorer's name, one of sklearn.metrics.get_scorer_names() with a "
                f"best score of 0 or 1; got {metric!r}."
            )
        return metric.removeprefix("neg_") if metric.startswith("neg_") else f"1 - {metric}"
    if not callable(metric) or hasattr(metric, "_score_func"):
        raise TypeError(
            "metric must be a callable (y_true, y_pred) -> error, the name of a scorer or None, "
            f"got {metric!r}."
        )
    return str(getattr(metric, "__name__", type(metric).__name__))


def _targets_and_predictions(predictions: Predictions) -> tuple[Array, Array]:
    """Both of shape (n_rows, n_outputs)."""
    y = predictions.y.reshape(predictions.n_rows, -1)
    answers = np.asarray(predictions.predict(np.arange(predictions.n_rows)))
    predicted = answers.reshape(predictions.n_rows, -1)
    if y.shape != predicted.shape:
        raise ValueError(
            f"y_{predictions.part} must have as many outputs as the estimator predicts "
            f"({predicted.shape[1]}), got {y.shape[1]}."
        )
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        raise ValueError(f"y_{predictions.part} must be finite, got NaN or infinity.")
    return y, predicted


def _accuracy_terms(predictions: Predictions) -> Array:
    """Per row its weight, and its weight if it is wrong in any output."""
    y, predicted = _targets_and_predictions(predictions)
    if y.dtype.kind == "f" and (y % 1 != 0).any():
        example = y[y % 1 != 0][0]
        raise ValueError(f"y_{predictions.part} must hold class labels, got {example}.")
    wrong = (y != predicted).any(axis=1)
    weights = np.ones(wrong.size) if predictions.weights is None else predictions.weights
    return np.column_stack([weights, weights * wrong])


def _accuracy_error(sums: Array) -> Array:
    with np.errstate(invalid="ignore"):  # a resample of rows without weight
        return sums[:, 1] / sums[:, 0]


def _r2_terms(predictions: Predictions) -> Array:
    """Per row and output: the weight, and weighted the target, its square, the squared error."""
    if predictions.n_rows < 2:
        raise ValueError(
            f"metric=None, 1 - R², needs at least 2 rows, got 1 in X_{predictions.part}."
        )
    y, predicted = _targets_and_predictions(predictions)
    y = y.astype(np.float64)
    squared_error = (y - predicted) ** 2
    # About the mean, so that the variance does not drown in rounding.
    y = y - y.mean(axis=0)
    weights = np.ones(y.shape[0]) if predictions.weights is None else predictions.weights
    terms = np.stack([np.ones_like(y), y, y**2, squared_error], axis=1)
    return terms * weights[:, None, None]


def _r2_error(sums: Array) -> Array:
    """1 − R², the mean over the outputs; of a constant one, 0 or 1 as in scikit-learn."""
    weight, first, second, squared_error = np.moveaxis(sums, 1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = second - first**2 / weight
        constant = (spread <= 1e-12 * second) & (weight > 0)
        errors = np.where(constant, squared_error > 0, squared_error / spread)
    return errors.mean(axis=1)


SUMS: dict[str, tuple[Callable[[Predictions], Array], Callable[[Array], Array]]] = {
    "1 - accuracy": (_accuracy_terms, _accuracy_error),
    "1 - R²": (_r2_terms, _r2_error),
}


# ---------------------------------------------------------------------------------------- the error


def error_and_resampler(
    predictions: Predictions, metric: Metric, name: str
) -> tuple[float, Resampler]:
    """The error on all rows, and a function that gives it on resamples of them."""
    if metric is None:
        terms_of, error_from = SUMS[name]
        terms = terms_of(predictions)
        error = float(error_from(terms.sum(axis=0, keepdims=True))[0])

        def resample(n: int, rng: np.random.RandomState) -> Array:
            return error_from(resampled_sums(terms, n, rng))
    else:
        error_of = _error_function(predictions, metric)
        error = float(error_of(np.arange(predictions.n_rows)))

        def resample(n: int, rng: np.random.RandomState) -> Array:
            return resampled_errors(error_of, predictions.n_rows, n, rng)

    if not np.isfinite(error):
        raise ValueError(f"metric must be finite, got {error} for {name}.")
    return error, resample


def _error_function(
    predictions: Predictions, metric: Callable[..., float] | str
) -> Callable[[Array], float]:
    """The error as a function of row numbers."""
    if callable(metric):
        return lambda rows: metric(
            predictions.y[rows], predictions.predict(rows), **predictions.weighted(rows)
        )
    scorer, best = get_scorer(metric), 0.0 if metric.startswith("neg_") else 1.0
    return lambda rows: (
        best - scorer(predictions, rows, predictions.y[rows], **predictions.weighted(rows))
    )
