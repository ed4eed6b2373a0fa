"""From what `fit` is given to what a fit works on: rows, a dev set, a recipe, a state."""

from abc import abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import cast

import joblib
import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.utils import check_random_state

from .._engine.backend import Array, FloatType, Matrix
from .._engine.data import Rows
from .._engine.full_batch import without_momentum_ahead
from .._engine.network import Network
from .._engine.training import TrainingState
from .._fit.dev import DevSet
from .._fit.recipe import Recipe
from .._inputs import NO_DEV_SET, DevArguments, FitArguments, MatrixLike
from ._callbacks import callbacks_of
from ._class_weights import ClassWeights
from ._recipe import YieldsRecipe, check_parameters, recipe_like, shallow_copy
from ._validation import (
    check_cost_weights,
    check_given_together,
    checked_weights,
    given_dev_set,
    held_out_rows,
    validated_X_y,
    with_weight,
)

# What X is learnt in where no dtype is asked for: its own, if it is one of these.
FLOATS: list[type[np.floating]] = [np.float64, np.float32]


@dataclass
class Prepared:
    """What a fit of an estimator works on."""

    recipe: Recipe
    state: TrainingState
    rows: Rows
    dev: DevSet | None
    # The sum of the rows' own weights, classes' weights apart.
    weight: float

    @cached_property
    def fingerprint(self) -> str:
        """Tells other data from these: a hash of all rows, targets and weights."""
        parts: list[object] = [self.rows.x, self.rows.y, self.rows.sample_weight]
        if self.dev is not None:
            part = self.dev.of_model(0)
            parts += [self.dev.x, part.targets, part.cost_weights]
        return str(joblib.hash([_in_order(part) for part in parts]))


class PreparesFits(YieldsRecipe):
    """Checks and encodes data, and makes or copies the state that training moves."""

    # Of a fitted estimator: where training has come to.
    _state: TrainingState

    # ------------------------------------------------------------------ what derived classes say

    @abstractmethod
    def _learn_targets(self, y: Matrix, classes: ArrayLike | None) -> None:
        """Set what encoding y needs; `classes` is partial_fit's."""

    @abstractmethod
    def _check_targets(self, y: Matrix) -> None:
        """Raise where y does not go with what an earlier fit has learnt."""

    @abstractmethod
    def _encode_targets(self, y: Matrix, dtype: FloatType, name: str = "y") -> Array:
        """The targets as the loss takes them."""

    @abstractmethod
    def _n_network_outputs(self, encoded: Array) -> int: ...

    @abstractmethod
    def _strata(self, y: Matrix, n_held_out: int) -> Array | None:
        """What the held-out fraction, of n_held_out rows, is stratified by, or None."""

    def _class_weights(self, y: Matrix, sample_weight: Array | None) -> ClassWeights | None:
        """What rows of each class count, learnt from these."""
        return None

    def _take_over_coefficients(self, network: Network, theta: Array) -> bool:
        """Write into θ what public attributes say; whether they have been set from outside."""
        return False

    @abstractmethod
    def _forget_best_unless(self, theta: Array) -> None:
        """Forget that θ was the best so far if it is another one, set from outside."""

    # --------------------------------------------------------------------------------- preparing

    def _prepare(
        self,
        X: MatrixLike,
        y: MatrixLike | None,
        sample_weight: ArrayLike | None,
        *,
        continuing: bool = False,
        classes: ArrayLike | None = None,
        validation: DevArguments = NO_DEV_SET,
        start: TrainingState | None = None,
    ) -> Prepared:
        """Validated data, a recipe and a state to train: all that comes before the first step.

        A fit that starts anew draws its state, unless it is given one as its `start`.
        """
        accepted = FLOATS if self.dtype is None else np.dtype(self.dtype)
        dtype = self._state.theta.dtype if continuing else accepted
        x, labels = validated_X_y(self, X, y, reset=not continuing, dtype=dtype)
        if continuing:
            self._check_targets(labels)
        else:
            self._learn_targets(labels, classes)
        encoded = self._encode_targets(labels, x.dtype)
        weights = checked_weights(sample_weight, x.shape[0], x.dtype, "sample_weight")
        class_weights = self._class_weights(labels, weights)
        n_outputs = self._n_network_outputs(encoded)
        network = self._architecture(x.shape[1], n_outputs).network
        state = self._state if continuing else start or self._fresh_state(network, x.dtype)
        dev, train_rows = self._dev_set(
            x, labels, encoded, weights, class_weights, validation, state.split_seed
        )
        rows = Rows(x, encoded, _counted(weights, class_weights, labels, x.dtype), train_rows)
        self._check_training_rows(rows)
        recipe = self._recipe(x.shape[1], n_outputs, rows.n_rows)
        if continuing:
            # With callbacks, a later recipe may draw from others.
            drawn = recipe.streams_drawn_for(rows.n_rows)
            state = state.copy(list(state.streams) if callbacks_of(self) else drawn)
            if self._take_over_coefficients(network, state.theta):
                # What is ahead of θ, and its momentum, were of another θ.
                state.optimizer = without_momentum_ahead(state.optimizer)
            self._forget_best_unless(state.theta)
        weight = float(x.shape[0] if weights is None else weights.sum(dtype=np.float64))
        return Prepared(recipe, state, rows, dev, weight)

    def _dev_set(
        self,
        x: Matrix,
        y: Matrix,
        encoded: Array,
        weights: Array | None,
        class_weights: ClassWeights | None,
        given: DevArguments,
        seed: int,
    ) -> tuple[DevSet | None, Array | None]:
        """The dev set, and the numbers of the rows that remain to train on (None: all)."""
        check_given_together(*given)
        if given[0] is not None:
            return given_dev_set(self, given, x.dtype, self._encode_targets, class_weights), None
        if not self.early_stopping:
            return None, None
        train, held_out = held_out_rows(
            x.shape[0], self.validation_fraction, partial(self._strata, y), seed
        )
        of_classes = None if class_weights is None else class_weights.of_rows(y)
        dev = DevSet(x, encoded, weights, with_weight(held_out, weights), y, None, of_classes)
        check_cost_weights(dev, "The held-out rows")
        return dev, train

    def _check_training_rows(self, rows: Rows) -> None:
        if not rows.total_weight > 0:
            raise ValueError(
                "The rows to train on have a total weight of zero: sample_weight times "
                "class_weight must be positive for at least one of them."
            )
        if self.augment is not None and rows.is_sparse:
            raise ValueError(
                f"augment takes dense batches, got a sparse X with augment={self.augment!r}."
            )
        if getattr(self, "batch_norm", False) and rows.n_rows < 2:
            raise ValueError(
                "batch_norm=True needs at least 2 rows to train on, got n_samples="
                f"{rows.n_rows}: the variance of 1 sample is zero."
            )

    def _fresh_state(self, network: Network, dtype: FloatType) -> TrainingState:
        random = check_random_state(self.random_state)
        entropy = [int(word) for word in random.randint(0, 2**31 - 1, size=4)]
        return TrainingState.start(network, entropy, self._weight_init(), dtype)


def prepare(
    estimator: PreparesFits,
    X: MatrixLike,
    y: MatrixLike | None,
    fit_params: FitArguments,
    start: TrainingState | None = None,
) -> Prepared:
    """What the fit of an unfitted estimator would work on."""
    validation = tuple(fit_params.get(name) for name in ("X_val", "y_val", "sample_weight_val"))
    return estimator._prepare(
        X,
        y,
        cast(ArrayLike | None, fit_params.get("sample_weight")),
        validation=cast(DevArguments, validation),
        start=start,
    )


def data_of(
    estimator: PreparesFits,
    X: MatrixLike,
    y: MatrixLike | None,
    fit_params: FitArguments,
    state: TrainingState,
) -> tuple[Rows, DevSet | None]:
    """The rows and the dev set of a fit that has begun in this state, from its data once more."""
    prepared = prepare(shallow_copy(estimator), X, y, fit_params, state)
    return prepared.rows, prepared.dev


def state_with(estimator: PreparesFits, network: Network, theta: Array) -> TrainingState:
    """The state in which an estimator has these parameters, and has not trained yet."""
    return replace(estimator._fresh_state(network, theta.dtype), theta=theta)


def prepared_like(estimator: PreparesFits, leader: PreparesFits, prepared: Prepared) -> Prepared:
    """The same rows for another estimator, with its own recipe and start.

    Its random streams are the leader's, from where its parameters have been drawn.
    """
    for name, value in leader.__dict__.items():
        # What preparing the data has given to the leader; a parameter is there already.
        estimator.__dict__.setdefault(name, value)
    recipe = recipe_like(estimator, prepared.recipe, prepared.rows.n_rows)
    return replace(prepared, recipe=recipe, state=_state_like(estimator, recipe, prepared))


def _state_like(estimator: PreparesFits, recipe: Recipe, prepared: Prepared) -> TrainingState:
    """The estimator's own start, with the random streams of the leader after it."""
    leader, state = prepared.recipe, prepared.state
    same_start = (
        recipe.weight_init == leader.weight_init
        and recipe.architecture.hidden_layer_sizes == leader.architecture.hidden_layer_sizes
    )
    if estimator.random_state is not None and same_start:
        return replace(state)
    own = estimator._fresh_state(recipe.network, state.theta.dtype)
    return replace(own, streams=state.streams, split_seed=state.split_seed)


def prepared_to_inspect(
    estimator: PreparesFits,
    X: MatrixLike,
    y: MatrixLike,
    sample_weight: ArrayLike | None,
    **parameters: object,
) -> Prepared:
    """What a fit with other parameters would work on, in float64, all rows in it.

    Of an unfitted estimator where its training would start, of a fitted one where it is. The
    estimator is not changed.
    """
    fitted = hasattr(estimator, "n_iter_")
    subject = shallow_copy(estimator) if fitted else clone(estimator)
    subject.set_params(dtype="float64", early_stopping=False, **parameters)
    check_parameters(subject)
    if fitted:
        state = subject._state
        subject._state = replace(
            state,
            theta=state.theta.astype(np.float64),
            statistics=state.statistics.astype(np.float64),
        )
    prepared: Prepared = subject._prepare(X, y, sample_weight, continuing=fitted)
    return prepared


def _in_order(part: object) -> object:
    """An array as it would be if its rows lay one after the other: how they lie is nothing."""
    return np.ascontiguousarray(part) if isinstance(part, np.ndarray) else part


def _counted(
    weights: Array | None, class_weights: ClassWeights | None, y: Matrix, dtype: FloatType
) -> Array | None:
    """What rows count in the cost: sample_weight times their classes' weights."""
    if class_weights is None:
        return weights
    of_classes = class_weights.of_rows(y).astype(dtype)
    return of_classes if weights is None else weights * of_classes
