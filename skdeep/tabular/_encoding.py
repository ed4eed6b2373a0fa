"""How a group sees a table: whole, where that is small, or else batch by batch as it goes along."""

from dataclasses import dataclass

import numpy as np

from .._engine.backend import Array, Matrix
from .._engine.data import Encode
from .._engine.records import recorded
from ..preprocessing._expansion import TableExpansion
from ..preprocessing._reader import RawTable

# Up to so many bytes a table is encoded once; gathering rows of a larger one would take as long as
# to encode them anew from what is compact, and the memory bins × rows.
ENCODED_WHOLE_BYTES = 2**24


@recorded
@dataclass(frozen=True, eq=False)
class Encoding:
    """An encoding of a table that networks can always take: of at least one column."""

    expansion: TableExpansion

    @property
    def n_outputs(self) -> int:
        return max(1, self.expansion.n_outputs_)

    def compact(self, raw: RawTable) -> Array:
        """The rows as they are kept."""
        return self.expansion.compact(raw)

    def expand(self, compact: Matrix) -> Array:
        """The rows as networks see them."""
        assert isinstance(compact, np.ndarray)
        if self.expansion.n_outputs_ == 0:
            return np.zeros((compact.shape[0], 1), dtype=compact.dtype)
        return self.expansion.expand(compact)

    def features(self, raw: RawTable) -> tuple[Array, Encode | None]:
        """Rows to train on, and what makes a batch of them, None where they are encoded already."""
        n_bytes = raw.n_rows * self.n_outputs * self.expansion.dtype.itemsize
        if n_bytes > ENCODED_WHOLE_BYTES:
            return self.compact(raw), self.expand
        if self.expansion.n_outputs_ == 0:
            return self.expand(self.compact(raw)), None
        return self.expansion.transform(raw), None
