"""No hyperparameter is inert in a population: its value is each model's own.

Two models start alike and differ in one hyperparameter. The first must train as a single model with
the first value does, and the second, with the second value, must end elsewhere.
"""

import inspect

import numpy as np
import pytest

from skdeep._engine.data import Rows
from skdeep._engine.losses import (
    LOSS_PARAMETERS,
    Huber,
    LogisticCrossEntropy,
    Quantile,
    SoftmaxCrossEntropy,
)
from skdeep._engine.network import build_network
from skdeep._engine.objective import Problem, predict_logits
from skdeep._engine.penalties import ElasticNet
from skdeep._engine.schedules import Schedule
from skdeep._engine.solvers import SOLVERS as ROWS
from skdeep._engine.solvers import STOCHASTIC_SOLVERS as SOLVERS
from skdeep._engine.solvers import make_optimizer
from skdeep._engine.training import LoopSettings, TrainingState, train_epochs

N_ROWS, N_FEATURES, N_CLASSES = 40, 6, 3
OPTIMIZER_PARAMETERS = ("momentum", "rho", "beta_1", "beta_2", "epsilon")


def configured_by(name):
    """The solvers for which a parameter of optimizers means something."""
    return tuple(solver for solver in SOLVERS if name in ROWS[solver].parameters)


# Each hyperparameter with two values, and the solvers and the loss for which it means something.
PARAMETERS = {
    "learning_rate": (0.01, 0.02, SOLVERS),
    "alpha": (0.1, 5.0, SOLVERS),
    "l1_ratio": (0.1, 0.9, SOLVERS),
    "dropout": (0.2, 0.4, SOLVERS),
    "input_dropout": (0.2, 0.4, SOLVERS),
    "batch_norm_momentum": (0.5, 0.9, SOLVERS),
    "batch_norm_epsilon": (1e-5, 1e-1, SOLVERS),
    "layer_norm_epsilon": (1e-5, 1e-1, SOLVERS),
    "label_smoothing": (0.05, 0.3, SOLVERS),
    "gradient_clip": (1e-2, 2e-2, SOLVERS),
    "huber_delta": (0.1, 1.0, SOLVERS),
    "quantile": (0.2, 0.9, SOLVERS),
    "momentum": (0.5, 0.9, configured_by("momentum")),
    "rho": (0.5, 0.9, configured_by("rho")),
    "beta_1": (0.5, 0.9, configured_by("beta_1")),
    "beta_2": (0.9, 0.999, configured_by("beta_2")),
    "epsilon": (1e-8, 1e-2, configured_by("epsilon")),
}
LOSSES_WITH = {
    "label_smoothing": ("softmax", "logistic"),
    "huber_delta": ("huber",),
    "quantile": ("quantile",),
}
CASES = [
    pytest.param(name, solver, loss, id=f"{name}-{solver}-{loss}")
    for name, (_, _, solvers) in PARAMETERS.items()
    for solver in solvers
    for loss in ("softmax", "logistic", "huber", "quantile")
    if loss in LOSSES_WITH.get(name, (loss,))
]
# dropout, batch norm and the losses meet arrays of three axes, θ meets arrays of two.
THREE_AXES = (
    "dropout",
    "input_dropout",
    "batch_norm_momentum",
    "batch_norm_epsilon",
    "layer_norm_epsilon",
    *LOSSES_WITH,
)


def make_loss(kind, values):
    smoothing = values.get("label_smoothing", 0.0)
    return {
        "softmax": SoftmaxCrossEntropy(N_CLASSES, smoothing),
        "logistic": LogisticCrossEntropy(smoothing),
        "huber": Huber(values.get("huber_delta", 1.0)),
        "quantile": Quantile(values.get("quantile", 0.5)),
    }[kind]


def train(kind, solver, values, n_models=None):
    """The end of a short training: θ and the predictions made with it."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N_ROWS, N_FEATURES))
    codes = rng.integers(N_CLASSES, size=N_ROWS)
    y = {
        "softmax": codes,
        "logistic": np.eye(N_CLASSES)[codes],
    }.get(kind)
    y = rng.normal(size=(N_ROWS, N_CLASSES)) if y is None else y
    network = build_network(
        N_FEATURES,
        (5,),
        N_CLASSES,
        activations=("tanh",),
        dropout=[values.get("dropout", 0.0)],
        input_dropout=values.get("input_dropout", 0.0),
        batch_norm="layer_norm_epsilon" not in values,
        batch_norm_momentum=values.get("batch_norm_momentum", 0.9),
        batch_norm_epsilon=values.get("batch_norm_epsilon", 1e-5),
        layer_norm="layer_norm_epsilon" in values,
        layer_norm_epsilon=values.get("layer_norm_epsilon", 1e-5),
    )
    penalty = ElasticNet.of(values.get("alpha", 1.0), values.get("l1_ratio", 0.5), N_ROWS)
    problem = Problem(network, make_loss(kind, values), penalty, Rows(X, y))
    rule = {name: values[name] for name in OPTIMIZER_PARAMETERS if name in values}
    settings = LoopSettings(
        make_optimizer(solver, **rule),
        Schedule(),
        values.get("learning_rate", 0.01),
        batch_size=16,
        gradient_clip=values.get("gradient_clip"),
    )
    state = TrainingState.start(network, [0], "auto", np.float64)
    state = state if n_models is None else state.population(n_models)
    train_epochs(problem, state, settings, n_epochs=3, after_epoch=lambda loss: False)
    return state.theta, predict_logits(network, state.theta, state.statistics, X)


@pytest.mark.parametrize(("name", "solver", "loss"), CASES)
def test_a_second_value_changes_the_second_model_only(name, solver, loss):
    first, second, _ = PARAMETERS[name]
    shape = (2, 1, 1) if name in THREE_AXES else (2, 1)
    theta, logits = train(loss, solver, {name: np.reshape([first, second], shape)}, n_models=2)
    alone_theta, alone_logits = train(loss, solver, {name: first})
    np.testing.assert_allclose(theta[0], alone_theta, atol=1e-10)
    np.testing.assert_allclose(logits[0], alone_logits, atol=1e-10)
    assert np.abs(logits[1] - logits[0]).max() > 1e-6


def test_every_parameter_of_a_loss_is_varied():
    assert set(LOSSES_WITH) == LOSS_PARAMETERS <= set(PARAMETERS)


def test_every_number_that_the_optimizers_take_is_varied():
    taken = {
        name
        for row in ROWS.values()
        if row.make is not None
        for name in inspect.signature(row.make).parameters
    }
    assert taken - {"nesterovs_momentum"} == set(OPTIMIZER_PARAMETERS) <= set(PARAMETERS)
