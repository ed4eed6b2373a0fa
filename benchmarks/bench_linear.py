"""Time that linear classifiers need to reach the same value of the same objective.

J = mean log-loss + alpha/(2m) ‖W‖², with alpha = 1/C. The optimum J* is found first, tightly. Each
solver then gets the loosest tolerance of a grid at which it ends within (J − J*)/J* ≤ 1e-6, and its
fits at that tolerance are what is timed. Two classes compare LogisticRegressionGD, five
SoftmaxClassifier.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
import scipy.sparse
from _harness import (
    SPREAD_HEADERS,
    Report,
    Spread,
    command_line,
    draw_ratios,
    fastest,
    interleave,
    legend_below,
    parse,
    print_table,
    quiet,
    ratio,
    verdict,
)
from scipy.special import log_softmax
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.preprocessing import normalize, scale

from skdeep import LogisticRegressionGD, SoftmaxClassifier

GAP = 1e-6
TOLERANCES = 10.0 ** -np.arange(0, 28 / 3, 1 / 3)  # three to a decade, from 1 to 1e-9
MAX_ITER = 100_000
ALPHA = 1.0

GD, LBFGS, SKLEARN, SGD = "skdeep gd", "skdeep lbfgs", "LogisticRegression", "SGDClassifier"
BETTER = "better of gd, lbfgs"
# skdeep's time divided by LogisticRegression's, at most: dense and sparse.
REQUIRED = {BETTER: (1.0, 1.5), GD: (2.0, 3.0)}


@dataclass(frozen=True)
class Problem:
    """The data of one comparison."""

    n_samples: int
    n_features: int
    n_classes: int = 2
    density: float = 1.0
    dtype: str = "float64"

    @property
    def is_sparse(self) -> bool:
        return self.density < 1

    @property
    def name(self) -> str:
        sparse = " sparse" if self.is_sparse else ""
        classes = f"{self.n_classes} classes, {self.dtype}"
        return f"{self.n_samples:,}×{self.n_features:,}{sparse}, {classes}"

    @cached_property
    def data(self) -> tuple[Any, np.ndarray]:
        return text_like(self) if self.is_sparse else dense(self)


SIZES = (
    Problem(5000, 30),
    Problem(50_000, 100),
    Problem(200_000, 50),
    Problem(20_000, 30_000, density=0.002),
)
SMOKE_SIZES = (Problem(500, 10), Problem(300, 400, density=0.02))


def dense(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """Clusters with informative, correlated and useless features, scaled; some labels wrong."""
    X, y = make_classification(
        problem.n_samples,
        problem.n_features,
        n_informative=problem.n_features // 2,
        n_redundant=problem.n_features // 10,
        n_classes=problem.n_classes,
        flip_y=0.05,
        random_state=0,
    )
    return scale(X).astype(problem.dtype), y


def text_like(problem: Problem) -> tuple[Any, np.ndarray]:
    """tf-idf of documents whose words follow Zipf's law; classes of a noisy linear teacher."""
    rng = np.random.default_rng(0)
    n, n_words = problem.n_samples, problem.n_features
    zipf = 1 / np.arange(10, n_words + 10)
    # Frequent words repeat within a document, so more are drawn than are wanted to differ.
    length = round(1.6 * problem.density * n_words)
    words = rng.choice(n_words, size=n * length, p=zipf / zipf.sum()).astype(np.int32)
    documents = np.repeat(np.arange(n, dtype=np.int32), length)
    counts = scipy.sparse.csr_array((np.ones(n * length), (documents, words)), (n, n_words))
    counts.sum_duplicates()
    frequency = np.bincount(counts.indices, minlength=n_words)
    counts.data *= np.log((1 + n) / (1 + frequency))[counts.indices] + 1
    X = normalize(counts)
    scores = X @ rng.standard_normal((n_words, problem.n_classes))
    scores += 0.5 * scores.std() * rng.standard_normal(scores.shape)
    return X.astype(problem.dtype), scores.argmax(axis=1)


# ---------------------------------------------------------------------------------- the solvers

Solver = Callable[[float], Any]  # from a tolerance to an estimator


def skdeep(problem: Problem, solver: str, tol: float) -> Any:
    classifier = LogisticRegressionGD if problem.n_classes == 2 else SoftmaxClassifier
    return classifier(ALPHA, solver=solver, tol=tol, max_iter=MAX_ITER, max_fun=10 * MAX_ITER)


def logistic_regression(solver: str, tol: float) -> Any:
    return LogisticRegression(C=1 / ALPHA, solver=solver, tol=tol, max_iter=MAX_ITER)


def sgd_classifier(problem: Problem, tol: float) -> Any:
    alpha = ALPHA / problem.n_samples
    return SGDClassifier(loss="log_loss", alpha=alpha, tol=tol, max_iter=1000, random_state=0)


def solvers(problem: Problem) -> dict[str, Solver]:
    """Those that minimise J; for several classes SGDClassifier minimises something else."""
    found: dict[str, Solver] = {
        GD: partial(skdeep, problem, "gd"),
        LBFGS: partial(skdeep, problem, "lbfgs"),
        SKLEARN: partial(logistic_regression, "lbfgs"),
    }
    if problem.n_classes == 2:
        found[SGD] = partial(sgd_classifier, problem)
    return found


# --------------------------------------------------------------------------------- the objective


def objective(problem: Problem, model: Any) -> float:
    """J at a model's coefficients, in float64."""
    X, y = problem.data
    coef = model.coef_.astype(np.float64)
    logits = X @ coef.T + model.intercept_
    penalty = ALPHA / (2 * problem.n_samples) * np.vdot(coef, coef)
    if logits.shape[1] == 1:
        losses = np.logaddexp(0, np.where(y == 1, -1, 1) * logits[:, 0])
    else:
        losses = -log_softmax(logits, axis=1)[np.arange(y.size), y]
    return float(losses.mean() + penalty)


def optimum(problem: Problem) -> float:
    """J*, by Newton's method on the same data in float64."""
    X, y = problem.data
    solver = "newton-cg" if problem.is_sparse else "newton-cholesky"
    model = logistic_regression(solver, tol=1e-10).fit(X.astype(np.float64), y)
    return objective(problem, model)


def loosest_tolerance(
    problem: Problem, solver: Solver, best: float, patience: float
) -> tuple[float | None, float]:
    """The first tolerance that ends within the gap, or None after `patience` seconds; the gap."""
    X, y = problem.data
    smallest, start = np.inf, time.perf_counter()
    for tol in TOLERANCES:
        gap = objective(problem, solver(tol).fit(X, y)) / best - 1
        smallest = min(smallest, gap)
        if gap <= GAP:
            return float(tol), gap
        if time.perf_counter() - start > patience:
            break
    return None, smallest


# ------------------------------------------------------------------------------------ measuring


def measure(problem: Problem, args: argparse.Namespace) -> dict[str, Any]:
    X, y = problem.data
    best, found = optimum(problem), solvers(problem)
    searched = {
        name: loosest_tolerance(problem, solver, best, args.patience)
        for name, solver in found.items()
    }
    timed = {
        name: lambda name=name, tol=tol: found[name](tol).fit(X, y)
        for name, (tol, _) in searched.items()
        if tol is not None
    }
    seconds = interleave(timed, rounds=args.rounds, min_seconds=0.1)
    return {
        "problem": problem,
        "density": X.nnz / np.prod(X.shape) if problem.is_sparse else 1.0,
        "objective": best,
        "tolerances": {name: tol for name, (tol, _) in searched.items()},
        "gaps": {name: gap for name, (_, gap) in searched.items()},
        "seconds": seconds,
        "ratios": ratios_to_sklearn(seconds),
    }


def ratios_to_sklearn(seconds: dict[str, list[float]]) -> dict[str, Spread]:
    if SKLEARN not in seconds:
        return {}
    found = {name: ratio(seconds, name, SKLEARN) for name in seconds if name != SKLEARN}
    if better := fastest(seconds, [GD, LBFGS]):
        found[BETTER] = found[better]
    return found


# ------------------------------------------------------------------------------------ reporting


def print_times(results: list[dict[str, Any]]) -> None:
    names = [GD, LBFGS, SKLEARN, SGD]
    rows = [
        [result["problem"].name, *(time_cell(result, name) for name in names)] for result in results
    ]
    title = f"Milliseconds to a relative gap of {GAP:g}, median (tolerance)"
    print_table(title, ["problem", *names], rows)


def time_cell(result: dict[str, Any], name: str) -> str:
    if name not in result["gaps"]:
        return ""
    if name not in result["seconds"]:
        return f"not reached ({result['gaps'][name]:.0e})"
    milliseconds = 1e3 * np.median(result["seconds"][name])
    return f"{milliseconds:,.1f} ({result['tolerances'][name]:.0e})"


def print_ratios(results: list[dict[str, Any]]) -> None:
    rows = []
    for name in (BETTER, GD, LBFGS, SGD):
        for result in results:
            spread, problem = result["ratios"].get(name), result["problem"]
            if spread is not None:
                bound = REQUIRED[name][problem.is_sparse] if name in REQUIRED else None
                judged = verdict(spread.median, at_most=bound)
                rows.append([f"{name}: {problem.name}", *spread.cells(), *judged])
    headers = ["solver: problem", *SPREAD_HEADERS, "required", ""]
    print_table("Time divided by LogisticRegression's, round by round", headers, rows)


def group_label(problem: Problem) -> str:
    sparse = "sparse " if problem.is_sparse else ""
    return f"{problem.n_samples:,}\n×{problem.n_features:,}\n{sparse}{problem.dtype}"


def draw(figure: Any, results: list[dict[str, Any]]) -> None:
    axes = figure.subplots(2, 1)
    for ax, n_classes in zip(axes, (2, 5), strict=True):
        members = [result for result in results if result["problem"].n_classes == n_classes]
        groups = [group_label(result["problem"]) for result in members]
        bars = {
            name: [result["ratios"].get(name) for result in members] for name in (GD, LBFGS, SGD)
        }
        draw_ratios(ax, groups, bars, reference=SKLEARN)
        ax.set(title=f"{n_classes} classes", ylabel="time ÷ LogisticRegression's")
    legend_below(figure, axes[0])
    axes[-1].set_xlabel("rows × features, dtype")
    figure.suptitle(f"Time to a relative gap of {GAP:g}: below 1, faster than LogisticRegression")


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument(
        "--patience", type=float, default=20, help="seconds after which a solver's search ends"
    )
    args = parse(parser)
    report = Report(args)
    problems = [
        replace(size, n_classes=n_classes, dtype=dtype)
        for n_classes in (2, 5)
        for dtype in ("float32", "float64")
        for size in (SMOKE_SIZES if args.smoke else SIZES)
    ]
    with quiet():
        results = [measure(problem, args) for problem in problems]
    print_times(results)
    print_ratios(results)
    report.save(results, lambda figure: draw(figure, results), size=(11, 8))


if __name__ == "__main__":
    main()
