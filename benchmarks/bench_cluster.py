"""Searches on a cluster of processes: bytes on the wire, time, tasks of each worker.

A cluster of `dask.distributed` on this machine, on loopback, with 1, 2 and 4 workers of one thread,
and Ray with 2; scikit-learn's randomized search beside ours. Bytes are those that the processes
write to each other, counted once for each hop, in times X. Ray's workers on one machine share its
store, so that no bytes are counted there. Twelve candidates on three folds each, and the scores of
ours have to be those of the same search without a cluster, to the last bit.
"""

import importlib.util
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from _harness import Report, command_line, parse, print_table
from _wire import counted_wire
from joblib import parallel_config
from scipy.stats import loguniform
from sklearn.model_selection import RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import DeepMLPClassifier
from skdeep.model_selection import (
    CoarseToFineSearchCV,
    VectorizedGridSearchCV,
    VectorizedHalvingRandomSearchCV,
    VectorizedRandomizedSearchCV,
)

N_FEATURES = 100
MEGABYTES, SMOKE_MEGABYTES = 64, 2
WORKERS, SMOKE_WORKERS = (1, 2, 4), (2,)

MODEL = make_pipeline(
    StandardScaler(), DeepMLPClassifier((16,), batch_size=2048, max_iter=4, random_state=0)
)
RATES = {
    "deepmlpclassifier__learning_rate_init": loguniform(1e-4, 1e-1),
    "deepmlpclassifier__alpha": loguniform(1e-4, 1),
}
GRID = {
    "deepmlpclassifier__learning_rate_init": [1e-4, 1e-3, 1e-2, 1e-1],
    "deepmlpclassifier__alpha": [0.01, 0.1, 1.0],
}
COMMON: dict[str, Any] = {"cv": 3, "random_state": 0, "refit": False}
THEIRS = "scikit-learn, random"
SEARCHES: dict[str, Callable[[], Any]] = {
    THEIRS: partial(RandomizedSearchCV, MODEL, RATES, n_iter=12, **COMMON),
    "random": partial(VectorizedRandomizedSearchCV, MODEL, RATES, n_iter=12, **COMMON),
    "grid": partial(VectorizedGridSearchCV, MODEL, GRID, cv=3, refit=False),
    "coarse to fine": partial(CoarseToFineSearchCV, MODEL, RATES, n_rounds=4, n_iter=3, **COMMON),
    "halving": partial(
        VectorizedHalvingRandomSearchCV,
        MODEL,
        RATES,
        n_candidates=12,
        max_resources=9,
        **COMMON,
    ),
}


@dataclass
class Run:
    """One search on one cluster."""

    cluster: str
    n_workers: int
    search: str
    seconds: float
    times_X: float | None
    n_tasks: list[int] | None
    is_equal: bool


def data(megabytes: int) -> tuple[np.ndarray, np.ndarray]:
    X = np.random.default_rng(0).normal(size=(megabytes * 2**20 // (8 * N_FEATURES), N_FEATURES))
    return X, (X[:, 0] + X[:, 1] * X[:, 2] > 0).astype(int)


def scores(search: Any) -> list[np.ndarray]:
    results = search.cv_results_
    return [results[name] for name in sorted(results) if name.startswith("split")]


def n_executed(dask_worker: Any) -> int:
    return int(dask_worker.state.executed_count)


@contextmanager
def dask_cluster(n_workers: int) -> Iterator[Any]:
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=n_workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address=None,
            worker_dashboard_address=None,
            silence_logs="CRITICAL",
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def on_dask(
    n_workers: int, X: np.ndarray, y: np.ndarray, expected: dict[str, list[np.ndarray]]
) -> Iterator[Run]:
    for name, make in SEARCHES.items():
        # A cluster for each, so that nothing is there from the one before.
        with dask_cluster(n_workers) as client:
            start = time.perf_counter()
            with counted_wire(client) as wire, parallel_config(backend="dask"):
                search = make().fit(X, y)
            yield Run(
                "Dask",
                n_workers,
                name,
                time.perf_counter() - start,
                wire.n_bytes / X.nbytes,
                sorted(client.run(n_executed).values()),
                all(map(np.array_equal, scores(search), expected[name])),
            )


def on_ray(
    n_workers: int, X: np.ndarray, y: np.ndarray, expected: dict[str, list[np.ndarray]]
) -> Iterator[Run]:
    import ray
    from ray.util.joblib import register_ray

    ray.init(num_cpus=n_workers, include_dashboard=False, log_to_driver=False)
    register_ray()
    try:
        for name, make in SEARCHES.items():
            start = time.perf_counter()
            with parallel_config(backend="ray", n_jobs=n_workers):
                search = make().fit(X, y)
            seconds = time.perf_counter() - start
            is_equal = all(map(np.array_equal, scores(search), expected[name]))
            yield Run("Ray", n_workers, name, seconds, None, None, is_equal)
    finally:
        ray.shutdown()


def cells(run: Run) -> list[str]:
    wire = "" if run.times_X is None else f"{run.times_X:.2f}"
    tasks = "" if run.n_tasks is None else " ".join(map(str, run.n_tasks))
    equal = "yes" if run.is_equal else "NO"
    return [
        f"{run.cluster}, {run.search}",
        str(run.n_workers),
        f"{run.seconds:.1f}",
        wire,
        tasks,
        equal,
    ]


def draw(figure: Any, runs: list[Run]) -> None:
    ax = figure.subplots()
    counted = [run for run in runs if run.times_X is not None and run.n_workers == 2]
    ax.barh([run.search for run in counted], [run.times_X for run in counted])
    ax.invert_yaxis()
    ax.set(xlabel="bytes on the wire ÷ bytes of X, two workers")


def main() -> None:
    args = parse(command_line(__doc__, timed=False))
    report = Report(args)
    warnings.simplefilter("ignore")
    X, y = data(SMOKE_MEGABYTES if args.smoke else MEGABYTES)
    expected = {name: scores(make().fit(X, y)) for name, make in SEARCHES.items()}
    runs: list[Run] = []
    for n_workers in SMOKE_WORKERS if args.smoke else WORKERS:
        runs += on_dask(n_workers, X, y, expected)
    if importlib.util.find_spec("ray") is not None:
        runs += on_ray(2, X, y, expected)
    print_table(
        "A search of twelve candidates on three folds, on a cluster",
        ["search", "workers", "seconds", "wire ÷ X", "tasks of each", "as without"],
        [cells(run) for run in runs],
    )
    report.save(runs, partial(draw, runs=runs), size=(7, 3))


if __name__ == "__main__":
    main()
