"""Fitting and scoring all candidates of a search on all splits, rung by rung.

The work is cut into tasks for joblib: a split's data are prepared once for each setting of the
transformers, then one task trains and scores one stack on them. Candidates that share no stack are
tasks of their own, carried out by scikit-learn. A search of one rung lets go of its stacks as they
are done; where another rung can come, they are kept and trained on.
"""

import math
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from itertools import pairwise, product
from typing import Any, cast

from joblib import effective_n_jobs
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone
from sklearn.utils.parallel import Parallel, delayed

from .._engine.threads import one_blas_thread
from .._fit.whole import Whole
from .._inputs import Rows, n_rows_of
from ..estimators._callbacks import callbacks_of
from ..estimators._stack import OwnError
from ._compat import Context, fit_and_score_alone, follows_into_steps
from ._folds import Split, prepare_split
from ._gathered_warnings import Gathered, Gatherer, warnings_for_master
from ._plan import (
    Plan,
    StackedCandidate,
    can_resample,
    is_pipeline,
    make_plan,
    n_epochs_of,
    with_epochs,
)
from ._progress import ALONE, STACKED, Progress
from ._rungs import renumbered
from ._scoring import Scoring
from ._together import NO_MEMORY, Done, StackTask, fit_and_score_stack
from ._types import Fold, Outcome, Parameters

# Larger stacks gain nothing: what NumPy's calls cost is shared by enough models, and more of them
# only crowd the cache. Measured on networks of 32, 64 and 128 units.
PREFERRED_STACK_BYTES = 2**23

# The numbers of a candidate and of a split.
Pair = tuple[int, int]
Group = Sequence[StackedCandidate]
# Some candidates that have their transformers in common, by stack, and the number of a split.
Unit = tuple[dict[object, list[StackedCandidate]], int]


@dataclass
class Rung:
    """One call: candidates on splits, and what has become of them.

    Parameters
    ----------
    candidates : list of dict
        Parameters of each.
    splits : list of tuple
        Train and test rows of each.
    contexts : list of Context
        The tasks that callbacks know, by candidate, then by split.
    goes_on : bool
        Whether another rung can come, in which some candidates are trained on.
    """

    candidates: Sequence[Parameters]
    splits: Sequence[Fold]
    contexts: Sequence[Context]
    goes_on: bool = False
    found: dict[Pair, Outcome] = field(default_factory=dict)
    # Why a candidate on a split is fitted alone.
    alone: dict[Pair, str] = field(default_factory=dict)
    # What the next rung can go on with.
    live: list[StackTask] = field(default_factory=list)
    # Hears of outcomes as they are there.
    on_outcome: Callable[[], None] = lambda: None

    def pairs(self) -> Iterator[Pair]:
        return product(range(len(self.candidates)), range(len(self.splits)))

    def has(self, group: Iterable[StackedCandidate], split: int) -> bool:
        """Whether candidates have all been evaluated on a split."""
        return all((one.number, split) in self.found for one in group)

    def context_of(self, number: int, split: int) -> Context:
        return self.contexts[number * len(self.splits) + split]

    def complete(self) -> list[int]:
        """The numbers of the candidates that have been evaluated on all splits."""
        splits = range(len(self.splits))
        return [
            number
            for number in range(len(self.candidates))
            if all((number, split) in self.found for split in splits)
        ]

    def outcomes(self, numbers: Iterable[int]) -> list[Outcome]:
        """By candidate, then by split."""
        return [self.found[pair] for pair in product(numbers, range(len(self.splits)))]


class Evaluator:
    """Evaluates lists of candidates on splits of the same data.

    Parameters
    ----------
    search : estimator
        The search, for its `n_jobs`, `pre_dispatch`, `verbose`, `max_stack_bytes` and callbacks.
    base_estimator : estimator
        What a candidate's parameters are set on.
    X, y : array-like
        All rows.
    scoring : Scoring
        How to fit and score.
    resource : str or None
        The parameter that counts epochs, where candidates may be trained on from rung to rung.
    """

    def __init__(
        self,
        search: BaseEstimator,
        base_estimator: BaseEstimator,
        X: Rows,
        y: ArrayLike | None,
        scoring: Scoring,
        resource: str | None = None,
    ) -> None:
        self._search, self._base, self._resource = search, base_estimator, resource
        self._X, self._y, self._scoring = X, y, scoring
        if callbacks_of(search):
            self._scoring = replace(scoring, caller=search)
        self._n_workers = effective_n_jobs(search.n_jobs)
        self._whole = Whole()
        self.progress = Progress(None)
        # Where warnings go that workers bring from other processes.
        self.gatherer: Gatherer | None = None

    def show(self, progress: Progress) -> None:
        """Let progress be shown from here on."""
        self.progress = progress
        progress.n_workers = self._n_workers
        if self._n_workers == 1:
            # Of several at a time nobody could tell whose epochs are heard of.
            self._whole.listener = progress.hear

    def __call__(self, rung: Rung, before: Rung | None = None) -> None:
        """Fill in the rung's outcomes; those who were in the one before go on from there.

        Whatever is raised on the way, KeyboardInterrupt too, the outcomes so far are there.
        """
        try:
            if before is None:
                self._train_anew(rung)
            else:
                self._train_on(rung, before)
            self._evaluate_alone(rung, [pair for pair in rung.pairs() if pair not in rung.found])
        except BaseException:
            # joblib ends its processes, but threads cannot be ended from without.
            self._whole.give_up()
            raise

    # ------------------------------------------------------------------------------- rungs

    def _train_anew(self, rung: Rung) -> None:
        """All that stacks can do.

        As many splits are prepared at a time as there are workers, so that the memory they take
        does not grow with their number; where stacks are kept, their splits are too.
        """
        plan = self._plan(rung)
        for number, reason in plan.alone.items():
            rung.alone |= {(number, split): reason for split in range(len(rung.splits))}
        units: list[Unit] = list(product(plan.settings.values(), range(len(rung.splits))))
        epochs = sum(
            one.family.n_epochs(one.model, len(rung.splits[number][0]))
            for groups, number in units
            for group in groups.values()
            for one in group
        )
        self._expect(rung, epochs)
        if not units:
            self._say_what_is_stacked(rung, "")
            return
        at_once = len(units) if rung.goes_on else self._n_workers
        with self._workers() as parallel, self.progress.during(STACKED):
            for start in range(0, len(units), at_once):
                batch = units[start : start + at_once]
                if all(
                    rung.has(group, split) for groups, split in batch for group in groups.values()
                ):
                    continue
                tasks = self._prepare(rung, parallel, batch)
                if start == 0:
                    n_stacks = len(tasks) * len(units) / min(at_once, len(units))
                    is_known = at_once >= len(units) or (at_once == 1 and len(plan.settings) == 1)
                    about = "" if is_known else "about "
                    self._say_what_is_stacked(rung, f" in {about}{round(n_stacks)} stacks")
                self._run(rung, parallel, tasks)

    def _train_on(self, rung: Rung, before: Rung) -> None:
        """The candidates that are still in go on, under their new numbers."""
        number_of = renumbered(before.candidates, rung.candidates, self._resource)
        new = set(range(len(rung.candidates))).difference(number_of.values())
        rung.alone |= dict.fromkeys(product(new, range(len(rung.splits))), "it has come later")
        for (old, split), reason in before.alone.items():
            if old in number_of:
                rung.alone[number_of[old], split] = reason
        tasks = [self._surviving(rung, task, number_of) for task in before.live]
        before.live.clear()
        tasks = [task for task in tasks if task.candidates]
        self._say_what_is_stacked(rung, f" in {len(tasks)} stacks" if tasks else "")
        self._expect(rung, sum(map(StackTask.n_epochs, tasks)))
        with self._workers() as parallel, self.progress.during(STACKED):
            self._run(rung, parallel, tasks)

    def _surviving(self, rung: Rung, task: StackTask, number_of: dict[int, int]) -> StackTask:
        candidates, places = [], []
        for place, one in enumerate(task.candidates):
            if one.number in number_of:
                number = number_of[one.number]
                n_epochs = cast(int, rung.candidates[number][str(self._resource)])
                candidates.append(with_epochs(one, number, int(n_epochs)))
                places.append(place)
        n_before = int(task.candidates[0].model.max_iter)
        return StackTask(
            candidates,
            task.split,
            self._contexts(rung, candidates, task.split.number),
            task.stack,
            places,
            n_before,
        )

    def _plan(self, rung: Rung) -> Plan:
        """Which candidates share stacks as far as their parameters tell."""
        if is_pipeline(self._base) and follows_into_steps(self._search, rung.contexts):
            return all_alone(rung, "callbacks follow into the steps of its pipeline")
        plan = make_plan(self._base, rung.candidates, self._scoring.fit_params)
        if self._scoring.caller is not None:
            plan = plan.without(
                lambda one: not one.family.can_tell, "callbacks hear of its epochs one by one"
            ).without(
                lambda one: can_resample(one.estimator), "callbacks hear of its pipeline's steps"
            )
        if rung.goes_on:
            plan = plan.without(
                lambda one: one.family.ends_with_training(one.model),
                "its schedule is another one at each rung",
            )
        return plan

    # ------------------------------------------------------------------------------- stacks

    @contextmanager
    def _results_of(
        self, parallel: Parallel, jobs: Iterable[object]
    ) -> Iterator[Iterable[tuple[Any, Any]]]:
        """The results of jobs as they are done; on an error, what is left to do is called off."""
        results = parallel(jobs)
        try:
            yield map(self._heard_of, results)
        finally:
            if isinstance(results, Generator):
                with warnings.catch_warnings(action="ignore"):
                    # joblib warns of what it calls off; the error under way says enough.
                    results.close()

    def _heard_of(self, done: tuple[object, object, list[Gathered]]) -> tuple[object, object]:
        """A result with its number, once its warnings have been passed on."""
        number, result, warned = done
        if self.gatherer is not None:
            self.gatherer.add(warned)
        return number, result

    @contextmanager
    def _workers(self) -> Iterator[Parallel]:
        """joblib's workers, processes unless the user has chosen otherwise.

        Threads would share the data, but the calls of a step are so short that they wait for
        Python's lock more than they compute: two of them are slower than one. Where there are
        threads all the same, each has BLAS to itself.
        """
        limit = one_blas_thread() if self._n_workers > 1 else nullcontext()
        with limit, self._parallel() as parallel:
            yield parallel

    def _parallel(self) -> Parallel:
        options = {
            "n_jobs": self._search.n_jobs,
            "pre_dispatch": getattr(self._search, "pre_dispatch", "2*n_jobs"),
        }
        try:
            return Parallel(**options, return_as="generator_unordered")
        except ValueError:
            # Not all backends give results one by one.
            return Parallel(**options)

    def _job(
        self, number: object, work: Callable[..., object], *args: object, **named: object
    ) -> object:
        """Work for joblib, done as a part of this search; the result comes with the number."""
        return delayed(_numbered)(self._whole, number, work, *args, **named)

    def _prepare(self, rung: Rung, parallel: Parallel, units: Sequence[Unit]) -> list[StackTask]:
        """The tasks of some settings and splits; none where the data cannot be prepared."""
        jobs = (
            self._job(
                place,
                _prepared,
                next(iter(groups.values()))[0].estimator,
                self._X,
                self._y,
                self._scoring,
                number,
                rung.splits[number],
            )
            for place, (groups, number) in enumerate(units)
        )
        with self._results_of(parallel, jobs) as results:
            splits = dict(results)
        tasks: list[StackTask] = []
        at_least = self._n_workers // math.gcd(self._n_workers, len(units))
        for place, (groups, number) in enumerate(units):
            split = splits.pop(place)
            for group in groups.values():
                try:
                    if isinstance(split, str):
                        raise _Unprepared(split)
                    tasks += self._cut(rung, group, split, at_least)
                except _Unprepared as reason:
                    self._go_alone(rung, group, number, str(reason))
        return tasks

    def _cut(self, rung: Rung, group: Group, split: Split, at_least: int) -> list[StackTask]:
        """Stacks within the memory budget, and enough of them to occupy all workers."""
        n_scored = n_rows_of(split.X_test)
        if self._scoring.return_train_score:
            n_scored = max(n_scored, n_rows_of(split.X_train))
        try:
            parts = group[0].family.alike(
                [one.model for one in group],
                *(split.X_train, split.y_train, split.fit_params, n_scored),
            )
        except OwnError as marked:
            raise _Unprepared(_raised(marked.error)) from marked.error
        tasks = []
        for numbers, each in parts:
            similar = [group[number] for number in numbers]
            for part in self._parts(similar, each, at_least):
                tasks.append(StackTask(part, split, self._contexts(rung, part, split.number)))
        return tasks

    def _contexts(self, rung: Rung, group: Group, split: int) -> list[Context]:
        if self._scoring.caller is None:
            return []
        return [rung.context_of(one.number, split) for one in group]

    def _parts(self, group: Group, each: int, at_least: int) -> list[Group]:
        """A group cut into such parts as a stack of candidates of `each` bytes may have."""
        budget = self._search.max_stack_bytes // self._n_workers
        largest = max(1, min(budget, PREFERRED_STACK_BYTES) // each)
        # A multiple of what occupies all workers, so that none is left with a last stack alone.
        n_stacks = at_least * math.ceil(len(group) / largest / at_least)
        n_stacks = min(len(group), n_stacks)
        bounds = [len(group) * i // n_stacks for i in range(n_stacks + 1)]
        return [group[a:b] for a, b in pairwise(bounds)]

    def _run(self, rung: Rung, parallel: Parallel, tasks: Sequence[StackTask]) -> None:
        tasks = [task for task in tasks if not rung.has(task.candidates, task.split.number)]
        jobs = (
            self._job(place, fit_and_score_stack, task, self._scoring, goes_on=rung.goes_on)
            for place, task in enumerate(tasks)
        )
        with self._results_of(parallel, jobs) as results:
            for place, parts in results:
                # What lives on comes back with the results.
                tasks[place].stack = None
                for done in parts:
                    self._record(rung, tasks[place], done)
                rung.on_outcome()

    def _record(self, rung: Rung, task: StackTask, done: Done) -> None:
        split = task.split.number
        if done.reason:
            self._go_alone(rung, done.candidates, split, done.reason)
            return
        for candidate, outcome in zip(done.candidates, done.outcomes, strict=True):
            rung.found[candidate.number, split] = outcome
            self._report(rung, candidate.number, split, outcome)
            self.progress.score(candidate.number, outcome["test_scores"], len(rung.splits))
        self.progress.add(sum(map(task.epochs_of, done.candidates)))
        if done.stack is not None:
            places = range(len(done.candidates))
            rung.live.append(
                StackTask(done.candidates, task.split, stack=done.stack, places=places)
            )

    def _report(self, rung: Rung, number: int, split: int, outcome: Outcome) -> None:
        """The line that scikit-learn's searches print for a candidate on a split."""
        if self._search.verbose > 1:
            parameters = rung.candidates[number]
            settings = ", ".join(f"{name}={parameters[name]}" for name in sorted(parameters))
            seconds = cast(float, outcome["fit_time"]) + cast(float, outcome["score_time"])
            scores = outcome["test_scores"] if self._search.verbose > 2 else ""
            self.progress.say(
                f"[CV {split + 1}/{len(rung.splits)}] END {settings}; {scores} "
                f"total time={seconds:.2f}s"
            )

    def _say_what_is_stacked(self, rung: Rung, into: str) -> None:
        n_fits = len(rung.candidates) * len(rung.splits)
        line = f"Stacking {n_fits - len(rung.alone)} of {n_fits} fits{into}"
        reasons = counted(rung.alone.values())
        self.progress.say(line + "".join(f"; {n} alone: {why}" for why, n in reasons.items()))

    def _go_alone(self, rung: Rung, group: Group, split: int, reason: str) -> None:
        """Candidates that were to share a stack on a split, and cannot."""
        rung.alone |= {(one.number, split): reason for one in group}
        self.progress.move_to_alone(sum(self._n_epochs(rung, (one.number, split)) for one in group))
        self.progress.say(f"{len(group)} more to be fitted alone: {reason}")

    def _expect(self, rung: Rung, stacked: float) -> None:
        """Tell the progress what there is to do, in epochs."""
        if self.progress.is_shown:
            alone = sum(self._n_epochs(rung, pair) for pair in rung.alone)
            self.progress.counts_epochs |= stacked > 0 or alone > len(rung.alone)
            self.progress.expect(stacked, alone, len(rung.candidates) * len(rung.splits))
            self._forgo_what_is_there(rung)

    def take_over(self, rung: Rung) -> None:
        """Hear of a rung that has been evaluated before."""
        there = [pair for pair in rung.found if pair not in rung.alone]
        self._expect(rung, sum(self._n_epochs(rung, pair) for pair in there))

    def _forgo_what_is_there(self, rung: Rung) -> None:
        """Take from what there is to do what had been done before the search went on."""
        for pair, outcome in rung.found.items():
            kind = ALONE if pair in rung.alone else STACKED
            self.progress.forgo(kind, self._n_epochs(rung, pair))
            self.progress.score(pair[0], outcome["test_scores"], len(rung.splits))

    def _n_epochs(self, rung: Rung, pair: Pair) -> int:
        """How many epochs it takes to fit a candidate alone."""
        if not self.progress.is_shown:
            return 0
        number, split = pair
        return n_epochs_of(self._base, rung.candidates[number], len(rung.splits[split][0]))

    # -------------------------------------------------------------------------------- alone

    def _evaluate_alone(self, rung: Rung, pairs: Sequence[Pair]) -> None:
        """Candidates that share no stack, each fitted as scikit-learn's searches do."""
        if not pairs:
            return
        n_splits, n_candidates, scoring = len(rung.splits), len(rung.candidates), self._scoring
        jobs = (
            self._job(
                (number, split),
                fit_and_score_alone,
                clone(self._base),
                self._X,
                self._y,
                caller=self._search,
                context=rung.context_of(number, split),
                scorer=scoring.scorer,
                train=rung.splits[split][0],
                test=rung.splits[split][1],
                verbose=scoring.verbose,
                parameters=rung.candidates[number],
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
        with self.progress.during(ALONE), self._results_of(self._parallel(), jobs) as results:
            for pair, outcome in results:
                rung.found[pair] = outcome
                self.progress.score(pair[0], outcome["test_scores"], n_splits)
                self.progress.add(self._n_epochs(rung, pair))
                rung.on_outcome()


def _numbered(
    whole: Whole, number: object, work: Callable[..., object], *args: object, **named: object
) -> tuple[object, object, list[Gathered]]:
    with whole.part(), warnings_for_master() as warned:
        result = work(*args, **named)
    return number, result, warned


class _Unprepared(Exception):
    """Raised where a split's data cannot be prepared; fitted alone, its candidates say so."""


def _raised(error: Exception) -> str:
    return f"preparing the data raised {type(error).__name__}"


def _prepared(
    estimator: BaseEstimator,
    X: Rows,
    y: ArrayLike | None,
    scoring: Scoring,
    number: int,
    fold: Fold,
) -> Split | str:
    """A split, or what its data or transformers, which are not ours, have raised."""
    try:
        return prepare_split(estimator, X, y, scoring, number, fold)
    except OwnError as marked:
        return _raised(marked.error)
    except MemoryError:
        return NO_MEMORY


def all_alone(rung: Rung, reason: str) -> Plan:
    return Plan(alone=dict.fromkeys(range(len(rung.candidates)), reason))


def counted(reasons: Iterable[str]) -> dict[str, int]:
    """How often each reason is given, the most frequent first."""
    listed = list(reasons)
    return {
        reason: listed.count(reason)
        for reason in sorted(set(listed), key=lambda reason: (-listed.count(reason), reason))
    }
