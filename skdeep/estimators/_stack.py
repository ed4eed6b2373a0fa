"""Several estimators fitted together: their recipes in one fit.

A `Stack` takes unfitted estimators whose recipes may share a fit. Every one of them ends as if it
had been fitted alone, and gives a fitted copy.
"""

from collections.abc import Sequence
from itertools import pairwise
from traceback import format_exception
from typing import Any

import numpy as np
from sklearn.base import is_classifier

from .._fit.architecture import widest
from .._fit.fit import Fit, Model
from ._base import concluded, detach, foresee, model_of
from ._preparation import prepare, prepared_like
from ._recipe import fit_key, hidden_layer_sizes, rows_per_step

# What a model of a stack keeps like θ (its gradient, two moments, the best so far, copies of θ and
# the moments for the end), for each unit of a batch, and for each of its predictions.
PARAMETER_VECTORS = 9
# Beyond those a padded one keeps a copy of its own, and where it lies in the padding.
PADDED_VECTORS = 4
ACTIVATION_BUFFERS = 5
PREDICTION_COPIES = 3
# What a step costs beyond its arithmetic, in multiply-adds of matrix products.
STEP_OVERHEAD = 2**21

__all__ = ["CannotShareAFit", "Stack", "bytes_per_model", "fit_key", "of_similar_size", "shape_of"]


class CannotShareAFit(ValueError):
    """Raised where estimators cannot be fitted together on these data, though each can alone."""


class Stack:
    """Unfitted estimators and the data that they all learn from.

    Parameters
    ----------
    estimators : list of estimators
        What is trained. They are changed in place, but not fitted: `fitted` gives fitted copies.
    X, y : array-like
        The training data.
    fit_params : dict or None
        The other arguments of their `fit`.

    Raises
    ------
    CannotShareAFit
        Where the data let no fit be shared.
    ValueError
        Where the data, or the leader's parameters, are not what they have to be.
    """

    def __init__(
        self,
        estimators: Sequence[Any],
        X: Any,
        y: Any,
        fit_params: dict[str, Any] | None = None,
    ) -> None:
        leader = estimators[0]
        prepared = prepare(leader, X, y, fit_params or {})
        if prepared.rows.is_sparse and getattr(leader, "input_dropout", 0) > 0:
            raise CannotShareAFit("Input dropout on sparse X gives each model an X of its own.")
        models = [model_of(leader, prepared)]
        models += [model_of(one, prepared_like(one, leader, prepared)) for one in estimators[1:]]
        if len({model.recipe.key_of_fit() for model in models}) > 1:
            raise CannotShareAFit("Not all that these recipes differ in may differ in one fit.")
        self._estimators, self._rows = list(estimators), prepared.rows
        self.fit = Fit(models, prepared.rows, prepared.dev)

    @property
    def models(self) -> list[Model]:
        return self.fit.models

    def train(self) -> None:
        """Train until every model has stopped or has run its `max_iter` epochs, and no further."""
        self.fit.run()
        self.fit.forget_population()

    def forget_all_but(self, numbers: Sequence[int]) -> None:
        """Forget all estimators but these, which are numbered anew."""
        self._estimators = [self._estimators[number] for number in numbers]
        self.fit.forget_all_but(numbers)

    def train_until(self, n_epochs: int) -> None:
        """Train on until every model has stopped or has run n_epochs in all."""
        for estimator in self._estimators:
            estimator.max_iter = n_epochs
        self.fit.run_until(n_epochs)

    def lighten(self) -> None:
        """Drop what going on makes anew, before the stack travels to another process."""
        for model in self.models:
            if model.error is not None:
                # Not every exception survives the journey.
                text = "".join(format_exception(model.error))
                model.error = RuntimeError(f"Training failed:\n{text}")
        self.fit.lighten()

    def fitted(self, number: int) -> Any:
        """A fitted copy of an estimator, as far as it has been trained.

        Raises
        ------
        Exception
            What its own `fit` would have raised.
        """
        model = self.models[number]
        if model.error is not None:
            raise model.error
        return concluded(self._estimators[number], self._rows.of_model(model.number), model)

    def detached(self, number: int) -> Any:
        """A fitted copy that shares nothing with the stack, and can be trained further."""
        fitted = self.fitted(number)
        detach(fitted)
        return fitted

    def foresee(self, models: Sequence[Any], X: Any) -> None:
        """Predict X with all fitted models at once; each then has its predictions ready."""
        foresee(models, X)


def shape_of(data: Any) -> tuple[int, ...]:
    """The shape of an array, a sparse matrix, a data frame or nested lists."""
    shape: tuple[int, ...] = data.shape if hasattr(data, "shape") else np.shape(data)
    return shape


def bytes_per_model(
    models: Sequence[Any], X: Any, y: Any, rows_scored: int, fit_params: dict[str, Any]
) -> int:
    """About what one of these occupies while they train as a stack on X and y, and are scored."""
    model, n_outputs = models[0], _n_outputs(models[0], y)
    n_rows, n_features = shape_of(X)
    sizes = [hidden_layer_sizes(one) for one in models]
    room = widest(sizes)
    widths = [n_features, *room, n_outputs]
    parameters = sum((n_in + 3) * n_out for n_in, n_out in pairwise(widths))
    if any(own != room for own in sizes):
        parameters += parameters * PADDED_VECTORS // PARAMETER_VECTORS
    activations = ACTIVATION_BUFFERS * rows_per_step(model, n_rows) * sum(widths[1:])
    rows_watched = int(model.validation_fraction * n_rows) if model.early_stopping else 0
    if fit_params.get("X_val") is not None:
        rows_watched = shape_of(fit_params["X_val"])[0]
    predictions = PREDICTION_COPIES * max(rows_scored, rows_watched) * n_outputs
    return _itemsize(model, X) * (PARAMETER_VECTORS * parameters + activations + predictions)


def of_similar_size(models: Sequence[Any], X: Any, y: Any) -> list[list[int]]:
    """The numbers of those models that had better share a stack, largest networks first.

    All models of a stack cost what the widest does. Another one is worth opening where that waste
    grows beyond the overhead of its steps.
    """
    n_rows, n_features = shape_of(X)
    n_outputs, rows = _n_outputs(models[0], y), rows_per_step(models[0], n_rows)

    def cost(sizes: Sequence[int]) -> int:
        # Forward, and twice as much backward.
        return 3 * rows * sum(a * b for a, b in pairwise([n_features, *sizes, n_outputs]))

    sizes = [hidden_layer_sizes(model) for model in models]
    groups: list[list[int]] = []
    room: tuple[int, ...] = ()
    needed = 0
    for number in sorted(range(len(models)), key=lambda number: -cost(sizes[number])):
        own = sizes[number]
        enough = widest([room, own]) if groups else own
        if groups and (len(groups[-1]) + 1) * cost(enough) - needed - cost(own) <= STEP_OVERHEAD:
            groups[-1].append(number)
            room, needed = enough, needed + cost(own)
        else:
            groups.append([number])
            room, needed = own, cost(own)
    return [sorted(group) for group in groups]


def _n_outputs(model: Any, y: Any) -> int:
    if is_classifier(model) and np.ndim(y) == 1:
        return int(np.unique(y).shape[0])
    return shape_of(y)[1] if np.ndim(y) == 2 else 1


def _itemsize(model: Any, X: Any) -> int:
    is_float32 = getattr(X, "dtype", None) == np.float32
    return int(np.dtype(model.dtype or ("float32" if is_float32 else "float64")).itemsize)
