"""Searches on a cluster of `dask.distributed`: two processes, on loopback."""

import importlib.util
import os
import signal
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from joblib import parallel_config
from numpy.testing import assert_array_equal
from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import DeepMLPClassifier
from skdeep.model_selection import (
    CoarseToFineSearchCV,
    VectorizedGridSearchCV,
    VectorizedHalvingRandomSearchCV,
    VectorizedRandomizedSearchCV,
)

distributed = pytest.importorskip("distributed")

PATH = Path(__file__).parents[2] / "benchmarks" / "_wire.py"
SPEC = importlib.util.spec_from_file_location("benchmark_wire", PATH)
wire = importlib.util.module_from_spec(SPEC)
sys.modules["benchmark_wire"] = wire
SPEC.loader.exec_module(wire)

pytestmark = [
    pytest.mark.tools,
    # What other projects warn of is theirs.
    pytest.mark.filterwarnings("ignore"),
]

MODEL = make_pipeline(
    StandardScaler(),
    DeepMLPClassifier((8,), batch_size=1024, max_iter=2, random_state=0),
)
RATES = {
    "deepmlpclassifier__learning_rate_init": loguniform(1e-4, 1e-1),
    "deepmlpclassifier__alpha": loguniform(1e-4, 1),
}
GRID = {"deepmlpclassifier__learning_rate_init": [1e-4, 1e-3, 1e-2, 1e-1]}
GRID["deepmlpclassifier__alpha"] = [0.01, 0.1, 1.0]
COMMON = {"cv": 3, "random_state": 0, "refit": False}
# What may cross the wire, in times X.
SEARCHES = {
    "random": (5, VectorizedRandomizedSearchCV(MODEL, RATES, n_iter=12, **COMMON)),
    "grid": (5, VectorizedGridSearchCV(MODEL, GRID, cv=3, refit=False)),
    "coarse to fine": (5, CoarseToFineSearchCV(MODEL, RATES, n_rounds=4, n_iter=3, **COMMON)),
    "halving": (
        6,
        VectorizedHalvingRandomSearchCV(MODEL, RATES, n_candidates=12, max_resources=9, **COMMON),
    ),
}


@contextmanager
def client_of(n_workers):
    """A client of so many worker processes of one thread each."""
    with (
        distributed.LocalCluster(
            n_workers=n_workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address=None,
            worker_dashboard_address=None,
            silence_logs="CRITICAL",
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def client():
    with client_of(2) as client:
        yield client


@pytest.fixture(scope="module")
def data():
    """X of some 8 MB, and y."""
    X = np.random.default_rng(0).normal(size=(10_000, 100))
    return X, (X[:, 0] + X[:, 1] * X[:, 2] > 0).astype(int)


def assert_equal_scores(found, expected):
    names = [name for name in expected if name.startswith(("split", "mean_test", "rank"))]
    assert any(name.startswith("split2") for name in names)
    for name in names:
        assert_array_equal(found[name], expected[name])


def kept():
    from skdeep.model_selection import _clusters, _kept

    return _clusters.n_kept() + _kept.n_kept()


@pytest.mark.parametrize("kind", SEARCHES)
def test_x_crosses_the_wire_once(kind, client, data):
    (X, y), (most, search) = data, SEARCHES[kind]
    expected = search.fit(X, y).cv_results_
    with wire.counted_wire(client) as sent, parallel_config(backend="dask"):
        found = search.fit(X, y).cv_results_
    assert_equal_scores(found, expected)
    # To the scheduler, from there to a worker, and from that to the other.
    assert 3 * X.nbytes < sent.n_bytes < most * X.nbytes
    assert set(client.run(kept).values()) == {0}


def test_what_one_worker_would_do_is_done_where_the_search_is(data):
    (X, y), (_, search) = data, SEARCHES["halving"]
    expected = search.fit(X, y).cv_results_
    with client_of(1), parallel_config(backend="dask"):
        assert_equal_scores(search.fit(X, y).cv_results_, expected)


@pytest.mark.parametrize("n_jobs", [1, 2, -1])
def test_n_jobs_is_the_clusters_business(n_jobs, client, data):
    (X, y), (_, search) = data, SEARCHES["random"]
    expected = search.fit(X, y).cv_results_
    with parallel_config(backend="dask"):
        found = clone(search).set_params(n_jobs=n_jobs).fit(X, y).cv_results_
    assert_equal_scores(found, expected)


def dies_once(estimator, X, y):
    """Kills its process the first time that it is called, wherever that is."""
    try:
        with open(os.environ["SKDEEP_TEST_DEATH"], "x"):
            pass
    except FileExistsError:
        return estimator.score(X, y)
    os.kill(os.getpid(), signal.SIGKILL)
    return 0.0


@pytest.mark.parametrize("kind", ["random", "halving"])
def test_a_search_outlives_a_worker(kind, client, data, tmp_path):
    X, y = data
    _, search = SEARCHES[kind]
    expected = search.fit(X, y).cv_results_
    path = str(tmp_path / "death")

    def dies(estimator, X, y):
        os.environ["SKDEEP_TEST_DEATH"] = path
        return dies_once(estimator, X, y)

    with parallel_config(backend="dask"):
        found = search.set_params(scoring=dies).fit(X, y).cv_results_
    search.set_params(scoring=None)
    assert os.path.exists(path)
    assert_equal_scores(found, expected)
    client.wait_for_workers(2)


def test_searches_within_a_comparison(client, data):
    X, y = data[0][:600], data[1][:600]
    search = VectorizedGridSearchCV(
        DeepMLPClassifier((4,), max_iter=2, random_state=0), {"alpha": [0.1, 1.0]}, cv=2
    )
    expected = cross_val_score(search, X, y, cv=3)
    with parallel_config(backend="dask"):
        found = cross_val_score(search, X, y, cv=3)
    assert_array_equal(found, expected)
