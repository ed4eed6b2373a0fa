"""Bias and variance from the errors on train and dev set (course II 1.2), and what to do (II 1.3).

The error on the training set above the base error is avoidable bias: the network does not fit. What
the error on the dev set adds to it is variance: the network does not generalise. Predictions are
made once; what they are worth is seen by resampling rows.
"""

from collections.abc import Callable
from dataclasses import dataclass

from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from .._arguments import ErrorsName, check_finite_number, check_integer, random_state_of
from .._engine.reals import real_number
from .._html import block, numbered, paragraph, table
from .._inputs import RandomState, Rows
from ._advice import advise
from ._bootstrap import intervals_of
from ._errors import error_and_resampler, metric_name, predictions_of

__all__ = ["BiasVarianceResult", "bias_variance_report"]

# A part of the excess error below this share is not the one to work on.
HIGH_SHARE = 0.25
# 0.16 - 0.14 is to count as 0.02.
ROUNDING = 1e-9


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
        A bias or variance below it counts as low.
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
        lines += [
            f"  {name:<14}  {value}  [{low}, {high}]  {remark}"
            for name, value, low, high, remark in self._estimates()
        ]
        lines.append(f"  {self.diagnosis}")
        lines += [f"    {number}. {line}" for number, line in enumerate(self.advice, start=1)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = [("base error", self._shown(self.base_error).strip(), "", "")]
        rows += [
            (name, value.strip(), f"{low.strip()} to {high.strip()}", remark.strip("()"))
            for name, value, low, high, remark in self._estimates()
        ]
        columns = ("", self.metric, f"{100 * self.confidence:g} % interval", "")
        return block(
            paragraph(f"Bias and variance of {self.estimator}"),
            table(columns, rows),
            paragraph(self.diagnosis),
            *([numbered(self.advice)] if self.advice else []),
        )

    def _estimates(self) -> list[tuple[str, str, str, str, str]]:
        """Name, value, both ends of its interval, and a remark."""
        remarks = {
            "train_error": f"({self.n_train} rows)",
            "dev_error": f"({self.n_dev} rows)",
            "avoidable_bias": "high" if self.high_bias else "low",
            "variance": "high" if self.high_variance else "low",
        }
        estimates = []
        for name, remark in remarks.items():
            low, high = (self._shown(end) for end in self.intervals[name])
            shown = self._shown(getattr(self, name))
            estimates.append((name.replace("_", " "), shown, low, high, remark))
        return estimates

    def _shown(self, error: float) -> str:
        return _shown(error, self.metric)


def bias_variance_report(
    estimator: BaseEstimator,
    X_train: Rows,
    y_train: ArrayLike,
    X_dev: Rows,
    y_dev: ArrayLike,
    *,
    base_error: float = 0.0,
    metric: Callable[..., float] | str | None = None,
    tolerance: float = 0.02,
    sample_weight: ArrayLike | None = None,
    sample_weight_dev: ArrayLike | None = None,
    n_bootstrap: int = 1000,
    confidence: float = 0.95,
    random_state: RandomState = None,
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
    with ErrorsName("estimator"):
        check_is_fitted(estimator)
    _check_arguments(base_error, tolerance, n_bootstrap, confidence)
    name = metric_name(metric, estimator)
    if not hasattr(estimator, "predict"):
        raise TypeError(
            f"estimator must have `predict`, got {type(estimator).__name__} without; a search has "
            "it with refit=True."
        )
    if name.startswith("1 - ") and not 0 <= base_error <= 1:
        raise ValueError(
            f"base_error must be in [0, 1], a share and not per cent, got {base_error!r}."
        )
    rng = random_state_of(random_state)
    resampled, errors, n_rows = [], [], []
    for part, X, y, weights in (
        ("train", X_train, y_train, sample_weight),
        ("dev", X_dev, y_dev, sample_weight_dev),
    ):
        predictions = predictions_of(estimator, X, y, weights, part)
        error, resample = error_and_resampler(predictions, metric, name)
        errors.append(error)
        resampled.append(resample(n_bootstrap, rng))
        n_rows.append(predictions.n_rows)
    intervals = intervals_of(resampled[0], resampled[1], base_error, confidence, name)
    return _result(estimator, errors, base_error, intervals, name, confidence, tolerance, n_rows)


def _check_arguments(
    base_error: object, tolerance: object, n_bootstrap: object, confidence: object
) -> None:
    check_finite_number("base_error", base_error)
    if not check_finite_number("tolerance", tolerance) > 0:
        raise ValueError(f"tolerance must be a finite number > 0, got {tolerance!r}.")
    check_integer("n_bootstrap", n_bootstrap, 2)
    if not 0 < real_number(confidence) < 1:
        raise ValueError(f"confidence must be in (0, 1), got {confidence!r}.")


def _result(
    estimator: BaseEstimator,
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
        advice=[*remarks, *advise(estimator, high_bias, high_variance, n_rows[0])],
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
        f"{part}: {_shown(gap, metric).strip()} is not clear of 0 on {rows} rows "
        "-> measure it on more"
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
