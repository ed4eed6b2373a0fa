"""The objective: J is weighted mean loss plus penalty, however its rows are cut, copied or stored.

scikit-learn's metrics are the oracle for the value, differences of J for the gradient.
"""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse
from sklearn.metrics import log_loss

from skdeep._engine import objective as objective_module
from skdeep._engine.backend import RandomStream, RepeatingStream
from skdeep._engine.data import Rows
from skdeep._engine.layers import Workspace
from skdeep._engine.links import SOFTMAX
from skdeep._engine.objective import BatchObjective, FullObjective, predict_logits
from skdeep._engine.penalties import ElasticNet

M = {"alpha": 3.0, "l1_ratio": 0.4}


def random_theta(problem, models=(), seed=3, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return 0.5 * rng.normal(size=(*models, problem.network.layout.size)).astype(dtype)


def zero_statistics(problem, theta):
    return np.zeros((*theta.shape[:-1], problem.network.statistics_layout.size), theta.dtype)


def full(problem, theta, streams=None):
    return FullObjective(problem, theta, zero_statistics(problem, theta), streams or {})


def J_and_grad(problem, theta, streams=None):
    objective = full(problem, theta, streams)
    value = objective()
    return value, objective.grad.copy()


def batch_grad(problem, theta, rows, scale):
    """The gradient that a batch leaves, and its loss."""
    grad = np.full_like(theta, np.nan)
    x, y, w = problem.data.gather(rows)
    objective = BatchObjective(
        problem,
        theta,
        grad,
        zero_statistics(problem, theta),
        rows=len(y),
        scale=scale,
        workspace=Workspace(theta.dtype),
        streams={},
    )
    return objective(x, y, w), grad


@pytest.fixture
def small_chunks(monkeypatch):
    """Rows go through the network in chunks of 7 at most, whatever their number."""
    monkeypatch.setattr(objective_module, "CHUNK_ELEMENTS", 7)
    monkeypatch.setattr(objective_module, "FEWEST_ROWS", 7)


# ----------------------------------------------------------------------------------- all the rows


@pytest.mark.parametrize("weighted", [False, True])
def test_J_is_the_weighted_mean_loss_plus_the_penalty(weighted, make_problem):
    problem = make_problem(weighted=weighted, **M)
    theta, data = random_theta(problem), problem.data
    logits = predict_logits(problem.network, theta, zero_statistics(problem, theta), data.x)
    loss = log_loss(data.y, SOFTMAX.inverse(logits), sample_weight=data.sample_weight)
    W = problem.network.layout.penalised(theta)
    m = data.total_weight
    penalty = 3 / m * (0.6 / 2 * np.sum(W**2) + 0.4 * np.abs(W).sum())
    objective = full(problem, theta)
    assert objective() == pytest.approx(loss + penalty, rel=1e-12)
    assert objective.data_loss() == pytest.approx(loss, rel=1e-12)


@pytest.mark.parametrize("norm", [{}, {"batch_norm": True}, {"layer_norm": True}], ids=str)
def test_gradient_is_the_slope_of_the_smooth_part(norm, make_problem):
    problem = make_problem(weighted=True, **norm, **M)
    theta, h = random_theta(problem), 1e-5
    _, grad = J_and_grad(problem, theta)
    steps = h * np.eye(theta.size)

    def smooth(thetas):
        weights = problem.network.layout.penalised(thetas)
        return full(problem, thetas)() - np.abs(weights).sum(axis=-1) * problem.penalty.l1

    slopes = (smooth(theta + steps) - smooth(theta - steps)) / (2 * h)
    np.testing.assert_allclose(grad, slopes, atol=1e-9)


@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
@pytest.mark.parametrize("models", [(), (3,)], ids=["one", "population"])
@pytest.mark.parametrize("n_rows", [20, 21, 22])
def test_cutting_the_rows_into_chunks_changes_nothing(
    sparse, models, n_rows, make_problem, small_chunks, monkeypatch
):
    problem = make_problem(weighted=True, sparse=sparse, n_rows=n_rows, **M)
    theta = random_theta(problem, models)
    in_chunks = J_and_grad(problem, theta)
    monkeypatch.undo()
    for ours, expected in zip(in_chunks, J_and_grad(problem, theta), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("models", [(), (3,)], ids=["one", "population"])
def test_dropout_masks_repeat_however_the_rows_are_cut(
    models, make_problem, small_chunks, monkeypatch
):
    # 5 units and chunks of 7 rows: no number of draws is a multiple of 4.
    problem = make_problem((5, 3), dropout=[0.5, 0.5], n_rows=23)
    theta = random_theta(problem, models)

    def streams():
        seed = np.random.SeedSequence(0)
        return {f"dropout {k}": RepeatingStream(RandomStream(seed)) for k in (1, 2)}

    in_chunks = full(problem, theta, streams())
    first, again = in_chunks(), in_chunks()
    monkeypatch.undo()
    np.testing.assert_array_equal(first, again)
    np.testing.assert_allclose(first, J_and_grad(problem, theta, streams())[0], rtol=1e-12)


def test_batch_norm_takes_all_rows_at_once(make_problem, small_chunks, monkeypatch):
    problem = make_problem(batch_norm=True)
    theta = random_theta(problem)
    value, _ = J_and_grad(problem, theta)
    monkeypatch.undo()
    assert value == J_and_grad(problem, theta)[0]


@pytest.mark.parametrize("batch_norm", [False, True])
def test_an_integer_weight_is_the_same_as_copies(batch_norm, make_problem):
    problem = make_problem(batch_norm=batch_norm, **M)
    data, w = problem.data, np.random.default_rng(0).integers(0, 4, 40)
    copies = Rows(np.repeat(data.x, w, axis=0), np.repeat(data.y, w))
    penalty = ElasticNet.of(M["alpha"], M["l1_ratio"], w.sum())
    weighted = replace(problem, data=Rows(data.x, data.y, w.astype(float)), penalty=penalty)
    copied = replace(problem, data=copies, penalty=penalty)
    theta = random_theta(problem)
    pairs = zip(J_and_grad(weighted, theta), J_and_grad(copied, theta), strict=True)
    for ours, expected in pairs:
        np.testing.assert_allclose(ours, expected, rtol=1e-11, atol=1e-13)


def test_an_index_picks_rows(make_problem):
    problem = make_problem(weighted=True)
    index = np.array([30, 2, 17, 5])
    x, y, w = problem.data.gather(index)
    picked = replace(problem, data=replace(problem.data, index=index))
    copied = replace(problem, data=Rows(x, y, w))
    theta = random_theta(problem)
    for ours, expected in zip(J_and_grad(picked, theta), J_and_grad(copied, theta), strict=True):
        np.testing.assert_array_equal(ours, expected)


def test_sparse_rows_give_what_dense_rows_give(make_problem):
    sparse = make_problem(weighted=True, sparse=True, batch_norm=True, **M)
    dense = replace(sparse, data=replace(sparse.data, x=sparse.data.x.toarray()))
    theta = random_theta(sparse, (2,))
    for ours, expected in zip(J_and_grad(sparse, theta), J_and_grad(dense, theta), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-11, atol=1e-13)


def test_theta_may_be_more_precise_than_the_data(make_problem):
    problem = make_problem(weighted=True, dtype=np.float32, **M)
    data = problem.data
    precise = Rows(data.x.astype(float), data.y, data.sample_weight.astype(float))
    theta = random_theta(problem)
    value, grad = J_and_grad(problem, theta)
    expected, expected_grad = J_and_grad(replace(problem, data=precise), theta)
    assert value.dtype == grad.dtype == np.float64
    np.testing.assert_allclose(value, expected, rtol=1e-13)
    np.testing.assert_allclose(grad, expected_grad, rtol=1e-10, atol=1e-14)


# ------------------------------------------------------------------------------------- the batches


@pytest.mark.parametrize("weighted", [False, True])
def test_batches_estimate_the_loss_and_its_gradient_without_bias(weighted, make_problem):
    problem = make_problem(weighted=weighted)
    theta, data = random_theta(problem), problem.data
    scale = 1 / (8 * data.mean_weight)
    cut = [slice(start, start + 8) for start in range(0, 40, 8)]
    parts = [batch_grad(problem, theta, rows, scale) for rows in cut]
    value, grad = J_and_grad(problem, theta)
    np.testing.assert_allclose(np.mean([g for _, g in parts], axis=0), grad, rtol=1e-11, atol=1e-15)
    assert sum(loss for loss, _ in parts) / data.total_weight == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("batch_norm", [False, True])
def test_a_batch_without_weight_adds_nothing(batch_norm, make_problem):
    problem = make_problem(batch_norm=batch_norm)
    problem = replace(problem, data=replace(problem.data, sample_weight=np.zeros(40)))
    loss, grad = batch_grad(problem, random_theta(problem), slice(0, 8), 1 / 8)
    assert loss == 0
    assert not grad.any()


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_a_row_without_weight_counts_for_nothing_even_where_its_loss_overflows(make_problem):
    from skdeep._engine.losses import Poisson

    problem = make_problem(())
    x, y, w = problem.data.x.copy(), np.ones((40, 3)), np.ones(40)
    x[5], w[5] = 1e6, 0
    problem = replace(problem, loss=Poisson(), data=Rows(x, y, w))
    theta = random_theta(problem)
    value, grad = J_and_grad(problem, theta)
    kept = np.arange(40) != 5
    expected, expected_grad = J_and_grad(replace(problem, data=Rows(x[kept], y[kept])), theta)
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    np.testing.assert_allclose(grad, expected_grad, rtol=1e-11, atol=1e-13)


# -------------------------------------------------------------------------------------- prediction


@pytest.mark.parametrize("kind", ["array", "memmap", "csr_array", "csr_matrix", "float32"])
@pytest.mark.parametrize("indexed", [False, True])
@pytest.mark.parametrize("models", [(), (3,)], ids=["one", "population"])
def test_prediction_in_chunks_equals_prediction_at_once(
    kind, indexed, models, make_problem, small_chunks, tmp_path
):
    problem = make_problem(batch_norm=True, dropout=[0.5, 0.5], input_dropout=0.5)
    network, x = problem.network, problem.data.x.astype(np.float32).astype(float)
    theta = random_theta(problem, models)
    statistics = 1 + np.random.default_rng(0).random(zero_statistics(problem, theta).shape)
    index = np.arange(39, 10, -2) if indexed else None
    picked = x if index is None else x[index]
    workspace = Workspace(theta.dtype)
    forward = network.bind_prediction(theta, statistics, rows=len(picked), workspace=workspace)
    expected = forward(picked.copy())
    if kind == "memmap":
        given = np.memmap(tmp_path / "x", dtype=float, mode="w+", shape=x.shape)
        given[...] = x
    elif kind == "float32":
        given = x.astype(np.float32)
    else:
        given = x if kind == "array" else getattr(scipy.sparse, kind)(x)
    out = predict_logits(network, theta, statistics, given, index=index)
    assert out.shape == (*models, len(picked), 3)
    np.testing.assert_allclose(out, expected, rtol=1e-11, atol=1e-13)


def test_a_transform_acts_on_every_chunk(make_problem, small_chunks):
    problem = make_problem()
    theta = random_theta(problem, (2,))
    arguments = (problem.network, theta, zero_statistics(problem, theta), problem.data.x)
    logits = predict_logits(*arguments)
    probabilities = predict_logits(*arguments, transform=SOFTMAX.inverse)
    np.testing.assert_allclose(probabilities, SOFTMAX.inverse(logits), rtol=1e-12)


def test_prediction_leaves_x_alone(make_problem):
    problem = make_problem(batch_norm=True, input_dropout=0.3)
    x = problem.data.x.copy()
    x.flags.writeable = False
    theta = random_theta(problem)
    predict_logits(problem.network, theta, zero_statistics(problem, theta), x)
    np.testing.assert_array_equal(x, problem.data.x)
