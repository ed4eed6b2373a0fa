"""layers_: what a network predicts is computed from them alone, and they can be set."""

import copy
import pickle
from dataclasses import replace

import joblib
import numpy as np
import pytest
from exported import CASES, IRIS, LINKS, NAMES, classifier, fitted, predictions, regressor
from formulas import FORMULAS
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skdeep import (
    DeepMLPClassifier,
    DeepMLPRegressor,
    LogisticRegressionGD,
    SoftmaxClassifier,
    TabularMLPClassifier,
    TabularMLPRegressor,
)
from skdeep.export import DenseLayer
from skdeep.export._layers import network_arrays

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::skdeep.exceptions.NoProgressWarning"),
]
each_case = pytest.mark.parametrize("name", CASES)
each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


def outputs(layers, x):
    """Raw outputs by the docstring's formulas, written out."""
    for layer in layers:
        z = x @ layer.W + (0 if layer.b is None else layer.b)
        if layer.norm == "batch":
            centred = (z - layer.mean) / np.sqrt(layer.variance + layer.epsilon)
            z = layer.gamma * centred + layer.beta
        if layer.norm == "layer":
            centred = z - z.mean(axis=1, keepdims=True)
            z = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + layer.epsilon)
            z = layer.scale * z + layer.shift
        x = FORMULAS[layer.activation](z)
    return x


def folded_outputs(layers, x):
    """The same with scale and shift in place of batch norm's four arrays."""
    for layer in layers:
        z = x @ layer.W + (0 if layer.b is None else layer.b)
        x = FORMULAS[layer.activation](z if layer.norm is None else layer.scale * z + layer.shift)
    return x


# ------------------------------------------------------------------------------- what they say


@each_case
@each_dtype
def test_predictions_are_the_link_of_what_the_layers_give(name, dtype):
    model, X = fitted(name, dtype)
    layers = model.layers_
    z = outputs(layers, X.astype(np.float64))
    expected = LINKS[model.out_activation_](z)
    if name == "one class":
        expected = np.ones_like(expected)
    rtol, atol = (1e-12, 1e-12) if dtype == "float64" else (2e-5, 1e-5)
    assert_allclose(predictions(model, X), expected, rtol=rtol, atol=atol)
    if "layer" not in {layer.norm for layer in layers}:
        assert_allclose(folded_outputs(layers, X.astype(np.float64)), z, rtol=rtol, atol=atol)


@each_case
@each_dtype
def test_layers_are_named_and_of_the_models_dtype(name, dtype):
    layers = fitted(name, dtype)[0].layers_
    hidden = [f"hidden {n}" for n in range(1, len(layers))]
    assert [layer.name for layer in layers] == [*hidden, "output"]
    assert layers[-1].activation == "identity"
    assert layers[-1].norm is None
    for layer in layers:
        assert isinstance(layer, DenseLayer)
        arrays = [layer.W, layer.b, layer.gamma, layer.beta, layer.mean, layer.variance]
        for array in arrays:
            assert array is None or array.dtype == dtype
            assert array is None or not array.flags.writeable
        # A norm has its β in place of a bias.
        assert (layer.b is None) == (layer.norm is not None or name == "no intercept")


def test_they_are_there_once_the_model_is_fitted():
    for unfitted in (DeepMLPClassifier(), DeepMLPRegressor(), SoftmaxClassifier()):
        assert not hasattr(unfitted, "layers_")
        with pytest.raises(AttributeError, match="before it is fitted"):
            unfitted.layers_  # noqa: B018


@pytest.mark.parametrize("Estimator", [TabularMLPClassifier, TabularMLPRegressor])
def test_members_of_ensembles_for_tables_have_them(Estimator):
    settings = {"n_bins": (3, 5), "n_members": 2, "hidden_layer_sizes": (8,), "max_iter": 4}
    y = NAMES if Estimator is TabularMLPClassifier else IRIS[:, 0] * 5 + 3
    model = Estimator(**settings, random_state=0).fit(IRIS, y)
    for number, member in enumerate(model.members_):
        encoder = model.encoders_[number // 2]
        z = outputs(member.layers_, encoder.transform(IRIS))
        expected = LINKS[member.out_activation_](z)
        encoded = encoder.transform(IRIS)
        assert_allclose(predictions(member, encoded), expected, rtol=1e-10, atol=1e-12)


def test_before_any_batch_has_counted_mean_and_variance_change_nothing():
    model = classifier(4, batch_norm=True, max_iter=1)
    # In no batch do two rows count.
    weights = np.zeros(len(IRIS))
    weights[[0, 60]] = 1
    model.set_params(batch_size=2, shuffle=False).fit(IRIS, NAMES, sample_weight=weights)
    hidden = model.layers_[0]
    assert_array_equal(hidden.mean, np.zeros(4))
    assert_array_equal(hidden.variance, np.ones(4))


# ---------------------------------------------------------------------------------- the way back


def changed(layers, factor=1.25):
    """The same layers with other numbers."""
    arrays = ("W", "b", "gamma", "beta", "mean", "variance")
    return [
        replace(
            layer,
            **{n: getattr(layer, n) * factor for n in arrays if getattr(layer, n) is not None},
        )
        for layer in layers
    ]


@each_case
def test_what_is_set_is_predicted_with(name):
    model, X = fitted(name)
    given = changed(model.layers_)
    model.layers_ = given
    expected = LINKS[model.out_activation_](outputs(given, X))
    if name == "one class":
        expected = np.ones_like(expected)
    assert_allclose(predictions(model, X), expected, rtol=1e-10, atol=1e-12)
    for one, other in zip(model.layers_, given, strict=True):
        for attribute in ("W", "b", "gamma", "beta", "mean", "variance"):
            before, after = getattr(one, attribute), getattr(other, attribute)
            assert (before is None) == (after is None)
            assert before is None or np.allclose(before, after, rtol=1e-15)


@each_case
def test_to_set_what_is_there_changes_nothing(name):
    model, X = fitted(name)
    y = CASES[name][2]
    same = copy.deepcopy(model)
    same.layers_ = same.layers_
    assert_array_equal(predictions(same, X), predictions(model, X))
    if model.get_params()["solver"] in ("lbfgs", "gd"):
        return
    for one in (model, same):
        one.partial_fit(X, y)
    assert_array_equal(predictions(same, X), predictions(model, X))


def test_layers_of_another_fit_are_taken_over():
    one, X = fitted("batch norm")
    other = clone(one).set_params(random_state=5).fit(X, NAMES)
    other.layers_ = one.layers_
    assert_array_equal(other.predict_proba(X), one.predict_proba(X))


def test_training_goes_on_from_what_was_set():
    model, X = fitted("two targets")
    model.layers_ = changed(model.layers_, 0.0)
    model.set_params(learning_rate_init=1e-9)
    model.partial_fit(X, X[:, :2])
    assert_allclose(model.predict(X), 0, atol=1e-6)


def test_layers_of_a_model_from_a_file_mapped_into_memory_can_be_set(tmp_path):
    model, X = fitted("batch norm")
    joblib.dump(model, tmp_path / "model")
    loaded = joblib.load(tmp_path / "model", mmap_mode="r")
    given = changed(loaded.layers_)
    loaded.layers_ = given
    assert_allclose(loaded.layers_[0].variance, given[0].variance, rtol=1e-15)
    again = joblib.load(tmp_path / "model")
    assert_array_equal(again.predict_proba(X), model.predict_proba(X))


WRONG = {
    "too few": (lambda layers: layers[:-1], ValueError, "layers_ must have 3 layers, got 2"),
    "no layers": (lambda layers: [1, 2, 3], TypeError, r"layers_\[0\] must be a DenseLayer, got 1"),
    "order": (lambda layers: layers[::-1], ValueError, r"layers_\[0\].name must be 'hidden 1'"),
    "activation": (
        lambda layers: [replace(layers[0], activation="tanh"), *layers[1:]],
        ValueError,
        r"layers_\[0\].activation must be 'relu', .* got 'tanh'",
    ),
    "norm": (
        lambda layers: [*layers[:1], replace(layers[1], norm=None), *layers[2:]],
        ValueError,
        r"layers_\[1\].norm must be 'batch'",
    ),
    "epsilon": (
        lambda layers: [replace(layers[0], epsilon=0.1), *layers[1:]],
        ValueError,
        r"layers_\[0\].epsilon must be 1e-05",
    ),
    "shape": (
        lambda layers: [replace(layers[0], W=layers[0].W.T), *layers[1:]],
        ValueError,
        r"layers_\[0\].W must be an array of numbers of shape \(4, 6\)",
    ),
    "missing": (
        lambda layers: [*layers[:2], replace(layers[2], b=None)],
        ValueError,
        r"layers_\[2\].b must be an array of numbers of shape \(3,\)",
    ),
    "none there": (
        lambda layers: [replace(layers[0], b=np.zeros(6)), *layers[1:]],
        ValueError,
        r"layers_\[0\].b must be None",
    ),
    "not finite": (
        lambda layers: [*layers[:2], replace(layers[2], b=np.full(3, np.inf))],
        ValueError,
        r"layers_\[2\].b must be finite",
    ),
    "negative variance": (
        lambda layers: [layers[0], replace(layers[1], variance=-layers[1].variance), layers[2]],
        ValueError,
        r"layers_\[1\].variance must be >= 0",
    ),
}


@pytest.mark.parametrize("how", WRONG)
def test_what_does_not_fit_is_refused_and_changes_nothing(how):
    model, X = fitted("batch norm")
    make, error, message = WRONG[how]
    before = model.predict_proba(X)
    # The layers that fit are other ones, too.
    given = make(changed(model.layers_)) if how not in ("too few",) else make(model.layers_)
    with pytest.raises(error, match=message):
        model.layers_ = given
    assert_array_equal(model.predict_proba(X), before)


def test_an_alias_of_an_activation_is_the_same_activation():
    model, _ = fitted("activation sigmoid")
    assert model.layers_[0].activation == "logistic"
    model.layers_ = [
        replace(layer, activation="sigmoid") if layer.activation == "logistic" else layer
        for layer in model.layers_
    ]


def test_a_layer_is_pickled():
    layer = fitted("batch norm")[0].layers_[0]
    again = pickle.loads(pickle.dumps(layer))
    assert_array_equal(again.scale, layer.scale)
    assert again.name == layer.name


# ------------------------------------------------------------------------- what exporters read


@pytest.mark.parametrize(
    ("name", "task", "single_column", "n_outputs"),
    [
        ("logistic regression", "binary", True, 1),
        ("softmax of two", "multiclass", True, 2),
        ("two classes", "binary", True, 1),
        ("one class", "binary", True, 1),
        ("three classes", "multiclass", True, 3),
        ("labels", "multilabel", False, 3),
        ("two targets", "regression", False, 2),
        ("loss poisson", "regression", True, 1),
    ],
)
def test_network_arrays_say_what_outputs_mean(name, task, single_column, n_outputs):
    model, X = fitted(name)
    arrays = network_arrays(model)
    assert (arrays.task, arrays.single_column, arrays.n_outputs) == (task, single_column, n_outputs)
    assert arrays.n_features == X.shape[1]
    assert arrays.link == model.out_activation_
    if task == "regression":
        assert arrays.classes is None
    else:
        assert_array_equal(arrays.classes, model.classes_)


def test_network_arrays_have_the_rates_of_dropout():
    arrays = network_arrays(fitted("dropout")[0])
    assert arrays.dropout == (0.5, 0.0)
    assert arrays.input_dropout == 0.25
    assert network_arrays(fitted("softmax regression")[0]).dropout == ()


def test_what_is_no_network_of_ours_is_refused_with_what_to_do():
    settings = {"n_bins": 3, "n_members": 2, "hidden_layer_sizes": (8,), "max_iter": 2}
    table = TabularMLPClassifier(**settings, random_state=0).fit(IRIS, NAMES)
    pipeline = make_pipeline(LogisticRegressionGD()).fit(IRIS, NAMES == "setosa")
    search = GridSearchCV(SoftmaxClassifier(), {"alpha": [1.0]}).fit(IRIS, NAMES)
    for model, advice in [
        (table, "members_"),
        (pipeline, "the last step"),
        (search, "best_estimator_"),
        (3, "got int"),
    ]:
        with pytest.raises(TypeError, match=f"model must be a fitted .*{advice}"):
            network_arrays(model)
    with pytest.raises(NotFittedError):
        network_arrays(regressor(4))
