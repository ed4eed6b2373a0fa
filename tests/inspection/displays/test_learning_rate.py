"""LearningRateDisplay: schedules, the rates trained with, and what no parameter tells."""

import numpy as np
import pytest
from drawing import X, Y, legend_texts, quietly
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline

from skdeep import DeepMLPClassifier, LogisticRegressionGD
from skdeep._engine.schedules import SCHEDULES
from skdeep.callbacks import LearningRateControl
from skdeep.inspection import LearningRateDisplay
from skdeep.model_selection import VectorizedRandomizedSearchCV

OF_EPOCH = {
    "constant": lambda e: 1.0,
    "invscaling": lambda e: (200 * e + 1) ** -0.5,
    "inverse_time": lambda e: 1 / (1 + e),
    "sqrt": lambda e: 1 / np.sqrt(e + 1),
    "exponential": lambda e: 0.95**e,
    "step": lambda e: 0.5 ** (e // 10),
    "cosine": lambda e: (1 + np.cos(np.pi * e / 25)) / 2,
    "linear": lambda e: 1 - e / 25,
    "flat_cosine": lambda e: (1 + np.cos(np.pi * max(2 * e / 25 - 1, 0))) / 2,
    "coslog4": lambda e: (1 - np.cos(2 * np.pi * np.log2(1 + 15 * e / 25))) / 2,
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


def test_of_several_lines_none_gives_the_title():
    ax = LearningRateDisplay.from_schedule("sqrt", line_kw={"label": "root"}).ax_
    ax.set_title("Two schedules")
    LearningRateDisplay.from_schedule("cosine", ax=ax, line_kw={"label": "cosine"})
    assert ax.get_title() == "Two schedules"
    LearningRateDisplay.from_schedule("step", ax=ax, name="Three", line_kw={"label": "stairs"})
    assert ax.get_title() == "Three"


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
        (
            {"learning_rate": "triangular"},
            "learning_rate must be a callable or one of .*'triangular'",
        ),
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
