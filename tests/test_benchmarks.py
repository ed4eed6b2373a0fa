"""The arithmetic of benchmarks/_harness.py: whose turn it is, and what is divided by what.

No test looks at how long anything takes: time is a clock that the test winds.
"""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

PATH = Path(__file__).parents[1] / "benchmarks" / "_harness.py"
SPEC = importlib.util.spec_from_file_location("benchmark_harness", PATH)
harness = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(harness)


class Clock:
    """A clock that only a competitor's work moves."""

    def __init__(self):
        self.now = 0.0
        self.turns = []

    def __call__(self):
        return self.now

    def competitor(self, name, seconds):
        remaining = iter(seconds)

        def run():
            self.turns.append(name)
            self.now += next(remaining)

        return run


def test_competitors_take_turns_and_the_first_round_is_not_counted():
    clock = Clock()
    competitors = {"a": clock.competitor("a", [9, 1, 2]), "b": clock.competitor("b", [9, 3, 4])}
    seconds = harness.interleave(competitors, rounds=2, rest=0, clock=clock)
    assert "".join(clock.turns) == "ababab"
    assert seconds == {"a": [1, 2], "b": [3, 4]}


def test_a_quick_competitor_is_called_until_the_time_is_filled():
    clock = Clock()
    competitors = {"a": clock.competitor("a", [0.25] * 9), "b": clock.competitor("b", [2.0] * 3)}
    seconds = harness.interleave(competitors, rounds=2, min_seconds=1, rest=0, clock=clock)
    assert "".join(clock.turns) == "ab" + 2 * "aaaab"
    assert seconds == {"a": [0.25, 0.25], "b": [2.0, 2.0]}


def test_ratios_are_taken_round_by_round():
    seconds = {"a": [2.0, 8.0, 30.0], "b": [1.0, 2.0, 10.0]}
    assert harness.ratios(seconds, "a", "b") == [2.0, 4.0, 3.0]
    # The ratio of the medians would be 4.
    assert harness.ratio(seconds, "a", "b").median == 3.0


def test_rounds_have_to_pair_up():
    with pytest.raises(ValueError, match="shorter"):
        harness.ratios({"a": [1.0, 2.0], "b": [1.0]}, "a", "b")


def test_spread():
    spread = harness.Spread.of([5.0, 1.0, 4.0, 2.0, 3.0])
    assert (spread.min, spread.q1, spread.median, spread.q3) == (1, 2, 3, 4)
    assert spread.cells() == ["3.00", "2.00 … 4.00", "1.00"]


def test_the_fastest_is_that_of_the_smallest_median():
    seconds = {"a": [1.0, 5.0, 5.0], "b": [3.0, 3.0, 9.0]}
    assert harness.fastest(seconds, ["a", "b", "not timed"]) == "b"
    assert harness.fastest(seconds, ["not timed"]) is None


def test_the_slope_is_the_exponent_of_a_power_law():
    x = np.array([10.0, 100.0, 1000.0])
    slope, line = harness.loglog_fit(x, 7 * x**1.5)
    assert slope == pytest.approx(1.5)
    assert line == pytest.approx(7 * x**1.5)


@pytest.mark.parametrize(
    ("value", "bounds", "expected"),
    [
        (2.0, {"at_least": 2}, ["≥ 2", "ok"]),
        (1.9, {"at_least": 2}, ["≥ 2", "short"]),
        (1.5, {"at_most": 1.5}, ["≤ 1.5", "ok"]),
        (1.2, {"at_least": 0.9, "at_most": 1.1}, ["≥ 0.9, ≤ 1.1", "short"]),
        (float("nan"), {"at_least": 0}, ["≥ 0", "short"]),
        (1.0, {}, ["", ""]),
    ],
)
def test_verdict(value, bounds, expected):
    assert harness.verdict(value, **bounds) == expected


def test_fewer_rounds_than_seven_are_refused(capsys):
    parser = harness.command_line("A benchmark.")
    with pytest.raises(SystemExit):
        parser.parse_args(["--rounds", "6"])
    assert "at least 7, got 6" in capsys.readouterr().err


@pytest.mark.skipif(not harness.STATUS.exists(), reason="needs Linux's /proc")
def test_peak_memory_sees_what_is_freed_again():
    peak = harness.peak_memory(lambda: np.ones(8_000_000), every=0.0005)
    # The kernel counts resident pages in batches, and sampled ones only when it is asked.
    assert 60e6 < peak.beyond < 80e6
    assert peak.anonymous <= peak.resident


def test_results_of_all_kinds_become_json():
    assert harness.as_json(harness.Spread(2, 1, 3, 0)) == {"median": 2, "q1": 1, "q3": 3, "min": 0}
    assert harness.as_json(np.float32(0.5)) == 0.5
    assert harness.as_json(Path("results")) == "results"
