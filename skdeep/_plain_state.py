"""A fitted estimator's state as arrays, numbers, lists and dicts, whoever asks for it.

pickle, joblib, copy and skops all ask `__getstate__`. Parameters, and public attributes, are what
they are; private ones are written as records.
"""

from typing import Any

from sklearn.base import BaseEstimator

from ._engine.records import plain, restored


class KeepsPlainState(BaseEstimator):
    """An estimator whose private attributes are records of ours."""

    def __getstate__(self) -> dict[str, object]:
        """All attributes, private ones as plain dicts."""
        state: dict[str, object] = dict(super().__getstate__())
        return {
            name: plain(value) if name.startswith("_") else value for name, value in state.items()
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Be what an estimator with this state was."""
        super().__setstate__(
            {
                name: restored(value) if name.startswith("_") else value
                for name, value in state.items()
            }
        )
