"""Every loss of the regressor, by the table that names them: what it finds, scores, and takes.

The oracles are scikit-learn's metrics and constants in closed form; a loss that is new in the table
is tested here without further ado.
"""

import inspect
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.metrics import (
    d2_pinball_score,
    d2_tweedie_score,
    mean_pinball_loss,
    r2_score,
)
from sklearn.model_selection import cross_val_score
from sklearn.utils import get_tags

from skdeep import DeepMLPRegressor
from skdeep._engine.losses import REGRESSION_LOSSES
from skdeep.estimators._callbacks import HAS_CALLBACKS
from skdeep.estimators._stack import Stack

# A budget of epochs is what most of these fits end with.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

every_loss = pytest.mark.parametrize("loss", REGRESSION_LOSSES)
RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 3))
AMOUNTS = RNG.gamma(2.0, np.exp(0.5 * X[:, 0]))
CONFIGURED = [name for name, loss in REGRESSION_LOSSES.items() if loss.parameters]
SETTINGS = {"hidden_layer_sizes": (5,), "max_iter": 6, "random_state": 0, "batch_size": 16}
SETTINGS |= {"learning_rate_init": 0.01}


def network(loss, **parameters):
    return DeepMLPRegressor(loss, **{**SETTINGS, **parameters})


# -------------------------------------------------------------------------------- what it predicts


@every_loss
@pytest.mark.parametrize("weighted", [False, True])
def test_without_features_the_best_constant_is_found(loss, weighted):
    y = np.column_stack([AMOUNTS, 3 * AMOUNTS[::-1]])
    w = np.arange(80) % 4 if weighted else None
    model = DeepMLPRegressor(loss, (), batch_size="full", max_iter=1500, tol=0, quantile=0.8)
    # With a long memory of the large gradients at the start, the last steps would be tiny.
    model.set_params(beta_2=0.9, n_iter_no_change=np.inf)
    model.set_params(learning_rate_init=0.05, learning_rate="cosine")
    model.fit(np.zeros((80, 1)), y, w)
    constant = np.tile(model.intercepts_[-1], (80, 1))
    assert -2e-4 < model._make_loss().explained(constant, y, w) <= 1e-12
    assert_array_equal(model._make_loss().link.inverse(constant), model.predict(np.zeros((80, 1))))


@every_loss
def test_the_link_is_the_losss_and_outlives_the_parameter(loss):
    model = network(loss).fit(X, AMOUNTS)
    link = REGRESSION_LOSSES[loss].link
    assert model.out_activation_ == link.name
    raw = np.maximum(X @ model.coefs_[0] + model.intercepts_[0], 0) @ model.coefs_[1]
    predicted = model.predict(X)
    assert_allclose(predicted, link.inverse(raw + model.intercepts_[1])[:, 0], rtol=1e-10)
    # A parameter set after the fit is of the next one.
    model.set_params(loss="squared_error" if link.can_overflow else "poisson")
    assert_array_equal(model.predict(X), predicted)


def test_quantiles_cover_their_share_and_lie_in_order():
    rows = np.random.default_rng(1).uniform(-1, 1, (1500, 1))
    y = rows[:, 0] + np.random.default_rng(2).normal(size=1500) * (0.3 + np.abs(rows[:, 0]))
    predicted = []
    for quantile in (0.1, 0.5, 0.9):
        model = DeepMLPRegressor("quantile", (16,), quantile=quantile, random_state=0, max_iter=60)
        predicted.append(model.set_params(learning_rate_init=0.01).fit(rows, y).predict(rows))
        assert np.mean(y <= predicted[-1]) == pytest.approx(quantile, abs=0.04)
    low, middle, high = predicted
    assert np.mean((low < middle) & (middle < high)) > 0.95


def test_gamma_learns_means_over_orders_of_magnitude():
    rows = np.random.default_rng(1).uniform(-1, 1, (600, 1))
    mean = np.exp(4 * rows[:, 0])
    y = mean * np.random.default_rng(2).gamma(5.0, 1 / 5, size=600)
    model = DeepMLPRegressor("gamma", (16,), random_state=0, max_iter=100, learning_rate_init=0.01)
    predicted = model.fit(rows, y).predict(rows)
    assert np.abs(np.log(predicted / mean)).mean() < 0.1
    assert model.loss_ == pytest.approx(
        np.mean(np.log(predicted / y) + y / predicted - 1), rel=0.05
    )


# --------------------------------------------------------------------------------- how it is scored


def d2(loss, y, predicted, weights):
    """The default score of early stopping."""
    by_itself = {
        "quantile": lambda *a, **k: d2_pinball_score(*a, alpha=0.2, **k),
        "gamma": lambda *a, **k: d2_tweedie_score(*a, power=2, **k),
    }
    # In scikit-learn 1.7 the quantile of unweighted targets is another one.
    weights = np.ones(len(y)) if weights is None else weights
    return by_itself.get(loss, r2_score)(y, predicted, sample_weight=weights)


@every_loss
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("columns", [1, 2])
def test_the_default_score(loss, weighted, columns):
    y = np.column_stack([AMOUNTS, 0.1 + AMOUNTS[::-1] ** 2])[:, :columns]
    w = np.linspace(0, 1, 30) if weighted else None
    model = network(loss, quantile=0.2)
    model.fit(X[:50], y[:50].squeeze(), X_val=X[50:], y_val=y[50:], sample_weight_val=w)
    predicted = model.predict(X[50:]).reshape(30, columns)
    expected = [d2(loss, y[50:, k], predicted[:, k], w) for k in range(columns)]
    assert model.validation_scores_[-1] == pytest.approx(np.mean(expected), rel=1e-6)


@every_loss
def test_early_stopping_and_score_stay_scikit_learns(loss):
    model = network(loss, early_stopping=True, validation_fraction=0.3, max_iter=30).fit(X, AMOUNTS)
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert model.score(X, AMOUNTS) == r2_score(AMOUNTS, model.predict(X))
    assert np.isfinite(cross_val_score(network(loss), X, AMOUNTS, cv=3)).all()


def test_gamma_predictions_that_vanish_have_a_score():
    # exp underflows to zero, where scikit-learn's score raises.
    model = network("gamma", hidden_layer_sizes=(), solver="sgd", learning_rate_init=1e-300)
    coef = model.fit(X, AMOUNTS).coefs_[0][:, 0]
    far = -1e5 * coef / (coef @ coef) * np.ones((8, 1))
    model.set_params(early_stopping=True).fit(X, AMOUNTS, X_val=far, y_val=np.arange(1.0, 9))
    assert not model.predict(far).any()
    assert set(model.validation_scores_) == {-np.inf}


# ----------------------------------------------------------------------------------- many at once


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_each_model_of_a_stack_has_its_own_quantile(dtype):
    levels = [0.1, 0.5, 0.9]
    y = np.column_stack([AMOUNTS, X[:, 1]])
    models = [network("quantile", quantile=level, dtype=dtype) for level in levels]
    stack = Stack([clone(model) for model in models], X, y)
    stack.train()
    losses = []
    for number, model in enumerate(models):
        together, alone = stack.fitted(number), model.fit(X, y)
        tolerance = 1e-10 if dtype == "float64" else 1e-4
        assert_allclose(together.predict(X), alone.predict(X), rtol=tolerance, atol=tolerance)
        assert_allclose(together.loss_curve_, alone.loss_curve_, rtol=tolerance)
        losses.append(together.loss_)
    assert len(set(losses)) == 3


@every_loss
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_the_cost_falls(loss, solver):
    model = network(loss, solver=solver, max_iter=40).fit(X, AMOUNTS)
    assert model.loss_curve_[-1] < 0.95 * model.loss_curve_[0]
    assert np.isfinite(model.predict(X)).all()


def test_the_reported_loss_is_the_pinball_loss():
    model = network("quantile", quantile=0.8, alpha=0, solver="lbfgs", max_iter=30).fit(X, AMOUNTS)
    found = mean_pinball_loss(AMOUNTS, model.predict(X), alpha=0.8)
    assert model.loss_ == pytest.approx(found, rel=1e-10)


@pytest.mark.skipif(not HAS_CALLBACKS, reason="this scikit-learn has no callbacks")
@pytest.mark.parametrize(
    "loss", [name for name, loss in REGRESSION_LOSSES.items() if loss.parameters]
)
def test_a_callback_may_change_the_parameter_of_a_loss(loss):
    (name,) = REGRESSION_LOSSES[loss].parameters

    class Change:
        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...

        def on_fit_task_begin(self, estimator, context):
            if context.task_name == "epoch" and context.task_id == 3:
                estimator.set_params(**{name: 0.05})

        def on_fit_task_end(self, estimator, context): ...

    plain = network(loss).fit(X, AMOUNTS)
    changed = network(loss).set_callbacks(Change()).fit(X, AMOUNTS)
    assert changed.loss_curve_[:3] == plain.loss_curve_[:3]
    assert changed.loss_curve_[3] != plain.loss_curve_[3]


# ------------------------------------------------------------------------------ what is said of it


@every_loss
def test_the_estimator_knows_the_range_of_targets(loss):
    allowed = REGRESSION_LOSSES[loss].targets
    assert get_tags(DeepMLPRegressor(loss)).target_tags.positive_only == (allowed.low == 0)


def test_an_unknown_loss_is_refused_with_all_there_are():
    with pytest.raises(ValueError, match="'loss' parameter") as error:
        DeepMLPRegressor("hinge").fit(X, AMOUNTS)
    assert {f"'{name}'" for name in REGRESSION_LOSSES} <= set(
        re.findall(r"'\w+'", str(error.value))
    )
    assert not get_tags(DeepMLPRegressor("hinge")).target_tags.positive_only
    assert not get_tags(DeepMLPRegressor(["hinge"])).target_tags.positive_only


@pytest.mark.parametrize("quantile", [0, 0.0, 1, 1.0, -0.1, 1.1, "half"])
def test_the_quantile_lies_between_0_and_1(quantile):
    with pytest.raises(ValueError, match=r"'quantile' parameter.*\(0\.?0?, 1\.?0?\)"):
        DeepMLPRegressor("quantile", quantile=quantile).fit(X, AMOUNTS)


def test_the_documentation_lists_the_losses():
    listed = re.search(r"loss : \{(.*?)\}", inspect.getdoc(DeepMLPRegressor), re.DOTALL)[1]
    assert re.findall(r'"(\w+)"', listed) == list(REGRESSION_LOSSES)
    guide = Path(__file__).parents[2] / "doc" / "guide"
    if guide.exists():
        page = (guide / "mlp_regressor.rst").read_text("utf-8")
        rows = re.findall(r"^``(\w+)``  ", page, re.MULTILINE)
        assert rows[1:] == list(REGRESSION_LOSSES)


def test_the_constructor_has_every_loss_parameter():
    signature = inspect.signature(DeepMLPRegressor).parameters
    for loss in REGRESSION_LOSSES.values():
        for name in loss.parameters:
            field = loss.parameters[name].field
            assert signature[name].default == getattr(loss(), field)
