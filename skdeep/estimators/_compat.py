"""What skdeep takes from scikit-learn beyond its documented interface, in one place.

scikit-learn's declarative parameter validation is private, but it is what its own estimators and
its check `check_param_validation` speak, and it words errors as users know them.
"""

from collections.abc import Callable
from typing import TypeVar

from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval, Options, StrOptions

Method = TypeVar("Method", bound=Callable[..., object])

__all__ = ["Interval", "Options", "StrOptions", "validated_fit"]


def validated_fit(method: Method) -> Method:
    """Decorate fit or partial_fit: check the constructor's parameters before it runs."""
    validated: Method = _fit_context(prefer_skip_nested_validation=True)(method)
    return validated
