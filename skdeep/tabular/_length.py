"""How long to train, in batches of what size.

The learning rate of coslog4 comes down to zero four times, at the ends of arches each twice as long
as the one before. An end is where to stop, if the arch has gained nothing worth the next one: noisy
tables are learnt in an arch or two, and clean ones go on to be learnt better for all four.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import ceil

# The parts of training after which the second and the third arch have come down, and by what part
# of itself the loss on the rows held out must have fallen in them for the next one to be worth it.
ARCHES = ((Fraction(1, 15), Fraction(3, 15), 0.02), (Fraction(3, 15), Fraction(7, 15), 0.05))

# The training that goes on with all rows: its epochs for each that led to the best, and how few.
REFIT_EPOCHS, FEWEST_REFIT_EPOCHS = 0.5, 3

# Up to so many rows: epochs, rows of a batch.
_BY_ROWS = (
    (800, 40, 32),
    (1500, 40, 64),
    (5000, 40, 128),
    (20_000, 20, 256),
    (60_000, 12, 256),
)
_BEYOND = (6, 512)


def epochs_for(n_rows: int) -> int:
    """How many epochs n_rows rows are trained for at most, to find the best."""
    return next((epochs for most, epochs, _ in _BY_ROWS if n_rows <= most), _BEYOND[0])


def batch_for(n_rows: int) -> int:
    """About how many of n_rows rows make a batch."""
    return next((rows for most, _, rows in _BY_ROWS if n_rows <= most), _BEYOND[1])


def even_batch(n_rows: int, wanted: int) -> int:
    """About `wanted`, so that n_rows are cut into batches of one size."""
    n_batches = max(1, round(n_rows / wanted))
    return -(-n_rows // n_batches)


def has_peaked(scores: Sequence[float], max_epochs: int) -> bool:
    """Whether these scores, losses with a minus, of the epochs so far make another arch futile."""
    n_epochs = len(scores)
    for start, end, gain in ARCHES:
        if n_epochs == ceil(end * max_epochs):
            before = max(scores[: max(1, ceil(start * max_epochs))])
            return not max(scores) - before > gain * abs(before)
    return False


def refit_epochs(best_epoch: int, max_epochs: int) -> int:
    """How long to go on with all rows; no less than three epochs, or a third of those allowed."""
    fewest = min(FEWEST_REFIT_EPOCHS, ceil(max_epochs / 3))
    return max(fewest, round(REFIT_EPOCHS * (best_epoch + 1)))
