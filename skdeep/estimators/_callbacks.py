"""scikit-learn's fit callbacks, present from scikit-learn 1.9 on.

This module is all that knows the difference: with an older scikit-learn `CallbackSupport` adds
nothing, so `set_callbacks` is absent, and `FitEvents` does nothing.
"""

from collections.abc import Callable
from typing import Any

try:
    from sklearn.callback import CallbackSupportMixin as CallbackSupport
    from sklearn.callback import with_callbacks

    HAS_CALLBACKS = True
except ImportError:
    HAS_CALLBACKS = False

    class CallbackSupport:  # type: ignore[no-redef]
        """Nothing: this scikit-learn has no callbacks."""

    def with_callbacks(method: Any) -> Any:
        return method


__all__ = ["HAS_CALLBACKS", "CallbackSupport", "FitEvents", "wants_gradient_norm", "with_callbacks"]


def wants_gradient_norm(estimator: Any) -> bool:
    """Whether one of its callbacks reads the norm of the gradients."""
    callbacks = getattr(estimator, "_skl_callbacks", [])
    return any(getattr(callback, "reads_gradient_norm", False) for callback in callbacks)


class FitEvents:
    """Tells an estimator's callbacks that its fit, and each of its epochs, begins and ends.

    Parameters
    ----------
    estimator : estimator
        Whose callbacks are told.
    max_epochs : int
        How many epochs there can be.
    X, y : array-like
        The training data, as `fit` was given them.
    metadata : dict or None
        What else `fit` was given, such as sample weights.

    Attributes
    ----------
    fitted_attributes : callable
        Gives the attributes with which a copy of the estimator is ready to predict, as if
        training had ended now; to be set before the first epoch ends.
    """

    fitted_attributes: Callable[[], dict[str, Any]]

    def __init__(
        self,
        estimator: Any,
        *,
        max_epochs: int,
        X: Any,
        y: Any,
        metadata: dict[str, Any] | None,
    ) -> None:
        self._estimator = estimator
        self._data = {"X": X, "y": y, "metadata": metadata}
        self._fit: Any = None
        self._epoch: Any = None
        if HAS_CALLBACKS:
            self._fit = estimator._init_callback_context(max_subtasks=max_epochs)
            self._fit.call_on_fit_task_begin(estimator=estimator, **self._data)

    @property
    def _listening(self) -> bool:
        return self._fit is not None and bool(getattr(self._estimator, "_skl_callbacks", None))

    def epoch_begins(self) -> None:
        if self._listening:
            self._epoch = self._fit.subcontext(task_name="epoch")
            self._epoch.call_on_fit_task_begin(estimator=self._estimator, **self._data)

    def epoch_ends(self) -> bool:
        """Whether a callback asks to stop."""
        if self._epoch is None:
            return False
        epoch, self._epoch = self._epoch, None
        return bool(
            epoch.call_on_fit_task_end(
                estimator=self._estimator,
                reconstruction_attributes=self.fitted_attributes,
                **self._data,
            )
        )

    def fit_ends(self) -> None:
        if self._epoch is not None:
            # The last epoch was begun but not run: every beginning gets its end.
            self._epoch.call_on_fit_task_end(estimator=self._estimator)
            self._epoch = None
        if self._fit is not None:
            self._fit.call_on_fit_task_end(
                estimator=self._estimator,
                reconstruction_attributes=self.fitted_attributes,
                **self._data,
            )
