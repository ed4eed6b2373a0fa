"""What a SearchDisplay reads from a search: names, values and scores, and the scales it drew on.

A search's distributions tell on which scale a hyperparameter was drawn evenly.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from scipy.stats import loguniform, randint, uniform
from sklearn.base import BaseEstimator

from ..._arguments import is_one_of
from ..._engine.backend import Array
from ..._inputs import check_at_hand
from ...model_selection._distributions import log_uniform, one_minus_log_uniform, power_of_two
from ._search_columns import Column

# As a search's `cv_results_` has them: by the name of a column, one value per candidate.
Results = Mapping[str, Sequence[object]]

# Columns that say in which round of its search a candidate was tried.
ROUNDS = ("round", "iter")
# What draws evenly along which scale, of ours and, by the class of their family, of scipy.stats.
SCALE_OF_OURS: dict[type, str] = {
    log_uniform: "log",
    power_of_two: "log",
    one_minus_log_uniform: "one_minus_log",
}
SCALE_OF_SCIPYS = {type(loguniform): "log", type(uniform): "linear", type(randint): "linear"}


def short_names(cv_results: Results) -> dict[str, str]:
    """Each hyperparameter's full name and the part after the last "__", where that is unique."""
    check_at_hand(cv_results, "cv_results")
    given: object = cv_results
    if not (isinstance(given, Mapping) or hasattr(given, "columns")):
        raise TypeError(f"cv_results must be a search's dict of columns, got {cv_results!r}.")
    names = [key.removeprefix("param_") for key in cv_results if str(key).startswith("param_")]
    ends = [name.rpartition("__")[2] for name in names]
    return {
        name: end if ends.count(end) == 1 else name for name, end in zip(names, ends, strict=True)
    }


def chosen(names: Mapping[str, str], params: Sequence[str]) -> list[str]:
    """The full names of the hyperparameters asked for."""
    if isinstance(params, (str, bytes)) or not isinstance(params, Iterable):
        raise ValueError(f"params must be a sequence of names, got {params!r}.")
    params = list(params)
    full = {short: name for name, short in names.items()} | {name: name for name in names}
    unknown = [param for param in params if not is_one_of(param, full)]
    if unknown:
        raise ValueError(f"params must be among {list(names.values())}, got {unknown[0]!r}.")
    return [full[param] for param in params]


def varying(cv_results: Results, names: Iterable[str]) -> list[str]:
    """The full names of the hyperparameters that differ between candidates."""
    columns = {name: Column.of(cv_results[f"param_{name}"]) for name in names}
    resources = cv_results.get("n_resources")
    found = [
        name
        for name, column in columns.items()
        if column.varies and not (resources is not None and column.equals(resources))
    ]
    if not found:
        raise ValueError(
            "cv_results must hold a hyperparameter that differs between candidates, got "
            f"{list(columns)}."
        )
    return found


def by_short_name(scales: Mapping[str, str] | None, names: Mapping[str, str]) -> dict[str, str]:
    return {names.get(key, key): kind for key, kind in (scales or {}).items()}


def mean_scores(cv_results: Results, metric: str | None) -> Array:
    key = f"mean_test_{'score' if metric is None else metric}"
    if key not in cv_results:
        known = [
            str(name).removeprefix("mean_test_")
            for name in cv_results
            if str(name).startswith("mean_test_")
        ]
        raise ValueError(f"metric must be among {known}, got {metric!r}.")
    return np.asarray(cv_results[key], dtype=float)


def searched_scales(search: BaseEstimator) -> dict[str, str]:
    """The scale of each hyperparameter, by its full name, where the search's spaces tell one."""
    spaces = getattr(search, "param_distributions", None) or []
    told: dict[str, set[str]] = {}
    for space in [spaces] if isinstance(spaces, Mapping) else spaces:
        for name, values in space.items():
            told.setdefault(name, set()).update(_scale_of(values))
    # Two scales are none.
    return {name: kinds.pop() for name, kinds in told.items() if len(kinds) == 1}


def _scale_of(values: object) -> list[str]:
    """The scale along which a distribution draws evenly, if it is known."""
    if type(values) in SCALE_OF_OURS:
        return [SCALE_OF_OURS[type(values)]]
    kind = SCALE_OF_SCIPYS.get(type(getattr(values, "dist", None)))
    return [] if kind is None or (kind == "log" and _is_shifted(values)) else [kind]


def _is_shifted(frozen: object) -> bool:
    """Whether a log-uniform distribution of scipy.stats is moved, and so even on another scale."""
    args, kwds = getattr(frozen, "args", ()), getattr(frozen, "kwds", {})
    return bool((*args[2:3], kwds.get("loc", 0))[0] != 0)
