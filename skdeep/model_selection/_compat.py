"""What the searches take from scikit-learn beyond its documented interface, in one place.

They are scikit-learn's searches with another way to fit the candidates. How a single candidate is
fitted and scored, how failures are reported and how results are laid out stay scikit-learn's, which
keeps to itself the functions that do it. From scikit-learn 1.9 on a search also reports to
callbacks; `NO_CALLBACKS` stands in for what it reports to where there are none.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from inspect import signature
from typing import Any

from sklearn.base import ClassifierMixin, _fit_context
from sklearn.metrics import accuracy_score
from sklearn.metrics._scorer import _BaseScorer, _MultimetricScorer, _PassthroughScorer
from sklearn.model_selection._search import BaseSearchCV
from sklearn.model_selection._search_successive_halving import HalvingRandomSearchCV
from sklearn.model_selection._split import _yields_constant_splits
from sklearn.model_selection._validation import (
    _fit_and_score,
    _insert_error_scores,
    _score,
    _warn_or_raise_about_fit_failures,
)
from sklearn.utils.metadata_routing import _routing_enabled
from sklearn.utils.metaestimators import _safe_split
from sklearn.utils.validation import _check_method_params

from ..estimators._callbacks import HAS_CALLBACKS

__all__ = [
    "NO_CALLBACKS",
    "BaseSearchCV",
    "HalvingRandomSearchCV",
    "fit_and_score_alone",
    "insert_error_scores",
    "is_accuracy_of",
    "is_multimetric",
    "root_context",
    "routing_enabled",
    "rows_of_params",
    "run_search",
    "safe_split",
    "score",
    "scorers_by_name",
    "sees_only_predictions",
    "validated_search_fit",
    "warn_about_failures",
    "yields_constant_splits",
]

insert_error_scores = _insert_error_scores
routing_enabled = _routing_enabled
rows_of_params = _check_method_params
safe_split = _safe_split
score = _score
warn_about_failures = _warn_or_raise_about_fit_failures
yields_constant_splits = _yields_constant_splits


def validated_search_fit(method: Any) -> Any:
    """Decorate a search's fit: check its parameters, and those of the estimator when that fits."""
    return _fit_context(prefer_skip_nested_validation=False)(method)


def is_multimetric(scorer: Any) -> bool:
    return isinstance(scorer, _MultimetricScorer)


def scorers_by_name(scorer: Any) -> Any:
    """What a search's `scorer_` is: a dict of scorers where there are several."""
    return scorer._scorers if is_multimetric(scorer) else scorer


def sees_only_predictions(scorer: Any) -> bool:
    """Whether a scorer asks an estimator for predictions, or its own score, and nothing else."""
    if is_multimetric(scorer):
        return all(sees_only_predictions(one) for one in scorer._scorers.values())
    return isinstance(scorer, (_BaseScorer, _PassthroughScorer))


def is_accuracy_of(scorer: Any, model: Any) -> bool:
    """Whether a scorer is the accuracy of a classifier's predictions, and no more."""
    if isinstance(scorer, _PassthroughScorer):
        return type(model).score is ClassifierMixin.score
    # get_scorer gives a copy each time: what it is made of tells it.
    made_of = {name: getattr(scorer, name, None) for name in ("_score_func", "_sign", "_kwargs")}
    return made_of == {"_score_func": accuracy_score, "_sign": 1, "_kwargs": {}}


class _NoCallbacks:
    """A callback context to which nobody listens."""

    def subcontext(self, **_: Any) -> "_NoCallbacks":
        return self

    def call_on_fit_task_begin(self, **_: Any) -> "_NoCallbacks":
        return self

    def call_on_fit_task_end(self, **_: Any) -> bool:
        return False

    @contextmanager
    def propagate_callback_context(self, _: Any) -> Iterator[None]:
        yield


NO_CALLBACKS = _NoCallbacks()


def root_context(search: Any, max_subtasks: int) -> Any:
    """Where a search reports its beginning and its end."""
    return (
        search._init_callback_context(max_subtasks=max_subtasks) if HAS_CALLBACKS else NO_CALLBACKS
    )


def run_search(search: Any, evaluate_candidates: Any, context: Any) -> None:
    """Let the search, of scikit-learn or of a user's subclass, say which candidates to evaluate."""
    if "callback_ctx" in signature(search._run_search).parameters:
        search._run_search(evaluate_candidates, callback_ctx=context)
    else:
        search._run_search(evaluate_candidates)


def fit_and_score_alone(
    estimator: Any, X: Any, y: Any, *, caller: Any, context: Any, **kw: Any
) -> Any:
    """One candidate on one split, as scikit-learn's own searches do it."""
    if HAS_CALLBACKS:
        kw.update(caller=caller, callback_ctx=None if context is NO_CALLBACKS else context)
    return _fit_and_score(estimator, X, y, **kw)
