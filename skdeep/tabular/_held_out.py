"""Which rows a group holds out, to see by them when its members have learnt enough."""

import numpy as np

from .._engine.backend import Array


def held_out_rows(
    n_rows: int, fraction: float, generator: np.random.Generator, strata: Array | None = None
) -> tuple[Array, Array]:
    """Numbers of the rows to train on and of those held out, both in rising order.

    Of each stratum, as far as it has rows enough, the fraction is held out: the rows are put in
    random order, sorted by stratum, and taken at equal distances from a random start. At least one
    row is held out, and one is left.
    """
    order = generator.permutation(n_rows)
    if strata is not None:
        order = order[np.argsort(strata[order], kind="stable")]
    start = generator.random()
    # Row number i is taken where i · fraction passes a whole number.
    passed = np.floor(start + np.arange(n_rows + 1) * fraction)
    taken = np.diff(passed) > 0
    if not taken.any():
        taken[generator.integers(n_rows)] = True
    if taken.all():
        taken[generator.integers(n_rows)] = False
    return np.sort(order[~taken]), np.sort(order[taken])
