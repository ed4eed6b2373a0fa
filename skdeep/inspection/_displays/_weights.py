"""WeightsDisplay: the weights of the first layer's units, each as an image of the input."""

import math
from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Self

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from ..._arguments import (
    ErrorsName,
    check_integer,
    check_one_of,
    check_optional_string,
    check_string,
)
from ..._engine.backend import Array
from ..._inputs import check_numbers
from ...estimators._base import BaseNetworkEstimator
from ._common import GREY, AxesLike, import_pyplot, network_in, panels

if TYPE_CHECKING:
    from matplotlib.colors import Colormap

# Between channels, this part of a channel's width, one pixel at least.
GAP = 12


class WeightsDisplay:
    """Weights of the first layer's units as images.

    Where the input is an image, a unit's weights are one as well: what it looks for. Of an image
    with several channels, red, green and blue say, the channels stand side by side: weights have a
    sign, which a mixture of colours cannot show. Make one with `from_estimator`; the constructor
    takes the weights themselves.

    Parameters
    ----------
    weights : array-like of shape (height · width · n_channels, n_shown)
        The weights of the units to show, one column each, a pixel's channels next to each other.
    image_shape : (int, int) or (int, int, int)
        Height and width of the images, in pixels, and the number of channels where there are
        several.
    unit_names : sequence of str
        What stands above each image.
    estimator_name : str, default=None
        Title of the figure.

    Attributes
    ----------
    axes_ : ndarray of shape (n_shown,) of matplotlib Axes
        What was drawn on.
    figure_ : matplotlib Figure
        Their figure.
    images_ : list of matplotlib AxesImage
        The images, on one scale of colours that is symmetric about zero; NaN, which is grey,
        between channels.
    colorbar_ : matplotlib Colorbar
        That scale.

    See Also
    --------
    ActivationDisplay : What the units make of the input.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdeep import SoftmaxClassifier
    >>> from skdeep.inspection import WeightsDisplay
    >>> model = SoftmaxClassifier(alpha=100.0, tol=1e-3).fit(*load_digits(return_X_y=True))
    >>> display = WeightsDisplay.from_estimator(model, (8, 8), order="index")
    >>> [ax.get_title() for ax in display.axes_][:3]
    ['0', '1', '2']
    """

    def __init__(
        self,
        *,
        weights: ArrayLike,
        image_shape: tuple[int, ...],
        unit_names: Sequence[str],
        estimator_name: str | None = None,
    ) -> None:
        self.weights = weights
        self.image_shape = image_shape
        self.unit_names = unit_names
        self.estimator_name = estimator_name

    def plot(
        self, ax: AxesLike = None, *, cmap: "str | Colormap" = "RdBu_r", name: str | None = None
    ) -> Self:
        """Draw the images.

        Parameters
        ----------
        ax : matplotlib Axes or sequence of Axes, default=None
            What to draw on, one for each panel or a single one that is divided; None makes a new
            figure.
        cmap : str or matplotlib Colormap, default="RdBu_r"
            A diverging scale of colours.
        name : str, default=None
            Title of a new figure; None takes `estimator_name`. Axes that are given keep theirs.

        Returns
        -------
        self : WeightsDisplay
            The display.

        Raises
        ------
        ImportError
            Without matplotlib.
        TypeError
            If `ax` is no Axes, or another argument of another type than it has to be.
        ValueError
            If the weights are not images of `image_shape`.
        """
        check_optional_string("name", name)
        check_optional_string("estimator_name", self.estimator_name)
        weights, unit_names = self._checked()
        _check_cmap(cmap)
        shape = _checked_shape(self.image_shape, weights.shape[0])
        pictures = [_picture(column.reshape(shape)) for column in weights.T]
        n_shown = len(pictures)
        n_columns = _n_columns(n_shown, pictures[0].shape)
        largest = np.abs(weights).max() or 1.0
        size = _panel_size(n_columns, pictures[0].shape)
        self.axes_ = panels("WeightsDisplay", ax, n_shown, n_columns, size)
        self.figure_ = self.axes_[0].figure
        self.images_ = []
        for panel, picture, title in zip(self.axes_, pictures, unit_names, strict=True):
            image = panel.imshow(picture, cmap=cmap, vmin=-largest, vmax=largest)
            self.images_.append(image)
            # Seen between channels only.
            panel.set(xticks=[], yticks=[], facecolor=GREY)
            panel.set_title(title, fontsize="small", pad=3)
        self.colorbar_ = self.figure_.colorbar(
            self.images_[0], ax=list(self.axes_), label="weight", shrink=0.85
        )
        if ax is None:
            self.figure_.suptitle(name or self.estimator_name or "")
        return self

    def _checked(self) -> tuple[Array, list[str]]:
        """The weights (n_features, n_units), and a name for each unit."""
        with ErrorsName("weights"):
            check_numbers(self.weights, "weights")
            weights = np.asarray(self.weights)
        if weights.ndim != 2 or 0 in weights.shape or weights.dtype.kind not in "fiub":
            raise ValueError(
                "weights must be real numbers of shape (n_features, n_units), got shape "
                f"{weights.shape} of dtype {weights.dtype}."
            )
        if not np.isfinite(weights).all():
            raise ValueError("weights must be finite, got NaN or infinity.")
        names = self.unit_names
        if not isinstance(names, (Sequence, np.ndarray)) or len(names) != weights.shape[1]:
            raise ValueError(
                f"unit_names must be a list of one name per unit ({weights.shape[1]}), as weights "
                f"has, got {names!r}."
            )
        for name in names:
            check_string("unit_names", name)
        return weights.astype(float), list(names)

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        image_shape: tuple[int, ...],
        *,
        n_units: int = 16,
        order: str = "norm",
        ax: AxesLike = None,
        cmap: "str | Colormap" = "RdBu_r",
        name: str | None = None,
    ) -> Self:
        """Draw the first layer's weights of a fitted estimator.

        Parameters
        ----------
        estimator : estimator of skdeep
            Fitted. Of a Pipeline the last step is taken, of a fitted search the best estimator;
            what it was fitted on has to be images. The weights are those of the input as it
            reaches the network, of scaled pixels if there is a scaler before it.
        image_shape : (int, int) or (int, int, int)
            Height and width of the images, in pixels, and the number of channels where there are
            several; their product is the number of features, of which a pixel's channels are next
            to each other.
        n_units : int, default=16
            How many units to show at most, >= 1.
        order : {"norm", "index"}, default="norm"
            Which come first: those whose weights have the largest norm, or the first ones.
        ax : matplotlib Axes or sequence of Axes, default=None
            What to draw on, one for each panel or a single one that is divided; None makes a new
            figure.
        cmap : str or matplotlib Colormap, default="RdBu_r"
            A diverging scale of colours.
        name : str, default=None
            Title of a new figure; None takes the name of the estimator's class, and says how many
            units are shown if not all. Axes that are given keep theirs.

        Returns
        -------
        display : WeightsDisplay
            The display, drawn.

        Raises
        ------
        ImportError
            Without matplotlib.
        TypeError
            If the estimator is not one of skdeep's.
        sklearn.exceptions.NotFittedError
            If it is not fitted.
        ValueError
            If `image_shape`, `n_units` or `order` is not what it has to be.
        """
        network = network_in(estimator)
        check_is_fitted(network)
        check_one_of("order", order, ("norm", "index"))
        check_integer("n_units", n_units)
        weights, names = _first_layer(network)
        image_shape = _checked_shape(image_shape, weights.shape[0])
        shown = np.arange(weights.shape[1])
        if order == "norm":
            shown = np.argsort(-np.linalg.norm(weights, axis=0), kind="stable")
        shown = shown[:n_units]
        title = type(network).__name__
        if shown.size < weights.shape[1]:
            title += f": {shown.size} of {weights.shape[1]} units"
        display = cls(
            weights=weights[:, shown],
            image_shape=image_shape,
            unit_names=[names[unit] for unit in shown],
            estimator_name=title,
        )
        return display.plot(ax, cmap=cmap, name=name)


def _check_cmap(cmap: object) -> None:
    """Raise where matplotlib has no such colormap."""
    with ErrorsName("cmap"):
        import_pyplot("WeightsDisplay").get_cmap(cmap)


def _first_layer(network: BaseNetworkEstimator) -> tuple[Array, list[str]]:
    """The weights into the first layer, (n_features, n_units), and the units' names."""
    if hasattr(network, "coefs_"):
        weights = network.coefs_[0]
        return weights, [f"unit {unit}" for unit in range(weights.shape[1])]
    coef = network.coef_
    weights = (coef.toarray() if scipy.sparse.issparse(coef) else np.asarray(coef)).T
    # A single logistic unit speaks for the second class.
    classes = network.classes_ if weights.shape[1] > 1 else network.classes_[1:]
    return weights, [str(label) for label in classes]


def _picture(image: Array) -> Array:
    """An image to draw; of several channels, side by side with a gap between."""
    if image.ndim == 2:
        return image
    gap = np.full((image.shape[0], max(1, image.shape[1] // GAP)), np.nan)
    channels = [part for channel in np.moveaxis(image, 2, 0) for part in (channel, gap)]
    return np.hstack(channels[:-1])


def _n_columns(n_shown: int, shape: tuple[int, ...]) -> int:
    """As many as make the figure about as wide as high."""
    n_columns = math.ceil(math.sqrt(n_shown))
    if shape[1] >= 2 * shape[0]:
        n_columns = math.ceil(math.sqrt(n_shown * shape[0] / shape[1]))
    return n_columns


def _panel_size(n_columns: int, shape: tuple[int, ...]) -> tuple[float, float]:
    """Width and height of a panel in inches, the scale of colours beside them all included."""
    whole, scale_of_colors, title = max(4.8, 1.25 * (n_columns + 1)), 1.2, 0.25
    image = (whole - scale_of_colors) / n_columns
    return whole / n_columns, image * float(np.clip(shape[0] / shape[1], 0.4, 2.5)) + title


def _checked_shape(image_shape: object, n_features: int) -> tuple[int, ...]:
    """Two or three integers >= 1 whose product is the number of features."""
    shape = image_shape if isinstance(image_shape, tuple | list) else ()
    if len(shape) not in (2, 3) or not all(isinstance(n, Integral) and int(n) > 0 for n in shape):
        raise ValueError(
            "image_shape must be (height, width), or (height, width, n_channels), integers >= 1, "
            f"got {image_shape!r}."
        )
    checked = tuple(map(int, shape))
    if math.prod(checked) != n_features:
        has = f"{math.prod(checked)} pixels" + (" and channels" if len(checked) == 3 else "")
        raise ValueError(
            f"image_shape={checked} has {has}, but the network takes {n_features} features."
        )
    return checked
