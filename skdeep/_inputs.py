"""What is handed in from outside, as types, and the two questions that all rows can be asked.

The types say what our code asks of an object and no more, so that pandas, polars and scipy.sparse
need not be imported to name them.
"""

from collections.abc import Iterable, Mapping, Sequence, Sized
from typing import Any, Protocol, cast

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


# Rows of features, or targets, whatever holds them.
MatrixLike = ArrayLike | HasShape
Rows = MatrixLike
# X_val, y_val and sample_weight_val, as `fit` is given them.
DevArguments = tuple[MatrixLike | None, MatrixLike | None, ArrayLike | None]
NO_DEV_SET: DevArguments = (None, None, None)
# The arguments of `fit` beside X and y.
FitArguments = Mapping[str, object]
# From class to weight, a list with one such table for each label of a multi-label y. Of classes
# nothing is asked, but a mapping's keys are of one type exactly, so that `object` would fit none.
WeightTable = Mapping[Any, float]
ClassWeight = WeightTable | Sequence[WeightTable] | str | None


def n_rows_of(rows: object) -> int:
    return int(rows.shape[0]) if hasattr(rows, "shape") else len(cast(Sized, rows))


def dense(array: object) -> Array:
    """A sparse matrix in full; of all else what NumPy makes of it."""
    return np.asarray(array.toarray() if hasattr(array, "toarray") else array)


class Splitter(Protocol):
    """Gives train and test rows of each fold, as scikit-learn's splitters do."""

    def split(self, X: object, y: object = None) -> Iterable[tuple[Array, Array]]: ...
