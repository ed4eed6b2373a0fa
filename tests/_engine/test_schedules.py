"""Schedules: the factor on the learning rate, epochs counted from 0, for every row of the table."""

import numpy as np
import pytest

from skdeep._engine.schedules import SCHEDULES, Schedule

# The first epochs' factors as issue and course give them, with decay_rate 0.5 and decay_epochs 4.
EXPECTED = {
    "constant": [1, 1, 1, 1, 1, 1],
    "adaptive": [1, 1, 1, 1, 1, 1],
    "inverse_time": [1, 1 / 1.5, 1 / 2, 1 / 2.5, 1 / 3, 1 / 3.5],
    "sqrt": [1, 1 / 2**0.5, 1 / 3**0.5, 1 / 2, 1 / 5**0.5, 1 / 6**0.5],
    "exponential": [1, 0.5, 0.25, 0.125, 0.0625, 0.03125],
    "step": [1, 1, 1, 1, 0.5, 0.5],
    "cosine": [1, (1 + 0.5**0.5) / 2, 1 / 2, (1 - 0.5**0.5) / 2, 0, 0],
    "linear": [1, 3 / 4, 1 / 2, 1 / 4, 0, 0],
    "flat_cosine": [1, 1, 1, 1 / 2, 0, 0],
    "coslog4": [
        (1 - np.cos(2 * np.pi * np.log2(1 + 15 * t))) / 2 for t in (0, 0.25, 0.5, 0.75, 1, 1)
    ],
    # By rows seen, here 10 per epoch.
    "invscaling": [1, 11**-0.5, 21**-0.5, 31**-0.5, 41**-0.5, 51**-0.5],
}
each_schedule = pytest.mark.parametrize("name", SCHEDULES)


def make(name, decay_rate=None, decay_epochs=None, power_t=0.5, max_iter=20):
    return Schedule.of(
        name,
        decay_rate=decay_rate,
        decay_epochs=decay_epochs,
        power_t=power_t,
        max_iter=max_iter,
    )


def factors(schedule, n_epochs=6):
    return [schedule.factor(epoch, 10 * epoch) for epoch in range(n_epochs)]


@each_schedule
def test_factors_equal_the_formula(name):
    np.testing.assert_allclose(factors(make(name, 0.5, 4)), EXPECTED[name], atol=1e-15)


@pytest.mark.parametrize("name", [name for name in SCHEDULES if name != "coslog4"])
def test_factors_start_at_one_and_never_rise(name):
    found = factors(make(name), 60)
    assert found[0] == 1
    assert np.all(np.diff(found) <= 0)
    assert np.all(np.isfinite(found))
    assert min(found) >= 0


def test_coslog4_comes_down_four_times():
    schedule = make("coslog4", decay_epochs=1)
    found = [schedule.factor(0, 0, part) for part in np.linspace(0, 1, 1501)]
    assert found[0] == 0
    assert found[-1] == pytest.approx(0, abs=1e-15)
    is_peak = (np.diff(found)[:-1] > 0) & (np.diff(found)[1:] <= 0)
    # At log₂(1 + 15 t) = 1/2, 3/2, 5/2, 7/2.
    expected = (2 ** np.array([0.5, 1.5, 2.5, 3.5]) - 1) / 15
    np.testing.assert_allclose(np.flatnonzero(is_peak) / 1500, expected, atol=1e-3)


def test_those_by_step_change_within_an_epoch_and_the_others_do_not():
    for name, rule in SCHEDULES.items():
        schedule = make(name, 0.5, 4)
        changed = schedule.factor(3, 30, 0.5) != schedule.factor(3, 30)
        assert changed == rule.changes_by_step


@each_schedule
def test_only_adaptive_is_left_to_the_loop(name):
    assert make(name).is_adaptive == (name == "adaptive")


@pytest.mark.parametrize(
    ("name", "explicit"),
    [
        ("inverse_time", {"decay_rate": 1.0}),
        ("exponential", {"decay_rate": 0.95}),
        ("step", {"decay_rate": 0.5, "decay_epochs": 10}),
        ("cosine", {"decay_epochs": 20}),
        ("linear", {"decay_epochs": 20}),
        ("flat_cosine", {"decay_epochs": 20}),
        ("coslog4", {"decay_epochs": 20}),
    ],
)
def test_none_stands_for_the_schedules_own_default(name, explicit):
    assert factors(make(name), 50) == factors(make(name, **explicit), 50)
    assert len(set(factors(make(name), 50))) > 1


def test_invscaling_equals_scikit_learns():
    from sklearn.neural_network._stochastic_optimizers import SGDOptimizer

    reference = SGDOptimizer([], learning_rate_init=1.0, lr_schedule="invscaling", power_t=0.3)
    schedule = make("invscaling", power_t=0.3)
    for rows_seen in (0, 10, 250, 10**6):
        reference.iteration_ends(rows_seen)
        assert schedule.factor(3, rows_seen) == pytest.approx(reference.learning_rate, rel=1e-14)


def test_a_callable_gives_the_factor_of_each_epoch():
    assert factors(make(lambda epoch: 1 / (1 + epoch)), 3) == [1, 1 / 2, 1 / 3]
    assert make(lambda epoch: 0).factor(0, 0) == 0


@pytest.mark.parametrize("factor", [-1, np.nan, np.inf, None, "fast", 1j])
def test_a_callable_must_return_a_finite_factor(factor):
    with pytest.raises(ValueError, match=r"learning_rate, a callable, .* epoch 4"):
        make(lambda epoch: factor).factor(4, 0)
