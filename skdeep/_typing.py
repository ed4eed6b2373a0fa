"""Types of what is handed in from outside: rows, columns of a frame, random states, estimators.

They say what our code asks of an object and no more, so that pandas, polars and scipy.sparse need
not be imported to name them.
"""

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from ._engine.backend import Array

# What scikit-learn's `check_random_state` takes, and what a method `rvs` takes beside it.
RandomState = int | np.random.RandomState | None
AnyRandomState = RandomState | np.random.Generator


class HasShape(Protocol):
    """A sparse matrix or a frame."""

    @property
    def shape(self) -> tuple[int, ...]: ...


# Rows of features, whatever holds them.
Rows = ArrayLike | HasShape


class Splitter(Protocol):
    """Gives train and test rows of each fold, as scikit-learn's splitters do."""

    def split(self, X: object, y: object = None) -> Iterator[tuple[Array, Array]]: ...
