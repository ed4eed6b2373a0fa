"""Which rows are held out: the fraction of each class, and no row twice while there are others."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from skdeep.tabular._held_out import HoldOut

N_ROWS = st.integers(2, 200)
FRACTIONS = st.floats(1e-4, 1 - 1e-4)
GROUPS = st.integers(0, 7)
SEEDS = st.integers(0, 2**32 - 1)


def hold_out(n_rows, fraction, seed, strata=None):
    return HoldOut(n_rows, fraction, np.random.default_rng(seed), strata)


@given(N_ROWS, FRACTIONS, SEEDS, GROUPS, st.booleans())
def test_rows_are_cut_in_two_parts(n_rows, fraction, seed, group, stratified):
    strata = np.arange(n_rows) % 3 if stratified else None
    train, held_out = hold_out(n_rows, fraction, seed, strata).of_group(group)
    assert min(train.size, held_out.size) >= 1
    assert_array_equal(np.sort(np.concatenate([train, held_out])), np.arange(n_rows))
    assert_array_equal(train, np.sort(train))
    assert_array_equal(held_out, np.sort(held_out))
    wanted = fraction * n_rows
    if 1 <= wanted <= n_rows - 1:
        assert abs(held_out.size - wanted) < 1 + 1e-6


@given(st.lists(st.integers(1, 60), min_size=1, max_size=6), st.floats(0.02, 0.9), SEEDS, GROUPS)
def test_of_each_class_the_same_fraction(sizes, fraction, seed, group):
    classes = np.repeat(np.arange(len(sizes)), sizes)
    if classes.size < 2:
        return
    classes = np.random.default_rng(seed).permutation(classes)
    train, held_out = hold_out(classes.size, fraction, seed, classes).of_group(group)
    # But for one row, where otherwise a side would be empty.
    slack = 1 if min(train.size, held_out.size) == 1 else 0
    for number, size in enumerate(sizes):
        found = (classes[held_out] == number).sum()
        assert abs(found - fraction * size) < 1 + slack + 1e-6


@given(st.integers(20, 200), st.integers(2, 8), SEEDS, st.booleans())
def test_no_row_is_held_out_twice_while_there_are_others(n_rows, n_groups, seed, stratified):
    strata = np.arange(n_rows) % 2 if stratified else None
    rows = hold_out(n_rows, 1 / n_groups, seed, strata)
    count = np.zeros(n_rows, dtype=int)
    for group in range(n_groups):
        count[rows.of_group(group)[1]] += 1
    # Groups at the ends of the order reach beyond it, by less than a turn.
    assert count.max() == 1
    assert (count == 0).sum() <= n_groups


@given(N_ROWS, FRACTIONS, SEEDS)
def test_a_seed_says_which(n_rows, fraction, seed):
    one, other = (hold_out(n_rows, fraction, seed).of_group(1) for _ in range(2))
    assert_array_equal(one[1], other[1])


def test_every_row_may_be_held_out():
    """No place in the table is safe, or always taken."""
    count = sum(
        np.bincount(hold_out(12, 0.25, seed).of_group(0)[1], minlength=12) for seed in range(400)
    )
    assert count.min() > 60
    assert count.max() < 140
