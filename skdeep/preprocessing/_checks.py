"""X and weights as they come from outside, checked.

Where scikit-learn has words for an error, they are used: its checks are called, or its message is
made to come from it.
"""

from numbers import Real
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, validate_data

from .._arguments import ErrorsName
from .._engine.backend import Array
from .._inputs import MatrixLike, check_not_masked, check_numbers
from ._frames import Table, is_frame, table_of


def checked_table(
    estimator: BaseEstimator, X: MatrixLike, name: str = "X", *, reset: bool
) -> Table:
    """X as a `Table`, after its shape and its names; sets `n_features_in_` where `reset`."""
    with ErrorsName(name):
        return _checked_table(estimator, X, name, reset=reset)


def _checked_table(estimator: BaseEstimator, X: MatrixLike, name: str, *, reset: bool) -> Table:
    table = table_of(X if is_frame(X) else _checked_array(estimator, X, name))
    if 0 in (table.n_rows, table.n_columns):
        # For scikit-learn's own message.
        shape = (table.n_rows, table.n_columns)
        check_array(np.empty(shape), estimator=estimator, input_name=name)
    if reset:
        validate_data(estimator, X, reset=True, skip_check_array=True)
    else:
        _check_as_in_fit(estimator, X, table)
    return table


def _check_as_in_fit(estimator: BaseEstimator, X: MatrixLike, table: Table) -> None:
    """Compare names, or the number of columns. scikit-learn is asked where they may differ only:
    to look for names takes it many times as long as a row takes to be read."""
    fitted = getattr(estimator, "feature_names_in_", None)
    given = table.column_names
    if fitted is None and given is None:
        same = table.n_columns == estimator.n_features_in_
    else:
        same = fitted is not None and fitted.tolist() == given
    if not same:
        validate_data(estimator, X, reset=False, skip_check_array=True)


def _checked_array(estimator: BaseEstimator, X: Any, name: str) -> Array:
    """An array of two dimensions with at least one row and one column."""
    if type(X) is np.ndarray and X.ndim == 2 and X.dtype.kind in "fiub":
        return X
    check_not_masked(X, name)
    if scipy.sparse.issparse(X):
        raise TypeError(
            f"Sparse data was passed for {name}, but {type(estimator).__name__} needs dense data. "
            f"Use {name}.toarray(), or DeepMLPClassifier or DeepMLPRegressor, which take sparse X."
        )
    array: Array = check_array(
        X, dtype=None, ensure_all_finite=False, estimator=estimator, input_name=name
    )
    if array.dtype.kind == "U" and not hasattr(X, "dtype"):
        # NumPy has made strings of the numbers beside strings.
        return np.asarray(X, dtype=object)
    return array


def check_finite(numbers: Array, columns: Array, table: Table) -> None:
    """Raise where a column of numbers has an infinite one."""
    infinite = np.isinf(numbers)
    if infinite.any():
        column = columns[infinite.any(axis=0).argmax()]
        raise ValueError(
            f"Input X contains infinity: {table.label(column)}. Missing values are NaN or None, "
            "all others must be finite."
        )


def checked_weights(sample_weight: ArrayLike | None, n_rows: int) -> Array | None:
    """One finite weight >= 0 per row as float64, not all of them zero; None stays None."""
    if sample_weight is None:
        return None
    with ErrorsName("sample_weight"):
        check_numbers(sample_weight, "sample_weight")
        given = np.full(n_rows, sample_weight) if isinstance(sample_weight, Real) else sample_weight
        weights: Array = check_array(
            given, ensure_2d=False, dtype=np.float64, input_name="sample_weight"
        )
    if weights.shape != (n_rows,):
        raise ValueError(
            f"sample_weight must be one number for each of the {n_rows} rows, got shape "
            f"{weights.shape}."
        )
    if (weights < 0).any():
        raise ValueError(f"sample_weight must not be negative, got {weights.min()}.")
    if not weights.any():
        raise ValueError("sample_weight must have a positive value, all are zero.")
    with np.errstate(over="ignore"):
        total = weights.sum()
    if not np.isfinite(total):
        raise ValueError(f"sample_weight must have a finite sum, got values up to {weights.max()}.")
    return weights
