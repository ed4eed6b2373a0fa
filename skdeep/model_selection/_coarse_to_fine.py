"""CoarseToFineSearchCV: rounds of random search, each closer around the best that was found before.

The course's advice (II 3.1): draw at random over wide ranges, look where the best candidates lie,
and draw more densely there. A round's ranges are a share of the first ones, on their own scale.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from numbers import Integral, Real
from pathlib import Path
from typing import Self, TypeGuard, cast

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.model_selection import ParameterGrid, ParameterSampler
from sklearn.utils import check_random_state

from .._engine.backend import Array
from .._inputs import RandomState, Rows, Splitter
from ..estimators._compat import Interval, StrOptions
from ..estimators._warnings import warn
from ._base import DEFAULT_STACK_BYTES
from ._compat import Context
from ._distributions import Distribution, RandomNumbers, interval_around, positions_around
from ._evaluation import Evaluator, Rung, all_alone
from ._plan import Plan
from ._progress import WorkToCome
from ._scoring import Scoring
from ._search import VectorizedRandomizedSearchCV
from ._types import (
    Constraints,
    CVResults,
    ErrorScore,
    Folds,
    FrozenDistribution,
    Refit,
    ScoringLike,
    Size,
    Space,
    Spaces,
)

# Among a candidate's parameters, while it is drawn: the number of the space it is drawn from.
FROM = ""


# ------------------------------------------------------------------------------ narrowed ranges


@dataclass(frozen=True, repr=False)
class Truncated(Distribution):
    """A frozen distribution of scipy.stats between two of its quantiles.

    Its own distribution function is its scale: logarithmic for loguniform, linear for uniform and
    randint.
    """

    whole: FrozenDistribution
    low: float
    high: float

    def __repr__(self) -> str:
        name = getattr(getattr(self.whole, "dist", None), "name", type(self.whole).__name__)
        least, most = self.whole.ppf([self.low, self.high])
        if self._is_discrete and self.whole.cdf(least) <= self.low + 1e-12:
            # That one is below what can be drawn.
            least += 1
        return f"{name} from {least:.3g} to {most:.3g}"

    @property
    def _is_discrete(self) -> bool:
        return hasattr(self.whole, "pmf")

    def _draw(self, size: Size, rng: RandomNumbers) -> float | Array:
        values = self.whole.ppf(rng.uniform(self.low, self.high, size))
        if self._is_discrete:
            return int(values) if size is None else values.astype(np.int64)
        return float(values) if size is None else values

    def _narrowed(self, value: object, share: float) -> Self:
        number = cast(float, value)
        if not self._is_discrete:
            place = float(self.whole.cdf(number))
            return type(self)(self.whole, *interval_around(place, self.low, self.high, share))
        before, up_to = self.whole.cdf([number - 1, number])
        low, high = interval_around((before + up_to) / 2, self.low, self.high, share)
        # The neighbours at least, as in all that is discrete.
        least, most = self.whole.cdf([number - 2, number + 1])
        return type(self)(
            self.whole,
            max(self.low, min(low, float(least))),
            min(self.high, max(high, float(most))),
        )


def can_be_narrowed(values: object) -> bool:
    return isinstance(values, Distribution) or _has_quantiles(values) or _are_in_order(values)


def _has_quantiles(values: object) -> TypeGuard[FrozenDistribution]:
    return hasattr(values, "rvs") and hasattr(values, "cdf") and hasattr(values, "ppf")


def _are_in_order(values: object) -> TypeGuard[Sequence[float]]:
    """Whether they are listed numbers, each larger than the last, or each smaller."""
    if not isinstance(values, (Sequence, np.ndarray)) or isinstance(values, str):
        return False
    if not all(isinstance(one, Real) and not isinstance(one, (bool, np.bool_)) for one in values):
        return False
    pairs = list(pairwise(values))
    return bool(pairs) and (all(a < b for a, b in pairs) or all(a > b for a, b in pairs))


def shown(values: object) -> object:
    """What a parameter is drawn from, in a form that can be read."""
    if isinstance(values, Distribution) or not _has_quantiles(values):
        return values
    return Truncated(values, 0.0, 1.0)


def narrowed(values: object, value: object, share: float) -> object:
    """What a parameter is drawn from, narrowed around a value; as it is where that has no scale."""
    if isinstance(values, Distribution):
        return values.narrowed(value, share)
    if _has_quantiles(values):
        return Truncated(values, 0.0, 1.0).narrowed(value, share)
    if _are_in_order(values):
        position = list(values).index(cast(float, value))
        return values[positions_around(position, len(values), share)]
    return values


# -------------------------------------------------------------------------------- one search


class EvaluatorOfOneByOne(Evaluator):
    """Leaves every candidate to be fitted alone, as scikit-learn's searches do it."""

    def _plan(self, rung: Rung) -> Plan:
        return all_alone(rung, "search='sklearn'")


class SameFolds:
    """A splitter whose folds stay what they were the first time."""

    def __init__(self, cv: Splitter) -> None:
        self._cv = cv
        self._folds: list[tuple[Array, Array]] | None = None

    def split(
        self, X: object, y: object = None, **split_params: object
    ) -> list[tuple[Array, Array]]:
        if self._folds is None:
            self._folds = list(self._cv.split(X, y, **split_params))
        return self._folds


class CoarseToFineSearchCV(VectorizedRandomizedSearchCV):
    """Randomized search in rounds, from coarse to fine, whose candidates train together.

    The first round draws from the distributions as they are given. Each further round draws from a
    part of them, around the best candidate of all rounds before, and `shrink` times as wide as the
    round before's, each parameter on its own scale (course II 3.1). For the same number of fits it
    looks more closely where a plain random search has found its best, and less elsewhere.

    Parameters
    ----------
    estimator : estimator
        What is searched over.
    param_distributions : dict or list of dicts
        By parameter, what to draw from. skdeep's distributions are narrowed on their own scale.
        Those of scipy.stats are narrowed by share of probability: on a logarithmic scale for
        `loguniform`, on a linear one for `uniform` and `randint`. A list of numbers in rising or
        falling order is cut down to neighbours of the best. Other lists, and other objects with a
        method `rvs`, stay as they are. If everything is a list, later rounds may draw candidates a
        second time. If several dicts are given, each is narrowed around the best candidate that was
        drawn from it.
    n_rounds : int, default=4
        Number of rounds, >= 1. One round is a plain random search.
    n_iter : int, default=20
        Number of candidates of each round, >= 1.
    shrink : float, default=0.6
        How wide a range is relative to that of the round before, in (0, 1]. Where values are
        listed, the neighbours of the best stay in any case.
    search : {"vectorized", "sklearn"}, default="vectorized"
        How the candidates of a round are evaluated: as `VectorizedRandomizedSearchCV` does it, all
        that can share a stack together, or as scikit-learn's `RandomizedSearchCV` does it, one by
        one.
    scoring : str, callable, list, tuple or dict, default=None
        What candidates are scored by; None asks the estimator's own `score`. Several metrics as in
        scikit-learn.
    n_jobs : int, default=None
        How many stacks, or candidates, train at the same time, by joblib; -1 uses all cores. Each
        has a process of its own unless `joblib.parallel_config` says otherwise. With more than one,
        NumPy's matrix products share the cores among the processes; in threads each uses one core.
    refit : bool, str or callable, default=True
        Whether to fit the best candidate on all rows; with several metrics the name of the one that
        decides, or a function of `cv_results_` that gives the best candidate's number. After each
        round it also decides around which candidate the next round is narrowed.
    cv : int, cross-validation generator or iterable, default=None
        The folds, the same in every round; None is 5-fold, stratified for a classifier.
    verbose : int, default=0
        1 prints from which ranges each round draws, how many fits share how many stacks and why
        others do not. Then it shows the progress of the whole search, on a terminal as a bar: the
        epochs of all fits, the best score of the candidates that are through all folds, and the
        time left. 2 adds a line per candidate and fold; 3 its scores.
    pre_dispatch : int or str, default="2*n_jobs"
        How many tasks joblib hands out ahead of time.
    random_state : int, RandomState instance or None, default=None
        Seeds the choice of candidates.
    error_score : "raise" or float, default=nan
        The score of a candidate whose fit fails; "raise" raises its error. The other candidates of
        its stack are not disturbed, and no round is narrowed around one whose score is nan.
    return_train_score : bool, default=False
        Whether `cv_results_` has the scores on the training rows.
    keep_best : int or None, default=None
        How many of the best candidates, >= 1, are fitted on all rows as one stack and kept as
        `ensemble_`. None keeps none.
    max_stack_bytes : int, default=2**28
        Upper bound, in bytes, on the memory that all stacks in training together take beyond the
        data, >= 1. A single candidate is trained even if it takes more. Stacks are usually smaller,
        some 8 MB each, since larger ones are no faster.
    checkpoint : str, path or None, default=None
        A file in which the search is kept as it runs. One that was interrupted or killed goes on
        with ``resume(path).fit(X, y)``, where `resume` is that of any of the search classes. None
        keeps nothing.

    Attributes
    ----------
    cv_results_ : dict of ndarrays
        Scores, parameters and times of the candidates of all rounds, with the keys of
        scikit-learn's search and `round`, the number of a candidate's round, counted from 0. Ranks
        are over all rounds. A candidate's times are its share of its stack's.
    rounds_ : list of dict, or list of list of dicts
        What each round drew from.
    best_estimator_ : estimator
        The best candidate, fitted on all rows; with `refit` only.
    best_score_ : float
        Its mean score over the folds; not with a callable `refit`.
    best_params_ : dict
        Its parameters.
    best_index_ : int
        Its number in `cv_results_`.
    stacked_ : dict
        How the fits, each of a candidate on a fold, were carried out: `n_stacked` in stacks,
        `n_alone` one by one, and `reasons`, a dict from what kept them from sharing a stack to how
        many. Not where all are other libraries' estimators.
    ensemble_ : estimator
        The `keep_best` best candidates, fitted on all rows; its `predict_proba` is the mean of
        theirs, a regressor's `predict` likewise. With `keep_best` only.
    scorer_ : function or dict
        What scores the candidates.
    n_splits_ : int
        Number of folds.
    refit_time_ : float
        Seconds that the refit took.
    multimetric_ : bool
        Whether there are several metrics.
    classes_ : ndarray of shape (n_classes,)
        The classes, of a classifier.
    n_features_in_ : int
        Number of features seen by `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where X has any.

    See Also
    --------
    VectorizedRandomizedSearchCV : One round.
    VectorizedHalvingRandomSearchCV : The worst candidates leave early.
    suggested_space : A space to start from.

    Notes
    -----
    It is no sure gain. With sixty candidates from the whole of `suggested_space`, eight parameters,
    the mean best score of five seeds is higher than a plain random search's on four of six data
    sets, by 0.07 to 0.25 points of accuracy, on one of them beyond what chance would explain; on
    rows held out the refitted best is ahead on three (benchmarks/bench_coarse_to_fine.py). Where
    folds are small and scores close, a round may be narrowed around what was merely lucky: vary few
    parameters, or take a larger `shrink`.

    The more candidates are compared on the same folds, the more the best of their scores owes to
    chance: `best_score_` is no estimate of the score on new data.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdeep import DeepMLPClassifier
    >>> from skdeep.model_selection import CoarseToFineSearchCV, log_uniform
    >>> X, y = load_iris(return_X_y=True)
    >>> search = CoarseToFineSearchCV(
    ...     DeepMLPClassifier(max_iter=60, n_iter_no_change=60, random_state=0),
    ...     {"learning_rate_init": log_uniform(0.0001, 1), "alpha": log_uniform(0.0001, 1)},
    ...     n_iter=8,
    ...     scoring="neg_log_loss",
    ...     random_state=0,
    ... )
    >>> import warnings
    >>> with warnings.catch_warnings(action="ignore"):
    ...     search = search.fit(X, y)
    >>> for ranges in search.rounds_:
    ...     rate = ranges["learning_rate_init"]
    ...     print(f"{rate.low:.1g} to {rate.high:.1g}")
    0.0001 to 1
    0.004 to 1
    0.01 to 0.4
    0.05 to 0.4
    """

    _must_not_fail_late = False

    _parameter_constraints: Constraints = {
        **VectorizedRandomizedSearchCV._parameter_constraints,
        "n_rounds": [Interval(Integral, 1, None, closed="left")],
        "shrink": [Interval(Real, 0, 1, closed="right")],
        "search": [StrOptions({"vectorized", "sklearn"})],
    }

    def __init__(
        self,
        estimator: BaseEstimator,
        param_distributions: Spaces,
        *,
        n_rounds: int = 4,
        n_iter: int = 20,
        shrink: float = 0.6,
        search: str = "vectorized",
        scoring: ScoringLike = None,
        n_jobs: int | None = None,
        refit: Refit = True,
        cv: Folds = None,
        verbose: int = 0,
        pre_dispatch: int | str = "2*n_jobs",
        random_state: RandomState = None,
        error_score: ErrorScore = np.nan,
        return_train_score: bool = False,
        keep_best: int | None = None,
        max_stack_bytes: int = DEFAULT_STACK_BYTES,
        checkpoint: str | Path | None = None,
    ) -> None:
        super().__init__(
            estimator,
            param_distributions,
            n_iter=n_iter,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            random_state=random_state,
            error_score=error_score,
            return_train_score=return_train_score,
            keep_best=keep_best,
            max_stack_bytes=max_stack_bytes,
            checkpoint=checkpoint,
        )
        self.n_rounds = n_rounds
        self.shrink = shrink
        self.search = search

    def _make_evaluator(
        self, base_estimator: BaseEstimator, X: Rows, y: ArrayLike | None, scoring: Scoring
    ) -> Evaluator:
        kind = EvaluatorOfOneByOne if self.search == "sklearn" else Evaluator
        return kind(self, base_estimator, X, y, scoring)

    def _work_to_come(self, n_calls: int) -> WorkToCome:
        return WorkToCome(self.n_rounds - n_calls, self.n_rounds - n_calls)

    def _check_input_parameters(
        self, X: Rows, y: ArrayLike | None, split_params: dict[str, object]
    ) -> None:
        # Says what is wrong with the distributions, if anything is.
        ParameterSampler(self.param_distributions, self.n_iter)
        if self.n_rounds == 1:
            return
        if isinstance(self.scoring, (list, tuple, set, dict)):
            self._check_that_refit_decides()
        if not any(can_be_narrowed(values) for space in self._spaces for values in space.values()):
            warn(
                "No parameter in param_distributions can be narrowed, so that all rounds are "
                "alike. Give distributions, or numbers in order."
            )

    def _check_that_refit_decides(self) -> None:
        if self.refit is False:
            raise ValueError(
                "With several metrics refit must name the one to narrow the ranges by, or be a "
                f"function that chooses, got refit={self.refit!r}."
            )

    @property
    def _spaces(self) -> list[Space]:
        given: Spaces = self.param_distributions
        return [given] if isinstance(given, dict) else list(given)

    def _run_search(
        self, evaluate_candidates: Callable[..., CVResults], *, callback_ctx: Context
    ) -> None:
        """Draw and evaluate the candidates of one round after the other."""
        rng, folds = check_random_state(self.random_state), SameFolds(self._checked_cv_orig)
        if not isinstance(self.random_state, Integral):
            # Of its own: fits and folds may draw from the same generator between rounds, and a
            # search that goes on does not repeat them.
            rng = np.random.RandomState(rng.randint(2**31 - 1))
        whole = callback_ctx.subcontext(task_name="search", max_subtasks=self.n_rounds)
        whole = whole.call_on_fit_task_begin(estimator=self)
        spaces = self._spaces
        self.rounds_: list[Space | list[Space]] = []
        results: CVResults = {}
        drawn_from: list[int] = []
        for number in range(self.n_rounds):
            if number > 0:
                spaces = self._narrowed_spaces(results, drawn_from, self.shrink**number)
            self._begin_round(number, spaces)
            candidates, origins = draw(spaces, self.n_iter, rng, is_narrowed=number > 0)
            drawn_from += origins
            context = whole.subcontext(
                task_name="round",
                max_subtasks=len(candidates) * self.n_splits_,
                sequential_subtasks=False,
            ).call_on_fit_task_begin(estimator=self)
            results = evaluate_candidates(
                candidates,
                folds,
                more_results={"round": [number] * len(candidates)},
                callback_ctx=context,
            )
            context.call_on_fit_task_end(estimator=self)
        whole.call_on_fit_task_end(estimator=self)

    def _begin_round(self, number: int, spaces: list[Space]) -> None:
        is_single = isinstance(self.param_distributions, dict)
        self.rounds_.append(spaces[0] if is_single else spaces)
        if self.verbose > 0:
            ranges = [{name: shown(values) for name, values in space.items()} for space in spaces]
            print(f"Round {number + 1} of {self.n_rounds}: {ranges[0] if is_single else ranges}")

    def _narrowed_spaces(
        self, results: CVResults, drawn_from: Sequence[int], share: float
    ) -> list[Space]:
        """Each of the given spaces narrowed around its best, where it has one."""
        narrower = []
        for number, space in enumerate(self._spaces):
            best = self._best_of(results, np.flatnonzero(np.equal(drawn_from, number)))
            if best is not None:
                space = {
                    name: narrowed(values, best[name], share) for name, values in space.items()
                }
            narrower.append(space)
        return narrower

    def _best_of(self, results: CVResults, numbers: Array) -> dict[str, object] | None:
        """The parameters of the best of some candidates; None where none of them has a score."""
        if numbers.size == 0:
            return None
        own = {name: values[numbers] for name, values in results.items() if name != "params"}
        params = [results["params"][number] for number in numbers]
        metric = self._metric_that_decides(own)
        means = [values for name, values in own.items() if name.startswith("mean_test_")]
        if np.isnan(means if callable(self.refit) else own[f"mean_test_{metric}"]).all():
            return None
        best = self._select_best_index(self.refit, metric, {**own, "params": params})
        found: dict[str, object] = params[best]
        return found

    def _metric_that_decides(self, results: Mapping[str, object]) -> str:
        """Its name in `cv_results_`; without meaning where `refit` is a function."""
        if isinstance(self.refit, str) and f"mean_test_{self.refit}" in results:
            return self.refit
        if "mean_test_score" not in results:
            # A callable `scoring` shows only now that it has several.
            self._check_that_refit_decides()
            scores = [name for name in results if name.startswith("mean_test_")]
            self._check_refit_for_multimetric([name[len("mean_test_") :] for name in scores])
        return "score"


def is_list(values: object) -> bool:
    return not hasattr(values, "rvs")


def draw(
    spaces: Sequence[Space], n_iter: int, rng: np.random.RandomState, *, is_narrowed: bool
) -> tuple[list[Space], list[int]]:
    """Candidates as `ParameterSampler` draws them, and which space each is from."""
    # A list of one value: to draw from it takes no random number.
    marked = [{**space, FROM: [number]} for number, space in enumerate(spaces)]
    if is_narrowed and all(is_list(values) for space in spaces for values in space.values()):
        # That few are left is the search's doing, and no news.
        n_iter = min(n_iter, len(ParameterGrid(marked)))
    candidates = list(ParameterSampler(marked, n_iter, random_state=rng))
    return candidates, [candidate.pop(FROM) for candidate in candidates]
