"""The exponentially weighted average, against its recursion and pandas."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from skdeep.utils import ewma

BETAS = (0.0, 0.5, 0.9, 0.98, 0.999, 1 - 1e-9)
LENGTHS = (1, 2, 50)


def recursion(values, beta, bias_correction):
    """The course's formula, value by value."""
    v, averages = np.zeros_like(values[0], dtype=float), []
    for t, theta in enumerate(values, start=1):
        v = beta * v + (1 - beta) * theta
        averages.append(v / (1 - beta**t) if bias_correction else v)
    return np.array(averages)


@pytest.mark.parametrize("bias_correction", [True, False])
@pytest.mark.parametrize("beta", BETAS)
@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_the_average_is_the_recursion(n, shape, beta, bias_correction):
    values = np.random.default_rng(0).normal(size=(n, *shape))
    averages = ewma(values, beta, bias_correction)
    # 1 − βᵗ as it stands loses digits where β is close to 1.
    rtol = 1e-12 if beta <= 0.999 else 1e-6
    np.testing.assert_allclose(
        averages, recursion(values, beta, bias_correction), rtol=rtol, atol=1e-15
    )
    assert averages.dtype == np.float64


@pytest.mark.parametrize("beta", BETAS[:-1])
@pytest.mark.parametrize("bias_correction", [True, False])
def test_the_average_is_the_one_of_pandas(beta, bias_correction):
    pandas = pytest.importorskip("pandas")
    values = np.random.default_rng(1).normal(size=(60, 2))
    # Without adjustment pandas starts from the first value, not from zero: put a zero before it.
    frame = values if bias_correction else np.vstack([np.zeros(2), values])
    expected = pandas.DataFrame(frame).ewm(alpha=1 - beta, adjust=bias_correction).mean()
    np.testing.assert_allclose(
        ewma(values, beta, bias_correction), expected.to_numpy()[-60:], rtol=1e-10, atol=1e-14
    )


@settings(max_examples=50, deadline=None)
@given(
    values=arrays(float, array_shapes(max_dims=3, max_side=8), elements=st.floats(-1e6, 1e6)),
    beta=st.floats(0, 0.9999),
)
def test_a_corrected_average_stays_within_the_values(values, beta):
    averages = ewma(values, beta)
    slack = 1e-9 * (1 + np.abs(values).max())
    assert (averages <= np.maximum.accumulate(values) + slack).all()
    assert (averages >= np.minimum.accumulate(values) - slack).all()
    np.testing.assert_allclose(averages[0], values[0], rtol=1e-9, atol=1e-12)


def test_a_constant_is_its_own_average():
    for beta in BETAS:
        np.testing.assert_allclose(ewma(np.full(1000, 3.0), beta), 3.0, rtol=1e-12)


@pytest.mark.parametrize("kind", [bool, np.int8, np.uint64, np.float16, np.float32])
def test_numbers_of_all_kinds_are_averaged_in_float64(kind):
    values = np.array([0, 1, 1, 0, 1], dtype=kind)
    averages = ewma(values, 0.9)
    assert averages.dtype == np.float64
    np.testing.assert_array_equal(averages, ewma(values.astype(float), 0.9))


def test_a_longer_dtype_is_kept():
    assert ewma(np.ones(3, dtype=np.longdouble)).dtype == np.longdouble


def test_the_values_are_left_as_they_were():
    values = np.arange(5.0)
    ewma(values)
    np.testing.assert_array_equal(values, np.arange(5.0))


def test_nan_propagates_to_what_comes_after_it():
    averages = ewma([[1.0, 1.0], [np.nan, 2.0], [3.0, 3.0]])
    assert np.isnan(averages).tolist() == [[False, False], [True, False], [True, False]]


def test_no_values_have_no_averages():
    assert ewma([]).shape == (0,)
    assert ewma(np.empty((0, 3))).shape == (0, 3)
    assert ewma(np.empty((3, 0))).shape == (3, 0)


@pytest.mark.parametrize("beta", [-0.1, 1, 1.5, np.nan, np.inf, "0.9", None])
def test_a_bad_beta_is_named(beta):
    with pytest.raises(ValueError, match=r"beta must be a number in \[0, 1\), got"):
        ewma([1.0, 2.0], beta)


@pytest.mark.parametrize("values", [["a", "b"], [1.0, None], [1j, 2.0]])
def test_values_that_are_no_real_numbers_are_refused(values):
    with pytest.raises(ValueError, match="values must be real numbers"):
        ewma(values)


def test_a_single_number_is_refused():
    with pytest.raises(ValueError, match="values must be a sequence"):
        ewma(3.0)


def test_bias_correction_is_true_or_false():
    with pytest.raises(ValueError, match="bias_correction must be True or False, got 'no'"):
        ewma([1.0], bias_correction="no")
