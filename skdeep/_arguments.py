"""What an argument may be, one at a time: checks of single values, and errors that name it.

An error names the argument, the value given and what is allowed. What NumPy or scikit-learn says of
a value is said behind the argument's name.
"""

import math
import re
from collections.abc import Iterable
from numbers import Integral
from types import TracebackType

import numpy as np
from sklearn.utils import check_random_state

from ._engine.reals import real_number
from ._inputs import RandomState


class ErrorsName:
    """Let errors within name an argument: a sentence that does not is put behind the name.

    So a check of NumPy's or scikit-learn's keeps its words, and its reader learns what it is about.
    """

    __slots__ = ("_argument",)

    def __init__(self, argument: str) -> None:
        self._argument = argument

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not isinstance(error, (TypeError, ValueError, OverflowError)):
            return
        if isinstance(error, OverflowError) or not is_named(self._argument, str(error)):
            # A subclass may be made of other things than a sentence.
            renamed = TypeError if isinstance(error, TypeError) else ValueError
            raise renamed(f"{self._argument}: {error}") from error


def is_named(argument: str, sentence: str) -> bool:
    """Whether a sentence has the argument's name as a word."""
    return re.search(rf"(?<!\w){re.escape(argument)}(?!\w)", sentence) is not None


# --------------------------------------------------------------------------------- single values


def is_bool(value: object) -> bool:
    return isinstance(value, (bool, np.bool_))


def is_one_of(value: object, words: Iterable[str]) -> bool:
    """Whether a value is one of some words; of an array `in` would ask each of its elements."""
    return isinstance(value, str) and value in words


def random_state_of(random_state: RandomState) -> np.random.RandomState:
    """What `check_random_state` makes of it; errors name the argument."""
    with ErrorsName("random_state"):
        return check_random_state(random_state)


def check_bool(name: str, value: object) -> None:
    """Raise where a parameter is neither True nor False."""
    if not is_bool(value):
        raise ValueError(f"{name} must be True or False, got {value!r}.")


def is_count(value: object, least: int = 1) -> bool:
    """Whether a value is an integer, True being none, from the least on."""
    return isinstance(value, Integral) and not is_bool(value) and int(value) >= least


def check_integer(name: str, value: object, least: int = 1) -> None:
    """Raise where a parameter is no integer, or one below the least."""
    if not is_count(value, least):
        raise ValueError(f"{name} must be an integer >= {least}, got {value!r}.")


def check_one_of(name: str, value: object, allowed: Iterable[str]) -> None:
    """Raise where a parameter is none of the words allowed."""
    if not is_one_of(value, allowed):
        raise ValueError(f"{name} must be one of {list(allowed)}, got {value!r}.")


def check_string(name: str, value: object) -> None:
    """Raise where a parameter is no string."""
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a string, got {value!r}.")


def check_optional_string(name: str, value: object) -> None:
    """Raise where a parameter is neither a string nor None."""
    if not (value is None or isinstance(value, str)):
        raise ValueError(f"{name} must be a string or None, got {value!r}.")


def check_finite_number(name: str, value: object) -> float:
    """A finite real number as a float; raise where it is none."""
    number = math.nan if is_bool(value) else real_number(value)
    if not math.isfinite(number):
        raise ValueError(f"{name} must be a finite number, got {value!r}.")
    return number
