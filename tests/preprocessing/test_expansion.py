"""What training expands batch by batch is the transform of the whole table, bit for bit."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from skdeep.preprocessing import TableEncoder
from skdeep.preprocessing._expansion import TableExpansion
from skdeep.preprocessing._reader import TableReader

GENERATOR = np.random.default_rng(0)
N = 700


def column_of_strings(n_levels, share_missing=0.0):
    values = np.array([f"level {k}" for k in range(n_levels)], dtype=object)
    column = values[GENERATOR.integers(n_levels, size=N)]
    column[GENERATOR.random(N) < share_missing] = None
    return column


FRAME = pd.DataFrame(
    {
        "colour": column_of_strings(5),
        "normal": GENERATOR.normal(size=N),
        "constant": np.ones(N),
        "some missing": np.where(GENERATOR.random(N) < 0.1, np.nan, GENERATOR.normal(size=N)),
        "either or": column_of_strings(2),
        "missing or 1": np.where(GENERATOR.random(N) < 0.5, np.nan, 1.0),
        "town": column_of_strings(200, 0.2),
        "counts": GENERATOR.poisson(1.0, size=N),
        "one level": np.full(N, "same"),
        "flag": GENERATOR.random(N) < 0.3,
    }
)
NUMBERS = ["normal", "constant", "some missing", "missing or 1", "counts", "flag"]
TEXTS = ["colour", "either or", "town", "one level"]
TABLES = {
    "both": FRAME,
    "numbers": FRAME[NUMBERS],
    "texts": FRAME[TEXTS],
    "no outputs": FRAME[["constant", "one level"]],
    "an indicator": FRAME[["missing or 1"]],
    "an indicator and texts": FRAME[["missing or 1", "colour"]],
}
WEIGHTS = GENERATOR.integers(0, 3, size=N).astype(float)


def fitted(table, scale, dtype, weights=None):
    reader = TableReader()
    raw = reader.fit_read(table, weights)
    expansion = TableExpansion(7, scale, dtype).fit(raw, reader, weights)
    return reader, raw, expansion


def layouts(expansion, n):
    """Places to expand into."""
    d, dtype = expansion.n_outputs_, expansion.dtype
    yield None
    yield expansion.empty(n)
    yield np.full((n, d), 9, dtype=dtype)
    yield np.full((2 * n, d + 3), 9, dtype=dtype)[::2, 1 : d + 1]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", [None, 3.0])
@pytest.mark.parametrize("name", TABLES)
def test_batches_expand_to_the_transform_bit_for_bit(name, scale, dtype):
    table = TABLES[name]
    _, raw, expansion = fitted(table, scale, dtype, WEIGHTS)
    encoder = TableEncoder(7, scale=scale, dtype=dtype)
    expected = encoder.fit(table, sample_weight=WEIGHTS).transform(table)
    compact = expansion.compact(raw)
    assert compact.dtype == expected.dtype == dtype
    assert compact.shape == (N, expansion.n_compact_)
    assert compact.flags.c_contiguous
    rows = GENERATOR.permutation(N)
    for n in (0, 1, 2, 64, 256):
        batch = compact[rows[:n]]
        before = batch.copy()
        for out in layouts(expansion, n):
            found = expansion.expand(batch, out)
            assert out is None or found is out
            assert_array_equal(found, expected[rows[:n]])
        assert_array_equal(batch, before)


def test_a_place_in_a_larger_matrix_is_all_that_is_written():
    _, raw, expansion = fitted(FRAME, 3.0, "float32")
    large = np.full((20, expansion.n_outputs_ + 2), 9, dtype=np.float32)
    expansion.expand(expansion.compact(raw)[:10], large[5:15, 1:-1])
    large[5:15, 1:-1] = 9
    assert (large == 9).all()


def test_read_only_rows_are_expanded():
    _, raw, expansion = fitted(FRAME, 3.0, "float32")
    compact = expansion.compact(raw)
    compact.flags.writeable = False
    assert np.isfinite(expansion.expand(compact)).all()
    assert np.isfinite(expansion.expand(compact[:1])).all()


def test_threads_may_expand_at_once():
    _, raw, expansion = fitted(FRAME, 3.0, "float32")
    compact = expansion.compact(raw)
    batches = [compact[start : start + 100] for start in range(0, N, 100)] * 20
    expected = [expansion.expand(batch) for batch in batches]
    with ThreadPoolExecutor(4) as pool:
        for found, wanted in zip(pool.map(expansion.expand, batches), expected, strict=True):
            assert_array_equal(found, wanted)


def test_two_expansions_share_a_reading():
    reader, raw, fine = fitted(FRAME, 3.0, "float32")
    coarse = TableExpansion(2, 3.0).fit(raw, reader)
    expected = TableEncoder(2).fit_transform(FRAME)
    assert_array_equal(coarse.expand(coarse.compact(raw)), expected)
    assert coarse.n_outputs_ < fine.n_outputs_
    assert coarse.n_compact_ == fine.n_compact_


def test_reader_and_expansion_are_pickled():
    reader, raw, expansion = fitted(FRAME, 3.0, "float32")
    reader_2, expansion_2 = pickle.loads(pickle.dumps((reader, expansion)))
    again = reader_2.read(FRAME)
    assert_array_equal(again.numbers, raw.numbers)
    assert_array_equal(again.codes, raw.codes)
    assert_array_equal(
        expansion_2.expand(expansion_2.compact(again)), expansion.expand(expansion.compact(raw))
    )


def test_fit_and_read_is_fit_read():
    reader = TableReader().fit(FRAME)
    raw = TableReader().fit_read(FRAME)
    assert_array_equal(reader.read(FRAME).codes, raw.codes)
    assert_array_equal(reader.read(FRAME).numbers, raw.numbers)
    assert raw.codes.dtype == np.int32
    assert raw.numbers.dtype == np.float64


def test_reading_takes_no_more_codes_than_levels():
    reader = TableReader(max_categories=20)
    codes = reader.fit_read(FRAME[TEXTS]).codes
    assert [len(levels.values) for levels in reader.levels_] == [5, 2, 20, 1]
    assert_array_equal(codes.max(axis=0), [4, 1, 19, 0])
    assert_array_equal(codes.min(axis=0), [0, 0, -1, 0])
