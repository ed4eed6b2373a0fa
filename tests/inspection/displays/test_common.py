"""What all displays have in common: figures, axes, titles, and matplotlib only when drawn."""

import subprocess
import sys

import numpy as np
import pytest
from drawing import LAYERS, REPORT, plt

from skdeep import inspection
from skdeep.inspection import (
    ActivationDisplay,
    BiasVarianceDisplay,
    LearningRateDisplay,
    LossCurveDisplay,
    SearchDisplay,
    WeightsDisplay,
)

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
    message = rf"{type(display).__name__} needs matplotlib, .*pip install 'scikit-deep\[plot\]'"
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
