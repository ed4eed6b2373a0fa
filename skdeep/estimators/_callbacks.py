"""scikit-learn's fit callbacks, present from scikit-learn 1.9 on.

This module is all that knows the difference: with an older scikit-learn `CallbackSupport` adds
nothing, so `set_callbacks` is absent, and `FitEvents` does nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from .._fit.recipe import Recipe
from .._inputs import MatrixLike

Method = TypeVar("Method", bound=Callable[..., object])

try:
    from sklearn.callback import CallbackSupportMixin as CallbackSupport
    from sklearn.callback import with_callbacks

    HAS_CALLBACKS = True
except ImportError:
    HAS_CALLBACKS = False

    class CallbackSupport:  # type: ignore[no-redef]
        """Nothing: this scikit-learn has no callbacks."""

    def with_callbacks(method: Method) -> Method:
        return method


__all__ = [
    "HAS_CALLBACKS",
    "CallbackSupport",
    "FitEvents",
    "TaskContext",
    "are_equal",
    "callbacks_of",
    "parameters_now",
    "with_callbacks",
]

# Of a fit that is running.
TRANSIENT = ("_skl_callbacks", "_callback_fit_ctx", "_skl_callbacks_to_teardown")


def callbacks_of(estimator: BaseEstimator) -> list[object]:
    """The callbacks that have been set on an estimator."""
    callbacks: list[object] = getattr(estimator, "_skl_callbacks", [])
    return callbacks


def parameters_now(
    estimator: BaseEstimator, names: Sequence[str] | None = None
) -> dict[str, object]:
    """An estimator's parameters, by the names given or all; what could change in place is copied.

    To find the names takes it longer than an epoch of a tiny network does.
    """
    names = estimator._get_param_names() if names is None else names
    values = ((name, getattr(estimator, name)) for name in names)
    return {
        name: value.copy() if isinstance(value, (list, np.ndarray)) else value
        for name, value in values
    }


class TaskContext(Protocol):
    """scikit-learn's `CallbackContext`, as far as we ask of it: a task of a fit."""

    @property
    def task_name(self) -> str: ...

    @property
    def estimator_name(self) -> str: ...

    @property
    def parent(self) -> "TaskContext | None": ...

    def subcontext(self, *, task_name: str) -> "TaskContext": ...

    def call_on_fit_task_begin(
        self, *, estimator: BaseEstimator, X: object, y: object, metadata: object
    ) -> None: ...

    def call_on_fit_task_end(
        self,
        *,
        estimator: BaseEstimator,
        X: object = None,
        y: object = None,
        metadata: object = None,
        reconstruction_attributes: Callable[[], dict[str, object]] | None = None,
    ) -> bool: ...


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
    sample_weight : array-like or None
        What else `fit` was given.

    Attributes
    ----------
    fitted_attributes : callable
        Gives the attributes with which a copy of the estimator is ready to predict, as if
        training had ended now; to be set before the first epoch ends.
    remake : callable
        Gives the recipe of the estimator's present parameters, from those before and the names of
        those that have changed; to be set before the first epoch begins.
    """

    fitted_attributes: Callable[[], dict[str, object]]
    remake: Callable[[dict[str, object], list[str]], Recipe]

    def __init__(
        self,
        estimator: BaseEstimator,
        *,
        max_epochs: int,
        X: MatrixLike | None,
        y: object,
        sample_weight: ArrayLike | None,
    ) -> None:
        self._estimator = estimator
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        self._data = {"X": X, "y": y, "metadata": metadata}
        self._fit: TaskContext | None = None
        self._epoch: TaskContext | None = None
        if HAS_CALLBACKS:
            fit: TaskContext = estimator._init_callback_context(max_subtasks=max_epochs)
            self._fit = fit
            fit.call_on_fit_task_begin(estimator=estimator, **self._data)
        self._names: list[str] = estimator._get_param_names() if self.are_heard else []
        self._parameters = parameters_now(estimator, self._names)

    @property
    def are_heard(self) -> bool:
        """Whether there is a callback."""
        return self._fit is not None and bool(callbacks_of(self._estimator))

    @property
    def reads_gradient_norm(self) -> bool:
        """Whether a callback wants to know the gradients' norm."""
        callbacks = callbacks_of(self._estimator)
        return any(getattr(one, "reads_gradient_norm", False) for one in callbacks)

    def epoch_begins(self) -> None:
        assert self._fit is not None
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

    def new_recipe(self) -> Recipe | None:
        """The recipe of parameters that a callback has set, None if none has been set."""
        before = self._parameters
        changed = self.new_since(before)
        if not changed:
            return None
        self._parameters = {**before, **parameters_now(self._estimator, changed)}
        return self.remake(before, changed)

    def new_since(self, before: Mapping[str, object]) -> list[str]:
        """The names of parameters that are not what they were."""
        now = ((name, getattr(self._estimator, name)) for name in self._names)
        return [name for name, value in now if not are_equal(value, before[name])]

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


def are_equal(one: object, other: object) -> bool:
    """Whether two values of a parameter are the same."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    try:
        shapes = [np.shape(cast(ArrayLike, value)) for value in (one, other)]
        return shapes[0] == shapes[1] and bool(np.all(one == other))
    except ValueError:
        return False
