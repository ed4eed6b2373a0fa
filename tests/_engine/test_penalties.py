"""The elastic net: value and gradient of its smooth half, and the proximal step of its L1 half."""

import numpy as np
import pytest

from skdeep._engine.penalties import ElasticNet

ALPHA, L1_RATIO, M = 3.0, 0.4, 50.0


@pytest.fixture
def penalty():
    return ElasticNet.of(ALPHA, L1_RATIO, M)


def per_model(values):
    return np.array(values)[:, np.newaxis]


def test_value_is_the_formula(penalty, rng):
    w = rng.normal(size=20)
    smooth, l1 = (1 - L1_RATIO) / 2 * np.sum(w**2), L1_RATIO * np.abs(w).sum()
    assert penalty.value(w) == pytest.approx(ALPHA / M * (smooth + l1), rel=1e-14)


@pytest.mark.parametrize(
    ("alpha", "l1_ratio", "has_l2", "has_l1"),
    [(0, 0.5, False, False), (1, 0, True, False), (1, 1, False, True), (1, 0.5, True, True)],
)
def test_it_says_which_halves_it_has(alpha, l1_ratio, has_l2, has_l1):
    single = ElasticNet.of(alpha, l1_ratio, M)
    assert (single.has_l2, single.has_l1) == (has_l2, has_l1)
    # One model of a population is enough.
    population = ElasticNet.of(per_model([0.0, alpha]), l1_ratio, M)
    assert (population.has_l2, population.has_l1) == (has_l2, has_l1)


def test_gradient_is_the_slope_of_the_smooth_half(rng):
    penalty = ElasticNet.of(ALPHA, 0.0, M)
    w, before, h = rng.normal(size=20), rng.normal(size=20), 1e-5
    grad = before.copy()
    penalty.add_gradient(w, grad, np.empty(20))
    steps = h * np.eye(20)
    slopes = (penalty.value(w + steps) - penalty.value(w - steps)) / (2 * h)
    np.testing.assert_allclose(grad - before, slopes, atol=1e-10)


def test_decay_shrinks_by_the_rate_times_the_penalty(penalty, rng):
    w = rng.normal(size=20)
    expected = w * (1 - 0.1 * ALPHA * (1 - L1_RATIO) / M)
    penalty.decay(w, 0.1)
    np.testing.assert_allclose(w, expected, rtol=1e-14)


def test_soft_threshold_moves_towards_zero_and_stops_there(penalty):
    step = 5.0
    threshold = step * ALPHA * L1_RATIO / M
    w = np.array([-2.0, -threshold, -0.5 * threshold, 0.0, 0.9 * threshold, 3.0])
    expected = np.sign(w) * np.maximum(np.abs(w) - threshold, 0)
    penalty.soften(w, step)
    np.testing.assert_allclose(w, expected, rtol=1e-14)
    assert np.count_nonzero(w) == 2


def test_soft_threshold_minimises_the_proximal_objective(penalty, rng):
    w, step = rng.normal(size=5), rng.uniform(0, 20, size=5)
    candidates = np.linspace(-4, 4, 80001)[:, np.newaxis]
    objective = (candidates - w) ** 2 / (2 * step) + penalty.l1 * np.abs(candidates)
    expected = candidates[objective.argmin(axis=0), 0]
    penalty.soften(w, step)
    np.testing.assert_allclose(w, expected, atol=1e-4)


def test_each_coordinate_may_have_its_own_step(penalty, rng):
    start, steps = rng.normal(size=6), rng.uniform(0, 30, size=6)
    together = start.copy()
    penalty.soften(together, steps)
    for i in range(6):
        alone = start[i : i + 1].copy()
        penalty.soften(alone, steps[i])
        assert together[i] == alone[0]


def test_a_population_equals_its_members(rng):
    alphas, ratios, steps = [0.0, 2.0, 5.0], [0.3, 0.0, 1.0], [1.0, 2.0, 0.5]
    population = ElasticNet.of(per_model(alphas), per_model(ratios), M)
    w, grad = rng.normal(size=(3, 9)), rng.normal(size=(3, 9))
    members = [ElasticNet.of(a, r, M) for a, r in zip(alphas, ratios, strict=True)]

    def after(penalty, w, grad, step, scratch):
        w, grad = w.copy(), grad.copy()
        value = penalty.value(w)
        penalty.add_gradient(w, grad, scratch)
        penalty.decay(w, step)
        penalty.soften(w, step)
        return value, grad, w

    together = after(population, w, grad, per_model(steps), np.empty((3, 9)))
    for k, member in enumerate(members):
        alone = after(member, w[k], grad[k], steps[k], np.empty(9))
        for ours, expected in zip(together, alone, strict=True):
            np.testing.assert_allclose(ours[k], expected, rtol=1e-14)


def test_float32_stays_float32(rng):
    w, grad = rng.normal(size=(2, 9)).astype(np.float32), np.zeros((2, 9), np.float32)
    penalty = ElasticNet.of(per_model([1.0, 2.0]), 0.5, M)
    penalty.add_gradient(w, grad, np.empty((2, 9), np.float32))
    np.testing.assert_allclose(grad, w * penalty.l2, rtol=1e-6)
    penalty.soften(w, per_model([1.0, 1.0]))
    assert w.dtype == grad.dtype == np.float32
