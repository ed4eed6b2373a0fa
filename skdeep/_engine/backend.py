"""The one place for what NumPy itself does not offer: special functions and random draws.

A later change of array namespace replaces this module; the rest of the engine calls only NumPy
functions that other array libraries offer under the same name.
"""

from collections.abc import Mapping
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf, expit, xlogy

from .records import recorded_by

__all__ = [
    "RandomStream",
    "RepeatingStream",
    "Stream",
    "StreamsByWidth",
    "erf",
    "expit",
    "spawn_streams",
    "xlogy",
]

Array = NDArray[Any]
FloatType = np.dtype[np.floating]
# One number, or of several models an array with a value for each.
Number = float | Array


class CSR(Protocol):
    """What we ask of a matrix or array of scipy.sparse in its form CSR."""

    data: Array
    indices: Array
    indptr: Array

    def __init__(
        self,
        content: tuple[int, int] | tuple[Array, Array, Array],
        *,
        shape: tuple[int, int] | None = None,
        dtype: FloatType | None = None,
    ) -> None: ...

    @property
    def shape(self) -> tuple[int, int]: ...

    @property
    def ndim(self) -> int: ...

    @property
    def dtype(self) -> FloatType: ...

    @property
    def nnz(self) -> int: ...

    @property
    def has_canonical_format(self) -> bool: ...

    def copy(self) -> "CSR": ...

    def sum_duplicates(self) -> None: ...

    @property
    def T(self) -> Self: ...

    def __getitem__(self, rows: Array | slice) -> Self: ...

    def __matmul__(self, dense: Array) -> Array: ...

    def __rmatmul__(self, dense: Array) -> Array: ...

    def __abs__(self) -> Self: ...

    def power(self, exponent: int) -> Self: ...

    def mean(self, axis: int) -> Array: ...

    def astype(self, dtype: FloatType, *, copy: bool = True) -> Self: ...

    def toarray(self) -> Array: ...


# An X that has been checked.
Matrix = Array | CSR


class Stream(Protocol):
    """A source of 16-bit integers, which is all that dropout asks of randomness."""

    def uint16(self, size: int) -> Array: ...

    def restart(self) -> None: ...

    def of_width(self, width: int) -> "Stream":
        """Where a layer of so many units draws from."""
        ...


def _stream_at(values: dict[str, Any]) -> "RandomStream":
    stream = RandomStream(np.random.SeedSequence(0))
    stream.position = values["position"]
    return stream


@recorded_by(lambda stream: {"position": stream.position}, _stream_at)
class RandomStream:
    """One purpose's random numbers; its state is part of the fitted state."""

    def __init__(self, seed: np.random.SeedSequence) -> None:
        self.generator = np.random.Generator(np.random.PCG64(seed))

    def uint16(self, size: int) -> Array:
        """Uniform integers below 2**16, four from each 64-bit draw."""
        raw: Array = self.generator.bit_generator.random_raw((size + 3) // 4)
        return raw.view(np.uint16)[:size]

    def restart(self) -> None:
        """Nothing: a random stream only goes on."""

    def of_width(self, width: int) -> "RandomStream":
        """Itself: one layer draws from it."""
        return self

    def copy(self) -> "RandomStream":
        """A stream that goes on from here by itself."""
        return _stream_at({"position": self.position})

    @property
    def position(self) -> Mapping[str, object]:
        """Where the stream is, to be set again to go back there."""
        return self.generator.bit_generator.state

    @position.setter
    def position(self, position: Mapping[str, object]) -> None:
        self.generator.bit_generator.state = position

    def integer_seed(self) -> int:
        """A seed for code that takes an integer only."""
        return int(self.generator.integers(2**31 - 1))


class RepeatingStream:
    """Gives the same numbers again after each restart, however they are cut into calls.

    With it dropout keeps its masks from one evaluation of an objective to the next.
    """

    def __init__(self, stream: RandomStream) -> None:
        self._stream = stream
        self._drawn: Array = np.empty(0, dtype=np.uint16)
        self._position = 0

    def uint16(self, size: int) -> Array:
        start, self._position = self._position, self._position + size
        if self._position > self._drawn.size:
            # In whole words, since the stream throws the rest of a word away.
            missing = max(self._position - self._drawn.size, self._drawn.size)
            extra = self._stream.uint16((missing + 3) // 4 * 4)
            self._drawn = np.concatenate([self._drawn, extra])
        return self._drawn[start : self._position]

    def restart(self) -> None:
        self._position = 0

    def of_width(self, width: int) -> "RepeatingStream":
        return self


class StreamsByWidth:
    """The streams of a layer that is padded in some models: what is drawn depends on its width.

    Numbers are drawn unit by unit, so that of two layers that differ in width the second batch's
    come from different places of one stream.
    """

    def __init__(self, streams: Mapping[int, RandomStream]) -> None:
        self._streams = dict(streams)

    def uint16(self, size: int) -> Array:
        raise TypeError("Which numbers are drawn depends on a width: ask `of_width`.")

    def restart(self) -> None:
        """Nothing: random streams only go on."""

    def of_width(self, width: int) -> RandomStream:
        return self._streams[width]


def spawn_streams(entropy: list[int], purposes: list[str]) -> dict[str, RandomStream]:
    """One independent stream per purpose, by position, so no stream depends on another's use."""
    seeds = np.random.SeedSequence(entropy).spawn(len(purposes))
    return {purpose: RandomStream(seed) for purpose, seed in zip(purposes, seeds, strict=True)}
