"""LossCurveDisplay: how training went, as the course looks at it.

The cost of an epoch is a mean over mini-batches and so is noisy: the exponentially weighted
average (II 2.2) shows its course, and the values themselves stay visible behind it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from ..._arguments import ErrorsName, check_integer, check_optional_string, check_string
from ..._engine.backend import Array
from ..._engine.solvers import SOLVERS
from ...utils import ewma
from ._common import (
    BLUE,
    GREEN,
    GREY,
    VERMILION,
    LineStyle,
    import_pyplot,
    innermost,
    line_style,
    number_per,
    single_axes,
    takes_log_scale,
    ticks_at_whole_numbers,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

# An average over more than about a twentieth of the epochs lags visibly behind.
WINDOWS, LARGEST_BETA = 20, 0.9
# Parameters that are attributes of a fitted estimator, there with an underscore behind.
CURVES = ("loss_curve", "validation_loss_curve", "validation_scores", "best_epoch")


class LossCurveDisplay:
    """Cost of training, and loss on the dev set, against the epoch.

    Make one with `from_estimator`; the constructor takes the curves themselves.

    Parameters
    ----------
    loss_curve : array-like of shape (n_epochs,)
        The cost of training in every epoch.
    validation_loss_curve : array-like of shape (n_validated,), default=None
        The loss on the dev set after every epoch, NaN where there was none; None without a dev
        set.
    validation_scores : array-like of shape (n_validated,), default=None
        The score on the dev set after every epoch.
    best_epoch : int, default=None
        The epoch, counted from 0, of the best score.
    unit : str, default="epoch"
        What is counted along the x axis.
    estimator_name : str, default=None
        Title of the figure.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What was drawn on.
    figure_ : matplotlib Figure
        The figure of `ax_`.
    line_ : matplotlib Line2D
        The averaged cost of training.
    raw_line_ : matplotlib Line2D or None
        The cost itself; None where nothing is averaged.
    validation_line_ : matplotlib Line2D or None
        The averaged loss on the dev set; None without one.
    validation_raw_line_ : matplotlib Line2D or None
        That loss itself.
    end_ : matplotlib Line2D
        The mark where training ended.
    best_line_ : matplotlib Line2D or None
        The mark of the best epoch; None without one.

    See Also
    --------
    LearningRateDisplay : The learning rate against the epoch.
    skdeep.utils.ewma : The average.

    Notes
    -----
    On a log scale the logarithms are averaged.

    References
    ----------
    Course II 1.8 (early stopping), II 2.1 (the cost over mini-batches) and II 2.2 (the average).

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdeep import DeepMLPClassifier
    >>> from skdeep.inspection import LossCurveDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> model = DeepMLPClassifier(
    ...     (16,), learning_rate_init=0.01, early_stopping=True, random_state=0
    ... ).fit(X, y)
    >>> display = LossCurveDisplay.from_estimator(model)
    >>> [text.get_text() for text in display.ax_.get_legend().get_texts()][:2]
    ['training cost J', 'dev loss']
    """

    def __init__(
        self,
        *,
        loss_curve: ArrayLike,
        validation_loss_curve: ArrayLike | None = None,
        validation_scores: Sequence[float] | None = None,
        best_epoch: int | None = None,
        unit: str = "epoch",
        estimator_name: str | None = None,
    ) -> None:
        self.loss_curve = loss_curve
        self.validation_loss_curve = validation_loss_curve
        self.validation_scores = validation_scores
        self.best_epoch = best_epoch
        self.unit = unit
        self.estimator_name = estimator_name

    def plot(
        self,
        ax: "Axes | None" = None,
        *,
        beta: float | None = None,
        log_scale: bool | None = None,
        name: str | None = None,
        line_kw: LineStyle | None = None,
    ) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            What to draw on; None makes a new figure.
        beta : float, default=None
            Of the exponentially weighted average, in [0, 1); 0 draws the values alone. None
            averages over about a twentieth of the epochs, with 0.9 at most, as an average over
            more lags behind; and not at all over the iterations of a full-batch solver, which have
            no noise.
        log_scale : bool, default=None
            Whether the y axis is on a log scale; None does so where the values span two decades or
            more and lie more evenly that way.
        name : str, default=None
            Title; None takes `estimator_name`.
        line_kw : dict, default=None
            What `Axes.plot` is given for the averaged lines; a label stands before each line's own.

        Returns
        -------
        self : LossCurveDisplay
            The display.

        Raises
        ------
        ImportError
            Without matplotlib.
        TypeError
            If `ax` is no Axes, or another argument of another type than it has to be.
        ValueError
            If `beta` is out of its range, a log scale is asked for values that are not positive,
            or there is no epoch to draw.
        """
        for parameter, text in {"name": name, "estimator_name": self.estimator_name}.items():
            check_optional_string(parameter, text)
        check_string("unit", self.unit)
        training = _curve("loss_curve", self.loss_curve)
        if training.size == 0:
            raise ValueError("loss_curve is empty: no epoch has been trained.")
        self._check_best(training.size)
        if beta is not None:
            # Says what is wrong with it.
            ewma([], beta)
        else:
            beta = self._default_beta(training.size)
        validation = _curve("validation_loss_curve", self.validation_loss_curve)
        losses = np.concatenate([training, validation])
        log_scale = takes_log_scale(losses, log_scale, "the losses")
        import_pyplot("LossCurveDisplay")
        style = _style("training cost J", line_kw, color=BLUE)
        self.ax_ = single_axes("LossCurveDisplay", ax)
        self.figure_ = self.ax_.figure
        self.line_, self.raw_line_ = self._draw(training, beta, log_scale, style)
        self.validation_line_ = self.validation_raw_line_ = None
        if np.isfinite(validation).any():
            style = _style("dev loss", line_kw, color=VERMILION, linestyle="--")
            self.validation_line_, self.validation_raw_line_ = self._draw(
                validation, beta, log_scale, style
            )
        self.best_line_ = self._mark_best()
        self.end_ = self._mark_end()
        if log_scale:
            self.ax_.set_yscale("log")
        self.ax_.set(xlabel=self.unit, ylabel="loss (log scale)" if log_scale else "loss")
        ticks_at_whole_numbers(self.ax_.xaxis)
        self.ax_.set_title(name or self.estimator_name or "")
        self.ax_.legend()
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        *,
        group: int = 0,
        ax: "Axes | None" = None,
        beta: float | None = None,
        log_scale: bool | None = None,
        name: str | None = None,
        line_kw: LineStyle | None = None,
    ) -> Self:
        """Draw the curves of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            A fitted estimator with a `loss_curve_`; of a Pipeline the last step is taken, of a
            fitted search the best estimator.
        group : int, default=0
            Of a network for tables, whose groups of members have curves of their own: which one's
            to draw, counted from 0.
        ax : matplotlib Axes, default=None
            What to draw on; None makes a new figure.
        beta : float, default=None
            Of the exponentially weighted average, in [0, 1); 0 draws the values alone. None
            averages over about a twentieth of the epochs, with 0.9 at most, as an average over
            more lags behind; and not at all over the iterations of a full-batch solver, which have
            no noise.
        log_scale : bool, default=None
            Whether the y axis is on a log scale; None does so where the values span two decades or
            more and lie more evenly that way.
        name : str, default=None
            Title; None takes the name of the estimator's class.
        line_kw : dict, default=None
            What `Axes.plot` is given for the averaged lines; a label stands before each line's own.

        Returns
        -------
        display : LossCurveDisplay
            The display, drawn.

        Raises
        ------
        ImportError
            Without matplotlib.
        TypeError
            If the estimator keeps no `loss_curve_`.
        ValueError
            If it has no such group.
        sklearn.exceptions.NotFittedError
            If it is not fitted.
        """
        model = innermost(estimator)
        with ErrorsName("estimator"):
            check_is_fitted(model)
        check_integer("group", group, 0)
        if not hasattr(model, "loss_curve_"):
            raise TypeError(f"estimator must have a loss_curve_, got {model!r}, which has none.")
        curves: dict[str, Any] = {name: getattr(model, f"{name}_", None) for name in CURVES}
        if isinstance(curves["best_epoch"], list):
            curves = _of_group(curves, group)
        elif group != 0:
            raise ValueError(f"group must be 0, got {group}: {type(model).__name__} has no groups.")
        display = cls(**curves, unit=_unit_of(model), estimator_name=type(model).__name__)
        return display.plot(ax, beta=beta, log_scale=log_scale, name=name, line_kw=line_kw)

    def _default_beta(self, n_epochs: int) -> float:
        if self.unit != "epoch":
            return 0.0
        return min(LARGEST_BETA, max(0.0, 1 - WINDOWS / n_epochs))

    def _check_best(self, n_epochs: int) -> None:
        """Raise where the best epoch is none, or has no score."""
        scores = _curve("validation_scores", self.validation_scores)
        if self.best_epoch is None:
            return
        check_integer("best_epoch", self.best_epoch, 0)
        # Those who go on to train on all rows have no scores of these epochs.
        n_scored = n_epochs if self.validation_scores is None else scores.size
        if self.best_epoch >= min(n_epochs, n_scored):
            raise ValueError(
                f"best_epoch must be one of the {n_epochs} epochs of loss_curve that have one of "
                f"the {n_scored} validation_scores, got {self.best_epoch!r}."
            )

    def _draw(
        self, curve: Array, beta: float, log_scale: bool, style: LineStyle
    ) -> "tuple[Line2D, Line2D | None]":
        """The averaged line, and the values behind it."""
        watched = np.flatnonzero(~np.isnan(curve))
        values = curve[watched]
        raw = None
        if beta != 0:
            (raw,) = self.ax_.plot(watched, values, color=style["color"], alpha=0.3, linewidth=1)
        # Where values fall by decades, the first would outweigh all others.
        averages = np.exp(ewma(np.log(values), beta)) if log_scale else ewma(values, beta)
        (line,) = self.ax_.plot(watched, averages, **style)
        return line, raw

    def _mark_best(self) -> "Line2D | None":
        if self.best_epoch is None:
            return None
        label = f"best {self.unit}: {self.best_epoch}"
        if self.validation_scores is not None:
            label += f" (dev score {self.validation_scores[self.best_epoch]:.3g})"
        # To half the height: curves fall, and above them is the legend.
        return self.ax_.axvline(self.best_epoch, 0, 0.5, color=GREEN, linestyle="-.", label=label)

    def _mark_end(self) -> "Line2D":
        """A mark where the averaged cost of training ends."""
        epochs, costs = map(np.asarray, self.line_.get_data())
        label = f"end, after {np.size(self.loss_curve)} {self.unit}s"
        (mark,) = self.ax_.plot(
            epochs[-1:], costs[-1:], color=GREY, linestyle="none", marker="s", label=label
        )
        return mark


def _of_group(curves: dict[str, Any], group: int) -> dict[str, Any]:
    """The curves of one group of members out of those of all."""
    n_groups = len(curves["loss_curve"])
    if not 0 <= group < n_groups:
        raise ValueError(f"group must be in [0, {n_groups - 1}], got {group}.")
    return {name: values[group] for name, values in curves.items()}


def _unit_of(model: object) -> str:
    """What each value of the loss curve stands for; other libraries' networks have one, too."""
    solver = getattr(model, "solver", None)
    row = SOLVERS.get(solver) if isinstance(solver, str) else None
    return "epoch" if row is None or row.is_stochastic else "iteration"


def _style(label: str, line_kw: LineStyle | None, **defaults: str) -> LineStyle:
    """How a curve is drawn; a label that is given stands before the curve's own."""
    style = line_style(defaults, line_kw)
    given = style.get("label")
    return {**style, "label": label if given is None else f"{given}: {label}"}


def _curve(name: str, values: ArrayLike | None) -> Array:
    """One number per epoch; None has none."""
    return np.empty(0) if values is None else number_per("epoch", name, values)
