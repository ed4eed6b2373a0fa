"""A fit fails, or is interrupted: what was there before stays, or what has been reached is kept.

Ctrl-C before the first epoch has been watched is raised; later it ends training with a warning.
"""

import copy
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from interruptions import InterruptAt, places
from numpy.testing import assert_array_equal
from tabular.tables import (
    BOTH,
    MAY_MAKE_NO_PROGRESS,
    TARGETS,
    N,
    fit_through,
    plain,
    predictions,
    small,
    target_for,
)

import skdeep
from skdeep import TabularMLPClassifier, TabularMLPRegressor
from skdeep._fit.watch import Watch
from skdeep.exceptions import NoProgressWarning

pytestmark = MAY_MAKE_NO_PROGRESS
X = plain()
PACKAGE = str(Path(skdeep.__file__).parent)
# About this many of the lines that a fit runs through are interrupted, one in each fit.
N_LINES = 60


def state_of(model):
    """All that an estimator has, as far as it can be compared."""
    return {name: repr(value) for name, value in vars(model).items() if not name.startswith("_")}


# --------------------------------------------------------------------------------------- failures


def _fails_in_training(monkeypatch):
    def record(self, loss, on_dev):
        raise MemoryError("in an epoch")

    monkeypatch.setattr(Watch, "record", record)


def _fails_at_the_end(monkeypatch):
    def fail(self, mean, targets, weights):
        raise RuntimeError("at the end")

    for Estimator in (TabularMLPClassifier, TabularMLPRegressor):
        monkeypatch.setattr(Estimator, "_calibrated", fail)


FAILURES = {
    "y too short": lambda model, y: model.fit(X, y[1:]),
    "no y": lambda model, y: model.fit(X, None),
    "bad X": lambda model, y: model.fit(X.assign(size=np.inf), y),
    "other columns": lambda model, y: model.fit(X.assign(more=[[1]] * N), y),
    "bad weights": lambda model, y: model.fit(X, y, -np.ones(N)),
    "bad parameter": lambda model, y: model.set_params(n_members=0).fit(X, y),
    "bad dev set": lambda model, y: model.fit(X, y, X_val=X, y_val=y[1:]),
    "bad categories": lambda model, y: model.set_params(categorical_features=["no"]).fit(X, y),
    "bad threads": lambda model, y: model.set_params(n_jobs=0).fit(X, y),
}


@BOTH
@pytest.mark.parametrize("case", FAILURES)
def test_a_fit_that_fails_leaves_what_was_fitted(Estimator, case):
    y = target_for(Estimator)
    model = small(Estimator).fit(X, y)
    expected, before = predictions(model, X), state_of(model)
    with pytest.raises((ValueError, TypeError)):
        FAILURES[case](model, y)
    changed = {"n_members", "categorical_features", "n_jobs"}
    after = state_of(model)
    assert {k: v for k, v in after.items() if k not in changed} == {
        k: v for k, v in before.items() if k not in changed
    }
    assert_array_equal(predictions(model, X), expected)
    parameters = {"n_members": 2, "categorical_features": "from_dtype", "n_jobs": None}
    assert_array_equal(predictions(model.set_params(**parameters).fit(X, y), X), expected)


@BOTH
@pytest.mark.parametrize("fail", [_fails_in_training, _fails_at_the_end])
def test_a_fit_that_fails_late_leaves_what_was_fitted(Estimator, fail, monkeypatch):
    y = target_for(Estimator)
    model = small(Estimator).fit(X, y)
    expected, before = predictions(model, X), state_of(model)
    new = small(Estimator)
    with monkeypatch.context() as patch:
        fail(patch)
        for each in (model, new):
            with pytest.raises((MemoryError, RuntimeError), match=r"in an epoch|at the end"):
                each.fit(X[:50], y[:50])
    assert state_of(model) == before
    assert_array_equal(predictions(model, X), expected)
    assert vars(new).keys() == vars(small(Estimator)).keys()
    assert_array_equal(predictions(new.fit(X, y), X), expected)


@BOTH
@pytest.mark.parametrize("rate", [1e30])
def test_a_fit_that_diverges_says_so(Estimator, rate):
    y = target_for(Estimator)
    model = small(Estimator, learning_rate_init=rate, weight_decay=1.0)
    with pytest.raises(
        ValueError, match=r"non-finite.*learning_rate_init|learning_rate_init.*non-"
    ):
        model.fit(X, y)
    assert not hasattr(model, "n_iter_")


# ------------------------------------------------------------------------------------------ Ctrl-C


@pytest.fixture
def interrupt_at(monkeypatch):
    """Raise KeyboardInterrupt as the n-th epoch of a fit, 0 the first, is about to be recorded."""

    def set_up(n):
        count = iter(range(10**6))
        original = Watch.record

        def record(self, loss, on_dev):
            if next(count) == n:
                raise KeyboardInterrupt
            return original(self, loss, on_dev)

        monkeypatch.setattr(Watch, "record", record)

    return set_up


def n_calls_per_epoch(model):
    """How often an epoch is recorded: once for each member."""
    return model.n_members


@BOTH
def test_before_the_first_epoch_it_is_raised_and_nothing_changes(Estimator, interrupt_at):
    y = target_for(Estimator)
    model = small(Estimator, n_jobs=1).fit(X, y)
    expected, before = predictions(model, X), state_of(model)
    interrupt_at(0)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X[:60], y[:60])
    assert state_of(model) == before
    assert_array_equal(predictions(model, X), expected)
    new = small(Estimator)
    interrupt_at(0)
    with pytest.raises(KeyboardInterrupt):
        new.fit(X, y)
    assert not hasattr(new, "n_iter_")


# Epochs are counted over both groups: 6 at most of the first, then its refit, then the second's.
MOMENTS = ["second epoch", "refit", "first epoch of the second group", "refit of the second group"]


@BOTH
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("n_bins", [(3, 5), (3, 3)], ids=str)
def test_later_it_ends_training_with_a_warning(Estimator, moment, n_bins, interrupt_at):
    y = target_for(Estimator)
    whole = small(Estimator, n_bins=n_bins, n_jobs=1).fit(X, y)
    k = n_calls_per_epoch(whole)
    searched = [len(scores) for scores in whole.validation_scores_]
    trained = [len(curve) for curve in whole.loss_curve_]
    assert trained[0] > searched[0] >= 2, "the moments below have to be where they are said to be"
    interrupt_at(
        k
        * {
            "second epoch": 1,
            "refit": searched[0] + 1,
            "first epoch of the second group": trained[0],
            "refit of the second group": trained[0] + searched[1] + 1,
        }[moment]
    )
    model = small(Estimator, n_bins=n_bins, n_jobs=1)
    with pytest.warns(UserWarning, match="interrupted|stopped"):
        fit_through(model, X, y)
    n_groups = 2 if moment == "refit of the second group" else 1
    assert len(model.encoders_) == len(model.loss_curve_) == n_groups
    assert len(model.members_) == n_groups * k
    assert np.isfinite(predictions(model, X)).all()
    assert len(model.loss_curve_[0]) <= trained[0]
    assert model.n_iter_ == max(map(len, model.loss_curve_))
    # It can be fitted again.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NoProgressWarning)
        assert_array_equal(predictions(model.fit(X, y), X), predictions(whole, X))


@BOTH
def test_a_lone_group_that_is_interrupted_warns(Estimator, interrupt_at):
    """Whoever pressed the keys, or lets a job run at night, is told that it is not all."""
    interrupt_at(2)
    with pytest.warns(UserWarning, match="interrupted|stopped"):
        fit_through(small(Estimator, n_bins=4, refit=False, max_iter=15), X, target_for(Estimator))


@BOTH
def test_what_an_interrupted_search_for_the_best_epoch_leaves_is_its_best_epoch(
    Estimator, interrupt_at
):
    y = target_for(Estimator)
    parameters = {"n_bins": 4, "refit": False, "max_iter": 15}
    interrupt_at(2 * 2)
    with pytest.warns(UserWarning, match="interrupted|stopped"):
        model = fit_through(small(Estimator, **parameters), X, y)
    assert len(model.validation_scores_[0]) == 2
    assert model.best_epoch_ == [int(np.argmax(model.validation_scores_[0]))]


@BOTH
def test_at_any_line_it_is_the_model_before_or_one_that_predicts(Estimator):
    y = target_for(Estimator)
    parameters = {"n_jobs": 1, "max_iter": 2, "batch_size": N}
    model = small(Estimator, **parameters).fit(X, y)
    expected, before = predictions(model, X), state_of(model)
    with InterruptAt(0, PACKAGE) as whole:
        copy.deepcopy(model).fit(X[:60], y[:60])
    outcomes = set()
    for n in places(1, whole.count - 1, N_LINES):
        again = copy.deepcopy(model)
        try:
            with warnings.catch_warnings(), InterruptAt(n, PACKAGE):
                warnings.simplefilter("ignore")
                again.fit(X[:60], y[:60])
        except KeyboardInterrupt:
            outcomes.add("raised")
            assert state_of(again) == before, n
            assert_array_equal(predictions(again, X), expected)
        else:
            outcomes.add("ended")
            assert np.isfinite(predictions(again, X)).all(), n
            assert len(again.encoders_) == len(again.loss_curve_) >= 1
        # Whatever it was, it can be fitted.
        assert_array_equal(predictions(again.fit(X, y), X), expected)
    assert outcomes == {"raised", "ended"}


def test_a_signal_ends_groups_that_train_side_by_side():
    program = """
import os, signal, threading, warnings
import numpy as np
from skdeep import TabularMLPClassifier
from skdeep._fit.watch import Watch

record, count, lock = Watch.record, [0], threading.Lock()

def counted(self, loss, on_dev):
    record(self, loss, on_dev)
    with lock:
        count[0] += 1
        if count[0] == 6:
            os.kill(os.getpid(), signal.SIGINT)

Watch.record = counted
generator = np.random.default_rng(0)
X = generator.normal(size=(2000, 6))
y = (X[:, 0] * X[:, 1] > 0).astype(int)
model = TabularMLPClassifier(n_bins=(4, 8), n_members=1, max_iter=500, n_jobs=2, random_state=0)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    model.fit(X, y)
assert model.n_iter_ < 400, model.n_iter_
assert threading.active_count() == 1
assert np.isfinite(model.predict_proba(X)).all()
assert any("interrupted" in str(w.message) or "stopped" in str(w.message) for w in caught), caught
"""
    run = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(Path(skdeep.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr


# --------------------------------------------------------------------------------- no progress


@BOTH
@pytest.mark.filterwarnings("error::skdeep.exceptions.NoProgressWarning")
def test_what_is_learnt_has_to_hold_for_the_rows_watched(Estimator):
    y = TARGETS["numbers"]
    # The opposite has the same mean, or the same shares.
    opposite = 2 * y.mean() - y
    if Estimator is TabularMLPClassifier:
        y = (y > np.median(y)).astype(int)
        opposite = 1 - y
    with pytest.warns(NoProgressWarning, match=rf"no progress.*\({N} were held out\)"):
        small(Estimator).fit(X, y, X_val=X, y_val=opposite)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        small(Estimator).fit(X, y, X_val=X, y_val=y)
