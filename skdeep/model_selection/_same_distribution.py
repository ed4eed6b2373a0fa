"""Do two sets of rows follow one distribution? A classifier is asked to tell them apart.

If it cannot do better than chance on rows it has not seen, the sets look alike (Lopez-Paz and Oquab
2017). What chance can do is found by giving the rows' labels out anew, and training anew each time.
The default classifier is linear in the labels, so that for all permutations together its training
is one product of matrices.
"""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from math import ceil
from numbers import Integral, Real
from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse
from scipy.stats import rankdata
from sklearn.base import clone, is_classifier
from sklearn.inspection import permutation_importance
from sklearn.model_selection import StratifiedKFold, permutation_test_score
from sklearn.utils import _safe_indexing, check_array, check_random_state

from .._engine.backend import Array

__all__ = ["SameDistributionResult", "check_same_distribution"]

# Cosines per column: the first sees a shift of the mean, the second of the scale, then the shape.
HARMONICS = np.arange(1, 5)
# The ridge, in units of the kernel's mean diagonal.
RIDGE = 1.0
# Numbers that a block of columns or of permutations may hold.
BLOCK_ELEMENTS = 2**21
COLUMNS_SHOWN = 5


@dataclass(frozen=True)
class SameDistributionResult:
    """What `check_same_distribution` found.

    Parameters
    ----------
    auc : float
        Area under the ROC curve of a classifier that tells rows of the one set from rows of the
        other, on rows it was not trained on: 0.5 is chance, 1 is never wrong.
    p_value : float
        How often permuted labels give at least that much.
    same : bool
        Whether the sets pass for draws from one distribution: p_value > significance_level.
    columns : list of (str or int, float)
        Every column, as its name or number, with its share in telling the sets apart, the largest
        first. Of use if `same` is False; otherwise it describes noise.
    significance_level : float
        The level asked for.
    n_train, n_dev : int
        Rows of each set that were used.
    n_permutations : int
        Permutations of the labels.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from skdeep.model_selection import check_same_distribution
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> check_same_distribution(X[y == 0], X[y == 1], random_state=0).same
    False
    """

    auc: float
    p_value: float
    same: bool
    columns: list[tuple[Any, float]] = field(repr=False)
    significance_level: float
    n_train: int
    n_dev: int
    n_permutations: int

    def __str__(self) -> str:
        relation, verdict = (">", "same") if self.same else ("<=", "not the same")
        lines = [
            f"Train set ({self.n_train} rows) against dev set ({self.n_dev} rows), "
            f"{self.n_permutations} permutations",
            f"  AUC {self.auc:.3f}, p = {self.p_value:.3g} {relation} "
            f"{self.significance_level:g}: {verdict} distribution",
        ]
        if not self.same:
            shown = self.columns[:COLUMNS_SHOWN]
            width = max(len(str(name)) for name, _ in shown)
            lines.append("  columns that tell them apart, with their share")
            lines += [f"    {name!s:<{width}}  {share:.2f}" for name, share in shown]
        return "\n".join(lines)


def check_same_distribution(
    X_train: Any,
    X_dev: Any,
    *,
    estimator: Any = None,
    cv: int = 5,
    n_permutations: int = 200,
    significance_level: float = 0.05,
    max_samples: int = 1000,
    random_state: int | np.random.RandomState | None = None,
) -> SameDistributionResult:
    """Check that a dev or test set follows the training distribution (course II 1.1).

    This is a classifier two-sample test [1]_: a classifier learns to tell rows of one set from rows
    of the other; its cross-validated AUC is compared with those it reaches, trained anew, when the
    labels are permuted.

    Parameters
    ----------
    X_train : {array-like, sparse matrix, frame} of shape (n_train, n_features)
        The one set. Columns of a frame that hold strings, categories, booleans or other objects are
        compared by their values, whose order means nothing; numbers and dates, also such as are
        stored as objects, by their order. Missing values are told from others.
    X_dev : {array-like, sparse matrix, frame} of shape (n_dev, n_features)
        The other set, dev or test, with the same columns.
    estimator : classifier, default=None
        What tells the rows apart; it must have `predict_proba` or `decision_function`. It is given
        a frame as it is, and fitted (`n_permutations` + 1) · `cv` times and once more. One that
        picks columns by name needs pandas' frames: scikit-learn permutes columns of others without
        their names. None is a kernel classifier that takes about as long for all permutations as
        for one (see Notes).
    cv : int, default=5
        Number of folds, >= 2 and at most the rows of the smaller set.
    n_permutations : int, default=200
        Permutations of the labels. The smallest p-value is 1 / (n_permutations + 1), and must not
        be above `significance_level`.
    significance_level : float, default=0.05
        The sets pass for the same if the p-value is above it, in (0, 1): the share of sets from one
        distribution for which the verdict is wrong.
    max_samples : int, default=1000
        Rows of each set that are used at most, drawn at random, >= 2.
    random_state : int, RandomState instance or None, default=None
        Draws rows, folds and permutations. An int makes the result reproducible.

    Returns
    -------
    result : SameDistributionResult
        AUC, p-value, verdict and the columns responsible; prints readably.

    Raises
    ------
    TypeError
        If `estimator` is not a classifier, or only one of the sets is a frame.
    ValueError
        If a parameter is out of its range, the sets differ in their columns, or have too few rows.

    See Also
    --------
    train_dev_test_split : Makes sets that follow the same distribution.

    Notes
    -----
    The p-value is exact: if both sets are independent draws from one distribution, it is at most
    `significance_level` with at most that probability, however few the rows. Labels are permuted
    before training. Permuting them against predictions once made would not do: predictions of two
    folds depend on each other's labels, and such a test rejects more often than its level says.

    The default classifier is kernel ridge regression on the labels. Each column is ranked and
    expanded into four cosines, those of Neyman's smooth test [2]_, which see its mean, its scale
    and its shape; the kernel is the mean of their scalar product and of the products of all pairs
    of first cosines, which see correlations and other interactions of two columns. So it does not
    depend on units or monotone transforms of a column, and does not see an interaction of three. A
    column of labels instead adds an indicator kernel, 1 where two rows have the same label,
    centred, and scaled to weigh as much as a column of numbers. It sees which labels are frequent,
    but no interaction of the column with another, and nothing in labels of which each occurs once:
    give strings that stand for numbers or dates as such, and encode ordered categories as numbers.
    A column's share is the variance of its terms in the classifier. Its power falls with the number
    of columns: where one of many hundreds has moved a little, a classifier that selects columns,
    boosted trees say, sees more.

    With `estimator`, the columns' importance is the loss of AUC when a column is permuted in rows
    that the estimator was not trained on.

    References
    ----------
    .. [1] David Lopez-Paz and Maxime Oquab. "Revisiting classifier two-sample tests." ICLR 2017,
       arXiv:1610.06545.
    .. [2] Jerzy Neyman. "'Smooth test' for goodness of fit." Skandinavisk Aktuarietidskrift 20,
       1937.

    Examples
    --------
    A dev set that consists of the rows with the largest values of a column:

    >>> from sklearn.datasets import load_iris
    >>> from skdeep.model_selection import check_same_distribution
    >>> X = load_iris(as_frame=True).data.sort_values("petal width (cm)")
    >>> print(check_same_distribution(X[:100], X[100:], random_state=0))
    Train set (100 rows) against dev set (50 rows), 200 permutations
      AUC ..., p = 0.00498 <= 0.05: not the same distribution
      columns that tell them apart, with their share
        petal width (cm)   ...
    """
    _check_arguments(estimator, cv, n_permutations, significance_level, max_samples)
    rng = check_random_state(random_state)
    X_train, X_dev = (_sampled(X, max_samples, rng) for X in (X_train, X_dev))
    X, names = _joined(X_train, X_dev, encode=estimator is None)
    labels = np.repeat([0, 1], [_n_rows(X_train), _n_rows(X_dev)])
    if np.bincount(labels).min() < cv:
        raise ValueError(
            f"cv={cv} needs at least {cv} rows of each set, got {_n_rows(X_train)} in X_train and "
            f"{_n_rows(X_dev)} in X_dev."
        )
    folds = StratifiedKFold(cv, shuffle=True, random_state=rng)
    if estimator is None:
        auc, p_value, importance = _test_with_kernel(X, labels, folds, n_permutations, rng)
    else:
        auc, p_value, importance = _test_with(estimator, X, labels, folds, n_permutations, rng)
    ranking = np.argsort(-importance, kind="stable")
    return SameDistributionResult(
        auc=auc,
        p_value=p_value,
        same=p_value > significance_level,
        columns=[(names[column], float(importance[column])) for column in ranking],
        significance_level=float(significance_level),
        n_train=_n_rows(X_train),
        n_dev=_n_rows(X_dev),
        n_permutations=int(n_permutations),
    )


def _check_arguments(
    estimator: Any, cv: Any, n_permutations: Any, significance_level: Any, max_samples: Any
) -> None:
    is_estimator = hasattr(estimator, "fit") and not isinstance(estimator, type)
    if estimator is not None and not (is_estimator and is_classifier(estimator)):
        raise TypeError(f"estimator must be a classifier or None, got {estimator!r}.")
    for name, value, least in (
        ("cv", cv, 2),
        ("n_permutations", n_permutations, 1),
        ("max_samples", max_samples, 2),
    ):
        if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < least:
            raise ValueError(f"{name} must be an integer >= {least}, got {value!r}.")
    if not isinstance(significance_level, Real) or not 0 < float(significance_level) < 1:
        raise ValueError(f"significance_level must be in (0, 1), got {significance_level!r}.")
    if (n_permutations + 1) * significance_level < 1:
        raise ValueError(
            f"n_permutations={n_permutations} cannot give a p-value as small as "
            f"significance_level={significance_level}: take at least "
            f"{ceil(1 / float(significance_level)) - 1}."
        )


# ---------------------------------------------------------------------------------- the two sets


def _n_rows(X: Any) -> int:
    return int(X.shape[0]) if hasattr(X, "shape") else len(X)


def _sampled(X: Any, max_samples: int, rng: np.random.RandomState) -> Any:
    if scipy.sparse.issparse(X):
        X = X.tocsr()
    elif not hasattr(X, "columns"):
        X = np.asarray(X)
        if X.ndim != 2:
            raise ValueError(
                f"X_train and X_dev must be 2D, got an array of {X.ndim} dimension(s)."
            )
    if _n_rows(X) <= max_samples:
        return X
    return _safe_indexing(X, rng.choice(_n_rows(X), max_samples, replace=False))


def _joined(X_train: Any, X_dev: Any, *, encode: bool) -> tuple[Any, list[Any]]:
    """The rows of both sets below each other, and the names or numbers of the columns."""
    are_frames = [hasattr(X, "columns") for X in (X_train, X_dev)]
    if all(are_frames):
        names = list(X_train.columns)
        _check_columns(names, list(X_dev.columns))
        both = _encoded_frames(X_train, X_dev) if encode else _stacked_frames(X_train, X_dev)
        return both, names
    if any(are_frames):
        raise TypeError("X_train and X_dev must both be frames, or neither; got one frame.")
    checked = [
        check_array(X, accept_sparse="csr", ensure_all_finite="allow-nan", input_name=name)
        for X, name in ((X_train, "X_train"), (X_dev, "X_dev"))
    ]
    widths = [X.shape[1] for X in checked]
    if widths[0] != widths[1]:
        raise ValueError(
            f"X_dev must have as many columns as X_train ({widths[0]}), got {widths[1]}."
        )
    if any(map(scipy.sparse.issparse, checked)):
        X = scipy.sparse.vstack(checked, format="csr")
    else:
        X = np.vstack(checked)
    return (_without_labels(X) if encode else X), list(range(widths[0]))


def _check_columns(train: list[Any], dev: list[Any]) -> None:
    if not train:
        raise ValueError("X_train must have at least one column, got a frame without any.")
    if len(set(train)) < len(train):
        raise ValueError(f"X_train must have columns of different names, got {train}.")
    if train == dev:
        return
    missing = [name for name in train if name not in dev]
    extra = [name for name in dev if name not in train]
    what = f"missing {missing}, extra {extra}" if missing or extra else "others in their order"
    raise ValueError(f"X_dev must have the columns of X_train, in their order; it has {what}.")


def _stacked_frames(X_train: Any, X_dev: Any) -> Any:
    """Frames joined by the library they come from, pandas or polars."""
    return importlib.import_module(type(X_train).__module__.split(".")[0]).concat([X_train, X_dev])


@dataclass(frozen=True)
class _Columns:
    """The rows of both sets, encoded: columns whose order counts, and columns of labels.

    `labels` holds the numbers of the labels, of shape (n_rows, n_label_columns), no number in two
    columns. `are_labels` says of each column of the sets which kind it is.
    """

    numbers: Any
    labels: Array
    are_labels: Array


def _without_labels(X: Any) -> _Columns:
    return _Columns(X, np.empty((X.shape[0], 0), dtype=np.intp), np.zeros(X.shape[1], dtype=bool))


def _encoded_frames(X_train: Any, X_dev: Any) -> _Columns:
    numbers, labels, are_labels, n_labels = [], [], [], 0
    for name in X_train.columns:
        values, are = _joined_column(X_train[name], X_dev[name])
        are_labels.append(are)
        if are:
            codes = np.unique(values, return_inverse=True)[1] + n_labels
            n_labels = int(codes.max()) + 1
            labels.append(codes)
        elif np.isinf(values).any():
            raise ValueError(f"X_train and X_dev must be finite, got infinity in {name!r}.")
        else:
            numbers.append(values)
    empty = np.empty((_n_rows(X_train) + _n_rows(X_dev), 0))
    return _Columns(
        np.column_stack([empty, *numbers]),
        np.column_stack([empty, *labels]).astype(np.intp),
        np.array(are_labels),
    )


def _joined_column(train: Any, dev: Any) -> tuple[Array, bool]:
    """A column's values in both sets, and whether they are labels: what counts is not the type."""
    read = [_as_floats(values) for values in (train, dev)]
    floats = [values for values in read if values is not None]
    if len(floats) == len(read):
        named = [str(values.dtype).lower() for values in (train, dev)]
        are_labels = any(name.startswith(("bool", "category")) for name in named)
        return np.concatenate(floats), are_labels
    missing = np.concatenate([_are_missing(values) for values in (train, dev)])
    strings = np.concatenate([np.asarray(values).astype(str) for values in (train, dev)])
    labels = np.zeros(missing.size)
    labels[~missing] = 1 + np.unique(strings[~missing], return_inverse=True)[1]
    return labels, True


def _are_missing(values: Any) -> Array:
    return np.asarray(values.isna() if hasattr(values, "isna") else values.is_null(), dtype=bool)


def _as_floats(values: Any) -> Array | None:
    """Numbers and dates as floats, missing ones NaN; None where there are others.

    A string of digits is a label, as a postcode is.
    """
    kind = getattr(values.dtype, "kind", "")
    if kind in tuple("biuf"):
        # pandas' nullable numbers become floats only if told what stands for a missing one.
        return np.asarray(values.to_numpy(dtype=np.float64, na_value=np.nan))
    # To the microsecond: pandas' dates with a time zone would else be objects.
    array = values.to_numpy(dtype="datetime64[us]") if kind == "M" else np.asarray(values)
    if array.dtype.kind in "biuf":
        return array.astype(np.float64)
    if array.dtype.kind in "mM":
        return _dates_as_floats(array)
    if array.dtype.kind != "O":
        return None
    known = ~_are_missing(values)
    types = set(map(type, array[known]))
    floats = np.full(array.size, np.nan)
    if all(issubclass(one, (Real, Decimal, np.bool_)) for one in types):
        floats[known] = array[known].astype(np.float64)
    elif types == {date}:
        floats[known] = _dates_as_floats(array[known].astype("datetime64[D]"))
    else:
        return None
    return floats


def _dates_as_floats(array: Array) -> Array:
    """Microseconds, whatever the unit was: two sets may have been stored in different ones."""
    array = array.astype(f"{array.dtype.kind}8[us]")
    return np.where(np.isnat(array), np.nan, array.astype(np.int64).astype(np.float64))


# ------------------------------------------------------------------------- the default classifier


def _components(X: Any) -> Iterator[tuple[slice, Array]]:
    """Blocks of columns with their centred cosines, (n_rows, n_harmonics, n_columns) each."""
    n_rows, n_columns = X.shape
    width = max(1, BLOCK_ELEMENTS // (n_rows * HARMONICS.size))
    for start in range(0, n_columns, width):
        block = slice(start, start + width)
        x = X[:, block].toarray() if scipy.sparse.issparse(X) else X[:, block]
        x = np.where(np.isnan(x), -np.inf, x)
        uniform = (rankdata(x, axis=0) - 0.5) / n_rows
        waves = np.cos(np.pi * HARMONICS[:, None] * uniform[:, None, :])
        # Normed, but the finer the weaker: coarse shifts are the likelier ones.
        waves *= np.sqrt(2 / HARMONICS)[:, None]
        waves -= waves.mean(axis=0)
        yield block, waves


def _indicators(labels: Array) -> scipy.sparse.csr_array:
    """One column per label, scaled so that each column of labels has a numeric column's trace."""
    n_rows, n_columns = labels.shape
    counts = np.bincount(labels.ravel())
    trace = (1 - counts[labels] / n_rows).sum(axis=0)
    # A column with a single label tells nothing apart.
    scales = np.divide(
        n_rows * (1 / HARMONICS).sum(), trace, out=np.zeros(n_columns), where=trace > 1e-9
    )
    weights = np.broadcast_to(np.sqrt(scales), labels.shape)
    return scipy.sparse.csr_array(
        (weights.ravel(), labels.ravel(), np.arange(n_rows + 1) * n_columns),
        shape=(n_rows, counts.size),
    )


@dataclass(frozen=True)
class _Kernel:
    """K = additive / additive_scale + pairs² / pair_scale, centred, with a mean diagonal of 1."""

    matrix: Array
    products: Array
    additive_scale: float
    pair_scale: float


def _kernel(X: _Columns) -> _Kernel:
    indicators = _indicators(X.labels)
    additive = _centred((indicators @ indicators.T).toarray())
    n_rows = additive.shape[0]
    products = np.zeros((n_rows, n_rows))
    for _, waves in _components(X.numbers):
        flat, first = waves.reshape(n_rows, -1), waves[:, 0]
        additive += flat @ flat.T
        products += first @ first.T
    pairs = _centred(products**2)
    # Columns that do not vary at all have a kernel of zeros, which tells nothing apart.
    scales = [2 * float(part.trace()) / n_rows or 1.0 for part in (additive, pairs)]
    return _Kernel(additive / scales[0] + pairs / scales[1], products, *scales)


def _centred(kernel: Array) -> Array:
    kernel = kernel - kernel.mean(axis=0)
    return kernel - kernel.mean(axis=1, keepdims=True)


def _solve(matrix: Array, right: Array) -> Array:
    return scipy.linalg.solve(matrix + RIDGE * np.eye(matrix.shape[0]), right, assume_a="pos")


def _test_with_kernel(
    X: _Columns, labels: Array, folds: Any, n_permutations: int, rng: np.random.RandomState
) -> tuple[float, float, Array]:
    """AUC, p-value and each column's share by kernel ridge regression on the labels."""
    kernel = _kernel(X)
    held_out = [rows for _, rows in folds.split(labels, labels)]
    smoothers = [_smoother(kernel.matrix, rows) for rows in held_out]
    auc = float(_aucs(smoothers, held_out, labels[:, None].astype(np.float64))[0])
    n_better, left = 0, n_permutations
    while left > 0:
        permuted = _permuted(labels, held_out, min(left, BLOCK_ELEMENTS // labels.size), rng)
        # Rounding must not make the labels' own order better than itself.
        n_better += int((_aucs(smoothers, held_out, permuted) >= auc - 1e-12).sum())
        left -= permuted.shape[1]
    p_value = (n_better + 1) / (n_permutations + 1)
    return auc, p_value, _shares(X, kernel, labels)


def _smoother(kernel: Array, held_out: Array) -> Array:
    """The matrix that makes scores of the rows held out of the labels of the others, centred."""
    others = np.delete(np.arange(kernel.shape[0]), held_out)
    weights = _solve(kernel[np.ix_(others, others)], kernel[np.ix_(others, held_out)]).T
    smoother = np.zeros((held_out.size, kernel.shape[0]))
    smoother[:, others] = weights - weights.mean(axis=1, keepdims=True)
    return smoother


def _permuted(
    labels: Array, held_out: list[Array], n_permutations: int, rng: np.random.RandomState
) -> Array:
    """Labels permuted within each fold, which leaves the folds stratified; one draw per column."""
    permuted = np.empty((labels.size, n_permutations))
    draws = rng.random_sample((n_permutations, labels.size))
    for rows in held_out:
        permuted[rows] = labels[rows][draws[:, rows].argsort(axis=1)].T
    return permuted


def _aucs(smoothers: list[Array], held_out: list[Array], labels: Array) -> Array:
    """The mean over the folds of the AUC, for each column of labels."""
    total = np.zeros(labels.shape[1])
    for smoother, rows in zip(smoothers, held_out, strict=True):
        own = labels[rows]
        n_dev = own.sum(axis=0)
        ranks = rankdata((smoother @ labels).round(12), axis=0)
        wins = (ranks * own).sum(axis=0) - n_dev * (n_dev + 1) / 2
        total += wins / (n_dev * (rows.size - n_dev))
    return total / len(held_out)


def _shares(X: _Columns, kernel: _Kernel, labels: Array) -> Array:
    """Each column's share of the variance of the classifier's terms, trained on all rows.

    A pair's term Σ_i α_i z_ij z_il, summed squared over l, is a quadratic form in z_j: no matrix
    of all pairs is needed. Half of a pair's variance is each column's.
    """
    weights = _solve(kernel.matrix, labels - labels.mean())
    form = weights[:, None] * kernel.products * weights * (2 / kernel.pair_scale**2)
    of_numbers = np.zeros(X.numbers.shape[1])
    for block, waves in _components(X.numbers):
        first = waves[:, 0]
        slopes = np.einsum("i,ihj->hj", weights, waves) / kernel.additive_scale
        of_numbers[block] = np.einsum("ihj,hj->ij", waves, slopes).var(axis=0)
        of_numbers[block] += (first * (form @ first)).sum(axis=0)
    indicators = _indicators(X.labels)
    # The weights add up to 0, which centres the indicators.
    gains = (indicators.T @ weights) / kernel.additive_scale
    terms = indicators.data.reshape(X.labels.shape) * gains[X.labels]
    share = np.empty(X.are_labels.size)
    share[~X.are_labels], share[X.are_labels] = of_numbers, terms.var(axis=0)
    share = np.maximum(share, 0)
    total = share.sum()
    return share / total if total > 0 else share


# -------------------------------------------------------------------------------- any classifier


def _test_with(
    estimator: Any,
    X: Any,
    labels: Array,
    folds: Any,
    n_permutations: int,
    rng: np.random.RandomState,
) -> tuple[float, float, Array]:
    """The same with a classifier that has to be fitted for each permutation."""
    auc, _, p_value = permutation_test_score(
        estimator,
        X,
        labels,
        cv=folds,
        n_permutations=n_permutations,
        scoring="roc_auc",
        random_state=rng,
    )
    train, held_out = next(folds.split(labels, labels))
    fitted = clone(estimator).fit(_safe_indexing(X, train), labels[train])
    rows = _safe_indexing(X, held_out)
    importance = permutation_importance(
        fitted,
        rows.toarray() if scipy.sparse.issparse(rows) else rows,
        labels[held_out],
        scoring="roc_auc",
        random_state=rng,
    )
    return float(auc), float(p_value), importance.importances_mean
