"""The network: which layers it has, that it equals the chain written by hand, how it starts."""

import numpy as np
import pytest

from skdeep._engine.activations import ACTIVATIONS
from skdeep._engine.backend import RandomStream, spawn_streams
from skdeep._engine.initializers import INITIALIZERS
from skdeep._engine.layers import Activation, Dense, Dropout, Workspace
from skdeep._engine.network import Network, build_network
from skdeep._engine.norms import BatchNorm, LayerNorm


def names(network):
    return [layer.name for layer in network.layers]


def predict(network, theta, x):
    statistics = np.zeros((*theta.shape[:-1], network.statistics_layout.size))
    workspace = Workspace(theta.dtype)
    forward = network.bind_prediction(theta, statistics, rows=x.shape[0], workspace=workspace)
    return forward(x.copy()).copy()


def in_turn(functions, value):
    for function in functions:
        value = function(value)
    return value


def train_forward(network, theta, x, seed=0):
    n_hidden = len(network.dense_layers) - 1
    layers = ["input dropout", *(f"dropout {k}" for k in range(1, n_hidden + 1))]
    forwards, _, _ = network.bind_training(
        theta,
        np.empty_like(theta),
        np.zeros((*theta.shape[:-1], network.statistics_layout.size)),
        rows=x.shape[0],
        workspace=Workspace(theta.dtype),
        streams=spawn_streams([seed], layers),
    )
    return in_turn(forwards, x.copy()).copy()


def test_the_chain_has_the_layers_asked_for_in_their_order():
    network = build_network(
        5,
        (4, 3),
        2,
        activations=["relu", "tanh"],
        dropout=[0.5, 0.0],
        input_dropout=0.1,
        batch_norm=True,
    )
    assert names(network) == [
        "input dropout",
        *["hidden 1", "batch norm 1", "activation 1", "dropout 1"],
        *["hidden 2", "batch norm 2", "activation 2"],
        "output",
    ]
    assert [layer.bias for layer in network.dense_layers] == [False, False, True]
    assert (network.n_in, network.n_out, network.widest_output) == (5, 2, 4)
    assert network.mixes_rows
    assert network.mixes_rows
    assert network.intercept_keys == [
        ("batch norm 1", "beta"),
        ("batch norm 2", "beta"),
        ("output", "b"),
    ]
    assert [layer.rate for layer in network.dropout_layers] == [0.1, 0.5]


def test_layer_norm_takes_the_place_of_batch_norm():
    arguments = {"activations": ["relu", "tanh"], "dropout": [0.5, 0.0]}
    network = build_network(5, (4, 3), 2, layer_norm=True, layer_norm_epsilon=0.1, **arguments)
    assert names(network) == [
        *["hidden 1", "layer norm 1", "activation 1", "dropout 1"],
        *["hidden 2", "layer norm 2", "activation 2"],
        "output",
    ]
    assert [layer.bias for layer in network.dense_layers] == [False, False, True]
    assert [network.layers[i].epsilon for i in (1, 5)] == [0.1, 0.1]
    assert [network.layers[i].live for i in (1, 5)] == [4, 3]
    assert not network.mixes_rows
    assert network.intercept_keys[0] == ("layer norm 1", "beta")
    with pytest.raises(ValueError, match="batch_norm and layer_norm are both True"):
        build_network(5, (4, 3), 2, layer_norm=True, batch_norm=True, **arguments)


PARTS = {
    "dense": lambda name: Dense(name, 4, 4),
    "batch norm": lambda name: BatchNorm(name, 4),
    "layer norm": lambda name: LayerNorm(name, 4),
    "relu": lambda name: Activation(name, 4, ACTIVATIONS["relu"]),
    "gelu": lambda name: Activation(name, 4, ACTIVATIONS["gelu"]),
    "dropout": lambda name: Dropout(name, 4, 0.5),
}


def chain(*kinds):
    return [PARTS[kind](f"{kind} {number}") for number, kind in enumerate(kinds)]


@pytest.mark.parametrize("kind", ["batch norm", "layer norm", "relu", "gelu"])
@pytest.mark.parametrize("rest", [("dense",), ("dropout", "dense")])
def test_only_dropout_may_stand_before_the_first_dense_layer(kind, rest):
    with pytest.raises(ValueError, match=f"'{kind} 0' cannot stand before the first dense layer"):
        Network(chain(kind, *rest))


@pytest.mark.parametrize(
    ("kinds", "refused"),
    [
        (("dropout", "batch norm", "dense"), 1),
        (("dropout", "dropout", "dense"), 1),
        (("dense", "relu", "batch norm", "dense"), 2),
        (("dense", "relu", "relu", "dense"), 2),
        (("dense", "batch norm", "layer norm", "dense"), 2),
        (("dense", "dropout", "gelu", "dense"), 2),
        (("dense", "dropout", "layer norm", "relu", "dense"), 2),
    ],
    ids=str,
)
def test_layers_out_of_order_are_refused_by_name(kinds, refused):
    layers = chain(*kinds)
    pattern = rf"'{layers[refused].name}' cannot follow layer '{layers[refused - 1].name}'"
    with pytest.raises(ValueError, match=pattern):
        Network(layers)


@pytest.mark.parametrize("kinds", [(), ("dense", "relu"), ("dropout",), ("dense", "layer norm")])
def test_the_last_layer_must_be_dense(kinds):
    with pytest.raises(ValueError, match="last layer must be a dense one"):
        Network(chain(*kinds))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, True),
        ({"input_dropout": 0.5}, True),
        ({"dropout": [0.0, 0.1]}, True),
        ({"activations": ["relu", "logistic"]}, False),
        ({"batch_norm": True}, True),
        ({"batch_norm": True, "batch_norm_epsilon": 1e-300}, False),
        ({"layer_norm": True}, True),
    ],
    ids=str,
)
def test_a_network_knows_whether_it_can_be_padded(settings, expected):
    network = build_network(5, (4, 3), 2, **({"activations": ["relu", "tanh"]} | settings))
    assert network.can_be_padded is expected


def test_without_hidden_layers_the_network_is_linear(rng):
    network = build_network(5, (), 2, output_bias=False)
    assert names(network) == ["output"]
    theta, x = rng.normal(size=10), rng.normal(size=(3, 5))
    np.testing.assert_allclose(predict(network, theta, x), x @ theta.reshape(5, 2))


def test_prediction_equals_the_chain_written_by_hand(rng):
    network = build_network(5, (4, 3), 2, activations=["tanh", "relu"], dropout=[0.5, 0.5])
    theta, x = rng.normal(size=network.layout.size), rng.normal(size=(6, 5))
    p = network.layout.views(theta)
    a = np.tanh(x @ p["hidden 1", "W"] + p["hidden 1", "b"])
    a = np.maximum(a @ p["hidden 2", "W"] + p["hidden 2", "b"], 0)
    expected = a @ p["output", "W"] + p["output", "b"]
    np.testing.assert_allclose(predict(network, theta, x), expected)


def test_training_without_dropout_computes_the_same_outputs(rng):
    network = build_network(5, (4, 3), 2, activations=["gelu", "elu"])
    theta, x = rng.normal(size=(2, network.layout.size)), rng.normal(size=(6, 5))
    np.testing.assert_allclose(train_forward(network, theta, x), predict(network, theta, x))


def test_backward_ends_at_the_first_layer_with_parameters(rng):
    network = build_network(5, (4,), 2, activations=["tanh"], input_dropout=0.5)
    theta, statistics = rng.normal(size=network.layout.size), np.zeros(0)
    forwards, backwards, _ = network.bind_training(
        theta,
        np.empty_like(theta),
        statistics,
        rows=3,
        workspace=Workspace(theta.dtype),
        streams=spawn_streams([0], ["input dropout"]),
    )
    assert in_turn([*forwards, *backwards], rng.normal(size=(3, 5))) is None


def test_each_dropout_layer_uses_its_own_stream(rng):
    x = np.ones((20, 6))
    kwargs = {"activations": ["identity"] * 2, "input_dropout": 0.0}
    both = build_network(6, (6, 6), 6, dropout=[0.5, 0.5], **kwargs)
    second = build_network(6, (6, 6), 6, dropout=[0.0, 0.5], **kwargs)
    theta = np.zeros(both.layout.size)
    # Zero weights and unit biases in hidden 2: its outputs are ones before the last dropout.
    views = both.layout.views(theta)
    views["hidden 2", "b"][...] = 1
    views["output", "W"][...] = np.eye(6)
    np.testing.assert_array_equal(train_forward(both, theta, x), train_forward(second, theta, x))
    assert (train_forward(both, theta, x) != train_forward(both, theta, x, seed=1)).any()


def test_widths_that_do_not_match_are_refused_by_name():
    with pytest.raises(ValueError, match=r"'b' takes 3 inputs, but layer 'a' before it gives 4"):
        Network([Dense("a", 2, 4), Dense("b", 3, 1)])


@pytest.mark.parametrize("norm", [{}, {"batch_norm": True}, {"layer_norm": True}], ids=str)
@pytest.mark.parametrize("weight_init", ["auto", *INITIALIZERS])
def test_parameters_start_as_their_initialiser_draws_them(weight_init, norm):
    network = build_network(
        30, (40, 20), 10, activations=["relu", "selu"], dropout=[0.5, 0.5], **norm
    )
    theta = network.draw_parameters(np.random.default_rng(0), weight_init, np.float32)
    assert theta.dtype == np.float32
    auto = ["glorot_uniform", "lecun_normal", "glorot_uniform"]
    generator = np.random.default_rng(0)
    views = network.layout.views(theta)
    for layer, chosen in zip(network.dense_layers, auto, strict=True):
        name = chosen if weight_init == "auto" else weight_init
        drawn = INITIALIZERS[name](generator, (layer.n_in, layer.n_out))
        np.testing.assert_array_equal(views[layer.name, "W"], drawn.astype(np.float32))
    for (_, name), view in views.items():
        if name != "W":
            assert (view == (1 if name == "gamma" else 0)).all()


def test_only_weights_are_penalised():
    network = build_network(5, (4,), 2, activations=["relu"], batch_norm=True)
    assert {slot.name for slot in network.layout.slots if slot.penalised} == {"W"}
    assert network.layout.n_penalised == 5 * 4 + 4 * 2


@pytest.mark.parametrize("argument", ["activations", "dropout"])
def test_one_activation_and_one_rate_per_hidden_layer(argument):
    kwargs = {"activations": ["relu", "relu"], "dropout": [0.1, 0.1]}
    kwargs[argument] = kwargs[argument][:1]
    with pytest.raises(ValueError, match="zip"):
        build_network(5, (4, 3), 2, **kwargs)


def test_a_network_holds_no_numbers():
    network = build_network(5, (4,), 2, activations=["relu"], dropout=[0.5])
    before = set(vars(network))
    train_forward(network, np.ones(network.layout.size), np.ones((3, 5)))
    assert set(vars(network)) == before
    assert not any(isinstance(v, np.ndarray | RandomStream) for v in vars(network).values())
