"""What the vectorized searches share: scikit-learn's searches with candidates trained together.

`fit` goes through the same steps as scikit-learn's and fills in the same attributes; only how
candidates are fitted and scored differs, and that is `Evaluator`'s.
"""

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from numbers import Integral, Real
from pathlib import Path
from typing import Self, cast

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import FitFailedWarning
from sklearn.metrics import check_scoring
from sklearn.model_selection import KFold, StratifiedKFold

from .._arguments import ErrorsName
from .._documentation import HasPage
from .._engine.backend import Array
from .._fit.whole import Whole
from .._inputs import Rows, Splitter
from ..estimators._compat import Interval, StrOptions
from ..estimators._stack import NOT_OURS
from ..estimators._warnings import warn
from ._arguments import check_spaces, checked_cv, checked_data
from ._autolog import let_autolog_wrap
from ._clusters import is_death_of_worker
from ._compat import (
    NO_CALLBACKS,
    BaseSearchCV,
    Context,
    insert_error_scores,
    root_context,
    rows_of_params,
    run_search,
    scorers_by_name,
    validated_search_fit,
    warn_about_failures,
)
from ._ensemble import fit_ensemble
from ._evaluation import Evaluator, Rung, counted
from ._gathered_warnings import GatheredWarnings, Gatherer
from ._progress import BEST, ENSEMBLE, Progress, WorkToCome
from ._progress_displays import display_on
from ._resuming import ResumableSearch
from ._scoring import Scoring
from ._search_checkpoint import SearchCheckpoint
from ._types import Constraints, CVResults, Fold, Outcome, Parameters

DEFAULT_STACK_BYTES = 2**28
# What a search that has come to its end says of it.
CHOSEN = (
    "best_estimator_",
    "best_index_",
    "best_params_",
    "best_score_",
    "cv_results_",
    "feature_names_in_",
    "multimetric_",
    "refit_time_",
    "scorer_",
)
OWN_CONSTRAINTS: Constraints = {
    "error_score": [StrOptions({"raise"}), Interval(Real, -np.inf, np.inf, closed="both"), "nan"],
    "keep_best": [Interval(Integral, 1, None, closed="left"), None],
    "max_stack_bytes": [Interval(Integral, 1, None, closed="left")],
    "checkpoint": [str, Path, None],
}
# What an integer `cv` stands for.
PLAIN_SPLITTERS = (KFold, StratifiedKFold)


class VectorizedSearch(ResumableSearch, HasPage, BaseSearchCV):
    """Base class of the vectorized searches. Warning: use the derived classes."""

    keep_best: int | None
    max_stack_bytes: int
    # Whether it is an error if all candidates of a later call of `evaluate_candidates` fail.
    _must_not_fail_late = True

    def _make_evaluator(
        self, base_estimator: BaseEstimator, X: Rows, y: ArrayLike | None, scoring: Scoring
    ) -> Evaluator:
        return Evaluator(self, base_estimator, X, y, scoring)

    def _has_another_rung(self) -> bool:
        """Whether candidates that are evaluated now may be trained on."""
        return False

    def _work_to_come(self, n_calls: int) -> WorkToCome:
        """What there is to do once candidates have been evaluated so many times."""
        return WorkToCome()

    def _check_input_parameters(
        self, X: Rows, y: ArrayLike | None, split_params: Parameters
    ) -> None:
        """Nothing, but for halving."""

    def fit(self, X: Rows, y: ArrayLike | None = None, **params: object) -> Self:
        """Run the search, and refit the best candidate on all rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Targets.
        **params : dict of str -> object
            Parameters for the estimator's `fit`, such as `sample_weight`, for the scorer and for
            the splitter, as in scikit-learn's searches.

        Returns
        -------
        self : object
            The fitted search.

        Raises
        ------
        ValueError
            If a parameter is not what it has to be, all candidates fail, or one fails and
            `error_score="raise"`.
        KeyboardInterrupt
            On Ctrl-C. `cv_results_` then has the candidates that were complete, if there are any,
            and nothing has been refitted; where it comes while the ensemble is fitted, all but
            `ensemble_` stays. It is the same after what joblib's backend raises where a
            worker has died, with a note of how much was done.
        """
        if VectorizedSearch.fit is PLAIN_FIT and let_autolog_wrap(VectorizedSearch):
            return VectorizedSearch.fit(self, X, y, **params)
        return self._fit_validated(X, y, **params)

    @validated_search_fit
    def _fit_validated(self, X: Rows, y: ArrayLike | None = None, **params: object) -> Self:
        """What `fit` does once MLflow has been looked for."""
        self._forget("stacked_", "ensemble_")
        with GatheredWarnings() as gatherer:
            self._fit_gathering(X, y, params, gatherer)
        return self

    def _fit_gathering(
        self, X: Rows, y: ArrayLike | None, params: Parameters, gatherer: Gatherer
    ) -> None:
        """What `fit` does; warnings of workers go to the gatherer."""
        check_spaces(self)
        with ErrorsName("scoring"):
            scorers, refit_metric = self._get_scorers()
        self._check_keep_best(refit_metric)
        X, y = checked_data(X, y)
        params = rows_of_params(X, params=params)
        routed = self._get_routed_params_for_fit(params)
        weights = params.get("sample_weight")
        about: dict[str, object] = {
            "estimator": self,
            "X": X,
            "y": y,
            "metadata": None if weights is None else {"sample_weight": weights},
        }
        root = root_context(self, max_subtasks=1 + (self.refit is not False))
        root = root.call_on_fit_task_begin(**about)
        self._checked_cv_orig = checked_cv(self._folds, y, self.estimator)
        self._check_input_parameters(X=X, y=y, split_params=routed.splitter.split)
        self.n_splits_ = self._checked_cv_orig.get_n_splits(X, y, **routed.splitter.split)
        scoring = Scoring(
            scorers,
            routed.estimator.fit,
            routed.scorer.score,
            self.error_score,
            self.return_train_score,
            self.verbose,
        )
        found = _Found(self, clone(self.estimator), X, y, scoring, routed.splitter.split)
        found.gather_warnings_with(gatherer)
        with self._checkpoint_of(X, y, params) as found.checkpoint:
            self._search_and_refit(found, about, refit_metric, root)
        root.call_on_fit_task_end(**about)

    def _search_and_refit(
        self, found: "_Found", about: dict[str, object], refit_metric: object, root: Context
    ) -> None:
        progress = self._progress(refit_metric)
        found.show(progress)
        whole = Whole()
        whole.listener = progress.hear
        # Of what is fitted from here on nothing may be half trained.
        with whole.part(), closing(progress):
            try:
                with self._drawing_as_it_began():
                    found.run(root)
                refit_metric = self._look_at_scores(found.outcomes[0]["test_scores"], refit_metric)
                self._choose_best(found.results, refit_metric)
                if self.refit:
                    with progress.during(BEST):
                        self._refit(found, about, root)
                        progress.finish(BEST)
            except BaseException as error:
                if has_ended_early(error):
                    self._forget_all_but(found.results)
                raise
            if found.concern_skdeep:
                self.stacked_ = found.stacked
            self.scorer_ = scorers_by_name(found.scoring.scorer)
            self.cv_results_ = found.results
            if self.keep_best is not None:
                with progress.during(ENSEMBLE):
                    self._keep_the_best(found, refit_metric)
                    progress.finish(ENSEMBLE)

    def _progress(self, refit_metric: object) -> Progress:
        """What shows how far this search is, or keeps silent."""
        return Progress(
            display_on(sys.stdout) if self.verbose > 0 else None,
            refit_metric if isinstance(refit_metric, str) else None,
            n_refits=int(bool(self.refit)),
            n_kept=self.keep_best or 0,
            work_to_come=self._work_to_come,
        )

    def _forget_all_but(self, results: CVResults) -> None:
        """Be the search that has been interrupted, and not the one that was fitted before it."""
        self._forget(*CHOSEN)
        if results:
            self.cv_results_ = results

    def _forget(self, *attributes: str) -> None:
        for name in attributes:
            self.__dict__.pop(name, None)

    def __getstate__(self) -> dict[str, object]:
        """All attributes, but what follows from parameters as these have it."""
        state: dict[str, object] = dict(super().__getstate__())
        if "scorer_" in state and repr(state["scorer_"]) == repr(self._scorer_of_names()):
            del state["scorer_"]
        splitter = state.get("_checked_cv_orig")
        if type(splitter) in PLAIN_SPLITTERS and splitter is not self.cv:
            n_splits = cast(KFold, splitter).n_splits
            state["_checked_cv_orig"] = [type(splitter).__name__, n_splits]
        return state

    def __setstate__(self, state: dict[str, object]) -> None:
        """Be what a search with this state was."""
        super().__setstate__(state)
        splitter = state.get("_checked_cv_orig")
        if isinstance(splitter, list):
            name, n_splits = splitter
            kinds = {kind.__name__: kind for kind in PLAIN_SPLITTERS}
            self._checked_cv_orig = kinds[name](n_splits)
        if "cv_results_" in state and "scorer_" not in state:
            self.scorer_ = self._scorer_of_names()

    def _scorer_of_names(self) -> object:
        """What `scorer_` is where `scoring` names metrics; None where it brings functions."""
        given = self.scoring
        values = list(given.values() if isinstance(given, dict) else [given])
        values = list(given) if isinstance(given, (list, tuple, set)) else values
        if not all(value is None or isinstance(value, str) for value in values):
            return None
        try:
            return scorers_by_name(check_scoring(self.estimator, given))
        except ValueError:
            # Since the fit it has been set to what is no name.
            return None

    def _look_at_scores(self, scores: object, refit_metric: object) -> object:
        """Whether there are several metrics, which a callable `scoring` shows only now."""
        self.multimetric_ = isinstance(scores, dict)
        if callable(self.scoring) and self.multimetric_:
            self._check_refit_for_multimetric(scores)
            return self.refit
        return refit_metric

    def _choose_best(self, results: CVResults, refit_metric: object) -> None:
        if not self.refit and self.multimetric_:
            return
        self.best_index_ = self._select_best_index(self.refit, refit_metric, results)
        if not callable(self.refit):
            self.best_score_ = results[f"mean_test_{refit_metric}"][self.best_index_]
        self.best_params_ = results["params"][self.best_index_]

    def _refit(self, found: "_Found", about: dict[str, object], root: Context) -> None:
        """Fit the best candidate on all rows; `about` is what callbacks are told."""
        fit_params = found.scoring.fit_params
        best = clone(found.base_estimator).set_params(**clone(self.best_params_, safe=False))
        X, y = found.X, found.y
        context = root.subcontext(task_name="refit-with-best-params")
        with context.propagate_callback_context(best):
            context.call_on_fit_task_begin(**about)
            start = time.perf_counter()
            if y is None:
                best.fit(X, **fit_params)
            else:
                best.fit(X, y, **fit_params)
            self.refit_time_ = time.perf_counter() - start
        self.best_estimator_ = best
        if hasattr(best, "feature_names_in_"):
            self.feature_names_in_ = best.feature_names_in_
        context.call_on_fit_task_end(**about)

    def _check_keep_best(self, metric: object) -> None:
        if self.keep_best is not None and not isinstance(metric, str):
            raise ValueError(
                f"keep_best={self.keep_best} needs one metric to rank by: with several metrics "
                f"refit must name it, got refit={self.refit!r}."
            )

    def _keep_the_best(self, found: "_Found", metric: object) -> None:
        self._check_keep_best(metric)
        results = self.cv_results_
        scores = np.asarray(results[f"mean_test_{metric}"])
        order = [i for i in self._from_best_to_worst(results, scores) if np.isfinite(scores[i])]
        if not order:
            warn(f"No candidate has a finite {metric!r}, so there is no ensemble_.")
            return
        chosen = [results["params"][i] for i in order[: self.keep_best]]
        self.ensemble_ = fit_ensemble(
            found.base_estimator,
            chosen,
            found.X,
            found.y,
            found.scoring.fit_params,
            self.max_stack_bytes,
        )

    def _from_best_to_worst(self, results: CVResults, scores: Array) -> list[int]:
        """The candidates' numbers in the order in which `keep_best` takes them."""
        return [int(i) for i in np.argsort(-scores, kind="stable")]


# What `fit` is while no tool has wrapped it.
PLAIN_FIT = VectorizedSearch.fit


def has_ended_early(error: BaseException) -> bool:
    """Whether a search that has raised this has results of the candidates that were complete."""
    return isinstance(error, KeyboardInterrupt) or is_death_of_worker(error)


class _Found:
    """All that has been evaluated so far, in the order of evaluation."""

    def __init__(
        self,
        search: VectorizedSearch,
        base_estimator: BaseEstimator,
        X: Rows,
        y: ArrayLike | None,
        scoring: Scoring,
        split_params: Parameters,
    ) -> None:
        self._search, self._split_params = search, split_params
        self.base_estimator, self.X, self.y, self.scoring = base_estimator, X, y, scoring
        self._evaluator = search._make_evaluator(base_estimator, X, y, scoring)
        self._last: Rung | None = None
        self._say: Callable[[str], None] = print
        self.candidates: list[Parameters] = []
        self.outcomes: list[Outcome] = []
        self.reasons: list[str] = []
        self.more_results: dict[str, list[object]] = defaultdict(list)
        self.results: CVResults = {}
        self.checkpoint: SearchCheckpoint | None = None

    def gather_warnings_with(self, gatherer: Gatherer) -> None:
        """Let warnings that workers bring go there."""
        self._evaluator.gatherer = gatherer

    def show(self, progress: Progress) -> None:
        """Let progress be shown from here on."""
        self._evaluator.show(progress)
        self._say = progress.say

    def run(self, context: Context) -> None:
        """Let the search evaluate all that it wants to."""
        with self._evaluator.workers_with_data():
            run_search(self._search, self.evaluate_candidates, context)

    def evaluate_candidates(
        self,
        candidate_params: Iterable[Parameters],
        cv: Splitter | None = None,
        more_results: dict[str, list[object]] | None = None,
        callback_ctx: Context | None = None,
    ) -> CVResults:
        """Evaluate candidates, and give the results of all so far: what `_run_search` is given."""
        candidates: Sequence[Parameters] = list(candidate_params)
        saved = None if self.checkpoint is None else self.checkpoint.take_up(candidates)
        if saved is None:
            splits: Sequence[Fold] = self._splits(cv or self._search._checked_cv_orig)
        else:
            candidates, splits = saved.candidates, saved.splits
        n_splits, n_fits = len(splits), len(candidates) * len(splits)
        self._say(
            f"Fitting {n_splits} folds for each of {len(candidates)} candidates,"
            f" totalling {n_fits} fits"
        )
        contexts: list[Context] = [NO_CALLBACKS] * n_fits
        if callback_ctx is not None and callback_ctx is not NO_CALLBACKS:
            name = "candidate-split-evaluation"
            contexts = [callback_ctx.subcontext(task_name=name, task_id=i) for i in range(n_fits)]
        rung = Rung(candidates, splits, contexts, self._search._has_another_rung())
        if saved is not None:
            rung.found = saved.worth_keeping(goes_on=rung.goes_on)
            rung.alone = {pair: why for pair, why in saved.alone.items() if pair in rung.found}
        try:
            self._evaluate(rung, is_complete=saved is not None and saved.is_complete)
        except BaseException as error:
            if has_ended_early(error):
                self._take_complete(rung, more_results or {})
                if not isinstance(error, KeyboardInterrupt):
                    error.add_note(
                        "A worker of the search has died, maybe for want of memory. "
                        f"{len(rung.found)} of {n_fits} fits were done; cv_results_ has the "
                        f"{len(self.candidates)} candidates that are complete."
                    )
            raise
        self._last = rung if rung.goes_on else None
        outcomes = rung.outcomes(range(len(candidates)))
        if not outcomes:
            raise ValueError(
                "No fits were performed. Was the CV iterator empty? Were there no candidates?"
            )
        self._report_failures(outcomes)
        self._take(rung, range(len(candidates)), more_results or {})
        return self.results

    def _evaluate(self, rung: Rung, *, is_complete: bool) -> None:
        """Fill in a rung's outcomes, and save them where they are to be saved."""
        if self.checkpoint is None:
            self._evaluator(rung, self._last)
        elif is_complete:
            self._evaluator.take_over(rung)
            self.checkpoint.give_stacks_to(rung)
        else:
            self.checkpoint.begin(rung)
            self._evaluator(rung, self._last)
            self.checkpoint.end(rung)

    def _take_complete(self, rung: Rung, more_results: Mapping[str, Sequence[object]]) -> None:
        """Take the candidates of an interrupted rung that were complete, unless all have failed."""
        complete = rung.complete()
        if any(outcome["fit_error"] is None for outcome in rung.outcomes(complete)):
            self._take(rung, complete, more_results)

    def _take(
        self, rung: Rung, numbers: Sequence[int], more_results: Mapping[str, Sequence[object]]
    ) -> None:
        """Add candidates of a rung to the results."""
        outcomes = rung.outcomes(numbers)
        if callable(self._search.scoring):
            insert_error_scores(outcomes, self.scoring.error_score)
        self.candidates += [rung.candidates[number] for number in numbers]
        self.outcomes += outcomes
        self.reasons += rung.alone.values()
        for column, values in more_results.items():
            self.more_results[column] += [values[number] for number in numbers]
        self.results = self._search._format_results(
            self.candidates, len(rung.splits), self.outcomes, self.more_results
        )

    @property
    def concern_skdeep(self) -> bool:
        """Whether some could have shared a stack, were all as they have to be."""
        foreign = [reason for reason in self.reasons if reason.endswith(NOT_OURS)]
        return len(foreign) < len(self.outcomes)

    @property
    def stacked(self) -> dict[str, object]:
        """What a search's `stacked_` is."""
        return {
            "n_stacked": len(self.outcomes) - len(self.reasons),
            "n_alone": len(self.reasons),
            "reasons": counted(self.reasons),
        }

    def _report_failures(self, outcomes: list[Outcome]) -> None:
        errors = [outcome["fit_error"] for outcome in outcomes]
        some_have_fitted = any(outcome["fit_error"] is None for outcome in self.outcomes)
        if None in errors or self._search._must_not_fail_late or not some_have_fitted:
            warn_about_failures(outcomes, self.scoring.error_score)
        else:
            warn(
                f"All {len(errors)} fits of this round failed, and their scores are set to "
                f"{self.scoring.error_score}. The last of them with:\n{errors[-1]}",
                FitFailedWarning,
            )

    def _splits(self, cv: Splitter) -> list[Fold]:
        with ErrorsName("cv on X and y"):
            splits = list(cv.split(self.X, self.y, **self._split_params))
        expected = self._search.n_splits_
        if len(splits) != expected:
            raise ValueError(
                "cv.split and cv.get_n_splits return inconsistent results. "
                f"Expected {expected} splits, got {len(splits)}"
            )
        return splits
