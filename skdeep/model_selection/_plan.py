"""Which candidates of a search train together.

Candidates share a stack when their last steps are skdeep estimators that differ only in what each
model may have of its own, and they share the transformers before it when those are the same. What
cannot be stacked is fitted alone.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sklearn.base import clone
from sklearn.pipeline import Pipeline

from .._fit.recipe import token
from ..estimators._callbacks import callbacks_of
from ..estimators._stack import fit_key
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


def is_pipeline(estimator: Any) -> bool:
    """Whether an estimator is scikit-learn's Pipeline; a subclass may do other things in `fit`."""
    return type(estimator) is Pipeline


def last_step(estimator: Any) -> Any:
    return estimator.steps[-1][1] if is_pipeline(estimator) else estimator


def transformers(estimator: Any) -> Any:
    """The steps before the last as an unfitted pipeline that ends in a step of nothing, or None.

    They are clones, because the estimator stands for other candidates and other splits as well. A
    pipeline's `memory` keeps all its steps but the last, which therefore is none of them.
    """
    if not is_pipeline(estimator) or len(estimator.steps) == 1:
        return None
    steps = [*estimator.steps[:-1], ("nothing", "passthrough")]
    return clone(Pipeline(steps, memory=estimator.memory, verbose=estimator.verbose))


def in_place_of_last(estimator: Any, before: Any, model: Any) -> Any:
    """The pipeline that an estimator is, with fitted steps: `before`'s, then the model."""
    pipeline = copy.copy(estimator)
    pipeline.steps = [*before.steps[:-1], (estimator.steps[-1][0], model)]
    return pipeline


def make_plan(
    base_estimator: Any, candidates: Sequence[dict[str, Any]], fit_params: dict[str, Any]
) -> Plan:
    """Sort the candidates that can be stacked, keeping their order within each stack."""
    plan: Plan = {}
    for number, parameters in enumerate(candidates):
        found = _stackable(base_estimator, number, parameters, fit_params)
        if found is not None:
            key, candidate = found
            groups = plan.setdefault(_transformer_key(base_estimator, parameters), {})
            groups.setdefault(key, []).append(candidate)
    return plan


def _stackable(
    base_estimator: Any, number: int, parameters: dict[str, Any], fit_params: dict[str, Any]
) -> tuple[Any, StackedCandidate] | None:
    """The key of the stacks it can join, and the candidate.

    None where it cannot join any, an error of its own included.
    """
    try:
        estimator = clone(base_estimator).set_params(**clone(parameters, safe=False))
        model = last_step(estimator)
        if not _takes_part(estimator, fit_params):
            return None
        key = fit_key(model)
        return None if key is None else (key, StackedCandidate(number, estimator))
    except Exception:
        # To be met again, and reported, where the candidate is fitted alone.
        return None


def _takes_part(estimator: Any, fit_params: dict[str, Any]) -> bool:
    """Whether what is around the model can be done for all candidates of a stack at once."""
    if split_fit_params(estimator, fit_params) is None:
        return False
    if not is_pipeline(estimator):
        return True
    listeners = [estimator, *(step for _, step in estimator.steps)]
    has_callbacks = any(map(callbacks_of, listeners))
    return estimator.transform_input is None and not has_callbacks


def split_fit_params(
    estimator: Any, fit_params: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The arguments of the transformers' fit and of the model's; None where that is not known."""
    if not is_pipeline(estimator):
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
    if not is_pipeline(base_estimator):
        return ()
    last = base_estimator.steps[-1][0]
    return tuple(
        (name, token(value))
        for name, value in sorted(parameters.items())
        if name.partition("__")[0] != last
    )
