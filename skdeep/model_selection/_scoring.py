"""How the candidates of a stack are scored, in the terms of scikit-learn's searches."""

import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass
from traceback import format_exception
from typing import cast

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from .._engine.backend import Array
from .._inputs import Rows, n_rows_of
from ..estimators._base import BaseNetworkEstimator
from ..estimators._stack import Stack
from ._compat import is_accuracy_of, is_multimetric, score, scorers_by_name
from ._folds import Split
from ._plan import StackedCandidate, in_place_of_last
from ._types import ErrorScore, Outcome, Parameters, Scores

# A fitted model, or what its own fit would have raised.
End = BaseNetworkEstimator | Exception


@dataclass(frozen=True)
class Scoring:
    """How candidates are fitted and scored, in the terms of scikit-learn's searches.

    `caller` is the search where it has callbacks, and None where there are none to be told.
    """

    scorer: object
    fit_params: Parameters
    score_params: Parameters
    error_score: ErrorScore
    return_train_score: bool
    verbose: int
    caller: BaseEstimator | None = None


def score_stack(
    stack: Stack,
    ends: Sequence[End],
    candidates: Sequence[StackedCandidate],
    split: Split,
    scoring: Scoring,
    fit_seconds: float,
) -> list[Outcome]:
    """What the candidates of a trained stack have come to."""
    start = time.perf_counter()
    models = [end for end in ends if not isinstance(end, Exception)]
    foreseen = split.untouched is None
    if foreseen:
        _foresee(stack, models, split.X_test)
    outcomes = []
    for candidate, end in zip(candidates, ends, strict=True):
        if isinstance(end, Exception):
            outcomes.append(_failure(end, scoring))
        else:
            outcomes.append(_test_scores(candidate, end, split, scoring))
    if scoring.return_train_score:
        if foreseen:
            _foresee(stack, models, split.X_scored)
        for candidate, end, outcome in zip(candidates, ends, outcomes, strict=True):
            if not isinstance(end, Exception):
                outcome["train_scores"] = _train_scores(candidate, end, split, scoring)
    seconds = time.perf_counter() - start
    for outcome in outcomes:
        outcome["fit_time"] = fit_seconds / len(candidates)
        outcome["score_time"] = seconds / len(candidates)
        outcome["n_test_samples"] = n_rows_of(split.X_test)
    return outcomes


def _foresee(stack: Stack, models: Sequence[BaseNetworkEstimator], X: Rows) -> None:
    """Predict for all models at once, where memory allows; each predicts for itself otherwise."""
    try:
        stack.foresee(models, X)
    except MemoryError:
        return


def _failure(error: Exception, scoring: Scoring) -> Outcome:
    if scoring.error_score == "raise":
        raise error
    scores: Scores = cast(float, scoring.error_score)
    if is_multimetric(scoring.scorer):
        names = cast(dict[str, object], scorers_by_name(scoring.scorer))
        scores = dict.fromkeys(names, cast(float, scoring.error_score))
    outcome: Outcome = {"fit_error": "".join(format_exception(error)), "test_scores": scores}
    if scoring.return_train_score:
        outcome["train_scores"] = copy.copy(scores)
    return outcome


def _test_scores(
    candidate: StackedCandidate, model: BaseNetworkEstimator, split: Split, scoring: Scoring
) -> Outcome:
    X = split.X_test if split.untouched is None else copy.deepcopy(split.untouched[1])
    estimator = _assembled(candidate, model, split)
    scores = _score(estimator, X, split.y_test, split.test_score_params, scoring)
    return {"fit_error": None, "test_scores": scores}


def _train_scores(
    candidate: StackedCandidate, model: BaseNetworkEstimator, split: Split, scoring: Scoring
) -> Scores:
    X = split.X_scored if split.untouched is None else copy.deepcopy(split.untouched[0])
    estimator = _assembled(candidate, model, split)
    return _score(estimator, X, split.y_scored, split.train_score_params, scoring)


def _score(
    estimator: BaseEstimator,
    X: Rows,
    y: ArrayLike | None,
    params: Parameters,
    scoring: Scoring,
) -> Scores:
    scorer = scoring.scorer
    plain = isinstance(y, np.ndarray) and y.ndim == 1 and y.dtype.kind in "biuU"
    if plain and is_accuracy_of(scorer, estimator) and params.keys() <= {"sample_weight"}:
        scorer = _accuracy
    scores: Scores = score(estimator, X, y, scorer, params, scoring.error_score)
    return scores


def _accuracy(model: BaseEstimator, X: Rows, y: Array, sample_weight: Array | None = None) -> float:
    """scikit-learn's accuracy, without its checks of a y that is the same for every model."""
    return float(np.average(model.predict(X) == y, weights=sample_weight))


def _assembled(
    candidate: StackedCandidate, model: BaseNetworkEstimator, split: Split
) -> BaseEstimator:
    """What is scored: the model on transformed rows, or the pipeline that the scorer asks for."""
    if split.untouched is None:
        return model
    return in_place_of_last(candidate.estimator, split.before, model)
