"""Losses: values and gradients equal those of scikit-learn's, and hold for logits of any size.

Every class in the engine's `LOSSES` has its cases here; a new one without fails the first test.
"""

from dataclasses import fields, replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, softmax
from sklearn import metrics
from sklearn._loss import loss as sklearn_loss

from skdeep._engine import losses
from skdeep._engine.links import LINKS
from skdeep._engine.losses import (
    LOSS_PARAMETERS,
    LOSSES,
    REGRESSION_LOSSES,
    AbsoluteError,
    Gamma,
    Huber,
    LogisticCrossEntropy,
    Poisson,
    Quantile,
    SoftmaxCrossEntropy,
    SquaredError,
)
from skdeep._engine.objective import evaluate_loss

N, K = 8, 3
RNG = np.random.default_rng(0)
CODES = RNG.integers(K, size=N)
LABELS = RNG.integers(2, size=(N, K)).astype(float)
NUMBERS = RNG.normal(size=(N, 2))
COUNTS = RNG.poisson(2.0, size=(N, 2)).astype(float)
AMOUNTS = RNG.gamma(2.0, size=(N, 2))

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
    "quantile": (Quantile(0.3), NUMBERS, 2),
    "gamma": (Gamma(), AMOUNTS, 2),
}
SKLEARN = {
    "binary": sklearn_loss.HalfBinomialLoss(),
    "multilabel": sklearn_loss.HalfBinomialLoss(),
    "softmax": sklearn_loss.HalfMultinomialLoss(n_classes=K),
    "squared": sklearn_loss.HalfSquaredError(),
    "absolute": sklearn_loss.AbsoluteError(),
    "huber": sklearn_loss.HuberLoss(delta=0.7),
    "poisson": sklearn_loss.HalfPoissonLoss(),
    "quantile": sklearn_loss.PinballLoss(quantile=0.3),
    "gamma": sklearn_loss.HalfGammaLoss(),
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
    assert {type(loss) for loss, _, _ in CASES.values()} == set(LOSSES)


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
        ("quantile", "quantile"),
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
# on the right, nor gamma's on the left: exp(1e4) is the mean, or its inverse, that it stands for.
LIMITS = [
    (LogisticCrossEntropy(), 1.0, (0, 1e4), (0, -1)),
    (LogisticCrossEntropy(), 0.0, (1e4, 0), (1, 0)),
    (LogisticCrossEntropy(0.1), 1.0, (500, 9500), (0.05, -0.95)),
    (SquaredError(), 1.0, (9999**2 / 2, 10001**2 / 2), (9999, -10001)),
    (AbsoluteError(), 1.0, (9999, 10001), (1, -1)),
    (Huber(2.0), 1.0, (2 * 9998, 2 * 10000), (2, -2)),
    (Poisson(), 3.0, (np.inf, 3e4 + 3 * np.log(3) - 3), (np.inf, -3)),
    (Poisson(), 0.0, (np.inf, 0), (np.inf, 0)),
    (Quantile(0.3), 1.0, (0.7 * 9999, 0.3 * 10001), (0.7, -0.3)),
    (Gamma(), 3.0, (1e4 - np.log(3) - 1, np.inf), (1, -np.inf)),
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
    assert LINKS[link].inverse(out) is out
    np.testing.assert_allclose(out, function(z), rtol=1e-12)
    assert link in {loss.link.name for loss, _, _ in CASES.values()}


@pytest.mark.parametrize("link", LINKS.values(), ids=LINKS)
def test_raw_outputs_of_predictions_give_the_predictions(link, rng):
    predictions = link.inverse(rng.normal(size=(5, 3)))
    np.testing.assert_allclose(link.inverse(link.raw(predictions)), predictions, rtol=1e-12)
    assert np.isfinite(link.raw(np.array([[0.0, 1.0]]))).all()


@each_case
def test_a_link_says_whether_it_overflows(case):
    link = CASES[case][0].link
    assert LINKS[link.name] is link
    with np.errstate(over="ignore"):
        predictions = link.inverse(np.array([[1e4, -1e4]]))
    assert link.can_overflow == (not np.isfinite(predictions).all())


@each_dtype
def test_probabilities_of_huge_logits_are_exact(dtype):
    z = np.array([[1e4, -1e4, 0]], dtype)
    with np.errstate(all="raise", under="ignore"):
        np.testing.assert_array_equal(LINKS["softmax"].inverse(z.copy()), [[1, 0, 0]])
        np.testing.assert_array_equal(LINKS["logistic"].inverse(z.copy()), [[1, 0, 0.5]])


@each_case
def test_evaluate_loss_gives_the_values(case):
    loss, y, n_outputs = CASES[case]
    for z in (logits(n_outputs), np.stack([logits(n_outputs)] * 2)):
        expected, _ = value_and_gradient(loss, z, y)
        np.testing.assert_array_equal(evaluate_loss(loss, z.copy(), y), expected)


def test_small_deviances_are_not_rounded_away():
    # A prediction 1e-4 too large: its loss, 5e-9, is below the spacing of float32 at one.
    y = np.array([[3.0]], np.float32)
    values, _ = value_and_gradient(Gamma(), np.log(y) + np.float32(1e-4), y)
    assert_allclose(values, 5e-9, rtol=0.01)


# ----------------------------------------------------------------- what a loss says of itself


def bound(loss, y, n_outputs):
    """Targets as the loss compares with them."""
    return np.array(loss.bind_targets(np.empty((len(y), n_outputs)))(y))


WEIGHTS = {
    "none": None,
    "integers": RNG.integers(0, 4, N),
    "floats": np.where(np.arange(N) == 2, 0, RNG.uniform(size=N)),
}


def mean_loss_of(loss, constant, targets, weights):
    z = np.tile(constant, (N, 1))
    return np.average(loss.value_and_gradient(z, targets, np.empty_like(z)), weights=weights)


@each_case
@pytest.mark.parametrize("weights", WEIGHTS)
def test_best_constant_is_the_minimum(case, weights):
    loss, y, n_outputs = CASES[case]
    targets, w = bound(loss, y, n_outputs), WEIGHTS[weights]
    before = targets.copy()
    best = loss.best_constant(targets, w)
    assert best.shape == (n_outputs,)
    np.testing.assert_array_equal(targets, before)
    found = mean_loss_of(loss, best, targets, w)
    oracle = minimize(
        lambda z: mean_loss_of(loss, z, targets, w),
        best + 0.3,
        method="Nelder-Mead",
        options={"xatol": 1e-10, "fatol": 1e-14, "maxiter": 4000},
    )
    assert found == pytest.approx(oracle.fun, rel=1e-7)
    for step in np.concatenate([1e-4 * np.eye(n_outputs), -1e-4 * np.eye(n_outputs)]):
        assert found <= mean_loss_of(loss, best + step, targets, w) + 1e-15


@pytest.mark.parametrize("case", sorted(set(SKLEARN) - {"softmax", "huber"}))
@pytest.mark.parametrize("weights", WEIGHTS)
def test_best_constant_equals_scikit_learns(case, weights):
    # Its constant for Huber is one step of an approximation.
    loss, y, n_outputs = CASES[case]
    w = np.ones(N) if WEIGHTS[weights] is None else WEIGHTS[weights].astype(float)
    found = loss.best_constant(bound(loss, y, n_outputs), WEIGHTS[weights])
    expected = [SKLEARN[case].fit_intercept_only(column, w) for column in y.T]
    if case in ("absolute", "quantile"):
        # Where two targets are equally good, it may take either.
        targets = bound(loss, y, n_outputs)
        found, expected = (mean_loss_of(loss, z, targets, w) for z in (found, expected))
    assert_allclose(found, expected, rtol=1e-9)


@each_case
def test_best_constant_counts_a_weight_as_copies(case):
    loss, y, n_outputs = CASES[case]
    targets, w = bound(loss, y, n_outputs), WEIGHTS["integers"]
    copies = loss.best_constant(np.repeat(targets, w, axis=0))
    assert_allclose(loss.best_constant(targets, w), copies, rtol=1e-12, atol=1e-12)


def test_the_best_constants_of_numbers_in_closed_form():
    y = np.array([[0.0], [1.0], [2.0], [10.0]])
    half = np.array([1.0, 1, 1, 0])
    for loss, unweighted, without_the_last in [
        (SquaredError(), 3.25, 1),
        (AbsoluteError(), 1.5, 1),
        (Huber(1.0), 1.5, 1),
        (Quantile(0.75), 6, 2),
        (Quantile(0.2), 0, 0),
        (Poisson(), np.log(3.25), 0),
        (Gamma(), np.log(3.25), 0),
    ]:
        assert_allclose(loss.best_constant(y), [unweighted], atol=1e-12)
        assert_allclose(loss.best_constant(y, half), [without_the_last], atol=1e-12)
    # Where nothing of a kind is there, its logarithm is that of the smallest number.
    assert np.isfinite(Poisson().best_constant(np.zeros((3, 1)))).all()
    assert np.isfinite(LogisticCrossEntropy().best_constant(np.ones((3, 1)))).all()
    assert np.isfinite(SoftmaxCrossEntropy(2).best_constant(np.eye(2)[[0, 0]])).all()


@each_case
def test_curvature_has_its_bound(case):
    """The largest eigenvalue of finite-difference Hessians reaches it and does not exceed it."""
    loss, y, n_outputs = CASES[case]
    y, h, largest = y[:1], 1e-5, 0.0
    points = np.random.default_rng(3).uniform(-3, 3, size=(4000, n_outputs))
    # Where two classes share the probability, half and half, and where residuals vanish.
    points = np.concatenate([points, [[0.0] * n_outputs], [[5.0, 5.0, -30.0][:n_outputs]]])
    if y.dtype.kind == "f":
        points = np.concatenate([points, np.broadcast_to(y, (1, n_outputs))])
    many = np.broadcast_to(y, (len(points), *y.shape[1:]))
    steps = h * np.eye(n_outputs)
    columns = [
        (
            value_and_gradient(loss, points + e, many)[1]
            - value_and_gradient(loss, points - e, many)[1]
        )
        / (2 * h)
        for e in steps
    ]
    largest = np.linalg.eigvalsh(np.stack(columns, axis=-1)).max()
    if np.isinf(loss.curvature_bound):
        # A jump over 2 h, or a slope as steep as the logits are large.
        assert largest > 4
    else:
        assert largest == pytest.approx(loss.curvature_bound, rel=2e-3)


@pytest.mark.parametrize("name", REGRESSION_LOSSES)
def test_targets_out_of_range_are_refused(name):
    loss = REGRESSION_LOSSES[name]()
    assert loss.name == name
    assert loss.are_targets(np.array([[0.5, 1e300]]))
    for y in (np.nan, np.inf):
        assert not loss.are_targets(np.array([[1.0, y]]))
    loss.check_targets(np.array([[0.5, 1e300]]), "y")
    for y in (-1.0, -1e-300, 0.0):
        values = np.array([[1.0, y]])
        sklearn_takes = SKLEARN[CASE_OF[name]].in_y_true_range(np.array([y]))
        assert loss.are_targets(values) == sklearn_takes
        if not sklearn_takes:
            allowed = f"loss='{name}' needs `y_val` {loss.targets}"
            with pytest.raises(ValueError, match=f"^{allowed}, got a minimum of {y}.$"):
                loss.check_targets(values, "y_val")


CASE_OF = {type(loss).name: case for case, (loss, _, _) in CASES.items() if hasattr(loss, "name")}


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.__name__)
def test_parameters_are_fields(loss):
    own = {parameter.field for parameter in loss.parameters.values()}
    assert own == {field.name for field in fields(loss)} - {"n_classes"}
    assert set(loss.parameters) <= LOSS_PARAMETERS
    if loss in REGRESSION_LOSSES.values():
        made = loss.of(dict.fromkeys(loss.parameters, 0.25))
        assert [getattr(made, name) for name in own] == [0.25] * len(own)


D2 = {
    "squared": metrics.r2_score,
    "absolute": metrics.d2_absolute_error_score,
    "quantile": lambda y, p, sample_weight: metrics.d2_pinball_score(
        y, p, sample_weight=sample_weight, alpha=0.3
    ),
    "poisson": lambda y, p, sample_weight: metrics.d2_tweedie_score(
        y, p, sample_weight=sample_weight, power=1
    ),
    "gamma": lambda y, p, sample_weight: metrics.d2_tweedie_score(
        y, p, sample_weight=sample_weight, power=2
    ),
}


@pytest.mark.parametrize("case", D2)
@pytest.mark.parametrize("weights", WEIGHTS)
def test_the_share_explained_is_scikit_learns_score(case, weights):
    loss, y, n_outputs = CASES[case]
    z, w = logits(n_outputs), np.ones(N) if WEIGHTS[weights] is None else WEIGHTS[weights]
    predictions = loss.link.inverse(z.copy())
    expected = [D2[case](y[:, k], predictions[:, k], sample_weight=w) for k in range(n_outputs)]
    before = z.copy()
    assert loss.explained(z, y, WEIGHTS[weights]) == pytest.approx(np.mean(expected), rel=1e-9)
    np.testing.assert_array_equal(z, before)


@pytest.mark.parametrize("name", REGRESSION_LOSSES)
def test_the_share_explained_of_constants_and_of_one_row(name):
    loss, y = REGRESSION_LOSSES[name](), np.full((5, 1), 2.0)
    best = np.tile(loss.best_constant(y), (5, 1))
    assert loss.explained(best, y) == 1
    assert loss.explained(best + 1, y) == 0
    assert np.isnan(loss.explained(best[:1], y[:1]))
    assert loss.explained(best.astype(np.float32), y.astype(np.float32)) in (0, 1)


@pytest.mark.torch
def test_gamma_deviance_equals_torchs_exponential_likelihood():
    torch = pytest.importorskip("torch")
    z, y = torch.tensor(logits(2), requires_grad=True), torch.tensor(AMOUNTS)
    exponential = torch.distributions.Exponential(torch.exp(-z))
    values = (-exponential.log_prob(y) - torch.log(y) - 1).sum(dim=1)
    values.sum().backward()
    ours, gradient = value_and_gradient(Gamma(), logits(2), AMOUNTS)
    assert_allclose(ours, values.detach(), rtol=1e-12)
    assert_allclose(gradient, z.grad, rtol=1e-10, atol=1e-14)


@pytest.mark.torch
def test_pinball_loss_equals_torchs_automatic_derivative():
    torch = pytest.importorskip("torch")
    z, y = torch.tensor(logits(2), requires_grad=True), torch.tensor(NUMBERS)
    values = torch.maximum(0.7 * (z - y), 0.3 * (y - z)).sum(dim=1)
    values.sum().backward()
    ours, gradient = value_and_gradient(Quantile(0.3), logits(2), NUMBERS)
    assert_allclose(ours, values.detach(), rtol=1e-12)
    assert_allclose(gradient, z.grad, rtol=1e-12)


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
