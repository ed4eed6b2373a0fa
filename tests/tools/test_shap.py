"""SHAP explains predictions: shares add up to them, and of linear models they are known."""

import numpy as np
import pytest
from guide_recipes import run_recipe
from numpy.testing import assert_allclose
from sklearn.datasets import load_iris

from skdeep import DeepMLPRegressor, LogisticRegressionGD, SoftmaxClassifier

shap = pytest.importorskip("shap")
pytestmark = [
    pytest.mark.tools,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::skdeep.exceptions.NoProgressWarning"),
    # Its own, and what it asks of matplotlib and NumPy.
    pytest.mark.filterwarnings("ignore::PendingDeprecationWarning:shap"),
    pytest.mark.filterwarnings("ignore::FutureWarning:shap"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:shap"),
]
X, Y = load_iris(return_X_y=True)


def test_shares_add_up_to_probabilities():
    names = run_recipe("SHAP")
    values, explainer = names["values"], names["explainer"]
    assert values.shape == (3, 30)
    p = names["model"].predict_proba(names["X_test"][:3])[:, 1]
    assert_allclose(explainer.expected_value + values.sum(axis=1), p, atol=1e-6)
    background = shap.sample(names["X_train"], 20, random_state=0)
    assert_allclose(explainer.expected_value, names["model"].predict_proba(background)[:, 1].mean())


def test_shares_of_a_linear_model_are_its_coefficients_times_distances():
    model = LogisticRegressionGD().fit(X, Y > 0)
    background = X[::10]
    explainer = shap.KernelExplainer(lambda rows: model.decision_function(rows), background)
    expected = model.coef_[0] * (X[:4] - background.mean(axis=0))
    assert_allclose(explainer.shap_values(X[:4], silent=True), expected, atol=1e-5)


def test_a_networks_own_method():
    model = SoftmaxClassifier().fit(X, Y)
    explainer = shap.KernelExplainer(model.predict_proba, X[::10])
    values = explainer.shap_values(X[:2], silent=True)
    assert values.shape == (2, 4, 3)
    assert_allclose(
        explainer.expected_value + values.sum(axis=1), model.predict_proba(X[:2]), atol=1e-6
    )


def test_an_explainer_that_permutes():
    model = DeepMLPRegressor(hidden_layer_sizes=(8,), max_iter=30, random_state=0).fit(
        X[:, :3], X[:, 3]
    )
    explainer = shap.Explainer(model.predict, X[::10, :3], algorithm="permutation", seed=0)
    found = explainer(X[:4, :3], silent=True)
    assert_allclose(
        found.base_values + found.values.sum(axis=1), model.predict(X[:4, :3]), rtol=1e-5
    )
    assert np.ptp(found.values) > 0
