"""LogisticRegressionGD and SoftmaxClassifier: networks with no hidden layer.

The course's first models, on the same engine as the deep ones. Full-batch gradient descent is the
default: the objective is convex, its curvature is known from the data, and so are a safe step, an
acceleration and a stopping rule.
"""

from numbers import Real
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.base import ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from .._engine.backend import Array
from .._engine.full_batch import (
    descend,
    descend_accelerated,
    gradient_resolution,
    largest_curvature,
)
from .._engine.losses import apply_link
from .._engine.objective import Problem
from ._base import STOCHASTIC_SOLVERS, BaseNetworkEstimator
from ._callbacks import with_callbacks
from ._classifier import ClassifierTargets
from ._compat import Interval, StrOptions, validated_fit
from ._progress import FitMonitor
from ._warnings import warn

DEFAULT_RATE = {"sgd": 0.01, "rmsprop": 0.001, "adam": 0.001, "adamw": 0.001}


class BaseLinear(ClassifierTargets, ClassifierMixin, BaseNetworkEstimator):
    """What the two linear classifiers share."""

    _parameter_constraints: dict[str, list[Any]] = {
        **BaseNetworkEstimator._parameter_constraints,
        **ClassifierTargets._parameter_constraints,
        "solver": [StrOptions({"gd", "lbfgs", *STOCHASTIC_SOLVERS})],
        "fit_intercept": ["boolean"],
        "learning_rate_init": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
        "momentum": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="both")],
    }

    def __init__(
        self,
        alpha=1.0,
        l1_ratio=0.0,
        *,
        solver="gd",
        fit_intercept=True,
        class_weight=None,
        label_smoothing=0.0,
        batch_size="auto",
        learning_rate="constant",
        learning_rate_init="auto",
        power_t=0.5,
        decay_rate=None,
        decay_epochs=None,
        max_iter=10000,
        shuffle=True,
        random_state=None,
        tol=1e-6,
        verbose=False,
        warm_start=False,
        momentum="auto",
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
        gradient_clip=None,
        dtype=None,
    ):
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.solver = solver
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing
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
        self.gradient_clip = gradient_clip
        self.dtype = dtype

    @with_callbacks
    @validated_fit
    def fit(self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None):
        """Fit the model.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data.
        y : array-like of shape (n_samples,)
            Class labels, at least two different ones.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, >= 0; an integer weight k is the same as k copies of the row.
            None gives all rows weight 1.
        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            A dev set, watched during training and used by early stopping if that is on.
        y_val : array-like of shape (n_val,), default=None
            Its labels; needed with `X_val`.
        sample_weight_val : array-like of shape (n_val,), default=None
            Its weights.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or the data are not what they have to be, or training diverges.
        """
        return self._train(X, y, sample_weight, validation=(X_val, y_val, sample_weight_val))

    @available_if(lambda self: self._has_partial_fit())
    @validated_fit
    def partial_fit(self, X, y, sample_weight=None, classes=None):
        """Train for one epoch on the given rows, going on from where training was.

        Available for the stochastic solvers: sgd, rmsprop, adam, adamw.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data.
        y : array-like of shape (n_samples,)
            Class labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, >= 0.
        classes : array-like of shape (n_classes,), default=None
            All classes that can ever occur; needed at the first call only.

        Returns
        -------
        self : object
            The estimator, one epoch further.

        Raises
        ------
        ValueError
            With `early_stopping=True`, with `class_weight="balanced"`, or where y holds classes
            not in `classes`.
        """
        self._check_incremental()
        self._check_classes_argument(classes)
        return self._train(X, y, sample_weight, incremental=True, classes=classes)

    # -------------------------------------------------------------------------------- training

    def _learn_targets(self, y: Any, classes: Any) -> None:
        super()._learn_targets(y, classes)
        if self._labels.kind == "multilabel":
            raise ValueError(
                f"{type(self).__name__} takes one class per row, got a multi-label indicator "
                "matrix. Use DeepMLPClassifier(hidden_layer_sizes=()) for that."
            )
        if self.classes_.shape[0] < 2:
            raise ValueError(
                f"{type(self).__name__} needs at least 2 classes in y, got 1 class: "
                f"{self.classes_[0]!r}."
            )

    def _network_parameters(self) -> dict[str, Any]:
        return {"output_bias": self.fit_intercept}

    def _weight_init(self) -> str:
        return "zeros"

    def _default_batch_size(self, n_samples: int) -> int:
        # The course's rule (II 2.1): the full batch for small sets, else a power of two.
        return n_samples if n_samples < 2000 else 256

    def _architecture(self) -> dict[str, Any]:
        return {"fit_intercept": self.fit_intercept, **super()._architecture()}

    @property
    def _accelerates(self) -> bool:
        return self.solver == "gd" and self.momentum == "auto" and self.nesterovs_momentum

    def _momentum(self) -> float:
        return 0.9 if self.momentum == "auto" else float(self.momentum)

    def _learning_rate_init(self, problem: Problem) -> float:
        if self.learning_rate_init != "auto":
            return float(self.learning_rate_init)
        if self.solver != "gd":
            return DEFAULT_RATE[self.solver]
        curvature = largest_curvature(problem.data, with_intercept=self.fit_intercept)
        # The Hessian of the loss in the logits is at most 1/4 for one logit, 1/2 for softmax.
        bound = 0.5 if self._labels.kind == "multiclass" else 0.25
        lipschitz = bound * curvature + problem.penalty.l2
        return 1 / lipschitz if lipschitz > 0 else 1.0

    def _solve(self, problem: Problem, monitor: FitMonitor, *, n_epochs: int) -> Any:
        if self.solver != "gd":
            return super()._solve(problem, monitor, n_epochs=n_epochs)
        solver = descend_accelerated if self._accelerates else descend
        resolution = gradient_resolution(problem.data, self._state.theta.dtype)
        monitor.resolution = resolution
        return solver(
            problem,
            self._state,
            self._loop_settings(problem),
            n_iter=n_epochs,
            tol=max(float(self.tol), resolution),
            after_iteration=monitor.after_epoch,
        )

    def _lbfgs_ftol(self) -> float:
        # As in scikit-learn's LogisticRegression: let the gradient decide.
        return 64 * np.finfo(np.float64).eps

    def _finish(
        self, problem: Problem, monitor: FitMonitor, outcome: Any, *, incremental: bool
    ) -> None:
        super()._finish(problem, monitor, outcome, incremental=incremental)
        for name, value in self._coefficients().items():
            setattr(self, name, value)

    def _warn_if_unconverged(self, monitor: FitMonitor, outcome: Any) -> None:
        if self.solver != "gd":
            super()._warn_if_unconverged(monitor, outcome)
            return
        if outcome and self.tol >= monitor.resolution:
            return
        dtype = self._state.theta.dtype
        if outcome:
            message = (
                f"{dtype} cannot resolve the gradient to tol={self.tol:g}; gd stopped at about "
                f"{monitor.resolution:.1e}, where rounding takes over. "
                "Use dtype='float64', or a larger tol."
            )
        else:
            hint = " dtype='float64' may help too." if dtype == np.float32 else ""
            message = (
                f"gd did not converge to tol={self.tol:g} in max_iter={self.max_iter} iterations. "
                f"Scale X, or increase max_iter.{hint}"
            )
        warn(message, ConvergenceWarning)

    def _coefficients(self) -> dict[str, Array]:
        """coef_ and intercept_ from the parameter vector, intercepts of a softmax centred."""
        views = self._network.layout.views(self._state.theta)
        coef = np.ascontiguousarray(views["output", "W"].T)
        if self.fit_intercept:
            intercept = views["output", "b"][0].copy()
        else:
            intercept = np.zeros(coef.shape[0], dtype=coef.dtype)
        if coef.shape[0] > 1:
            # Adding a constant to all of them changes no probability.
            intercept -= intercept.mean()
        return {"coef_": coef, "intercept_": intercept}

    def _present_attributes(self) -> dict[str, Any]:
        return {**super()._present_attributes(), **self._coefficients()}

    # ------------------------------------------------------------------------------ prediction

    def _logits(self, X: Any, *, link: str = "identity") -> Array:
        X = self._validated_X(X)
        z = safe_sparse_dot(X, self.coef_.T, dense_output=True) + self.intercept_
        return apply_link(link, z)

    def sparsify(self):
        """Turn `coef_` into a sparse matrix, which saves memory where L1 has made many zeros.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        check_is_fitted(self)
        self.coef_ = scipy.sparse.csr_matrix(self.coef_)
        return self

    def densify(self):
        """Turn `coef_` back into a dense array.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        check_is_fitted(self)
        if scipy.sparse.issparse(self.coef_):
            self.coef_ = self.coef_.toarray()
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = False
        return tags


class LogisticRegressionGD(BaseLinear):
    """Placeholder."""


class SoftmaxClassifier(BaseLinear):
    """Placeholder."""

    _always_softmax = True
