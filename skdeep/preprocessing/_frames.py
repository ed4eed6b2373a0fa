"""Columns of arrays, pandas frames and polars frames, read in the same words.

A `Table` says of each column what it holds, and gives it as numbers or as codes of its distinct
values. Neither pandas nor polars is imported: a frame brings the methods to read it.
"""

import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from .._engine.backend import Array
from ._values import Factors, Kind, as_floats, factorized, kind_of, without_missing

# Of fewer rows each value is looked at; more are left to the library's own hashing.
_FEW_ROWS = 256


class Table(ABC):
    """Columns of one container X of shape (n_rows, n_columns)."""

    def __init__(self, X: Any) -> None:
        self.X = X
        self.n_rows, self.n_columns = X.shape

    @property
    def column_names(self) -> list[object] | None:
        """The names that the container gives, None where it has none."""
        return None

    @abstractmethod
    def kind(self, column: int) -> Kind:
        """What the column holds."""

    @abstractmethod
    def _floats(self, column: int) -> Array:
        """A column of numbers as float64 with NaN for missing."""

    @abstractmethod
    def _factors(self, column: int) -> Factors:
        """Any column whose values can be hashed."""

    def numbers(self, columns: Array) -> Array:
        """Columns of numbers as float64 of shape (n_rows, len(columns)), NaN where missing."""
        found = np.empty((self.n_rows, len(columns)))
        for place, column in enumerate(columns):
            kind = self.kind(column)
            if kind not in ("number", "empty"):
                raise _no_number(kind, self.label(column))
            found[:, place] = self._checked_floats(column)
        return found

    def factors(self, column: int) -> tuple[Array, Sequence[object], Kind]:
        """Codes (n_rows,) of the column's distinct values, −1 where missing; these; their kind."""
        try:
            codes, distinct = self._factors(column)
        except TypeError as error:
            raise _no_number("other", self.label(column)) from error
        kind = kind_of(distinct)
        if kind in ("mixed", "complex"):
            raise _no_number(kind, self.label(column))
        return codes, distinct, kind

    def label(self, column: int) -> str:
        """The column as an error calls it."""
        names = self.column_names
        return f"column {column}" if names is None else f"column {names[column]!r}"

    def _checked_floats(self, column: int) -> Array:
        try:
            return self._floats(column)
        except OverflowError as error:
            raise ValueError(
                f"{self.label(column)} of X contains a number too large for float64, which would "
                "be infinity."
            ) from error


class ArrayTable(Table):
    """A NumPy array of two dimensions, of numbers, strings or objects."""

    @cached_property
    def _kind_of_all(self) -> Kind | None:
        """None where each column has to be looked at."""
        kinds: dict[str, Kind | None] = {
            "O": None,
            "U": "category",
            "T": "category",
            "m": "date",
            "M": "date",
        }
        if self.X.dtype.kind in "fiub":
            return "number"
        return kinds.get(self.X.dtype.kind, "other")

    def kind(self, column: int) -> Kind:
        return self._kind_of_all or kind_of(self.X[:, column])

    def numbers(self, columns: Array) -> Array:
        if self._kind_of_all != "number":
            return super().numbers(columns)
        chosen = self.X if len(columns) == self.n_columns else self.X[:, columns]
        with np.errstate(over="ignore"):  # a longer float may become infinite, which is found
            return np.asarray(chosen, dtype=np.float64)

    def _floats(self, column: int) -> Array:
        return as_floats(self.X[:, column])

    def _factors(self, column: int) -> Factors:
        return factorized(self.X[:, column].tolist(), self.n_rows)


class PandasTable(Table):
    """A frame with pandas' methods."""

    @cached_property
    def column_names(self) -> list[object]:
        return list(self.X.columns)

    @cached_property
    def _dtypes(self) -> list[Any]:
        return list(self.X.dtypes)

    def _series(self, column: int) -> Any:
        name = self.column_names[column]
        # By name it takes half as long; what is no string might not be taken for a name.
        return self.X[name] if isinstance(name, str) else self.X.iloc[:, column]

    def kind(self, column: int) -> Kind:
        dtype = self._dtypes[column]
        if dtype.name == "category" or dtype.kind == "U" or type(dtype).__name__ == "StringDtype":
            return "category"
        if dtype.kind in "fiub":
            return "number"
        if dtype.kind in "mMc":
            return "complex" if dtype.kind == "c" else "date"
        series = self._series(column)
        return kind_of(series.to_numpy() if dtype == np.object_ else list(series.unique()))

    def numbers(self, columns: Array) -> Array:
        if not all(_is_plain(self._dtypes[column]) for column in columns):
            return super().numbers(columns)
        if columns.size == 0:
            return np.empty((self.n_rows, 0))
        chosen = self.X
        if columns.size < self.n_columns:
            chosen = chosen.iloc[:, _as_slice(columns)]
        return np.asarray(chosen.to_numpy(dtype=np.float64))

    def _floats(self, column: int) -> Array:
        series, dtype = self._series(column), self._dtypes[column]
        if dtype == np.object_:
            return as_floats(series.to_numpy())
        if isinstance(dtype, np.dtype):
            return np.asarray(series.to_numpy(dtype=np.float64))
        return np.asarray(series.to_numpy(dtype=np.float64, na_value=np.nan))

    def _factors(self, column: int) -> Factors:
        series, dtype = self._series(column), self._dtypes[column]
        if dtype == np.object_:
            return factorized(series.to_numpy(), self.n_rows)
        if dtype.name == "category":
            return _codes_of_categories(series.array)
        if self.n_rows < _FEW_ROWS:
            return factorized(series.tolist(), self.n_rows)
        codes, distinct = series.factorize()
        return without_missing(codes, distinct.tolist())


class PolarsTable(Table):
    """A polars frame."""

    @cached_property
    def column_names(self) -> list[object]:
        return list(self.X.columns)

    def _series(self, column: int) -> Any:
        return self.X.to_series(int(column))

    def kind(self, column: int) -> Kind:
        dtype = self._series(column).dtype
        name = dtype.base_type().__name__
        if name == "Object":
            return kind_of(self._series(column).to_list())
        if dtype.is_numeric() or name == "Boolean":
            return "number"
        kinds: dict[str, Kind] = {"String": "category", "Categorical": "category"}
        kinds |= {"Enum": "category", "Null": "empty"}
        return "date" if dtype.is_temporal() else kinds.get(name, "other")

    def _floats(self, column: int) -> Array:
        series = self._series(column)
        if series.dtype.base_type().__name__ == "Object":
            return as_floats(np.array(series.to_list(), dtype=object))
        return np.asarray(series.cast(sys.modules["polars"].Float64).to_numpy())

    def _factors(self, column: int) -> Factors:
        series = self._series(column)
        is_text = series.dtype.base_type().__name__ in ("String", "Categorical", "Enum")
        if not is_text or self.n_rows < _FEW_ROWS:
            return factorized(series.to_list(), self.n_rows)
        polars = sys.modules["polars"]
        strings = series.cast(polars.String)
        distinct = strings.drop_nulls().unique()
        # An Enum of the values at hand: a Categorical's codes are those of all there ever were.
        codes = strings.cast(polars.Enum(distinct)).to_physical().cast(polars.Int64)
        return codes.fill_null(-1).to_numpy(), distinct.to_list()


def table_of(X: Any) -> Table:
    """X with the methods of a `Table`; X is a frame or an array of two dimensions."""
    if not is_frame(X):
        return ArrayTable(X)
    table = PolarsTable(X) if _is_polars(X) else PandasTable(X)
    names = table.column_names
    if len(set(names)) < len(names):
        twice = sorted({repr(name) for name in names if names.count(name) > 1})
        raise ValueError(
            f"The columns of X must have names of their own, got more than one {', '.join(twice)}."
        )
    return table


def is_frame(X: object) -> bool:
    """Whether X is a frame of pandas, or has its methods, or one of polars."""
    is_pandas = hasattr(X, "iloc") and hasattr(X, "dtypes") and hasattr(X, "columns")
    return is_pandas or _is_polars(X)


def _is_polars(X: object) -> bool:
    return type(X).__module__.partition(".")[0] == "polars" and hasattr(X, "to_series")


def _codes_of_categories(values: Any) -> Factors:
    """The factors of a pandas Categorical."""
    codes, categories = values.codes, values.categories
    if codes.size >= len(categories):
        return without_missing(codes, categories.tolist())
    # A few rows must not have to pay for all categories.
    used, codes = np.unique(codes, return_inverse=True)
    return without_missing(codes, [categories[code] if code >= 0 else None for code in used])


def _as_slice(columns: Array) -> slice | Array:
    """The columns as a slice if they stand side by side, which pandas takes at half the cost."""
    if columns[-1] - columns[0] == columns.size - 1:
        return slice(columns[0], columns[-1] + 1)
    return columns


def _is_plain(dtype: Any) -> bool:
    return isinstance(dtype, np.dtype) and dtype.kind in "fiub"


def _no_number(kind: Kind, label: str) -> TypeError | ValueError:
    """The error of a column that is wanted as numbers, or as categories of one kind."""
    if kind == "complex":
        return ValueError(f"Complex data not supported: {label} of X holds complex numbers.")
    remedies: dict[Kind, str] = {
        "category": "holds strings or categories, and is no categorical feature. Name it in "
        "categorical_features, or make numbers of it.",
        "date": "holds dates, times or durations. Make numbers of them, such as year, month and "
        'day of the week, or X[column].astype("int64").',
        "mixed": "holds values of several types, such as strings and numbers, of which 1 and '1' "
        "would be two categories. Make them of one type, with X[column].astype(str) for example.",
        "other": "holds objects that are no values of a table: argument must be a string or a "
        "number.",
    }
    return TypeError(f"{label} of X {remedies[kind]}")
