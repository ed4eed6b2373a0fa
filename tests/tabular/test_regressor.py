"""TabularMLPRegressor: losses and their ranges, several targets, scales, and how sure it is."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.dummy import DummyRegressor
from sklearn.metrics import (
    mean_absolute_error,
    mean_gamma_deviance,
    mean_pinball_loss,
    mean_poisson_deviance,
    mean_squared_error,
)
from tabular.tables import MAY_MAKE_NO_PROGRESS, TARGETS, N, plain, small

from skdeep import TabularMLPRegressor
from skdeep._engine.losses import REGRESSION_LOSSES

X = plain()
# Each a target, and scikit-learn's measure of what is minimised.
LOSSES = {
    "squared_error": ("numbers", mean_squared_error),
    "absolute_error": ("numbers", mean_absolute_error),
    "huber": ("numbers", mean_absolute_error),
    "poisson": ("counts", mean_poisson_deviance),
    "quantile": ("numbers", lambda y, p: mean_pinball_loss(y, p, alpha=0.5)),
    "gamma": ("amounts", mean_gamma_deviance),
}
pytestmark = MAY_MAKE_NO_PROGRESS


def test_the_table_has_every_loss():
    assert LOSSES.keys() == REGRESSION_LOSSES.keys()


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_is_lowered(loss):
    target, measure = LOSSES[loss]
    y = TARGETS[target]
    model = small(TabularMLPRegressor, loss=loss, max_iter=60).fit(X[::2], y[::2])
    constant = DummyRegressor().fit(X[::2], y[::2])
    found = model.predict(X[1::2])
    assert found.shape == (N // 2,)
    assert measure(y[1::2], found) < 0.5 * measure(y[1::2], constant.predict(X[1::2]))


@pytest.mark.parametrize("loss", ["poisson", "gamma"])
def test_a_log_link_predicts_positive_numbers(loss):
    y = TARGETS["amounts"]
    found = small(TabularMLPRegressor, loss=loss).fit(X, y).predict(X)
    assert (found > 0).all()
    # Twice the target is twice the prediction: the link has no units.
    doubled = small(TabularMLPRegressor, loss=loss).fit(X, 2 * y).predict(X)
    assert_allclose(doubled, 2 * found, rtol=0.15)


@pytest.mark.parametrize(
    ("loss", "y", "message"),
    [
        ("poisson", -TARGETS["counts"], r"loss='poisson' needs `y` >= 0"),
        ("gamma", TARGETS["counts"] * 0, r"loss='gamma' needs `y` > 0"),
    ],
)
def test_targets_out_of_range_are_refused(loss, y, message):
    model = small(TabularMLPRegressor, loss=loss)
    with pytest.raises(ValueError, match=message):
        model.fit(X, y)
    good = TARGETS["amounts"]
    with pytest.raises(ValueError, match=message.replace("`y`", "`y_val`")):
        model.fit(X, good, X_val=X, y_val=y)


@pytest.mark.parametrize(("loss", "y"), [("poisson", np.zeros(N)), ("gamma", np.full(N, 3.0))])
def test_a_constant_target_of_a_log_link(loss, y):
    found = small(TabularMLPRegressor, loss=loss).fit(X, y).predict(X)
    assert_allclose(found, y, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.8])
def test_a_quantile_has_its_share_below(quantile):
    generator = np.random.default_rng(0)
    rows = generator.normal(size=(400, 2))
    y = rows[:, 0] + generator.normal(size=400)
    model = small(TabularMLPRegressor, loss="quantile", quantile=quantile, max_iter=12)
    model.fit(rows[:200], y[:200])
    share = (y[200:] < model.predict(rows[200:])).mean()
    assert abs(share - quantile) < 0.13


# ------------------------------------------------------------ several targets


@pytest.mark.parametrize("loss", LOSSES)
def test_several_targets(loss):
    y = np.column_stack([TARGETS["amounts"], 100 + 10 * TARGETS["amounts"][::-1]])
    model = small(TabularMLPRegressor, loss=loss, max_iter=15).fit(X, y)
    mean, std = model.predict(X, return_std=True)
    assert mean.shape == std.shape == (N, 2)
    assert model.residual_std_.shape == (2,)
    for column in range(2):
        assert np.corrcoef(mean[:, column], y[:, column])[0, 1] > (0.8 if column == 0 else 0.0)


def test_a_column_is_a_single_target():
    y = TARGETS["numbers"]
    expected = small(TabularMLPRegressor).fit(X, y).predict(X)
    with pytest.warns(UserWarning, match="column-vector"):
        found = small(TabularMLPRegressor).fit(X, y[:, np.newaxis]).predict(X)
    assert_array_equal(found, expected)


# ------------------------------------------------------------ the range of y


@pytest.mark.parametrize("loss", LOSSES)
def test_predictions_are_within_the_range_of_y(loss):
    y = TARGETS[LOSSES[loss][0]]
    # A rate that overshoots.
    model = small(TabularMLPRegressor, loss=loss, learning_rate_init=1.0)
    wild = X.assign(size=1e6, age=-1e6)
    for rows in (X, wild):
        found = model.fit(X, y).predict(rows)
        assert found.min() >= y.min() - 1e-9 * np.abs(y).max()
        assert found.max() <= y.max() + 1e-9 * np.abs(y).max()


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber", "quantile"])
@pytest.mark.parametrize(("factor", "offset"), [(1e-6, 0), (1e6, 0), (1.0, 1e6), (-1e3, 5)])
def test_units_of_the_target_do_not_matter(loss, factor, offset):
    y = TARGETS["numbers"]
    expected = small(TabularMLPRegressor, loss=loss, dtype="float64").fit(X, y).predict(X)
    model = small(TabularMLPRegressor, loss=loss, dtype="float64").fit(X, factor * y + offset)
    found = (model.predict(X) - offset) / factor
    if factor > 0:
        assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    else:
        assert np.corrcoef(found, y)[0, 1] > 0.8


@pytest.mark.parametrize("scale", [1e-200, 1e150])
def test_targets_of_extreme_size_are_learnt(scale):
    y = TARGETS["numbers"] * scale
    model = small(TabularMLPRegressor, max_iter=60)
    assert np.corrcoef(model.fit(X, y).predict(X) / scale, TARGETS["numbers"])[0, 1] > 0.5


def test_a_constant_target_is_predicted():
    for constant in (0.0, 0.1, -3e8):
        y = np.full(N, constant)
        mean, std = small(TabularMLPRegressor).fit(X, y).predict(X, return_std=True)
        assert_allclose(mean, constant, rtol=1e-12)
        assert_allclose(std, 0, atol=1e-6 * max(1, abs(constant)))


# ------------------------------------------------------------ how sure it is


def member_predictions(model, rows):
    encoders = np.repeat(model.encoders_, model.n_members)
    return np.array(
        [m.predict(e.transform(rows)) for m, e in zip(model.members_, encoders, strict=True)]
    )


@pytest.mark.parametrize("loss", LOSSES)
def test_the_standard_deviation_is_spread_and_residual(loss):
    y = TARGETS[LOSSES[loss][0]]
    model = small(TabularMLPRegressor, loss=loss).fit(X, y)
    mean, std = model.predict(X, return_std=True)
    assert_array_equal(mean, model.predict(X))
    members = np.clip(member_predictions(model, X), y.min(), y.max())
    assert_allclose(mean, members.mean(axis=0), rtol=1e-6)
    assert_allclose(std**2, members.var(axis=0) + model.residual_std_[0] ** 2, rtol=1e-5)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_residual_is_that_of_the_rows_watched(loss, weighted):
    y, dev = TARGETS[LOSSES[loss][0]], np.arange(N) % 3 == 0
    weights = np.random.default_rng(0).integers(1, 4, dev.sum()).astype(float)
    given = {"sample_weight_val": weights} if weighted else {}
    model = small(TabularMLPRegressor, loss=loss, refit=False)
    model.fit(X[~dev], y[~dev], X_val=X[dev], y_val=y[dev], **given)
    expected = mean_squared_error(
        y[dev], model.predict(X[dev]), sample_weight=weights if weighted else None
    )
    assert_allclose(model.residual_std_, np.sqrt(expected), rtol=1e-5)


def test_rows_that_are_learnt_at_the_end_do_not_tell_of_the_residual():
    y = TARGETS["numbers"]
    before, after = (
        small(TabularMLPRegressor, refit=refit).fit(X, y).residual_std_ for refit in (False, True)
    )
    assert_array_equal(before, after)


def test_the_residual_is_that_of_what_is_predicted_even_beyond_the_range():
    """Predictions are kept within the range of y, and so is what residuals are of."""
    y, dev = TARGETS["numbers"], np.arange(N) % 3 == 0
    middle = ~dev & (np.abs(y - np.median(y)) < 1.5)
    model = small(TabularMLPRegressor, refit=False, max_iter=15)
    model.fit(X[middle], y[middle], X_val=X[dev], y_val=y[dev])
    members = member_predictions(model, X[dev])
    beyond = (members < y[middle].min()) | (members > y[middle].max())
    assert beyond.any(), "the case has to be one where something is cut off"
    expected = mean_squared_error(y[dev], model.predict(X[dev]))
    assert_allclose(model.residual_std_, np.sqrt(expected), rtol=1e-5)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"loss": "log_loss"}, "'loss' parameter .* Got 'log_loss'"),
        ({"loss": "huber", "huber_delta": 0.0}, "'huber_delta' parameter .* Got 0.0"),
        ({"loss": "quantile", "quantile": 1.0}, "'quantile' parameter .* Got 1.0"),
    ],
)
def test_bad_parameters_of_losses_are_named(parameters, message):
    with pytest.raises(ValueError, match=message):
        small(TabularMLPRegressor, **parameters).fit(X, TARGETS["numbers"])


def test_strings_are_no_numbers():
    with pytest.raises(ValueError, match="could not convert string to float"):
        small(TabularMLPRegressor).fit(X, np.array(["a", "b"] * (N // 2)))
