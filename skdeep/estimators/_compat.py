"""What skdeep takes from scikit-learn beyond its documented interface, in one place.

scikit-learn's declarative parameter validation is private, but it is what its own estimators and
its check `check_param_validation` speak, and it words errors as users know them.
"""

import math
from collections.abc import Callable
from numbers import Integral, Real
from typing import TypeVar

from sklearn.base import _fit_context
from sklearn.utils import _param_validation
from sklearn.utils._param_validation import Options, StrOptions

from .._engine.reals import real_number

Method = TypeVar("Method", bound=Callable[..., object])

__all__ = ["Interval", "Options", "StrOptions", "validated_fit"]


class Interval(_param_validation.Interval):
    """scikit-learn's interval, without integers that no float can hold among its real numbers."""

    def is_satisfied_by(self, val: object) -> bool:
        if not super().is_satisfied_by(val):
            return False
        is_large = self.type is Real and isinstance(val, Integral)
        return not (is_large and math.isnan(real_number(val)))


def validated_fit(method: Method) -> Method:
    """Decorate fit or partial_fit: check the constructor's parameters before it runs."""
    validated: Method = _fit_context(prefer_skip_nested_validation=True)(method)
    return validated
