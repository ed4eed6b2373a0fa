"""Errors that a model would meet alone, told from those of the code that trains several together.

What a user's function raises, or bad data, is the affair of a model's own fit. Where it is marked
as such, whoever combines models can end one, or leave it to be fitted alone, and need not swallow
what is a mistake of ours.
"""

from collections.abc import Iterator
from contextlib import contextmanager


class OwnError(Exception):
    """Has as its cause what the fit of one model, by itself, would raise."""

    @property
    def error(self) -> Exception:
        assert isinstance(self.__cause__, Exception)
        return self.__cause__


@contextmanager
def own_errors(*kinds: type[Exception]) -> Iterator[None]:
    """Mark what is raised within; of memory there may be enough for fewer models."""
    try:
        yield
    except (OwnError, MemoryError):
        raise
    except kinds as error:
        raise OwnError from error
