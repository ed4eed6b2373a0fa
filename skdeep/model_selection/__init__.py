"""Searches for hyperparameters whose candidates train together."""

from ._halving import VectorizedHalvingRandomSearchCV
from ._search import VectorizedGridSearchCV, VectorizedRandomizedSearchCV

__all__ = [
    "VectorizedGridSearchCV",
    "VectorizedHalvingRandomSearchCV",
    "VectorizedRandomizedSearchCV",
]
