"""scikit-optimize searches pipelines with networks, by numbers and names of its own types."""

import pytest
from guide_recipes import run_recipe
from sklearn.model_selection import cross_val_score

pytest.importorskip("skopt")
pytestmark = [
    pytest.mark.tools,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning:skopt"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:skopt"),
]


def test_its_search_scores_as_scikit_learn_does():
    names = run_recipe("scikit-optimize")
    search = names["search"]
    best = names["model"].set_params(**search.best_params_)
    scores = cross_val_score(best, names["X_train"], names["y_train"], cv=3)
    assert search.best_score_ == pytest.approx(scores.mean())
    assert len(search.cv_results_["params"]) == 6
    assert (
        len({params["deepmlpclassifier__dropout"] for params in search.cv_results_["params"]}) > 1
    )
    width = search.best_params_["deepmlpclassifier__hidden_layer_sizes"]
    assert search.best_estimator_[-1].coefs_[0].shape == (30, width)
    assert search.score(names["X_test"], names["y_test"]) > 0.9
