"""Five weighted folds as one stack, beside five fits with the same weights.

A fold is a column of weights over shared rows: each model of the stack learns from four fifths of
them, and is the very model that a fit alone with those weights gives. A batch is gathered once for
all five.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from _harness import (
    SPREAD_HEADERS,
    Report,
    command_line,
    draw_ratios,
    interleave,
    legend_below,
    parse,
    print_table,
    quiet,
    ratio,
)
from _peers import NETWORKS, SMOKE_NETWORKS, Task, skdeep_classifier
from sklearn.base import clone

from skdeep._fit.fit import Fit, Model
from skdeep.estimators._base import model_of
from skdeep.estimators._preparation import Prepared, prepare, prepared_like

N_FOLDS = 5
STACK, ALONE = "one stack", "five fits"


def fold_weights(n_rows: int, dtype: str) -> np.ndarray:
    """A column for each fold, zero for the rows that it leaves out."""
    weights = np.ones((n_rows, N_FOLDS), dtype=dtype)
    for fold in range(N_FOLDS):
        weights[fold::N_FOLDS, fold] = 0
    return weights


def models_of(
    task: Task, X: np.ndarray, y: np.ndarray, n_models: int
) -> tuple[Prepared, list[Model]]:
    """What a fit of the task works on, and as many models."""
    leader, *others = (clone(skdeep_classifier(task)) for _ in range(n_models))
    prepared = prepare(leader, X, y, {})
    models = [model_of(leader, prepared)]
    models += [model_of(one, prepared_like(one, leader, prepared)) for one in others]
    return prepared, models


def fit_as_one(task: Task, X: np.ndarray, y: np.ndarray) -> list[Model]:
    prepared, models = models_of(task, X, y, N_FOLDS)
    rows = replace(prepared.rows, sample_weight=fold_weights(len(X), task.dtype))
    Fit(models, rows).run()
    return models


def fit_alone(task: Task, X: np.ndarray, y: np.ndarray) -> list[Model]:
    weights, models = fold_weights(len(X), task.dtype), []
    for fold in range(N_FOLDS):
        own = np.ascontiguousarray(weights[:, fold])
        prepared, (model,) = models_of(task, X, y, 1)
        Fit([model], replace(prepared.rows, sample_weight=own)).run()
        models.append(model)
    return models


def measure(task: Task, rounds: int) -> dict[str, Any]:
    X, y = task.data()
    fits: dict[str, Callable[[], list[Model]]] = {
        STACK: partial(fit_as_one, task, X, y),
        ALONE: partial(fit_alone, task, X, y),
    }
    with quiet():
        seconds = interleave(fits, rounds=rounds)
    return {
        "task": task,
        "seconds": seconds,
        "ratio": ratio(seconds, ALONE, STACK),
        "difference": difference(replace(task, dtype="float64", n_epochs=2)),
    }


def difference(task: Task) -> float:
    """How far θ of the stack's models is from that of the fits, before rounding is amplified."""
    X, y = task.data()
    with quiet():
        pairs = zip(fit_as_one(task, X, y), fit_alone(task, X, y), strict=True)
        return max(float(np.max(np.abs(a.state.theta - b.state.theta))) for a, b in pairs)


def label(task: Task) -> str:
    return f"{task.name}{', batch norm and dropout' if task.regularised else ''}"


def draw(figure: Any, results: list[dict[str, Any]]) -> None:
    ax = figure.subplots()
    names = list(dict.fromkeys(result["task"].name for result in results))
    bars = {
        f"{ALONE}, {kind}": [one["ratio"] for one in results if one["task"].regularised is regular]
        for kind, regular in [("plain", False), ("batch norm and dropout", True)]
    }
    draw_ratios(ax, names, bars, reference=STACK)
    ax.set(xlabel="network", ylabel="time of five fits ÷ that of one stack")
    legend_below(figure, ax)


def main() -> None:
    args = parse(command_line(__doc__))
    report = Report(args)
    networks = SMOKE_NETWORKS if args.smoke else NETWORKS[:3]
    tasks = [replace(one, regularised=kind) for kind in (False, True) for one in networks]
    results = [measure(task, args.rounds) for task in tasks]
    print_table(
        "The time of five fits divided by that of one stack, round by round",
        ["network", *SPREAD_HEADERS, "θ differs after two epochs in float64 by"],
        [
            [label(result["task"]), *result["ratio"].cells(), f"{result['difference']:.0e}"]
            for result in results
        ],
    )
    report.save(results, partial(draw, results=results), size=(7, 4))


if __name__ == "__main__":
    main()
