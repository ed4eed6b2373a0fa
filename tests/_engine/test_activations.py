"""Activations: each f equals its textbook formula, and each f' the slope of f, row by row.

The formulas are written with scipy.special, and compared with PyTorch's where it is installed.
"""

import numpy as np
import pytest
from formulas import FORMULAS

from skdeep._engine.activations import ACTIVATIONS, ActivationFunction
from skdeep._engine.initializers import INITIALIZERS

TORCH_NAMES = {"logistic": "sigmoid"}
# No point is at a kink.
Z = np.linspace(-30, 30, 601) + 0.013

each_activation = pytest.mark.parametrize("name", sorted(ACTIVATIONS))
each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def value(name, z):
    """f(z), with what the derivative will be given."""
    z = z.copy()
    a = z if ACTIVATIONS[name].in_place else np.full_like(z, np.nan)
    ACTIVATIONS[name].value(z, a)
    return z, a


def derivative(name, z):
    z, a = value(name, z)
    d = np.ones_like(z)
    ACTIVATIONS[name].chain(d, z, a)
    return d


@each_activation
@each_dtype
def test_value_equals_the_formula(name, dtype):
    tolerance = 1e-13 if dtype is np.float64 else 5e-6
    _, a = value(name, Z.astype(dtype))
    assert a.dtype == dtype
    np.testing.assert_allclose(a, FORMULAS[name](Z), rtol=tolerance, atol=tolerance)


@each_activation
@each_dtype
def test_derivative_is_the_slope_of_the_formula(name, dtype):
    h = 1e-5
    slope = (FORMULAS[name](Z + h) - FORMULAS[name](Z - h)) / (2 * h)
    tolerance = 1e-8 if dtype is np.float64 else 1e-5
    np.testing.assert_allclose(derivative(name, Z.astype(dtype)), slope, atol=tolerance)


@each_activation
def test_chain_multiplies_what_comes_from_above(name, rng):
    d = rng.normal(size=Z.shape)
    expected = d * derivative(name, Z)
    ACTIVATIONS[name].chain(d, *value(name, Z))
    np.testing.assert_allclose(d, expected, rtol=1e-14)


@each_activation
def test_derivative_needs_no_more_than_it_declares(name):
    function = ACTIVATIONS[name]
    z, a = value(name, Z)
    if function.derivative_from == "input":
        np.testing.assert_array_equal(z, Z)
    elif function.derivative_from == "output" and not function.in_place:
        z.fill(np.nan)
    d = np.ones_like(Z)
    function.chain(d, z, a)
    np.testing.assert_array_equal(d, derivative(name, Z))


@each_activation
@each_dtype
def test_huge_inputs_give_the_limits_and_no_warnings(name, dtype):
    z = np.array([-1e4, -100, 0, 100, 1e4], dtype=dtype)
    with np.errstate(all="raise", under="ignore"):
        _, a = value(name, z)
        d = derivative(name, z)
    np.testing.assert_allclose(a, FORMULAS[name](z.astype(np.float64)), rtol=1e-6, atol=1e-6)
    assert np.isfinite(d).all()
    slopes = FORMULAS[name](np.array([1 - 1e4, 1e4])) - FORMULAS[name](np.array([-1e4, 1e4 - 1]))
    np.testing.assert_allclose(d[[0, -1]], slopes, atol=1e-6)


@pytest.mark.parametrize("name", sorted(set(ACTIVATIONS) - {"identity"}))
@pytest.mark.torch
def test_value_and_derivative_equal_torch(name):
    torch = pytest.importorskip("torch")
    z = torch.tensor(Z, requires_grad=True)
    out = getattr(torch.nn.functional, TORCH_NAMES.get(name, name))(z)
    out.sum().backward()
    # PyTorch replaces softplus by the identity above 20, which is off by 2e-9.
    np.testing.assert_allclose(value(name, Z)[1], out.detach(), atol=3e-9, rtol=1e-12)
    np.testing.assert_allclose(derivative(name, Z), z.grad, atol=3e-9)


@each_activation
def test_the_named_initialisation_exists(name):
    assert ACTIVATIONS[name].weight_init in INITIALIZERS


def test_initialisation_suits_the_activation():
    chosen = {name: function.weight_init for name, function in ACTIVATIONS.items()}
    assert chosen.pop("selu") == "lecun_normal"
    assert set(chosen.values()) == {"glorot_uniform"}


@pytest.mark.parametrize("derivative_from", ["input", "both"])
def test_in_place_with_a_derivative_from_the_input_is_refused(derivative_from):
    with pytest.raises(ValueError, match="'wrong' works in place"):
        ActivationFunction("wrong", print, print, derivative_from, True, "zeros")


def test_sigmoid_is_another_name_for_logistic():
    assert ACTIVATIONS["sigmoid"] is ACTIVATIONS["logistic"]
