"""What all estimators share: check → prepare rows and recipe → fit → fitted attributes.

`fit`, `partial_fit` and a warm-started `fit` differ in where the training state comes from and in
how many epochs follow. All work on a copy of the state, and put everything in place at the end, so
that a call that fails leaves the estimator as it was.
"""

import copy
import inspect
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from numbers import Integral, Real
from typing import Any

import joblib
import numpy as np
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.utils import check_random_state

from .._engine.backend import Array
from .._engine.data import Rows
from .._engine.links import LINKS
from .._engine.losses import LogisticCrossEntropy, Loss
from .._engine.network import Network
from .._engine.objective import predict_logits
from .._engine.optimizers import Optimizer
from .._engine.schedules import SCHEDULES, Schedule
from .._engine.solvers import SOLVERS
from .._engine.training import TrainingState
from .._fit.architecture import Architecture
from .._fit.dev import DevPart, DevSet, Score
from .._fit.fit import Fit, Model
from .._fit.padding import padded, place_in
from .._fit.recipe import Recipe, token
from .._fit.watch import Counters, Curves, Standing, Watch
from ._callbacks import TRANSIENT, CallbackSupport, FitEvents, callbacks_of
from ._compat import Interval, Options, StrOptions
from ._diagnosis import warn_if_no_progress
from ._outcome import check_outcome, fitted_attributes, warn_of_outcome, warn_of_settings
from ._scoring import check_scoring, scorer_on
from ._validation import (
    check_given_together,
    checked_weights,
    given_dev_set,
    held_out_rows,
    validated_X,
    validated_X_y,
    with_weight,
)

# Parameters that no recipe knows of: they say which rows, weights and numbers there are, how the
# dev set is scored, or how a fit begins.
OF_THE_ROWS = {
    "batch_size",
    "class_weight",
    "validation_fraction",
    "scoring",
    "random_state",
    "warm_start",
    "verbose",
    "dtype",
}


@dataclass(frozen=True, eq=False)
class PausedFit:
    """How far a fit had come when it was saved: what is neither in the state nor in the curves."""

    counters: Counters
    fingerprint: str

    @property
    def n_epochs(self) -> int:
        return self.counters.n_epochs


@dataclass
class Prepared:
    """What a fit of an estimator works on."""

    recipe: Recipe
    state: TrainingState
    rows: Rows
    dev: DevSet | None

    def fingerprint(self) -> str:
        """Tells other data from these, by all targets and weights and some rows of X."""
        parts: list[Any] = [self.rows.x.shape, _some_rows(self.rows.x)]
        parts += [self.rows.y, self.rows.sample_weight]
        if self.dev is not None:
            part = self.dev.of_model(0)
            parts += [self.dev.x.shape, _some_rows(self.dev.x), part.targets, part.weights]
        return str(joblib.hash(parts))


class BaseNetworkEstimator(CallbackSupport, BaseEstimator, ABC):
    """Base class of the four estimators. Warning: use the derived classes."""

    solver: str
    alpha: float
    l1_ratio: float
    batch_size: int | str
    learning_rate: str | Callable[[int], float]
    learning_rate_init: float | str
    power_t: float
    decay_rate: float | None
    decay_epochs: int | None
    max_iter: int
    shuffle: bool
    random_state: int | np.random.RandomState | None
    tol: float
    verbose: bool
    warm_start: bool
    momentum: float | str
    nesterovs_momentum: bool
    early_stopping: bool
    validation_fraction: float
    scoring: str | Callable[..., float] | None
    rho: float
    beta_1: float
    beta_2: float
    epsilon: float
    n_iter_no_change: float
    max_fun: int
    gradient_clip: float | None
    augment: Callable[..., Any] | None
    dtype: str | None

    _parameter_constraints: dict[str, list[Any]] = {
        "alpha": [Interval(Real, 0, None, closed="left")],
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
        "batch_size": [StrOptions({"auto", "full"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate": [StrOptions(set(SCHEDULES)), callable],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "decay_rate": [Interval(Real, 0, None, closed="neither"), None],
        "decay_epochs": [Interval(Integral, 1, None, closed="left"), None],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "scoring": [str, callable, None],
        "rho": [Interval(Real, 0, 1, closed="left")],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), Options(Real, {np.inf})],
        "max_fun": [Interval(Integral, 1, None, closed="left")],
        "gradient_clip": [Interval(Real, 0, None, closed="neither"), None],
        "augment": [callable, None],
        "dtype": [StrOptions({"float32", "float64"}), None],
    }

    # An X and its raw outputs, where a stack has predicted for all its models at once.
    _foreseen: tuple[Any, Array] | None = None
    # Where a saved fit had come to, from which the next call of `fit` goes on.
    _paused: PausedFit | None = None
    # While a fit runs.
    _running: "RunningFit"

    # ------------------------------------------------------------------ what derived classes say

    @abstractmethod
    def _learn_targets(self, y: Any, classes: Any) -> None:
        """Set what encoding y needs; `classes` is partial_fit's."""

    @abstractmethod
    def _check_targets(self, y: Any) -> None:
        """Raise where y does not go with what an earlier fit has learnt."""

    @abstractmethod
    def _encode_targets(self, y: Any, dtype: Any, name: str = "y") -> Array:
        """The targets as the loss takes them."""

    @abstractmethod
    def _make_loss(self) -> Loss: ...

    @abstractmethod
    def _n_network_outputs(self, y: Any) -> int: ...

    @abstractmethod
    def _score_logits(self, logits: Array, dev: DevPart) -> float:
        """The default score on a dev set."""

    @abstractmethod
    def _strata(self, y: Any, n_held_out: int) -> Any:
        """What the held-out fraction, of n_held_out rows, is stratified by, or None."""

    @abstractmethod
    def _architecture(self, n_in: int, n_out: int) -> Architecture: ...

    def _class_weights(self, y: Any) -> Array | None:
        return None

    def _weight_init(self) -> str:
        return "auto"

    def _default_batch_size(self, n_samples: int) -> int:
        # The docstrings say what was measured: 64 gains nothing for its time, 256 costs accuracy.
        return min(128, n_samples)

    def _rate(self) -> float | None:
        """The learning rate, None for the inverse of the objective's curvature."""
        return float(self.learning_rate_init)

    def _momentum(self) -> float:
        return float(self.momentum)

    @property
    def _accelerates(self) -> bool:
        return False

    def _lbfgs_ftol(self) -> float:
        return 2.220446049250313e-09  # SciPy's default, as in scikit-learn's MLP

    def _continued_with(self) -> dict[str, Any]:
        """The parameters that training cannot continue across a change of."""
        return {"solver": self.solver, "dtype": self.dtype}

    def _coefficients(self, network: Network, theta: Array) -> dict[str, Any]:
        """Fitted attributes that are copies out of θ."""
        return {}

    # -------------------------------------------------------------------------- the recipe

    def _check_hyperparameters(self) -> None:
        """What no single parameter's range can rule out."""
        check_scoring(self)
        solver = SOLVERS[self.solver]
        if self.alpha > 0 and self.l1_ratio > 0 and not solver.takes_l1:
            raise ValueError(
                f"solver={self.solver!r} needs a smooth objective: l1_ratio must be 0, got "
                f"l1_ratio={self.l1_ratio} with alpha={self.alpha}. Other solvers take L1."
            )
        if self.gradient_clip is not None and not solver.takes_gradient_clip:
            raise ValueError(
                f"solver={self.solver!r} cannot clip gradients: gradient_clip must be None, got "
                f"gradient_clip={self.gradient_clip}."
            )
        if self.augment is not None and not solver.takes_changing_objective:
            raise ValueError(
                f"solver={self.solver!r} needs an objective that stays the same from step to step: "
                f"augment must be None, got augment={self.augment!r}. Stochastic solvers take it."
            )

    def _recipe(self, n_in: int, n_out: int, n_rows: int, loss: Loss | None = None) -> Recipe:
        """All that training needs to know beyond the rows."""
        architecture = self._architecture(n_in, n_out)
        return Recipe(
            architecture=architecture,
            loss=self._make_loss() if loss is None else loss,
            optimizer=self._optimizer(),
            solver=SOLVERS[self.solver],
            alpha=float(self.alpha),
            l1_ratio=float(self.l1_ratio),
            learning_rate=self._rate(),
            schedule=Schedule.of(
                self.learning_rate,
                decay_rate=None if self.decay_rate is None else float(self.decay_rate),
                decay_epochs=self.decay_epochs,
                power_t=float(self.power_t),
                max_iter=self.max_iter,
            ),
            gradient_clip=None if self.gradient_clip is None else float(self.gradient_clip),
            tol=float(self.tol),
            n_iter_no_change=self.n_iter_no_change,
            weight_init=self._weight_init(),
            max_epochs=self.max_iter,
            max_evaluations=self.max_fun,
            batch_size=self._batch_size(n_rows, architecture.network.mixes_rows),
            shuffle=self.shuffle,
            augment=self.augment,
            early_stopping=bool(self.early_stopping),
            accelerates=self._accelerates,
            ftol=self._lbfgs_ftol(),
        )

    def _optimizer(self) -> Optimizer | None:
        """What makes the solver's steps; None where it makes them itself."""
        solver = SOLVERS[self.solver]
        if solver.make is None:
            return None
        given = {name: getattr(self, name) for name in solver.parameters}
        if "momentum" in given:
            given["momentum"] = self._momentum()
        numbers = {
            name: value if isinstance(value, (bool, np.bool_)) else float(value)
            for name, value in given.items()
        }
        return solver.make(**numbers)

    def _batch_size(self, n_rows: int, mixes_rows: bool) -> int:
        if isinstance(self.batch_size, str):
            return n_rows if self.batch_size == "full" else self._default_batch_size(n_rows)
        if self.batch_size == 1 and mixes_rows:
            raise ValueError(
                "batch_norm=True needs batch_size >= 2, got batch_size=1: the variance of a "
                "batch of one row is zero."
            )
        return min(int(self.batch_size), n_rows)

    def _recipe_after_change(
        self, prepared: Prepared, before: dict[str, Any], changed: list[str]
    ) -> Recipe:
        """The recipe of parameters that a callback has changed, checked like the first."""
        if not SOLVERS[self.solver].is_stochastic:
            raise ValueError(
                f"{changed[0]} cannot change while solver={self.solver!r} runs, which needs an "
                "objective that stays the same. Stochastic solvers take it."
            )
        self._validate_params()
        shape, n_rows = prepared.recipe.architecture, prepared.rows.n_rows
        for name in changed:
            if not self._may_change(name, before, prepared):
                raise ValueError(
                    f"{name} cannot change while a fit runs: a callback has set it from "
                    f"{before[name]!r} to {getattr(self, name)!r}."
                )
        self._check_hyperparameters()
        return self._recipe(shape.n_in, shape.n_out, n_rows)

    def _may_change(self, name: str, before: dict[str, Any], prepared: Prepared) -> bool:
        """Whether a fit that runs by the recipe before can go on with this parameter changed."""
        if name in _shared_parameters(self):
            return False
        one_changed = shallow_copy(self)
        one_changed.__dict__.update(before | {name: getattr(self, name)})
        shape = prepared.recipe.architecture
        recipe = one_changed._recipe(shape.n_in, shape.n_out, prepared.rows.n_rows)
        return prepared.recipe.is_kept_by(recipe)

    # -------------------------------------------------------------------------- preparing

    def _prepare(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        *,
        continuing: bool = False,
        classes: Any = None,
        validation: tuple[Any, Any, Any] = (None, None, None),
    ) -> Prepared:
        """Validated data, a recipe and a state to train: all that comes before the first step."""
        accepted = [np.float64, np.float32] if self.dtype is None else np.dtype(self.dtype)
        dtype = self._state.theta.dtype if continuing else accepted
        X, y = validated_X_y(self, X, y, reset=not continuing, dtype=dtype)
        if continuing:
            self._check_targets(y)
        else:
            self._learn_targets(y, classes)
        encoded = self._encode_targets(y, X.dtype)
        weights = self._example_weights(sample_weight, X, y)
        n_outputs = self._n_network_outputs(encoded)
        network = self._architecture(X.shape[1], n_outputs).network
        state = self._state if continuing else self._fresh_state(network, X.dtype)
        dev, train_rows = self._dev_set(X, y, encoded, weights, validation, state.split_seed)
        rows = Rows(X, encoded, weights, train_rows)
        self._check_training_rows(rows)
        recipe = self._recipe(X.shape[1], n_outputs, rows.n_rows)
        if continuing:
            state = state.copy(recipe.drawn_streams)
        return Prepared(recipe, state, rows, dev)

    def _dev_set(
        self,
        X: Any,
        y: Any,
        encoded: Array,
        weights: Array | None,
        given: tuple[Any, Any, Any],
        seed: int,
    ) -> tuple[DevSet | None, Array | None]:
        """The dev set, and the numbers of the rows that remain to train on (None: all)."""
        check_given_together(*given)
        if given[0] is not None:
            return given_dev_set(self, given, X.dtype, self._encode_targets), None
        if not self.early_stopping:
            return None, None
        train, held_out = held_out_rows(
            X.shape[0], self.validation_fraction, partial(self._strata, y), seed
        )
        return DevSet(X, encoded, weights, with_weight(held_out, weights), y), train

    def _example_weights(self, sample_weight: Any, X: Any, y: Any) -> Array | None:
        """sample_weight times the classes' weights."""
        weights = checked_weights(sample_weight, X.shape[0], X.dtype, "sample_weight")
        class_weights = self._class_weights(y)
        if class_weights is None:
            return weights
        class_weights = class_weights.astype(X.dtype)
        return class_weights if weights is None else weights * class_weights

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

    def _fresh_state(self, network: Network, dtype: Any) -> TrainingState:
        random = check_random_state(self.random_state)
        entropy = [int(word) for word in random.randint(0, 2**31 - 1, size=4)]
        return TrainingState.start(network, entropy, self._weight_init(), dtype)

    def _check_continued_with_the_same(self) -> None:
        before, now = self._trained_with, self._continued_with()
        changed = [name for name in now if now[name] != before[name]]
        if changed:
            name = changed[0]
            raise ValueError(
                f"Training cannot go on after {name} has changed from {before[name]!r} to "
                f"{now[name]!r}: warm_start and partial_fit need the architecture and solver of "
                "the fit they continue. Set warm_start=False and call fit to start anew."
            )

    # -------------------------------------------------------------------------------- training

    def _fit(self, X: Any, y: Any, sample_weight: Any, validation: tuple[Any, Any, Any]) -> Any:
        """Fit from the start, or go on from where the last fit ended."""
        self._check_hyperparameters()
        events = FitEvents(self, max_epochs=self.max_iter, X=X, y=y, sample_weight=sample_weight)
        if events.are_heard:
            # A callback may have set parameters as it heard of the fit.
            self._validate_params()
            self._check_hyperparameters()
        before, lengths = dict(self.__dict__), _recorded(self)
        try:
            continuing = self.__sklearn_is_fitted__() and (
                self.warm_start or self._paused is not None
            )
            if continuing:
                self._check_continued_with_the_same()
            prepared = self._prepare(
                X, y, sample_weight, continuing=continuing, validation=validation
            )
            model = self._model(prepared, events, continuing=continuing)
            self._begin(prepared, model)
            fit = Fit(
                [model],
                prepared.rows,
                prepared.dev,
                watch_gradient=any(_reads_gradient_norm(one) for one in callbacks_of(self)),
                keeps_whole_epochs=True,
            )
            fit.run()
            self._conclude(prepared.rows, model)
            warn_if_no_progress(self, prepared.rows, model)
            events.fit_ends()
            self.__dict__.pop("_running")
        except BaseException:
            _restore(self, before, lengths)
            raise
        return self

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> Any:
        """Train for one epoch, from the start or from where training was."""
        self._check_hyperparameters()
        before, lengths = dict(self.__dict__), _recorded(self)
        try:
            continuing = self.__sklearn_is_fitted__()
            if continuing:
                self._check_continued_with_the_same()
            prepared = self._prepare(X, y, sample_weight, continuing=continuing, classes=classes)
            prepared.recipe = replace(prepared.recipe, max_epochs=1)
            self.__dict__.pop("_paused", None)
            model = self._model(prepared, None, continuing=continuing)
            self._begin(prepared, model)
            Fit([model], prepared.rows).run()
            self._conclude(prepared.rows, model, incremental=True)
            self.__dict__.pop("_running")
        except BaseException:
            _restore(self, before, lengths)
            raise
        return self

    def _model(
        self, prepared: Prepared, events: FitEvents | None, *, continuing: bool = False
    ) -> Model:
        """The model that a fit trains, with what watches it."""
        listens = events is not None and events.are_heard
        watch = Watch(
            prepared.recipe,
            prepared.state,
            self._curves if continuing else Curves(),
            self._standing.copy() if continuing else Standing(),
            listener=events if listens else None,
            verbose=bool(self.verbose),
            announces_epochs=prepared.recipe.is_stochastic,
        )
        paused = self._paused
        if paused is not None:
            if prepared.fingerprint() != paused.fingerprint:
                raise ValueError(
                    "A fit that was saved goes on with the data it began with: X, y, the weights "
                    "or the dev set are other ones now."
                )
            watch.go_on_from(paused.counters)
        model = Model(watch)
        if prepared.dev is not None:
            model.dev = prepared.dev.of_model(0)
            model.score = self._scorer(model)
        if events is not None:
            events.fitted_attributes = partial(self._attributes_as_if_ended, watch)
            events.remake = partial(self._recipe_after_change, prepared)
        return model

    def _begin(self, prepared: Prepared, model: Model) -> None:
        """Take up what is trained, so that callbacks find it."""
        self._use(model)
        self._trained_with = self._continued_with()
        self.__dict__.pop("_foreseen", None)
        self.__dict__.pop("_paused", None)
        self.__dict__.pop("_rate_under_control", None)
        self._running = RunningFit(self, prepared, model.watch)
        warn_of_settings(self, model.recipe, model.state, prepared.rows.n_rows)

    def _use(self, model: Model) -> None:
        """Predict with what a model has come to, and go on from it."""
        self._network, self._state = model.recipe.network, model.state
        self._curves, self._standing = model.watch.curves, model.watch.standing

    def _conclude(self, rows: Rows, model: Model, *, incremental: bool = False) -> None:
        """Set the fitted attributes and say how training ended."""
        restored = check_outcome(model, rows)
        self._use(model)
        self._set_fitted_attributes(model)
        warn_of_outcome(self, model, restored=restored, incremental=incremental)

    def _set_fitted_attributes(self, model: Model) -> None:
        coefficients = self._coefficients(model.recipe.network, model.state.theta)
        self.__dict__.update(fitted_attributes(model), **coefficients)

    def _attributes_at(self, watch: Watch, theta: Array, statistics: Array) -> dict[str, Any]:
        """Attributes with which a copy of this estimator predicts with these parameters."""
        network = watch.recipe.network
        frozen = replace(watch.state, theta=theta.copy(), statistics=statistics.copy())
        return {
            "_network": network,
            "_state": frozen,
            "n_iter_": frozen.epochs,
            "out_activation_": watch.recipe.loss.link.name,
            **self._coefficients(network, theta),
        }

    def _attributes_as_if_ended(self, watch: Watch) -> dict[str, Any]:
        return {**self._attributes_at(watch, *watch.weights), "n_iter_": watch.n_epochs}

    def _scorer(self, model: Model) -> Score | None:
        """The score of early stopping from logits; None stands for minus the loss."""
        assert model.dev is not None
        if self.scoring == "loss":
            return None
        if self.scoring is None:
            return partial(self._score_logits, dev=model.dev)

        def as_it_is() -> dict[str, Any]:
            return self._attributes_at(model.watch, model.state.theta, model.state.statistics)

        return scorer_on(self, model.dev, as_it_is)

    # ------------------------------------------------------------------------------ prediction

    def _logits(self, X: Any, *, link: str = "identity") -> Array:
        """Raw outputs, or with a link predictions, of shape (n, n_outputs)."""
        if self._foreseen is not None and self._foreseen[0] is X:
            return LINKS[link].inverse(self._foreseen[1].copy())
        X = validated_X(self, X)
        transform = LINKS[link].inverse
        return predict_logits(
            self._network, self._state.theta, self._state.statistics, X, transform=transform
        )

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_state") and hasattr(self, "n_iter_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _check_incremental(self) -> None:
        if self.early_stopping:
            raise ValueError(
                "partial_fit does not support early_stopping=True: one call sees one epoch's data "
                "and holds none out. Set early_stopping=False."
            )

    def _has_partial_fit(self) -> bool:
        if not SOLVERS[self.solver].is_stochastic:
            raise AttributeError(
                "partial_fit is only available for stochastic optimizers. "
                f"{self.solver} is not stochastic."
            )
        return True


# ------------------------------------------------------------------- a fit that runs, or that fails


@dataclass
class RunningFit:
    """What callbacks can see of a fit while it runs."""

    estimator: Any
    prepared: Prepared
    watch: Watch

    @property
    def is_last_epoch(self) -> bool:
        """Whether no epoch is to come."""
        return not self.watch.has_epochs_left

    def saved(self) -> Any:
        """A copy of the estimator in the midst of its fit, whose own `fit` goes on from here."""
        copied = shallow_copy(self.estimator)
        for name in ("_running", "_foreseen", "_parent_callback_ctx", *TRANSIENT):
            copied.__dict__.pop(name, None)
        if "_rate_before_control" in copied.__dict__:
            copied._rate_under_control = copied.learning_rate_init
            copied.learning_rate_init = copied.__dict__.pop("_rate_before_control")
        # It predicts as the network does now.
        copied._set_fitted_attributes(Model(self.watch))
        copied._standing = self.watch.standing
        copied._paused = PausedFit(self.watch.counters(), self.prepared.fingerprint())
        return copied


def running_fit(estimator: BaseNetworkEstimator) -> RunningFit:
    """The fit of this estimator that is running, for its callbacks."""
    return estimator._running


def take_control_of_rate(estimator: Any) -> None:
    """Remember the estimator's own learning rate, which others are set for while a fit runs."""
    estimator._rate_before_control = estimator.learning_rate_init
    # A fit that was saved under control goes on with the rate it had.
    if "_rate_under_control" in estimator.__dict__:
        estimator.learning_rate_init = estimator.__dict__.pop("_rate_under_control")


def give_back_rate(estimator: Any) -> None:
    """Set the estimator's own learning rate again."""
    if "_rate_before_control" in estimator.__dict__:
        estimator.learning_rate_init = estimator.__dict__.pop("_rate_before_control")


# --------------------------------------------------------------------------- several estimators


def fit_key(estimator: Any) -> Hashable | None:
    """What estimators that may be fitted together have in common; None where one goes alone.

    As far as their parameters tell: data may part those who agree in it, and never join others.
    """
    if not isinstance(estimator, BaseNetworkEstimator) or not _fits_as_skdeep_does(estimator):
        return None
    if not SOLVERS[estimator.solver].is_stochastic or estimator.verbose or callbacks_of(estimator):
        return None
    estimator._validate_params()
    estimator._check_hyperparameters()
    # Which loss a classifier has its labels will say, to all alike.
    loss = LogisticCrossEntropy() if is_classifier(estimator) else None
    recipe = estimator._recipe(1, 1, sys.maxsize, loss)
    shared = sorted(_shared_parameters(estimator) & set(estimator.get_params(deep=False)))
    tokens = ((name, token(getattr(estimator, name))) for name in shared)
    return (type(estimator), *tokens, recipe.key_of_fit())


def _fits_as_skdeep_does(estimator: BaseNetworkEstimator) -> bool:
    """Whether a class, a user's maybe, leaves `fit` as it is."""
    definer = next(base for base in type(estimator).__mro__ if "fit" in vars(base))
    return definer.__module__.startswith(__package__)


def hidden_layer_sizes(estimator: BaseNetworkEstimator) -> tuple[int, ...]:
    """The widths of an estimator's hidden layers."""
    return estimator._architecture(1, 1).hidden_layer_sizes


def rows_per_step(estimator: BaseNetworkEstimator, n_rows: int) -> int:
    """How many of n_rows rows an estimator's mini-batch has."""
    return estimator._batch_size(n_rows, mixes_rows=False)


def prepare(estimator: Any, X: Any, y: Any, fit_params: dict[str, Any]) -> Prepared:
    """What the fit of an unfitted estimator would work on."""
    validation = tuple(fit_params.get(name) for name in ("X_val", "y_val", "sample_weight_val"))
    prepared: Prepared = estimator._prepare(
        X, y, fit_params.get("sample_weight"), validation=validation
    )
    return prepared


def model_of(estimator: Any, prepared: Prepared) -> Model:
    """The model that a fit trains for an estimator which has been prepared."""
    warn_of_settings(estimator, prepared.recipe, prepared.state, prepared.rows.n_rows)
    model: Model = estimator._model(prepared, None)
    return model


def model_like(estimator: Any, leader: Any, prepared: Prepared) -> Model:
    """The model of another estimator on the same rows."""
    for name, value in leader.__dict__.items():
        # What preparing the data has given to the leader; a parameter is there already.
        estimator.__dict__.setdefault(name, value)
    shape = prepared.recipe.architecture
    recipe = estimator._recipe(shape.n_in, shape.n_out, prepared.rows.n_rows)
    state = _state_like(estimator, recipe, prepared)
    return model_of(estimator, replace(prepared, recipe=recipe, state=state))


def _state_like(estimator: Any, recipe: Recipe, prepared: Prepared) -> TrainingState:
    """The estimator's own start, with the random streams of the leader after it."""
    leader, state = prepared.recipe, prepared.state
    same_start = (
        recipe.weight_init == leader.weight_init
        and recipe.architecture.hidden_layer_sizes == leader.architecture.hidden_layer_sizes
    )
    if estimator.random_state is not None and same_start:
        return replace(state)
    own: TrainingState = estimator._fresh_state(recipe.network, state.theta.dtype)
    return replace(own, streams=state.streams, split_seed=state.split_seed)


def concluded(estimator: Any, rows: Rows, model: Model) -> Any:
    """A fitted copy of an estimator whose model has been trained, with warnings as after `fit`.

    Where it would go on from, beside its parameters, is still the model's.
    """
    fitted, watch = shallow_copy(estimator), model.watch
    theta, statistics = watch.state.theta.copy(), watch.state.statistics.copy()
    state = replace(watch.state, theta=theta, statistics=statistics)
    own = Watch(model.recipe, state, watch.curves.copy(), watch.standing.copy())
    own.go_on_from(watch.counters())
    own.n_epochs_of_other_cost = watch.n_epochs_of_other_cost
    outcome = replace(model, watch=own)
    fitted._conclude(rows, outcome)
    fitted._trained_with = fitted._continued_with()
    return fitted


def detach(fitted: BaseNetworkEstimator) -> None:
    """Give a concluded estimator all that it would go on from."""
    fitted._state = copy.deepcopy(fitted._state)


def foresee(models: Sequence[Any], X: Any) -> None:
    """Predict X with all fitted models at once; each then has its predictions ready."""
    if not models or type(models[0])._logits is not BaseNetworkEstimator._logits:
        # The linear models predict from coef_.
        return
    first = models[0]._network
    network = Architecture.together(
        [model._architecture(first.n_in, first.n_out) for model in models]
    ).network
    places = [place_in(network, model._network) for model in models]
    states = [model._state for model in models]
    theta, statistics = padded(
        [(s.theta, s.statistics, place) for s, place in zip(states, places, strict=True)], network
    )
    logits = predict_logits(network, theta, statistics, validated_X(models[0], X))
    for model, own in zip(models, logits, strict=True):
        model._foreseen = (X, own)


def prepared_to_inspect(
    estimator: Any, X: Any, y: Any, sample_weight: Any, **parameters: Any
) -> Prepared:
    """What a fit with other parameters would work on, in float64, all rows in it.

    Of an unfitted estimator where its training would start, of a fitted one where it is. The
    estimator is not changed.
    """
    fitted = estimator.__sklearn_is_fitted__()
    subject = shallow_copy(estimator) if fitted else clone(estimator)
    subject.set_params(dtype="float64", early_stopping=False, **parameters)
    subject._validate_params()
    subject._check_hyperparameters()
    if fitted:
        state = subject._state
        subject._state = replace(
            state,
            theta=state.theta.astype(np.float64),
            statistics=state.statistics.astype(np.float64),
        )
    prepared: Prepared = subject._prepare(X, y, sample_weight, continuing=fitted)
    return prepared


def shallow_copy(estimator: Any) -> Any:
    """A copy with attributes of its own, which are the same objects."""
    copied = object.__new__(type(estimator))
    copied.__dict__.update(estimator.__dict__)
    return copied


def _shared_parameters(estimator: Any) -> set[str]:
    """Parameters that no recipe carries: those of the rows, and of a user's subclass."""
    ours = next(kind for kind in type(estimator).__mro__ if kind.__module__.startswith(__package__))
    known = set(inspect.signature(ours).parameters)
    return OF_THE_ROWS | (set(estimator.get_params(deep=False)) - known)


def _recorded(estimator: BaseNetworkEstimator) -> int:
    """How many epochs are in the curves, which a continued fit appends to."""
    return len(estimator._curves.loss) if hasattr(estimator, "_curves") else 0


def _restore(estimator: BaseNetworkEstimator, before: dict[str, Any], n_recorded: int) -> None:
    """Make an estimator what it was."""
    if "_curves" in before:
        before["_curves"].cut(n_recorded)
    # One assignment: there is no moment at which only some of it is back.
    estimator.__dict__ = before


def _reads_gradient_norm(callback: Any) -> bool:
    return getattr(callback, "reads_gradient_norm", False)


def _some_rows(x: Any, n: int = 100) -> Any:
    """Rows from all over an array or CSR matrix."""
    return x[np.unique(np.linspace(0, x.shape[0] - 1, n).astype(int))]
