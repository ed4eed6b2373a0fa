"""The objective J(θ): weighted mean loss plus penalty, and its gradient.

J(θ) = (1/m) Σ w_i L_i(θ) + penalty(θ), m = Σ w_i over the training set. A `BatchObjective` gives
the part of the loss that a batch holds and its gradient, for the stochastic solvers; a
`FullObjective` gives J itself, for the solvers that see all rows at every step. Both write the
gradient into one array made when the fit starts.
"""

import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from operator import getitem
from typing import Any

import numpy as np

from .backend import Array, Matrix, Number, Stream
from .data import Encode, Rows, rows_of_csr
from .layers import Forward, Workspace
from .losses import Loss
from .network import Network
from .optimizers import blocks, constant, make_scratch
from .penalties import ElasticNet
from .threads import blas_threads_for, one_blas_thread, run_in_threads, slices_for_threads
from .tied import TiedParameters

# Rows evaluated at once where all rows count: enough for BLAS, few enough for the cache.
CHUNK_ELEMENTS = 2**18
# The same in stored entries of a sparse X, each of which is used but twice.
CHUNK_ENTRIES = 2**20
# Fewer rows would leave BLAS with slivers.
FEWEST_ROWS = 64
# Memory for the gradients of all threads.
GRADIENTS_BYTES = 2**26


def rows_per_chunk(network: Network, x: Matrix, n_models: int = 1) -> int:
    """How many rows of x go through the network at once when their number is free to choose."""
    width = network.widest_output * n_models
    if isinstance(x, np.ndarray):
        return max(FEWEST_ROWS, CHUNK_ELEMENTS // max(width, network.n_in))
    return max(FEWEST_ROWS, min(CHUNK_ELEMENTS // width, CHUNK_ENTRIES // entries_per_row(x)))


def entries_per_row(x: Matrix) -> int:
    """Entries of x in a row, of a sparse x those stored, on average; at least 1."""
    return max(1, int(x.shape[1]) if isinstance(x, np.ndarray) else x.nnz // x.shape[0])


@dataclass
class Problem:
    """What is to be minimised: a network, a loss, a penalty, and the rows to learn from.

    With `tied` parameters the penalty and the optimizer act on φ, from which θ is made.
    """

    network: Network
    loss: Loss
    penalty: ElasticNet
    data: Rows
    tied: TiedParameters | None = None


class BatchObjective:
    """The loss of batches of one size: `(x, y, w) -> Σ w L`, gradient in place.

    `scale` is what the sum is multiplied by in J, 1 / (batch size · mean weight) for a mini-batch
    and 1/m for a chunk of the whole, one number or, where weights differ, one per model; the
    gradient left in `grad` is of scale · Σ w L.
    """

    def __init__(
        self,
        problem: Problem,
        theta: Array,
        grad: Array,
        statistics: Array,
        *,
        rows: int,
        scale: float | Array,
        workspace: Workspace,
        streams: Mapping[str, Stream],
    ) -> None:
        network, loss = problem.network, problem.loss
        self._forwards, self._backwards, self._weights = network.bind_training(
            theta,
            grad,
            statistics,
            rows=rows,
            workspace=workspace,
            streams=streams,
            sparse_input=problem.data.feeds_sparse,
        )
        models = theta.shape[:-1]
        self._dz = workspace.columns("output", "dz", (*models, rows, network.n_out))
        target_models = () if loss.targets_are_shared else models
        self._prepare = loss.bind_targets(
            workspace.columns("output", "targets", (*target_models, rows, network.n_out))
        )
        self._value_and_gradient = loss.value_and_gradient
        self._averages_weights = network.mixes_rows
        self._scale = constant(scale, theta.dtype)
        # Weights of each model's own come row by row, and are wanted model by model.
        self._own_weights: Array | None = None
        if problem.data.weights_differ:
            self._own_weights = workspace.array("output", "weights", (*models, rows))
            self._scale = self._scale[:, np.newaxis]

    def __call__(self, x: Matrix, y: Array, w: Array | None) -> Array:
        if w is not None:
            w = self._by_model(w)
        # A matrix, until the first dense layer has made an array of it.
        z: Any = x
        dz = self._dz
        for forward in self._forwards:
            z = forward(z)
        losses = self._value_and_gradient(z, self._prepare(y), dz)
        if w is None:
            total: Array = np.add.reduce(losses, axis=-1)
            np.multiply(dz, self._scale, out=dz)
        else:
            if not w.all():
                # Rows without weight count for nothing even where their loss overflows: 0 · inf is
                # NaN.
                np.copyto(losses, 0, where=w == 0)
                np.copyto(dz, 0, where=(w == 0)[..., np.newaxis])
            total = np.vecdot(losses, w)
            np.multiply(dz, (w * self._scale)[..., np.newaxis], out=dz)
        d: Any = dz
        for backward in self._backwards:
            d = backward(d)
        return total

    def _by_model(self, w: Array) -> Array:
        """The batch's weights, of shape (rows,) or one such row for each model."""
        if self._own_weights is not None:
            np.copyto(self._own_weights, w.T)
            w = self._own_weights
        if self._averages_weights:
            self._weights.set(w)
        return w


class FullObjective:
    """J over all rows at a θ; batch norm takes all rows at once.

    The rows are divided among threads, except where a layer has to see them in order: batch norm
    all at once, dropout with the masks of the evaluation before. `theta` and `grad` may be of
    higher precision than the data.
    """

    def __init__(
        self,
        problem: Problem,
        theta: Array,
        statistics: Array,
        streams: Mapping[str, Stream],
    ) -> None:
        self._problem, self._streams = problem, streams
        self.theta = theta
        self.grad = np.empty_like(theta)
        data, network = problem.data, problem.network
        n_models = math.prod(theta.shape[:-1])
        self._chunk = data.n_rows
        if not network.mixes_rows:
            self._chunk = min(rows_per_chunk(network, data.x, n_models), data.n_rows)
        self._slices = self._divided(n_models)
        grads = [self.grad, *(np.empty_like(theta) for _ in self._slices[1:])]
        self._parts = [
            _SumOverRows(problem, theta, grad, statistics, streams, self._chunk, rows)
            for grad, rows in zip(grads, self._slices, strict=True)
        ]
        self._scratch = make_scratch(theta)

    def _divided(self, n_models: int) -> list[slice]:
        data, network = self._problem.data, self._problem.network
        if network.mixes_rows or network.dropout_layers:
            return [slice(0, data.n_rows)]
        width = max(entries_per_row(data.x), network.widest_output)
        rows = CHUNK_ELEMENTS // (width * n_models)
        # Each thread has two gradients of its own.
        at_most = max(1, GRADIENTS_BYTES // (2 * self.grad.nbytes))
        return slices_for_threads(
            data.n_rows, max(FEWEST_ROWS, rows, math.ceil(data.n_rows / at_most))
        )

    def blas_threads(self) -> AbstractContextManager[object]:
        """The context to evaluate it in, entered once for all evaluations."""
        if len(self._slices) > 1:
            return one_blas_thread()
        sparse = self._problem.data.feeds_sparse
        return blas_threads_for(self._problem.network, self._chunk, sparse_input=sparse)

    def __call__(self) -> Array:
        """J at the present θ, shape M; the gradient of all but its L1 is then in `grad`."""
        problem, layout = self._problem, self._problem.network.layout
        total = self.data_loss()
        weights = layout.penalised(self.theta)
        if problem.penalty.has_l2:
            grad, scratch = layout.penalised(self.grad), self._scratch
            for pieces in blocks(scratch, weights, grad):
                problem.penalty.add_gradient(*pieces)
        return total + problem.penalty.value(weights)

    def data_loss(self) -> Array:
        """The mean loss, and its gradient in `grad`."""
        for stream in self._streams.values():
            stream.restart()
        totals: list[Number] = [0.0] * len(self._slices)

        def work(number: int, rows: slice) -> None:
            totals[number] = self._parts[number](rows)

        run_in_threads(work, self._slices)
        for part in self._parts[1:]:
            np.add(self.grad, part.grad, out=self.grad)
        return np.asarray(sum(totals) / self._problem.data.total_weight)


class _SumOverRows:
    """The sum of losses over some of the rows, chunk by chunk, and its gradient in `grad`."""

    def __init__(
        self,
        problem: Problem,
        theta: Array,
        grad: Array,
        statistics: Array,
        streams: Mapping[str, Stream],
        chunk: int,
        rows: slice,
    ) -> None:
        self.grad, self._chunk = grad, chunk
        # One chunk writes the gradient where it belongs; more of them are added up.
        self._part = grad if chunk >= rows.stop - rows.start else np.empty_like(theta)
        self._convert = problem.data.converter(theta.dtype, chunk)
        self._bound: dict[int, BatchObjective] = {}
        workspace = Workspace(theta.dtype)

        def bind(rows: int) -> BatchObjective:
            return BatchObjective(
                problem,
                theta,
                self._part,
                statistics,
                rows=rows,
                scale=np.asarray(1 / problem.data.total_weight),
                workspace=workspace,
                streams=streams,
            )

        self._bind = bind

    def __call__(self, rows: slice) -> Array:
        if self._part is not self.grad:
            self.grad.fill(0)
        # A NumPy scalar, which float32 sums join in float64.
        total: Number = np.float64(0)
        for start in range(rows.start, rows.stop, self._chunk):
            x, y, w = self._convert(start, min(start + self._chunk, rows.stop))
            n = y.shape[0]
            if n not in self._bound:
                self._bound[n] = self._bind(n)
            total = total + self._bound[n](x, y, w)
            if self._part is not self.grad:
                np.add(self.grad, self._part, out=self.grad)
        return np.asarray(total)


def evaluate_loss(loss: Loss, logits: Array, y: Array) -> Array:
    """Losses of the examples from their logits, which are spoilt; shape (*M, n)."""
    models = logits.shape[:-2] if not loss.targets_are_shared else ()
    targets = loss.bind_targets(np.empty((*models, *logits.shape[-2:]), dtype=logits.dtype))
    return loss.value_and_gradient(logits, targets(y), np.empty_like(logits))


def predict_logits(
    network: Network,
    theta: Array,
    statistics: Array,
    x: Matrix,
    *,
    index: Array | None = None,
    transform: Callable[[Array], Array] | None = None,
    encode: Encode | None = None,
) -> Array:
    """Raw outputs of shape (*M, n, n_out) for the rows `index` of x, or all, in chunks of rows.

    `transform` acts in place on each chunk while it is in the cache; `encode` makes what the
    network takes of the rows of x.
    """
    n, models = x.shape[0] if index is None else index.shape[0], theta.shape[:-1]
    out = np.empty((*models, n, network.n_out), dtype=theta.dtype)
    as_they_lie: Callable[[Any, slice], Matrix] = rows_of_csr
    if isinstance(x, np.ndarray):
        as_they_lie = getitem
    sparse = not isinstance(x, np.ndarray) and encode is None
    chunk = min(rows_per_chunk(network, x, math.prod(models)), n)

    def work(number: int, part: slice) -> None:
        workspace = Workspace(theta.dtype)
        bound: dict[int, Forward] = {}
        for start in range(part.start, part.stop, chunk):
            rows_of_x = slice(start, min(start + chunk, part.stop))
            piece = as_they_lie(x, rows_of_x) if index is None else x[index[rows_of_x]]
            if encode is not None:
                piece = encode(piece)
            rows = piece.shape[0]
            if rows not in bound:
                bound[rows] = network.bind_prediction(
                    theta, statistics, rows=rows, workspace=workspace, sparse_input=sparse
                )
            if isinstance(piece, np.ndarray) and piece.dtype != theta.dtype:
                cast = workspace.array("input", "x", piece.shape)
                np.copyto(cast, piece)
                piece = cast
            logits = bound[rows](piece)
            out[..., rows_of_x, :] = logits if transform is None else transform(logits)

    run_in_threads(work, slices_for_threads(n, chunk))
    return out
