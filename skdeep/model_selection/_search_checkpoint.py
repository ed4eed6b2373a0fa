"""What a search writes as it runs, so that one that was killed goes on.

Of each call of `evaluate_candidates` there are its candidates, its splits and the outcomes so far.
Where a rung can be followed by another one, its stacks lie in a file beside the first, once it is
complete: within such a rung only what was fitted alone is kept. What is fitted on all rows at the
end is fitted again.
"""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from dataclasses import replace as replace_fields
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.base import BaseEstimator

from .. import _checkpoints as checkpoints
from .._files import HeldFile, replace
from .._fit.recipe import token
from ..estimators._warnings import warn
from ._evaluation import Pair, Rung
from ._types import Fold, Outcome, Parameters

# Writing takes a twentieth of the time at most, between rungs apart.
SHARE_OF_TIME = 1 / 20
WRITER = "search"


@dataclass
class SavedCall:
    """A call of `evaluate_candidates`, as far as it has come."""

    candidates: Sequence[Parameters]
    splits: Sequence[Fold]
    found: dict[Pair, Outcome] = field(default_factory=dict)
    alone: dict[Pair, str] = field(default_factory=dict)
    is_complete: bool = False
    # Of a rung that can be followed by another: what the name of its stacks' file ends in, and the
    # hash of that.
    stacks: tuple[str, str] | None = None

    def worth_keeping(self, *, goes_on: bool) -> dict[Pair, Outcome]:
        """The outcomes that need not be found again: of stacks those that nobody trains on."""
        if self.is_complete or not goes_on:
            return dict(self.found)
        return {pair: outcome for pair, outcome in self.found.items() if pair in self.alone}


@dataclass
class SavedSearch:
    """A search in the midst of its fit.

    Parameters
    ----------
    search : estimator
        With its parameters, unfitted.
    fingerprint : str
        Tells other data from those it had.
    random_state : tuple or None
        Where NumPy's own generator was as it began, if candidates are drawn from that.
    calls : list of SavedCall
        What has been evaluated.
    lost : list of str
        The callbacks that it had.
    """

    search: BaseEstimator
    fingerprint: str = ""
    random_state: Any = None
    calls: list[SavedCall] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    @property
    def n_fits(self) -> int:
        return sum(len(call.found) for call in self.calls)


def fingerprint_of(*data: object) -> str:
    """Tells other data from these."""
    return str(joblib.hash(data, coerce_mmap=True))


def read(path: Path) -> SavedSearch:
    """What a search has written."""
    saved = checkpoints.unpacked_search(path)
    assert isinstance(saved, SavedSearch)
    return saved


class SearchCheckpoint:
    """Writes what a search finds, while that runs.

    Parameters
    ----------
    path : Path
        The file, which it holds until it is closed.
    saved : SavedSearch
        Where the search goes on from, or of one that begins what is known of it.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    FileExistsError
        If something else lies there, or another fit writes it.
    TypeError
        If the search has parameters that cannot be pickled.
    """

    def __init__(self, path: Path, saved: SavedSearch) -> None:
        self._saved, self._n_begun = saved, 0
        self._file = HeldFile(path, checkpoints.is_search_checkpoint, WRITER)
        self._next, self._complained = 0.0, False
        try:
            self._write()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        self._file.release()

    def take_up(self, candidates: Sequence[Parameters]) -> SavedCall | None:
        """The call that begins now as it was saved; None where it has not been reached."""
        self._n_begun += 1
        if self._n_begun > len(self._saved.calls):
            return None
        call = self._saved.calls[self._n_begun - 1]
        if self._n_begun == 1 and len(call.candidates) == len(candidates):
            return call
        if list(map(token, candidates)) != list(map(token, call.candidates)):
            raise ValueError(
                f"{self._file.path} is of a search that has evaluated other candidates, "
                f"{len(call.candidates)} in its call {self._n_begun}, where this one has "
                f"{len(candidates)}: its parameters, or what it draws from, have changed."
            )
        # A rung's candidates are known by their very values, which those before have brought.
        return replace_fields(call, candidates=candidates)

    def begin(self, rung: Rung) -> None:
        """Follow a call that begins or goes on."""
        call = SavedCall(rung.candidates, rung.splits, rung.found, rung.alone)
        self._saved.calls[self._n_begun - 1 :] = [call]
        rung.on_outcome = self._write_if_due

    def end(self, rung: Rung) -> None:
        """Keep a call that is complete, with the stacks that the next goes on with."""
        before, call = self._saved.calls[: self._n_begun - 1], self._saved.calls[-1]
        if not all(one.is_complete for one in before):
            # The stacks of one could not be written: from there the search would go on.
            return
        if rung.goes_on:
            call.stacks = self._write_stacks(rung)
        call.is_complete = call.stacks is not None or not rung.goes_on
        if self._write() and call.is_complete:
            for one in before:
                self._remove_stacks(one)

    def _remove_stacks(self, call: SavedCall) -> None:
        if call.stacks is not None:
            path = self._file.beside(call.stacks[0])
            self._try(lambda: path.unlink(missing_ok=True))

    def give_stacks_to(self, rung: Rung) -> None:
        """Let a complete rung have its stacks, if it is the last that is complete."""
        number = self._n_begun - 1
        stacks = self._saved.calls[number].stacks
        if stacks is None or any(call.is_complete for call in self._saved.calls[number + 1 :]):
            return
        suffix, expected = stacks
        path = self._file.beside(suffix)
        if not path.is_file():
            raise ValueError(
                f"{self._file.path} goes on with the stacks in {path}, and that file is not there."
            )
        if _hash(path.read_bytes()) != expected:
            raise ValueError(f"{path} is damaged, or not of {self._file.path}.")
        rung.live = checkpoints.unpacked_search(path)

    def flush(self) -> None:
        """Write what has not been written."""
        self._write()

    def _write_stacks(self, rung: Rung) -> tuple[str, str] | None:
        suffix = f".rung-{self._n_begun}"
        content = self._packed(len(rung.found), rung.live)
        written = self._try(lambda: replace(self._file.beside(suffix), content))
        return (suffix, _hash(content)) if written else None

    def _write_if_due(self) -> None:
        if time.monotonic() >= self._next:
            self._write()

    def _write(self) -> bool:
        start = time.monotonic()
        content = self._packed(self._saved.n_fits, self._saved)
        written = self._try(lambda: self._file.replace(content))
        end = time.monotonic()
        self._next = end + (end - start) / SHARE_OF_TIME
        return written

    def _packed(self, n_fits: int, saved: object) -> bytes:
        try:
            return checkpoints.packed_search(n_fits, saved)
        except Exception as error:
            raise TypeError(
                f"checkpoint={str(self._file.path)!r} cannot save this search: something in it "
                f"cannot be pickled ({error}). A function has to be defined at the top of a module."
            ) from error

    def _try(self, write: Callable[[], None]) -> bool:
        """Write; a disk that is full, say, is no reason to lose what has been found."""
        try:
            write()
        except OSError as error:
            if not self._complained:
                self._complained = True
                warn(
                    f"{self._file.path} could not be written: {error}. The search goes on, and it "
                    "is tried again."
                )
            return False
        self._complained = False
        return True


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def state_of_numpy() -> Any:
    """Where the generator is from which one draws who says `random_state=None`."""
    return np.random.mtrand._rand.get_state()
