"""Two sets of rows below each other, whatever holds them, as a test that compares them needs them.

Of a frame's column the values tell whether their order means anything: numbers and dates do, at
whatever type they are stored, and all else are labels.
"""

import importlib
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from numbers import Real
from typing import Protocol, TypeAlias, cast

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike, DTypeLike
from sklearn.utils import _safe_indexing, check_array

from .._arguments import ErrorsName
from .._engine.backend import Array
from .._inputs import Rows, check_at_hand, n_rows_of

# Numbers of all columns, dense or sparse.
Numbers: TypeAlias = Array | scipy.sparse.csr_array
# Of the columns, in their order: a frame's own, or numbers from 0.
Names = list[Hashable]


class Series(Protocol):
    """A column of a frame of pandas or polars."""

    @property
    def dtype(self) -> object: ...

    def to_numpy(self, dtype: DTypeLike = ..., na_value: float = ...) -> Array: ...

    # polars'; pandas has `isna`.
    def is_null(self) -> ArrayLike: ...


class Frame(Protocol):
    """A frame of pandas or polars."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def columns(self) -> Iterable[Hashable]: ...

    def __getitem__(self, name: Hashable) -> Series: ...


@dataclass(frozen=True)
class Columns:
    """The rows of both sets, encoded: columns whose order counts, and columns of labels.

    `labels` holds the numbers of the labels, of shape (n_rows, n_label_columns), no number in two
    columns. `are_labels` says of each column of the sets which kind it is.
    """

    numbers: Numbers
    labels: Array
    are_labels: Array


def sampled(X: Rows, name: str, max_samples: int, rng: np.random.RandomState) -> Rows:
    with ErrorsName(name):
        check_at_hand(X, name)
        if hasattr(X, "tocsr"):
            X = X.tocsr()
        elif not hasattr(X, "columns"):
            X = np.asarray(X)
            if X.ndim != 2:
                raise ValueError(f"{name} must be 2D, got an array of {X.ndim} dimension(s).")
    if n_rows_of(X) <= max_samples:
        return X
    return _safe_indexing(X, rng.choice(n_rows_of(X), max_samples, replace=False))


def joined(X_train: Rows, X_dev: Rows) -> tuple[Rows, Names]:
    """The rows of both sets below each other, and the names or numbers of the columns."""
    frames = _both_frames(X_train, X_dev)
    if frames is None:
        X = _stacked_arrays(X_train, X_dev)
        return X, list(range(X.shape[1]))
    return _stacked_frames(*frames), list(frames[0].columns)


def joined_and_encoded(X_train: Rows, X_dev: Rows) -> tuple[Columns, Names]:
    """The same, as columns of numbers and columns of labels."""
    frames = _both_frames(X_train, X_dev)
    if frames is None:
        X = _stacked_arrays(X_train, X_dev)
        return _without_labels(X), list(range(X.shape[1]))
    return _encoded_frames(*frames), list(frames[0].columns)


def _both_frames(X_train: Rows, X_dev: Rows) -> tuple[Frame, Frame] | None:
    """Both sets where they are frames with the same columns, None where neither is a frame."""
    are_frames = [hasattr(X, "columns") for X in (X_train, X_dev)]
    if not any(are_frames):
        return None
    if not all(are_frames):
        raise TypeError("X_train and X_dev must both be frames, or neither; got one frame.")
    train, dev = cast(Frame, X_train), cast(Frame, X_dev)
    _check_columns(list(train.columns), list(dev.columns))
    return train, dev


def _stacked_arrays(X_train: Rows, X_dev: Rows) -> Numbers:
    checked = [_checked_array(X_train, "X_train"), _checked_array(X_dev, "X_dev")]
    widths = [X.shape[1] for X in checked]
    if widths[0] != widths[1]:
        raise ValueError(
            f"X_dev must have as many columns as X_train ({widths[0]}), got {widths[1]}."
        )
    if any(map(scipy.sparse.issparse, checked)):
        return scipy.sparse.vstack(checked, format="csr")
    return np.vstack(checked)


def _checked_array(X: Rows, name: str) -> Numbers:
    with ErrorsName(name):
        checked: Numbers = check_array(
            X, accept_sparse="csr", ensure_all_finite="allow-nan", input_name=name
        )
        return checked


def _check_columns(train: list[Hashable], dev: list[Hashable]) -> None:
    if not train:
        raise ValueError("X_train must have at least one column, got a frame without any.")
    if len(set(train)) < len(train):
        raise ValueError(f"X_train must have columns of different names, got {train}.")
    if train == dev:
        return
    missing = [name for name in train if name not in dev]
    extra = [name for name in dev if name not in train]
    what = f"missing {missing}, extra {extra}" if missing or extra else "others in their order"
    raise ValueError(f"X_dev must have the columns of X_train, in their order; it has {what}.")


def _stacked_frames(X_train: Frame, X_dev: Frame) -> Frame:
    """Frames joined by the library they come from, pandas or polars."""
    library = importlib.import_module(type(X_train).__module__.split(".")[0])
    return cast(Frame, library.concat([X_train, X_dev]))


def _without_labels(X: Numbers) -> Columns:
    return Columns(X, np.empty((X.shape[0], 0), dtype=np.intp), np.zeros(X.shape[1], dtype=bool))


def _encoded_frames(X_train: Frame, X_dev: Frame) -> Columns:
    numbers, labels, are_labels, n_labels = [], [], [], 0
    for name in X_train.columns:
        values, are = _joined_column(X_train[name], X_dev[name])
        are_labels.append(are)
        if are:
            codes = np.unique(values, return_inverse=True)[1] + n_labels
            n_labels = int(codes.max()) + 1
            labels.append(codes)
        elif np.isinf(values).any():
            raise ValueError(f"X_train and X_dev must be finite, got infinity in {name!r}.")
        else:
            numbers.append(values)
    empty = np.empty((n_rows_of(X_train) + n_rows_of(X_dev), 0))
    return Columns(
        np.column_stack([empty, *numbers]),
        np.column_stack([empty, *labels]).astype(np.intp),
        np.array(are_labels),
    )


def _joined_column(train: Series, dev: Series) -> tuple[Array, bool]:
    """A column's values in both sets, and whether they are labels: what counts is not the type."""
    read = [_as_floats(values) for values in (train, dev)]
    floats = [values for values in read if values is not None]
    if len(floats) == len(read):
        named = [str(values.dtype).lower() for values in (train, dev)]
        are_labels = any(name.startswith(("bool", "category")) for name in named)
        return np.concatenate(floats), are_labels
    missing = np.concatenate([_are_missing(values) for values in (train, dev)])
    strings = np.concatenate([np.asarray(values).astype(str) for values in (train, dev)])
    labels = np.zeros(missing.size)
    labels[~missing] = 1 + np.unique(strings[~missing], return_inverse=True)[1]
    return labels, True


def _are_missing(values: Series) -> Array:
    return np.asarray(values.isna() if hasattr(values, "isna") else values.is_null(), dtype=bool)


def _as_floats(values: Series) -> Array | None:
    """Numbers and dates as floats, missing ones NaN; None where there are others.

    A string of digits is a label, as a postcode is.
    """
    kind = getattr(values.dtype, "kind", "")
    if kind in tuple("biuf"):
        # pandas' nullable numbers become floats only if told what stands for a missing one.
        return np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan))
    # To the microsecond: pandas' dates with a time zone would else be objects.
    array = values.to_numpy(dtype="datetime64[us]") if kind == "M" else np.asarray(values)
    if array.dtype.kind in "biuf":
        return array.astype(np.float64)
    if array.dtype.kind in "mM":
        return _dates_as_floats(array)
    if array.dtype.kind != "O":
        return None
    known = ~_are_missing(values)
    types = set(map(type, array[known]))
    floats = np.full(array.size, np.nan)
    if all(issubclass(one, (Real, Decimal, np.bool_)) for one in types):
        floats[known] = array[known].astype(np.float64)
    elif types == {date}:
        floats[known] = _dates_as_floats(array[known].astype("datetime64[D]"))
    else:
        return None
    return floats


def _dates_as_floats(array: Array) -> Array:
    """Microseconds, whatever the unit was: two sets may have been stored in different ones."""
    array = array.astype(f"{array.dtype.kind}8[us]")
    return np.where(np.isnat(array), np.nan, array.astype(np.int64).astype(np.float64))
