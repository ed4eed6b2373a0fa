"""Keras predicts what our networks do, and ours what Keras' do; what is not known is named."""

import numpy as np
import pytest
from exported import CASES, IRIS, NAMES, POSITIVE, TOLERANCE, fitted, outcome, predictions
from exported import raw_outputs as expected_raw
from numpy.testing import assert_allclose, assert_array_equal

from skdeep.export import from_keras, to_keras
from skdeep.export._layers import network_arrays

pytest.importorskip("keras")
try:
    import keras
    from keras import layers
except ImportError as error:
    pytest.skip(f"Keras has no backend: {error}", allow_module_level=True)

pytestmark = [
    pytest.mark.tools,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::skdeep.exceptions.NoProgressWarning"),
    # Of Keras and its backends.
    pytest.mark.filterwarnings("ignore::DeprecationWarning:keras"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:torch"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:tensorflow"),
]
EXACT = TOLERANCE
# On other backends than TensorFlow Keras computes in float32 whatever the layers' dtype.
if keras.backend.backend() != "tensorflow":
    TOLERANCE = {**TOLERANCE, "float64": TOLERANCE["float32"]}
each_case = pytest.mark.parametrize("name", CASES)
each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


def outputs(network, X):
    return keras.ops.convert_to_numpy(
        network(keras.ops.convert_to_tensor(X, dtype=X.dtype.name), training=False)
    )


def tolerance_of(model, dtype):
    """TensorFlow has the constants of some functions in float32."""
    activations = {layer.activation for layer in model.layers_}
    if dtype == "float64" and {"gelu", "leaky_relu"} & activations:
        return TOLERANCE["float32"]
    return TOLERANCE[dtype]


@each_case
@each_dtype
def test_the_network_predicts_what_the_model_does(name, dtype):
    model, X = fitted(name, dtype)
    network = to_keras(model)
    body = keras.Sequential(network.layers[:-1])
    body.build((None, X.shape[1]))
    z = outputs(body, X)
    tolerance = tolerance_of(model, dtype)
    assert_allclose(z, expected_raw(model, X), **tolerance)
    if name != "one class":
        assert_allclose(outputs(network, X), predictions(model, X), **tolerance)


@each_case
@each_dtype
def test_what_has_left_comes_back(name, dtype):
    model, X = fitted(name, dtype)
    task = network_arrays(model).task
    kwargs = {"classes": model.classes_} if task in ("binary", "multiclass") else {}
    if task == "regression":
        kwargs = {"loss": model.loss}
    network = to_keras(model)
    before = [w.copy() for w in network.get_weights()]
    if name == "one class":
        with pytest.raises(ValueError, match=r"classes must be 2 labels for 1 output"):
            from_keras(network, **kwargs)
        return
    again = from_keras(network, **kwargs)
    # Weights are what they were, on all backends.
    assert_allclose(outcome(again, X), outcome(model, X), **EXACT[dtype])
    assert again.coefs_[0].dtype == dtype
    for one, other in zip(network.get_weights(), before, strict=True):
        assert_array_equal(one, other)


def test_training_goes_on_in_either():
    model, X = fitted("all at once")
    y = CASES["all at once"][2]
    network = to_keras(model)
    again = from_keras(network, learning_rate_init=0.02, batch_size=16, random_state=0)
    assert again.dropout == [0.25, 0.25]
    assert again.batch_norm_momentum == model.batch_norm_momentum
    before = again.score(X, y)
    for _ in range(30):
        again.partial_fit(X, y)
    assert again.score(X, y) > before
    network.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse")
    loss = network.evaluate(X, y, verbose=0)
    network.fit(X, y, epochs=30, verbose=0)
    assert network.evaluate(X, y, verbose=0) < loss


def test_networks_are_saved_by_keras(tmp_path):
    model, X = fitted("batch norm")
    to_keras(model).save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras")
    assert_allclose(outputs(loaded, X), model.predict_proba(X), **TOLERANCE["float64"])
    again = from_keras(loaded, classes=np.unique(NAMES))
    assert_allclose(again.predict_proba(X), model.predict_proba(X), rtol=1e-10)


# --------------------------------------------------------------------- somebody else's networks

NETWORKS = {
    "activations within": lambda: [
        layers.Dense(6, activation="tanh"),
        layers.Dropout(0.2),
        layers.Dense(3),
    ],
    "batch norm": lambda: [
        layers.Dropout(0.1),
        layers.Dense(6),
        layers.BatchNormalization(momentum=0.8),
        layers.Activation("gelu"),
        layers.Dense(5, use_bias=False),
        layers.BatchNormalization(momentum=0.8, center=False, scale=False),
        layers.ReLU(),
        layers.Dense(3),
    ],
    "layer norm": lambda: [
        layers.Dense(6, use_bias=False),
        layers.LayerNormalization(),
        layers.ELU(),
        layers.Dense(3, use_bias=False),
    ],
    "nested": lambda: [
        keras.Sequential([layers.Dense(6, activation="swish"), layers.Identity()]),
        layers.Dense(6, activation="mish"),
        layers.Dense(3),
    ],
    "leaky": lambda: [layers.Dense(6), layers.LeakyReLU(0.01), layers.Dense(3)],
    "linear": lambda: [layers.Dense(3, activation="linear")],
}


def made(*parts, dtype="float64"):
    """A network with these layers, trained for an epoch."""
    keras.utils.set_random_seed(0)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype)
    try:
        made_of = [
            part() if callable(part) and not isinstance(part, keras.Layer) else part
            for part in parts
        ]
        flat = [one for part in made_of for one in (part if isinstance(part, list) else [part])]
        network = keras.Sequential([keras.Input((4,), dtype=dtype), *flat])
        network.compile(optimizer="adam", loss="mse")
        n_outputs = network.output_shape[1]
        network.fit(IRIS, np.tile(POSITIVE[:, np.newaxis], n_outputs), verbose=0)
    finally:
        keras.config.set_dtype_policy(before)
    return network


@pytest.mark.parametrize("name", NETWORKS)
@each_dtype
def test_a_network_of_keras_predicts_as_an_estimator(name, dtype):
    network, X = made(NETWORKS[name], dtype=dtype), IRIS.astype(dtype)
    z = outputs(network, X)
    model = from_keras(network)
    tolerance = tolerance_of(model, dtype)
    assert_allclose(model.predict(X), z, **tolerance)
    softmax = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    p = from_keras(network, classes=["a", "b", "c"]).predict_proba(X)
    assert_allclose(p, softmax, **tolerance)
    model.partial_fit(X, z)


@pytest.mark.parametrize("how", ["within", "activation", "layer"])
def test_links_are_recognised_wherever_they_are(how):
    parts = {
        "within": [layers.Dense(3, activation="softmax")],
        "activation": [layers.Dense(3), layers.Activation("softmax")],
        "layer": [layers.Dense(3), layers.Softmax()],
    }[how]
    network = made(*parts, dtype="float32")
    X = IRIS.astype("float32")
    model = from_keras(network, classes=np.unique(NAMES))
    assert_allclose(model.predict_proba(X), outputs(network, X), **TOLERANCE["float32"])
    with pytest.raises(ValueError, match="pass classes="):
        from_keras(network)


# -------------------------------------------------------------------------------- refusals

REFUSED = {
    "unknown": (lambda: [layers.PReLU(), layers.Dense(3)], r"p_re_lu.*: PReLU is no layer"),
    "function": (
        lambda: [layers.Dense(6, activation="hard_silu"), layers.Dense(3)],
        r"dense.*: Dense has the activation function hard_silu, which from_keras does not know",
    ),
    "slope of a function": (
        lambda: [layers.Dense(6, activation="leaky_relu"), layers.Dense(3)],
        r"activation function leaky_relu, .* LeakyReLU\(0.01\) as a layer",
    ),
    "slope": (
        lambda: [layers.Dense(6), layers.LeakyReLU(), layers.Dense(3)],
        r"LeakyReLU must have negative_slope=0.01, got 0.3",
    ),
    "relu": (
        lambda: [layers.Dense(6), layers.ReLU(max_value=6), layers.Dense(3)],
        r"ReLU must have max_value=None, got 6",
    ),
    "norm after activation": (
        lambda: [layers.Dense(6, activation="relu"), layers.BatchNormalization(), layers.Dense(3)],
        r"BatchNormalization cannot follow dense.*: Dense, relu: skdeep's order",
    ),
    "no link": (lambda: [layers.Dense(3, activation="relu")], r"Dense, relu is no link"),
    "bias before layer norm": (
        lambda: [
            layers.Dense(6, bias_initializer="random_normal"),
            layers.LayerNormalization(),
            layers.Dense(3),
        ],
        r"Dense has a bias, and layer_norm.*: LayerNormalization",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_known_is_named(name):
    parts, message = REFUSED[name]
    network = keras.Sequential([keras.Input((4,)), *parts()])
    with pytest.raises(ValueError, match=message):
        from_keras(network)


def test_what_is_no_sequential_or_not_built_is_refused():
    with pytest.raises(TypeError, match=r"network must be a keras.Sequential, got str"):
        from_keras("nonsense")
    with pytest.raises(ValueError, match="network must be built"):
        from_keras(keras.Sequential([layers.Dense(3)]))
    with pytest.raises(TypeError, match="model must be a fitted"):
        to_keras("nonsense")
