"""Rows and batches: each row comes once per epoch with its own target and weight, by every path.

X here holds in its first column the number of its row, so that a batch says which rows it is of.
"""

import tracemalloc

import numpy as np
import pytest
import scipy.sparse

from skdeep._engine import data as data_module
from skdeep._engine.backend import RandomStream
from skdeep._engine.data import Batches, Rows, batch_slices, rows_of_csr

N = 23
INDEX = np.array([20, 3, 5, 8, 1, 13, 0, 21, 2, 17, 9])


def make_rows(*, index=None, weighted=True, sparse=False, dtype=np.float64):
    x = np.zeros((N, 3), dtype)
    x[:, 0] = np.arange(N)
    x = scipy.sparse.csr_array(x) if sparse else x
    weights = np.arange(N) + 0.5 if weighted else None
    return Rows(x, 100 + np.arange(N), weights, index)


def stream(seed=0):
    return RandomStream(np.random.SeedSequence(seed))


def numbers(batches):
    """The row numbers of each batch, once they are seen to go with their y and w."""
    found = []
    for x, y, w in batches:
        x = x.toarray() if scipy.sparse.issparse(x) else x
        np.testing.assert_array_equal(y, 100 + x[:, 0])
        if w is not None:
            np.testing.assert_array_equal(w, x[:, 0] + 0.5)
        # Buffers are filled again for the next batch.
        found.append(x[:, 0].astype(int).copy())
    return found


@pytest.fixture(params=["permuted copy", "gathered", "sparse"])
def path(request, monkeypatch):
    """Each of the ways in which rows come into batches."""
    if request.param == "gathered":
        monkeypatch.setattr(data_module, "PERMUTED_COPY_BYTES", 0)
    return {"sparse": request.param == "sparse"}


@pytest.mark.parametrize(
    ("n_rows", "batch_size", "smallest", "sizes"),
    [
        (10, 5, 1, [5, 5]),
        (11, 5, 1, [5, 5, 1]),
        (11, 5, 2, [5, 6]),
        (12, 5, 2, [5, 5, 2]),
        (3, 5, 2, [3]),
        (1, 5, 2, [1]),
        (5, 1, 1, [1] * 5),
    ],
)
def test_slices_cover_the_rows_and_a_short_rest_joins_the_one_before(
    n_rows, batch_size, smallest, sizes
):
    slices = batch_slices(n_rows, batch_size, smallest=smallest)
    assert [s.stop - s.start for s in slices] == sizes
    np.testing.assert_array_equal(np.concatenate([np.r_[s] for s in slices]), np.arange(n_rows))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("index", [None, INDEX], ids=["all", "index"])
@pytest.mark.parametrize("shuffle", [None, 0], ids=["in order", "shuffled"])
def test_each_row_comes_once_per_epoch(path, index, shuffle, weighted):
    rows = make_rows(index=index, weighted=weighted, **path)
    slices = batch_slices(rows.n_rows, 4)
    batches = Batches(rows, slices, None if shuffle is None else stream(shuffle))
    expected = np.arange(N) if index is None else index
    first, second = numbers(batches), numbers(batches)
    assert [len(batch) for batch in first] == [s.stop - s.start for s in slices]
    for epoch in map(np.concatenate, (first, second)):
        np.testing.assert_array_equal(np.sort(epoch), np.sort(expected))
    if shuffle is None:
        np.testing.assert_array_equal(np.concatenate(first), expected)
    else:
        assert (np.concatenate(first) != np.concatenate(second)).any()


def test_every_path_gives_the_same_order(path):
    dense = Batches(make_rows(index=INDEX), batch_slices(11, 4), stream(5))
    other = Batches(make_rows(index=INDEX, **path), batch_slices(11, 4), stream(5))
    for _ in range(3):
        for expected, found in zip(numbers(dense), numbers(other), strict=True):
            np.testing.assert_array_equal(found, expected)


def test_a_single_batch_is_not_shuffled_and_draws_nothing():
    shuffle = stream()
    rows = make_rows()
    assert np.array_equal(numbers(Batches(rows, [slice(0, N)], shuffle))[0], np.arange(N))
    np.testing.assert_array_equal(shuffle.uint16(8), stream().uint16(8))


def test_rows_in_order_are_slices_not_copies():
    rows = make_rows()
    assert all(np.shares_memory(x, rows.x) for x, _, _ in Batches(rows, batch_slices(N, 4), None))


@pytest.mark.parametrize("layout", ["C", "F", "every second row"])
def test_x_may_lie_in_memory_in_any_way(path, layout):
    rows = make_rows(**path)
    if not path["sparse"]:
        wide = np.repeat(rows.x, 2, axis=0)
        rows.x = wide[::2] if layout == "every second row" else np.array(rows.x, order=layout)
    epoch = np.concatenate(numbers(Batches(rows, batch_slices(N, 4), stream())))
    np.testing.assert_array_equal(np.sort(epoch), np.arange(N))


@pytest.mark.parametrize("copied_up_to", [0, 2**22])
def test_buffers_are_used_again(copied_up_to, monkeypatch):
    monkeypatch.setattr(data_module, "PERMUTED_COPY_BYTES", copied_up_to)
    batches = Batches(make_rows(), batch_slices(N, 4), stream())
    first, second = next(iter(batches))[0], next(iter(batches))[0]
    assert np.shares_memory(first, second)


def test_sizes_are_the_distinct_sizes_of_the_batches():
    assert Batches(make_rows(), batch_slices(N, 5), None).sizes == [3, 5]


@pytest.mark.parametrize("index", [None, INDEX], ids=["all", "index"])
def test_total_and_mean_weight_are_of_the_rows_picked(index):
    picked = np.arange(N) if index is None else index
    weighted, plain = make_rows(index=index), make_rows(index=index, weighted=False)
    assert weighted.n_rows == plain.n_rows == len(picked)
    assert weighted.total_weight == pytest.approx(np.sum(picked + 0.5))
    assert weighted.mean_weight == pytest.approx(np.mean(picked + 0.5))
    assert (plain.total_weight, plain.mean_weight) == (len(picked), 1)


def test_total_weight_is_summed_in_float64():
    n = 2**25
    ones = np.broadcast_to(np.float32(1), n)
    x = np.broadcast_to(np.float32(0), (n, 1))
    assert Rows(x, ones, np.broadcast_to(np.float32(0.1), n)).total_weight == pytest.approx(
        n * float(np.float32(0.1)), rel=1e-12
    )


@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("index", [None, INDEX], ids=["all", "index"])
def test_a_converter_gives_rows_in_order_in_the_dtype_asked_for(sparse, dtype, index):
    rows = make_rows(index=index, sparse=sparse, dtype=np.float32)
    rows.y = rows.y.astype(np.float32)
    convert = rows.converter(np.dtype(dtype), 4)
    pieces = []
    for start in range(0, rows.n_rows, 4):
        x, y, w = convert(start, min(start + 4, rows.n_rows))
        assert x.dtype == y.dtype == w.dtype == dtype
        pieces += numbers([(x, y, w)])
    expected = np.arange(N) if index is None else index
    np.testing.assert_array_equal(np.concatenate(pieces), expected)


@pytest.mark.parametrize("kind", [scipy.sparse.csr_array, scipy.sparse.csr_matrix])
@pytest.mark.parametrize("rows", [slice(0, 3), slice(5, 9), slice(2, 20), slice(0, 20)], ids=str)
def test_consecutive_rows_of_a_sparse_x_are_views(kind, rows, rng):
    x = kind(np.where(rng.random((20, 6)) < 0.5, rng.normal(size=(20, 6)), 0))
    piece = rows_of_csr(x, rows)
    assert type(piece) is type(x)
    assert np.shares_memory(piece.data, x.data)
    assert np.shares_memory(piece.indices, x.indices)
    np.testing.assert_array_equal(piece.toarray(), x.toarray()[rows])
    np.testing.assert_array_equal(piece.T @ np.ones(piece.shape[0]), x.toarray()[rows].sum(axis=0))


def test_class_codes_are_not_converted():
    _, y, _ = make_rows().converter(np.dtype(np.float32), 4)(0, 4)
    assert y.dtype.kind == "i"


def test_all_rows_are_converted_once():
    convert = make_rows(dtype=np.float32).converter(np.dtype(np.float64), N)
    assert convert(0, N)[0] is convert(0, N)[0]


def test_a_large_x_in_column_order_is_never_copied_whole(monkeypatch):
    monkeypatch.setattr(data_module, "ROW_ORDER_COPY_BYTES", 0)
    monkeypatch.setattr(data_module, "PERMUTED_COPY_BYTES", 0)
    x = np.asfortranarray(np.random.default_rng(0).normal(size=(4000, 50)))
    rows = Rows(x, np.zeros((4000, 1)))
    batches = Batches(rows, batch_slices(4000, 100), stream())
    for _ in batches:
        pass
    tracemalloc.start()
    for _ in batches:
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < x.nbytes / 5
