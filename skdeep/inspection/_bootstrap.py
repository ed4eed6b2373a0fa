"""How far an error may be off: the same predictions, judged on resamples of the rows.

An error that is a quotient of sums over rows needs these sums alone, of all resamples at once.
"""

import warnings
from collections.abc import Callable

import numpy as np

from .._engine.backend import Array

# Numbers that one block of resamples may hold.
BLOCK_ELEMENTS = 2**21
# Kinds of rows up to which their numbers are drawn rather than the rows.
MANY_KINDS = 16


def intervals_of(
    train: Array, dev: Array, base_error: float, confidence: float, metric: str
) -> dict[str, tuple[float, float]]:
    samples = {
        "train_error": train,
        "dev_error": dev,
        "avoidable_bias": train - base_error,
        "variance": dev - train,
    }
    ends = [(1 - confidence) / 2, (1 + confidence) / 2]
    intervals = {}
    for name, sample in samples.items():
        defined = sample[np.isfinite(sample)]
        if defined.size < 2:
            raise ValueError(
                f"metric must be finite on resamples of the rows, {metric} is on {defined.size} of "
                f"{sample.size} for the {name}."
            )
        low, high = np.quantile(defined, ends)
        intervals[name] = (float(low), float(high))
    return intervals


def resampled_errors(
    error_of: Callable[[Array], float], n_rows: int, n: int, rng: np.random.RandomState
) -> Array:
    """Errors on resamples; the metric is a black box, so one at a time. NaN where undefined."""
    errors = np.empty(n)
    with warnings.catch_warnings():
        # A resample may miss a class: the metric says so each time.
        warnings.simplefilter("ignore")
        for i in range(n):
            errors[i] = error_of(rng.randint(n_rows, size=n_rows))
    return errors


def resampled_sums(terms: Array, n: int, rng: np.random.RandomState) -> Array:
    """Sums over resampled rows of terms of shape (n_rows, ...), for n resamples."""
    kinds, counts = np.unique(terms, axis=0, return_counts=True)
    if kinds.shape[0] <= MANY_KINDS:
        # Rows that are alike need not be drawn one by one: right and wrong ones, for instance.
        drawn = rng.multinomial(terms.shape[0], counts / terms.shape[0], size=n)
        return np.tensordot(drawn, kinds, axes=1)
    sums = np.empty((n, *terms.shape[1:]))
    block = max(1, BLOCK_ELEMENTS // terms.size)
    for start in range(0, n, block):
        size = min(block, n - start)
        rows = rng.randint(terms.shape[0], size=(size, terms.shape[0]))
        sums[start : start + size] = terms[rows].sum(axis=1)
    return sums
