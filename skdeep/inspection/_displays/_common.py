"""What the displays share: matplotlib itself, axes to draw on, colours, and which estimator."""

import importlib
import math
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from ..._arguments import ErrorsName, is_bool
from ..._engine.backend import Array
from ..._inputs import Rows, check_numbers
from ..._optional import imported
from ...estimators._base import BaseNetworkEstimator

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.gridspec import GridSpecBase
    from matplotlib.ticker import MaxNLocator

# What `Axes.plot` is given for a line, by its names.
LineStyle = Mapping[str, Any]
# What a user gives to draw on: nothing, one Axes, or one for each panel.

AxesLike: TypeAlias = "Axes | Sequence[Axes] | Array | None"

# Okabe and Ito's palette, told apart with any kind of colour vision.
BLUE, VERMILION, GREEN, ORANGE, GREY = "#0072B2", "#D55E00", "#009E73", "#E69F00", "#666666"
# Curves that span this factor may be drawn on a log scale.
WIDE = 100
OURS = "skdeep's (LogisticRegressionGD, SoftmaxClassifier, DeepMLPClassifier, DeepMLPRegressor)"


def import_pyplot(caller: str) -> ModuleType:
    """matplotlib.pyplot, or an error that says what to install."""
    imported("matplotlib", caller, "plot")
    pyplot: ModuleType = imported("matplotlib.pyplot", caller, "plot")
    return pyplot


def single_axes(caller: str, ax: "Axes | None") -> "Axes":
    """The given axes, or those of a new figure."""
    pyplot = import_pyplot(caller)
    if ax is None:
        return cast("Axes", pyplot.subplots(layout="constrained")[1])
    if not _is_axes(ax):
        raise TypeError(f"ax must be a matplotlib Axes or None, got {ax!r}.")
    return ax


def _is_axes(value: object) -> bool:
    return isinstance(value, importlib.import_module("matplotlib.axes").Axes)


def panels(
    caller: str,
    ax: AxesLike,
    n_panels: int,
    n_columns: int,
    panel_size: tuple[float, float],
    *,
    sharey: bool = False,
) -> Array:
    """Axes of a new figure, or in place of the given axes, or as many as are given.

    `panel_size` is in inches. Of a grid, the axes left over are switched off.
    """
    pyplot = import_pyplot(caller)
    n_rows = math.ceil(n_panels / n_columns)
    if ax is None:
        size = (n_columns * panel_size[0], n_rows * panel_size[1])
        figure = pyplot.figure(figsize=size, layout="constrained")
        return _grid(figure.add_gridspec(n_rows, n_columns), n_panels, sharey)
    with ErrorsName("ax"):
        given = np.ravel(np.asarray(ax, dtype=object))
    if not all(map(_is_axes, given)):
        raise TypeError(f"ax must be a matplotlib Axes, {n_panels} of them or None, got {ax!r}.")
    if given.size == n_panels:
        return given
    if given.size != 1:
        raise ValueError(f"ax must be one Axes or {n_panels} of them, got {given.size}.")
    whole = given[0].get_subplotspec()
    if whole is None:
        raise ValueError(
            f"ax must be {n_panels} Axes, or one that Figure.subplots has made, which can be "
            "divided; got one placed by hand."
        )
    given[0].set_axis_off()
    return _grid(whole.subgridspec(n_rows, n_columns), n_panels, sharey)


def _grid(gridspec: "GridSpecBase", n_panels: int, sharey: bool) -> Array:
    axes = gridspec.subplots(squeeze=False, sharey=sharey).ravel()
    for unused in axes[n_panels:]:
        unused.set_axis_off()
    used: Array = axes[:n_panels]
    return used


def ticks_at_whole_numbers(axis: "Axis") -> None:
    cast("MaxNLocator", axis.get_major_locator()).set_params(integer=True)


def line_style(defaults: LineStyle, line_kw: LineStyle | None) -> dict[str, Any]:
    """What `Axes.plot` is given: the defaults, and over them what the user gave, aliases too."""
    cbook = importlib.import_module("matplotlib.cbook")
    line = importlib.import_module("matplotlib.lines").Line2D
    if not (line_kw is None or isinstance(line_kw, Mapping)):
        raise TypeError(f"line_kw must be a dict or None, got {line_kw!r}.")
    with ErrorsName("line_kw"):
        given = cbook.normalize_kwargs(line_kw, line)
        unknown = [key for key in given if not hasattr(line, f"set_{key}")]
        if unknown:
            raise ValueError(f"line_kw must have properties of a Line2D, got {unknown[0]!r}.")
        # A line of no points says what is wrong with their values.
        line([], [], **given)
    return {**defaults, **given}


def number_per(what: str, name: str, values: object) -> Array:
    """Values that are one real number for each of what there are."""
    with ErrorsName(name):
        check_numbers(values, name)
        array = np.asarray(values)
        if array.ndim != 1:
            raise ValueError(f"{name} must have one number per {what}, got shape {array.shape}.")
        if array.dtype.kind not in "fiubO":
            raise TypeError(f"{name} must hold real numbers, got dtype {array.dtype}.")
        return array.astype(float)


def takes_log_scale(values: ArrayLike, log_scale: bool | None, name: str) -> bool:
    """Whether to draw on a log scale; None leaves it to the values."""
    if not (log_scale is None or is_bool(log_scale)):
        raise ValueError(f"log_scale must be True, False or None, got {log_scale!r}.")
    finite = np.asarray(values, dtype=float)
    finite = finite[np.isfinite(finite)]
    if log_scale is None:
        return lie_on_log_scale(finite, WIDE)
    if log_scale and not (finite.size and (finite > 0).all()):
        lowest = f"a minimum of {finite.min():g}" if finite.size else "none that are finite"
        raise ValueError(f"log_scale=True needs {name} > 0, got {lowest}.")
    return bool(log_scale)


def lie_on_log_scale(values: Array, factor: float) -> bool:
    """Whether the values span the factor and lie more evenly by their logarithms."""
    distinct = np.unique(values)
    if distinct.size < 2 or not distinct[0] > 0 or not np.isfinite(distinct[-1]):
        return False
    if distinct[-1] < factor * distinct[0] * (1 - 1e-9):
        return False
    # Two values are as even on any scale.
    return _unevenness(np.log(distinct)) <= _unevenness(distinct) + 1e-9


def _unevenness(ascending: Array) -> float:
    """How far the mean is from the middle of the range, as a share of it."""
    low, high = ascending[0], ascending[-1]
    return float(abs((ascending.mean() - low) / (high - low) - 0.5))


def add_title(figure: "Figure | SubFigure", ax: "Axes", title: str | None, *, is_own: bool) -> None:
    """A title above a figure of several panels, or above the first where others are beside."""
    if title and is_own:
        figure.suptitle(title)
    elif title:
        ax.set_title(title)


def innermost(estimator: BaseEstimator) -> BaseEstimator:
    """The model inside pipelines, searches and target transformations."""
    while True:
        if isinstance(estimator, Pipeline):
            estimator = estimator.steps[-1][1]
        elif hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif hasattr(estimator, "regressor_"):
            estimator = estimator.regressor_
        else:
            return estimator


def network_in(estimator: BaseEstimator) -> BaseNetworkEstimator:
    """skdeep's estimator inside pipelines, searches and target transformations."""
    network = innermost(estimator)
    if not isinstance(network, BaseNetworkEstimator):
        raise TypeError(
            f"estimator must be one of {OURS}, or a Pipeline, fitted search with refit or fitted "
            f"TransformedTargetRegressor that ends in one; got {network!r}."
        )
    return network


def network_and_data(
    estimator: BaseEstimator, X: Rows, y: ArrayLike
) -> tuple[BaseNetworkEstimator, Rows, ArrayLike]:
    """skdeep's estimator inside others, and rows and targets as they reach it."""
    network = network_in(estimator)
    while estimator is not network:
        if isinstance(estimator, Pipeline):
            X = _transformed_before_last(estimator, X)
            estimator = estimator.steps[-1][1]
        elif hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        else:
            y = _transformed_target(estimator, y)
            estimator = estimator.regressor_
    return network, X, y


def _transformed_before_last(pipeline: Pipeline, X: Rows) -> Rows:
    steps_before = pipeline[:-1]
    if not len(steps_before):
        return X
    check_is_fitted(steps_before)
    return cast(Rows, steps_before.transform(X))


def _transformed_target(model: BaseEstimator, y: ArrayLike) -> Array:
    """The targets as they reach the regressor inside, one column being none."""
    if not isinstance(model, TransformedTargetRegressor):
        raise TypeError(
            "estimator must transform its targets as a TransformedTargetRegressor does, got "
            f"{model!r}, whose regressor's targets cannot be told."
        )
    targets = np.asarray(y)
    columns = targets[:, np.newaxis] if targets.ndim == 1 else targets
    transformed = np.asarray(model.transformer_.transform(columns))
    is_single = transformed.ndim == 2 and transformed.shape[1] == 1
    return transformed[:, 0] if is_single else transformed
