"""Which candidates of a search train together.

Candidates share a stack when their last steps are skdeep estimators that differ only in what each
model may have of its own, and they share the transformers before it when those are the same. What
cannot be stacked is fitted alone, and the plan says why.
"""

import copy
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline

from .._fit.recipe import token
from .._inputs import Rows
from ..estimators._base import BaseNetworkEstimator
from ..estimators._callbacks import callbacks_of
from ..tabular._base import BaseTabularMLP
from ._compat import routing_enabled
from ._families import Family, family_of
from ._types import Parameters

FIT_PARAMETERS = {"sample_weight", "X_val", "y_val", "sample_weight_val"}


@dataclass(frozen=True)
class StackedCandidate:
    """A candidate that can join a stack: its number, and its unfitted estimator."""

    number: int
    estimator: BaseEstimator

    @property
    def model(self) -> BaseNetworkEstimator:
        """The network estimator, without the transformers before it."""
        return last_step(self.estimator)

    @property
    def family(self) -> Family:
        return family_of(self.model)


@dataclass
class Plan:
    """Candidates by transformers, then by stack; of the others the reason, by their number."""

    settings: dict[Hashable, dict[Hashable, list[StackedCandidate]]] = field(default_factory=dict)
    alone: dict[int, str] = field(default_factory=dict)

    def add(self, transformers: Hashable, stack: Hashable, candidate: StackedCandidate) -> None:
        self.settings.setdefault(transformers, {}).setdefault(stack, []).append(candidate)

    def without(self, unfit: Callable[[StackedCandidate], bool], reason: str) -> "Plan":
        """The same, those candidates alone of which this is true."""
        kept = Plan(alone=dict(self.alone))
        for transformers, groups in self.settings.items():
            for key, group in groups.items():
                for one in group:
                    if unfit(one):
                        kept.alone[one.number] = reason
                    else:
                        kept.add(transformers, key, one)
        return kept


class CannotBeStacked(ValueError):
    """Raised where a candidate cannot join a stack, whatever the others are; says why."""


def is_pipeline(estimator: object) -> bool:
    """Whether an estimator is a Pipeline that we know; others may do other things in `fit`."""
    return type(estimator) is Pipeline or can_resample(estimator)


def can_resample(estimator: object) -> bool:
    """Whether it is imbalanced-learn's Pipeline, whose samplers change the rows to be fitted."""
    kind = type(estimator)
    return (kind.__module__, kind.__name__) == ("imblearn.pipeline", "Pipeline")


def last_step(estimator: BaseEstimator) -> BaseEstimator:
    return estimator.steps[-1][1] if is_pipeline(estimator) else estimator


def transformers(estimator: BaseEstimator) -> Pipeline | None:
    """The steps before the last as an unfitted pipeline that ends in a step of nothing, or None.

    They are clones, because the estimator stands for other candidates and other splits as well. A
    pipeline's `memory` keeps all its steps but the last, which therefore is none of them.
    """
    if not is_pipeline(estimator) or len(estimator.steps) == 1:
        return None
    last = NoChange() if can_resample(estimator) else "passthrough"
    steps = [*estimator.steps[:-1], ("nothing", last)]
    return clone(type(estimator)(steps, memory=estimator.memory, verbose=estimator.verbose))


class NoChange(BaseEstimator):
    """A last step that gives the rows and the targets as they come to it."""

    def fit(self, X: Rows, y: ArrayLike | None = None) -> Self:
        return self

    def fit_resample(self, X: Rows, y: ArrayLike | None) -> tuple[Rows, ArrayLike | None]:
        return X, y

    def transform(self, X: Rows) -> Rows:
        return X

    def __sklearn_is_fitted__(self) -> bool:
        return True


def fit_steps(
    before: Pipeline, X: Rows, y: ArrayLike | None, params: Parameters
) -> tuple[Rows, ArrayLike | None]:
    """The rows and the targets that the last step is fitted on; samplers make others of them."""
    if can_resample(before):
        found: tuple[Rows, ArrayLike | None] = before.fit_resample(X, y)
        return found
    return before.fit_transform(X, y, **params), y


def in_place_of_last(
    estimator: BaseEstimator, before: Pipeline | None, model: BaseEstimator
) -> BaseEstimator:
    """An estimator with what is fitted: the model, in a pipeline after the steps of `before`."""
    if not is_pipeline(estimator):
        return model
    pipeline = copy.copy(estimator)
    fitted = [] if before is None else before.steps[:-1]
    pipeline.steps = [*fitted, (estimator.steps[-1][0], model)]
    return pipeline


def make_plan(
    base_estimator: BaseEstimator, candidates: Sequence[Parameters], fit_params: Parameters
) -> Plan:
    """Sort the candidates that can be stacked, keeping their order within each stack."""
    plan = Plan()
    for number, parameters in enumerate(candidates):
        try:
            key, candidate = _stackable(base_estimator, number, parameters, fit_params)
        except CannotBeStacked as reason:
            plan.alone[number] = str(reason)
        else:
            plan.add(_transformer_key(base_estimator, parameters), key, candidate)
    return plan


def with_parameters(base_estimator: BaseEstimator, parameters: Parameters) -> BaseEstimator:
    """An unfitted estimator with a candidate's parameters."""
    return clone(base_estimator).set_params(**clone(parameters, safe=False))


def n_epochs_of(base_estimator: BaseEstimator, parameters: Parameters, n_rows: int) -> int:
    """How many epochs a candidate may train for; a fit that has none of ours counts as one."""
    try:
        model = last_step(with_parameters(base_estimator, parameters))
        if not isinstance(model, (BaseNetworkEstimator, BaseTabularMLP)):
            return 1
        return max(1, family_of(model).n_epochs(model, n_rows))
    except Exception:
        # Invalid parameters are told of where the candidate is fitted.
        return 1


def with_epochs(candidate: StackedCandidate, number: int, n_epochs: int) -> StackedCandidate:
    """The same candidate under another number, for so many epochs: all else is as it was."""
    model = copy.copy(candidate.model)
    model.max_iter = n_epochs
    estimator = candidate.estimator
    if is_pipeline(estimator):
        estimator = copy.copy(estimator)
        estimator.steps = [*estimator.steps[:-1], (estimator.steps[-1][0], model)]
        return StackedCandidate(number, estimator)
    return StackedCandidate(number, model)


def _stackable(
    base_estimator: BaseEstimator, number: int, parameters: Parameters, fit_params: Parameters
) -> tuple[Hashable, StackedCandidate]:
    """The key of the stacks that a candidate can join, and the candidate."""
    try:
        estimator = with_parameters(base_estimator, parameters)
    except Exception as error:
        # A user's class may raise anything. It is met again where the candidate is fitted alone.
        raise CannotBeStacked("its parameters cannot be set") from error
    _check_what_is_around(estimator, fit_params)
    model = last_step(estimator)
    family = family_of(model)
    reason = family.why_alone(model)
    if reason is not None:
        raise CannotBeStacked(reason)
    try:
        return family.fit_key(model), StackedCandidate(number, estimator)
    except (TypeError, ValueError, OverflowError) as error:
        raise CannotBeStacked("its parameters are not what they have to be") from error


def _check_what_is_around(estimator: BaseEstimator, fit_params: Parameters) -> None:
    """Raise where what is around the model cannot be done for all candidates at once."""
    if not is_pipeline(estimator):
        if split_fit_params(estimator, fit_params) is None:
            raise CannotBeStacked("fit has arguments that are none of skdeep's")
        return
    if split_fit_params(estimator, fit_params) is None:
        raise CannotBeStacked("fit has arguments that the pipeline routes")
    if can_resample(estimator) and fit_params:
        raise CannotBeStacked("fit has arguments, and its pipeline may have samplers")
    if estimator.transform_input is not None:
        raise CannotBeStacked("its pipeline has transform_input")
    if any(map(callbacks_of, [estimator, *(step for _, step in estimator.steps)])):
        raise CannotBeStacked("it has callbacks of its own")


def split_fit_params(
    estimator: BaseEstimator, fit_params: Parameters
) -> tuple[Parameters, Parameters] | None:
    """The arguments of the transformers' fit and of the model's; None where that is not known."""
    if not is_pipeline(estimator):
        return ({}, fit_params) if fit_params.keys() <= FIT_PARAMETERS else None
    if fit_params and routing_enabled():
        return None
    before: Parameters = {}
    own: Parameters = {}
    for name, value in fit_params.items():
        step, _, argument = name.partition("__")
        if step == estimator.steps[-1][0] and argument in FIT_PARAMETERS:
            own[argument] = value
        elif argument and step in estimator.named_steps and step != estimator.steps[-1][0]:
            before[name] = value
        else:
            return None
    return before, own


def _transformer_key(base_estimator: BaseEstimator, parameters: Mapping[str, object]) -> Hashable:
    if not is_pipeline(base_estimator):
        return ()
    last = base_estimator.steps[-1][0]
    return tuple(
        (name, token(value))
        for name, value in sorted(parameters.items())
        if name.partition("__")[0] != last
    )
