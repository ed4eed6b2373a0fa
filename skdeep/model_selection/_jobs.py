"""joblib's jobs: work done as a part of a search, and what comes back of it."""

import warnings
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from sklearn.utils.parallel import Parallel

from .._fit.whole import Whole
from ._gathered_warnings import Gathered, warnings_for_master
from ._places import Call

Number = TypeVar("Number")

# Of each worker, where a backend gives no results before all are there.
TASKS_AT_A_TIME = 4


def numbered(whole: Whole, number: Number, call: Call) -> tuple[Number, object, list[Gathered]]:
    """Make a call as a part of a search: its number, its result and its warnings."""
    with whole.part(), warnings_for_master() as warned:
        result = call()
    return number, result, warned


@contextmanager
def results_of(
    parallel: Parallel, jobs: Iterable[object]
) -> Iterator[Iterable[tuple[Any, Any, Any]]]:
    """The results of jobs as they are done; on an error, what is not done yet is called off."""
    results = parallel(jobs)
    try:
        yield results
    finally:
        if isinstance(results, Generator):
            with warnings.catch_warnings(action="ignore"):
                # joblib warns of what it calls off, and the error that is under way says enough.
                results.close()


def at_a_time(
    parallel: Parallel, numbers: Sequence[Number], n_workers: int
) -> Iterable[Sequence[Number]]:
    """All at a time where results come one by one; else so many that few are lost at once."""
    n_at_a_time = max(1, len(numbers))
    if not parallel.return_generator:
        n_at_a_time = TASKS_AT_A_TIME * n_workers
    return (numbers[i : i + n_at_a_time] for i in range(0, len(numbers), n_at_a_time))
