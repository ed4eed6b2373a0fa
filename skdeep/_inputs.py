"""What is handed in from outside, as types, and the questions that all rows can be asked.

The types say what our code asks of an object and no more, so that pandas, polars and scipy.sparse
need not be imported to name them.
"""

import datetime
import sys
from collections.abc import Iterable, Mapping, Sequence, Sized
from decimal import Decimal
from numbers import Real
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import ArrayLike
from sklearn import get_config

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


# Types that only a missing value has, by name, so that pandas need not be imported.
MISSING_NAMES = ("NoneType", "NAType", "NaTType")
_COMPARABLE = (Real, Decimal, np.datetime64, np.timedelta64)


def is_missing(value: object) -> bool:
    """None, NaN and NaT of any type, and pandas' NA."""
    if type(value) is str:  # most are, and answered at once
        return False
    if type(value).__name__ in MISSING_NAMES:
        return True
    # What differs from itself. Other types may answer with an array.
    return isinstance(value, _COMPARABLE) and bool(value != value)


def check_at_hand(values: object, name: str) -> None:
    """Raise where values are not there yet, or where NumPy cannot reach them.

    Raises
    ------
    TypeError
        Of a polars LazyFrame, of tensors that NumPy cannot read, and under `array_api_dispatch` of
        all arrays that are not NumPy's.
    """
    if isinstance(values, (list, tuple)):
        # Rows one by one are of one kind.
        if values:
            check_at_hand(values[0], name)
        return
    library = type(values).__module__.partition(".")[0]
    if library in ("numpy", "builtins"):
        return
    if library == "polars" and not hasattr(values, "shape"):
        raise TypeError(
            f"{name} is a polars {type(values).__name__}, whose rows are not there yet: collect it "
            f"first, as in {name}.collect()."
        )
    if library == "torch":
        _check_tensor(cast(Any, values), name)
    is_other_array = library == "torch" or hasattr(type(values), "__array_namespace__")
    if is_other_array and get_config()["array_api_dispatch"]:
        raise TypeError(
            f"{name} is an array of {library}, which scikit-learn leaves as it is under "
            f"array_api_dispatch=True, and skdeep computes with NumPy: pass np.asarray({name})."
        )


def _check_tensor(tensor: Any, name: str) -> None:
    reasons = {
        "requires grad": (getattr(tensor, "requires_grad", False), "detach()"),
        "is on another device": (str(getattr(tensor, "device", "cpu")) != "cpu", "cpu()"),
        "is bfloat16": (str(getattr(tensor, "dtype", "")) == "torch.bfloat16", "float()"),
    }
    for reason, (holds, remedy) in reasons.items():
        if holds:
            raise TypeError(
                f"{name} is a tensor that {reason}, which NumPy cannot read: pass {name}.{remedy}."
            )


# What NumPy turns into numbers of days or nanoseconds, or fails to without saying where.
TEMPORAL = (np.datetime64, np.timedelta64, datetime.date, datetime.timedelta, datetime.time)


def check_numbers(values: object, name: str) -> None:
    """Raise where values are dates, durations or masked, which would be taken for numbers.

    Raises
    ------
    TypeError
        Of dates and durations.
    ValueError
        Of masked values.
    """
    if type(values) is np.ndarray and values.dtype.kind in "fiub":
        return
    check_not_masked(values, name)
    column = _temporal_column(values)
    if column is not None:
        raise TypeError(
            f"{name} holds dates or durations{column}, which are no numbers. Make them such "
            "before: days since a date, the month, seconds."
        )


def check_labels(values: object, name: str) -> None:
    """Raise where labels are masked or, not being numbers, missing."""
    check_not_masked(values, name)
    if _some_missing(values):
        raise ValueError(
            f"{name} has missing values, such as None, NaN or NA. Leave their rows out, or give "
            "them a label of their own."
        )


def _some_missing(values: object) -> bool:
    """Whether some are missing of strings or other objects; of numbers scikit-learn tells."""
    if isinstance(values, (list, tuple)):
        objects: Iterable[object] = values
    elif hasattr(values, "null_count") and not hasattr(values, "columns"):
        # A column of polars.
        column = cast(Any, values)
        return not column.dtype.is_numeric() and bool(column.null_count() > 0)
    elif not _is_of_objects(getattr(values, "dtype", None)):
        return False
    else:
        objects = np.asarray(values).ravel()
    kinds = set(map(type, objects))
    if all(issubclass(kind, Real) for kind in kinds) or kinds == {str}:
        return False
    return any(map(is_missing, objects))


def check_not_masked(values: object, name: str) -> None:
    """Raise where some of the values are masked, or not at hand at all."""
    check_at_hand(values, name)
    rows = values if isinstance(values, (list, tuple)) else [values]
    if any(np.ma.is_masked(row) for row in rows):
        raise ValueError(
            f"{name} has masked values, and what is beneath a mask is not to be learnt from. Fill "
            "them, or leave their rows out."
        )


def _temporal_column(values: object) -> str | None:
    """Which column has dates or durations, as words; None if none has."""
    dtypes = getattr(values, "dtypes", None)
    if hasattr(values, "columns") and dtypes is not None:
        for label, dtype in zip(values.columns, dtypes, strict=True):
            if _is_temporal(dtype) or (
                _is_of_objects(dtype) and _some_temporal(cast(Any, values)[label])
            ):
                return f" in column {label!r}"
        return None
    if isinstance(values, (list, tuple)):
        try:
            values = np.asarray(values)
        except ValueError:
            # Of rows of several lengths others tell.
            return None
    dtype = getattr(values, "dtype", None)
    if _is_temporal(dtype):
        return ""
    if _is_of_objects(dtype) and _some_temporal(values):
        return ""
    return None


def _is_of_objects(dtype: object) -> bool:
    return getattr(dtype, "kind", None) == "O" and not hasattr(dtype, "pyarrow_dtype")


def _some_temporal(values: object) -> bool:
    """Whether some of the objects are dates or durations; of categories these tell."""
    categories = getattr(getattr(values, "cat", None), "categories", None)
    objects = np.asarray(values if categories is None else categories)
    if objects.dtype.kind != "O":
        return _is_temporal(objects.dtype)
    return any(
        isinstance(value, TEMPORAL) or hasattr(value, "start_time") for value in objects.flat
    )


def _is_temporal(dtype: object) -> bool:
    """Of NumPy's and pandas' dtypes their kind tells, of polars' a method."""
    if hasattr(dtype, "is_temporal"):
        return bool(dtype.is_temporal())
    return getattr(dtype, "kind", None) in ("m", "M")


def n_rows_of(rows: object) -> int:
    return int(rows.shape[0]) if hasattr(rows, "shape") else len(cast(Sized, rows))


def bytes_of(rows: object) -> int:
    """About the memory that rows take: of arrays, sparse matrices, frames, series, lists, texts."""
    if rows is None:
        return 0
    if hasattr(rows, "nnz") and hasattr(rows, "dtype"):
        # Values and indices.
        return 2 * int(rows.nnz) * int(rows.dtype.itemsize)
    if hasattr(rows, "memory_usage"):
        # Of a series a number, of a frame one for each column.
        return int(np.sum(rows.memory_usage(deep=True)))
    if hasattr(rows, "estimated_size"):
        return int(rows.estimated_size())
    if isinstance(rows, np.ndarray) and rows.dtype.kind != "O":
        return int(rows.nbytes)
    # Objects, a text each for instance: as an array they could be many times as large.
    objects = rows.ravel() if isinstance(rows, np.ndarray) else cast(Iterable[object], rows)
    return sys.getsizeof(rows) + sum(map(sys.getsizeof, objects))


def dense(array: object) -> Array:
    """A sparse matrix in full; of all else what NumPy makes of it."""
    return np.asarray(array.toarray() if hasattr(array, "toarray") else array)


class Splitter(Protocol):
    """Gives train and test rows of each fold, as scikit-learn's splitters do."""

    def split(self, X: object, y: object = None) -> Iterable[tuple[Array, Array]]: ...
