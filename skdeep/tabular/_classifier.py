"""TabularMLPClassifier: classes, their probabilities, and how these are calibrated."""

from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, log_expit
from sklearn.base import ClassifierMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from .._engine.backend import Array, FloatType, Matrix
from .._engine.losses import LogisticCrossEntropy, Loss, SoftmaxCrossEntropy
from .._engine.objective import evaluate_loss
from .._fit.dev import DevPart
from .._inputs import ClassWeight, MatrixLike, RandomState
from ..estimators._base import fit_with
from ..estimators._callbacks import with_callbacks
from ..estimators._class_weights import ClassWeights
from ..estimators._classifier import know_labels
from ..estimators._compat import StrOptions, validated_fit
from ..estimators._mlp import DeepMLPClassifier
from ..estimators._parameters import constraints_of
from ..estimators._running import Attributes
from ..estimators._targets import ClassLabels
from ._base import BaseTabularMLP
from ._calibration import Calibration, ColumnCalibration
from ._group import FittedGroup
from ._targets import checked_y

# A class that no row of positive weight has is still a class.
SMALLEST_PRIOR = 1e-4


class TabularMLPClassifier(ClassifierMixin, BaseTabularMLP):
    """Ensemble of small neural networks for tables, classifier.

    Takes a data frame as it is: numbers, booleans, strings, categories, missing values. Numbers are
    encoded piecewise linearly over bins at their quantiles [1]_, categories by a column per level
    (`skdeep.preprocessing.TableEncoder`). Each entry of `n_bins` gives a group of `n_members`
    networks that see that encoding. With ``n_members`` > 1 the networks of a group share most of
    their weights, as in TabM [2]_. A group holds rows out to find the epoch in which the mean of
    its members predicts best, and goes on from there for a while with all rows. The mean over all
    members is what is predicted, after a temperature [5]_ that is fitted to the rows held out.

    The defaults are the setting of best accuracy. ``TabularMLPClassifier(n_bins=16, n_members=1,
    activation="relu")`` is the fast one: a third of the time, and not much less accurate.

    Parameters
    ----------
    n_bins : int or sequence of int, default=(4, 8, 16, 28)
        Most bins per numeric column, each >= 1; for each entry there is one group of networks. With
        c > 18 numeric columns each gets at most max(3, 512 / c).
    n_members : int, default=1
        Networks in each group, >= 1.
    hidden_layer_sizes : int, sequence of int or "auto", default="auto"
        Number of units of each hidden layer, each > 0; an int is one layer. "auto" is (96, 96), or
        (128, 128) where there is only one network.
    activation : {"identity", "logistic", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", \
            "gelu", "silu", "mish", "softplus"} or sequence of these, default="silu"
        Activation function of all hidden layers, or one name for each entry of `n_bins`.
    categorical_features : array-like of {bool, int, str}, "from_dtype" or None, \
            default="from_dtype"
        Which columns are categories.

        - "from_dtype": those that hold strings or are of a categorical dtype. A column of objects
          is judged by what it holds: all numbers make a number, all strings a category.
        - boolean array-like: a mask of shape (n_features,);
        - integer array-like: indices of columns;
        - str array-like: names of columns, of a frame;
        - None: none; then a column of strings is an error.
    max_iter : int or "auto", default="auto"
        Epochs of the training that looks for the best one, >= 1. The learning rate comes down to
        zero four times in them, each time after twice as many epochs; a group ends with the second
        or the third time if the loss on the rows held out has not fallen by 2 or 5 per cent since
        the time before. "auto" is 40 up to 5000 rows, 20 up to 20 000, 12 up to 60 000, and 6
        beyond.
    learning_rate_init : float, default=0.04
        Learning rate of AdamW before the schedule's factor ("coslog4" of `DeepMLPClassifier`), > 0.
        Biases have a tenth of it, the scales of the inputs six times as much.
    weight_decay : float, default=0.02
        Decoupled decay of weights, >= 0: in each step weights shrink by learning rate ×
        weight_decay, towards the end by less. Unlike the `alpha` of `DeepMLPClassifier` it is not
        divided by the number of rows.
    label_smoothing : float, default=0.1
        How much of each row's probability is spread evenly over all classes in training, in [0, 1).
        It is undone in what is predicted.
    batch_size : int or "auto", default="auto"
        Rows of a mini-batch, >= 1. "auto" is about 32 up to 800 rows, 64 up to 1500, 128 up to
        5000, 256 up to 60 000 and 512 beyond, adjusted a little so that all batches are equally
        large.
    validation_fraction : float, default=1/6
        The part of the rows that each group holds out, in (0, 1), stratified by class.
    refit : bool, default=True
        Whether groups go on from their best epoch with all rows, for half as many epochs as led
        there, but no less than 3 or a third of `max_iter`, at 0.3 times the learning rate, which
        comes down to zero.
    class_weight : dict, list of dict, "balanced" or None, default=None
        Factors on the rows' weights by class, >= 0. "balanced" makes all classes weigh the same.
        For multi-label y a list with a dict for each label. A dict may leave out classes (their
        weight is 1), or name classes that y lacks (as a fold may), but not both.
    random_state : int, RandomState instance or None, default=None
        Determines initial weights, the rows held out and the order of mini-batches; an int makes a
        fit repeatable.
    n_jobs : int or None, default=None
        Groups that are trained side by side, in threads, -1 for as many as there are cores. None is
        1 up to 5000 rows, where threads were no faster; beyond, it is as many as NumPy's matrix
        products may use, usually all cores. The result is the same to the last bit.
    verbose : bool, default=False
        Whether to print a line per epoch; groups then train one after the other.
    dtype : {"float32", "float64"}, default="float32"
        Of training. Predictions are computed in float64.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The classes; for a multi-label fit the labels' numbers.
    members_ : list of DeepMLPClassifier
        The members, group by group, as plain networks fitted on encoded rows, all scales folded
        into their weights. The mean of their probabilities, of which smoothing is undone and to
        which the temperature is applied, is what `predict_proba` gives. They are made anew at each
        access.
    encoders_ : list of TableEncoder
        The encoding of each group.
    temperature_ : float or ndarray of shape (n_labels,)
        Probabilities, with smoothing undone, are raised to the power 1 / temperature; for
        multi-label y the odds of each label. Above 1 the members were too sure of themselves.
    loss_curve_ : list of list of float
        Of each group, the cost of every epoch, those with all rows at the end.
    validation_loss_curve_ : list of list of float
        Of each group, the loss of its members' mean on the rows held out, labels smoothed.
    validation_scores_ : list of list of float
        The same with labels as they are, negative: what the best epoch is chosen by.
    best_epoch_ : list of int
        Of each group, the epoch of the best score, counted from 0.
    n_iter_ : int
        Epochs of the group that was trained longest, those with all rows included.
    n_features_in_ : int
        Number of columns seen in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, if they are all strings.

    See Also
    --------
    TabularMLPRegressor : The same for numbers.
    DeepMLPClassifier : One network for any matrix, with everything in your hands.

    Notes
    -----
    Weights have entries of variance 1 and layers are scaled by 1 / √(units before) (NTK
    parametrisation [3]_); the scales of the inputs and the schedule are those of [4]_. A value that
    was unseen, too rare, or missing where none was missing in `fit`, is encoded as zeros. No
    probability is below 0.002, or 0.02 / n_classes if that is less, before the temperature.

    References
    ----------
    .. [1] Yury Gorishniy, Ivan Rubachev and Artem Babenko. "On embeddings for numerical features
       in tabular deep learning." NeurIPS 2022, arXiv:2203.05556.
    .. [2] Yury Gorishniy, Akim Kotelnikov and Artem Babenko. "TabM: advancing tabular deep learning
       with parameter-efficient ensembling." ICLR 2025, arXiv:2410.24210.
    .. [3] Arthur Jacot, Franck Gabriel and Clément Hongler. "Neural tangent kernel." NeurIPS 2018.
    .. [4] David Holzmüller, Léo Grinsztajn and Ingo Steinwart. "Better by default: strong pre-tuned
       MLPs and boosted trees on tabular data." NeurIPS 2024, arXiv:2407.04491.
    .. [5] Chuan Guo et al. "On calibration of modern neural networks." ICML 2017.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.model_selection import train_test_split
    >>> from skdeep import TabularMLPClassifier
    >>> X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    >>> model = TabularMLPClassifier(random_state=0).fit(X_train, y_train)
    >>> model.score(X_test, y_test) > 0.95
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[object]]] = {
        **BaseTabularMLP._parameter_constraints,
        **constraints_of([SoftmaxCrossEntropy, LogisticCrossEntropy]),
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
    }

    def __init__(
        self,
        n_bins: int | Sequence[int] = (4, 8, 16, 28),
        n_members: int = 1,
        hidden_layer_sizes: int | Sequence[int] | str = "auto",
        activation: str | Sequence[str] = "silu",
        *,
        categorical_features: ArrayLike | None = "from_dtype",
        max_iter: int | str = "auto",
        learning_rate_init: float = 0.04,
        weight_decay: float = 0.02,
        label_smoothing: float = 0.1,
        batch_size: int | str = "auto",
        validation_fraction: float = 1 / 6,
        refit: bool = True,
        class_weight: ClassWeight = None,
        random_state: RandomState = None,
        n_jobs: int | None = None,
        verbose: bool = False,
        dtype: str = "float32",
    ) -> None:
        self.n_bins = n_bins
        self.n_members = n_members
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.categorical_features = categorical_features
        self.max_iter = max_iter
        self.learning_rate_init = learning_rate_init
        self.weight_decay = weight_decay
        self.label_smoothing = label_smoothing
        self.batch_size = batch_size
        self.validation_fraction = validation_fraction
        self.refit = refit
        self.class_weight = class_weight
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose
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
        """Fit the ensemble.

        Parameters
        ----------
        X : {array-like, pandas or polars DataFrame} of shape (n_samples, n_features)
            The table. NaN, None and a frame's own missing values are missing.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Class labels, or a multi-label indicator matrix.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, >= 0; None gives all rows weight 1. A row of weight 0 counts in
            nothing.
        X_val : {array-like, pandas or polars DataFrame} of shape (n_val, n_features), default=None
            Rows to be watched in place of those that groups would hold out. They decide on the
            best epoch and on the temperature, and are learnt from in no other way.
        y_val : array-like of shape (n_val,) or (n_val, n_labels), default=None
            Their labels; needed with `X_val`.
        sample_weight_val : array-like of shape (n_val,), default=None
            Their weights.

        Returns
        -------
        self : object
            The fitted ensemble.

        Raises
        ------
        ValueError
            If a parameter or the data are not what they have to be, or training diverges.
        TypeError
            If X is sparse, or a column holds dates, values of several types, or objects that are
            neither strings nor numbers.
        """
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val))

    # ------------------------------------------------------------------------------- the targets

    def _checked_targets(self, y: MatrixLike | None, n_rows: int, name: str) -> Matrix:
        return checked_y(self, y, n_rows, name)

    def _learn_targets(self, y: Matrix, weights: Array | None) -> None:
        self._labels = ClassLabels.of(y)
        self.classes_ = self._labels.classes
        self._class_weights = ClassWeights.of(self.class_weight, y, self._labels, weights)

    def _encode_targets(self, y: Matrix, dtype: FloatType, name: str) -> Array:
        return self._labels.encode(y, dtype, name=name)

    def _row_weights(self, y: Matrix, weights: Array | None) -> Array | None:
        if self._class_weights is None:
            return weights
        of_classes = self._class_weights.of_rows(y)
        return of_classes if weights is None else of_classes * weights

    def _make_loss(self) -> Loss:
        return self._cross_entropy(float(self.label_smoothing))

    def _cross_entropy(self, smoothing: float) -> Loss:
        if self._labels.kind == "multiclass":
            return SoftmaxCrossEntropy(self._labels.n_outputs, smoothing)
        return LogisticCrossEntropy(smoothing)

    @property
    def _has_one_logit(self) -> bool:
        return self._labels.kind != "multiclass"

    def _n_outputs(self) -> int:
        return self._labels.n_outputs

    def _constant(self, targets: Array, weights: Array | None) -> Array:
        """The logarithms of the classes' frequencies, or their odds."""
        loss = self._cross_entropy(0.0)
        prepare = loss.bind_targets(np.empty((targets.shape[0], self._n_outputs())))
        frequencies = np.average(prepare(targets), axis=0, weights=weights)
        highest = 1 - SMALLEST_PRIOR if self._has_one_logit else 1.0
        return loss.link.raw(np.clip(frequencies, SMALLEST_PRIOR, highest))

    def _goodness(self, logits: Array, dev: DevPart) -> float:
        losses = evaluate_loss(self._cross_entropy(0.0), logits.copy(), dev.targets)
        return -float(np.average(losses, weights=dev.weights))

    def _strata(self, targets: Array) -> Array | None:
        return None if self._labels.kind == "multilabel" else targets.ravel()

    def _of_the_loss(self) -> Attributes:
        return {"label_smoothing": self.label_smoothing}

    def _mean(self, members: Array) -> Array:
        mean: Array = members.mean(axis=0)
        return mean

    def _uncalibrated(self) -> Attributes:
        smoothing = float(self.label_smoothing)
        if self._has_one_logit:
            ones = np.ones(self._n_outputs())
            return {"_calibration": ColumnCalibration(smoothing, ones)}
        return {"_calibration": Calibration(smoothing)}

    def _calibrated(self, mean: Array, targets: Array, weights: Array | None) -> Attributes:
        smoothing = float(self.label_smoothing)
        if not self._has_one_logit:
            calibration = Calibration(smoothing).fitted(mean, targets, weights)
            return {"_calibration": calibration, "temperature_": 1 / calibration.beta}
        by_column = ColumnCalibration(smoothing, np.ones(1)).fitted(mean, targets, weights)
        temperatures = 1 / by_column.beta
        multilabel = self._labels.kind == "multilabel"
        return {
            "_calibration": by_column,
            "temperature_": temperatures if multilabel else float(temperatures[0]),
        }

    def _member(self, group: FittedGroup, theta: Array) -> DeepMLPClassifier:
        member = DeepMLPClassifier().set_params(**self._learnt_with, **self._of_member(group))
        know_labels(member, self._labels)
        n_in, n_out = group.architecture.n_in, group.architecture.n_out
        return fit_with(member, theta, n_in, n_out, group.curves.copy())

    # ------------------------------------------------------------------------------ prediction

    def _mean_probabilities(self, X: MatrixLike) -> Array:
        """The mean of all members' probabilities, (n, n_outputs), not calibrated yet."""
        groups = [self._mean(members) for members in self._member_predictions(X)]
        return np.asarray(np.mean(groups, axis=0))

    def _log_odds(self, X: MatrixLike) -> Array:
        """The logarithms of the odds of an output that stands for two classes."""
        odds: Array = self._calibration.log_odds(self._mean_probabilities(X))
        return odds

    @property
    def _has_one_class(self) -> bool:
        return self._labels.kind == "binary" and self.classes_.shape[0] == 1

    def predict(self, X: MatrixLike) -> Matrix:
        """Predict the class of each row, or for a multi-label fit each row's labels.

        Parameters
        ----------
        X : {array-like, pandas or polars DataFrame} of shape (n_samples, n_features)
            The rows to classify, with the columns of `fit`.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_labels)
            The classes of the largest probability; for a multi-label fit an indicator matrix,
            sparse if the y of `fit` was.
        """
        check_is_fitted(self)
        if self._has_one_logit:
            return self._labels.decode(self._log_odds(X))
        return self._labels.decode(self._calibration.apply(self._mean_probabilities(X)))

    def predict_proba(self, X: MatrixLike) -> Array:
        """Predict the probability of each class.

        Parameters
        ----------
        X : {array-like, pandas or polars DataFrame} of shape (n_samples, n_features)
            The rows to classify, with the columns of `fit`.

        Returns
        -------
        p : ndarray of shape (n_samples, n_classes)
            Calibrated probabilities, columns in the order of `classes_`. Rows sum to one, except
            for a multi-label fit, where each column is a label's own probability.
        """
        check_is_fitted(self)
        if not self._has_one_logit:
            return self._calibration.apply(self._mean_probabilities(X))
        z = self._log_odds(X)
        if self._has_one_class:
            # The only class there is, whatever the networks say.
            return np.ones_like(z)
        # Each from its own odds: 1 − p would round to zero long before p reaches one.
        return np.asarray(expit(np.hstack([-z, z]) if self._labels.kind == "binary" else z))

    def predict_log_proba(self, X: MatrixLike) -> Array:
        """Predict the logarithm of the probability of each class.

        Parameters
        ----------
        X : {array-like, pandas or polars DataFrame} of shape (n_samples, n_features)
            The rows to classify, with the columns of `fit`.

        Returns
        -------
        log_p : ndarray of shape (n_samples, n_classes)
            The logarithm of `predict_proba`, finite where that rounds to zero.
        """
        check_is_fitted(self)
        if not self._has_one_logit:
            return self._calibration.log(self._mean_probabilities(X))
        z = self._log_odds(X)
        if self._has_one_class:
            return np.zeros_like(z)
        return np.asarray(log_expit(np.hstack([-z, z]) if self._labels.kind == "binary" else z))

    def decision_function(self, X: MatrixLike) -> Array:
        """Give logarithms of the odds, or of probabilities.

        Parameters
        ----------
        X : {array-like, pandas or polars DataFrame} of shape (n_samples, n_features)
            The rows to classify, with the columns of `fit`.

        Returns
        -------
        z : ndarray of shape (n_samples,) or (n_samples, n_classes)
            For two classes log(p / (1 − p)), p the probability of the second of `classes_`, for
            multi-label y the same label by label; for more classes log p of each.
        """
        check_is_fitted(self)
        if not self._has_one_logit:
            return self._calibration.log(self._mean_probabilities(X))
        z = self._log_odds(X)
        return z[:, 0] if self._labels.kind == "binary" else z

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def calibration_of(ensemble: TabularMLPClassifier) -> Calibration | ColumnCalibration:
    """How a fitted ensemble makes probabilities of its members' mean, row by row or by column."""
    check_is_fitted(ensemble)
    return ensemble._calibration


def kind_of_labels(ensemble: TabularMLPClassifier) -> str:
    """Of a fitted ensemble "binary", "multiclass" or "multilabel"."""
    check_is_fitted(ensemble)
    return ensemble._labels.kind
