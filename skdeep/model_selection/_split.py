"""Train, dev and test sets in one call, sized as the course sizes them (II 1.1).

Everything is decided on row numbers: how many rows each part gets, then which. The arrays are only
indexed at the end, so whatever scikit-learn can index can be split.
"""

from collections.abc import Callable, Iterable, Sequence
from math import ceil, floor, isclose
from numbers import Integral, Number
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike
from sklearn.model_selection import train_test_split
from sklearn.utils import _safe_indexing, indexable

from .._arguments import ErrorsName, check_bool, random_state_of
from .._engine.backend import Array
from .._engine.reals import real_number
from .._inputs import RandomState, Rows, check_at_hand, n_rows_of
from ..estimators._validation import checked_array

__all__ = ["train_dev_test_split"]

PARTS = ("train", "dev", "test")
# A fifth of small data; of large data, rows enough to tell errors a tenth of a percent apart.
SHARE, ENOUGH = 0.2, 10_000


def train_dev_test_split(
    *arrays: Rows,
    dev_size: float | None = None,
    test_size: float | None = None,
    train_size: float | None = None,
    random_state: RandomState = None,
    shuffle: bool = True,
    stratify: ArrayLike | None = "auto",
    groups: ArrayLike | None = None,
) -> list[Any]:
    """Split arrays into train, dev and test sets (course II 1.1).

    The dev set is for choosing among models, the test set for judging the one chosen. Both are
    drawn from the same rows, so that they follow the same distribution.

    Parameters
    ----------
    *arrays : sequence of indexables with the same number of rows
        Arrays, lists, sparse matrices or frames, usually X and y; frames keep their columns, their
        index and their type.
    dev_size : float or int, default=None
        Fraction, in (0, 1), or number of rows of the dev set; a fraction is rounded up to rows.
        None takes the course's size: a fifth of the rows, at most 10 000 (see Notes).
    test_size : float or int, default=None
        The same for the test set.
    train_size : float or int, default=None
        The same for the training set, but a fraction is rounded down. None takes the rows that dev
        and test leave. If it is given and `dev_size` or `test_size` is not, that part takes the
        rest; if neither is, they halve the rest. If all three are given and together are
        less than all rows, the others are left out; fractions that add up to 1 use every row.
    random_state : int, RandomState instance or None, default=None
        Draws the rows. An int makes the split reproducible.
    shuffle : bool, default=True
        Whether rows are drawn at random. If not, the order is kept, as a time series needs it: the
        first rows are train, the next dev, the last test.
    stratify : "auto", array-like of shape (n_samples,) or (n_samples, n_outputs), or None, \
            default="auto"
        Class labels whose proportions the parts share, a class per distinct row where it is 2D.
        "auto" takes the second array if it holds class labels, which are strings, booleans or
        integers, every class with at least three rows and no part with fewer rows than there are
        classes; it never takes floats. Neither without `shuffle` nor with `groups` are parts
        stratified: "auto" then is None, and an array is an error.
    groups : array-like of shape (n_samples,), default=None
        Rows of one group, of one patient say, stay together, and each part holds at least one
        group. The smallest part is drawn first, from the groups not larger than it, and comes as
        near to its size as these allow; then the next, and the largest part, most often train,
        takes the rest, large groups among it. If no group is small enough, a part is the smallest
        that is left. Without `shuffle`, groups stay in order, each must be consecutive rows, and
        each part's end is moved to the nearest border between two groups.

    Returns
    -------
    splits : list, length=3 * len(arrays)
        Train, dev and test set of the first array, then of the second, and so on.

    Raises
    ------
    ValueError
        If sizes are out of range, do not add up or leave a part empty, if the arrays, `stratify`
        or `groups` differ in length, or if the rows cannot be stratified or grouped as asked.

    See Also
    --------
    check_same_distribution : Tells whether a dev set follows the training distribution.
    sklearn.model_selection.train_test_split : Two parts.

    Notes
    -----
    Unless told otherwise, dev and test each have min(⌈n/5⌉, 10 000) of n rows:

    ==========  =========  ======  ======  ================
    n           train      dev     test    per cent
    ==========  =========  ======  ======  ================
    100         60         20      20      60 / 20 / 20
    10 000      6 000      2 000   2 000   60 / 20 / 20
    100 000     80 000     10 000  10 000  80 / 10 / 10
    1 000 000   980 000    10 000  10 000  98 / 1 / 1
    10 000 000  9 980 000  10 000  10 000  99.8 / 0.1 / 0.1
    ==========  =========  ======  ======  ================

    An error of some per cent, counted on 10 000 rows, has a standard error of about 0.2 points.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from skdeep.model_selection import train_dev_test_split
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> X_train, X_dev, X_test, y_train, y_dev, y_test = train_dev_test_split(
    ...     X, y, random_state=0
    ... )
    >>> X_train.shape, X_dev.shape, X_test.shape
    ((341, 30), (114, 30), (114, 30))
    >>> [round(float(part.mean()), 2) for part in (y_train, y_dev, y_test)]
    [0.63, 0.63, 0.62]
    """
    indexed, n_rows = _checked_arrays(arrays)
    check_bool("shuffle", shuffle)
    sizes = _part_sizes(n_rows, train_size, dev_size, test_size)
    strata = _strata(stratify, indexed, n_rows, sizes, shuffle, groups is not None)
    rng = random_state_of(random_state)
    if groups is not None:
        parts = _split_groups(_checked_groups(groups, n_rows), sizes, shuffle, rng)
    elif shuffle:
        parts = _draw_parts(n_rows, sizes, strata, rng)
    else:
        parts = np.split(np.arange(n_rows), np.cumsum(sizes))[: len(PARTS)]
    return [_safe_indexing(array, rows) for array in indexed for rows in parts]


def _checked_arrays(arrays: Sequence[Rows | None]) -> tuple[list[Rows], int]:
    if not arrays:
        raise ValueError("train_dev_test_split needs at least one array, got none.")
    if any(array is None for array in arrays):
        position = [array is None for array in arrays].index(True)
        raise ValueError(f"arrays must not be None, got one in position {position}.")
    with ErrorsName("arrays"):
        for array in arrays:
            check_at_hand(array, "arrays")
        indexed = indexable(*arrays)
        n_rows = n_rows_of(indexed[0])
    if n_rows < len(PARTS):
        raise ValueError(f"arrays must have at least 3 rows, one for each part, got {n_rows}.")
    return indexed, n_rows


# ------------------------------------------------------------------------------------------ sizes


def _part_sizes(
    n_rows: int, train_size: float | None, dev_size: float | None, test_size: float | None
) -> tuple[int, int, int]:
    """The numbers of rows of train, dev and test."""
    asked = {"train_size": train_size, "dev_size": dev_size, "test_size": test_size}
    for name, size in asked.items():
        _check_size(name, size)
    train = None if train_size is None else _count(train_size, n_rows, floor)
    dev = None if dev_size is None else _count(dev_size, n_rows, ceil)
    test = None if test_size is None else _count(test_size, n_rows, ceil)
    if train is None:
        dev = _course_size(n_rows) if dev is None else dev
        test = _course_size(n_rows) if test is None else test
        train = n_rows - dev - test
    elif dev is None or test is None:
        dev, test = _shared(n_rows - train, dev, test)
    elif not any(isinstance(size, Integral) for size in asked.values()):
        train = _train_rows_beside(train, dev, test, n_rows, asked.values())
    sizes = (train, dev, test)
    if min(sizes) < 1 or sum(sizes) > n_rows:
        raise ValueError(
            ", ".join(f"{name}={size!r}" for name, size in asked.items())
            + f" make parts of {train}, {dev} and {test} rows out of {n_rows}: "
            f"each needs at least 1, and all together at most {n_rows}."
        )
    return sizes


def _check_size(name: str, size: object) -> None:
    if size is None:
        return
    is_count = not isinstance(size, bool) and isinstance(size, Integral) and int(size) >= 1
    is_fraction = not isinstance(size, Integral) and 0 < real_number(size) < 1
    if not (is_count or is_fraction):
        raise ValueError(
            f"{name} must be a fraction in (0, 1) or a number of rows >= 1, got {size!r}."
        )


def _count(size: float, n_rows: int, rounded: Callable[[float], int]) -> int:
    given: object = size
    return int(given) if isinstance(given, Integral) else rounded(float(size) * n_rows)


def _course_size(n_rows: int) -> int:
    return min(ceil(SHARE * n_rows), ENOUGH)


def _shared(rest: int, dev: int | None, test: int | None) -> tuple[int, int]:
    """Rows of dev and test of the rest that train leaves, where one of them, or both, is open."""
    if test is None:
        dev = (rest + 1) // 2 if dev is None else dev
        return dev, rest - dev
    return rest - test, test


def _train_rows_beside(
    train: int, dev: int, test: int, n_rows: int, fractions: Iterable[float | None]
) -> int:
    """Rows of train where all three are fractions: dev and test, rounded up, may leave one less."""
    total = sum(float(fraction) for fraction in fractions if fraction is not None)
    if isclose(total, 1, rel_tol=1e-9):
        return n_rows - dev - test
    return min(train, n_rows - dev - test) if total < 1 else train


# ------------------------------------------------------------------------------------ which rows


def _draw_parts(
    n_rows: int, sizes: tuple[int, int, int], strata: Array | None, rng: np.random.RandomState
) -> list[Array]:
    """Rows of each part, the smallest drawn first: of three in a class it leaves two to draw."""
    small, middle, large = (int(part) for part in np.argsort(sizes, kind="stable"))
    parts: list[Array] = [np.empty(0, dtype=np.intp)] * len(PARTS)
    rest, parts[small] = train_test_split(
        np.arange(n_rows),
        train_size=n_rows - sizes[small],
        test_size=sizes[small],
        random_state=rng,
        stratify=strata,
    )
    parts[large], parts[middle] = train_test_split(
        rest,
        train_size=sizes[large],
        test_size=sizes[middle],
        random_state=rng,
        stratify=None if strata is None else strata[rest],
    )
    return parts


def _checked_groups(groups: ArrayLike, n_rows: int) -> Array:
    checked = checked_array(groups, None, "groups")
    if checked.shape != (n_rows,):
        raise ValueError(
            f"groups must have one value per row, shape ({n_rows},), got shape {checked.shape}."
        )
    return checked


def _split_groups(
    groups: Array, sizes: tuple[int, int, int], shuffle: bool, rng: np.random.RandomState
) -> list[Array]:
    """Rows of each part, no group in two of them."""
    firsts, members = _numbered(groups, "groups")
    n_rows, n_groups = members.size, firsts.size
    if n_groups < len(PARTS):
        raise ValueError(f"groups must hold at least 3 groups, one for each part, got {n_groups}.")
    if not shuffle and np.count_nonzero(np.diff(members)) != n_groups - 1:
        raise ValueError(
            "groups must each be consecutive rows if shuffle=False, got a group in several places."
        )
    counts = np.bincount(members)
    if shuffle:
        part = _drawn_parts_of_groups(counts, sizes, rng)[members]
        rows = rng.permutation(n_rows)
    else:
        part = _parts_of_groups_in_order(counts, np.argsort(firsts), sizes)[members]
        rows = np.arange(n_rows)
    return [rows[part[rows] == number] for number in range(len(PARTS))]


def _drawn_parts_of_groups(
    counts: Array, sizes: tuple[int, int, int], rng: np.random.RandomState
) -> Array:
    """The part of each group; the smallest part first, lest a group be drawn that it cannot hold.

    Drawn from all groups that fit, rather than filled with the largest first, a part's groups are
    like the others.
    """
    part = np.full(counts.size, len(PARTS))
    for still_to_come, number in zip((2, 1, 0), np.argsort(sizes, kind="stable"), strict=True):
        free = rng.permutation(np.flatnonzero(part == len(PARTS)))
        if still_to_come == 0 and sum(sizes) == counts.sum():
            part[free] = number
            break
        fitting = free[counts[free] <= sizes[number]]
        if fitting.size == 0:
            fitting = free[[np.argmin(counts[free])]]
        misses = np.abs(np.cumsum(counts[fitting]) - sizes[number])
        n_taken = min(int(np.argmin(misses)) + 1, free.size - still_to_come)
        part[fitting[:n_taken]] = number
    return part


def _parts_of_groups_in_order(counts: Array, order: Array, sizes: tuple[int, int, int]) -> Array:
    """The part of each group, cut at the borders nearest to where parts would end."""
    position = np.empty(order.size, dtype=np.intp)
    position[order] = np.arange(order.size)
    borders = np.concatenate([[0], np.cumsum(counts[order])])
    return np.searchsorted(_cuts_between_groups(borders, np.cumsum(sizes)), position, side="right")


def _cuts_between_groups(borders: Array, ends: Array) -> list[int]:
    """Numbers of groups before the nearest border to each end, at least one more each time."""
    n_groups = borders.size - 1
    above = np.searchsorted(borders, ends)
    nearest = np.where(ends - borders[above - 1] < borders[above] - ends, above - 1, above)
    cuts = [0]
    for still_to_come, cut in zip((2, 1, 0), nearest, strict=True):
        cuts.append(min(max(int(cut), cuts[-1] + 1), n_groups - still_to_come))
    return cuts[1:]


# ----------------------------------------------------------------------------------------- strata


def _strata(
    stratify: ArrayLike | None,
    arrays: list[Rows],
    n_rows: int,
    sizes: tuple[int, int, int],
    shuffle: bool,
    grouped: bool,
) -> Array | None:
    """The class number of each row, or None if the parts are not to be stratified."""
    if stratify is None:
        return None
    if isinstance(stratify, (str, Number, np.generic)):
        if stratify != "auto":
            raise ValueError(f"stratify must be 'auto', an array or None, got {stratify!r}.")
        if not shuffle or grouped or len(arrays) < 2:
            return None
        strata = _class_numbers(arrays[1])
        return strata if strata is not None and not _obstacle(strata, sizes) else None
    for name, stands_against in (("shuffle=False", not shuffle), ("groups", grouped)):
        if stands_against:
            raise ValueError(f"stratify must be 'auto' or None with {name}, got an array.")
    strata = _explicit_strata(stratify, n_rows)
    if obstacle := _obstacle(strata, sizes):
        raise ValueError(f"stratify {obstacle}.")
    return strata


def _class_numbers(targets: Rows) -> Array | None:
    """Class labels as 0, 1, …; None if they are none."""
    if scipy.sparse.issparse(targets):
        return None
    try:
        y = np.asarray(targets)
    except ValueError:  # rows of different lengths
        return None
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1 or not _are_labels(y):
        return None
    return np.unique(y, return_inverse=True)[1]


def _are_labels(y: Array) -> bool:
    if y.dtype.kind != "O":
        return y.dtype.kind in "biuUST"
    types = set(map(type, y))
    numbers = (Integral, bool, np.bool_)
    return any(all(issubclass(one, kind) for one in types) for kind in (str, bytes, numbers))


def _explicit_strata(stratify: ArrayLike, n_rows: int) -> Array:
    if hasattr(stratify, "columns") and hasattr(stratify, "to_numpy"):
        # As objects where columns differ in kind, which scikit-learn would make numbers.
        stratify = stratify.to_numpy()
    labels = checked_array(stratify, None, "stratify")
    if labels.shape[0] != n_rows:
        raise ValueError(f"stratify must have one row per row ({n_rows}), got {labels.shape[0]}.")
    return _numbered(labels, "stratify")[1]


def _numbered(labels: Array, name: str) -> tuple[Array, Array]:
    """The first row of each distinct label, and for each row the number of its label."""
    if labels.ndim == 2:
        # Column by column: NumPy finds no distinct rows of objects, nor of strings beside numbers.
        labels = np.column_stack([_numbered(column, name)[1] for column in labels.T])
    axis = 0 if labels.ndim == 2 else None
    try:
        _, firsts, numbers = np.unique(labels, axis=axis, return_index=True, return_inverse=True)
    except TypeError as error:
        raise ValueError(
            f"{name} must hold labels of one kind, all strings or all numbers: {error}."
        ) from error
    return firsts, numbers.reshape(-1)


def _obstacle(strata: Array, sizes: tuple[int, int, int]) -> str:
    """Why rows of these classes cannot be stratified into parts of these sizes; "" if they can."""
    members = np.bincount(strata)
    if members.min() < len(PARTS):
        return (
            "must have at least 3 rows of every class, one for each part, "
            f"got a class with {members.min()}"
        )
    if min(sizes) < members.size:
        part = PARTS[int(np.argmin(sizes))]
        return (
            f"has {members.size} classes, too many for a {part} set of {min(sizes)} rows: "
            "make that larger"
        )
    return ""
