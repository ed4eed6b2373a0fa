"""Figures of estimators, training and searches, in scikit-learn's convention for displays.

A display is made of data, by its class methods from an estimator; `plot` draws it and keeps what
it has drawn as attributes. matplotlib is imported when something is drawn, not before.
"""

from ._activation import ActivationDisplay
from ._bias_variance import BiasVarianceDisplay
from ._learning_rate import LearningRateDisplay
from ._loss_curve import LossCurveDisplay
from ._search import SearchDisplay
from ._weights import WeightsDisplay

__all__ = [
    "ActivationDisplay",
    "BiasVarianceDisplay",
    "LearningRateDisplay",
    "LossCurveDisplay",
    "SearchDisplay",
    "WeightsDisplay",
]
