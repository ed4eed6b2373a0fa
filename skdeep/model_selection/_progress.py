"""How far a search is: candidates times epochs, the best score so far, the time left."""

import sys
import time

import numpy as np


class Progress:
    """Prints a line as work is done; on a terminal it is written over and over.

    Parameters
    ----------
    total : int
        Candidate-epochs there are to train, over all splits.
    shown : bool
        Whether to print at all.
    """

    def __init__(self, total: int, *, shown: bool) -> None:
        self._total, self._done, self._shown = total, 0, shown
        self._start = time.perf_counter()
        self._scores: dict[int, list[float]] = {}
        self._printed = False

    def add(self, candidate: int, epochs: int, score: float | None) -> None:
        """A candidate has been trained and scored on one more split."""
        self._done += epochs
        if score is not None and np.isfinite(score):
            self._scores.setdefault(candidate, []).append(score)

    def show(self) -> None:
        """Print where the search is."""
        if not self._shown or not self._done:
            return
        terminal = sys.stdout.isatty()
        print(("\r" if terminal else "") + self.line(), end="" if terminal else "\n", flush=True)
        self._printed = terminal

    def close(self) -> None:
        if self._printed:
            print()

    def line(self) -> str:
        """The present state in words."""
        share = self._done / self._total
        left = (time.perf_counter() - self._start) * (1 / share - 1)
        means = [float(np.mean(scores)) for scores in self._scores.values()]
        best = f"best score {max(means):.4f}" if means else "no score yet"
        return (
            f"{self._done:,} of {self._total:,} candidate-epochs ({share:4.0%}), {best}, "
            f"{left:.0f} s left"
        )
