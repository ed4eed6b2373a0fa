"""What the transformers take from scikit-learn beyond what the estimators do, in one place."""

from sklearn.utils.validation import _check_feature_names_in as input_names

from ..estimators._compat import Interval, StrOptions, validated_fit

__all__ = ["Interval", "StrOptions", "input_names", "validated_fit"]
