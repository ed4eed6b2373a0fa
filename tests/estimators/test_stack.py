"""Stacks of estimators: who leaves them when, and what those who stay come to."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.preprocessing import StandardScaler

from skdeep import DeepMLPClassifier, DeepMLPRegressor
from skdeep._engine.activations import ACTIVATIONS
from skdeep._fit import dev
from skdeep.estimators._stack import Measures, Stack, fit_key, of_similar_size

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)


def network(**parameters):
    return DeepMLPClassifier((5,), batch_size=32, random_state=0, n_iter_no_change=1, **parameters)


def assert_as_alone(stack, number, estimator, n_epochs):
    """The stack's estimator is what it would be had it been fitted alone."""
    alone = clone(estimator).set_params(max_iter=n_epochs).fit(X, y)
    found = stack.fitted(number)
    assert found.n_iter_ == alone.n_iter_
    assert_allclose(found.loss_curve_, alone.loss_curve_, atol=1e-10)
    assert_allclose(found.predict_proba(X), alone.predict_proba(X), atol=1e-10)


@pytest.mark.parametrize(
    "parameters", [{"solver": "sgd"}, {"batch_norm": True}, {"layer_norm": True}], ids=str
)
def test_one_that_stops_stays_as_it_was_while_others_go_on(parameters):
    # The first stops in its third epoch; alone in stopping among ten it is not cut out at once,
    # and its velocity, or the statistics of its batches, go on moving.
    others = [network(tol=1e-9, alpha=0.1 * i, **parameters) for i in range(9)]
    estimators = [network(tol=10.0, **parameters), *others]
    stack = Stack([clone(one) for one in estimators], X, y)
    for n_epochs in (4, 8, 12):
        stack.train_until(n_epochs)
        for number, estimator in enumerate(estimators):
            assert_as_alone(stack, number, estimator, n_epochs)
        stack.lighten()


def test_those_who_stay_may_all_have_stopped():
    estimators = [network(tol=10.0), network(tol=1e-9), network(tol=1e-9)]
    stack = Stack([clone(one) for one in estimators], X, y)
    stack.train_until(6)
    stack.forget_all_but([0])
    stack.train_until(12)
    assert_as_alone(stack, 0, estimators[0], 12)


def test_as_many_epochs_again_change_nothing():
    estimators = [network(tol=1e-9), network(tol=1e-9, alpha=1.0)]
    stack = Stack([clone(one) for one in estimators], X, y)
    for _ in range(2):
        stack.train_until(5)
        stack.lighten()
    stack.train_until(5)
    for number, estimator in enumerate(estimators):
        assert_as_alone(stack, number, estimator, 5)
    assert np.isfinite(stack.fitted(0).loss_)


@pytest.mark.parametrize("norm", ["batch_norm", "layer_norm"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_padding_stays_zero_or_widths_are_not_mixed(activation, norm):
    sizes = [(3, 6), (5, 2)]
    models = [
        DeepMLPClassifier(size, activation=activation, batch_size=32, max_iter=3, **{norm: True})
        for size in sizes
    ]
    if ACTIVATIONS[activation].keeps_zero:
        stack = Stack([model.set_params(random_state=0) for model in models], X, y)
        stack.train_until(3)
        theta = stack.fit.state.theta
        padding = np.ones(theta.shape, dtype=bool)
        for model in stack.models:
            padding[model.row, model.place.theta] = False
        assert padding.any()
        assert not theta[padding].any()
    else:
        assert fit_key(models[0]) != fit_key(models[1])


@pytest.mark.parametrize("norm", [{}, {"batch_norm": True}, {"layer_norm": True}], ids=str)
@pytest.mark.parametrize("survivors", [[0, 1], [0, 3], [4, 2, 0], [1]], ids=str)
def test_dropout_of_padded_networks_draws_as_alone(survivors, norm):
    """What is drawn depends on a layer's width, and on whether a model drops any of it at all."""
    shapes = [((3, 6), 0.0), ((3, 6), 0.4), ((5, 2), [0.3, 0.0]), ((5, 6), 0.2), ((6, 2), 0.5)]
    models = [
        DeepMLPClassifier(
            size, dropout=rate, batch_size=32, learning_rate_init=0.01, random_state=0,
            n_iter_no_change=np.inf, **norm,
        )
        for size, rate in shapes
    ]  # fmt: skip
    assert len({fit_key(model) for model in models}) == 1
    stack = Stack([clone(model) for model in models], X, y)
    stack.train_until(4)
    for number, model in enumerate(models):
        assert_as_alone(stack, number, model, 4)
    stack.lighten()
    stack.forget_all_but(survivors)
    stack.train_until(9)
    for place, number in enumerate(survivors):
        assert_as_alone(stack, place, models[number], 9)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_layer_norm_does_not_see_the_padding(solver):
    sizes = [(3, 6), (5, 2), (6, 6), (4, 5)]
    models = [
        DeepMLPClassifier(
            size,
            activation=["gelu", "relu"],
            solver=solver,
            layer_norm=True,
            layer_norm_epsilon=epsilon,
            batch_size=32,
            max_iter=n_epochs,
            learning_rate_init=0.01,
            random_state=0,
        )
        for size, epsilon, n_epochs in zip(
            sizes, [1e-5, 0.1, 1e-3, 1e-5], [8, 8, 3, 8], strict=True
        )
    ]
    stack = Stack([clone(model) for model in models], X, y)
    fit = stack.fit
    fit.run()
    assert fit.state.theta.shape[0] < len(models)  # the widest has left
    for number, model in enumerate(models):
        alone, found = clone(model).fit(X, y), stack.fitted(number)
        assert_allclose(found._state.theta, alone._state.theta, rtol=0, atol=1e-10)
        assert_allclose(found.predict_proba(X), alone.predict_proba(X), atol=1e-10)
    padding = np.ones(fit.state.theta.shape, dtype=bool)
    for model in fit.population:
        padding[model.row, model.place.theta] = False
    assert not fit.state.theta[padding].any()


LABELS = np.column_stack([y == 1, X[:, 0] > 0]).astype(int)
WATCHED = {
    "two classes": (DeepMLPClassifier, (y == 2).astype(int), {}),
    "three classes": (DeepMLPClassifier, y, {"class_weight": {0: 1.0, 1: 0.0, 2: 3.0}}),
    "labels": (DeepMLPClassifier, LABELS, {}),
    "numbers": (DeepMLPRegressor, X[:, :2], {}),
    "counts": (DeepMLPRegressor, y, {"loss": "poisson"}),
}


@pytest.mark.filterwarnings("ignore:The fit made no progress")
@pytest.mark.parametrize("n_at_once", [0, 2**17], ids=["one by one", "at once"])
@pytest.mark.parametrize("weights", ["equal", "of dev rows", "zero for some"])
@pytest.mark.parametrize("kind", WATCHED)
def test_each_is_watched_as_alone(kind, weights, n_at_once, monkeypatch):
    """Whatever scores it, and beside one whose outputs overflow."""
    monkeypatch.setattr(dev, "AT_ONCE", n_at_once)
    estimator, targets, parameters = WATCHED[kind]
    is_classifier = estimator is DeepMLPClassifier
    fit_params = {"X_val": X[1::2], "y_val": targets[1::2]}
    if weights != "equal":
        fit_params["sample_weight_val"] = np.arange(75) % (3 if weights == "zero for some" else 80)
    smoothing = {"label_smoothing": 0.2} if is_classifier else {}
    own = [
        {},
        {"alpha": 1.0, **smoothing},
        {"scoring": "loss"},
        {"scoring": "accuracy" if is_classifier else "neg_mean_absolute_error"},
        {"learning_rate_init": 1e200},
    ]
    network = estimator(hidden_layer_sizes=(5,), batch_size=32, max_iter=6, random_state=0)
    models = [clone(network).set_params(**parameters, **one) for one in own]
    stack = Stack([clone(model) for model in models], X, targets, fit_params)
    stack.train()
    *watched, _ = enumerate(models)
    for number, model in watched:
        alone = clone(model).fit(X, targets, **fit_params)
        found = stack.fitted(number)
        assert_allclose(found.validation_loss_curve_, alone.validation_loss_curve_, rtol=1e-10)
        assert_allclose(found.validation_scores_, alone.validation_scores_, rtol=1e-10)
    curves = stack.models[-1].watch.curves
    assert not np.isfinite(curves.validation_score).any()


@pytest.mark.parametrize(("n_at_once", "expected"), [(2 * 75 * 3 - 1, 1), (2 * 75 * 3, 2)])
def test_outputs_for_many_dev_rows_are_not_copied_for_all_models(n_at_once, expected, monkeypatch):
    """What a stack may take counts on it; two models, 75 rows, three classes."""
    monkeypatch.setattr(dev, "AT_ONCE", n_at_once)
    seen, evaluate = [], dev.DevPart.evaluate_several

    def counted(part, loss, logits, scores):
        seen.append(logits.shape[0])
        return evaluate(part, loss, logits, scores)

    monkeypatch.setattr(dev.DevPart, "evaluate_several", counted)
    fit_params = {"X_val": X[1::2], "y_val": y[1::2]}
    models = [network(tol=1e-9, max_iter=3), network(tol=1e-9, max_iter=3, alpha=1.0)]
    Stack(models, X, y, fit_params).train()
    assert set(seen) == {expected}


def test_stacks_are_of_similar_size():
    models = [DeepMLPClassifier((width, width)) for width in [8, 300, 9, 290, 8]]
    assert of_similar_size(models, Measures.of(models[0], X, y, {})) == [[1], [3], [0, 2, 4]]
    assert of_similar_size(models[:1] * 5, Measures.of(models[0], X, y, {})) == [[0, 1, 2, 3, 4]]
    # Neither has room for the other, and a network that has would be twice as large.
    crossed = [DeepMLPClassifier(sizes, batch_size=64) for sizes in [(8, 2000), (2000, 8)]]
    assert of_similar_size(crossed, Measures.of(crossed[0], X, y, {})) == [[1], [0]]
