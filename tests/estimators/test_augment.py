"""The parameter `augment`: each mini-batch as a function of the user's has changed it."""

import pickle

import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import is_regressor
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.preprocessing import StandardScaler

from skdeep import DeepMLPClassifier, DeepMLPRegressor, LogisticRegressionGD, SoftmaxClassifier

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, CLASSES = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)
SHORT = {"max_iter": 4, "batch_size": 32, "random_state": 0, "solver": "adam"}
ESTIMATORS = {
    "several classes": (DeepMLPClassifier((6,), dropout=0.2, **SHORT), CLASSES),
    "two classes": (DeepMLPClassifier((6,), **SHORT), CLASSES > 0),
    "smoothed": (DeepMLPClassifier((6,), label_smoothing=0.1, **SHORT), CLASSES),
    "regression": (DeepMLPRegressor(hidden_layer_sizes=(6,), **SHORT), X[:, :2] + 1),
    "logistic": (LogisticRegressionGD(**SHORT), CLASSES > 0),
    "softmax": (SoftmaxClassifier(**SHORT), CLASSES),
    "softmax of two": (SoftmaxClassifier(**SHORT), CLASSES > 0),
}
every_estimator = pytest.mark.parametrize("name", ESTIMATORS)


def nothing(X_batch, y_batch, random_state):
    return X_batch, y_batch


def noise(X_batch, y_batch, random_state):
    return X_batch + random_state.normal(scale=0.1, size=X_batch.shape), y_batch


def twice(X_batch, y_batch, random_state):
    return 2 * X_batch, y_batch


def fitted(name, **parameters):
    estimator, y = ESTIMATORS[name]
    return estimator.__class__(**{**estimator.get_params(), **parameters}).fit(X, y)


def predictions(model, X):
    return model.predict(X) if is_regressor(model) else model.predict_proba(X)


@every_estimator
def test_a_function_that_changes_nothing_changes_nothing(name):
    assert_array_equal(fitted(name, augment=nothing)._state.theta, fitted(name)._state.theta)


@every_estimator
def test_batches_are_learnt_from_as_they_are_returned(name):
    estimator, y = ESTIMATORS[name]
    on_twice_x = estimator.__class__(**estimator.get_params()).fit(2 * X, y)
    found = fitted(name, augment=twice)
    assert_array_equal(found._state.theta, on_twice_x._state.theta)
    assert_array_equal(predictions(found, 2 * X), predictions(on_twice_x, 2 * X))


@pytest.mark.parametrize(
    ("name", "n_columns"), [("two classes", 1), ("several classes", 3), ("softmax of two", 2)]
)
def test_targets_are_floats_with_a_column_per_output(name, n_columns):
    seen = []

    def keep(X_batch, y_batch, random_state):
        seen.append((X_batch, y_batch))
        return X_batch, y_batch

    fitted(name, augment=keep, shuffle=False, max_iter=1, batch_size=50)
    assert [x.shape for x, _ in seen] == [(50, 4)] * 3
    y = np.concatenate([y for _, y in seen])
    assert y.dtype == np.float64
    codes = CLASSES if name == "several classes" else CLASSES > 0
    expected = codes[:, np.newaxis] if n_columns == 1 else np.eye(n_columns)[codes.astype(int)]
    assert_array_equal(y, expected)


def test_multilabel_targets_are_the_indicator_matrix():
    X, y = make_multilabel_classification(40, 5, n_classes=3, random_state=0)
    seen = []

    def keep(X_batch, y_batch, random_state):
        seen.append(y_batch)
        return X_batch, y_batch

    DeepMLPClassifier((4,), max_iter=1, shuffle=False, augment=keep).fit(X, y)
    assert_array_equal(np.concatenate(seen), y)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_softened_targets_are_what_several_copies_of_a_row_are(smoothing):
    # A row that is one class with weight 1/4 and another with 3/4.
    def soften(X_batch, y_batch, random_state):
        return X_batch, 0.75 * y_batch + 0.25 * np.roll(y_batch, 1, axis=1)

    settings = {**SHORT, "batch_size": "full", "label_smoothing": smoothing}
    found = DeepMLPClassifier((6,), augment=soften, **settings).fit(X, CLASSES)
    copies = np.repeat(X, 2, axis=0)
    labels = np.column_stack([CLASSES, (CLASSES + 1) % 3]).ravel()
    weights = np.tile([0.75, 0.25], CLASSES.size)
    expected = DeepMLPClassifier((6,), **settings).fit(copies, labels, sample_weight=weights)
    assert_allclose(found.loss_curve_, expected.loss_curve_, rtol=1e-6)
    assert_allclose(found.predict_proba(X), expected.predict_proba(X), atol=1e-9)


def test_each_epoch_is_changed_afresh_and_the_same_for_the_same_seed():
    seen = []

    def keep(X_batch, y_batch, random_state):
        seen.append(random_state.integers(2**31))
        return X_batch, y_batch

    fitted("several classes", augment=keep)
    first, seen = seen, []
    assert len(set(first)) == len(first) == 4 * 5
    fitted("several classes", augment=lambda *batch: keep(*batch))
    assert seen == first


def test_training_that_continues_continues_the_stream():
    whole = fitted("several classes", augment=noise)
    half = fitted("several classes", augment=noise, max_iter=2)
    half = pickle.loads(pickle.dumps(half))
    for _ in range(2):
        half.partial_fit(X, CLASSES)
    assert_array_equal(half._state.theta, whole._state.theta)


def test_the_users_rows_cannot_be_spoilt():
    def spoil(X_batch, y_batch, random_state):
        X_batch += 1
        return X_batch, y_batch

    with pytest.raises(ValueError, match="read-only"):
        fitted("several classes", augment=spoil)


@pytest.mark.parametrize(
    ("augment", "message"),
    [
        (lambda X, y, r: X, r"must return a tuple \(X_batch, y_batch\), got ndarray"),
        (lambda X, y, r: (X[:, :2], y), r"X_batch as .* in the shape it was given, \(32, 4\); got"),
        (lambda X, y, r: (X, y[:, 0]), r"y_batch as .*, \(32, 3\); got ndarray of shape \(32,\)"),
        (lambda X, y, r: (X + 1j, y), r"X_batch as an array of numbers.* dtype complex128"),
        (lambda X, y, r: (scipy.sparse.csr_array(X), y), r"X_batch as an array.*; got csr_array"),
        (lambda X, y, r: (X / 0, y), r"must return a finite X_batch"),
        (lambda X, y, r: (X, 5 * y - 1), r"probabilities that sum to one.* from -1\.0 to 4\.0"),
        (lambda X, y, r: (X, y * np.nan), r"y_batch of such targets as it was given"),
        ("flip", "'augment' parameter of DeepMLPClassifier must be a callable or None"),
    ],
)
def test_what_it_returns_is_checked(augment, message):
    with pytest.raises(ValueError, match=message):
        fitted("several classes", augment=augment)


@pytest.mark.parametrize(
    ("loss", "lowest", "allowed"), [("poisson", -1.0, ">= 0"), ("gamma", 0.0, "> 0")]
)
def test_targets_of_the_loss_are_named_where_it_breaks_them(loss, lowest, allowed):
    def break_them(X_batch, y_batch, random_state):
        return X_batch, np.full_like(y_batch, lowest)

    network = DeepMLPRegressor(loss=loss, hidden_layer_sizes=(6,), augment=break_them, **SHORT)
    with pytest.raises(ValueError, match=f"'{loss}' {allowed}.* from {lowest} to {lowest}"):
        network.fit(X, CLASSES + 1.0)


def test_it_takes_dense_rows_and_stochastic_solvers():
    with pytest.raises(ValueError, match="dense batches, got a sparse X"):
        DeepMLPClassifier(augment=nothing).fit(scipy.sparse.csr_array(X), CLASSES)
    for estimator in (DeepMLPClassifier(solver="lbfgs"), SoftmaxClassifier(solver="gd")):
        with pytest.raises(ValueError, match=r"augment must be None, got augment=<function"):
            estimator.set_params(augment=nothing).fit(X, CLASSES)
