"""The panels of a SearchDisplay: candidates as points, along one hyperparameter or along two.

Along one, the score is upwards and a round has a colour; along two, the score is the colour.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from ..._arguments import check_string, is_bool
from ..._engine.backend import Array
from ._common import BLUE, GREY, VERMILION, AxesLike, import_pyplot, number_per, panels
from ._search_columns import Column, Scale

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.colorbar import Colorbar
    from matplotlib.typing import ColorType

MARKERS = "os^DvPXh"
# Columns of panels side by side.
MOST_COLUMNS = 3


@dataclass(frozen=True)
class Round:
    """Candidates tried together, and how they are drawn."""

    label: str
    color: "ColorType"
    marker: str
    members: Array


@dataclass(frozen=True)
class Candidates:
    """The candidates of a search: their scores, and the rounds in which they were tried."""

    scores: Array
    rounds: Array | None
    round_name: str
    best_index: int | None

    @classmethod
    def of(
        cls,
        scores: ArrayLike,
        rounds: ArrayLike | None,
        round_name: str,
        best_index: int | None,
    ) -> "Candidates":
        check_string("round_name", round_name)
        numbers = number_per("candidate", "scores", scores)
        if not np.isfinite(numbers).any():
            raise ValueError(f"scores must be finite for a candidate at least, got {numbers}.")
        known = None if rounds is None else _checked_rounds(rounds, numbers.size)
        return cls(numbers, known, round_name, _checked_best(best_index, numbers.size))

    def check_params(self, params: Mapping[str, Sequence[object]]) -> None:
        """Raise where a hyperparameter has another number of values than there are candidates."""
        if not isinstance(params, Mapping):
            raise TypeError(f"params must be a dict of values by name, got {params!r}.")
        for param, values in params.items():
            if not isinstance(param, str) or not hasattr(values, "__len__"):
                raise TypeError(
                    f"params must have a list of values for each name, got {values!r} for "
                    f"{param!r}."
                )
            if len(values) != self.scores.size:
                raise ValueError(
                    f"params[{param!r}] must have one value per candidate ({self.scores.size}), "
                    f"as scores has, got {len(values)}."
                )

    @property
    def have_score(self) -> Array:
        return np.isfinite(self.scores)

    @property
    def are_of_first_round(self) -> Array:
        if self.rounds is None:
            return np.ones(self.scores.size, dtype=bool)
        first: Array = self.rounds == np.min(self.rounds)
        return first

    @property
    def best(self) -> int:
        if self.best_index is not None:
            return self.best_index
        eligible = self.have_score
        if self.rounds is not None and self.round_name == "iter":
            # Earlier iterations had fewer resources: their scores do not compare.
            eligible &= self.rounds == self.rounds[eligible].max()
        return int(np.argmax(np.where(eligible, self.scores, -np.inf)))

    def round_by_round(self) -> list[Round]:
        if self.rounds is None:
            return [Round("candidate", BLUE, "o", np.ones(self.scores.size, dtype=bool))]
        distinct = np.unique(self.rounds)
        colormap = import_pyplot("SearchDisplay").get_cmap("viridis")
        # From bright to dark; the brightest yellow is lost on white.
        colors = colormap(np.linspace(0.85, 0, distinct.size))
        return [
            Round(f"{self.round_name} {one}", color, MARKERS[n % len(MARKERS)], self.rounds == one)
            for n, (one, color) in enumerate(zip(distinct, colors, strict=True))
        ]


def _checked_rounds(rounds: ArrayLike, n_candidates: int) -> Array:
    numbers = number_per("candidate", "rounds", rounds)
    if numbers.size != n_candidates or not np.isfinite(numbers).all():
        raise ValueError(
            f"rounds must have a finite number per candidate ({n_candidates}), got {rounds!r}."
        )
    # As they are: the legend calls integers so.
    return np.asarray(rounds)


def _checked_best(best_index: int | None, n_candidates: int) -> int | None:
    if best_index is None:
        return None
    given: object = best_index
    if is_bool(given) or not isinstance(given, Integral) or not 0 <= int(given) < n_candidates:
        raise ValueError(
            f"best_index must be an integer from 0 to {n_candidates - 1}, the number of a "
            f"candidate, got {best_index!r}."
        )
    return int(given)


@dataclass(frozen=True)
class Dimension:
    """A hyperparameter as an axis: its scale, and where the candidates are along it."""

    name: str
    scale: Scale
    positions: Array

    @classmethod
    def of(cls, name: str, scale: Scale, column: Column) -> "Dimension":
        return cls(name, scale, scale.positions(column))

    def apply(self, ax: "Axes", direction: str) -> None:
        self.scale.apply(ax, direction, self.name)


@dataclass
class Drawing:
    """What was drawn, and on what."""

    axes: Array
    points: "list[list[PathCollection]]" = field(default_factory=list)
    best_points: "list[PathCollection]" = field(default_factory=list)
    colorbar: "Colorbar | None" = None

    def add_legend(self, *, is_own: bool) -> None:
        """One legend of what is in any of the panels; below them in a figure of their own."""
        entries: dict[str, Artist] = {}
        for panel in self.axes:
            handles, labels = panel.get_legend_handles_labels()
            entries |= dict(zip(labels, handles, strict=True))
        if is_own:
            self.axes[0].figure.legend(
                entries.values(),
                entries.keys(),
                loc="outside lower center",
                ncols=min(len(entries), 6),
            )
        else:
            self.axes[0].legend(entries.values(), entries.keys(), fontsize="small")


def draw_single(
    candidates: Candidates,
    dimensions: Sequence[Dimension],
    score_name: str,
    ax: AxesLike,
) -> Drawing:
    """A panel for each hyperparameter, with the score upwards."""
    if not dimensions:
        raise ValueError("params must hold one hyperparameter at least, got none.")
    n_panels = len(dimensions)
    n_columns = min(n_panels, MOST_COLUMNS)
    size = (6.4, 4.8) if n_panels == 1 else (3.4, 3.1)
    drawing = Drawing(panels("SearchDisplay", ax, n_panels, n_columns, size, sharey=True))
    shares_scores = ax is None or np.size(np.asarray(ax, dtype=object)) == 1
    rounds = candidates.round_by_round()
    for number, (panel, dimension) in enumerate(zip(drawing.axes, dimensions, strict=True)):
        x = dimension.positions
        drawing.points.append([_draw_round(panel, candidates, x, one) for one in rounds])
        _draw_failed_at_foot(panel, candidates, x)
        _cut_off_low_scores(panel, candidates, x)
        drawing.best_points.append(_draw_best(panel, candidates, x, candidates.scores))
        dimension.apply(panel, "x")
        if number % n_columns == 0 or not shares_scores:
            panel.set_ylabel(score_name)
        panel.grid(alpha=0.3)
    return drawing


def draw_pairs(
    candidates: Candidates,
    dimensions: Sequence[Dimension],
    score_name: str,
    ax: AxesLike,
) -> Drawing:
    """A panel for each pair of hyperparameters, with the score as colour."""
    pairs = list(combinations(dimensions, 2))
    if not pairs:
        names = [dimension.name for dimension in dimensions]
        raise ValueError(f"kind='pairs' needs two hyperparameters at least, got {names}.")
    size = (6.4, 4.8) if len(pairs) == 1 else (3.7, 3.2)
    n_columns = min(len(pairs), MOST_COLUMNS)
    drawing = Drawing(panels("SearchDisplay", ax, len(pairs), n_columns, size))
    for panel, (first, second) in zip(drawing.axes, pairs, strict=True):
        x, y = first.positions, second.positions
        drawing.points.append([_draw_colored(panel, candidates, x, y)])
        _draw_failed(panel, candidates, x, y)
        drawing.best_points.append(_draw_best(panel, candidates, x, y))
        first.apply(panel, "x")
        second.apply(panel, "y")
        panel.grid(alpha=0.3)
    scored = candidates.scores[candidates.have_score]
    drawing.colorbar = drawing.axes[0].figure.colorbar(
        drawing.points[-1][0],
        ax=list(drawing.axes),
        label=score_name,
        extend="min" if _limits(scored)[0] > scored.min() else "neither",
    )
    return drawing


def _draw_round(panel: "Axes", candidates: Candidates, x: Array, one: Round) -> "PathCollection":
    shown = one.members & candidates.have_score
    return panel.scatter(
        x[shown],
        candidates.scores[shown],
        color=one.color,
        marker=one.marker,
        alpha=0.7,
        s=28,
        label=one.label,
    )


def _draw_colored(panel: "Axes", candidates: Candidates, x: Array, y: Array) -> "PathCollection":
    scored = candidates.have_score
    low, high = _limits(candidates.scores[scored])
    return panel.scatter(
        x[scored],
        y[scored],
        c=candidates.scores[scored],
        cmap="viridis",
        vmin=low,
        vmax=high,
        edgecolor=GREY,
        linewidth=0.5,
        s=36,
    )


def _limits(scores: Array) -> tuple[float, float]:
    """The range of scores to tell apart: a few that diverged must not take it all."""
    best, median = float(scores.max()), float(np.median(scores))
    return max(float(scores.min()), median - 3 * (best - median)), best


def _draw_failed(panel: "Axes", candidates: Candidates, x: Array, y: Array) -> None:
    """Candidates without a score, at their place."""
    failed = ~candidates.have_score
    if failed.any():
        label = f"failed ({np.count_nonzero(failed)})"
        panel.scatter(x[failed], y[failed], color=GREY, marker="x", label=label)


def _draw_failed_at_foot(panel: "Axes", candidates: Candidates, x: Array) -> None:
    """Candidates without a score, which have no height: at the foot of the panel."""
    failed = ~candidates.have_score
    if failed.any():
        panel.scatter(
            x[failed],
            np.full(np.count_nonzero(failed), 0.02),
            color=GREY,
            marker="x",
            label=f"failed ({np.count_nonzero(failed)})",
            transform=panel.get_xaxis_transform(),
        )


def _cut_off_low_scores(panel: "Axes", candidates: Candidates, x: Array) -> None:
    """Let the panel reach down as far as colours do; at its foot are marks of what is lower."""
    scored = candidates.scores[candidates.have_score]
    low, high = _limits(scored)
    # Not for the sake of less than half of the height.
    if not 0 < high - low < low - scored.min():
        return
    bottom = scored[scored >= low].min() - 0.1 * (high - low)
    panel.set_ylim(bottom, high + 0.1 * (high - low))
    lower = candidates.have_score & (candidates.scores < bottom)
    panel.scatter(
        x[lower],
        np.full(np.count_nonzero(lower), 0.025),
        facecolor="none",
        edgecolor=GREY,
        marker="v",
        label=f"below {bottom:.3g} ({np.count_nonzero(lower)})",
        transform=panel.get_xaxis_transform(),
    )


def _draw_best(panel: "Axes", candidates: Candidates, x: Array, y: Array) -> "PathCollection":
    best = [candidates.best]
    return panel.scatter(
        x[best],
        y[best],
        color=VERMILION,
        edgecolor="black",
        marker="*",
        s=180,
        zorder=3,
        label="best",
    )
