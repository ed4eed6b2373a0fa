"""From what `fit` is given to what groups of members learn from.

Everything that is learnt of a table, edges and levels included, is learnt from rows of positive
weight alone: the others are dropped as soon as they have been read.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from .._arguments import ErrorsName
from .._engine.backend import Array, FloatType, Matrix
from .._engine.data import Rows
from .._engine.losses import Loss
from .._fit.dev import DevPart, DevSet
from .._inputs import DevArguments, MatrixLike
from ..estimators._validation import checked_weights
from ..preprocessing._checks import checked_table
from ..preprocessing._expansion import TableExpansion
from ..preprocessing._reader import RawTable, TableReader
from ._encoding import Encoding
from ._group import GroupData
from ._held_out import HoldOut
from ._parameters import TabularParameters

# The root mean square of what a network sees of a column, all its outputs together.
INPUT_SCALE = 3.0
# With many columns of numbers each has fewer bins, so that all of them have about so many together,
# and none fewer than the least.
BINS_OF_ALL, FEWEST_BINS = 512, 3


def most_bins(n_columns: int) -> int:
    """How many bins each of so many columns of numbers may have."""
    return max(FEWEST_BINS, BINS_OF_ALL // max(1, n_columns))


@dataclass
class LabelledTable:
    """Rows of a table with what there is to learn from them."""

    raw: RawTable
    # As the loss takes them.
    targets: Array
    # What rows count in the loss, and in the encoding, where classes weigh the same.
    weights: Array | None
    sample_weight: Array | None

    @property
    def n_rows(self) -> int:
        return self.raw.n_rows


class ReadsTables(TabularParameters):
    """Reads tables and targets, and says what each group learns from and is watched on."""

    # Of a fitted estimator: how tables are read, and how each group sees them.
    _reader: TableReader
    _encodings: list[Encoding]

    # ------------------------------------------------------------------ what derived classes say

    @abstractmethod
    def _learn_targets(self, y: Matrix, weights: Array | None) -> None:
        """Set what encoding y needs."""

    @abstractmethod
    def _checked_targets(self, y: MatrixLike | None, n_rows: int, name: str) -> Matrix:
        """y as an array, after its kind and its number of rows."""

    @abstractmethod
    def _encode_targets(self, y: Matrix, dtype: FloatType, name: str) -> Array:
        """The targets as the loss takes them."""

    @abstractmethod
    def _make_loss(self) -> Loss: ...

    @abstractmethod
    def _n_outputs(self) -> int: ...

    @abstractmethod
    def _constant(self, targets: Array, weights: Array | None) -> Array:
        """Raw outputs (n_outputs,) to start from, the best that are the same for all rows."""

    @abstractmethod
    def _goodness(self, logits: Array, dev: DevPart) -> float:
        """What raw outputs for the rows held out are compared by, the larger the better."""

    @abstractmethod
    def _strata(self, targets: Array) -> Array | None:
        """What the rows held out are stratified by."""

    def _row_weights(self, y: Matrix, weights: Array | None) -> Array | None:
        return weights

    # ------------------------------------------------------------------------------- the rows

    def _read_all(
        self,
        X: MatrixLike,
        y: MatrixLike | None,
        sample_weight: ArrayLike | None,
        validation: DevArguments,
    ) -> tuple[LabelledTable, LabelledTable | None]:
        """The rows to learn from, and those given to be watched."""
        columns = checked_table(self, X, reset=True)
        labels = self._checked_targets(y, columns.n_rows, "y")
        sample_weight = checked_weights(
            sample_weight, columns.n_rows, np.dtype("f8"), "sample_weight"
        )
        self._learn_targets(labels, sample_weight)
        weights = self._row_weights(labels, sample_weight)
        self._reader = TableReader(self.categorical_features)
        raw = self._reader.fit_read(columns, weights)
        table = self._labelled(raw, labels, weights, sample_weight, "y")
        X_val, y_val, sample_weight_val = validation
        if X_val is None:
            return table, None
        return table, self._read_given(X_val, y_val, sample_weight_val)

    def _read_given(
        self, X_val: MatrixLike, y_val: MatrixLike | None, sample_weight_val: ArrayLike | None
    ) -> LabelledTable:
        """The rows of a dev set of the user's own."""
        with ErrorsName("X_val"):
            columns = checked_table(self, X_val, "X_val", reset=False)
            raw = self._reader.read(columns)
        labels = self._checked_targets(y_val, columns.n_rows, "y_val")
        # Classes that fit has not seen are named before they are weighed.
        self._encode_targets(labels, np.dtype(self.dtype), "y_val")
        weights = checked_weights(
            sample_weight_val, columns.n_rows, np.dtype("f8"), "sample_weight_val"
        )
        return self._labelled(raw, labels, self._row_weights(labels, weights), weights, "y_val")

    def _labelled(
        self,
        raw: RawTable,
        y: Matrix,
        weights: Array | None,
        sample_weight: Array | None,
        name: str,
    ) -> LabelledTable:
        """Rows of positive weight with their targets."""
        dtype = np.dtype(self.dtype)
        targets = self._encode_targets(y, dtype, name)
        if weights is None:
            return LabelledTable(raw, targets, None, None)
        if not weights.any():
            raise ValueError("sample_weight times class_weight must be positive for some row.")
        # Only their ratios count, and these any dtype can hold, but for those that are nothing.
        ratios = (weights / weights.max()).astype(dtype)
        counted = np.flatnonzero(ratios)
        ratios = ratios[counted] / ratios[counted].mean()
        raw = RawTable(raw.numbers[counted], raw.codes[counted])
        own = None if sample_weight is None else sample_weight[counted]
        return LabelledTable(raw, targets[counted], ratios, own)

    def _data_of_groups(
        self,
        n_bins: Sequence[int],
        seed: list[int],
        table: LabelledTable,
        given: LabelledTable | None,
    ) -> list[GroupData]:
        """What each group learns from and is watched on; rows held out are drawn with the seed."""
        if given is None and table.n_rows < 2:
            raise ValueError(
                f"{type(self).__name__} holds rows out to see when to stop, and needs at least 2, "
                f"got n_samples={table.n_rows}. Or give X_val and y_val."
            )
        hold_out = None if given is not None else self._hold_out(table, seed)
        constant = self._constant(table.targets, table.weights).astype(self.dtype)
        most = most_bins(table.raw.numbers.shape[1])
        self._encodings = []
        datas = []
        for number, n in enumerate(n_bins):
            expansion = TableExpansion(min(n, most), INPUT_SCALE, self.dtype)
            expansion.fit(table.raw, self._reader, table.sample_weight)
            encoding = Encoding(expansion)
            self._encodings.append(encoding)
            x, encode = encoding.features(table.raw)
            rows = Rows(x, table.targets, table.weights, encode=encode)
            if given is not None:
                train, dev = None, self._given_rows(encoding, given)
            else:
                assert hold_out is not None
                train, held_out = hold_out.of_group(number)
                dev = DevSet(x, table.targets, table.weights, held_out, table.targets, encode)
            datas.append(self._group_data(encoding, rows, constant, train, dev))
        return datas

    def _hold_out(self, table: LabelledTable, seed: list[int]) -> HoldOut:
        generator = np.random.default_rng(seed)
        strata = self._strata(table.targets)
        return HoldOut(table.n_rows, float(self.validation_fraction), generator, strata)

    @staticmethod
    def _given_rows(encoding: Encoding, given: LabelledTable) -> DevSet:
        x, encode = encoding.features(given.raw)
        return DevSet(x, given.targets, given.weights, None, given.targets, encode)

    def _group_data(
        self,
        encoding: Encoding,
        rows: Rows,
        constant: Array,
        train: Array | None,
        dev: DevSet,
    ) -> GroupData:
        goodness = partial(self._goodness, dev=dev.of_model(0))
        return GroupData(
            rows, encoding.n_outputs, self._n_outputs(), constant, train, dev, goodness
        )


def reader_of(ensemble: ReadsTables) -> TableReader:
    """How a fitted ensemble reads tables."""
    check_is_fitted(ensemble)
    return ensemble._reader
