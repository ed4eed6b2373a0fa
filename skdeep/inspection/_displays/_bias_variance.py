"""BiasVarianceDisplay: base, training and dev error, and the two gaps between them (II 1.2)."""

import textwrap
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from ..._arguments import check_finite_number, check_optional_string
from ..._inputs import Rows
from .._bias_variance import BiasVarianceResult, bias_variance_report
from ._common import BLUE, GREEN, GREY, ORANGE, VERMILION, single_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D
    from matplotlib.patches import Rectangle
    from matplotlib.text import Annotation

# Characters of a title's line at the default size.
TITLE_WIDTH = 60
# Colour and hatching of the rows, from top to bottom.
STYLES = {
    "base_error": (GREY, None),
    "avoidable_bias": (GREEN, "//"),
    "train_error": (BLUE, None),
    "variance": (VERMILION, "//"),
    "dev_error": (ORANGE, None),
}

# What a report has beside these.
OF_REPORT = ("intervals", "diagnosis", "metric")


class BiasVarianceDisplay:
    """Base error, training error and dev error, with the gaps between them.

    From the base error to the training error is the avoidable bias, from there to the dev error
    the variance. Make one with `from_estimator` or `from_report`; the constructor takes the
    numbers themselves.

    Parameters
    ----------
    base_error : float
        The error that cannot be avoided, a human's say.
    train_error : float
        The error on the training set.
    dev_error : float
        The error on the dev set.
    avoidable_bias : float
        The training error above the base error.
    variance : float
        The dev error above the training error.
    intervals : dict of str to (float, float), default=None
        Lower and upper end of any of the errors and gaps, by their names above.
    diagnosis : str, default=None
        What the numbers mean; the title.
    metric : str, default=None
        What the errors are measured by.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What was drawn on.
    figure_ : matplotlib Figure
        The figure of `ax_`.
    bars_ : dict of str to matplotlib Rectangle
        The bars of the errors and of the gaps, by the names above; a gap begins at the error
        before it.
    intervals_ : dict of str to matplotlib Line2D
        The intervals of those that have one.
    labels_ : dict of str to matplotlib Text
        The numbers, at the right.

    See Also
    --------
    bias_variance_report : The numbers, and what to do about them.
    LossCurveDisplay : The losses on both sets while training went on.

    References
    ----------
    Course II 1.2 and II 1.3.

    Examples
    --------
    >>> from skdeep.inspection import BiasVarianceDisplay
    >>> display = BiasVarianceDisplay(
    ...     base_error=0.01, train_error=0.02, dev_error=0.11, avoidable_bias=0.01, variance=0.09
    ... ).plot()
    >>> display.labels_["variance"].get_text()
    '0.09'
    """

    def __init__(
        self,
        *,
        base_error: float,
        train_error: float,
        dev_error: float,
        avoidable_bias: float,
        variance: float,
        intervals: dict[str, tuple[float, float]] | None = None,
        diagnosis: str | None = None,
        metric: str | None = None,
    ) -> None:
        self.base_error = base_error
        self.train_error = train_error
        self.dev_error = dev_error
        self.avoidable_bias = avoidable_bias
        self.variance = variance
        self.intervals = intervals
        self.diagnosis = diagnosis
        self.metric = metric

    def plot(self, ax: "Axes | None" = None, *, name: str | None = None) -> Self:
        """Draw the errors and the gaps.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            What to draw on; None makes a new figure.
        name : str, default=None
            Title; None takes the diagnosis.

        Returns
        -------
        self : BiasVarianceDisplay
            The display.

        Raises
        ------
        ImportError
            Without matplotlib.
        TypeError
            If `ax` is no Axes, or another argument of another type than it has to be.
        ValueError
            If a number is not finite, or an interval is not one of two numbers.
        """
        check_optional_string("name", name)
        self._check()
        self.ax_ = single_axes("BiasVarianceDisplay", ax)
        self.figure_ = self.ax_.figure
        self.bars_: dict[str, Rectangle] = {}
        self.intervals_: dict[str, Line2D] = {}
        self.labels_: dict[str, Annotation] = {}
        for place, row in enumerate(STYLES):
            self._draw_row(place, row)
        # From each error to the gaps that begin or end there.
        self.ax_.vlines(self.base_error, 0, 1, color=GREY, linestyle=":", linewidth=1)
        self.ax_.vlines(self.train_error, 1, 3, color=GREY, linestyle=":", linewidth=1)
        self.ax_.vlines(self.dev_error, 3, 4, color=GREY, linestyle=":", linewidth=1)
        names = ["base error", "avoidable bias", "training error", "variance", "dev error"]
        self.ax_.set_yticks(range(len(names)), names)
        self.ax_.set_ylim(len(names) - 0.5, -0.5)
        self.ax_.locator_params("x", nbins=6)
        self.ax_.set_xlabel("error" if self.metric is None else f"error ({self.metric})")
        self.ax_.set_title(textwrap.fill(name or self.diagnosis or "", TITLE_WIDTH))
        return self

    @classmethod
    def from_report(
        cls, report: BiasVarianceResult, *, ax: "Axes | None" = None, name: str | None = None
    ) -> Self:
        """Draw what `bias_variance_report` has found.

        Parameters
        ----------
        report : BiasVarianceResult
            Its result.
        ax : matplotlib Axes, default=None
            What to draw on; None makes a new figure.
        name : str, default=None
            Title; None takes the diagnosis.

        Returns
        -------
        display : BiasVarianceDisplay
            The display, drawn.

        Raises
        ------
        ImportError
            Without matplotlib.
        TypeError
            If `ax` is no Axes, or another argument of another type than it has to be.
        ValueError
            If a number is not finite, or an interval is not one of two numbers.
        """
        missing = [one for one in (*STYLES, *OF_REPORT) if not hasattr(report, one)]
        if missing:
            raise TypeError(
                f"report must be what bias_variance_report returns, got {report!r} without "
                f"{missing[0]}."
            )
        display = cls(
            base_error=report.base_error,
            train_error=report.train_error,
            dev_error=report.dev_error,
            avoidable_bias=report.avoidable_bias,
            variance=report.variance,
            intervals=report.intervals,
            diagnosis=report.diagnosis,
            metric=report.metric,
        )
        return display.plot(ax, name=name)

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X_train: Rows,
        y_train: ArrayLike,
        X_dev: Rows,
        y_dev: ArrayLike,
        *,
        base_error: float = 0.0,
        metric: Callable[..., float] | str | None = None,
        ax: "Axes | None" = None,
        name: str | None = None,
        **report_parameters: Any,
    ) -> Self:
        """Make the report of a fitted estimator and draw it.

        Parameters
        ----------
        estimator : estimator
            A fitted estimator, as `bias_variance_report` takes it.
        X_train : {array-like, sparse matrix} of shape (n_train, n_features)
            The rows it was fitted on.
        y_train : array-like of shape (n_train,) or (n_train, n_outputs)
            Their targets.
        X_dev : {array-like, sparse matrix} of shape (n_dev, n_features)
            Rows it was not fitted on.
        y_dev : array-like of shape (n_dev,) or (n_dev, n_outputs)
            Their targets.
        base_error : float, default=0.0
            The error that cannot be avoided, in the metric's unit.
        metric : str, callable or None, default=None
            What the error is, as `bias_variance_report` takes it.
        ax : matplotlib Axes, default=None
            What to draw on; None makes a new figure.
        name : str, default=None
            Title; None takes the diagnosis.
        **report_parameters : dict
            Further parameters of `bias_variance_report`.

        Returns
        -------
        display : BiasVarianceDisplay
            The display, drawn.

        Raises
        ------
        ImportError
            Without matplotlib.
        TypeError
            If `ax` is no Axes, or another argument of another type than it has to be.
        ValueError
            If a number is not finite, or an interval is not one of two numbers.
        """
        report = bias_variance_report(
            estimator,
            X_train,
            y_train,
            X_dev,
            y_dev,
            base_error=base_error,
            metric=metric,
            **report_parameters,
        )
        return cls.from_report(report, ax=ax, name=name)

    def _check(self) -> None:
        """Raise where a number is none, or an interval has no two ends."""
        for name in STYLES:
            check_finite_number(name, getattr(self, name))
        check_optional_string("diagnosis", self.diagnosis)
        check_optional_string("metric", self.metric)
        if self.intervals is None:
            return
        if not isinstance(self.intervals, Mapping):
            raise TypeError(f"intervals must be a dict or None, got {self.intervals!r}.")
        for name, ends in self.intervals.items():
            if name not in STYLES:
                raise ValueError(f"intervals must be of {list(STYLES)}, got one of {name!r}.")
            if not isinstance(ends, (tuple, list, np.ndarray)) or len(ends) != 2:
                raise ValueError(f"intervals[{name!r}] must be two numbers, got {ends!r}.")
            for end in ends:
                check_finite_number(f"intervals[{name!r}]", end)

    def _draw_row(self, place: int, name: str) -> None:
        """A bar from zero of an error, from the error before of a gap, with its interval."""
        value, start = getattr(self, name), self._start(name)
        color, hatch = STYLES[name]
        (self.bars_[name],) = self.ax_.barh(
            place, value, left=start, height=0.6, color=color, hatch=hatch, edgecolor="white"
        )
        if start:
            # A gap below the bar before it must not end the axis there.
            self.bars_[name].sticky_edges.x.clear()
        text = f"{value:.3g}"
        interval = (self.intervals or {}).get(name)
        if interval is not None:
            ends = np.add(start, interval)
            (self.intervals_[name],) = self.ax_.plot(
                ends, [place, place], color="black", marker="|", markersize=9, linewidth=1.5
            )
            text += f" ({interval[0]:.3g} to {interval[1]:.3g})"
        self.labels_[name] = self.ax_.annotate(
            text, (1.02, place), xycoords=self.ax_.get_yaxis_transform(), va="center"
        )

    def _start(self, name: str) -> float:
        """Where a bar begins."""
        return {"avoidable_bias": self.base_error, "variance": self.train_error}.get(name, 0.0)
