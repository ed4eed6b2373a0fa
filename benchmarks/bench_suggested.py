"""A search over `suggested_space`, beside scikit-learn's over MLPClassifier with what it has of it.

Sixty candidates, five folds, early stopping, two workers, refit included. Ours also varies dropout
and the schedule, which scikit-learn's MLP does not have; widths, depth, learning rate, β₁, β₂ and
alpha are drawn from the same space. Both stop by scikit-learn's rule on a tenth of the rows.
"""

import time
from typing import Any

import numpy as np
from _harness import (
    SPREAD_HEADERS,
    Report,
    Spread,
    command_line,
    draw_ratios,
    parse,
    print_table,
    quiet,
    ratios,
    verdict,
)
from bench_quality import CLASSIFICATION
from sklearn.model_selection import RandomizedSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from skdeep import DeepMLPClassifier
from skdeep.model_selection import VectorizedRandomizedSearchCV, suggested_space

OURS, THEIRS = "all at once", "over MLPClassifier"
SHARED = ("learning_rate_init", "beta_1", "beta_2", "hidden_layer_sizes", "alpha")
REQUIRED = {"breast_cancer": 6, "digits": 3}
N_CANDIDATES, N_EPOCHS = 60, 200


def searches(n_candidates: int, n_epochs: int, seed: int) -> dict[str, Any]:
    """Both, over candidates that the seed draws."""
    network = {"max_iter": n_epochs, "early_stopping": True, "random_state": 0}
    common = {"n_iter": n_candidates, "cv": 5, "n_jobs": 2, "random_state": seed}
    space = suggested_space(DeepMLPClassifier(**network))
    theirs = {name: space[name] for name in SHARED}
    return {
        OURS: VectorizedRandomizedSearchCV(DeepMLPClassifier(**network), space, **common),
        THEIRS: RandomizedSearchCV(MLPClassifier(**network), theirs, **common),
    }


def timed(search: Any, X: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Seconds of a search, and its best score."""
    with quiet():
        start = time.perf_counter()
        best = search.fit(X, y).best_score_
        return time.perf_counter() - start, float(best)


def measure(name: str, dtype: str, rounds: int, n_candidates: int, n_epochs: int) -> dict[str, Any]:
    """Times over so many rounds, of other candidates each, and the mean of the best scores."""
    X, y = CLASSIFICATION[name]()
    X = StandardScaler().fit_transform(X).astype(dtype)
    seconds: dict[str, list[float]] = {OURS: [], THEIRS: []}
    scores: dict[str, list[float]] = {OURS: [], THEIRS: []}
    for search in searches(2, n_epochs, 0).values():
        # The workers are there when it counts.
        timed(search, X, y)
    for seed in range(rounds):
        for kind, search in searches(n_candidates, n_epochs, seed).items():
            spent, best = timed(search, X, y)
            seconds[kind].append(spent)
            scores[kind].append(best)
    return {
        "seconds": seconds,
        "ratio": Spread.of(ratios(seconds, THEIRS, OURS)),
        "scores": {kind: float(np.mean(values)) for kind, values in scores.items()},
    }


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float32")
    args = parse(parser)
    report = Report(args)
    size = (4, 2) if args.smoke else (N_CANDIDATES, N_EPOCHS)
    results = {}
    for name in ["breast_cancer"] if args.smoke else REQUIRED:
        print(f"{name} …", flush=True)
        results[name] = measure(name, args.dtype, args.rounds, *size)
    rows = []
    for name, result in results.items():
        scores = [f"{100 * result['scores'][kind]:.2f}" for kind in (OURS, THEIRS)]
        at_least = None if args.smoke else REQUIRED[name]
        rows.append(
            [
                name,
                *result["ratio"].cells(),
                *scores,
                *verdict(result["ratio"].median, at_least=at_least),
            ]
        )
    headers = ["data", *SPREAD_HEADERS, f"best, {OURS}", f"best, {THEIRS}", "required", ""]
    print_table(f"Time of {THEIRS} divided by that of '{OURS}'", headers, rows)
    report.save(
        results,
        lambda figure: draw_ratios(
            figure.subplots(),
            list(results),
            {THEIRS: [result["ratio"] for result in results.values()]},
            reference=OURS,
        ),
        size=(6, 4),
    )


if __name__ == "__main__":
    main()
