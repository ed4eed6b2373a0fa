"""DeepMLPClassifier and DeepMLPRegressor: what they learn, report, accept and keep.

Targets of every kind, every loss, weights, dtypes, frames, sparse and mapped X; the dev set and
early stopping; and the promise that what is in `coefs_` and `intercepts_` is the model.
"""

import contextlib
import copy
import io
import pickle
import tracemalloc

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, log_softmax, softmax
from sklearn.base import clone, is_classifier
from sklearn.datasets import load_digits, load_iris, make_classification
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.metrics import accuracy_score, log_loss, make_scorer
from sklearn.model_selection import cross_val_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.validation import _get_feature_names

from skdeep import DeepMLPClassifier, DeepMLPRegressor
from skdeep._engine.losses import REGRESSION_LOSSES
from skdeep._engine.solvers import SOLVERS as ROWS

BOTH = pytest.mark.parametrize("Estimator", [DeepMLPClassifier, DeepMLPRegressor])
SOLVERS = [name for name, row in ROWS.items() if row.takes_hidden_layers]

# A budget of epochs is what most of these fits end with.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def small(Estimator, **kwargs):
    settings = {"hidden_layer_sizes": (6, 5), "max_iter": 4, "random_state": 0, "batch_size": 16}
    return Estimator(**(settings | kwargs))


@pytest.fixture(scope="module")
def data():
    """60 rows of X, three classes, a number and a count that depend on it."""
    X, classes = make_classification(
        60, 4, n_informative=3, n_redundant=0, n_classes=3, n_clusters_per_class=1, random_state=0
    )
    real = X @ [1.0, -1.0, 0.5, 0.0] + 0.1 * np.sin(np.arange(60))
    return X, {DeepMLPClassifier: classes, DeepMLPRegressor: real}


# ---------------------------------------------------------------------------------- what it learns


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


# --------------------------------------------------------------------------- targets of all kinds


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


# -------------------------------------------------------------------------------------- weights


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


# ------------------------------------------------------------------------------------ attributes


def forward(model, X):
    """The raw outputs, from coefs_ and intercepts_ alone (relu, no batch norm)."""
    for W, b in zip(model.coefs_[:-1], model.intercepts_[:-1], strict=True):
        X = np.maximum(X @ W + b, 0)
    return X @ model.coefs_[-1] + model.intercepts_[-1]


@pytest.mark.parametrize("settings", [{}, {"dropout": 0.5, "input_dropout": 0.2}], ids=str)
def test_coefs_and_intercepts_are_the_model(settings, data):
    X, y = data[0], data[1][DeepMLPClassifier]
    model = small(DeepMLPClassifier, **settings).fit(X, y)
    assert [W.shape for W in model.coefs_] == [(4, 6), (6, 5), (5, 3)]
    assert [b.shape for b in model.intercepts_] == [(6,), (5,), (3,)]
    assert_allclose(model.predict_proba(X), softmax(forward(model, X), axis=1), rtol=1e-10)
    regressor = small(DeepMLPRegressor, **settings).fit(X, data[1][DeepMLPRegressor])
    assert_allclose(regressor.predict(X), forward(regressor, X)[:, 0], rtol=1e-10)


def test_coefs_are_views(data):
    X, y = data[0], data[1][DeepMLPRegressor]
    model = small(DeepMLPRegressor).fit(X, y)
    model.coefs_[-1][...] = 0
    model.intercepts_[-1][...] = 7
    assert_array_equal(model.predict(X), 7)


@pytest.mark.parametrize("norm", ["batch_norm", "layer_norm"])
def test_norm_shapes_and_predictions(norm, data):
    X, y = data[0], data[1][DeepMLPClassifier]
    model = small(DeepMLPClassifier, **{norm: True}).fit(X, y)
    assert [b.shape for b in model.intercepts_] == [(6,), (5,), (3,)]  # of hidden layers, β
    # Statistics are those of training: rows are predicted one by one as all at once.
    assert_allclose(model.predict_proba(X[:1]), model.predict_proba(X)[:1], rtol=1e-10)


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("early_stopping", [False, True])
@BOTH
def test_has_every_attribute_of_scikit_learns(Estimator, early_stopping, solver, data):
    X, y = data[0], data[1][Estimator]
    Theirs = {DeepMLPClassifier: MLPClassifier, DeepMLPRegressor: MLPRegressor}[Estimator]
    settings = {"solver": solver, "early_stopping": early_stopping and solver != "lbfgs"}
    settings |= {"max_iter": 5, "random_state": 0, "validation_fraction": 0.2}
    theirs, ours = (C(**settings).fit(X, y) for C in (Theirs, Estimator))
    names = {n for n in vars(theirs) if n.endswith("_") and not n.startswith("_")}
    for name in sorted(names):
        expected, found = getattr(theirs, name), getattr(ours, name)
        assert (expected is None) == (found is None), name
        if isinstance(expected, list):
            assert len(found) == len(expected), name
    assert ours.t_ == theirs.t_ if solver != "lbfgs" else ours.t_ > 0
    for name in ("n_iter_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(ours, name) == getattr(theirs, name) or name == "n_iter_"


def test_parameters_are_scikit_learns():
    own = {"alpha": "meaning", "batch_size": "meaning"}
    for Ours, Theirs in ((DeepMLPClassifier, MLPClassifier), (DeepMLPRegressor, MLPRegressor)):
        ours, theirs = Ours().get_params(), Theirs().get_params()
        assert theirs.keys() <= ours.keys()
        assert {name: ours[name] for name in theirs if name not in own} == {
            name: value for name, value in theirs.items() if name not in own
        }


@pytest.mark.parametrize("sizes", [(), 7, (7,), [7, 3], np.array([7, 3])], ids=str)
def test_hidden_layer_sizes(sizes, data):
    X, y = data[0], data[1][DeepMLPRegressor]
    model = small(DeepMLPRegressor, hidden_layer_sizes=sizes).fit(X, y)
    widths = [int(n) for n in np.atleast_1d(np.array(sizes, dtype=int))]
    assert [W.shape for W in model.coefs_] == list(zip([4, *widths], [*widths, 1], strict=True))
    assert model.n_layers_ == len(widths) + 2


WEIGHT_INITS = {
    "he_normal": 2 / 300,
    "he_uniform": 2 / 300,
    "glorot_normal": 2 / 500,
    "glorot_uniform": 2 / 500,
    "lecun_normal": 1 / 300,
    "lecun_uniform": 1 / 300,
    "small_random": 1e-4,
    "zeros": 0,
}


@pytest.mark.parametrize(
    ("activation", "name"),
    [
        *((None, name) for name in WEIGHT_INITS),
        ("relu", "glorot_uniform"),
        ("tanh", "glorot_uniform"),
        ("selu", "lecun_normal"),
    ],
)
def test_weight_init(activation, name):
    settings = {"weight_init": name} if activation is None else {"activation": activation}
    model = DeepMLPRegressor(
        hidden_layer_sizes=(200,), random_state=0, max_iter=1, solver="sgd", **settings
    )
    X = np.ones((3, 300))
    W = model.set_params(learning_rate_init=1e-300).fit(X, np.zeros(3)).coefs_[0]
    assert W.var() == pytest.approx(WEIGHT_INITS[name], rel=0.05)
    if name.endswith("uniform"):
        assert np.abs(W).max() <= np.sqrt(3 * WEIGHT_INITS[name])


# ------------------------------------------------------------------------ dtypes and containers


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


# ----------------------------------------------------------------- the dev set and early stopping


def test_a_given_dev_set_is_watched(data):
    X, y = data[0], data[1][DeepMLPClassifier]
    w = np.random.default_rng(0).uniform(size=20)
    model = small(DeepMLPClassifier)
    model.fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:], sample_weight_val=w)
    assert len(model.validation_scores_) == len(model.validation_loss_curve_) == 4
    p = model.predict_proba(X[40:])
    assert model.validation_scores_[-1] == pytest.approx(model.score(X[40:], y[40:], w))
    assert model.validation_loss_curve_[-1] == pytest.approx(
        log_loss(y[40:], p, sample_weight=w, labels=[0, 1, 2])
    )
    assert model.best_epoch_ == np.argmax(model.validation_scores_)
    assert model.best_validation_score_ == max(model.validation_scores_)
    unwatched = small(DeepMLPClassifier).fit(X[:40], y[:40])
    assert_array_equal(model.coefs_[0], unwatched.coefs_[0])
    for name in ("validation_scores_", "validation_loss_curve_", "best_validation_score_"):
        assert getattr(unwatched, name) is None
    assert unwatched.best_epoch_ is None


def test_watched_regressor_scores_r2(data):
    X, y = data[0], data[1][DeepMLPRegressor]
    model = small(DeepMLPRegressor).fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    assert model.validation_scores_[-1] == pytest.approx(model.score(X[40:], y[40:]))
    losses = 0.5 * (model.predict(X[40:]) - y[40:]) ** 2
    assert model.validation_loss_curve_[-1] == pytest.approx(losses.mean())


def overfitting(Estimator, **kwargs):
    """A model whose dev score has its best long before the end."""
    settings = {"hidden_layer_sizes": (30,), "learning_rate_init": 0.05, "max_iter": 60}
    settings |= {"early_stopping": True, "n_iter_no_change": 4, "tol": 0.0, "random_state": 0}
    return Estimator(**(settings | kwargs))


@pytest.mark.parametrize(
    "settings", [{}, {"dropout": 0.3}, {"batch_norm": True}, {"layer_norm": True}], ids=str
)
@pytest.mark.parametrize("held_out", [False, True], ids=["X_val", "held out"])
@BOTH
def test_early_stopping_restores_the_best_epoch(Estimator, held_out, settings, data):
    X, y = data[0], data[1][Estimator]
    dev = {} if held_out else {"X_val": X[40:], "y_val": y[40:]}
    X, y = (X, y) if held_out else (X[:40], y[:40])
    model = overfitting(Estimator, scoring="loss", **settings).fit(X, y, **dev)
    scores = np.array(model.validation_scores_)
    assert model.n_iter_ < 60
    assert model.best_epoch_ == scores.argmax() < model.n_iter_ - 1
    assert model.best_validation_score_ == scores.max()
    assert model.best_loss_ is None
    until_best = clone(model).set_params(max_iter=model.best_epoch_ + 1).fit(X, y, **dev)
    assert until_best.n_iter_ == model.best_epoch_ + 1
    for mine, expected in zip(model.coefs_, until_best.coefs_, strict=True):
        assert_array_equal(mine, expected)
    assert_array_equal(model.predict(X), until_best.predict(X))


@BOTH
def test_early_stopping_counts_as_scikit_learn_does(Estimator, data):
    X, y = data[0], data[1][Estimator]
    model = overfitting(Estimator, tol=1e-3, scoring="loss").fit(X, y)
    scores, best, stalled = model.validation_scores_, -np.inf, 0
    for epoch, score in enumerate(scores):
        stalled = stalled + 1 if score < best + 1e-3 else 0
        best = max(best, score)
        assert (stalled > 4) == (epoch == len(scores) - 1)


def test_without_early_stopping_the_training_loss_decides(data):
    X, y = data[0], data[1][DeepMLPRegressor]
    model = overfitting(DeepMLPRegressor, early_stopping=False, tol=0.05, max_iter=300).fit(X, y)
    curve, best, stalled = model.loss_curve_, np.inf, 0
    assert model.n_iter_ < 300
    for epoch, loss in enumerate(curve):
        stalled = stalled + 1 if loss > best - 0.05 else 0
        best = min(best, loss)
        assert (stalled > 4) == (epoch == len(curve) - 1)
    assert model.best_loss_ == best


def test_held_out_fraction_is_stratified_and_left_out():
    # One class in ten rows: stratified, every tenth is held out of both.
    X = np.arange(100.0)[:, np.newaxis] / 100
    y = (np.arange(100) % 10 == 0).astype(int)
    model = small(DeepMLPClassifier, early_stopping=True, validation_fraction=0.2, scoring=recorder)
    SEEN.clear()
    model.fit(X, y)
    rows, labels = SEEN[0]
    assert rows.shape == (20, 1)
    assert labels.sum() == 2
    # Trained on the other 80 rows: t_ counts rows.
    assert model.t_ == 80 * model.n_iter_


SEEN = []


def recorder(estimator, X, y):
    SEEN.append((X, y))
    return accuracy_score(y, estimator.predict(X))


@pytest.mark.parametrize(
    "scoring",
    ["accuracy", "neg_log_loss", make_scorer(accuracy_score), recorder],
    ids=["accuracy", "neg_log_loss", "scorer", "function"],
)
def test_scoring_of_a_classifier(scoring, data):
    X, y = data[0], data[1][DeepMLPClassifier]
    model = small(DeepMLPClassifier, scoring=scoring)
    model.fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    if scoring == "neg_log_loss":
        expected = -log_loss(y[40:], model.predict_proba(X[40:]), labels=[0, 1, 2])
    else:
        expected = model.score(X[40:], y[40:])
    assert model.validation_scores_[-1] == pytest.approx(expected)


def test_scoring_none_is_the_score_method_and_loss_is_minus_the_loss(data):
    X, y = data[0], data[1][DeepMLPClassifier]
    dev = {"X_val": X[40:], "y_val": y[40:]}
    model = small(DeepMLPClassifier, scoring="loss").fit(X[:40], y[:40], **dev)
    assert model.validation_scores_ == [-loss for loss in model.validation_loss_curve_]
    model = small(DeepMLPClassifier, scoring=None).fit(X[:40], y[:40], **dev)
    named = small(DeepMLPClassifier, scoring="accuracy").fit(X[:40], y[:40], **dev)
    assert_allclose(model.validation_scores_, named.validation_scores_)
    regressor = small(DeepMLPRegressor, scoring="neg_mean_absolute_error")
    real = data[1][DeepMLPRegressor]
    regressor.fit(X[:40], real[:40], X_val=X[40:], y_val=real[40:])
    expected = -np.abs(regressor.predict(X[40:]) - real[40:]).mean()
    assert regressor.validation_scores_[-1] == pytest.approx(expected)


def test_scoring_of_weighted_rows(data):
    X, y = data[0], data[1][DeepMLPClassifier]
    w = np.random.default_rng(0).integers(0, 3, 60)
    dev = {"X_val": X[40:], "y_val": y[40:], "sample_weight_val": w[40:]}
    for scoring in (None, "accuracy"):
        model = small(DeepMLPClassifier, scoring=scoring).fit(X[:40], y[:40], **dev)
        expected = model.score(X[40:], y[40:], w[40:])
        assert model.validation_scores_[-1] == pytest.approx(expected)


def test_many_labels_score_subset_accuracy(data):
    X, y = data[0], data[1][DeepMLPClassifier]
    Y = np.column_stack([X[:, 0] > 0, y == 1]).astype(int)
    model = small(DeepMLPClassifier).fit(X[:40], Y[:40], X_val=X[40:], y_val=Y[40:])
    assert model.validation_scores_[-1] == pytest.approx(model.score(X[40:], Y[40:]))


def test_a_weighted_held_out_fraction_scores_with_its_weights(data):
    X, y = data[0], data[1][DeepMLPRegressor]
    w = np.where(np.arange(60) < 30, 1.0, 0.0)
    settings = {"early_stopping": True, "validation_fraction": 0.4, "max_iter": 1}
    model = small(DeepMLPRegressor, **settings).fit(X, y, w)
    spoilt = np.where(w > 0, y, 1e3)  # rows without weight are neither learnt nor scored
    assert_array_equal(
        model.validation_scores_,
        small(DeepMLPRegressor, **settings).fit(X, spoilt, w).validation_scores_,
    )
    assert (
        model.validation_scores_ != small(DeepMLPRegressor, **settings).fit(X, y).validation_scores_
    )


def test_a_column_as_dev_target(data):
    X, y = data[0], data[1][DeepMLPRegressor]
    flat, column = (
        small(DeepMLPRegressor).fit(X, y, X_val=X, y_val=y_val) for y_val in (y, y[:, np.newaxis])
    )
    assert flat.validation_scores_ == column.validation_scores_


def test_many_labels_with_class_weights_and_a_held_out_fraction(data):
    X, y = data[0], data[1][DeepMLPClassifier]
    Y = np.column_stack([X[:, 0] > 0, y == 1]).astype(int)
    settings = {"early_stopping": True, "class_weight": [{0: 1.0, 1: 2.0}, {0: 1.0, 1: 3.0}]}
    model = small(DeepMLPClassifier, **settings).fit(X, scipy.sparse.csr_array(Y))
    # A row's weight is the product of its labels'.
    expected = small(DeepMLPClassifier, early_stopping=True).fit(
        X, Y, 2.0 ** Y[:, 0] * 3.0 ** Y[:, 1]
    )
    assert_array_equal(model.coefs_[0], expected.coefs_[0])


# ----------------------------------------------------------------- while it trains, and how it ends


def printed_by(model, X, y, **kwargs):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        model.fit(X, y, **kwargs)
    return out.getvalue()


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@BOTH
def test_verbose(Estimator, solver, data):
    X, y = data[0], data[1][Estimator]
    model = small(Estimator, solver=solver, verbose=True)
    text = printed_by(model, X, y, X_val=X, y_val=y)
    lines = text.splitlines()
    assert f"Iteration 1, loss = {model.loss_curve_[0]:.8f}" in lines
    assert f"Iteration 4, loss = {model.loss_curve_[3]:.8f}" in lines
    assert f"Validation score: {model.validation_scores_[3]:f}" in lines
    assert printed_by(model.set_params(verbose=False), X, y, X_val=X, y_val=y) == ""


def test_verbose_says_why_it_stops(data):
    X, y = data[0], data[1][DeepMLPRegressor]
    impatient = {"tol": 10.0, "n_iter_no_change": 1, "verbose": True}
    text = printed_by(small(DeepMLPRegressor, **impatient), X, y)
    assert "Training loss did not improve more than tol=10.000000 for 1 consecutive epochs" in text
    assert text.endswith("Stopping.\n")
    text = printed_by(small(DeepMLPRegressor, early_stopping=True, **impatient), X, y)
    assert "Validation score did not improve" in text
    adaptive = {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.05}
    text = printed_by(small(DeepMLPRegressor, **impatient, **adaptive), X, y)
    assert "Setting learning rate to 0.010000" in text


class Interrupt:
    """A schedule that stands in for Ctrl-C at the start of an epoch."""

    def __init__(self, epoch):
        self.epoch = epoch

    def __call__(self, epoch):
        if epoch == self.epoch:
            raise KeyboardInterrupt
        return 1.0


@BOTH
def test_ctrl_c_keeps_the_model(Estimator, data):
    X, y = data[0], data[1][Estimator]
    model = small(Estimator, learning_rate=Interrupt(3), max_iter=10)
    with pytest.warns(UserWarning, match="interrupted"):
        model.fit(X, y)
    assert model.n_iter_ == 3
    expected = small(Estimator, max_iter=3).fit(X, y)
    assert_array_equal(model.coefs_[0], expected.coefs_[0])
    assert_array_equal(model.predict(X), expected.predict(X))
    # And training can go on from there.
    model.set_params(learning_rate="constant").partial_fit(X, y)
    assert_array_equal(model.coefs_[0], small(Estimator, max_iter=4).fit(X, y).coefs_[0])


def test_ctrl_c_before_the_first_epoch_keeps_the_start(data):
    X, y = data[0], data[1][DeepMLPRegressor]
    model = small(DeepMLPRegressor, learning_rate=Interrupt(0))
    with pytest.warns(UserWarning, match="interrupted"):
        model.fit(X, y)
    assert model.n_iter_ == 0
    assert model.loss_curve_ == []
    assert np.all(np.isfinite(model.predict(X)))


def test_ctrl_c_with_early_stopping_restores_the_best(data):
    X, y = data[0], np.random.default_rng(0).permutation(data[1][DeepMLPClassifier])
    model = overfitting(DeepMLPClassifier, n_iter_no_change=50, scoring="loss")
    whole = clone(model).fit(X, y)
    assert whole.best_epoch_ < whole.n_iter_ - 2
    after = whole.best_epoch_ + 2
    with pytest.warns(UserWarning, match="interrupted"):
        model.set_params(learning_rate=Interrupt(after)).fit(X, y)
    assert model.best_epoch_ == whole.best_epoch_
    assert_array_equal(model.coefs_[0], whole.coefs_[0])


@pytest.mark.parametrize(
    ("solver", "message"),
    [
        ("adam", r"Maximum iterations \(2\) reached"),
        ("lbfgs", r"lbfgs failed to converge after 2 iteration.*max_iter \(now 2\)"),
    ],
)
@BOTH
def test_unfinished_training_is_told(Estimator, solver, message, data):
    model = small(Estimator, solver=solver, max_iter=2)
    with pytest.warns(ConvergenceWarning, match=f"(?s){message}"):
        model.fit(data[0], data[1][Estimator])
    assert model.n_iter_ == 2


def test_warnings_point_at_the_users_line(data):
    with pytest.warns(ConvergenceWarning) as told:
        small(DeepMLPRegressor).fit(data[0], data[1][DeepMLPRegressor])
    assert told[0].filename == __file__


def test_gradient_clip_bounds_the_step(data):
    X, y = data[0], data[1][DeepMLPRegressor]
    settings = {"solver": "sgd", "momentum": 0, "learning_rate_init": 1.0, "max_iter": 1}
    settings |= {"batch_size": "full", "alpha": 0}
    start = small(DeepMLPRegressor, **(settings | {"learning_rate_init": 1e-300})).fit(X, y)
    model = small(DeepMLPRegressor, gradient_clip=0.01, **settings).fit(X, y)
    moved = [
        (after - before).ravel()
        for after, before in zip(
            [*model.coefs_, *model.intercepts_], [*start.coefs_, *start.intercepts_], strict=True
        )
    ]
    assert np.linalg.norm(np.concatenate(moved)) == pytest.approx(0.01, rel=1e-10)


def test_dropout_is_off_when_predicting(data):
    X, y = data[0], data[1][DeepMLPRegressor]
    model = small(DeepMLPRegressor, dropout=0.5, input_dropout=0.5).fit(X, y)
    assert_array_equal(model.predict(X), model.predict(X))
    assert_allclose(model.predict(X), forward(model, X)[:, 0], rtol=1e-10)


def test_many_classes_too_rare_to_stratify_are_told():
    X = np.random.default_rng(0).normal(size=(30, 3))
    y = np.r_[np.arange(29) % 2, 2]
    with pytest.warns(UserWarning, match="not stratified"):
        small(DeepMLPClassifier, early_stopping=True).fit(X, y)


def test_a_fit_that_fails_midway_leaves_nothing_to_go_on_with():
    def schedule(epoch):
        if epoch == 2:
            raise RuntimeError("no rate for epoch 2")
        return 1.0

    X, y = load_iris(return_X_y=True)
    model = DeepMLPClassifier((4,), learning_rate=schedule, max_iter=5, random_state=0)
    with pytest.raises(RuntimeError, match="epoch 2"):
        model.fit(X, y)
    with pytest.raises(NotFittedError):
        model.predict(X)
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        model.partial_fit(X, y)
