"""SearchDisplay: what a search has found, hyperparameter by hyperparameter.

Each hyperparameter is drawn on the scale it is searched on (course II 3.1): a learning rate on a
log scale, a β close to 1 by the logarithm of 1 − β, layer sizes and names as categories. A
search's distributions tell the scale; where they do not, the values' spread has to.
"""

from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from ..._arguments import check_one_of, check_optional_string, check_string
from ._common import AxesLike, add_title
from ._search_columns import Column, checked_scales, scales_of
from ._search_panels import Candidates, Dimension, draw_pairs, draw_single
from ._search_results import (
    ROUNDS,
    Results,
    by_short_name,
    chosen,
    mean_scores,
    searched_scales,
    short_names,
    varying,
)

KINDS = {"single": draw_single, "pairs": draw_pairs}


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
    of its panels. Scores are told apart down to where a candidate is further below the median than
    thrice the best is above it: in pairs the lower ones share a colour, and single panels end
    there, with a triangle at the foot for each of them, where they would take more than half of
    the height.

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
        params: Mapping[str, Sequence[object]],
        scores: ArrayLike,
        best_index: int | None = None,
        rounds: ArrayLike | None = None,
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

    def plot(self, ax: AxesLike = None, *, kind: str = "single", name: str | None = None) -> Self:
        """Draw the candidates.

        Parameters
        ----------
        ax : matplotlib Axes or sequence of Axes, default=None
            What to draw on, one for each panel or a single one that is divided; None makes a new
            figure.
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
        TypeError
            If `ax` is no Axes, or another argument of another type than it has to be.
        ValueError
            If `kind` or `scales` is not what it has to be, no candidate has a score, or there are
            too few hyperparameters.
        """
        check_one_of("kind", kind, list(KINDS))
        check_optional_string("name", name)
        check_string("score_name", self.score_name)
        candidates = Candidates.of(self.scores, self.rounds, self.round_name, self.best_index)
        candidates.check_params(self.params)
        columns = {param: Column.of(values) for param, values in self.params.items()}
        scales = scales_of(columns, checked_scales(self.scales), candidates.are_of_first_round)
        dimensions = [Dimension.of(param, scales[param], columns[param]) for param in columns]
        drawing = KINDS[kind](candidates, dimensions, self.score_name, ax)
        self.axes_ = drawing.axes
        self.figure_ = drawing.axes[0].figure
        self.points_ = drawing.points
        self.best_points_ = drawing.best_points
        self.colorbar_ = drawing.colorbar
        drawing.add_legend(is_own=ax is None)
        add_title(self.figure_, self.axes_[0], name, is_own=ax is None)
        return self

    @classmethod
    def from_estimator(
        cls,
        search: BaseEstimator,
        *,
        params: Sequence[str] | None = None,
        metric: str | None = None,
        scales: Mapping[str, str] | None = None,
        kind: str = "single",
        ax: AxesLike = None,
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
            One panel for each hyperparameter, with the score upwards, or one for each pair of
            them, with the score as colour.
        ax : matplotlib Axes or sequence of Axes, default=None
            What to draw on, one for each panel or a single one that is divided; None makes a new
            figure.
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
        check_optional_string("metric", metric)
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
            searched_scales(search),
        )
        return display.plot(ax, kind=kind, name=name)

    @classmethod
    def from_cv_results(
        cls,
        cv_results: Results,
        *,
        params: Sequence[str] | None = None,
        metric: str | None = None,
        best_index: int | None = None,
        score_name: str | None = None,
        scales: Mapping[str, str] | None = None,
        kind: str = "single",
        ax: AxesLike = None,
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
            One panel for each hyperparameter, with the score upwards, or one for each pair of
            them, with the score as colour.
        ax : matplotlib Axes or sequence of Axes, default=None
            What to draw on, one for each panel or a single one that is divided; None makes a new
            figure.
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
            If `ax` is no Axes, or another argument of another type than it has to be.
        ValueError
            If `params`, `metric`, `best_index`, `scales` or `kind` is not what it has to be.
        """
        display = cls._of(cv_results, params, metric, best_index, score_name, scales, {})
        return display.plot(ax, kind=kind, name=name)

    @classmethod
    def _of(
        cls,
        cv_results: Results,
        params: Sequence[str] | None,
        metric: str | None,
        best_index: int | None,
        score_name: str | None,
        scales: Mapping[str, str] | None,
        told_by_search: Mapping[str, str],
    ) -> Self:
        """The display, not drawn; what the search tells is by full names."""
        check_optional_string("metric", metric)
        check_optional_string("score_name", score_name)
        scales = checked_scales(scales)
        names = short_names(cv_results)
        full_names = varying(cv_results, names) if params is None else chosen(names, params)
        by_round = [column for column in ROUNDS if column in cv_results]
        rounds = np.asarray(cv_results[by_round[0]]) if by_round else None
        columns = {full: cv_results[f"param_{full}"] for full in full_names}
        told = {
            names[full]: told_by_search[full]
            for full, values in columns.items()
            if full in told_by_search and Column.of(values).why_not(told_by_search[full]) is None
        }
        return cls(
            params={names[full]: values for full, values in columns.items()},
            scores=mean_scores(cv_results, metric),
            best_index=best_index,
            rounds=rounds,
            round_name=by_round[0] if by_round else "round",
            scales={**told, **by_short_name(scales, names)},
            score_name=score_name or "mean test score" + (f" ({metric})" if metric else ""),
        )
