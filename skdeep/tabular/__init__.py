"""Networks for tables: an encoding of columns, and ensembles of small networks that learn on it."""

from ._classifier import TabularMLPClassifier
from ._regressor import TabularMLPRegressor

__all__ = ["TabularMLPClassifier", "TabularMLPRegressor"]
