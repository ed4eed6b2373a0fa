"""What all estimators share: validate → build the network → train → fitted attributes.

`fit`, `partial_fit` and a warm-started `fit` go through `_train`; they differ in where the training
state comes from and in how many epochs follow.
"""

import copy
import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from numbers import Integral, Real
from typing import Any

import joblib
import numpy as np
import scipy.sparse
from sklearn.base import BaseEstimator, is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array, validate_data

from .._engine.backend import Array
from .._engine.data import Rows
from .._engine.full_batch import minimize_lbfgs
from .._engine.losses import Loss, apply_link
from .._engine.network import Network, build_network
from .._engine.objective import Problem, evaluate_loss, predict_logits
from .._engine.optimizers import Optimizer
from .._engine.penalties import ElasticNet
from .._engine.schedules import SCHEDULES, Schedule
from .._engine.solvers import SOLVERS, Run, Solver, make_optimizer
from .._engine.training import LoopSettings, TrainingState, train_epochs
from ._callbacks import CallbackSupport, FitEvents, wants_gradient_norm
from ._compat import Interval, Options, StrOptions
from ._diagnosis import warn_if_no_progress
from ._parameters import PerModel, shared_parameters
from ._progress import Curves, FitMonitor, PausedFit, StoppingRule
from ._validation import ValidationSet, checked_array, checked_weights
from ._warnings import warn

# Each model of a stack may have its own, but they say where a fit starts, when it ends at the
# latest or how it is watched: too late to change while it runs.
FIXED_FROM_THE_START = {"hidden_layer_sizes", "weight_init", "max_iter", "max_fun", "scoring"}
# Where one of these changes, costs before and after cannot be compared.
OF_THE_COST = {"alpha", "l1_ratio", "label_smoothing", "huber_delta"}
# Attributes of a fit that is running.
TRANSIENT = (
    "_in_fit",
    "_foreseen",
    "_skl_callbacks",
    "_callback_fit_ctx",
    "_skl_callbacks_to_teardown",
    "_parent_callback_ctx",
)

NON_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and "
    "need to be preprocessed. Scale X (StandardScaler in a Pipeline), or lower learning_rate_init."
)


@dataclass
class FitRun:
    """All that one run of a solver works on."""

    problem: Problem
    state: TrainingState
    curves: Curves
    validation: ValidationSet | None
    # What the problem was made from; a callback may set other values while it is trained.
    parameters: dict[str, Any] = field(default_factory=dict)
    # Whether the state of an earlier fit has been trained on, so that it is no longer there.
    moved_in_place: bool = False

    @cached_property
    def fingerprint(self) -> str:
        """Tells other data from these, by all targets and weights and some rows of X."""
        data, dev = self.problem.data, self.validation
        parts: list[Any] = [data.x.shape, _some_rows(data.x), data.y, data.sample_weight]
        if dev is not None:
            parts += [dev.x.shape, _some_rows(dev.x), dev.targets, dev.weights]
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
        "alpha": PerModel([Interval(Real, 0, None, closed="left")]),
        "l1_ratio": PerModel([Interval(Real, 0, 1, closed="both")]),
        "batch_size": [StrOptions({"auto", "full"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate": PerModel([StrOptions(set(SCHEDULES)), callable]),
        "learning_rate_init": PerModel([Interval(Real, 0, None, closed="neither")]),
        "power_t": PerModel([Interval(Real, 0, None, closed="left")]),
        "decay_rate": PerModel([Interval(Real, 0, None, closed="neither"), None]),
        "decay_epochs": PerModel([Interval(Integral, 1, None, closed="left"), None]),
        "max_iter": PerModel([Interval(Integral, 1, None, closed="left")]),
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": PerModel([Interval(Real, 0, None, closed="left")]),
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": PerModel([Interval(Real, 0, 1, closed="both")]),
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "scoring": PerModel([str, callable, None]),
        "rho": PerModel([Interval(Real, 0, 1, closed="left")]),
        "beta_1": PerModel([Interval(Real, 0, 1, closed="left")]),
        "beta_2": PerModel([Interval(Real, 0, 1, closed="left")]),
        "epsilon": PerModel([Interval(Real, 0, None, closed="neither")]),
        "n_iter_no_change": PerModel(
            [Interval(Integral, 1, None, closed="left"), Options(Real, {np.inf})]
        ),
        "max_fun": PerModel([Interval(Integral, 1, None, closed="left")]),
        "gradient_clip": PerModel([Interval(Real, 0, None, closed="neither"), None]),
        "augment": [callable, None],
        "dtype": [StrOptions({"float32", "float64"}), None],
    }

    # An X and its raw outputs, where a stack has predicted for all its models at once.
    _foreseen: tuple[Any, Array] | None = None
    # Where a saved fit had come to, from which the next call of `fit` goes on.
    _paused: PausedFit | None = None
    # While a fit runs.
    _in_fit: tuple[FitRun, FitMonitor]

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
    def _score_logits(self, logits: Array, validation: ValidationSet) -> float:
        """The default score on a dev set."""

    @abstractmethod
    def _strata(self, y: Any, n_held_out: int) -> Any:
        """What the held-out fraction, of n_held_out rows, is stratified by, or None."""

    def _hidden_layer_sizes(self) -> list[int]:
        return []

    def _network_parameters(self) -> dict[str, Any]:
        """Keyword arguments for `build_network` beyond the sizes."""
        return {}

    def _class_weights(self, y: Any) -> Array | None:
        return None

    def _weight_init(self) -> str:
        return "auto"

    def _default_batch_size(self, n_samples: int) -> int:
        # The docstrings say what was measured: 64 gains nothing for its time, 256 costs accuracy.
        return min(128, n_samples)

    def _stack_key(self) -> tuple[Any, ...]:
        """What models of one stack must have in common beyond the parameters that say so."""
        # Without momentum there is no velocity, and so another optimizer.
        return (self.momentum == 0,)

    def _architecture(self) -> dict[str, Any]:
        """The parameters that training cannot continue across a change of."""
        return {"solver": self.solver, "dtype": self.dtype}

    @property
    def _solver_row(self) -> Solver:
        return SOLVERS[self.solver]

    # ------------------------------------------------------------------------------ validation

    def _check_hyperparameters(self) -> None:
        """What no single parameter's range can rule out."""
        self._check_scoring()
        solver = self._solver_row
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

    def _check_scoring(self) -> None:
        if not isinstance(self.scoring, str) or self.scoring == "loss":
            return
        from sklearn.metrics import get_scorer_names

        if self.scoring not in get_scorer_names():
            raise ValueError(
                f"The 'scoring' parameter of {type(self).__name__} must be None, 'loss', a "
                "callable, or one of sklearn.metrics.get_scorer_names(). "
                f"Got {self.scoring!r} instead."
            )

    def _validated_X_y(self, X: Any, y: Any, *, reset: bool, dtype: Any) -> tuple[Any, Any]:
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse="csr",
            multi_output=True,
            y_numeric=not is_classifier(self),
            dtype=dtype,
            reset=reset,
        )
        if y.ndim == 2 and y.shape[1] == 1 and not scipy.sparse.issparse(y):
            from sklearn.utils import column_or_1d

            y = column_or_1d(y, warn=True)
        return X, y

    def _validated_X(self, X: Any) -> Any:
        """X as an array or CSR matrix with the columns of `fit`."""
        dtype = (np.float64, np.float32)
        if type(X) is not np.ndarray or hasattr(self, "feature_names_in_"):
            return validate_data(self, X, accept_sparse="csr", dtype=dtype, reset=False)
        # There are no column names to compare, and to look for them takes as long as one row.
        X = check_array(X, dtype=dtype, estimator=self, input_name="X")
        self._check_width(X, "X")
        return X

    def _check_width(self, X: Any, name: str) -> None:
        if X.shape[1] != self.n_features_in_:
            raise ValueError(
                f"{name} has {X.shape[1]} features, but {type(self).__name__} is expecting "
                f"{self.n_features_in_} features as input."
            )

    def _accepted_dtypes(self) -> Any:
        return [np.float64, np.float32] if self.dtype is None else np.dtype(self.dtype)

    def _validation_set(
        self,
        X: Any,
        y: Any,
        encoded: Array,
        weights: Array | None,
        given: tuple[Any, Any, Any],
        state: TrainingState,
    ) -> tuple[ValidationSet | None, Array | None]:
        """The dev set, and the numbers of the rows that remain to train on (None: all)."""
        X_val, y_val, sample_weight_val = given
        if (X_val is None) != (y_val is None):
            missing = "X_val" if X_val is None else "y_val"
            raise ValueError(f"X_val and y_val must be given together; {missing} is None.")
        if X_val is not None:
            return self._given_validation_set(X_val, y_val, sample_weight_val, X.dtype), None
        if sample_weight_val is not None:
            raise ValueError("sample_weight_val was given without X_val and y_val.")
        if not self.early_stopping:
            return None, None
        train, held_out = self._split(X.shape[0], y, state)
        if weights is not None and not weights[held_out].any():
            raise ValueError(
                "The held-out rows have a total weight of zero. Increase 'validation_fraction', "
                "or give X_val and y_val."
            )
        if weights is not None:
            held_out = held_out[weights[held_out] > 0]
        return ValidationSet(X, encoded, weights, held_out, y), train

    def _given_validation_set(
        self, X_val: Any, y_val: Any, sample_weight_val: Any, dtype: Any
    ) -> ValidationSet:
        X_val = self._validated_X_val(X_val, dtype)
        if not scipy.sparse.issparse(y_val):
            y_val = checked_array(y_val, None if is_classifier(self) else dtype, "y_val")
        if y_val.ndim == 2 and y_val.shape[1] == 1:
            y_val = y_val.ravel()
        if y_val.shape[0] != X_val.shape[0]:
            raise ValueError(
                f"X_val and y_val must have the same number of rows, got {X_val.shape[0]} "
                f"and {y_val.shape[0]}."
            )
        weights = checked_weights(sample_weight_val, X_val.shape[0], dtype, "sample_weight_val")
        encoded = self._encode_targets(y_val, dtype, name="y_val")
        # A row without weight counts for nothing, whatever its loss: it may overflow.
        index = None if weights is None or weights.all() else np.flatnonzero(weights)
        return ValidationSet(X_val, encoded, weights, index, y_val)

    def _validated_X_val(self, X_val: Any, dtype: Any) -> Any:
        """X_val as an array or CSR matrix; errors say X_val, not X."""
        if np.ndim(X_val) == 1:
            raise ValueError(f"X_val must be 2D, got a 1D array of {len(X_val)} values.")
        checked = check_array(X_val, accept_sparse="csr", dtype=dtype, input_name="X_val")
        self._check_width(checked, "X_val")
        # Compares the column names alone, where there are any.
        validate_data(self, X_val, reset=False, skip_check_array=True)
        return checked

    def _split(self, n_samples: int, y: Any, state: TrainingState) -> tuple[Array, Array]:
        from sklearn.model_selection import train_test_split

        n_held_out = math.ceil(n_samples * self.validation_fraction)
        if not 0 < n_held_out < n_samples:
            raise ValueError(
                f"validation_fraction={self.validation_fraction} of n_samples={n_samples} leaves "
                f"{n_samples - n_held_out} row(s) to train on and holds out {n_held_out}; early "
                "stopping needs both. Change validation_fraction, or give X_val and y_val."
            )
        strata = self._strata(y, n_held_out)
        # A class of one row is train_test_split's to report, as in scikit-learn's MLP.
        can_stratify = strata is None or np.unique(strata, return_counts=True)[1].min() > 1
        if n_held_out < 2 and can_stratify:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' "
                "or the size of your dataset."
            )
        train, held_out = train_test_split(
            np.arange(n_samples),
            test_size=self.validation_fraction,
            random_state=state.split_seed,
            stratify=strata,
        )
        return train, held_out

    # -------------------------------------------------------------------------------- training

    def _train(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        *,
        incremental: bool = False,
        classes: Any = None,
        validation: tuple[Any, Any, Any] = (None, None, None),
    ) -> Any:
        """Fit from the start, or go on from where the last fit ended."""
        self.__dict__.pop("_foreseen", None)
        self._check_hyperparameters()
        events = None if incremental else self._begin_events(X, y, sample_weight)
        if self._listened_to:
            # A callback may have set parameters as it heard of the fit.
            self._validate_params()
            self._check_hyperparameters()
        goes_on = incremental or self.warm_start or self._paused is not None
        continuing = hasattr(self, "_state") and goes_on
        before, run = dict(self.__dict__), None
        try:
            if continuing:
                self._check_same_architecture()
            run = self._prepare(
                X, y, sample_weight, continuing=continuing, classes=classes, validation=validation
            )
            self._run(run, events, continuing=continuing, incremental=incremental)
        except Exception:
            if run is None or not run.moved_in_place:
                # The fit that was there before is still whole.
                self.__dict__.clear()
                self.__dict__.update(before)
            raise
        else:
            if events is not None:
                events.fit_ends()
        finally:
            self.__dict__.pop("_in_fit", None)
        return self

    def _run(
        self, run: FitRun, events: FitEvents | None, *, continuing: bool, incremental: bool
    ) -> None:
        """Train what has been prepared, and set the fitted attributes."""
        self._network, self._state, self._curves = run.problem.network, run.state, run.curves
        self._trained_architecture = self._architecture()
        n_epochs = 1 if incremental else self.max_iter
        monitor = self._monitor(run, events, n_epochs)
        paused = self.__dict__.pop("_paused", None)
        self.__dict__.pop("_rate_under_control", None)
        if paused is not None and not incremental:
            self._check_same_data(paused, run)
            monitor.go_on_from(paused)
        self._in_fit, n_epochs_before = (run, monitor), monitor.n_epochs
        if self._solver_row.has_learning_rate:
            self._warn_of_settings(run.problem)
        if events is not None:
            events.fitted_attributes = partial(self._attributes_as_if_ended, monitor)
        try:
            outcome = monitor.run(partial(self._solve, run, monitor, n_epochs=n_epochs))
        except Exception:
            if continuing and monitor.n_epochs > n_epochs_before:
                # Training has gone on in place: the attributes have to say how far.
                run.moved_in_place = True
                self._set_fitted_attributes(run.problem, monitor, None)
                if paused is not None and not incremental:
                    self._paused = monitor.paused(run.fingerprint)
            raise
        run.moved_in_place = continuing
        self._finish(run.problem, monitor, outcome, incremental=incremental)
        if not incremental:
            warn_if_no_progress(self, run.problem, monitor)

    def _check_same_data(self, paused: PausedFit, run: FitRun) -> None:
        if run.fingerprint != paused.fingerprint:
            raise ValueError(
                "A fit that was saved goes on with the data it began with: X, y, the weights or "
                "the dev set are other ones now."
            )

    def _paused_copy(self) -> Any:
        """A copy of the estimator in the midst of its fit, whose own `fit` goes on from here."""
        run, monitor = self._in_fit
        copied = copy.copy(self)
        for name in TRANSIENT:
            copied.__dict__.pop(name, None)
        if "_rate_before_control" in copied.__dict__:
            copied._rate_under_control = self.learning_rate_init
            copied.learning_rate_init = copied.__dict__.pop("_rate_before_control")
        # It predicts as the network does now.
        copied._set_fitted_attributes(run.problem, monitor, None)
        copied._paused = monitor.paused(run.fingerprint)
        return copied

    def _prepare(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        *,
        continuing: bool = False,
        classes: Any = None,
        validation: tuple[Any, Any, Any] = (None, None, None),
    ) -> FitRun:
        """Validated data and a state to train: all that comes before the first step."""
        dtype = self._state.theta.dtype if continuing else self._accepted_dtypes()
        X, y = self._validated_X_y(X, y, reset=not continuing, dtype=dtype)
        if continuing:
            self._check_targets(y)
        else:
            self._learn_targets(y, classes)
        encoded = self._encode_targets(y, X.dtype)
        weights = self._example_weights(sample_weight, X, y)
        network = self._build_network(X.shape[1], self._n_network_outputs(encoded))
        state = self._state if continuing else self._fresh_state(network, X.dtype)
        dev, train_rows = self._validation_set(X, y, encoded, weights, validation, state)
        data = Rows(X, encoded, weights, train_rows)
        self._check_training_rows(network, data)
        problem = self._problem(network, data)
        curves = self._curves if continuing else Curves()
        return FitRun(problem, state, curves, dev, self._parameters_now())

    def _problem(self, network: Network, data: Rows) -> Problem:
        penalty = ElasticNet.of(float(self.alpha), float(self.l1_ratio), data.total_weight)
        return Problem(network, self._make_loss(), penalty, data)

    def _example_weights(self, sample_weight: Any, X: Any, y: Any) -> Array | None:
        """sample_weight times the classes' weights."""
        weights = checked_weights(sample_weight, X.shape[0], X.dtype, "sample_weight")
        class_weights = self._class_weights(y)
        if class_weights is None:
            return weights
        class_weights = class_weights.astype(X.dtype)
        return class_weights if weights is None else weights * class_weights

    def _check_training_rows(self, network: Network, data: Rows) -> None:
        if not data.total_weight > 0:
            raise ValueError(
                "The rows to train on have a total weight of zero: sample_weight times "
                "class_weight must be positive for at least one of them."
            )
        if self.augment is not None and data.is_sparse:
            raise ValueError(
                f"augment takes dense batches, got a sparse X with augment={self.augment!r}."
            )
        if network.has_batch_norm and data.n_rows < 2:
            raise ValueError(
                "batch_norm=True needs at least 2 rows to train on, got n_samples="
                f"{data.n_rows}: the variance of 1 sample is zero."
            )

    def _build_network(self, n_features: int, n_outputs: int) -> Network:
        return build_network(
            n_features, self._hidden_layer_sizes(), n_outputs, **self._network_parameters()
        )

    def _fresh_state(self, network: Network, dtype: Any) -> TrainingState:
        random = check_random_state(self.random_state)
        entropy = [int(word) for word in random.randint(0, 2**31 - 1, size=4)]
        return TrainingState.start(network, entropy, self._weight_init(), dtype)

    def _check_same_architecture(self) -> None:
        before, now = self._trained_architecture, self._architecture()
        changed = [name for name in now if now[name] != before[name]]
        if changed:
            name = changed[0]
            raise ValueError(
                f"Training cannot go on after {name} has changed from {before[name]!r} to "
                f"{now[name]!r}: warm_start and partial_fit need the architecture and solver of "
                "the fit they continue. Set warm_start=False and call fit to start anew."
            )

    def _batch_size(self, n_samples: int) -> int:
        if isinstance(self.batch_size, str):
            return n_samples if self.batch_size == "full" else self._default_batch_size(n_samples)
        if self.batch_size == 1 and self._network.has_batch_norm:
            raise ValueError(
                "batch_norm=True needs batch_size >= 2, got batch_size=1: the variance of a "
                "batch of one row is zero."
            )
        return min(int(self.batch_size), n_samples)

    def _learning_rate_init(self, problem: Problem) -> float:
        return float(self.learning_rate_init)

    def _momentum(self) -> float:
        return float(self.momentum)

    def _schedule(self) -> Schedule:
        return Schedule.of(
            self.learning_rate,
            decay_rate=None if self.decay_rate is None else float(self.decay_rate),
            decay_epochs=self.decay_epochs,
            power_t=float(self.power_t),
            max_iter=self.max_iter,
        )

    def _warn_of_settings(self, problem: Problem) -> None:
        """What a run begins with that its user may not have meant."""
        if not isinstance(self.batch_size, str) and self.batch_size > problem.data.n_rows:
            warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped"
            )
        schedule = self._schedule()
        if self.learning_rate == "cosine" and self._state.epochs >= schedule.decay_epochs:
            warn(
                f"learning_rate='cosine' has come down to zero after {schedule.decay_epochs} "
                f"epochs, and {self._state.epochs} have been trained: nothing moves any more. "
                "Set decay_epochs to the epochs of all calls together.",
                ConvergenceWarning,
            )

    def _loop_settings(self, problem: Problem) -> LoopSettings:
        return LoopSettings(
            optimizer=self._optimizer(),
            schedule=self._schedule(),
            learning_rate=self._learning_rate_init(problem),
            batch_size=self._batch_size(problem.data.n_rows),
            shuffle=self.shuffle,
            gradient_clip=None if self.gradient_clip is None else float(self.gradient_clip),
            augment=self.augment,
            watch_gradient=wants_gradient_norm(self),
        )

    def _optimizer(self) -> Optimizer:
        given = {name: getattr(self, name) for name in self._solver_row.parameters}
        if "momentum" in given:
            given["momentum"] = self._momentum()
        numbers = {
            name: value if isinstance(value, (bool, np.bool_)) else float(value)
            for name, value in given.items()
        }
        return make_optimizer(self.solver, **numbers)

    def _solve(self, run: FitRun, monitor: FitMonitor, *, n_epochs: int) -> Any:
        """Run the solver; each epoch, or iteration of a full-batch solver, reports to monitor."""
        if self._solver_row.run is Run.LINE_SEARCH:
            return self._solve_lbfgs(run, monitor)
        return self._train_epochs(run, monitor, n_epochs)

    def _train_epochs(self, run: FitRun, monitor: FitMonitor, n_epochs: int) -> None:
        """Run epochs; what a callback changes between two of them holds from the next one on."""

        def after_epoch(loss: Array) -> bool:
            return monitor.after_epoch(loss) or bool(self._changed_parameters(run))

        while not monitor.stopped and monitor.n_epochs < n_epochs:
            self._take_up_changes(run, monitor)
            train_epochs(
                run.problem,
                self._state,
                self._loop_settings(run.problem),
                n_epochs=n_epochs - monitor.n_epochs,
                after_epoch=after_epoch,
            )
        # Whatever is set after the last epoch is checked, too.
        self._take_up_changes(run, monitor)

    @property
    def _listened_to(self) -> bool:
        return bool(getattr(self, "_skl_callbacks", None))

    def _parameters_now(self) -> dict[str, Any]:
        """The parameters; those that could change in place are copied."""
        return {
            name: copy.copy(value) if isinstance(value, (list, np.ndarray)) else value
            for name, value in self.get_params(deep=False).items()
        }

    def _changed_parameters(self, run: FitRun) -> list[str]:
        """The names of parameters that a callback has set since they were last looked at."""
        if not self._listened_to:
            return []
        now = self.get_params(deep=False)
        return [name for name, value in now.items() if not _are_equal(value, run.parameters[name])]

    def _take_up_changes(self, run: FitRun, monitor: FitMonitor) -> None:
        changed = self._changed_parameters(run)
        if not changed:
            return
        shared = shared_parameters(self)
        fixed = [name for name in changed if name in shared or name in FIXED_FROM_THE_START]
        if fixed:
            name = fixed[0]
            raise ValueError(
                f"{name} cannot change while a fit runs: a callback has set it from "
                f"{run.parameters[name]!r} to {getattr(self, name)!r}."
            )
        self._validate_params()
        self._check_hyperparameters()
        network = run.problem.network
        self._network = self._build_network(network.n_in, network.n_out)
        run.problem = self._problem(self._network, run.problem.data)
        run.parameters = self._parameters_now()
        if OF_THE_COST & set(changed):
            monitor.n_epochs_of_other_cost = monitor.n_epochs
        monitor.rule = self._stopping_rule(run.problem)
        if run.validation is not None:
            predict = partial(self._predict_rows, self._network, run.validation)
            monitor.validate = self._validator(run.problem, run.validation, predict)

    def _lbfgs_ftol(self) -> float:
        return 2.220446049250313e-09  # SciPy's default, as in scikit-learn's MLP

    def _solve_lbfgs(self, run: FitRun, monitor: FitMonitor) -> Any:
        return minimize_lbfgs(
            run.problem,
            self._state,
            max_iter=self.max_iter,
            max_fun=self.max_fun,
            tol=float(self.tol),
            ftol=self._lbfgs_ftol(),
            after_iteration=self._after_iteration(run, monitor),
        )

    def _after_iteration(self, run: FitRun, monitor: FitMonitor) -> Callable[[Array], bool]:
        """What a full-batch solver reports to; it cannot take up changes of its objective."""

        def after_iteration(loss: Array) -> bool:
            ended = monitor.after_epoch(loss)
            changed = self._changed_parameters(run)
            if changed:
                raise ValueError(
                    f"{changed[0]} cannot change while solver={self.solver!r} runs, which needs an "
                    "objective that stays the same. Stochastic solvers take it."
                )
            return ended

        return after_iteration

    # -------------------------------------------------------------------- watching and finishing

    def _begin_events(self, X: Any, y: Any, sample_weight: Any) -> FitEvents:
        return FitEvents(
            self,
            max_epochs=self.max_iter,
            X=X,
            y=y,
            metadata=None if sample_weight is None else {"sample_weight": sample_weight},
        )

    def _attributes_at(self, theta: Array, statistics: Array) -> dict[str, Any]:
        """Attributes with which a copy of this estimator predicts with these parameters."""
        frozen = copy.copy(self._state)
        frozen.theta, frozen.statistics = theta.copy(), statistics.copy()
        link = self._make_loss().link
        return {"_state": frozen, "n_iter_": frozen.epochs, "out_activation_": link}

    def _attributes_as_if_ended(self, monitor: FitMonitor) -> dict[str, Any]:
        return {**self._attributes_at(*monitor.weights), "n_iter_": monitor.n_epochs}

    def _monitor(
        self,
        run: FitRun,
        events: FitEvents | None,
        max_epochs: int,
        dev_logits: Callable[[], Array] | None = None,
    ) -> FitMonitor:
        """What watches the run; `dev_logits` gives the dev set's raw outputs, None: predict."""
        problem, validation = run.problem, run.validation
        validate = None
        if validation is not None:
            predict = dev_logits or partial(self._predict_rows, problem.network, validation)
            validate = self._validator(problem, validation, predict)
        rule = self._stopping_rule(problem)
        return FitMonitor(run.state, run.curves, rule, validate, events, max_epochs)

    def _stopping_rule(self, problem: Problem) -> StoppingRule:
        is_stochastic = self._solver_row.is_stochastic
        return StoppingRule(
            tol=float(self.tol),
            n_iter_no_change=self.n_iter_no_change,
            early_stopping=self.early_stopping,
            stop_on_plateau=self.early_stopping or is_stochastic,
            is_adaptive=self.learning_rate == "adaptive" and is_stochastic,
            learning_rate_init=self._learning_rate_init(problem) if is_stochastic else 0.0,
            verbose=bool(self.verbose),
            announces_epochs=is_stochastic,
        )

    def _predict_rows(self, network: Network, rows: ValidationSet) -> Array:
        state = self._state
        return predict_logits(network, state.theta, state.statistics, rows.x, index=rows.index)

    def _validator(
        self, problem: Problem, validation: ValidationSet, predict: Callable[[], Array]
    ) -> Callable[[], tuple[float, float]]:
        """A function that gives the dev set's loss and score at the present parameters."""
        score = self._scorer(validation)

        def validate() -> tuple[float, float]:
            logits = predict()
            losses = evaluate_loss(problem.network, problem.loss, logits.copy(), validation.targets)
            loss = float(np.average(losses, weights=validation.weights))
            predictions = apply_link(problem.loss.link, logits.copy())
            if not (np.isfinite(logits).all() and np.isfinite(predictions).all()):
                return loss, math.nan
            return loss, -loss if score is None else float(score(logits))

        return validate

    def _scorer(self, validation: ValidationSet) -> Callable[[Array], float] | None:
        """The score of early stopping from logits; None stands for minus the loss."""
        if self.scoring == "loss":
            return None
        if self.scoring is None:
            return lambda logits: self._score_logits(logits, validation)
        from sklearn.metrics import check_scoring

        scorer = check_scoring(self, self.scoring)
        x, labels = validation.x, validation.labels
        if validation.index is not None:
            x, labels = x[validation.index], labels[validation.index]
        weights = {}
        if validation.weights is not None and _takes_weights(scorer):
            weights["sample_weight"] = validation.weights

        def score(logits: Array) -> float:
            fitted = copy.copy(self)
            state = self._state
            for name, value in self._attributes_at(state.theta, state.statistics).items():
                setattr(fitted, name, value)
            # The dev set has been validated: it is an array, with no column names to compare.
            fitted.__dict__.pop("feature_names_in_", None)
            return float(scorer(fitted, x, labels, **weights))

        return score

    def _finish(
        self, problem: Problem, monitor: FitMonitor, outcome: Any, *, incremental: bool
    ) -> None:
        """Set the fitted attributes and say how training ended."""
        restored = self.early_stopping and monitor.restore_best()
        if (monitor.diverged and not restored) or not self._predicts_finite_values(problem):
            # Where training went on in place, there is no model left to go back to.
            del self._state
            raise ValueError(NON_FINITE)
        self._set_fitted_attributes(problem, monitor, outcome)
        if monitor.diverged:
            warn(
                f"Training diverged in epoch {monitor.n_epochs}; the weights of the best epoch "
                f"({self.best_epoch_}, counted from 0) were restored. Scale X, or lower "
                "learning_rate_init.",
                ConvergenceWarning,
            )
        elif self.early_stopping and not restored and monitor.n_epochs > 0:
            warn(
                f"Early stopping saw no validation score above -inf in {monitor.n_epochs} epochs, "
                f"so no weights were restored; scoring={self.scoring!r} gave "
                f"{monitor.curves.validation_score[-1]}.",
                ConvergenceWarning,
            )
        elif not incremental and not monitor.interrupted and not monitor.stopped:
            self._warn_if_unconverged(monitor, outcome)

    def _predicts_finite_values(self, problem: Problem) -> bool:
        """Whether θ is finite, and so are the predictions for the training rows.

        The recorded losses are those before the last step, which may have been the one too many.
        Parameters of ordinary size cannot overflow, so as a rule no prediction is made here.
        """
        theta, link = self._state.theta, problem.loss.link
        largest = float(np.max(np.abs(theta)))
        if not math.isfinite(largest):
            return False
        layers = len(problem.network.dense_layers)
        if link != "exp" and largest < np.finfo(theta.dtype).max ** (1 / (4 * layers)):
            return True
        data, finite = problem.data, True

        def look(predictions: Array) -> Array:
            nonlocal finite
            if not np.isfinite(apply_link(link, predictions)).all():
                finite = False
            return predictions

        with np.errstate(all="ignore"):
            predict_logits(
                problem.network,
                theta,
                self._state.statistics,
                data.x,
                index=data.index,
                transform=look,
            )
        return finite

    def _warn_if_unconverged(self, monitor: FitMonitor, outcome: Any) -> None:
        if self._solver_row.run is Run.LINE_SEARCH:
            if outcome.status != 0:
                warn(
                    f"lbfgs failed to converge after {outcome.nit} iteration(s) (status="
                    f"{outcome.status}): {outcome.message}. Increase max_iter (now "
                    f"{self.max_iter}) or max_fun (now {self.max_fun}), or scale the data.",
                    ConvergenceWarning,
                )
        elif monitor.n_epochs == self.max_iter:
            warn(
                f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) "
                "reached and the optimization hasn't converged yet.",
                ConvergenceWarning,
            )

    def _set_fitted_attributes(self, problem: Problem, monitor: FitMonitor, outcome: Any) -> None:
        curves = monitor.curves
        # SciPy's result; of a fit that was interrupted there is none.
        searched = self._solver_row.run is Run.LINE_SEARCH and outcome is not None
        self.n_iter_ = outcome.nit if searched else monitor.n_epochs
        self.t_ = self._state.rows_seen
        self.loss_curve_ = curves.loss
        self.loss_ = curves.loss[-1] if curves.loss else math.inf
        if searched:
            self.loss_ = float(outcome.fun)
        watched = bool(curves.validation_score)
        self.validation_scores_ = curves.validation_score if watched else None
        self.validation_loss_curve_ = curves.validation_loss if watched else None
        self.best_validation_score_ = curves.best_score if watched else None
        self.best_epoch_ = curves.best_epoch
        self.best_loss_ = None if self.early_stopping else curves.best_loss
        self.n_outputs_ = problem.network.n_out
        self.n_layers_ = len(problem.network.dense_layers) + 1
        self.out_activation_ = problem.loss.link

    # ------------------------------------------------------------------------------ prediction

    def _logits(self, X: Any, *, link: str = "identity") -> Array:
        """Raw outputs, or with a link predictions, of shape (n, n_outputs)."""
        if self._foreseen is not None and self._foreseen[0] is X:
            return apply_link(link, self._foreseen[1].copy())
        X = self._validated_X(X)
        transform = None if link == "identity" else partial(apply_link, link)
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
        if not self._solver_row.is_stochastic:
            raise AttributeError(
                "partial_fit is only available for stochastic optimizers. "
                f"{self.solver} is not stochastic."
            )
        return True


def _some_rows(x: Any, n: int = 100) -> Any:
    """Rows from all over an array or CSR matrix."""
    return x[np.unique(np.linspace(0, x.shape[0] - 1, n).astype(int))]


def _are_equal(one: Any, other: Any) -> bool:
    """Whether two values of a parameter are the same."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    try:
        return bool(np.shape(one) == np.shape(other) and np.all(one == other))
    except ValueError:
        return False


def _takes_weights(scorer: Any) -> bool:
    """Whether a scorer can be called with sample_weight: scikit-learn's own can."""
    parameters = inspect.signature(scorer).parameters
    return "sample_weight" in parameters or any(
        parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()
    )
