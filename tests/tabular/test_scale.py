"""Targets as members see them: standardised where the link keeps units, kept within their range."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.preprocessing import StandardScaler

from skdeep._engine.links import EXP, IDENTITY
from skdeep.tabular._targets import TargetScale

GENERATOR = np.random.default_rng(0)
TARGETS = np.column_stack([GENERATOR.normal(5, 3, 40), GENERATOR.gamma(2, 1e4, 40), np.full(40, 7)])
WEIGHTS = GENERATOR.integers(1, 4, 40).astype(float)


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
def test_it_is_scikit_learns_scaler(weights):
    expected = StandardScaler().fit(TARGETS, sample_weight=weights)
    scale = TargetScale.of(TARGETS, weights, IDENTITY)
    found = scale.standardised(TARGETS, np.dtype("f8"))
    assert_allclose(found, expected.transform(TARGETS), atol=1e-12)
    assert_allclose(scale.restored(found), TARGETS, rtol=1e-12)
    assert scale.standardised(TARGETS, np.dtype("f4")).dtype == np.float32


def test_raw_outputs_are_kept_within_the_range():
    scale = TargetScale.of(TARGETS, None, IDENTITY)
    wild = np.array([[-1e9] * 3, [1e9] * 3, [0.0] * 3])
    found = scale.restored(scale.clip(wild.copy()))
    assert_allclose(found[0], TARGETS.min(axis=0), rtol=1e-12)
    assert_allclose(found[1], TARGETS.max(axis=0), rtol=1e-12)


def test_a_log_link_has_no_units():
    counts = np.array([[0.0, 1.0], [4.0, 9.0]])
    scale = TargetScale.of(counts, None, EXP)
    assert_array_equal(scale.standardised(counts, np.dtype("f8")), counts)
    kept = EXP.inverse(scale.clip(np.array([[-50.0, -50.0], [50.0, 50.0]])))
    # Zero is the end of the range, which no raw output gives.
    assert_allclose(kept, [[np.exp(-50), 1], [4, 9]], rtol=1e-12)
