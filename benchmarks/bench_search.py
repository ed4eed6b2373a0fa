"""A random search with all candidates at once, beside scikit-learn's searches.

Sixty candidates, five folds, refit included; learning rate, alpha and β₁ vary. Every candidate runs
the same number of epochs everywhere, nothing stops early. scikit-learn's RandomizedSearchCV goes
over its own MLPClassifier, over skdeep's estimator and over skorch, each with the `n_jobs` that is
faster on six candidates. skorch searches two candidates only, and its time is per candidate, as is
that of the row with a thousand.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from _harness import (
    SPREAD_HEADERS,
    Report,
    Spread,
    command_line,
    draw_ratios,
    interleave,
    legend_below,
    n_cores,
    optional,
    parse,
    print_table,
    quiet,
    ratios,
    verdict,
)
from _peers import LEARNING_RATE
from bench_quality import CLASSIFICATION
from scipy.stats import loguniform, uniform
from sklearn.base import clone
from sklearn.model_selection import RandomizedSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import DeepMLPClassifier
from skdeep.model_selection import VectorizedHalvingRandomSearchCV, VectorizedRandomizedSearchCV

N_FOLDS, FACTOR = 5, 3
VECTORIZED, HALVING = "all at once", "halving"
OVER_MLP, OVER_SKDEEP, SKORCH = "over MLPClassifier", "over skdeep", "over skorch"
RIVALS = (OVER_MLP, OVER_SKDEEP, SKORCH)
FEW_CANDIDATES, SKORCH_CANDIDATES = 6, 2
MANY = 1000
SCORE_TOLERANCE = 0.003


@dataclass(frozen=True)
class Task:
    """A search: the data, the network that is searched over, and what is required."""

    name: str
    hidden: tuple[int, ...]
    batch_size: int
    n_epochs: int
    # The epochs of halving's first rung, and the most there can be: rungs short enough to gain
    # time, and long enough to keep the candidates that are best in the end.
    halving: tuple[int, int]
    required: dict[str, float]
    n_candidates: int = 60


TASKS = (
    Task("breast_cancer", (32, 32), 64, 50, (4, 36), {OVER_MLP: 12, OVER_SKDEEP: 2.5}),
    Task("digits", (64, 64), 128, 30, (1, 27), {OVER_MLP: 4, OVER_SKDEEP: 1.3}),
    Task("satimage", (128, 128), 256, 15, (3, 27), {OVER_MLP: 2, OVER_SKDEEP: 1}),
)
REQUIRED_OF_HALVING = 2
SMOKE_TASKS = (Task("breast_cancer", (4,), 64, 2, (1, 2), {}, n_candidates=4),)


# ----------------------------------------------------------------------------------- the searches


def network(kind: Any, task: Task) -> Any:
    """MLPClassifier or DeepMLPClassifier, behind a scaler."""
    model = kind(
        task.hidden,
        batch_size=task.batch_size,
        learning_rate_init=LEARNING_RATE,
        max_iter=task.n_epochs,
        n_iter_no_change=np.inf,
        random_state=0,
    )
    return Pipeline([("scale", StandardScaler()), ("net", model)])


def space() -> dict[str, Any]:
    return {
        "net__learning_rate_init": loguniform(1e-4, 1e-1),
        "net__alpha": loguniform(1e-6, 1e-1),
        "net__beta_1": uniform(0.8, 0.19),
    }


def skorch_network(task: Task, n_features: int, n_classes: int) -> Any:
    import torch
    from _peers import Task as FitTask
    from _peers import skorch_classifier

    fit = FitTask(task.name, 0, n_features, task.hidden, n_classes, task.batch_size, task.n_epochs)
    torch.set_num_threads(n_cores())
    return Pipeline([("scale", StandardScaler()), ("net", skorch_classifier(fit))])


def skorch_space() -> dict[str, Any]:
    return {"net__lr": loguniform(1e-4, 1e-1), "net__optimizer__weight_decay": [1e-5, 1e-4]}


def run(search: Any, X: np.ndarray, y: np.ndarray) -> Any:
    with quiet():
        return search.fit(X, y)


def searches(task: Task, X: np.ndarray, y: np.ndarray) -> dict[str, dict[str, Any]]:
    """By competitor: the searches it is tried with, by name of the setting."""
    common = {"cv": N_FOLDS, "random_state": 0}
    over = partial(RandomizedSearchCV, n_iter=task.n_candidates, **common)
    skdeep = network(DeepMLPClassifier, task)
    found: dict[str, dict[str, Any]] = {
        VECTORIZED: {
            "n_jobs=-1": VectorizedRandomizedSearchCV(
                skdeep, space(), n_iter=task.n_candidates, n_jobs=-1, **common
            )
        },
        HALVING: {
            "n_jobs=-1": VectorizedHalvingRandomSearchCV(
                skdeep,
                space(),
                n_candidates=task.n_candidates,
                min_resources=task.halving[0],
                max_resources=task.halving[1],
                factor=FACTOR,
                return_train_score=False,
                n_jobs=-1,
                **common,
            )
        },
        OVER_SKDEEP: {f"n_jobs={n}": over(skdeep, space(), n_jobs=n) for n in (1, -1)},
        OVER_MLP: {
            f"n_jobs={n}": over(network(MLPClassifier, task), space(), n_jobs=n) for n in (1, -1)
        },
    }
    if optional("skorch") is not None:
        net = skorch_network(task, X.shape[1], len(np.unique(y)))
        few = partial(RandomizedSearchCV, n_iter=min(SKORCH_CANDIDATES, task.n_candidates))
        found[SKORCH] = {"n_jobs=1": few(net, skorch_space(), **common)}
    return found


def faster_setting(settings: dict[str, Any], X: np.ndarray, y: np.ndarray) -> str:
    """The setting that is faster on a few candidates, its workers being there when it is timed."""
    if len(settings) == 1:
        return next(iter(settings))
    few = {
        name: partial(run, clone(search).set_params(n_iter=FEW_CANDIDATES), X, y)
        for name, search in settings.items()
    }
    seconds = interleave(few, rounds=1)
    return min(seconds, key=lambda name: seconds[name][0])


# ------------------------------------------------------------------------------------- measuring


def measure(task: Task, dtype: str, rounds: int) -> dict[str, Any] | None:
    loaded = CLASSIFICATION[task.name]()
    if loaded is None:
        print(f"the package that ships {task.name} is not installed: left out")
        return None
    X, y = loaded[0].astype(dtype), loaded[1]
    settings = searches(task, X, y)
    chosen = {name: faster_setting(tried, X, y) for name, tried in settings.items()}
    fits: dict[str, Callable[[], Any]] = {
        name: partial(run, settings[name][setting], X, y) for name, setting in chosen.items()
    }
    seconds = interleave(fits, rounds=rounds)
    scores = {name: float(settings[name][setting].best_score_) for name, setting in chosen.items()}
    # skorch's few candidates, as if they were all.
    if SKORCH in seconds:
        share = min(SKORCH_CANDIDATES, task.n_candidates) / task.n_candidates
        seconds[SKORCH] = [value / share for value in seconds[SKORCH]]
    compared = {name: ratios(seconds, name, VECTORIZED) for name in seconds if name in RIVALS}
    compared[HALVING] = ratios(seconds, VECTORIZED, HALVING)
    return {
        "task": task,
        "settings": chosen,
        "seconds": seconds,
        "scores": scores,
        "ratios": {name: Spread.of(values) for name, values in compared.items()},
    }


def measure_many(
    task: Task, dtype: str, n_candidates: int, found: dict[str, Any]
) -> dict[str, Any]:
    """One search of many candidates: its time per candidate against the rivals' of the few."""
    loaded = CLASSIFICATION[task.name]()
    search = VectorizedRandomizedSearchCV(
        network(DeepMLPClassifier, task),
        space(),
        n_iter=n_candidates,
        n_jobs=-1,
        cv=N_FOLDS,
        random_state=0,
    )
    start = time.perf_counter()
    run(search, loaded[0].astype(dtype), loaded[1])
    each = (time.perf_counter() - start) / n_candidates
    rivals = {
        name: float(np.median(values)) / task.n_candidates / each
        for name, values in found["seconds"].items()
        if name in RIVALS
    }
    return {"n_candidates": n_candidates, "seconds per candidate": each, "ratios": rivals}


# ------------------------------------------------------------------------------------- reporting


def print_results(results: dict[str, dict[str, Any]]) -> None:
    rows = []
    for result in results.values():
        task = result["task"]
        for name, spread in result["ratios"].items():
            at_least = task.required.get(name)
            if name == HALVING:
                at_least = REQUIRED_OF_HALVING if task.required else None
            setting = result["settings"][name]
            rows.append(
                [
                    f"{task.name}: {name}",
                    setting,
                    *spread.cells(),
                    *verdict(spread.median, at_least=at_least),
                ]
            )
    headers = ["search", "setting", *SPREAD_HEADERS, "required", ""]
    print_table(
        f"Time divided by that of '{VECTORIZED}' (of 'halving': that divided by its own)",
        headers,
        rows,
    )


def print_scores(results: dict[str, dict[str, Any]]) -> None:
    rows = []
    for name, result in results.items():
        scores = result["scores"]
        lost = scores[VECTORIZED] - scores[HALVING]
        cells = [f"{100 * scores[kind]:.2f}" for kind in (VECTORIZED, HALVING, OVER_MLP)]
        rows.append([name, *cells, *verdict(lost, at_most=SCORE_TOLERANCE)])
    headers = ["data", VECTORIZED, HALVING, OVER_MLP, "halving's loss", ""]
    print_table("Best mean accuracy found, %", headers, rows)


def draw(figure: Any, results: dict[str, dict[str, Any]]) -> None:
    ax = figure.subplots()
    names = [
        name for name in (*RIVALS, HALVING) if any(name in r["ratios"] for r in results.values())
    ]
    bars = {
        name: [
            inverted(result["ratios"][name]) if name == HALVING else result["ratios"].get(name)
            for result in results.values()
        ]
        for name in names
    }
    draw_ratios(ax, list(results), bars, reference=VECTORIZED)
    ax.set(ylabel=f"time ÷ that of '{VECTORIZED}'", xlabel="data searched on")
    figure.suptitle("scikit-learn's RandomizedSearchCV over three libraries, and halving")
    legend_below(figure, ax)


def inverted(spread: Spread) -> Spread:
    return Spread(1 / spread.median, 1 / spread.q3, 1 / spread.q1, 1 / spread.min)


def main() -> None:
    parser: argparse.ArgumentParser = command_line(__doc__)
    parser.add_argument("--data", nargs="+", choices=[task.name for task in TASKS])
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float32")
    args = parse(parser)
    report = Report(args)
    tasks = SMOKE_TASKS if args.smoke else TASKS
    results: dict[str, dict[str, Any]] = {}
    for task in tasks:
        if not args.data or task.name in args.data:
            print(f"{task.name} …", flush=True)
            found = measure(task, args.dtype, args.rounds)
            if found is not None:
                results[task.name] = found
    print_results(results)
    print_scores(results)
    first = next(iter(results))
    task = results[first]["task"]
    many = measure_many(task, args.dtype, 8 if args.smoke else MANY, results[first])
    rows = [[name, f"{value:.1f}"] for name, value in many["ratios"].items()]
    headers = ["search", "ratio"]
    title = (
        f"{first}, {many['n_candidates']} candidates: time per candidate ÷ that of '{VECTORIZED}'"
    )
    print_table(title, headers, rows)
    found = {"searches": results, "many": many}
    report.save(found, lambda figure: draw(figure, results), size=(8, 5))


if __name__ == "__main__":
    main()
