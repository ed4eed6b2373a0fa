"""Layers: each forward equals its formula, and each backward is its transpose-Jacobian product.

Every kind of layer is bound on its own, with a θ and buffers of its own.
"""

import tracemalloc

import numpy as np
import pytest
import scipy.sparse

from skdeep._engine.activations import ACTIVATIONS
from skdeep._engine.backend import RandomStream, RepeatingStream
from skdeep._engine.layers import (
    Activation,
    BatchWeights,
    Binding,
    Dense,
    Dropout,
    Workspace,
)
from skdeep._engine.layout import Layout
from skdeep._engine.norms import BatchNorm, LayerNorm

ROWS, N = 6, 4

KINDS = {
    "dense": Dense("layer", N, 3),
    "dense without bias": Dense("layer", N, 3, bias=False),
    "batch norm": BatchNorm("layer", N),
    "layer norm": LayerNorm("layer", N),
    "dropout": Dropout("layer", N, 0.4),
    "tanh": Activation("layer", N, ACTIVATIONS["tanh"]),
    "gelu": Activation("layer", N, ACTIVATIONS["gelu"]),
}


def stream(seed=0):
    return RandomStream(np.random.SeedSequence(seed))


class Bound:
    """One layer with arrays of its own."""

    def __init__(self, layer, theta=None, *, rows=ROWS, models=(), dtype=np.float64, **binding):
        layout, statistics = Layout(layer.slots()), Layout(layer.statistics())
        self.theta = np.ones((*models, layout.size), dtype) if theta is None else theta
        self.grad = np.full_like(self.theta, np.nan)
        self.params, self.grads = layout.views(self.theta), layout.views(self.grad)
        self.statistics = statistics.views(np.zeros((*models, statistics.size), dtype))
        self.weights = BatchWeights(rows, np.dtype(dtype))
        self.stream = RepeatingStream(stream())
        binding.setdefault("streams", {"layer": self.stream})
        self.binding = Binding(
            rows=rows,
            models=models,
            params=self.params,
            grads=self.grads,
            statistics=self.statistics,
            workspace=Workspace(np.dtype(dtype)),
            weights=self.weights,
            **binding,
        )
        self.layer = layer
        self.forward, self.backward = layer.bind_training(self.binding)

    def predict(self, x):
        return self.layer.bind_prediction(self.binding)(x.copy()).copy()

    def __getitem__(self, name):
        return self.params["layer", name]


def bound_at_random(layer, rng, models=()):
    theta = rng.normal(size=(*models, Layout(layer.slots()).size))
    return Bound(layer, theta, models=models)


# ------------------------------------------------------------------------------ every kind of layer


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("weighted", [False, True])
def test_backward_equals_finite_differences(kind, weighted, rng):
    layer = KINDS[kind]
    bound = bound_at_random(layer, rng)
    if weighted:
        bound.weights.set(np.array([0.5, 0, 2, 1, 3, 1]))
    x, direction = rng.normal(size=(ROWS, N)), rng.normal(size=(ROWS, layer.n_out))

    def value():
        bound.stream.restart()
        return np.vdot(bound.forward(x.copy()), direction)

    def slopes(array, h=1e-6):
        found = np.empty_like(array)
        for i in np.ndindex(array.shape):
            start = array[i]
            array[i] = start + h
            above = value()
            array[i] = start - h
            found[i] = (above - value()) / (2 * h)
            array[i] = start
        return found

    value()
    d_x = bound.backward(direction.copy()).copy()
    grad = bound.grad.copy()
    np.testing.assert_allclose(d_x, slopes(x), atol=1e-8)
    np.testing.assert_allclose(grad, slopes(bound.theta), atol=1e-8)


@pytest.mark.parametrize("kind", KINDS)
def test_a_population_equals_its_members(kind, rng):
    layer = KINDS[kind]
    population = bound_at_random(layer, rng, models=(3,))
    x, direction = rng.normal(size=(3, ROWS, N)), rng.normal(size=(3, ROWS, layer.n_out))
    out = population.forward(x.copy()).copy()
    d_x = population.backward(direction.copy()).copy()
    for k in range(3):
        member = Bound(layer, population.theta[k].copy())
        np.testing.assert_allclose(member.forward(x[k].copy()), out[k], rtol=1e-13)
        np.testing.assert_allclose(member.backward(direction[k].copy()), d_x[k], rtol=1e-12)
        np.testing.assert_allclose(member.grad, population.grad[k], rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_is_kept(kind, dtype, rng):
    layer = KINDS[kind]
    bound = Bound(layer, dtype=dtype)
    out = bound.forward(rng.normal(size=(ROWS, N)).astype(dtype))
    assert out.dtype == dtype
    assert out.shape == (ROWS, layer.n_out)
    assert bound.backward(np.ones_like(out)).dtype == dtype
    assert bound.predict(np.ones((ROWS, N), dtype)).dtype == dtype


@pytest.mark.parametrize("kind", KINDS)
def test_layers_hold_no_arrays(kind):
    before = vars(KINDS[kind]).copy()
    Bound(KINDS[kind])
    assert vars(KINDS[kind]) == before
    with pytest.raises(AttributeError):
        KINDS[kind].name = "other"


# ------------------------------------------------------------------------------------------- dense


def test_dense_is_an_affine_map(rng):
    bound = bound_at_random(KINDS["dense"], rng)
    x = rng.normal(size=(ROWS, N))
    np.testing.assert_allclose(bound.forward(x), x @ bound["W"] + bound["b"])
    np.testing.assert_allclose(bound.predict(x), x @ bound["W"] + bound["b"])


@pytest.mark.parametrize("models", [(), (3,)])
@pytest.mark.parametrize("kind", ["csr_array", "csr_matrix"])
def test_dense_on_sparse_rows_equals_dense_on_dense_rows(models, kind, rng):
    layer = KINDS["dense"]
    dense = bound_at_random(layer, rng, models)
    sparse = Bound(layer, dense.theta.copy(), models=models, sparse_input=True)
    x = np.where(rng.random((ROWS, N)) < 0.5, rng.normal(size=(ROWS, N)), 0)
    x_sparse = getattr(scipy.sparse, kind)(x)
    d = rng.normal(size=(*models, ROWS, layer.n_out))
    np.testing.assert_allclose(sparse.forward(x_sparse), dense.forward(x), rtol=1e-12, atol=1e-13)
    dense.backward(d)
    assert sparse.backward(d) is None
    np.testing.assert_allclose(sparse.grad, dense.grad, rtol=1e-12, atol=1e-13)


def test_the_first_layer_computes_no_gradient_of_its_input(rng):
    bound = Bound(KINDS["dense"], is_first=True)
    bound.forward(rng.normal(size=(ROWS, N)))
    assert bound.backward(np.ones((ROWS, 3))) is None


def test_a_first_layers_x_is_not_copied_however_it_lies_in_memory(rng):
    # Large beside the buffer of a ufunc, which is of one size whatever it works on.
    rows = 40_000
    wide = rng.normal(size=(rows, 3 * N))
    for x in (wide[:, :N], np.asfortranarray(np.tile(wide, (2, 1)))[:rows, :N]):
        bound = Bound(KINDS["dense"], rows=rows, is_first=True)
        d = np.ones_like(bound.forward(x))
        tracemalloc.start()
        out = bound.forward(x)
        bound.backward(d)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < x.nbytes / 2
        np.testing.assert_allclose(out, x @ bound["W"] + bound["b"])


# -------------------------------------------------------------------------------------- batch norm


def normalised(x, w, epsilon=1e-5):
    mean = np.average(x, axis=0, weights=w)
    variance = np.average((x - mean) ** 2, axis=0, weights=w)
    return (x - mean) / np.sqrt(variance + epsilon), mean, variance


@pytest.mark.parametrize("w", [None, np.array([0.5, 0, 2, 1, 3, 1])])
def test_batch_norm_normalises_with_the_weighted_biased_variance(w, rng):
    bound = bound_at_random(KINDS["batch norm"], rng)
    if w is not None:
        bound.weights.set(w)
    x = rng.normal(3, 2, size=(ROWS, N))
    expected = normalised(x, w)[0] * bound["gamma"] + bound["beta"]
    np.testing.assert_allclose(bound.forward(x.copy()), expected, rtol=1e-12)


def test_batch_norm_takes_an_integer_weight_for_copies(rng):
    x, w = rng.normal(size=(ROWS, N)), np.array([1, 0, 2, 1, 3, 1])
    weighted = Bound(KINDS["batch norm"])
    weighted.weights.set(w.astype(float))
    copied = Bound(KINDS["batch norm"], rows=w.sum())
    out = np.repeat(weighted.forward(x.copy()), w, axis=0)
    np.testing.assert_allclose(out, copied.forward(np.repeat(x, w, axis=0)), rtol=1e-12)


def test_running_statistics_are_bias_corrected_averages(rng):
    momentum, epsilon = 0.8, 1e-3
    bound = Bound(BatchNorm("layer", N, momentum, epsilon))
    batches = rng.normal(3, 2, size=(5, ROWS, N))
    mean = variance = 0.0
    for step, x in enumerate(batches, start=1):
        bound.forward(x.copy())
        _, batch_mean, batch_variance = normalised(x, None)
        mean = momentum * mean + (1 - momentum) * batch_mean
        variance = momentum * variance + (1 - momentum) * batch_variance
        correction = 1 - momentum**step
        x_new = rng.normal(size=(ROWS, N))
        expected = (x_new - mean / correction) / np.sqrt(variance / correction + epsilon)
        np.testing.assert_allclose(bound.predict(x_new), bound["gamma"] * expected + bound["beta"])


def test_before_any_batch_batch_norm_predicts_with_mean_zero_and_variance_one(rng):
    bound, x = bound_at_random(KINDS["batch norm"], rng), rng.normal(size=(ROWS, N))
    expected = x / np.sqrt(1 + 1e-5) * bound["gamma"] + bound["beta"]
    np.testing.assert_allclose(bound.predict(x), expected)


def test_a_batch_without_weight_leaves_the_statistics_alone_and_stays_finite(rng):
    bound = Bound(KINDS["batch norm"])
    x = rng.normal(size=(ROWS, N))
    bound.forward(x.copy())
    before = {key: value.copy() for key, value in bound.statistics.items()}
    bound.weights.set(np.zeros(ROWS))
    out = bound.forward(1000 + x)
    # Nothing has been learnt about its scale, but losses such as Poisson's take its exponential.
    assert np.abs(out).max() < 100
    bound.backward(np.zeros_like(out))
    assert not bound.grad.any()
    for key, value in bound.statistics.items():
        np.testing.assert_array_equal(value, before[key])


WEIGHTS = {
    "ordinary": [0.5, 0, 2, 1, 3, 1],
    "others": [1, 2, 0, 0.1, 0, 7],
    "two rows": [0, 3, 0, 0, 0.2, 0],
    "one row": [0, 0, 0, 2.5, 0, 0],
    "none": [0, 0, 0, 0, 0, 0],
}
BATCHES = {
    "each model its own": [list(WEIGHTS), list(reversed(WEIGHTS))],
    "from none to all": [["none"] * 5, ["ordinary"] * 5],
    "from all to one": [["others"] * 5, ["one row"] * 5],
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("batches", BATCHES.values(), ids=BATCHES)
def test_a_model_of_a_stack_has_weights_of_its_own(batches, dtype, rng):
    stack = Bound(KINDS["batch norm"], models=(5,), dtype=dtype)
    stack.theta[...] = rng.normal(size=stack.theta.shape)
    alone = [Bound(KINDS["batch norm"], theta.copy(), dtype=dtype) for theta in stack.theta]
    for names in batches:
        w = np.array([WEIGHTS[name] for name in names], dtype=dtype)
        x, d = rng.normal(3, 2, size=(2, 5, ROWS, N)).astype(dtype)
        # As the objective does: a row without weight has no gradient.
        d *= w[..., np.newaxis]
        stack.weights.set(w)
        out, d_x = stack.forward(x.copy()).copy(), stack.backward(d.copy())
        for k, one in enumerate(alone):
            one.weights.set(w[k])
            np.testing.assert_array_equal(one.forward(x[k].copy()), out[k])
            np.testing.assert_array_equal(one.backward(d[k].copy()), d_x[k])
            np.testing.assert_array_equal(one.grad, stack.grad[k])
            running = stack.statistics["layer", "running"][k]
            np.testing.assert_array_equal(one.statistics["layer", "running"], running)


def test_a_stack_with_the_same_weights_for_all_shares_them(rng):
    w, x = np.array(WEIGHTS["ordinary"]), rng.normal(size=(3, ROWS, N))
    shared, own = (Bound(KINDS["batch norm"], models=(3,)) for _ in range(2))
    shared.weights.set(w)
    own.weights.set(np.tile(w, (3, 1)))
    assert shared.weights.shares.shape == (1, ROWS)
    assert own.weights.shares.shape == (3, 1, ROWS)
    np.testing.assert_array_equal(shared.forward(x.copy()), own.forward(x.copy()))


@pytest.mark.filterwarnings("ignore:divide by zero")
@pytest.mark.parametrize("models", [(), (2,)])
@pytest.mark.parametrize("name", ["one row", "none"])
@pytest.mark.parametrize("epsilon", [1e-5, 0.0], ids="ε = {}".format)
def test_fewer_than_two_rows_with_weight_teach_batch_norm_nothing(epsilon, name, models, rng):
    # An ε of 1e-50 is 0 in float32.
    bound = bound_at_random(BatchNorm("layer", N, epsilon=epsilon), rng, models)
    bound.forward(rng.normal(size=(*models, ROWS, N)))
    before = bound.statistics["layer", "running"].copy()
    w = np.array(WEIGHTS[name])
    bound.weights.set(np.tile(w, (*models, 1)))
    out = bound.forward(rng.normal(5, 1e3, size=(*models, ROWS, N)))
    np.testing.assert_array_equal(out, np.broadcast_to(bound["beta"], out.shape))
    d = rng.normal(size=out.shape) * w[:, np.newaxis]
    d_x = bound.backward(d.copy())
    assert not d_x.any()
    assert not bound.grads["layer", "gamma"].any()
    np.testing.assert_allclose(bound.grads["layer", "beta"][..., 0, :], d.sum(axis=-2))
    np.testing.assert_array_equal(bound.statistics["layer", "running"], before)
    bound.weights.set(np.array(WEIGHTS["ordinary"]))
    bound.forward(rng.normal(size=(*models, ROWS, N)))
    assert (bound.statistics["layer", "running"] != before).all()


def test_a_constant_column_stays_finite():
    bound = Bound(KINDS["batch norm"])
    np.testing.assert_allclose(bound.forward(np.full((ROWS, N), 5.0)), 1.0)
    assert np.isfinite(bound.backward(np.ones((ROWS, N)))).all()


# -------------------------------------------------------------------------------------- layer norm


@pytest.mark.parametrize("epsilon", [1e-5, 0.5])
def test_layer_norm_normalises_each_row(epsilon, rng):
    bound = bound_at_random(LayerNorm("layer", N, epsilon), rng)
    x = rng.normal(3, 2, size=(ROWS, N))
    mean, variance = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)
    expected = (x - mean) / np.sqrt(variance + epsilon) * bound["gamma"] + bound["beta"]
    np.testing.assert_allclose(bound.forward(x.copy()), expected, rtol=1e-12)
    np.testing.assert_allclose(bound.predict(x), expected, rtol=1e-12)


@pytest.mark.torch
def test_layer_norm_equals_torchs(rng):
    torch = pytest.importorskip("torch")
    bound = bound_at_random(LayerNorm("layer", N, 1e-3), rng)
    theirs = torch.nn.LayerNorm(N, eps=1e-3, dtype=torch.float64)
    with torch.no_grad():
        theirs.weight.copy_(torch.tensor(bound["gamma"][0]))
        theirs.bias.copy_(torch.tensor(bound["beta"][0]))
    x, d = rng.normal(3, 2, size=(2, ROWS, N))
    x_torch = torch.tensor(x, requires_grad=True)
    out = theirs(x_torch)
    out.backward(torch.tensor(d))
    np.testing.assert_allclose(bound.forward(x.copy()), out.detach().numpy(), atol=1e-12)
    np.testing.assert_allclose(bound.backward(d.copy()), x_torch.grad.numpy(), atol=1e-12)
    np.testing.assert_allclose(bound.grads["layer", "gamma"][0], theirs.weight.grad, atol=1e-12)
    np.testing.assert_allclose(bound.grads["layer", "beta"][0], theirs.bias.grad, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_layer_norm_does_not_see_the_units_of_a_padding(dtype, rng):
    widths, wide = [3, N, 1], N + 3
    epsilons = np.array([1e-5, 0.1, 1e-3])
    live = np.reshape(np.array(widths, dtype=float), (3, 1, 1))
    stack = Bound(
        LayerNorm("layer", wide, epsilons[:, np.newaxis, np.newaxis], live),
        np.zeros((3, 2 * wide), dtype),
        models=(3,),
        dtype=dtype,
    )
    x, d = np.zeros((2, 3, ROWS, wide), dtype)
    for k, n in enumerate(widths):
        x[k, :, :n], d[k, :, :n] = rng.normal(3, 2, size=(2, ROWS, n))
        stack["gamma"][k, :, :n], stack["beta"][k, :, :n] = rng.normal(size=(2, 1, n))
    predicted, out = stack.predict(x), stack.forward(x.copy()).copy()
    d_x = stack.backward(d.copy())
    tolerance = {"rtol": 0, "atol": 1e-5 if dtype == np.float32 else 1e-13}
    for k, n in enumerate(widths):
        theta = np.concatenate([stack[name][k, 0, :n] for name in ("gamma", "beta")])
        alone = Bound(LayerNorm("layer", n, epsilons[k]), theta, dtype=dtype)
        own = alone.forward(x[k, :, :n].copy()).copy()
        np.testing.assert_allclose(out[k, :, :n], own, **tolerance)
        np.testing.assert_allclose(predicted[k, :, :n], own, **tolerance)
        own_d_x = alone.backward(d[k, :, :n].copy())
        np.testing.assert_allclose(d_x[k, :, :n], own_d_x, **tolerance)
        for name in ("gamma", "beta"):
            own_gradient = alone.grads["layer", name]
            gradient = stack.grads["layer", name][k]
            np.testing.assert_allclose(gradient[:, :n], own_gradient, **tolerance)
            assert not gradient[:, n:].any()
        assert not out[k, :, n:].any()
        assert not d_x[k, :, n:].any()


# ----------------------------------------------------------------------------------------- dropout


def mask_of(rate, rows=400, n=50, seed=0):
    """What dropout multiplies each unit by."""
    layer = Dropout("layer", n, rate)
    bound = Bound(layer, rows=rows, streams={"layer": stream(seed)})
    return bound.forward(np.ones((rows, n)))


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_drops_at_its_rate_and_keeps_the_expectation(rate):
    mask = mask_of(rate)
    # Four standard errors.
    tolerance = 4 * np.sqrt(rate * (1 - rate) / mask.size)
    assert np.mean(mask == 0) == pytest.approx(rate, abs=tolerance)
    np.testing.assert_allclose(mask[mask > 0], 1 / (1 - rate), rtol=1e-3)
    assert mask.mean() == pytest.approx(1, abs=tolerance / (1 - rate))


@pytest.mark.parametrize("rate", [1e-6, 0.3, 0.123456, 1 - 1e-6])
def test_what_is_kept_is_scaled_by_the_rate_really_applied(rate):
    # The rate is applied in steps of 2⁻¹⁶: the source counts once through all 16-bit numbers.
    class Counting:
        def uint16(self, size):
            return np.arange(size, dtype=np.uint16)

        def of_width(self, width):
            return self

    layer = Dropout("layer", 2**8, rate)
    bound = Bound(layer, rows=2**8, streams={"layer": Counting()})
    mask = bound.forward(np.ones((2**8, 2**8)))
    assert mask.mean() == pytest.approx(1, rel=1e-12)
    assert np.mean(mask == 0) == pytest.approx(rate, abs=2**-16)


def test_dropout_is_independent_between_units_rows_and_streams():
    mask = mask_of(0.5) > 0
    for other in (mask_of(0.5, seed=1) > 0, np.roll(mask, 1, axis=0), np.roll(mask, 1, axis=1)):
        assert np.corrcoef(mask.ravel(), other.ravel())[0, 1] == pytest.approx(0, abs=0.03)


def test_dropout_draws_anew_at_every_step():
    bound = Bound(Dropout("layer", N, 0.5), rows=50, streams={"layer": stream()})
    x = np.ones((50, N))
    assert (bound.forward(x).copy() != bound.forward(x)).any()


def test_dropout_leaves_its_input_alone_in_training_and_does_nothing_in_prediction(rng):
    bound, x = Bound(KINDS["dropout"]), rng.normal(size=(ROWS, N))
    kept = x.copy()
    bound.forward(x)
    np.testing.assert_array_equal(x, kept)
    np.testing.assert_array_equal(bound.predict(x), x)


def test_each_model_compares_the_same_draws_with_its_own_rate():
    rates = np.array([0.0, 0.3, 0.6])[:, np.newaxis, np.newaxis]
    layer = Dropout("layer", N, rates)
    masks = Bound(layer, models=(3,), rows=50).forward(np.ones((50, N)))
    for rate, mask in zip(rates.ravel(), masks, strict=True):
        alone = Bound(Dropout("layer", N, rate), rows=50).forward(np.ones((50, N)))
        np.testing.assert_array_equal(mask, alone)


def test_dropout_on_sparse_rows_acts_on_the_stored_entries(rng):
    x = scipy.sparse.csr_array(np.where(rng.random((300, 40)) < 0.2, 2.0, 0))
    bound = Bound(Dropout("layer", 40, 0.25), rows=300, sparse_input=True)
    out = bound.forward(x)
    assert scipy.sparse.issparse(out)
    assert out.nnz <= x.nnz
    assert set(np.unique(np.round(out.data, 3))) == {0, np.round(2 / 0.75, 3)}
    assert np.mean(out.data == 0) == pytest.approx(0.25, abs=0.04)
    assert (x.data == 2).all()


def test_a_population_cannot_share_a_sparse_input_under_dropout():
    with pytest.raises(ValueError, match="each model an X of its own"):
        Bound(Dropout("layer", N, 0.5), models=(2,), sparse_input=True)


# --------------------------------------------------------------------------------------- workspace


def test_a_workspace_makes_each_array_once_at_the_largest_size():
    workspace = Workspace(np.dtype(np.float32))
    large = workspace.array("layer", "z", (4, 5))
    small = workspace.array("layer", "z", (2, 5))
    assert np.shares_memory(large, small)
    assert small.shape == (2, 5)
    assert small.dtype == np.float32
    assert not np.shares_memory(large, workspace.array("layer", "dx", (4, 5)))
    assert not np.shares_memory(large, workspace.array("layer", "z", (5, 5)))
