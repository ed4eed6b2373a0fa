"""The rungs of successive halving, in whole numbers: what a rounded logarithm gets wrong."""

from fractions import Fraction
from math import ceil, floor, log

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_iris

from skdeep import DeepMLPClassifier
from skdeep.model_selection import VectorizedHalvingRandomSearchCV
from skdeep.model_selection._rungs import Rungs, exact, largest_power

FACTORS = st.one_of(
    st.integers(2, 30).map(Fraction),
    st.fractions(min_value=Fraction(11, 10), max_value=9, max_denominator=50),
)


@given(FACTORS, st.integers(1, 10**9))
def test_a_power_is_the_largest_within_the_limit(factor, limit):
    k = largest_power(factor, limit)
    assert factor**k <= limit < factor ** (k + 1)


@given(st.integers(2, 30), st.integers(0, 12))
def test_powers_themselves_are_met(factor, k):
    assert largest_power(Fraction(factor), factor**k) == k
    if factor**k > 1:
        assert largest_power(Fraction(factor), factor**k - 1) == k - 1


@given(FACTORS, st.integers(1, 2000), st.integers(1, 50), st.integers(0, 100_000), st.booleans())
def test_rungs_grow_within_what_there_is(factor, n, smallest, more, aggressive):
    rungs = Rungs(factor, n, smallest, smallest + more, aggressive)
    epochs = [rungs.n_resources(number) for number in range(len(rungs))]
    assert epochs == sorted(epochs)
    if not aggressive or rungs.n_possible <= rungs.n_required:
        assert epochs[0] == smallest
    assert epochs[-1] <= smallest + more
    # One more rung would need more than there is, or would have less than a candidate's worth.
    next_one = factor**rungs.n_possible * smallest
    assert next_one > (smallest + more) // smallest * smallest
    assert 1 <= Fraction(n) / factor ** (rungs.n_required - 1) < factor
    left = n
    for _ in epochs:
        assert rungs.n_kept(left) == ceil(left / factor) <= left
        left = rungs.n_kept(left)


@given(st.integers(2, 10), st.integers(0, 6), st.integers(1, 2000))
def test_exhaust_uses_all_there_is(factor, k, n):
    """Where the most is a power times a whole number, the last rung has all of it."""
    needed = largest_power(Fraction(factor), n)
    rungs = Rungs.exhausting(Fraction(factor), n, factor ** (needed + k), False)
    assert len(rungs) == needed + 1
    assert rungs.n_resources(len(rungs) - 1) == factor ** (needed + k)


def test_a_factor_is_what_its_digits_say():
    assert exact(1.1) == Fraction(11, 10)
    assert exact(3) == 3
    assert largest_power(exact(1.1), 11) == 25
    # 1.1 ** 2 is a little more than 1.21 in floating point.
    assert Rungs(exact(1.1), 4, 100, 121, True).n_possible == 1


def rounded(x, factor):
    """How scikit-learn counts."""
    return floor(log(x, factor))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::skdeep.exceptions.NoProgressWarning")
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, [1, 3, 9, 27, 81, 243]),
        ({"n_candidates": 30, "min_resources": "exhaust"}, [9, 27, 81, 243]),
        ({"factor": 6.5, "n_candidates": 43}, [1, 6, 42]),
    ],
)
def test_the_last_rung_has_what_exhaust_promises(arguments, expected):
    assert rounded(243, 3) == 4
    assert rounded(1000, 10) == 2
    X, y = load_iris(return_X_y=True)
    search = VectorizedHalvingRandomSearchCV(
        DeepMLPClassifier((2,), max_iter=243, batch_size="full", random_state=0),
        {"alpha": [0.01 * k for k in range(300)]},
        cv=2,
        random_state=0,
        return_train_score=False,
        **arguments,
    ).fit(X, y)
    assert search.n_resources_ == expected
    assert search.n_iterations_ == len(expected)


def test_what_counts_epochs_cannot_be_searched():
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match="max_iter counts the epochs of each rung"):
        VectorizedHalvingRandomSearchCV(
            DeepMLPClassifier((2,), max_iter=9), {"max_iter": [3, 9]}, n_candidates=2
        ).fit(X, y)


@pytest.mark.parametrize("factor", [1, 0.5, 0, -2, "3", None])
def test_a_factor_is_above_one(factor):
    X, y = load_iris(return_X_y=True)
    with pytest.raises((ValueError, TypeError), match="'factor' parameter of Vectorized"):
        VectorizedHalvingRandomSearchCV(
            DeepMLPClassifier((2,), max_iter=9), {"alpha": [0.1, 1]}, factor=factor
        ).fit(X, y)
