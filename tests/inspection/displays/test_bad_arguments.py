"""What displays are given: errors that name the argument, before anything is drawn."""

import re

import numpy as np
import pytest
from drawing import REPORT, RESULTS, plt

from skdeep.inspection import (
    BiasVarianceDisplay,
    LearningRateDisplay,
    LossCurveDisplay,
    SearchDisplay,
    WeightsDisplay,
    bias_variance_report,
)

RATES = LearningRateDisplay(learning_rates=[0.1, 0.2])
LOSSES = {"loss_curve": [2.0, 1.0], "best_epoch": 1}
SEARCH = {"params": {"alpha": [0.1, 1.0]}, "scores": [0.1, 0.2]}
TWO = np.array(["single", "pairs"])
ERRORS = ("base_error", "train_error", "dev_error", "avoidable_bias", "variance")
BARS = {name: getattr(REPORT, name) for name in ERRORS}


def cases():
    yield "ax", lambda: RATES.plot(ax=5)
    yield "ax", lambda: RATES.plot(ax=plt)
    yield "ax", lambda: SearchDisplay(**SEARCH).plot(ax=["a", "b"])
    yield "line_kw", lambda: RATES.plot(line_kw=5)
    yield "line_kw", lambda: RATES.plot(line_kw={1: 2})
    yield "line_kw", lambda: RATES.plot(line_kw={"colour": "red"})
    yield "line_kw", lambda: RATES.plot(line_kw={"color": "no colour"})
    yield "log_scale", lambda: RATES.plot(log_scale=np.array([True, False]))
    yield "log_scale", lambda: RATES.plot(log_scale="yes")
    yield "name", lambda: RATES.plot(name=np.array([1, 2]))
    yield "learning_rates", lambda: LearningRateDisplay(learning_rates=[[1], [1, 2]]).plot()
    yield "learning_rates", lambda: LearningRateDisplay(learning_rates=[10**400]).plot()
    yield "loss_curve", lambda: LossCurveDisplay(loss_curve=np.array([1j, 2j])).plot()
    yield "validation_scores", lambda: LossCurveDisplay(**LOSSES, validation_scores=5).plot()
    yield "validation_scores", lambda: LossCurveDisplay(**LOSSES, validation_scores=[1.0]).plot()
    yield "best_epoch", lambda: LossCurveDisplay(**{**LOSSES, "best_epoch": 2}).plot()
    yield "kind", lambda: SearchDisplay(**SEARCH).plot(kind=TWO)
    yield "scales", lambda: SearchDisplay(**SEARCH, scales=5).plot()
    yield "scales", lambda: SearchDisplay(**SEARCH, scales={"alpha": TWO}).plot()
    yield "params", lambda: SearchDisplay(params=5, scores=[0.1]).plot()
    yield "params", lambda: SearchDisplay(params={"alpha": 1}, scores=[0.1]).plot()
    yield "params", lambda: SearchDisplay.from_cv_results(RESULTS, params=5)
    yield "params", lambda: SearchDisplay.from_cv_results(RESULTS, params=[["alpha"]])
    yield "cv_results", lambda: SearchDisplay.from_cv_results(5)
    yield "report", lambda: BiasVarianceDisplay.from_report(5)
    yield "intervals", lambda: BiasVarianceDisplay(**BARS, intervals=5).plot()
    yield "intervals", lambda: BiasVarianceDisplay(**BARS, intervals={"variance": 5}).plot()
    yield "intervals", lambda: BiasVarianceDisplay(**BARS, intervals={"bias": (0, 1)}).plot()
    yield "variance", lambda: BiasVarianceDisplay(**{**BARS, "variance": None}).plot()
    yield (
        "cmap",
        lambda: WeightsDisplay(
            weights=np.ones((4, 1)), image_shape=(2, 2), unit_names=["one"]
        ).plot(cmap="no map"),
    )


@pytest.mark.parametrize(("name", "call"), list(cases()))
def test_bad_arguments_are_named_and_nothing_is_drawn(name, call):
    plt.close("all")
    with pytest.raises((TypeError, ValueError), match=rf"(?<!\w){re.escape(name)}(?!\w)"):
        call()
    assert not any(figure.axes for figure in map(plt.figure, plt.get_fignums()))


@pytest.mark.parametrize("bad", [5, None, "rows", object()], ids=lambda bad: type(bad).__name__)
def test_rows_of_a_report_that_are_none(bad):
    from sklearn.tree import DecisionTreeClassifier

    X, y = np.arange(12.0).reshape(-1, 1), np.arange(12) % 2
    tree = DecisionTreeClassifier().fit(X, y)
    with pytest.raises((TypeError, ValueError), match="X_train"):
        bias_variance_report(tree, bad, y, X, y)
    with pytest.raises((TypeError, ValueError), match="X_dev"):
        bias_variance_report(tree, X, y, bad, y)


def test_an_integer_that_no_float_holds_is_a_category():
    params = {"alpha": [1, 10**400]}
    display = SearchDisplay(params=params, scores=[0.1, 0.2]).plot()
    assert len(display.axes_[0].get_xticklabels()) == 2
