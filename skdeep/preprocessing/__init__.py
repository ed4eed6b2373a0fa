"""Encodings of tables: numbers by piecewise-linear bins, categories by columns of their own.

A network learns far better from numbers that are cut at their quantiles than from the bare ones.
`PiecewiseLinearEncoder` does this to numeric features, `TableEncoder` makes a matrix of a whole
table, pandas, polars or array, with missing values and categories.
"""

from ._columns import EncodedColumn
from ._piecewise_linear import PiecewiseLinearEncoder
from ._table import TableEncoder

__all__ = ["EncodedColumn", "PiecewiseLinearEncoder", "TableEncoder"]
