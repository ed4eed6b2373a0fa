"""Where the data of a search are, and what its tasks therefore carry.

Within a machine a split is cut out and transformed once, comes back, and goes to each of its stacks
as it is: processes share it through a memory map. On a cluster all that travels is copied, so the
data go to each worker once, and a split is no more than a name. A worker makes it when it first
needs it, and keeps the last ones; what comes back are measures and outcomes, and of stacks that go
on their parameters.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone
from sklearn.utils import check_random_state

from .._inputs import Rows, n_rows_of
from ..estimators._stack import OwnError, Part
from ._clusters import Cluster, Lost, Name, Reference, forget_data, present_cluster
from ._folds import Split, SplitName, prepare_split
from ._kept import forget_splits, kept_split
from ._plan import StackedCandidate, is_pipeline
from ._scoring import Scoring
from ._together import NO_MEMORY, Done, StackTask, fit_and_score_stack
from ._types import Fold

# What prepared splits may take, beyond one for each worker.
SPLITS_BYTES = 2**26

Group = Sequence[StackedCandidate]
# A function of no arguments that processes can be given.
Call = Callable[[], Any]
# Work on X, y, the scoring and a fold; more arguments are tied to it.
Work = Callable[[Rows, ArrayLike | None, Scoring, Fold], object]


@dataclass(frozen=True)
class Prepared:
    """What is known of a split: of each group its parts, or why its candidates are alone."""

    split: Split | SplitName | None
    parts: Sequence[Sequence[Part] | str]


class Place(Protocol):
    """Where the data are: it makes calls for workers of what is to be done with them."""

    # How many tasks each worker had better have, where they lose little by being so small.
    tasks_per_worker: int

    def n_first(self, n_workers: int) -> int | None:
        """How many splits are prepared before it is known what they take; None for all."""

    def n_at_once(self, n_workers: int, first: Sequence["Prepared"]) -> int:
        """How many are prepared before stacks are trained on them, by what the first ones take."""

    def prepare(self, groups: Sequence[Group], number: int, fold: Fold) -> Call:
        """A call that prepares a split for groups of candidates with the same transformers."""

    def fit_stack(self, task: StackTask, fold: Fold, *, goes_on: bool) -> Call:
        """A call that trains and scores a stack."""

    def carry_out(self, work: Work, fold: Fold) -> Call:
        """A call of other work."""

    def send(self, folds: Sequence[Fold]) -> Sequence[Fold]:
        """Send the data and these folds, before calls are made that need them.

        Returns what the calls know the folds by.
        """

    def send_again(self) -> None:
        """Send what the workers have lost."""

    def leave(self) -> None:
        """Let workers forget the data."""


def place_of(X: Rows, y: ArrayLike | None, scoring: Scoring, n_workers: int) -> Place:
    """The cluster that joblib has been told to use, or this machine."""
    # What one worker would do joblib does itself, where the search is.
    cluster = present_cluster() if n_workers > 1 else None
    return Here(X, y, scoring) if cluster is None else There(cluster, X, y, scoring)


# ------------------------------------------------------------------------------ within a machine


class Here:
    """This machine: its processes, its threads, or this one alone."""

    tasks_per_worker = 1

    def __init__(self, X: Rows, y: ArrayLike | None, scoring: Scoring) -> None:
        self._X, self._y, self._scoring = X, y, scoring

    def n_first(self, n_workers: int) -> int | None:
        return n_workers

    def n_at_once(self, n_workers: int, first: Sequence[Prepared]) -> int:
        """As many as there are workers, so that memory does not grow with the number of splits.

        Of small ones more: before the next ones are prepared workers wait for the last stack.
        """
        if n_workers == 1:
            return 1
        taken = [one.split.n_bytes for one in first if isinstance(one.split, Split)]
        return max(n_workers, SPLITS_BYTES // max([1, *taken]))

    def prepare(self, groups: Sequence[Group], number: int, fold: Fold) -> Call:
        return self.carry_out(partial(_prepared, groups, number), fold)

    def fit_stack(self, task: StackTask, fold: Fold, *, goes_on: bool) -> Call:
        if isinstance(task.split, SplitName):
            # The search has begun on a cluster.
            return self.carry_out(partial(_fit_and_score_there, task, goes_on), fold)
        return partial(fit_and_score_stack, task, self._scoring, goes_on=goes_on)

    def carry_out(self, work: Work, fold: Fold) -> Call:
        return partial(work, self._X, self._y, self._scoring, fold)

    def send(self, folds: Sequence[Fold]) -> Sequence[Fold]:
        return folds

    def send_again(self) -> None:
        raise AssertionError("what is here cannot be lost")

    def leave(self) -> None:
        """Nothing: they have been here before."""


def _prepared(
    groups: Sequence[Group],
    number: int,
    X: Rows,
    y: ArrayLike | None,
    scoring: Scoring,
    fold: Fold,
) -> Prepared:
    """A split and the parts of each group."""

    def make() -> Split:
        return prepare_split(groups[0][0].estimator, X, y, scoring, number, fold)

    return _prepared_by(make, groups, scoring)


def _prepared_by(make: Callable[[], Split], groups: Sequence[Group], scoring: Scoring) -> Prepared:
    """The same; where the data or the transformers raise, why all are fitted alone."""
    try:
        split = make()
    except OwnError as marked:
        return Prepared(None, [_raised(marked.error)] * len(groups))
    except MemoryError:
        return Prepared(None, [NO_MEMORY] * len(groups))
    return Prepared(split, [_parts_on(split, group, scoring) for group in groups])


def _parts_on(split: Split, group: Group, scoring: Scoring) -> Sequence[Part] | str:
    n_scored = n_rows_of(split.X_test)
    if scoring.return_train_score:
        n_scored = max(n_scored, split.n_train)
    models = [one.model for one in group]
    try:
        return group[0].family.alike(
            models, split.X_train, split.y_train, split.fit_params, n_scored
        )
    except OwnError as marked:
        return _raised(marked.error)


def _raised(error: Exception) -> str:
    return f"preparing the data raised {type(error).__name__}"


# ------------------------------------------------------------------------------------ on a cluster


class There:
    """The workers of a cluster, to which all that a task has is copied."""

    tasks_per_worker = 4

    def __init__(self, cluster: Cluster, X: Rows, y: ArrayLike | None, scoring: Scoring) -> None:
        self._cluster = cluster
        # All that has rows is stored; what travels with tasks has its names alone.
        self._data = (X, y, *scoring.fit_params.values(), *scoring.score_params.values())
        self._scoring = replace(
            scoring,
            fit_params=dict.fromkeys(scoring.fit_params),
            score_params=dict.fromkeys(scoring.score_params),
        )
        self._search, self._keys = uuid.uuid4().hex, count()
        # By name the data, then all folds so far; and in this order what tasks know them by.
        self._sent: dict[Name, Sequence[Any]] = {}
        self._references: list[Reference] = []

    def n_first(self, n_workers: int) -> int | None:
        return None

    def n_at_once(self, n_workers: int, first: Sequence[Prepared]) -> int:
        return len(first)

    def prepare(self, groups: Sequence[Group], number: int, fold: Fold) -> Call:
        estimator = _with_random_states(groups[0][0].estimator)
        name = SplitName(number, self._search, next(self._keys), estimator)
        return self.carry_out(partial(_measured, groups, name), fold)

    def fit_stack(self, task: StackTask, fold: Fold, *, goes_on: bool) -> Call:
        return self.carry_out(partial(_fit_and_score_there, task, goes_on), fold)

    def carry_out(self, work: Work, fold: Fold) -> Call:
        data, *folds = self._references
        place = next(i for i, known in enumerate(self._known_folds()) if known is fold)
        return partial(_carry_out, work, data, self._scoring, folds[place])

    def send(self, folds: Sequence[Fold]) -> Sequence[Fold]:
        found: list[Fold] = []
        new: list[Fold] = []
        for fold in folds:
            # Splitters make new arrays of the same folds.
            known = [*self._known_folds(), *new]
            same = next((one for one in known if _are_equal(one, fold)), None)
            found.append(fold if same is None else same)
            if same is None:
                new.append(fold)
        values = new if self._sent else [self._data, *new]
        named = {(self._search, next(self._keys)): each for each in values}
        self._references += self._cluster.send(named)
        self._sent |= named
        return found

    def _known_folds(self) -> list[Any]:
        return list(self._sent.values())[1:]

    def send_again(self) -> None:
        self._references = self._cluster.send(self._sent)

    def leave(self) -> None:
        self._sent.clear()
        self._references.clear()
        for forget in (forget_data, forget_splits):
            self._cluster.in_all_workers(forget, self._search)


def _are_equal(one: Fold, other: Fold) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def _carry_out(work: Work, data: Reference, scoring: Scoring, fold: Reference) -> object:
    """Do work in a worker; what it is told to return where data are lost is `Lost`."""
    try:
        X, y, *params = data.values()
        train, test = fold.values()
    except Lost as lost:
        return lost
    n_fit = len(scoring.fit_params)
    filled = replace(
        scoring,
        fit_params=dict(zip(scoring.fit_params, params[:n_fit], strict=True)),
        score_params=dict(zip(scoring.score_params, params[n_fit:], strict=True)),
    )
    return work(X, y, filled, (train, test))


def _with_random_states(estimator: BaseEstimator) -> BaseEstimator:
    """The same with transformers that do the same wherever they are fitted."""
    if not is_pipeline(estimator):
        return estimator
    last = estimator.steps[-1][0]
    random = check_random_state(None)
    states = {
        name: int(random.randint(2**31 - 1))
        for name, value in sorted(estimator.get_params(deep=True).items())
        if value is None and name.endswith("__random_state") and name.partition("__")[0] != last
    }
    return clone(estimator).set_params(**states)


def _made(name: SplitName, X: Rows, y: ArrayLike | None, scoring: Scoring, fold: Fold) -> Split:
    """The split of this name, which this worker keeps or makes now."""

    def make() -> Split:
        return prepare_split(name.estimator, X, y, scoring, name.number, fold)

    return kept_split(name.search, name.key, make)


def _measured(
    groups: Sequence[Group],
    name: SplitName,
    X: Rows,
    y: ArrayLike | None,
    scoring: Scoring,
    fold: Fold,
) -> Prepared:
    """What `_prepared` gives, the name of the split instead of the split."""
    prepared = _prepared_by(partial(_made, name, X, y, scoring, fold), groups, scoring)
    if prepared.split is None:
        return prepared
    return replace(prepared, split=replace(name, n_train=prepared.split.n_train))


def _fit_and_score_there(
    task: StackTask,
    goes_on: bool,
    X: Rows,
    y: ArrayLike | None,
    scoring: Scoring,
    fold: Fold,
) -> list[Done]:
    """Train and score a stack where it is the data that are at hand."""
    split = task.split
    try:
        if isinstance(split, SplitName):
            # Of a search that has begun within a machine it is the split itself.
            split = _made(split, X, y, scoring, fold)
    except MemoryError:
        return [Done(task.candidates, reason=NO_MEMORY)]
    found = fit_and_score_stack(replace(task, split=split), scoring, goes_on=goes_on)
    for done in found:
        if done.stack is not None:
            done.stack.leave_data()
    return found
