"""Tied parameters: θ is what the formula says, and the way back is its transposed derivative."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skdeep._engine.network import build_network
from skdeep._engine.tied import SharedWeights

N_IN, SIZES, N_OUT = 5, (4, 3), 2


def network(sizes=SIZES, **settings):
    return build_network(N_IN, sizes, N_OUT, activations=("tanh",) * len(sizes), **settings)


def shared(n_members, sizes=SIZES, seed=0):
    """A map, and a φ with nothing in it that is zero or one."""
    tied = SharedWeights(network(sizes), n_members)
    return tied, np.random.default_rng(seed).normal(size=tied.size)


def expanded(tied, phi, n_members):
    theta = np.full((n_members, network().layout.size), np.nan)
    tied.bind(phi, theta, np.empty_like(theta), np.empty_like(phi))[0]()
    return theta


@pytest.mark.parametrize("n_members", [1, 3])
def test_weights_are_the_shared_ones_between_adapters(n_members):
    tied, phi = shared(n_members)
    found = network().layout.views(expanded(tied, phi, n_members))
    own = tied.layout.views(phi)
    for k in range(n_members):
        for name, n_in, n_out in (("hidden 1", N_IN, 4), ("hidden 2", 4, 3)):
            a, s = (
                np.diag(own[name, scale][k]) if (name, scale) in own else np.eye(n)
                for scale, n in (("a", n_in), ("s", n_out))
            )
            assert_allclose(found[name, "W"][k], a @ own[name, "W"] @ s / np.sqrt(n_in))
            assert_array_equal(found[name, "b"][k, 0], own[name, "b"][k])
        head = own["output", "W"].reshape(n_members, 3, N_OUT)[k]
        assert_allclose(found["output", "W"][k], head / np.sqrt(3))
        assert_array_equal(found["output", "b"][k, 0], own["output", "b"][k])


@pytest.mark.parametrize("n_members", [1, 3])
@pytest.mark.parametrize("sizes", [SIZES, (4,), ()], ids=str)
def test_the_way_back_is_the_transposed_derivative(n_members, sizes):
    # J = Σ c ⊙ θ has the gradient c by θ; by φ, differences of a polynomial of degree three.
    tied, phi = shared(n_members, sizes)
    rng = np.random.default_rng(1)
    theta = np.empty((n_members, network(sizes).layout.size))
    c, grad = rng.normal(size=theta.shape), np.full_like(phi, np.nan)
    expand, pull_back = tied.bind(phi, theta, c.copy(), grad)
    expand()
    pull_back()
    for i in range(phi.size):
        ends = []
        for step in (1e-4, -1e-4):
            phi[i] += step
            expand()
            ends.append(float((c * theta).sum()))
            phi[i] -= step
        assert (ends[0] - ends[1]) / 2e-4 == pytest.approx(grad[i], rel=1e-7, abs=1e-8)


@pytest.mark.parametrize("n_members", [1, 3])
@pytest.mark.parametrize("sizes", [SIZES, ()], ids=str)
def test_several_phi_are_as_each_alone(n_members, sizes):
    rng = np.random.default_rng(2)
    size = network(sizes).layout.size
    tied, _ = shared(n_members, sizes)
    phi, c = rng.normal(size=(4, tied.size)), rng.normal(size=(4 * n_members, size))
    theta, grad = np.full_like(c, np.nan), np.full_like(phi, np.nan)
    for step in tied.bind(phi, theta, c.copy(), grad):
        step()
    for own, rows, found, pulled in zip(phi, np.split(c, 4), np.split(theta, 4), grad, strict=True):
        assert_array_equal(found, tied.theta_of(own))
        expected = np.full_like(own, np.nan)
        for step in tied.bind(own, np.empty_like(rows), rows.copy(), expected):
            step()
        assert_array_equal(pulled, expected)


def test_one_member_may_have_a_theta_of_one_axis():
    tied, phi = shared(1)
    theta = np.empty(network().layout.size)
    tied.bind(phi, theta, np.empty_like(theta), np.empty_like(phi))[0]()
    assert_array_equal(theta, expanded(tied, phi, 1)[0])


def test_a_penalty_acts_on_weights_and_on_the_scales_of_the_inputs():
    tied, _ = shared(2)
    penalised = {slot.key for slot in tied.layout.slots if slot.penalised}
    weights = {("hidden 1", "W"), ("hidden 2", "W"), ("output", "W")}
    assert penalised == weights | {("hidden 1", "a")}
    assert tied.n_penalised == N_IN * 4 + 4 * 3 + 2 * 3 * N_OUT + 2 * N_IN


@pytest.mark.parametrize("n_members", [1, 2])
def test_a_fresh_start_predicts_the_constant(n_members):
    tied = SharedWeights(build_network(300, (200,), N_OUT, activations=("relu",)), n_members)
    phi = tied.draw(np.random.default_rng(0), np.array([0.5, -1.0]), np.dtype(np.float32))
    assert phi.dtype == np.float32
    own = tied.layout.views(phi)
    assert_array_equal(own["output", "b"], [[0.5, -1.0]] * n_members)
    assert not own["output", "W"].any()
    assert own["hidden 1", "W"].std() == pytest.approx(1, abs=0.02)
    assert own["hidden 1", "b"].std() == pytest.approx(1, abs=0.15)
    assert set(np.unique(own["hidden 1", "a"])) == ({1.0} if n_members == 1 else {-1.0, 1.0})
    assert (("hidden 1", "s") in own) == (n_members > 1)
    if n_members > 1:
        assert (own["hidden 1", "s"] == 1).all()


def test_one_member_has_no_adapter_but_the_scale_of_its_inputs():
    tied, _ = shared(1)
    kept = {name for name in tied.layout.spans if name[1] in "as"}
    assert kept == {("hidden 1", "a")}


@pytest.mark.parametrize("settings", [{"batch_norm": True}, {"output_bias": False}], ids=str)
def test_other_parameters_than_those_of_dense_layers_are_refused(settings):
    with pytest.raises(ValueError, match="dense layers with biases, and no others"):
        SharedWeights(network(**settings), 2)
