"""scikit-learn's checks of its conventions, on the searches: what its own pass, ours pass."""

import warnings

import pytest
from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.model_selection import RandomizedSearchCV
from sklearn.utils.estimator_checks import check_estimator

from skdeep import DeepMLPClassifier, DeepMLPRegressor, LogisticRegressionGD
from skdeep.model_selection import (
    CoarseToFineSearchCV,
    VectorizedGridSearchCV,
    VectorizedHalvingRandomSearchCV,
    VectorizedRandomizedSearchCV,
)

FAST = {"hidden_layer_sizes": (5,), "learning_rate_init": 0.05, "max_iter": 60, "random_state": 0}
SPACE = {"alpha": loguniform(1e-5, 1e-3)}
ESTIMATORS = [
    DeepMLPClassifier(**FAST),
    DeepMLPRegressor(**FAST),
    LogisticRegressionGD(solver="lbfgs"),
]
SEARCHES = [
    lambda estimator: VectorizedRandomizedSearchCV(
        estimator, SPACE, n_iter=2, cv=2, random_state=0, error_score="raise"
    ),
    lambda estimator: VectorizedGridSearchCV(
        estimator, {"alpha": [1e-5, 1e-3]}, cv=2, error_score="raise"
    ),
    lambda estimator: VectorizedHalvingRandomSearchCV(
        estimator,
        SPACE,
        n_candidates=2,
        min_resources="exhaust",
        cv=2,
        random_state=0,
        error_score="raise",
    ),
    lambda estimator: CoarseToFineSearchCV(
        estimator, SPACE, n_rounds=2, n_iter=2, cv=2, random_state=0, error_score="raise"
    ),
]


def passed(search):
    """The names of the checks that a search passes, and what became of the others."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(search, on_skip=None, on_fail=None)
    names = [result["check_name"] for result in results if result["status"] == "passed"]
    return sorted(names), [result for result in results if result["status"] == "failed"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda estimator: type(estimator).__name__)
@pytest.mark.parametrize("make", SEARCHES, ids=["randomized", "grid", "halving", "coarse to fine"])
def test_checks_that_scikit_learns_search_passes_pass(make, estimator):
    reference = RandomizedSearchCV(
        clone(estimator), SPACE, n_iter=2, cv=2, random_state=0, error_score="raise"
    )
    expected, _ = passed(reference)
    found, failures = passed(make(estimator))
    missing = sorted(set(expected) - set(found))
    assert not missing, [one for one in failures if one["check_name"] in missing]
    assert len(expected) > 40
