"""What Python objects in a column are: numbers, strings, dates, missing; and a code for each.

Columns of objects, of whatever library, are judged by the types they hold and not by their dtype:
all numbers make a number, all strings a category, and 1 beside "1" is an error.
"""

import datetime
from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import count
from numbers import Complex, Real
from typing import Literal

import numpy as np

from .._engine.backend import Array
from .._inputs import MISSING_NAMES, is_missing

Kind = Literal["number", "category", "date", "complex", "mixed", "empty", "other"]
# Distinct values that are not missing, and for each row the index of its own, −1 where missing.
Factors = tuple[Array, Sequence[object]]

_DATES = (datetime.date, datetime.time, datetime.timedelta, np.datetime64, np.timedelta64)


def kind_of(values: Iterable[object]) -> Kind:
    """The kind that all values have which are not missing."""
    values = values if isinstance(values, Sequence | np.ndarray) else list(values)
    types = set(map(type, values))
    if types == {str}:
        return "category"
    kinds = {_kind_of_type(kind) for kind in types} - {None}
    if kinds == {"number", "category"} and not any(_is_number(value) for value in values):
        return "category"
    if len(kinds) > 1:
        return "other" if "other" in kinds else "mixed"
    return next((kind for kind in kinds if kind is not None), "empty")


def _kind_of_type(kind: type) -> Kind | None:
    """None for a type that only a missing value has."""
    if kind.__name__ in MISSING_NAMES:
        return None
    if issubclass(kind, str):
        return "category"
    # timedelta64 is a number to NumPy.
    if issubclass(kind, _DATES) or kind.__name__ == "Period":
        return "date"
    if issubclass(kind, Real | Decimal | np.bool_):
        return "number"
    return "complex" if issubclass(kind, Complex) else "other"


def _is_number(value: object) -> bool:
    return not isinstance(value, str) and not is_missing(value)


def factorized(values: Iterable[object], n_values: int) -> Factors:
    """A code for each value, in the order in which they come."""
    codes_of: defaultdict[object, int] = defaultdict(count().__next__)
    codes = np.fromiter(map(codes_of.__getitem__, values), np.int64, n_values)
    return without_missing(codes, list(codes_of))


def without_missing(codes: Array, distinct: Sequence[object]) -> Factors:
    """The same with code −1 for those of the distinct values that are missing."""
    if not any(map(is_missing, distinct)):
        return codes, distinct
    missing = np.fromiter(map(is_missing, distinct), bool, len(distinct))
    # The last place is that of code −1.
    renumbered = np.append(np.where(missing, -1, np.cumsum(~missing) - 1), -1)
    kept = [value for value, gone in zip(distinct, missing, strict=True) if not gone]
    return renumbered[codes], kept


def as_floats(values: Array) -> Array:
    """Objects that are numbers or missing, as float64 with NaN."""
    if any(kind.__name__ in MISSING_NAMES for kind in set(map(type, values))):
        values = np.array([None if is_missing(value) else value for value in values], dtype=object)
    return values.astype(np.float64)
