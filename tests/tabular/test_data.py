"""Where data lie and how large they are changes nothing, and nothing of theirs is written."""

import threading

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from tabular.tables import (
    BOTH,
    MAY_MAKE_NO_PROGRESS,
    TARGETS,
    N,
    numbers,
    plain,
    predictions,
    small,
    target_for,
)

import skdeep.tabular._encoding as encoding_module
from skdeep import TabularMLPRegressor

pytestmark = MAY_MAKE_NO_PROGRESS


@BOTH
def test_read_only_memory_map(Estimator, tmp_path):
    X, y = numbers(), target_for(Estimator)
    data = {"X": X, "y": y, "sample_weight": 1.0 + np.arange(N) % 3}
    dev = {"X_val": X[::3], "y_val": y[::3], "sample_weight_val": data["sample_weight"][::3]}
    joblib.dump({**data, **dev}, tmp_path / "data")
    mapped = joblib.load(tmp_path / "data", mmap_mode="r")
    assert not mapped["X"].flags.writeable
    expected = small(Estimator).fit(**data, **dev)
    model = small(Estimator).fit(**mapped)
    assert_array_equal(predictions(model, mapped["X"]), predictions(expected, X))


@BOTH
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_nothing_is_written_into(Estimator, order, dtype):
    X = np.array(numbers(), dtype=dtype, order=order)
    y = np.array(target_for(Estimator))
    weights = 1.0 + np.arange(N) % 3
    kept = [array.copy() for array in (X, y, weights)]
    predictions(small(Estimator).fit(X, y, weights, X_val=X, y_val=y, sample_weight_val=weights), X)
    for array, before in zip((X, y, weights), kept, strict=True):
        assert_array_equal(array, before)
    frame = plain()
    model = small(Estimator).fit(frame, y)
    predictions(model, frame)
    assert frame.equals(plain())


@BOTH
@pytest.mark.parametrize("order", ["F", "strided", "reversed"])
def test_layout_does_not_matter(Estimator, order):
    X, y = numbers(), target_for(Estimator)
    other = {
        "F": np.asfortranarray(X),
        "strided": np.repeat(X, 2, axis=0)[::2],
        "reversed": X[::-1].copy()[::-1],
    }[order]
    expected = small(Estimator).fit(X, y)
    model = small(Estimator).fit(other, y)
    assert_array_equal(predictions(model, other), predictions(expected, X))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("own_dev", [False, True])
@BOTH
def test_a_table_too_large_to_be_encoded_whole(Estimator, weighted, own_dev, monkeypatch):
    X, y = plain(), target_for(Estimator)
    data = {"X": X, "y": y}
    if weighted:
        data["sample_weight"] = np.arange(N) % 4
    if own_dev:
        data |= {"X_val": X[::3], "y_val": y[::3]}
    whole = small(Estimator).fit(**data)
    monkeypatch.setattr(encoding_module, "ENCODED_WHOLE_BYTES", 0)
    batches = small(Estimator).fit(**data)
    assert_allclose(predictions(batches, X), predictions(whole, X), rtol=1e-4, atol=1e-5)
    assert_allclose(batches.loss_curve_[0], whole.loss_curve_[0], rtol=1e-4)
    assert batches.best_epoch_ == whole.best_epoch_
    threads = small(Estimator, n_jobs=2).fit(**data)
    assert_array_equal(predictions(threads, X), predictions(batches, X))


@pytest.mark.parametrize("X", [np.ones((N, 2)), plain()[["flag"]]], ids=["constant", "a flag"])
def test_a_narrow_table_too_large_to_be_encoded_whole(X, monkeypatch):
    y = TARGETS["numbers"]
    whole = small(TabularMLPRegressor).fit(X, y).predict(X)
    monkeypatch.setattr(encoding_module, "ENCODED_WHOLE_BYTES", 0)
    assert_allclose(small(TabularMLPRegressor).fit(X, y).predict(X), whole, rtol=1e-4, atol=1e-5)


@BOTH
def test_several_threads_predict_at_once(Estimator):
    X, y = plain(), target_for(Estimator)
    model = small(Estimator).fit(X, y)
    expected, found = predictions(model, X), []

    def work():
        found.extend(predictions(model, X) for _ in range(5))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 20
    for one in found:
        assert_array_equal(one, expected)


@BOTH
def test_several_threads_fit_at_once(Estimator):
    X, y = plain(), target_for(Estimator)
    expected = predictions(small(Estimator).fit(X, y), X)
    found = joblib.Parallel(4, backend="threading")(
        joblib.delayed(lambda: predictions(small(Estimator, n_jobs=2).fit(X, y), X))()
        for _ in range(6)
    )
    for one in found:
        assert_array_equal(one, expected)
