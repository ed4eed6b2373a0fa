"""What becomes of each column of a table: its kind, its bins or levels, its outputs' names.

This is for people: it restates what an expansion has learnt, column by column.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from .._engine.backend import Array
from ._expansion import NumberBlock, TableExpansion
from ._levels import Levels
from ._reader import TableReader


@dataclass(frozen=True, eq=False)
class EncodedColumn:
    """What a `TableEncoder` makes of one column of its input.

    Attributes
    ----------
    name : object
        The column's name, "x0", "x1", ... for an array.
    kind : {"numeric", "category", "binary", "missing", "dropped"}
        "numeric": bins, and an indicator if values were missing in fit; "category": a column per
        level; "binary": one column, −1 for the first level and 1 for the second; "missing": only
        the indicator of a column that is constant where it is not missing; "dropped": no output.
    outputs : slice
        The columns of the encoded matrix.
    edges : ndarray of shape (n_bins + 1,) or None, default=None
        Ends of the bins of a "numeric" column.
    levels : tuple or None, default=None
        Sorted levels of a "category" or "binary" column; None, the last, stands for missing.
    has_missing : bool, default=False
        Whether the last output is the indicator of a missing value.
    """

    name: object
    kind: Literal["numeric", "category", "binary", "missing", "dropped"]
    outputs: slice
    edges: Array | None = None
    levels: tuple[object, ...] | None = None
    has_missing: bool = False

    def __repr__(self) -> str:
        first, last = self.outputs.start, self.outputs.stop - 1
        where = f"output {first}" if first == last else f"outputs {first} to {last}"
        if self.kind == "dropped":
            return f"<{self.name}: dropped, it is constant or has no level>"
        if self.edges is not None:
            ends = f"{self.edges.size - 1} bins from {self.edges[0]:g} to {self.edges[-1]:g}"
            missing = " and missing" if self.has_missing else ""
            return f"<{self.name}: {self.kind}, {ends}{missing}, {where}>"
        if self.levels is None:
            return f"<{self.name}: missing or not, {where}>"
        shown = ", ".join(map(repr, self.levels[:5])) + (", ..." if len(self.levels) > 5 else "")
        return f"<{self.name}: {self.kind} of {len(self.levels)} levels {shown}, {where}>"

    @property
    def output_names(self) -> list[str]:
        """A name for each output: "age: 20 to 35", "age: missing", "colour: red"."""
        names: list[str] = []
        if self.edges is not None:
            ends = distinct_numbers(self.edges)
            names += [f"{low} to {high}" for low, high in pairwise(ends)]
        if self.levels is not None:
            levels = self.levels[1:] if self.kind == "binary" else self.levels
            names += ["missing" if level is None else str(level) for level in levels]
        if self.has_missing:
            names.append("missing")
        return [f"{self.name}: {name}" for name in names]


def columns_of(
    names: Sequence[object], reader: TableReader, expansion: TableExpansion
) -> list[EncodedColumn]:
    """What becomes of each column of the input, in its order."""
    found: dict[int, EncodedColumn] = {}
    start = 0
    for column, block in zip(reader.number_columns_.tolist(), expansion.numbers_, strict=True):
        found[column] = number_column(names[column], block, start)
        start += block.n_outputs
    for column, levels in zip(reader.category_columns_.tolist(), expansion.levels_, strict=True):
        found[column] = category_column(names[column], levels, start)
        start += levels.n_outputs
    return [found[column] for column in range(len(names))]


def number_column(name: object, block: NumberBlock, start: int) -> EncodedColumn:
    outputs = slice(start, start + block.n_outputs)
    if block.n_bins:
        # A copy: what is shown may be changed, and the encoding must not.
        edges = block.edges.copy()
        return EncodedColumn(name, "numeric", outputs, edges, None, block.has_missing)
    kind: Literal["missing", "dropped"] = "missing" if block.has_missing else "dropped"
    return EncodedColumn(name, kind, outputs, has_missing=block.has_missing)


def category_column(name: object, levels: Levels, start: int) -> EncodedColumn:
    outputs = slice(start, start + levels.n_outputs)
    if levels.is_constant:
        return EncodedColumn(name, "dropped", outputs)
    kind: Literal["binary", "category"] = "binary" if levels.is_binary else "category"
    return EncodedColumn(name, kind, outputs, levels=levels.values)


def output_names(columns: Iterable[EncodedColumn]) -> Array:
    """The names of all outputs in their order; of equal ones, all but the first get a number."""
    in_order = sorted(columns, key=lambda column: column.outputs.start)
    names = [name for column in in_order for name in column.output_names]
    taken, seen = set(names), Counter[str]()
    for place, name in enumerate(names):
        seen[name] += 1
        if seen[name] > 1:
            names[place] = _free_name(name, taken)
            taken.add(names[place])
    return np.array(names, dtype=object)


def _free_name(name: str, taken: set[str]) -> str:
    number = 2
    while f"{name} ({number})" in taken:
        number += 1
    return f"{name} ({number})"


def distinct_numbers(numbers: Array) -> list[str]:
    """Different numbers in as few digits as keep them apart."""
    for digits in range(3, 17):
        texts = [f"{number:.{digits}g}" for number in numbers]
        if len(set(texts)) == len(texts):
            return texts
    return [repr(float(number)) for number in numbers]
