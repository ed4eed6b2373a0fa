"""Distributions to draw hyperparameters from, each uniform on the scale that suits its kind.

A learning rate is uniform in its logarithm, a β in the logarithm of 1 − β, a batch size among the
powers of two (course II 3.1). On the same scale each can be narrowed around a value, which is how a
search goes from coarse to fine. `suggested_space` puts them together for an estimator.
"""

import math
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Self, TypeGuard

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.pipeline import Pipeline

from .._arguments import check_bool, check_one_of, is_bool, random_state_of
from .._engine.backend import Array
from .._engine.reals import real_number
from .._engine.solvers import SOLVERS, Range, Solver
from .._inputs import AnyRandomState
from ..estimators._base import BaseNetworkEstimator
from ..estimators._linear import BaseLinear
from ..tabular._parameters import TabularParameters
from ._types import Size

__all__ = [
    "Distribution",
    "interval_around",
    "layer_sizes",
    "log_uniform",
    "one_minus_log_uniform",
    "positions_around",
    "power_of_two",
    "random_numbers",
    "suggested_space",
]

SHAPES = ("constant", "funnel", "free")

# What draws: NumPy's two kinds, which both have a method `uniform`.
RandomNumbers = np.random.RandomState | np.random.Generator
# What is drawn.
Value = float | tuple[int, ...]
# Of layers or of units: one number, or the least and the largest.
CountOrRange = int | tuple[int, int]


def random_numbers(random_state: AnyRandomState) -> RandomNumbers:
    """What scipy.stats takes as a random state, as an object that draws."""
    if isinstance(random_state, np.random.Generator):
        return random_state
    return random_state_of(random_state)


def _checked_size(size: object) -> Size:
    """The shape of an array, None for a single value."""
    if size is None:
        return None
    if isinstance(size, np.ndarray) and size.ndim == 1:
        size = size.tolist()
    lengths = [
        int(one)
        for one in (size if isinstance(size, (tuple, list)) else [size])
        if isinstance(one, Integral) and not is_bool(one) and 0 <= int(one) <= sys.maxsize
    ]
    if isinstance(size, (tuple, list)):
        if len(lengths) == len(size):
            return tuple(lengths)
    elif lengths:
        return lengths[0]
    raise ValueError(f"size must be an integer >= 0, a tuple of such or None, got {size!r}.")


def interval_around(centre: float, low: float, high: float, share: float) -> tuple[float, float]:
    """A share of [low, high] around a point, moved to where it lies within."""
    width = share * (high - low)
    start = max(centre - width / 2, low)
    return (start, start + width) if start + width < high else (high - width, high)


def positions_around(position: int, n_positions: int, share: float) -> slice:
    """The same among numbered places, the neighbours on both sides at least."""
    radius = max(1, math.ceil(share * (n_positions - 1) / 2))
    start = max(0, min(position - radius, n_positions - 1 - 2 * radius))
    return slice(start, start + 2 * radius + 1)


def _are_numbers(*values: object) -> bool:
    """Whether all are finite numbers."""
    return all(math.isfinite(real_number(value)) and not is_bool(value) for value in values)


class Distribution(ABC):
    """Base class of the distributions. Warning: use the derived classes."""

    @abstractmethod
    def _draw(self, size: Size, rng: RandomNumbers) -> Value | Array: ...

    @abstractmethod
    def _narrowed(self, value: object, share: float) -> Self: ...

    def rvs(self, size: Size = None, random_state: AnyRandomState = None) -> Value | Array:
        """Draw values.

        Parameters
        ----------
        size : int or tuple of int, default=None
            The shape of the array of values; None draws a single one.
        random_state : int, RandomState, Generator or None, default=None
            What to draw with; None is NumPy's global random state.

        Returns
        -------
        values : float, int or tuple of int, or ndarray of these
            The values, each independent of the others.

        Raises
        ------
        ValueError
            If `size` is no shape of an array, or `random_state` nothing to draw with.
        """
        return self._draw(_checked_size(size), random_numbers(random_state))

    def narrowed(self, value: object, share: float) -> Self:
        """The same kind of distribution on part of the range.

        Parameters
        ----------
        value : float, int or tuple of int
            What to narrow around, one of the values that can be drawn.
        share : float
            The share of the range that is kept, on the distribution's own scale, in (0, 1]. Of
            discrete values the neighbours of `value` are kept in any case.

        Returns
        -------
        distribution : Distribution
            The part of the range around `value`: it in the middle, or nearer to an end where it
            would else reach beyond the present range.

        Raises
        ------
        ValueError
            If `value` cannot be drawn from this distribution, or `share` is not in (0, 1].
        """
        if not _are_numbers(share) or not 0 < share <= 1:
            raise ValueError(f"share must be a number in (0, 1], got {share!r}.")
        return self._narrowed(value, float(share))


# ------------------------------------------------------------------------------ real numbers


@dataclass(frozen=True, repr=False)
class _ScaledUniform(Distribution):
    """Uniform between two numbers once a scale is put on them."""

    low: float
    high: float

    def __post_init__(self) -> None:
        self._check()
        # A plain float is written in a way that Python reads back.
        object.__setattr__(self, "low", float(self.low))
        object.__setattr__(self, "high", float(self.high))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.low!r}, {self.high!r})"

    @abstractmethod
    def _check(self) -> None:
        """Raise where low and high are no range of this scale."""

    @staticmethod
    @abstractmethod
    def _to_scale(value: float) -> float:
        """An increasing function."""

    @staticmethod
    @abstractmethod
    def _from_scale(place: float | Array) -> Array:
        """Its inverse."""

    def _draw(self, size: Size, rng: RandomNumbers) -> float | Array:
        places = rng.uniform(self._to_scale(self.low), self._to_scale(self.high), size)
        # What goes to the scale and comes back may be off by a rounding error.
        values = np.clip(self._from_scale(places), self.low, self.high)
        return float(values) if size is None else values

    def _narrowed(self, value: object, share: float) -> Self:
        number = real_number(value)
        if not self.low <= number <= self.high:
            raise ValueError(f"value must be a number in [{self.low}, {self.high}], got {value!r}.")
        if share == 1:
            return self
        place, low, high = map(self._to_scale, (number, self.low, self.high))
        ends = [float(self._from_scale(end)) for end in interval_around(place, low, high, share)]
        # However small the share: the value is within, and so is the next one that there is.
        at_most, at_least = math.nextafter(number, -math.inf), math.nextafter(number, math.inf)
        return type(self)(
            max(self.low, min(ends[0], at_most)), min(self.high, max(ends[1], at_least))
        )


class log_uniform(_ScaledUniform):
    """Log-uniform distribution: as many values between 0.001 and 0.01 as between 0.01 and 0.1.

    The scale for what acts by its order of magnitude: learning rates, penalties (course II 3.1).

    Parameters
    ----------
    low : float
        The smallest value, > 0.
    high : float
        The largest value, > `low`.

    Raises
    ------
    ValueError
        If not 0 < low < high.

    See Also
    --------
    one_minus_log_uniform : The same for what is close to 1.

    Examples
    --------
    >>> from skdeep.model_selection import log_uniform
    >>> rates = log_uniform(0.0001, 0.1)
    >>> rates
    log_uniform(0.0001, 0.1)
    >>> rates.rvs(random_state=0)
    0.00443
    >>> rates.narrowed(0.01, share=1 / 3)
    log_uniform(0.00316, 0.0316)
    """

    def _check(self) -> None:
        if not (_are_numbers(self.low, self.high) and 0 < self.low < self.high):
            raise ValueError(
                "log_uniform needs finite numbers 0 < low < high, got "
                f"low={self.low!r}, high={self.high!r}."
            )

    @staticmethod
    def _to_scale(value: float) -> float:
        return float(np.log(value))

    @staticmethod
    def _from_scale(place: float | Array) -> Array:
        return np.asarray(np.exp(place))


class one_minus_log_uniform(_ScaledUniform):
    """Distribution of 1 − v for v log-uniform: as many values near 0.9 as near 0.99 or 0.999.

    The scale for the β's of exponentially weighted averages, which are over about 1 / (1 − β)
    steps (course II 3.1): from 0.9 to 0.9005 nothing changes, from 0.999 to 0.9995 the average is
    over twice as many.

    Parameters
    ----------
    low : float
        The smallest value, >= 0.
    high : float
        The largest value, > `low` and < 1.

    Raises
    ------
    ValueError
        If not 0 <= low < high < 1.

    See Also
    --------
    log_uniform : The same for what is close to 0.

    Examples
    --------
    >>> from skdeep.model_selection import one_minus_log_uniform
    >>> betas = one_minus_log_uniform(0.9, 0.999)
    >>> betas
    one_minus_log_uniform(0.9, 0.999)
    >>> betas.rvs(random_state=0)
    0.992
    """

    def _check(self) -> None:
        if not (_are_numbers(self.low, self.high) and 0 <= self.low < self.high < 1):
            raise ValueError(
                "one_minus_log_uniform needs numbers 0 <= low < high < 1, got "
                f"low={self.low!r}, high={self.high!r}."
            )

    @staticmethod
    def _to_scale(value: float) -> float:
        return float(-np.log1p(-value))

    @staticmethod
    def _from_scale(place: float | Array) -> Array:
        return np.asarray(-np.expm1(-place))


# --------------------------------------------------------------------------------- integers


def _is_power_of_two(value: object) -> TypeGuard[int]:
    if isinstance(value, bool) or not isinstance(value, Integral):
        return False
    return int(value) > 0 and int(value).bit_count() == 1


@dataclass(frozen=True, repr=False)
class power_of_two(Distribution):
    """Powers of two, all equally likely: batch sizes (course II 2.1).

    Parameters
    ----------
    low : int
        The smallest value, a power of two.
    high : int
        The largest value, a power of two, >= `low` and below 2⁶³.

    Raises
    ------
    ValueError
        If `low` or `high` is no power of two, or out of its range.

    Examples
    --------
    >>> from skdeep.model_selection import power_of_two
    >>> sizes = power_of_two(16, 256)
    >>> sizes.rvs(size=6, random_state=0)
    array([ 64, 128, 128,  64,  64, 128])
    >>> sizes.narrowed(32, share=0.5)
    power_of_two(16, 64)
    """

    low: int
    high: int

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            value = getattr(self, name)
            if not _is_power_of_two(value) or value >= 2**63:
                raise ValueError(
                    f"power_of_two needs powers of two below 2**63, got {name}={value!r}."
                )
            object.__setattr__(self, name, int(value))
        if self.low > self.high:
            raise ValueError(
                f"power_of_two needs low <= high, got low={self.low}, high={self.high}."
            )

    def __repr__(self) -> str:
        return f"power_of_two({self.low}, {self.high})"

    @property
    def _exponents(self) -> range:
        return range(self.low.bit_length() - 1, self.high.bit_length())

    def _draw(self, size: Size, rng: RandomNumbers) -> int | Array:
        exponents = _choice(self._exponents, size, rng)
        return 2 ** int(exponents) if size is None else 2**exponents

    def _narrowed(self, value: object, share: float) -> Self:
        if not _is_power_of_two(value) or not self.low <= value <= self.high:
            raise ValueError(
                f"value must be a power of two in [{self.low}, {self.high}], got {value!r}."
            )
        exponents = self._exponents
        position = exponents.index(int(value).bit_length() - 1)
        kept = exponents[positions_around(position, len(exponents), share)]
        return type(self)(2 ** kept[0], 2 ** kept[-1])


def _choice(values: Sequence[int], size: Size, rng: RandomNumbers) -> Array:
    """Each value as likely as the others; what RandomState and Generator draw by the same name."""
    places = np.floor(rng.uniform(0, len(values), size)).astype(np.int64)
    return np.asarray(values, dtype=np.int64)[np.minimum(places, len(values) - 1)]


# ----------------------------------------------------------------------------------- layers


@dataclass(frozen=True, repr=False)
class layer_sizes(Distribution):
    """Widths of hidden layers, for `hidden_layer_sizes`: tuples of int.

    Widths of a range are uniform in their logarithm, rounded to whole numbers.

    Parameters
    ----------
    n_layers : int, tuple of int or list of int
        The number of layers: one number >= 1, the tuple ``(low, high)`` for any number from low to
        high, or a list of the numbers there may be; all equally likely.
    width : int, tuple of int or list of int
        The number of units of a layer: one number >= 1, the tuple ``(low, high)``, or a list of the
        numbers there may be, all equally likely.
    shape : {"constant", "funnel", "free"}, default="constant"
        "constant" makes all layers equally wide; "funnel" makes no layer wider than the one before
        it, counted from the input; "free" draws each for itself.

    Raises
    ------
    ValueError
        If a parameter is not what it has to be.

    See Also
    --------
    suggested_space : A whole space, with this for the hidden layers.

    Notes
    -----
    A search that trains its candidates together puts those with as many layers into one stack,
    whatever the widths.

    Examples
    --------
    >>> from skdeep.model_selection import layer_sizes
    >>> layer_sizes((1, 3), (16, 256)).rvs(random_state=0)
    (115, 115)
    >>> layer_sizes(3, (16, 256), shape="funnel").rvs(random_state=0)
    (115, 84, 72)
    """

    n_layers: CountOrRange | list[int]
    width: CountOrRange | list[int]
    shape: str = "constant"

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_layers", _checked_counts("n_layers", self.n_layers))
        object.__setattr__(self, "width", _checked_counts("width", self.width))
        check_one_of("shape", self.shape, SHAPES)

    def __hash__(self) -> int:
        # A list of depths has no hash of its own.
        return hash(repr(self))

    def __repr__(self) -> str:
        shape = "" if self.shape == "constant" else f", shape={self.shape!r}"
        return f"layer_sizes({self.n_layers!r}, {self.width!r}{shape})"

    @property
    def _depths(self) -> Sequence[int]:
        if isinstance(self.n_layers, tuple):
            return range(self.n_layers[0], self.n_layers[1] + 1)
        return self.n_layers if isinstance(self.n_layers, list) else [self.n_layers]

    @property
    def _width_range(self) -> tuple[int, int]:
        if isinstance(self.width, list):
            return min(self.width), max(self.width)
        return self.width if isinstance(self.width, tuple) else (self.width, self.width)

    def _draw(self, size: Size, rng: RandomNumbers) -> tuple[int, ...] | Array:
        drawn = np.empty(() if size is None else size, dtype=object)
        depths = _choice(self._depths, drawn.size, rng)
        widths = self._draw_widths((drawn.size, max(self._depths)), rng)
        if self.shape == "constant":
            widths[:] = widths[:, :1]
        if self.shape == "funnel":
            # Only the layers that are there take part in the order.
            widths[np.arange(widths.shape[1]) >= depths[:, np.newaxis]] = 0
            widths = -np.sort(-widths, axis=1)
        flat = drawn.reshape(-1)
        for number, (row, depth) in enumerate(zip(widths.tolist(), depths, strict=True)):
            flat[number] = tuple(row[:depth])
        found: tuple[int, ...] | Array = drawn[()]
        return found

    def _draw_widths(self, shape: tuple[int, int], rng: RandomNumbers) -> Array:
        if isinstance(self.width, list):
            return _choice(self.width, shape[0] * shape[1], rng).reshape(shape)
        low, high = self._width_range
        # Half a unit further at both ends, or the ends would be half as likely as they should be.
        widths = np.exp(rng.uniform(np.log(low - 0.5), np.log(high + 0.5), shape))
        return np.clip(np.rint(widths), low, high).astype(np.int64)

    def _narrowed(self, value: object, share: float) -> Self:
        sizes = self._checked_value(value)
        return type(self)(
            self._narrowed_n_layers(len(sizes), share),
            self._narrowed_width(sizes, share),
            self.shape,
        )

    def _checked_value(self, value: object) -> tuple[int, ...]:
        low, high = self._width_range
        if (
            not isinstance(value, tuple)
            or len(value) not in self._depths
            or not all(isinstance(width, Integral) and low <= int(width) <= high for width in value)
            or (isinstance(self.width, list) and not set(value).issubset(self.width))
        ):
            raise ValueError(f"value must be a tuple that {self!r} can draw, got {value!r}.")
        return value

    def _narrowed_n_layers(self, depth: int, share: float) -> CountOrRange | list[int]:
        known = sorted(set(self._depths))
        kept = known[positions_around(known.index(depth), len(known), share)]
        if isinstance(self.n_layers, list):
            return [one for one in self.n_layers if one in kept]
        return (kept[0], kept[-1]) if isinstance(self.n_layers, tuple) else self.n_layers

    def _narrowed_width(self, value: tuple[int, ...], share: float) -> CountOrRange | list[int]:
        """Around the geometric mean of the widths, so that all are within; of a list, each."""
        if isinstance(self.width, list):
            known = sorted(set(self.width))
            around = [known[positions_around(known.index(w), len(known), share)] for w in value]
            return [one for one in self.width if any(one in kept for kept in around)]
        if not isinstance(self.width, tuple):
            return self.width
        low, high = self.width
        centre = float(np.mean(np.log(value)))
        ends = np.exp(interval_around(centre, math.log(low), math.log(high), share))
        narrowest, widest = int(min(value)) - 1, int(max(value)) + 1
        return (
            max(low, min(round(ends[0]), narrowest)),
            min(high, max(round(ends[1]), widest)),
        )


def _checked_counts(name: str, value: object) -> CountOrRange | list[int]:
    """As plain integers: one, the ends of a range, or those there may be."""
    if isinstance(value, list):
        if value and _are_counts(*value):
            return [int(one) for one in value]
    else:
        checked = _checked_count_or_range(value)
        if checked is not None:
            return checked
    raise ValueError(
        f"{name} must be an integer >= 1, a tuple (low, high) of two with low <= high, or a list "
        f"of them, got {value!r}."
    )


def _checked_count_or_range(value: object) -> CountOrRange | None:
    """As plain integers, or None where it is neither."""
    if isinstance(value, tuple):
        is_range = len(value) == 2 and _are_counts(*value) and value[0] <= value[1]
        return (int(value[0]), int(value[1])) if is_range else None
    return int(value) if isinstance(value, Integral) and _are_counts(value) else None


def _are_counts(*values: object) -> bool:
    return all(map(_is_count, values))


def _is_count(value: object) -> bool:
    """Whether it is an integer >= 1 that an array can have as its length."""
    return isinstance(value, Integral) and not is_bool(value) and 1 <= int(value) <= sys.maxsize


# -------------------------------------------------------------------------- a whole space

# What there is to choose of a schedule, by its name.
DECAYS: dict[str, dict[str, Any]] = {
    "constant": {"learning_rate": ["constant", "exponential", "cosine"]},
    "inverse_time": {"decay_rate": log_uniform(1e-3, 1)},
    "exponential": {"decay_rate": one_minus_log_uniform(0.9, 0.999)},
    "step": {"decay_rate": log_uniform(0.1, 0.9)},
    "invscaling": {"power_t": log_uniform(0.1, 1)},
}
WIDTHS = [16, 32, 64, 128]
DROPOUT = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]


def suggested_space(estimator: Any, *, batch_size: bool = False) -> dict[str, Any]:
    """A search space for an estimator, its parameters in the course's order of importance.

    First the learning rate; then momentum or the β's, the hidden layers and, if asked for, the
    batch size; then the learning rate's decay (course II 3.1); last the regularisation. The number
    of layers, which the course puts beside the decay, is drawn with their widths. Only what the
    estimator uses with its present solver and schedule is in it.

    Parameters
    ----------
    estimator : estimator
        One of skdeep's, or a `Pipeline` that ends in one; fitted or not.
    batch_size : bool, default=False
        Whether to search over batch sizes too. Candidates that differ in it train in stacks of
        their own, so that a search over four of them takes about as long as four searches.

    Returns
    -------
    space : dict of str to distribution or list
        For the `param_distributions` of a search. Behind a pipeline the names have the step's
        before them, as in ``deepmlpclassifier__alpha``.

    Raises
    ------
    TypeError
        If `estimator` is neither.
    ValueError
        If a parameter of the estimator is not what it has to be.

    See Also
    --------
    CoarseToFineSearchCV : Narrows such a space round by round.
    VectorizedRandomizedSearchCV : Draws from it.

    Notes
    -----
    Of the networks for tables it is what lies around their defaults, which suit most tables as they
    are.

    It is a start, not a rule: wide enough for most data, to be read, changed and narrowed. Widths
    are few, so that candidates train together and little of their stack is padding; give larger
    ones to data of many rows. It is made without the data: where a fold has fewer rows than the
    largest batch, 256, take smaller ones. What is "auto" with solver "gd" is left so, since
    learning rate and momentum are then known from the data.

    Examples
    --------
    >>> from skdeep import DeepMLPClassifier
    >>> from skdeep.model_selection import suggested_space
    >>> for name, values in suggested_space(DeepMLPClassifier(solver="sgd")).items():
    ...     print(name, values)
    learning_rate_init log_uniform(0.001, 0.1)
    momentum one_minus_log_uniform(0.5, 0.99)
    hidden_layer_sizes layer_sizes((1, 3), [16, 32, 64, 128])
    learning_rate ['constant', 'exponential', 'cosine']
    alpha log_uniform(0.0001, 10.0)
    dropout [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
    """
    check_bool("batch_size", batch_size)
    if isinstance(estimator, Pipeline):
        name, last = estimator.steps[-1]
        space = suggested_space(last, batch_size=batch_size)
        return {f"{name}__{key}": values for key, values in space.items()}
    batches = {"batch_size": power_of_two(32, 256)} if batch_size else {}
    if isinstance(estimator, TabularParameters):
        return _of_table(estimator, batches)
    if not isinstance(estimator, BaseNetworkEstimator):
        raise TypeError(
            "estimator must be one of skdeep's (LogisticRegressionGD, SoftmaxClassifier, "
            "DeepMLPClassifier, DeepMLPRegressor, TabularMLPClassifier, TabularMLPRegressor) or a "
            f"Pipeline that ends in one, got {type(estimator).__name__}."
        )
    estimator._validate_params()
    if isinstance(estimator, BaseLinear):
        return {**_descent(estimator, {}, batches), "alpha": log_uniform(1e-3, 1e3)}
    layers = {"hidden_layer_sizes": layer_sizes(_n_layers(estimator), WIDTHS.copy())}
    space = _descent(estimator, layers, batches)
    space["alpha"] = log_uniform(1e-4, 10)
    if SOLVERS[estimator.solver].takes_changing_objective:
        space["dropout"] = DROPOUT.copy()
    return space


def _of_table(estimator: TabularParameters, batches: dict[str, Any]) -> dict[str, Any]:
    """Around the defaults, which suit most tables."""
    estimator._validate_params()
    rate = 0.1 if is_regressor(estimator) else 0.04
    space: dict[str, Any] = {
        "learning_rate_init": log_uniform(rate / 5, rate * 3),
        "hidden_layer_sizes": layer_sizes((1, 3), (64, 256)),
        **batches,
        "weight_decay": log_uniform(0.002, 0.2),
        "n_bins": [(4, 8, 16, 28), (3, 5, 8, 12), (8, 16, 32, 64)],
        "activation": ["silu", "relu"],
    }
    if is_classifier(estimator):
        space["label_smoothing"] = [0.0, 0.05, 0.1, 0.2]
    return space


def _descent(
    estimator: BaseNetworkEstimator, layers: dict[str, Any], batches: dict[str, Any]
) -> dict[str, Any]:
    """What is chosen of the solver, with the layers and the batches in their places among it."""
    solver = SOLVERS[estimator.solver]
    schedule = estimator.learning_rate
    decay = DECAYS.get(schedule, {}) if isinstance(schedule, str) else {}
    numbers = _ranges_of(solver, estimator)
    if solver.is_stochastic:
        return {**numbers, **layers, **batches, **decay}
    if solver.has_learning_rate and schedule != "constant":
        numbers |= decay
    return {**numbers, **layers}


def _ranges_of(solver: Solver, estimator: BaseNetworkEstimator) -> dict[str, Any]:
    """The solver's own numbers; what a full-batch one finds in the data is left to it."""
    return {
        name: _distribution(values)
        for name, values in solver.ranges.items()
        if solver.is_stochastic or getattr(estimator, name) != "auto"
    }


def _distribution(values: Range) -> Any:
    kind = one_minus_log_uniform if values.near_one else log_uniform
    return kind(values.low, values.high)


def _n_layers(estimator: Any) -> Any:
    """How many there may be: as many as an activation of each, or a dropout rate, is given for."""
    if not isinstance(estimator.activation, str):
        return len(estimator.activation)
    takes_dropout = SOLVERS[estimator.solver].takes_changing_objective
    if not takes_dropout and not isinstance(estimator.dropout, Real):
        return len(estimator.dropout)
    return (1, 3)
