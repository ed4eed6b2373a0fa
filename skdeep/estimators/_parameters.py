"""Which hyperparameters the models of a stack may have of their own.

A parameter's constraints say so where they are declared: those in a `PerModel` may differ from
model to model of one stack, all others must be equal.
"""

from typing import Any


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
