"""A fitted estimator's state as arrays, numbers, lists and dicts, whoever asks for it.

pickle, joblib, copy and skops all ask `__getstate__`. Parameters are what they are; attributes that
a fit has set, which begin or end with an underscore, are written as records.
"""

from typing import Any

from sklearn.base import BaseEstimator

from ._engine.records import plain, restored


class KeepsPlainState(BaseEstimator):
    """An estimator whose fitted attributes are written as records."""

    def __getstate__(self) -> dict[str, object]:
        """All attributes, fitted ones with plain dicts in place of objects of ours."""
        state: dict[str, object] = dict(super().__getstate__())
        return {name: plain(value) if _is_fitted(name) else value for name, value in state.items()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Be what an estimator with this state was."""
        super().__setstate__(
            {name: restored(value) if _is_fitted(name) else value for name, value in state.items()}
        )


def _is_fitted(name: str) -> bool:
    return name.startswith("_") or name.endswith("_")
