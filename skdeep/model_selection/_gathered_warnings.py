"""The warnings of a search: one of each kind, with how many there were.

Hundreds of fits warn hundreds of times of the same thing. Within a search warnings are gathered, in
its own process and in those of its workers, and given when it ends. What a filter ignores is
ignored, and what a filter makes an error is an error, there and then. As filters are, what shows
warnings is the process's: those of other threads wait for the end of the search, too.
"""

import os
import pickle
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Lock
from typing import TextIO

from ..estimators._warnings import warn

# What differs among warnings of a kind.
NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?|\b(nan|inf)\b")
# By these actions some of equal warnings are shown, which is for the search to say.
SOME_OF_THEM = ("default", "module", "once")


@dataclass(frozen=True)
class Gathered:
    """Warnings of a kind: the first, and how many there were."""

    first: Warning
    n: int = 1

    @property
    def kind(self) -> tuple[type[Warning], str]:
        """What those have in common that are told as one: all but the numbers."""
        return type(self.first), NUMBER.sub("0", str(self.first))

    def give(self) -> None:
        """Warn of them."""
        if self.n == 1:
            warn(self.first)
            return
        count = f"{self.n} such warnings in this search, this is the first"
        try:
            warn(type(self.first)(f"{self.first} [{count}]"))
        except TypeError:
            # One that is made of other things than a text.
            warn(self.first)
            warn(f"{type(self.first).__name__}: {count}")


class Gatherer:
    """Takes the place of `warnings.showwarning`."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[type[Warning], str], Gathered] = {}
        self._lock = Lock()
        self._process = os.getpid()
        self._closed = False
        # What showed warnings before it came.
        self._before: Callable[..., None] = warnings.showwarning

    def __call__(
        self,
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if self._closed:
            # A thread that outlives the search has put back what it had found.
            self._before(message, category, filename, lineno, file, line)
            return
        self.add([Gathered(message if isinstance(message, Warning) else category(message))])

    def close(self) -> None:
        """Gather no more; whoever still has it in place of `warnings.showwarning` shows them."""
        self._closed = True

    def __reduce__(self) -> tuple[object, ...]:
        # Whatever has a copy of it in another process does not gather for this one.
        return Gatherer, ()

    @property
    def gathers_here(self) -> bool:
        """Not so once it is closed, nor after a fork."""
        return not self._closed and self._process == os.getpid()

    def add(self, gathered: Sequence[Gathered]) -> None:
        """Take more of them."""
        with self._lock:
            for one in gathered:
                before = self._kinds.get(one.kind)
                self._kinds[one.kind] = one if before is None else more_of(before, one.n)

    def taken(self) -> list[Gathered]:
        """All so far, by kind."""
        with self._lock:
            taken = list(self._kinds.values())
            self._kinds.clear()
        return taken


def more_of(kind: Gathered, n: int) -> Gathered:
    return replace(kind, n=kind.n + n)


class GatheredWarnings:
    """A context whose warnings are given at its end, however that comes about, one of a kind.

    It is no generator, whose caller would be contextlib and not the user.
    """

    def __enter__(self) -> Gatherer:
        self._gatherer = Gatherer()
        self._gathering = _gathering_by(self._gatherer)
        self._gathering.__enter__()
        return self._gatherer

    def __exit__(self, *exc: object) -> None:
        self._gathering.__exit__(None, None, None)
        for kind in self._gatherer.taken():
            kind.give()


@contextmanager
def warnings_for_master() -> Iterator[list[Gathered]]:
    """A context of work in whatever process; what nobody gathers there is in the list after it."""
    found: list[Gathered] = []
    present = warnings.showwarning
    if isinstance(present, Gatherer) and present.gathers_here:
        yield found
        return
    gatherer = Gatherer()
    with _gathering_by(gatherer):
        yield found
    found += [kind if can_travel(kind) else as_text(kind) for kind in gatherer.taken()]


@contextmanager
def _gathering_by(gatherer: Gatherer) -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.showwarning = gatherer
        warnings.filters[:] = [  # type: ignore[index]
            ("always", *rest) if action in SOME_OF_THEM else (action, *rest)
            for action, *rest in warnings.filters
        ]
        # What no filter speaks of; it also lets the filters be read anew.
        warnings.simplefilter("always", append=True)
        try:
            yield
        finally:
            gatherer.close()


def can_travel(kind: Gathered) -> bool:
    try:
        return str(pickle.loads(pickle.dumps(kind)).first) == str(kind.first)
    except Exception:
        return False


def as_text(kind: Gathered) -> Gathered:
    """The same as a warning of Python's own."""
    known = next(base for base in type(kind.first).__mro__ if base.__module__ == "builtins")
    return replace(kind, first=known(f"{type(kind.first).__name__}: {kind.first}"))
