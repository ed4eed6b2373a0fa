"""joblib's jobs: work done as a part of a search, and what comes back of it."""

import warnings
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from sklearn.utils.parallel import Parallel

from .._fit.whole import Whole
from ._gathered_warnings import Gathered, warnings_for_master
from ._places import Call

Number = TypeVar("Number")


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
