"""DeepMLPClassifier and DeepMLPRegressor: networks with hidden layers.

Both hold no formula: they say which network, which loss and which solver, and share everything else
with the linear estimators through `BaseNetworkEstimator`.
"""

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from .._engine.activations import ACTIVATIONS
from .._engine.backend import Array
from .._engine.initializers import INITIALIZERS
from .._engine.losses import (
    AbsoluteError,
    Huber,
    Loss,
    Poisson,
    SquaredError,
    apply_link,
)
from ._base import BaseNetworkEstimator, ValidationSet
from ._callbacks import with_callbacks
from ._classifier import ClassifierTargets
from ._compat import Interval, StrOptions, validated_fit


class BaseDeepMLP(BaseNetworkEstimator):
    """What the classifier and the regressor share: the hidden layers."""

    _parameter_constraints: dict[str, list[Any]] = {
        **BaseNetworkEstimator._parameter_constraints,
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions(set(ACTIVATIONS)), "array-like"],
        "solver": [StrOptions({"lbfgs", "sgd", "rmsprop", "adam", "adamw"})],
        "dropout": [Interval(Real, 0, 1, closed="left"), "array-like"],
        "input_dropout": [Interval(Real, 0, 1, closed="left")],
        "batch_norm": ["boolean"],
        "batch_norm_momentum": [Interval(Real, 0, 1, closed="left")],
        "batch_norm_epsilon": [Interval(Real, 0, None, closed="neither")],
        "weight_init": [StrOptions({"auto", *INITIALIZERS})],
    }

    def _hidden_layer_sizes(self) -> list[int]:
        sizes = self.hidden_layer_sizes
        sizes = list(sizes) if hasattr(sizes, "__iter__") else [sizes]
        if not all(isinstance(size, Integral) and size > 0 for size in sizes):
            raise ValueError(f"hidden_layer_sizes must be integers > 0, got {sizes}.")
        return [int(size) for size in sizes]

    def _activations(self) -> list[str]:
        n_hidden = len(self._hidden_layer_sizes())
        if isinstance(self.activation, str):
            return [self.activation] * n_hidden
        names = list(self.activation)
        unknown = [name for name in names if name not in ACTIVATIONS]
        if unknown:
            raise ValueError(
                f"activation must name functions among {sorted(ACTIVATIONS)}, got {unknown[0]!r}."
            )
        if len(names) != n_hidden:
            raise ValueError(
                f"activation must be one name or one per hidden layer ({n_hidden}), "
                f"got {len(names)}: {names}."
            )
        return names

    def _dropout_rates(self) -> list[float]:
        n_hidden = len(self._hidden_layer_sizes())
        if isinstance(self.dropout, Real):
            return [float(self.dropout)] * n_hidden
        rates = list(self.dropout)
        if len(rates) != n_hidden:
            raise ValueError(
                f"dropout must be one rate or one per hidden layer ({n_hidden}), "
                f"got {len(rates)}: {rates}."
            )
        if not all(isinstance(rate, Real) and 0 <= rate < 1 for rate in rates):
            raise ValueError(f"dropout rates must be in the range [0, 1), got {rates}.")
        return [float(rate) for rate in rates]

    def _network_parameters(self) -> dict[str, Any]:
        # L-BFGS evaluates on all rows: the statistics are those of the present parameters.
        momentum = 0.0 if self.solver == "lbfgs" else float(self.batch_norm_momentum)
        return {
            "activations": self._activations(),
            "dropout": self._dropout_rates(),
            "input_dropout": float(self.input_dropout),
            "batch_norm": self.batch_norm,
            "batch_norm_momentum": momentum,
            "batch_norm_epsilon": float(self.batch_norm_epsilon),
        }

    def _weight_init(self) -> str:
        return str(self.weight_init)

    def _architecture(self) -> dict[str, Any]:
        return {
            "hidden_layer_sizes": self._hidden_layer_sizes(),
            "activation": self._activations(),
            "batch_norm": self.batch_norm,
            **super()._architecture(),
        }

    def _check_hyperparameters(self) -> None:
        super()._check_hyperparameters()
        rates = {"dropout": max(self._dropout_rates(), default=0.0)}
        rates["input_dropout"] = float(self.input_dropout)
        for name, rate in rates.items():
            if self.solver == "lbfgs" and rate > 0:
                raise ValueError(
                    f"solver='lbfgs' needs an objective that stays the same from step to step: "
                    f"{name} must be 0, got {name}={getattr(self, name)!r}. Stochastic solvers "
                    "take it."
                )

    @property
    def coefs_(self) -> list[Array]:
        """The weight matrices, layer by layer: views of the parameter vector."""
        return self._layer_views("W")

    @property
    def intercepts_(self) -> list[Array]:
        """The bias vectors; of a hidden layer with batch norm, its β."""
        return [view[0] for view in self._layer_views("b")]

    def _layer_views(self, name: str) -> list[Array]:
        if not hasattr(self, "_state"):
            raise AttributeError(
                f"{type(self).__name__} has no attribute "
                f"{'coefs_' if name == 'W' else 'intercepts_'!r} before it is fitted."
            )
        views = self._network.layout.views(self._state.theta)
        found = []
        for number, layer in enumerate(self._network.dense_layers, start=1):
            replaced = name == "b" and not layer.bias
            key = (f"batch norm {number}", "beta") if replaced else (layer.name, name)
            found.append(views[key])
        return found


class DeepMLPClassifier(ClassifierTargets, ClassifierMixin, BaseDeepMLP):
    """Placeholder."""

    _parameter_constraints: dict[str, list[Any]] = {
        **BaseDeepMLP._parameter_constraints,
        **ClassifierTargets._parameter_constraints,
    }

    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        solver="adam",
        alpha=0.0001,
        l1_ratio=0.0,
        batch_size="auto",
        learning_rate="constant",
        learning_rate_init=0.001,
        power_t=0.5,
        decay_rate=None,
        decay_epochs=None,
        max_iter=200,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        verbose=False,
        warm_start=False,
        momentum=0.9,
        nesterovs_momentum=True,
        early_stopping=False,
        validation_fraction=0.1,
        scoring=None,
        rho=0.9,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        n_iter_no_change=10,
        max_fun=15000,
        dropout=0.0,
        input_dropout=0.0,
        batch_norm=False,
        batch_norm_momentum=0.9,
        batch_norm_epsilon=1e-5,
        label_smoothing=0.0,
        class_weight=None,
        gradient_clip=None,
        weight_init="auto",
        dtype=None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.decay_rate = decay_rate
        self.decay_epochs = decay_epochs
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.scoring = scoring
        self.rho = rho
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.dropout = dropout
        self.input_dropout = input_dropout
        self.batch_norm = batch_norm
        self.batch_norm_momentum = batch_norm_momentum
        self.batch_norm_epsilon = batch_norm_epsilon
        self.label_smoothing = label_smoothing
        self.class_weight = class_weight
        self.gradient_clip = gradient_clip
        self.weight_init = weight_init
        self.dtype = dtype

    @with_callbacks
    @validated_fit
    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        return self._train(X, y, sample_weight, validation=(X_val, y_val, sample_weight_val))

    @available_if(lambda self: self._has_partial_fit())
    @validated_fit
    def partial_fit(self, X, y, sample_weight=None, classes=None):
        self._check_incremental()
        self._check_classes_argument(classes)
        return self._train(X, y, sample_weight, incremental=True, classes=classes)


LOSSES = ("squared_error", "absolute_error", "huber", "poisson")


class DeepMLPRegressor(RegressorMixin, BaseDeepMLP):
    """Placeholder."""

    _parameter_constraints: dict[str, list[Any]] = {
        **BaseDeepMLP._parameter_constraints,
        "loss": [StrOptions(set(LOSSES))],
        "huber_delta": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        loss="squared_error",
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        solver="adam",
        alpha=0.0001,
        l1_ratio=0.0,
        batch_size="auto",
        learning_rate="constant",
        learning_rate_init=0.001,
        power_t=0.5,
        decay_rate=None,
        decay_epochs=None,
        max_iter=200,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        verbose=False,
        warm_start=False,
        momentum=0.9,
        nesterovs_momentum=True,
        early_stopping=False,
        validation_fraction=0.1,
        scoring=None,
        rho=0.9,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        n_iter_no_change=10,
        max_fun=15000,
        huber_delta=1.0,
        dropout=0.0,
        input_dropout=0.0,
        batch_norm=False,
        batch_norm_momentum=0.9,
        batch_norm_epsilon=1e-5,
        gradient_clip=None,
        weight_init="auto",
        dtype=None,
    ):
        self.loss = loss
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.decay_rate = decay_rate
        self.decay_epochs = decay_epochs
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.scoring = scoring
        self.rho = rho
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.huber_delta = huber_delta
        self.dropout = dropout
        self.input_dropout = input_dropout
        self.batch_norm = batch_norm
        self.batch_norm_momentum = batch_norm_momentum
        self.batch_norm_epsilon = batch_norm_epsilon
        self.gradient_clip = gradient_clip
        self.weight_init = weight_init
        self.dtype = dtype

    @with_callbacks
    @validated_fit
    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        return self._train(X, y, sample_weight, validation=(X_val, y_val, sample_weight_val))

    @available_if(lambda self: self._has_partial_fit())
    @validated_fit
    def partial_fit(self, X, y, sample_weight=None):
        self._check_incremental()
        return self._train(X, y, sample_weight, incremental=True)

    def predict(self, X):
        check_is_fitted(self)
        predictions = self._logits(X, link=self.out_activation_)
        return predictions[:, 0] if self._single_column else predictions

    def _learn_targets(self, y: Any, classes: Any) -> None:
        self._single_column = y.ndim == 1 or y.shape[1] == 1
        self._n_targets = 1 if y.ndim == 1 else y.shape[1]

    def _check_targets(self, y: Any) -> None:
        n_targets = 1 if y.ndim == 1 else y.shape[1]
        if n_targets != self._n_targets:
            raise ValueError(
                f"y must have {self._n_targets} column(s) as in the fit that is continued, "
                f"got {n_targets}."
            )

    def _encode_targets(self, y: Any, dtype: Any, name: str = "y") -> Array:
        encoded = np.asarray(y, dtype=dtype)
        encoded = encoded.reshape(encoded.shape[0], -1)
        if encoded.shape[1] != self._n_targets:
            raise ValueError(
                f"`{name}` must have {self._n_targets} column(s), got {encoded.shape[1]}."
            )
        if self.loss == "poisson" and (encoded < 0).any():
            raise ValueError(
                f"loss='poisson' needs `{name}` >= 0, got a minimum of {encoded.min()}."
            )
        return encoded

    def _n_network_outputs(self, encoded: Array) -> int:
        return encoded.shape[1]

    def _make_loss(self) -> Loss:
        if self.loss == "huber":
            return Huber(float(self.huber_delta))
        return {
            "squared_error": SquaredError,
            "absolute_error": AbsoluteError,
            "poisson": Poisson,
        }[self.loss]()

    def _score_logits(self, logits: Array, validation: ValidationSet) -> float:
        from sklearn.metrics import r2_score

        predictions = apply_link(self._make_loss().link, logits)
        return float(r2_score(validation.targets, predictions, sample_weight=validation.weights))

    def _strata(self, y: Any, n_held_out: int) -> Any:
        return None
