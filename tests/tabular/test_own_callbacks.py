"""skdeep's own callbacks on the networks for tables: rates by hand, checkpoints, logs.

Groups are trained one after the other, each twice; a fit that was killed in any of their epochs
goes on as if it had not been, to the last bit.
"""

import csv
import json
import pickle
from itertools import chain

import numpy as np
import pytest
from interruptions import At, Killed, kill
from numpy.testing import assert_allclose, assert_array_equal
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

from skdeep import TabularMLPClassifier, TabularMLPRegressor
from skdeep.callbacks import Checkpoint, LearningRateControl, TrainingLog
from skdeep.estimators._callbacks import HAS_CALLBACKS

pytestmark = [
    MAY_MAKE_NO_PROGRESS,
    pytest.mark.skipif(not HAS_CALLBACKS, reason="this scikit-learn has none"),
]
X = plain()


class Look(At):
    """Keeps what the members predict at the end of an epoch."""

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        if context.task_name == "epoch":
            self.predicted = predictions(fitted_estimator, X)
        return super().on_fit_task_end(estimator, context)


def press_ctrl_c():
    raise KeyboardInterrupt


def stop():
    return True


def same(found, expected):
    """Whether two fits have come to the same, to the last bit."""
    assert_array_equal(predictions(found, X), predictions(expected, X))
    assert found.n_iter_ == expected.n_iter_
    assert found.best_epoch_ == expected.best_epoch_
    assert found.loss_curve_ == expected.loss_curve_
    assert found.validation_loss_curve_ == expected.validation_loss_curve_
    assert found.validation_scores_ == expected.validation_scores_
    assert not any(hasattr(found, name) for name in ("_paused_", "_running_"))
    assert vars(found).keys() == vars(expected).keys() | {"_skl_callbacks"}


def n_epochs(model):
    return sum(map(len, model.loss_curve_))


def resumed_after(path, model, *data, epoch, do=kill, every=1):
    """What `resume` gives of a fit that was ended at the end of an epoch."""
    model.set_callbacks(Checkpoint(path, every=every), At(epoch, do))
    if do is kill:
        with pytest.raises(Killed):
            model.fit(*data)
    else:
        fit_through(model, *data)
    resumed = Checkpoint.resume(path)
    return resumed.set_callbacks(resumed._skl_callbacks[0])


# ------------------------------------------------------------------------------------ checkpoints


@BOTH
@pytest.mark.parametrize("refit", [True, False])
@pytest.mark.parametrize("n_members", [1, 2])
def test_a_fit_killed_in_any_epoch_goes_on_as_if_it_had_not_been(
    tmp_path, Estimator, n_members, refit
):
    parameters = {"n_members": n_members, "refit": refit}
    y = target_for(Estimator)
    whole = small(Estimator, **parameters).fit(X, y)
    for epoch in range(n_epochs(whole)):
        resumed = resumed_after(tmp_path / "a", small(Estimator, **parameters), X, y, epoch=epoch)
        same(resumed.fit(X, y), whole)


@pytest.mark.parametrize("name", TARGETS)
def test_all_kinds_of_targets_go_on(tmp_path, name):
    kind, parameters = TabularMLPRegressor, {}
    if name in ("two classes", "three classes", "labels"):
        kind, parameters = TabularMLPClassifier, {"class_weight": "balanced"}
    elif name in ("counts", "amounts"):
        parameters = {"loss": {"counts": "poisson", "amounts": "gamma"}[name]}
    y, weights = TARGETS[name], np.arange(N) % 3
    whole = small(kind, **parameters).fit(X, y, weights)
    resumed = resumed_after(tmp_path / "a", small(kind, **parameters), X, y, weights, epoch=9)
    same(resumed.fit(X, y, weights), whole)


@BOTH
def test_a_fit_goes_on_from_the_last_epoch_that_was_saved(tmp_path, Estimator):
    y = target_for(Estimator)
    whole = small(Estimator).fit(X, y)
    for epoch in range(n_epochs(whole)):
        resumed = resumed_after(tmp_path / "a", small(Estimator), X, y, epoch=epoch, every=4)
        same(resumed.fit(X, y), whole)


@BOTH
def test_the_arch_that_was_the_last_one_stays_the_last_one(tmp_path, Estimator):
    """Whether another arch is futile is asked after the checkpoint has been written."""
    generator = np.random.default_rng(0)
    y = generator.permutation(target_for(Estimator))
    parameters = {"max_iter": 30, "n_bins": 3, "refit": False}
    whole = small(Estimator, **parameters).fit(X, y)
    assert whole.n_iter_ < 30
    epoch = whole.n_iter_ - 1
    resumed = resumed_after(tmp_path / "a", small(Estimator, **parameters), X, y, epoch=epoch)
    same(resumed.fit(X, y), whole)


@BOTH
def test_it_goes_on_without_callbacks_and_in_threads(tmp_path, Estimator):
    y = target_for(Estimator)
    parameters = {"n_bins": (3, 5, 4)}
    whole = small(Estimator, **parameters).fit(X, y)
    resumed = resumed_after(tmp_path / "a", small(Estimator, **parameters), X, y, epoch=8)
    resumed.set_callbacks().set_params(n_jobs=2)
    assert_array_equal(predictions(resumed.fit(X, y), X), predictions(whole, X))


@BOTH
def test_a_dev_set_and_any_random_state_go_on(tmp_path, Estimator):
    y = target_for(Estimator)
    data = {"X_val": X[::3], "y_val": y[::3]}

    def model():
        return small(Estimator, random_state=np.random.RandomState(3))

    whole = model().fit(X, y, **data)
    killed = model().set_callbacks(Checkpoint(tmp_path / "a"), At(9, kill))
    with pytest.raises(Killed):
        killed.fit(X, y, **data)
    resumed = Checkpoint.resume(tmp_path / "a")
    resumed.set_callbacks(resumed._skl_callbacks[0])
    same(resumed.fit(X, y, **data), whole)
    with pytest.raises(ValueError, match="the dev set are other ones now"):
        Checkpoint.resume(tmp_path / "a").set_callbacks().set_params().fit(X, y)


@BOTH
def test_a_fit_that_had_ended_ends_alike(tmp_path, Estimator):
    y = target_for(Estimator)
    whole = small(Estimator).set_callbacks(Checkpoint(tmp_path / "a", every=1000)).fit(X, y)
    saved = Checkpoint.resume(tmp_path / "a")
    assert_array_equal(predictions(saved, X), predictions(whole, X))
    assert_array_equal(predictions(saved.fit(X, y), X), predictions(whole, X))


@BOTH
@pytest.mark.parametrize("epoch", [2, 7])
def test_an_end_that_another_callback_asked_for_is_the_end(tmp_path, Estimator, epoch):
    y = target_for(Estimator)
    model = small(Estimator)
    resumed = resumed_after(tmp_path / "a", model, X, y, epoch=epoch, do=stop)
    resumed.fit(X, y)
    assert resumed.loss_curve_ == model.loss_curve_
    assert len(model.loss_curve_) == 1
    assert_array_equal(predictions(resumed, X), predictions(model, X))


@BOTH
@pytest.mark.filterwarnings("ignore:Training interrupted by user")
def test_a_fit_that_was_interrupted_goes_on_where_it_was(tmp_path, Estimator):
    y = target_for(Estimator)
    whole = small(Estimator).fit(X, y)
    for epoch in (1, 8):
        path = tmp_path / "a"
        resumed = resumed_after(path, small(Estimator), X, y, epoch=epoch, do=press_ctrl_c)
        same(resumed.fit(X, y), whole)


@BOTH
def test_what_is_saved_predicts_before_it_goes_on(tmp_path, Estimator):
    y = target_for(Estimator)
    look = Look(9, kill)
    model = small(Estimator).set_callbacks(Checkpoint(tmp_path / "a"), look)
    with pytest.raises(Killed):
        model.fit(X, y)
    saved = Checkpoint.resume(tmp_path / "a")
    assert_array_equal(predictions(saved, X), look.predicted)
    # Before the first epoch it predicts as the members do that have learnt nothing.
    killed = small(Estimator).set_callbacks(Checkpoint(tmp_path / "b", every=100), At(0, kill))
    with pytest.raises(Killed):
        killed.fit(X, y)
    constant = predictions(Checkpoint.resume(tmp_path / "b"), X)
    assert_allclose(constant, np.broadcast_to(constant[:1], constant.shape), rtol=1e-6)
    if Estimator is TabularMLPRegressor:
        assert_allclose(constant, y.mean(), rtol=1e-5)


@pytest.mark.parametrize(
    ("parameter", "value"), [("n_bins", (3, 6)), ("random_state", 1), ("max_iter", 9)]
)
def test_other_parameters_do_not_go_on(tmp_path, parameter, value):
    y = TARGETS["two classes"]
    resumed = resumed_after(tmp_path / "a", small(TabularMLPClassifier), X, y, epoch=3)
    resumed.set_params(**{parameter: value})
    with pytest.raises(ValueError, match=f"cannot go on after {parameter} has changed from"):
        resumed.fit(X, y)
    # It keeps its place.
    resumed.set_params(**{parameter: getattr(small(TabularMLPClassifier), parameter)})
    same(resumed.fit(X, y), small(TabularMLPClassifier).fit(X, y))


def test_other_data_do_not_go_on(tmp_path):
    y = TARGETS["numbers"]
    resumed = resumed_after(tmp_path / "a", small(TabularMLPRegressor), X, y, epoch=3)
    another = X.copy()
    another.loc[57, "size"] += 0.25
    shifted = np.where(np.arange(N) == 57, y + 1e-3, y)
    heavier = np.where(np.arange(N) == 57, 2.0, 1.0)
    for data in ((another, y), (X, shifted), (X, y, heavier), (X[1:], y[1:])):
        with pytest.raises(ValueError, match="goes on with the data it began with"):
            resumed.fit(*data)
    same(resumed.fit(X, y), small(TabularMLPRegressor).fit(X, y))


class Pickle(At):
    """Pickles the estimator as each epoch begins."""

    def __init__(self):
        self.copies = []

    def __getstate__(self):
        # Copies would hold all copies before them.
        return {"copies": []}

    def on_fit_task_begin(self, estimator, context):
        if context.task_name == "epoch":
            self.copies.append(pickle.loads(pickle.dumps(estimator)))

    def on_fit_task_end(self, estimator, context): ...


@BOTH
def test_an_estimator_can_be_pickled_from_a_callback(Estimator):
    y, callback = target_for(Estimator), Pickle()
    model = small(Estimator).set_callbacks(callback).fit(X, y)
    assert len(callback.copies) == n_epochs(model)
    for copied in callback.copies[::3]:
        assert_array_equal(predictions(copied.set_callbacks().fit(X, y), X), predictions(model, X))


# ------------------------------------------------------------------------------- rates by hand


def halve(epoch, loss_curve):
    assert len(loss_curve) == epoch
    return 0.1 / 2**epoch


@BOTH
def test_a_function_sets_the_rate_in_each_group(Estimator):
    """A factor of it is the schedule's: coslog4 first, then in the refit a line."""
    y = target_for(Estimator)
    asked = []

    def rate(epoch, loss_curve):
        asked.append(epoch)
        return halve(epoch, loss_curve)

    model = small(Estimator).set_callbacks(LearningRateControl(rate)).fit(X, y)
    assert asked == [epoch for curve in model.loss_curve_ for epoch in range(len(curve))]
    assert model.learning_rate_init == 0.1
    for group, without in zip(model._groups, small(Estimator).fit(X, y)._groups, strict=True):
        # As long as both are in their first training.
        n = min(len(one.curves.validation_score) for one in (group, without))
        expected = np.array(without.curves.rate[:n]) / 2.0 ** np.arange(n)
        assert_allclose(group.curves.rate[:n], expected, rtol=1e-6)
        n_refit = group.n_epochs - len(group.curves.validation_score)
        line = 0.03 * (1 - np.arange(n_refit) / n_refit)
        line /= 2.0 ** np.arange(group.n_epochs - n_refit, group.n_epochs)
        assert len(group.curves.rate) == group.n_epochs


@BOTH
def test_a_file_steers_a_fit_and_a_saved_one_goes_on_under_control(tmp_path, Estimator):
    y, file = target_for(Estimator), tmp_path / "rate"
    file.write_text("0.02\n")
    control = LearningRateControl(file)
    whole = small(Estimator).set_callbacks(control).fit(X, y)
    direct = small(Estimator, learning_rate_init=0.02).fit(X, y)
    assert_array_equal(predictions(whole, X), predictions(direct, X))
    killed = small(Estimator).set_callbacks(control, Checkpoint(tmp_path / "a"), At(9, kill))
    with pytest.raises(Killed):
        killed.fit(X, y)
    resumed = Checkpoint.resume(tmp_path / "a")
    resumed.set_callbacks(*resumed._skl_callbacks[:2]).fit(X, y)
    assert_array_equal(predictions(resumed, X), predictions(direct, X))
    assert resumed.learning_rate_init == 0.1


# ------------------------------------------------------------------------------------------- logs

COLUMNS = [
    *("epoch", "group", "loss", "validation_loss", "validation_score"),
    *("learning_rate", "gradient_norm", "seconds"),
]


def read(path):
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text().splitlines()]
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [{name: float(v) if v else None for name, v in row.items()} for row in rows]


@BOTH
@pytest.mark.parametrize("n_members", [1, 2])
@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_a_line_per_epoch_of_each_group(tmp_path, Estimator, n_members, suffix):
    path, y = tmp_path / f"log{suffix}", target_for(Estimator)
    model = small(Estimator, n_members=n_members)
    rows = read(path) if model.set_callbacks(TrainingLog(path)).fit(X, y) else []
    assert [list(row) for row in rows] == [COLUMNS] * n_epochs(model)
    assert [row["epoch"] for row in rows] == list(range(n_epochs(model)))
    for number, curve in enumerate(model.loss_curve_):
        of_group = [row for row in rows if row["group"] == number]
        assert [row["loss"] for row in of_group] == curve
        scores = [row["validation_score"] for row in of_group]
        watched = model.validation_scores_[number]
        # In the refit no rows are held out.
        assert scores == watched + [None] * (len(curve) - len(watched))
        assert [row["learning_rate"] for row in of_group] == model._groups[number].curves.rate
    assert all(0 < row["gradient_norm"] < 1e3 for row in rows)
    assert_array_equal(
        predictions(model, X), predictions(small(Estimator, n_members=n_members).fit(X, y), X)
    )


@BOTH
def test_a_log_goes_on_with_the_fit(tmp_path, Estimator):
    path, y = tmp_path / "log.csv", target_for(Estimator)
    callbacks = [TrainingLog(path), Checkpoint(tmp_path / "a", every=3)]
    for epoch in (4, 8):
        with pytest.raises(Killed):
            small(Estimator).set_callbacks(*callbacks, At(epoch, kill)).fit(X, y)
        resumed = Checkpoint.resume(tmp_path / "a")
        resumed.set_callbacks(*resumed._skl_callbacks[:2]).fit(X, y)
        rows = read(path)
        assert [row["epoch"] for row in rows] == list(range(n_epochs(resumed)))
        assert [row["loss"] for row in rows] == [*chain(*resumed.loss_curve_)]
