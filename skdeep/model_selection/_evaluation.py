"""Fitting and scoring all candidates of a search on all splits, rung by rung.

The work is cut into tasks for joblib: a split's data are prepared once for each setting of the
transformers, then one task trains and scores one stack on them; `_places.py` says what travels for
that. Candidates that share no stack are tasks of their own, carried out by scikit-learn. A search
of one rung lets go of its stacks as they are done; where another rung can come, they are kept and
trained on.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from typing import Any, cast

from joblib import effective_n_jobs
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone
from sklearn.utils.parallel import Parallel, delayed

from .._engine.threads import one_blas_thread
from .._fit.whole import Whole
from .._inputs import Rows
from ..estimators._callbacks import callbacks_of
from ..estimators._stack import Part
from ._clusters import Lost
from ._compat import Context, fit_and_score_alone, follows_into_steps
from ._cuts import Workers, cut
from ._folds import Split, SplitName
from ._gathered_warnings import Gatherer
from ._jobs import Number, at_a_time, numbered, results_of
from ._places import Call, Prepared, place_of
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
from ._together import Done, StackTask
from ._types import Fold, Outcome, Parameters

# How often data are sent to workers that have come in place of others.
MOST_LOSSES = 10

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
        self._scoring = scoring
        if callbacks_of(search):
            self._scoring = replace(scoring, caller=search)
        self._n_workers = effective_n_jobs(search.n_jobs)
        self._whole = Whole()
        self.progress = Progress(None)
        # Of this rung's candidates, by their numbers and those of rows: a clone is made to tell.
        self._epochs: dict[tuple[int, int], int] = {}
        # Where warnings go that workers bring from other processes.
        self.gatherer: Gatherer | None = None
        self._place = place_of(X, y, self._scoring, self._n_workers)

    def show(self, progress: Progress) -> None:
        """Let progress be shown from here on."""
        self.progress = progress
        progress.n_workers = self._n_workers
        if self._n_workers == 1:
            # Of several at a time nobody could tell whose epochs are heard of.
            self._whole.listener = progress.hear

    @contextmanager
    def workers_with_data(self) -> Iterator[None]:
        """A context for all rungs; the workers keep the data until it ends."""
        try:
            yield
        finally:
            self._place.leave()

    def __call__(self, rung: Rung, before: Rung | None = None) -> None:
        """Fill in the rung's outcomes; those who were in the one before go on from there.

        Whatever is raised on the way, KeyboardInterrupt too, the outcomes so far are there.
        """
        rung.splits = self._place.send(rung.splits)
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

        No more splits are prepared at a time than the place of the data has room for; where stacks
        are kept, their splits are too.
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
        left, said = units, False
        with self._workers() as parallel, self.progress.during(STACKED):
            while left:
                first = left[: self._place.n_first(self._n_workers)]
                prepared = self._prepare(rung, parallel, first)
                n_at_once = self._n_at_once(rung, left, prepared)
                batch, left = left[:n_at_once], left[n_at_once:]
                if all(_are_done(rung, unit) for unit in batch):
                    continue
                prepared += self._prepare(rung, parallel, batch[len(prepared) :])
                tasks = self._tasks(rung, batch, prepared)
                if not said:
                    self._say_how_many(rung, plan, len(tasks), len(batch) / len(units))
                    said = True
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

    @contextmanager
    def _results_of(
        self, parallel: Parallel, make: Callable[[Number], Call], numbers: Iterable[Number]
    ) -> Iterator[Iterable[tuple[Number, Any]]]:
        """The results of calls as they are done, each with its number; parts of this search.

        On an error, what is not done yet is called off. Where a cluster has lost the data that a
        call needs, with a worker, they are sent again.
        """
        results = self._sent_until_done(parallel, make, numbers)
        try:
            yield results
        finally:
            results.close()

    def _sent_until_done(
        self, parallel: Parallel, make: Callable[[Number], Call], numbers: Iterable[Number]
    ) -> Generator[tuple[Number, Any]]:
        left = list(numbers)
        for _ in range(MOST_LOSSES):
            lost = []
            for some in at_a_time(parallel, left, self._n_workers):
                jobs = (delayed(numbered)(self._whole, number, make(number)) for number in some)
                with results_of(parallel, jobs) as results:
                    for number, result, warned in results:
                        if self.gatherer is not None:
                            self.gatherer.add(warned)
                        if isinstance(result, Lost):
                            lost.append(number)
                        else:
                            yield number, result
            if not lost:
                return
            self._place.send_again()
            left = lost
        raise RuntimeError(
            f"Workers of the cluster have lost the data {MOST_LOSSES} times, and {len(left)} tasks "
            "are left. Do its workers have the memory that X takes?"
        )

    def _n_at_once(self, rung: Rung, units: Sequence[Unit], first: Sequence[Prepared]) -> int:
        if rung.goes_on:
            # Stacks that are kept keep their splits.
            return len(units)
        return min(len(units), self._place.n_at_once(self._n_workers, first))

    def _prepare(self, rung: Rung, parallel: Parallel, units: Sequence[Unit]) -> list[Prepared]:
        def prepare(place: int) -> Call:
            groups, number = units[place]
            return self._place.prepare(list(groups.values()), number, rung.splits[number])

        with self._results_of(parallel, prepare, range(len(units))) as results:
            found: dict[int, Prepared] = dict(results)
        return [found[place] for place in range(len(units))]

    def _tasks(
        self, rung: Rung, units: Sequence[Unit], prepared: Sequence[Prepared]
    ) -> list[StackTask]:
        """The tasks of some settings and splits; none where the data could not be prepared."""
        together: list[tuple[Split | SplitName, int, Group]] = []
        parts: list[tuple[int, Part]] = []
        for place, ((groups, number), found) in enumerate(zip(units, prepared, strict=True)):
            for group, own in zip(groups.values(), found.parts, strict=True):
                if found.split is None or isinstance(own, str):
                    self._go_alone(rung, group, number, str(own))
                    continue
                parts += [(place, part) for part in own]
                together += [(found.split, number, group)] * len(own)
        workers = Workers(self._n_workers, self._place.tasks_per_worker)
        stacks_of_parts = cut(parts, len(units), workers, self._search.max_stack_bytes)
        tasks: list[StackTask] = []
        for (split, number, candidates), stacks in zip(together, stacks_of_parts, strict=True):
            for stack in stacks:
                stacked = [candidates[one] for one in stack]
                tasks.append(StackTask(stacked, split, self._contexts(rung, stacked, number)))
        return tasks

    def _contexts(self, rung: Rung, group: Group, split: int) -> list[Context]:
        if self._scoring.caller is None:
            return []
        return [rung.context_of(one.number, split) for one in group]

    def _run(self, rung: Rung, parallel: Parallel, tasks: Sequence[StackTask]) -> None:
        tasks = [task for task in tasks if not rung.has(task.candidates, task.split.number)]

        def fit(place: int) -> Call:
            task = tasks[place]
            fold = rung.splits[task.split.number]
            return self._place.fit_stack(task, fold, goes_on=rung.goes_on)

        with self._results_of(parallel, fit, range(len(tasks))) as results:
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

    def _say_how_many(self, rung: Rung, plan: Plan, n_stacks: int, share: float) -> None:
        """Say into how many stacks, of which so many are known: those of a share of all splits."""
        is_known = share == 1 or (self._n_workers == 1 and len(plan.settings) == 1)
        about = "" if is_known else "about "
        self._say_what_is_stacked(rung, f" in {about}{round(n_stacks / share)} stacks")

    def _go_alone(self, rung: Rung, group: Group, split: int, reason: str) -> None:
        """Candidates that were to share a stack on a split, and cannot."""
        rung.alone |= {(one.number, split): reason for one in group}
        self.progress.move_to_alone(sum(self._n_epochs(rung, (one.number, split)) for one in group))
        self.progress.say(f"{len(group)} more to be fitted alone: {reason}")

    def _expect(self, rung: Rung, stacked: float) -> None:
        """Tell the progress what there is to do, in epochs."""
        self._epochs.clear()
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
        number, n_rows = pair[0], len(rung.splits[pair[1]][0])
        if (number, n_rows) not in self._epochs:
            found = n_epochs_of(self._base, rung.candidates[number], n_rows)
            self._epochs[number, n_rows] = found
        return self._epochs[number, n_rows]

    # -------------------------------------------------------------------------------- alone

    def _evaluate_alone(self, rung: Rung, pairs: Sequence[Pair]) -> None:
        """Candidates that share no stack, each fitted as scikit-learn's searches do."""
        if not pairs:
            return

        def fit_alone(pair: Pair) -> Call:
            number, split = pair
            work = partial(
                _fit_and_score_alone,
                clone(self._base),
                caller=self._search,
                context=rung.context_of(number, split),
                parameters=rung.candidates[number],
                split_progress=(split, len(rung.splits)),
                candidate_progress=(number, len(rung.candidates)),
            )
            return self._place.carry_out(work, rung.splits[split])

        with (
            self.progress.during(ALONE),
            self._results_of(self._parallel(), fit_alone, pairs) as results,
        ):
            for pair, outcome in results:
                rung.found[pair] = outcome
                self.progress.score(pair[0], outcome["test_scores"], len(rung.splits))
                self.progress.add(self._n_epochs(rung, pair))
                rung.on_outcome()


def _fit_and_score_alone(
    estimator: BaseEstimator,
    X: Rows,
    y: ArrayLike | None,
    scoring: Scoring,
    fold: Fold,
    **about: Any,
) -> Outcome:
    """A candidate on a split, by itself; `about` says which."""
    return fit_and_score_alone(
        estimator,
        X,
        y,
        scorer=scoring.scorer,
        train=fold[0],
        test=fold[1],
        verbose=scoring.verbose,
        fit_params=scoring.fit_params,
        score_params=scoring.score_params,
        return_train_score=scoring.return_train_score,
        return_n_test_samples=True,
        return_times=True,
        error_score=scoring.error_score,
        **about,
    )


def _are_done(rung: Rung, unit: Unit) -> bool:
    """Whether all candidates of a setting have been evaluated on a split."""
    groups, split = unit
    return all(rung.has(group, split) for group in groups.values())


def all_alone(rung: Rung, reason: str) -> Plan:
    return Plan(alone=dict.fromkeys(range(len(rung.candidates)), reason))


def counted(reasons: Iterable[str]) -> dict[str, int]:
    """How often each reason is given, the most frequent first."""
    listed = list(reasons)
    return {
        reason: listed.count(reason)
        for reason in sorted(set(listed), key=lambda reason: (-listed.count(reason), reason))
    }
