"""Weighted quantiles against NumPy's, and against exact fractions where rounding could decide."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from preprocessing.oracles import exact_quantiles

from skdeep._engine.quantiles import quantiles

VALUES = st.lists(st.sampled_from([-2.0, 0.0, 0.5, 1.0, 3.0, 1e300]), min_size=1, max_size=40)
FINITE = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=40)
N_BINS = st.integers(1, 20)


@given(FINITE, N_BINS)
def test_without_weights_they_are_the_averaged_inverted_cdf(values, n_bins):
    levels = np.linspace(0, 1, n_bins + 1)
    found = quantiles(np.array(values), levels)
    assert_array_equal(found, exact_quantiles(values, [1] * len(values), n_bins))


@pytest.mark.parametrize("n", [1, 2, 7, 64, 1000])
def test_numpy_finds_the_same(n):
    values = np.random.default_rng(n).normal(size=n)
    levels = np.linspace(0, 1, 17)
    expected = np.quantile(values, levels, method="averaged_inverted_cdf")
    assert_allclose(quantiles(values, levels), expected, rtol=1e-14)


@given(VALUES, N_BINS, st.data())
def test_an_integer_weight_is_as_many_copies(values, n_bins, data):
    weights = data.draw(st.lists(st.integers(1, 5), min_size=len(values), max_size=len(values)))
    levels = np.linspace(0, 1, n_bins + 1)
    found = quantiles(np.array(values), levels, np.array(weights))
    assert_array_equal(found, quantiles(np.repeat(values, weights), levels))
    assert_array_equal(found, exact_quantiles(values, weights, n_bins))


@given(VALUES, N_BINS, st.sampled_from([0.1, 1 / 3, 7.0, 1e-9, 1e12]), st.data())
def test_a_common_factor_of_the_weights_changes_nothing(values, n_bins, factor, data):
    weights = data.draw(st.lists(st.integers(1, 5), min_size=len(values), max_size=len(values)))
    levels = np.linspace(0, 1, n_bins + 1)
    found = quantiles(np.array(values), levels, factor * np.array(weights))
    assert_array_equal(found, quantiles(np.array(values), levels, np.array(weights)))


def test_extremes_are_the_smallest_and_the_largest_value():
    values = np.array([3.0, -1.0, 2.0])
    assert_allclose(quantiles(values, [0, 1], np.array([1.0, 1e-3, 5.0])), [-1, 3])


def test_halfway_between_huge_values_is_finite():
    huge = np.finfo(float).max
    assert_array_equal(quantiles(np.array([huge, huge, -huge, -huge]), [0.5, 0.75]), [0, huge])
