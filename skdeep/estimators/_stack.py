"""Several estimators fitted together: their recipes in one fit.

A `Stack` takes unfitted estimators whose recipes may share a fit. Every one of them ends as if it
had been fitted alone, and gives a fitted copy.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from traceback import format_exception
from typing import Self, cast

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import is_classifier

from .._engine.errors import OwnError, own_errors
from .._engine.schedules import ends_with_training as schedule_ends_with_training
from .._fit.architecture import widest
from .._fit.fit import NO_ROWS, Fit, Model
from .._inputs import Rows
from ._base import (
    BaseNetworkEstimator,
    concluded,
    detach,
    foresee,
    model_of,
    tell,
    watch_on,
)
from ._callbacks import FitEvents, parameters_now
from ._preparation import data_of, prepare, prepared_like
from ._recipe import NOT_OURS, fit_key, hidden_layer_sizes, rows_per_step, why_alone
from ._running import TRANSIENT

# What a model of a stack keeps like θ (its gradient, two moments, the best so far, copies of θ and
# the moments for the end), for each unit of a batch, and for each of its predictions.
PARAMETER_VECTORS = 9
# Beyond those a padded one keeps a copy of its own, and where it lies in the padding.
PADDED_VECTORS = 4
ACTIVATION_BUFFERS = 5
PREDICTION_COPIES = 3
# What a step costs beyond its arithmetic, in multiply-adds of matrix products.
STEP_OVERHEAD = 2**21
# What each model may cost in a smaller stack, which leaves more to other workers.
WORTHWHILE = 1.1

FitParameters = dict[str, object]

__all__ = [
    "NOT_OURS",
    "CannotShareAFit",
    "Measures",
    "OwnError",
    "Part",
    "Stack",
    "alike",
    "bytes_per_model",
    "ends_with_training",
    "fit_key",
    "n_epochs",
    "of_similar_size",
    "own_errors",
    "why_alone",
]


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
    OwnError
        Where the data, or the leader's parameters, are not what they have to be: of what its own
        `fit` would have raised.
    """

    def __init__(
        self,
        estimators: Sequence[BaseNetworkEstimator],
        X: Rows,
        y: ArrayLike | None,
        fit_params: FitParameters | None = None,
    ) -> None:
        leader = estimators[0]
        with own_errors(Exception):
            prepared = prepare(leader, X, y, fit_params or {})
        if prepared.rows.is_sparse and getattr(leader, "input_dropout", 0) > 0:
            raise CannotShareAFit("input dropout on sparse X gives each an X of its own")
        others = [prepared_like(one, leader, prepared) for one in estimators[1:]]
        self._prepared = [prepared, *others]
        if len({one.recipe.key_of_fit() for one in self._prepared}) > 1:
            raise CannotShareAFit("on these data their recipes differ in what one fit has once")
        self.estimators, self._rows, self._has_data = list(estimators), prepared.rows, True
        models = []
        for estimator, own in zip(estimators, self._prepared, strict=True):
            with own_errors(Exception):
                models.append(model_of(estimator, own))
        self.fit = Fit(models, prepared.rows, prepared.dev, keeps_errors=True)
        self._events: dict[int, FitEvents] = {}

    @property
    def models(self) -> list[Model]:
        return self.fit.models

    def train(self) -> None:
        """Train until every model has stopped or has run its `max_iter` epochs."""
        self.fit.run()

    def finish(self) -> None:
        """Drop what it would take to go on."""
        self.fit.forget_population()

    def forget_all_but(self, numbers: Sequence[int]) -> None:
        """Forget all estimators but these, which are numbered anew."""
        self.estimators = [self.estimators[number] for number in numbers]
        self._prepared = [self._prepared[number] for number in numbers]
        self.fit.forget_all_but(numbers)

    def train_until(self, n_epochs: int) -> None:
        """Train on until every model has stopped or has run n_epochs in all."""
        self.allow(n_epochs)
        self.fit.run_until(n_epochs)

    def allow(self, n_epochs: int) -> None:
        """Let the estimators have n_epochs in all, before their callbacks hear of the next ones."""
        for estimator in self.estimators:
            estimator.max_iter = n_epochs

    def lighten(self) -> None:
        """Drop what going on makes anew, before the stack travels to another process."""
        self._events.clear()
        for estimator in self.estimators:
            for name in TRANSIENT:
                estimator.__dict__.pop(name, None)
        for model in self.models:
            model.watch.listener = None
            if model.error is not None:
                # Not every exception survives the journey.
                text = "".join(format_exception(model.error))
                model.error = RuntimeError(f"Training failed:\n{text}")
        self.fit.lighten()
        for prepared, model in zip(self._prepared, self.models, strict=True):
            prepared.state = model.state

    def leave_data(self) -> None:
        """Be without data, before the stack travels to where they are at hand."""
        self._rows, self._has_data = NO_ROWS, False
        self.fit.leave_data()
        for prepared in self._prepared:
            prepared.rows, prepared.dev = NO_ROWS, None

    def take_data(self, X: Rows, y: ArrayLike | None, fit_params: FitParameters) -> None:
        """Go on with the data that the stack has left elsewhere: the same as it began with."""
        if self._has_data:
            return
        rows, dev = data_of(self.estimators[0], X, y, fit_params, self._prepared[0].state)
        self._rows, self._has_data = rows, True
        self.fit.take_data(rows, dev)
        parts = zip(self.estimators, self._prepared, self.models, strict=True)
        for estimator, prepared, model in parts:
            prepared.rows, prepared.dev = rows, dev
            watch_on(estimator, dev, model)

    def tell_callbacks(
        self, number: int, X: Rows | None, y: ArrayLike | None, sample_weight: ArrayLike | None
    ) -> None:
        """Let the callbacks that are set on an estimator hear of what it is trained next.

        Raises
        ------
        CannotShareAFit
            Where they set parameters as they hear of the fit.
        """
        estimator, model = self.estimators[number], self.models[number]
        before = parameters_now(estimator)
        n_left = max(0, int(estimator.max_iter) - model.watch.n_epochs)
        try:
            with own_errors(Exception):
                events = FitEvents(
                    estimator, max_epochs=n_left, X=X, y=y, sample_weight=sample_weight
                )
        except OwnError as marked:
            model.error = marked.error
            return
        tell(estimator, events, self._prepared[number], model)
        self._events[model.number] = events
        if events.are_heard and events.new_since(before):
            raise CannotShareAFit("a callback has set parameters as the fit began")

    def fitted(self, number: int) -> BaseNetworkEstimator:
        """A fitted copy of an estimator, as far as it has been trained.

        Raises
        ------
        Exception
            What its own `fit` would have raised.
        """
        end = self.end_of(number)
        if isinstance(end, Exception):
            raise end
        return end

    def end_of(self, number: int) -> BaseNetworkEstimator | Exception:
        """A fitted copy of an estimator, or what its own `fit` would have raised."""
        model = self.models[number]
        if model.error is not None:
            return model.error
        try:
            rows = self._rows.of_model(model.number)
            fitted = concluded(self.estimators[number], rows, model)
            events = self._events.pop(model.number, None)
            if events is not None:
                with own_errors(Exception):
                    events.fit_ends()
        except OwnError as marked:
            return marked.error
        return fitted

    def detached_end_of(self, number: int) -> BaseNetworkEstimator | Exception:
        """The same, a copy that shares nothing with the stack and can be trained further."""
        end = self.end_of(number)
        if not isinstance(end, Exception):
            detach(end)
        return end

    def foresee(self, models: Sequence[BaseNetworkEstimator], X: Rows) -> None:
        """Predict X with all fitted models at once; each then has its predictions ready."""
        foresee(models, X)


# ----------------------------------------------------------------------- what stacks take up


def shape_of(data: object) -> tuple[int, ...]:
    """The shape of an array, a sparse matrix, a data frame or nested lists."""
    shape: tuple[int, ...] = (
        data.shape if hasattr(data, "shape") else np.shape(cast(ArrayLike, data))
    )
    return shape


@dataclass(frozen=True)
class Part:
    """Those of some models that had better share a stack.

    Parameters
    ----------
    numbers : list of int
        Their numbers.
    bytes_each : int
        About what each takes in a stack.
    least : int
        How many a stack needs, for each to cost little more than in one of all of them.
    """

    numbers: list[int]
    bytes_each: int
    least: int = 1


@dataclass(frozen=True)
class Measures:
    """The numbers of rows, columns and outputs that networks of a stack are for.

    `n_watched` and `n_scored` are the rows of the dev set and of those that are predicted together;
    `itemsize` is the bytes of a number.
    """

    n_rows: int
    n_features: int
    n_outputs: int
    n_watched: int
    n_scored: int
    itemsize: int

    @classmethod
    def of(
        cls,
        model: BaseNetworkEstimator,
        X: Rows,
        y: ArrayLike | None,
        fit_params: FitParameters,
        n_scored: int = 0,
    ) -> Self:
        """Read from the data as they are given, of which not all have such measures."""
        n_rows, n_features = shape_of(X)
        n_watched = int(model.validation_fraction * n_rows) if model.early_stopping else 0
        if fit_params.get("X_val") is not None:
            n_watched = shape_of(fit_params["X_val"])[0]
        is_float32 = getattr(X, "dtype", None) == np.float32
        dtype = model.dtype or ("float32" if is_float32 else "float64")
        n_outputs = _n_outputs(model, y)
        return cls(
            n_rows, n_features, n_outputs, n_watched, n_scored, int(np.dtype(dtype).itemsize)
        )


def bytes_per_model(models: Sequence[BaseNetworkEstimator], data: Measures) -> int:
    """About what one of these occupies while they train as a stack, and are scored."""
    sizes = [hidden_layer_sizes(one) for one in models]
    room = widest(sizes)
    widths = [data.n_features, *room, data.n_outputs]
    parameters = sum((n_in + 3) * n_out for n_in, n_out in pairwise(widths))
    if any(own != room for own in sizes):
        parameters += parameters * PADDED_VECTORS // PARAMETER_VECTORS
    activations = ACTIVATION_BUFFERS * rows_per_step(models[0], data.n_rows) * sum(widths[1:])
    predictions = PREDICTION_COPIES * max(data.n_scored, data.n_watched) * data.n_outputs
    return data.itemsize * (PARAMETER_VECTORS * parameters + activations + predictions)


def alike(
    models: Sequence[BaseNetworkEstimator],
    X: Rows,
    y: ArrayLike | None,
    fit_params: FitParameters,
    n_scored: int = 0,
) -> list[Part]:
    """Models by those that had better share a stack.

    Raises
    ------
    OwnError
        From what a y, or rows of a dev set, raise of which not even the measures can be told.
    """
    with own_errors(TypeError, ValueError, IndexError):
        data = Measures.of(models[0], X, y, fit_params, n_scored)
    parts = []
    for numbers in of_similar_size(models, data):
        group = [models[number] for number in numbers]
        parts.append(Part(numbers, bytes_per_model(group, data), least_worthwhile(group, data)))
    return parts


def least_worthwhile(models: Sequence[BaseNetworkEstimator], data: Measures) -> int:
    """How many of these a stack needs, for a step to cost each `WORTHWHILE` of what it might."""
    room = widest([hidden_layer_sizes(one) for one in models])
    own = _cost_of_step(room, data, rows_per_step(models[0], data.n_rows))
    at_best = STEP_OVERHEAD / len(models) + own
    # All share the overhead: STEP_OVERHEAD / least + own <= WORTHWHILE * at_best.
    return math.ceil(STEP_OVERHEAD / (WORTHWHILE * at_best - own))


def n_epochs(model: BaseNetworkEstimator, n_rows: int) -> int:
    """How many epochs a model may train for."""
    return int(model.max_iter)


def ends_with_training(model: BaseNetworkEstimator) -> bool:
    """Whether more epochs would have changed those before: its schedule ends with training."""
    return schedule_ends_with_training(model.learning_rate, model.decay_epochs)


def of_similar_size(models: Sequence[BaseNetworkEstimator], data: Measures) -> list[list[int]]:
    """The numbers of those models that had better share a stack, largest networks first.

    All models of a stack cost what the widest does. Another one is worth opening where that waste
    grows beyond the overhead of its steps.
    """
    rows = rows_per_step(models[0], data.n_rows)

    def cost(sizes: Sequence[int]) -> int:
        return _cost_of_step(sizes, data, rows)

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


def _cost_of_step(sizes: Sequence[int], data: Measures, n_rows: int) -> int:
    """Multiply-adds of a model's step: forward, and twice as much backward."""
    widths = [data.n_features, *sizes, data.n_outputs]
    return 3 * n_rows * sum(a * b for a, b in pairwise(widths))


def _n_outputs(model: BaseNetworkEstimator, y: ArrayLike | None) -> int:
    n_axes = 0 if y is None else np.ndim(y)
    if is_classifier(model) and n_axes == 1:
        return int(np.unique(np.asarray(y)).shape[0])
    return shape_of(y)[1] if n_axes == 2 else 1
