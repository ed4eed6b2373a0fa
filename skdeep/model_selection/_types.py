"""Types of what a search is given: the spaces to draw from, folds, scorers, and how to choose."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from numpy.typing import ArrayLike
from sklearn.model_selection import BaseCrossValidator

from .._engine.backend import Array
from .._inputs import AnyRandomState, Splitter

# By a parameter's name what it is drawn from: a distribution, or a list of values.
Space = dict[str, object]
Spaces = Space | Sequence[Space]
# Folds, as `check_cv` takes them.
Folds = int | BaseCrossValidator | Splitter | Iterable[tuple[ArrayLike, ArrayLike]] | None
Scorer = Callable[..., float]
ScoringLike = str | Callable[..., object] | Sequence[str] | Mapping[str, str | Scorer] | None
# By the names of its columns.
CVResults = dict[str, Array]
Refit = bool | str | Callable[[CVResults], int]
# A number, or "raise".
ErrorScore = float | str
# What scikit-learn's validation reads.
Constraints = dict[str, list[object]]
# How many values to draw: an array's shape, or None for a single one.
Size = int | tuple[int, ...] | None


class FrozenDistribution(Protocol):
    """A distribution of scipy.stats with its parameters."""

    def rvs(self, size: Size = None, random_state: AnyRandomState = None) -> object: ...

    def cdf(self, x: ArrayLike) -> Array: ...

    def ppf(self, q: ArrayLike) -> Array: ...


# By name, values of an estimator's parameters, or arguments of a method.
Parameters = dict[str, object]
# Numbers of train rows and of test rows.
Fold = tuple[Array, Array]
# What scikit-learn's searches record of a candidate on a split.
Outcome = dict[str, object]
# Of one metric or, by their names, of several.
Scores = float | dict[str, float]
