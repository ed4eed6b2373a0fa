"""Fits that are parts of a whole: a search, an ensemble. None of them may end half trained.

Ctrl-C ends a fit that stands by itself with the epochs it has run. A part is of no use then, and
would be compared with others that were trained to their end: it raises, and with it the whole.
Parts that run in other threads hear of it at their next epoch; those of other processes are ended
with these, and look at each epoch whether the process that wants them is still there.
"""

import itertools
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Event
from weakref import WeakValueDictionary

Key = tuple[int, int]
_NUMBERS = itertools.count()


class Whole:
    """What several fits are parts of; it travels with them to the workers that run them."""

    def __init__(self, key: Key | None = None, outer: "Whole | None" = None) -> None:
        # Of the process that wants it, and among its wholes.
        self._key = key or (os.getpid(), next(_NUMBERS))
        # What it is a part of itself.
        self._outer = outer or _WHOLE.get()
        self._given_up = Event()
        # What hears of the parts' epochs, of those in this process, and of how many models each is.
        self.listener: Callable[[int], None] | None = None
        _HERE[self._key] = self

    def __reduce__(self) -> tuple[object, ...]:
        return _here_or_there, (self._key, self._outer)

    def give_up(self) -> None:
        """Let the parts that run in this process end with their present epoch."""
        self._given_up.set()

    @contextmanager
    def part(self) -> Iterator[None]:
        """A context in which fits are parts of it."""
        token = _WHOLE.set(self)
        try:
            yield
        finally:
            _WHOLE.reset(token)

    def check_wanted(self) -> None:
        """Raise KeyboardInterrupt in a part that nobody waits for; end a worker without master."""
        if self._given_up.is_set():
            raise KeyboardInterrupt
        if self._key[0] != os.getpid() and _is_orphan(self._key[0]):
            # There is nobody to raise to, and nothing that another worker would miss.
            os._exit(1)
        if self._outer is not None:
            self._outer.check_wanted()


_HERE: WeakValueDictionary[Key, Whole] = WeakValueDictionary()
_WHOLE: ContextVar[Whole | None] = ContextVar("skdeep_whole", default=None)
# The parent that a process had when its first part came; by process, since a fork copies this.
_PARENT_OF: dict[int, int] = {}


def _here_or_there(key: Key, outer: Whole | None) -> Whole:
    """The whole itself, or in another process one that stands for it."""
    _PARENT_OF.setdefault(os.getpid(), os.getppid())
    return _HERE.get(key) or Whole(key, outer)


def _is_orphan(master: int) -> bool:
    """Whether this is a worker that a process has started which is no more.

    Workers that have another one above them, as a cluster's have, are looked after by that.
    """
    parent = multiprocessing.parent_process()
    if parent is None or parent.pid != master:
        return False
    if sys.platform == "win32":
        # There a process keeps the number of its parent for ever.
        return not parent.is_alive()
    return os.getppid() != _PARENT_OF[os.getpid()]


def is_part() -> bool:
    """Whether a fit that begins here is part of a whole."""
    return _WHOLE.get() is not None


def epoch_is_over(n_models: int) -> None:
    """Tell the whole, if there is one, of an epoch of so many models.

    Raises
    ------
    KeyboardInterrupt
        Where it has been given up.
    """
    whole = _WHOLE.get()
    if whole is not None:
        whole.check_wanted()
        if whole.listener is not None:
            whole.listener(n_models)
