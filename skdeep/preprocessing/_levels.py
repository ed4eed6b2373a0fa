"""The levels of a categorical feature: which of its values are common enough for a column.

Levels are sorted, and a missing value is one like any other, the last. What is rarer, or was never
seen in fit, has no level: its code is −1.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from .._engine.backend import Array
from .._engine.records import recorded_by
from ._values import Kind

# Of a value without a level.
NO_LEVEL = -1


def _said_by(levels: "Levels") -> dict[str, object]:
    return {"values": levels.values, "is_all": levels.is_all, "kind": levels.kind}


def _levels(values: tuple[object, ...], is_all: bool, kind: Kind) -> "Levels":
    codes = {value: code for code, value in enumerate(values)}
    return Levels(values, is_all, kind, codes)


@recorded_by(_said_by, lambda values: _levels(**values))
@dataclass(frozen=True)
class Levels:
    """The levels of one feature.

    `values` are sorted, None, last, stands for missing. `is_all` says whether no row of fit was
    without level, `kind` what the values are, "empty" if there were none.
    """

    values: tuple[object, ...]
    is_all: bool
    kind: Kind
    _codes: dict[object, int] = field(repr=False, compare=False)

    @property
    def n_outputs(self) -> int:
        """Columns of the encoding: none where all rows are alike, one for either or."""
        return 1 if self.is_binary else 0 if self.is_constant else len(self.values)

    @property
    def is_binary(self) -> bool:
        return self.is_all and len(self.values) == 2

    @property
    def is_constant(self) -> bool:
        return not self.values or (self.is_all and len(self.values) == 1)

    def encode(self, codes: Array, distinct: Sequence[object]) -> Array:
        """int32 numbers of levels from codes (n_rows,) of distinct values, −1 where missing."""
        code_of = self._codes.get
        # The last place is that of code −1.
        numbers = [code_of(value, NO_LEVEL) for value in distinct]
        table = np.array([*numbers, code_of(None, NO_LEVEL)], dtype=np.int32)
        return table[codes]


def levels_of(
    codes: Array, distinct: Sequence[object], kind: Kind, min_frequency: int, max_categories: int
) -> Levels:
    """The `max_categories` most frequent ones of the values that have come `min_frequency` times.

    Codes (n_rows,) are −1 where missing, the kind is that of the distinct values.
    """
    counts = np.bincount(codes + 1, minlength=len(distinct) + 1)
    order = [*(place + 1 for place in _sorted_places(distinct)), 0]
    common = [place for place in order if counts[place] >= min_frequency]
    if len(common) > max_categories:
        # Stable: of two equally frequent values the first in order is taken.
        taken = sorted(common, key=lambda place: -counts[place])[:max_categories]
        common = [place for place in common if place in set(taken)]
    values = tuple(_plain(distinct[place - 1]) if place else None for place in common)
    return _levels(values, int(counts[common].sum()) == codes.size, kind)


def _sorted_places(distinct: Sequence[object]) -> list[int]:
    """Places of the values in sorted order; of those that have none, in that of their names."""
    places = range(len(distinct))
    try:
        return sorted(places, key=distinct.__getitem__)  # type: ignore[arg-type]
    except TypeError:
        return sorted(places, key=lambda place: repr(distinct[place]))


def _plain(value: object) -> object:
    """Python's own number or string for NumPy's."""
    return value.item() if isinstance(value, np.generic) else value
