"""Which hyperparameters the models of a stack may have of their own.

A parameter's constraints say so where they are declared: those in a `PerModel` may differ from
model to model of one stack, all others must be equal.
"""

from collections.abc import Iterable
from numbers import Real
from typing import Any

from .._engine.losses import Loss
from ._compat import Interval


class PerModel(list[Any]):
    """Constraints of a parameter that each model of a stack may have its own value of."""


def shared_parameters(estimator: Any) -> dict[str, Any]:
    """The parameters that must be equal for estimators to train as one stack."""
    constraints = estimator._parameter_constraints
    return {
        name: value
        for name, value in estimator.get_params(deep=False).items()
        if not isinstance(constraints.get(name), PerModel)
    }


def constraints_of(losses: Iterable[type[Loss]]) -> dict[str, PerModel]:
    """The constraints of the parameters that configure these losses."""
    return {
        name: PerModel([Interval(Real, own.low, own.high, closed=own.closed)])
        for loss in losses
        for name, own in loss.parameters.items()
    }
