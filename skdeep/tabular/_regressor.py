"""TabularMLPRegressor: one target or several, their scale, and how sure a prediction is."""

from collections.abc import Sequence
from typing import ClassVar, Literal, Self, overload

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from .._arguments import check_bool
from .._engine.backend import Array, FloatType, Matrix
from .._engine.losses import REGRESSION_LOSSES, RegressionLoss
from .._engine.objective import evaluate_loss
from .._fit.dev import DevPart
from .._inputs import MatrixLike, RandomState
from ..estimators._base import fit_with
from ..estimators._callbacks import with_callbacks
from ..estimators._compat import StrOptions, validated_fit
from ..estimators._mlp import DeepMLPRegressor, know_targets
from ..estimators._parameters import constraints_of
from ..estimators._running import Attributes
from ._base import BaseTabularMLP
from ._group import FittedGroup
from ._targets import TargetScale, checked_y


class TabularMLPRegressor(RegressorMixin, BaseTabularMLP):
    """Ensemble of small neural networks for tables, regressor.

    Takes a data frame as it is: numbers, booleans, strings, categories, missing values. Numbers are
    encoded piecewise linearly over bins at their quantiles [1]_, categories by a column per level
    (`skdeep.preprocessing.TableEncoder`). Each entry of `n_bins` gives a group of `n_members`
    networks that see that encoding. With ``n_members`` > 1 the networks of a group share most of
    their weights, as in TabM [2]_. A group holds rows out to find the epoch in which the mean of
    its members predicts best, and goes on from there for a while with all rows. The mean over all
    members is what is predicted.

    The defaults are the setting of best accuracy. ``TabularMLPRegressor(n_bins=16, n_members=1,
    activation="relu")`` is the fast one: a third of the time, and not much less accurate.

    Parameters
    ----------
    loss : {"squared_error", "absolute_error", "huber", "poisson", "quantile", "gamma"}, \
            default="squared_error"
        What is minimised, and what the best epoch is chosen by: half the squared error, the
        absolute error, the Huber loss; for "quantile" the pinball loss, whose minimum is the
        `quantile` of y; for "poisson" and "gamma" half the deviance of that name, which model the
        logarithm of y's mean and need y >= 0 and y > 0 respectively. Over several outputs the
        losses are summed. `score` is R² whatever the loss: judge a fit for "quantile" by
        `sklearn.metrics.mean_pinball_loss`.
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
    learning_rate_init : float, default=0.1
        Learning rate of AdamW before the schedule's factor ("coslog4" of `DeepMLPClassifier`), > 0.
        Biases have a tenth of it, the scales of the inputs six times as much.
    weight_decay : float, default=0.02
        Decoupled decay of weights, >= 0: in each step weights shrink by learning rate ×
        weight_decay, towards the end by less. Unlike the `alpha` of `DeepMLPClassifier` it is not
        divided by the number of rows.
    batch_size : int or "auto", default="auto"
        Rows of a mini-batch, >= 1. "auto" is about 32 up to 800 rows, 64 up to 1500, 128 up to
        5000, 256 up to 60 000 and 512 beyond, adjusted a little so that all batches are equally
        large.
    validation_fraction : float, default=1/6
        The part of the rows that each group holds out, in (0, 1).
    refit : bool, default=True
        Whether groups go on from their best epoch with all rows, for half as many epochs as led
        there, but no less than 3 or a third of `max_iter`, at 0.3 times the learning rate, which
        comes down to zero.
    huber_delta : float, default=1.0
        Where the Huber loss turns from a parabola into a line, in standard deviations of the
        target, > 0.
    quantile : float, default=0.5
        The quantile that the pinball loss is for, in (0, 1).
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
    members_ : list of DeepMLPRegressor
        The members, group by group, as plain networks fitted on encoded rows, all scales and the
        target's folded into their weights. What `predict` gives is the mean of their predictions,
        each kept within the range of the targets of `fit`. They are made anew at each access.
    encoders_ : list of TableEncoder
        The encoding of each group.
    residual_std_ : ndarray of shape (n_outputs,)
        Root mean square of the residuals of rows held out, as groups predicted them before they
        went on with all rows.
    loss_curve_ : list of list of float
        Of each group, the cost of every epoch, those with all rows at the end. Targets are
        standardised, except for the losses "poisson" and "gamma".
    validation_loss_curve_ : list of list of float
        Of each group, the loss of its members' mean on the rows held out.
    validation_scores_ : list of list of float
        The same within the range of the targets of `fit`, negative: what the best epoch is chosen
        by.
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
    TabularMLPClassifier : The same for classes.
    DeepMLPRegressor : One network for any matrix, with everything in your hands.

    Notes
    -----
    Weights have entries of variance 1 and layers are scaled by 1 / √(units before) (NTK
    parametrisation [3]_); the scales of the inputs and the schedule are those of [4]_. A value that
    was unseen, too rare, or missing where none was missing in `fit`, is encoded as zeros.

    References
    ----------
    .. [1] Yury Gorishniy, Ivan Rubachev and Artem Babenko. "On embeddings for numerical features
       in tabular deep learning." NeurIPS 2022, arXiv:2203.05556.
    .. [2] Yury Gorishniy, Akim Kotelnikov and Artem Babenko. "TabM: advancing tabular deep learning
       with parameter-efficient ensembling." ICLR 2025, arXiv:2410.24210.
    .. [3] Arthur Jacot, Franck Gabriel and Clément Hongler. "Neural tangent kernel." NeurIPS 2018.
    .. [4] David Holzmüller, Léo Grinsztajn and Ingo Steinwart. "Better by default: strong pre-tuned
       MLPs and boosted trees on tabular data." NeurIPS 2024, arXiv:2407.04491.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skdeep import TabularMLPRegressor
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> model = TabularMLPRegressor(random_state=0).fit(X[:300], y[:300])
    >>> model.score(X[300:], y[300:]) > 0.4
    True
    >>> mean, std = model.predict(X[300:], return_std=True)
    """

    _parameter_constraints: ClassVar[dict[str, list[object]]] = {
        **BaseTabularMLP._parameter_constraints,
        "loss": [StrOptions(set(REGRESSION_LOSSES))],
        **constraints_of(REGRESSION_LOSSES.values()),
    }

    def __init__(
        self,
        loss: str = "squared_error",
        n_bins: int | Sequence[int] = (4, 8, 16, 28),
        n_members: int = 1,
        hidden_layer_sizes: int | Sequence[int] | str = "auto",
        activation: str | Sequence[str] = "silu",
        *,
        categorical_features: ArrayLike | None = "from_dtype",
        max_iter: int | str = "auto",
        learning_rate_init: float = 0.1,
        weight_decay: float = 0.02,
        batch_size: int | str = "auto",
        validation_fraction: float = 1 / 6,
        refit: bool = True,
        huber_delta: float = 1.0,
        quantile: float = 0.5,
        random_state: RandomState = None,
        n_jobs: int | None = None,
        verbose: bool = False,
        dtype: str = "float32",
    ) -> None:
        self.loss = loss
        self.n_bins = n_bins
        self.n_members = n_members
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.categorical_features = categorical_features
        self.max_iter = max_iter
        self.learning_rate_init = learning_rate_init
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.validation_fraction = validation_fraction
        self.refit = refit
        self.huber_delta = huber_delta
        self.quantile = quantile
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
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, >= 0; None gives all rows weight 1. A row of weight 0 counts in
            nothing.
        X_val : {array-like, pandas or polars DataFrame} of shape (n_val, n_features), default=None
            Rows to be watched in place of those that groups would hold out. They decide on the
            best epoch and on `residual_std_`, and are learnt from in no other way.
        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            Their targets; needed with `X_val`.
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
        self._single_column = y.ndim == 1
        columns = self._as_columns(y, "y")
        if weights is not None:
            columns, weights = columns[weights > 0], weights[weights > 0]
        self._scale = TargetScale.of(columns, weights, self._make_loss().link)

    def _as_columns(self, y: Matrix, name: str) -> Array:
        columns = np.asarray(y, dtype=np.float64).reshape(y.shape[0], -1)
        if not np.isfinite(columns).all():
            raise ValueError(f"Input {name} contains NaN or infinity.")
        self._make_loss().check_targets(columns, name)
        return columns

    def _encode_targets(self, y: Matrix, dtype: FloatType, name: str) -> Array:
        columns = self._as_columns(y, name)
        if columns.shape[1] != self._n_outputs():
            raise ValueError(
                f"{name} must have {self._n_outputs()} column(s), got {columns.shape[1]}."
            )
        return self._scale.standardised(columns, dtype)

    def _make_loss(self) -> RegressionLoss:
        loss = REGRESSION_LOSSES[self.loss]
        return loss.of({name: float(getattr(self, name)) for name in loss.parameters})

    def _n_outputs(self) -> int:
        return int(self._scale.mean.size)

    def _constant(self, targets: Array, weights: Array | None) -> Array:
        return self._make_loss().best_constant(targets, weights)

    def _goodness(self, logits: Array, dev: DevPart) -> float:
        raw = self._scale.clip(logits.copy())
        losses = evaluate_loss(self._make_loss(), raw, dev.targets)
        return -float(np.average(losses, weights=dev.weights))

    def _strata(self, targets: Array) -> Array | None:
        return None

    def _of_the_loss(self) -> Attributes:
        return {name: getattr(self, name) for name in ("loss", "huber_delta", "quantile")}

    def _mean(self, members: Array) -> Array:
        mean: Array = self._within_range(members).mean(axis=0)
        return mean

    def _within_range(self, predictions: Array) -> Array:
        """Predictions of members kept within the range of the targets of fit."""
        return self._link.inverse(self._scale.clip(self._link.raw(predictions)))

    def _uncalibrated(self) -> Attributes:
        return {"residual_std_": np.full(self._n_outputs(), np.nan)}

    def _calibrated(self, mean: Array, targets: Array, weights: Array | None) -> Attributes:
        residuals = self._scale.restored(mean) - self._scale.restored(targets)
        return {"residual_std_": np.sqrt(np.average(residuals**2, axis=0, weights=weights))}

    def _member(self, group: FittedGroup, theta: Array) -> DeepMLPRegressor:
        """The network whose raw outputs are in the target's units."""
        scale, of_output = self._scale, group.network.layout.views(theta)
        of_output["output", "W"][...] *= scale.scale
        of_output["output", "b"][...] = scale.restored(of_output["output", "b"])
        member = DeepMLPRegressor().set_params(**self._learnt_with, **self._of_member(group))
        # One number for all targets.
        member.set_params(huber_delta=member.huber_delta * float(np.mean(scale.scale)))
        n_in, n_out = group.architecture.n_in, group.architecture.n_out
        know_targets(member, np.zeros((1, n_out) if n_out > 1 or not self._single_column else 1))
        return fit_with(member, theta, n_in, n_out, group.curves.copy())

    # ------------------------------------------------------------------------------ prediction

    @overload
    def predict(self, X: MatrixLike, return_std: Literal[False] = False) -> Array: ...

    @overload
    def predict(self, X: MatrixLike, return_std: Literal[True]) -> tuple[Array, Array]: ...

    def predict(self, X: MatrixLike, return_std: bool = False) -> Array | tuple[Array, Array]:
        """Predict the target of each row, and how far off that may be.

        Parameters
        ----------
        X : {array-like, pandas or polars DataFrame} of shape (n_samples, n_features)
            The rows, with the columns of `fit`.
        return_std : bool, default=False
            Whether to return standard deviations, too: √(spread² + `residual_std_`²). The spread is
            the standard deviation of the members' predictions of this row; `residual_std_` is the
            same for all rows.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The mean of the members' predictions, each within the range of the targets of `fit`.
        std : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Standard deviations; only with ``return_std=True``.
        """
        check_is_fitted(self)
        check_bool("return_std", return_std)
        members = np.concatenate(self._member_predictions(X))
        predictions = self._scale.restored(self._within_range(members))
        mean = self._as_given(predictions.mean(axis=0))
        if not return_std:
            return mean
        std = np.sqrt(predictions.var(axis=0) + self.residual_std_**2)
        return mean, self._as_given(std)

    def _as_given(self, columns: Array) -> Array:
        return columns[:, 0] if self._single_column else columns

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        takes_all = not isinstance(self.loss, str) or self.loss not in REGRESSION_LOSSES
        if not takes_all:
            takes_all = REGRESSION_LOSSES[self.loss].targets.contains(np.array([-1.0]))
        tags.target_tags.positive_only = not takes_all
        tags.target_tags.multi_output = takes_all
        return tags


def target_scale_of(ensemble: TabularMLPRegressor) -> TargetScale:
    """What leads from members' raw outputs to a fitted ensemble's targets."""
    check_is_fitted(ensemble)
    return ensemble._scale
