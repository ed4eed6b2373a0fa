"""The dev set: given or held out, what is watched on it, and which epoch is kept."""

import numpy as np
import pytest
import scipy.sparse
from networks import BOTH, overfitting, small
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.metrics import accuracy_score, log_loss, make_scorer

from skdeep import DeepMLPClassifier, DeepMLPRegressor

# A budget of epochs is what most of these fits end with.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


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
