"""LearningRateDisplay: the learning rate against the epoch (course II 2.6)."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from ..._arguments import check_integer, check_optional_string, is_bool
from ..._engine.backend import Array
from ..._engine.reals import real_number
from ..._engine.schedules import SCHEDULES, Schedule, ends_with_training
from ..._engine.solvers import SOLVERS
from ...estimators._base import BaseNetworkEstimator, rates_of
from ._common import (
    BLUE,
    LineStyle,
    import_pyplot,
    line_style,
    network_in,
    number_per,
    single_axes,
    takes_log_scale,
    ticks_at_whole_numbers,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Up to this many epochs each is marked.
FEW_EPOCHS = 30


class LearningRateDisplay:
    """Learning rate against the epoch.

    Make one with `from_estimator` or `from_schedule`; the constructor takes the rates themselves.

    Parameters
    ----------
    learning_rates : array-like of shape (n_epochs,)
        The learning rate in each epoch.
    name : str, default=None
        Title of the figure.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What was drawn on.
    figure_ : matplotlib Figure
        The figure of `ax_`.
    line_ : matplotlib Line2D
        The learning rate.

    See Also
    --------
    LossCurveDisplay : What came of it.

    References
    ----------
    Course II 2.6.

    Examples
    --------
    >>> from skdeep import DeepMLPClassifier
    >>> from skdeep.inspection import LearningRateDisplay
    >>> model = DeepMLPClassifier(learning_rate="step", decay_epochs=2, max_iter=6)
    >>> display = LearningRateDisplay.from_estimator(model)
    >>> display.line_.get_ydata()
    array([0.001  , 0.001  , 0.0005 , 0.0005 , 0.00025, 0.00025])
    """

    def __init__(self, *, learning_rates: ArrayLike, name: str | None = None) -> None:
        self.learning_rates = learning_rates
        self.name = name

    def plot(
        self,
        ax: "Axes | None" = None,
        *,
        log_scale: bool | None = None,
        name: str | None = None,
        line_kw: LineStyle | None = None,
    ) -> Self:
        """Draw the learning rate.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            What to draw on; None makes a new figure.
        log_scale : bool, default=None
            Whether the y axis is on a log scale; None does so where the values span two decades or
            more and lie more evenly that way.
        name : str, default=None
            Title; None takes the display's `name`.
        line_kw : dict, default=None
            What `Axes.plot` is given for the line; with a label, there is a legend, and no title
            unless `name` is given.

        Returns
        -------
        self : LearningRateDisplay
            The display.

        Raises
        ------
        ImportError
            Without matplotlib.
        TypeError
            If `ax` is no Axes, or another argument of another type than it has to be.
        ValueError
            If a log scale is asked for a learning rate that is zero somewhere.
        """
        check_optional_string("name", self.name)
        check_optional_string("name", name)
        rates = number_per("epoch", "learning_rates", self.learning_rates)
        if rates.size == 0:
            raise ValueError("learning_rates must have one number per epoch, got shape (0,).")
        if not np.isfinite(rates).all():
            raise ValueError(f"learning_rates must be finite, got {rates}.")
        log_scale = takes_log_scale(rates, log_scale, "the learning rate")
        import_pyplot("LearningRateDisplay")
        defaults = {
            "color": BLUE,
            # The rate holds for a whole epoch.
            "drawstyle": "steps-post",
            "marker": "." if rates.size <= FEW_EPOCHS else None,
        }
        style = line_style(defaults, line_kw)
        self.ax_ = single_axes("LearningRateDisplay", ax)
        self.figure_ = self.ax_.figure
        (self.line_,) = self.ax_.plot(np.arange(rates.size), rates, **style)
        if log_scale:
            self.ax_.set_yscale("log")
        label = "learning rate (log scale)" if log_scale else "learning rate"
        self.ax_.set(xlabel="epoch", ylabel=label)
        # A line that the legend names is one of several: none of their names is the title of all.
        if name is not None or "label" not in style:
            self.ax_.set_title(name or self.name or "")
        ticks_at_whole_numbers(self.ax_.xaxis)
        if "label" in style:
            self.ax_.legend()
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        *,
        n_epochs: int | None = None,
        n_samples: int | None = None,
        ax: "Axes | None" = None,
        log_scale: bool | None = None,
        name: str | None = None,
        line_kw: LineStyle | None = None,
    ) -> Self:
        """Draw the learning rate that an estimator has trained with, or would train with.

        Of a fitted estimator with a stochastic solver these are the rates it has trained with,
        whatever has set them: the schedule, "adaptive" too, a callback, or other parameters
        between fits. They are the schedule's by the present parameters where the estimator is not
        fitted, `n_epochs` or `n_samples` is given, the solver is "gd", or an epoch's rate is not
        known.

        Parameters
        ----------
        estimator : estimator of skdeep
            Of a Pipeline the last step is taken, of a fitted search the best estimator.
        n_epochs : int, default=None
            How many epochs of the schedule to draw, >= 1; None draws those trained, or `max_iter`
            of them before the fit.
        n_samples : int, default=None
            Rows trained on in an epoch, >= 1, which "invscaling" counts; None takes the mean over
            the epochs trained. Other schedules do not ask for it.
        ax : matplotlib Axes, default=None
            What to draw on; None makes a new figure.
        log_scale : bool, default=None
            Whether the y axis is on a log scale; None does so where the values span two decades or
            more and lie more evenly that way.
        name : str, default=None
            Title; None takes the schedule's name, followed by "as trained" where that is drawn.
        line_kw : dict, default=None
            What `Axes.plot` is given for the line; with a label, there is a legend, and no title
            unless `name` is given.

        Returns
        -------
        display : LearningRateDisplay
            The display, drawn.

        Raises
        ------
        ImportError
            Without matplotlib.
        TypeError
            If the estimator is not one of skdeep's.
        ValueError
            If the schedule is to be drawn and the parameters do not tell it: "adaptive" depends on
            how training goes, "invscaling" on the rows seen, learning_rate_init="auto" of solver
            "gd" on the data. Solver "lbfgs" has no learning rate.
        """
        network = network_in(estimator)
        if not SOLVERS[network.solver].has_learning_rate:
            raise ValueError(
                f"solver={network.solver!r} has no learning rate: it searches along lines."
            )
        used = _rates_used(network)
        if used is not None and n_epochs is None and n_samples is None:
            display = cls(learning_rates=used, name=f"{_label(network.learning_rate)}, as trained")
            return display.plot(ax, log_scale=log_scale, name=name, line_kw=line_kw)
        n_trained = len(getattr(network, "loss_curve_", []))
        if n_samples is None and n_trained:
            n_samples = round(network.t_ / n_trained)
        if n_epochs is None:
            n_epochs = n_trained or network.max_iter
        return cls.from_schedule(
            network.learning_rate,
            learning_rate_init=_initial_rate(network),
            n_epochs=n_epochs,
            n_samples=n_samples,
            power_t=network.power_t,
            decay_rate=network.decay_rate,
            decay_epochs=_decay_epochs(network),
            ax=ax,
            log_scale=log_scale,
            name=name,
            line_kw=line_kw,
        )

    @classmethod
    def from_schedule(
        cls,
        learning_rate: str | Callable[[int], float],
        *,
        learning_rate_init: float = 0.001,
        n_epochs: int = 200,
        n_samples: int | None = None,
        power_t: float = 0.5,
        decay_rate: float | None = None,
        decay_epochs: int | None = None,
        ax: "Axes | None" = None,
        log_scale: bool | None = None,
        name: str | None = None,
        line_kw: LineStyle | None = None,
    ) -> Self:
        """Draw a schedule by its name and parameters, which are the estimators'.

        Parameters
        ----------
        learning_rate : {"constant", "invscaling", "inverse_time", "sqrt", "exponential", "step", \
                "cosine", "linear", "flat_cosine", "coslog4"} or callable
            The schedule; a callable gives the factor on `learning_rate_init` from the epoch.
        learning_rate_init : float, default=0.001
            Learning rate before the schedule's factor, > 0.
        n_epochs : int, default=200
            How many epochs to draw, >= 1.
        n_samples : int, default=None
            Rows in an epoch, >= 1; "invscaling" needs it, the others do not ask for it.
        power_t : float, default=0.5
            Exponent of "invscaling", >= 0.
        decay_rate : float, default=None
            Rate of "inverse_time", "exponential" and "step", > 0. None takes the schedule's own.
        decay_epochs : int, default=None
            Epochs of a stair of "step", or until those that end have come to zero, >= 1. None takes
            10 and `n_epochs`.
        ax : matplotlib Axes, default=None
            What to draw on; None makes a new figure.
        log_scale : bool, default=None
            Whether the y axis is on a log scale; None does so where the values span two decades or
            more and lie more evenly that way.
        name : str, default=None
            Title; None takes the schedule's name.
        line_kw : dict, default=None
            What `Axes.plot` is given for the line; with a label, there is a legend, and no title
            unless `name` is given.

        Returns
        -------
        display : LearningRateDisplay
            The display, drawn.

        Raises
        ------
        ImportError
            Without matplotlib.
        TypeError
            If `ax` is no Axes, or another argument of another type than it has to be.
        ValueError
            If a parameter is out of its range, or the schedule cannot be told beforehand.
        """
        _check_schedule(learning_rate, n_samples)
        check_integer("n_epochs", n_epochs)
        for parameter, count in {"n_samples": n_samples, "decay_epochs": decay_epochs}.items():
            if count is not None:
                check_integer(parameter, count)
        _check_number("learning_rate_init", learning_rate_init)
        if decay_rate is not None:
            _check_number("decay_rate", decay_rate)
        _check_number("power_t", power_t, or_zero=True)
        schedule = Schedule.of(
            learning_rate,
            decay_rate=decay_rate,
            decay_epochs=decay_epochs,
            power_t=power_t,
            max_iter=n_epochs,
        )
        rates = learning_rate_init * _factors(schedule, n_epochs, n_samples or 0)
        display = cls(learning_rates=rates, name=_label(learning_rate))
        return display.plot(ax, log_scale=log_scale, name=name, line_kw=line_kw)


def _rates_used(network: BaseNetworkEstimator) -> Array | None:
    """The rate of each epoch trained; None where there is none or one is not known."""
    n_trained = len(getattr(network, "loss_curve_", []))
    rates = np.asarray(rates_of(network), dtype=float)
    if n_trained == 0 or rates.shape != (n_trained,) or not np.isfinite(rates).all():
        return None
    return rates


def _label(learning_rate: str | Callable[[int], float]) -> str:
    return learning_rate if isinstance(learning_rate, str) else "learning rate of a callable"


def _factors(schedule: Schedule, n_epochs: int, n_samples: int) -> Array:
    return np.array([schedule.factor(epoch, epoch * n_samples) for epoch in range(n_epochs)])


def _initial_rate(network: BaseNetworkEstimator) -> float:
    """The number that `learning_rate_init` stands for."""
    if network.learning_rate_init != "auto":
        return float(network.learning_rate_init)
    rate = SOLVERS[network.solver].default_learning_rate
    if rate is None:
        raise ValueError(
            f"learning_rate_init='auto' of solver={network.solver!r} is computed from the data: "
            "set a number, or draw LearningRateDisplay.from_schedule."
        )
    return rate


def _decay_epochs(network: BaseNetworkEstimator) -> int | None:
    """What the estimator's schedule decays over, where the epochs drawn are not its own."""
    if ends_with_training(network.learning_rate, network.decay_epochs):
        return int(network.max_iter)
    return None if network.decay_epochs is None else int(network.decay_epochs)


def _check_schedule(learning_rate: object, n_samples: int | None) -> None:
    named = isinstance(learning_rate, str) and learning_rate in SCHEDULES
    if not named and not callable(learning_rate):
        raise ValueError(
            f"learning_rate must be a callable or one of {sorted(SCHEDULES)}, got "
            f"{learning_rate!r}."
        )
    if learning_rate == "adaptive":
        raise ValueError(
            "learning_rate='adaptive' divides by 5 when training stalls, which no parameter tells: "
            "draw LearningRateDisplay.from_estimator of a fitted estimator, without n_epochs."
        )
    if learning_rate == "invscaling" and n_samples is None:
        raise ValueError(
            "learning_rate='invscaling' counts the rows seen: n_samples, the rows trained on in "
            "an epoch, must be given, got None."
        )


def _check_number(name: str, value: object, *, or_zero: bool = False) -> None:
    """Raise where a parameter is no finite number above zero, or no less."""
    number = np.nan if is_bool(value) else real_number(value)
    if not (0 < number < np.inf or (or_zero and number == 0)):
        sign = ">=" if or_zero else ">"
        raise ValueError(f"{name} must be a finite number {sign} 0, got {value!r}.")
