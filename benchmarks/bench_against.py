"""Two checkouts of skdeep in one run: what a change costs, row by row.

    python benchmarks/bench_against.py OLD_CHECKOUT --rounds 15

Each checkout lives in a process of its own; the calls are timed in turn, old, new, old, new, so
that whatever else the machine does strikes both alike. A row is the median of the paired ratios,
new over old, with an interval for that median from their order.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
LIMIT = 1.03
# A call is repeated until it takes about this long.
MIN_SECONDS = 0.15


# ------------------------------------------------------------------------------ what is timed


def fit_cases() -> dict[str, Callable[[], object]]:
    from _peers import NETWORKS, skdeep_classifier

    cases: dict[str, Callable[[], object]] = {}
    for regularised in (False, True):
        for dtype in ("float32", "float64"):
            for network in NETWORKS:
                task = replace(network, dtype=dtype, regularised=regularised)
                X, y = task.data()
                kind = "batch norm, dropout" if regularised else "plain"
                model = skdeep_classifier(task)
                cases[f"fit {task.name}, {dtype}, {kind}"] = lambda m=model, X=X, y=y: m.fit(X, y)
    return cases


def one_batch_cases() -> dict[str, Callable[[], object]]:
    """Small calls, of which a fit's own overhead is a large part."""
    import numpy as np
    from sklearn.datasets import load_iris

    from skdeep import DeepMLPClassifier, LogisticRegressionGD, SoftmaxClassifier

    X, y = load_iris(return_X_y=True)
    X = (X - X.mean(0)) / X.std(0)
    network = DeepMLPClassifier(
        (10,), batch_size="full", max_iter=200, n_iter_no_change=np.inf, random_state=0
    )
    stopping = DeepMLPClassifier(
        (10,), early_stopping=True, max_iter=100, n_iter_no_change=np.inf, random_state=0
    )
    partial = DeepMLPClassifier((10,), random_state=0).partial_fit(X, y, classes=[0, 1, 2])
    return {
        "fit iris, one batch an epoch": lambda: network.fit(X, y),
        "fit iris, early stopping": lambda: stopping.fit(X, y),
        "fit iris, gd": lambda: LogisticRegressionGD().fit(X, y),
        "fit iris, lbfgs": lambda: SoftmaxClassifier(solver="lbfgs").fit(X, y),
        "partial_fit iris": lambda: partial.partial_fit(X, y),
    }


def partial_fit_cases() -> dict[str, Callable[[], object]]:
    from _peers import NETWORKS, skdeep_classifier

    cases: dict[str, Callable[[], object]] = {}
    for task in NETWORKS:
        X, y = task.data(4 * task.batch_size)
        model = skdeep_classifier(task).partial_fit(X, y, classes=range(task.n_classes))
        name = f"partial_fit {task.name}, four batches"
        cases[name] = lambda m=model, X=X, y=y: m.partial_fit(X, y)
    return cases


def predict_cases() -> dict[str, Callable[[], object]]:
    from _peers import NETWORKS, SKDEEP
    from bench_predict import ROWS, fitted

    cases: dict[str, Callable[[], object]] = {}
    for task in NETWORKS:
        model = fitted(task, SKDEEP)
        for n in ROWS[:2] if task.name == "large" else ROWS:
            X, _ = task.data(n)
            cases[f"predict {task.name}, {n} rows"] = lambda m=model, X=X: m.predict_proba(X)
    return cases


def search_cases() -> dict[str, Callable[[], object]]:
    import numpy as np
    from bench_quality import CLASSIFICATION
    from bench_search import HALVING, TASKS, VECTORIZED, searches
    from sklearn.base import clone

    cases: dict[str, Callable[[], object]] = {}
    for task in TASKS:
        X, y = CLASSIFICATION[task.name]()
        X = X.astype(np.float32)
        for kind in (VECTORIZED, HALVING):
            (search,) = searches(task, X, y)[kind].values()
            cases[f"search {task.name}, {kind}"] = lambda s=search, X=X, y=y: clone(s).fit(X, y)
    return cases


GROUPS = {
    "fit": fit_cases,
    "small": one_batch_cases,
    "partial_fit": partial_fit_cases,
    "predict": predict_cases,
    "search": search_cases,
}


# -------------------------------------------------------------------------- one process a checkout


def serve(group: str) -> None:
    """Answer each line of the input, a case's name and how often, with the seconds it took."""
    from _harness import quiet

    with quiet():
        cases = GROUPS[group]()
    print(json.dumps(list(cases)), flush=True)
    for line in sys.stdin:
        name, n_calls = json.loads(line)
        with quiet():
            start = time.perf_counter()
            for _ in range(n_calls):
                cases[name]()
            seconds = time.perf_counter() - start
        print(json.dumps(seconds), flush=True)


class Checkout:
    """A process that runs the cases on one checkout's skdeep."""

    def __init__(self, path: Path, group: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", __file__, "--serve", group],
            env={**os.environ, "PYTHONPATH": f"{path}{os.pathsep}{HERE}"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.cases = self._answer()

    def _answer(self):
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def seconds(self, name: str, n_calls: int) -> float:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([name, n_calls]) + "\n")
        self._process.stdin.flush()
        return float(self._answer())

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()


def compare(old: Path, group: str, rounds: int, only: str) -> Iterator[tuple[str, list[float]]]:
    """For each case the ratios new over old, pair by pair."""
    pair = [Checkout(path, group) for path in (old, HERE.parent)]
    try:
        for name in (one for one in pair[0].cases if only in one):
            once = [checkout.seconds(name, 1) for checkout in pair]
            once = [checkout.seconds(name, 1) for checkout in pair]
            n_calls = max(1, round(MIN_SECONDS / max(once)))
            ratios = []
            for number in range(rounds):
                # Whichever comes first finds other caches: they take turns in that, too.
                order = pair if number % 2 else pair[::-1]
                seconds = {id(one): one.seconds(name, n_calls) for one in order}
                ratios.append(seconds[id(pair[1])] / seconds[id(pair[0])])
            yield name, ratios
    finally:
        for checkout in pair:
            checkout.close()


def interval(ratios: list[float]) -> tuple[float, float, float]:
    """The median, between two of the ordered values that hold it with at least 95 %."""
    from scipy.stats import binom

    values, n = sorted(ratios), len(ratios)
    k = int(binom.ppf(0.025, n, 0.5))
    middle = (values[(n - 1) // 2] + values[n // 2]) / 2
    return values[max(k - 1, 0)], middle, values[min(n - k, n - 1)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("old", type=Path, nargs="?", help="the checkout to compare with")
    parser.add_argument("--groups", nargs="+", choices=GROUPS, default=list(GROUPS))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", default="", help="only cases whose name has this in it")
    parser.add_argument("--serve", choices=GROUPS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        serve(args.serve)
        return
    if args.old is None:
        parser.error("which checkout to compare with")
    slower = 0
    for group in args.groups:
        for name, ratios in compare(args.old.resolve(), group, args.rounds, args.only):
            low, middle, high = interval(ratios)
            verdict = " slower" if low > LIMIT else ""
            slower += bool(verdict)
            print(f"{name:50} {middle:6.3f}  ({low:.3f} … {high:.3f}){verdict}", flush=True)
    print(f"{slower} row(s) with an interval above {LIMIT}")


if __name__ == "__main__":
    main()
