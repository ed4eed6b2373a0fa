"""Which rows each group holds out, to see by them when its members have learnt enough."""

import numpy as np

from .._engine.backend import Array


class HoldOut:
    """Cuts rows into those that a group trains on and those that it holds out.

    The rows are put in random order, sorted by stratum, and taken at equal distances, so that of
    each stratum, as far as it has rows enough, the same fraction is held out. One group's rows come
    right after those of the one before: as long as there are any left, no row is held out twice.

    Parameters
    ----------
    n_rows : int
        How many rows there are, at least 2.
    fraction : float
        The part that a group holds out, in (0, 1).
    generator : Generator
        Of the random order.
    strata : ndarray of shape (n_rows,) or None
        What rows are sorted by.
    """

    def __init__(
        self,
        n_rows: int,
        fraction: float,
        generator: np.random.Generator,
        strata: Array | None = None,
    ) -> None:
        order = generator.permutation(n_rows)
        if strata is not None:
            order = order[np.argsort(strata[order], kind="stable")]
        self._order, self._fraction, self._start = order, fraction, float(generator.random())

    def of_group(self, number: int) -> tuple[Array, Array]:
        """Numbers of the rows to train on and of those held out, both in rising order.

        At least one is held out, and one is left.
        """
        n_rows, fraction = self._order.size, self._fraction
        # Row i is taken where this passes a whole number.
        passed = np.floor(self._start + (np.arange(n_rows + 1) + number) * fraction)
        taken = np.diff(passed) > 0
        if not taken.any():
            taken[number % n_rows] = True
        if taken.all():
            taken[number % n_rows] = False
        return np.sort(self._order[~taken]), np.sort(self._order[taken])
