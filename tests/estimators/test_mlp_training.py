"""While a network trains and how it ends: what is printed, warned of, interrupted and clipped."""

import contextlib
import io

import numpy as np
import pytest
from networks import BOTH, forward, overfitting, small
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from skdeep import DeepMLPClassifier, DeepMLPRegressor

# A budget of epochs is what most of these fits end with.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


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
