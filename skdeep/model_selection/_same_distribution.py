"""Do two sets of rows follow one distribution? A classifier is asked to tell them apart.

If it cannot do better than chance on rows it has not seen, the sets look alike (Lopez-Paz and Oquab
2017). What chance can do is found by giving the rows' labels out anew, and training anew each time.
The default classifier is linear in the labels, so that for all permutations together its training
is one product of matrices.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from math import ceil

import numpy as np
import scipy.sparse
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.inspection import permutation_importance
from sklearn.model_selection import StratifiedKFold, permutation_test_score
from sklearn.utils import _safe_indexing

from .._arguments import check_integer, random_state_of
from .._engine.backend import Array
from .._engine.reals import real_number
from .._fit.whole import Whole
from .._html import block, paragraph, table
from .._inputs import RandomState, Rows, Splitter, n_rows_of
from ._kernel_classifier import tell_apart_by_kernel
from ._two_sets import joined, joined_and_encoded, sampled

__all__ = ["SameDistributionResult", "check_same_distribution"]

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
    columns: list[tuple[Hashable, float]] = field(repr=False)
    significance_level: float
    n_train: int
    n_dev: int
    n_permutations: int

    def __str__(self) -> str:
        lines = [self._title(), f"  AUC {self.auc:.3f}, {self._verdict()}"]
        if not self.same:
            shown = self.columns[:COLUMNS_SHOWN]
            width = max(len(str(name)) for name, _ in shown)
            lines.append("  columns that tell them apart, with their share")
            lines += [f"    {name!s:<{width}}  {share:.2f}" for name, share in shown]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = [("AUC", f"{self.auc:.3f}"), ("p-value", f"{self.p_value:.3g}")]
        parts = [paragraph(self._title()), table(("", "value"), rows), paragraph(self._verdict())]
        if not self.same:
            shown = [(str(name), f"{share:.2f}") for name, share in self.columns[:COLUMNS_SHOWN]]
            parts.append(paragraph("columns that tell them apart, with their share"))
            parts.append(table(("column", "share"), shown))
        return block(*parts)

    def _title(self) -> str:
        return (
            f"Train set ({self.n_train} rows) against dev set ({self.n_dev} rows), "
            f"{self.n_permutations} permutations"
        )

    def _verdict(self) -> str:
        relation, verdict = (">", "same") if self.same else ("<=", "not the same")
        return (
            f"p = {self.p_value:.3g} {relation} {self.significance_level:g}: {verdict} distribution"
        )


def check_same_distribution(
    X_train: Rows,
    X_dev: Rows,
    *,
    estimator: BaseEstimator | None = None,
    cv: int = 5,
    n_permutations: int = 200,
    significance_level: float = 0.05,
    max_samples: int = 1000,
    random_state: RandomState = None,
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
    rng = random_state_of(random_state)
    train = sampled(X_train, "X_train", max_samples, rng)
    dev = sampled(X_dev, "X_dev", max_samples, rng)
    n_train, n_dev = n_rows_of(train), n_rows_of(dev)
    labels = np.repeat([0, 1], [n_train, n_dev])
    folds = StratifiedKFold(cv, shuffle=True, random_state=rng)
    if estimator is None:
        columns, names = joined_and_encoded(train, dev)
        _check_folds(cv, n_train, n_dev)
        auc, p_value, importance = tell_apart_by_kernel(columns, labels, folds, n_permutations, rng)
    else:
        X, names = joined(train, dev)
        _check_folds(cv, n_train, n_dev)
        with Whole().part():
            auc, p_value, importance = _tell_apart_with(
                estimator, X, labels, folds, n_permutations, rng
            )
    ranking = np.argsort(-importance, kind="stable")
    return SameDistributionResult(
        auc=auc,
        p_value=p_value,
        same=p_value > significance_level,
        columns=[(names[column], float(importance[column])) for column in ranking],
        significance_level=float(significance_level),
        n_train=n_train,
        n_dev=n_dev,
        n_permutations=int(n_permutations),
    )


def _check_arguments(
    estimator: BaseEstimator | None,
    cv: object,
    n_permutations: int,
    significance_level: object,
    max_samples: object,
) -> None:
    is_estimator = hasattr(estimator, "fit") and not isinstance(estimator, type)
    if estimator is not None and not (is_estimator and is_classifier(estimator)):
        raise TypeError(f"estimator must be a classifier or None, got {estimator!r}.")
    check_integer("cv", cv, 2)
    check_integer("n_permutations", n_permutations, 1)
    check_integer("max_samples", max_samples, 2)
    level = real_number(significance_level)
    if not 0 < level < 1:
        raise ValueError(f"significance_level must be in (0, 1), got {significance_level!r}.")
    if n_permutations + 1 < 1 / level:
        raise ValueError(
            f"n_permutations={n_permutations} cannot give a p-value as small as "
            f"significance_level={significance_level}: take at least "
            f"{ceil(1 / level) - 1}."
        )


def _check_folds(cv: int, n_train: int, n_dev: int) -> None:
    if min(n_train, n_dev) < cv:
        raise ValueError(
            f"cv={cv} needs at least {cv} rows of each set, got {n_train} in X_train and {n_dev} "
            "in X_dev."
        )


def _tell_apart_with(
    estimator: BaseEstimator,
    X: Rows,
    labels: Array,
    folds: Splitter,
    n_permutations: int,
    rng: np.random.RandomState,
) -> tuple[float, float, Array]:
    """AUC, p-value and importances by a classifier that is fitted for each permutation."""
    auc, _, p_value = permutation_test_score(
        estimator,
        X,
        labels,
        cv=folds,
        n_permutations=n_permutations,
        scoring="roc_auc",
        random_state=rng,
    )
    train, held_out = next(iter(folds.split(labels, labels)))
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
