"""SearchDisplay's scales: given, told by a search's distributions, or found from the values."""

from types import SimpleNamespace

import numpy as np
import pytest
from drawing import RESULTS, X, Y, offsets, quietly, results_of, x_labels
from scipy.stats import loguniform, randint, reciprocal, uniform
from sklearn.model_selection import RandomizedSearchCV

from skdeep import DeepMLPClassifier
from skdeep.inspection import SearchDisplay
from skdeep.model_selection import (
    CoarseToFineSearchCV,
    VectorizedHalvingRandomSearchCV,
    VectorizedRandomizedSearchCV,
    log_uniform,
    one_minus_log_uniform,
    power_of_two,
)


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


DRAWN_ON = {
    "batch_size": (power_of_two(32, 256), "batch_size (log scale)"),
    "rate": (log_uniform(1e-3, 0.1), "rate (log scale)"),
    "scipys": (loguniform(1e-3, 0.1), "scipys (log scale)"),
    "reciprocals": (reciprocal(a=1e-3, b=0.1), "reciprocals (log scale)"),
    "beta": (one_minus_log_uniform(0.5, 0.99), "beta\n(log scale of 1 − beta)"),
    "share": (uniform(1e-3, 1), "share"),
    "count": (randint(1, 300), "count"),
}


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
