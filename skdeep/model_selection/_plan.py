"""Which candidates of a search train together.

Candidates share a stack when their last steps are skdeep estimators that differ only in what each
model may have of its own, and they share the transformers before it when those are the same. What
cannot be stacked is fitted alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import joblib
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from ..estimators._parameters import shared_parameters
from ..estimators._stack import can_stack
from ._compat import routing_enabled

FIT_PARAMETERS = {"sample_weight", "X_val", "y_val", "sample_weight_val"}


@dataclass
class StackedCandidate:
    """A candidate that can join a stack: its number, and its unfitted estimator."""

    number: int
    estimator: Any

    @property
    def model(self) -> Any:
        """The network estimator, without the transformers before it."""
        return last_step(self.estimator)


# Candidates by transformers, then by stack.
Plan = dict[Any, dict[Any, list[StackedCandidate]]]


def last_step(estimator: Any) -> Any:
    return estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator


def transformers(estimator: Any) -> Any:
    """The steps before the last as an unfitted pipeline, or None.

    They are clones, because the estimator stands for other candidates and other splits as well.
    """
    has_some = isinstance(estimator, Pipeline) and len(estimator.steps) > 1
    return clone(estimator[:-1]) if has_some else None


def make_plan(
    base_estimator: Any, candidates: Sequence[dict[str, Any]], fit_params: dict[str, Any]
) -> Plan:
    """Sort the candidates that can be stacked, keeping their order within each stack."""
    plan: Plan = {}
    for number, parameters in enumerate(candidates):
        candidate = _stackable(base_estimator, number, parameters, fit_params)
        if candidate is not None:
            groups = plan.setdefault(_transformer_key(base_estimator, parameters), {})
            groups.setdefault(_stack_key(candidate.model), []).append(candidate)
    return plan


def _stackable(
    base_estimator: Any, number: int, parameters: dict[str, Any], fit_params: dict[str, Any]
) -> StackedCandidate | None:
    """The candidate, or None where it cannot join a stack, an error of its own included."""
    try:
        estimator = clone(base_estimator).set_params(**clone(parameters, safe=False))
        model = last_step(estimator)
        if not can_stack(model) or not split_fit_params(estimator, fit_params):
            return None
        model._validate_params()
        model._check_hyperparameters()
    except Exception:
        # To be met again, and reported, where the candidate is fitted alone.
        return None
    return StackedCandidate(number, estimator)


def split_fit_params(
    estimator: Any, fit_params: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The arguments of the transformers' fit and of the model's; None where that is not known."""
    if not isinstance(estimator, Pipeline):
        return ({}, fit_params) if fit_params.keys() <= FIT_PARAMETERS else None
    if fit_params and routing_enabled():
        return None
    before: dict[str, Any] = {}
    own: dict[str, Any] = {}
    for name, value in fit_params.items():
        step, _, argument = name.partition("__")
        if step == estimator.steps[-1][0] and argument in FIT_PARAMETERS:
            own[argument] = value
        elif argument and step in estimator.named_steps and step != estimator.steps[-1][0]:
            before[name] = value
        else:
            return None
    return before, own


def _transformer_key(base_estimator: Any, parameters: dict[str, Any]) -> Any:
    if not isinstance(base_estimator, Pipeline):
        return ()
    own = base_estimator.steps[-1][0] + "__"
    return tuple(
        (name, _token(value))
        for name, value in sorted(parameters.items())
        if not name.startswith(own)
    )


def _stack_key(model: Any) -> Any:
    shared = shared_parameters(model)
    tokens = ((name, _token(value)) for name, value in sorted(shared.items()))
    return (type(model), *tokens, *model._stack_key())


def _token(value: Any) -> Any:
    """Something hashable, equal for equal values."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return (type(value), value)
    return joblib.hash(value)
