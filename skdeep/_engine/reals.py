"""Real numbers as users give them: Python's, NumPy's, fractions, and integers of any size."""

import math
from numbers import Real


def real_number(value: object) -> float:
    """A real number as a float; of what is none, or too large for one, NaN, which no range has."""
    if not isinstance(value, Real):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.nan
