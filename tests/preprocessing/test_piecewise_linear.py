"""PiecewiseLinearEncoder against the paper's formula in plain NumPy."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from preprocessing.oracles import bins_of, encoded_number

from skdeep.preprocessing import PiecewiseLinearEncoder

GENERATOR = np.random.default_rng(0)
N = 60
FEATURES = {
    "normal": GENERATOR.normal(size=N),
    "skewed": np.exp(3 * GENERATOR.normal(size=N)),
    "counts": GENERATOR.poisson(1.0, size=N).astype(float),
    "two values": (np.arange(N) % 3 == 0).astype(float),
    "constant": np.full(N, 7.0),
    "some missing": np.where(np.arange(N) % 5 == 0, np.nan, np.arange(N)),
    "constant or missing": np.where(np.arange(N) % 2 == 0, np.nan, 1.0),
    "all missing": np.full(N, np.nan),
    "one known": np.where(np.arange(N) == 3, 5.0, np.nan),
}
X = np.column_stack(list(FEATURES.values()))
WEIGHTS = GENERATOR.integers(0, 4, size=N)


@pytest.mark.parametrize("weights", [np.ones(N), WEIGHTS], ids=["equal", "weights"])
@pytest.mark.parametrize("scale", [None, 1.0, 3.0])
@pytest.mark.parametrize("n_bins", [1, 2, 5, 16, 200])
@pytest.mark.parametrize("feature", FEATURES)
def test_it_is_the_papers_formula(feature, n_bins, scale, weights):
    seen = FEATURES[feature]
    new = np.concatenate([seen, GENERATOR.normal(size=20), [np.nan, -1e9, 1e9]])
    expected = encoded_number(new, seen, weights, n_bins, scale)
    for dtype, rtol in (("float64", 1e-9), ("float32", 3e-4)):
        encoder = PiecewiseLinearEncoder(n_bins, scale=scale, dtype=dtype)
        encoder.fit(seen[:, None], sample_weight=weights)
        found = encoder.transform(new[:, None])
        assert found.dtype == dtype
        assert_allclose(found, expected, rtol=0, atol=rtol)


def test_features_stand_side_by_side():
    together = PiecewiseLinearEncoder(4, scale=3.0).fit_transform(X)
    alone = [PiecewiseLinearEncoder(4, scale=3.0).fit_transform(column[:, None]) for column in X.T]
    assert_array_equal(together, np.hstack(alone))


def test_a_scaled_feature_has_mean_zero_and_the_scale():
    encoder = PiecewiseLinearEncoder(8, scale=3.0, dtype="float64")
    for feature in ("normal", "skewed", "counts", "two values"):
        columns = encoder.fit_transform(FEATURES[feature][:, None])
        assert_allclose(columns.mean(axis=0), 0, atol=1e-12)
        assert_allclose(np.sqrt((columns**2).sum(axis=1).mean()), 3)


@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=False), min_size=1, max_size=30),
    st.integers(1, 20),
)
@example([-1.7e308, 0.0, 1.7e308], 1)
@example([5e-324, 1e-323, 0.0], 2)
@settings(max_examples=200)
def test_any_finite_values_are_encoded_within_their_limits(values, n_bins):
    column = np.array(values)[:, None]
    encoder = PiecewiseLinearEncoder(n_bins, dtype="float64").fit(column)
    found = encoder.transform(column)
    assert np.isfinite(found).all()
    assert ((found >= 0) & (found <= 1)).all()
    assert np.isfinite(PiecewiseLinearEncoder(n_bins, scale=3.0).fit_transform(column)).all()
    edges = encoder.edges_[0]
    if edges.size > 1 and edges[-1] / 2 - edges[0] / 2 < 1e307:
        known = ~np.isnan(column[:, 0])
        expected = bins_of(column[known, 0], edges)
        assert_allclose(found[known, : edges.size - 1], expected, atol=1e-9)


def test_rows_without_weight_count_in_nothing():
    kept = WEIGHTS > 0
    spoilt = X.copy()
    spoilt[~kept] = np.where(np.arange(X.shape[1]) % 2 == 0, 1e6, np.nan)
    encoder = PiecewiseLinearEncoder(scale=3.0)
    expected = encoder.fit(X[kept], sample_weight=WEIGHTS[kept]).transform(X)
    assert_array_equal(encoder.fit(spoilt, sample_weight=WEIGHTS).transform(X), expected)


def test_a_value_missing_only_in_transform_is_all_zeros():
    encoder = PiecewiseLinearEncoder(4, scale=3.0).fit(X[:, :1])
    assert_array_equal(encoder.transform([[np.nan]]), np.zeros((1, 4)))


def test_names_are_readable_and_differ():
    frame = pd.DataFrame({"age": [20.0, 30, 40, np.nan], "share": [0.12341, 0.12342, 0.2, 0.3]})
    names = PiecewiseLinearEncoder(3).fit(frame).get_feature_names_out()
    assert list(names) == [
        "age: 20 to 25",
        "age: 25 to 35",
        "age: 35 to 40",
        "age: missing",
        "share: 0.12341 to 0.12342",
        "share: 0.12342 to 0.2",
        "share: 0.2 to 0.3",
    ]


def test_names_that_would_be_equal_are_numbered():
    encoder = PiecewiseLinearEncoder(1).fit([[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]])
    names = encoder.get_feature_names_out(["a", "a", "a"])
    assert list(names) == ["a: 1 to 2", "a: 1 to 2 (2)", "a: 1 to 2 (3)"]


def test_a_value_of_most_rows_leaves_bins_to_the_others():
    amounts = np.concatenate([np.zeros(900), np.linspace(1, 100, 100)])
    edges = PiecewiseLinearEncoder(8).fit(amounts[:, None]).edges_[0]
    # Quantiles of all rows would end at the first of them.
    assert np.unique(np.quantile(amounts, np.linspace(0, 1, 9))).size == 2
    assert edges[0] == 0
    assert edges.size == 9
    assert_allclose(np.diff(edges[1:]), 100 / 7, rtol=0.1)


@pytest.mark.parametrize("n_ones", [1, 30, 50, 99])
def test_two_values_make_one_bin(n_ones):
    values = (np.arange(100) < n_ones).astype(float)[:, None]
    assert_array_equal(PiecewiseLinearEncoder(4).fit(values).edges_[0], [0, 1])


def test_no_bin_is_made_for_a_handful_of_rows():
    amounts = np.concatenate([np.zeros(9990), np.arange(1, 11)])
    assert PiecewiseLinearEncoder(8).fit(amounts[:, None]).edges_[0].size < 9


def test_edges_are_told_apart_whatever_their_digits():
    values = np.nextafter(1.0, [2, 1.0, 0.0])[:, None]
    names = PiecewiseLinearEncoder(2).fit(values).get_feature_names_out()
    assert len(set(names)) == len(names) == 2


LIBRARIES = {
    "pandas": pd.DataFrame,
    "nullable": lambda X: pd.DataFrame(X).convert_dtypes(),
    "polars": lambda X: pl.DataFrame(X).fill_nan(None),
    "objects": lambda X: X.astype(object),
    "lists": lambda X: X.tolist(),
}


@pytest.mark.parametrize("library", LIBRARIES)
def test_every_library_gives_the_same_matrix(library):
    table = LIBRARIES[library](X)
    found = PiecewiseLinearEncoder(scale=1.0).fit(table).transform(table)
    assert_array_equal(found, PiecewiseLinearEncoder(scale=1.0).fit_transform(X))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_set_output(library):
    frame = pd.DataFrame(X[:, :2], columns=["a", "b"])
    given = frame if library == "pandas" else pl.from_pandas(frame)
    encoder = PiecewiseLinearEncoder(2).set_output(transform=library)
    found = encoder.fit_transform(given)
    assert type(found).__module__.startswith(library)
    assert list(found.columns) == list(encoder.get_feature_names_out())
    encoder.set_output(transform="default")
    assert_array_equal(np.asarray(found), encoder.transform(given))


def test_it_is_pickled():
    encoder = PiecewiseLinearEncoder(scale=1.0).fit(X)
    assert_array_equal(pickle.loads(pickle.dumps(encoder)).transform(X), encoder.transform(X))


BAD_WEIGHTS = [
    (np.zeros(N), "sample_weight must have a positive value, all are zero"),
    (-np.ones(N), r"sample_weight must not be negative, got -1\.0"),
    (np.ones(3), r"one number for each of the 60 rows, got shape \(3,\)"),
    (np.full(N, 1e308), r"sample_weight must have a finite sum, got values up to 1e\+308"),
    (np.full(N, np.nan), "sample_weight contains NaN"),
]


@pytest.mark.parametrize(("weights", "message"), BAD_WEIGHTS)
def test_bad_weights_are_named(weights, message):
    with pytest.raises(ValueError, match=message):
        PiecewiseLinearEncoder().fit(X, sample_weight=weights)


def test_one_weight_for_all_is_none():
    encoder = PiecewiseLinearEncoder(scale=2.0)
    expected = encoder.fit_transform(X)
    assert_array_equal(encoder.fit(X, sample_weight=2.0).transform(X), expected)


def test_infinite_values_raise():
    with pytest.raises(ValueError, match="infinity"):
        PiecewiseLinearEncoder().fit([[1.0], [np.inf]])
