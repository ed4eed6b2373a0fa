"""ActivationDisplay: whether signals and gradients survive their way through the layers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from ..._arguments import check_optional_string
from ..._engine.backend import Array
from ..._inputs import Rows
from .._activations import LayerStatistics, layer_statistics
from ._common import BLUE, GREY, ORANGE, VERMILION, AxesLike, add_title, network_and_data, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Of the activations' distribution: minimum, maximum, and the ranges between.
QUANTILES = np.array([0, 0.05, 0.25, 0.5, 0.75, 0.95, 1])


class ActivationDisplay:
    """Activations, gradients and dead units, layer by layer.

    Three panels: the distribution of each hidden layer's activations over rows and units, the norm
    of the gradient of J with respect to each layer's parameters, and the share of dead units. Make
    one with `from_estimator`; the constructor takes what `layer_statistics` has found.

    Parameters
    ----------
    layers : sequence of LayerStatistics
        The hidden layers and the output layer, in the order of the network.
    estimator_name : str, default=None
        Title of the figure.

    Attributes
    ----------
    axes_ : ndarray of shape (3,) of matplotlib Axes
        What was drawn on: activations, gradients, dead units.
    figure_ : matplotlib Figure
        Their figure.
    quantiles_ : ndarray of shape (n_hidden_layers, 7)
        The quantiles 0, 5, 25, 50, 75, 95 and 100 % of the activations that are drawn.
    medians_ : matplotlib Line2D
        The medians of the activations.
    line_ : matplotlib Line2D
        The norms of the gradients, NaN where they are zero.
    bars_ : matplotlib BarContainer
        The shares of dead units, in per cent.

    See Also
    --------
    layer_statistics : The numbers.
    WeightsDisplay : What the first layer's units look for.

    References
    ----------
    Course II 1.10 (vanishing and exploding gradients).

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdeep import DeepMLPClassifier
    >>> from skdeep.inspection import ActivationDisplay
    >>> model = DeepMLPClassifier((8, 8), random_state=0)
    >>> display = ActivationDisplay.from_estimator(model, *load_iris(return_X_y=True))
    >>> [label.get_text() for label in display.axes_[0].get_yticklabels()]
    ['hidden 1', 'hidden 2', 'output']
    """

    def __init__(
        self, *, layers: Sequence[LayerStatistics], estimator_name: str | None = None
    ) -> None:
        self.layers = layers
        self.estimator_name = estimator_name

    def plot(self, ax: AxesLike = None, *, name: str | None = None) -> Self:
        """Draw the three panels.

        Parameters
        ----------
        ax : matplotlib Axes or sequence of Axes, default=None
            What to draw on, one for each panel or a single one that is divided; None makes a new
            figure.
        name : str, default=None
            Title; None takes `estimator_name`.

        Returns
        -------
        self : ActivationDisplay
            The display.

        Raises
        ------
        ImportError
            Without matplotlib.
        TypeError
            If `ax` is no Axes, or another argument of another type than it has to be.
        ValueError
            If there is no hidden layer, or `ax` is neither one nor three.
        """
        check_optional_string("name", name)
        check_optional_string("estimator_name", self.estimator_name)
        layers = self.layers
        if not isinstance(layers, (list, tuple)) or not all(
            isinstance(layer, LayerStatistics) for layer in layers
        ):
            raise TypeError(f"layers must be a list of LayerStatistics, got {layers!r}.")
        if len(layers) < 2:
            raise ValueError("layers must hold a hidden layer and the output layer at least.")
        size = (3.5, 1.8 + 0.35 * len(self.layers))
        self.axes_ = panels("ActivationDisplay", ax, 3, 3, size, sharey=True)
        self.figure_ = self.axes_[0].figure
        self._draw_activations(self.axes_[0])
        self._draw_gradients(self.axes_[1])
        self._draw_dead_units(self.axes_[2])
        names = [layer.name for layer in self.layers]
        for panel in self.axes_:
            panel.set_yticks(np.arange(len(names)), names)
            # The input is at the top.
            panel.set_ylim(len(names) - 0.5, -0.5)
            panel.grid(axis="x", alpha=0.3)
        self._add_legend(is_own=ax is None)
        add_title(self.figure_, self.axes_[0], name or self.estimator_name, is_own=ax is None)
        return self

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: Rows,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        ax: AxesLike = None,
        name: str | None = None,
    ) -> Self:
        """Send rows through a network, fitted or not, and draw what happens inside.

        Parameters
        ----------
        estimator : estimator of skdeep
            With a hidden layer. Of a Pipeline the last step is taken, with X as the fitted steps
            before it transform it, of a fitted search the best estimator, of a fitted
            TransformedTargetRegressor the regressor, with y transformed; also of these in each
            other.
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to send through the network.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.
        ax : matplotlib Axes or sequence of Axes, default=None
            What to draw on, one for each panel or a single one that is divided; None makes a new
            figure.
        name : str, default=None
            Title; None takes the name of the estimator's class.

        Returns
        -------
        display : ActivationDisplay
            The display, drawn.

        Raises
        ------
        ImportError
            Without matplotlib.
        TypeError
            If the estimator is not one of skdeep's.
        sklearn.exceptions.NotFittedError
            If the steps before it in a Pipeline are not fitted.
        ValueError
            If it has no hidden layer, or X and y do not go with it.
        """
        network, rows, targets = network_and_data(estimator, X, y)
        layers = layer_statistics(network, rows, targets, sample_weight)
        if len(layers) < 2:
            raise ValueError(f"estimator must have a hidden layer, got {network!r} without.")
        return cls(layers=layers, estimator_name=type(network).__name__).plot(ax, name=name)

    def _draw_activations(self, ax: "Axes") -> None:
        """Strips of quantiles: thin from the least to the largest value, thickest in the middle."""
        hidden = self.layers[:-1]
        self.quantiles_ = np.array([np.quantile(layer.activations, QUANTILES) for layer in hidden])
        low, q5, q25, median, q75, q95, high = self.quantiles_.T
        places = np.arange(len(hidden))
        ax.hlines(places, low, high, color=GREY, linewidth=1, label="all activations")
        ax.hlines(places, q5, q95, color=BLUE, alpha=0.4, linewidth=6, label="5 to 95 %")
        ax.hlines(places, q25, q75, color=BLUE, linewidth=12, label="25 to 75 %")
        (self.medians_,) = ax.plot(
            median,
            places,
            color="white",
            markeredgecolor="black",
            linestyle="none",
            marker="D",
            markersize=5,
            label="median",
        )
        ax.set_xlabel("activation")

    def _draw_gradients(self, ax: "Axes") -> None:
        norms = np.array([layer.gradient_norm for layer in self.layers])
        places = np.arange(norms.size)
        # A log scale has no zero: a word says it instead.
        shown = np.where(norms > 0, norms, np.nan)
        (self.line_,) = ax.plot(shown, places, color=VERMILION, marker="o")
        positive = norms[norms > 0]
        if positive.size:
            # Whole decades: within one, a log scale has no room for its labels.
            decades = np.log10(positive)
            ax.set_xscale("log")
            ax.set_xlim(10.0 ** np.floor(decades.min() - 0.1), 10.0 ** np.ceil(decades.max() + 0.1))
            ax.xaxis.set_minor_formatter("")
        ax.set_xlabel("gradient norm (log scale)")
        for place in np.flatnonzero(norms == 0):
            ax.annotate(
                "0",
                (0.03, place),
                xycoords=ax.get_yaxis_transform(),
                color=VERMILION,
                va="center",
                weight="bold",
            )

    def _draw_dead_units(self, ax: "Axes") -> None:
        hidden = self.layers[:-1]
        shares = np.array([100 * layer.share_dead for layer in hidden])
        self.bars_ = ax.barh(np.arange(len(hidden)), shares, height=0.5, color=ORANGE)
        counts = [f"{_n_dead(layer.dead)} of {layer.dead.size}" for layer in hidden]
        ax.bar_label(self.bars_, counts, padding=4)
        # Room for the count beside a bar as long as the axis.
        ax.set_xlim(0, 135)
        ax.set_xticks([0, 25, 50, 75, 100])
        ax.set_xlabel("dead units (%)")

    def _add_legend(self, *, is_own: bool) -> None:
        panel = self.axes_[0]
        if is_own:
            handles, labels = panel.get_legend_handles_labels()
            self.figure_.legend(handles, labels, loc="outside lower center", ncols=4)
        else:
            # The output layer's place, where no activations are drawn.
            panel.legend(loc="lower right", fontsize="small")


def _n_dead(dead: Array) -> int:
    return int(np.count_nonzero(dead))
