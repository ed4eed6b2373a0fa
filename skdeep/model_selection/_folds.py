"""The data of one fold, as the models of its stacks see them, and by what name others know them."""

import copy
import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from .._engine.errors import own_errors
from .._inputs import Rows, bytes_of, n_rows_of
from ._compat import rows_of_params, safe_split, sees_only_predictions
from ._plan import fit_steps, split_fit_params, transformers
from ._types import Fold, Parameters

if TYPE_CHECKING:
    from ._scoring import Scoring


@dataclass
class Split:
    """The rows of one split, transformed as the estimator does before its last step."""

    number: int
    X_train: Rows
    y_train: ArrayLike
    X_test: Rows
    y_test: ArrayLike | None
    fit_params: Parameters
    train_score_params: Parameters
    test_score_params: Parameters
    # Train rows as they are scored: `fit_transform` may give others than `transform`, and samplers
    # have no part in it.
    X_scored: Rows
    y_scored: ArrayLike
    before: Pipeline | None
    seconds: float
    # Train and test rows as they were, for a scorer that does more than ask for predictions.
    untouched: tuple[Rows, Rows] | None
    # The train rows as callbacks hear of them; None where there are none.
    X_told: Rows | None
    weights_told: ArrayLike | None

    @property
    def n_train(self) -> int:
        """Number of train rows, as transformers leave them."""
        return n_rows_of(self.X_train)

    @cached_property
    def n_bytes(self) -> int:
        """About the memory that its rows take."""
        rows = [self.X_train, self.X_test, self.X_scored, *(self.untouched or ()), self.X_told]
        return sum({id(one): bytes_of(one) for one in rows}.values())


@dataclass(frozen=True)
class SplitName:
    """A split that is cut out where it is needed.

    Parameters
    ----------
    number : int
        Of the split.
    search, key : str, int
        Tell it from all others, of other searches too.
    estimator : estimator
        Has the transformers, whose every random state is set.
    n_train : int
        Number of train rows, once that is known.
    """

    number: int
    search: str
    key: int
    estimator: BaseEstimator
    n_train: int = 0


def prepare_split(
    estimator: BaseEstimator,
    X: Rows,
    y: ArrayLike | None,
    scoring: "Scoring",
    number: int,
    fold: Fold,
) -> Split:
    """Cut out one split, and transform it as the estimator does before its last step."""
    start, (train, test) = time.perf_counter(), fold
    # The data, and what indexing and transformers make of them, are not ours.
    with own_errors(Exception):
        X_train, y_train = safe_split(estimator, X, y, train)
        X_test, y_test = safe_split(estimator, X, y, test, train)
        given = rows_of_params(X, scoring.fit_params, indices=train)
    params = split_fit_params(estimator, given)
    assert params is not None  # the plan has seen to it
    untouched = None
    if not sees_only_predictions(scoring.scorer):
        untouched = copy.deepcopy((X_train, X_test))
    told = X_train if scoring.caller is not None else None
    before, X_scored, y_scored = transformers(estimator), X_train, y_train
    if before is not None:
        with own_errors(Exception):
            # A transformer may work in place.
            X_scored = copy.deepcopy(X_train) if scoring.return_train_score else None
            X_train, y_train = fit_steps(before, X_train, y_train, params[0])
            X_test = before.transform(X_test)
            if scoring.return_train_score:
                X_scored = before.transform(X_scored)
    with own_errors(ValueError):
        scored = X_scored if scoring.return_train_score else X_train
        if any(np.ndim(rows) != 2 for rows in (X_train, X_test, scored)):
            raise ValueError("Only matrices can be stacked on.")
    return Split(
        number,
        X_train,
        y_train,
        X_test,
        y_test,
        params[1],
        rows_of_params(X, scoring.score_params, indices=train),
        rows_of_params(X, scoring.score_params, indices=test),
        X_scored,
        y_scored,
        before,
        time.perf_counter() - start,
        untouched,
        told,
        given.get("sample_weight"),
    )
