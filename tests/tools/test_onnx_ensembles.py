"""Searches, their ensembles, and scikit-learn's ensembles of networks in ONNX."""

import pytest
from exported import IRIS, LABELLED, LABELS, NAMES, POSITIVE, classifier, regressor
from numpy.testing import assert_allclose, assert_array_equal
from onnx_graphs import CLOSE, as_onnx_labels, check, run, session
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tabular.tables import TARGETS, plain, small

from skdeep import LogisticRegressionGD, TabularMLPClassifier, TabularMLPRegressor
from skdeep.model_selection import (
    CoarseToFineSearchCV,
    VectorizedGridSearchCV,
    VectorizedHalvingRandomSearchCV,
    VectorizedRandomizedSearchCV,
)
from skdeep.preprocessing import TableEncoder

pytestmark = [
    pytest.mark.tools,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::skdeep.exceptions.NoProgressWarning"),
]
RATES = {"learning_rate_init": [0.01, 0.03]}
SEARCHES = {
    "grid": lambda model, rates, **k: VectorizedGridSearchCV(model, rates, cv=2, **k),
    "scikit-learn's grid": lambda model, rates: GridSearchCV(model, rates, cv=2),
    "random": lambda model, rates, **k: VectorizedRandomizedSearchCV(
        model, rates, n_iter=2, cv=2, random_state=0, **k
    ),
    "halving": lambda model, rates, **k: VectorizedHalvingRandomSearchCV(
        model, rates, n_candidates=2, cv=2, random_state=0, **k
    ),
    "coarse to fine": lambda model, rates, **k: CoarseToFineSearchCV(
        model, rates, n_iter=2, cv=2, random_state=0, **k
    ),
}


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_is_its_best_estimator(name):
    search = SEARCHES[name](classifier(4), RATES).fit(IRIS, NAMES)
    check(search, IRIS)
    check(search.best_estimator_, IRIS)
    pipeline = make_pipeline(StandardScaler(), regressor(4))
    rates = {f"deepmlpregressor__{key}": values for key, values in RATES.items()}
    check(SEARCHES[name](pipeline, rates).fit(IRIS, POSITIVE), IRIS)


def test_a_search_over_tables_in_a_pipeline():
    pipeline = make_pipeline(TableEncoder(), classifier(4))
    rates = {f"deepmlpclassifier__{key}": values for key, values in RATES.items()}
    check(VectorizedGridSearchCV(pipeline, rates, cv=2).fit(plain(), TARGETS["labels"]), plain())


def test_options_of_a_search_are_its_best_estimators():
    search = SEARCHES["grid"](classifier(4), RATES).fit(IRIS, NAMES)
    found = run(session(search, IRIS, raw_scores=True), IRIS)
    assert_allclose(found["probabilities"], search.decision_function(IRIS), **CLOSE)


ENSEMBLES = {
    "two classes": (classifier(4), IRIS, NAMES == "setosa"),
    "three classes": (classifier(4), IRIS, NAMES),
    "labels": (classifier(4), LABELLED, LABELS),
    "pipeline": (make_pipeline(StandardScaler(), classifier(4)), IRIS, NAMES),
    "numbers": (regressor(4), IRIS, POSITIVE),
    "two targets": (regressor(4), IRIS, IRIS[:, :2]),
    "table": (small(TabularMLPClassifier), plain(), TARGETS["labels"]),
    "numbers of a table": (small(TabularMLPRegressor), plain(), TARGETS["numbers"]),
}


@pytest.mark.parametrize("name", ENSEMBLES)
def test_the_ensemble_of_a_search(name):
    model, X, y = ENSEMBLES[name]
    prefix = "deepmlpclassifier__" if name == "pipeline" else ""
    rates = {f"{prefix}{key}": values for key, values in RATES.items()}
    check(VectorizedGridSearchCV(model, rates, cv=2, keep_best=2).fit(X, y).ensemble_, X)


OF_CLASSES = {
    "voting": VotingClassifier(
        [("deep", classifier(4)), ("gd", LogisticRegressionGD())],
        voting="soft",
        flatten_transform=False,
    ),
    "hard voting": VotingClassifier(
        [("deep", classifier(4)), ("other", LogisticRegression())], flatten_transform=False
    ),
    "bagging": BaggingClassifier(classifier(4), 3, random_state=0),
    "calibrated": CalibratedClassifierCV(classifier(4), cv=2),
    "calibrated apart": CalibratedClassifierCV(LogisticRegressionGD(), cv=2, ensemble=False),
    "stacking": StackingClassifier([("deep", classifier(4)), ("gd", LogisticRegressionGD())], cv=2),
    "one versus rest": OneVsRestClassifier(LogisticRegressionGD()),
}


@pytest.mark.parametrize("name", OF_CLASSES)
@pytest.mark.parametrize("rows", ["float32", "float64"])
def test_in_ensembles_of_scikit_learn(name, rows):
    X = IRIS.astype(rows)
    y = NAMES if name == "one versus rest" else (NAMES == "setosa").astype(int)
    model = OF_CLASSES[name].fit(X, y)
    found = run(session(model, X), X)
    assert_array_equal(found["label"], as_onnx_labels(model.predict(X)))
    if hasattr(model, "predict_proba"):
        assert_allclose(found["probabilities"], model.predict_proba(X), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "model",
    [
        VotingRegressor([("a", regressor(4)), ("b", regressor(3))]),
        BaggingRegressor(regressor(4), 3, random_state=0),
    ],
    ids=["voting", "bagging"],
)
def test_in_ensembles_of_regressors(model):
    X = IRIS.astype("float32")
    found = run(session(model.fit(X, POSITIVE), X), X)["variable"]
    assert_allclose(found.reshape(-1), model.predict(X), **CLOSE)
