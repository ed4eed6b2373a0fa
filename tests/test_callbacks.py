"""Callbacks of skdeep's own: the learning rate by hand, checkpoints, logs."""

import copy
import csv
import json
import pickle
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from interruptions import Killed
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from skdeep import DeepMLPClassifier, DeepMLPRegressor, LogisticRegressionGD, SoftmaxClassifier
from skdeep.callbacks import Checkpoint, LearningRateControl, TrainingLog
from skdeep.estimators._callbacks import HAS_CALLBACKS, callbacks_of
from skdeep.model_selection import VectorizedGridSearchCV

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.skipif(not HAS_CALLBACKS, reason="this scikit-learn has no callbacks"),
]

X, y = load_iris(return_X_y=True)
X = scale(X)


def network(**parameters):
    defaults = {"max_iter": 8, "batch_size": 32, "random_state": 0, "tol": 0}
    return DeepMLPClassifier((6,), **{**defaults, **parameters})


def same(found, expected):
    """Whether two fits have come to the same, to the last bit."""
    assert_array_equal(found._state.theta, expected._state.theta)
    assert_array_equal(found._state.statistics, expected._state.statistics)
    assert found.loss_curve_ == expected.loss_curve_
    assert found.n_iter_ == expected.n_iter_
    assert found.validation_scores_ == expected.validation_scores_
    assert found.best_epoch_ == expected.best_epoch_


def decay(epoch, loss_curve):
    """A rate for every other epoch."""
    return 0.1 / (1 + epoch) if epoch % 2 == 0 else None


def inverse_time(epoch, loss_curve):
    return 0.1 / (1 + epoch)


def shrink(X_batch, y_batch, random_state):
    return X_batch * random_state.uniform(0.8, 1, (X_batch.shape[0], 1)), y_batch


class SetAt:
    """Sets parameters before an epoch."""

    def __init__(self, epoch, **parameters):
        self.epoch, self.parameters = epoch, parameters

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context):
        if context.task_name == "epoch" and context.task_id == self.epoch:
            estimator.set_params(**self.parameters)

    def on_fit_task_end(self, estimator, context):
        return False


# ------------------------------------------------------------------------ parameters that change


@pytest.mark.parametrize(
    "parameters",
    [
        {"learning_rate_init": 0.05},
        {"alpha": 5.0},
        {"dropout": 0.4},
        {"alpha": 1.0, "l1_ratio": 0.5, "gradient_clip": 0.1, "beta_1": 0.5},
        {"label_smoothing": 0.2, "learning_rate": "exponential"},
    ],
    ids=str,
)
@pytest.mark.parametrize("epoch", [0, 3])
def test_what_a_callback_sets_holds_from_then_on(parameters, epoch):
    found = network().set_callbacks(SetAt(epoch, **parameters)).fit(X, y)
    expected = network()
    for i in range(8):
        if i == epoch:
            expected.set_params(**parameters)
        expected.partial_fit(X, y, classes=np.unique(y))
    assert_array_equal(found._state.theta, expected._state.theta)
    assert found.loss_curve_ == expected.loss_curve_


def test_what_is_watched_changes_too():
    patient = network(max_iter=30, early_stopping=True, n_iter_no_change=100)
    assert patient.fit(X, y).n_iter_ == 30
    patient.set_callbacks(SetAt(5, n_iter_no_change=1, tol=1.0)).fit(X, y)
    assert patient.n_iter_ == 7


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"batch_norm": True}, "batch_norm cannot change while a fit runs.* from False to True"),
        ({"hidden_layer_sizes": (9,)}, "hidden_layer_sizes cannot change while a fit runs"),
        ({"max_iter": 20}, "max_iter cannot change while a fit runs"),
        ({"alpha": -1.0}, "'alpha' parameter of DeepMLPClassifier must be a float in the range"),
    ],
)
def test_what_cannot_change_raises(parameters, message):
    with pytest.raises(ValueError, match=message):
        network().set_callbacks(SetAt(2, **parameters)).fit(X, y)


@pytest.mark.parametrize("parameters", [{"batch_norm": True}, {"early_stopping": True}], ids=str)
def test_what_cannot_change_raises_after_the_last_epoch_too(parameters):
    class SetLast(SetAt):
        def on_fit_task_end(self, estimator, context):
            if context.task_id == 7:
                estimator.set_params(**self.parameters)

    with pytest.raises(ValueError, match="cannot change while a fit runs"):
        network().set_callbacks(SetLast(None, **parameters)).fit(X, y)


def test_what_is_set_as_the_fit_begins_is_checked_as_usual():
    class SetFirst(SetAt):
        def on_fit_task_begin(self, estimator, context):
            if context.task_name == "fit":
                estimator.set_params(**self.parameters)

    with pytest.raises(ValueError, match="'alpha' parameter of DeepMLPClassifier must be"):
        network().set_callbacks(SetFirst(None, alpha=-1)).fit(X, y)
    found = network().set_callbacks(SetFirst(None, hidden_layer_sizes=(3,))).fit(X, y)
    assert found.coefs_[0].shape == (4, 3)


def test_equal_values_are_no_change_and_changes_in_place_are():
    class Touch(SetAt):
        def on_fit_task_begin(self, estimator, context):
            estimator.set_params(hidden_layer_sizes=(6,), validation_fraction=0.2 / 2)
            if context.task_name == "epoch" and context.task_id == 3:
                estimator.dropout[0] = 0.4

    found = network(dropout=[0.0]).set_callbacks(Touch(None)).fit(X, y)
    expected = network(dropout=[0.0]).set_callbacks(SetAt(3, dropout=0.4)).fit(X, y)
    assert_array_equal(found._state.theta, expected._state.theta)


def test_a_fit_that_changes_warns_of_its_settings_once():
    model = network(batch_size=1000, learning_rate="cosine", decay_epochs=3)
    with pytest.warns(UserWarning, match="clipped") as caught:
        model.set_callbacks(LearningRateControl(inverse_time)).fit(X, y)
    assert sum("clipped" in str(one.message) for one in caught) == 1


@pytest.mark.parametrize("solver", ["lbfgs", "gd"])
def test_full_batch_solvers_take_up_no_change(solver):
    model = LogisticRegressionGD(solver=solver).set_callbacks(SetAt(1, alpha=0.1))
    with pytest.raises(ValueError, match=f"alpha cannot change while solver='{solver}' runs"):
        model.fit(X, y > 0)


# ------------------------------------------------------------------------------ the learning rate


@pytest.mark.parametrize(
    "Estimator", [DeepMLPClassifier, DeepMLPRegressor, SoftmaxClassifier, LogisticRegressionGD]
)
def test_a_function_sets_the_rate_of_each_epoch(Estimator):
    parameters = {"max_iter": 6, "tol": 0, "random_state": 0, "solver": "sgd"}
    target = y > 0 if Estimator is LogisticRegressionGD else y
    control = LearningRateControl(inverse_time)
    found = Estimator(**parameters).set_callbacks(control).fit(X, target)
    expected = Estimator(learning_rate="inverse_time", learning_rate_init=0.1, **parameters)
    assert_allclose(found._state.theta, expected.fit(X, target)._state.theta, atol=1e-12)
    assert found.learning_rate_init == Estimator().learning_rate_init


def test_a_function_sees_the_losses_and_may_leave_the_rate():
    seen = []

    def look(epoch, loss_curve):
        seen.append((epoch, len(loss_curve)))

    found = network().set_callbacks(LearningRateControl(look)).fit(X, y)
    assert seen == [(i, i) for i in range(8)]
    same(found, network().fit(X, y))


def test_a_file_steers_a_fit_that_runs(tmp_path):
    path = tmp_path / "rate.txt"

    class Hand:
        """Someone at another terminal."""

        def on_fit_task_begin(self, estimator, context):
            if context.task_name == "epoch" and context.task_id in (2, 3, 5):
                path.write_text({2: " 0.05\n", 3: "", 5: "2e-1\n"}[context.task_id])

        def on_fit_task_end(self, estimator, context): ...
        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...

    found = network().set_callbacks(Hand(), LearningRateControl(path)).fit(X, y)
    expected = network(
        learning_rate=lambda epoch: 1.0 if epoch < 2 else 50.0 if epoch < 5 else 200.0
    )
    assert_allclose(found._state.theta, expected.fit(X, y)._state.theta, atol=1e-12)


def test_a_file_that_holds_no_rate_is_complained_of_once(tmp_path):
    path = tmp_path / "rate.txt"
    path.write_text("fast\n")
    with pytest.warns(UserWarning, match=r"must hold one finite number > 0.*got b'fast") as caught:
        found = network().set_callbacks(LearningRateControl(path)).fit(X, y)
    assert sum("one finite number" in str(one.message) for one in caught) == 1
    same(found, network().fit(X, y))


@pytest.mark.parametrize("rate", [0.0, -1, np.nan, np.inf, "0.1"])
def test_a_function_that_gives_no_rate_raises(rate):
    control = LearningRateControl(lambda epoch, loss_curve: rate)
    with pytest.raises(ValueError, match="must return a finite number > 0 or None, got"):
        network().set_callbacks(control).fit(X, y)


def test_control_is_of_stochastic_solvers_of_skdeep():
    with pytest.raises(TypeError, match="rate must be a function"):
        LearningRateControl(0.1)
    with pytest.raises(ValueError, match=r"needs a stochastic solver.*got solver='lbfgs'"):
        network(solver="lbfgs").set_callbacks(LearningRateControl(decay)).fit(X, y)
    model = network().set_callbacks(LearningRateControl(lambda epoch, curve: -1.0))
    with pytest.raises(ValueError, match="must return"):
        model.fit(X, y)
    assert model.learning_rate_init == 0.001  # given back after an error, too
    for callback in (LearningRateControl(decay), TrainingLog("log.csv"), Checkpoint("a")):
        with pytest.raises(TypeError, match="follows the epochs of skdeep's estimators"):
            callback.setup(StandardScaler(), None)


# ------------------------------------------------------------------------ what callbacks are given


class Curves:
    """Keeps the curves of the copies that it is given as of the end of each epoch."""

    def __init__(self):
        self.found = []

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        if context.task_name == "epoch":
            names = ("loss_curve_", "validation_scores_", "validation_loss_curve_")
            self.found.append([getattr(fitted_estimator, name) for name in names])


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_copy_as_of_an_epochs_end_has_the_curves_until_then(early_stopping):
    curves = Curves()
    model = network(early_stopping=early_stopping).set_callbacks(curves).fit(X, y)
    whole = (model.loss_curve_, model.validation_scores_, model.validation_loss_curve_)
    assert len(curves.found) == model.n_iter_
    for n, found in enumerate(curves.found, start=1):
        assert found == [None if curve is None else curve[:n] for curve in whole]


# ------------------------------------------------------------------------------- in a pipeline


def all_of_them(folder):
    """Of each kind one, in files of their own."""
    folder.mkdir(exist_ok=True)
    return [
        LearningRateControl(decay),
        TrainingLog(folder / "log.csv"),
        TrainingLog(folder / "log.jsonl"),
        Checkpoint(folder / "saved"),
    ]


def epochs_in(folder):
    """The files of such callbacks, without the clock."""
    with (folder / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    for row in rows + lines:
        del row["seconds"]
    return rows, lines


@pytest.mark.parametrize("n_levels", [1, 2])
def test_on_a_pipeline_they_follow_its_last_step(n_levels, tmp_path):
    model = network()
    for _ in range(n_levels):
        model = make_pipeline(StandardScaler(), model)
    on_step, on_whole = tmp_path / "step", tmp_path / "whole"
    expected = clone(model)
    last_of(expected).set_callbacks(*all_of_them(on_step))
    expected.fit(X, y)
    callbacks = all_of_them(on_whole)
    model.set_callbacks(*callbacks).fit(X, y)
    same(last_of(model), last_of(expected))
    assert epochs_in(on_whole) == epochs_in(on_step)
    assert len(epochs_in(on_whole)[0]) == last_of(model).n_iter_
    # The step had them for the time of the fit, and the pipeline still has them.
    assert callbacks_of(last_of(model)) == []
    assert callbacks_of(model) == callbacks
    model.fit(X, y)
    same(last_of(model), last_of(expected))


def last_of(model):
    return last_of(model[-1]) if hasattr(model, "steps") else model


def test_on_a_pipeline_scikit_learns_own_are_set_in_the_same_way(tmp_path):
    pytest.importorskip("rich")
    from sklearn.callback import ProgressBar

    log = TrainingLog(tmp_path / "log.csv")
    model = make_pipeline(StandardScaler(), network())
    model.set_callbacks(ProgressBar(max_propagation_depth=None), log).fit(X, y)
    assert len(log.path.read_text().splitlines()) == 1 + model[-1].n_iter_
    assert callbacks_of(model[-1]) == []


def test_what_a_pipeline_has_saved_goes_on(tmp_path):
    path = tmp_path / "saved"
    model = make_pipeline(StandardScaler(), network())
    expected = clone(model).fit(X, y)
    model[-1].set_callbacks(KillAfter(4))
    with pytest.raises(Killed):
        model.set_callbacks(Checkpoint(path)).fit(X, y)
    saved = Checkpoint.resume(path).set_callbacks()
    saved.fit(StandardScaler().fit_transform(X), y)
    same(saved, expected[-1])


def test_after_a_fit_that_failed_the_step_has_none_either(tmp_path):
    model = make_pipeline(StandardScaler(), network(alpha=-1))
    log = TrainingLog(tmp_path / "log.csv")
    for _ in range(2):
        with pytest.raises(ValueError, match="alpha"):
            model.set_callbacks(log).fit(X, y)
        assert callbacks_of(model[-1]) == []
    model.set_params(deepmlpclassifier__alpha=1).fit(X, y)


def test_one_that_is_on_both_is_heard_once_and_stays(tmp_path):
    log = TrainingLog(tmp_path / "log.csv")
    model = make_pipeline(StandardScaler(), network().set_callbacks(log)).set_callbacks(log)
    model.fit(X, y)
    assert len(log.path.read_text().splitlines()) == 1 + model[-1].n_iter_
    assert callbacks_of(model[-1]) == [log]


@pytest.mark.parametrize("number", range(4))
def test_what_has_no_epochs_is_told_of_with_the_line_that_is_right(number, tmp_path):
    callback = all_of_them(tmp_path)[number]
    follows = "follows the epochs of skdeep's estimators, and of pipelines that end in one, got"
    model = make_pipeline(StandardScaler(), LogisticRegression()).set_callbacks(callback)
    with pytest.raises(TypeError, match=f"{follows} LogisticRegression"):
        model.fit(X, y)
    search = VectorizedGridSearchCV(network(), {"alpha": [0.1]}).set_callbacks(callback)
    line = r"search\.best_estimator_\.set_callbacks\("
    if isinstance(callback, Checkpoint):
        line = r"search\.set_params\(checkpoint='.*saved'\)\.fit\(X, y\)"
    with pytest.raises(TypeError, match=f"got VectorizedGridSearchCV, a search. Instead: {line}"):
        search.fit(X, y)


def test_in_the_candidates_of_a_search_a_checkpoint_names_the_searchs_own(tmp_path):
    model = make_pipeline(StandardScaler(), network()).set_callbacks(Checkpoint(tmp_path / "one"))
    search = VectorizedGridSearchCV(
        model, {"deepmlpclassifier__alpha": [0.1]}, error_score="raise", cv=2
    )
    with pytest.raises(ValueError, match=r"search\.set_params\(checkpoint=path\)"):
        search.fit(X, y)


# ------------------------------------------------------------------------------------- checkpoints


class KillAfter:
    """Ends the fit in the hook of an epoch, without a chance to tidy up."""

    def __init__(self, n_epochs):
        self.n_epochs = n_epochs

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch" and context.task_id + 1 == self.n_epochs:
            raise Killed


CONFIGURATIONS = {
    "adam": {},
    "momentum, dropout": {"solver": "sgd", "dropout": 0.3, "input_dropout": 0.1},
    "batch norm": {"batch_norm": True, "solver": "rmsprop"},
    "early stopping": {"early_stopping": True, "n_iter_no_change": 2, "tol": 1e-3, "max_iter": 40},
    "plateau": {"tol": 1.0, "n_iter_no_change": 3, "max_iter": 40},
    "adaptive": {"learning_rate": "adaptive", "tol": 1.0, "n_iter_no_change": 2, "max_iter": 12},
    "cosine": {"learning_rate": "cosine"},
    "float32, l1": {"dtype": "float32", "alpha": 1.0, "l1_ratio": 0.5},
}


@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_a_fit_that_was_killed_goes_on_as_if_it_had_not_been(tmp_path, name, every):
    path = tmp_path / "model"
    whole = network(**CONFIGURATIONS[name]).fit(X, y)
    model = network(**CONFIGURATIONS[name])
    kill = max(1, whole.n_iter_ // 2)
    with pytest.raises(Killed):
        model.set_callbacks(Checkpoint(path, every=every), KillAfter(kill)).fit(X, y)
    resumed = Checkpoint.resume(path)
    assert resumed._paused.n_epochs == kill // every * every
    resumed.set_callbacks(Checkpoint(path, every=every)).fit(X, y)
    same(resumed, whole)
    # And so does one that had come to its end.
    same(Checkpoint.resume(path).fit(X, y), whole)
    # A fit after that is a fit from the start.
    same(resumed.set_callbacks().fit(X, y), whole)


def test_a_regression_under_control_goes_on(tmp_path):
    X, y = load_diabetes(return_X_y=True)
    X, y = scale(X), scale(y)
    parameters = {"max_iter": 9, "random_state": 0, "tol": 0}
    callbacks = [LearningRateControl(decay), Checkpoint(tmp_path / "a")]
    whole = (
        DeepMLPRegressor(hidden_layer_sizes=(5,), **parameters).set_callbacks(*callbacks).fit(X, y)
    )
    with pytest.raises(Killed):
        DeepMLPRegressor(hidden_layer_sizes=(5,), **parameters).set_callbacks(
            *callbacks, KillAfter(4)
        ).fit(X, y)
    resumed = Checkpoint.resume(tmp_path / "a")
    assert [type(one).__name__ for one in resumed._skl_callbacks] == [
        "LearningRateControl",
        "Checkpoint",
        "KillAfter",
    ]
    assert resumed.learning_rate_init == clone(resumed).learning_rate_init == 0.001
    resumed.set_callbacks(*resumed._skl_callbacks[:2]).fit(X, y)
    same(resumed, whole)
    assert resumed.learning_rate_init == 0.001


def test_a_dev_set_and_a_warm_start_go_on(tmp_path):
    fit_params = {"X_val": X[::5], "y_val": y[::5]}
    whole = network(warm_start=True).fit(X, y).fit(X, y, **fit_params)
    model = network(warm_start=True).fit(X, y)
    with pytest.raises(Killed):
        model.set_callbacks(Checkpoint(tmp_path / "a"), KillAfter(5)).fit(X, y, **fit_params)
    resumed = Checkpoint.resume(tmp_path / "a").set_callbacks().fit(X, y, **fit_params)
    assert_array_equal(resumed._state.theta, whole._state.theta)
    assert resumed.loss_curve_ == whole.loss_curve_


def test_a_checkpoint_predicts_and_learns_epoch_by_epoch(tmp_path):
    with pytest.raises(Killed):
        network().set_callbacks(Checkpoint(tmp_path / "a"), KillAfter(5)).fit(X, y)
    resumed = Checkpoint.resume(tmp_path / "a")
    assert_array_equal(resumed.predict_proba(X), network(max_iter=5).fit(X, y).predict_proba(X))
    for _ in range(3):
        resumed.partial_fit(X, y)
    assert_array_equal(resumed._state.theta, network().fit(X, y)._state.theta)
    assert not hasattr(clone(Checkpoint.resume(tmp_path / "a")), "_state")


def test_older_checkpoints_are_kept_beside_the_last(tmp_path):
    path = tmp_path / "model.pickle"
    network().set_callbacks(Checkpoint(path, every=2, keep=3)).fit(X, y)
    kept = {file.name for file in tmp_path.iterdir()}
    assert kept == {"model.pickle", "model.pickle.epoch-4", "model.pickle.epoch-6"}
    expected = network(max_iter=4).fit(X, y)
    found = Checkpoint.resume(tmp_path / "model.pickle.epoch-4")
    assert_array_equal(found.predict_proba(X), expected.predict_proba(X))
    same(found.set_callbacks().fit(X, y), network().fit(X, y))


def test_a_second_run_replaces_what_the_first_has_left(tmp_path):
    path = tmp_path / "a"
    network().set_callbacks(Checkpoint(path, keep=3)).fit(X, y)
    assert {file.name for file in tmp_path.iterdir()} == {"a", "a.epoch-6", "a.epoch-7"}
    network(max_iter=3).set_callbacks(Checkpoint(path, keep=3)).fit(X, y)
    assert {file.name for file in tmp_path.iterdir()} == {"a", "a.epoch-1", "a.epoch-2"}
    assert Checkpoint.resume(path)._paused.n_epochs == 3


class StopAfter(KillAfter):
    """Asks for an end."""

    def on_fit_task_end(self, estimator, context):
        return context.task_name == "epoch" and context.task_id + 1 == self.n_epochs


@pytest.mark.parametrize("every", [1, 100])
@pytest.mark.parametrize("order", [1, -1])
def test_an_end_that_another_callback_asked_for_is_saved(tmp_path, every, order):
    callbacks = [Checkpoint(tmp_path / "a", every=every), StopAfter(5)][::order]
    stopped = network().set_callbacks(*callbacks).fit(X, y)
    assert stopped.n_iter_ == 5
    same(Checkpoint.resume(tmp_path / "a").fit(X, y), stopped)


@pytest.mark.parametrize("form", [b"", b"2 ", b"3 "])
def test_a_checkpoint_of_an_earlier_version_is_refused_and_may_be_replaced(form, tmp_path):
    path = tmp_path / "a"
    # As skdeep wrote them before a fit was kept as it is now; what follows names lost modules.
    path.write_bytes(
        b"skdeep checkpoint %bof epoch 12\n\x80\x04cskdeep.estimators._progress\nGone\n." % form
    )
    with pytest.raises(ValueError, match=r"earlier version of skdeep.*start the fit anew"):
        Checkpoint.resume(path)
    model = network().set_callbacks(Checkpoint(path)).fit(X, y)
    same(Checkpoint.resume(path).fit(X, y), model)
    path.write_bytes(b"something else")
    with pytest.raises(FileExistsError, match="no Checkpoint has written"):
        model.fit(X, y)


class Interrupt(KillAfter):
    """Ctrl-C in the midst of an epoch."""

    def __call__(self, X_batch, y_batch, random_state):
        self.n_epochs -= 1
        if self.n_epochs == 0:
            raise KeyboardInterrupt
        return X_batch, y_batch


def test_a_fit_that_was_interrupted_goes_on_from_its_last_whole_epoch(tmp_path):
    model = network(augment=Interrupt(5 * 3 + 2))  # five batches an epoch
    log = TrainingLog(tmp_path / "log.csv")
    model.set_callbacks(Checkpoint(tmp_path / "a"), log)
    with pytest.warns(UserWarning, match="interrupted"):
        model.fit(X, y)
    assert [row["epoch"] for row in read(log.path)] == [0, 1, 2]
    resumed = Checkpoint.resume(tmp_path / "a")
    assert resumed._paused.n_epochs == 3
    resumed.set_params(augment=None).fit(X, y)
    same(resumed, network().fit(X, y))


def test_an_epoch_that_diverged_is_not_saved(tmp_path):
    jump = LearningRateControl(lambda epoch, loss_curve: 1e-3 if epoch < 4 else 1e300)
    model = network().set_callbacks(jump, Checkpoint(tmp_path / "a"))
    with pytest.raises(ValueError, match="non-finite"):
        model.fit(X, y)
    with pytest.warns(UserWarning, match="set them again"):
        resumed = Checkpoint.resume(tmp_path / "a")
    assert np.isfinite(resumed._state.theta).all()
    same(resumed.fit(X, y), network().fit(X, y))


@pytest.mark.parametrize(
    "fit_params",
    [{"sample_weight": np.arange(150.0) % 3}, {"X_val": X[::7], "y_val": y[::7]}],
    ids=["sample_weight", "X_val"],
)
def test_weights_and_a_dev_set_go_on(tmp_path, fit_params):
    parameters = {"class_weight": {1: 2.0}, "label_smoothing": 0.1, "augment": shrink}
    whole = network(**parameters).fit(X, y, **fit_params)
    model = network(**parameters).set_callbacks(Checkpoint(tmp_path / "a"), KillAfter(5))
    with pytest.raises(Killed):
        model.fit(X, y, **fit_params)
    resumed = Checkpoint.resume(tmp_path / "a").set_callbacks()
    with pytest.raises(ValueError, match="goes on with the data it began with"):
        resumed.fit(X, y)
    same(resumed.fit(X, y, **fit_params), whole)


def test_a_resumed_fit_that_fails_keeps_its_place(tmp_path):
    with pytest.raises(Killed):
        network().set_callbacks(Checkpoint(tmp_path / "a"), KillAfter(3)).fit(X, y)
    resumed = Checkpoint.resume(tmp_path / "a")
    for fails_at in (0, 2):  # counted from where the fit goes on
        resumed.set_callbacks(SetAt(fails_at, alpha=-1.0))
        with pytest.raises(ValueError, match="'alpha' parameter"):
            resumed.fit(X, y)
        resumed.set_params(alpha=1e-4)
    same(resumed.set_callbacks().fit(X, y), network().fit(X, y))


def test_the_last_epoch_is_saved_whatever_every_says(tmp_path):
    network().set_callbacks(Checkpoint(tmp_path / "a", every=100)).fit(X, y)
    assert Checkpoint.resume(tmp_path / "a")._paused.n_epochs == 8


def test_callbacks_that_cannot_be_saved_are_named(tmp_path):
    unsaved = LearningRateControl(lambda epoch, loss_curve: 0.01)
    network().set_callbacks(unsaved, Checkpoint(tmp_path / "a")).fit(X, y)
    with pytest.warns(UserWarning, match=r"set them again: \['LearningRateControl'\]"):
        Checkpoint.resume(tmp_path / "a")


def test_what_cannot_be_checkpointed_says_so(tmp_path):
    path = tmp_path / "a"
    with pytest.raises(ValueError, match="every must be an integer >= 1, got 0"):
        Checkpoint(path, every=0)
    with pytest.raises(ValueError, match=r"keep must be an integer >= 1, got 1\.5"):
        Checkpoint(path, keep=1.5)
    with pytest.raises(ValueError, match=r"needs a stochastic solver.*got solver='lbfgs'"):
        network(solver="lbfgs").set_callbacks(Checkpoint(path)).fit(X, y)
    with pytest.raises(FileNotFoundError, match="path must be in a folder that exists"):
        network().set_callbacks(Checkpoint(tmp_path / "no" / "a")).fit(X, y)
    with pytest.raises(TypeError, match="one of its parameters cannot be pickled"):
        network(learning_rate=lambda epoch: 1.0).set_callbacks(Checkpoint(path)).fit(X, y)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(FileNotFoundError):
        Checkpoint.resume(path)
    path.write_bytes(pickle.dumps([1]))
    with pytest.raises(ValueError, match="was not written by a Checkpoint"):
        Checkpoint.resume(path)
    with pytest.raises(FileExistsError, match="path is a file that no Checkpoint has written"):
        network().set_callbacks(Checkpoint(path)).fit(X, y)


def test_other_data_or_another_network_do_not_go_on(tmp_path):
    with pytest.raises(Killed):
        network().set_callbacks(Checkpoint(tmp_path / "a"), KillAfter(5)).fit(X, y)
    resumed = Checkpoint.resume(tmp_path / "a").set_callbacks()
    for other in ((X[1:], y[1:]), (X, y[::-1]), (X[:, ::-1], y), (X, y, np.ones(150))):
        with pytest.raises(ValueError, match="goes on with the data it began with"):
            resumed.fit(*other)
    with pytest.raises(ValueError, match="Training cannot go on after hidden_layer_sizes has"):
        copy.deepcopy(resumed).set_params(hidden_layer_sizes=(9,)).fit(X, y)
    same(resumed.fit(X, y), network().fit(X, y))


def test_the_columns_of_a_frame_keep_their_names(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcd"))
    with pytest.raises(Killed):
        network().set_callbacks(Checkpoint(tmp_path / "a"), KillAfter(3)).fit(frame, y)
    resumed = Checkpoint.resume(tmp_path / "a").set_callbacks()
    assert resumed.feature_names_in_.tolist() == list("abcd")
    with pytest.raises(ValueError, match="feature names"):
        resumed.fit(frame[["b", "a", "c", "d"]], y)
    same(resumed.fit(frame, y), network().fit(frame, y))


def test_in_a_pipeline_the_step_is_saved(tmp_path):
    model = make_pipeline(StandardScaler(), network())
    model[-1].set_callbacks(Checkpoint(tmp_path / "a"))
    model.fit(X, y)
    resumed = Checkpoint.resume(tmp_path / "a")
    assert_array_equal(resumed.predict_proba(scale(X)), model.predict_proba(X))


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="needs fork")
def test_killed_at_twenty_random_moments(tmp_path):
    """SIGKILL, at any moment whatever, leaves a checkpoint that goes on to the very same model."""
    program = """
        import os, signal, time, warnings
        import numpy as np
        from pathlib import Path
        from sklearn.datasets import load_digits
        from skdeep import DeepMLPClassifier
        from skdeep.callbacks import Checkpoint

        warnings.simplefilter("ignore")
        X, y = load_digits(return_X_y=True)
        folder = Path("FOLDER")
        path, end = folder / "checkpoint", folder / "end.npz"

        def network():
            return DeepMLPClassifier(
                (16, 16), batch_size=16, max_iter=500, tol=0, n_iter_no_change=1000, dropout=0.1,
                batch_norm=True, early_stopping=True, learning_rate="exponential", random_state=0,
            )

        def train():
            if path.exists():
                model = Checkpoint.resume(path)
            else:
                model = network().set_callbacks(Checkpoint(path))
            model.fit(X / 16, y)
            np.savez(end, theta=model._state.theta, losses=model.loss_curve_)

        def in_a_child():
            child = os.fork()
            if child == 0:
                train()
                os._exit(0)
            return child

        def epochs_saved():
            return Checkpoint.resume(path)._paused.n_epochs if path.exists() else 0

        random, seconds, before = np.random.default_rng(), 0.05, 0
        for _ in range(20):
            child = in_a_child()
            time.sleep(random.uniform(0, seconds))
            os.kill(child, signal.SIGKILL)
            how = os.waitpid(child, 0)[1]
            assert os.WIFSIGNALED(how), f"it ended by itself after {epochs_saved()} epochs"
            # Long enough to get somewhere, on a machine that has other things to do, too.
            before, now = epochs_saved(), before
            seconds *= 1.5 if before == now else 0.9
        assert 0 < before < 500
        os.waitpid(in_a_child(), 0)
        found, whole = np.load(end), network().fit(X / 16, y)
        np.testing.assert_array_equal(found["theta"], whole._state.theta)
        np.testing.assert_array_equal(found["losses"], whole.loss_curve_)
    """
    program = textwrap.dedent(program).replace("FOLDER", str(tmp_path))
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


# -------------------------------------------------------------------------------------------- logs


def read(path):
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text().splitlines()]
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [{name: float(v) if v else None for name, v in row.items()} for row in rows]


COLUMNS = [
    *("epoch", "loss", "validation_loss", "validation_score"),
    *("learning_rate", "gradient_norm", "seconds"),
]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_a_line_per_epoch(tmp_path, suffix):
    path = tmp_path / f"log{suffix}"
    model = network(early_stopping=True, learning_rate="exponential")
    model.set_callbacks(TrainingLog(path)).fit(X, y)
    rows = read(path)
    assert [list(row) for row in rows] == [COLUMNS] * 8
    assert [row["epoch"] for row in rows] == list(range(8))
    assert [row["loss"] for row in rows] == model.loss_curve_
    assert [row["validation_loss"] for row in rows] == model.validation_loss_curve_
    assert [row["validation_score"] for row in rows] == model.validation_scores_
    assert_allclose([row["learning_rate"] for row in rows], 0.001 * 0.95 ** np.arange(8))
    seconds = [row["seconds"] for row in rows]
    assert seconds == sorted(seconds)
    assert seconds[0] > 0


def test_the_gradients_norm_is_that_of_plain_descent(tmp_path):
    path = tmp_path / "log.csv"
    model = network(solver="sgd", momentum=0.0, batch_size="full", max_iter=2, alpha=0)
    thetas = []

    class Keep(KillAfter):
        def on_fit_task_begin(self, estimator, context):
            if context.task_name == "epoch":
                thetas.append(estimator._state.theta.copy())

    model.set_callbacks(TrainingLog(path), Keep(None)).fit(X, y)
    thetas.append(model._state.theta)
    steps = np.linalg.norm(np.diff(thetas, axis=0), axis=1) / 0.001
    assert_allclose([row["gradient_norm"] for row in read(path)], steps, rtol=1e-6)
    same(model, DeepMLPClassifier(**model.get_params()).fit(X, y))


def test_full_batch_solvers_have_no_rate(tmp_path):
    path = tmp_path / "log.csv"
    model = LogisticRegressionGD(solver="lbfgs").set_callbacks(TrainingLog(path)).fit(X, y > 0)
    rows = read(path)
    assert len(rows) == model.n_iter_
    assert all(row["learning_rate"] is row["gradient_norm"] is None for row in rows)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_a_log_goes_on_with_the_fit(tmp_path, suffix):
    path = tmp_path / f"log{suffix}"
    callbacks = [TrainingLog(path), Checkpoint(tmp_path / "a", every=3)]
    with pytest.raises(Killed):
        network().set_callbacks(*callbacks, KillAfter(5)).fit(X, y)
    assert len(read(path)) == 5
    with path.open("a") as file:
        file.write('{"epoch": 5, "lo')  # cut off by the kill
    resumed = Checkpoint.resume(tmp_path / "a")
    resumed.set_callbacks(*resumed._skl_callbacks[:2]).fit(X, y)
    rows = read(path)
    assert [row["epoch"] for row in rows] == list(range(8))
    assert [row["loss"] for row in rows] == resumed.loss_curve_
    # A fit from the start begins the file anew.
    network(max_iter=2).set_callbacks(TrainingLog(path)).fit(X, y)
    assert [row["epoch"] for row in read(path)] == [0, 1]


def test_a_log_needs_a_folder(tmp_path):
    log = TrainingLog(tmp_path / "no" / "log.csv")
    with pytest.raises(FileNotFoundError, match="path must be in a folder that exists"):
        network().set_callbacks(log).fit(X, y)


def test_a_log_is_csv_or_json_lines():
    with pytest.raises(ValueError, match=r"path must end in \.csv or \.jsonl, got 'log\.txt'"):
        TrainingLog("log.txt")


def test_the_rates_that_were_used_are_kept():
    found = network().set_callbacks(LearningRateControl(inverse_time)).fit(X, y)
    assert_allclose(found._curves.rate, 0.1 / (1 + np.arange(8)))
    adaptive = network(learning_rate="adaptive", tol=10.0, n_iter_no_change=1).fit(X, y)
    assert adaptive._curves.rate[-1] < adaptive._curves.rate[0] == 0.001
    assert np.isnan(network(solver="lbfgs").fit(X, y)._curves.rate).all()


@pytest.mark.parametrize("schedule", ["constant", "exponential", "coslog4", "adaptive"])
def test_a_new_rate_each_epoch_binds_nothing_anew(schedule, monkeypatch):
    """It is that of a schedule which says the same, and costs what that costs."""
    import skdeep._engine.training as training

    made = []
    whole = training.Epochs.__init__

    def counted(self, *args, **kwargs):
        made.append(self)
        whole(self, *args, **kwargs)

    monkeypatch.setattr(training.Epochs, "__init__", counted)
    model = network(learning_rate=schedule, early_stopping=True, n_iter_no_change=3)
    found = clone(model).set_callbacks(LearningRateControl(inverse_time)).fit(X, y)
    assert len(made) == 1
    rates = np.array(found._curves.rate) * (1 + np.arange(found.n_iter_)) / 0.1
    plain = clone(model).set_params(learning_rate_init=1.0).fit(X, y)
    n = min(found.n_iter_, plain.n_iter_, 4)
    assert_allclose(rates[:n], plain._curves.rate[:n], rtol=1e-12)
    # Another parameter does need it.
    clone(model).set_callbacks(SetAt(2, alpha=1.0)).fit(X, y)
    assert len(made) == 4


class Pickle(SetAt):
    """Pickles the estimator as each epoch begins."""

    def __init__(self):
        self.copies = []

    def on_fit_task_begin(self, estimator, context):
        if context.task_name == "epoch":
            self.copies.append(pickle.loads(pickle.dumps(estimator)))

    def __getstate__(self):
        # Copies would hold all copies before them.
        return {"copies": []}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_an_estimator_can_be_pickled_from_a_callback(name):
    callback = Pickle()
    whole = network(**CONFIGURATIONS[name]).set_callbacks(callback).fit(X, y)
    assert len(callback.copies) == whole.n_iter_
    for copied in callback.copies[::5]:
        assert_array_equal(copied.set_callbacks().fit(X, y)._state.theta, whole._state.theta)
