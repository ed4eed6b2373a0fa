"""What the transformers take from scikit-learn beyond its documented interface, in one place.

Parameters are declared and checked in scikit-learn's words, and names of columns compared in them.
"""

from collections.abc import Callable
from typing import TypeVar

from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_feature_names_in as input_names

Method = TypeVar("Method", bound=Callable[..., object])

__all__ = ["Interval", "StrOptions", "input_names", "validated_fit"]


def validated_fit(method: Method) -> Method:
    """Decorate fit: check the constructor's parameters before it runs."""
    validated: Method = _fit_context(prefer_skip_nested_validation=True)(method)
    return validated
