"""DeepMLPClassifier and DeepMLPRegressor: networks with hidden layers.

Both hold no formula. Here are their parameters, what these mean, and what is a regressor's own; the
hidden layers are `BaseDeepMLP`'s, labels `NetworkClassifier`'s, and all else is shared with the
linear estimators through `BaseNetworkEstimator`.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin
from sklearn.utils import Tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from .._engine.backend import Array, FloatType, Matrix
from .._engine.data import Augment
from .._engine.losses import REGRESSION_LOSSES, RegressionLoss
from .._fit.dev import DevPart, Score
from .._inputs import ClassWeight, MatrixLike, RandomState
from ._callbacks import with_callbacks
from ._classifier import NetworkClassifier
from ._compat import StrOptions, validated_fit
from ._deep import BaseDeepMLP
from ._parameters import constraints_of


class DeepMLPClassifier(NetworkClassifier, BaseDeepMLP):
    """Deep neural-network classifier.

    J(θ) = (1/m) Σ w_i L_i + (alpha/m) [(1 − l1_ratio)/2 · ‖W‖² + l1_ratio · ‖W‖₁], with m = Σ w_i
    over the training set, is minimised; L is the cross-entropy of a softmax for more
    than two classes, of a logistic unit for two, and the sum of one per label for multi-label y.

    Every parameter and attribute of scikit-learn's `MLPClassifier` is here under the same name with
    the same default; the user guide lists the deliberate differences.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(100,)
        Number of units of each hidden layer, each > 0; an int is one layer. ``()`` is a linear
        model.
    activation : {"identity", "logistic", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", \
            "gelu", "silu", "mish", "softplus"} or sequence of these, default="relu"
        Activation function of all hidden layers, or one name per hidden layer (course I 4.2).
        "sigmoid" is another name for "logistic"; leaky_relu's slope is 0.01, elu's α is 1, gelu is
        the exact one.
    solver : {"adam", "adamw", "nadam", "rmsprop", "sgd", "lbfgs"}, default="adam"
        How the objective is minimised. "sgd" is gradient descent with `momentum` (course II 2.3),
        "rmsprop" and "adam" are the course's II 2.4 and II 2.5, "adamw" is Adam whose weights decay
        outside the gradient, "nadam" is Adam with Nesterov's step ahead: for Adam's V / (1 − β₁ᵗ)
        it has β₁ V / (1 − β₁ᵗ⁺¹) + (1 − β₁) g / (1 − β₁ᵗ), where g is the gradient (Dozat, 2016,
        with one β₁ for all steps). "lbfgs" is SciPy's L-BFGS on all rows at once, in float64; it
        takes neither dropout, `gradient_clip` nor L1.
    alpha : float, default=0.0001
        Strength of the penalty on the weights, >= 0. With L2 it is the course's λ (II 1.4); for L1
        the course's λ is twice this number. Biases, and the scales γ and shifts β of batch and
        layer normalisation, are not penalised. The penalty is divided by the number of training
        rows (by their total weight, if they have weights), so that alpha means the same at every
        batch size.
    l1_ratio : float, default=0.0
        Share of L1 in the penalty, in [0, 1]; 0 is L2 only, 1 is L1 only. L1 makes exact zeros.
    batch_size : int, "full" or "auto", default="auto"
        Number of rows in each mini-batch of the stochastic solvers (course II 2.1). An int is >= 1;
        "full" puts all rows into one batch; "auto" is ``min(128, n_samples)``, the best compromise
        of accuracy and time on 17 real data sets. (The course's rule, all rows below 2000, cost 1.6
        points of accuracy there: it makes too few steps.) A number larger than n_samples is taken
        as n_samples, with a warning. With batch norm, a last batch of a single row is joined to the
        one before.
    learning_rate : {"constant", "invscaling", "adaptive", "inverse_time", "sqrt", "exponential", \
            "step", "cosine", "linear", "flat_cosine", "coslog4"} or callable, default="constant"
        Schedule of the learning rate of the stochastic solvers (course II 2.6), as a factor on
        `learning_rate_init`; epochs count from 0 and go on counting when training is continued.

        - "constant": 1;
        - "invscaling": (rows seen + 1) ** -power_t, set at the start of each epoch;
        - "adaptive": 1, divided by 5 each time `n_iter_no_change` epochs bring no progress; the fit
          stops when the rate is at most 1e-6;
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
    learning_rate_init : float, default=0.001
        Learning rate α of the stochastic solvers, > 0, before the schedule's factor.
    power_t : float, default=0.5
        Exponent of the schedule "invscaling", >= 0.
    decay_rate : float, default=None
        How fast the rate falls in "inverse_time", "exponential" and "step", > 0; see the formulas
        above. None is 1 for "inverse_time", 0.95 for "exponential" and 0.5 for "step".
    decay_epochs : int, default=None
        For "step", the number of epochs between two falls; for "cosine", "linear", "flat_cosine"
        and "coslog4", the number of epochs after which the rate is zero. >= 1. None is 10 for
        "step" and `max_iter` for the others.
    max_iter : int, default=200
        Largest number of epochs of one call of `fit`, or of iterations of lbfgs, >= 1.
    shuffle : bool, default=True
        Whether the rows are put in a new random order before each epoch.
    random_state : int, RandomState instance or None, default=None
        Seeds initial weights, held-out rows, the order of rows and dropout, each from a stream of
        its own. An int makes the result reproducible.
    tol : float, default=1e-4
        Smallest change that counts as progress, >= 0: a fall of the training loss or, with early
        stopping, a rise of the validation score. lbfgs stops when no entry of the gradient is
        larger than `tol`.
    verbose : bool, default=False
        Whether to print the loss, and the validation score if there is one, after each epoch.
    warm_start : bool, default=False
        Whether `fit` goes on from where training was, optimizer, schedule and random streams
        included, instead of starting anew. The architecture, the solver and the dtype must be the
        same.
    momentum : float, default=0.9
        Momentum of "sgd", in [0, 1].
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
        inf it does not stop early. Dropout, `augment` and the random order of mini-batches make the
        training loss noisy. There, training also goes on as long as the exponentially weighted
        average of the loss over as many epochs (course II 2.2) makes progress.
    max_fun : int, default=15000
        Largest number of times that lbfgs computes the cost, >= 1.
    dropout : float or sequence of float, default=0.0
        Fraction of units that are switched off at random for each row in each training step, in [0,
        1): one number for all hidden layers, or one for each. It is 1 − keep_prob of the course (II
        1.6). Rounded to a multiple of 2⁻¹⁶. Predictions use all units.
    input_dropout : float, default=0.0
        The same for the features of the input.
    batch_norm : bool, default=False
        Whether each hidden layer's z is normalised over the mini-batch before the activation
        (course II 3.2). Such a layer has a scale γ and a shift β; its bias would cancel, so it has
        none.
    batch_norm_momentum : float, default=0.9
        Decay of the running mean and variance that predictions use, in [0, 1): running = momentum ·
        running + (1 − momentum) · batch, with the bias correction of the course (II 2.2). lbfgs
        computes them from all rows instead.
    batch_norm_epsilon : float, default=1e-5
        Small number added to the variance of batch norm, > 0.
    layer_norm : bool, default=False
        Whether each hidden layer's z is normalised row by row, over the layer's units, before the
        activation (Ba, Kiros and Hinton, 2016). It works alike at any batch size and in prediction.
        A layer needs two units at least; its bias is the shift β, added after the normalisation.
        `batch_norm` and `layer_norm` exclude each other.
    layer_norm_epsilon : float, default=1e-5
        Small number added to the variance of layer norm, > 0.
    label_smoothing : float, default=0.0
        Share of the target probability spread evenly over the classes, in [0, 1).
    class_weight : dict, "balanced", list or None, default=None
        Weights of the classes, multiplied with `sample_weight`. "balanced" weighs each class by
        n_samples / (n_classes · its count), where rows count by `sample_weight`. For multi-label y,
        "balanced" or a list of one dict per column. A dict may leave out classes (their weight is
        1), or name classes that y lacks (as a fold may), but not both.
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
    weight_init : {"auto", "he_uniform", "he_normal", "glorot_uniform", "glorot_normal", \
            "lecun_uniform", "lecun_normal", "small_random", "zeros"}, default="auto"
        How the initial weights are drawn (course I 4.5, II 1.10); biases start at 0. "auto" is
        "lecun_normal" for selu and "glorot_uniform" for all other activations: on 17 real data sets
        Glorot's weights did better than He's for relu, too. "small_random" is the course's 0.01 ·
        randn; "zeros" shows what happens when the symmetry of units is not broken.
    dtype : {"float32", "float64"} or None, default=None
        Precision of the parameters and of the computation. None is the dtype of X if that is
        float32 or float64, and float64 otherwise.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes, sorted; for multi-label y the numbers of the labels.
    coefs_ : list of ndarray
        Weight matrices of shape (units of a layer, units of the next): views of the one parameter
        vector. A later call of `fit` or `partial_fit` makes another vector.
    intercepts_ : list of ndarray
        Bias vectors; of a hidden layer with batch norm or layer norm, its β.
    layers_ : list of DenseLayer
        All the numbers that predictions take, layer by layer, as copies: weights, biases, and of
        norms γ, β, mean and variance. A list of such layers can be set, too.
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
        The cost J, penalty included, of every epoch: the mean over its mini-batches, the penalty
        taken where the epoch starts. (The J of adamw has no L2.)
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
        Name of the link, which turns raw outputs into predictions: "softmax" or "logistic".

    See Also
    --------
    DeepMLPRegressor : The same for regression.
    SoftmaxClassifier : A linear model, fitted to the optimum.

    References
    ----------
    .. [1] Diederik Kingma and Jimmy Ba. "Adam: A method for stochastic optimization." ICLR 2015.
    .. [2] Kaiming He et al. "Delving deep into rectifiers." ICCV 2015.
    .. [3] Sergey Ioffe and Christian Szegedy. "Batch normalization." ICML 2015.
    .. [4] Jimmy Lei Ba, Jamie Ryan Kiros and Geoffrey Hinton. "Layer normalization."
       arXiv:1607.06450, 2016.
    .. [5] Timothy Dozat. "Incorporating Nesterov momentum into Adam." ICLR workshop, 2016.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skdeep import DeepMLPClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
    >>> model = make_pipeline(
    ...     StandardScaler(),
    ...     DeepMLPClassifier((32, 32), dropout=0.2, early_stopping=True, random_state=0),
    ... )
    >>> model.fit(X_train, y_train).score(X_test, y_test) > 0.9
    True
    """

    _parameter_constraints: dict[str, list[object]] = {
        **BaseDeepMLP._parameter_constraints,
        **NetworkClassifier._parameter_constraints,
    }

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (100,),
        activation: str | Sequence[str] = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        l1_ratio: float = 0.0,
        batch_size: int | str = "auto",
        learning_rate: str | Callable[[int], float] = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        decay_rate: float | None = None,
        decay_epochs: int | None = None,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: RandomState = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
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
        dropout: float | Sequence[float] = 0.0,
        input_dropout: float = 0.0,
        batch_norm: bool = False,
        batch_norm_momentum: float = 0.9,
        batch_norm_epsilon: float = 1e-5,
        layer_norm: bool = False,
        layer_norm_epsilon: float = 1e-5,
        label_smoothing: float = 0.0,
        class_weight: ClassWeight = None,
        gradient_clip: float | None = None,
        augment: Augment | None = None,
        weight_init: str = "auto",
        dtype: str | None = None,
    ) -> None:
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
        self.layer_norm = layer_norm
        self.layer_norm_epsilon = layer_norm_epsilon
        self.label_smoothing = label_smoothing
        self.class_weight = class_weight
        self.gradient_clip = gradient_clip
        self.augment = augment
        self.weight_init = weight_init
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
        """Fit the network; with `warm_start` go on fitting it.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Class labels, or a multi-label indicator matrix.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, >= 0; None gives all rows weight 1.
        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            A dev set. With early stopping it is what is watched; without, its loss and score are
            recorded.
        y_val : array-like of shape (n_val,) or (n_val, n_labels), default=None
            Its targets; needed with `X_val`.
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

        Available for the stochastic solvers: sgd, rmsprop, adam, adamw, nadam.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Class labels, or a multi-label indicator matrix.
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
            With `early_stopping=True`, with `class_weight="balanced"`, or where y holds classes not
            in `classes`.
        """
        self._check_incremental()
        self._check_classes_argument(classes)
        return self._partial_fit(X, y, sample_weight, classes, total_weight=total_weight)


class DeepMLPRegressor(RegressorMixin, BaseDeepMLP):
    """Deep neural-network regressor.

    J(θ) = (1/m) Σ w_i L_i + (alpha/m) [(1 − l1_ratio)/2 · ‖W‖² + l1_ratio · ‖W‖₁], with m = Σ w_i
    over the training set, is minimised; L is the chosen `loss`.

    Scale X, and y too unless its values are about 1 in size, as in the example below: a network
    that has to reach values of hundreds by steps of `learning_rate_init` takes very many of them.

    Every parameter and attribute of scikit-learn's `MLPRegressor` is here under the same name with
    the same default; the user guide lists the deliberate differences.

    Parameters
    ----------
    loss : {"squared_error", "absolute_error", "huber", "poisson", "quantile", "gamma"}, \
            default="squared_error"
        What is minimised: half the squared error, the absolute error, the Huber loss; for
        "quantile" the pinball loss, whose minimum is the `quantile` of y; for "poisson" and "gamma"
        half the deviance of that name, which model the logarithm of y's mean and need y >= 0 and y
        > 0 respectively. Over several outputs the losses are summed. `score` is R² whatever the
        loss: judge a fit for "quantile" by `sklearn.metrics.mean_pinball_loss`. As in
        `MLPRegressor` it is the first positional argument: give `hidden_layer_sizes` by name.
    hidden_layer_sizes : int or sequence of int, default=(100,)
        Number of units of each hidden layer, each > 0; an int is one layer. ``()`` is a linear
        model.
    activation : {"identity", "logistic", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", \
            "gelu", "silu", "mish", "softplus"} or sequence of these, default="relu"
        Activation function of all hidden layers, or one name per hidden layer (course I 4.2).
        "sigmoid" is another name for "logistic"; leaky_relu's slope is 0.01, elu's α is 1, gelu is
        the exact one.
    solver : {"adam", "adamw", "nadam", "rmsprop", "sgd", "lbfgs"}, default="adam"
        How the objective is minimised. "sgd" is gradient descent with `momentum` (course II 2.3),
        "rmsprop" and "adam" are the course's II 2.4 and II 2.5, "adamw" is Adam whose weights decay
        outside the gradient, "nadam" is Adam with Nesterov's step ahead: for Adam's V / (1 − β₁ᵗ)
        it has β₁ V / (1 − β₁ᵗ⁺¹) + (1 − β₁) g / (1 − β₁ᵗ), where g is the gradient (Dozat, 2016,
        with one β₁ for all steps). "lbfgs" is SciPy's L-BFGS on all rows at once, in float64; it
        takes neither dropout, `gradient_clip` nor L1.
    alpha : float, default=0.0001
        Strength of the penalty on the weights, >= 0. With L2 it is the course's λ (II 1.4); for L1
        the course's λ is twice this number. Biases, and the scales γ and shifts β of batch and
        layer normalisation, are not penalised. The penalty is divided by the number of training
        rows (by their total weight, if they have weights), so that alpha means the same at every
        batch size.
    l1_ratio : float, default=0.0
        Share of L1 in the penalty, in [0, 1]; 0 is L2 only, 1 is L1 only. L1 makes exact zeros.
    batch_size : int, "full" or "auto", default="auto"
        Number of rows in each mini-batch of the stochastic solvers (course II 2.1). An int is >= 1;
        "full" puts all rows into one batch; "auto" is ``min(128, n_samples)``, the best compromise
        of accuracy and time on 17 real data sets. (The course's rule, all rows below 2000, cost 1.6
        points of accuracy there: it makes too few steps.) A number larger than n_samples is taken
        as n_samples, with a warning. With batch norm, a last batch of a single row is joined to the
        one before.
    learning_rate : {"constant", "invscaling", "adaptive", "inverse_time", "sqrt", "exponential", \
            "step", "cosine", "linear", "flat_cosine", "coslog4"} or callable, default="constant"
        Schedule of the learning rate of the stochastic solvers (course II 2.6), as a factor on
        `learning_rate_init`; epochs count from 0 and go on counting when training is continued.

        - "constant": 1;
        - "invscaling": (rows seen + 1) ** -power_t, set at the start of each epoch;
        - "adaptive": 1, divided by 5 each time `n_iter_no_change` epochs bring no progress; the fit
          stops when the rate is at most 1e-6;
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
    learning_rate_init : float, default=0.001
        Learning rate α of the stochastic solvers, > 0, before the schedule's factor.
    power_t : float, default=0.5
        Exponent of the schedule "invscaling", >= 0.
    decay_rate : float, default=None
        How fast the rate falls in "inverse_time", "exponential" and "step", > 0; see the formulas
        above. None is 1 for "inverse_time", 0.95 for "exponential" and 0.5 for "step".
    decay_epochs : int, default=None
        For "step", the number of epochs between two falls; for "cosine", "linear", "flat_cosine"
        and "coslog4", the number of epochs after which the rate is zero. >= 1. None is 10 for
        "step" and `max_iter` for the others.
    max_iter : int, default=200
        Largest number of epochs of one call of `fit`, or of iterations of lbfgs, >= 1.
    shuffle : bool, default=True
        Whether the rows are put in a new random order before each epoch.
    random_state : int, RandomState instance or None, default=None
        Seeds initial weights, held-out rows, the order of rows and dropout, each from a stream of
        its own. An int makes the result reproducible.
    tol : float, default=1e-4
        Smallest change that counts as progress, >= 0: a fall of the training loss or, with early
        stopping, a rise of the validation score. lbfgs stops when no entry of the gradient is
        larger than `tol`.
    verbose : bool, default=False
        Whether to print the loss, and the validation score if there is one, after each epoch.
    warm_start : bool, default=False
        Whether `fit` goes on from where training was, optimizer, schedule and random streams
        included, instead of starting anew. The architecture, the solver and the dtype must be the
        same.
    momentum : float, default=0.9
        Momentum of "sgd", in [0, 1].
    nesterovs_momentum : bool, default=True
        Whether momentum looks ahead as Nesterov's does.
    early_stopping : bool, default=False
        Whether to stop when the validation score has not improved by `tol` for more than
        `n_iter_no_change` epochs, and to restore the weights of the best epoch (course II 1.8). The
        score is that of `X_val` if `fit` is given one, else of a held-out fraction of X.
    validation_fraction : float, default=0.1
        Fraction of X held out for early stopping, in [0, 1).
    scoring : str, callable or None, default=None
        What the validation score is. None: R², as in scikit-learn, but for the losses "quantile"
        and "gamma" D², the share of the loss of the best constant that is explained, averaged over
        outputs as R² is (`d2_pinball_score` with alpha=`quantile`, `d2_tweedie_score` with
        power=2); "loss": minus the validation loss; else a scorer as scikit-learn's
        `check_scoring` takes it. A callable that takes no `sample_weight` scores unweighted.
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
        inf it does not stop early. Dropout, `augment` and the random order of mini-batches make the
        training loss noisy. There, training also goes on as long as the exponentially weighted
        average of the loss over as many epochs (course II 2.2) makes progress.
    max_fun : int, default=15000
        Largest number of times that lbfgs computes the cost, >= 1.
    huber_delta : float, default=1.0
        Residual at which the Huber loss turns from squared to linear, > 0.
    quantile : float, default=0.5
        The quantile that the loss "quantile" predicts, in (0, 1): 0.9 is above nine targets in ten.
        At 0 and 1 themselves the loss has no unique minimum, any prediction beyond all targets is
        as good.
    dropout : float or sequence of float, default=0.0
        Fraction of units that are switched off at random for each row in each training step, in [0,
        1): one number for all hidden layers, or one for each. It is 1 − keep_prob of the course (II
        1.6). Rounded to a multiple of 2⁻¹⁶. Predictions use all units.
    input_dropout : float, default=0.0
        The same for the features of the input.
    batch_norm : bool, default=False
        Whether each hidden layer's z is normalised over the mini-batch before the activation
        (course II 3.2). Such a layer has a scale γ and a shift β; its bias would cancel, so it has
        none.
    batch_norm_momentum : float, default=0.9
        Decay of the running mean and variance that predictions use, in [0, 1): running = momentum ·
        running + (1 − momentum) · batch, with the bias correction of the course (II 2.2). lbfgs
        computes them from all rows instead.
    batch_norm_epsilon : float, default=1e-5
        Small number added to the variance of batch norm, > 0.
    layer_norm : bool, default=False
        Whether each hidden layer's z is normalised row by row, over the layer's units, before the
        activation (Ba, Kiros and Hinton, 2016). It works alike at any batch size and in prediction.
        A layer needs two units at least; its bias is the shift β, added after the normalisation.
        `batch_norm` and `layer_norm` exclude each other.
    layer_norm_epsilon : float, default=1e-5
        Small number added to the variance of layer norm, > 0.
    gradient_clip : float or None, default=None
        Largest length (Euclidean norm) of the gradient of all parameters together, > 0. A longer
        gradient is scaled down to this length. None: no limit.
    augment : callable or None, default=None
        Changes each mini-batch before it is learnt from, afresh in every epoch (course II 1.8), of
        the stochastic solvers on dense X: ``augment(X_batch, y_batch, random_state)`` returns new
        arrays in the same shapes for the two it is given, which are read-only. y_batch holds
        floats, a column per target. random_state is a `numpy.random.Generator`. A row keeps its
        weight. `skdeep.augmentation` has some.
    weight_init : {"auto", "he_uniform", "he_normal", "glorot_uniform", "glorot_normal", \
            "lecun_uniform", "lecun_normal", "small_random", "zeros"}, default="auto"
        How the initial weights are drawn (course I 4.5, II 1.10); biases start at 0. "auto" is
        "lecun_normal" for selu and "glorot_uniform" for all other activations: on 17 real data sets
        Glorot's weights did better than He's for relu, too. "small_random" is the course's 0.01 ·
        randn; "zeros" shows what happens when the symmetry of units is not broken.
    dtype : {"float32", "float64"} or None, default=None
        Precision of the parameters and of the computation. None is the dtype of X if that is
        float32 or float64, and float64 otherwise.

    Attributes
    ----------
    coefs_ : list of ndarray
        Weight matrices of shape (units of a layer, units of the next): views of the one parameter
        vector. A later call of `fit` or `partial_fit` makes another vector.
    intercepts_ : list of ndarray
        Bias vectors; of a hidden layer with batch norm or layer norm, its β.
    layers_ : list of DenseLayer
        All the numbers that predictions take, layer by layer, as copies: weights, biases, and of
        norms γ, β, mean and variance. A list of such layers can be set, too.
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
        The cost J, penalty included, of every epoch: the mean over its mini-batches, the penalty
        taken where the epoch starts. (The J of adamw has no L2.)
    best_loss_ : float or None
        The smallest of `loss_curve_`; None with early stopping.
    validation_loss_curve_ : list of float or None
        The loss on the dev set, without penalty, after every epoch; None without a dev set.
    validation_scores_ : list of float or None
        The score on the dev set after every epoch; None without a dev set.
    best_validation_score_ : float or None
        The largest of them.
    best_epoch_ : int or None
        The epoch, counted from 0, of the best score.
    n_outputs_ : int
        Number of raw outputs.
    n_layers_ : int
        Number of layers, input and output included.
    out_activation_ : str
        Name of the link, which turns raw outputs into predictions: "identity", or "exp" for the
        losses "poisson" and "gamma".

    See Also
    --------
    DeepMLPClassifier : The same for classification.

    References
    ----------
    .. [1] Diederik Kingma and Jimmy Ba. "Adam: A method for stochastic optimization." ICLR 2015.
    .. [2] Kaiming He et al. "Delving deep into rectifiers." ICCV 2015.
    .. [3] Sergey Ioffe and Christian Szegedy. "Batch normalization." ICML 2015.
    .. [4] Jimmy Lei Ba, Jamie Ryan Kiros and Geoffrey Hinton. "Layer normalization."
       arXiv:1607.06450, 2016.
    .. [5] Timothy Dozat. "Incorporating Nesterov momentum into Adam." ICLR workshop, 2016.

    Examples
    --------
    >>> from sklearn.compose import TransformedTargetRegressor
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skdeep import DeepMLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> network = DeepMLPRegressor(
    ...     hidden_layer_sizes=(32,), learning_rate_init=0.01, early_stopping=True, random_state=0
    ... )
    >>> model = TransformedTargetRegressor(
    ...     make_pipeline(StandardScaler(), network), transformer=StandardScaler()
    ... )
    >>> model.fit(X, y).score(X, y) > 0.4
    True
    """

    _parameter_constraints: dict[str, list[object]] = {
        **BaseDeepMLP._parameter_constraints,
        "loss": [StrOptions(set(REGRESSION_LOSSES))],
        **constraints_of(REGRESSION_LOSSES.values()),
    }

    def __init__(
        self,
        loss: str = "squared_error",
        hidden_layer_sizes: int | Sequence[int] = (100,),
        activation: str | Sequence[str] = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        l1_ratio: float = 0.0,
        batch_size: int | str = "auto",
        learning_rate: str | Callable[[int], float] = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        decay_rate: float | None = None,
        decay_epochs: int | None = None,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: RandomState = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
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
        huber_delta: float = 1.0,
        quantile: float = 0.5,
        dropout: float | Sequence[float] = 0.0,
        input_dropout: float = 0.0,
        batch_norm: bool = False,
        batch_norm_momentum: float = 0.9,
        batch_norm_epsilon: float = 1e-5,
        layer_norm: bool = False,
        layer_norm_epsilon: float = 1e-5,
        gradient_clip: float | None = None,
        augment: Augment | None = None,
        weight_init: str = "auto",
        dtype: str | None = None,
    ) -> None:
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
        self.quantile = quantile
        self.dropout = dropout
        self.input_dropout = input_dropout
        self.batch_norm = batch_norm
        self.batch_norm_momentum = batch_norm_momentum
        self.batch_norm_epsilon = batch_norm_epsilon
        self.layer_norm = layer_norm
        self.layer_norm_epsilon = layer_norm_epsilon
        self.gradient_clip = gradient_clip
        self.augment = augment
        self.weight_init = weight_init
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
        """Fit the network; with `warm_start` go on fitting it.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, >= 0; None gives all rows weight 1.
        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            A dev set. With early stopping it is what is watched; without, its loss and score are
            recorded.
        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            Its targets; needed with `X_val`.
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
        *,
        total_weight: float | None = None,
    ) -> Self:
        """Train for one epoch on the given rows, going on from where training was.

        Available for the stochastic solvers: sgd, rmsprop, adam, adamw, nadam.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training data.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, >= 0.
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
            With `early_stopping=True`.
        """
        self._check_incremental()
        return self._partial_fit(X, y, sample_weight, total_weight=total_weight)

    def predict(self, X: MatrixLike) -> Array:
        """Predict the target of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The predictions, in the fitted model's dtype.
        """
        check_is_fitted(self)
        predictions = self._logits(X, link=self.out_activation_)
        return predictions[:, 0] if self._single_column else predictions

    def _learn_targets(self, y: Matrix, classes: ArrayLike | None) -> None:
        self._single_column = y.ndim == 1 or y.shape[1] == 1
        self._n_targets = 1 if y.ndim == 1 else y.shape[1]

    def _check_targets(self, y: Matrix) -> None:
        n_targets = 1 if y.ndim == 1 else y.shape[1]
        if n_targets != self._n_targets:
            raise ValueError(
                f"y must have {self._n_targets} column(s) as in the fit that is continued, "
                f"got {n_targets}."
            )

    def _encode_targets(self, y: Matrix, dtype: FloatType, name: str = "y") -> Array:
        with np.errstate(over="ignore"):
            encoded = np.asarray(y, dtype=dtype)
        if not np.isfinite(encoded).all():
            raise ValueError(
                f"Input {name} contains infinity or a value too large for {np.dtype(dtype)!r}."
            )
        encoded = encoded.reshape(encoded.shape[0], -1)
        if encoded.shape[1] != self._n_targets:
            raise ValueError(
                f"`{name}` must have {self._n_targets} column(s), got {encoded.shape[1]}."
            )
        self._make_loss().check_targets(encoded, name)
        return encoded

    def _n_network_outputs(self, encoded: Array) -> int:
        return encoded.shape[1]

    def _make_loss(self) -> RegressionLoss:
        loss = REGRESSION_LOSSES[self.loss]
        return loss.of({name: float(getattr(self, name)) for name in loss.parameters})

    def _default_score(self, dev: DevPart) -> Score:
        return partial(self._score_logits, dev=dev)

    def _score_logits(self, logits: Array, dev: DevPart) -> float:
        from sklearn.metrics import r2_score

        loss = self._make_loss()
        if loss.scored_by_itself:
            return loss.explained(logits, dev.targets, dev.weights)
        predictions = loss.link.inverse(logits)
        return float(r2_score(dev.targets, predictions, sample_weight=dev.weights))

    def _strata(self, y: Matrix, n_held_out: int) -> Array | None:
        return None

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        takes_all = not isinstance(self.loss, str) or self.loss not in REGRESSION_LOSSES
        if not takes_all:
            takes_all = REGRESSION_LOSSES[self.loss].targets.contains(np.array([-1.0]))
        tags.target_tags.positive_only = not takes_all
        return tags


def know_targets(regressor: DeepMLPRegressor, y: Array) -> None:
    """Let a regressor predict targets of the shape of y."""
    regressor._learn_targets(y, None)


def has_single_column(regressor: DeepMLPRegressor) -> bool:
    """Whether a fitted regressor predicts one number a row, not rows of a matrix."""
    return regressor._single_column
