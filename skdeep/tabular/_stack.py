"""Several estimators for tables fitted together: the table is read once, and groups of the same
number are trained as one population.

Every one of them ends as if it had been fitted alone.
"""

from collections.abc import Hashable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import cast

import numpy as np
from numpy.typing import ArrayLike

from .._engine.errors import OwnError, own_errors
from .._fit.recipe import token
from .._inputs import DevArguments, Rows
from ..estimators._callbacks import callbacks_of
from ..estimators._recipe import fits_as_skdeep_does, shallow_copy
from ..estimators._stack import Part, shape_of
from ._base import (
    BaseTabularMLP,
    check_parameters,
    concluded,
    prepared_for,
    prepared_like,
    steering_of,
)
from ._group import FittedGroup, fit_groups
from ._length import batch_for
from ._parameters import hidden_layer_sizes, n_at_once, n_bins, n_epochs
from ._preparation import most_bins
from ._side_by_side import side_by_side
from ._steering import Stop

__all__ = ["TableStack", "alike", "ends_with_training", "fit_key", "n_epochs", "why_alone"]

# Parameters that each of the estimators may have its own of.
OF_ITS_OWN = {"learning_rate_init", "weight_decay", "label_smoothing"}
# What is kept for each entry of φ and θ together, and of each unit for the rows of a batch.
PARAMETER_VECTORS = 9
ACTIVATION_BUFFERS = 5


class TableStack:
    """Unfitted estimators for tables, and the data that they all learn from.

    Parameters
    ----------
    estimators : list of estimators
        What is trained, of the same `fit_key`. They are not changed but in what they draw from;
        `end_of` gives fitted copies.
    X, y : array-like
        The training data.
    fit_params : dict or None
        The other arguments of their `fit`.

    Raises
    ------
    OwnError
        Where the data are not what they have to be: of what a `fit` would have raised.
    """

    def __init__(
        self,
        estimators: Sequence[BaseTabularMLP],
        X: Rows,
        y: ArrayLike | None,
        fit_params: Mapping[str, object] | None = None,
    ) -> None:
        given = fit_params or {}
        validation = tuple(given.get(name) for name in ("X_val", "y_val", "sample_weight_val"))
        weights = cast("ArrayLike | None", given.get("sample_weight"))
        self.estimators = [shallow_copy(one) for one in estimators]
        leader = self.estimators[0]
        with own_errors(Exception):
            prepared = prepared_for(leader, X, y, weights, cast("DevArguments", validation))
        self._prepared = [
            prepared,
            *(prepared_like(one, leader, prepared) for one in self.estimators[1:]),
        ]
        # Of each group of each estimator, or what has ended it.
        self._ends: list[Sequence[FittedGroup | Exception]] = []

    def train(self) -> None:
        """Train them all."""
        first, stop = self._prepared[0], Stop()
        tasks = [
            partial(
                fit_groups,
                [
                    own.task(number, steering_of(one, stop))
                    for one, own in zip(self.estimators, self._prepared, strict=True)
                ],
                data,
            )
            for number, data in enumerate(first.datas)
        ]
        n_rows = first.datas[0].rows.n_rows
        of_groups = side_by_side(tasks, n_at_once(self.estimators[0], n_rows), stop)
        if stop.by_user:
            # Of candidates that are compared none may be half trained.
            raise KeyboardInterrupt
        self._ends = [ends for ends in of_groups if ends is not None]

    def finish(self) -> None:
        """Nothing: what it would take to go on is not kept."""

    def end_of(self, number: int) -> BaseTabularMLP | Exception:
        """A fitted copy of an estimator, or what its own `fit` would have raised."""
        groups: list[FittedGroup | None] = []
        for ends in self._ends:
            end = ends[number]
            if isinstance(end, Exception):
                return end
            groups.append(end)
        try:
            # A filter may make errors of warnings.
            with own_errors(Warning):
                return concluded(self.estimators[number], groups, self._prepared[number])
        except OwnError as marked:
            return marked.error

    detached_end_of = end_of

    def foresee(self, models: Sequence[BaseTabularMLP], X: Rows) -> None:
        """Nothing: each predicts for itself."""


def fit_key(estimator: BaseTabularMLP) -> Hashable:
    """What estimators that may be fitted together have in common.

    Raises
    ------
    ValueError
        If its parameters, one by one or together, are not allowed.
    """
    check_parameters(estimator)
    parameters = sorted(estimator.get_params(deep=False).items())
    shared = ((name, token(value)) for name, value in parameters if name not in OF_ITS_OWN)
    return (type(estimator), *shared)


def why_alone(estimator: BaseTabularMLP) -> str | None:
    """Why an estimator is fitted alone whatever the others are; None where it need not be."""
    if not fits_as_skdeep_does(estimator):
        return f"{type(estimator).__name__} has a fit of its own"
    if estimator.verbose:
        return "with verbose each prints its own epochs"
    if callbacks_of(estimator):
        return "it has callbacks of its own"
    return None


def ends_with_training(estimator: BaseTabularMLP) -> bool:
    """Whether more epochs would have changed those before: its schedules end with training."""
    return True


def alike(
    models: Sequence[BaseTabularMLP],
    X: Rows,
    y: ArrayLike | None,
    fit_params: Mapping[str, object],
    n_scored: int = 0,
) -> list[Part]:
    """Models by those that had better share a stack.

    Raises
    ------
    OwnError
        From what data raise that are no table.
    """
    model = models[0]
    with own_errors(TypeError, ValueError, IndexError):
        n_rows, n_columns = shape_of(X)
        n_outputs = shape_of(y)[1] if y is not None and np.ndim(y) == 2 else 1
    n_inputs = n_columns * min(max(n_bins(model)), most_bins(n_columns))
    widths = [n_inputs, *hidden_layer_sizes(model), n_outputs]
    parameters = sum((n_in + 1) * n_out for n_in, n_out in pairwise(widths))
    batch = batch_for(n_rows) if isinstance(model.batch_size, str) else int(model.batch_size)
    activations = ACTIVATION_BUFFERS * min(batch, n_rows) * sum(widths[1:])
    each = model.n_members * np.dtype(model.dtype).itemsize
    bytes_each = int(each * (PARAMETER_VECTORS * parameters + activations))
    # The members of one are a stack already, and lose nothing without those of others.
    return [Part(list(range(len(models))), bytes_each)]
