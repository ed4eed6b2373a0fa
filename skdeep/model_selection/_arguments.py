"""What a search is given, checked before anything is fitted: data, folds, spaces of candidates."""

from collections.abc import Iterable, Mapping, Sized
from numbers import Integral
from typing import cast

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, is_classifier
from sklearn.model_selection import BaseCrossValidator, ParameterGrid, ParameterSampler, check_cv
from sklearn.utils import indexable

from .._arguments import ErrorsName
from .._inputs import Rows, check_at_hand
from ._types import Folds, Spaces


def checked_data(X: Rows, y: ArrayLike | None) -> tuple[Rows, ArrayLike | None]:
    """X and y as rows can be taken of them, of one length."""
    with ErrorsName("X"):
        if X is None:
            raise ValueError("X must be rows of features, got None.")
        check_at_hand(X, "X")
        indexable(X)
    with ErrorsName("y"):
        check_at_hand(y, "y")
        indexable(y)
    with ErrorsName("X and y"):
        indexed: tuple[Rows, ArrayLike | None] = tuple(indexable(X, y))
    return indexed


def checked_cv(cv: Folds, y: ArrayLike | None, estimator: BaseEstimator) -> BaseCrossValidator:
    """The splitter that `cv` stands for; errors of its folds name it."""
    if hasattr(cv, "split") and not isinstance(cv, (str, bytes)):
        if not hasattr(cv, "get_n_splits"):
            raise TypeError(f"cv must have get_n_splits beside split, got {cv!r}.")
    elif not (cv is None or isinstance(cv, Integral)):
        cv = _checked_pairs(cv)
    # What is left to be wrong is y, whose classes may be counted.
    with ErrorsName("y"):
        splitter: BaseCrossValidator = check_cv(cv, y, classifier=is_classifier(estimator))
    return splitter


def _checked_pairs(cv: object) -> list[tuple[ArrayLike, ArrayLike]]:
    """Folds that are given one by one, as a list of them."""
    with ErrorsName("cv"):
        check_at_hand(cv, "cv")
        pairs = [] if isinstance(cv, Mapping) else list(cast(Iterable[object], cv))
    if not pairs and not isinstance(cv, Mapping):
        # In the words of scikit-learn's searches, before any fit.
        raise ValueError(
            "cv: No fits were performed. Was the CV iterator empty? Were there no candidates?"
        )
    if not pairs or not all(map(_is_pair, pairs)):
        raise ValueError(
            "cv must be an integer >= 2, a splitter, or an iterable of pairs of row numbers, those "
            f"to train on and those to test on; got {cv!r}."
        )
    return cast(list[tuple[ArrayLike, ArrayLike]], pairs)


def _is_pair(pair: object) -> bool:
    """Whether it has two sets of row numbers, or two masks."""
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        return isinstance(pair, np.ndarray) and pair.ndim == 2 and pair.shape[0] == 2
    rows = [np.asarray(part) for part in pair]
    return all(one.ndim == 1 and (one.dtype.kind in "iub" or one.size == 0) for one in rows)


def check_spaces(search: BaseEstimator) -> None:
    """Raise where a search's candidates cannot be drawn from what it is given."""
    for name in ("param_grid", "param_distributions"):
        if hasattr(search, name):
            _check_space(name, getattr(search, name))


def _check_space(name: str, space: Spaces) -> None:
    """Raise where it is not lists of values, or distributions, by the names of parameters."""
    spaces = [space] if isinstance(space, Mapping) else space
    with ErrorsName(name):
        if not all(isinstance(one, str) for part in spaces for one in part):
            raise TypeError(f"{name} must have the names of parameters as its keys, got {space!r}.")
        # Their constructors say what is wrong with it.
        ParameterGrid(space) if name == "param_grid" else ParameterSampler(space, 1)
        if not spaces:
            raise ValueError(f"{name} must hold at least one dict, got {space!r}.")
        for key, values in (pair for part in spaces for pair in part.items()):
            if isinstance(values, Sized) and len(values) == 0:
                raise ValueError(f"{name}[{key!r}] must hold at least one value, got {values!r}.")
