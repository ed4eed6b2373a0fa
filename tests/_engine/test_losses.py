"""Losses: values and gradients equal those of scikit-learn's, and hold for logits of any size.

Every class in the engine's `Loss` has its cases here; a new one without fails the first test.
"""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from scipy.special import expit, log_softmax, softmax
from sklearn._loss import loss as sklearn_loss

from skdeep._engine import losses
from skdeep._engine.losses import (
    AbsoluteError,
    Huber,
    LogisticCrossEntropy,
    Loss,
    Poisson,
    SoftmaxCrossEntropy,
    SquaredError,
    apply_link,
)
from skdeep._engine.objective import evaluate_loss

N, K = 8, 3
RNG = np.random.default_rng(0)
CODES = RNG.integers(K, size=N)
LABELS = RNG.integers(2, size=(N, K)).astype(float)
NUMBERS = RNG.normal(size=(N, 2))
COUNTS = RNG.poisson(2.0, size=(N, 2)).astype(float)

# The loss, stored targets, the number of outputs.
CASES = {
    "binary": (LogisticCrossEntropy(), LABELS[:, :1], 1),
    "multilabel": (LogisticCrossEntropy(), LABELS, K),
    "smoothed binary": (LogisticCrossEntropy(0.2), LABELS[:, :1], 1),
    "softmax": (SoftmaxCrossEntropy(K), CODES, K),
    "smoothed softmax": (SoftmaxCrossEntropy(K, 0.2), CODES, K),
    "squared": (SquaredError(), NUMBERS, 2),
    "absolute": (AbsoluteError(), NUMBERS, 2),
    "huber": (Huber(0.7), NUMBERS, 2),
    "poisson": (Poisson(), COUNTS, 2),
}
SKLEARN = {
    "binary": sklearn_loss.HalfBinomialLoss(),
    "multilabel": sklearn_loss.HalfBinomialLoss(),
    "softmax": sklearn_loss.HalfMultinomialLoss(n_classes=K),
    "squared": sklearn_loss.HalfSquaredError(),
    "absolute": sklearn_loss.AbsoluteError(),
    "huber": sklearn_loss.HuberLoss(delta=0.7),
    "poisson": sklearn_loss.HalfPoissonLoss(),
}
each_case = pytest.mark.parametrize("case", CASES)
each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def value_and_gradient(loss, z, y):
    models = () if loss.targets_are_shared else z.shape[:-2]
    targets = loss.bind_targets(np.empty((*models, *z.shape[-2:]), z.dtype))
    dz = np.full_like(z, np.nan)
    y = y if y.dtype.kind == "i" else y.astype(z.dtype)
    return loss.value_and_gradient(z.copy(), targets(y), dz), dz


def logits(n_outputs, scale=2.0):
    return scale * np.random.default_rng(1).normal(size=(N, n_outputs))


def test_every_loss_has_a_case():
    assert {type(loss) for loss, _, _ in CASES.values()} == set(get_args(Loss))


@pytest.mark.parametrize("case", SKLEARN)
@each_dtype
def test_value_and_gradient_equal_scikit_learns(case, dtype):
    loss, y, n_outputs = CASES[case]
    z, oracle = logits(n_outputs).astype(dtype), SKLEARN[case]
    values, gradient = value_and_gradient(loss, z, y)
    assert values.dtype == gradient.dtype == dtype
    if case == "softmax":
        expected, slopes = oracle.loss_gradient(y.astype(float), z.astype(float))
    else:
        flat_y, flat_z = np.ravel(y), z.astype(float).ravel()
        expected, slopes = oracle.loss_gradient(flat_y, flat_z)
        # scikit-learn leaves out what does not depend on z.
        expected = expected + oracle.constant_to_optimal_zero(flat_y)
        expected, slopes = expected.reshape(y.shape).sum(axis=1), slopes.reshape(y.shape)
    tolerance = 1e-12 if dtype is np.float64 else 1e-5
    np.testing.assert_allclose(values, expected, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(gradient, slopes, rtol=tolerance, atol=tolerance)


def test_smoothed_softmax_compares_with_smoothed_targets():
    loss, codes, _ = CASES["smoothed softmax"]
    z, targets = logits(K), 0.8 * np.eye(K)[codes] + 0.2 / K
    values, gradient = value_and_gradient(loss, z, codes)
    np.testing.assert_allclose(values, -(targets * log_softmax(z, axis=1)).sum(axis=1))
    np.testing.assert_allclose(gradient, softmax(z, axis=1) - targets)


@pytest.mark.parametrize("smoothing", [0.0, 0.2, np.array([0.0, 0.1, 0.3]).reshape(3, 1, 1)])
def test_many_classes_have_the_same_targets_as_few(smoothing, monkeypatch):
    loss, shape = SoftmaxCrossEntropy(K, smoothing), (*np.shape(smoothing)[:1], N, K)
    by_table = loss.bind_targets(np.empty(shape))(CODES).copy()
    monkeypatch.setattr(losses, "MAX_TABLE_CLASSES", 0)
    prepare = loss.bind_targets(np.empty(shape))
    prepare(CODES[::-1])
    np.testing.assert_array_equal(prepare(CODES), by_table)
    expected = (1 - smoothing) * np.eye(K)[CODES] + smoothing / K
    np.testing.assert_allclose(by_table, expected)


def test_smoothing_two_logits_equals_smoothing_one():
    codes, z = CODES % 2, logits(1)
    both = np.concatenate([np.zeros_like(z), z], axis=1)
    one, one_gradient = value_and_gradient(LogisticCrossEntropy(0.2), z, codes[:, np.newaxis] * 1.0)
    two, two_gradient = value_and_gradient(SoftmaxCrossEntropy(2, 0.2), both, codes)
    np.testing.assert_allclose(one, two, rtol=1e-12)
    np.testing.assert_allclose(one_gradient[:, 0], two_gradient[:, 1], rtol=1e-12)


@each_case
def test_gradient_is_the_slope_of_the_value(case):
    loss, y, n_outputs = CASES[case]
    z, h = logits(n_outputs), 1e-6
    _, gradient = value_and_gradient(loss, z, y)
    for column in range(n_outputs):
        step = h * np.eye(n_outputs)[column]
        above, _ = value_and_gradient(loss, z + step, y)
        below, _ = value_and_gradient(loss, z - step, y)
        np.testing.assert_allclose(gradient[:, column], (above - below) / (2 * h), atol=1e-8)


@each_case
def test_a_population_equals_its_members(case):
    loss, y, n_outputs = CASES[case]
    z = np.stack([logits(n_outputs), -logits(n_outputs), logits(n_outputs, 5.0)])
    values, gradient = value_and_gradient(loss, z, y)
    for k in range(3):
        alone, alone_gradient = value_and_gradient(loss, z[k], y)
        np.testing.assert_allclose(values[k], alone, rtol=1e-13)
        np.testing.assert_allclose(gradient[k], alone_gradient, rtol=1e-13)


@pytest.mark.parametrize(
    ("case", "parameter"),
    [
        ("smoothed binary", "label_smoothing"),
        ("smoothed softmax", "label_smoothing"),
        ("huber", "delta"),
    ],
)
def test_each_model_may_have_its_own_parameter(case, parameter):
    loss, y, n_outputs = CASES[case]
    own = np.array([0.1, 0.3, 0.6])
    z = np.stack([logits(n_outputs)] * 3)
    per_model = replace(loss, **{parameter: own[:, np.newaxis, np.newaxis]})
    values, gradient = value_and_gradient(per_model, z, y)
    for k in range(3):
        alone, alone_gradient = value_and_gradient(replace(loss, **{parameter: own[k]}), z[k], y)
        np.testing.assert_allclose(values[k], alone, rtol=1e-13)
        np.testing.assert_allclose(gradient[k], alone_gradient, rtol=1e-13)


# Value and gradient for the logits +1e4 and −1e4 at the target given. Poisson's has no finite limit
# on the right: exp(1e4) is the mean it stands for.
LIMITS = [
    (LogisticCrossEntropy(), 1.0, (0, 1e4), (0, -1)),
    (LogisticCrossEntropy(), 0.0, (1e4, 0), (1, 0)),
    (LogisticCrossEntropy(0.1), 1.0, (500, 9500), (0.05, -0.95)),
    (SquaredError(), 1.0, (9999**2 / 2, 10001**2 / 2), (9999, -10001)),
    (AbsoluteError(), 1.0, (9999, 10001), (1, -1)),
    (Huber(2.0), 1.0, (2 * 9998, 2 * 10000), (2, -2)),
    (Poisson(), 3.0, (np.inf, 3e4 + 3 * np.log(3) - 3), (np.inf, -3)),
    (Poisson(), 0.0, (np.inf, 0), (np.inf, 0)),
]


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: f"{limit[0]} at {limit[1]}")
@each_dtype
def test_huge_logits_give_the_right_limits(limit, dtype):
    loss, y, *expected = limit
    finite = np.isfinite(expected[0])
    z = np.array([[1e4], [-1e4]], dtype)[finite]
    with np.errstate(all="raise", under="ignore"):
        values, gradient = value_and_gradient(loss, z, np.full((len(z), 1), y))
    np.testing.assert_allclose(values, np.array(expected[0])[finite], rtol=1e-6, atol=1e-30)
    np.testing.assert_allclose(gradient[:, 0], np.array(expected[1])[finite], rtol=1e-6, atol=1e-30)


@each_dtype
def test_huge_logits_in_softmax_give_the_right_limits(dtype):
    z = np.array([[1e4, 0, -1e4]] * 3, dtype)
    with np.errstate(all="raise", under="ignore"):
        values, gradient = value_and_gradient(SoftmaxCrossEntropy(3), z, np.arange(3))
    np.testing.assert_allclose(values, [0, 1e4, 2e4])
    np.testing.assert_allclose(gradient, np.eye(3)[[0]] - np.eye(3), atol=1e-30)


@each_dtype
@pytest.mark.parametrize("loss", [SoftmaxCrossEntropy(3), LogisticCrossEntropy()], ids=str)
def test_no_gradient_is_a_denormal_number(loss, dtype):
    # They would slow down every product that they enter.
    scale = -np.log(np.finfo(dtype).tiny)
    z = np.linspace(-1.3 * scale, 1.3 * scale, 300, dtype=dtype)[:, np.newaxis] * [[1, 0, -1]]
    y = np.zeros(300, int) if isinstance(loss, SoftmaxCrossEntropy) else np.zeros((300, 3), dtype)
    _, gradient = value_and_gradient(loss, z.astype(dtype), y)
    assert (np.abs(gradient[gradient != 0]) >= np.finfo(dtype).tiny).all()


def test_small_errors_of_confident_logits_are_not_rounded_away():
    # −log σ(20) = 2.06e-9: lost in log(1 + e²⁰) − 20 in float32.
    z, y = np.array([[20.0]], np.float32), np.array([[1.0]])
    values, _ = value_and_gradient(LogisticCrossEntropy(), z, y)
    np.testing.assert_allclose(values, np.log1p(np.exp(-20.0)), rtol=1e-5)


@pytest.mark.parametrize(
    ("link", "function"),
    [
        ("identity", lambda z: z),
        ("logistic", expit),
        ("softmax", lambda z: softmax(z, axis=-1)),
        ("exp", np.exp),
    ],
)
def test_links_act_in_place(link, function):
    z = logits(K)
    out = z.copy()
    assert apply_link(link, out) is out
    np.testing.assert_allclose(out, function(z), rtol=1e-12)
    assert link in {loss.link for loss, _, _ in CASES.values()}


@each_dtype
def test_probabilities_of_huge_logits_are_exact(dtype):
    z = np.array([[1e4, -1e4, 0]], dtype)
    with np.errstate(all="raise", under="ignore"):
        np.testing.assert_array_equal(apply_link("softmax", z.copy()), [[1, 0, 0]])
        np.testing.assert_array_equal(apply_link("logistic", z.copy()), [[1, 0, 0.5]])


@each_case
def test_evaluate_loss_gives_the_values(case):
    loss, y, n_outputs = CASES[case]
    for z in (logits(n_outputs), np.stack([logits(n_outputs)] * 2)):
        expected, _ = value_and_gradient(loss, z, y)
        np.testing.assert_array_equal(evaluate_loss(None, loss, z.copy(), y), expected)


@pytest.mark.torch
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_softmax_equals_torch(smoothing):
    torch = pytest.importorskip("torch")
    z = torch.tensor(logits(K), requires_grad=True)
    values = torch.nn.functional.cross_entropy(
        z, torch.tensor(CODES), reduction="none", label_smoothing=smoothing
    )
    values.sum().backward()
    ours, gradient = value_and_gradient(SoftmaxCrossEntropy(K, smoothing), logits(K), CODES)
    np.testing.assert_allclose(ours, values.detach(), rtol=1e-12)
    np.testing.assert_allclose(gradient, z.grad, rtol=1e-10, atol=1e-14)
