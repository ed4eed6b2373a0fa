"""Errors that get an argument's name, and numbers that no float holds."""

import math
from fractions import Fraction

import numpy as np
import pytest

from skdeep._arguments import ErrorsName, check_integer, check_one_of
from skdeep._engine.reals import real_number


def raised(error):
    try:
        with ErrorsName("X"):
            raise error
    except Exception as told:
        return told


def test_a_sentence_without_the_name_is_put_behind_it():
    error = raised(ValueError("Expected 2D array"))
    assert str(error) == "X: Expected 2D array"
    assert str(error.__cause__) == "Expected 2D array"
    # As part of another name, or of a word, it is not named.
    assert str(raised(TypeError("X_val is bad"))) == "X: X_val is bad"
    error = raised(OverflowError("int too large for X"))
    assert type(error) is ValueError
    assert str(error) == "X: int too large for X"


@pytest.mark.parametrize("error", [ValueError("Input X contains NaN"), KeyError("a"), OSError("b")])
def test_other_errors_stay_as_they_are(error):
    assert raised(error) is error


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2, 2.0),
        (Fraction(1, 4), 0.25),
        (np.float32(0.5), 0.5),
        (10**400, math.nan),
        (-(10**400), math.nan),
        ("2", math.nan),
        (None, math.nan),
        (np.array([1.0, 2.0]), math.nan),
        (math.inf, math.inf),
    ],
    ids=str,
)
def test_real_numbers(value, expected):
    assert real_number(value) == pytest.approx(expected, nan_ok=True)


def test_arrays_are_none_of_some_words_and_true_is_no_integer():
    with pytest.raises(ValueError, match=r"kind must be one of \['a', 'b'\], got array"):
        check_one_of("kind", np.array(["a", "b"]), ["a", "b"])
    with pytest.raises(ValueError, match="n must be an integer >= 2, got True"):
        check_integer("n", True, 2)
    check_integer("n", np.int64(2), 2)
