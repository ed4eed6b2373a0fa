"""Training rows changed at random, afresh for each mini-batch (course II 1.8).

An augmenter is a function of a batch, ``(X_batch, y_batch, random_state) -> (X_batch, y_batch)``,
given to an estimator as `augment`: each epoch then sees the rows turned, moved or mixed otherwise,
and the network learns what such changes leave as it is.

Whatever changes an image's geometry answers one question, "where does this pixel come from?": an
affine map per image, plus a smooth random field of displacements, and one bilinear interpolation.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from numbers import Integral, Real
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import check_array, check_consistent_length

from ._arguments import (
    ErrorsName,
    check_bool,
    check_integer,
    check_one_of,
    is_bool,
    random_state_of,
)
from ._documentation import HasPage
from ._engine.backend import Array
from ._inputs import AnyRandomState, check_not_masked, check_numbers
from .estimators._compat import Interval

__all__ = ["Compose", "ImageAugmenter", "Mixup"]

# Numbers that one block of images may hold: what is made of it stays in the cache, and is small
# enough that the allocator hands out the same pages again. Twice as many took twice as long each.
BLOCK_ELEMENTS = 2**14
# Variance, relative to the largest, below which a component of a smooth field is left out.
NEGLIGIBLE_VARIANCE = 1e-6

# Targets that an augmenter hands on as they are.
Targets = TypeVar("Targets")
# Of a matrix of two rows, one per image: the entries of one row.
Pair = tuple[Array, Array]
# What a step of `Compose` is.
Augmenter = Callable[..., tuple[Any, Any]]

_RANGES = {
    "rotation": Interval(Real, 0, 180, closed="both"),
    "shift": Interval(Real, 0, np.inf, closed="left"),
    "zoom": Interval(Real, 0, 1, closed="left"),
    "shear": Interval(Real, 0, 90, closed="left"),
    "elastic": Interval(Real, 0, np.inf, closed="left"),
    "elastic_smoothness": Interval(Real, 0, np.inf, closed="neither"),
    "noise": Interval(Real, 0, np.inf, closed="left"),
    "cutout": Interval(Integral, 0, None, closed="left"),
    "fill_value": Interval(Real, -np.inf, np.inf, closed="neither"),
}


class ImageAugmenter(HasPage, BaseEstimator):
    """Random flips, rotations, shifts, zooms, shears, distortions, noise and holes in images.

    Each image has draws of its own. All that changes the geometry is done in one bilinear
    interpolation, so that images are blurred once only; flips alone move pixels and blur nothing.
    The order is: flips; zoom, shear, rotation about the image's centre, and shift, with the elastic
    distortion; noise; cutout.

    Call it with ``(X_batch, y_batch, random_state)``, as an estimator does that has it as its
    parameter `augment`; `enlarge` makes a larger data set once and for all.

    Parameters
    ----------
    image_shape : tuple of int, (height, width) or (height, width, n_channels)
        Shape of one image, in pixels. Rows of X are images flattened in C order, channels last,
        or X is a stack of images of this shape.
    horizontal_flip : bool, default=False
        Mirror each image left to right with probability 1/2.
    vertical_flip : bool, default=False
        Mirror each image top to bottom with probability 1/2.
    rotation : float, default=0.0
        Largest angle in degrees, in [0, 180]; the angle is uniform between minus this and this.
    shift : float, default=0.0
        Largest shift in pixels, >= 0, uniform along each side; not only whole pixels.
    zoom : float, default=0.0
        Largest change of size, in [0, 1): the factor is uniform in [1 − zoom, 1 + zoom], the same
        for height and width, and above 1 it magnifies.
    shear : float, default=0.0
        Largest angle in degrees, in [0, 90), by which vertical lines lean; uniform as for
        `rotation`.
    elastic : float, default=0.0
        Standard deviation in pixels, >= 0, of a random displacement of each pixel along each
        side. Neighbours move alike: the field is white noise smoothed with a Gaussian.
    elastic_smoothness : float, default=4.0
        Standard deviation in pixels, > 0, of that Gaussian. Small values crumple the image,
        large ones shift it.
    noise : float, default=0.0
        Standard deviation, >= 0, of normal noise added to each number, in the unit of X. Nothing
        is clipped to the range of X.
    cutout : int, default=0
        Side in pixels, from 0 to the image's shorter side, of a square that is set to
        `fill_value`. Its centre is uniform over the image, so it may reach beyond the edge.
    fill_value : float, default=0.0
        What lies beyond the image's edge, and in the hole of `cutout`.
    fill_mode : {"constant", "nearest"}, default="constant"
        Whether `fill_value` lies beyond the image's edge, or the nearest pixel's value goes on
        there.

    See Also
    --------
    Mixup : Convex combinations of rows.
    Compose : Several augmenters, one after another.

    Notes
    -----
    Interpolation supposes that all pixels have one scale. Divide X by one number (255, say) and let
    `batch_norm` do the rest; behind a `StandardScaler` each pixel has a scale of its own.

    Simard's distortions with α = 34 and σ = 4, uniform noise smoothed, are ``elastic=1.4`` with
    ``elastic_smoothness=4``. The field is not smoothed noise but drawn from that noise's
    covariance, exp(−d²/4σ²) for pixels d apart, by its leading eigenvectors: some dozens of draws
    instead of one per pixel, and no weaker at the edges.

    References
    ----------
    Course II 1.8.

    P. Y. Simard, D. Steinkraus and J. C. Platt, "Best Practices for Convolutional Neural Networks
    Applied to Visual Document Analysis", ICDAR 2003.

    T. DeVries and G. W. Taylor, "Improved Regularization of Convolutional Neural Networks with
    Cutout", arXiv:1708.04552, 2017.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdeep import DeepMLPClassifier
    >>> from skdeep.augmentation import ImageAugmenter
    >>> X, y = load_digits(return_X_y=True)
    >>> augment = ImageAugmenter((8, 8), rotation=10, shift=1)
    >>> model = DeepMLPClassifier((32,), augment=augment, learning_rate_init=0.01, tol=0.01)
    >>> model = model.set_params(augment__rotation=15, random_state=0)
    >>> model.fit(X[:1000] / 16, y[:1000]).score(X / 16, y)
    0.9...
    >>> X_more, y_more = augment.enlarge(X, y, n_copies=2, random_state=0)
    >>> X_more.shape, y_more.shape
    ((5391, 64), (5391,))
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        *,
        horizontal_flip: bool = False,
        vertical_flip: bool = False,
        rotation: float = 0.0,
        shift: float = 0.0,
        zoom: float = 0.0,
        shear: float = 0.0,
        elastic: float = 0.0,
        elastic_smoothness: float = 4.0,
        noise: float = 0.0,
        cutout: int = 0,
        fill_value: float = 0.0,
        fill_mode: str = "constant",
    ) -> None:
        self.image_shape = image_shape
        self.horizontal_flip = horizontal_flip
        self.vertical_flip = vertical_flip
        self.rotation = rotation
        self.shift = shift
        self.zoom = zoom
        self.shear = shear
        self.elastic = elastic
        self.elastic_smoothness = elastic_smoothness
        self.noise = noise
        self.cutout = cutout
        self.fill_value = fill_value
        self.fill_mode = fill_mode

    def __call__(
        self,
        X_batch: ArrayLike,
        y_batch: Targets | None = None,
        random_state: AnyRandomState = None,
    ) -> tuple[Array, Targets | None]:
        """Change each image of a batch in its own way.

        Parameters
        ----------
        X_batch : array-like of shape (n_samples, n_features) or (n_samples, height, ...)
            Images of finite float32 or float64; they are not changed.
        y_batch : object, default=None
            Targets, which no change of an image changes.
        random_state : int, RandomState instance, Generator or None, default=None
            Makes the draws; a Generator goes on from where it is.

        Returns
        -------
        X_batch : ndarray
            New images in the shape and dtype of those given.
        y_batch : object
            The targets, as given.

        Raises
        ------
        ValueError
            If a parameter is out of its range, or X_batch is not such images.
        """
        self._check_parameters()
        X = _as_array(X_batch, "X_batch")
        images = self._as_images(X, "X_batch")
        rng = _as_generator(random_state)
        changed = np.empty_like(images)
        for block in _blocks(images):
            changed[block] = self._changed(images[block], rng)
        return changed.reshape(X.shape), y_batch

    def enlarge(
        self,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        n_copies: int = 1,
        random_state: AnyRandomState = None,
    ) -> tuple[Array, Array | None]:
        """Return the images and changed copies of all of them.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or (n_samples, height, ...)
            Images of finite float32 or float64.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Targets of any dtype.
        n_copies : int, default=1
            Changed copies of each image, >= 1.
        random_state : int, RandomState instance, Generator or None, default=None
            Makes the draws.

        Returns
        -------
        X_enlarged : ndarray of shape ((1 + n_copies) · n_samples, ...)
            The images as given, then the first changed copy of each, then the second, and so on.
        y_enlarged : ndarray of shape ((1 + n_copies) · n_samples, ...) or None
            Their targets, in y's dtype; None if y is None.

        Raises
        ------
        ValueError
            If a parameter or `n_copies` is out of its range, X is not such images, or y is not as
            long as X.
        """
        check_integer("n_copies", n_copies)
        self._check_parameters()
        with ErrorsName("X"):
            check_numbers(X, "X")
            images: Array = check_array(X, dtype=None, allow_nd=True, input_name="X")
        self._as_images(images, "X")
        if n_copies > sys.maxsize // images.size - 1:
            raise ValueError(
                f"n_copies must leave the images in one array, got {n_copies!r} for X of shape "
                f"{images.shape}."
            )
        if y is not None:
            y = _as_array(y, "y")
            with ErrorsName("X and y"):
                check_consistent_length(images, y)
        rng = _as_generator(random_state)
        copies = [self(images, None, rng)[0] for _ in range(n_copies)]
        X_enlarged = np.concatenate([images, *copies])
        if y is None:
            return X_enlarged, None
        return X_enlarged, np.tile(y, (1 + n_copies,) + (1,) * (y.ndim - 1))

    def _check_parameters(self) -> None:
        _check_image_shape(self.image_shape)
        for name in ("horizontal_flip", "vertical_flip"):
            check_bool(name, getattr(self, name))
        for name, allowed in _RANGES.items():
            _check_number(name, getattr(self, name), allowed)
        if self.cutout > min(self.image_shape[:2]):
            raise ValueError(
                f"cutout must be at most the image's shorter side, {min(self.image_shape[:2])}, "
                f"got {self.cutout!r}."
            )
        check_one_of("fill_mode", self.fill_mode, ("constant", "nearest"))

    def _as_images(self, X: Array, name: str) -> Array:
        """X as (n_samples, height, width, n_channels), where possible without a copy."""
        shape = tuple(self.image_shape)
        if X.shape[1:] not in (shape, (int(np.prod(shape)),)):
            raise ValueError(
                f"{name} must have the shape (n_samples, {np.prod(shape)}) or (n_samples, "
                f"{', '.join(map(str, shape))}) for image_shape={self.image_shape!r}, "
                f"got {X.shape}."
            )
        if X.dtype not in (np.float32, np.float64):
            raise ValueError(
                f"{name} must be of dtype float32 or float64, got {X.dtype}: convert it, as in "
                f"{name}.astype('float32')."
            )
        n_channels = shape[2] if len(shape) == 3 else 1
        return X.reshape(X.shape[0], *shape[:2], n_channels)

    def _changed(self, images: Array, rng: np.random.Generator) -> Array:
        """A block of images through all steps; they act on whole planes, channels first."""
        planes = np.moveaxis(images, -1, 0).copy()
        n = planes.shape[1]
        for asked, axis in ((self.horizontal_flip, -1), (self.vertical_flip, -2)):
            if asked:
                chosen = rng.random(n) < 0.5
                planes[:, chosen] = np.flip(planes[:, chosen], axis)
        if self.rotation or self.shift or self.zoom or self.shear or self.elastic:
            rows, columns = self._sources(n, planes.dtype, rng)
            planes = _interpolate(planes, rows, columns, self.fill_value, self.fill_mode)
        if self.noise:
            noise = rng.standard_normal(planes.shape, dtype=planes.dtype)
            noise *= self.noise
            planes += noise
        if self.cutout:
            np.copyto(planes, self.fill_value, where=self._holes(n, rng))
        return np.moveaxis(planes, 0, -1)

    def _sources(
        self, n: int, dtype: np.dtype[Any], rng: np.random.Generator
    ) -> tuple[Array, Array]:
        """The row and the column that each output pixel is taken from, (n, height, width) each.

        An image moves by p -> c + RHZ (p − c) + t for rotation R, shear H and zoom Z about its
        centre c, and shift t; so the pixel at q comes from c + Z⁻¹ H⁻¹ R⁻¹ (q − c − t).
        """
        height, width = self.image_shape[:2]
        (a, b), (c, d) = self._inverse_maps(n, rng)
        shift_down, shift_right = self.shift * rng.uniform(-1, 1, (2, n, 1))
        middle_row, middle_column = (height - 1) / 2, (width - 1) / 2
        down = np.arange(height) - middle_row - shift_down
        right = np.arange(width) - middle_column - shift_right
        # A map's value is a part by row plus a part by column, each of few numbers.
        rows = _outer_sum(a * down + middle_row, b * right, dtype)
        columns = _outer_sum(c * down, d * right + middle_column, dtype)
        if self.elastic:
            displacements = self._displacements(n, dtype, rng)
            rows += displacements[0]
            columns += displacements[1]
        return rows, columns

    def _inverse_maps(self, n: int, rng: np.random.Generator) -> tuple[Pair, Pair]:
        """Z⁻¹ H⁻¹ R⁻¹ in (row, column) coordinates: the entries, of shape (n, 1) each."""
        angle, lean, change = rng.uniform(-1, 1, (3, n, 1))
        angle *= np.deg2rad(self.rotation)
        slope = np.tan(lean * np.deg2rad(self.shear))
        cos, sin = np.cos(angle), np.sin(angle)
        shrink = 1 / (1 + self.zoom * change)
        return (
            (shrink * cos, shrink * sin),
            (-shrink * (sin + slope * cos), shrink * (cos - slope * sin)),
        )

    def _displacements(self, n: int, dtype: np.dtype[Any], rng: np.random.Generator) -> Array:
        """Smooth fields of shape (2, n, height, width): a covariance's factors times few draws."""
        height, width = self.image_shape[:2]
        by_row = _smooth_basis(height, float(self.elastic_smoothness), np.dtype(dtype))
        by_column = _smooth_basis(width, float(self.elastic_smoothness), np.dtype(dtype))
        draws = rng.standard_normal((by_row.shape[1], 2 * n * by_column.shape[1]), dtype=dtype)
        draws *= self.elastic
        # Two products of matrices, not of stacks of small ones: until then the rows come first.
        fields = (by_row @ draws).reshape(-1, by_column.shape[1]) @ by_column.T
        return np.moveaxis(fields.reshape(height, 2, n, width), 0, 2)

    def _holes(self, n: int, rng: np.random.Generator) -> Array:
        """Where cutout's squares lie, (n, height, width)."""
        height, width = self.image_shape[:2]
        top = rng.integers(height, size=(n, 1)) - self.cutout // 2
        left = rng.integers(width, size=(n, 1)) - self.cutout // 2
        row, column = np.arange(height), np.arange(width)
        in_rows = (row >= top) & (row < top + self.cutout)
        in_columns = (column >= left) & (column < left + self.cutout)
        return in_rows[:, :, np.newaxis] & in_columns[:, np.newaxis, :]


class Mixup(HasPage, BaseEstimator):
    """Convex combinations of rows and of their targets.

    Row i becomes λ x_i + (1 − λ) x_j, and its target λ y_i + (1 − λ) y_j, with j from a random
    permutation of the batch and λ from Beta(alpha, alpha), drawn for each row. The network learns
    to change evenly from one row to the next. Row i keeps its sample weight.

    Parameters
    ----------
    alpha : float, default=0.2
        Both parameters of the Beta distribution, > 0. Near 0 hardly anything is mixed, at 1 every
        λ in [0, 1] is as likely, above 1 halves are the most likely.

    See Also
    --------
    ImageAugmenter : Random changes of images.
    Compose : Several augmenters, one after another.

    References
    ----------
    H. Zhang, M. Cisse, Y. N. Dauphin and D. Lopez-Paz, "mixup: Beyond Empirical Risk
    Minimization", ICLR 2018, arXiv:1710.09412.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeep.augmentation import Mixup
    >>> X, y = np.array([[0.0], [10.0]]), np.array([[1.0, 0.0], [0.0, 1.0]])
    >>> X_mixed, y_mixed = Mixup(alpha=1.0)(X, y, random_state=1)
    >>> bool(np.allclose(X_mixed, 10 * y_mixed[:, [1]]))
    True
    """

    def __init__(self, alpha: float = 0.2) -> None:
        self.alpha = alpha

    def __call__(
        self, X_batch: ArrayLike, y_batch: ArrayLike, random_state: AnyRandomState = None
    ) -> tuple[Array, Array]:
        """Mix each row of a batch with another.

        Parameters
        ----------
        X_batch : array-like of shape (n_samples, ...)
            Rows of float32 or float64; they are not changed.
        y_batch : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets as floats: values, or for classes one-hot rows.
        random_state : int, RandomState instance, Generator or None, default=None
            Makes the draws; a Generator goes on from where it is.

        Returns
        -------
        X_batch, y_batch : ndarray
            The mixed rows and targets, in the shapes and dtypes of those given.

        Raises
        ------
        ValueError
            If `alpha` is out of its range, X_batch or y_batch are not floats, or one is longer
            than the other.
        """
        _check_number("alpha", self.alpha, Interval(Real, 0, np.inf, closed="neither"))
        X, y = _as_array(X_batch, "X_batch"), _as_array(y_batch, "y_batch")
        _check_mixable(X, y)
        rng = _as_generator(random_state)
        partners = rng.permutation(X.shape[0])
        share = np.asarray(rng.beta(self.alpha, self.alpha, X.shape[0]))
        return _mixed(X, partners, share), _mixed(y, partners, share)


class Compose(HasPage, BaseEstimator):
    """Several augmenters, one after another.

    Parameters
    ----------
    steps : list of callable
        Each called as ``step(X_batch, y_batch, random_state)`` and returning the next one's
        X_batch and y_batch.

    See Also
    --------
    ImageAugmenter : Random changes of images.
    Mixup : Convex combinations of rows.

    Examples
    --------
    >>> import numpy as np
    >>> from skdeep.augmentation import Compose, ImageAugmenter, Mixup
    >>> augment = Compose([ImageAugmenter((2, 3), horizontal_flip=True), Mixup(0.4)])
    >>> X, y = augment(np.ones((5, 6)), np.eye(5), random_state=0)
    >>> X.shape, y.shape
    ((5, 6), (5, 5))
    """

    def __init__(self, steps: Sequence[Augmenter]) -> None:
        self.steps = steps

    def __call__(
        self,
        X_batch: ArrayLike,
        y_batch: ArrayLike | None = None,
        random_state: AnyRandomState = None,
    ) -> tuple[Any, Any]:
        """Pass a batch through all steps.

        Parameters
        ----------
        X_batch : array-like of shape (n_samples, ...)
            Rows.
        y_batch : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Targets, as the steps want them.
        random_state : int, RandomState instance, Generator or None, default=None
            Makes the draws; the steps share one Generator.

        Returns
        -------
        X_batch, y_batch : ndarray
            What the last step returns.

        Raises
        ------
        ValueError
            If `steps` is not a list of callables.
        """
        if not isinstance(self.steps, list | tuple) or not all(map(callable, self.steps)):
            raise ValueError(f"steps must be a list of callables, got {self.steps!r}.")
        rng = _as_generator(random_state)
        for step in self.steps:
            X_batch, y_batch = step(X_batch, y_batch, rng)
        return X_batch, y_batch


# ---------------------------------------------------------------------------------------- checking


def _as_array(values: ArrayLike, name: str) -> Array:
    with ErrorsName(name):
        check_not_masked(values, name)
        return np.asarray(values)


def _is_integer(value: object) -> bool:
    return isinstance(value, Integral) and not is_bool(value)


def _check_number(name: str, value: object, allowed: Interval) -> None:
    if is_bool(value) or not allowed.is_satisfied_by(value):
        raise ValueError(f"{name} must be {allowed}, got {value!r}.")


def _check_image_shape(shape: object) -> None:
    sides = shape if isinstance(shape, list | tuple) else ()
    if len(sides) not in (2, 3) or not all(_is_integer(side) and side >= 1 for side in sides):
        raise ValueError(
            "image_shape must be (height, width) or (height, width, n_channels), integers >= 1, "
            f"got {shape!r}."
        )


def _check_mixable(X: Array, y: Array) -> None:
    for name, array, needed in (
        ("X_batch", X, "convert it, as in X.astype('float32')"),
        ("y_batch", y, "labels cannot be mixed, their one-hot rows can"),
    ):
        if array.dtype not in (np.float32, np.float64):
            raise ValueError(
                f"{name} must be of dtype float32 or float64, got {array.dtype}: {needed}."
            )
    with ErrorsName("X_batch and y_batch"):
        check_consistent_length(X, y)


def _as_generator(random_state: AnyRandomState) -> np.random.Generator:
    """A Generator as it is; of all else that scikit-learn knows, one seeded by a draw of it."""
    if isinstance(random_state, np.random.Generator):
        return random_state
    seed = random_state_of(random_state).randint(2**32, size=4, dtype=np.uint64)
    return np.random.default_rng(seed)


# -------------------------------------------------------------------------------------- arithmetic


def _blocks(images: Array) -> Iterator[slice]:
    """Slices of so many images as fit the cache."""
    n = images.shape[0]
    step = max(1, BLOCK_ELEMENTS // max(1, images[:1].size))
    return (slice(start, start + step) for start in range(0, n, step))


def _outer_sum(by_row: Array, by_column: Array, dtype: np.dtype[Any]) -> Array:
    """by_row[:, i] + by_column[:, j] of shape (n, height, width)."""
    by_row, by_column = by_row.astype(dtype), by_column.astype(dtype)
    return by_row[:, :, np.newaxis] + by_column[:, np.newaxis, :]


@lru_cache(maxsize=32)
def _smooth_basis(side: int, smoothness: float, dtype: np.dtype[Any]) -> Array:
    """B of shape (side, rank): B z is a line through white noise smoothed with a Gaussian.

    Scaled to unit variance at each pixel, of which eigenvectors left out would take a little.
    """
    distance = np.subtract.outer(np.arange(side), np.arange(side))
    covariance = np.exp(-((distance / (2 * smoothness)) ** 2))
    variances, vectors = np.linalg.eigh(covariance)
    kept = variances > NEGLIGIBLE_VARIANCE * variances[-1]
    basis = vectors[:, kept] * np.sqrt(variances[kept])
    basis = (basis / np.linalg.norm(basis, axis=1, keepdims=True)).astype(dtype)
    basis.flags.writeable = False  # every caller gets this array
    return basis


def _interpolate(
    planes: Array, rows: Array, columns: Array, fill_value: float, fill_mode: str
) -> Array:
    """Images of shape (n_channels, n, height, width) at coordinates of shape (n, height, width).

    The images get a margin of one pixel, in which they fade to `fill_value`, and one more image
    follows the last: neighbours to the right and below always exist, if with a weight of zero.
    """
    n_channels, n, height, width = planes.shape
    padded = np.full((n_channels, n + 1, height + 2, width + 2), fill_value, dtype=planes.dtype)
    padded[:, :n, 1:-1, 1:-1] = planes
    margin = 1 if fill_mode == "constant" else 0
    top, down = _whole_and_rest(rows, height, margin)
    left, right = _whole_and_rest(columns, width, margin)
    pitch = width + 2
    first = np.arange(n) * (height + 2) * pitch + pitch + 1
    corner = np.multiply(top, pitch, out=top)
    corner += left
    corner += first[:, np.newaxis, np.newaxis]
    pixels = padded.reshape(n_channels, -1)

    def along_row(place: Array) -> Array:
        return _between(pixels.take(place, axis=1), pixels.take(place + 1, axis=1), right)

    return _between(along_row(corner), along_row(corner + pitch), down)


def _whole_and_rest(position: Array, side: int, margin: int) -> tuple[Array, Array]:
    """Positions, kept within the margin, as integers and what is beyond them; reuses `position`."""
    np.clip(position, -margin, side - 1 + margin, out=position)
    whole = np.floor(position)
    position -= whole
    return whole.astype(np.intp), position


def _between(start: Array, end: Array, fraction: Array) -> Array:
    """start + fraction · (end − start), in the memory of `end`; exactly start where that is 0."""
    end -= start
    end *= fraction
    end += start
    return end


def _mixed(a: Array, partners: Array, share: Array) -> Array:
    """share · a + (1 − share) · a[partners], row by row."""
    share = share.astype(a.dtype).reshape(-1, *(1,) * (a.ndim - 1))
    return share * a + (1 - share) * a[partners]
