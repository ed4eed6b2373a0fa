"""From numbers and codes to the matrix that a network learns from, a batch of rows at a time.

A row is kept *compact*: a position for each number, a code for each category. Expanded it is many
times as long, so a training loop expands each mini-batch anew; and since a number's columns all are
clip(position − bin, 0, 1), shifted and scaled, that takes four passes over the batch and no loop.
"""

from dataclasses import dataclass
from math import sqrt
from typing import Any, Self

import numpy as np

from .._engine.backend import Array, FloatType
from .._engine.records import recorded, recorded_by
from ._bins import bin_edges, bin_moments, positions
from ._levels import Levels
from ._reader import RawTable, TableReader

# Below this a feature's columns hardly vary, and to scale them up would only magnify rounding.
_LEAST_RMS = 1e-6
# As many as keep a batch of some hundred columns within a processor's cache.
_ROWS_AT_ONCE = 256


@recorded
@dataclass(frozen=True)
class NumberBlock:
    """How one number is encoded.

    `edges` (n_bins + 1,) are the ends of the bins, or empty; `mean` (n_bins,) is subtracted and
    `factor` multiplied; `has_missing` says whether a last column is 1 where the value is missing.
    """

    edges: Array
    mean: Array
    factor: float
    has_missing: bool

    @property
    def n_bins(self) -> int:
        return max(int(self.edges.size) - 1, 0)

    @property
    def n_outputs(self) -> int:
        return self.n_bins + self.has_missing


def _learnt_by(expansion: "TableExpansion") -> dict[str, object]:
    """What a fitted expansion has been given and has learnt; how it is laid out follows."""
    given = {"n_bins": expansion.n_bins, "scale": expansion.scale, "dtype": expansion.dtype.name}
    return {**given, "numbers": expansion.numbers_, "levels": expansion.levels_}


def _expansion_of(values: dict[str, Any]) -> "TableExpansion":
    expansion = TableExpansion(values["n_bins"], values["scale"], values["dtype"])
    return expansion.lay_out(values["numbers"], values["levels"])


@recorded_by(_learnt_by, _expansion_of)
class TableExpansion:
    """Piecewise-linear encoding of numbers and one-hot encoding of categories.

    Outputs of numbers come first, then those of categories, each in the order of the table's
    columns. After `fit`, `numbers_` has a `NumberBlock` for each number, `levels_` the `Levels` of
    each category, `n_compact_` and `n_outputs_` are the widths of the two matrices.

    Nothing is written after `fit`: several threads may expand at once.
    """

    def __init__(
        self, n_bins: int = 16, scale: float | None = 3.0, dtype: FloatType | str = "float32"
    ) -> None:
        self.n_bins = n_bins
        self.scale = scale
        self.dtype = np.dtype(dtype)

    def fit(self, raw: RawTable, reader: TableReader, weights: Array | None = None) -> Self:
        """Learn bins, means and scales from the rows of positive weight."""
        return self.fit_raw(raw, reader.levels_, weights)

    def fit_raw(self, raw: RawTable, levels: list[Levels], weights: Array | None) -> Self:
        """The same with the levels of the codes, where there is no reader."""
        numbers = raw.numbers
        if weights is not None:
            counted = weights > 0
            numbers, weights = numbers[counted], weights[counted]
        blocks = [number_block(column, self.n_bins, self.scale, weights) for column in numbers.T]
        return self.lay_out(blocks, levels)

    # ------------------------------------------------------------------------------- the layout

    def lay_out(self, numbers: list[NumberBlock], levels: list[Levels]) -> Self:
        """Take what is known of each column, and find the places of the outputs."""
        self.numbers_, self.levels_ = numbers, levels
        self._lay_out_numbers()
        self._lay_out_categories()
        self.n_outputs_ = self._n_of_numbers + sum(each.n_outputs for each in levels)
        self.n_compact_ = self._kept_numbers.size + self._kept_categories.size
        return self

    def _lay_out_numbers(self) -> None:
        """Which compact column each output is of, and the shift and limits that make it.

        With s = factor, (clip(position − bin, 0, 1) − mean) · s is clip(position · s − (bin + mean)
        · s, −mean · s, (1 − mean) · s): so the few positions are multiplied, not the many outputs.
        """
        blocks = self.numbers_
        widths = np.array([block.n_outputs for block in blocks], dtype=np.intp)
        self._kept_numbers = np.flatnonzero(widths)
        kept = [blocks[column] for column in self._kept_numbers]
        bins = [np.append(np.arange(b.n_bins), [0] * b.has_missing) for b in kept]
        means = [np.append(b.mean, [0] * b.has_missing) for b in kept]
        factors = np.array([b.factor for b in kept])
        self._source = np.repeat(np.arange(len(kept)), widths[self._kept_numbers])
        self._n_of_numbers = self._source.size
        factor, mean = factors[self._source], np.concatenate([*means, []])
        self._bits = np.dtype(f"i{self.dtype.itemsize}")
        self._factors = factors.astype(self.dtype)[:, np.newaxis]
        self._shift = self._column((np.concatenate([*bins, []]) + mean) * factor)
        # Not −mean · factor, which can be −0.
        self._lowest = self._column(0 - mean * factor)
        self._highest = self._column((1 - mean) * factor)
        ends = np.cumsum(widths[self._kept_numbers])
        has_missing = np.array([b.has_missing for b in kept], dtype=bool)
        self._with_indicator = np.flatnonzero(has_missing)
        self._indicators = ends[has_missing] - 1

    def _lay_out_categories(self) -> None:
        """Where the one entry of a category's block is: code · step after the block's first.

        The entry is 1, or with two levels −1 or 1 in the only column: code · slope + start.
        """
        widths = np.array([each.n_outputs for each in self.levels_], dtype=np.intp)
        self._kept_categories = np.flatnonzero(widths)
        kept = [self.levels_[place] for place in self._kept_categories]
        binary = np.array([each.is_binary for each in kept], dtype=bool)[:, np.newaxis]
        ends = np.cumsum(widths[self._kept_categories])
        first = ends - widths[self._kept_categories]
        self._first = first[:, np.newaxis]
        self._step = np.where(binary, 0, 1)
        self._slope = np.where(binary, 2, 0).astype(self.dtype)
        self._start = np.where(binary, -1, 1).astype(self.dtype)

    def _column(self, values: Array) -> Array:
        return np.ascontiguousarray(values, dtype=self.dtype)[:, np.newaxis]

    # ------------------------------------------------------------------------------- the two steps

    def compact(self, raw: RawTable) -> Array:
        """Positions and codes of shape (n_rows, n_compact_), of what has outputs; NaN: missing."""
        n_numbers = self._kept_numbers.size
        out = np.empty((raw.n_rows, self.n_compact_), dtype=self.dtype)
        for place, column in enumerate(self._kept_numbers):
            block, values = self.numbers_[column], raw.numbers[:, column]
            out[:, place] = positions(values, block.edges) if block.n_bins else values * 0
        out[:, n_numbers:] = raw.codes[:, self._kept_categories]
        return out

    def empty(self, n_rows: int) -> Array:
        """A matrix (n_rows, n_outputs_) to expand into, laid out as is quickest: by columns."""
        return np.empty((self.n_outputs_, n_rows), dtype=self.dtype).T

    def expand(self, compact: Array, out: Array | None = None) -> Array:
        """The encoding (n_rows, n_outputs_) of compact rows, written into `out` if there is one.

        A matrix of any layout will do, one made by `empty` does best: an operation with a number
        for each column then runs over contiguous rows with a constant.
        """
        if out is None:
            out = self.empty(compact.shape[0])
        # A copy also where one row is contiguous either way: it is scaled in place.
        by_column = np.array(compact.T, order="C", copy=True)
        n_numbers = self._kept_numbers.size
        if n_numbers:
            self._expand_numbers(by_column[:n_numbers], out[:, : self._n_of_numbers].T)
        if n_numbers < self.n_compact_:
            self._expand_categories(by_column[n_numbers:], out[:, self._n_of_numbers :].T)
        return out

    def transform(self, raw: RawTable) -> Array:
        """The whole encoding (n_rows, n_outputs_) in row order, made a batch at a time."""
        out = np.empty((raw.n_rows, self.n_outputs_), dtype=self.dtype)
        for start in range(0, raw.n_rows, _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            out[rows] = self.expand(self.compact(RawTable(raw.numbers[rows], raw.codes[rows])))
        return out

    def _expand_numbers(self, position: Array, out: Array) -> None:
        position *= self._factors
        # With mode "raise" it would write into a copy of `out` first.
        np.take(position, self._source, axis=0, out=out, mode="clip")
        np.subtract(out, self._shift, out=out)
        np.maximum(out, self._lowest, out=out)
        np.minimum(out, self._highest, out=out)
        missing = np.isnan(position)
        if missing.any():
            # To keep all bits or none makes zeros of NaN, and is five times as fast as a mask.
            bits = out.view(self._bits)
            keep = np.where(missing, 0, -1).astype(self._bits)
            np.bitwise_and(bits, keep.take(self._source, axis=0), out=bits)
        if self._indicators.size:
            out[self._indicators] = missing[self._with_indicator]

    def _expand_categories(self, code: Array, out: Array) -> None:
        out[...] = 0
        level = np.maximum(code, 0).astype(np.intp)
        entry = code * self._slope + self._start
        entry *= code >= 0
        out[self._first + level * self._step, np.arange(code.shape[1])] = entry


def number_block(
    values: Array, n_bins: int, scale: float | None, weights: Array | None
) -> NumberBlock:
    """Bins and scale of one number from the rows where it is not missing, of weight > 0."""
    known = ~np.isnan(values)
    if not known.all():
        values, weights = values[known], None if weights is None else weights[known]
    has_missing = 0 < values.size < known.size
    edges = bin_edges(values, n_bins, weights)
    if edges.size < 2:
        return NumberBlock(np.empty(0), np.empty(0), 1.0, has_missing)
    n_found = edges.size - 1
    if scale is None:
        return NumberBlock(edges, np.zeros(n_found), 1.0, has_missing)
    mean, variance = bin_moments(positions(values, edges), n_found, weights)
    rms = max(sqrt(variance.mean()), _LEAST_RMS)
    return NumberBlock(edges, mean, scale / (rms * sqrt(n_found)), has_missing)
