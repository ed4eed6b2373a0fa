"""Dev sets and sample weights that reach the network through scikit-learn's metadata routing.

In a Pipeline the dev set must be scaled as X is: `transform_input` sends it through the steps
before the one that asks for it.
"""

import pytest
from numpy.testing import assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.model_selection import KFold, RandomizedSearchCV, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import DeepMLPClassifier, DeepMLPRegressor, LogisticRegressionGD, SoftmaxClassifier

# Fits are short here.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

every_estimator = pytest.mark.parametrize(
    "Estimator", [DeepMLPClassifier, DeepMLPRegressor, LogisticRegressionGD, SoftmaxClassifier]
)

X_all, y_all = make_classification(n_samples=120, random_state=0)
X_all = 5 + 3 * X_all
X, X_val, y, y_val = train_test_split(X_all, y_all, random_state=0)
WEIGHT = 1.0 + y + X[:, 0] ** 2
WEIGHT_VAL = 1.0 + y_val


@pytest.fixture(autouse=True)
def _routing():
    with config_context(enable_metadata_routing=True):
        yield


def short(Estimator):
    return Estimator(solver="adam", max_iter=5, early_stopping=True, random_state=0)


def scaled_by_hand(Estimator, **weights):
    """The network of a pipeline, fitted on data that are scaled beforehand."""
    scaler = StandardScaler().fit(X)
    network = short(Estimator)
    scaled_val = scaler.transform(X_val)
    return network.fit(scaler.transform(X), y, X_val=scaled_val, y_val=y_val, **weights)


def in_pipeline(network, *, transform_input=("X_val",)):
    steps = [("scale", StandardScaler()), ("network", network)]
    return Pipeline(steps, transform_input=list(transform_input))


def assert_same_fit(network, expected):
    assert network.validation_loss_curve_ == expected.validation_loss_curve_
    assert network.loss_curve_ == expected.loss_curve_
    scaled = StandardScaler().fit(X).transform(X_val)
    assert_array_equal(network.predict(scaled), expected.predict(scaled))


@every_estimator
def test_dev_set_in_a_pipeline(Estimator):
    network = short(Estimator).set_fit_request(X_val=True, y_val=True)
    pipeline = in_pipeline(network).fit(X, y, X_val=X_val, y_val=y_val)
    assert_same_fit(pipeline["network"], scaled_by_hand(Estimator))


@every_estimator
def test_without_transform_input_the_dev_set_is_not_scaled(Estimator):
    network = short(Estimator).set_fit_request(X_val=True, y_val=True)
    pipeline = in_pipeline(network, transform_input=()).fit(X, y, X_val=X_val, y_val=y_val)
    scaled = scaled_by_hand(Estimator)
    assert pipeline["network"].validation_loss_curve_ != scaled.validation_loss_curve_


@every_estimator
def test_weights_in_a_pipeline(Estimator):
    request = ("sample_weight", "sample_weight_val", "X_val", "y_val")
    network = short(Estimator).set_fit_request(**dict.fromkeys(request, True))
    weights = {"sample_weight": WEIGHT, "sample_weight_val": WEIGHT_VAL}
    # The scaler could be weighted, too: it must say that it is not to be.
    scaler = StandardScaler().set_fit_request(sample_weight=False)
    pipeline = in_pipeline(network).set_params(scale=scaler)
    pipeline.fit(X, y, X_val=X_val, y_val=y_val, **weights)
    expected = scaled_by_hand(Estimator, **weights)
    assert_same_fit(pipeline["network"], expected)
    assert expected.loss_curve_ != scaled_by_hand(Estimator).loss_curve_


@every_estimator
def test_dev_set_that_was_not_asked_for_is_an_error(Estimator):
    with pytest.raises(UnsetMetadataPassedError, match="X_val"):
        in_pipeline(short(Estimator)).fit(X, y, X_val=X_val, y_val=y_val)


@every_estimator
def test_weights_in_a_randomized_search(Estimator):
    network = short(Estimator).set_params(early_stopping=False)
    asking = clone(network).set_fit_request(sample_weight=True)
    asking.set_score_request(sample_weight=True)
    folds = KFold(2)
    search = RandomizedSearchCV(asking, {"alpha": [0.01, 1.0]}, n_iter=2, cv=folds, random_state=0)
    search.fit(X, y, sample_weight=WEIGHT)

    results = search.cv_results_
    for i, (train, test) in enumerate(folds.split(X)):
        scores = [
            clone(network)
            .set_params(**parameters)
            .fit(X[train], y[train], WEIGHT[train])
            .score(X[test], y[test], WEIGHT[test])
            for parameters in results["params"]
        ]
        assert_array_equal(results[f"split{i}_test_score"], scores)
    refitted = clone(network).set_params(**search.best_params_).fit(X, y, WEIGHT)
    assert_array_equal(search.predict(X), refitted.predict(X))


@every_estimator
def test_dev_set_in_a_randomized_search_over_a_pipeline(Estimator):
    network = short(Estimator).set_fit_request(X_val=True, y_val=True)
    parameters = {"network__learning_rate_init": [1e-3, 1e-2]}
    search = RandomizedSearchCV(in_pipeline(network), parameters, n_iter=2, cv=2, random_state=0)
    search.fit(X, y, X_val=X_val, y_val=y_val)
    best = search.best_estimator_["network"]
    expected = in_pipeline(clone(network).set_params(learning_rate_init=best.learning_rate_init))
    expected.fit(X, y, X_val=X_val, y_val=y_val)
    assert_same_fit(best, expected["network"])
