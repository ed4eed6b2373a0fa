"""From a table of any library to two arrays: numbers, and codes of categories.

`TableReader` learns which columns are categories and what their levels are, and then reads any rows
of such a table. It does not scale or expand: a fit with several encodings reads its table once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from .._arguments import ErrorsName
from .._engine.backend import Array
from .._engine.records import recorded
from .._inputs import MatrixLike, check_at_hand
from ._checks import check_finite
from ._frames import Table, table_of
from ._levels import Levels, levels_of
from ._values import Kind

CategoricalFeatures = ArrayLike | None


@dataclass(frozen=True)
class RawTable:
    """Rows of a table as arrays.

    `numbers` (n_rows, n_number_columns) are float64, NaN where missing; `codes` (n_rows,
    n_category_columns) are int32 numbers of levels, −1 where a value has none.
    """

    numbers: Array
    codes: Array

    @property
    def n_rows(self) -> int:
        return int(self.numbers.shape[0])


@recorded
class TableReader:
    """Reads columns as numbers or as categories with the levels of fit.

    Parameters are those of `TableEncoder`. After `fit`, `number_columns_` and `category_columns_`
    are the indices of the columns of each kind, and `levels_` has a `Levels` for each category.
    """

    def __init__(
        self,
        categorical_features: CategoricalFeatures = "from_dtype",
        min_frequency: int = 3,
        max_categories: int = 255,
    ) -> None:
        self.categorical_features = categorical_features
        self.min_frequency = min_frequency
        self.max_categories = max_categories

    def fit(self, X: Table | MatrixLike, sample_weight: Array | None = None) -> Self:
        self.fit_read(X, sample_weight)
        return self

    def fit_read(self, X: Table | MatrixLike, sample_weight: Array | None = None) -> RawTable:
        """Learn the levels, of the rows of positive weight, and read the table, in one pass."""
        table = _as_table(X)
        is_category = categorical_mask(table, self.categorical_features)
        self.number_columns_ = np.flatnonzero(~is_category)
        self.category_columns_ = np.flatnonzero(is_category)
        counted = slice(None) if sample_weight is None else sample_weight > 0
        levels: list[Levels] = []
        codes = np.empty((table.n_rows, self.category_columns_.size), dtype=np.int32)
        for place, column in enumerate(self.category_columns_.tolist()):
            found, distinct, kind = table.factors(column)
            levels.append(
                levels_of(found[counted], distinct, kind, self.min_frequency, self.max_categories)
            )
            codes[:, place] = levels[-1].encode(found, distinct)
        self.levels_ = levels
        return RawTable(self._numbers(table), codes)

    def read(self, X: Table | MatrixLike) -> RawTable:
        """Rows of a table with the columns of fit."""
        table = _as_table(X)
        codes = np.empty((table.n_rows, self.category_columns_.size), dtype=np.int32)
        for place, column in enumerate(self.category_columns_.tolist()):
            levels = self.levels_[place]
            found, distinct, kind = table.factors(column)
            if kind != levels.kind and "empty" not in (kind, levels.kind):
                raise _other_kind(levels.kind, kind, table.label(column))
            codes[:, place] = levels.encode(found, distinct)
        return RawTable(self._numbers(table), codes)

    def _numbers(self, table: Table) -> Array:
        numbers = table.numbers(self.number_columns_)
        check_finite(numbers, self.number_columns_, table)
        return numbers


def _as_table(X: Table | MatrixLike) -> Table:
    return X if isinstance(X, Table) else table_of(X)


def _other_kind(fitted: Kind, given: Kind, label: str) -> TypeError:
    names = {"category": "strings", "number": "numbers", "date": "dates", "other": "objects"}
    return TypeError(
        f"{label} of X holds {names[given]}, and held {names[fitted]} in fit, of which none is the "
        "same category. Make them of one type, with X[column].astype(str) for example."
    )


# --------------------------------------------------------------------- which columns are categories


def categorical_mask(table: Table, categorical_features: CategoricalFeatures) -> Array:
    """Whether each column is a category; as HistGradientBoosting takes `categorical_features`."""
    mask = np.zeros(table.n_columns, dtype=bool)
    if categorical_features is None:
        return mask
    if isinstance(categorical_features, str):
        columns = range(table.n_columns)
        return np.array([table.kind(column) == "category" for column in columns], dtype=bool)
    with ErrorsName("categorical_features"):
        check_at_hand(categorical_features, "categorical_features")
        wanted = np.asarray(categorical_features)
    if wanted.size == 0:
        return mask
    if wanted.dtype.kind == "b":
        return _given_mask(wanted, table.n_columns)
    mask[_given_columns(wanted, table)] = True
    return mask


def _given_mask(wanted: Array, n_columns: int) -> Array:
    if wanted.shape != (n_columns,):
        raise ValueError(
            "categorical_features set as a boolean mask must have shape (n_features,) = "
            f"({n_columns},), got shape {wanted.shape}."
        )
    return wanted


def _given_columns(wanted: Array, table: Table) -> Array:
    """The columns that an array of indices or of names stands for."""
    if all(isinstance(name, str) for name in wanted.ravel()):
        return np.array([_column_named(str(name), table.column_names) for name in wanted.ravel()])
    if wanted.dtype.kind != "i":
        types = sorted({type(item).__name__ for item in wanted.ravel()})
        raise ValueError(
            "categorical_features must be an array-like of bool, int or str, got: "
            f"{', '.join(types)}."
        )
    if wanted.min() < 0 or wanted.max() >= table.n_columns:
        raise ValueError(
            "categorical_features set as integer indices must be in [0, n_features - 1] = "
            f"[0, {table.n_columns - 1}], got {wanted.tolist()}."
        )
    return wanted.ravel()


def _column_named(name: str, names: Sequence[object] | None) -> int:
    if names is None:
        raise ValueError(
            "categorical_features should be passed as an array of integers or as a boolean mask "
            "when the model is fitted on data without feature names."
        )
    if name not in names:
        raise ValueError(
            f"categorical_features has an item value {name!r} which is not a valid feature name "
            f"of the training data. Observed feature names: {list(names)}."
        )
    return list(names).index(name)
