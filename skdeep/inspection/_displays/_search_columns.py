"""The values of a hyperparameter, and the scale on which they are drawn along an axis.

Each hyperparameter is drawn on the scale it is searched on (course II 3.1): a learning rate on a
log scale, a β close to 1 by the logarithm of 1 − β, layer sizes and names as categories.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING, cast

import numpy as np

from ..._arguments import check_one_of, is_bool
from ..._engine.backend import Array
from ..._engine.reals import real_number
from ._common import lie_on_log_scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.ticker import LogLocator

SCALES = ("linear", "log", "one_minus_log", "categories")
# Values less than a decade apart are no reason for a log scale.
DECADE = 10
# Powers of two up to this one are written out.
LARGEST_EXPONENT = 16
# Characters of a category's label, and of all labels together that fit side by side.
LABEL_LENGTH, SIDE_BY_SIDE = 22, 26
# Fractional part of the golden ratio: its multiples spread evenly over the unit interval.
GOLDEN = 0.6180339887498949


@dataclass(frozen=True)
class Scale:
    """How the values of one hyperparameter become positions along an axis."""

    kind: str
    categories: tuple[str, ...] = ()
    # Of a log scale.
    base: int = 10

    def positions(self, column: "Column") -> Array:
        """Where the candidates are; NaN for those without the hyperparameter."""
        found = np.full(column.values.size, np.nan)
        found[column.present] = self._of(column.values[column.present])
        if self.kind == "categories":
            # Candidates of one category stand beside, not upon each other.
            found += ((np.arange(found.size) * GOLDEN) % 1 - 0.5) / 2
        return found

    def _of(self, values: Array) -> Array:
        if self.kind == "categories":
            place = {text: number for number, text in enumerate(self.categories)}
            return np.array([place[_text(value)] for value in values], dtype=float)
        numbers = values.astype(float)
        return 1 - numbers if self.kind == "one_minus_log" else numbers

    def apply(self, ax: "Axes", direction: str, label: str) -> None:
        """Scale, ticks and label of the axis in direction "x" or "y"."""
        axis: Axis = getattr(ax, f"{direction}axis")
        if self.kind == "categories":
            axis.set_ticks(range(len(self.categories)), [_short(text) for text in self.categories])
            getattr(ax, f"set_{direction}lim")(-0.5, len(self.categories) - 0.5)
            if direction == "x" and sum(map(len, self.categories)) > SIDE_BY_SIDE:
                for tick_label in axis.get_ticklabels():
                    tick_label.set(rotation=40, ha="right", rotation_mode="anchor")
        elif self.kind != "linear":
            getattr(ax, f"set_{direction}scale")("log", base=self.base)
            self._set_ticks(axis, getattr(ax, f"get_{direction}lim")())
        if self.kind == "one_minus_log":
            axis.set_inverted(True)
        suffix = {"log": " (log scale)", "one_minus_log": f"\n(log scale of 1 − {label})"}
        getattr(ax, f"set_{direction}label")(label + suffix.get(self.kind, ""))

    def _set_ticks(self, axis: "Axis", limits: tuple[float, float]) -> None:
        """Labels at powers of the base, or between them too where there are not two; no others."""
        low, high = sorted(np.log(limits) / np.log(self.base))
        if math.floor(high) <= math.ceil(low):
            locator = cast("LogLocator", axis.get_major_locator())
            locator.set_params(subs=(1, 2, 5) if self.base == 10 else (1,))
            axis.set_major_formatter(lambda position, _: f"{position:.10g}")
        if self.base == 2 and high <= LARGEST_EXPONENT:
            axis.set_major_formatter(lambda position, _: f"{position:.10g}")
        if self.kind == "one_minus_log":
            axis.set_major_formatter(lambda position, _: f"{1 - position:.10g}")
        axis.set_minor_formatter("")


@dataclass(frozen=True)
class Column:
    """One hyperparameter's value for each candidate, and which candidates have it."""

    values: Array
    present: Array

    @classmethod
    def of(cls, values: Iterable[object]) -> "Column":
        # Tuples are values, not rows.
        if isinstance(values, np.ma.MaskedArray):
            return cls(np.fromiter(values.data, object), ~np.ma.getmaskarray(values))
        objects = np.fromiter(values, object)
        # What was masked is missing in a data frame.
        return cls(objects, np.array([not _is_missing(value) for value in objects], dtype=bool))

    @property
    def is_numeric(self) -> bool:
        return all(map(_is_number, self.values[self.present]))

    @property
    def varies(self) -> bool:
        return len({_text(value) for value in self.values[self.present]}) > 1

    def equals(self, values: Iterable[object]) -> bool:
        return bool(self.present.all() and np.array_equal(self.values, np.asarray(values)))

    def scale(self, first: Array) -> Scale:
        """The scale on which the values are spread most evenly, those of the first round.

        Later rounds are narrowed around the best, and even on no scale.
        """
        if not self.is_numeric:
            return self.scale_of_kind("categories")
        numbers = self.values[self.present].astype(float)
        of_first = self.values[self.present & first].astype(float)
        telling = of_first if of_first.size else numbers
        if (numbers > 0).all() and lie_on_log_scale(telling, DECADE):
            return self.scale_of_kind("log")
        are_shares = ((numbers >= 0) & (numbers < 1)).all()
        if are_shares and lie_on_log_scale(1 - telling, DECADE):
            return Scale("one_minus_log")
        return Scale("linear")

    def scale_of_kind(self, kind: str) -> Scale:
        if kind == "log":
            return Scale(kind, base=2 if self._are_powers_of_two() else 10)
        if kind != "categories":
            return Scale(kind)
        texts = {_text(value): _order(value) for value in self.values[self.present]}
        return Scale(kind, tuple(sorted(texts, key=lambda text: (texts[text], text))))

    def why_not(self, kind: str) -> str | None:
        """What values have to be to have a place on a scale, where they are not; else None."""
        if kind == "categories":
            return None
        present = self.values[self.present]
        if not self.is_numeric:
            return f"needs numbers, got {list(present)}"
        numbers = present.astype(float)
        if kind == "log" and not (numbers > 0).all():
            return f"needs values > 0, got {numbers.min():g}"
        if kind == "one_minus_log" and not (numbers < 1).all():
            return f"needs values < 1, got {numbers.max():g}"
        return None

    def _are_powers_of_two(self) -> bool:
        mantissas = np.frexp(self.values[self.present].astype(float))[0]
        return bool((mantissas == 0.5).all())


def checked_scales(scales: object) -> Mapping[str, str]:
    """Scales by the names of hyperparameters, none where None is given."""
    if scales is None:
        return {}
    if not isinstance(scales, Mapping):
        raise TypeError(f"scales must be a dict or None, got {scales!r}.")
    return scales


def scales_of(
    columns: Mapping[str, Column], given: Mapping[str, str], first: Array
) -> dict[str, Scale]:
    """The scale of each hyperparameter, given or found by the candidates of the first round."""
    unknown = set(given) - set(columns)
    if unknown:
        raise ValueError(
            f"scales must be of hyperparameters among {list(columns)}, got {list(unknown)}."
        )
    for param, kind in given.items():
        check_one_of(f"scales[{param!r}]", kind, SCALES)
        why_not = columns[param].why_not(kind)
        if why_not is not None:
            raise ValueError(f"scales[{param!r}]={kind!r} {why_not}.")
    return {
        param: column.scale_of_kind(given[param]) if param in given else column.scale(first)
        for param, column in columns.items()
    }


def _is_missing(value: object) -> bool:
    """Whether a value is NaN or pandas.NA, which is told without pandas."""
    if isinstance(value, float | np.floating):
        return math.isnan(value)
    return type(value).__name__ == "NAType"


def _is_number(value: object) -> bool:
    """Whether a value has a place on an axis."""
    return not is_bool(value) and math.isfinite(real_number(value))


def _text(value: object) -> str:
    """What stands for a value among categories."""
    if isinstance(value, np.ndarray | tuple | list):
        parts = ", ".join(map(_text, value))
        return f"({parts},)" if len(value) == 1 else f"({parts})"
    if isinstance(value, Real) and _is_number(value):
        return str(int(value)) if isinstance(value, Integral) else f"{float(value):.12g}"
    return str(getattr(value, "__name__", value))


def _order(value: object) -> tuple[int, float, int]:
    """Numbers, and sequences of them by their total, before all else."""
    parts = value if isinstance(value, np.ndarray | tuple | list) else [value]
    if all(isinstance(part, Real) for part in parts):
        return (0, real_number(sum(parts)), len(parts))
    return (1, 0.0, 0)


def _short(text: str) -> str:
    return text if len(text) <= LABEL_LENGTH else text[: LABEL_LENGTH - 1] + "…"
