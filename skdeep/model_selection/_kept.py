"""Splits that a cluster's worker keeps for the next stacks that are trained on them.

They are kept by name, the last that were used as far as they take no more memory than
`MOST_BYTES`, and one in any case. Several threads may ask for the same one: it is made once.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from ._folds import Split

MOST_BYTES = 2**28

# The search, and the split's key in it.
Name = tuple[str, int]


@dataclass
class _Entry:
    """A split, once it has been made."""

    making: threading.Lock = field(default_factory=threading.Lock)
    split: Split | None = None


_ENTRIES: OrderedDict[Name, _Entry] = OrderedDict()
_LOCK = threading.Lock()


def kept_split(search: str, key: int, make: Callable[[], Split]) -> Split:
    """The split of this name, made if this process does not have it."""
    name = (search, key)
    with _LOCK:
        entry = _ENTRIES.setdefault(name, _Entry())
        _ENTRIES.move_to_end(name)
    with entry.making:
        if entry.split is None:
            _make_room()
            entry.split = make()
        split = entry.split
    _make_room(for_one=name)
    return split


def forget_splits(search: str) -> None:
    """Forget all splits of a search."""
    with _LOCK:
        for name in [name for name in _ENTRIES if name[0] == search]:
            del _ENTRIES[name]


def n_kept() -> int:
    """How many splits this process keeps."""
    with _LOCK:
        return sum(entry.split is not None for entry in _ENTRIES.values())


def _make_room(for_one: Name | None = None) -> None:
    """Forget those that have not been used for longest, until the others are small enough."""
    with _LOCK:
        made = [name for name, entry in _ENTRIES.items() if entry.split is not None]
        n_bytes = sum(_bytes_of(name) for name in made)
        for name in made:
            if n_bytes <= MOST_BYTES:
                return
            if name != for_one:
                n_bytes -= _bytes_of(name)
                del _ENTRIES[name]


def _bytes_of(name: Name) -> int:
    split = _ENTRIES[name].split
    return 0 if split is None else split.n_bytes
