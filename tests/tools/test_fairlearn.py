"""Fairlearn's reductions reweight rows until a network's decisions differ less between groups."""

import numpy as np
import pytest
from guide_recipes import run_recipe
from sklearn.base import clone
from sklearn.preprocessing import scale

from skdeep import LogisticRegressionGD, TabularMLPClassifier

pytest.importorskip("fairlearn")
from fairlearn.metrics import demographic_parity_difference
from fairlearn.reductions import DemographicParity, GridSearch

pytestmark = [
    pytest.mark.tools,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    # Fairlearn's use of pandas.
    pytest.mark.filterwarnings("ignore::DeprecationWarning:fairlearn"),
    pytest.mark.filterwarnings("ignore::FutureWarning:fairlearn"),
]


@pytest.fixture(scope="module")
def names():
    return run_recipe("Fairlearn")


def difference_of(names, predicted):
    groups = names["group"][names["X_test"].index]
    return demographic_parity_difference(names["y_test"], predicted, sensitive_features=groups)


def test_a_pipeline_is_made_fairer(names):
    plain = clone(names["model"]).fit(names["X_train"], names["y_train"])
    assert names["difference"] < difference_of(names, plain.predict(names["X_test"])) / 2
    assert (names["predicted"] == names["y_test"]).mean() > 0.7


def test_its_classifiers_differ_by_their_weights(names):
    fitted = [names["fair"].predictors_.iloc[i] for i in range(2)]
    assert not np.array_equal(fitted[0][-1].coefs_[0], fitted[1][-1].coefs_[0])


@pytest.mark.parametrize(
    "classifier",
    [LogisticRegressionGD(), TabularMLPClassifier(n_members=1, max_iter=10, random_state=0)],
    ids=lambda one: type(one).__name__,
)
def test_a_grid_of_weights(names, classifier):
    train, rows = names["X_train"], scale(names["X_train"])
    search = GridSearch(classifier, DemographicParity(), grid_size=5)
    search.fit(rows, names["y_train"], sensitive_features=names["group"][train.index])
    groups = names["group"][train.index]
    differences = [
        demographic_parity_difference(
            names["y_train"], one.predict(rows), sensitive_features=groups
        )
        for one in search.predictors_
    ]
    assert len(differences) == 5
    assert min(differences) < 0.5 * max(differences)
