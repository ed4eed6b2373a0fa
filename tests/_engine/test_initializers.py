"""Initialisers: the variance and the distribution that each name promises, for every row."""

import numpy as np
import pytest
from scipy import stats

from skdeep._engine.initializers import INITIALIZERS

FAN_IN, FAN_OUT = 120, 80
VARIANCES = {
    "he": 2 / FAN_IN,
    "glorot": 2 / (FAN_IN + FAN_OUT),
    "lecun": 1 / FAN_IN,
    "small": 0.01**2,
}
RANDOM = sorted(set(INITIALIZERS) - {"zeros"})


def draw(name, seed=0):
    return INITIALIZERS[name](np.random.default_rng(seed), (FAN_IN, FAN_OUT))


@pytest.mark.parametrize("name", RANDOM)
def test_draws_follow_the_promised_distribution(name):
    family, _, kind = name.partition("_")
    std = VARIANCES[family] ** 0.5
    bound = 3**0.5 * std
    expected = stats.uniform(-bound, 2 * bound) if kind == "uniform" else stats.norm(0, std)
    assert stats.kstest(draw(name).ravel(), expected.cdf).pvalue > 0.01


@pytest.mark.parametrize("name", RANDOM)
def test_uniform_draws_stay_within_their_bound(name):
    if name.endswith("_uniform"):
        bound = (3 * VARIANCES[name.partition("_")[0]]) ** 0.5
        assert 0.99 * bound < np.abs(draw(name)).max() <= bound


@pytest.mark.parametrize("name", sorted(INITIALIZERS))
def test_draws_come_from_the_generator_alone(name):
    np.testing.assert_array_equal(draw(name, 3), draw(name, 3))
    assert draw(name).shape == (FAN_IN, FAN_OUT)
    if name != "zeros":
        assert (draw(name, 3) != draw(name, 4)).any()


def test_zeros_are_zeros():
    assert not draw("zeros").any()


@pytest.mark.parametrize(("name", "gain"), [("he_uniform", 1.0), ("lecun_normal", 0.5)])
def test_he_and_lecun_keep_the_mean_square_of_signals(name, gain, rng):
    # He: relu halves the mean square, and the doubled variance makes up for it.
    x = rng.normal(size=(500, FAN_IN))
    z = x @ draw(name)
    assert np.mean(np.maximum(z, 0) ** 2) == pytest.approx(gain, rel=0.1)
