"""LossCurveDisplay: averages, values behind them, marks, scales."""

import numpy as np
import pytest
from drawing import X, Y, legend_texts, quietly
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import (
    DeepMLPClassifier,
    DeepMLPRegressor,
    LogisticRegressionGD,
    TabularMLPClassifier,
)
from skdeep.inspection import LearningRateDisplay, LossCurveDisplay
from skdeep.utils import ewma


@pytest.fixture(scope="module")
def watched():
    """A network that was watched on a dev set and stopped early."""
    model = DeepMLPClassifier((16,), early_stopping=True, n_iter_no_change=3, random_state=0)
    return quietly(model.fit, X, Y)


@pytest.mark.parametrize("beta", [0.5, 0.9])
def test_the_loss_curves_are_averaged_and_the_values_stay_visible(watched, beta):
    display = LossCurveDisplay.from_estimator(watched, beta=beta)
    epochs = np.arange(len(watched.loss_curve_))
    for line, raw, curve in [
        (display.line_, display.raw_line_, watched.loss_curve_),
        (
            display.validation_line_,
            display.validation_raw_line_,
            watched.validation_loss_curve_,
        ),
    ]:
        np.testing.assert_array_equal(line.get_xdata(), epochs)
        np.testing.assert_allclose(line.get_ydata(), ewma(curve, beta))
        np.testing.assert_array_equal(raw.get_ydata(), curve)
        assert raw.get_alpha() < 0.5
        assert line.get_color() == raw.get_color()
    assert display.line_.get_linestyle() != display.validation_line_.get_linestyle()
    assert display.line_.get_color() != display.validation_line_.get_color()


def test_the_best_epoch_and_the_end_are_marked(watched):
    display = LossCurveDisplay.from_estimator(watched)
    n = len(watched.loss_curve_)
    assert set(display.best_line_.get_xdata()) == {watched.best_epoch_}
    # Clear of the legend, which stands above.
    assert max(display.best_line_.get_ydata()) == 0.5
    assert display.end_.get_xdata().tolist() == [n - 1]
    assert legend_texts(display.ax_) == [
        "training cost J",
        "dev loss",
        f"best epoch: {watched.best_epoch_} (dev score {watched.best_validation_score_:.3g})",
        f"end, after {n} epochs",
    ]
    assert display.ax_.get_xlabel() == "epoch"
    assert display.ax_.get_ylabel() == "loss"
    assert display.ax_.get_title() == "DeepMLPClassifier"


def test_beta_zero_draws_the_values_alone(watched):
    display = LossCurveDisplay.from_estimator(watched, beta=0)
    assert display.raw_line_ is display.validation_raw_line_ is None
    np.testing.assert_allclose(display.line_.get_ydata(), watched.loss_curve_)


def test_by_default_the_average_is_over_a_twentieth_of_the_epochs():
    rng = np.random.default_rng(0)
    for n, beta in [(10, 0), (40, 0.5), (100, 0.8), (200, 0.9), (1000, 0.9)]:
        curve = rng.uniform(1, 2, n)
        display = LossCurveDisplay(loss_curve=curve).plot()
        np.testing.assert_allclose(display.line_.get_ydata(), ewma(curve, beta))
        assert (display.raw_line_ is None) == (beta == 0)
        display = LossCurveDisplay(loss_curve=curve, unit="iteration").plot()
        np.testing.assert_allclose(display.line_.get_ydata(), curve)


def test_on_a_log_scale_the_logarithms_are_averaged():
    curve = np.geomspace(1, 1e-6, 200)
    display = LossCurveDisplay(loss_curve=curve).plot(beta=0.9)
    assert display.ax_.get_yscale() == "log"
    np.testing.assert_allclose(display.line_.get_ydata(), np.exp(ewma(np.log(curve), 0.9)))


def test_without_a_dev_set_there_is_one_curve(digits_network):
    display = LossCurveDisplay.from_estimator(digits_network)
    assert display.validation_line_ is display.validation_raw_line_ is display.best_line_ is None
    assert legend_texts(display.ax_) == ["training cost J", "end, after 8 epochs"]


def test_epochs_in_which_nobody_watched_have_no_loss():
    model = DeepMLPClassifier((4,), max_iter=3, warm_start=True, random_state=0)
    quietly(model.fit, X, Y)
    quietly(model.fit, X, Y, X_val=X[:50], y_val=Y[:50])
    assert np.isnan(model.validation_loss_curve_[:3]).all()
    display = LossCurveDisplay.from_estimator(model, beta=0.9)
    assert display.line_.get_xdata().tolist() == [0, 1, 2, 3, 4, 5]
    assert display.validation_line_.get_xdata().tolist() == [3, 4, 5]
    expected = ewma(model.validation_loss_curve_[3:])
    np.testing.assert_allclose(display.validation_line_.get_ydata(), expected)


def test_a_cost_that_falls_by_decades_is_on_a_log_scale():
    wide, narrow = np.geomspace(1, 1e-3, 20), np.linspace(1, 0.5, 20)
    assert LossCurveDisplay(loss_curve=wide).plot().ax_.get_yscale() == "log"
    assert LossCurveDisplay(loss_curve=wide).plot(log_scale=False).ax_.get_yscale() == "linear"
    assert LossCurveDisplay(loss_curve=narrow).plot().ax_.get_yscale() == "linear"
    display = LossCurveDisplay(loss_curve=narrow).plot(log_scale=True)
    assert display.ax_.get_yscale() == "log"
    assert display.ax_.get_ylabel() == "loss (log scale)"
    assert LossCurveDisplay(loss_curve=wide - 0.5).plot().ax_.get_yscale() == "linear"
    with pytest.raises(ValueError, match="log_scale=True needs the losses > 0, got a minimum of -"):
        LossCurveDisplay(loss_curve=wide - 0.5).plot(log_scale=True)


@pytest.mark.parametrize("solver", ["gd", "lbfgs"])
def test_a_full_batch_solver_counts_iterations(solver):
    model = quietly(LogisticRegressionGD(solver=solver, max_iter=20).fit, X, Y)
    display = LossCurveDisplay.from_estimator(model)
    assert display.ax_.get_xlabel() == "iteration"
    assert legend_texts(display.ax_)[-1].endswith("iterations")


def test_the_network_is_found_inside_other_estimators():
    network = DeepMLPClassifier((4,), max_iter=5, random_state=0)
    pipeline = quietly(make_pipeline(StandardScaler(), network).fit, X, Y)
    search = quietly(GridSearchCV(clone(pipeline), {"memory": [None]}, cv=2).fit, X, Y)
    target, regressor = load_diabetes(return_X_y=True), DeepMLPRegressor(max_iter=5)
    transformed = TransformedTargetRegressor(regressor, transformer=StandardScaler())
    quietly(transformed.fit, *target)
    for estimator, inner in [
        (pipeline, network),
        (search, search.best_estimator_[-1]),
        (transformed, transformed.regressor_),
    ]:
        display = LossCurveDisplay.from_estimator(estimator, beta=0)
        np.testing.assert_allclose(display.line_.get_ydata(), inner.loss_curve_)


def test_scikit_learns_networks_have_loss_curves_too():
    model = MLPClassifier((4,), early_stopping=True, max_iter=10, random_state=0)
    display = LossCurveDisplay.from_estimator(quietly(model.fit, X, Y), name="theirs")
    np.testing.assert_allclose(display.line_.get_ydata(), model.loss_curve_)
    assert display.ax_.get_title() == "theirs"


def test_line_kw_reaches_the_averaged_lines(watched):
    display = LossCurveDisplay.from_estimator(watched, beta=0.5, line_kw={"linewidth": 5})
    assert display.line_.get_linewidth() == display.validation_line_.get_linewidth() == 5
    assert display.raw_line_.get_linewidth() == 1


def test_a_label_stands_before_those_of_both_curves(watched):
    display = LossCurveDisplay.from_estimator(watched, line_kw={"label": "mine"})
    assert legend_texts(display.ax_)[:2] == ["mine: training cost J", "mine: dev loss"]


def test_line_kw_may_be_matplotlibs_short_names(watched):
    display = LossCurveDisplay.from_estimator(
        watched, beta=0.5, line_kw={"ls": ":", "c": "k", "lw": 3}
    )
    for line in (display.line_, display.validation_line_):
        assert (line.get_linestyle(), line.get_color(), line.get_linewidth()) == (":", "k", 3)
    assert display.raw_line_.get_color() == "k"
    rates = LearningRateDisplay.from_schedule("sqrt", line_kw={"c": "k", "ds": "default"})
    assert (rates.line_.get_color(), rates.line_.get_drawstyle()) == ("k", "default")


def test_loss_curves_that_are_not_there_are_named():
    with pytest.raises(NotFittedError):
        LossCurveDisplay.from_estimator(DeepMLPClassifier())
    with pytest.raises(TypeError, match="must have a loss_curve_, got LogisticRegression"):
        LossCurveDisplay.from_estimator(LogisticRegression().fit(X, Y))
    with pytest.raises(ValueError, match="loss_curve is empty"):
        LossCurveDisplay(loss_curve=[]).plot()
    with pytest.raises(ValueError, match=r"one number per epoch, got shape \(2, 1\)"):
        LossCurveDisplay(loss_curve=[[1.0], [2.0]]).plot()
    with pytest.raises(ValueError, match="beta must be a number in"):
        LossCurveDisplay(loss_curve=[1.0, 2.0]).plot(beta=1)


def test_each_group_of_a_network_for_tables_has_its_curves():
    model = TabularMLPClassifier((3, 5), hidden_layer_sizes=8, max_iter=6, random_state=0)
    model.fit(X, Y)
    for group in (0, 1):
        display = LossCurveDisplay.from_estimator(model, group=group, beta=0)
        np.testing.assert_array_equal(display.line_.get_ydata(), model.loss_curve_[group])
        expected = model.validation_loss_curve_[group]
        np.testing.assert_array_equal(display.validation_line_.get_ydata(), expected)
        assert set(display.best_line_.get_xdata()) == {model.best_epoch_[group]}
    with pytest.raises(ValueError, match=r"group must be in \[0, 1\], got 2"):
        LossCurveDisplay.from_estimator(model, group=2)


def test_other_estimators_have_no_groups(watched):
    with pytest.raises(ValueError, match="group must be 0, got 1: DeepMLPClassifier has no groups"):
        LossCurveDisplay.from_estimator(watched, group=1)
