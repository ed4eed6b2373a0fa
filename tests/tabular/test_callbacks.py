"""scikit-learn's fit callbacks: what they hear of epochs, see of the members, and may do."""

from collections import Counter

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from tabular.tables import (
    BOTH,
    MAY_MAKE_NO_PROGRESS,
    N,
    fit_through,
    plain,
    predictions,
    small,
    target_for,
)

from skdeep._fit.watch import Watch
from skdeep.estimators._callbacks import HAS_CALLBACKS

pytestmark = [
    MAY_MAKE_NO_PROGRESS,
    pytest.mark.skipif(not HAS_CALLBACKS, reason="this scikit-learn has none"),
]
X = plain()


class Recorder:
    """Notes what it hears; does something as an epoch begins, and may stop or raise at its end."""

    def __init__(self, stop_after=None, raise_after=None, at_begin=None):
        self.stop_after, self.raise_after, self.at_begin = stop_after, raise_after, at_begin
        self.hooks, self.fitted, self.predicted = [], [], []

    def setup(self, estimator, context):
        self.hooks.append("setup")

    def on_fit_task_begin(self, estimator, context):
        self.hooks.append(("begin", context.task_name, context.task_id))
        if self.at_begin is not None and context.task_name == "epoch":
            self.at_begin(estimator, context.task_id)

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self.hooks.append(("end", context.task_name, context.task_id))
        # Of an epoch that has not been run to its end there is nothing to see.
        if fitted_estimator is not None:
            self.fitted.append(fitted_estimator)
            self.predicted.append(predictions(fitted_estimator, X))
        n_epochs = sum(hook[0] == "end" for hook in self.hooks)
        if n_epochs == self.raise_after:
            raise RuntimeError("a callback's own error")
        return n_epochs == self.stop_after

    def teardown(self, estimator, context):
        self.hooks.append("teardown")


def hooks_of_fit(n_epochs):
    epochs = [(hook, "epoch", i) for i in range(n_epochs) for hook in ("begin", "end")]
    return ["setup", ("begin", "fit", 0), *epochs, ("end", "fit", 0), "teardown"]


@BOTH
@pytest.mark.parametrize("refit", [False, True])
def test_every_epoch_of_every_group_is_heard(Estimator, refit):
    y, recorder = target_for(Estimator), Recorder()
    model = small(Estimator, refit=refit).set_callbacks(recorder).fit(X, y)
    assert recorder.hooks == hooks_of_fit(sum(map(len, model.loss_curve_)))
    # To listen changes nothing.
    expected = small(Estimator, refit=refit).fit(X, y)
    assert_array_equal(predictions(model, X), predictions(expected, X))


@BOTH
def test_copies_predict_as_of_the_epoch(Estimator):
    y, recorder = target_for(Estimator), Recorder()
    model = small(Estimator, n_bins=4, refit=False, max_iter=15).set_callbacks(recorder).fit(X, y)
    n_epochs = len(model.loss_curve_[0])
    assert len({found.tobytes() for found in recorder.predicted[:n_epochs]}) == n_epochs
    for number, (copied, then) in enumerate(
        zip(recorder.fitted[:n_epochs], recorder.predicted, strict=False), start=1
    ):
        assert copied.n_iter_ == number
        # What came later has not changed it.
        assert_array_equal(predictions(copied, X), then)
        assert len(copied.members_) == 2
    assert_array_equal(recorder.predicted[-1], predictions(model, X))


@BOTH
def test_copies_have_all_groups_so_far(Estimator):
    recorder = Recorder()
    model = small(Estimator).set_callbacks(recorder).fit(X, target_for(Estimator))
    first = len(model.loss_curve_[0])
    of_epochs = recorder.fitted[:-1]
    assert {len(copied.encoders_) for copied in of_epochs[:first]} == {1}
    assert {len(copied.encoders_) for copied in of_epochs[first:]} == {2}


@BOTH
def test_copies_do_not_have_what_an_earlier_fit_has_left(Estimator):
    y, seen = target_for(Estimator), []
    model = small(Estimator, n_bins=(3, 4, 5)).fit(X, y)
    stale = {"loss_curve_", "validation_scores_", "best_epoch_", "temperature_"}

    class Look(Recorder):
        def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
            if context.task_name == "epoch":
                seen.append({name for name in stale if hasattr(fitted_estimator, name)})

    model.set_params(n_bins=4).set_callbacks(Look()).fit(X, y)
    for name in set.union(*seen):
        # What there is has to be of this fit.
        assert name not in stale


@BOTH
def test_a_fitted_copy_can_be_fitted_itself(Estimator):
    y, recorder = target_for(Estimator), Recorder()
    model = small(Estimator).set_callbacks(recorder).fit(X, y)
    for copied in (recorder.fitted[0], recorder.fitted[-1]):
        copied.set_callbacks()
        assert_array_equal(predictions(copied.fit(X, y), X), predictions(model, X))


@BOTH
@pytest.mark.parametrize("stop_after", [1, 2])
def test_a_callback_stops_training(Estimator, stop_after):
    y = target_for(Estimator)
    recorder = Recorder(stop_after=stop_after)
    model = small(Estimator, n_bins=4).set_callbacks(recorder).fit(X, y)
    assert recorder.hooks == hooks_of_fit(stop_after)
    assert model.n_iter_ == stop_after
    assert len(model.loss_curve_[0]) == stop_after


@BOTH
@pytest.mark.parametrize("n_members", [1, 3])
def test_where_training_stops_all_members_stop(Estimator, n_members, monkeypatch):
    """One hears of it, and the others, who share its weights, do not go on alone."""
    epochs, record = Counter(), Watch.record

    def counted(self, loss, on_dev):
        epochs[id(self)] += 1
        record(self, loss, on_dev)

    monkeypatch.setattr(Watch, "record", counted)
    model = small(Estimator, n_bins=4, n_members=n_members, max_iter=15)
    model.set_callbacks(Recorder(stop_after=2)).fit(X, target_for(Estimator))
    assert list(epochs.values()) == [2] * n_members


@BOTH
def test_a_callback_that_stops_need_not_be_told_of_it(Estimator):
    """As with the other estimators: who asks for the end is not warned."""
    y = target_for(Estimator)
    model = small(Estimator).set_callbacks(Recorder(stop_after=2)).fit(X, y)
    assert len(model.encoders_) == 1


@BOTH
@pytest.mark.parametrize("n_members", [1, 2])
@pytest.mark.parametrize("raise_after", [1, 2, 7])
def test_a_callback_that_raises_is_torn_down_and_nothing_changes(Estimator, n_members, raise_after):
    y = target_for(Estimator)
    model = small(Estimator, n_members=n_members).fit(X, y)
    before = predictions(model, X)
    recorder = Recorder(raise_after=raise_after)
    model.set_callbacks(recorder)
    with pytest.raises(RuntimeError, match="a callback's own error"):
        model.fit(X[:60], y[:60])
    assert recorder.hooks[-2:] == [("end", "epoch", raise_after - 1), "teardown"]
    assert_array_equal(predictions(model, X), before)
    assert_array_equal(predictions(model.set_callbacks().fit(X, y), X), before)


@BOTH
@pytest.mark.parametrize("task_id", [0, 1, 2])
def test_ctrl_c_in_a_callback(Estimator, task_id):
    def press(estimator, number):
        if number == task_id:
            raise KeyboardInterrupt

    y = target_for(Estimator)
    model = small(Estimator, n_bins=4, refit=False, max_iter=15)
    model.set_callbacks(Recorder(at_begin=press))
    if task_id == 0:
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, y)
        assert not hasattr(model, "n_iter_")
    else:
        with pytest.warns(UserWarning, match="interrupted|stopped"):
            fit_through(model, X, y)
        assert model.n_iter_ == task_id


# ------------------------------------------------------------------------- parameters that change


@BOTH
@pytest.mark.parametrize("name", ["learning_rate_init", "weight_decay"])
def test_what_may_be_set_holds_from_then_on(Estimator, name):
    y = target_for(Estimator)
    value = {"learning_rate_init": 0.02, "weight_decay": 0.5}[name]

    def set_at(when):
        def set_it(estimator, number):
            if number == when:
                estimator.set_params(**{name: value})

        model = small(Estimator, n_bins=4, refit=False, max_iter=15)
        return model.set_callbacks(Recorder(at_begin=set_it)).fit(X, y)

    from_the_start = small(Estimator, n_bins=4, refit=False, max_iter=15, **{name: value}).fit(X, y)
    assert set_at(0).loss_curve_ == from_the_start.loss_curve_
    unchanged = small(Estimator, n_bins=4, refit=False, max_iter=15).fit(X, y)
    later = set_at(1)
    assert later.loss_curve_[0][0] == unchanged.loss_curve_[0][0]
    assert later.loss_curve_[0][1:] != unchanged.loss_curve_[0][1:]


@BOTH
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hidden_layer_sizes", (9,)),
        ("n_members", 5),
        ("max_iter", 50),
        ("refit", False),
        ("random_state", 3),
    ],
)
@pytest.mark.parametrize("when", [0, 1])
@pytest.mark.parametrize("n_members", [1, 2])
def test_what_may_not_be_set_is_refused(Estimator, name, value, when, n_members):
    def set_it(estimator, number):
        if number == when:
            estimator.set_params(**{name: value})

    model = small(Estimator, n_members=n_members).set_callbacks(Recorder(at_begin=set_it))
    with pytest.raises(
        ValueError,
        match=rf"{name} cannot change while a fit runs.*to {value!r}".replace("(", r"\(").replace(
            ")", r"\)"
        ),
    ):
        model.fit(X, target_for(Estimator))


@BOTH
def test_a_bad_rate_is_named(Estimator):
    def set_it(estimator, number):
        estimator.set_params(learning_rate_init=-1.0)

    model = small(Estimator).set_callbacks(Recorder(at_begin=set_it))
    with pytest.raises(ValueError, match=r"'learning_rate_init' parameter .* Got -1\.0"):
        model.fit(X, target_for(Estimator))


@BOTH
def test_a_fit_within_a_fit_is_refused(Estimator):
    y, errors = target_for(Estimator), []

    def fit_within(estimator, number):
        if number == 0:
            with pytest.raises(RuntimeError, match=r"is being fitted.*Fit a clone of it") as caught:
                estimator.fit(X, y)
            errors.append(caught.value)
            clone(estimator).set_callbacks().fit(X, y)

    model = small(Estimator).set_callbacks(Recorder(at_begin=fit_within))
    expected = small(Estimator).fit(X, y)
    assert_array_equal(predictions(model.fit(X, y), X), predictions(expected, X))
    assert len(errors) == 1


# ---------------------------------------------------------------------------------- ready-made ones


@BOTH
@pytest.mark.parametrize("parameters", [{}, {"refit": False}, {"max_iter": "auto"}], ids=repr)
def test_progress_bar(Estimator, parameters, capsys):
    pytest.importorskip("rich")
    from sklearn.callback import ProgressBar

    model = small(Estimator, **parameters).set_callbacks(ProgressBar())
    model.fit(X, target_for(Estimator))
    shown = capsys.readouterr().out
    assert f"{Estimator.__name__} - fit" in shown
    assert "100%" in shown


@BOTH
def test_scoring_monitor(Estimator):
    from sklearn.callback import ScoringMonitor

    y = target_for(Estimator)
    scoring = "accuracy" if hasattr(Estimator, "predict_proba") else "r2"
    monitor = ScoringMonitor(scoring=scoring)
    model = small(Estimator).set_callbacks(monitor).fit(X, y, np.ones(N))
    rows = [row[scoring] for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(rows) == sum(map(len, model.loss_curve_))
    of_fit = [row[scoring] for row in monitor.get_logs().data if row["task_name"] == "fit"]
    assert_allclose(of_fit, [model.score(X, y)])
