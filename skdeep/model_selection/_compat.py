"""What the searches take from scikit-learn beyond its documented interface, in one place.

They are scikit-learn's searches with another way to fit the candidates. How a single candidate is
fitted and scored, how failures are reported and how results are laid out stay scikit-learn's, which
keeps to itself the functions that do it. From scikit-learn 1.9 on a search also reports to
callbacks; `NO_CALLBACKS` stands in for what it reports to where there are none.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from inspect import signature
from typing import Protocol, Self, TypeVar

from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin, _fit_context
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

from .._inputs import Rows
from ..estimators._callbacks import HAS_CALLBACKS, callbacks_of
from ._types import Outcome

__all__ = [
    "NO_CALLBACKS",
    "BaseSearchCV",
    "Context",
    "HalvingRandomSearchCV",
    "fit_and_score_alone",
    "follows_into_steps",
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


Method = TypeVar("Method", bound=Callable[..., object])


def validated_search_fit(method: Method) -> Method:
    """Decorate a search's fit: check its parameters, and those of the estimator when that fits."""
    decorated: Method = _fit_context(prefer_skip_nested_validation=False)(method)
    return decorated


def is_multimetric(scorer: object) -> bool:
    return isinstance(scorer, _MultimetricScorer)


def scorers_by_name(scorer: object) -> object:
    """What a search's `scorer_` is: a dict of scorers where there are several."""
    return scorer._scorers if isinstance(scorer, _MultimetricScorer) else scorer


def sees_only_predictions(scorer: object) -> bool:
    """Whether a scorer asks an estimator for predictions, or its own score, and nothing else."""
    if isinstance(scorer, _MultimetricScorer):
        return all(sees_only_predictions(one) for one in scorer._scorers.values())
    return isinstance(scorer, (_BaseScorer, _PassthroughScorer))


def is_accuracy_of(scorer: object, model: object) -> bool:
    """Whether a scorer is the accuracy of a classifier's predictions, and no more."""
    if isinstance(scorer, _PassthroughScorer):
        return getattr(type(model), "score", None) is ClassifierMixin.score
    # get_scorer gives a copy each time: what it is made of tells it.
    made_of = {name: getattr(scorer, name, None) for name in ("_score_func", "_sign", "_kwargs")}
    return made_of == {"_score_func": accuracy_score, "_sign": 1, "_kwargs": {}}


class Context(Protocol):
    """A task as scikit-learn's callbacks know it."""

    def subcontext(
        self,
        task_name: str = "",
        task_id: int | None = None,
        max_subtasks: int | None = 0,
        sequential_subtasks: bool = True,
    ) -> "Context": ...

    def call_on_fit_task_begin(self, *, estimator: object, **about: object) -> Self: ...

    def call_on_fit_task_end(self, *, estimator: object, **about: object) -> bool: ...

    def propagate_callback_context(self, sub_estimator: object) -> AbstractContextManager[None]: ...


class _NoCallbacks:
    """A callback context to which nobody listens."""

    def subcontext(
        self,
        task_name: str = "",
        task_id: int | None = None,
        max_subtasks: int | None = 0,
        sequential_subtasks: bool = True,
    ) -> Context:
        return self

    def call_on_fit_task_begin(self, *, estimator: object, **about: object) -> Self:
        return self

    def call_on_fit_task_end(self, *, estimator: object, **about: object) -> bool:
        return False

    @contextmanager
    def propagate_callback_context(self, sub_estimator: object) -> Iterator[None]:
        yield


NO_CALLBACKS = _NoCallbacks()


def root_context(search: BaseEstimator, max_subtasks: int) -> Context:
    """Where a search, or a pipeline, reports its beginning and its end."""
    if not HAS_CALLBACKS:
        return NO_CALLBACKS
    context: Context = search._init_callback_context(max_subtasks=max_subtasks)
    return context


def follows_into_steps(search: BaseEstimator, contexts: Sequence[Context]) -> bool:
    """Whether callbacks of a search hear of what is inside the steps of its pipelines."""
    depth = 1 + max((getattr(context, "_propagation_depth", 0) for context in contexts), default=0)
    reach = [
        callback.max_propagation_depth
        for callback in callbacks_of(search)
        if hasattr(callback, "max_propagation_depth")
    ]
    return any(one is None or depth < one for one in reach)


def run_search(
    search: BaseEstimator, evaluate_candidates: Callable[..., object], context: Context
) -> None:
    """Let the search, of scikit-learn or of a user's subclass, say which candidates to evaluate."""
    if "callback_ctx" in signature(search._run_search).parameters:
        search._run_search(evaluate_candidates, callback_ctx=context)
    else:
        search._run_search(evaluate_candidates)


def fit_and_score_alone(
    estimator: BaseEstimator,
    X: Rows,
    y: ArrayLike | None,
    *,
    caller: BaseEstimator,
    context: Context,
    **options: object,
) -> Outcome:
    """One candidate on one split, as scikit-learn's own searches do it."""
    if HAS_CALLBACKS:
        options.update(caller=caller, callback_ctx=None if context is NO_CALLBACKS else context)
    outcome: Outcome = _fit_and_score(estimator, X, y, **options)
    return outcome
