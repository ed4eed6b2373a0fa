"""Splits, distributions for hyperparameters, and searches whose candidates train together."""

from ._coarse_to_fine import CoarseToFineSearchCV
from ._distributions import (
    layer_sizes,
    log_uniform,
    one_minus_log_uniform,
    power_of_two,
    suggested_space,
)
from ._halving import VectorizedHalvingRandomSearchCV
from ._same_distribution import SameDistributionResult, check_same_distribution
from ._search import VectorizedGridSearchCV, VectorizedRandomizedSearchCV
from ._split import train_dev_test_split

__all__ = [
    "CoarseToFineSearchCV",
    "SameDistributionResult",
    "VectorizedGridSearchCV",
    "VectorizedHalvingRandomSearchCV",
    "VectorizedRandomizedSearchCV",
    "check_same_distribution",
    "layer_sizes",
    "log_uniform",
    "one_minus_log_uniform",
    "power_of_two",
    "suggested_space",
    "train_dev_test_split",
]
