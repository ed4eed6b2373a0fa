"""VectorizedHalvingRandomSearchCV: successive halving whose survivors go on training.

The resource is epochs. After each rung the worst candidates leave their stacks; the others go on
from where they are, so that a candidate's epochs are trained once and not again at every rung.
"""

from collections.abc import Callable, Sequence
from numbers import Integral, Real
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from .._engine.backend import Array
from .._inputs import RandomState, Rows
from ..estimators._compat import Interval
from ._base import DEFAULT_STACK_BYTES, OWN_CONSTRAINTS, VectorizedSearch
from ._compat import Context, HalvingRandomSearchCV, yields_constant_splits
from ._evaluation import Evaluator
from ._plan import last_step
from ._progress import WorkToCome
from ._rungs import Rungs, exact, identity
from ._scoring import Scoring
from ._types import (
    Constraints,
    CVResults,
    ErrorScore,
    Folds,
    Parameters,
    Refit,
    ScoringLike,
    Spaces,
)


class VectorizedHalvingRandomSearchCV(VectorizedSearch, HalvingRandomSearchCV):
    """Successive halving over epochs, the candidates trained together and none of them twice.

    All candidates train for a few epochs; the best 1/`factor` of them go on, from where they are,
    to `factor` times as many, and so on. The parameters mean what they mean in scikit-learn's
    `HalvingRandomSearchCV` with ``resource="max_iter"``, which trains every survivor from the start
    again at every rung, and the results are the same. (In rare cases scikit-learn has one rung
    fewer, because it rounds a logarithm.) `VectorizedRandomizedSearchCV` says which candidates
    train together and which are fitted alone. Those that are fitted alone are trained from the
    start at every rung.

    Parameters
    ----------
    estimator : estimator
        What is searched over: an estimator with `max_iter`, or a `Pipeline` that ends in one.
    param_distributions : dict or list of dicts
        By parameter, a list of values or a distribution with a method `rvs`; `max_iter` is not
        among them.
    n_candidates : int or "exhaust", default="exhaust"
        Number of candidates of the first rung; "exhaust" takes so many that the last rung uses
        `max_resources`.
    factor : float, default=3
        How many times fewer candidates and more epochs each rung has, > 1.
    max_resources : int or "auto", default="auto"
        Largest number of epochs of a candidate; "auto" is the estimator's `max_iter`.
    min_resources : int, "smallest" or "exhaust", default="smallest"
        Epochs of the first rung; "smallest" is 1, "exhaust" takes so many that the last rung uses
        `max_resources`.
    aggressive_elimination : bool, default=False
        Whether to repeat the first rung's number of epochs until so few candidates are left that
        the last rung has at most `factor` of them.
    cv : int, cross-validation generator or iterable, default=5
        The folds, the same at every rung.
    scoring : str or callable, default=None
        What candidates are scored by; None asks the estimator's own `score`.
    refit : bool or callable, default=True
        Whether to fit the best candidate on all rows.
    error_score : "raise" or float, default=nan
        The score of a candidate whose fit fails; "raise" raises its error. The other candidates of
        its stack are not disturbed.
    return_train_score : bool, default=True
        Whether `cv_results_` has the scores on the training rows.
    random_state : int, RandomState instance or None, default=None
        Seeds the choice of candidates.
    n_jobs : int, default=None
        How many stacks train at the same time, by joblib; -1 uses all cores. Each has a process of
        its own unless `joblib.parallel_config` says otherwise. With more than one, NumPy's matrix
        products share the cores among the processes; in threads each uses one core.
    verbose : int, default=0
        1 prints how many fits share how many stacks and why others do not. Then it shows the
        progress of the whole search, on a terminal as a bar: the epochs of all fits, the best score
        of the candidates that are through all folds, and the time left. 2 adds a line per candidate
        and fold; 3 its scores.
    keep_best : int or None, default=None
        How many of the best candidates, >= 1, are fitted on all rows as one stack and kept as
        `ensemble_`. None keeps none.
    max_stack_bytes : int, default=2**28
        Upper bound, in bytes, on the memory that all stacks in training together take beyond the
        data, >= 1. A single candidate is trained even if it takes more. Stacks are usually smaller,
        some 8 MB each, since larger ones are no faster. The candidates that are still in the race
        are kept from rung to rung and do not count towards this limit.
    checkpoint : str, path or None, default=None
        A file in which the search is kept as it runs. One that was interrupted or killed goes on
        with ``resume(path).fit(X, y)``, where `resume` is that of any of the search classes. None
        keeps nothing.

    Attributes
    ----------
    cv_results_ : dict of ndarrays
        Scores, parameters and times of all candidates, with the keys of scikit-learn's search. A
        candidate's times are its share of its stack's.
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
    n_resources_ : list of int
        Epochs of each rung.
    n_candidates_ : list of int
        Candidates of each rung.
    n_remaining_candidates_ : int
        Candidates that the last rung would have left.
    max_resources_ : int
        Largest number of epochs.
    min_resources_ : int
        Epochs of the first rung.
    n_iterations_ : int
        Number of rungs.
    n_possible_iterations_ : int
        Rungs that the epochs allow for.
    n_required_iterations_ : int
        Rungs that it takes to have at most `factor` candidates left.

    See Also
    --------
    VectorizedRandomizedSearchCV : All candidates train to the end.

    Notes
    -----
    A schedule that comes down over all epochs ("cosine" without `decay_epochs`) is another one at
    each rung, so such a candidate is trained anew, alone. Where there is more than one rung, the
    data of all folds, transformed where there are transformers, are kept from one to the next. A
    process backend of joblib has to be able
    to pickle closures, as its default, loky, is.

    References
    ----------
    .. [1] K. Jamieson and A. Talwalkar (2016). Non-stochastic best arm identification and
       hyperparameter optimization. AISTATS.

    Examples
    --------
    >>> from scipy.stats import loguniform
    >>> from sklearn.datasets import load_iris
    >>> from skdeep import DeepMLPClassifier
    >>> from skdeep.model_selection import VectorizedHalvingRandomSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> search = VectorizedHalvingRandomSearchCV(
    ...     DeepMLPClassifier(max_iter=27, random_state=0),
    ...     {"learning_rate_init": loguniform(1e-4, 1e-1), "alpha": loguniform(1e-4, 1)},
    ...     random_state=0,
    ... )
    >>> import warnings
    >>> with warnings.catch_warnings(action="ignore"):
    ...     search = search.fit(X, y)
    >>> search.n_candidates_, search.n_resources_
    ([27, 9, 3, 1], [1, 3, 9, 27])
    """

    _parameter_constraints: Constraints = {
        **HalvingRandomSearchCV._parameter_constraints,
        **OWN_CONSTRAINTS,
        "factor": [Interval(Real, 1, None, closed="neither")],
    }
    _parameter_constraints.pop("resource")

    def __init__(
        self,
        estimator: BaseEstimator,
        param_distributions: Spaces,
        *,
        n_candidates: int | str = "exhaust",
        factor: float = 3,
        max_resources: int | str = "auto",
        min_resources: int | str = "smallest",
        aggressive_elimination: bool = False,
        cv: Folds = 5,
        scoring: ScoringLike = None,
        refit: Refit = True,
        error_score: ErrorScore = np.nan,
        return_train_score: bool = True,
        random_state: RandomState = None,
        n_jobs: int | None = None,
        verbose: int = 0,
        keep_best: int | None = None,
        max_stack_bytes: int = DEFAULT_STACK_BYTES,
        checkpoint: str | Path | None = None,
    ) -> None:
        # Not scikit-learn's constructor: it would set `resource`, which is no parameter here.
        self.estimator = estimator
        self.param_distributions = param_distributions
        self.n_candidates = n_candidates
        self.factor = factor
        self.max_resources = max_resources
        self.min_resources = min_resources
        self.aggressive_elimination = aggressive_elimination
        self.cv = cv
        self.scoring = scoring
        self.refit = refit
        self.error_score = error_score
        self.return_train_score = return_train_score
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.keep_best = keep_best
        self.max_stack_bytes = max_stack_bytes
        self.checkpoint = checkpoint

    @property
    def resource(self) -> str:
        """The name of the estimator's parameter that counts epochs: `max_iter`."""
        if isinstance(self.estimator, Pipeline):
            return f"{self.estimator.steps[-1][0]}__max_iter"
        return "max_iter"

    def _make_evaluator(
        self, base_estimator: BaseEstimator, X: Rows, y: ArrayLike | None, scoring: Scoring
    ) -> Evaluator:
        return Evaluator(self, base_estimator, X, y, scoring, self.resource)

    def _has_another_rung(self) -> bool:
        """As scikit-learn's search counts its rungs, which it tells only once they are over."""
        if not getattr(self, "n_candidates_", None):
            # A subclass counts its rungs in a way of its own: another one can come.
            return True
        rungs = self._rungs(self.n_candidates_[0])
        return len(self.n_candidates_) < len(rungs)

    def _work_to_come(self, n_calls: int) -> WorkToCome:
        rungs = self._rungs(self.n_candidates_[0])
        stacked, alone = rungs.work_after(n_calls)
        return WorkToCome(stacked, alone, rungs.n_resources(len(rungs) - 1) / rungs.n_resources(0))

    def _rungs(self, n_candidates: int) -> Rungs:
        """The rungs of so many candidates; the epochs of the first are known or to be exhausted."""
        aggressive, factor = bool(self.aggressive_elimination), exact(self.factor)
        most = int(self.max_resources_)
        if self.min_resources == "exhaust":
            return Rungs.exhausting(factor, n_candidates, most, aggressive)
        return Rungs(factor, n_candidates, int(self.min_resources_), most, aggressive)

    def _run_search(
        self, evaluate_candidates: Callable[..., CVResults], *, callback_ctx: Context
    ) -> None:
        """Evaluate the candidates of one rung after the other, the best of each in the next."""
        candidates = list(self._generate_candidate_params())
        if any(self.resource in candidate for candidate in candidates):
            raise ValueError(
                f"{self.resource} counts the epochs of each rung, and cannot be searched: it is in "
                "param_distributions."
            )
        rungs = self._rungs(len(candidates))
        self.min_resources_ = rungs.min_resources
        self.n_required_iterations_, self.n_possible_iterations_ = (
            rungs.n_required,
            rungs.n_possible,
        )
        self.n_iterations_ = len(rungs)
        self.n_resources_: list[int] = []
        self.n_candidates_: list[int] = []
        whole = callback_ctx.subcontext(task_name="search", max_subtasks=len(rungs))
        whole = whole.call_on_fit_task_begin(estimator=self)
        for number in range(len(rungs)):
            candidates = self._run_rung(number, rungs, candidates, evaluate_candidates, whole)
        self.n_remaining_candidates_ = len(candidates)
        whole.call_on_fit_task_end(estimator=self)

    def _run_rung(
        self,
        number: int,
        rungs: Rungs,
        candidates: Sequence[Parameters],
        evaluate_candidates: Callable[..., CVResults],
        whole: Context,
    ) -> list[Parameters]:
        """Evaluate the candidates of a rung; those that go on, worst to best."""
        n_candidates, n_resources = len(candidates), rungs.n_resources(number)
        self.n_resources_.append(n_resources)
        self.n_candidates_.append(n_candidates)
        if self.verbose > 0:
            print(
                f"Rung {number + 1} of {len(rungs)}: {n_candidates} candidates, "
                f"{n_resources} epochs"
            )
        context = whole.subcontext(
            task_name="halving-iteration",
            max_subtasks=n_candidates * self.n_splits_,
            sequential_subtasks=False,
        ).call_on_fit_task_begin(estimator=self)
        results = evaluate_candidates(
            [{**candidate, self.resource: n_resources} for candidate in candidates],
            self._checked_cv_orig,
            more_results={
                "iter": [number] * n_candidates,
                "n_resources": [n_resources] * n_candidates,
            },
            callback_ctx=context,
        )
        context.call_on_fit_task_end(estimator=self)
        of_rung = np.flatnonzero(results["iter"] == number)
        scores = results["mean_test_score"][of_rung]
        order = np.argsort(np.where(np.isnan(scores), -np.inf, scores))
        kept = of_rung[order[-rungs.n_kept(n_candidates) :]]
        return [results["params"][k] for k in kept]

    def _check_input_parameters(
        self, X: Rows, y: ArrayLike | None, split_params: Parameters
    ) -> None:
        if not yields_constant_splits(self._checked_cv_orig):
            raise ValueError(
                "The cv parameter must yield consistent folds across calls to split(). Set its "
                "random_state to an int, or set shuffle=False."
            )
        parameters = self.estimator.get_params()
        if self.resource not in parameters:
            raise ValueError(
                f"The resource is epochs, and {type(last_step(self.estimator)).__name__} has no "
                "parameter max_iter to count them by."
            )
        if self.min_resources == self.n_candidates == "exhaust":
            raise ValueError("n_candidates and min_resources cannot be both set to 'exhaust'.")
        self.max_resources_ = self.max_resources
        if self.max_resources == "auto":
            if not isinstance(parameters[self.resource], Integral):
                raise ValueError(
                    "max_resources='auto' is the number of epochs that the estimator has, and "
                    f"{self.resource}={parameters[self.resource]!r} is none. Set either."
                )
            self.max_resources_ = int(parameters[self.resource])
        # "exhaust" starts from 1 too, and is raised when the number of candidates is known.
        self.min_resources_ = 1 if isinstance(self.min_resources, str) else self.min_resources
        if int(self.min_resources_) > int(self.max_resources_):
            raise ValueError(
                f"min_resources={self.min_resources_} is greater than "
                f"max_resources={self.max_resources_}."
            )

    def _from_best_to_worst(self, results: CVResults, scores: Array) -> list[int]:
        # Of candidates that went further those that did best; each counts where it got to.
        order: list[int] = []
        met = set()
        for i in np.lexsort((-scores, -results["iter"])):
            known_by = identity(results["params"][i], self.resource)
            if known_by not in met:
                met.add(known_by)
                order.append(int(i))
        return order

    def _choose_best(self, results: CVResults, refit_metric: object) -> None:
        super()._choose_best(results, refit_metric)
        self.best_score_ = results["mean_test_score"][self.best_index_]
