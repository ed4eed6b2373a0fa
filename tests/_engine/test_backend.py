"""Random streams: one per purpose, independent, and states that continue."""

import copy
import pickle

import numpy as np
import pytest
from scipy import stats

from skdeep._engine.backend import RandomStream, RepeatingStream, spawn_streams


def stream(seed=0):
    return RandomStream(np.random.SeedSequence(seed))


def test_uint16_is_uniform():
    drawn = stream().uint16(2**18)
    assert drawn.dtype == np.uint16
    assert stats.chisquare(np.bincount(drawn >> 8, minlength=256)).pvalue > 0.01
    assert stats.chisquare(np.bincount(drawn & 255, minlength=256)).pvalue > 0.01


@pytest.mark.parametrize("size", [0, 1, 3, 4, 5, 1001])
def test_any_number_of_draws_is_given(size):
    assert stream().uint16(size).shape == (size,)


def test_a_stream_goes_on_whether_or_not_it_is_restarted():
    one, other = stream(), stream()
    first, second = one.uint16(100), one.uint16(100)
    assert (first != second).any()
    np.testing.assert_array_equal(other.uint16(100), first)
    other.restart()
    np.testing.assert_array_equal(other.uint16(100), second)


@pytest.mark.parametrize("transport", [copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))])
def test_a_copied_stream_continues_where_the_original_was(transport):
    original = stream()
    original.uint16(7)
    original.integer_seed()
    copied = transport(original)
    np.testing.assert_array_equal(copied.uint16(50), original.uint16(50))
    assert copied.integer_seed() == original.integer_seed()


def test_integer_seeds_fit_scikit_learns_random_state():
    seeds = [stream(k).integer_seed() for k in range(100)]
    assert all(isinstance(seed, int) and 0 <= seed < 2**31 for seed in seeds)
    assert len(set(seeds)) == 100


def test_streams_are_independent_of_each_other_and_of_each_others_use():
    one, other = spawn_streams([1, 2], ["a", "b"]), spawn_streams([1, 2], ["a", "b"])
    one["a"].uint16(1000)
    np.testing.assert_array_equal(one["b"].uint16(1000), other["b"].uint16(1000))
    a, b = (spawn_streams([1, 2], ["a", "b"])[name].uint16(10**5) for name in "ab")
    assert np.corrcoef(a, b)[0, 1] == pytest.approx(0, abs=0.015)


def test_streams_depend_on_entropy_and_position_not_on_name_or_number():
    first = spawn_streams([1, 2], ["a"])["a"].uint16(100)
    np.testing.assert_array_equal(spawn_streams([1, 2], ["x", "y"])["x"].uint16(100), first)
    assert (spawn_streams([1, 3], ["a"])["a"].uint16(100) != first).any()


def test_a_repeating_stream_repeats_after_each_restart():
    repeating = RepeatingStream(stream())
    first = [repeating.uint16(size) for size in (5, 8, 100)]
    assert (first[0] != first[1][:5]).any()
    repeating.restart()
    for numbers in first:
        np.testing.assert_array_equal(repeating.uint16(numbers.size), numbers)


@pytest.mark.parametrize("sizes", [[24], [12, 12], [3, 7, 14], [1] * 24])
def test_a_repeating_stream_gives_the_same_numbers_however_they_are_cut(sizes):
    whole = RepeatingStream(stream()).uint16(24)
    pieces = RepeatingStream(stream())
    np.testing.assert_array_equal(np.concatenate([pieces.uint16(s) for s in sizes]), whole)


def test_a_repeating_streams_numbers_are_as_good_as_the_streams():
    repeating = RepeatingStream(stream())
    drawn = np.concatenate([repeating.uint16(1000) for _ in range(50)])
    assert np.unique(drawn).size > 30000
    np.testing.assert_array_equal(drawn[:1000], stream().uint16(1000))
