"""The rows a fit learns from, and the batches cut from them.

`Rows` names rows of X without copying it: a validation split is a set of row numbers. `Batches` are
slices of X where the order is that of the rows, one permuted copy per epoch where X
is small, and otherwise rows gathered into one buffer. `AugmentedBatches` are such batches as a
function of the user's has changed them.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from .backend import CSR, Array, FloatType, Matrix, Number, RandomStream
from .errors import own_errors

Batch = tuple[Matrix, Array, Array | None]
DenseBatch = tuple[Array, Array, Array | None]
# What a network sees of a batch of X.
Encode = Callable[[Matrix], Matrix]
# (X_batch, y_batch, random_state) -> (X_batch, y_batch)
Augment = Callable[[Array, Array, np.random.Generator], tuple[Array, Array]]

# An X whose rows are not contiguous (a data frame's, as a rule) is copied once up to this size;
# a larger one is indexed, which is slower but makes no copy of it. A sparse X in another dtype than
# a full-batch solver's is converted once up to this size, and piece by piece beyond.
ROW_ORDER_COPY_BYTES = 2**26
# An X up to this size is permuted whole, once per epoch: one copy in the cache, then free slices.
PERMUTED_COPY_BYTES = 2**22


@dataclass
class Rows:
    """X (dense or CSR), encoded targets, weights; `index` picks rows, None means all of them.

    Weights of shape (n,) are those of every model; of shape (n, K), each model of a population has
    a column of its own, and so has its own rows: a fold, a bootstrap or a bag is such a column.
    `total_weight` is then an array of shape (K,). With an `encode`, the network sees what that
    makes of a batch of X.
    """

    x: Matrix
    y: Array
    sample_weight: Array | None = None
    index: Array | None = None
    encode: Encode | None = None

    def __post_init__(self) -> None:
        self.y = np.ascontiguousarray(self.y)
        self.n_rows = int(self.x.shape[0] if self.index is None else self.index.shape[0])
        self.total_weight: Number = float(self.n_rows)
        if self.sample_weight is not None:
            weights = self.sample_weight
            picked = weights if self.index is None else weights[self.index]
            total = picked.sum(axis=0, dtype=np.float64)
            self.total_weight = float(total) if total.ndim == 0 else total

    @property
    def is_sparse(self) -> bool:
        return not isinstance(self.x, np.ndarray)

    @property
    def feeds_sparse(self) -> bool:
        """Whether the network's own input is sparse."""
        return self.is_sparse and self.encode is None

    @property
    def mean_weight(self) -> Number:
        return self.total_weight / self.n_rows

    @property
    def weights_differ(self) -> bool:
        """Whether each model has weights of its own."""
        return self.sample_weight is not None and self.sample_weight.ndim == 2

    def of_model(self, number: int) -> "Rows":
        """The rows as one model of a population knows them."""
        if self.sample_weight is None or not self.weights_differ:
            return self
        return replace(self, sample_weight=np.ascontiguousarray(self.sample_weight[:, number]))

    def of_models(self, numbers: Array) -> "Rows":
        """The rows as these models of a population know them."""
        if self.sample_weight is None or not self.weights_differ:
            return self
        return replace(self, sample_weight=np.ascontiguousarray(self.sample_weight[:, numbers]))

    def gather(self, rows: Array | slice) -> Batch:
        """Copies (or, of slices, views) of the rows at positions `rows`."""
        picked = rows if self.index is None else self.index[rows]
        w = None if self.sample_weight is None else self.sample_weight[picked]
        if not isinstance(self.x, np.ndarray) and isinstance(picked, slice):
            return rows_of_csr(self.x, picked), self.y[picked], w
        return self.x[picked], self.y[picked], w

    def converter(self, dtype: FloatType, n: int) -> Callable[[int, int], Batch]:
        """A function (start, stop) → rows in order, X in `dtype`, at most n at once."""
        kept: dict[tuple[int, int], Batch] = {}
        # The pieces of a sparse X are views, or copies where they are converted or picked.
        keeps = not isinstance(self.x, np.ndarray) and (
            (self.x.dtype == dtype and self.index is None)
            or self.x.nnz * dtype.itemsize <= ROW_ORDER_COPY_BYTES
        )
        if self.encode is not None:
            convert = self._encoder(dtype)
        elif self.is_sparse or self.x.dtype == dtype:
            convert = _in_dtype(dtype)
        else:
            convert = _into(np.empty((n, self.x.shape[1]), dtype=dtype))

        def rows(start: int, stop: int) -> Batch:
            if not keeps and (start, stop) != (0, self.n_rows):
                return self._converted(slice(start, stop), dtype, convert)
            # Asked for at every step of a full-batch solver: made once.
            if (start, stop) not in kept:
                kept[start, stop] = self._converted(slice(start, stop), dtype, convert)
            return kept[start, stop]

        return rows

    def _encoder(self, dtype: FloatType) -> Encode:
        encode, convert = self.encode, _in_dtype(dtype)
        assert encode is not None
        return lambda x: convert(encode(x))

    def _converted(self, rows: slice, dtype: FloatType, convert: Encode) -> Batch:
        x, y, w = self.gather(rows)
        if y.dtype.kind == "f":
            y = y.astype(dtype, copy=False)
        return convert(x), y, None if w is None else w.astype(dtype, copy=False)


def rows_of_csr(x: CSR, rows: slice) -> CSR:
    """Consecutive rows of a CSR matrix as a view: its own slices are copies."""
    start, stop, _ = rows.indices(x.shape[0])
    stored = slice(x.indptr[start], x.indptr[stop])
    piece = type(x)((stop - start, x.shape[1]), dtype=x.dtype)
    # Given to the constructor, arrays of less than half of what they are views of are copied.
    piece.data, piece.indices = x.data[stored], x.indices[stored]
    piece.indptr = x.indptr[start : stop + 1] - x.indptr[start]
    return piece


def _in_dtype(dtype: FloatType) -> Encode:
    def convert(x: Matrix) -> Matrix:
        return x.astype(dtype, copy=False)

    return convert


def _into(buffer: Array) -> Encode:
    def convert(x: Matrix) -> Array:
        target = buffer[: x.shape[0]]
        # Only a dense X is copied so.
        np.copyto(target, cast(Array, x))
        return target

    return convert


def batch_slices(n_rows: int, batch_size: int, *, smallest: int = 1) -> list[slice]:
    """Consecutive slices of `batch_size` rows; a rest below `smallest` joins the one before."""
    starts = list(range(0, n_rows, batch_size))
    if len(starts) > 1 and n_rows - starts[-1] < smallest:
        starts.pop()
    return [slice(a, b) for a, b in zip(starts, [*starts[1:], n_rows], strict=True)]


def _with_contiguous_rows(rows: Rows) -> Rows:
    x = rows.x
    if not isinstance(x, np.ndarray) or x.flags.c_contiguous or x.nbytes > ROW_ORDER_COPY_BYTES:
        return rows
    return replace(rows, x=np.ascontiguousarray(x))


class Batches:
    """The mini-batches of one epoch after the other, in fresh order if `shuffle` gives one."""

    def __init__(self, rows: Rows, slices: list[slice], shuffle: RandomStream | None) -> None:
        self._slices = slices
        # With a single batch the order of its rows changes nothing but rounding.
        self._shuffle = shuffle if len(slices) > 1 else None
        gathers = self._shuffle is not None or rows.index is not None
        self._rows = _with_contiguous_rows(rows) if gathers else rows
        self._copy: DenseBatch | None = None

    @property
    def sizes(self) -> list[int]:
        return sorted({s.stop - s.start for s in self._slices})

    def __iter__(self) -> Iterator[Batch]:
        rows = self._rows
        if self._shuffle is None and rows.index is None:
            return (rows.gather(s) for s in self._slices)
        order = self._next_order()
        # `take` would copy an X with other rows than contiguous ones, all of it, at every call.
        if not isinstance(rows.x, np.ndarray) or not rows.x.flags.c_contiguous:
            return (self._indexed(order[s]) for s in self._slices)
        arrays = (rows.x, rows.y, rows.sample_weight)
        if rows.x.nbytes <= PERMUTED_COPY_BYTES:
            return self._from_permuted_copy(arrays, order)
        return self._gathered(arrays, order)

    def _next_order(self) -> Array:
        """Row numbers of X in this epoch's order, made anew: nothing is kept per row."""
        rows = self._rows
        if rows.index is not None:
            order = rows.index.copy()
        else:
            # Half the memory of NumPy's own choice, which is most of what a fit needs beyond X.
            narrow = rows.n_rows <= np.iinfo(np.int32).max
            order = np.arange(rows.n_rows, dtype=np.int32 if narrow else np.int64)
        if self._shuffle is not None:
            self._shuffle.generator.shuffle(order)
        return order

    def _indexed(self, picked: Array) -> Batch:
        rows = self._rows
        w = None if rows.sample_weight is None else rows.sample_weight[picked]
        return rows.x[picked], rows.y[picked], w

    def _buffers_like(self, arrays: DenseBatch, n: int) -> DenseBatch:
        if self._copy is None:
            x, y, w = arrays
            self._copy = _rows_like(x, n), _rows_like(y, n), None if w is None else _rows_like(w, n)
        return self._copy

    def _from_permuted_copy(self, arrays: DenseBatch, order: Array) -> Iterator[Batch]:
        x, y, w = _fill(self._buffers_like(arrays, order.shape[0]), arrays, order)
        for s in self._slices:
            yield x[s], y[s], None if w is None else w[s]

    def _gathered(self, arrays: DenseBatch, order: Array) -> Iterator[Batch]:
        buffers = self._buffers_like(arrays, max(self.sizes))
        for s in self._slices:
            yield _fill(buffers, arrays, order[s])


def _rows_like(array: Array, n: int) -> Array:
    """Room for n rows such as an array has."""
    return np.empty((n, *array.shape[1:]), dtype=array.dtype)


def _fill(buffers: DenseBatch, arrays: DenseBatch, picked: Array) -> DenseBatch:
    """The picked rows of X, y and the weights, copied into the buffers."""
    n, (x, y, w), (into_x, into_y, into_w) = picked.shape[0], arrays, buffers
    return (
        x.take(picked, axis=0, out=into_x[:n], mode="clip"),
        y.take(picked, axis=0, out=into_y[:n], mode="clip"),
        None
        if w is None or into_w is None
        else w.take(picked, axis=0, out=into_w[:n], mode="clip"),
    )


class EncodedBatches:
    """Batches as `encode` makes them from those of X, so that X is never encoded whole."""

    def __init__(self, batches: Iterable[Batch], encode: Encode) -> None:
        self._batches, self._encode = batches, encode

    def __iter__(self) -> Iterator[Batch]:
        return ((self._encode(x), y, w) for x, y, w in self._batches)


class AugmentedBatches:
    """Batches as `augment` changes them, afresh each time.

    `as_matrix` makes targets floats, `are_targets` says whether they still are such as the loss
    takes. What is given to `augment` may be the user's own X, and so is read-only. What it raises,
    or what its batch is refused for, is an `OwnError`.
    """

    def __init__(
        self,
        batches: Iterable[Batch],
        augment: Augment,
        stream: RandomStream,
        as_matrix: Callable[[Array], Array],
        are_targets: Callable[[Array], bool],
    ) -> None:
        self._batches, self._augment, self._stream = batches, augment, stream
        self._as_matrix, self._are_targets = as_matrix, are_targets

    def __iter__(self) -> Iterator[Batch]:
        for x, codes, w in self._batches:
            assert isinstance(x, np.ndarray)
            y = self._as_matrix(codes)
            with own_errors(Exception):
                x, y = self._changed(x, y)
            yield x, y, w

    def _changed(self, x: Array, y: Array) -> tuple[Array, Array]:
        """A batch as `augment` returns it, checked."""
        changed = self._augment(_read_only(x), _read_only(y), self._stream.generator)
        if not (isinstance(changed, tuple) and len(changed) == 2):
            raise ValueError(
                f"augment must return a tuple (X_batch, y_batch), got {type(changed).__name__}."
            )
        x, y = _like(x, changed[0], "X_batch"), _like(y, changed[1], "y_batch")
        if not np.isfinite(x).all():
            raise ValueError("augment must return a finite X_batch, got NaN or infinity.")
        if not self._are_targets(y):
            raise ValueError(
                "augment must return a y_batch of such targets as it was given (finite; for "
                "classes, probabilities that sum to one in a row; for the loss 'poisson' >= 0, "
                "for 'gamma' > 0); got values "
                f"from {y.min()} to {y.max()}."
            )
        return x, y


def _read_only(a: Array) -> Array:
    view = a.view()
    view.flags.writeable = False
    return view


def _like(before: Array, after: object, name: str) -> Array:
    array = np.asarray(after)
    if array.shape != before.shape or array.dtype.kind not in "biuf":
        raise ValueError(
            f"augment must return {name} as an array of numbers in the shape it was given, "
            f"{before.shape}; got {type(after).__name__} of shape {array.shape} and dtype "
            f"{array.dtype}."
        )
    return np.ascontiguousarray(array, dtype=before.dtype)
