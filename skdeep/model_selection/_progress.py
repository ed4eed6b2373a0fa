"""How far a search is: what there is to do, what is done, and what that says of the time left.

All of a search counts, in epochs of candidates: stacks, what is fitted alone, rungs and rounds to
come, and what is fitted on all rows at the end. An epoch in a stack takes less time than one alone,
so each kind of work has a pace of its own.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ._progress_displays import Display

STACKED, ALONE, BEST, ENSEMBLE = "in stacks", "alone", "the best", "the best together"


class WorkToCome(NamedTuple):
    """What a search does after a call of `evaluate_candidates`.

    Parameters
    ----------
    stacked, alone : float
        Work on candidates still to come, as multiples of the first call's.
    whole : float
        Epochs of a candidate that is fitted on all rows, as a multiple of one in the first call.
    """

    stacked: float = 0.0
    alone: float = 0.0
    whole: float = 1.0


@dataclass
class Work:
    """A kind of work: epochs there are in all, epochs done, and the seconds that those took."""

    planned: float = 0.0
    done: float = 0.0
    seconds: float = 0.0
    # Of which a stack is one: they tell how many candidates share one.
    n_fits: int = 0

    @property
    def left(self) -> float:
        return max(0.0, self.planned - self.done)


@dataclass
class Progress:
    """What is known of a search's work, and shown as it is done.

    Parameters
    ----------
    display : Display or None
        Where it is shown; None keeps silent.
    metric : str or None
        The name of the score that decides, where there are several; None where none does.
    n_workers : int
        How many fits run at the same time while candidates are evaluated.
    n_refits, n_kept : int
        How many candidates are fitted on all rows, by themselves and as an ensemble.
    work_to_come : callable
        From how often candidates have been evaluated, the work after that.
    clock : callable
        Gives seconds.
    """

    display: Display | None
    metric: str | None = None
    n_workers: int = 1
    n_refits: int = 0
    n_kept: int = 0
    work_to_come: Callable[[int], WorkToCome] = lambda n_calls: WorkToCome()
    clock: Callable[[], float] = time.perf_counter
    best: float | None = None
    # Whether some of the candidates have epochs at all, as other libraries' estimators have not.
    counts_epochs: bool = False
    _works: dict[str, Work] = field(default_factory=dict)
    _scores: dict[int, list[float]] = field(default_factory=dict)
    _first: tuple[float, float, float] = (0.0, 0.0, 0.0)
    _n_calls: int = 0
    # What is being done, since when, and how many epochs of the present fit have been heard of.
    _kind: str | None = None
    _since: float = 0.0
    _heard: float = 0.0

    @property
    def is_shown(self) -> bool:
        return self.display is not None

    def say(self, line: str) -> None:
        """Print a line of its own."""
        if self.display is not None:
            self.display.say(line)

    # ------------------------------------------------------------------------- what there is to do

    def expect(self, stacked: float, alone: float, n_fits: int) -> None:
        """Candidates are going to be evaluated: so many epochs in stacks, and alone.

        Parameters
        ----------
        stacked, alone : float
            Epochs, over all splits.
        n_fits : int
            Of candidates on splits.
        """
        self._n_calls += 1
        if self._n_calls == 1:
            self._first = (stacked, alone, (stacked + alone) / max(1, n_fits))
        self._scores.clear()
        later, first = self.work_to_come(self._n_calls), self._first
        self._plan(STACKED, stacked + later.stacked * first[0])
        self._plan(ALONE, alone + later.alone * first[1])
        self._plan(BEST, self.n_refits * later.whole * first[2])
        self._plan(ENSEMBLE, self.n_kept * later.whole * first[2])

    def forgo(self, kind: str, epochs: float) -> None:
        """That much of a kind has been done before this search went on."""
        work = self._work(kind)
        work.planned = max(work.done, work.planned - epochs)

    def move_to_alone(self, epochs: float) -> None:
        """What was to be done in stacks has to be done alone."""
        self._work(STACKED).planned -= epochs
        self._work(ALONE).planned += epochs

    def _work(self, kind: str) -> Work:
        return self._works.setdefault(kind, Work())

    def _plan(self, kind: str, epochs: float) -> None:
        work = self._work(kind)
        work.planned = work.done + epochs

    # -------------------------------------------------------------------------------- what is done

    @contextmanager
    def during(self, kind: str) -> Iterator[None]:
        """A context in which work of a kind is done."""
        self._kind, self._since = kind, self.clock()
        self.show()
        try:
            yield
        finally:
            self._work(kind).seconds += self.clock() - self._since
            self._kind, self._heard = None, 0.0
            if self.display is not None:
                self.display.pause()

    def hear(self, n_models: int) -> None:
        """Some models of the fit that is running have each been trained for one more epoch."""
        self._heard += n_models
        self.show()

    def add(self, epochs: float, n_fits: int = 1) -> None:
        """Fits, or a stack of them, are done."""
        assert self._kind is not None
        work = self._work(self._kind)
        work.done += epochs
        work.n_fits += n_fits
        self._heard = 0.0
        self.show()

    def finish(self, kind: str) -> None:
        """All of a kind is done."""
        work = self._work(kind)
        work.done = work.planned
        self.show()

    def score(self, candidate: int, scores: object, n_splits: int) -> None:
        """A candidate has been scored on one more split; the best is of those that have all."""
        score = scores.get(self.metric) if isinstance(scores, dict) else scores
        if not isinstance(score, (int, float, np.number)) or not np.isfinite(score):
            return
        own = self._scores.setdefault(candidate, [])
        own.append(float(score))
        if len(own) == n_splits:
            mean = float(np.mean(own))
            self.best = mean if self.best is None else max(self.best, mean)

    # ------------------------------------------------------------------------------- what is shown

    def show(self) -> None:
        """Show where the search is, if the display has not just done so."""
        if self.display is not None:
            self.display.update(self.done, self.total, self.line)

    def close(self) -> None:
        """Show where the search has come to, for the last time."""
        if self.display is not None:
            if self._works:
                self.display.finish(self.done, self.total, self.line())
            self.display.close()

    @property
    def total(self) -> float:
        """Epochs, of the fits that the search makes."""
        return sum(work.planned for work in self._works.values())

    @property
    def done(self) -> float:
        """Those of them that are done; of a fit that runs, no more than all others leave."""
        running = 0.0 if self._kind is None else min(self._heard, self._work(self._kind).left)
        return sum(work.done for work in self._works.values()) + running

    def seconds_left(self) -> float | None:
        """About how long the rest takes; None where nothing has been done yet."""
        left = [(work.left, self._pace(kind)) for kind, work in self._works.items() if work.left]
        if self._kind is not None:
            running = min(self._heard, self._work(self._kind).left)
            left.append((-running, self._pace(self._kind)))
        if any(pace is None for epochs, pace in left):
            return None
        return max(0.0, sum(epochs * pace for epochs, pace in left if pace is not None))

    def _pace(self, kind: str) -> float | None:
        """Seconds per epoch of a kind of work, or what another kind lets expect."""
        work = self._work(kind)
        seconds, epochs = work.seconds, work.done
        if kind == self._kind:
            seconds, epochs = seconds + self.clock() - self._since, epochs + self._heard
        if epochs > 0:
            return seconds / epochs
        return self._pace_by_others(kind)

    def _pace_by_others(self, kind: str) -> float | None:
        if kind == STACKED:
            return None
        if kind == ALONE:
            # At most an epoch alone takes as long as one of a whole stack.
            stacked, pace = self._work(STACKED), self._pace(STACKED)
            candidates = self.candidates_per_stack(stacked)
            return None if pace is None else pace * candidates
        # One worker fits on all rows, where several have evaluated.
        like = STACKED if kind == ENSEMBLE and self._work(STACKED).done else ALONE
        pace = self._pace(like)
        return None if pace is None else pace * self.n_workers

    def candidates_per_stack(self, stacked: Work) -> float:
        """About how many candidates a stack has had."""
        _, _, epochs_of_one = self._first
        if not stacked.n_fits or not epochs_of_one:
            return 1.0
        return max(1.0, stacked.done / (stacked.n_fits * epochs_of_one))

    def line(self) -> str:
        """The present state in words."""
        done, total = round(self.done), round(self.total)
        unit = "epochs" if self.counts_epochs else "fits"
        share = 1.0 if not total else min(1.0, done / total)
        best = "no score yet" if self.best is None else f"best score {self.best:.4f}"
        seconds = self.seconds_left()
        left = "time left not known yet" if seconds is None else f"{duration(seconds)} left"
        return f"{done:,} of {total:,} {unit} ({share:4.0%}), {best}, {left}"


def duration(seconds: float) -> str:
    """Seconds in words, as exactly as they are known before they have passed."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
