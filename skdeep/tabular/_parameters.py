"""The parameters of the networks for tables, and what they mean beyond the range of each."""

import sys
from collections.abc import Sequence
from numbers import Integral, Real
from typing import ClassVar

import joblib
import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from .._arguments import ErrorsName
from .._documentation import HasPage
from .._engine.activations import ACTIVATIONS
from .._engine.threads import n_threads
from .._inputs import RandomState
from ..estimators._compat import Interval, StrOptions
from ._length import epochs_for, refit_epochs

# Hidden layers: the mean of several networks gains nothing from wider ones.
ALONE, ONE_OF_SEVERAL = (128, 128), (96, 96)

# Rows up to which one group after the other is as fast: steps on small batches are so short that
# threads wait for each other.
ALONE_UP_TO = 5000


def _counts(name: str, given: object) -> list[int]:
    """One or several integers > 0."""
    with ErrorsName(name):
        values = np.atleast_1d(np.asarray(given, dtype=object))
    counts = [int(n) for n in values.flat if isinstance(n, Integral) and 0 < int(n) <= sys.maxsize]
    if values.ndim != 1 or len(counts) < values.size:
        raise ValueError(
            f"{name} must be an int > 0 that an array can have, or a sequence of such, got "
            f"{given!r}."
        )
    return counts


class TabularParameters(HasPage, BaseEstimator):
    """What both estimators have as parameters."""

    n_bins: int | Sequence[int]
    n_members: int
    hidden_layer_sizes: int | Sequence[int] | str
    activation: str | Sequence[str]
    categorical_features: ArrayLike | None
    max_iter: int | str
    learning_rate_init: float
    weight_decay: float
    batch_size: int | str
    validation_fraction: float
    refit: bool
    random_state: RandomState
    n_jobs: int | None
    verbose: bool
    dtype: str

    _parameter_constraints: ClassVar[dict[str, list[object]]] = {
        "n_bins": [Interval(Integral, 1, None, closed="left"), "array-like"],
        "n_members": [Interval(Integral, 1, None, closed="left")],
        "hidden_layer_sizes": [
            StrOptions({"auto"}),
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "activation": [StrOptions(set(ACTIVATIONS)), "array-like"],
        "categorical_features": ["array-like", StrOptions({"from_dtype"}), None],
        "max_iter": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "refit": ["boolean"],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
        "verbose": ["verbose"],
        "dtype": [StrOptions({"float32", "float64"})],
    }

    def _bins(self) -> list[int]:
        bins = _counts("n_bins", self.n_bins)
        if not bins:
            raise ValueError(
                f"n_bins must be an int > 0, or a sequence of such, got {self.n_bins!r}."
            )
        return bins

    def _activations(self, n_groups: int) -> list[str]:
        """The activation function of each group."""
        if isinstance(self.activation, str):
            return [self.activation] * n_groups
        with ErrorsName("activation"):
            names = list(self.activation)
        unknown = [one for one in names if not (isinstance(one, str) and one in ACTIVATIONS)]
        if unknown or len(names) != n_groups:
            raise ValueError(
                f"activation must be one name or one for each of the {n_groups} entries of n_bins, "
                f"of {sorted(ACTIVATIONS)}, got {self.activation!r}."
            )
        return names

    def _hidden_layer_sizes(self) -> tuple[int, ...]:
        if isinstance(self.hidden_layer_sizes, str):
            is_alone = len(self._bins()) * self.n_members == 1
            return ALONE if is_alone else ONE_OF_SEVERAL
        return tuple(_counts("hidden_layer_sizes", self.hidden_layer_sizes))

    def _most_epochs(self, n_rows: int) -> int:
        """How many epochs all groups may be trained for, those with all rows included."""
        first = epochs_for(n_rows) if isinstance(self.max_iter, str) else int(self.max_iter)
        return len(self._bins()) * (first + self.refit * refit_epochs(first - 1, first))

    def _n_at_once(self, n_rows: int) -> int:
        """How many groups to train side by side."""
        if self.n_jobs is not None:
            return int(joblib.effective_n_jobs(self.n_jobs))
        return n_threads() if n_rows > ALONE_UP_TO else 1


def n_epochs(estimator: TabularParameters, n_rows: int) -> int:
    """How many epochs an estimator may train for, all groups together."""
    return estimator._most_epochs(n_rows)


def n_at_once(estimator: TabularParameters, n_rows: int) -> int:
    """How many of its groups train side by side."""
    return estimator._n_at_once(n_rows)


def hidden_layer_sizes(estimator: TabularParameters) -> tuple[int, ...]:
    """The widths of its networks' hidden layers."""
    return estimator._hidden_layer_sizes()


def n_bins(estimator: TabularParameters) -> list[int]:
    """The bins of each of its groups."""
    return estimator._bins()
