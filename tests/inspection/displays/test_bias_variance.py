"""BiasVarianceDisplay: bars, gaps between them, intervals."""

import numpy as np
import pytest
from drawing import REPORT, X, Y, quietly

from skdeep import DeepMLPClassifier
from skdeep.inspection import BiasVarianceDisplay, bias_variance_report


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
