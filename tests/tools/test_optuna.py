"""Optuna tunes networks: a study that prunes by partial_fit, and its search for scikit-learn's."""

import pytest
from guide_recipes import run_recipe
from sklearn.datasets import load_wine
from sklearn.metrics import log_loss
from sklearn.model_selection import cross_val_score
from sklearn.preprocessing import scale

from skdeep import DeepMLPClassifier

optuna = pytest.importorskip("optuna")
pytestmark = [
    pytest.mark.tools,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    # Its own: of what is experimental, and of what it uses and will remove.
    pytest.mark.filterwarnings("ignore::FutureWarning:optuna"),
    pytest.mark.filterwarnings("ignore:OptunaSearchCV is experimental"),
]


@pytest.fixture(scope="module")
def names():
    pytest.importorskip("optuna_integration")
    return run_recipe("Optuna")


def test_a_study_prunes_by_partial_fit(names):
    trials = names["study"].trials
    states = [trial.state for trial in trials]
    assert states.count(optuna.trial.TrialState.PRUNED) > 0
    for trial in trials:
        finished = trial.state == optuna.trial.TrialState.COMPLETE
        assert (len(trial.intermediate_values) == 20) == finished


def test_the_best_trial_is_what_training_alone_gives(names):
    study = names["study"]
    network = DeepMLPClassifier(**study.best_params, random_state=0)
    for _ in range(20):
        network.partial_fit(names["Z_part"], names["y_part"], classes=[0, 1])
    assert log_loss(names["y_dev"], network.predict_proba(names["Z_dev"])) == study.best_value


def test_its_search_scores_as_scikit_learn_does(names):
    search = names["search"]
    best = names["model"].set_params(**search.best_params_)
    scores = cross_val_score(best, names["X_train"], names["y_train"], cv=3)
    assert search.best_score_ == pytest.approx(scores.mean())
    assert search.score(names["X_test"], names["y_test"]) > 0.9


def test_its_search_prunes_by_partial_fit():
    integration = pytest.importorskip("optuna_integration")
    rates = optuna.distributions.CategoricalDistribution([0.01, 0.1, 1e-6])
    X, y = load_wine(return_X_y=True)
    search = integration.OptunaSearchCV(
        DeepMLPClassifier(random_state=0),
        {"learning_rate_init": rates},
        n_trials=15,
        cv=3,
        enable_pruning=True,
        max_iter=10,
        random_state=0,
    ).fit(scale(X), y)
    pruned = [one for one in search.trials_ if one.state == optuna.trial.TrialState.PRUNED]
    assert any(len(one.intermediate_values) < 10 for one in pruned)
    assert search.best_params_["learning_rate_init"] > 1e-6
    assert search.best_score_ > 0.9
