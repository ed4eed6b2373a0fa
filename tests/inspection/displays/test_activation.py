"""ActivationDisplay: statistics of the layers, and the way of the rows to them."""

import numpy as np
import pytest
from drawing import DIGIT, DIGITS, LAYERS, X, Y, quietly
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler, scale

from skdeep import DeepMLPClassifier, DeepMLPRegressor, SoftmaxClassifier
from skdeep.inspection import ActivationDisplay, layer_statistics


def test_the_panels_show_the_statistics_of_the_layers(digits_network):
    display = ActivationDisplay.from_estimator(digits_network, DIGITS, DIGIT)
    layers = layer_statistics(digits_network, DIGITS, DIGIT)
    quantiles = [
        np.quantile(layer.activations, [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1]) for layer in layers[:-1]
    ]
    np.testing.assert_allclose(display.quantiles_, quantiles)
    np.testing.assert_allclose(display.medians_.get_xdata(), np.array(quantiles)[:, 3])
    np.testing.assert_allclose(display.line_.get_xdata(), [layer.gradient_norm for layer in layers])
    np.testing.assert_allclose(
        [bar.get_width() for bar in display.bars_], [100 * layer.share_dead for layer in layers[:2]]
    )
    labels = [label.get_text() for label in display.axes_[0].get_yticklabels()]
    assert labels == ["hidden 1", "hidden 2", "output"]
    assert display.axes_[1].get_xscale() == "log"
    assert [ax.get_xlabel() for ax in display.axes_] == [
        "activation",
        "gradient norm (log scale)",
        "dead units (%)",
    ]
    # The input is at the top.
    bottom, top = display.axes_[0].get_ylim()
    assert bottom > top


def test_dead_units_are_counted(digits_network):
    network = quietly(clone(digits_network).fit, DIGITS, DIGIT)
    network.intercepts_[0][:5] = -1e4
    display = ActivationDisplay.from_estimator(network, DIGITS, DIGIT)
    n_dead = int(layer_statistics(network, DIGITS, DIGIT)[0].dead.sum())
    assert n_dead >= 5
    assert f"{n_dead} of 20" in [text.get_text() for text in display.axes_[2].texts]


def test_a_gradient_of_zero_has_no_place_on_a_log_scale_but_is_told(digits_network):
    network = quietly(clone(digits_network).set_params(alpha=0).fit, DIGITS, DIGIT)
    network.intercepts_[1][...] = -1e4
    display = ActivationDisplay.from_estimator(network, DIGITS, DIGIT)
    assert [text.get_text() for text in display.axes_[1].texts] == ["0", "0"]
    assert np.isnan(display.line_.get_xdata()).tolist() == [True, True, False]
    display.figure_.canvas.draw()


def test_a_pipeline_transforms_the_rows_on_their_way():
    pipeline = make_pipeline(StandardScaler(), DeepMLPClassifier((6,), max_iter=3, random_state=0))
    x = 100 * X + 7
    with pytest.raises(NotFittedError):
        ActivationDisplay.from_estimator(pipeline, x, Y)
    quietly(pipeline.fit, x, Y)
    display = ActivationDisplay.from_estimator(pipeline, x, Y, name="scaled")
    expected = layer_statistics(pipeline[-1], pipeline[:-1].transform(x), Y)
    np.testing.assert_allclose(display.layers[0].activations, expected[0].activations)
    alone = ActivationDisplay.from_estimator(make_pipeline(pipeline[-1]), X, Y)
    np.testing.assert_allclose(
        alone.layers[0].activations, layer_statistics(pipeline[-1], X, Y)[0].activations
    )


OF_PIPELINES = {
    "a pipeline's last step": (lambda outer, inner: make_pipeline(outer, inner), lambda e: e[1]),
    "a search over a pipeline": (
        lambda outer, inner: GridSearchCV(
            make_pipeline(outer, inner), {"pipeline__memory": [None]}, cv=2
        ),
        lambda e: e.best_estimator_[1],
    ),
    "a pipeline's search": (
        lambda outer, inner: make_pipeline(outer, GridSearchCV(inner, {"memory": [None]}, cv=2)),
        lambda e: e[1].best_estimator_,
    ),
}


@pytest.mark.parametrize("name", OF_PIPELINES)
def test_the_way_of_the_rows_leads_through_estimators_in_estimators(name):
    make, inside = OF_PIPELINES[name]
    network = DeepMLPClassifier((6,), max_iter=3, random_state=0)
    # Each step matters: the standardised rows are multiplied by 3.
    tripled = make_pipeline(FunctionTransformer(lambda x: 3 * x), network)
    estimator = make(StandardScaler(), tripled)
    quietly(estimator.fit, 100 * X + 7, Y)
    display = ActivationDisplay.from_estimator(estimator, 100 * X + 7, Y)
    expected = layer_statistics(inside(estimator)[1], 3 * scale(X), Y)
    for found, layer in zip(display.layers, expected, strict=True):
        np.testing.assert_allclose(found.activations, layer.activations, atol=1e-9)
        np.testing.assert_allclose(found.gradient, layer.gradient, atol=1e-9)


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_targets_are_transformed_on_their_way(n_outputs):
    x, target = load_diabetes(return_X_y=True)
    if n_outputs == 2:
        target = np.column_stack([target, 3 * x[:, 0]])
    model = TransformedTargetRegressor(
        make_pipeline(StandardScaler(), DeepMLPRegressor(hidden_layer_sizes=(5,), max_iter=3)),
        transformer=StandardScaler(),
    )
    with pytest.raises(TypeError, match="fitted TransformedTargetRegressor that ends in one; got"):
        ActivationDisplay.from_estimator(model, x, target)
    quietly(model.fit, x, target)
    display = ActivationDisplay.from_estimator(model, x, target)
    # NumPy's own standardisation.
    scaled = (target - target.mean(axis=0)) / target.std(axis=0)
    expected = layer_statistics(model.regressor_[-1], scale(x), scaled)
    for found, layer in zip(display.layers, expected, strict=True):
        np.testing.assert_allclose(found.activations, layer.activations, atol=1e-12)
        np.testing.assert_allclose(found.gradient, layer.gradient, atol=1e-12)


def test_a_search_without_a_best_estimator_is_refused():
    search = GridSearchCV(DeepMLPClassifier((4,), max_iter=2), {"alpha": [1]}, cv=2, refit=False)
    quietly(search.fit, X, Y)
    with pytest.raises(TypeError, match=r"fitted search with refit.* got GridSearchCV"):
        ActivationDisplay.from_estimator(search, X, Y)


def test_weights_of_the_rows_reach_the_gradients(digits_network):
    weights = np.arange(300) % 3
    display = ActivationDisplay.from_estimator(digits_network, DIGITS, DIGIT, weights)
    expected = layer_statistics(digits_network, DIGITS, DIGIT, weights)
    np.testing.assert_allclose(
        display.line_.get_xdata(), [layer.gradient_norm for layer in expected]
    )


def test_networks_without_hidden_layers_are_refused():
    with pytest.raises(ValueError, match="estimator must have a hidden layer, got Softmax"):
        ActivationDisplay.from_estimator(SoftmaxClassifier(), DIGITS, DIGIT)
    with pytest.raises(ValueError, match="layers must hold a hidden layer"):
        ActivationDisplay(layers=LAYERS[-1:]).plot()
    with pytest.raises(TypeError, match="estimator must be one of skdeep's"):
        ActivationDisplay.from_estimator(MLPClassifier(), DIGITS, DIGIT)
