"""BLAS runs on one thread while a network with small products trains, and as before otherwise."""

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from skdeep import DeepMLPClassifier
from skdeep._engine import blas_threads
from skdeep._engine.blas_threads import SHARED_FROM, blas_threads_for
from skdeep._engine.network import build_network


def n_threads():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def two_threads():
    with threadpool_limits(2, user_api="blas"):
        if n_threads() != {2}:
            pytest.skip("this BLAS cannot be given two threads")
        yield
        assert n_threads() == {2}


SMALL = build_network(16, [8], 3, activations=["relu"])
ROWS_TO_SHARE = SHARED_FROM // (16 * 8)


def test_small_products_get_one_thread():
    with blas_threads_for(SMALL, ROWS_TO_SHARE - 1):
        assert n_threads() == {1}


def test_large_products_are_shared():
    with blas_threads_for(SMALL, ROWS_TO_SHARE):
        assert n_threads() == {2}


def test_an_error_restores_the_threads():
    with pytest.raises(RuntimeError), blas_threads_for(SMALL, 1):
        raise RuntimeError


def test_training_runs_inside(monkeypatch):
    X, y = [[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1]
    seen = []

    def score(estimator, X, y):
        seen.extend(n_threads())
        return 0.0

    model = DeepMLPClassifier((4,), scoring=score, early_stopping=True, n_iter_no_change=1)
    model.set_params(validation_fraction=0.5).fit(X, y)
    assert set(seen) == {1}
    seen.clear()
    monkeypatch.setattr(blas_threads, "SHARED_FROM", 1)
    model.fit(X, y)
    assert set(seen) == {2}
