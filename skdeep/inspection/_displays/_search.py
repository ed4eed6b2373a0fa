"""SearchDisplay: what a search has found, hyperparameter by hyperparameter.

Each hyperparameter is drawn on the scale it is searched on (course II 3.1): a learning rate on a
log scale, a β close to 1 by the logarithm of 1 − β, layer sizes and names as categories. A
search's distributions tell the scale; where they do not, the values' spread has to.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from scipy.stats import loguniform, randint, uniform

from ..._engine.backend import Array
from ...model_selection._distributions import log_uniform, one_minus_log_uniform, power_of_two
from ._common import (
    BLUE,
    GREY,
    VERMILION,
    add_title,
    choose,
    import_pyplot,
    lie_on_log_scale,
    panels,
)

SCALES = ("linear", "log", "one_minus_log", "categories")
KINDS = ("single", "pairs")
# Columns of cv_results_ that say in which round of its search a candidate was tried.
ROUNDS = ("round", "iter")
MARKERS = "os^DvPXh"
# Values less than a decade apart are no reason for a log scale.
DECADE = 10
# Columns of panels side by side.
MOST_COLUMNS = 3
# Powers of two up to this one are written out.
LARGEST_EXPONENT = 16
# Characters of a category's label, and of all labels together that fit side by side.
LABEL_LENGTH, SIDE_BY_SIDE = 22, 26
# Fractional part of the golden ratio: its multiples spread evenly over the unit interval.
GOLDEN = 0.6180339887498949
# What draws evenly along which scale, of ours and, by the class of their family, of scipy.stats.
SCALE_OF_OURS = {
    log_uniform: "log",
    power_of_two: "log",
    one_minus_log_uniform: "one_minus_log",
}
SCALE_OF_SCIPYS = {type(loguniform): "log", type(uniform): "linear", type(randint): "linear"}


@dataclass(frozen=True)
class _Scale:
    """How the values of one hyperparameter become positions along an axis."""

    kind: str
    categories: tuple[str, ...] = ()
    # Of a log scale.
    base: int = 10

    def positions(self, column: "_Column") -> Array:
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

    def apply(self, ax: Any, direction: str, label: str) -> None:
        """Scale, ticks and label of the axis in direction "x" or "y"."""
        axis = getattr(ax, f"{direction}axis")
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

    def _set_ticks(self, axis: Any, limits: tuple[float, float]) -> None:
        """Labels at powers of the base, or between them too where there are not two; no others."""
        low, high = sorted(np.log(limits) / np.log(self.base))
        if math.floor(high) <= math.ceil(low):
            axis.get_major_locator().set_params(subs=(1, 2, 5) if self.base == 10 else (1,))
            axis.set_major_formatter(lambda position, _: f"{position:.10g}")
        if self.base == 2 and high <= LARGEST_EXPONENT:
            axis.set_major_formatter(lambda position, _: f"{position:.10g}")
        if self.kind == "one_minus_log":
            axis.set_major_formatter(lambda position, _: f"{1 - position:.10g}")
        axis.set_minor_formatter("")


@dataclass(frozen=True)
class _Column:
    """One hyperparameter's value for each candidate, and which candidates have it."""

    values: Array
    present: Array

    @classmethod
    def of(cls, values: Any) -> "_Column":
        # Tuples are values, not rows.
        if np.ma.isMaskedArray(values):
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

    def equals(self, values: Any) -> bool:
        return bool(self.present.all() and np.array_equal(self.values, np.asarray(values)))

    def scale(self, first: Array) -> _Scale:
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
            return _Scale("one_minus_log")
        return _Scale("linear")

    def scale_of_kind(self, kind: str) -> _Scale:
        if kind == "log":
            return _Scale(kind, base=2 if self._are_powers_of_two() else 10)
        if kind != "categories":
            return _Scale(kind)
        texts = {_text(value): _order(value) for value in self.values[self.present]}
        return _Scale(kind, tuple(sorted(texts, key=lambda text: (texts[text], text))))

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


class SearchDisplay:
    """Score of a search's candidates against their hyperparameters.

    Make one with `from_estimator` or `from_cv_results`; the constructor takes the candidates
    themselves.

    Parameters
    ----------
    params : dict of str to array-like of shape (n_candidates,)
        The values of each hyperparameter to draw. Candidates that do not have it are masked, or
        where nothing is masked, NaN or pandas.NA.
    scores : array-like of shape (n_candidates,)
        The candidates' scores, the higher the better; NaN for those that failed.
    best_index : int, default=None
        The candidate to mark as the best; None takes the highest score, of the last iteration
        where there are any.
    rounds : array-like of shape (n_candidates,), default=None
        The round of the search in which a candidate was tried.
    round_name : str, default="round"
        What a round is called.
    scales : dict of str to {"linear", "log", "one_minus_log", "categories"}, default=None
        The scale of any of the hyperparameters; the others take the one on which their values,
        those of the first round, are spread most evenly. `from_estimator` takes it from the
        search's distributions, where they tell it.
    score_name : str, default="mean test score"
        What the score is called.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        What was drawn on, one for each hyperparameter or pair of them.
    figure_ : matplotlib Figure
        Their figure.
    points_ : list of list of matplotlib PathCollection
        The candidates in each panel, round by round; those that failed are apart.
    best_points_ : list of matplotlib PathCollection
        The mark of the best candidate in each panel.
    colorbar_ : matplotlib Colorbar or None
        The scores' colours, of pairs.

    See Also
    --------
    sklearn.model_selection.ValidationCurveDisplay : One hyperparameter, all others fixed.

    Notes
    -----
    A candidate that does not have a hyperparameter, as in a search over several grids, is left out
    of its panels. In pairs, colours tell scores apart down to where a candidate is further below
    the median than thrice the best is above it; lower ones share a colour.

    References
    ----------
    Course II 3.1.

    Examples
    --------
    >>> from skdeep.inspection import SearchDisplay
    >>> results = {
    ...     "param_alpha": [0.001, 0.01, 0.1, 1.0],
    ...     "param_beta_1": [0.9, 0.99, 0.999, 0.9],
    ...     "mean_test_score": [0.91, 0.95, 0.97, 0.93],
    ... }
    >>> display = SearchDisplay.from_cv_results(results)
    >>> [ax.get_xlabel() for ax in display.axes_]
    ['alpha (log scale)', 'beta_1\\n(log scale of 1 − beta_1)']
    """

    def __init__(
        self,
        *,
        params: Mapping[str, Any],
        scores: Any,
        best_index: int | None = None,
        rounds: Any = None,
        round_name: str = "round",
        scales: Mapping[str, str] | None = None,
        score_name: str = "mean test score",
    ) -> None:
        self.params = params
        self.scores = scores
        self.best_index = best_index
        self.rounds = rounds
        self.round_name = round_name
        self.scales = scales
        self.score_name = score_name

    def plot(self, ax: Any = None, *, kind: str = "single", name: str | None = None) -> Self:
        """Draw the candidates.

        Parameters
        ----------
        ax : matplotlib Axes or sequence of them, default=None
            What to draw on, a single one being divided where there are more panels; None makes a
            new figure.
        kind : {"single", "pairs"}, default="single"
            One panel for each hyperparameter, with the score upwards, or one for each pair of
            them, with the score as colour.
        name : str, default=None
            Title.

        Returns
        -------
        self : SearchDisplay
            The display.

        Raises
        ------
        ImportError
            Without matplotlib.
        ValueError
            If `kind` or `scales` is not what it has to be, no candidate has a score, or there are
            too few hyperparameters.
        """
        choose("kind", kind, KINDS)
        self._check_data()
        columns = {param: _Column.of(values) for param, values in self.params.items()}
        scales = self._scales(columns)
        positions = {param: scales[param].positions(columns[param]) for param in columns}
        self.points_: list[list[Any]] = []
        self.best_points_: list[Any] = []
        self.colorbar_ = None
        if kind == "single":
            self._plot_single(ax, scales, positions)
        else:
            self._plot_pairs(ax, scales, positions)
        self._add_legend(is_own=ax is None)
        add_title(self.figure_, self.axes_[0], name, is_own=ax is None)
        return self

    @classmethod
    def from_estimator(
        cls,
        search: Any,
        *,
        params: Sequence[str] | None = None,
        metric: str | None = None,
        scales: Mapping[str, str] | None = None,
        kind: str = "single",
        ax: Any = None,
        name: str | None = None,
    ) -> Self:
        """Draw the candidates of a fitted search.

        Parameters
        ----------
        search : estimator
            A fitted search of skdeep or scikit-learn, with `cv_results_`. Where its
            `param_distributions` are skdeep's or scipy.stats' `loguniform`, `uniform` or `randint`,
            they tell the scales.
        params : sequence of str, default=None
            The hyperparameters to draw, by their full names or the part after the last "__"; None
            draws those that differ between candidates, other than successive halving's resource.
        metric : str, default=None
            Which of several metrics; None takes the one that the best candidate is chosen by.
        scales : dict of str to {"linear", "log", "one_minus_log", "categories"}, default=None
            The scale of any of the hyperparameters; the others take that of the distribution they
            were drawn from, and where it has none, as a list has none, the one on which their
            values are spread most evenly.
        kind : {"single", "pairs"}, default="single"
            One panel for each hyperparameter, or one for each pair of them.
        ax : matplotlib Axes or sequence of them, default=None
            What to draw on; None makes a new figure.
        name : str, default=None
            Title.

        Returns
        -------
        display : SearchDisplay
            The display, drawn.

        Raises
        ------
        ImportError
            Without matplotlib.
        TypeError
            If `search` has no `cv_results_`.
        ValueError
            If `params`, `metric`, `scales` or `kind` is not what it has to be.
        """
        if not hasattr(search, "cv_results_"):
            raise TypeError(f"search must be fitted and have cv_results_, got {search!r}.")
        refit = getattr(search, "refit", None)
        has_several = getattr(search, "multimetric_", False)
        chooses_by = refit if has_several and isinstance(refit, str) else None
        metric = metric or chooses_by
        best_index = getattr(search, "best_index_", None) if metric == chooses_by else None
        scoring = getattr(search, "scoring", None)
        score_name = metric or (scoring if isinstance(scoring, str) else None)
        display = cls._of(
            search.cv_results_,
            params,
            metric,
            best_index,
            None if score_name is None else f"mean test score ({score_name})",
            scales,
            _searched_scales(search),
        )
        return display.plot(ax, kind=kind, name=name)

    @classmethod
    def from_cv_results(
        cls,
        cv_results: Mapping[str, Any],
        *,
        params: Sequence[str] | None = None,
        metric: str | None = None,
        best_index: int | None = None,
        score_name: str | None = None,
        scales: Mapping[str, str] | None = None,
        kind: str = "single",
        ax: Any = None,
        name: str | None = None,
    ) -> Self:
        """Draw the candidates from the results of a search.

        Parameters
        ----------
        cv_results : dict or DataFrame
            A search's `cv_results_`. A column "round" or "iter" colours the candidates by the
            round in which they were tried.
        params : sequence of str, default=None
            The hyperparameters to draw, by their full names or the part after the last "__"; None
            draws those that differ between candidates, other than successive halving's resource.
        metric : str, default=None
            Which of several metrics; None takes the only one.
        best_index : int, default=None
            The candidate to mark as the best; None takes the highest score, of successive
            halving's that of the last iteration.
        score_name : str, default=None
            What the score is called; None takes "mean test score" and the metric's name.
        scales : dict of str to {"linear", "log", "one_minus_log", "categories"}, default=None
            The scale of any of the hyperparameters; None leaves it to their values.
        kind : {"single", "pairs"}, default="single"
            One panel for each hyperparameter, or one for each pair of them.
        ax : matplotlib Axes or sequence of them, default=None
            What to draw on; None makes a new figure.
        name : str, default=None
            Title.

        Returns
        -------
        display : SearchDisplay
            The display, drawn.

        Raises
        ------
        ImportError
            Without matplotlib.
        ValueError
            If `params`, `metric`, `best_index`, `scales` or `kind` is not what it has to be.
        """
        display = cls._of(cv_results, params, metric, best_index, score_name, scales, {})
        return display.plot(ax, kind=kind, name=name)

    @classmethod
    def _of(
        cls,
        cv_results: Mapping[str, Any],
        params: Sequence[str] | None,
        metric: str | None,
        best_index: int | None,
        score_name: str | None,
        scales: Mapping[str, str] | None,
        searched_scales: Mapping[str, str],
    ) -> Self:
        """The display, not drawn; `searched_scales` by full names, where those are known."""
        names = _short_names(cv_results)
        full_names = _chosen(names, params) if params is not None else _varying(cv_results, names)
        by_round = [column for column in ROUNDS if column in cv_results]
        rounds = np.asarray(cv_results[by_round[0]]) if by_round else None
        columns = {full: cv_results[f"param_{full}"] for full in full_names}
        told = {
            names[full]: searched_scales[full]
            for full, values in columns.items()
            if full in searched_scales and _Column.of(values).why_not(searched_scales[full]) is None
        }
        return cls(
            params={names[full]: values for full, values in columns.items()},
            scores=_scores(cv_results, metric),
            best_index=best_index,
            rounds=rounds,
            round_name=by_round[0] if by_round else "round",
            scales={**told, **_by_short_name(scales, names)},
            score_name=score_name or "mean test score" + (f" ({metric})" if metric else ""),
        )

    # -------------------------------------------------------------------------------- the parts

    def _check_data(self) -> None:
        scores = np.asarray(self.scores, dtype=float)
        if not np.isfinite(scores).any():
            raise ValueError(f"scores must be finite for a candidate at least, got {scores}.")
        for param, values in self.params.items():
            if len(values) != scores.size:
                raise ValueError(
                    f"params[{param!r}] must have one value per candidate ({scores.size}), got "
                    f"{len(values)}."
                )
        best: Any = self.best_index
        if best is not None and not (isinstance(best, Integral) and 0 <= int(best) < scores.size):
            raise ValueError(
                f"best_index must be an integer from 0 to {scores.size - 1}, the number of a "
                f"candidate, got {best!r}."
            )
        self._scored = scores

    def _scales(self, columns: dict[str, _Column]) -> dict[str, _Scale]:
        """The scale of each hyperparameter, given or found."""
        given = dict(self.scales or {})
        unknown = set(given) - set(columns)
        if unknown:
            raise ValueError(
                f"scales must be of hyperparameters among {list(columns)}, got {sorted(unknown)}."
            )
        for param, kind in given.items():
            choose(f"scales[{param!r}]", kind, SCALES)
            why_not = columns[param].why_not(kind)
            if why_not is not None:
                raise ValueError(f"scales[{param!r}]={kind!r} {why_not}.")
        first = np.ones(self._scored.size, dtype=bool)
        if self.rounds is not None:
            first = np.asarray(self.rounds) == np.min(self.rounds)
        return {
            param: column.scale_of_kind(given[param]) if param in given else column.scale(first)
            for param, column in columns.items()
        }

    def _best(self) -> int:
        if self.best_index is not None:
            return int(self.best_index)
        eligible = np.isfinite(self._scored)
        if self.rounds is not None and self.round_name == "iter":
            # Earlier iterations had fewer resources: their scores do not compare.
            eligible &= np.asarray(self.rounds) == np.asarray(self.rounds)[eligible].max()
        return int(np.argmax(np.where(eligible, self._scored, -np.inf)))

    def _plot_single(self, ax: Any, scales: dict[str, _Scale], positions: dict[str, Array]) -> None:
        if not scales:
            raise ValueError("params must hold one hyperparameter at least, got none.")
        n_columns = min(len(scales), MOST_COLUMNS)
        size = (6.4, 4.8) if len(scales) == 1 else (3.4, 3.1)
        self.axes_ = panels("SearchDisplay", ax, len(scales), n_columns, size, sharey=True)
        self.figure_ = self.axes_[0].figure
        shares_scores = ax is None or np.size(np.asarray(ax, dtype=object)) == 1
        for number, (panel, param) in enumerate(zip(self.axes_, scales, strict=True)):
            self._draw_rounds(panel, positions[param])
            self._draw_failed(panel, positions[param], None)
            self._draw_best(panel, positions[param], self._scored)
            scales[param].apply(panel, "x", param)
            if number % n_columns == 0 or not shares_scores:
                panel.set_ylabel(self.score_name)
            panel.grid(alpha=0.3)

    def _draw_rounds(self, panel: Any, x: Array) -> None:
        """The candidates, each round in a colour and with a marker of its own."""
        drawn = []
        for label, color, marker, members in self._rounds():
            shown = members & np.isfinite(self._scored)
            drawn.append(
                panel.scatter(
                    x[shown],
                    self._scored[shown],
                    color=color,
                    marker=marker,
                    alpha=0.7,
                    s=28,
                    label=label,
                )
            )
        self.points_.append(drawn)

    def _rounds(self) -> list[tuple[str, Any, str, Array]]:
        """Label, colour, marker and members of each round."""
        if self.rounds is None:
            return [("candidate", BLUE, "o", np.ones(self._scored.size, dtype=bool))]
        rounds = np.asarray(self.rounds)
        distinct = np.unique(rounds)
        colormap = import_pyplot("SearchDisplay").get_cmap("viridis")
        # From bright to dark; the brightest yellow is lost on white.
        colors = colormap(np.linspace(0.85, 0, distinct.size))
        return [
            (f"{self.round_name} {one}", color, MARKERS[n % len(MARKERS)], rounds == one)
            for n, (one, color) in enumerate(zip(distinct, colors, strict=True))
        ]

    def _draw_failed(self, panel: Any, x: Array, y: Array | None) -> None:
        """Candidates without a score: at their place, or at the foot of the panel."""
        failed = ~np.isfinite(self._scored)
        if not failed.any():
            return
        where = {"transform": panel.get_xaxis_transform()} if y is None else {}
        heights = np.full(x.size, 0.02) if y is None else y
        panel.scatter(
            x[failed],
            heights[failed],
            color=GREY,
            marker="x",
            label=f"failed ({np.count_nonzero(failed)})",
            **where,
        )

    def _draw_best(self, panel: Any, x: Array, y: Array) -> None:
        best = [self._best()]
        mark = panel.scatter(
            x[best],
            y[best],
            color=VERMILION,
            edgecolor="black",
            marker="*",
            s=180,
            zorder=3,
            label="best",
        )
        self.best_points_.append(mark)

    def _plot_pairs(self, ax: Any, scales: dict[str, _Scale], positions: dict[str, Array]) -> None:
        pairs = list(combinations(scales, 2))
        if not pairs:
            raise ValueError(
                f"kind='pairs' needs two hyperparameters at least, got {list(scales)}."
            )
        n_columns = min(len(pairs), MOST_COLUMNS)
        size = (6.4, 4.8) if len(pairs) == 1 else (3.7, 3.2)
        self.axes_ = panels("SearchDisplay", ax, len(pairs), n_columns, size)
        self.figure_ = self.axes_[0].figure
        scored = np.isfinite(self._scored)
        low, high = _color_limits(self._scored[scored])
        for panel, (first, second) in zip(self.axes_, pairs, strict=True):
            x, y = positions[first], positions[second]
            points = panel.scatter(
                x[scored],
                y[scored],
                c=self._scored[scored],
                cmap="viridis",
                vmin=low,
                vmax=high,
                edgecolor=GREY,
                linewidth=0.5,
                s=36,
            )
            self.points_.append([points])
            self._draw_failed(panel, x, y)
            self._draw_best(panel, x, y)
            scales[first].apply(panel, "x", first)
            scales[second].apply(panel, "y", second)
            panel.grid(alpha=0.3)
        self.colorbar_ = self.figure_.colorbar(
            points,
            ax=list(self.axes_),
            label=self.score_name,
            extend="min" if low > self._scored[scored].min() else "neither",
        )

    def _add_legend(self, *, is_own: bool) -> None:
        entries: dict[str, Any] = {}
        for panel in self.axes_:
            handles, labels = panel.get_legend_handles_labels()
            entries |= dict(zip(labels, handles, strict=True))
        if is_own:
            self.figure_.legend(
                entries.values(),
                entries.keys(),
                loc="outside lower center",
                ncols=min(len(entries), 6),
            )
        else:
            self.axes_[0].legend(entries.values(), entries.keys(), fontsize="small")


# --------------------------------------------------------------------------- names and values


def _short_names(cv_results: Mapping[str, Any]) -> dict[str, str]:
    """Each hyperparameter's full name and the part after the last "__", where that is unique."""
    names = [key.removeprefix("param_") for key in cv_results if str(key).startswith("param_")]
    ends = [name.rpartition("__")[2] for name in names]
    return {
        name: end if ends.count(end) == 1 else name for name, end in zip(names, ends, strict=True)
    }


def _chosen(names: dict[str, str], params: Sequence[str]) -> list[str]:
    """The full names of the hyperparameters asked for."""
    if isinstance(params, str):
        raise ValueError(f"params must be a sequence of names, got {params!r}.")
    full = {short: name for name, short in names.items()} | {name: name for name in names}
    unknown = [param for param in params if param not in full]
    if unknown:
        raise ValueError(f"params must be among {list(names.values())}, got {unknown[0]!r}.")
    return [full[param] for param in params]


def _varying(cv_results: Mapping[str, Any], names: dict[str, str]) -> list[str]:
    columns = {name: _Column.of(cv_results[f"param_{name}"]) for name in names}
    resources = cv_results.get("n_resources")
    varying = [
        name
        for name, column in columns.items()
        if column.varies and not (resources is not None and column.equals(resources))
    ]
    if not varying:
        raise ValueError(
            "cv_results must hold a hyperparameter that differs between candidates, got "
            f"{list(names)}."
        )
    return varying


def _by_short_name(scales: Mapping[str, str] | None, names: dict[str, str]) -> dict[str, str]:
    return {names.get(key, key): kind for key, kind in (scales or {}).items()}


def _searched_scales(search: Any) -> dict[str, str]:
    """The scale of each hyperparameter, by its full name, where the search's spaces tell one."""
    spaces = getattr(search, "param_distributions", None) or []
    told: dict[str, set[str]] = {}
    for space in [spaces] if isinstance(spaces, Mapping) else spaces:
        for name, values in space.items():
            told.setdefault(name, set()).update(_scale_of(values))
    # Two scales are none.
    return {name: kinds.pop() for name, kinds in told.items() if len(kinds) == 1}


def _scale_of(values: Any) -> list[str]:
    """The scale along which a distribution draws evenly, if it is known."""
    if type(values) in SCALE_OF_OURS:
        return [SCALE_OF_OURS[type(values)]]
    kind = SCALE_OF_SCIPYS.get(type(getattr(values, "dist", None)))
    # A log-uniform distribution that is shifted is even on another scale.
    is_shifted = kind == "log" and (*values.args[2:3], values.kwds.get("loc", 0))[0] != 0
    return [] if kind is None or is_shifted else [kind]


def _scores(cv_results: Mapping[str, Any], metric: str | None) -> Array:
    key = f"mean_test_{'score' if metric is None else metric}"
    if key not in cv_results:
        known = [
            str(name).removeprefix("mean_test_")
            for name in cv_results
            if str(name).startswith("mean_test_")
        ]
        raise ValueError(f"metric must be among {known}, got {metric!r}.")
    return np.asarray(cv_results[key], dtype=float)


def _color_limits(scores: Array) -> tuple[float, float]:
    """The range of scores that colours tell apart: a few that diverged must not take it all."""
    best, median = float(scores.max()), float(np.median(scores))
    return max(float(scores.min()), median - 3 * (best - median)), best


def _is_missing(value: Any) -> bool:
    """Whether a value is NaN or pandas.NA, which is told without pandas."""
    if isinstance(value, float | np.floating):
        return math.isnan(value)
    return type(value).__name__ == "NAType"


def _is_number(value: Any) -> bool:
    """Whether a value has a place on an axis."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        return False
    return math.isfinite(value)


def _text(value: Any) -> str:
    """What stands for a value among categories."""
    if isinstance(value, np.ndarray | tuple | list):
        parts = ", ".join(map(_text, value))
        return f"({parts},)" if len(value) == 1 else f"({parts})"
    if _is_number(value):
        return str(int(value)) if isinstance(value, Integral) else f"{float(value):.12g}"
    return getattr(value, "__name__", str(value))


def _order(value: Any) -> tuple[int, float, int]:
    """Numbers, and sequences of them by their total, before all else."""
    parts = value if isinstance(value, np.ndarray | tuple | list) else [value]
    if all(isinstance(part, Real) for part in parts):
        return (0, float(sum(parts)), len(parts))
    return (1, 0.0, 0)


def _short(text: str) -> str:
    return text if len(text) <= LABEL_LENGTH else text[: LABEL_LENGTH - 1] + "…"
