"""Numbers far from 1: what a dtype cannot hold is refused by name or computed right, not lost."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from scipy.special import log_expit, log_softmax
from sklearn.base import clone, is_classifier
from sklearn.datasets import load_iris
from sklearn.preprocessing import scale

from skdeep import (
    DeepMLPClassifier,
    DeepMLPRegressor,
    LogisticRegressionGD,
    SoftmaxClassifier,
    TabularMLPClassifier,
)
from skdeep._engine.optimizers import clip_by_global_norm, global_norm
from skdeep.model_selection import VectorizedGridSearchCV

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::skdeep.exceptions.NoProgressWarning"),
]

X, Y = load_iris(return_X_y=True)
X = scale(X)
TWO = (Y == 1).astype(int)
MODELS = {
    "logistic": LogisticRegressionGD(max_iter=20),
    "softmax": SoftmaxClassifier(max_iter=20),
    "network": DeepMLPClassifier((4,), max_iter=10, random_state=0),
    "tanh": DeepMLPClassifier((4,), "tanh", max_iter=10, random_state=0),
    "regressor": DeepMLPRegressor(hidden_layer_sizes=(4,), max_iter=10, random_state=0),
    "poisson": DeepMLPRegressor("poisson", hidden_layer_sizes=(4,), max_iter=10, random_state=0),
}


def fitted(name, dtype):
    y = TWO if name == "logistic" else Y
    return clone(MODELS[name]).fit(X.astype(dtype), y.astype(float if name == "regressor" else int))


def methods_of(model):
    names = ["predict"]
    if is_classifier(model):
        names += ["predict_proba", "predict_log_proba", "decision_function"]
    return [getattr(model, name) for name in names]


# ------------------------------------------------------------------------------ rows to predict


@pytest.mark.parametrize("as_sparse", [False, True])
@pytest.mark.parametrize("value", [1e39, -1e39, 1e300])
@pytest.mark.parametrize("name", MODELS)
def test_what_float32_does_not_hold_is_refused_as_fit_refuses_it(name, value, as_sparse):
    model, far = fitted(name, "f4"), X[:3].copy()
    far[1, 2] = value
    far = csr_array(far) if as_sparse else far
    for method in methods_of(model):
        with pytest.raises(ValueError, match=r"X holds numbers of up to 1e\+(39|300) in size"):
            method(far)
    dense = np.vstack([far.toarray() if as_sparse else far] * 9)
    with np.errstate(over="ignore"), pytest.raises(ValueError, match="too large for dtype"):
        clone(model).set_params(dtype="float32").fit(dense, [0, 1, 2] * 9)


def steep(name):
    """A model with large weights."""
    model = fitted(name, "f8")
    if hasattr(model, "coef_"):
        model.coef_ *= 1e5
    else:
        model._state.theta *= 1e5
    return model


@pytest.mark.parametrize("name", ["logistic", "softmax", "network", "regressor"])
def test_outputs_that_overflow_are_no_classes(name):
    model, far = steep(name), X[:3] * 1e307
    if name == "logistic":
        # Infinite odds are a probability of 0 or 1, but no odds.
        with pytest.raises(ValueError, match="leads to outputs beyond what float64 holds"):
            model.decision_function(far)
        return
    for method in methods_of(model):
        with pytest.raises(ValueError, match=r"X, of numbers of up to .*e\+307 in size, leads to"):
            method(far)


def test_large_rows_that_can_be_predicted_are():
    model = fitted("network", "f8")
    far = model.predict_proba(X * 1e100)
    assert np.isfinite(far).all()
    assert_allclose(far.sum(axis=1), 1)
    assert np.isfinite(model.predict_log_proba(X * 1e100)).all()


def test_an_infinite_expectation_is_warned_of():
    model = fitted("poisson", "f8")
    with pytest.warns(UserWarning, match="the prediction is larger than float64 holds: inf"):
        found = model.predict(X * 1e6)
    assert np.isposinf(found).any()
    assert not np.isnan(found).any()


# -------------------------------------------------------------------------- logarithms, of logits


@pytest.mark.parametrize("size", [1.0, 1e3, 1e5])
@pytest.mark.parametrize("name", ["logistic", "softmax", "network", "tanh"])
def test_log_probabilities_are_those_of_the_logits(name, size):
    model = fitted(name, "f8")
    z, found = model.decision_function(X * size), model.predict_log_proba(X * size)
    expected = log_softmax(z, axis=1) if z.ndim == 2 else log_expit(np.column_stack([-z, z]))
    assert_allclose(found, expected, rtol=1e-12)
    assert np.isfinite(found).all()
    assert_allclose(np.exp(found), model.predict_proba(X * size), atol=1e-15)


def test_log_probabilities_of_labels_and_of_one_class():
    labels = np.column_stack([TWO, Y == 2]).astype(int)
    model = DeepMLPClassifier((4,), max_iter=5, random_state=0).fit(X, labels)
    z = model.decision_function(X * 1e4)
    assert_allclose(model.predict_log_proba(X * 1e4), log_expit(z), atol=1e-15)
    assert np.isfinite(model.predict_log_proba(X * 1e4)).all()
    one = DeepMLPClassifier((4,), max_iter=2, random_state=0).fit(X, TWO * 0)
    assert_array_equal(one.predict_log_proba(X), np.zeros((150, 1)))
    single = DeepMLPClassifier((4,), max_iter=2, random_state=0).fit(X, labels[:, :1].repeat(2, 1))
    assert (single.predict_log_proba(X) < 0).all()


def test_a_tables_log_probabilities_are_finite_and_agree():
    """A power of the odds of 8 takes 0.998 beyond what 1 − p can tell from 0."""
    far = np.repeat([[-5.0], [5.0]], 200, axis=0)
    model = TabularMLPClassifier(4, hidden_layer_sizes=8, max_iter=20, random_state=0)
    for y in (np.repeat([0, 1], 200), np.repeat([[0, 1], [1, 0]], 200, axis=0)):
        model.fit(far, y)
        model._calibration = replace(model._calibration, beta=8 * np.ones_like(model.temperature_))
        p, log_p, z = (
            model.predict_proba(far),
            model.predict_log_proba(far),
            model.decision_function(far),
        )
        assert np.isfinite(log_p).all()
        assert np.isfinite(z).all()
        assert (p > 0).all()
        assert_allclose(np.exp(log_p), p, rtol=1e-10)
        if y.ndim == 1:
            assert_allclose(log_p[:, 1] - log_p[:, 0], z, rtol=1e-10)


# ------------------------------------------------------------------------------------ gradients


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_a_norm_of_what_cannot_be_squared(dtype):
    for entries, norm in (
        ([1e20, 0, 1], 1e20),
        ([3e30, 4e30], 5e30),
        ([3e-30, -4e-30], 5e-30),
        ([0.0, 0], 0.0),
        ([3.0, 4], 5.0),
    ):
        assert_allclose(global_norm(np.array(entries, dtype)), norm, rtol=1e-6)
    whole = np.full(100, 3e38, "f4")
    assert_allclose(global_norm(whole), 3e39, rtol=1e-6)
    assert np.isnan(global_norm(np.array([np.nan, 1.0], dtype)))


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_clipping_keeps_the_direction(dtype):
    grad = np.array([[1e20, 0, 1], [3, 4, 0], [0.3, 0.4, 0], [3e-30, 4e-30, 0]], dtype)
    clip_by_global_norm(grad, 2.0)
    expected = [[2, 0, 2e-20], [1.2, 1.6, 0], [0.3, 0.4, 0], [3e-30, 4e-30, 0]]
    assert_allclose(grad, expected, rtol=1e-6)
    grad = np.array([3e-30, 4e-30], dtype)
    clip_by_global_norm(grad, 1e-30)
    assert_allclose(grad, [6e-31, 8e-31], rtol=1e-6)


def test_a_poisson_fit_in_float32_comes_back_as_in_float64():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 2))
    counts = rng.poisson(np.exp(1 + x[:, 0]))
    losses = {}
    for dtype in ("float32", "float64"):
        model = DeepMLPRegressor(
            hidden_layer_sizes=(),
            loss="poisson",
            solver="sgd",
            momentum=0,
            learning_rate_init=0.05,
            max_iter=300,
            gradient_clip=1.0,
            batch_size="full",
            tol=0,
            random_state=0,
            dtype=dtype,
        )
        model.set_params(max_iter=1).fit(x, counts)
        model.set_params(warm_start=True, max_iter=900)
        model._state.theta[:] = [8, 0, 40]
        losses[dtype] = model.fit(x, counts).loss_curve_[-1]
    assert losses["float32"] == pytest.approx(losses["float64"], rel=1e-3)


def test_a_norm_of_many_entries_whose_squares_are_denormal():
    assert_allclose(global_norm(np.full(1000, 3e-23, "f4")), 3e-23 * np.sqrt(1000), rtol=1e-5)
    assert_allclose(global_norm(np.full(1000, 3e-19, "f4")), 3e-19 * np.sqrt(1000), rtol=1e-5)


def test_a_row_beyond_float32_in_a_search_is_as_in_a_fit():
    far = X.astype("f8").copy()
    far[7, 1] = 1e300
    search = VectorizedGridSearchCV(
        DeepMLPClassifier((3,), max_iter=2, random_state=0),
        {"alpha": [0.1, 1.0]},
        cv=[(np.arange(8, 150), np.arange(8))],
        refit=False,
        error_score="raise",
    )
    with pytest.raises(ValueError, match="X holds numbers of up to"):
        search.set_params(estimator__dtype="float32").fit(far, Y)
