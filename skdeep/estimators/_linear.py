"""LogisticRegressionGD and SoftmaxClassifier: networks with no hidden layer.

The course's first models, on the same engine as the deep ones. Full-batch gradient descent is the
default: the objective is convex, its curvature is known from the data, and so are a safe step, an
acceleration and a stopping rule.
"""

from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import Any, Self

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike
from sklearn.utils import Tags
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from .._engine.backend import Array, Matrix
from .._engine.data import Augment
from .._engine.links import LINKS
from .._engine.network import Network
from .._engine.records import recorded_by
from .._engine.solvers import SOLVERS, Run
from .._fit.architecture import Architecture
from .._inputs import ClassWeight, MatrixLike, RandomState, dense
from ._callbacks import with_callbacks
from ._classifier import NetworkClassifier
from ._coefficients import coefficients_like
from ._compat import Interval, StrOptions, validated_fit
from ._layers import DenseLayer, checked_layers
from ._validation import check_finite_outputs, check_fits_in, validated_X

# Entries of X that are multiplied by coef_ at once: few enough for the cache.
CHUNK_ELEMENTS = 2**17


def _csr_parts(matrix: scipy.sparse.csr_matrix) -> dict[str, object]:
    return {name: getattr(matrix, name) for name in ("data", "indices", "indptr", "shape")}


def _csr(values: dict[str, Any]) -> scipy.sparse.csr_matrix:
    shape = tuple(values["shape"])
    return scipy.sparse.csr_matrix(
        (values["data"], values["indices"], values["indptr"]), shape=shape
    )


# What `sparsify` makes of coef_, in the state of an estimator.
recorded_by(_csr_parts, _csr)(scipy.sparse.csr_matrix)


def _stored(matrix: Matrix) -> Array:
    """The numbers of an array, or those that a sparse matrix has."""
    return matrix if isinstance(matrix, np.ndarray) else matrix.data


class BaseLinear(NetworkClassifier):
    """What the two linear classifiers share."""

    coef_: Matrix
    intercept_: Array
    _parameter_constraints: dict[str, list[object]] = {
        **NetworkClassifier._parameter_constraints,
        "solver": [StrOptions(set(SOLVERS))],
        "fit_intercept": ["boolean"],
        "learning_rate_init": [
            StrOptions({"auto"}),
            Interval(Real, 0, None, closed="neither"),
        ],
        "momentum": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="both")],
    }

    def __init__(
        self,
        alpha: float = 1.0,
        l1_ratio: float = 0.0,
        *,
        solver: str = "gd",
        fit_intercept: bool = True,
        class_weight: ClassWeight = None,
        label_smoothing: float = 0.0,
        batch_size: int | str = "auto",
        learning_rate: str | Callable[[int], float] = "constant",
        learning_rate_init: float | str = "auto",
        power_t: float = 0.5,
        decay_rate: float | None = None,
        decay_epochs: int | None = None,
        max_iter: int = 10000,
        shuffle: bool = True,
        random_state: RandomState = None,
        tol: float = 1e-6,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float | str = "auto",
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        scoring: str | Callable[..., float] | None = None,
        rho: float = 0.9,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        gradient_clip: float | None = None,
        augment: Augment | None = None,
        dtype: str | None = None,
    ) -> None:
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
        self.augment = augment
        self.dtype = dtype

    @with_callbacks
    @validated_fit
    def fit(
        self,
        X: MatrixLike,
        y: MatrixLike,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: MatrixLike | None = None,
        y_val: MatrixLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
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
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val))

    @available_if(lambda self: self._has_partial_fit())
    @validated_fit
    def partial_fit(
        self,
        X: MatrixLike,
        y: MatrixLike,
        sample_weight: ArrayLike | None = None,
        classes: ArrayLike | None = None,
        *,
        total_weight: float | None = None,
    ) -> Self:
        """Train for one epoch on the given rows, going on from where training was.

        Available for the stochastic solvers: sgd, rmsprop, adam, adamw, nadam. With the default
        ``solver="gd"``, and with "lbfgs", the estimator has no such method.

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
        total_weight : float or None, default=None
            Of a larger set, which is learnt from in pieces and of which X is one: its number of
            rows, or the sum of their weights. `alpha` is divided by it, as in a `fit` on the whole;
            None divides by that of X, and each call then penalises as much as a whole epoch would.

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
        return self._partial_fit(X, y, sample_weight, classes, total_weight=total_weight)

    # -------------------------------------------------------------------------------- training

    def _learn_targets(self, y: Matrix, classes: ArrayLike | None) -> None:
        super()._learn_targets(y, classes)
        if self._labels.kind == "multilabel":
            raise ValueError(
                f"{type(self).__name__} takes one class per row, got y as a multi-label indicator "
                "matrix. Use DeepMLPClassifier(hidden_layer_sizes=()) for that."
            )
        if self.classes_.shape[0] < 2:
            raise ValueError(
                f"{type(self).__name__} needs at least 2 classes in y, got 1 class: "
                f"{self.classes_[0]!r}."
            )

    def _architecture(self, n_in: int, n_out: int) -> Architecture:
        return Architecture(n_in, (), n_out, output_bias=self.fit_intercept)

    def _weight_init(self) -> str:
        return "zeros"

    def _default_batch_size(self, n_samples: int) -> int:
        # The course's rule (II 2.1): the full batch for small sets, else a power of two.
        return n_samples if n_samples < 2000 else 256

    def _continued_with(self) -> dict[str, object]:
        return {"fit_intercept": self.fit_intercept, **super()._continued_with()}

    @property
    def _accelerates(self) -> bool:
        descends = SOLVERS[self.solver].run is Run.DESCENT
        return descends and self.momentum == "auto" and self.nesterovs_momentum

    def _momentum(self) -> float:
        return 0.9 if self.momentum == "auto" else float(self.momentum)

    def _rate(self) -> float | None:
        if self.learning_rate_init != "auto":
            return float(self.learning_rate_init)
        return SOLVERS[self.solver].default_learning_rate

    def _lbfgs_ftol(self) -> float:
        # As in scikit-learn's LogisticRegression: let the gradient decide.
        return 64 * np.finfo(np.float64).eps

    def _coefficients(self, network: Network, theta: Array) -> dict[str, Array]:
        """coef_ and intercept_, copied from θ; the intercepts of a softmax are centred."""
        views = network.layout.views(theta)
        coef = np.array(views["output", "W"].T, order="C")
        if self.fit_intercept:
            intercept = views["output", "b"][0].copy()
        else:
            intercept = np.zeros(coef.shape[0], dtype=coef.dtype)
        if coef.shape[0] > 1:
            # Adding a constant to all of them changes no probability.
            intercept -= intercept.mean()
        return {"coef_": coef, "intercept_": intercept}

    def _take_over_coefficients(self, network: Network, theta: Array) -> bool:
        """Write into θ what coef_ and intercept_ have been set to; whether they have been."""
        of_theta = self._coefficients(network, theta)
        own = self._own_coefficients(of_theta)
        if all(np.array_equal(own[name], of_theta[name]) for name in own):
            return False
        views = network.layout.views(theta)
        views["output", "W"][...] = own["coef_"].T
        if self.fit_intercept:
            views["output", "b"][0] = own["intercept_"]
        return True

    def _own_coefficients(self, like: Mapping[str, Array]) -> dict[str, Array]:
        """coef_ and intercept_ as they are now, as arrays like these."""
        own = {
            name: coefficients_like(like[name], dense(getattr(self, name)), name) for name in like
        }
        if not self.fit_intercept and own["intercept_"].any():
            raise ValueError(
                f"intercept_ must be zero with fit_intercept=False, got {self.intercept_!r}."
            )
        return own

    # ------------------------------------------------------------------------------ prediction

    def _logits(self, X: MatrixLike, *, link: str = "identity") -> Array:
        X = validated_X(self, X)
        coef, intercept = self._present_coefficients()
        check_fits_in(X, intercept.dtype)
        # From coef_, which a user may have changed or made sparse, in chunks and in its dtype.
        dtype, n_rows = intercept.dtype, X.shape[0]
        z = np.empty((n_rows, intercept.shape[0]), dtype=dtype)
        # Pieces of a sparse X would be copies; its product is as small as the result.
        sparse = scipy.sparse.issparse(X)
        chunk = n_rows if sparse else max(1, CHUNK_ELEMENTS // X.shape[1])
        how = LINKS[link]
        with np.errstate(over="ignore", invalid="ignore"):
            for start in range(0, n_rows, chunk):
                rows = slice(start, start + chunk)
                x = (X if sparse else X[rows]).astype(dtype, copy=False)
                z[rows] = safe_sparse_dot(x, coef.T, dense_output=True)
            z += intercept
            predictions = how.inverse(z)
        check_finite_outputs(predictions, X, can_overflow=how.can_overflow)
        return predictions

    def _present_coefficients(self) -> tuple[Matrix, Array]:
        """coef_, as it is where it is sparse, and intercept_, checked as `partial_fit` does."""
        coef, intercept = self.coef_, self.intercept_
        shape = (self._labels.n_outputs, self.n_features_in_)
        are_arrays = isinstance(coef, np.ndarray) and isinstance(intercept, np.ndarray)
        if (
            (are_arrays or scipy.sparse.issparse(coef))
            and coef.shape == shape
            and getattr(intercept, "shape", None) == shape[:1]
            and coef.dtype.kind == "f"
            and intercept.dtype.kind == "f"
            and np.isfinite(_stored(coef).sum() + intercept.sum())
        ):
            return coef, intercept
        own = self._own_coefficients(self._coefficients(self._network, self._state.theta))
        return own["coef_"], own["intercept_"]

    @property
    def layers_(self) -> list[DenseLayer]:
        """The network's only layer: `coef_`, transposed, and `intercept_`, as copies."""
        if not hasattr(self, "coef_"):
            raise AttributeError(
                f"{type(self).__name__} has no attribute 'layers_' before it is fitted."
            )
        coef, intercept = self._present_coefficients()
        W, b = np.array(dense(coef).T, order="C"), intercept.copy()
        for array in (W, b):
            array.flags.writeable = False
        has_intercept = self._network.dense_layers[-1].bias or b.any()
        return [DenseLayer("output", W, b if has_intercept else None)]

    @layers_.setter
    def layers_(self, layers: Sequence[DenseLayer]) -> None:
        (arrays,) = checked_layers(self.layers_, layers)
        self.coef_ = np.array(arrays["W"].T, order="C")
        if "b" in arrays:
            self.intercept_ = arrays["b"]

    def sparsify(self) -> Self:
        """Turn `coef_` into a sparse matrix, which saves memory where L1 has made many zeros.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        check_is_fitted(self)
        self.coef_ = scipy.sparse.csr_matrix(self.coef_)
        return self

    def densify(self) -> Self:
        """Turn `coef_` back into a dense array.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        check_is_fitted(self)
        coef = self.coef_
        self.coef_ = coef if isinstance(coef, np.ndarray) else coef.toarray()
        return self

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = False
        return tags


class LogisticRegressionGD(BaseLinear):
    """Logistic regression by gradient descent: a network with no hidden layer.

    For two classes one logistic unit; for more, a softmax (multinomial logistic regression).

    J(θ) = (1/m) Σ w_i L_i + (alpha/m) [(1 − l1_ratio)/2 · ‖W‖² + l1_ratio · ‖W‖₁], with m = Σ w_i
    over the training set, is minimised; L is the cross-entropy (course I 2.3, II 3.4).

    Parameters
    ----------
    alpha : float, default=1.0
        Strength of the penalty on the weights, >= 0: 1/C of scikit-learn's `LogisticRegression`.
        With L2 it is the course's λ (II 1.4); for L1 the course's λ is twice this number. The
        intercept is not penalised.
    l1_ratio : float, default=0.0
        Share of L1 in the penalty, in [0, 1]; 0 is L2 only, 1 is L1 only. L1 makes exact zeros.
    solver : {"gd", "lbfgs", "sgd", "rmsprop", "adam", "adamw", "nadam"}, default="gd"
        How the objective is minimised. "gd" is gradient descent on all rows (course I 2.4 to 2.6);
        "lbfgs" is SciPy's L-BFGS, in float64 and without L1; the others work on mini-batches, as in
        `DeepMLPClassifier`.
    fit_intercept : bool, default=True
        Whether the model has an intercept.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, multiplied with `sample_weight`. "balanced" weighs each class by
        n_samples / (n_classes · its count), where rows count by `sample_weight`. A dict may leave
        out classes (their weight is 1), or name classes that y lacks (as a fold may), but not both.
    label_smoothing : float, default=0.0
        Share of the target probability spread evenly over the classes, in [0, 1).
    batch_size : int, "full" or "auto", default="auto"
        Number of rows in each mini-batch of the stochastic solvers. An int is >= 1; "full" puts all
        rows into one batch; "auto" is the course's rule (II 2.1): all rows if there are fewer than
        2000, else 256. A number larger than n_samples is taken as n_samples, with a warning.
    learning_rate : {"constant", "invscaling", "adaptive", "inverse_time", "sqrt", "exponential", \
            "step", "cosine", "linear", "flat_cosine", "coslog4"} or callable, default="constant"
        Schedule of the learning rate of all solvers but lbfgs (course II 2.6), as a factor on
        `learning_rate_init`; epochs count from 0 and go on counting when training is continued.

        - "constant": 1;
        - "invscaling": (rows seen + 1) ** -power_t, set at the start of each epoch;
        - "adaptive": 1, divided by 5 each time `n_iter_no_change` epochs bring no progress; the fit
          stops when the rate is at most 1e-6 (stochastic solvers only);
        - "inverse_time": 1 / (1 + decay_rate · epoch);
        - "sqrt": 1 / √(epoch + 1);
        - "exponential": decay_rate ** epoch;
        - "step": decay_rate ** ⌊epoch / decay_epochs⌋;
        - "cosine": (1 + cos(π · epoch / decay_epochs)) / 2, zero from `decay_epochs` on;
        - "linear": 1 − t, where t = epoch / decay_epochs;
        - "flat_cosine": 1 up to t = 1/2, then (1 + cos(π · (2 t − 1))) / 2;
        - "coslog4": (1 − cos(2π · log₂(1 + 15 t))) / 2, which goes from 0 up and down four times;
        - a callable: its value at the epoch's number, finite and >= 0.

        "linear", "flat_cosine" and "coslog4" change with every mini-batch, so that their t includes
        parts of epochs; all others change with every epoch.
    learning_rate_init : float or "auto", default="auto"
        Learning rate before the schedule's factor, > 0. "auto" is for "gd" the largest rate at
        which every plain step is sure to lower J: one over the largest curvature of J, a bound of
        which is found from the data. It is 0.01 for "sgd" and 0.001 for the others.
    power_t : float, default=0.5
        Exponent of the schedule "invscaling", >= 0.
    decay_rate : float, default=None
        How fast the rate falls in "inverse_time", "exponential" and "step", > 0; see the formulas
        above. None is 1 for "inverse_time", 0.95 for "exponential" and 0.5 for "step".
    decay_epochs : int, default=None
        For "step", the number of epochs between two falls; for "cosine", "linear", "flat_cosine"
        and "coslog4", the number of epochs after which the rate is zero. >= 1. None is 10 for
        "step" and `max_iter` for the others.
    max_iter : int, default=10000
        Largest number of iterations or epochs of one call of `fit`, >= 1.
    shuffle : bool, default=True
        Whether the rows are put in a new random order before each epoch.
    random_state : int, RandomState instance or None, default=None
        Seeds held-out rows and the order of rows, each from a stream of its own. An int makes
        the result reproducible. "gd" and "lbfgs" draw nothing but held-out rows.
    tol : float, default=1e-6
        When training stops, >= 0. "gd" stops when the largest entry of the gradient is at most
        `tol`; with L1, what a step would change, divided by the learning rate, counts instead of
        the gradient. With Nesterov's growing momentum, the default, its last steps must be that
        small, too, relative to the largest coefficient if that is above 1. "lbfgs" stops when the
        largest entry of the gradient is at most `tol`. For the others, progress of the loss, or
        with early stopping of the validation score, below `tol` counts as none.
    verbose : bool, default=False
        Whether to print the loss, and the validation score if there is one, after each epoch.
    warm_start : bool, default=False
        Whether `fit` goes on from where training was, optimizer, schedule and random streams
        included, instead of starting anew. `fit_intercept`, the solver and the dtype must be the
        same.
    momentum : float or "auto", default="auto"
        Momentum of "gd" and "sgd", in [0, 1]. "auto" is 0.9 for "sgd"; for "gd" it grows from step
        to step, as Nesterov's does, and starts again from 0 whenever it points uphill [1]_, or with
        ``nesterovs_momentum=False`` it is 0.9. With ``momentum=0`` and a number for
        `learning_rate_init`, "gd" is the course's plain loop w := w − α · dw.
    nesterovs_momentum : bool, default=True
        Whether momentum looks ahead as Nesterov's does.
    early_stopping : bool, default=False
        Whether to stop when the validation score has not improved by `tol` for more than
        `n_iter_no_change` epochs, and to restore the weights of the best epoch (course II 1.8). The
        score is that of `X_val` if `fit` is given one, else of a held-out fraction of X.
    validation_fraction : float, default=0.1
        Fraction of X held out for early stopping, in [0, 1), stratified by class.
    scoring : str, callable or None, default=None
        What the validation score is. None: accuracy, as in scikit-learn; "loss": minus the
        validation loss; else a scorer as scikit-learn's `check_scoring` takes it. A callable
        that takes no `sample_weight` scores unweighted.
    rho : float, default=0.9
        Decay of RMSprop's average S of squared gradients, in [0, 1): the course's β₂ for it (II
        2.4).
    beta_1 : float, default=0.9
        Decay of the average V of gradients in Adam, AdamW and NAdam, in [0, 1): the course's β₁ (II
        2.5).
    beta_2 : float, default=0.999
        Decay of the average S of squared gradients in Adam, AdamW and NAdam, in [0, 1): the
        course's β₂ (II 2.5).
    epsilon : float, default=1e-8
        Small number, > 0, added to √S in RMSprop, Adam, AdamW and NAdam, so that nothing is divided
        by zero. The course's notes have it inside the root.
    n_iter_no_change : int or inf, default=10
        Number of epochs in a row that may pass without progress before training stops, >= 1; with
        inf it does not stop early. `augment` and the random order of mini-batches make the training
        loss noisy. There, training also goes on as long as the exponentially weighted average of
        the loss over as many epochs (course II 2.2) makes progress.
    max_fun : int, default=15000
        Largest number of times that lbfgs computes the cost, >= 1.
    gradient_clip : float or None, default=None
        Largest length (Euclidean norm) of the gradient of all parameters together, > 0. A longer
        gradient is scaled down to this length. None: no limit.
    augment : callable or None, default=None
        Changes each mini-batch before it is learnt from, afresh in every epoch (course II 1.8), of
        the stochastic solvers on dense X: ``augment(X_batch, y_batch, random_state)`` returns new
        arrays in the same shapes for the two it is given, which are read-only. y_batch holds
        floats, a column per output of the network: one-hot rows for several classes, a column of 0
        and 1 for two. random_state is a `numpy.random.Generator`. A row keeps its weight.
        `skdeep.augmentation` has some.
    dtype : {"float32", "float64"} or None, default=None
        Precision of the parameters and of the computation. None is the dtype of X if that is
        float32 or float64, and float64 otherwise.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes, sorted.
    coef_ : ndarray of shape (1 or n_classes, n_features)
        The weights.
    intercept_ : ndarray of shape (1 or n_classes,)
        The intercepts, for more than two classes centred to mean 0.
    layers_ : list of DenseLayer
        The same numbers as the list of a network's layers, of which there is one; it can be set,
        too.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X had names that are all strings.
    n_iter_ : int
        Epochs (or iterations) of the last call.
    t_ : int
        Training rows seen in all.
    loss_ : float
        The last of `loss_curve_`; for lbfgs the cost J at the end.
    loss_curve_ : list of float
        The cost J, penalty included, of every epoch or iteration; for "gd" where its gradient was
        taken, for mini-batches their mean.
    best_loss_ : float or None
        The smallest of `loss_curve_`; None with early stopping.
    validation_loss_curve_ : list of float or None
        The loss on the dev set, without penalty, after every epoch; None without a dev set. Rows
        count as in training: by their own weights times those of their classes.
    validation_scores_ : list of float or None
        The score on the dev set after every epoch; None without a dev set. Rows count by their own
        weights alone.
    best_validation_score_ : float or None
        The largest of them.
    best_epoch_ : int or None
        The epoch, counted from 0, of the best score.
    n_outputs_ : int
        Number of raw outputs.
    n_layers_ : int
        Number of layers, input and output included.
    out_activation_ : str
        Name of the link, which turns raw outputs into predictions: "logistic" or "softmax".

    See Also
    --------
    SoftmaxClassifier : Always one output per class.
    DeepMLPClassifier : With hidden layers.

    References
    ----------
    .. [1] Brendan O'Donoghue and Emmanuel Candès. "Adaptive restart for accelerated gradient
       schemes." Foundations of Computational Mathematics, 2015.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import scale
    >>> from skdeep import LogisticRegressionGD
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = LogisticRegressionGD(alpha=1.0).fit(scale(X), y)
    >>> model.score(scale(X), y) > 0.98
    True

    The course's loop, with its own rate and number of steps (it stops short of the optimum, and
    says so with a ConvergenceWarning):

    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     loop = LogisticRegressionGD(learning_rate_init=0.1, momentum=0, max_iter=100)
    ...     loop = loop.fit(scale(X), y)
    >>> loop.loss_curve_[0] > loop.loss_curve_[-1]
    True
    """


class SoftmaxClassifier(BaseLinear):
    """Softmax regression: a network with no hidden layer and one output per class.

    For two classes, too, there are two outputs; the course shows (II 3.4) that this reduces to
    logistic regression, with coef_[1] − coef_[0] as its coefficients and twice its alpha.

    J(θ) = (1/m) Σ w_i L_i + (alpha/m) [(1 − l1_ratio)/2 · ‖W‖² + l1_ratio · ‖W‖₁], with m = Σ w_i
    over the training set, is minimised; L is the cross-entropy (course I 2.3, II 3.4).

    Parameters
    ----------
    alpha : float, default=1.0
        Strength of the penalty on the weights, >= 0: 1/C of scikit-learn's `LogisticRegression`.
        With L2 it is the course's λ (II 1.4); for L1 the course's λ is twice this number. The
        intercept is not penalised.
    l1_ratio : float, default=0.0
        Share of L1 in the penalty, in [0, 1]; 0 is L2 only, 1 is L1 only. L1 makes exact zeros.
    solver : {"gd", "lbfgs", "sgd", "rmsprop", "adam", "adamw", "nadam"}, default="gd"
        How the objective is minimised. "gd" is gradient descent on all rows (course I 2.4 to 2.6);
        "lbfgs" is SciPy's L-BFGS, in float64 and without L1; the others work on mini-batches, as in
        `DeepMLPClassifier`.
    fit_intercept : bool, default=True
        Whether the model has an intercept.
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, multiplied with `sample_weight`. "balanced" weighs each class by
        n_samples / (n_classes · its count), where rows count by `sample_weight`. A dict may leave
        out classes (their weight is 1), or name classes that y lacks (as a fold may), but not both.
    label_smoothing : float, default=0.0
        Share of the target probability spread evenly over the classes, in [0, 1).
    batch_size : int, "full" or "auto", default="auto"
        Number of rows in each mini-batch of the stochastic solvers. An int is >= 1; "full" puts all
        rows into one batch; "auto" is the course's rule (II 2.1): all rows if there are fewer than
        2000, else 256. A number larger than n_samples is taken as n_samples, with a warning.
    learning_rate : {"constant", "invscaling", "adaptive", "inverse_time", "sqrt", "exponential", \
            "step", "cosine", "linear", "flat_cosine", "coslog4"} or callable, default="constant"
        Schedule of the learning rate of all solvers but lbfgs (course II 2.6), as a factor on
        `learning_rate_init`; epochs count from 0 and go on counting when training is continued.

        - "constant": 1;
        - "invscaling": (rows seen + 1) ** -power_t, set at the start of each epoch;
        - "adaptive": 1, divided by 5 each time `n_iter_no_change` epochs bring no progress; the fit
          stops when the rate is at most 1e-6 (stochastic solvers only);
        - "inverse_time": 1 / (1 + decay_rate · epoch);
        - "sqrt": 1 / √(epoch + 1);
        - "exponential": decay_rate ** epoch;
        - "step": decay_rate ** ⌊epoch / decay_epochs⌋;
        - "cosine": (1 + cos(π · epoch / decay_epochs)) / 2, zero from `decay_epochs` on;
        - "linear": 1 − t, where t = epoch / decay_epochs;
        - "flat_cosine": 1 up to t = 1/2, then (1 + cos(π · (2 t − 1))) / 2;
        - "coslog4": (1 − cos(2π · log₂(1 + 15 t))) / 2, which goes from 0 up and down four times;
        - a callable: its value at the epoch's number, finite and >= 0.

        "linear", "flat_cosine" and "coslog4" change with every mini-batch, so that their t includes
        parts of epochs; all others change with every epoch.
    learning_rate_init : float or "auto", default="auto"
        Learning rate before the schedule's factor, > 0. "auto" is for "gd" the largest rate at
        which every plain step is sure to lower J: one over the largest curvature of J, a bound of
        which is found from the data. It is 0.01 for "sgd" and 0.001 for the others.
    power_t : float, default=0.5
        Exponent of the schedule "invscaling", >= 0.
    decay_rate : float, default=None
        How fast the rate falls in "inverse_time", "exponential" and "step", > 0; see the formulas
        above. None is 1 for "inverse_time", 0.95 for "exponential" and 0.5 for "step".
    decay_epochs : int, default=None
        For "step", the number of epochs between two falls; for "cosine", "linear", "flat_cosine"
        and "coslog4", the number of epochs after which the rate is zero. >= 1. None is 10 for
        "step" and `max_iter` for the others.
    max_iter : int, default=10000
        Largest number of iterations or epochs of one call of `fit`, >= 1.
    shuffle : bool, default=True
        Whether the rows are put in a new random order before each epoch.
    random_state : int, RandomState instance or None, default=None
        Seeds held-out rows and the order of rows, each from a stream of its own. An int makes
        the result reproducible. "gd" and "lbfgs" draw nothing but held-out rows.
    tol : float, default=1e-6
        When training stops, >= 0. "gd" stops when the largest entry of the gradient is at most
        `tol`; with L1, what a step would change, divided by the learning rate, counts instead of
        the gradient. With Nesterov's growing momentum, the default, its last steps must be that
        small, too, relative to the largest coefficient if that is above 1. "lbfgs" stops when the
        largest entry of the gradient is at most `tol`. For the others, progress of the loss, or
        with early stopping of the validation score, below `tol` counts as none.
    verbose : bool, default=False
        Whether to print the loss, and the validation score if there is one, after each epoch.
    warm_start : bool, default=False
        Whether `fit` goes on from where training was, optimizer, schedule and random streams
        included, instead of starting anew. `fit_intercept`, the solver and the dtype must be the
        same.
    momentum : float or "auto", default="auto"
        Momentum of "gd" and "sgd", in [0, 1]. "auto" is 0.9 for "sgd"; for "gd" it grows from step
        to step, as Nesterov's does, and starts again from 0 whenever it points uphill [1]_, or with
        ``nesterovs_momentum=False`` it is 0.9. With ``momentum=0`` and a number for
        `learning_rate_init`, "gd" is the course's plain loop w := w − α · dw.
    nesterovs_momentum : bool, default=True
        Whether momentum looks ahead as Nesterov's does.
    early_stopping : bool, default=False
        Whether to stop when the validation score has not improved by `tol` for more than
        `n_iter_no_change` epochs, and to restore the weights of the best epoch (course II 1.8). The
        score is that of `X_val` if `fit` is given one, else of a held-out fraction of X.
    validation_fraction : float, default=0.1
        Fraction of X held out for early stopping, in [0, 1), stratified by class.
    scoring : str, callable or None, default=None
        What the validation score is. None: accuracy, as in scikit-learn; "loss": minus the
        validation loss; else a scorer as scikit-learn's `check_scoring` takes it. A callable
        that takes no `sample_weight` scores unweighted.
    rho : float, default=0.9
        Decay of RMSprop's average S of squared gradients, in [0, 1): the course's β₂ for it (II
        2.4).
    beta_1 : float, default=0.9
        Decay of the average V of gradients in Adam, AdamW and NAdam, in [0, 1): the course's β₁ (II
        2.5).
    beta_2 : float, default=0.999
        Decay of the average S of squared gradients in Adam, AdamW and NAdam, in [0, 1): the
        course's β₂ (II 2.5).
    epsilon : float, default=1e-8
        Small number, > 0, added to √S in RMSprop, Adam, AdamW and NAdam, so that nothing is divided
        by zero. The course's notes have it inside the root.
    n_iter_no_change : int or inf, default=10
        Number of epochs in a row that may pass without progress before training stops, >= 1; with
        inf it does not stop early. `augment` and the random order of mini-batches make the training
        loss noisy. There, training also goes on as long as the exponentially weighted average of
        the loss over as many epochs (course II 2.2) makes progress.
    max_fun : int, default=15000
        Largest number of times that lbfgs computes the cost, >= 1.
    gradient_clip : float or None, default=None
        Largest length (Euclidean norm) of the gradient of all parameters together, > 0. A longer
        gradient is scaled down to this length. None: no limit.
    augment : callable or None, default=None
        Changes each mini-batch before it is learnt from, afresh in every epoch (course II 1.8), of
        the stochastic solvers on dense X: ``augment(X_batch, y_batch, random_state)`` returns new
        arrays in the same shapes for the two it is given, which are read-only. y_batch holds
        floats, a column per output of the network: one-hot rows for several classes, a column of 0
        and 1 for two. random_state is a `numpy.random.Generator`. A row keeps its weight.
        `skdeep.augmentation` has some.
    dtype : {"float32", "float64"} or None, default=None
        Precision of the parameters and of the computation. None is the dtype of X if that is
        float32 or float64, and float64 otherwise.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes, sorted.
    coef_ : ndarray of shape (n_classes, n_features)
        The weights.
    intercept_ : ndarray of shape (n_classes,)
        The intercepts, centred to mean 0.
    layers_ : list of DenseLayer
        The same numbers as the list of a network's layers, of which there is one; it can be set,
        too.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X had names that are all strings.
    n_iter_ : int
        Epochs (or iterations) of the last call.
    t_ : int
        Training rows seen in all.
    loss_ : float
        The last of `loss_curve_`; for lbfgs the cost J at the end.
    loss_curve_ : list of float
        The cost J, penalty included, of every epoch or iteration; for "gd" where its gradient was
        taken, for mini-batches their mean.
    best_loss_ : float or None
        The smallest of `loss_curve_`; None with early stopping.
    validation_loss_curve_ : list of float or None
        The loss on the dev set, without penalty, after every epoch; None without a dev set. Rows
        count as in training: by their own weights times those of their classes.
    validation_scores_ : list of float or None
        The score on the dev set after every epoch; None without a dev set. Rows count by their own
        weights alone.
    best_validation_score_ : float or None
        The largest of them.
    best_epoch_ : int or None
        The epoch, counted from 0, of the best score.
    n_outputs_ : int
        Number of raw outputs.
    n_layers_ : int
        Number of layers, input and output included.
    out_activation_ : str
        Name of the link, which turns raw outputs into predictions: "softmax".

    See Also
    --------
    LogisticRegressionGD : One output for two classes.
    DeepMLPClassifier : With hidden layers.

    References
    ----------
    .. [1] Brendan O'Donoghue and Emmanuel Candès. "Adaptive restart for accelerated gradient
       schemes." Foundations of Computational Mathematics, 2015.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdeep import SoftmaxClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> model = SoftmaxClassifier(alpha=1.0).fit(X / 16, y)
    >>> model.score(X / 16, y) > 0.95
    True
    """

    _always_softmax = True
