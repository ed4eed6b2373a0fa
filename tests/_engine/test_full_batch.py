"""Full-batch solvers: where they end is an optimum, and the rate 1/L and the stopping rule hold.

An optimum is recognised by its conditions: the smooth part's gradient is zero or, at a weight with
an L1 penalty, balanced by the penalty's. scikit-learn's LogisticRegression is a second oracle.
"""

import pickle
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse
from sklearn.linear_model import LogisticRegression

from skdeep._engine import full_batch
from skdeep._engine.data import Rows
from skdeep._engine.full_batch import (
    descend,
    descend_accelerated,
    gradient_resolution,
    largest_curvature,
    minimize_lbfgs,
)
from skdeep._engine.objective import FullObjective, predict_logits
from skdeep._engine.schedules import Schedule
from skdeep._engine.solvers import make_optimizer
from skdeep._engine.training import LoopSettings, TrainingState

PLAIN = {"solver": "sgd", "momentum": 0.0}
SOLVERS = {"descend": descend, "accelerated": descend_accelerated}
each_solver = pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS)


def never(loss):
    return False


def start(problem, weight_init="zeros", dtype=np.float64):
    return TrainingState.start(problem.network, [0], weight_init, dtype)


def make_settings(learning_rate, optimizer=PLAIN, **others):
    return LoopSettings(
        make_optimizer(**optimizer), Schedule(), learning_rate, batch_size=1, **others
    )


def rate_of(problem):
    """1/L of a softmax loss, whose second derivative by the logits is at most 1/2, plus L2's."""
    curvature = largest_curvature(problem.data, with_intercept=True)
    return 1 / (curvature / 2 + np.max(problem.penalty.l2))


def solve(solver, problem, state=None, *, rate=None, n_iter=20000, tol=1e-9, **settings):
    state = start(problem) if state is None else state
    settings = make_settings(rate_of(problem) if rate is None else rate, **settings)
    converged = solver(problem, state, settings, n_iter=n_iter, tol=tol, after_iteration=never)
    return state, converged


def assert_optimal(problem, theta, atol):
    objective = FullObjective(problem, theta.copy(), np.empty(0), {})
    objective()
    n = problem.network.layout.n_penalised
    w, g, l1 = theta[:n], objective.grad[:n], float(problem.penalty.l1)
    np.testing.assert_allclose(objective.grad[n:], 0, atol=atol)
    np.testing.assert_allclose(g[w != 0], -l1 * np.sign(w[w != 0]), atol=atol)
    assert np.all(np.abs(g[w == 0]) <= l1 + atol)


# ------------------------------------------------------------------------------- the curvature


def curvature_by_definition(data, with_intercept):
    x, _, w = data.gather(slice(None))
    x = x.toarray() if scipy.sparse.issparse(x) else x
    x = np.column_stack([x, np.ones(len(x))]) if with_intercept else x
    w = np.ones(len(x)) if w is None else w
    return np.linalg.eigvalsh((x * w[:, np.newaxis]).T @ x)[-1] / w.sum()


@pytest.mark.parametrize("with_intercept", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("index", [None, np.arange(3, 40, 2)], ids=["all", "index"])
@pytest.mark.parametrize("way", ["gram", "sparse", "lanczos"])
def test_largest_curvature(way, index, weighted, with_intercept, make_problem, monkeypatch):
    if way == "lanczos":
        monkeypatch.setattr(full_batch, "GRAM_MAX_FEATURES", 0)
    data = make_problem((), weighted=weighted, sparse=way == "sparse").data
    data = replace(data, index=index)
    expected = curvature_by_definition(data, with_intercept)
    found = largest_curvature(data, with_intercept=with_intercept)
    # A step of 1/L may be a little too short, never too long.
    assert expected * (1 - 1e-9) <= found <= expected * 1.005


def test_largest_curvature_is_not_below_the_truth_where_lanczos_stops_early(rng):
    x = rng.normal(size=(600, 300))
    data = Rows(scipy.sparse.csr_array(x), np.zeros(600))
    expected = curvature_by_definition(data, False)
    assert expected <= largest_curvature(data, with_intercept=False) <= expected * 1.005


def test_largest_curvature_of_one_sparse_column():
    x = scipy.sparse.csr_array(np.array([[1.0], [0], [2]]))
    data = Rows(x, np.zeros(3), np.array([1.0, 5, 2]))
    assert largest_curvature(data, with_intercept=False) == pytest.approx((1 + 8) / 8)


def test_largest_curvature_of_float32_is_computed_in_float64():
    x = np.full((50, 3), 1e4, np.float32)
    expected = largest_curvature(Rows(x.astype(float), np.zeros(50)), with_intercept=True)
    found = largest_curvature(Rows(x, np.zeros(50)), with_intercept=True)
    assert found == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
def test_largest_curvature_of_x_too_large_to_be_squared_is_not_finite(sparse):
    x = np.full((5, 3), 1e200)
    data = Rows(scipy.sparse.csr_array(x) if sparse else x, np.zeros(5))
    with np.errstate(over="ignore", invalid="ignore"):
        assert not np.isfinite(largest_curvature(data, with_intercept=True))


@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("scale", [1, 1000])
def test_gradient_resolution_bounds_the_rounding_of_float32(sparse, weighted, scale, make_problem):
    problem = make_problem((), sparse=sparse, weighted=weighted)
    single = Rows(
        (problem.data.x * scale).astype(np.float32),
        problem.data.y,
        None if not weighted else problem.data.sample_weight.astype(np.float32),
    )
    problem = replace(problem, data=single)
    theta = np.random.default_rng(0).normal(size=problem.network.layout.size) / scale
    theta = theta.astype(np.float32)
    grads = []
    for dtype in (np.float32, np.float64):
        objective = FullObjective(problem, theta.astype(dtype), np.empty(0), {})
        objective()
        grads.append(objective.grad)
    error = np.abs(grads[0] - grads[1]).max()
    resolution = gradient_resolution(single, np.dtype(np.float32))
    assert error < 2 * resolution < 1000 * error
    ratio = gradient_resolution(single, np.dtype(np.float64)) / resolution
    assert ratio == pytest.approx(np.finfo(np.float64).eps / np.finfo(np.float32).eps)


# --------------------------------------------------------------------------------- the solvers


@each_solver
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
def test_the_end_is_an_optimum(solver, l1_ratio, sparse, make_problem):
    problem = make_problem((), alpha=3.0, l1_ratio=l1_ratio, weighted=True, sparse=sparse)
    state, converged = solve(solver, problem)
    assert converged
    assert_optimal(problem, state.theta, atol=1e-8)
    n_zeros = np.count_nonzero(state.theta[: problem.network.layout.n_penalised] == 0)
    assert (n_zeros > 0) == (l1_ratio > 0)


@pytest.mark.parametrize("name", [*SOLVERS, "lbfgs"])
def test_the_end_is_that_of_logistic_regression(name, make_problem):
    problem = make_problem((), alpha=2.0, weighted=True)
    if name == "lbfgs":
        state = start(problem)
        lbfgs(problem, state)
    else:
        state, _ = solve(SOLVERS[name], problem)
    data, views = problem.data, problem.network.layout.views(state.theta)
    reference = LogisticRegression(C=1 / 2, tol=1e-10, max_iter=10000)
    reference.fit(data.x, data.y, data.sample_weight)
    np.testing.assert_allclose(views["output", "W"].T, reference.coef_, atol=1e-5)
    logits = predict_logits(problem.network, state.theta, state.statistics, data.x)
    np.testing.assert_allclose(
        logits - logits.mean(axis=1, keepdims=True), reference.decision_function(data.x), atol=1e-5
    )


def test_plain_descent_is_the_courses_loop(make_problem):
    problem = make_problem((), alpha=2.0)
    state, _ = solve(descend, problem, rate=0.1, n_iter=30, tol=0)
    theta = start(problem).theta
    objective = FullObjective(problem, theta, np.empty(0), {})
    for _ in range(30):
        objective()
        theta -= 0.1 * objective.grad
    np.testing.assert_allclose(state.theta, theta, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.7])
def test_descent_with_momentum_ends_in_the_optimum_too(nesterov, l1_ratio, make_problem):
    problem = make_problem((), alpha=3.0, l1_ratio=l1_ratio)
    momentum = {"solver": "sgd", "momentum": 0.8, "nesterovs_momentum": nesterov}
    state, converged = solve(descend, problem, rate=0.2, optimizer=momentum)
    assert converged
    assert_optimal(problem, state.theta, atol=1e-6)


def test_acceleration_pays_where_curvatures_differ(make_problem):
    problem = make_problem((), alpha=0.1)
    x = problem.data.x * np.geomspace(0.1, 10, 7)
    problem = replace(problem, data=replace(problem.data, x=x))
    epochs = {name: solve(s, problem, tol=1e-6)[0].epochs for name, s in SOLVERS.items()}
    assert epochs["accelerated"] < epochs["descend"] / 3


@each_solver
@pytest.mark.parametrize("l1_ratio", [0.0, 0.7])
def test_it_stops_by_the_gradient_map(solver, l1_ratio, make_problem):
    problem, tol = make_problem((), alpha=3.0, l1_ratio=l1_ratio), 1e-3
    # With a short step a map that forgets to divide by it would stop much too early.
    state, converged = solve(solver, problem, rate=0.05, tol=tol)
    assert converged
    assert_optimal(problem, state.theta, atol=2 * tol)
    again, converged = solve(solver, problem, rate=0.05, n_iter=state.epochs - 1, tol=tol)
    assert not converged
    assert again.epochs == state.epochs - 1


@each_solver
def test_it_stops_when_told_to(solver, make_problem):
    problem, seen = make_problem(()), []
    state = start(problem)

    def after_iteration(loss):
        seen.append(float(loss))
        return len(seen) == 4

    settings = make_settings(rate_of(problem))
    converged = solver(
        problem, state, settings, n_iter=99, tol=1e-9, after_iteration=after_iteration
    )
    assert not converged
    assert len(seen) == state.epochs == 4
    assert state.rows_seen == 4 * 40
    assert seen == sorted(seen, reverse=True)
    assert seen[0] == pytest.approx(np.log(3))


@each_solver
def test_it_continues_to_the_last_bit(solver, make_problem):
    problem = make_problem((), alpha=1.0, l1_ratio=0.3)
    whole, _ = solve(solver, problem, n_iter=9, tol=0)
    state, _ = solve(solver, problem, n_iter=4, tol=0)
    state, _ = solve(solver, problem, pickle.loads(pickle.dumps(state)), n_iter=5, tol=0)
    np.testing.assert_array_equal(state.theta, whole.theta)


@each_solver
def test_a_clipped_gradient_limits_the_step(solver, make_problem):
    problem = make_problem(())
    before = start(problem).theta
    state, _ = solve(solver, problem, rate=1.0, n_iter=1, gradient_clip=1e-3)
    assert np.linalg.norm(state.theta - before) == pytest.approx(1e-3)


# -------------------------------------------------------------------- a population and its members

MODELS = 5
RATES, ALPHAS = [0.01, 0.05, 0.1, 0.2, 0.4], [0.0, 0.1, 1.0, 5.0, 20.0]
DROPOUT, SMOOTHING = [0.0, 0.1, 0.25, 0.5, 0.7], [0.0, 0.05, 0.1, 0.2, 0.3]
VARIANTS = {
    "linear": {"hidden_layer_sizes": ()},
    "linear, L1": {"hidden_layer_sizes": (), "l1_ratio": 0.6},
    "linear, sparse, clip": {"hidden_layer_sizes": (), "sparse": True, "clip": 0.05},
    "deep": {"hidden_layer_sizes": (6, 5), "smoothed": True, "l1_ratio": 0.6, "dropped": True},
    "deep, batch norm": {"hidden_layer_sizes": (6, 5), "batch_norm": True, "dropped": True},
    "deep, layer norm": {"hidden_layer_sizes": (6, 5), "layer_norm": True, "dropped": True},
}


@each_solver
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_a_population_equals_its_members(solver, variant, momentum, make_problem):
    def run(member):
        def pick(values, ndim):
            if member is None:
                return np.reshape(values, (-1, *[1] * ndim))
            return values[member]

        options = dict(VARIANTS[variant])
        clip, dropped = options.pop("clip", None), options.pop("dropped", False)
        if options.pop("smoothed", False):
            options["label_smoothing"] = pick(SMOOTHING, 2)
        if dropped:
            options["dropout"] = [pick(DROPOUT, 2)] * 2
        problem = make_problem(alpha=pick(ALPHAS, 1), weighted=True, **options)
        state = start(problem, "auto")
        optimizer = {"solver": "sgd", "momentum": momentum}
        return solve(
            solver,
            problem,
            state.population(MODELS) if member is None else state,
            rate=pick(RATES, 1),
            optimizer=optimizer,
            n_iter=40,
            tol=0,
            gradient_clip=clip,
        )[0]

    population = run(None)
    for k in range(MODELS):
        member = run(k)
        np.testing.assert_allclose(population.theta[k], member.theta, rtol=0, atol=1e-10)
        np.testing.assert_allclose(population.statistics[k], member.statistics, atol=1e-10)


# ---------------------------------------------------------------------------------------- L-BFGS


def lbfgs(problem, state, after_iteration=never, max_iter=1000, max_fun=15000):
    return minimize_lbfgs(
        problem,
        state,
        max_iter=max_iter,
        max_fun=max_fun,
        tol=1e-10,
        ftol=0,
        after_iteration=after_iteration,
    )


def test_lbfgs_reports_a_falling_loss_and_ends_in_the_optimum(make_problem):
    problem, seen = make_problem((), alpha=1.0, weighted=True), []
    state = start(problem)
    result = lbfgs(problem, state, seen.append)
    assert_optimal(problem, state.theta, atol=1e-8)
    np.testing.assert_array_equal(state.theta, result.x)
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == state.epochs == result.nit
    assert state.rows_seen == 40 * result.nit


def test_lbfgs_evaluates_float32_in_float64(make_problem):
    problem = make_problem((), alpha=1.0, dtype=np.float32)
    precise = replace(problem, data=replace(problem.data, x=problem.data.x.astype(float)))
    single, double = start(problem, dtype=np.float32), start(precise)
    lbfgs(problem, single)
    lbfgs(precise, double)
    assert single.theta.dtype == np.float32
    np.testing.assert_array_equal(single.theta, double.theta.astype(np.float32))


def test_lbfgs_stops_when_told_to_with_the_parameters_of_that_iteration(make_problem):
    problem, thetas = make_problem((4,), alpha=0.1), []
    state = start(problem, "auto")

    def after_iteration(loss):
        thetas.append(state.theta.copy())
        return len(thetas) == 3

    lbfgs(problem, state, after_iteration)
    assert len(thetas) == state.epochs == 3
    np.testing.assert_array_equal(state.theta, thetas[-1])


@pytest.mark.parametrize("limit", ["max_iter", "max_fun"])
def test_lbfgs_keeps_to_its_limits(limit, make_problem):
    problem = make_problem((5,), alpha=0.1)
    result = lbfgs(problem, start(problem, "auto"), **{limit: 3})
    assert result.status == 1
    assert (result.nit if limit == "max_iter" else result.nfev) <= 5


def test_after_lbfgs_the_statistics_are_those_of_all_rows(make_problem):
    problem = make_problem((4,), alpha=0.1, batch_norm=True, batch_norm_momentum=0.0, weighted=True)
    state = start(problem, "auto")

    def after_iteration(loss):
        check()
        return False

    def check():
        z = problem.data.x @ problem.network.layout.views(state.theta)["hidden 1", "W"]
        mean = np.average(z, axis=0, weights=problem.data.sample_weight)
        views = problem.network.statistics_layout.views(state.statistics)
        np.testing.assert_allclose(views["batch norm 1", "running"][0], mean, atol=1e-12)

    lbfgs(problem, state, after_iteration, max_iter=30)
    check()


def test_networks_of_any_depth_descend(make_problem):
    problem = make_problem((6, 5), alpha=0.5, batch_norm=True)
    for solver in SOLVERS.values():
        state = start(problem, "auto")
        objective = FullObjective(problem, state.theta, state.statistics.copy(), {})
        before = float(objective())
        solve(solver, problem, state, rate=0.2, n_iter=50)
        assert float(objective()) < 0.7 * before
