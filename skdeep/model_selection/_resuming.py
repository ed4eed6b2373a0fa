"""Searches that are kept as they run, and go on where they were.

A search that goes on is fitted from its beginning once more, with the folds and from the random
numbers that it had; what lies in its checkpoint is taken from there.
"""

from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import numpy as np
from sklearn.base import BaseEstimator, clone

from .._arguments import ErrorsName
from .._fit.recipe import token
from .._inputs import RandomState
from ..estimators._callbacks import callbacks_of
from ..estimators._warnings import warn
from ._search_checkpoint import (
    SavedSearch,
    SearchCheckpoint,
    fingerprint_of,
    read,
    state_of_numpy,
)
from ._types import Folds

# What may be another when a search goes on: it changes none of its results.
FREE = (
    "n_jobs",
    "pre_dispatch",
    "verbose",
    "refit",
    "checkpoint",
    "max_stack_bytes",
    "keep_best",
)


class ResumableSearch(BaseEstimator):
    """What a search has to do with its checkpoint."""

    checkpoint: str | Path | None
    cv: Folds
    random_state: RandomState
    # Where it goes on from, if it does not begin.
    _resumed: SavedSearch | None = None
    # The parameters that it came with, by tokens: what it has found is theirs.
    _parameters_found: Mapping[str, Hashable] = MappingProxyType({})

    @staticmethod
    def resume(path: str | Path) -> "ResumableSearch":
        """Load a search whose `fit` goes on where it was.

        Parameters
        ----------
        path : str or path
            The `checkpoint` of a search, of whatever class.

        Returns
        -------
        search : estimator
            With the parameters that it had, and `path` as its `checkpoint`. Call `fit` with the
            same data.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If the file holds something else, is damaged, or another version of skdeep has written
            it.

        Warns
        -----
        UserWarning
            If it had callbacks, which are not saved.

        Notes
        -----
        The file is a pickle, and so is that of the stacks beside it: load only what you trust.
        """
        with ErrorsName("path"):
            file = Path(path)
        saved = read(file)
        search: ResumableSearch = saved.search
        search.checkpoint = file
        search._resumed = saved
        search._parameters_found = search._parameters_of_results()
        if saved.lost:
            warn(f"The callbacks of a search are not saved, set them again: {saved.lost}.")
        return search

    @property
    def _folds(self) -> Folds:
        """Those that it has begun with, which need not come twice."""
        calls = [] if self._resumed is None else self._resumed.calls
        return calls[0].splits if calls else self.cv

    @contextmanager
    def _checkpoint_of(self, *data: object) -> Iterator[SearchCheckpoint | None]:
        """What is written of a fit on these data, if anything is."""
        saved = self._resumed
        if self.checkpoint is None:
            if saved is not None:
                raise ValueError("A search that goes on needs its checkpoint, got checkpoint=None.")
            yield None
            return
        fingerprint = fingerprint_of(*data)
        if saved is None:
            saved = self._beginning(fingerprint)
        else:
            self._check_parameters_kept()
        if saved.fingerprint != fingerprint:
            raise ValueError(
                f"The search in {self.checkpoint} was fitted on other data: a search goes on with "
                "the X, the y and all else that fit was given before."
            )
        checkpoint = SearchCheckpoint(Path(self.checkpoint), saved)
        try:
            yield checkpoint
        finally:
            try:
                checkpoint.flush()
            finally:
                checkpoint.close()
        for name in ("_resumed", "_parameters_found"):
            self.__dict__.pop(name, None)

    def _parameters_of_results(self) -> dict[str, Hashable]:
        return {
            name: token(value)
            for name, value in self.get_params(deep=False).items()
            if name not in FREE
        }

    def _check_parameters_kept(self) -> None:
        now = self._parameters_of_results()
        changed = [name for name, was in self._parameters_found.items() if now[name] != was]
        if changed:
            raise ValueError(
                f"{', '.join(changed)} cannot change in a search that goes on from "
                f"{self.checkpoint}, whose results are of what they were: only {', '.join(FREE)} "
                "can. Fit a new search with another checkpoint."
            )

    def _beginning(self, fingerprint: str) -> SavedSearch:
        if isinstance(self.cv, Iterator):
            raise TypeError(
                f"checkpoint={str(self.checkpoint)!r} cannot save a search whose cv is an "
                "iterator, which gives its folds once: pass cv=list(cv)."
            )
        search, callbacks = clone(self), callbacks_of(self)
        if callbacks:
            search.set_callbacks()
        state = state_of_numpy() if getattr(self, "random_state", 0) is None else None
        lost = [type(callback).__name__ for callback in callbacks]
        return SavedSearch(search, fingerprint, state, lost=lost)

    @contextmanager
    def _drawing_as_it_began(self) -> Iterator[None]:
        """A context in which a search that goes on draws the candidates that it has drawn before.

        Without a seed they are those of NumPy's own generator, of which nobody else shall notice.
        """
        if self._resumed is None or self._resumed.random_state is None:
            yield
            return
        before, own = self.random_state, np.random.RandomState()
        own.set_state(self._resumed.random_state)
        self.random_state = own
        try:
            yield
        finally:
            self.random_state = before
