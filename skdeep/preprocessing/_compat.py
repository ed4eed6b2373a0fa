"""What the transformers take from scikit-learn beyond what the estimators do, in one place."""

from collections.abc import Sequence

from sklearn.base import BaseEstimator
from sklearn.utils.validation import _check_feature_names_in

from .._arguments import ErrorsName
from ..estimators._compat import Interval, StrOptions, validated_fit

__all__ = ["Interval", "StrOptions", "input_names", "validated_fit"]


def input_names(estimator: BaseEstimator, input_features: Sequence[str] | None) -> Sequence[object]:
    """The names of a fitted transformer's columns: those given, those of fit, or x0, x1, …"""
    with ErrorsName("input_features"):
        names: Sequence[object] = _check_feature_names_in(estimator, input_features)
        return names
