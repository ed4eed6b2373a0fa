"""The displays: what is drawn is what they were given, and it says what it is."""

import subprocess
import sys
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import loguniform, randint, reciprocal, uniform
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, ParameterGrid, RandomizedSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler, scale

from skdeep import (
    DeepMLPClassifier,
    DeepMLPRegressor,
    LogisticRegressionGD,
    SoftmaxClassifier,
    inspection,
)
from skdeep._engine.schedules import SCHEDULES
from skdeep.callbacks import LearningRateControl
from skdeep.inspection import (
    ActivationDisplay,
    BiasVarianceDisplay,
    LearningRateDisplay,
    LossCurveDisplay,
    SearchDisplay,
    WeightsDisplay,
    bias_variance_report,
    layer_statistics,
)
from skdeep.model_selection import (
    CoarseToFineSearchCV,
    VectorizedHalvingRandomSearchCV,
    VectorizedRandomizedSearchCV,
    log_uniform,
    one_minus_log_uniform,
    power_of_two,
)
from skdeep.utils import ewma

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402

X, Y = load_breast_cancer(return_X_y=True)
X = scale(X)[:200]
Y = Y[:200]
DIGITS, DIGIT = load_digits(return_X_y=True)
DIGITS = DIGITS[:300] / 16
DIGIT = DIGIT[:300]


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def quietly(fit, *data, **parameters):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return fit(*data, **parameters)


@pytest.fixture(scope="module")
def watched():
    """A network that was watched on a dev set and stopped early."""
    model = DeepMLPClassifier((16,), early_stopping=True, n_iter_no_change=3, random_state=0)
    return quietly(model.fit, X, Y)


@pytest.fixture(scope="module")
def digits_network():
    return quietly(DeepMLPClassifier((20, 12), max_iter=8, random_state=0).fit, DIGITS, DIGIT)


RESULTS = {
    "param_mlp__learning_rate_init": np.geomspace(1e-4, 1e-1, 8),
    "param_mlp__dropout": [0.0, 0.1, 0.2, 0.3, 0.4, 0.45, 0.05, 0.5],
    "param_mlp__beta_1": [0.9, 0.99, 0.999, 0.95, 0.9, 0.99, 0.999, 0.9],
    "param_mlp__hidden_layer_sizes": [(64, 64), (8,), 32, (8, 8), (8,), 32, (64, 64), (8, 8)],
    "param_mlp__activation": ["relu", "tanh"] * 4,
    "param_mlp__batch_norm": [True, False] * 4,
    "param_mlp__solver": ["adam"] * 8,
    "mean_test_score": [0.9, 0.92, 0.95, 0.97, 0.6, np.nan, 0.91, 0.93],
}
REPORT = SimpleNamespace(
    base_error=0.01,
    train_error=0.04,
    dev_error=0.16,
    avoidable_bias=0.03,
    variance=0.12,
    intervals={
        "train_error": (0.02, 0.06),
        "dev_error": (0.1, 0.2),
        "avoidable_bias": (0.01, 0.05),
        "variance": (0.07, 0.17),
    },
    diagnosis="high variance",
    metric="error rate",
)
LAYERS = layer_statistics(DeepMLPClassifier((6, 5), random_state=0), X, Y)
# Each display from data alone, and how many panels it has.
DISPLAYS = {
    "loss curve": (lambda: LossCurveDisplay(loss_curve=[3.0, 2, 1], best_epoch=1), 1),
    "learning rate": (lambda: LearningRateDisplay(learning_rates=[0.1, 0.05]), 1),
    "bias and variance": (lambda: BiasVarianceDisplay(**vars(REPORT)), 1),
    "search": (lambda: SearchDisplay(params={"a": [1, 2], "b": [3, 4]}, scores=[0, 1]), 2),
    "activations": (lambda: ActivationDisplay(layers=LAYERS), 3),
    "weights": (
        lambda: WeightsDisplay(weights=np.eye(4), image_shape=(2, 2), unit_names="abcd"),
        4,
    ),
}
each_display = pytest.mark.parametrize("name", DISPLAYS)


def drawn_axes(display):
    return [display.ax_] if hasattr(display, "ax_") else list(display.axes_)


def legend_texts(ax_or_figure):
    legend = ax_or_figure.legends[0] if hasattr(ax_or_figure, "legends") else None
    legend = legend or ax_or_figure.get_legend()
    return [text.get_text() for text in legend.get_texts()]


def offsets(collections):
    """The points of scatters, one after the other."""
    return np.vstack([np.asarray(one.get_offsets()) for one in collections])


# ------------------------------------------------------------------------------ what all have


@each_display
def test_plot_returns_the_display_with_a_figure_that_can_be_drawn(name):
    make, n_panels = DISPLAYS[name]
    display = make()
    assert not plt.get_fignums()
    assert display.plot() is display
    axes = drawn_axes(display)
    assert len(axes) == n_panels
    assert all(ax.figure is display.figure_ for ax in axes)
    display.figure_.canvas.draw()


@each_display
def test_given_axes_are_drawn_on(name):
    make, n_panels = DISPLAYS[name]
    figure, axes = plt.subplots(2, n_panels, squeeze=False)
    display = make().plot(ax=axes[0] if n_panels > 1 else axes[0, 0])
    assert drawn_axes(display) == list(axes[0])
    assert display.figure_ is figure
    assert not any(ax.has_data() for ax in axes[1])
    figure.canvas.draw()


@each_display
def test_a_single_axes_is_divided_where_there_are_several_panels(name):
    make, n_panels = DISPLAYS[name]
    figure, axes = plt.subplots(1, 2)
    display = make().plot(ax=axes[1])
    whole = axes[1].get_subplotspec()
    tops = [ax.get_subplotspec().get_topmost_subplotspec() for ax in drawn_axes(display)]
    assert tops == [whole] * n_panels
    assert plt.get_fignums() == [figure.number]
    assert axes[1].axison == (n_panels == 1)
    figure.canvas.draw()


@pytest.mark.parametrize("name", ["search", "activations", "weights"])
def test_axes_that_do_not_fit_are_refused(name):
    make, n_panels = DISPLAYS[name]
    figure, axes = plt.subplots(1, 5)
    with pytest.raises(ValueError, match=f"ax must be one Axes or {n_panels} of them, got 5"):
        make().plot(ax=axes)
    by_hand = figure.add_axes([0.1, 0.1, 0.5, 0.5])
    with pytest.raises(ValueError, match=f"ax must be {n_panels} Axes, or one that Figure.subplo"):
        make().plot(ax=by_hand)


@each_display
def test_without_matplotlib_the_error_says_what_to_install(name, monkeypatch):
    make, _ = DISPLAYS[name]
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    display = make()
    message = f"{type(display).__name__} needs matplotlib: pip install matplotlib"
    with pytest.raises(ImportError, match=message):
        display.plot()


@each_display
def test_a_name_is_the_title(name):
    make, _ = DISPLAYS[name]
    display = make().plot(name="A title")
    titles = [ax.get_title() for ax in drawn_axes(display)] + [display.figure_.get_suptitle()]
    assert "A title" in titles


def test_importing_the_displays_does_not_import_matplotlib():
    code = "import sys, skdeep.inspection; print('matplotlib' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"


def test_all_displays_are_exported():
    displays = {name for name in inspection.__all__ if name.endswith("Display")}
    assert displays == {type(make()).__name__ for make, _ in DISPLAYS.values()}


# ----------------------------------------------------------------------------------- loss curves


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


# -------------------------------------------------------------------------------- learning rates

OF_EPOCH = {
    "constant": lambda e: 1.0,
    "invscaling": lambda e: (200 * e + 1) ** -0.5,
    "inverse_time": lambda e: 1 / (1 + e),
    "sqrt": lambda e: 1 / np.sqrt(e + 1),
    "exponential": lambda e: 0.95**e,
    "step": lambda e: 0.5 ** (e // 10),
    "cosine": lambda e: (1 + np.cos(np.pi * e / 25)) / 2,
}


def test_every_schedule_is_drawn_or_refused():
    assert set(OF_EPOCH) | {"adaptive"} == set(SCHEDULES)


@pytest.mark.parametrize("schedule", OF_EPOCH)
def test_the_learning_rate_is_the_schedules(schedule):
    expected = 0.1 * np.array([OF_EPOCH[schedule](epoch) for epoch in range(25)])
    model = DeepMLPClassifier(learning_rate=schedule, learning_rate_init=0.1, max_iter=25)
    from_estimator = LearningRateDisplay.from_estimator(model, n_samples=200)
    from_schedule = LearningRateDisplay.from_schedule(
        schedule, learning_rate_init=0.1, n_epochs=25, n_samples=200
    )
    for display in (from_estimator, from_schedule):
        np.testing.assert_array_equal(display.line_.get_xdata(), np.arange(25))
        np.testing.assert_allclose(display.line_.get_ydata(), expected)
        assert display.ax_.get_title() == schedule
        assert display.ax_.get_xlabel() == "epoch"
        assert display.ax_.get_ylabel().startswith("learning rate")


@pytest.mark.parametrize("schedule", ["invscaling", "step", "cosine"])
def test_a_fitted_estimator_shows_the_epochs_it_was_trained_for(schedule):
    model = DeepMLPClassifier((4,), learning_rate=schedule, max_iter=4, random_state=0)
    quietly(model.fit, X, Y)
    model.set_params(max_iter=8)
    display = LearningRateDisplay.from_estimator(make_pipeline(model))
    factors = display.line_.get_ydata() / model.learning_rate_init
    assert factors.size == 4
    if schedule == "invscaling":
        np.testing.assert_allclose(factors, [(len(X) * e + 1) ** -0.5 for e in range(4)])
    longer = LearningRateDisplay.from_estimator(model, n_epochs=12)
    assert longer.line_.get_xdata().size == 12


def test_the_rates_an_adaptive_fit_took_are_drawn():
    # No progress is enough: after the first epoch every second one divides the rate by 5.
    model = DeepMLPClassifier(
        (4,), solver="sgd", learning_rate="adaptive", learning_rate_init=0.1, max_iter=8
    ).set_params(tol=1e9, n_iter_no_change=1)
    display = LearningRateDisplay.from_estimator(quietly(model.fit, X, Y))
    expected = 0.1 / 5.0 ** np.array([0, 0, 0, 1, 1, 2, 2, 3])
    np.testing.assert_allclose(display.line_.get_ydata(), expected)
    assert display.ax_.get_title() == "adaptive, as trained"
    assert LearningRateDisplay.from_estimator(model, name="mine").ax_.get_title() == "mine"
    with pytest.raises(ValueError, match="of a fitted estimator, without n_epochs"):
        LearningRateDisplay.from_estimator(model, n_epochs=8)


@pytest.mark.skipif(
    not hasattr(DeepMLPClassifier, "set_callbacks"), reason="this scikit-learn has no callbacks"
)
def test_the_rates_a_callback_set_are_drawn():
    rates = [0.01, 0.003, 0.02, 0.001]
    model = DeepMLPClassifier((4,), max_iter=4, learning_rate="sqrt", random_state=0)
    model.set_callbacks(LearningRateControl(lambda epoch, loss_curve: rates[epoch]))
    display = LearningRateDisplay.from_estimator(quietly(model.fit, X, Y))
    expected = np.array(rates) / np.sqrt([1, 2, 3, 4])
    np.testing.assert_allclose(display.line_.get_ydata(), expected)


def test_the_rates_of_each_partial_fit_are_drawn():
    model = DeepMLPClassifier((4,), learning_rate_init=0.1, random_state=0)
    for rate in (0.1, 0.1, 0.01, 0.02):
        model.set_params(learning_rate_init=rate).partial_fit(X, Y, classes=[0, 1])
    display = LearningRateDisplay.from_estimator(model)
    np.testing.assert_allclose(display.line_.get_ydata(), [0.1, 0.1, 0.01, 0.02])
    # The schedule, by the present parameters.
    for asked in ({"n_epochs": 4}, {"n_samples": 10}):
        display = LearningRateDisplay.from_estimator(model, **asked)
        np.testing.assert_allclose(display.line_.get_ydata(), [0.02] * 4)
        assert display.ax_.get_title() == "constant"


def test_a_full_batch_solver_and_models_of_a_search_show_a_rate_too():
    model = LogisticRegressionGD(learning_rate_init=0.3, learning_rate="sqrt", max_iter=4)
    display = LearningRateDisplay.from_estimator(quietly(model.fit, X, Y))
    np.testing.assert_allclose(display.line_.get_ydata(), 0.3 / np.sqrt([1, 2, 3, 4]))
    search = VectorizedRandomizedSearchCV(
        DeepMLPClassifier((4,), max_iter=3, learning_rate="sqrt", random_state=0),
        {"learning_rate_init": [0.01, 0.1]},
        n_iter=2,
        cv=2,
        keep_best=2,
    )
    quietly(search.fit, X, Y)
    for found in (search, *search.ensemble_.estimators):
        rate = getattr(found, "best_estimator_", found).learning_rate_init
        display = LearningRateDisplay.from_estimator(found)
        np.testing.assert_allclose(display.line_.get_ydata(), rate / np.sqrt([1, 2, 3]))
        assert display.ax_.get_title() == "sqrt, as trained"


def test_a_callable_is_a_schedule():
    model = DeepMLPClassifier(learning_rate=lambda epoch: 1 / (epoch + 2), max_iter=3)
    display = LearningRateDisplay.from_estimator(model)
    np.testing.assert_allclose(display.line_.get_ydata(), [0.0005, 0.001 / 3, 0.00025])


def test_a_rate_that_falls_by_decades_is_on_a_log_scale():
    falling = LearningRateDisplay.from_schedule("exponential", n_epochs=100)
    assert falling.ax_.get_yscale() == "log"
    assert falling.ax_.get_ylabel() == "learning rate (log scale)"
    linear = LearningRateDisplay.from_schedule("exponential", n_epochs=100, log_scale=False)
    assert linear.ax_.get_yscale() == "linear"
    # Most of a cosine lies within a decade, for all that its end is far below.
    assert LearningRateDisplay.from_schedule("cosine", n_epochs=100).ax_.get_yscale() == "linear"
    # It is zero after its end.
    beyond = LearningRateDisplay.from_schedule("cosine", n_epochs=20, decay_epochs=10)
    assert beyond.ax_.get_yscale() == "linear"
    with pytest.raises(ValueError, match="log_scale=True needs the learning rate > 0"):
        LearningRateDisplay.from_schedule("cosine", decay_epochs=10, log_scale=True)


def test_linear_models_have_their_own_default_rates():
    model = LogisticRegressionGD(solver="sgd", max_iter=3)
    np.testing.assert_allclose(LearningRateDisplay.from_estimator(model).line_.get_ydata(), 0.01)
    model = LogisticRegressionGD(learning_rate_init=0.3, max_iter=3)
    np.testing.assert_allclose(LearningRateDisplay.from_estimator(model).line_.get_ydata(), 0.3)


def test_a_label_makes_a_legend():
    display = LearningRateDisplay.from_schedule("sqrt", line_kw={"label": "mine"})
    assert legend_texts(display.ax_) == ["mine"]
    assert LearningRateDisplay.from_schedule("sqrt").ax_.get_legend() is None


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (DeepMLPClassifier(solver="lbfgs"), "solver='lbfgs' has no learning rate"),
        (DeepMLPClassifier(learning_rate="adaptive"), "learning_rate='adaptive' divides by 5"),
        (DeepMLPClassifier(learning_rate="invscaling"), "n_samples, .* must be given"),
        (LogisticRegressionGD(), "learning_rate_init='auto' of solver='gd' is computed"),
    ],
)
def test_a_rate_that_no_parameter_tells_is_refused(model, message):
    with pytest.raises(ValueError, match=message):
        LearningRateDisplay.from_estimator(model)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"learning_rate": "linear"}, "learning_rate must be a callable or one of .*'linear'"),
        ({"learning_rate": ["step"]}, "learning_rate must be a callable or one of"),
        ({"n_epochs": 0}, "n_epochs must be an integer >= 1, got 0"),
        ({"n_epochs": None}, "n_epochs must be an integer >= 1, got None"),
        ({"n_samples": 1.5}, "n_samples must be an integer >= 1, got 1.5"),
        ({"decay_epochs": 0}, "decay_epochs must be an integer >= 1, got 0"),
        ({"decay_rate": 0}, "decay_rate must be a finite number > 0, got 0"),
        ({"learning_rate_init": -1}, "learning_rate_init must be a finite number > 0, got -1"),
        ({"learning_rate_init": "auto"}, "learning_rate_init must be .* got 'auto'"),
        ({"power_t": -1}, "power_t must be a finite number >= 0, got -1"),
        ({"learning_rate": lambda epoch: -1}, "must return a finite factor >= 0"),
    ],
)
def test_bad_parameters_of_a_schedule_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        LearningRateDisplay.from_schedule(**{"learning_rate": "step", **arguments})


def test_bad_learning_rates_and_estimators_are_named():
    with pytest.raises(ValueError, match=r"one number per epoch, got shape \(0,\)"):
        LearningRateDisplay(learning_rates=[]).plot()
    with pytest.raises(TypeError, match="estimator must be one of skdeep's"):
        LearningRateDisplay.from_estimator(MLPClassifier())


# ----------------------------------------------------------------------------- bias and variance


def test_errors_are_bars_from_zero_and_gaps_lie_between_them():
    display = BiasVarianceDisplay.from_report(REPORT)
    spans = {name: (bar.get_x(), bar.get_width()) for name, bar in display.bars_.items()}
    assert spans == {
        "base_error": (0, 0.01),
        "avoidable_bias": (0.01, 0.03),
        "train_error": (0, 0.04),
        "variance": (0.04, 0.12),
        "dev_error": (0, 0.16),
    }
    names = ["base error", "avoidable bias", "training error", "variance", "dev error"]
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == names
    assert display.ax_.get_title() == "high variance"
    assert display.ax_.get_xlabel() == "error (error rate)"
    # The first is at the top.
    bottom, top = display.ax_.get_ylim()
    assert bottom > top


def test_intervals_are_drawn_and_told():
    display = BiasVarianceDisplay.from_report(REPORT)
    assert set(display.intervals_) == set(REPORT.intervals)
    for name, start in {"train_error": 0, "avoidable_bias": 0.01, "variance": 0.04}.items():
        low, high = REPORT.intervals[name]
        np.testing.assert_allclose(
            display.intervals_[name].get_xdata(), [start + low, start + high]
        )
    texts = {name: label.get_text() for name, label in display.labels_.items()}
    assert texts["base_error"] == "0.01"
    assert texts["variance"] == "0.12 (0.07 to 0.17)"


def test_without_intervals_there_are_only_the_numbers():
    numbers = {"base_error": 0.1, "train_error": 0.08, "dev_error": 0.08}
    display = BiasVarianceDisplay(**numbers, avoidable_bias=-0.02, variance=0.0).plot()
    assert display.intervals_ == {}
    assert display.labels_["avoidable_bias"].get_text() == "-0.02"
    # The axis goes on beyond the longest bar.
    assert display.ax_.get_xlim()[0] == 0
    assert display.ax_.get_xlim()[1] > 0.1
    assert display.ax_.get_xlabel() == "error"
    display.figure_.canvas.draw()


def test_a_long_diagnosis_is_broken_into_lines():
    display = BiasVarianceDisplay(**{**vars(REPORT), "diagnosis": "high variance and " * 8}).plot()
    assert max(map(len, display.ax_.get_title().splitlines())) <= 60


def test_the_report_of_an_estimator_is_drawn():
    model = quietly(DeepMLPClassifier((8,), max_iter=30, random_state=0).fit, X[:120], Y[:120])
    sets = (X[:120], Y[:120], X[120:], Y[120:])
    report = bias_variance_report(model, *sets, base_error=0.01)
    display = BiasVarianceDisplay.from_estimator(model, *sets, base_error=0.01)
    errors = {name: display.bars_[f"{name}_error"].get_width() for name in ("base", "train", "dev")}
    assert errors == {"base": 0.01, "train": report.train_error, "dev": report.dev_error}
    assert errors["train"] == pytest.approx(1 - model.score(*sets[:2]))
    assert errors["dev"] == pytest.approx(1 - model.score(*sets[2:]))
    assert display.ax_.get_title() == report.diagnosis


# ------------------------------------------------------------------------------------- searches


def test_each_hyperparameter_has_a_panel_and_its_own_scale():
    display = SearchDisplay.from_cv_results(RESULTS)
    assert [ax.get_xlabel() for ax in display.axes_] == [
        "learning_rate_init (log scale)",
        "dropout",
        "beta_1\n(log scale of 1 − beta_1)",
        "hidden_layer_sizes",
        "activation",
        "batch_norm",
    ]
    scales = [ax.get_xscale() for ax in display.axes_]
    assert scales == ["log", "linear", "log", "linear", "linear", "linear"]
    assert display.axes_[0].get_ylabel() == display.axes_[3].get_ylabel() == "mean test score"
    assert legend_texts(display.figure_) == ["candidate", "failed (1)", "best"]


def test_the_candidates_are_drawn_where_they_are():
    display = SearchDisplay.from_cv_results(RESULTS)
    scored = np.isfinite(RESULTS["mean_test_score"])
    scores = np.array(RESULTS["mean_test_score"])[scored]
    positions = [
        RESULTS["param_mlp__learning_rate_init"],
        RESULTS["param_mlp__dropout"],
        1 - np.array(RESULTS["param_mlp__beta_1"]),
    ]
    for points, expected in zip(display.points_, positions, strict=False):
        found = offsets(points)
        np.testing.assert_allclose(found[:, 0], np.asarray(expected)[scored])
        np.testing.assert_allclose(found[:, 1], scores)
    # The best of them is the fourth.
    for mark, expected in zip(display.best_points_, positions, strict=False):
        np.testing.assert_allclose(mark.get_offsets(), [[expected[3], 0.97]])


def test_layer_sizes_and_names_are_categories_in_order():
    display = SearchDisplay.from_cv_results(RESULTS)
    for number, categories in [
        (3, ["(8,)", "(8, 8)", "32", "(64, 64)"]),
        (4, ["relu", "tanh"]),
        (5, ["False", "True"]),
    ]:
        labels = [label.get_text() for label in display.axes_[number].get_xticklabels()]
        assert labels == categories
    sizes = ["(64, 64)", "(8,)", "32", "(8, 8)", "(8,)", "32", "(64, 64)", "(8, 8)"]
    places = [["(8,)", "(8, 8)", "32", "(64, 64)"].index(size) for size in sizes]
    scored = np.isfinite(RESULTS["mean_test_score"])
    found = offsets(display.points_[3])[:, 0]
    np.testing.assert_array_equal(np.rint(found), np.array(places)[scored])
    assert np.unique(found).size == found.size


def test_a_beta_close_to_one_is_told_apart_from_a_share():
    rng = np.random.default_rng(0)
    for values, scale_of_axis in [
        (1 - loguniform(1e-3, 1e-1).rvs(60, random_state=0), "log"),
        (rng.uniform(0, 0.5, 60), "linear"),
        (rng.uniform(0, 0.999, 60), "linear"),
        ([0.0, 0.9, 0.99], "log"),
        (loguniform(1e-4, 1e-1).rvs(60, random_state=0), "log"),
        (rng.uniform(1e-4, 1e-1, 60), "linear"),
        ([16, 32, 64, 128], "linear"),
        ([1e-3, 1e-2], "log"),
    ]:
        display = SearchDisplay(params={"a": values}, scores=np.arange(len(values))).plot()
        assert display.axes_[0].get_xscale() == scale_of_axis, values


def test_ticks_of_one_minus_a_log_scale_are_the_values_themselves():
    display = SearchDisplay(params={"b": [0.9, 0.99, 0.999]}, scores=[1, 2, 3]).plot()
    axis = display.axes_[0].xaxis
    assert axis.get_inverted()
    display.figure_.canvas.draw()
    texts = [label.get_text() for label in axis.get_ticklabels()]
    assert {"0.9", "0.99", "0.999"} <= set(texts)


def test_scales_can_be_given():
    scales = {"mlp__dropout": "categories", "learning_rate_init": "linear"}
    display = SearchDisplay.from_cv_results(
        RESULTS, params=["dropout", "mlp__learning_rate_init"], scales=scales
    )
    assert [ax.get_xlabel() for ax in display.axes_] == ["dropout", "learning_rate_init"]
    assert [ax.get_xscale() for ax in display.axes_] == ["linear", "linear"]
    assert len(display.axes_[0].get_xticks()) == 8


@pytest.mark.parametrize("column", ["round", "iter"])
def test_rounds_are_told_apart(column):
    rounds = [0, 0, 0, 1, 1, 1, 2, 2]
    display = SearchDisplay.from_cv_results({**RESULTS, column: rounds}, params=["dropout"])
    (points,) = display.points_
    assert [len(one.get_offsets()) for one in points] == [3, 2, 2]
    colors = {tuple(one.get_facecolor()[0]) for one in points}
    shapes = {one.get_paths()[0].vertices.tobytes() for one in points}
    assert len(colors) == len(shapes) == 3
    assert legend_texts(display.figure_)[:3] == [f"{column} {n}" for n in range(3)]
    # Halving's best is the best of its last iteration, with all resources.
    best = display.best_points_[0].get_offsets()[0, 1]
    assert best == (0.97 if column == "round" else 0.93)


@pytest.mark.parametrize("n", [2, 4])
def test_pairs_are_coloured_by_score(n):
    params = ["learning_rate_init", "hidden_layer_sizes", "dropout", "beta_1"][:n]
    display = SearchDisplay.from_cv_results(RESULTS, params=params, kind="pairs")
    assert len(display.axes_) == n * (n - 1) // 2
    scored = np.isfinite(RESULTS["mean_test_score"])
    first = display.points_[0][0]
    np.testing.assert_allclose(first.get_array(), np.array(RESULTS["mean_test_score"])[scored])
    np.testing.assert_allclose(
        first.get_offsets()[:, 0], RESULTS["param_mlp__learning_rate_init"][scored]
    )
    assert display.axes_[0].get_xscale() == "log"
    assert display.axes_[0].get_xlabel() == "learning_rate_init (log scale)"
    assert display.axes_[0].get_ylabel() == "hidden_layer_sizes"
    assert display.colorbar_.ax.get_ylabel() == "mean test score"
    low, high = first.get_clim()
    # The median is 0.92: 0.6 is further below than thrice the best is above.
    assert (low, high) == pytest.approx((0.92 - 3 * 0.05, 0.97))
    assert display.colorbar_.extend == "min"
    display.figure_.canvas.draw()


DRAWN_ON = {
    "batch_size": (power_of_two(32, 256), "batch_size (log scale)"),
    "rate": (log_uniform(1e-3, 0.1), "rate (log scale)"),
    "scipys": (loguniform(1e-3, 0.1), "scipys (log scale)"),
    "reciprocals": (reciprocal(a=1e-3, b=0.1), "reciprocals (log scale)"),
    "beta": (one_minus_log_uniform(0.5, 0.99), "beta\n(log scale of 1 − beta)"),
    "share": (uniform(1e-3, 1), "share"),
    "count": (randint(1, 300), "count"),
}


def results_of(spaces, n=10, random_state=0):
    """A search that has drawn from its spaces, each the same number of times."""
    spaces = [spaces] if isinstance(spaces, dict) else spaces
    results = {
        f"param_{name}": np.ma.masked_all(n * len(spaces), dtype=object)
        for space in spaces
        for name in space
    }
    rng = np.random.RandomState(random_state)
    for number, space in enumerate(spaces):
        for name, values in space.items():
            drawn = rng.choice(values, n) if isinstance(values, list) else values.rvs(n, rng)
            results[f"param_{name}"][number * n : (number + 1) * n] = drawn
    return {**results, "mean_test_score": rng.uniform(size=n * len(spaces))}


def x_labels(display):
    return {ax.get_xlabel() for ax in display.axes_}


@pytest.mark.parametrize("random_state", range(6))
def test_the_scale_is_that_of_the_distribution_that_was_drawn_from(random_state):
    space = {f"mlp__{name}": values for name, (values, _) in DRAWN_ON.items()}
    results = results_of(space, random_state=random_state)
    search = SimpleNamespace(cv_results_=results, param_distributions=space)
    expected = {label for _, label in DRAWN_ON.values()}
    assert x_labels(SearchDisplay.from_estimator(search)) == expected
    search.param_distributions = [space]
    assert x_labels(SearchDisplay.from_estimator(search)) == expected


SEARCHES = {
    "theirs": lambda space: RandomizedSearchCV(
        DeepMLPClassifier((4,), max_iter=2, random_state=0), space, n_iter=4, cv=2, random_state=0
    ),
    "random": lambda space: VectorizedRandomizedSearchCV(
        DeepMLPClassifier((4,), max_iter=2, random_state=0), space, n_iter=4, cv=2, random_state=0
    ),
    "halving": lambda space: VectorizedHalvingRandomSearchCV(
        DeepMLPClassifier((4,), random_state=0),
        space,
        n_candidates=4,
        min_resources=1,
        max_resources=3,
        cv=2,
        random_state=0,
    ),
    "coarse to fine": lambda space: CoarseToFineSearchCV(
        DeepMLPClassifier((4,), max_iter=2, random_state=0),
        space,
        n_rounds=2,
        n_iter=2,
        cv=2,
        random_state=0,
    ),
}


@pytest.mark.parametrize("name", SEARCHES)
def test_every_search_tells_the_scale(name):
    space = {
        "alpha": log_uniform(0.1, 0.2),
        "batch_size": power_of_two(32, 64),
        "beta_1": one_minus_log_uniform(0.8, 0.85),
    }
    search = quietly(SEARCHES[name](space).fit, X, Y)
    display = SearchDisplay.from_estimator(search, params=list(space))
    assert [ax.get_xscale() for ax in display.axes_] == ["log"] * 3
    assert [ax.xaxis.get_inverted() for ax in display.axes_] == [False, False, True]


def test_scales_that_are_given_win_over_the_distributions():
    space = {"mlp__alpha": log_uniform(1e-3, 0.1), "mlp__beta": one_minus_log_uniform(0.5, 0.99)}
    search = SimpleNamespace(cv_results_=results_of(space), param_distributions=space)
    for name in ("alpha", "mlp__alpha"):
        display = SearchDisplay.from_estimator(search, scales={name: "linear"})
        assert x_labels(display) == {"alpha", "beta\n(log scale of 1 − beta)"}
    # Not among what is drawn, a scale that is told is no error.
    assert x_labels(SearchDisplay.from_estimator(search, params=["alpha"])) == {"alpha (log scale)"}


@pytest.mark.parametrize(
    ("spaces", "label"),
    [
        # A list goes along, as far as it can.
        ([{"a": log_uniform(0.1, 0.2)}, {"a": [0.1, 0.2]}], "a (log scale)"),
        ([{"a": log_uniform(0.1, 0.2)}, {"a": [0.0, 0.2]}], "a"),
        ([{"a": one_minus_log_uniform(0.1, 0.2)}, {"a": [1.0]}], "a"),
        # Two scales are none.
        ([{"a": log_uniform(0.1, 0.2)}, {"a": one_minus_log_uniform(0.1, 0.2)}], "a"),
        # What is shifted is even on no scale.
        ([{"a": loguniform(0.1, 0.2, loc=1)}, {"a": loguniform(0.1, 0.2, 1)}], "a"),
        ([{"a": [0.0, 1e-3, 1e-2, 1e-1, 1.0]}], "a"),
        ([{"a": log_uniform(0.1, 0.2)}, {"b": [1]}], "a (log scale)"),
    ],
)
def test_of_several_spaces_the_scale_is_what_they_agree_on(spaces, label):
    search = SimpleNamespace(cv_results_=results_of(spaces), param_distributions=spaces)
    assert x_labels(SearchDisplay.from_estimator(search, params=["a"])) == {label}


def tick_texts(axis, limits, *, minor):
    """The labels that can be read, between the limits."""
    low, high = sorted(limits)
    ticks = axis.get_minor_ticks() if minor else axis.get_major_ticks()
    places = axis.get_ticklocs(minor=minor)
    return [
        tick.label1.get_text()
        for tick, place in zip(ticks, places, strict=True)
        if low <= place <= high and tick.label1.get_text()
    ]


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([32, 64, 128, 256], "log", ["32", "64", "128", "256"]),
        ([0.25, 2, 1], "log", ["0.25", "0.5", "1", "2"]),
        ([2**20, 2**24], "log", [rf"$\mathdefault{{2^{{{n}}}}}$" for n in range(20, 25)]),
        ([20, 40, 90], "log", ["20", "50"]),
        ([3e-5, 4e-5, 8e-5], "log", ["5e-05"]),
        ([0.9, 0.92, 0.95], "one_minus_log", ["0.95", "0.9"]),
        ([1e-3, 1e-1], "log", [rf"$\mathdefault{{10^{{{n}}}}}$" for n in (-3, -2, -1)]),
    ],
)
@pytest.mark.parametrize("direction", ["x", "y"])
def test_ticks_of_a_log_scale_are_labelled_at_powers(values, kind, expected, direction):
    other = {"other": list(range(len(values)))}
    params = {"a": values, **other} if direction == "x" else {**other, "a": values}
    display = SearchDisplay(params=params, scores=other["other"], scales={"a": kind}).plot(
        kind="pairs"
    )
    display.figure_.canvas.draw()
    (ax,) = display.axes_
    axis, limits = getattr(ax, f"{direction}axis"), getattr(ax, f"get_{direction}lim")()
    assert tick_texts(axis, limits, minor=True) == []
    found = tick_texts(axis, limits, minor=False)
    assert len(found) >= 2
    assert set(expected) <= set(found)
    renderer = display.figure_.canvas.get_renderer()
    boxes = [
        label.get_window_extent(renderer)
        for label in axis.get_ticklabels()
        if label.get_text() in found
    ]
    assert not any(a.overlaps(b) for n, a in enumerate(boxes) for b in boxes[n + 1 :])


def test_candidates_without_a_hyperparameter_are_left_out_of_its_panel():
    grids = [{"alpha": [0.1, 1.0], "solver": ["adam"]}, {"solver": ["sgd", "adamw"]}]
    search = GridSearchCV(DeepMLPClassifier((4,), max_iter=3, random_state=0), grids, cv=2)
    quietly(search.fit, X, Y)
    display = SearchDisplay.from_estimator(search)
    counts = [len(offsets(points)[~np.isnan(offsets(points)[:, 0])]) for points in display.points_]
    assert counts == [2, 4]
    best = len(list(ParameterGrid(grids))) - 4 + search.best_index_
    assert display.best_points_[1].get_offsets()[0, 1] == pytest.approx(
        search.cv_results_["mean_test_score"][best]
    )


def test_a_search_of_ours_is_drawn():
    space = {"mlp__alpha": loguniform(1e-3, 1e1), "mlp__hidden_layer_sizes": [(4,), (8,)]}
    model = make_pipeline(StandardScaler(), DeepMLPClassifier(max_iter=5, random_state=0))
    model.steps[-1] = ("mlp", model.steps[-1][1])
    search = VectorizedRandomizedSearchCV(
        model, space, n_iter=8, cv=2, random_state=0, scoring="roc_auc"
    )
    quietly(search.fit, X, Y)
    display = SearchDisplay.from_estimator(search, name="A search")
    assert [ax.get_xlabel() for ax in display.axes_] == ["alpha (log scale)", "hidden_layer_sizes"]
    assert display.axes_[0].get_ylabel() == "mean test score (roc_auc)"
    np.testing.assert_allclose(
        offsets(display.points_[0]),
        np.column_stack(
            [
                search.cv_results_["param_mlp__alpha"].astype(float),
                search.cv_results_["mean_test_score"],
            ]
        ),
    )
    np.testing.assert_allclose(
        display.best_points_[0].get_offsets(),
        [[search.best_params_["mlp__alpha"], search.best_score_]],
    )


def test_halvings_iterations_are_coloured():
    search = VectorizedHalvingRandomSearchCV(
        DeepMLPClassifier((4,), random_state=0),
        {"alpha": loguniform(1e-3, 1e1)},
        n_candidates=9,
        min_resources=2,
        max_resources=18,
        cv=2,
        random_state=0,
    )
    quietly(search.fit, X, Y)
    display = SearchDisplay.from_estimator(search)
    assert [len(one.get_offsets()) for one in display.points_[0]] == [9, 3, 1]
    # The resource is what tells the iterations apart, not what is searched.
    assert [ax.get_xlabel() for ax in display.axes_] == ["alpha (log scale)"]
    both = SearchDisplay.from_estimator(search, params=["alpha", "max_iter"])
    assert both.axes_[1].get_xlabel() == "max_iter"
    assert display.best_points_[0].get_offsets()[0, 1] == pytest.approx(search.best_score_)


def test_the_rounds_of_a_search_from_coarse_to_fine_are_coloured():
    search = CoarseToFineSearchCV(
        DeepMLPClassifier((4,), max_iter=5, random_state=0),
        {"learning_rate_init": loguniform(1e-4, 1e-1), "dropout": uniform(0, 0.5)},
        n_rounds=3,
        n_iter=8,
        shrink=0.3,
        cv=2,
        random_state=0,
    )
    quietly(search.fit, X, Y)
    display = SearchDisplay.from_estimator(search)
    for points in display.points_:
        assert [len(one.get_offsets()) for one in points] == [8, 8, 8]
    # Later rounds are narrow and crowd any scale.
    scales = {ax.get_xlabel(): ax.get_xscale() for ax in display.axes_}
    assert scales == {"learning_rate_init (log scale)": "log", "dropout": "linear"}
    np.testing.assert_allclose(
        display.best_points_[0].get_offsets()[0, 1], search.cv_results_["mean_test_score"].max()
    )


def test_one_of_several_metrics_is_drawn():
    search = GridSearchCV(
        DeepMLPClassifier((4,), max_iter=5, random_state=0),
        {"alpha": [1e-3, 1e-1, 1e1]},
        scoring=["accuracy", "neg_log_loss"],
        refit="accuracy",
        cv=2,
    )
    quietly(search.fit, X, Y)
    for metric, name in [(None, "accuracy"), ("neg_log_loss", "neg_log_loss")]:
        display = SearchDisplay.from_estimator(search, metric=metric)
        scores = search.cv_results_[f"mean_test_{name}"]
        np.testing.assert_allclose(offsets(display.points_[0])[:, 1], scores)
        assert display.axes_[0].get_ylabel() == f"mean test score ({name})"
        assert display.best_points_[0].get_offsets()[0, 1] == scores.max()
    with pytest.raises(ValueError, match=r"metric must be among .*'accuracy'.*'recall'"):
        SearchDisplay.from_estimator(search, metric="recall")


def test_a_data_frame_of_results_is_drawn():
    pandas = pytest.importorskip("pandas")
    display = SearchDisplay.from_cv_results(pandas.DataFrame(RESULTS), params=["dropout"])
    assert offsets(display.points_[0]).shape == (7, 2)


def test_what_is_missing_in_a_data_frame_is_no_value():
    pandas = pytest.importorskip("pandas")
    spaces = [
        {"alpha": loguniform(1e-4, 1), "solver": ["adam", "sgd"]},
        {"units": randint(1, 9), "solver": ["adam"]},
    ]
    results = results_of(spaces)
    from_dict = SearchDisplay.from_cv_results(results)
    frame = pandas.DataFrame(results)
    assert frame.isna().to_numpy().sum() == 20
    read_back = frame.convert_dtypes()
    assert read_back["param_units"].isna().to_numpy().sum() == 10
    assert read_back["param_units"].dtype == "Int64"
    for table in (frame, read_back):
        display = SearchDisplay.from_cv_results(table)
        assert x_labels(display) == {"alpha (log scale)", "solver", "units"}
        for drawn, expected in zip(display.points_, from_dict.points_, strict=True):
            found = np.ma.filled(offsets(drawn), np.nan)
            np.testing.assert_allclose(found, np.ma.filled(offsets(expected), np.nan))
    # One value, and its absence, are no difference between candidates.
    assert x_labels(SearchDisplay.from_cv_results(frame.assign(param_one=[1.0, np.nan] * 10))) == {
        "alpha (log scale)",
        "solver",
        "units",
    }


def test_none_is_a_value():
    results = {"param_a": [None, 1, None, 2], "mean_test_score": [1, 2, 3, 4]}
    display = SearchDisplay.from_cv_results(results)
    labels = [label.get_text() for label in display.axes_[0].get_xticklabels()]
    assert labels == ["1", "2", "None"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"params": ["gamma"]}, "params must be among .*'dropout'.*, got 'gamma'"),
        ({"params": "dropout"}, "params must be a sequence of names, got 'dropout'"),
        ({"params": []}, "params must hold one hyperparameter at least"),
        ({"kind": "triples"}, r"kind must be one of \['single', 'pairs'\], got 'triples'"),
        ({"kind": "pairs", "params": ["dropout"]}, "kind='pairs' needs two hyperparameters"),
        ({"scales": {"gamma": "log"}}, "scales must be of hyperparameters among .*'gamma'"),
        ({"scales": {"dropout": "sqrt"}}, r"scales\['dropout'\] must be one of .* got 'sqrt'"),
        ({"scales": {"dropout": "log"}}, r"scales\['dropout'\]='log' needs values > 0, got 0"),
        ({"scales": {"activation": "log"}}, r"scales\['activation'\]='log' needs numbers"),
        ({"best_index": 8}, "best_index must be an integer from 0 to 7, .* got 8"),
        ({"best_index": -1}, "best_index must be an integer from 0 to 7, .* got -1"),
        ({"best_index": 1.5}, "best_index must be an integer from 0 to 7, .* got 1.5"),
        ({"metric": "accuracy"}, r"metric must be among \['score'\], got 'accuracy'"),
    ],
)
def test_bad_arguments_of_a_search_display_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        SearchDisplay.from_cv_results(RESULTS, **arguments)


def test_results_that_cannot_be_drawn_are_named():
    with pytest.raises(TypeError, match="search must be fitted and have cv_results_"):
        SearchDisplay.from_estimator(GridSearchCV(DeepMLPClassifier(), {}))
    with pytest.raises(ValueError, match="must hold a hyperparameter that differs"):
        SearchDisplay.from_cv_results({"param_a": [1, 1], "mean_test_score": [0, 1]})
    with pytest.raises(ValueError, match="scores must be finite for a candidate at least"):
        SearchDisplay(params={"a": [1, 2]}, scores=[np.nan, np.nan]).plot()
    with pytest.raises(ValueError, match=r"params\['a'\] must have one value per candidate \(3\)"):
        SearchDisplay(params={"a": [1, 2]}, scores=[1, 2, 3]).plot()
    with pytest.raises(ValueError, match="'one_minus_log' needs values < 1, got 2"):
        SearchDisplay(params={"a": [0.5, 2]}, scores=[1, 2], scales={"a": "one_minus_log"}).plot()


# ----------------------------------------------------------------------------------- activations


def test_the_panels_show_the_statistics_of_the_layers(digits_network):
    display = ActivationDisplay.from_estimator(digits_network, DIGITS, DIGIT)
    layers = layer_statistics(digits_network, DIGITS, DIGIT)
    quantiles = [
        np.quantile(layer.activations, [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1]) for layer in layers[:-1]
    ]
    np.testing.assert_allclose(display.quantiles_, quantiles)
    np.testing.assert_allclose(display.medians_.get_xdata(), np.array(quantiles)[:, 3])
    np.testing.assert_allclose(display.line_.get_xdata(), [layer.gradient_norm for layer in layers])
    np.testing.assert_allclose(
        [bar.get_width() for bar in display.bars_], [100 * layer.share_dead for layer in layers[:2]]
    )
    labels = [label.get_text() for label in display.axes_[0].get_yticklabels()]
    assert labels == ["hidden 1", "hidden 2", "output"]
    assert display.axes_[1].get_xscale() == "log"
    assert [ax.get_xlabel() for ax in display.axes_] == [
        "activation",
        "gradient norm (log scale)",
        "dead units (%)",
    ]
    # The input is at the top.
    bottom, top = display.axes_[0].get_ylim()
    assert bottom > top


def test_dead_units_are_counted(digits_network):
    network = quietly(clone(digits_network).fit, DIGITS, DIGIT)
    network.intercepts_[0][:5] = -1e4
    display = ActivationDisplay.from_estimator(network, DIGITS, DIGIT)
    n_dead = int(layer_statistics(network, DIGITS, DIGIT)[0].dead.sum())
    assert n_dead >= 5
    assert f"{n_dead} of 20" in [text.get_text() for text in display.axes_[2].texts]


def test_a_gradient_of_zero_has_no_place_on_a_log_scale_but_is_told(digits_network):
    network = quietly(clone(digits_network).set_params(alpha=0).fit, DIGITS, DIGIT)
    network.intercepts_[1][...] = -1e4
    display = ActivationDisplay.from_estimator(network, DIGITS, DIGIT)
    assert [text.get_text() for text in display.axes_[1].texts] == ["0", "0"]
    assert np.isnan(display.line_.get_xdata()).tolist() == [True, True, False]
    display.figure_.canvas.draw()


def test_a_pipeline_transforms_the_rows_on_their_way():
    pipeline = make_pipeline(StandardScaler(), DeepMLPClassifier((6,), max_iter=3, random_state=0))
    x = 100 * X + 7
    with pytest.raises(NotFittedError):
        ActivationDisplay.from_estimator(pipeline, x, Y)
    quietly(pipeline.fit, x, Y)
    display = ActivationDisplay.from_estimator(pipeline, x, Y, name="scaled")
    expected = layer_statistics(pipeline[-1], pipeline[:-1].transform(x), Y)
    np.testing.assert_allclose(display.layers[0].activations, expected[0].activations)
    alone = ActivationDisplay.from_estimator(make_pipeline(pipeline[-1]), X, Y)
    np.testing.assert_allclose(
        alone.layers[0].activations, layer_statistics(pipeline[-1], X, Y)[0].activations
    )


OF_PIPELINES = {
    "a pipeline's last step": (lambda outer, inner: make_pipeline(outer, inner), lambda e: e[1]),
    "a search over a pipeline": (
        lambda outer, inner: GridSearchCV(
            make_pipeline(outer, inner), {"pipeline__memory": [None]}, cv=2
        ),
        lambda e: e.best_estimator_[1],
    ),
    "a pipeline's search": (
        lambda outer, inner: make_pipeline(outer, GridSearchCV(inner, {"memory": [None]}, cv=2)),
        lambda e: e[1].best_estimator_,
    ),
}


@pytest.mark.parametrize("name", OF_PIPELINES)
def test_the_way_of_the_rows_leads_through_estimators_in_estimators(name):
    make, inside = OF_PIPELINES[name]
    network = DeepMLPClassifier((6,), max_iter=3, random_state=0)
    # Each step matters: the standardised rows are multiplied by 3.
    tripled = make_pipeline(FunctionTransformer(lambda x: 3 * x), network)
    estimator = make(StandardScaler(), tripled)
    quietly(estimator.fit, 100 * X + 7, Y)
    display = ActivationDisplay.from_estimator(estimator, 100 * X + 7, Y)
    expected = layer_statistics(inside(estimator)[1], 3 * scale(X), Y)
    for found, layer in zip(display.layers, expected, strict=True):
        np.testing.assert_allclose(found.activations, layer.activations, atol=1e-9)
        np.testing.assert_allclose(found.gradient, layer.gradient, atol=1e-9)


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_targets_are_transformed_on_their_way(n_outputs):
    x, target = load_diabetes(return_X_y=True)
    if n_outputs == 2:
        target = np.column_stack([target, 3 * x[:, 0]])
    model = TransformedTargetRegressor(
        make_pipeline(StandardScaler(), DeepMLPRegressor(hidden_layer_sizes=(5,), max_iter=3)),
        transformer=StandardScaler(),
    )
    with pytest.raises(TypeError, match="fitted TransformedTargetRegressor that ends in one; got"):
        ActivationDisplay.from_estimator(model, x, target)
    quietly(model.fit, x, target)
    display = ActivationDisplay.from_estimator(model, x, target)
    # NumPy's own standardisation.
    scaled = (target - target.mean(axis=0)) / target.std(axis=0)
    expected = layer_statistics(model.regressor_[-1], scale(x), scaled)
    for found, layer in zip(display.layers, expected, strict=True):
        np.testing.assert_allclose(found.activations, layer.activations, atol=1e-12)
        np.testing.assert_allclose(found.gradient, layer.gradient, atol=1e-12)


def test_a_search_without_a_best_estimator_is_refused():
    search = GridSearchCV(DeepMLPClassifier((4,), max_iter=2), {"alpha": [1]}, cv=2, refit=False)
    quietly(search.fit, X, Y)
    with pytest.raises(TypeError, match=r"fitted search with refit.* got GridSearchCV"):
        ActivationDisplay.from_estimator(search, X, Y)


def test_weights_of_the_rows_reach_the_gradients(digits_network):
    weights = np.arange(300) % 3
    display = ActivationDisplay.from_estimator(digits_network, DIGITS, DIGIT, weights)
    expected = layer_statistics(digits_network, DIGITS, DIGIT, weights)
    np.testing.assert_allclose(
        display.line_.get_xdata(), [layer.gradient_norm for layer in expected]
    )


def test_networks_without_hidden_layers_are_refused():
    with pytest.raises(ValueError, match="estimator must have a hidden layer, got Softmax"):
        ActivationDisplay.from_estimator(SoftmaxClassifier(), DIGITS, DIGIT)
    with pytest.raises(ValueError, match="layers must hold a hidden layer"):
        ActivationDisplay(layers=LAYERS[-1:]).plot()
    with pytest.raises(TypeError, match="estimator must be one of skdeep's"):
        ActivationDisplay.from_estimator(MLPClassifier(), DIGITS, DIGIT)


# --------------------------------------------------------------------------------------- weights


def test_the_units_of_the_largest_norm_are_shown(digits_network):
    display = WeightsDisplay.from_estimator(digits_network, (8, 8), n_units=6)
    weights = digits_network.coefs_[0]
    largest = np.argsort(-np.linalg.norm(weights, axis=0))[:6]
    assert [ax.get_title() for ax in display.axes_] == [f"unit {unit}" for unit in largest]
    for image, unit in zip(display.images_, largest, strict=True):
        np.testing.assert_allclose(image.get_array(), weights[:, unit].reshape(8, 8))
    assert display.figure_.get_suptitle() == "DeepMLPClassifier: 6 of 20 units"
    display = WeightsDisplay.from_estimator(digits_network, (8, 8), n_units=20)
    assert display.figure_.get_suptitle() == "DeepMLPClassifier"


def test_all_images_share_one_scale_that_is_symmetric_about_zero(digits_network):
    display = WeightsDisplay.from_estimator(digits_network, (8, 8))
    limits = {image.get_clim() for image in display.images_}
    ((low, high),) = limits
    shown = np.stack([image.get_array() for image in display.images_])
    assert -low == high == np.abs(shown).max()
    assert display.colorbar_.ax.get_ylabel() == "weight"
    assert all(len(ax.get_xticks()) == len(ax.get_yticks()) == 0 for ax in display.axes_)


def test_the_first_units_are_shown_in_order(digits_network):
    display = WeightsDisplay.from_estimator(digits_network, [8, 8], n_units=100, order="index")
    assert [ax.get_title() for ax in display.axes_] == [f"unit {unit}" for unit in range(20)]
    # A grid of 5 columns and 4 rows is full.
    assert len(display.figure_.axes) == 20 + 1


def test_images_need_not_be_square():
    x = DIGITS[:, :24]
    model = quietly(DeepMLPClassifier((3,), max_iter=2, random_state=0).fit, x, DIGIT)
    display = WeightsDisplay.from_estimator(model, (3, 8), order="index")
    np.testing.assert_allclose(display.images_[1].get_array(), model.coefs_[0][:, 1].reshape(3, 8))


def test_channels_stand_side_by_side():
    # Red, green and blue of each pixel next to each other, as in an image that imshow takes.
    images = DIGITS.reshape(-1, 8, 8)
    colored = np.stack([images, images**2, 1 - images], axis=-1)[:, :, :6]
    model = DeepMLPClassifier((5,), max_iter=2, random_state=0)
    quietly(model.fit, colored.reshape(len(colored), -1), DIGIT)
    display = WeightsDisplay.from_estimator(model, (8, 6, 3), order="index")
    weights = model.coefs_[0].reshape(8, 6, 3, 5)
    for unit, image in enumerate(display.images_):
        shown = np.ma.filled(image.get_array(), np.nan)
        assert shown.shape == (8, 3 * 6 + 2)
        assert np.isnan(shown[:, [6, 13]]).all()
        for channel, start in enumerate([0, 7, 14]):
            np.testing.assert_allclose(shown[:, start : start + 6], weights[:, :, channel, unit])
    ((low, high),) = {image.get_clim() for image in display.images_}
    assert -low == high == np.abs(model.coefs_[0]).max()
    one = WeightsDisplay.from_estimator(model, (16, 9, 1), order="index")
    np.testing.assert_allclose(one.images_[2].get_array(), model.coefs_[0][:, 2].reshape(16, 9))


@pytest.mark.parametrize("sparse", [False, True])
def test_linear_models_show_one_image_for_each_class(sparse):
    model = quietly(SoftmaxClassifier(max_iter=20).fit, DIGITS, DIGIT)
    coef = model.coef_
    if sparse:
        model.sparsify()
    display = WeightsDisplay.from_estimator(model, (8, 8), order="index")
    assert [ax.get_title() for ax in display.axes_] == [str(digit) for digit in range(10)]
    np.testing.assert_allclose(display.images_[3].get_array(), coef[3].reshape(8, 8))
    binary = quietly(LogisticRegressionGD(max_iter=20).fit, DIGITS, DIGIT == 3)
    display = WeightsDisplay.from_estimator(binary, (8, 8))
    assert [ax.get_title() for ax in display.axes_] == ["True"]


def test_weights_that_are_all_zero_can_be_drawn():
    display = WeightsDisplay(weights=np.zeros((4, 1)), image_shape=(2, 2), unit_names=["a"]).plot()
    assert display.images_[0].get_clim() == (-1, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image_shape": (8, 9)}, r"image_shape=\(8, 9\) has 72 pixels, but .* takes 64 features"),
        ({"image_shape": 64}, r"image_shape must be \(height, width\), .* got 64"),
        ({"image_shape": (3, 4, 5)}, r"\(3, 4, 5\) has 60 pixels and channels, but .* 64 features"),
        ({"image_shape": (4, 4, 2, 2)}, r"image_shape must be .* got \(4, 4, 2, 2\)"),
        ({"image_shape": (8, 8, 0)}, r"n_channels\), integers >= 1, got \(8, 8, 0\)"),
        ({"image_shape": (-8, -8)}, r"image_shape must be .* got \(-8, -8\)"),
        ({"n_units": 0}, "n_units must be an integer >= 1, got 0"),
        ({"order": "random"}, "order must be one of .* got 'random'"),
    ],
)
def test_bad_arguments_of_a_weights_display_are_named(arguments, message, digits_network):
    with pytest.raises(ValueError, match=message):
        WeightsDisplay.from_estimator(digits_network, **{"image_shape": (8, 8), **arguments})


def test_weights_want_a_fitted_network_of_ours():
    with pytest.raises(NotFittedError):
        WeightsDisplay.from_estimator(DeepMLPClassifier(), (8, 8))
    with pytest.raises(TypeError, match="estimator must be one of skdeep's"):
        WeightsDisplay.from_estimator(MLPClassifier(), (8, 8))
