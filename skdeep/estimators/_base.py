"""What all estimators share: check → prepare rows and recipe → fit → fitted attributes.

`fit`, `partial_fit` and a warm-started `fit` differ in where the training state comes from and in
how many epochs follow. All train a copy of the state. What is trained is put in place when training
begins, for callbacks to see, and the fitted attributes when it has ended; a call that fails or is
interrupted puts back all that was there before.

    fit → _fit ─ _prepare ─> rows, recipe, state ─> Fit.run → train_epochs → Epochs.run → step
                                                                → BatchObjective → layers' backward
               <─ _conclude ─ a model and what watched it <─────┘
"""

import copy
import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Self, TypeVar
from zlib import crc32

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import Tags

from .._arguments import is_bool
from .._engine.backend import Array
from .._engine.data import Rows
from .._engine.errors import own_errors
from .._engine.links import LINKS
from .._engine.network import Network
from .._engine.objective import predict_logits
from .._engine.reals import real_number
from .._engine.solvers import SOLVERS
from .._fit.architecture import Architecture
from .._fit.dev import DevPart, DevSet, Score
from .._fit.fit import Fit, Model
from .._fit.padding import padded, place_in
from .._fit.watch import Curves, Standing, Watch
from .._inputs import DevArguments, MatrixLike
from ._callbacks import CallbackSupport, FitEvents
from ._diagnosis import warn_if_no_progress
from ._outcome import check_outcome, fitted_attributes, warn_of_outcome, warn_of_settings
from ._preparation import Prepared, PreparesFits, state_with
from ._recipe import architecture_like, recipe_of, shallow_copy
from ._running import (
    OTHER_DATA,
    TRANSIENT,
    HasRunningFit,
    PausedFit,
    RunningFit,
    check_random_state_kept,
)
from ._scoring import scorer_on
from ._validation import check_finite_outputs, check_fits_in, validated_X


class BaseNetworkEstimator(HasRunningFit, CallbackSupport, PreparesFits):
    """Base class of the four estimators. Warning: use the derived classes."""

    _standing: Standing
    # Of the network that was fitted, whatever the parameters say by now.
    _shape: Architecture
    # What tells the best θ so far from another one.
    _best_theta: int | None = None
    # An X and its raw outputs, where a stack has predicted for all its models at once.
    _foreseen: tuple[object, Array] | None = None
    # Where a saved fit had come to, from which the next call of `fit` goes on.
    _paused: PausedFit | None = None

    # ------------------------------------------------------------------ what derived classes say

    @abstractmethod
    def _default_score(self, dev: DevPart) -> Score:
        """What early stopping scores raw outputs for these dev rows by, unless it is told."""

    def _continued_with(self) -> dict[str, object]:
        """The parameters that training cannot continue across a change of."""
        return {"solver": self.solver, "dtype": self.dtype}

    def _coefficients(self, network: Network, theta: Array) -> Mapping[str, Array]:
        """Fitted attributes that are copies out of θ."""
        return {}

    @property
    def _network(self) -> Network:
        return self._shape.network

    # -------------------------------------------------------------------------------- training

    def _fit(
        self,
        X: MatrixLike,
        y: MatrixLike,
        sample_weight: ArrayLike | None,
        validation: DevArguments,
    ) -> Self:
        """Fit from the start, or go on from where the last fit ended."""
        self._check_not_running()
        self._check_hyperparameters()
        events = FitEvents(self, max_epochs=self.max_iter, X=X, y=y, sample_weight=sample_weight)
        if events.are_heard:
            # A callback may have set parameters as it heard of the fit.
            self._validate_params()
            self._check_hyperparameters()
        before = dict(self.__dict__)
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
                watch_gradient=events.reads_gradient_norm,
                remembers_epochs=True,
            )
            fit.run()
            self._conclude(prepared.rows, model)
            warn_if_no_progress(self, prepared.rows, model)
            events.fit_ends()
            self.__dict__.pop("_running")
            return self
        except BaseException:
            # One assignment: there is no moment at which only some of it is back.
            self.__dict__ = before
            raise

    def _partial_fit(
        self,
        X: MatrixLike,
        y: MatrixLike,
        sample_weight: ArrayLike | None,
        classes: ArrayLike | None = None,
        *,
        total_weight: float | None,
    ) -> Self:
        """Train for one epoch, from the start or from where training was."""
        self._check_not_running()
        self._check_hyperparameters()
        before = dict(self.__dict__)
        try:
            continuing = self.__sklearn_is_fitted__()
            if continuing:
                self._check_continued_with_the_same()
            prepared = self._prepare(X, y, sample_weight, continuing=continuing, classes=classes)
            alpha = prepared.recipe.alpha * _share_of(total_weight, prepared.weight)
            prepared.recipe = replace(prepared.recipe, max_epochs=1, alpha=alpha)
            self.__dict__.pop("_paused", None)
            model = self._model(prepared, None, continuing=continuing)
            self._begin(prepared, model)
            Fit([model], prepared.rows).run()
            self._conclude(prepared.rows, model, incremental=True)
            self.__dict__.pop("_running")
            return self
        except BaseException:
            # One assignment: there is no moment at which only some of it is back.
            self.__dict__ = before
            raise

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

    def _model(
        self, prepared: Prepared, events: FitEvents | None, *, continuing: bool = False
    ) -> Model:
        """The model that a fit trains, with what watches it."""
        listens = events is not None and events.are_heard
        watch = Watch(
            prepared.recipe,
            prepared.state,
            self._curves.copy() if continuing else Curves(),
            self._standing.copy() if continuing else Standing(),
            listener=events if listens else None,
            verbose=bool(self.verbose),
            announces_epochs=prepared.recipe.is_stochastic,
        )
        paused = self._paused
        if paused is not None:
            check_random_state_kept(paused.random_state, self.random_state)
            if prepared.fingerprint != paused.fingerprint:
                raise ValueError(OTHER_DATA)
            watch.go_on_from(paused.counters)
        model = Model(watch)
        self._watch_on(prepared.dev, model)
        if events is not None:
            self._connect(events, prepared, watch)
        return model

    def _watch_on(self, dev: DevSet | None, model: Model) -> None:
        """Let the model be watched on a dev set, if there is one."""
        if dev is not None:
            model.dev = dev.of_model(0)
            model.score = self._scorer(model)

    def _connect(self, events: FitEvents, prepared: Prepared, watch: Watch) -> None:
        """Let events find what callbacks ask for."""
        events.fitted_attributes = partial(self._attributes_as_if_ended, watch)
        n_rows = prepared.rows.n_rows
        events.remake = lambda before, changed: self._recipe_after_change(
            watch.recipe, n_rows, before, changed
        )

    def _begin(self, prepared: Prepared, model: Model) -> None:
        self._take_up(prepared, model)
        warn_of_settings(self, model.recipe, model.state, prepared.rows.n_rows)

    def _take_up(self, prepared: Prepared, model: Model) -> None:
        """Take up what is trained, so that callbacks find it."""
        self._use(model)
        self._trained_with = self._continued_with()
        self.__dict__.pop("_foreseen", None)
        self.__dict__.pop("_paused", None)
        self.__dict__.pop("_rate_under_control", None)
        self._running = RunningFit(
            model.watch,
            lambda: prepared.fingerprint,
            partial(self._attributes_of, model),
            self.random_state,
        )

    def _forget_best_unless(self, theta: Array) -> None:
        if self._standing.holds_best and _digest(theta) != self._best_theta:
            standing: Standing = self._standing.copy()
            standing.holds_best = False
            self._standing = standing

    def _use(self, model: Model) -> None:
        """Predict with what a model has come to, and go on from it."""
        self._shape, self._state = model.recipe.architecture, model.state
        self._curves, self._standing = model.watch.curves, model.watch.standing

    def _conclude(self, rows: Rows, model: Model, *, incremental: bool = False) -> None:
        """Set the fitted attributes and say how training ended."""
        self._end(model, restored=check_outcome(model, rows), incremental=incremental)

    def _end(self, model: Model, *, restored: bool, incremental: bool = False) -> None:
        self._use(model)
        if self._standing.holds_best:
            self._best_theta = _digest(model.state.theta)
        self.__dict__.update(self._attributes_of(model))
        warn_of_outcome(self, model, restored=restored, incremental=incremental)

    def _attributes_of(self, model: Model) -> dict[str, object]:
        """The fitted attributes of what a model has come to."""
        coefficients = self._coefficients(model.recipe.network, model.state.theta)
        return {**fitted_attributes(model), **coefficients}

    def _attributes_at(self, watch: Watch, theta: Array, statistics: Array) -> dict[str, object]:
        """Attributes with which a copy of this estimator predicts with these parameters."""
        network = watch.recipe.network
        frozen = replace(watch.state, theta=theta.copy(), statistics=statistics.copy())
        return {
            "_shape": watch.recipe.architecture,
            "_state": frozen,
            "n_iter_": frozen.epochs,
            "out_activation_": watch.recipe.loss.link.name,
            **self._coefficients(network, theta),
            # Of a copy, which no fit trains.
            "_running": None,
        }

    def _attributes_as_if_ended(self, watch: Watch) -> dict[str, object]:
        curves, is_watched = watch.curves, bool(watch.curves.validation_score)
        return {
            **self._attributes_at(watch, *watch.would_end_with),
            "n_iter_": watch.n_epochs,
            "loss_curve_": list(curves.loss),
            "validation_scores_": list(curves.validation_score) if is_watched else None,
            "validation_loss_curve_": list(curves.validation_loss) if is_watched else None,
        }

    def _scorer(self, model: Model) -> Score | None:
        """The score of early stopping from logits; None stands for minus the loss."""
        assert model.dev is not None
        if self.scoring == "loss":
            return None
        if self.scoring is None:
            return self._default_score(model.dev)

        def as_it_is() -> dict[str, object]:
            return self._attributes_at(model.watch, model.state.theta, model.state.statistics)

        return scorer_on(self, model.dev, as_it_is)

    # ------------------------------------------------------------------------------ prediction

    def _logits(self, X: MatrixLike, *, link: str = "identity") -> Array:
        """Raw outputs, or with a link predictions, of shape (n, n_outputs)."""
        how = LINKS[link]
        if self._foreseen is not None and self._foreseen[0] is X:
            predictions = how.inverse(self._foreseen[1].copy())
            if np.isfinite(predictions).all():
                return predictions
        theta, x = self._state.theta, validated_X(self, X)
        check_fits_in(x, theta.dtype)
        with np.errstate(over="ignore", invalid="ignore"):
            predictions = predict_logits(
                self._network, theta, self._state.statistics, x, transform=how.inverse
            )
        check_finite_outputs(predictions, x, can_overflow=how.can_overflow)
        return predictions

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_state") and hasattr(self, "n_iter_")

    def __sklearn_tags__(self) -> Tags:
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


Estimator = TypeVar("Estimator", bound=BaseNetworkEstimator)


def _digest(theta: Array) -> int:
    return crc32(theta.tobytes())


def _share_of(total_weight: object, own: float) -> float:
    """What part of a total weight rows have; all of it where none is given."""
    if total_weight is None:
        return 1.0
    total = math.nan if is_bool(total_weight) else real_number(total_weight)
    if not own * (1 - 1e-6) <= total < math.inf:
        raise ValueError(
            "total_weight must be the finite weight of a set that these rows are part of, at least "
            f"theirs, {own:g}; got {total_weight!r}."
        )
    return own / total


# --------------------------------------------------------------------------- several estimators


def model_of(estimator: BaseNetworkEstimator, prepared: Prepared) -> Model:
    """The model that a fit trains for an estimator which has been prepared."""
    model = estimator._model(prepared, None)
    warn_of_settings(estimator, prepared.recipe, prepared.state, prepared.rows.n_rows)
    return model


def watch_on(estimator: BaseNetworkEstimator, dev: DevSet | None, model: Model) -> None:
    """Let the model of an estimator be watched on a dev set, if there is one."""
    estimator._watch_on(dev, model)


def tell(
    estimator: BaseNetworkEstimator, events: FitEvents, prepared: Prepared, model: Model
) -> None:
    """Let an estimator's callbacks hear of the epochs that its model is going to be trained."""
    estimator._connect(events, prepared, model.watch)
    if events.are_heard:
        model.watch.listener = events
        estimator._take_up(prepared, model)


def concluded(estimator: Estimator, rows: Rows, model: Model) -> Estimator:
    """A fitted copy of an estimator whose model has been trained, with warnings as after `fit`.

    Where it would go on from, beside its parameters, is still the model's.

    Raises
    ------
    OwnError
        From what its own `fit` would have raised.
    """
    fitted, watch = shallow_copy(estimator), model.watch
    theta, statistics = watch.state.theta.copy(), watch.state.statistics.copy()
    state = replace(watch.state, theta=theta, statistics=statistics)
    own = Watch(model.recipe, state, watch.curves.copy(), watch.standing.copy())
    own.go_on_from(watch.counters())
    own.n_epochs_of_other_cost = watch.n_epochs_of_other_cost
    outcome = replace(model, watch=own)
    with own_errors(ValueError):
        restored = check_outcome(outcome, rows)
    # A filter may make errors of warnings.
    with own_errors(Warning):
        fitted._end(outcome, restored=restored)
        warn_if_no_progress(fitted, rows, outcome)
    fitted._trained_with = fitted._continued_with()
    for name in TRANSIENT:
        fitted.__dict__.pop(name, None)
    return fitted


def detach(fitted: BaseNetworkEstimator) -> None:
    """Give a concluded estimator all that it would go on from."""
    fitted._state = copy.deepcopy(fitted._state)


def fit_with(
    estimator: Estimator, theta: Array, n_inputs: int, n_outputs: int, curves: Curves
) -> Estimator:
    """Make an estimator, whose targets are known, one that has been fitted with these parameters.

    It goes on training from them with an optimizer that remembers nothing.
    """
    recipe = recipe_of(estimator, n_inputs, n_outputs)
    state = state_with(estimator, recipe.network, theta)
    model = Model(Watch(recipe, state, curves, Standing()))
    model.watch.n_epochs = len(curves.loss)
    estimator.n_features_in_ = n_inputs
    estimator._use(model)
    estimator.__dict__.update(estimator._attributes_of(model))
    estimator._trained_with = estimator._continued_with()
    return estimator


def architecture_of(fitted: BaseNetworkEstimator) -> Architecture:
    """The shape of the network that was fitted."""
    return fitted._shape


def rates_of(fitted: BaseNetworkEstimator) -> list[float]:
    """The learning rate of each epoch that has been trained; NaN for a full-batch solver."""
    return fitted._curves.rate if hasattr(fitted, "_curves") else []


def foresee(models: Sequence[BaseNetworkEstimator], X: MatrixLike) -> None:
    """Predict X with all fitted models at once; each then has its predictions ready."""
    if not models or type(models[0])._logits is not BaseNetworkEstimator._logits:
        # The linear models predict from coef_.
        return
    try:
        x = validated_X(models[0], X)
        check_fits_in(x, models[0]._state.theta.dtype)
    except Exception:
        # Rows that cannot be predicted: each meets that itself.
        return
    first = models[0]._network
    network = Architecture.together(
        [architecture_like(model, first.n_in, first.n_out) for model in models]
    ).network
    places = [place_in(network, model._network) for model in models]
    states = [model._state for model in models]
    theta, statistics = padded(
        [(s.theta, s.statistics, place) for s, place in zip(states, places, strict=True)], network
    )
    with np.errstate(over="ignore", invalid="ignore"):
        logits = predict_logits(network, theta, statistics, x)
    for model, own in zip(models, logits, strict=True):
        model._foreseen = (X, own)
