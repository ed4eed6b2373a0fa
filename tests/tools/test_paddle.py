"""Paddle predicts what our networks do."""

import numpy as np
import pytest
from exported import CASES, TOLERANCE, fitted, predictions, raw_outputs
from numpy.testing import assert_allclose

from skdeep.export import to_paddle

paddle = pytest.importorskip("paddle")
pytestmark = [
    pytest.mark.tools,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::skdeep.exceptions.NoProgressWarning"),
]


def outputs(network, X):
    with paddle.no_grad():
        return network(paddle.to_tensor(X)).numpy()


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_network_predicts_what_the_model_does(name, dtype):
    model, X = fitted(name, dtype)
    network = to_paddle(model)
    z = outputs(network[:-1], X)
    assert z.dtype == dtype
    # Paddle has selu's constants and ε in float32.
    tolerance = TOLERANCE["float32" if name in ("activation selu", "layer norm") else dtype]
    assert_allclose(z, raw_outputs(model, X), **tolerance)
    if name != "one class":
        assert_allclose(outputs(network, X), predictions(model, X), **tolerance)


def test_dropout_acts_in_training_mode_alone():
    model, X = fitted("dropout")
    network = to_paddle(model)
    network.train()
    assert not np.allclose(outputs(network, X), predictions(model, X))


# Paddle's own, whenever batch norm trains.
@pytest.mark.filterwarnings("ignore:When training, we now always track:UserWarning")
def test_training_goes_on():
    model, X = fitted("all at once")
    y = paddle.to_tensor(CASES["all at once"][2][:, np.newaxis])
    network = to_paddle(model)
    network.train()
    optimizer = paddle.optimizer.Adam(0.01, parameters=network.parameters())
    losses = []
    for _ in range(60):
        loss = ((network(paddle.to_tensor(X)) - y) ** 2).mean()
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()
        losses.append(float(loss))
    assert np.mean(losses[-10:]) < np.mean(losses[:10])


def test_other_estimators_are_refused():
    with pytest.raises(TypeError, match="model must be a fitted"):
        to_paddle("nonsense")
