"""Rows of each model's own: a column of weights is a fold, a bootstrap or a bag.

The contract: a model of a stack is the same recipe fitted alone with those weights.
"""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal
from recipes import N_ROWS, make_model, make_recipe, problem_data
from sklearn.metrics import log_loss

from skdeep._engine.data import Rows
from skdeep._fit.dev import DevSet
from skdeep._fit.fit import Fit

K = 5


def folds():
    """Each model trains on four fifths of the rows, in turn."""
    weights = np.ones((N_ROWS, K))
    for k in range(K):
        weights[k::K, k] = 0
    return weights


def bootstraps():
    rng = np.random.default_rng(0)
    return np.stack([np.bincount(rng.integers(N_ROWS, size=N_ROWS), minlength=N_ROWS)] * K).T * 1.0


def uneven():
    """Of one model only rows of the first batches live, of another a single row in a batch."""
    weights = np.random.default_rng(1).uniform(0.5, 2, (N_ROWS, K))
    weights[20:, 0] = 0
    weights[16:31, 1] = 0
    weights[48:60, 1] = 0
    return weights


WEIGHTS = {"folds": folds, "bootstraps": bootstraps, "uneven": uneven}
RECIPES = {
    "plain": {},
    "sgd, clipped": {"solver": "sgd", "gradient_clip": 0.05},
    "adamw, L1": {"solver": "adamw", "alpha": 3.0, "l1_ratio": 0.5},
    "batch norm": {"batch_norm": True},
    "layer norm": {"layer_norm": True},
    "dropout": {"dropout": (0.3, 0.2), "input_dropout": 0.1},
    "batch norm in order": {"batch_norm": True, "shuffle": False},
}


def train(recipes, rows, dev=None, **of_fit):
    models = []
    for k, recipe in enumerate(recipes):
        part = None if dev is None else dev.of_model(k)
        models.append(make_model(recipe, dtype=rows.x.dtype, dev=part))
    fit = Fit(models, rows, dev, **of_fit)
    fit.run()
    return models


def assert_as_alone(recipes, rows, dev=None):
    """Each model of the stack is what the same recipe comes to alone with its weights."""
    together = train(recipes, rows, dev)
    for k, (recipe, found) in enumerate(zip(recipes, together, strict=True)):
        own = None
        if dev is not None:
            own = replace(dev, sample_weight=np.ascontiguousarray(dev.sample_weight[:, k]))
        (alone,) = train([recipe], rows.of_model(k), own)
        assert found.error is None
        assert_allclose(found.state.theta, alone.state.theta, rtol=0, atol=1e-10)
        assert_allclose(found.state.statistics, alone.state.statistics, rtol=0, atol=1e-10)
        assert_allclose(found.watch.curves.loss, alone.watch.curves.loss, rtol=1e-10)
        assert_allclose(
            found.watch.curves.validation_loss, alone.watch.curves.validation_loss, rtol=1e-10
        )
        assert found.watch.n_epochs == alone.watch.n_epochs
        assert found.watch.standing.best_epoch == alone.watch.standing.best_epoch
    return together


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("name", RECIPES)
def test_a_model_of_a_stack_is_the_recipe_alone_with_those_weights(name, weights):
    X, y = problem_data()
    recipe = make_recipe(**RECIPES[name])
    assert_as_alone([recipe] * K, Rows(X, y, WEIGHTS[weights]()))


def test_to_the_last_bit_where_shapes_allow():
    X, y = problem_data()
    rows, recipe = Rows(X, y, folds()), make_recipe()
    for k, found in enumerate(train([recipe] * K, rows)):
        (alone,) = train([recipe], rows.of_model(k))
        assert_array_equal(found.state.theta, alone.state.theta)


def test_recipes_of_different_widths_and_penalties_with_rows_of_their_own():
    X, y = problem_data()
    sizes = [(6, 4), (3, 4), (6, 2), (5, 5), (2, 3)]
    recipes = [
        make_recipe(sizes=size, alpha=0.1 * k, learning_rate=0.01 + 0.002 * k, max_epochs=3 + k)
        for k, size in enumerate(sizes)
    ]
    assert_as_alone(recipes, Rows(X, y, uneven()))


def test_sparse_rows():
    X, y = problem_data()
    X = scipy.sparse.csr_array(np.where(np.abs(X) > 0.7, X, 0))
    assert_as_alone([make_recipe()] * K, Rows(X, y, folds()))


def test_picked_rows():
    X, y = problem_data()
    picked = np.random.default_rng(0).permutation(N_ROWS)[:40]
    assert_as_alone([make_recipe()] * K, Rows(X, y, folds(), picked))


def test_a_row_without_weight_teaches_nothing():
    # Not even where its loss overflows.
    X, y = problem_data()
    loud = X.copy()
    loud[0::K] *= 1e200
    weights = folds()
    with_it = train([make_recipe(batch_norm=False)] * K, Rows(loud, y, weights))
    without = train([make_recipe(batch_norm=False)] * K, Rows(X, y, weights))
    assert_array_equal(with_it[0].state.theta, without[0].state.theta)
    assert np.abs(with_it[1].state.theta - without[1].state.theta).max() > 1e-3


def test_the_penalty_is_divided_by_each_models_own_weight():
    X, y = problem_data()
    weights = np.ones((N_ROWS, 2))
    weights[10:, 1] = 0
    # The course's J: for ten rows of sixty the same alpha weighs six times as much.
    recipe = make_recipe(alpha=5.0, batch_size=N_ROWS, solver="sgd")
    heavy = make_recipe(alpha=5.0, batch_size=10, solver="sgd")
    models = train([recipe, recipe], Rows(X, y, weights))
    (ten,) = train([heavy], Rows(X[:10], y[:10]))
    assert_allclose(models[1].state.theta, ten.state.theta, atol=1e-12)


def test_a_weight_of_two_is_two_copies():
    X, y = problem_data()
    weights = np.ones((N_ROWS, 2))
    weights[::3, 1] = 2
    recipe = make_recipe(batch_size=N_ROWS, shuffle=False)
    models = train([recipe, recipe], Rows(X, y, weights))
    twice = np.repeat(np.arange(N_ROWS), weights[:, 1].astype(int))
    (copied,) = train([make_recipe(batch_size=len(twice), shuffle=False)], Rows(X[twice], y[twice]))
    assert_allclose(models[1].state.theta, copied.state.theta, atol=1e-10)


# ------------------------------------------------------------------------------- dev rows of each


def dev_of_folds(X, y):
    """What each model is not trained on, it is watched on."""
    return DevSet(X, y, 1 - folds(), None, y)


@pytest.mark.parametrize("name", ["plain", "batch norm"])
def test_each_model_has_dev_rows_and_an_end_of_its_own(name):
    X, y = problem_data()
    recipe = make_recipe(
        early_stopping=True, n_iter_no_change=2, tol=1e-3, max_epochs=60, **RECIPES[name]
    )
    recipe = replace(recipe, learning_rate=0.05)
    models = assert_as_alone([recipe] * K, Rows(X, y, folds()), dev_of_folds(X, y))
    assert len({model.watch.n_epochs for model in models}) > 1


def test_the_dev_loss_is_of_the_models_own_rows():
    X, y = problem_data()
    dev = dev_of_folds(X, y)
    models = train([make_recipe()] * K, Rows(X, y, folds()), dev)
    for k, model in enumerate(models):
        rows = np.arange(k, N_ROWS, K)
        logits = dev.predict(model.recipe.network, model.state.theta, model.state.statistics)
        p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        expected = log_loss(y[rows], p[rows], labels=[0, 1, 2])
        assert model.watch.curves.validation_loss[-1] == pytest.approx(expected)


def test_models_that_leave_take_their_weights_with_them():
    X, y = problem_data()
    recipes = [make_recipe(max_epochs=n) for n in (2, 9, 3, 8, 5)]
    assert_as_alone(recipes, Rows(X, y, bootstraps()))
