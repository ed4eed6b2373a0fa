"""The deep networks: what they learn, from targets and weights of every kind."""

import numpy as np
import pytest
import scipy.sparse
from networks import BOTH, SOLVERS, forward, small
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, log_softmax, softmax
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags

from skdeep import DeepMLPClassifier, DeepMLPRegressor
from skdeep._engine.losses import REGRESSION_LOSSES

# A budget of epochs is what most of these fits end with.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.slow
def test_accuracy_is_scikit_learns():
    # The mean over three seeds: one seed's accuracy varies by more than the bound.
    X, y = load_digits(return_X_y=True)
    ours, theirs = (
        np.mean(
            [
                cross_val_score(make_pipeline(StandardScaler(), C(random_state=seed)), X, y, cv=5)
                for seed in range(3)
            ]
        )
        for C in (DeepMLPClassifier, MLPClassifier)
    )
    assert ours > theirs - 0.003


def xor(n=80):
    X = np.random.default_rng(0).uniform(-1, 1, (n, 2))
    return X, (X[:, 0] * X[:, 1] > 0).astype(int)


@pytest.mark.parametrize("solver", SOLVERS)
def test_learns_what_no_linear_model_can(solver):
    X, y = xor()
    model = DeepMLPClassifier(
        (20,), solver=solver, learning_rate_init=0.03, max_iter=150, random_state=0, batch_size=20
    )
    assert model.fit(X, y).score(X, y) > 0.95
    assert small(DeepMLPClassifier, hidden_layer_sizes=(), max_iter=50).fit(X, y).score(X, y) < 0.75


@pytest.mark.parametrize(
    "activation",
    [
        "identity",
        "logistic",
        "sigmoid",
        "tanh",
        "relu",
        "leaky_relu",
        "elu",
        "selu",
        "gelu",
        "silu",
        "mish",
        "softplus",
    ],
)
@BOTH
def test_every_activation_lowers_the_loss(Estimator, activation, data):
    X, y = data[0], data[1][Estimator]
    model = small(Estimator, activation=activation, max_iter=40, learning_rate_init=0.01).fit(X, y)
    assert model.loss_curve_[-1] < 0.9 * model.loss_curve_[0]


def test_one_activation_per_layer(data):
    X, y = data[0], data[1][DeepMLPClassifier]
    mixed, one, two = (
        small(DeepMLPClassifier, activation=activation).fit(X, y).loss_
        for activation in (["tanh", "relu"], "tanh", "relu")
    )
    assert len({mixed, one, two}) == 3
    named = small(DeepMLPClassifier, activation="sigmoid").fit(X, y)
    assert named.loss_ == small(DeepMLPClassifier, activation="logistic").fit(X, y).loss_


LOSSES = {
    "squared_error": lambda y, z: 0.5 * (y - z) ** 2,
    "absolute_error": lambda y, z: np.abs(y - z),
    "huber": lambda y, z: np.where(
        np.abs(y - z) <= 0.3, 0.5 * (y - z) ** 2, 0.3 * (np.abs(y - z) - 0.15)
    ),
    "poisson": lambda y, z: np.exp(z) - y * z + y * np.log(y) - y,
    "quantile": lambda y, z: np.where(y > z, 0.8 * (y - z), 0.2 * (z - y)),
    "gamma": lambda y, z: z + y / np.exp(z) - np.log(y) - 1,
}


@pytest.mark.parametrize("loss", REGRESSION_LOSSES)
def test_loss_curve_begins_at_J_of_the_initial_weights(loss, data):
    X, y = data[0], data[1][DeepMLPRegressor]
    if get_tags(DeepMLPRegressor(loss)).target_tags.positive_only:
        y = np.abs(y) + 0.1
    settings = {"loss": loss, "huber_delta": 0.3, "quantile": 0.8, "alpha": 2.0}
    model = small(DeepMLPRegressor, batch_size="full", **settings)
    z, squares = initial_outputs(model, X, y)
    expected = LOSSES[loss](y, z[:, 0]).mean() + 2.0 / (2 * 60) * squares
    assert model.fit(X, y).loss_curve_[0] == pytest.approx(expected, rel=1e-12)


def initial_outputs(model, X, y):
    """Raw outputs and Σ W² before any step: a fit whose steps are too short to tell."""
    start = clone(model).set_params(max_iter=1, solver="sgd", learning_rate_init=1e-300).fit(X, y)
    return forward(start, X), sum((W**2).sum() for W in start.coefs_)


def test_loss_curve_of_a_weighted_classifier_begins_at_J(data):
    X, y = data[0], data[1][DeepMLPClassifier]
    w = np.random.default_rng(0).integers(0, 4, 60)
    model = small(DeepMLPClassifier, alpha=3.0, batch_size="full", label_smoothing=0.1)
    z, squares = initial_outputs(model, X, y)
    targets = 0.9 * np.eye(3)[y] + 0.1 / 3
    losses = -(targets * log_softmax(z, axis=1)).sum(axis=1)
    expected = (w @ losses + 3.0 / 2 * squares) / w.sum()
    assert model.fit(X, y, w).loss_curve_[0] == pytest.approx(expected, rel=1e-12)


def test_poisson_predicts_counts(data):
    X = data[0]
    y = np.random.default_rng(0).poisson(np.exp(0.5 * X[:, 0]))
    model = small(DeepMLPRegressor, loss="poisson", max_iter=150, learning_rate_init=0.01)
    predicted = model.fit(X, y).predict(X)
    assert np.all(predicted > 0)
    assert predicted.mean() == pytest.approx(y.mean(), rel=0.1)
    assert_allclose(predicted, np.exp(forward(model, X)[:, 0]), rtol=1e-10)


def test_absolute_error_finds_the_median_and_squared_error_the_mean():
    y = np.concatenate([np.zeros(60), np.full(40, 10.0)])
    X = np.zeros((100, 1))
    settings = {"hidden_layer_sizes": (), "solver": "sgd", "max_iter": 300, "batch_size": "full"}
    settings |= {"learning_rate_init": 0.1, "random_state": 0, "tol": 0}
    mean = DeepMLPRegressor("squared_error", **settings).fit(X, y).predict(X[:1])
    median = DeepMLPRegressor("absolute_error", **settings).fit(X, y).predict(X[:1])
    assert mean[0] == pytest.approx(4.0, abs=0.01)
    assert median[0] == pytest.approx(0.0, abs=0.2)


@pytest.mark.parametrize("labels", [["no", "yes"], [-1, 1], [False, True], [3.0, 7.0]], ids=str)
def test_two_classes(labels, data):
    X = data[0]
    y = np.array(labels)[(X[:, 0] > 0).astype(int)]
    model = small(DeepMLPClassifier, max_iter=60, learning_rate_init=0.01).fit(X, y)
    assert_array_equal(model.classes_, np.unique(labels))
    assert model.n_outputs_ == 1
    assert model.out_activation_ == "logistic"
    z = model.decision_function(X)
    assert z.shape == (60,)
    assert_allclose(model.predict_proba(X), np.column_stack([expit(-z), expit(z)]), rtol=1e-10)
    assert_array_equal(model.predict(X), np.array(labels)[(z > 0).astype(int)])
    assert model.score(X, y) > 0.9


def test_three_classes(data):
    X, y = data[0], data[1][DeepMLPClassifier]
    labels = np.array(["c", "a", "b"])
    model = small(DeepMLPClassifier, max_iter=60, learning_rate_init=0.01).fit(X, labels[y])
    assert_array_equal(model.classes_, ["a", "b", "c"])
    assert model.n_outputs_ == 3
    assert model.out_activation_ == "softmax"
    p = model.predict_proba(X)
    assert_allclose(p.sum(axis=1), 1, rtol=1e-12)
    assert_allclose(p, softmax(model.decision_function(X), axis=1), rtol=1e-10)
    assert_allclose(model.predict_log_proba(X), np.log(p), rtol=1e-8)
    assert_array_equal(model.predict(X), model.classes_[p.argmax(axis=1)])
    assert model.score(X, labels[y]) > 0.8


@pytest.mark.parametrize(
    "container", [np.asarray, scipy.sparse.csr_matrix, scipy.sparse.csc_array, lambda Y: Y.tolist()]
)
def test_many_labels(container, data):
    X, y = data[0], data[1][DeepMLPClassifier]
    Y = np.column_stack([X[:, 0] > 0, y == 1, np.ones(60)]).astype(int)
    model = small(DeepMLPClassifier, max_iter=60, learning_rate_init=0.01)
    expected = clone(model).fit(X, Y)
    model.fit(X, container(Y))
    assert model.n_outputs_ == 3
    assert model.out_activation_ == "logistic"
    assert model.predict_proba(X).shape == (60, 3)
    assert_allclose(model.predict_proba(X), expit(model.decision_function(X)), rtol=1e-10)
    assert_array_equal(model.predict_proba(X), expected.predict_proba(X))
    predicted = model.predict(X)
    assert scipy.sparse.issparse(predicted) == scipy.sparse.issparse(container(Y))
    if scipy.sparse.issparse(predicted):
        predicted = predicted.toarray()
    assert_array_equal(predicted, model.predict_proba(X) > 0.5)
    assert (predicted == Y).mean() > 0.85


def test_many_outputs(data):
    X, y = data[0], data[1][DeepMLPRegressor]
    Y = np.column_stack([y, -y, y**2])
    model = small(DeepMLPRegressor, max_iter=200, learning_rate_init=0.01).fit(X, Y)
    assert model.predict(X).shape == (60, 3)
    assert model.n_outputs_ == 3
    assert model.score(X, Y) > 0.8


def test_a_column_is_one_output_with_a_warning(data):
    X, y = data[0], data[1][DeepMLPRegressor]
    with pytest.warns(UserWarning, match="column-vector y"):
        model = small(DeepMLPRegressor).fit(X, y[:, np.newaxis])
    assert_array_equal(model.predict(X), small(DeepMLPRegressor).fit(X, y).predict(X))


@pytest.mark.parametrize(
    "settings", [{}, {"batch_norm": True}, {"layer_norm": True}, {"solver": "lbfgs"}], ids=str
)
@BOTH
def test_an_integer_weight_is_that_many_copies(Estimator, settings, data):
    X, y = data[0], data[1][Estimator]
    w = np.random.default_rng(0).integers(0, 4, 60)
    model = small(Estimator, batch_size="full", **settings)
    weighted = clone(model).fit(X, y, w)
    copied = clone(model).fit(X.repeat(w, axis=0), y.repeat(w))
    for ours, theirs in zip(weighted.coefs_, copied.coefs_, strict=True):
        assert_allclose(ours, theirs, rtol=0, atol=1e-6)
    assert_allclose(weighted.loss_curve_, copied.loss_curve_, rtol=1e-6)
    assert_allclose(weighted.predict(X), copied.predict(X), rtol=0, atol=1e-5)


def test_class_weight_is_sample_weight(data):
    X, y = data[0], data[1][DeepMLPClassifier]
    y = np.where(np.arange(60) < 20, 0, y)
    counts = np.bincount(y)
    for class_weight, w in (
        ({0: 2.0, 2: 0.5}, np.array([2.0, 1.0, 0.5])[y]),
        ("balanced", (60 / (3 * counts))[y]),
    ):
        model = small(DeepMLPClassifier, class_weight=class_weight).fit(X, y)
        expected = small(DeepMLPClassifier).fit(X, y, w)
        assert_array_equal(model.coefs_[0], expected.coefs_[0])
        twice = small(DeepMLPClassifier, class_weight=class_weight).fit(X, y, np.full(60, 2.0))
        assert_allclose(
            twice.coefs_[0], small(DeepMLPClassifier).fit(X, y, 2 * w).coefs_[0], rtol=1e-12
        )


def test_class_weight_moves_predictions():
    X = np.random.default_rng(0).normal(size=(200, 2))
    y = (X[:, 0] + np.random.default_rng(1).normal(size=200) > 1.5).astype(int)
    shares = [
        small(DeepMLPClassifier, class_weight=weight, max_iter=30).fit(X, y).predict(X).mean()
        for weight in (None, "balanced")
    ]
    assert shares[1] > shares[0] + 0.1


@pytest.mark.parametrize("batch_size", [6, 20, 60])
def test_alpha_means_the_same_at_every_batch_size(batch_size):
    # With nothing to learn, gd decays W by 1 − lr·alpha/m per step: no batch size in it.
    X, y = np.zeros((60, 3)), np.zeros(60)
    settings = {"hidden_layer_sizes": (), "solver": "sgd", "momentum": 0, "random_state": 0}
    settings |= {"learning_rate_init": 0.1, "batch_size": batch_size, "tol": 0}
    start = DeepMLPRegressor(alpha=0.0, max_iter=1, **settings).fit(X, y).coefs_[0]
    model = DeepMLPRegressor(alpha=30.0, max_iter=4, **settings).fit(X, y)
    steps = 4 * 60 // batch_size
    assert_allclose(model.coefs_[0], start * (1 - 0.1 * 30.0 / 60) ** steps, rtol=1e-12)


def test_alpha_is_scikit_learns_by_training_rows_over_batch(data):
    # One step from the same weights; theirs divides alpha by the batch, ours by the rows.
    X, y = data[0], data[1][DeepMLPRegressor]
    settings = {"hidden_layer_sizes": (4,), "activation": "tanh", "solver": "sgd", "momentum": 0}
    settings |= {"batch_size": 20, "shuffle": False, "learning_rate_init": 0.05, "max_iter": 1}
    theirs = MLPRegressor(alpha=0.5, random_state=0, **settings).fit(X, y)
    start = MLPRegressor(
        alpha=0.5, random_state=0, **(settings | {"learning_rate_init": 1e-300})
    ).fit(X, y)
    model = DeepMLPRegressor(alpha=0.5 * 60 / 20, random_state=0, **settings)
    model.set_params(learning_rate_init=1e-300, warm_start=True).fit(X, y)
    for ours, weights in zip(
        [*model.coefs_, *model.intercepts_], [*start.coefs_, *start.intercepts_], strict=True
    ):
        ours[...] = weights
    model.set_params(learning_rate_init=0.05).fit(X, y)
    for ours, weights in zip(model.coefs_, theirs.coefs_, strict=True):
        assert_allclose(ours, weights, rtol=1e-10)


def test_l1_makes_exact_zeros(data):
    X, y = data[0], data[1][DeepMLPRegressor]
    model = small(DeepMLPRegressor, alpha=20.0, l1_ratio=1.0, max_iter=60, learning_rate_init=0.01)
    zeros = sum((W == 0).sum() for W in model.fit(X, y).coefs_)
    assert zeros > 5
    assert all((W != 0).all() for W in small(DeepMLPRegressor, alpha=20.0).fit(X, y).coefs_)
