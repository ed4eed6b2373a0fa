"""Calibration alone: the closed form of smoothing, and β against SciPy's and scikit-learn's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.special import expit, softmax
from sklearn.linear_model import LogisticRegression

from skdeep.tabular._calibration import Calibration, ColumnCalibration, unsmoothed

N = 500
LARGEST = 8.0


@given(st.integers(2, 30), st.floats(0, 0.9), st.integers(0, 1000))
def test_smoothing_and_back(n_classes, smoothing, seed):
    p = softmax(np.random.default_rng(seed).normal(size=(5, n_classes)), axis=1)
    floor = min(0.002, 0.02 / n_classes)
    inside = np.clip(p, floor, 1 - floor)
    smooth = (1 - smoothing) * inside + smoothing / n_classes
    assert_allclose(unsmoothed(smooth, smoothing, n_classes), inside, rtol=1e-9)
    assert_allclose(Calibration(smoothing).apply(smooth).sum(axis=1), 1, rtol=1e-12)


@pytest.mark.parametrize("q", [0.0, 0.05, 1.0, 0.95])
def test_what_is_beyond_smoothing_is_cut_off(q):
    """A network may be surer than the smoothed labels."""
    both = np.array([[q, 1 - q]])
    p = Calibration(0.2).apply(both)
    assert np.isfinite(p).all()
    assert p.min() > 0
    assert_allclose(p.sum(), 1)


def drawn(logits, beta, seed):
    """Classes drawn with probabilities softmax(beta · logits)."""
    p = softmax(beta * logits, axis=1)
    u = np.random.default_rng(seed).random((len(p), 1))
    return (u > p.cumsum(axis=1)).sum(axis=1)


@pytest.mark.parametrize("beta", [0.3, 1.0, 2.0])
@pytest.mark.parametrize("n_classes", [2, 5])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_power_is_found_again(beta, n_classes, weighted):
    logits = np.random.default_rng(0).normal(size=(4000, n_classes))
    codes = drawn(logits, beta, 1)
    weights = np.random.default_rng(2).integers(1, 3, 4000).astype(float) if weighted else None
    found = Calibration(0.0).fitted(softmax(logits, axis=1), codes, weights)
    assert_allclose(np.log(found.beta), np.log(beta), atol=0.15)


def test_a_columns_power_is_the_slope_of_a_logistic_regression():
    generator = np.random.default_rng(0)
    z = generator.normal(size=(N, 3))
    targets = (generator.random((N, 3)) < expit(z * [0.5, 1.0, 2.0])).astype(float)
    weights = generator.integers(1, 4, N).astype(float)
    found = ColumnCalibration(0.0, np.ones(1)).fitted(expit(z), targets, weights)
    doubt = 0.5 / (N + 1)
    for column in range(3):
        # Each label is another one with probability ½ doubt: rows of both classes.
        t = (1 - doubt) * targets[:, column] + doubt / 2
        rows = np.tile(z[:, [column]], (2, 1))
        y = np.repeat([1, 0], N)
        each = np.concatenate([t, 1 - t]) * np.tile(weights, 2)
        slope = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-8).fit(rows, y, each)
        assert_allclose(found.beta[column], slope.coef_[0, 0], rtol=0.01)


def test_rows_all_right_do_not_prove_certainty():
    q = np.tile([0.9, 0.1], (10, 1))
    few = Calibration(0.0).fitted(q, np.zeros(10, dtype=int), None).beta
    many = Calibration(0.0).fitted(np.tile(q, (20, 1)), np.zeros(200, dtype=int), None).beta
    assert 0 < few < many < LARGEST


@pytest.mark.parametrize("right", [True, False])
def test_the_power_is_within_bounds(right):
    q = np.tile([0.51, 0.49], (1000, 1))
    found = Calibration(0.0).fitted(q, np.full(1000, 0 if right else 1), None)
    assert 1 / LARGEST <= found.beta <= LARGEST


def test_order_is_kept():
    q = softmax(np.random.default_rng(0).normal(size=(50, 4)), axis=1)
    for beta in (0.2, 5.0):
        p = Calibration(0.0, beta).apply(q)
        assert (p.argmax(axis=1) == q.argmax(axis=1)).all()


@pytest.mark.parametrize("scale", [1e-3, 1e5])
def test_only_ratios_of_weights_count(scale):
    logits = np.random.default_rng(0).normal(size=(N, 3))
    codes = drawn(logits, 0.5, 1)
    weights = np.random.default_rng(2).random(N)
    q = softmax(logits, axis=1)
    one, other = (Calibration(0.0).fitted(q, codes, w).beta for w in (weights, scale * weights))
    assert_allclose(one, other, rtol=1e-4)
