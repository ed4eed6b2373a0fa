"""Searches on Ray: equal results, and what is left when a worker dies."""

import os
import signal
import time

import numpy as np
import pytest
from joblib import parallel_config
from numpy.testing import assert_array_equal

from skdeep import DeepMLPClassifier
from skdeep.model_selection import VectorizedGridSearchCV, VectorizedHalvingRandomSearchCV

ray = pytest.importorskip("ray")

pytestmark = [
    pytest.mark.tools,
    # What other projects warn of is theirs.
    pytest.mark.filterwarnings("ignore"),
]

MODEL = DeepMLPClassifier((8,), batch_size=1024, max_iter=2, random_state=0)
GRID = {"alpha": [0.01, 0.1, 1.0], "learning_rate_init": [0.001, 0.01]}


@pytest.fixture(scope="module")
def _cluster():
    from ray.util.joblib import register_ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=2**28)
    register_ray()
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def data():
    X = np.random.default_rng(0).normal(size=(1000, 20))
    return X, (X[:, 0] + X[:, 1] * X[:, 2] > 0).astype(int)


@pytest.mark.usefixtures("_cluster")
@pytest.mark.parametrize(
    "search",
    [
        VectorizedGridSearchCV(MODEL, GRID, cv=3, refit=False),
        VectorizedHalvingRandomSearchCV(
            MODEL, GRID, n_candidates=6, max_resources=9, cv=3, random_state=0, refit=False
        ),
    ],
    ids=["grid", "halving"],
)
def test_results_are_the_same(search, data):
    X, y = data
    expected = search.fit(X, y).cv_results_
    with parallel_config(backend="ray", n_jobs=2):
        found = search.fit(X, y).cv_results_
    for name in expected:
        if name.startswith(("split", "mean_test", "rank")):
            assert_array_equal(found[name], expected[name])


@pytest.mark.usefixtures("_cluster")
def test_what_is_complete_is_kept_when_a_worker_dies(data):
    X, y = data

    def dies(estimator, X, y):
        if estimator.alpha == 16.0:
            time.sleep(1)
            os.kill(os.getpid(), signal.SIGKILL)
        return estimator.score(X, y)

    # So many tasks that there are several rounds of them.
    search = VectorizedGridSearchCV(
        MODEL,
        {"alpha": [float(alpha) for alpha in range(1, 17)]},
        cv=[(np.arange(500), np.arange(500, 1000))],
        scoring=dies,
        max_stack_bytes=1,
    )
    with (
        parallel_config(backend="ray", n_jobs=2),
        pytest.raises(ray.exceptions.RayActorError) as caught,
    ):
        search.fit(X, y)
    (note,) = caught.value.__notes__
    assert "A worker of the search has died" in note
    kept = search.cv_results_["param_alpha"]
    assert len(kept) >= 8
    assert 16.0 not in kept
    assert f"{len(kept)} candidates that are complete" in note
