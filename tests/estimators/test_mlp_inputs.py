"""Dtypes, frames, sparse and mapped X, and what a fit and a prediction take of memory."""

import copy
import pickle
import tracemalloc

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
from networks import BOTH, SOLVERS, small
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone, is_classifier
from sklearn.utils.validation import _get_feature_names

from skdeep import DeepMLPClassifier, DeepMLPRegressor

# A budget of epochs is what most of these fits end with.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@BOTH
def test_dtype(Estimator, solver, data):
    X, y = data[0], data[1][Estimator]
    for given, dtype, expected in (
        (np.float32, None, np.float32),
        (np.float64, None, np.float64),
        (np.int64, None, np.float64),
        (np.float32, "float64", np.float64),
        (np.float64, "float32", np.float32),
    ):
        model = small(Estimator, dtype=dtype, batch_norm=True, solver=solver)
        model.fit(X.astype(given), y)
        assert {a.dtype for a in [*model.coefs_, *model.intercepts_]} == {np.dtype(expected)}
        for mine in (np.float32, np.float64):
            if is_classifier(model):
                assert model.predict_proba(X.astype(mine)).dtype == expected
            else:
                assert model.predict(X.astype(mine)).dtype == expected


@BOTH
def test_float32_is_close_to_float64(Estimator, data):
    X, y = data[0], data[1][Estimator]
    single, double = (small(Estimator, dtype=f"float{bits}").fit(X, y) for bits in (32, 64))
    assert_allclose(single.coefs_[0], double.coefs_[0], rtol=0, atol=1e-4)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
@BOTH
def test_frames(Estimator, frame, data):
    X, y = data[0], data[1][Estimator]
    names = ["a", "b", "c", "d"]
    columns = dict(zip(names, X.T, strict=True))
    model = small(Estimator).fit(frame(columns), y)
    expected = small(Estimator).fit(X, y)
    assert not hasattr(expected, "feature_names_in_")
    assert_array_equal(model.coefs_[0], expected.coefs_[0])
    assert_array_equal(model.predict(frame(columns)), expected.predict(X))
    if _get_feature_names(frame(columns)) is None:
        return  # a scikit-learn older than this polars
    assert_array_equal(model.feature_names_in_, names)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame(dict(reversed(columns.items()))))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(X)


def test_frames_as_dev_set_and_series_as_target(data):
    X, y = data[0], data[1][DeepMLPClassifier]
    names = ["a", "b", "c", "d"]
    X, y = pd.DataFrame(X, columns=names), pd.Series(np.array(list("xyz"))[y])
    settings = {"early_stopping": True, "scoring": "neg_log_loss"}
    model = small(DeepMLPClassifier, **settings).fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    assert len(model.validation_scores_) == model.n_iter_
    with pytest.raises(ValueError, match="feature names"):
        model.fit(X, y, X_val=X[names[::-1]], y_val=y)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("container", [scipy.sparse.csr_array, scipy.sparse.csc_matrix])
@BOTH
def test_sparse_is_dense(Estimator, container, solver, data):
    X, y = data[0].copy(), data[1][Estimator]
    X[np.abs(X) < 0.8] = 0
    model = small(Estimator, solver=solver, early_stopping=True, validation_fraction=0.2)
    if is_classifier(model):
        y = y > 0
    dense, sparse = clone(model).fit(X, y), clone(model).fit(container(X), y)
    assert_allclose(sparse.coefs_[0], dense.coefs_[0], rtol=0, atol=1e-7)
    assert_allclose(sparse.loss_curve_, dense.loss_curve_, rtol=1e-7)
    assert_allclose(sparse.validation_scores_, dense.validation_scores_, rtol=1e-7)
    assert_allclose(sparse.predict(container(X)), dense.predict(X), rtol=0, atol=1e-6)


def test_input_is_left_as_it_was(data):
    X, y = data[0].copy(), data[1][DeepMLPClassifier].copy()
    w = np.ones(60)
    X.flags.writeable = y.flags.writeable = w.flags.writeable = False
    model = small(DeepMLPClassifier, dropout=0.2, batch_norm=True, input_dropout=0.1)
    model.fit(X, y, w).predict(X)


@pytest.mark.parametrize("settings", [{}, {"early_stopping": True}], ids=str)
def test_a_mapped_X_is_never_copied_whole(tmp_path, settings):
    X = np.memmap(tmp_path / "X", dtype=np.float32, mode="w+", shape=(40_000, 250))  # 40 MB
    X[:] = np.random.default_rng(0).normal(size=250)
    y = np.arange(40_000, dtype=np.float32) % 7
    model = DeepMLPRegressor(
        hidden_layer_sizes=(8,), batch_size=500, max_iter=1, random_state=0, **settings
    )
    assert peak_bytes(lambda: model.fit(X, y).predict(X)) < X.nbytes / 4


def peak_bytes(function, *args):
    tracemalloc.start()
    function(*args)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_a_fit_keeps_few_bytes_per_row():
    rows = {}
    for n in (100_000, 200_000):
        X = np.random.default_rng(0).normal(size=(n, 30)).astype(np.float32)
        y = np.arange(n) % 3
        model = DeepMLPClassifier((4,), batch_size=1000, max_iter=1, random_state=0)
        rows[n] = peak_bytes(model.fit, X, y)
    # Labels that are codes already are not copied; looking at them may take a copy for a while.
    assert (rows[200_000] - rows[100_000]) / 100_000 < 14


def test_prediction_makes_no_copy_of_a_sparse_X():
    X = scipy.sparse.random(50_000, 200, 0.2, format="csr", random_state=0, dtype=np.float32)
    y = np.arange(2000) % 2
    model = DeepMLPClassifier((4,), max_iter=1, random_state=0).fit(X[:2000], y)
    assert peak_bytes(model.predict, X) < X.data.nbytes / 2


def test_predictions_in_chunks_are_predictions_at_once(data):
    X, y = data[0], data[1][DeepMLPClassifier]
    wide = small(DeepMLPClassifier, hidden_layer_sizes=(3000,), max_iter=1).fit(X, y)
    many = np.tile(X, (8, 1))  # 480 rows of width 3000 are more than one chunk
    expected = np.vstack([wide.predict_proba(X)] * 8)
    assert_allclose(wide.predict_proba(many), expected, rtol=1e-10)


@pytest.mark.parametrize("copier", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
@BOTH
def test_copies_predict_the_same(Estimator, copier, data):
    X, y = data[0], data[1][Estimator]
    model = small(Estimator, batch_norm=True, dropout=0.2, learning_rate="cosine").fit(X, y)
    again = copier(model)
    assert_array_equal(again.predict(X), model.predict(X))
    assert again.loss_curve_ == model.loss_curve_
    # The copy's weights are views of its own vector.
    again.coefs_[0][...] = 0
    assert np.any(model.coefs_[0])
    assert not np.array_equal(again.predict(X), model.predict(X))
