"""The estimators: they hold no formula, only which network, which objective and which solver."""

from ._linear import LogisticRegressionGD, SoftmaxClassifier
from ._mlp import DeepMLPClassifier, DeepMLPRegressor

__all__ = [
    "DeepMLPClassifier",
    "DeepMLPRegressor",
    "LogisticRegressionGD",
    "SoftmaxClassifier",
]
