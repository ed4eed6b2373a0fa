"""scikit-learn's fit callbacks (from 1.9 on): what they are told, what they see, what they can do.

A fit is a task, each of its epochs a task within. At the end of each a callback may look at the
estimator as if training had ended there, and may end it.
"""

import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import is_regressor
from sklearn.datasets import make_classification
from sklearn.metrics import get_scorer
from sklearn.model_selection import RandomizedSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

import skdeep
from skdeep import DeepMLPClassifier, DeepMLPRegressor, LogisticRegressionGD, SoftmaxClassifier
from skdeep._engine.solvers import SOLVERS as ROWS

try:
    from sklearn.callback import ProgressBar, ScoringMonitor
except ImportError:
    ProgressBar = ScoringMonitor = None

needs_callbacks = pytest.mark.skipif(ProgressBar is None, reason="this scikit-learn has none")
# Fits are short here.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

DEEP_SOLVERS = [name for name, row in ROWS.items() if row.takes_hidden_layers]
SOLVERS = {
    DeepMLPClassifier: DEEP_SOLVERS,
    DeepMLPRegressor: DEEP_SOLVERS,
    LogisticRegressionGD: list(ROWS),
    SoftmaxClassifier: list(ROWS),
}
every_estimator = pytest.mark.parametrize("Estimator", SOLVERS)
every_solver = pytest.mark.parametrize(
    ("Estimator", "solver"),
    [(Estimator, solver) for Estimator in SOLVERS for solver in SOLVERS[Estimator]],
)

X, y = make_classification(n_samples=60, random_state=0)
SAMPLE_WEIGHT = np.random.default_rng(0).integers(0, 3, 60).astype(float)


class Recorder:
    """Notes the hooks that are called and keeps the fitted estimators; may stop or raise."""

    def __init__(self, stop_after=None, raise_after=None):
        self.stop_after, self.raise_after = stop_after, raise_after
        self.hooks, self.fitted = [], []

    def setup(self, estimator, context):
        self.hooks.append("setup")

    def on_fit_task_begin(self, estimator, context):
        self.hooks.append(("begin", context.task_name, context.task_id))

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self.hooks.append(("end", context.task_name, context.task_id))
        if context.task_name != "epoch":
            return False
        self.fitted.append(fitted_estimator)
        if len(self.fitted) == self.raise_after:
            raise RuntimeError("a callback's own error")
        return len(self.fitted) == self.stop_after

    def teardown(self, estimator, context):
        self.hooks.append("teardown")


def hooks_of_fit(n_epochs):
    epochs = [(hook, "epoch", i) for i in range(n_epochs) for hook in ("begin", "end")]
    return ["setup", ("begin", "fit", 0), *epochs, ("end", "fit", 0), "teardown"]


def predictions(estimator):
    return estimator.predict(X) if is_regressor(estimator) else estimator.predict_proba(X)


# ------------------------------------------------------------------------------------ one fit


@needs_callbacks
@every_solver
# The fit is cut off by max_iter, or ends by itself.
@pytest.mark.parametrize("stopping", [{"max_iter": 4}, {"max_iter": 500, "tol": 0.1}])
def test_every_beginning_has_its_end(Estimator, solver, stopping):
    recorder = Recorder()
    estimator = Estimator(solver=solver, random_state=0, **stopping).set_callbacks(recorder)
    estimator.fit(X, y)
    assert 0 < estimator.n_iter_ < 500
    assert recorder.hooks == hooks_of_fit(estimator.n_iter_)


@needs_callbacks
@every_solver
@pytest.mark.parametrize("early_stopping", [False, True])
def test_fitted_estimator_is_the_fit_that_stopped_there(Estimator, solver, early_stopping):
    recorder = Recorder()
    parameters = {"solver": solver, "early_stopping": early_stopping, "random_state": 0}
    Estimator(max_iter=4, **parameters).set_callbacks(recorder).fit(X, y)
    assert len(recorder.fitted) == 4
    for n_epochs, fitted in enumerate(recorder.fitted, start=1):
        stopped = Estimator(max_iter=n_epochs, **parameters).fit(X, y)
        assert_array_equal(predictions(fitted), predictions(stopped))
        assert fitted.n_iter_ == n_epochs


@needs_callbacks
@every_solver
@pytest.mark.parametrize("early_stopping", [False, True])
def test_callback_stops_training(Estimator, solver, early_stopping):
    recorder = Recorder(stop_after=2)
    parameters = {"solver": solver, "early_stopping": early_stopping, "random_state": 0}
    estimator = Estimator(**parameters).set_callbacks(recorder)
    with warnings.catch_warnings():
        # Who asks for the end need not be told of it.
        warnings.simplefilter("error")
        estimator.fit(X, y)
    assert estimator.n_iter_ == 2
    assert recorder.hooks == hooks_of_fit(2)
    short = Estimator(max_iter=2, **parameters).fit(X, y)
    assert_array_equal(predictions(estimator), predictions(short))


@needs_callbacks
@every_solver
@pytest.mark.parametrize("sample_weight", [None, SAMPLE_WEIGHT], ids=["unweighted", "weighted"])
def test_scoring_monitor_scores_every_epoch(Estimator, solver, sample_weight):
    scoring = "r2" if is_regressor(Estimator()) else "neg_log_loss"
    monitor = ScoringMonitor(scoring=scoring)
    parameters = {"solver": solver, "random_state": 0}
    Estimator(max_iter=3, **parameters).set_callbacks(monitor).fit(X, y, sample_weight)
    logged = [row[scoring] for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    expected = [
        get_scorer(scoring)(
            Estimator(max_iter=n_epochs, **parameters).fit(X, y, sample_weight),
            *(X, y),
            sample_weight=sample_weight,
        )
        for n_epochs in (1, 2, 3)
    ]
    assert logged == expected


@needs_callbacks
@every_solver
def test_progress_bar(Estimator, solver, capsys):
    pytest.importorskip("rich")
    Estimator(solver=solver, max_iter=3, random_state=0).set_callbacks(ProgressBar()).fit(X, y)
    shown = capsys.readouterr().out
    assert f"{Estimator.__name__} - fit" in shown
    assert "100%" in shown


@needs_callbacks
@every_estimator
def test_partial_fit_calls_no_callback(Estimator):
    recorder = Recorder()
    estimator = Estimator(solver="adam").set_callbacks(recorder)
    estimator.partial_fit(X, y, **({} if is_regressor(estimator) else {"classes": [0, 1]}))
    assert recorder.hooks == []


@needs_callbacks
@every_solver
def test_callback_that_raises_is_torn_down(Estimator, solver):
    recorder = Recorder(raise_after=1)
    estimator = Estimator(solver=solver, max_iter=4, random_state=0).set_callbacks(recorder)
    with pytest.raises(RuntimeError, match="a callback's own error"):
        estimator.fit(X, y)
    assert recorder.hooks[-2:] == [("end", "epoch", 0), "teardown"]
    # Another fit is none the worse for it.
    plain = Estimator(solver=solver, max_iter=4, random_state=0).fit(X, y)
    assert_array_equal(predictions(estimator.set_callbacks().fit(X, y)), predictions(plain))


@needs_callbacks
@every_estimator
def test_callback_of_a_fit_that_raises_is_torn_down(Estimator):
    recorder = Recorder()
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        Estimator().set_callbacks(recorder).fit(X, y[:-1])
    assert recorder.hooks == ["setup", ("begin", "fit", 0), "teardown"]


# ------------------------------------------------------------------- inside of other estimators


def epoch_log(path):
    """A callback that writes a line to a file after each epoch, in whichever process that is."""

    # A class of this function's own travels to other processes whole, not by its name.
    class EpochLog:
        def setup(self, estimator, context): ...

        def on_fit_task_begin(self, estimator, context): ...

        def on_fit_task_end(self, estimator, context):
            if context.task_name == "epoch":
                with path.open("a") as file:
                    file.write(f"{estimator.solver}\n")

        def teardown(self, estimator, context): ...

    return EpochLog()


@needs_callbacks
@every_solver
def test_in_a_pipeline(Estimator, solver, tmp_path, capsys):
    pytest.importorskip("rich")
    scoring = "r2" if is_regressor(Estimator()) else "accuracy"
    monitor = ScoringMonitor(scoring=scoring)
    network = Estimator(solver=solver, max_iter=3, random_state=0)
    network.set_callbacks(monitor, epoch_log(tmp_path / "epochs"))
    pipeline = Pipeline([("scale", StandardScaler()), ("network", network)])
    pipeline.set_callbacks(ProgressBar()).fit(X, y)

    scores = [row[scoring] for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(scores) == 3
    assert scores[-1] == pipeline.score(X, y)
    assert (tmp_path / "epochs").read_text().split() == [solver] * 3
    assert Estimator.__name__ in capsys.readouterr().out


@needs_callbacks
@every_estimator
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_in_a_randomized_search(Estimator, n_jobs, tmp_path, capsys):
    pytest.importorskip("rich")
    scoring = "r2" if is_regressor(Estimator()) else "accuracy"
    monitor = ScoringMonitor(scoring=scoring)
    network = Estimator(max_iter=2, random_state=0)
    network.set_callbacks(monitor, epoch_log(tmp_path / "epochs"))
    search = RandomizedSearchCV(
        Pipeline([("scale", StandardScaler()), ("network", network)]),
        {"network__solver": SOLVERS[Estimator]},
        n_iter=len(SOLVERS[Estimator]),
        cv=2,
        n_jobs=n_jobs,
        random_state=0,
    )
    search.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(X, y)

    # Two epochs on two folds for each solver, and of the best on all rows.
    expected = sorted([*SOLVERS[Estimator] * 4, *[search.best_params_["network__solver"]] * 2])
    assert sorted((tmp_path / "epochs").read_text().split()) == expected
    scores = [row[scoring] for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(scores) == len(expected)
    shown = capsys.readouterr().out
    assert "RandomizedSearchCV" in shown
    assert Estimator.__name__ in shown


# ------------------------------------------------------------------------ an older scikit-learn


def test_without_callbacks_everything_else_works():
    program = """
import sys
# scikit-learn itself has imported what it needs; skdeep finds nothing.
import sklearn.linear_model, sklearn.model_selection, sklearn.pipeline
sys.modules["sklearn.callback"] = None
import skdeep
from sklearn.base import is_classifier
from sklearn.datasets import make_classification
from sklearn.preprocessing import StandardScaler

X, y = make_classification(n_samples=60, random_state=0)
for name in sys.argv[1:]:
    estimator = getattr(skdeep, name)(solver="adam", max_iter=3, random_state=0)
    assert not hasattr(estimator, "set_callbacks")
    estimator.fit(X, y, X_val=X, y_val=y).partial_fit(X, y)
    assert estimator.predict(X).shape == y.shape
    assert len(estimator.loss_curve_) == 4
    pipeline = sklearn.pipeline.make_pipeline(StandardScaler(), estimator)
    parameters = {f"{name.lower()}__alpha": [0.1, 1.0]}
    search = sklearn.model_selection.RandomizedSearchCV(pipeline, parameters, n_iter=2, cv=2)
    assert search.fit(X, y).score(X, y) > -10
"""
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, *[cls.__name__ for cls in SOLVERS]],
        env={**os.environ, "PYTHONPATH": str(Path(skdeep.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
