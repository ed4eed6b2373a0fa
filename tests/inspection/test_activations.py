"""What happens inside a network, against forward passes by hand, PyTorch and the gradient check."""

import pickle
import warnings
from itertools import pairwise

import numpy as np
import pytest
import scipy.sparse
from formulas import FORMULAS
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from skdeep import DeepMLPClassifier, DeepMLPRegressor, SoftmaxClassifier
from skdeep._engine.activations import ACTIVATIONS
from skdeep.inspection import gradient_check, layer_statistics

X, Y = load_iris(return_X_y=True)
X = scale(X)
each_activation = pytest.mark.parametrize("activation", sorted(set(ACTIVATIONS) - {"sigmoid"}))


def fitted(estimator, x=X, y=Y, **changes):
    estimator = clone(estimator).set_params(**{"max_iter": 5, **changes})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(x, y)


def activations(layers):
    return [layer.activations for layer in layers]


# ------------------------------------------------------------------------------- the activations


@each_activation
def test_activations_are_those_of_a_forward_pass_by_hand(activation):
    model = fitted(DeepMLPClassifier((6, 5), activation=activation, random_state=0))
    layers = layer_statistics(model, X, Y)
    assert [layer.name for layer in layers] == ["hidden 1", "hidden 2", "output"]
    a = X
    for layer, W, b in zip(layers[:-1], model.coefs_, model.intercepts_, strict=False):
        a = FORMULAS[activation](a @ W + b)
        np.testing.assert_allclose(layer.activations, a, rtol=1e-10, atol=1e-13)
    logits = a @ model.coefs_[-1] + model.intercepts_[-1]
    np.testing.assert_allclose(layers[-1].activations, logits, rtol=1e-10, atol=1e-13)
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    np.testing.assert_allclose(
        p / p.sum(axis=1, keepdims=True), model.predict_proba(X), rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("weights", [None, np.arange(150) % 3])
def test_batch_norm_takes_the_statistics_of_the_rows(weights):
    model = fitted(DeepMLPClassifier((6,), activation="tanh", batch_norm=True, random_state=0))
    z = X @ model.coefs_[0]
    mean = np.average(z, axis=0, weights=weights)
    variance = np.average((z - mean) ** 2, axis=0, weights=weights)
    gamma = model._network.layout.views(model._state.theta)["batch norm 1", "gamma"]
    a = np.tanh(gamma * (z - mean) / np.sqrt(variance + 1e-5) + model.intercepts_[0])
    hidden = layer_statistics(model, X, Y, weights)[0]
    np.testing.assert_allclose(hidden.activations, a, rtol=1e-9, atol=1e-12)


@pytest.mark.torch
@pytest.mark.parametrize("norm", [None, "batch_norm", "layer_norm"])
@pytest.mark.parametrize(
    ("activation", "counterpart"),
    [
        ("relu", "ReLU"),
        ("leaky_relu", "LeakyReLU"),
        ("selu", "SELU"),
        ("gelu", "GELU"),
        ("mish", "Mish"),
    ],
)
def test_activations_and_gradients_are_pytorchs(activation, counterpart, norm):
    torch = pytest.importorskip("torch")
    model = fitted(
        DeepMLPClassifier((6, 5), activation=activation, alpha=0, random_state=0),
        **({} if norm is None else {norm: True}),
    )
    layers = layer_statistics(model, X, Y)
    views = model._network.layout.views(model._state.theta)
    tensors = {key: torch.tensor(np.array(view), requires_grad=True) for key, view in views.items()}
    function, a = getattr(torch.nn, counterpart)(), torch.tensor(X)
    for number in (1, 2):
        a = a @ tensors[f"hidden {number}", "W"]
        if norm is None:
            a = a + tensors[f"hidden {number}", "b"]
        else:
            layer = f"{norm.replace('_', ' ')} {number}"
            gamma, beta = (tensors[layer, name][0] for name in ("gamma", "beta"))
            if norm == "batch_norm":
                a = torch.nn.functional.batch_norm(a, None, None, gamma, beta, training=True)
            else:
                a = torch.nn.functional.layer_norm(a, gamma.shape, gamma, beta)
        a = function(a)
        np.testing.assert_allclose(
            layers[number - 1].activations, a.detach().numpy(), rtol=1e-9, atol=1e-12
        )
    logits = a @ tensors["output", "W"] + tensors["output", "b"]
    torch.nn.functional.cross_entropy(logits, torch.tensor(Y)).backward()
    for layer in layers:
        own = {
            layer.name.replace("hidden", kind) for kind in ("hidden", "batch norm", "layer norm")
        }
        squares = sum(
            float((tensor.grad**2).sum()) for (name, _), tensor in tensors.items() if name in own
        )
        assert layer.gradient_norm == pytest.approx(np.sqrt(squares), rel=1e-8)


def test_sparse_rows_give_what_dense_rows_give():
    holed = np.where(np.abs(X) > 0.5, X, 0)
    model = fitted(DeepMLPClassifier((6,), random_state=0), x=holed)
    dense = layer_statistics(model, holed, Y)
    sparse = layer_statistics(model, scipy.sparse.csr_array(holed), Y)
    for one, other in zip(dense, sparse, strict=True):
        np.testing.assert_allclose(one.activations, other.activations, rtol=1e-10, atol=1e-13)
        np.testing.assert_allclose(one.gradient, other.gradient, rtol=1e-9, atol=1e-13)


def test_dropout_is_left_out():
    model = fitted(DeepMLPClassifier((6,), dropout=0.5, input_dropout=0.2, random_state=0))
    hidden = layer_statistics(model, X, Y)[0]
    expected = np.maximum(X @ model.coefs_[0] + model.intercepts_[0], 0)
    np.testing.assert_allclose(hidden.activations, expected, rtol=1e-10, atol=1e-13)


def test_an_unfitted_estimator_is_looked_at_where_its_training_starts():
    model = DeepMLPClassifier((6,), activation="tanh", random_state=3)
    layers = layer_statistics(model, X, Y)
    before_any_progress = fitted(model, learning_rate_init=1e-30, max_iter=1)
    for one, other in zip(layers, layer_statistics(before_any_progress, X, Y), strict=True):
        np.testing.assert_allclose(one.activations, other.activations, atol=1e-12)


# ---------------------------------------------------------------------------------- the gradients

DIABETES = scale(load_diabetes(return_X_y=True)[0]), scale(load_diabetes(return_X_y=True)[1])
ESTIMATORS = {
    "plain": (DeepMLPClassifier((5, 4), activation="tanh", random_state=0), X, Y),
    "L2": (DeepMLPClassifier((5, 4), activation="tanh", alpha=30.0, random_state=0), X, Y),
    "L1": (DeepMLPClassifier((5,), alpha=30.0, l1_ratio=1.0, random_state=0), X, Y),
    "adamw": (DeepMLPClassifier((5,), solver="adamw", alpha=30.0, random_state=0), X, Y),
    "batch norm": (DeepMLPClassifier((5, 4), batch_norm=True, random_state=0), X, Y),
    "layer norm": (DeepMLPClassifier((5, 4), layer_norm=True, random_state=0), X, Y),
    "regressor": (DeepMLPRegressor("huber", (5,), activation="mish", random_state=0), *DIABETES),
    "balanced": (DeepMLPClassifier((5,), class_weight="balanced", random_state=0), X, Y > 0),
    "linear": (SoftmaxClassifier(), X, Y),
}


@pytest.mark.parametrize("is_fitted", [False, True])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_gradients_are_those_of_the_gradient_check(name, is_fitted):
    estimator, x, y = ESTIMATORS[name]
    if is_fitted:
        estimator = fitted(estimator, x, y)
    check = gradient_check(estimator, x, y, n_parameters=None)
    layers = layer_statistics(estimator, x, y)
    # Each layer's parameters, and all of them.
    assert sum(layer.gradient.size for layer in layers) == check.gradient.size
    np.testing.assert_allclose(
        np.sort(np.concatenate([layer.gradient for layer in layers])),
        np.sort(check.gradient),
        rtol=1e-10,
        atol=1e-14,
    )
    norms = np.array([layer.gradient_norm for layer in layers])
    assert np.linalg.norm(norms) == pytest.approx(np.linalg.norm(check.gradient))


def test_gradients_vanish_towards_the_input_of_a_deep_logistic_network():
    model = DeepMLPClassifier((10,) * 6, activation="logistic", random_state=0)
    norms = [layer.gradient_norm for layer in layer_statistics(model, X, Y)]
    assert all(one < other for one, other in pairwise(norms))
    assert norms[0] < 1e-3 * norms[-1]


# --------------------------------------------------------------------------------- the dead units


def with_biases(activation, values):
    """A fitted network whose first layer's biases are these."""
    model = fitted(DeepMLPClassifier((4, 3), activation=activation, random_state=0))
    model.intercepts_[0][...] = values
    return model


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "elu", "selu", "gelu"])
def test_units_without_a_slope_are_dead(activation):
    layers = layer_statistics(with_biases(activation, [-1e4, 0, -1e4, 0]), X, Y)
    assert layers[0].dead.tolist() == [True, False, True, False]
    assert layers[0].share_dead == 0.5
    assert not layers[-1].dead.any()


@pytest.mark.parametrize("activation", ["leaky_relu", "identity"])
def test_units_that_always_have_a_slope_never_die(activation):
    layers = layer_statistics(with_biases(activation, -1e4), X, Y)
    assert all(layer.share_dead == 0 for layer in layers)


def test_a_relu_unit_is_dead_where_it_gives_zero_throughout():
    x, y = load_breast_cancer(return_X_y=True)
    x = scale(x)
    model = fitted(DeepMLPClassifier((40, 20), random_state=0), x, y, learning_rate_init=0.3)
    for layer in layer_statistics(model, x, y)[:-1]:
        np.testing.assert_array_equal(layer.dead, (layer.activations == 0).all(axis=0))
    assert 0 < layer_statistics(model, x, y)[1].share_dead < 1


def test_a_dead_layer_stops_all_gradients_before_it():
    model = fitted(DeepMLPClassifier((4, 3), alpha=0, random_state=0))
    model.intercepts_[1][...] = -1e4
    first, second, output = layer_statistics(model, X, Y)
    assert second.share_dead == 1
    assert first.gradient_norm == second.gradient_norm == 0 < output.gradient_norm


def test_a_row_without_weight_makes_no_unit_alive():
    model = with_biases("relu", 0.0)
    model.coefs_[0][...] = 0
    model.coefs_[0][0, 0] = 1
    weights = (X[:, 0] <= 0).astype(float)
    assert not layer_statistics(model, X, Y)[0].dead[0]
    assert layer_statistics(model, X, Y, weights)[0].dead[0]


# --------------------------------------------------------------------------------- the estimator


@pytest.mark.parametrize("name", ESTIMATORS)
def test_the_estimator_is_left_as_it_was(name):
    estimator, x, y = ESTIMATORS[name]
    for subject in (clone(estimator), fitted(estimator, x, y)):
        before = pickle.dumps(subject)
        layer_statistics(subject, x, y)
        assert pickle.dumps(subject) == before


@pytest.mark.parametrize(
    "other", [make_pipeline(StandardScaler(), DeepMLPClassifier()), DeepMLPClassifier, None]
)
def test_other_estimators_are_refused(other):
    with pytest.raises(TypeError, match="estimator must be one of skdeep's"):
        layer_statistics(other, X, Y)


def test_rows_that_do_not_go_with_the_estimator_are_refused():
    model = fitted(DeepMLPClassifier((4,), random_state=0))
    with pytest.raises(ValueError, match="features"):
        layer_statistics(model, X[:, :2], Y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        layer_statistics(model, X, Y[:10])
