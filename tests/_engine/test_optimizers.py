"""Optimizers: each equals its formula written plainly, step by step, in blocks and for populations.

A formula here takes a start and a sequence of gradients, and yields θ after each step. Every
optimizer class of the engine also minimises a parabola and Rosenbrock's function, and trains a
network as PyTorch's does where that is installed.
"""

import numpy as np
import pytest

from skdeep._engine import optimizers
from skdeep._engine.optimizers import (
    Adam,
    AdamW,
    GradientDescent,
    Momentum,
    NAdam,
    Nesterov,
    RMSprop,
    clip_by_global_norm,
    make_scratch,
)
from skdeep._engine.schedules import Schedule
from skdeep._engine.solvers import make_optimizer
from skdeep._engine.training import LoopSettings, TrainingState, train_epochs

P, STEPS, LR = 30, 12, 0.1
GRADIENTS = np.random.default_rng(1).normal(size=(STEPS, P))
START = np.random.default_rng(2).normal(size=P)


def gradient_descent(theta, gradients, lr):
    for g in gradients:
        theta = theta - lr * g
        yield theta


def momentum(theta, gradients, lr, mu):
    v = 0
    for g in gradients:
        v = mu * v - lr * g
        theta = theta + v
        yield theta


def nesterov(theta, gradients, lr, mu):
    v = 0
    for g in gradients:
        v = mu * v - lr * g
        theta = theta + mu * v - lr * g
        yield theta


def rmsprop(theta, gradients, lr, rho, epsilon):
    S = 0
    for g in gradients:
        S = rho * S + (1 - rho) * g**2
        theta = theta - lr * g / (np.sqrt(S) + epsilon)
        yield theta


def adam(theta, gradients, lr, beta_1, beta_2, epsilon):
    """The betas may be sequences, one value per step."""
    m = v = 0
    beta_1, beta_2 = (np.broadcast_to(beta, len(gradients)) for beta in (beta_1, beta_2))
    for t, (g, b1, b2) in enumerate(zip(gradients, beta_1, beta_2, strict=True), start=1):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        theta = theta - lr * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + epsilon)
        yield theta


def nadam(theta, gradients, lr, beta_1, beta_2, epsilon):
    """The same, of the step ahead."""
    m = v = 0
    beta_1, beta_2 = (np.broadcast_to(beta, len(gradients)) for beta in (beta_1, beta_2))
    for t, (g, b1, b2) in enumerate(zip(gradients, beta_1, beta_2, strict=True), start=1):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        m_hat = b1 * m / (1 - b1 ** (t + 1)) + (1 - b1) * g / (1 - b1**t)
        theta = theta - lr * m_hat / (np.sqrt(v / (1 - b2**t)) + epsilon)
        yield theta


# The class, its formula, and three settings of its hyperparameters.
TABLE = {
    "gradient descent": (GradientDescent, gradient_descent, [(), (), ()]),
    "momentum": (Momentum, momentum, [(0.9,), (0.5,), (0.0,)]),
    "nesterov": (Nesterov, nesterov, [(0.9,), (0.5,), (0.0,)]),
    "rmsprop": (RMSprop, rmsprop, [(0.9, 1e-8), (0.5, 0.1), (0.0, 1e-3)]),
    "adam": (Adam, adam, [(0.9, 0.999, 1e-8), (0.5, 0.9, 0.1), (0.0, 0.0, 1e-3)]),
    "adamw": (AdamW, adam, [(0.9, 0.999, 1e-8), (0.5, 0.9, 0.1), (0.0, 0.0, 1e-3)]),
    "nadam": (NAdam, nadam, [(0.9, 0.999, 1e-8), (0.5, 0.9, 0.1), (0.0, 0.0, 1e-3)]),
}
CLASSES = [
    value
    for value in vars(optimizers).values()
    if isinstance(value, type) and isinstance(getattr(value, "name", None), str)
]
each_optimizer = pytest.mark.parametrize("name", TABLE)
each_class = pytest.mark.parametrize("optimizer_class", CLASSES, ids=lambda c: c.name)


def run(optimizer, theta, gradients, lr, scratch=None):
    """θ after each update."""
    theta, state = theta.copy(), optimizer.init(theta)
    scratch = make_scratch(theta) if scratch is None else scratch
    for g in gradients:
        optimizer.update(theta, g, state, lr, scratch)
        yield theta.copy()


def assert_same_path(ours, expected, rtol=1e-12):
    for theta, plain in zip(ours, expected, strict=True):
        np.testing.assert_allclose(theta, plain, rtol=rtol, atol=1e-13)


def test_every_optimizer_has_its_formula_here():
    assert {optimizer_class.name for optimizer_class in CLASSES} == set(TABLE) == set(TORCH)


@each_optimizer
@pytest.mark.parametrize("setting", range(3))
@pytest.mark.parametrize("width", [P, 7, 1], ids="blocks of {}".format)
def test_updates_equal_the_formula(name, setting, width):
    optimizer_class, formula, settings = TABLE[name]
    ours = run(optimizer_class(*settings[setting]), START, GRADIENTS, LR, np.empty(width))
    assert_same_path(ours, formula(START, GRADIENTS, LR, *settings[setting]))


@each_optimizer
@pytest.mark.parametrize("width", [P, 7], ids="blocks of {}".format)
def test_each_model_of_a_population_follows_its_own_hyperparameters(name, width):
    optimizer_class, formula, settings = TABLE[name]
    columns = [np.array(values)[:, np.newaxis] for values in zip(*settings, strict=True)]
    lr = np.array([[0.3], [0.1], [0.01]])
    start = np.random.default_rng(3).normal(size=(3, P))
    gradients = np.random.default_rng(4).normal(size=(STEPS, 3, P))
    path = list(run(optimizer_class(*columns), start, gradients, lr, np.empty((3, width))))
    for k in range(3):
        plain = formula(start[k], gradients[:, k], lr[k], *settings[k])
        assert_same_path([theta[k] for theta in path], plain)


@each_optimizer
def test_float32_stays_float32(name):
    optimizer_class, formula, settings = TABLE[name]
    theta, gradients = START.astype(np.float32), GRADIENTS.astype(np.float32)
    for column in (LR, np.array([[LR]])):
        start = theta if np.ndim(column) == 0 else theta[np.newaxis]
        *_, last = run(optimizer_class(*settings[0]), start, gradients, column)
        *_, plain = formula(START, GRADIENTS, LR, *settings[0])
        assert last.dtype == np.float32
        np.testing.assert_allclose(np.ravel(last), plain, rtol=1e-4, atol=1e-5)


def test_the_notes_momentum_is_this_one_at_a_scaled_rate():
    # II 2.3: v ← β v + (1 − β) g, θ ← θ − lr v.
    beta, theta, v, path = 0.9, START, 0, []
    for g in GRADIENTS:
        v = beta * v + (1 - beta) * g
        theta = theta - LR * v
        path.append(theta)
    assert_same_path(run(Momentum(beta), START, GRADIENTS, LR * (1 - beta)), path)


@pytest.mark.parametrize("optimizer_class", [Adam, AdamW, NAdam])
def test_betas_may_change_during_training(optimizer_class):
    b1, b2 = np.where(np.arange(STEPS) < 5, 0.9, 0.5), np.where(np.arange(STEPS) < 8, 0.99, 0.9)
    theta, state = START.copy(), optimizer_class().init(START)
    formula = TABLE[optimizer_class.name][1]
    plain = formula(START, GRADIENTS, LR, b1, b2, 1e-8)
    for step, expected in enumerate(plain):
        optimizer = optimizer_class(b1[step], b2[step])
        optimizer.update(theta, GRADIENTS[step], state, LR, make_scratch(theta))
        np.testing.assert_allclose(theta, expected, rtol=1e-12)


def test_adamw_leaves_the_decay_to_the_penalty():
    assert [c.name for c in CLASSES if c.decoupled_decay] == ["adamw"]


@each_class
def test_coordinate_step_is_the_step_along_a_steady_gradient(optimizer_class):
    optimizer, g = optimizer_class(), np.array([0.5, -2.0, 1e-3])
    theta = np.zeros(3)
    state, scratch = optimizer.init(theta), np.empty(3)
    for _ in range(300):
        before = theta.copy()
        optimizer.update(theta, g, state, LR, scratch)
    steps = np.broadcast_to(optimizer.coordinate_step(state, LR, slice(0, 3)), 3)
    np.testing.assert_allclose(before - theta, steps * g, rtol=1e-9)
    piece = np.broadcast_to(optimizer.coordinate_step(state, LR, slice(1, 3)), 2)
    np.testing.assert_array_equal(piece, steps[1:])


# ---------------------------------------------------------------------------------- minimisation

FUNCTIONS = {
    "parabola": (
        lambda t: t - np.array([1.0, -2.0]),
        np.array([1.0, -2.0]),
        dict.fromkeys(TABLE, 0.01) | {"gradient descent": 0.3, "momentum": 0.1, "nesterov": 0.1},
    ),
    "rosenbrock": (
        lambda t: np.stack(
            [
                -2 * (1 - t[..., 0]) - 400 * t[..., 0] * (t[..., 1] - t[..., 0] ** 2),
                200 * (t[..., 1] - t[..., 0] ** 2),
            ],
            axis=-1,
        ),
        np.array([1.0, 1.0]),
        dict.fromkeys(TABLE, 0.01)
        | {"gradient descent": 2e-3, "momentum": 2e-4, "nesterov": 2e-4, "rmsprop": 1e-3},
    ),
}


@each_class
@pytest.mark.parametrize("function", FUNCTIONS)
def test_optimizers_minimise(function, optimizer_class):
    gradient, minimum, rates = FUNCTIONS[function]
    theta = np.array([[0.0, 0.0], [-0.5, 1.0]])
    optimizer, scratch = optimizer_class(), make_scratch(theta)
    state = optimizer.init(theta)
    for _ in range(8000):
        optimizer.update(theta, gradient(theta), state, rates[optimizer.name], scratch)
    np.testing.assert_allclose(theta, [minimum, minimum], atol=0.02)


# ------------------------------------------------------------------------- what stands beside them


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"solver": "sgd", "momentum": 0.0}, GradientDescent),
        ({"solver": "sgd", "nesterovs_momentum": False}, Momentum),
        ({"solver": "sgd"}, Nesterov),
        ({"solver": "sgd", "momentum": np.array([[0.0], [0.5]])}, Nesterov),
        ({"solver": "rmsprop"}, RMSprop),
        ({"solver": "adam"}, Adam),
        ({"solver": "adamw"}, AdamW),
        ({"solver": "nadam"}, NAdam),
        ({"solver": "gd", "momentum": 0.0}, GradientDescent),
        ({"solver": "gd"}, Nesterov),
    ],
)
def test_make_optimizer_knows_the_solvers(arguments, expected):
    assert type(make_optimizer(**arguments)) is expected


def test_make_optimizer_passes_every_hyperparameter_on():
    assert vars(make_optimizer("sgd", momentum=0.3)) == {"momentum": 0.3}
    assert vars(make_optimizer("rmsprop", rho=0.3, epsilon=0.1)) == {"rho": 0.3, "epsilon": 0.1}
    adam = make_optimizer("adam", beta_1=0.3, beta_2=0.4, epsilon=0.1)
    assert vars(adam) == {"beta_1": 0.3, "beta_2": 0.4, "epsilon": 0.1}


@pytest.mark.parametrize(
    ("shape", "width"),
    [((10,), 10), ((10**6,), 2**15), ((4, 10**6), 2**13), ((1000, 10**3), 256), ((1000, 10), 10)],
)
def test_scratch_holds_one_block_that_stays_in_the_cache(shape, width):
    theta = np.broadcast_to(np.float32(0), shape)
    assert make_scratch(theta).shape == (*shape[:-1], width)
    assert make_scratch(theta).dtype == np.float32


@pytest.mark.parametrize("limit", [1.0, np.array([[1.0], [2.0], [3.0]])])
def test_clipping_shortens_each_models_gradient_to_the_limit(limit, rng):
    grad = rng.normal(size=(3, P))
    grad[1] *= 1e-3
    grad[2] = 0
    clipped, limits = grad.copy(), np.broadcast_to(limit, (3, 1))
    clip_by_global_norm(clipped, limit)
    np.testing.assert_allclose(clipped[0], grad[0] * limits[0] / np.linalg.norm(grad[0]))
    np.testing.assert_array_equal(clipped[1:], grad[1:])


# --------------------------------------------------------------------------------------- PyTorch

ALPHA = 2.0
TORCH = {
    "gradient descent": (make_optimizer("sgd", momentum=0), "SGD", {}),
    "momentum": (Momentum(0.9), "SGD", {"momentum": 0.9}),
    "nesterov": (Nesterov(0.9), "SGD", {"momentum": 0.9, "nesterov": True}),
    "rmsprop": (RMSprop(0.9), "RMSprop", {"alpha": 0.9}),
    "adam": (Adam(), "Adam", {}),
    "adamw": (AdamW(), "AdamW", {}),
    # Theirs starts with half of β₁ and comes to it at this speed: at once.
    "nadam": (NAdam(), "NAdam", {"momentum_decay": 1e6}),
}


@pytest.fixture
def torch():
    """PyTorch, with what its optimizers count (NAdam's product of β₁) in double precision, too."""
    torch = pytest.importorskip("torch")
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield torch
    torch.set_default_dtype(before)


@pytest.mark.torch
@each_optimizer
@pytest.mark.parametrize("norm", ["batch_norm", "layer_norm"])
def test_training_equals_torch(norm, name, make_problem, torch):
    optimizer, torch_name, arguments = TORCH[name]
    problem = make_problem(
        (6, 5), activations=["relu", "tanh"], alpha=ALPHA, n_rows=40, **{norm: True}
    )
    network, data = problem.network, problem.data
    state = TrainingState.start(network, [0], "auto", np.float64)
    layers = torch_layers(torch, network, network.layout.views(state.theta))
    weights = [layer.weight for layer in layers if isinstance(layer, torch.nn.Linear)]
    others = [p for p in layers.parameters() if not any(p is w for w in weights)]

    l2 = ALPHA / data.total_weight
    decay = l2 if optimizer.decoupled_decay else 0.0
    groups = [{"params": weights, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]
    reference = getattr(torch.optim, torch_name)(groups, lr=0.01, **arguments)
    x, y = torch.tensor(data.x), torch.tensor(data.y)
    for step in range(50):
        batch = slice(8 * (step % 5), 8 * (step % 5) + 8)
        loss = torch.nn.functional.cross_entropy(layers(x[batch]), y[batch])
        if not optimizer.decoupled_decay:
            loss = loss + l2 / 2 * sum((w**2).sum() for w in weights)
        reference.zero_grad()
        loss.backward()
        reference.step()

    settings = LoopSettings(optimizer, Schedule(), 0.01, batch_size=8, shuffle=False)
    train_epochs(problem, state, settings, n_epochs=10, after_epoch=lambda loss: False)
    views = network.layout.views(state.theta)
    for ours, theirs in zip(in_torchs_order(network, views), layers.parameters(), strict=True):
        np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=0, atol=1e-10)


def in_torchs_order(network, views):
    """The parameters in the shapes and the order in which PyTorch has them."""
    slots = [slot for layer in network.layers for slot in layer.slots()]
    return [views[s.key].T if s.name == "W" else views[s.key][0] for s in slots]


def torch_layers(torch, network, views):
    """The network's chain with PyTorch's layers, from the same start."""
    nn, chain = torch.nn, []
    for layer in network.layers:
        kind = type(layer).__name__
        if kind == "Dense":
            chain.append(nn.Linear(layer.n_in, layer.n_out, bias=layer.bias))
        elif kind == "BatchNorm":
            chain.append(nn.BatchNorm1d(layer.n, eps=layer.epsilon))
        elif kind == "LayerNorm":
            chain.append(nn.LayerNorm(layer.n, eps=layer.epsilon))
        else:
            chain.append({"relu": nn.ReLU, "tanh": nn.Tanh}[layer.function.name]())
    layers = nn.Sequential(*chain).double()
    with torch.no_grad():
        for theirs, ours in zip(layers.parameters(), in_torchs_order(network, views), strict=True):
            theirs.copy_(torch.tensor(ours.copy()))
    return layers
