"""SearchDisplay: candidates at their places, on the scales they were searched on."""

import numpy as np
import pytest
from drawing import RESULTS, X, Y, legend_texts, offsets, quietly, results_of, x_labels
from scipy.stats import loguniform, randint, uniform
from sklearn.model_selection import GridSearchCV, ParameterGrid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import DeepMLPClassifier
from skdeep.inspection import SearchDisplay
from skdeep.model_selection import (
    CoarseToFineSearchCV,
    VectorizedHalvingRandomSearchCV,
    VectorizedRandomizedSearchCV,
)


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


def test_candidates_far_below_the_others_do_not_squeeze_them():
    scores = [0.1, 0.4, 0.92, 0.93, 0.94, 0.95, 0.96, 0.97, 0.98]
    results = {"param_alpha": np.geomspace(1e-3, 1e5, 9), "mean_test_score": scores}
    display = SearchDisplay.from_cv_results(results)
    (panel,) = display.axes_
    low, high = panel.get_ylim()
    # The median is 0.94, and the best is 0.04 above it: down to 0.82 scores are told apart.
    assert low == pytest.approx(0.92 - 0.1 * 0.16)
    assert 0.98 < high < 1
    assert legend_texts(display.figure_) == ["candidate", "below 0.904 (2)", "best"]
    at_foot = panel.collections[1].get_offsets()
    np.testing.assert_allclose(at_foot[:, 0], results["param_alpha"][:2])
    assert len(display.points_[0][0].get_offsets()) == 9


def test_a_wide_spread_of_scores_is_shown_whole():
    results = {"param_alpha": [1.0, 2.0, 3.0, 4.0], "mean_test_score": [0.3, 0.6, 0.7, 0.9]}
    (panel,) = SearchDisplay.from_cv_results(results).axes_
    assert panel.get_ylim()[0] < 0.3


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
