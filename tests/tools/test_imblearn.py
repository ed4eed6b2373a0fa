"""imbalanced-learn resamples the rows of fits, and of no predictions, before all classifiers."""

import re

import numpy as np
import pytest
from guide_recipes import BLOCK, PAGE, run_recipe
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GridSearchCV

from skdeep import (
    DeepMLPClassifier,
    LogisticRegressionGD,
    SoftmaxClassifier,
    TabularMLPClassifier,
)
from skdeep.model_selection import VectorizedGridSearchCV
from skdeep.preprocessing import TableEncoder

pytest.importorskip("imblearn")
from imblearn.ensemble import BalancedBaggingClassifier
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.pipeline import make_pipeline
from imblearn.under_sampling import RandomUnderSampler

pytestmark = [
    pytest.mark.tools,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::skdeep.exceptions.NoProgressWarning"),
]
X, Y = make_classification(300, 6, weights=[0.9], class_sep=0.6, random_state=0)
CLASSIFIERS = [
    DeepMLPClassifier((8,), max_iter=20, random_state=0),
    LogisticRegressionGD(),
    SoftmaxClassifier(),
    TabularMLPClassifier(n_members=1, max_iter=5, random_state=0),
]
SAMPLERS = [
    RandomOverSampler(random_state=0),
    RandomUnderSampler(random_state=0),
    SMOTE(random_state=0),
]


def test_the_network_learns_from_the_resampled_rows():
    names = run_recipe("imbalanced-learn")
    few, pipeline = names["few"], names["resampling"]
    X, y = names["X_train"].iloc[few], names["y_train"].iloc[few]
    rows, labels = pipeline[1].fit_resample(pipeline[0].transform(X), y)
    alone = DeepMLPClassifier(max_iter=40, random_state=0).fit(rows, labels)
    assert_array_equal(np.bincount(labels), [(y == 1).sum()] * 2)
    assert_array_equal(
        pipeline.predict_proba(names["X_test"]),
        alone.predict_proba(pipeline[0].transform(names["X_test"])),
    )


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("classifier", CLASSIFIERS, ids=lambda one: type(one).__name__)
def test_samplers_before_classifiers(classifier, sampler):
    pipeline = make_pipeline(sampler, clone(classifier)).fit(X, Y)
    alone = clone(classifier).fit(*sampler.fit_resample(X, Y))
    assert_array_equal(pipeline.predict_proba(X), alone.predict_proba(X))
    as_it_was = clone(classifier).fit(X, Y)
    rare_found = (pipeline.predict(X)[Y == 1] == 1).mean()
    assert rare_found > (as_it_was.predict(X)[Y == 1] == 1).mean()


def test_a_search_scores_rows_as_they_are():
    pipeline = make_pipeline(SAMPLERS[1], CLASSIFIERS[0])
    grid = {"deepmlpclassifier__alpha": [0.1, 100.0]}
    ours, theirs = (
        Search(pipeline, grid, cv=3, scoring="balanced_accuracy").fit(X, Y)
        for Search in (VectorizedGridSearchCV, GridSearchCV)
    )
    found, expected = (one.cv_results_["mean_test_score"] for one in (ours, theirs))
    np.testing.assert_allclose(found, expected)


def test_balanced_bagging_of_networks():
    bagging = BalancedBaggingClassifier(CLASSIFIERS[0], n_estimators=5, random_state=0).fit(X, Y)
    alone = CLASSIFIERS[0].fit(X, Y)
    assert balanced_accuracy_score(Y, bagging.predict(X)) > balanced_accuracy_score(
        Y, alone.predict(X)
    )


def test_the_recipe_of_the_page_on_rare_classes():
    # The page's own names, without running all of it.
    page = PAGE.with_name("imbalance.rst")
    names = {
        "DeepMLPClassifier": DeepMLPClassifier,
        "TableEncoder": TableEncoder,
        "X_train": X,
        "y_train": Y,
    }
    (block,) = BLOCK.findall(page.read_text("utf-8"))
    exec(re.sub(r"^   ", "", block, flags=re.MULTILINE), names)
    assert names["search"].stacked_ == {"n_stacked": 12, "n_alone": 0, "reasons": {}}
