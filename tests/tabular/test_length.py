"""How long to train: batches are even, and longer tables have fewer epochs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skdeep.tabular._length import batch_for, epochs_for, even_batch, has_peaked, refit_epochs

ROWS = st.integers(1, 10**7)


@given(ROWS, ROWS)
def test_more_rows_have_larger_batches_and_fewer_epochs(one, other):
    few, many = sorted([one, other])
    assert epochs_for(few) >= epochs_for(many) >= 1
    assert 1 <= batch_for(few) <= batch_for(many)


@given(ROWS, st.integers(1, 10**4))
def test_batches_are_even(n_rows, wanted):
    size = even_batch(n_rows, wanted)
    assert 1 <= size <= max(n_rows, 1)
    n_batches = -(-n_rows // size)
    # The last one lacks less than a row of each of the others.
    assert n_batches * size - n_rows < n_batches
    if n_rows >= wanted:
        assert wanted / 2 <= size <= 2 * wanted


@given(st.integers(0, 500), st.integers(0, 500))
def test_later_best_epochs_have_longer_refits(one, other):
    early, late = sorted([one, other])
    assert 1 <= refit_epochs(early, 60) <= refit_epochs(late, 60)


@given(st.integers(1, 100), st.integers(0, 1000))
def test_what_gains_steadily_has_not_peaked(max_epochs, seed):
    losses = np.random.default_rng(seed).uniform(0.5, 0.8, max_epochs).cumprod()
    scores = []
    for loss in losses:
        scores.append(-float(loss))
        if max_epochs >= 15:
            assert not has_peaked(scores, max_epochs)


@pytest.mark.parametrize("max_epochs", [15, 40, 100])
def test_what_gains_nothing_has_peaked_before_the_end(max_epochs):
    scores = [-1.0 - 0.01 * epoch for epoch in range(max_epochs)]
    ends = [n for n in range(1, max_epochs + 1) if has_peaked(scores[:n], max_epochs)]
    assert 1 < min(ends) < max_epochs


def test_nan_is_no_gain():
    scores = [-1.0, *[float("nan")] * 39]
    assert any(has_peaked(scores[:n], 40) for n in range(1, 41))


@pytest.mark.parametrize(
    ("best_epoch", "max_epochs", "expected"),
    [(0, 40, 3), (9, 40, 5), (39, 40, 20), (0, 6, 2), (0, 3, 1), (0, 1, 1)],
)
def test_a_refit_has_half_the_epochs_and_some_at_least(best_epoch, max_epochs, expected):
    assert refit_epochs(best_epoch, max_epochs) == expected
