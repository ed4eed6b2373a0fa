"""Bias and variance from the errors on train and dev set (course II 1.2), and what to do (II 1.3).

The error on the training set above the base error is avoidable bias: the network does not fit. What
the error on the dev set adds to it is variance: the network does not generalise. Predictions are
made once; what they are worth is seen by resampling rows.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.base import BaseEstimator, is_classifier, is_regressor
from sklearn.compose import TransformedTargetRegressor
from sklearn.metrics import get_scorer, get_scorer_names
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from .._engine.backend import Array
from .._engine.solvers import SOLVERS
from ..estimators._base import BaseNetworkEstimator
from ..estimators._validation import checked_weights

__all__ = ["BiasVarianceResult", "bias_variance_report"]

# A part of the excess error below this share is not the one to work on.
HIGH_SHARE = 0.25
# 0.16 - 0.14 is to count as 0.02.
ROUNDING = 1e-9
# Numbers that one block of resamples may hold.
BLOCK_ELEMENTS = 2**21
# Kinds of rows up to which their numbers are drawn rather than the rows.
MANY_KINDS = 16
# A penalty below it, shared by all rows as it is, holds no network back.
WEAK_ALPHA = 1e-3

Metric = Callable[[Array], float]


@dataclass(frozen=True)
class BiasVarianceResult:
    """What `bias_variance_report` found.

    Parameters
    ----------
    train_error, dev_error, base_error : float
        The errors, in the metric's units.
    avoidable_bias : float
        The train error less the base error.
    variance : float
        The dev error less the train error.
    intervals : dict of str to (float, float)
        Bootstrap intervals of "train_error", "dev_error", "avoidable_bias" and "variance".
    high_bias, high_variance : bool
        The two findings.
    diagnosis : {"low bias and low variance", "high bias", "high variance", \
            "high bias and high variance"}
        Both in words: the course's four cases.
    advice : list of str
        What to try, in the course's order, bias before variance.
    metric : str
        What the error is.
    confidence : float
        The intervals' level.
    tolerance : float
        The bias or variance from which on it may be high.
    n_train, n_dev : int
        Rows of the two sets.
    estimator : str
        The estimator's class.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from skdeep.inspection import bias_variance_report
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> tree = DecisionTreeClassifier(random_state=0).fit(X[::2], y[::2])
    >>> result = bias_variance_report(tree, X[::2], y[::2], X[1::2], y[1::2], random_state=0)
    >>> result.train_error, result.high_variance
    (0.0, True)
    """

    train_error: float
    dev_error: float
    base_error: float
    avoidable_bias: float
    variance: float
    intervals: dict[str, tuple[float, float]]
    high_bias: bool
    high_variance: bool
    diagnosis: str
    advice: list[str]
    metric: str
    confidence: float
    tolerance: float
    n_train: int
    n_dev: int
    estimator: str

    def __str__(self) -> str:
        lines = [
            f"Bias and variance of {self.estimator}: {self.metric}, "
            f"{100 * self.confidence:g} % intervals",
            f"  base error      {self._shown(self.base_error)}",
        ]
        for name, label in (
            ("train_error", f"({self.n_train} rows)"),
            ("dev_error", f"({self.n_dev} rows)"),
            ("avoidable_bias", "high" if self.high_bias else "low"),
            ("variance", "high" if self.high_variance else "low"),
        ):
            low, high = (self._shown(end) for end in self.intervals[name])
            value = self._shown(getattr(self, name))
            lines.append(f"  {name.replace('_', ' '):<14}  {value}  [{low}, {high}]  {label}")
        lines.append(f"  {self.diagnosis}")
        lines += [f"    {number}. {line}" for number, line in enumerate(self.advice, start=1)]
        return "\n".join(lines)

    def _shown(self, error: float) -> str:
        return _shown(error, self.metric)


def bias_variance_report(
    estimator: Any,
    X_train: Any,
    y_train: Any,
    X_dev: Any,
    y_dev: Any,
    *,
    base_error: float = 0.0,
    metric: Callable[..., float] | str | None = None,
    tolerance: float = 0.02,
    sample_weight: Any = None,
    sample_weight_dev: Any = None,
    n_bootstrap: int = 1000,
    confidence: float = 0.95,
    random_state: int | np.random.RandomState | None = None,
) -> BiasVarianceResult:
    """Tell bias from variance, and say what to try (course II 1.2 and 1.3).

    Parameters
    ----------
    estimator : fitted estimator
        Any classifier or regressor, Pipelines and searches included. The advice names the
        parameters of those of skdeep, also at the end of a Pipeline.
    X_train : {array-like, sparse matrix} of shape (n_train, n_features)
        The rows it was fitted on.
    y_train : array-like of shape (n_train,) or (n_train, n_outputs)
        Their targets.
    X_dev : {array-like, sparse matrix} of shape (n_dev, n_features)
        Rows of the same distribution that it was not fitted on.
    y_dev : array-like of shape (n_dev,) or (n_dev, n_outputs)
        Their targets.
    base_error : float, default=0.0
        The error that cannot be avoided, Bayes' or a person's, in the metric's units; a share in
        [0, 1], not per cent, for the default metrics.
    metric : callable, str or None, default=None
        The error. None: 1 − accuracy for a classifier, where a row is right if all its outputs are;
        1 − R² for a regressor, which is the share of the targets' variance left unexplained, the
        mean over the outputs. An output that is constant counts as in `sklearn.metrics.r2_score`:
        error 0 if it is predicted exactly, else 1. A callable ``metric(y_true, y_pred)`` returns an
        error, the less the better; it takes `sample_weight` if there are weights. A name of a
        scorer of scikit-learn: minus the score for names that begin with "neg\\_", 1 − score for
        the others, whose best score is 1.
    tolerance : float, default=0.02
        A bias or variance below it is low, > 0, in the metric's units. The default is meant for
        errors between 0 and 1.
    sample_weight : array-like of shape (n_train,), default=None
        Weights of the training rows, >= 0.
    sample_weight_dev : array-like of shape (n_dev,), default=None
        Weights of the dev rows, >= 0.
    n_bootstrap : int, default=1000
        Number of resamples, >= 2.
    confidence : float, default=0.95
        Level of the intervals, in (0, 1).
    random_state : int, RandomState instance or None, default=None
        Draws the resamples.

    Returns
    -------
    result : BiasVarianceResult
        Errors, intervals, diagnosis and advice; prints readably.

    Raises
    ------
    TypeError
        If `metric` is neither a callable, a name nor None, or is None and `estimator` is neither a
        classifier nor a regressor, or if `estimator` cannot predict, as a search with
        ``refit=False``.
    ValueError
        If a parameter is out of its range, the error is not finite, or X and y differ in length.
    sklearn.exceptions.NotFittedError
        If the estimator is not fitted.

    See Also
    --------
    BiasVarianceDisplay : Its plot.
    skdeep.model_selection.check_same_distribution : Whether the dev set may be compared with the
        training set at all.

    Notes
    -----
    Avoidable bias, train error − base error, is high if it is at least `tolerance`, at least a
    quarter of the excess error (avoidable bias + variance, where positive), and clear of 0: the
    lower end of its interval is above it. Variance, dev error − train error, likewise. So 0.5 %
    and 1 % are both low although the one is twice the other; with 1 % base error, 8 % on the
    training set and 10 % on the dev set, bias is high and variance is not.

    The intervals are percentiles over resamples of the rows, train and dev apart; resamples on
    which the metric is not defined are left out. They tell how far the numbers may be off for these
    predictions, not how far another fit would be. Where no row is wrong, no resample has a wrong
    one either: an interval [0, 0] says that the rows are too few to tell, no more; 3/n is then an
    upper bound.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skdeep import DeepMLPClassifier
    >>> from skdeep.inspection import bias_variance_report
    >>> from skdeep.model_selection import train_dev_test_split
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> X_train, X_dev, _, y_train, y_dev, _ = train_dev_test_split(X, y, random_state=0)
    >>> model = make_pipeline(
    ...     StandardScaler(),
    ...     DeepMLPClassifier((1,), solver="lbfgs", alpha=300, random_state=0),
    ... ).fit(X_train, y_train)
    >>> print(bias_variance_report(model, X_train, y_train, X_dev, y_dev, random_state=0))
    Bias and variance of Pipeline: 1 - accuracy, 95 % intervals
    ...
    """
    check_is_fitted(estimator)
    _check_arguments(base_error, tolerance, n_bootstrap, confidence)
    name = _metric_name(metric, estimator)
    if not hasattr(estimator, "predict"):
        raise TypeError(
            f"estimator must have `predict`, got {type(estimator).__name__} without; a search has "
            "it with refit=True."
        )
    if name.startswith("1 - ") and not 0 <= base_error <= 1:
        raise ValueError(
            f"base_error must be in [0, 1], a share and not per cent, got {base_error!r}."
        )
    rng = check_random_state(random_state)
    resampled, errors, n_rows = [], [], []
    for part, X, y, weights in (
        ("train", X_train, y_train, sample_weight),
        ("dev", X_dev, y_dev, sample_weight_dev),
    ):
        predictions = _predictions(estimator, X, y, weights, part)
        error, resample = _error_and_resampler(predictions, metric, name)
        errors.append(error)
        resampled.append(resample(n_bootstrap, rng))
        n_rows.append(predictions.n_rows)
    intervals = _intervals(resampled[0], resampled[1], base_error, confidence, name)
    return _result(estimator, errors, base_error, intervals, name, confidence, tolerance, n_rows)


def _check_arguments(base_error: Any, tolerance: Any, n_bootstrap: Any, confidence: Any) -> None:
    for name, value in (("base_error", base_error), ("tolerance", tolerance)):
        if isinstance(value, (bool, np.bool_)):
            raise ValueError(f"{name} must be a number, got {value!r}.")
    if not isinstance(base_error, Real) or not np.isfinite(float(base_error)):
        raise ValueError(f"base_error must be a finite number, got {base_error!r}.")
    if not isinstance(tolerance, Real) or not 0 < float(tolerance) < np.inf:
        raise ValueError(f"tolerance must be a finite number > 0, got {tolerance!r}.")
    if not isinstance(n_bootstrap, Integral) or int(n_bootstrap) < 2:
        raise ValueError(f"n_bootstrap must be an integer >= 2, got {n_bootstrap!r}.")
    if not isinstance(confidence, Real) or not 0 < float(confidence) < 1:
        raise ValueError(f"confidence must be in (0, 1), got {confidence!r}.")


def _result(
    estimator: Any,
    errors: list[float],
    base_error: float,
    intervals: dict[str, tuple[float, float]],
    metric: str,
    confidence: float,
    tolerance: float,
    n_rows: list[int],
) -> BiasVarianceResult:
    train_error, dev_error = errors
    large = find_large(train_error, dev_error, base_error, tolerance)
    clear = [intervals[part][0] > 0 for part in ("avoidable_bias", "variance")]
    high_bias, high_variance = (a and b for a, b in zip(large, clear, strict=True))
    remarks = _remarks(train_error, dev_error, base_error, large, clear, metric, n_rows)
    return BiasVarianceResult(
        train_error=train_error,
        dev_error=dev_error,
        base_error=float(base_error),
        avoidable_bias=train_error - float(base_error),
        variance=dev_error - train_error,
        intervals=intervals,
        high_bias=high_bias,
        high_variance=high_variance,
        diagnosis=diagnose(high_bias, high_variance),
        advice=[*remarks, *_advice(estimator, high_bias, high_variance, n_rows[0])],
        metric=metric,
        confidence=float(confidence),
        tolerance=float(tolerance),
        n_train=n_rows[0],
        n_dev=n_rows[1],
        estimator=type(estimator).__name__,
    )


# -------------------------------------------------------------------------------------- diagnosis


def find_large(
    train_error: float, dev_error: float, base_error: float = 0.0, tolerance: float = 0.02
) -> tuple[bool, bool]:
    """Whether bias and variance are large, by the errors alone."""
    bias, variance = train_error - base_error, dev_error - train_error
    excess = max(bias, 0.0) + max(variance, 0.0)
    least = max(tolerance, HIGH_SHARE * excess) * (1 - ROUNDING)
    return bias >= least, variance >= least


def diagnose(high_bias: bool, high_variance: bool) -> str:
    if not (high_bias or high_variance):
        return "low bias and low variance"
    return " and ".join(["high bias"] * high_bias + ["high variance"] * high_variance)


def _remarks(
    train_error: float,
    dev_error: float,
    base_error: float,
    large: tuple[bool, bool],
    clear: list[bool],
    metric: str,
    n_rows: list[int],
) -> list[str]:
    """What to know before any of the advice: that a number is uncertain, or a premise is not so."""
    gaps = (train_error - base_error, dev_error - train_error)
    remarks = [
        f"{part}: {_shown(gap, metric)} is not clear of 0 on {rows} rows -> measure it on more"
        for part, gap, is_large, is_clear, rows in zip(
            ("bias", "variance"), gaps, large, clear, (n_rows[0], min(n_rows)), strict=True
        )
        if is_large and not is_clear
    ]
    if train_error < base_error:
        remarks.append(
            "the train error is below base_error -> base_error is not the least there is"
        )
    return remarks


def _shown(error: float, metric: str) -> str:
    return f"{100 * error:6.1f} %" if metric.startswith("1 - ") else f"{error:10.4g}"


# ----------------------------------------------------------------------------------------- advice


def _advice(estimator: Any, high_bias: bool, high_variance: bool, n_train: int) -> list[str]:
    """The recipe: first a network that fits, then one that generalises."""
    if not (high_bias or high_variance):
        return ["nothing to mend -> judge it on the test set"]
    prefix, last = _last_step(estimator)
    if isinstance(last, BaseNetworkEstimator):
        against_bias = _against_bias(last, prefix)
        against_variance = _against_variance(last, prefix)
    else:
        against_bias = ["a more flexible model", "more informative features", "less regularisation"]
        against_variance = ["more regularisation", "a simpler model", "fewer features"]
    against_variance.insert(0, f"n_train={n_train} rows -> get more, of the same distribution")
    found = [f"bias: {line}" for line in against_bias] if high_bias else []
    if high_variance:
        heading = "variance, once bias is low" if high_bias else "variance"
        found += [f"{heading}: {line}" for line in against_variance]
    return found


def _last_step(estimator: Any) -> tuple[str, Any]:
    """The estimator that predicts within Pipelines and searches, and its parameters' prefix."""
    prefix = ""
    while True:
        if isinstance(estimator, Pipeline):
            name, estimator = estimator.steps[-1]
            prefix += f"{name}__"
        elif isinstance(estimator, TransformedTargetRegressor):
            estimator, prefix = estimator.regressor_, f"{prefix}regressor__"
        elif hasattr(estimator, "best_estimator_"):
            estimator, prefix = estimator.best_estimator_, f"{prefix}estimator__"
        else:
            return prefix, estimator


class _Parameters:
    """An estimator's parameters as advice names them: with their prefix and present value."""

    def __init__(self, estimator: Any, prefix: str) -> None:
        self._values = estimator.get_params(deep=False)
        self._prefix = prefix

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def shown(self, name: str) -> str:
        return f"{self._prefix}{name}={self._values[name]!r}"


def _against_bias(estimator: BaseNetworkEstimator, prefix: str) -> list[str]:
    """A bigger network, longer training, another optimiser, another architecture, less penalty."""
    given = _Parameters(estimator, prefix)
    if "hidden_layer_sizes" in given:
        advice = [f"{given.shown('hidden_layer_sizes')} -> try wider or deeper"]
    else:
        kind = type(estimator).__name__
        advice = [f"{kind} is linear in X -> try DeepMLPClassifier, or more informative features"]
    advice.append(_longer_training(estimator, given))
    if not SOLVERS[given["solver"]].is_stochastic:
        advice.append(f"{given.shown('solver')} -> try another, 'adam' say")
    else:
        advice.append(
            f"{given.shown('solver')}, {given.shown('learning_rate_init')} -> try other learning "
            "rates, on a log scale, then another solver"
        )
    if "hidden_layer_sizes" in given:
        advice.append(f"{given.shown('activation')} -> try another")
        if not given["batch_norm"] and not given["layer_norm"]:
            advice.append(f"{given.shown('batch_norm')} -> try True")
    thresholds = {"dropout": 0, "input_dropout": 0, "alpha": WEAK_ALPHA, "label_smoothing": 0}
    advice += [
        f"{given.shown(name)} -> lower"
        for name, threshold in thresholds.items()
        if name in given and np.any(np.asarray(given[name]) > threshold)
    ]
    return advice


def _longer_training(estimator: BaseNetworkEstimator, given: _Parameters) -> str:
    ended = f"the last call ended after n_iter_={estimator.n_iter_}"
    if estimator.n_iter_ >= given["max_iter"]:
        return f"{given.shown('max_iter')} ({ended}: not converged) -> raise"
    if given["early_stopping"]:
        names = ("early_stopping", "n_iter_no_change")
        what = ", ".join(given.shown(name) for name in names)
        return f"{what} ({ended}) -> stop later"
    return f"{given.shown('tol')} ({ended} of max_iter={given['max_iter']}) -> lower, train longer"


def _against_variance(estimator: BaseNetworkEstimator, prefix: str) -> list[str]:
    """Regularisation, augmentation, early stopping, a smaller network; rows come before these."""
    given = _Parameters(estimator, prefix)
    takes_changes = SOLVERS[given["solver"]].takes_changing_objective
    advice = [f"{given.shown('alpha')} -> raise, on a log scale"]
    if "dropout" in given:
        needs = "" if takes_changes else " (takes a stochastic solver)"
        advice.append(f"{given.shown('dropout')} -> try 0.2 to 0.5{needs}")
    if not given["early_stopping"]:
        advice.append(f"{given.shown('early_stopping')} -> try True")
    if given["augment"] is None:
        needs = "" if takes_changes else " (takes a stochastic solver)"
        advice.append(f"{given.shown('augment')} -> for images, augment them{needs}")
    if "hidden_layer_sizes" in given:
        advice.append(f"{given.shown('hidden_layer_sizes')} -> try narrower or shallower")
    return advice


# ------------------------------------------------------------------- predictions and their errors


class _Predictions(BaseEstimator):
    """A fitted estimator's answers for given rows; scorers ask for them by the rows' numbers."""

    def __init__(self, estimator: Any, X: Any, y: Array, weights: Array | None, part: str) -> None:
        self._estimator, self._X, self.y, self.weights = estimator, X, y, weights
        self.part = part
        self._answers: dict[str, Any] = {}

    def _answer(self, method: str, rows: Array) -> Any:
        if method not in self._answers:
            answer = getattr(self._estimator, method)(self._X)
            self._answers[method] = answer.toarray() if scipy.sparse.issparse(answer) else answer
        answers = self._answers[method]
        if isinstance(answers, list):  # one array per output
            return [answer[rows] for answer in answers]
        return np.asarray(answers)[rows]

    def predict(self, rows: Array) -> Any:
        return self._answer("predict", rows)

    @available_if(lambda self: hasattr(self._estimator, "predict_proba"))
    def predict_proba(self, rows: Array) -> Any:
        return self._answer("predict_proba", rows)

    @available_if(lambda self: hasattr(self._estimator, "decision_function"))
    def decision_function(self, rows: Array) -> Any:
        return self._answer("decision_function", rows)

    def __sklearn_tags__(self) -> Any:
        return self._estimator.__sklearn_tags__()

    @property
    def classes_(self) -> Any:
        return self._estimator.classes_

    @property
    def n_rows(self) -> int:
        return int(self.y.shape[0])

    def weighted(self, rows: Array) -> dict[str, Array]:
        return {} if self.weights is None else {"sample_weight": self.weights[rows]}


def _predictions(estimator: Any, X: Any, y: Any, weights: Any, part: str) -> _Predictions:
    n_rows = int(X.shape[0]) if hasattr(X, "shape") else len(X)
    y = y.toarray() if scipy.sparse.issparse(y) else np.asarray(y)
    if y.ndim == 0 or y.shape[0] != n_rows:
        raise ValueError(
            f"y_{part} must have one value per row of X_{part} ({n_rows}), got shape {y.shape}."
        )
    if n_rows == 0:
        raise ValueError(f"X_{part} must have at least one row, got none.")
    classes = getattr(estimator, "classes_", None)
    if isinstance(classes, np.ndarray) and _is_text(classes) != _is_text(y):
        raise ValueError(
            f"y_{part} must hold labels like those the estimator was fitted on, "
            f"{classes[0]!r} for instance, got {y.flat[0]!r}."
        )
    name = "sample_weight" if part == "train" else "sample_weight_dev"
    return _Predictions(estimator, X, y, checked_weights(weights, n_rows, np.float64, name), part)


def _is_text(labels: Array) -> bool:
    return labels.dtype.kind in "UST" or isinstance(labels.flat[0], str)


def _metric_name(metric: Any, estimator: Any) -> str:
    if metric is None:
        if is_classifier(estimator):
            return "1 - accuracy"
        if is_regressor(estimator):
            return "1 - R²"
        raise TypeError(
            f"metric must be given: {type(estimator).__name__} is neither a classifier nor a "
            "regressor."
        )
    if isinstance(metric, str):
        if metric not in get_scorer_names() or metric == "positive_likelihood_ratio":
            raise ValueError(
                "metric must be a scorer's name, one of sklearn.metrics.get_scorer_names() with a "
                f"best score of 0 or 1; got {metric!r}."
            )
        return metric.removeprefix("neg_") if metric.startswith("neg_") else f"1 - {metric}"
    if not callable(metric) or hasattr(metric, "_score_func"):
        raise TypeError(
            "metric must be a callable (y_true, y_pred) -> error, the name of a scorer or None, "
            f"got {metric!r}."
        )
    return str(getattr(metric, "__name__", type(metric).__name__))


def _error_and_resampler(
    predictions: _Predictions, metric: Any, name: str
) -> tuple[float, Callable[[int, np.random.RandomState], Array]]:
    """The error on all rows, and a function that gives it on resamples of them."""
    if metric is None:
        terms_of, error_from = SUMS[name]
        terms = terms_of(predictions)
        error = float(error_from(terms.sum(axis=0, keepdims=True))[0])

        def resample(n: int, rng: np.random.RandomState) -> Array:
            return error_from(_resampled_sums(terms, n, rng))
    else:
        error_of = _error_function(predictions, metric)
        error = float(error_of(np.arange(predictions.n_rows)))

        def resample(n: int, rng: np.random.RandomState) -> Array:
            return _resampled_errors(error_of, predictions.n_rows, n, rng)

    if not np.isfinite(error):
        raise ValueError(f"metric must be finite, got {error} for {name}.")
    return error, resample


def _error_function(predictions: _Predictions, metric: Any) -> Metric:
    """The error as a function of row numbers."""
    if callable(metric):
        return lambda rows: metric(
            predictions.y[rows], predictions.predict(rows), **predictions.weighted(rows)
        )
    scorer, best = get_scorer(metric), 0.0 if metric.startswith("neg_") else 1.0
    return lambda rows: (
        best - scorer(predictions, rows, predictions.y[rows], **predictions.weighted(rows))
    )


# -------------------------------------------------------------------------------------- bootstrap


def _intervals(
    train: Array, dev: Array, base_error: float, confidence: float, metric: str
) -> dict[str, tuple[float, float]]:
    samples = {
        "train_error": train,
        "dev_error": dev,
        "avoidable_bias": train - base_error,
        "variance": dev - train,
    }
    ends = [(1 - confidence) / 2, (1 + confidence) / 2]
    intervals = {}
    for name, sample in samples.items():
        defined = sample[np.isfinite(sample)]
        if defined.size < 2:
            raise ValueError(
                f"metric must be finite on resamples of the rows, {metric} is on {defined.size} of "
                f"{sample.size} for the {name}."
            )
        low, high = np.quantile(defined, ends)
        intervals[name] = (float(low), float(high))
    return intervals


def _resampled_errors(error_of: Metric, n_rows: int, n: int, rng: np.random.RandomState) -> Array:
    """Errors on resamples; the metric is a black box, so one at a time. NaN where undefined."""
    errors = np.empty(n)
    with warnings.catch_warnings():
        # A resample may miss a class: the metric says so each time.
        warnings.simplefilter("ignore")
        for i in range(n):
            errors[i] = error_of(rng.randint(n_rows, size=n_rows))
    return errors


def _resampled_sums(terms: Array, n: int, rng: np.random.RandomState) -> Array:
    """Sums over resampled rows of terms of shape (n_rows, ...), for n resamples."""
    kinds, counts = np.unique(terms, axis=0, return_counts=True)
    if kinds.shape[0] <= MANY_KINDS:
        # Rows that are alike need not be drawn one by one: right and wrong ones, for instance.
        drawn = rng.multinomial(terms.shape[0], counts / terms.shape[0], size=n)
        return np.tensordot(drawn, kinds, axes=1)
    sums = np.empty((n, *terms.shape[1:]))
    block = max(1, BLOCK_ELEMENTS // terms.size)
    for start in range(0, n, block):
        size = min(block, n - start)
        rows = rng.randint(terms.shape[0], size=(size, terms.shape[0]))
        sums[start : start + size] = terms[rows].sum(axis=1)
    return sums


def _targets_and_predictions(predictions: _Predictions) -> tuple[Array, Array]:
    """Both of shape (n_rows, n_outputs)."""
    y = predictions.y.reshape(predictions.n_rows, -1)
    predicted = predictions.predict(np.arange(predictions.n_rows)).reshape(predictions.n_rows, -1)
    if y.shape != predicted.shape:
        raise ValueError(
            f"y_{predictions.part} must have as many outputs as the estimator predicts "
            f"({predicted.shape[1]}), got {y.shape[1]}."
        )
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        raise ValueError(f"y_{predictions.part} must be finite, got NaN or infinity.")
    return y, predicted


def _accuracy_terms(predictions: _Predictions) -> Array:
    """Per row its weight, and its weight if it is wrong in any output."""
    y, predicted = _targets_and_predictions(predictions)
    if y.dtype.kind == "f" and (y % 1 != 0).any():
        example = y[y % 1 != 0][0]
        raise ValueError(f"y_{predictions.part} must hold class labels, got {example}.")
    wrong = (y != predicted).any(axis=1)
    weights = np.ones(wrong.size) if predictions.weights is None else predictions.weights
    return np.column_stack([weights, weights * wrong])


def _accuracy_error(sums: Array) -> Array:
    with np.errstate(invalid="ignore"):  # a resample of rows without weight
        return sums[:, 1] / sums[:, 0]


def _r2_terms(predictions: _Predictions) -> Array:
    """Per row and output: the weight, and weighted the target, its square, the squared error."""
    if predictions.n_rows < 2:
        raise ValueError(
            f"metric=None, 1 - R², needs at least 2 rows, got 1 in X_{predictions.part}."
        )
    y, predicted = _targets_and_predictions(predictions)
    y = y.astype(np.float64)
    squared_error = (y - predicted) ** 2
    # About the mean, so that the variance does not drown in rounding.
    y = y - y.mean(axis=0)
    weights = np.ones(y.shape[0]) if predictions.weights is None else predictions.weights
    terms = np.stack([np.ones_like(y), y, y**2, squared_error], axis=1)
    return terms * weights[:, None, None]


def _r2_error(sums: Array) -> Array:
    """1 − R², the mean over the outputs; of a constant one, 0 or 1 as in scikit-learn."""
    weight, first, second, squared_error = np.moveaxis(sums, 1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = second - first**2 / weight
        constant = (spread <= 1e-12 * second) & (weight > 0)
        errors = np.where(constant, squared_error > 0, squared_error / spread)
    return errors.mean(axis=1)


SUMS: dict[str, tuple[Callable[[_Predictions], Array], Callable[[Array], Array]]] = {
    "1 - accuracy": (_accuracy_terms, _accuracy_error),
    "1 - R²": (_r2_terms, _r2_error),
}
