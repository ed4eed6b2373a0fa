"""Fitting and scoring all candidates of a search on all splits.

The work is cut into tasks for joblib: a split's data are prepared once for each setting of the
transformers, then one task trains and scores one stack on them. Candidates that share no stack are
tasks of their own, carried out by scikit-learn.
"""

import copy
import math
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from itertools import pairwise, product
from traceback import format_exception
from typing import Any

import numpy as np
from joblib import effective_n_jobs
from sklearn.base import clone
from sklearn.utils.parallel import Parallel, delayed

from .._engine.backend import Array
from .._engine.threads import one_blas_thread
from ..estimators._stack import Stack, bytes_per_model, of_similar_size, shape_of
from ._compat import (
    NO_CALLBACKS,
    fit_and_score_alone,
    is_accuracy_of,
    is_multimetric,
    rows_of_params,
    safe_split,
    score,
    scorers_by_name,
    sees_only_predictions,
)
from ._plan import (
    StackedCandidate,
    in_place_of_last,
    make_plan,
    split_fit_params,
    transformers,
)
from ._progress import Progress

# Larger stacks gain nothing: what NumPy's calls cost is shared by enough models, and more of them
# only crowd the cache. Measured on networks of 32, 64 and 128 units.
PREFERRED_STACK_BYTES = 2**23

Outcome = dict[str, Any]


@dataclass(frozen=True)
class Scoring:
    """How candidates are fitted and scored, in the terms of scikit-learn's searches."""

    scorer: Any
    fit_params: dict[str, Any]
    score_params: dict[str, Any]
    error_score: Any
    return_train_score: bool
    verbose: int


@dataclass
class Split:
    """The data of one split, as the models see them."""

    number: int
    X_train: Any
    y_train: Any
    X_test: Any
    y_test: Any
    fit_params: dict[str, Any]
    train_score_params: dict[str, Any]
    test_score_params: dict[str, Any]
    # Train rows as they are scored: `fit_transform` may give others than `transform`.
    X_scored: Any = None
    before: Any = None
    seconds: float = 0.0
    # Train and test rows as they were, for a scorer that does more than ask for predictions.
    untouched: tuple[Any, Any] | None = None


def prepare_split(
    estimator: Any,
    X: Any,
    y: Any,
    scoring: Scoring,
    number: int,
    train: Any,
    test: Any,
) -> Split:
    """Cut out one split, and transform it as the estimator does before its last step."""
    start = time.perf_counter()
    X_train, y_train = safe_split(estimator, X, y, train)
    X_test, y_test = safe_split(estimator, X, y, test, train)
    params = split_fit_params(estimator, rows_of_params(X, scoring.fit_params, indices=train))
    assert params is not None  # the plan has seen to it
    untouched = None
    if not sees_only_predictions(scoring.scorer):
        untouched = copy.deepcopy((X_train, X_test))
    before, X_scored = transformers(estimator), X_train
    if before is not None:
        # A transformer may work in place.
        X_scored = copy.deepcopy(X_train) if scoring.return_train_score else None
        X_train = before.fit_transform(X_train, y_train, **params[0])
        X_test = before.transform(X_test)
        if scoring.return_train_score:
            X_scored = before.transform(X_scored)
    if np.ndim(X_train) != 2:
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
        before,
        time.perf_counter() - start,
        untouched,
    )


# ------------------------------------------------------------------------------------ one stack


def fit_and_score_stack(
    candidates: Sequence[StackedCandidate], split: Split, scoring: Scoring
) -> list[Outcome] | None:
    """Train candidates together on one split; None where they cannot be, on these data."""
    start = time.perf_counter()
    try:
        stack = make_stack(candidates, split)
        stack.train()
    except Exception:
        # Fitted alone, each candidate meets what is its own fault, and no other's.
        return None
    seconds = time.perf_counter() - start + split.seconds
    return score_stack(stack, candidates, split, scoring, seconds)


def make_stack(candidates: Sequence[StackedCandidate], split: Split) -> Stack:
    models = [own_copy(candidate.model) for candidate in candidates]
    return Stack(models, split.X_train, split.y_train, split.fit_params)


def own_copy(model: Any) -> Any:
    """An unfitted copy; a random state is one that others do not draw from."""
    own = copy.copy(model)
    if isinstance(own.random_state, np.random.RandomState):
        own.random_state = copy.deepcopy(own.random_state)
    return own


def score_stack(
    stack: Stack,
    candidates: Sequence[StackedCandidate],
    split: Split,
    scoring: Scoring,
    fit_seconds: float,
) -> list[Outcome]:
    """What the candidates of a trained stack have come to."""
    start = time.perf_counter()
    ends = [_end_of(stack, number) for number in range(len(candidates))]
    models = [end for end in ends if not isinstance(end, Exception)]
    foreseen = split.untouched is None
    if foreseen:
        _foresee(stack, models, split.X_test)
    outcomes = []
    for candidate, end in zip(candidates, ends, strict=True):
        if isinstance(end, Exception):
            outcomes.append(_failure(end, scoring))
        else:
            outcomes.append(_test_scores(candidate, end, split, scoring))
    if scoring.return_train_score:
        if foreseen:
            _foresee(stack, models, split.X_scored)
        for candidate, end, outcome in zip(candidates, ends, outcomes, strict=True):
            if not isinstance(end, Exception):
                outcome["train_scores"] = _train_scores(candidate, end, split, scoring)
    seconds = time.perf_counter() - start
    for outcome in outcomes:
        outcome["fit_time"] = fit_seconds / len(candidates)
        outcome["score_time"] = seconds / len(candidates)
        outcome["n_test_samples"] = shape_of(split.X_test)[0]
    return outcomes


def _foresee(stack: Stack, models: Sequence[Any], X: Any) -> None:
    """Predict for all models at once; where that fails each scorer meets the error itself."""
    with suppress(Exception):
        stack.foresee(models, X)


def _end_of(stack: Stack, number: int) -> Any:
    """The fitted model, or the exception that its fit would have raised."""
    try:
        return stack.fitted(number)
    except Exception as error:
        return error


def _failure(error: Exception, scoring: Scoring) -> Outcome:
    if scoring.error_score == "raise":
        raise error
    scores = scoring.error_score
    if is_multimetric(scoring.scorer):
        scores = dict.fromkeys(scorers_by_name(scoring.scorer), scoring.error_score)
    outcome = {"fit_error": "".join(format_exception(error)), "test_scores": scores}
    if scoring.return_train_score:
        outcome["train_scores"] = copy.copy(scores)
    return outcome


def _test_scores(
    candidate: StackedCandidate, model: Any, split: Split, scoring: Scoring
) -> Outcome:
    X = split.X_test if split.untouched is None else copy.deepcopy(split.untouched[1])
    scores = _score(candidate, model, split, X, split.y_test, split.test_score_params, scoring)
    return {"fit_error": None, "test_scores": scores}


def _train_scores(candidate: StackedCandidate, model: Any, split: Split, scoring: Scoring) -> Any:
    X = split.X_scored if split.untouched is None else copy.deepcopy(split.untouched[0])
    return _score(candidate, model, split, X, split.y_train, split.train_score_params, scoring)


def _score(
    candidate: StackedCandidate,
    model: Any,
    split: Split,
    X: Any,
    y: Any,
    params: dict[str, Any],
    scoring: Scoring,
) -> Any:
    scorer, estimator = scoring.scorer, _assembled(candidate, model, split)
    plain = isinstance(y, np.ndarray) and y.ndim == 1 and y.dtype.kind in "biuU"
    if plain and is_accuracy_of(scorer, model) and params.keys() <= {"sample_weight"}:
        scorer = _accuracy
    return score(estimator, X, y, scorer, params, scoring.error_score)


def _accuracy(model: Any, X: Any, y: Array, sample_weight: Array | None = None) -> float:
    """scikit-learn's accuracy, without its checks of a y that is the same for every model."""
    return float(np.average(model.predict(X) == y, weights=sample_weight))


def _assembled(candidate: StackedCandidate, model: Any, split: Split) -> Any:
    """What is scored: the model on transformed rows, or the pipeline that the scorer asks for."""
    if split.untouched is None or split.before is None:
        return model
    return in_place_of_last(candidate.estimator, split.before, model)


# ------------------------------------------------------------------------------- all candidates


@dataclass
class StackTask:
    """One stack of candidates on one prepared split."""

    candidates: Sequence[StackedCandidate]
    split: Split


class Evaluator:
    """Evaluates lists of candidates on splits of the same data.

    Parameters
    ----------
    search : estimator
        The search, for its `n_jobs`, `pre_dispatch`, `verbose` and `max_stack_bytes`.
    base_estimator : estimator
        What a candidate's parameters are set on.
    X, y : array-like
        All rows.
    scoring : Scoring
        How to fit and score.
    """

    def __init__(self, search: Any, base_estimator: Any, X: Any, y: Any, scoring: Scoring) -> None:
        self._search, self._base = search, base_estimator
        self._X, self._y, self._scoring = X, y, scoring
        self._n_workers = effective_n_jobs(search.n_jobs)

    def __call__(
        self,
        candidates: Sequence[dict[str, Any]],
        splits: Sequence[tuple[Any, Any]],
        contexts: Sequence[Any],
    ) -> list[Outcome]:
        """Outcomes by candidate, then by split; `contexts` are in the same order."""
        self._candidates, self._splits, self._contexts = candidates, splits, contexts
        self._found: dict[tuple[int, int], Outcome] = {}
        self._evaluate_stacks()
        self._evaluate_alone([pair for pair in self._pairs() if pair not in self._found])
        return [self._found[pair] for pair in self._pairs()]

    def _pairs(self) -> Iterator[tuple[int, int]]:
        return product(range(len(self._candidates)), range(len(self._splits)))

    # ------------------------------------------------------------------------------- stacks

    def _evaluate_stacks(self) -> None:
        """Fill in all that stacks can do.

        As many splits are prepared at a time as there are workers, so that the memory they take
        does not grow with their number.
        """
        settings = make_plan(self._base, self._candidates, self._scoring.fit_params)
        units = list(product(settings.values(), range(len(self._splits))))
        if not units:
            return
        self._progress = self._make_progress(
            candidate for groups, _ in units for group in groups.values() for candidate in group
        )
        with self._workers() as parallel:
            for start in range(0, len(units), self._n_workers):
                self._run(parallel, self._prepare(parallel, units[start : start + self._n_workers]))
        self._progress.close()

    def _make_progress(self, candidates: Iterable[StackedCandidate]) -> Progress:
        """Progress through these candidates' epochs, each on one split."""
        epochs = sum(self._epochs(candidate) for candidate in candidates)
        return Progress(epochs, shown=self._search.verbose > 0)

    def _epochs(self, candidate: StackedCandidate) -> int:
        return int(candidate.model.max_iter)

    @contextmanager
    def _workers(self) -> Iterator[Any]:
        """joblib's workers, processes unless the user has chosen otherwise.

        Threads would share the data, but the calls of a step are so short that they wait for
        Python's lock more than they compute: two of them are slower than one. Where there are
        threads all the same, each has BLAS to itself.
        """
        options = {
            "n_jobs": self._search.n_jobs,
            "pre_dispatch": getattr(self._search, "pre_dispatch", "2*n_jobs"),
        }
        try:
            parallel = Parallel(**options, return_as="generator")
        except ValueError:
            # Not all backends give results one by one.
            parallel = Parallel(**options)
        limit = one_blas_thread() if self._n_workers > 1 else nullcontext()
        with limit, parallel:
            yield parallel

    def _prepare(self, parallel: Any, units: Sequence[tuple[Any, int]]) -> list[StackTask]:
        """The tasks of some settings and splits; none where the data cannot be prepared."""
        jobs = (
            delayed(_prepare_or_none)(
                next(iter(groups.values()))[0].estimator,
                self._X,
                self._y,
                self._scoring,
                number,
                *self._splits[number],
            )
            for groups, number in units
        )
        tasks: list[StackTask] = []
        at_least = self._n_workers // math.gcd(self._n_workers, len(units))
        for (groups, _), split in zip(units, parallel(jobs), strict=True):
            if split is not None:
                for group in groups.values():
                    tasks += self._cut(group, split, at_least)
        return tasks

    def _cut(
        self, group: Sequence[StackedCandidate], split: Split, at_least: int
    ) -> list[StackTask]:
        """Stacks within the memory budget, and enough of them to occupy all workers."""
        scoring = self._scoring
        rows_scored = shape_of(split.X_train)[0] if scoring.return_train_score else 0
        rows_scored = max(rows_scored, shape_of(split.X_test)[0])
        X, y, fit_params = split.X_train, split.y_train, split.fit_params
        tasks: list[StackTask] = []
        try:
            for numbers in of_similar_size([one.model for one in group], X, y):
                similar = [group[number] for number in numbers]
                models = [one.model for one in similar]
                each = bytes_per_model(models, X, y, rows_scored, fit_params)
                tasks += [StackTask(part, split) for part in self._parts(similar, each, at_least)]
        except Exception:
            # A y, or transformed rows, of which not even that can be told.
            return []
        return tasks

    def _parts(
        self, group: Sequence[StackedCandidate], each: int, at_least: int
    ) -> list[Sequence[StackedCandidate]]:
        """A group cut into such parts as a stack of candidates of `each` bytes may have."""
        budget = self._search.max_stack_bytes // self._n_workers
        largest = max(1, min(budget, PREFERRED_STACK_BYTES) // each)
        # A multiple of what occupies all workers, so that none is left with a last stack alone.
        n_stacks = at_least * math.ceil(len(group) / largest / at_least)
        n_stacks = min(len(group), n_stacks)
        bounds = [len(group) * i // n_stacks for i in range(n_stacks + 1)]
        return [group[a:b] for a, b in pairwise(bounds)]

    def _run(self, parallel: Any, tasks: Sequence[StackTask]) -> None:
        jobs = (
            delayed(fit_and_score_stack)(task.candidates, task.split, self._scoring)
            for task in tasks
        )
        for task, outcomes in zip(tasks, parallel(jobs), strict=True):
            if outcomes is not None:
                self._record(task, outcomes)

    def _record(self, task: StackTask, outcomes: Sequence[Outcome]) -> None:
        split = task.split.number
        about = self._about(split)
        for candidate, outcome in zip(task.candidates, outcomes, strict=True):
            number = candidate.number
            self._found[number, split] = outcome
            context = self._contexts[number * len(self._splits) + split]
            context.call_on_fit_task_begin(**about)
            context.call_on_fit_task_end(**about)
            self._report(number, split, outcome)
            score = _single_score(outcome["test_scores"])
            self._progress.add(number, self._epochs(candidate), score)
        self._progress.show()

    def _about(self, split: int) -> dict[str, Any]:
        """What callbacks hear of a fit on a split; it is the same for all its candidates."""
        if self._contexts[0] is NO_CALLBACKS:
            return {}
        train = self._splits[split][0]
        X, y = safe_split(self._base, self._X, self._y, train)
        fit_params = rows_of_params(self._X, self._scoring.fit_params, indices=train)
        weights = fit_params.get("sample_weight")
        return {
            "estimator": self._search,
            "X": X,
            "y": y,
            "metadata": None if weights is None else {"sample_weight": weights},
        }

    def _report(self, number: int, split: int, outcome: Outcome) -> None:
        """The line that scikit-learn's searches print for a candidate on a split."""
        if self._search.verbose > 1:
            parameters = self._candidates[number]
            settings = ", ".join(f"{name}={parameters[name]}" for name in sorted(parameters))
            seconds = outcome["fit_time"] + outcome["score_time"]
            scores = outcome["test_scores"] if self._search.verbose > 2 else ""
            print(
                f"[CV {split + 1}/{len(self._splits)}] END {settings}; {scores} "
                f"total time={seconds:.2f}s"
            )

    # -------------------------------------------------------------------------------- alone

    def _evaluate_alone(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Candidates that share no stack, each fitted as scikit-learn's searches do."""
        if not pairs:
            return
        n_splits, n_candidates, scoring = len(self._splits), len(self._candidates), self._scoring
        parallel = Parallel(
            n_jobs=self._search.n_jobs,
            pre_dispatch=getattr(self._search, "pre_dispatch", "2*n_jobs"),
        )
        outcomes = parallel(
            delayed(fit_and_score_alone)(
                clone(self._base),
                self._X,
                self._y,
                caller=self._search,
                context=self._contexts[number * n_splits + split],
                scorer=scoring.scorer,
                train=self._splits[split][0],
                test=self._splits[split][1],
                verbose=scoring.verbose,
                parameters=self._candidates[number],
                fit_params=scoring.fit_params,
                score_params=scoring.score_params,
                return_train_score=scoring.return_train_score,
                return_n_test_samples=True,
                return_times=True,
                split_progress=(split, n_splits),
                candidate_progress=(number, n_candidates),
                error_score=scoring.error_score,
            )
            for number, split in pairs
        )
        self._found.update(zip(pairs, outcomes, strict=True))


def _prepare_or_none(*args: Any) -> Split | None:
    """A split, or None where its data or transformers raise: fitted alone, candidates say so."""
    try:
        return prepare_split(*args)
    except Exception:
        return None


def _single_score(scores: Any) -> float | None:
    return None if isinstance(scores, dict) else float(scores)
