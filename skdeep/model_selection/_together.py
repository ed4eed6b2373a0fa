"""One stack of candidates on one split: trained, scored, and where memory is short cut in halves.

What the fit of a single candidate would raise is that candidate's end. Where the data cannot be
prepared for all, or the data let no fit be shared, candidates are left to be fitted alone. All else
that is raised is a mistake of ours, and no `error_score` hides it.
"""

import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ..estimators._base import BaseNetworkEstimator
from ..estimators._stack import CannotShareAFit, OwnError, Stack
from ._compat import Context
from ._folds import Split, SplitName
from ._plan import StackedCandidate
from ._reports import Report
from ._scoring import End, Scoring, score_stack
from ._types import Outcome

NO_MEMORY = "there was too little memory for a stack"


@dataclass
class StackTask:
    """One stack of candidates on one split.

    Parameters
    ----------
    candidates : list of StackedCandidate
        What is trained, each until it has run its `max_iter` epochs.
    split : Split or SplitName
        On what: the prepared data, or what a worker makes them from.
    contexts : list of Context
        Of the candidates, for callbacks; empty where there are none.
    stack : Stack or None
        Where they have been trained before.
    places : list of int
        Their places in that stack.
    n_before : int
        How many epochs they have run there.
    """

    candidates: Sequence[StackedCandidate]
    split: Split | SplitName
    contexts: Sequence[Context] = ()
    stack: Stack | None = None
    places: Sequence[int] = ()
    n_before: int = 0

    def part(self, start: int, stop: int) -> "StackTask":
        """Some of the candidates, from the start."""
        return StackTask(
            self.candidates[start:stop], self.split, self.contexts[start:stop], n_before=0
        )

    def epochs_of(self, candidate: StackedCandidate) -> int:
        """How many epochs there are to train."""
        n_rows = self.split.n_train
        return candidate.family.n_epochs(candidate.model, n_rows) - self.n_before

    def n_epochs(self) -> int:
        """How many epochs there are to train, over all candidates."""
        return sum(map(self.epochs_of, self.candidates))


@dataclass
class Done:
    """What has become of some of a task's candidates: outcomes, or why they are fitted alone."""

    candidates: Sequence[StackedCandidate]
    outcomes: Sequence[Outcome] = field(default_factory=list)
    reason: str = ""
    # Where they can be trained on.
    stack: Stack | None = None


def fit_and_score_stack(task: StackTask, scoring: Scoring, *, goes_on: bool = False) -> list[Done]:
    """Train and score candidates together, in as many stacks as memory asks for.

    Parameters
    ----------
    task : StackTask
        What to train.
    scoring : Scoring
        How to score.
    goes_on : bool, default=False
        Whether stacks are kept, to be trained on.
    """
    n = len(task.candidates)
    try:
        return [_fit_and_score(task, scoring, goes_on)]
    except CannotShareAFit as reason:
        return [Done(task.candidates, reason=str(reason))]
    except OwnError as marked:
        kind = type(marked.error).__name__
        return [Done(task.candidates, reason=f"preparing the data raised {kind}")]
    except MemoryError:
        # What was made is let go with the traceback, before anything is tried again.
        if n == 1:
            return [Done(task.candidates, reason=NO_MEMORY)]
    task.stack = None
    halves = [task.part(0, n // 2), task.part(n // 2, n)]
    return [done for half in halves for done in fit_and_score_stack(half, scoring, goes_on=goes_on)]


def _fit_and_score(task: StackTask, scoring: Scoring, goes_on: bool) -> Done:
    start, candidates = time.perf_counter(), task.candidates
    stack, split = task.stack, task.split
    assert isinstance(split, Split)  # where a stack is trained its data are at hand
    if stack is None:
        stack = make_stack(candidates, split)
    else:
        stack.take_data(split.X_train, split.y_train, split.fit_params)
        stack.forget_all_but(task.places)
        stack.allow(int(candidates[0].model.max_iter))
    reports = _reports(task, split, scoring)
    try:
        for place, report in enumerate(reports):
            report.begin(stack, place)
        if task.stack is None:
            stack.train()
        else:
            stack.train_until(int(candidates[0].model.max_iter))
        if not goes_on:
            stack.finish()
        seconds = time.perf_counter() - start + (split.seconds if task.stack is None else 0)
        ends: list[End] = [stack.end_of(place) for place in range(len(candidates))]
        for place, report in enumerate(reports):
            error = report.fit_ends(failed=isinstance(ends[place], Exception))
            ends[place] = error or ends[place]
    finally:
        for report in reports:
            report.close()
    outcomes = score_stack(stack, ends, candidates, split, scoring, seconds)
    for report in reports:
        report.end()
    if goes_on:
        stack.lighten()
    return Done(candidates, outcomes, stack=stack if goes_on else None)


def _reports(task: StackTask, split: Split, scoring: Scoring) -> list[Report]:
    if scoring.caller is None or not task.contexts:
        return []
    pairs = zip(task.candidates, task.contexts, strict=True)
    return [Report(context, scoring.caller, candidate, split) for candidate, context in pairs]


def make_stack(candidates: Sequence[StackedCandidate], split: Split) -> Stack:
    models = [own_copy(candidate.model) for candidate in candidates]
    made: Stack = candidates[0].family.make_stack(
        models, split.X_train, split.y_train, split.fit_params
    )
    return made


def own_copy(model: BaseNetworkEstimator) -> BaseNetworkEstimator:
    """An unfitted copy; a random state is one that others do not draw from."""
    own = copy.copy(model)
    if isinstance(own.random_state, np.random.RandomState):
        own.random_state = copy.deepcopy(own.random_state)
    return own
