"""A search from coarse to fine beside a plain random search of as many fits: what each finds.

Both search the space that `suggested_space` gives for a DeepMLPClassifier behind a scaler, with the
same folds, the same seeds and the same number of candidates. The best mean score over the folds is
what a search maximises; since the more one looks the luckier one gets, the best candidate is also
scored, refitted, on rows that the search has not seen. Nothing is timed.
"""

import argparse
from dataclasses import dataclass
from typing import Any

import numpy as np
from _harness import (
    COLOURS,
    MARKERS,
    Report,
    command_line,
    parse,
    print_table,
    quiet,
    verdict,
)
from bench_quality import CLASSIFICATION
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import DeepMLPClassifier
from skdeep.model_selection import (
    CoarseToFineSearchCV,
    VectorizedRandomizedSearchCV,
    suggested_space,
)

# Not wine: it has fewer rows than the space's batches, and a plain search gets nearly all right.
DATA = ("breast_cancer", "digits", "vowel", "vehicle", "segment", "phoneme")
PLAIN, CLOSER = "random", "coarse to fine"
N_FOLDS, N_EPOCHS, TEST_SIZE = 3, 20, 0.3
REQUIRED_SETS = 4
SMOKE = {"data": ["breast_cancer"], "seeds": 2, "candidates": 8}


@dataclass(frozen=True)
class Settings:
    """What the searches of one run have in common."""

    n_rounds: int
    n_candidates: int
    shrink: float
    scoring: str
    dtype: str
    n_jobs: int


def searches(settings: Settings, seed: int) -> dict[str, Any]:
    network = DeepMLPClassifier(max_iter=N_EPOCHS, n_iter_no_change=np.inf, random_state=seed)
    pipeline = make_pipeline(StandardScaler(), network)
    space = suggested_space(pipeline)
    common = {
        "scoring": settings.scoring,
        "cv": StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed),
        "random_state": seed,
        "n_jobs": settings.n_jobs,
    }
    per_round = settings.n_candidates // settings.n_rounds
    return {
        PLAIN: VectorizedRandomizedSearchCV(
            pipeline, space, n_iter=per_round * settings.n_rounds, **common
        ),
        CLOSER: CoarseToFineSearchCV(
            pipeline,
            space,
            n_rounds=settings.n_rounds,
            n_iter=per_round,
            shrink=settings.shrink,
            **common,
        ),
    }


def measure(name: str, settings: Settings, seeds: range) -> dict[str, Any] | None:
    """By search: the best mean score over the folds and the score on the test rows, by seed."""
    loaded = CLASSIFICATION[name]()
    if loaded is None:
        print(f"the package that ships {name} is not installed: left out")
        return None
    X, y = loaded[0].astype(settings.dtype), loaded[1]
    found: dict[str, dict[str, list[float]]] = {
        kind: {"best": [], "test": []} for kind in (PLAIN, CLOSER)
    }
    for seed in seeds:
        X_train, X_test, y_train, y_test = train_test_split(
            X, y, test_size=TEST_SIZE, stratify=y, random_state=seed
        )
        for kind, search in searches(settings, seed).items():
            search.fit(X_train, y_train)
            found[kind]["best"].append(float(search.best_score_))
            found[kind]["test"].append(float(search.score(X_test, y_test)))
    return found


def gains(found: dict[str, Any], score: str) -> np.ndarray:
    """How much more the search from coarse to fine found, by seed."""
    return np.subtract(found[CLOSER][score], found[PLAIN][score])


# ------------------------------------------------------------------------------------- reporting


def print_scores(results: dict[str, Any], score: str, title: str, factor: float) -> None:
    rows = []
    for name, found in results.items():
        gained = factor * gains(found, score)
        means = [f"{factor * np.mean(found[kind][score]):.3f}" for kind in (PLAIN, CLOSER)]
        error = gained.std(ddof=1) / np.sqrt(len(gained)) if len(gained) > 1 else np.nan
        better = f"{np.sum(gained > 0)}/{np.sum(gained == 0)}/{np.sum(gained < 0)}"
        rows.append([name, *means, f"{gained.mean():+.3f}", f"{error:.3f}", better])
    headers = ["data", PLAIN, CLOSER, "difference", "its std. error", "better/same/worse"]
    print_table(title, headers, rows)


def print_verdict(results: dict[str, Any]) -> None:
    rows = []
    for score, at_least in (("best", REQUIRED_SETS), ("test", None)):
        better = sum(float(gains(found, score).mean()) > 0 for found in results.values())
        rows.append([f"{score} score", f"{better} of {len(results)}"])
        rows[-1] += verdict(better, at_least=at_least)
    headers = ["data sets on which it is higher", "found", "required", ""]
    print_table(f"'{CLOSER}' against '{PLAIN}', means over the seeds", headers, rows)


def draw(figure: Any, results: dict[str, Any], factor: float, unit: str) -> None:
    ax = figure.subplots()
    labels = {"best": "best score over the folds", "test": "score on test rows"}
    for number, (score, label) in enumerate(labels.items()):
        for place, found in enumerate(results.values()):
            gained = factor * gains(found, score)
            height = place + 0.3 * (number - 0.5)
            style = {"color": COLOURS[number], "marker": MARKERS[number]}
            ax.plot(gained, [height] * len(gained), linestyle="", alpha=0.3, markersize=4, **style)
            named = {"label": label} if place == 0 else {}
            ax.plot(gained.mean(), height, linestyle="", **named, **style)
    ax.axvline(0, color="0.5", linewidth=1)
    ax.set_yticks(range(len(results)), list(results))
    ax.invert_yaxis()
    ax.grid(alpha=0.3)
    ax.set(xlabel=f"what '{CLOSER}' finds beyond '{PLAIN}' ({unit})", ylabel="data searched on")
    figure.suptitle("As many fits, spent in rounds: by seed, and their mean")
    figure.legend(loc="outside lower center", ncols=2, frameon=False)


def main() -> None:
    parser: argparse.ArgumentParser = command_line(__doc__, timed=False)
    parser.add_argument("--data", nargs="+", choices=list(CLASSIFICATION), default=list(DATA))
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float32")
    parser.add_argument("--scoring", choices=["accuracy", "neg_log_loss"], default="accuracy")
    parser.add_argument("--candidates", type=int, default=60, help="of a whole search")
    parser.add_argument("--n-rounds", type=int, default=4, help="rounds from coarse to fine")
    parser.add_argument("--shrink", type=float, default=0.6, help="of each round's ranges")
    parser.add_argument("--seeds", type=int, default=5, help="how many")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--n-jobs", type=int, default=-1)
    args = parse(parser)
    if args.smoke:
        vars(args).update(SMOKE)
    report = Report(args)
    settings = Settings(
        args.n_rounds, args.candidates, args.shrink, args.scoring, args.dtype, args.n_jobs
    )
    seeds = range(args.first_seed, args.first_seed + args.seeds)
    results: dict[str, Any] = {}
    with quiet():
        for name in args.data:
            print(f"{name} …", flush=True)
            found = measure(name, settings, seeds)
            if found is not None:
                results[name] = found
    factor = 100.0 if args.scoring == "accuracy" else 1.0
    unit = "accuracy, %" if args.scoring == "accuracy" else "minus log-loss"
    print_scores(results, "best", f"Best mean score over the folds ({unit})", factor)
    print_scores(results, "test", f"Score of the best, refitted, on test rows ({unit})", factor)
    print_verdict(results)
    report.save(results, lambda figure: draw(figure, results, factor, unit), size=(8, 4.5))


if __name__ == "__main__":
    main()
