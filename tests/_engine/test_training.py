"""Training: a population equals its members, a run that continues equals one that never stopped.

And what one step promises: the penalty acts as it should under every optimizer, and no array as
large as a batch's activations or as θ is made.
"""

import pickle
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import Lasso

from skdeep._engine.data import Rows
from skdeep._engine.losses import SquaredError
from skdeep._engine.network import build_network
from skdeep._engine.objective import FullObjective, Problem
from skdeep._engine.penalties import ElasticNet
from skdeep._engine.schedules import Schedule
from skdeep._engine.solvers import make_optimizer
from skdeep._engine.training import (
    Epochs,
    LoopSettings,
    TrainingState,
    batch_slices_for,
    stream_names,
    train_epochs,
)

SOLVERS = {
    "sgd": {"solver": "sgd", "momentum": 0.0},
    "momentum": {"solver": "sgd", "nesterovs_momentum": False},
    "nesterov": {"solver": "sgd"},
    "rmsprop": {"solver": "rmsprop"},
    "adam": {"solver": "adam"},
    "adamw": {"solver": "adamw"},
    "nadam": {"solver": "nadam"},
}
each_solver = pytest.mark.parametrize("solver", SOLVERS)


def make_settings(solver="adam", learning_rate=0.01, batch_size=8, schedule=None, **others):
    optimizer = make_optimizer(**SOLVERS[solver])
    return LoopSettings(optimizer, schedule or Schedule(), learning_rate, batch_size, **others)


def start(problem, seed=0, dtype=np.float64):
    return TrainingState.start(problem.network, [seed], "auto", dtype)


def train(problem, settings, state=None, n_epochs=3):
    """The state after some epochs, and the loss of each."""
    state = start(problem) if state is None else state
    losses = []

    def after_epoch(loss):
        losses.append(loss)
        return False

    train_epochs(problem, state, settings, n_epochs=n_epochs, after_epoch=after_epoch)
    return state, np.array(losses)


# ------------------------------------------------------------------- a population and its members

MODELS = 5
VALUES = {
    "learning_rate": [0.001, 0.003, 0.01, 0.02, 0.05],
    "alpha": [0.0, 0.1, 1.0, 3.0, 10.0],
    "dropout": [0.0, 0.1, 0.25, 0.5, 0.7],
    "l1_ratio": [0.0, 0.2, 0.5, 0.9, 1.0],
    "label_smoothing": [0.0, 0.05, 0.1, 0.2, 0.3],
    "gradient_clip": [0.01, 0.05, 0.1, 1.0, 100.0],
    "batch_norm_momentum": [0.0, 0.5, 0.9, 0.95, 0.99],
}
VARIANTS = {
    "plain": {},
    "batch norm": {"batch_norm": True},
    "layer norm": {"layer_norm": True},
    "clip": {"clip": True},
    "L1": {"l1": True},
    "label smoothing": {"smoothing": True},
    "sparse": {"sparse": True},
    "input dropout": {"input_dropout": True},
    "weighted": {"weighted": True},
    "all": {
        "batch_norm": True,
        "clip": True,
        "l1": True,
        "smoothing": True,
        "weighted": True,
        "input_dropout": True,
    },
}


def setting_of(member, make_problem, solver, *, n_rows=41, **variant):
    """Problem and settings of one member, or with None of all as one."""

    def pick(name, ndim, otherwise=None):
        if otherwise is not None:
            return otherwise
        values = np.array(VALUES[name])
        return values.reshape(-1, *[1] * ndim) if member is None else float(values[member])

    dropout = pick("dropout", 2)
    problem = make_problem(
        (6, 5),
        activations=["tanh", "relu"],
        dropout=[dropout, dropout],
        input_dropout=dropout if variant.get("input_dropout") else 0.0,
        alpha=pick("alpha", 1),
        l1_ratio=pick("l1_ratio", 1, None if variant.get("l1") else 0.0),
        label_smoothing=pick("label_smoothing", 2, None if variant.get("smoothing") else 0.0),
        batch_norm=variant.get("batch_norm", False),
        batch_norm_momentum=pick("batch_norm_momentum", 2),
        layer_norm=variant.get("layer_norm", False),
        sparse=variant.get("sparse", False),
        weighted=variant.get("weighted", False),
        n_rows=n_rows,
    )
    clip = pick("gradient_clip", 1) if variant.get("clip") else None
    return problem, make_settings(solver, pick("learning_rate", 1), gradient_clip=clip)


@each_solver
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_population_equals_its_members(solver, variant, make_problem):
    problem, settings = setting_of(None, make_problem, solver, **VARIANTS[variant])
    population, losses = train(problem, settings, start(problem).population(MODELS))
    assert population.theta.shape == (MODELS, problem.network.layout.size)
    for k in range(MODELS):
        problem, settings = setting_of(k, make_problem, solver, **VARIANTS[variant])
        member, member_losses = train(problem, settings)
        np.testing.assert_allclose(population.theta[k], member.theta, rtol=0, atol=1e-10)
        np.testing.assert_allclose(population.statistics[k], member.statistics, atol=1e-10)
        np.testing.assert_allclose(losses[:, k], member_losses, rtol=1e-10)


def test_the_members_of_a_population_differ(make_problem):
    # Otherwise the test above would prove little.
    problem, settings = setting_of(None, make_problem, "adam")
    theta = train(problem, settings, start(problem).population(MODELS))[0].theta
    assert (
        np.abs(theta[:, np.newaxis] - theta).max(axis=-1)[np.triu_indices(MODELS, 1)].min() > 0.01
    )


# ------------------------------------------------------------------------------ what continues


@each_solver
@pytest.mark.parametrize("schedule", ["constant", "cosine", "invscaling"])
def test_training_continues_to_the_last_bit_through_a_pickle(solver, schedule, make_problem):
    problem = make_problem(batch_norm=True, dropout=[0.3, 0.2], input_dropout=0.1, alpha=1.0)
    settings = make_settings(solver, schedule=Schedule(schedule, decay_epochs=6))
    whole, losses = train(problem, settings, n_epochs=5)
    state, first = train(problem, settings, n_epochs=2)
    state, rest = train(problem, settings, pickle.loads(pickle.dumps(state)), n_epochs=3)
    np.testing.assert_array_equal(state.theta, whole.theta)
    np.testing.assert_array_equal(state.statistics, whole.statistics)
    np.testing.assert_array_equal(np.concatenate([first, rest]), losses)
    assert (state.epochs, state.rows_seen) == (whole.epochs, whole.rows_seen) == (5, 200)


def test_no_stream_depends_on_a_hyperparameter(make_problem):
    bare = start(make_problem())
    full = start(make_problem(dropout=[0.5, 0.5], input_dropout=0.5))
    np.testing.assert_array_equal(bare.theta, full.theta)
    assert set(bare.streams) == set(full.streams) == set(stream_names(2))
    for name in bare.streams:
        np.testing.assert_array_equal(bare.streams[name].uint16(20), full.streams[name].uint16(20))


def test_streams_keep_their_place_when_layers_are_added():
    assert stream_names(3)[: len(stream_names(1))] == stream_names(1)


def test_the_seed_decides(make_problem):
    problem, settings = make_problem(dropout=[0.5, 0.5]), make_settings()
    thetas = [train(problem, settings, start(problem, seed))[0].theta for seed in (0, 0, 1)]
    np.testing.assert_array_equal(thetas[0], thetas[1])
    assert (thetas[0] != thetas[2]).any()


# ----------------------------------------------------------------------------------- the loop


def test_the_loop_stops_when_told_to(make_problem):
    problem, seen = make_problem(), []
    state = start(problem)

    def after_epoch(loss):
        seen.append(loss)
        return len(seen) == 3

    train_epochs(problem, state, make_settings(), n_epochs=10, after_epoch=after_epoch)
    assert len(seen) == state.epochs == 3
    assert state.rows_seen == 3 * 40


@pytest.mark.parametrize("weighted", [False, True])
def test_the_loss_of_an_epoch_is_J(weighted, make_problem):
    problem = make_problem(alpha=3.0, l1_ratio=0.5, weighted=weighted)
    state = start(problem)
    objective = FullObjective(problem, state.theta.copy(), state.statistics, {})
    # At a rate of next to nothing all batches see the same θ.
    _, losses = train(problem, make_settings("sgd", 1e-13), state, n_epochs=1)
    assert losses[0] == pytest.approx(float(objective()), rel=1e-9)


def test_the_rate_is_the_product_of_its_factors(make_problem):
    state = start(make_problem())
    state.epochs, state.adaptive_factor = 2, 0.2
    settings = make_settings(learning_rate=0.1, schedule=Schedule("exponential", 0.5))
    assert settings.rate(state) == pytest.approx(0.1 * 0.5**2 * 0.2)
    population = replace(settings, learning_rate=np.array([[0.1], [0.3]]))
    np.testing.assert_allclose(population.rate(state), [[0.005], [0.015]])


def test_a_clipped_gradient_limits_the_step(make_problem):
    problem = make_problem()
    state = start(problem)
    before = state.theta.copy()
    train(problem, make_settings("sgd", 1.0, 40, gradient_clip=1e-3), state, n_epochs=1)
    assert np.linalg.norm(state.theta - before) == pytest.approx(1e-3)


def test_a_batch_of_one_row_is_avoided_under_batch_norm_only(make_problem):
    plain, normed = make_problem(n_rows=41), make_problem(n_rows=41, batch_norm=True)
    assert [s.stop - s.start for s in batch_slices_for(plain, 20)] == [20, 20, 1]
    assert [s.stop - s.start for s in batch_slices_for(normed, 20)] == [20, 21]


@each_solver
@pytest.mark.parametrize("batch_norm", [False, True])
def test_rows_without_weight_are_as_if_absent(solver, batch_norm, make_problem):
    # Batches in order: the last two have no weight, and with plain SGD change nothing.
    problem = make_problem(batch_norm=batch_norm)
    w = np.r_[np.ones(24), np.zeros(16)]
    silent = replace(problem, data=replace(problem.data, sample_weight=w))
    state, losses = train(silent, make_settings(solver, shuffle=False), n_epochs=1)
    assert np.isfinite(state.theta).all()
    if solver == "sgd":
        data = Rows(problem.data.x[:24], problem.data.y[:24])
        # The mean weight is 0.6: steps are longer by its inverse, as each batch stands for more.
        settings = make_settings(solver, 0.01 / 0.6, shuffle=False)
        alone, expected = train(replace(problem, data=data), settings, n_epochs=1)
        np.testing.assert_allclose(state.theta, alone.theta, rtol=1e-12)
        np.testing.assert_allclose(state.statistics, alone.statistics, rtol=1e-12)
        np.testing.assert_allclose(losses, expected)


@pytest.mark.parametrize("path", ["dense", "sparse"])
def test_training_does_not_touch_the_data(path, make_problem):
    problem = make_problem(
        batch_norm=True, input_dropout=0.3, weighted=True, sparse=path == "sparse"
    )
    data = problem.data
    values = data.x.data if data.is_sparse else data.x
    before = [a.copy() for a in (values, data.y, data.sample_weight)]
    for array in (values, data.y, data.sample_weight):
        array.flags.writeable = False
    train(problem, make_settings())
    for array, kept in zip((values, data.y, data.sample_weight), before, strict=True):
        np.testing.assert_array_equal(array, kept)


@each_solver
def test_float32_stays_float32_and_close(solver, make_problem):
    thetas = []
    for dtype in (np.float32, np.float64):
        problem = make_problem(dtype=dtype, batch_norm=True, alpha=1.0, weighted=True)
        state, _ = train(problem, make_settings(solver, 1e-3), start(problem, dtype=dtype))
        assert state.theta.dtype == state.statistics.dtype == dtype
        thetas.append(state.theta)
    np.testing.assert_allclose(thetas[0], thetas[1], atol=1e-4)


# ------------------------------------------------------------------------------------ the penalty


def test_adamw_decays_the_weights_alone_and_has_no_l2_in_J(make_problem):
    lr, alpha, l1_ratio, m = 0.01, 5.0, 0.3, 40
    free, decayed = make_problem(), make_problem(alpha=alpha, l1_ratio=l1_ratio)
    # L1 stays in J; without it the loss reported is the data's alone.
    decayed = replace(decayed, penalty=replace(decayed.penalty, l1=0.0))
    settings, layout = make_settings("adamw", lr, batch_size=40), free.network.layout
    before = start(free).theta
    plain, plain_loss = train(free, settings, n_epochs=1)
    ours, loss = train(decayed, settings, n_epochs=1)
    expected = plain.theta.copy()
    decay = lr * alpha * (1 - l1_ratio) / m
    layout.penalised(expected)[...] -= decay * layout.penalised(before)
    np.testing.assert_allclose(ours.theta, expected, rtol=1e-13)
    assert loss == plain_loss


@each_solver
def test_l2_acts_on_weights_and_on_nothing_else(solver, make_problem):
    free, bound = make_problem(), make_problem(alpha=100.0)
    settings = make_settings(solver, batch_size=40)
    n = free.network.layout.n_penalised
    states = [train(problem, settings, n_epochs=1)[0].theta for problem in (free, bound)]
    assert (states[0][:n] != states[1][:n]).any()
    np.testing.assert_allclose(states[0][n:], states[1][n:], rtol=1e-12)


@each_solver
def test_l1_gives_the_lasso_with_its_exact_zeros(solver, rng):
    # The proximal step is right under every optimizer if the optimum it ends in is the lasso's.
    x = rng.normal(size=(60, 8))
    y = x @ np.array([1.5, 0, 0, -2, 0, 0.7, 0, 0]) + 0.3 + 0.1 * rng.normal(size=60)
    lasso = Lasso(alpha=0.2, tol=1e-12).fit(x, y)
    data = Rows(x, y[:, np.newaxis])
    problem = Problem(
        build_network(8, (), 1), SquaredError(), ElasticNet.of(0.2 * 60, 1.0, 60.0), data
    )
    # Steps that adapt to the gradient's size come to rest only as the rate falls.
    adaptive = solver in ("rmsprop", "adam", "adamw", "nadam")
    schedule = Schedule("exponential", 0.997 if adaptive else 1.0)
    settings = make_settings(solver, 0.03, batch_size=60, schedule=schedule)
    state, _ = train(problem, settings, n_epochs=3000)
    np.testing.assert_allclose(state.theta[:8], lasso.coef_, atol=2e-4)
    np.testing.assert_allclose(state.theta[8], lasso.intercept_, atol=2e-4)
    np.testing.assert_array_equal(state.theta[:8] == 0, lasso.coef_ == 0)
    assert 0 < np.count_nonzero(lasso.coef_) < 8


@each_solver
def test_l1_makes_exact_zeros_in_every_layer(solver, make_problem):
    problem = make_problem(alpha=4.0, l1_ratio=0.8, batch_norm=True)
    state, _ = train(problem, make_settings(solver, 0.005), n_epochs=40)
    weights = problem.network.layout.penalised(state.theta)
    assert 0.05 < np.mean(weights == 0) < 1
    assert np.isfinite(state.theta).all()


# ------------------------------------------------------------------------------------- the memory


@each_solver
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_step_makes_no_array_as_large_as_activations_or_theta(solver, dtype, rng):
    rows, width = 512, 600
    network = build_network(
        300,
        (width, width),
        3,
        activations=["relu", "gelu"],
        dropout=[0.5, 0.5],
        batch_norm=True,
    )
    x, y = rng.normal(size=(rows, 300)).astype(dtype), rng.normal(size=(rows, 3)).astype(dtype)
    data = Rows(x, y, np.ones(rows, dtype))
    problem = Problem(network, SquaredError(), ElasticNet.of(1.0, 0.5, rows), data)
    state = start(problem, dtype=dtype)
    settings = make_settings(solver, batch_size=rows, gradient_clip=1.0)
    epochs = Epochs(problem, state, settings)
    epochs.run(0.01)
    tracemalloc.start()
    try:
        epochs.step(x, y, data.sample_weight, 0.01)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    activations = rows * width * np.dtype(dtype).itemsize
    # The largest things made are dropout's 16-bit draws and, for L1, blocks of θ.
    assert peak < 0.6 * activations
    assert activations < state.theta.nbytes
