"""Searches that were killed go on, and end as if nothing had been."""

import os
import pickle
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from interruptions import Killed, places
from numpy.testing import assert_array_equal
from searches import classifier, data
from sklearn.base import clone
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeep import _checkpoints as checkpoints
from skdeep import _files
from skdeep._fit.watch import Watch
from skdeep.callbacks import Checkpoint
from skdeep.estimators._callbacks import HAS_CALLBACKS
from skdeep.model_selection import (
    CoarseToFineSearchCV,
    VectorizedGridSearchCV,
    VectorizedHalvingRandomSearchCV,
    VectorizedRandomizedSearchCV,
    log_uniform,
)
from skdeep.model_selection import _search_checkpoint as module
from skdeep.model_selection._search_checkpoint import SearchCheckpoint

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

ROOT = Path(__file__).parents[2]
X, y = data("classes")
SPACE = {"alpha": log_uniform(0.1, 1), "solver": ["adam", "lbfgs"]}
ALONE = {"alpha": [0.1, 1.0], "verbose": [True]}
PIPELINE = make_pipeline(StandardScaler(), classifier())

SEARCHES = {
    "random": VectorizedRandomizedSearchCV(classifier(), SPACE, n_iter=6, cv=2, random_state=0),
    "grid": VectorizedGridSearchCV(
        classifier(), [{"alpha": [0.1, 1.0], "solver": ["adam", "sgd"]}, ALONE], cv=3
    ),
    "small stacks": VectorizedGridSearchCV(
        classifier(), {"alpha": [0.1, 0.2, 0.3]}, cv=2, max_stack_bytes=1
    ),
    "pipeline": VectorizedGridSearchCV(
        PIPELINE,
        {"standardscaler__with_std": [True, False], "deepmlpclassifier__alpha": [0.1, 1.0]},
        cv=2,
        keep_best=2,
    ),
    "rounds": CoarseToFineSearchCV(classifier(), SPACE, n_rounds=3, n_iter=3, cv=2, random_state=0),
    # What is verbose shares no stack.
    "rungs": VectorizedHalvingRandomSearchCV(
        classifier(max_iter=9, dropout=0.1),
        {"alpha": log_uniform(0.1, 1), "verbose": [True, False]},
        cv=2,
        random_state=0,
    ),
    "stacked rungs": VectorizedHalvingRandomSearchCV(
        classifier(max_iter=9, early_stopping=True),
        {"alpha": log_uniform(0.1, 1), "solver": ["adam", "sgd"]},
        cv=2,
        random_state=0,
    ),
}


class KillAtEpoch:
    """Ends the process, as far as a test can, as the n-th epoch is recorded, of whatever fit."""

    def __init__(self, monkeypatch):
        self.count, self.at, self._record = 0, None, Watch.record
        monkeypatch.setattr(Watch, "record", lambda *args: self._hear(*args))
        # A process that is killed tidies nothing up.
        monkeypatch.setattr(SearchCheckpoint, "flush", lambda self: None)
        # And everything is written as it is found.
        monkeypatch.setattr(module, "SHARE_OF_TIME", np.inf)

    def _hear(self, *args):
        self.count += 1
        if self.count == self.at:
            raise Killed
        self._record(*args)

    def run(self, search, at=None):
        """Fit until that epoch; how many epochs were trained."""
        self.count, self.at = 0, at
        if at is None:
            search.fit(X, y)
        else:
            with pytest.raises(Killed):
                search.fit(X, y)
        return self.count


@pytest.fixture
def kill(monkeypatch):
    return KillAtEpoch(monkeypatch)


def models_of(search):
    found = [search.best_estimator_]
    if hasattr(search, "ensemble_"):
        found += search.ensemble_.estimators_
    return [one.steps[-1][1] if hasattr(one, "steps") else one for one in found]


def assert_same(found, expected):
    """All but the times, to the last bit."""
    assert list(found.cv_results_) == list(expected.cv_results_)
    for name, values in expected.cv_results_.items():
        if name == "params":
            assert found.cv_results_[name] == values
        elif "time" not in name:
            assert_array_equal(found.cv_results_[name], values)
            if name.startswith("param_"):
                assert_array_equal(found.cv_results_[name].mask, values.mask)
    assert found.stacked_ == expected.stacked_
    assert (found.best_index_, found.best_params_) == (expected.best_index_, expected.best_params_)
    for name in ("rounds_", "n_resources_", "n_candidates_", "n_remaining_candidates_"):
        assert str(getattr(found, name, None)) == str(getattr(expected, name, None))
    for one, other in zip(models_of(found), models_of(expected), strict=True):
        for parts in ("coefs_", "intercepts_"):
            for ours, theirs in zip(getattr(one, parts), getattr(other, parts), strict=True):
                assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", SEARCHES)
def test_killed_at_any_moment_it_ends_the_same(name, kill, tmp_path):
    path = tmp_path / "search"
    expected = clone(SEARCHES[name])
    n_epochs = kill.run(expected)
    trained = []
    for at in places(1, n_epochs, 6):
        kill.run(clone(SEARCHES[name]).set_params(checkpoint=path), at)
        search = VectorizedGridSearchCV.resume(path)
        assert type(search) is type(expected)
        trained.append(kill.run(search))
        assert_same(search, expected)
    # The later it was killed the less there is to do.
    assert trained == sorted(trained, reverse=True)
    assert trained[0] == n_epochs
    assert trained[-1] <= n_epochs / 2
    # And of the stacks of rungs nothing is left.
    assert [file.name for file in tmp_path.iterdir()] == ["search"]


@pytest.mark.parametrize("name", ["random", "rungs"])
def test_killed_more_than_once(name, kill, tmp_path):
    path = tmp_path / "search"
    expected = clone(SEARCHES[name])
    n_epochs = kill.run(expected)
    search = clone(SEARCHES[name]).set_params(checkpoint=path)
    for at in (n_epochs // 2, n_epochs // 4, 2):
        kill.run(search, at)
        search = type(search).resume(path)
    kill.run(search)
    assert_same(search, expected)


@pytest.mark.parametrize("name", ["grid", "rungs"])
def test_a_search_whose_end_was_saved_is_only_refitted(name, kill, tmp_path):
    path = tmp_path / "search"
    whole = clone(SEARCHES[name]).set_params(checkpoint=path)
    kill.run(whole)
    again = VectorizedGridSearchCV.resume(path)
    assert kill.run(again) == whole.best_estimator_.n_iter_
    assert_same(again, whole)
    # What has come to its end begins anew when it is fitted once more.
    n_epochs = kill.run(whole)
    assert kill.run(again) == n_epochs


def test_what_goes_on_after_ctrl_c(monkeypatch, tmp_path):
    path = tmp_path / "search"
    expected = clone(SEARCHES["grid"]).fit(X, y)
    record, count = Watch.record, [0]

    def interrupted(*args):
        count[0] += 1
        if count[0] == 100:
            raise KeyboardInterrupt
        record(*args)

    monkeypatch.setattr(Watch, "record", interrupted)
    # It is hardly ever written while it runs.
    monkeypatch.setattr(module, "SHARE_OF_TIME", 1e-9)
    search = clone(SEARCHES["grid"]).set_params(checkpoint=path)
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, y)
    count[0] = 200
    search = VectorizedGridSearchCV.resume(path).fit(X, y)
    assert_same(search, expected)
    # Stacks, and four of six fits alone, were done: six epochs each are left, and of the refit.
    assert count[0] - 200 == 3 * 6


@pytest.mark.parametrize("name", ["random", "rounds", "rungs"])
def test_what_is_drawn_without_a_seed_is_drawn_once(name, kill, tmp_path):
    path = tmp_path / "search"
    folds = 2 if name == "rungs" else KFold(2, shuffle=True)
    search = clone(SEARCHES[name]).set_params(random_state=None, cv=folds, checkpoint=path)
    np.random.seed(3)  # noqa: NPY002
    kill.run(search, 40)
    began = module.read(path)
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    search = type(search).resume(path)
    kill.run(search)
    n = len(began.calls[0].candidates)
    assert search.cv_results_["params"][:n] == list(began.calls[0].candidates)
    assert search.random_state is None
    # Nobody else notices.
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


def test_rounds_without_a_seed_have_the_same_folds(kill, tmp_path):
    path = tmp_path / "search"
    search = clone(SEARCHES["rounds"]).set_params(
        random_state=None, cv=KFold(2, shuffle=True), checkpoint=path
    )
    kill.run(search, 40)
    began = module.read(path)
    kill.run(CoarseToFineSearchCV.resume(path))
    for call in module.read(path).calls:
        for found, expected in zip(call.splits, began.calls[0].splits, strict=True):
            for rows, others in zip(found, expected, strict=True):
                assert_array_equal(rows, others)


@pytest.mark.parametrize("name", ["random", "rounds", "rungs"])
def test_without_a_seed_it_goes_on_in_numpys_own_random_numbers(name, kill, tmp_path):
    path = tmp_path / "search"
    expected = clone(SEARCHES[name]).set_params(random_state=None)
    np.random.seed(3)  # noqa: NPY002
    n_epochs = kill.run(expected)
    np.random.seed(3)  # noqa: NPY002
    kill.run(clone(expected).set_params(checkpoint=path), n_epochs // 2)
    search = VectorizedGridSearchCV.resume(path)
    kill.run(search)
    assert_same(search, expected)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_workers_find_the_same(n_jobs, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SHARE_OF_TIME", np.inf)
    path = tmp_path / "search"
    search = clone(SEARCHES["rungs"]).set_params(n_jobs=n_jobs, checkpoint=path)
    assert_same(search.fit(X, y), clone(SEARCHES["rungs"]).set_params(n_jobs=n_jobs).fit(X, y))


def test_progress_of_what_goes_on_is_that_of_the_rest(kill, tmp_path, capsys):
    path = tmp_path / "search"
    search = clone(SEARCHES["small stacks"]).set_params(checkpoint=path, verbose=1)
    kill.run(search, 3 * 6 + 1)
    capsys.readouterr()
    again = VectorizedGridSearchCV.resume(path)
    assert kill.run(again) == 4 * 6
    assert "24 of 24 epochs (100%)" in capsys.readouterr().out.splitlines()[-1]


# -------------------------------------------------------------------------------------- for real

PROGRAM = """
import sys
import numpy as np
from skdeep import DeepMLPClassifier
from skdeep.model_selection import VectorizedGridSearchCV

X = np.random.default_rng(0).normal(size=(400, 20))
y = (X[:, 0] > 0).astype(int)
model = DeepMLPClassifier((32,), max_iter=300, n_iter_no_change=300, tol=0, random_state=0)
grid = {"solver": ["adam", "sgd", "rmsprop", "adamw"], "alpha": [0.1, 0.2], "verbose": [False]}
search = VectorizedGridSearchCV(model, grid, cv=2, n_jobs=2, checkpoint=sys.argv[1])
search.fit(X, y)
"""


@pytest.mark.skipif(os.name != "posix", reason="Windows has no SIGKILL")
def test_a_process_that_is_killed_leaves_what_it_found(tmp_path):
    path = tmp_path / "search"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, str(path)],
        env=environment,
        start_new_session=True,
    )
    until = time.time() + 120
    while not path.exists() or module.read(path).n_fits == 0:
        assert time.time() < until
        assert process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    saved = module.read(path)
    search = VectorizedGridSearchCV.resume(path)
    rng = np.random.default_rng(0).normal(size=(400, 20))
    search.set_params(refit=False).fit(rng, (rng[:, 0] > 0).astype(int))
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    for (number, split), outcome in saved.calls[0].found.items():
        score = search.cv_results_[f"split{split}_test_score"][number]
        assert score == outcome["test_scores"]


# ---------------------------------------------------------------------------------- what goes wrong


def saved_search(path, **parameters):
    return clone(SEARCHES["grid"]).set_params(checkpoint=path, **parameters)


def test_other_data_are_refused(tmp_path):
    path = tmp_path / "search"
    saved_search(path).fit(X, y)
    for other in ((X + 1, y), (X, 2 - y), (X[:-1], y[:-1])):
        with pytest.raises(ValueError, match="was fitted on other data"):
            VectorizedGridSearchCV.resume(path).fit(*other)
    weights = np.ones(len(y))
    with pytest.raises(ValueError, match="all else that fit was given"):
        VectorizedGridSearchCV.resume(path).fit(X, y, sample_weight=weights)


def test_other_candidates_are_refused(tmp_path):
    path = tmp_path / "search"
    saved_search(path).fit(X, y)
    search = VectorizedGridSearchCV.resume(path).set_params(param_grid={"alpha": [1.0]})
    with pytest.raises(ValueError, match="param_grid cannot change in a search that goes on"):
        search.fit(X, y)


def test_it_needs_its_file(tmp_path):
    path = tmp_path / "search"
    saved_search(path).fit(X, y)
    search = VectorizedGridSearchCV.resume(path).set_params(checkpoint=None)
    with pytest.raises(ValueError, match="got checkpoint=None"):
        search.fit(X, y)


def test_a_file_that_has_moved_goes_on_where_it_is(kill, tmp_path):
    path, moved = tmp_path / "search", tmp_path / "moved"
    kill.run(saved_search(path), 100)
    path.rename(moved)
    search = VectorizedGridSearchCV.resume(moved)
    assert search.checkpoint == moved
    kill.run(search)
    assert [file.name for file in tmp_path.iterdir()] == ["moved"]


def test_files_that_are_none_are_refused_and_left(tmp_path):
    path = tmp_path / "search"
    path.write_text("a text")
    with pytest.raises(ValueError, match="was not written by a search"):
        VectorizedGridSearchCV.resume(path)
    with pytest.raises(FileExistsError, match="no search has written"):
        saved_search(path).fit(X, y)
    assert path.read_text() == "a text"
    with pytest.raises(FileNotFoundError):
        VectorizedGridSearchCV.resume(tmp_path / "none")
    with pytest.raises(FileNotFoundError, match="in a folder that exists"):
        saved_search(tmp_path / "none" / "search").fit(X, y)


def test_a_file_that_is_damaged_is_refused(tmp_path):
    path = tmp_path / "search"
    saved_search(path).fit(X, y)
    whole = path.read_bytes()
    for damaged in (whole[:-10], whole[:-10] + b"0123456789", whole.replace(b"sha256", b"sha257")):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="is damaged"):
            VectorizedGridSearchCV.resume(path)


def test_another_versions_file_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "search"
    saved_search(path).fit(X, y)
    monkeypatch.setattr("skdeep.__version__", "99")
    with pytest.raises(ValueError, match="cannot go on with"):
        VectorizedGridSearchCV.resume(path)


def test_the_two_kinds_of_checkpoints_name_each_other(tmp_path):
    path = tmp_path / "search"
    saved_search(path).fit(X, y)
    with pytest.raises(ValueError, match=r"checkpoint of a search.*resume"):
        Checkpoint.resume(path)
    path.write_bytes(checkpoints.packed(3, {}))
    with pytest.raises(ValueError, match=r"checkpoint of a fit.*Checkpoint\.resume"):
        VectorizedGridSearchCV.resume(path)


def test_stacks_that_are_missing_or_others_are_told_of(kill, tmp_path):
    path = tmp_path / "search"
    kill.run(clone(SEARCHES["stacked rungs"]).set_params(checkpoint=path), 20)
    (stacks,) = tmp_path.glob("search.rung-*")
    content = stacks.read_bytes()
    stacks.write_bytes(content[:-1])
    with pytest.raises(ValueError, match="is damaged, or not of"):
        VectorizedGridSearchCV.resume(path).fit(X, y)
    stacks.unlink()
    with pytest.raises(ValueError, match="that file is not there"):
        VectorizedGridSearchCV.resume(path).fit(X, y)
    stacks.write_bytes(content)
    VectorizedGridSearchCV.resume(path).fit(X, y)


def test_what_cannot_be_pickled_is_told_of_before_it_begins(tmp_path):
    search = saved_search(tmp_path / "search", scoring=lambda model, X, y: 0.0)
    with pytest.raises(TypeError, match=r"cannot save this search.*top of a module"):
        search.fit(X, y)
    assert not hasattr(search, "cv_results_")
    assert list(tmp_path.iterdir()) == []


def test_two_searches_do_not_write_one_file(tmp_path):
    path = tmp_path / "search"
    held = SearchCheckpoint(path, module.SavedSearch(clone(SEARCHES["grid"])))
    with pytest.raises(FileExistsError, match="Another fit that is running writes"):
        saved_search(path).fit(X, y)
    held.close()
    saved_search(path).fit(X, y)


@pytest.mark.parametrize("name", ["grid", "rungs"])
def test_a_disk_that_is_full_costs_no_search(name, tmp_path, monkeypatch):
    path = tmp_path / "search"
    expected = clone(SEARCHES[name]).fit(X, y)
    search = clone(SEARCHES[name]).set_params(checkpoint=path)

    def full(*args):
        raise OSError("No space left on device")

    monkeypatch.setattr(module, "SHARE_OF_TIME", np.inf)
    monkeypatch.setattr(_files, "replace", full)
    monkeypatch.setattr(module, "replace", full)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        search.fit(X, y)
    told = [one for one in caught if "could not be written" in str(one.message)]
    assert len(told) == 1
    assert_same(search, expected)


def test_where_stacks_could_not_be_written_it_goes_on_from_before(kill, tmp_path, monkeypatch):
    path = tmp_path / "search"
    expected = clone(SEARCHES["stacked rungs"])
    n_epochs = kill.run(expected)

    def full(*args):
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(module, "replace", full)
        kill.run(clone(SEARCHES["stacked rungs"]).set_params(checkpoint=path), n_epochs - 1)
    search = VectorizedGridSearchCV.resume(path)
    assert kill.run(search) == n_epochs
    assert_same(search, expected)


def test_where_the_stacks_of_one_rung_could_not_be_written_those_before_stay(
    kill, tmp_path, monkeypatch
):
    path = tmp_path / "search"
    rungs = clone(SEARCHES["stacked rungs"]).set_params(max_resources=27)
    expected = clone(rungs)
    n_epochs = kill.run(expected)
    assert expected.n_iterations_ == 4
    write = module.replace

    def full_in_the_second(path, content):
        if path.name.endswith(".rung-2"):
            raise OSError("No space left on device")
        write(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(module, "replace", full_in_the_second)
        kill.run(clone(rungs).set_params(checkpoint=path), n_epochs - 1)
    search = VectorizedGridSearchCV.resume(path)
    assert kill.run(search) < n_epochs
    assert_same(search, expected)


@pytest.mark.parametrize("checkpoint", [3, True, b"search"])
def test_checkpoint_is_a_path(checkpoint):
    with pytest.raises(ValueError, match="'checkpoint' parameter"):
        saved_search(checkpoint).fit(X, y)


@pytest.mark.skipif(not HAS_CALLBACKS, reason="this scikit-learn has no callbacks")
def test_callbacks_that_are_not_saved_are_named(tmp_path):
    from sklearn.callback import ScoringMonitor

    path = tmp_path / "search"
    search = saved_search(path).set_callbacks(ScoringMonitor(scoring="accuracy"))
    search.fit(X, y)
    with pytest.warns(UserWarning, match=r"set them again: \['ScoringMonitor'\]"):
        VectorizedGridSearchCV.resume(path)


def test_a_search_that_is_to_go_on_can_be_pickled(kill, tmp_path):
    path = tmp_path / "search"
    expected = clone(SEARCHES["random"])
    n_epochs = kill.run(expected)
    kill.run(clone(SEARCHES["random"]).set_params(checkpoint=path), n_epochs // 2)
    search = pickle.loads(pickle.dumps(VectorizedGridSearchCV.resume(path)))
    assert kill.run(search) < n_epochs
    assert_same(search, expected)


@pytest.mark.parametrize(
    "changed",
    [
        {"param_grid": {"alpha": [1.0, 2.0]}},
        {"estimator": classifier(max_iter=3)},
        {"cv": 5},
        {"scoring": "neg_log_loss"},
        {"return_train_score": True},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_what_its_results_are_of_cannot_change(changed, kill, tmp_path):
    path = tmp_path / "search"
    search = VectorizedGridSearchCV(classifier(), {"alpha": [0.1, 1.0]}, cv=2, checkpoint=path)
    n_epochs = kill.run(clone(search))
    kill.run(search, n_epochs - 1)
    again = VectorizedGridSearchCV.resume(path).set_params(**changed)
    with pytest.raises(ValueError, match=f"{next(iter(changed))} cannot change in a search"):
        again.fit(X, y)
    # What changes no result may.
    free = VectorizedGridSearchCV.resume(path).set_params(refit=False, n_jobs=1, keep_best=None)
    kill.run(free)
    assert len(free.cv_results_["params"]) == 2


@pytest.mark.parametrize("seed", ["none", "generator"])
def test_rounds_go_on_whoever_else_draws_from_the_same_numbers(seed, kill, tmp_path):
    """Fits and folds without a seed draw from NumPy's generator, too, between the rounds."""
    path = tmp_path / "search"
    search = CoarseToFineSearchCV(
        classifier(random_state=None, dropout=0.2),
        {"alpha": log_uniform(0.1, 1)},
        n_rounds=3,
        n_iter=3,
        cv=KFold(2, shuffle=True),
        random_state=None if seed == "none" else np.random.RandomState(0),
        checkpoint=path,
    )
    n_epochs = kill.run(clone(search).set_params(checkpoint=None))
    for at in (n_epochs // 2, n_epochs - 8):
        kill.run(clone(search), at)
        begun = [one for call in module.read(path).calls for one in call.candidates]
        again = VectorizedGridSearchCV.resume(path)
        kill.run(again)
        assert again.cv_results_["params"][: len(begun)] == begun
        assert len(again.cv_results_["params"]) == 9


def test_a_second_ctrl_c_lets_go_of_the_file(tmp_path, monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    path = tmp_path / "search"
    search = VectorizedGridSearchCV(classifier(), {"alpha": [0.1, 1.0]}, cv=2, checkpoint=path)
    with monkeypatch.context() as patched:
        patched.setattr(Watch, "record", interrupted)
        patched.setattr(SearchCheckpoint, "flush", interrupted)
        with pytest.raises(KeyboardInterrupt) as kept:
            search.fit(X, y)
    # As a notebook keeps what was raised last.
    assert kept.value is not None
    VectorizedGridSearchCV.resume(path).fit(X, y)


def test_folds_that_come_once_cannot_be_saved(tmp_path):
    search = VectorizedGridSearchCV(
        classifier(), {"alpha": [0.1]}, cv=KFold(2).split(X), checkpoint=tmp_path / "search"
    )
    with pytest.raises(TypeError, match=r"cv is an iterator.*cv=list\(cv\)"):
        search.fit(X, y)
