"""The files of Checkpoint and TrainingLog: whole or named as broken, and one fit's at a time."""

import contextlib
import json
import os
import stat
import subprocess
import sys
import textwrap
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
from interruptions import MORE, At, Killed, kill
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.preprocessing import scale

from skdeep import DeepMLPClassifier, TabularMLPClassifier, _checkpoints, _files
from skdeep.callbacks import Checkpoint, LearningRateControl, TrainingLog
from skdeep.estimators._callbacks import HAS_CALLBACKS
from skdeep.model_selection import VectorizedGridSearchCV

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::skdeep.exceptions.NoProgressWarning"),
    pytest.mark.skipif(not HAS_CALLBACKS, reason="this scikit-learn has no callbacks"),
]

X, y = load_iris(return_X_y=True)
X = scale(X)
POSIX = pytest.mark.skipif(os.name != "posix", reason="of POSIX")


def network(**parameters):
    defaults = {"max_iter": 8, "batch_size": 32, "random_state": 0, "tol": 0}
    return DeepMLPClassifier((6,), **{**defaults, **parameters})


WRITERS = {
    "checkpoint": (Checkpoint, "m"),
    "csv": (TrainingLog, "log.csv"),
    "jsonl": (TrainingLog, "log.jsonl"),
}
EACH = pytest.mark.parametrize("name", WRITERS)


def writer(name, folder):
    kind, file = WRITERS[name]
    return kind(folder / file)


# ------------------------------------------------------------------------------ what is not its own


FOREIGN = {
    "text": b"something of somebody's\n",
    "a table": b"epoch,price\n0,3\n",
    "objects": b'{"epoch": 0, "price": 3}\n',
    "bytes": bytes(range(256)),
    "one long line": b"x" * 10**6,
}


@EACH
@pytest.mark.parametrize("content", FOREIGN)
def test_a_file_of_somebody_elses_is_left(tmp_path, name, content):
    callback = writer(name, tmp_path)
    callback.path.write_bytes(FOREIGN[content])
    with pytest.raises(FileExistsError, match=f"no {type(callback).__name__} has written"):
        network().set_callbacks(callback).fit(X, y)
    assert callback.path.read_bytes() == FOREIGN[content]
    assert [file.name for file in tmp_path.iterdir()] == [callback.path.name]


@EACH
def test_a_folder_in_its_place_is_named(tmp_path, name):
    callback = writer(name, tmp_path)
    callback.path.mkdir()
    with pytest.raises(FileExistsError, match="has written"):
        network().set_callbacks(callback).fit(X, y)


def test_files_beside_are_left_unless_they_are_checkpoints(tmp_path):
    for suffix in (".epoch-7", ".epoch-3", ".unfinished"):
        (tmp_path / f"m{suffix}").write_text("mine")
    network().set_callbacks(Checkpoint(tmp_path / "m")).fit(X, y)
    for suffix in (".epoch-7", ".epoch-3", ".unfinished"):
        assert (tmp_path / f"m{suffix}").read_text() == "mine"
    kept = Checkpoint(tmp_path / "m", keep=8)
    with pytest.warns(UserWarning, match="is a file that no Checkpoint has written"):
        network().set_callbacks(kept).fit(X, y)
    assert (tmp_path / "m.epoch-7").read_text() == "mine"
    assert Checkpoint.resume(tmp_path / "m")._paused.n_epochs >= 3


@EACH
def test_its_own_file_and_an_empty_log_are_replaced(tmp_path, name):
    callback = writer(name, tmp_path)
    if name != "checkpoint":
        callback.path.touch()
    for max_iter in (8, 3):
        network(max_iter=max_iter).set_callbacks(callback).fit(X, y)
    if name == "checkpoint":
        assert Checkpoint.resume(callback.path)._paused.n_epochs == 3
    else:
        assert len(callback.path.read_text().splitlines()) == 3 + (name == "csv")
    assert [file.name for file in tmp_path.iterdir()] == [callback.path.name]


@POSIX
@EACH
def test_links_are_followed_and_modes_kept(tmp_path, name):
    callback = writer(name, tmp_path)
    (tmp_path / "elsewhere").mkdir()
    target = tmp_path / "elsewhere" / f"real{callback.path.suffix}"
    network().set_callbacks(type(callback)(target)).fit(X, y)
    target.chmod(0o600)
    callback.path.symlink_to(target)
    network(max_iter=3).set_callbacks(callback).fit(X, y)
    assert callback.path.is_symlink()
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert {file.name for file in (tmp_path / "elsewhere").iterdir()} == {target.name}
    if name == "checkpoint":
        assert Checkpoint.resume(callback.path)._paused.n_epochs == 3


@POSIX
def test_no_victim_is_reached_through_a_temporary_name(tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    for name in ("m.unfinished", ".m.skdeep-lock"):
        (tmp_path / name).symlink_to(victim)
    with contextlib.suppress(OSError):
        network().set_callbacks(Checkpoint(tmp_path / "m")).fit(X, y)
    assert victim.read_text() == "precious"


@EACH
def test_what_a_kill_has_left_is_removed(tmp_path, name):
    callback = writer(name, tmp_path)
    (tmp_path / f".{callback.path.name}.0123456789abcdef.skdeep-unfinished").write_text("half")
    other = tmp_path / f".{callback.path.name}.mine"
    other.write_text("mine")
    network().set_callbacks(callback).fit(X, y)
    assert {file.name for file in tmp_path.iterdir()} == {callback.path.name, other.name}


# ---------------------------------------------------------------------------------- one at a time


@EACH
def test_a_path_that_a_running_fit_has_is_refused(tmp_path, name):
    first, second = writer(name, tmp_path), writer(name, tmp_path)
    refusals = []

    def fit_within():
        for callback in (second, first):
            with pytest.raises(FileExistsError, match="Another fit that is running") as refused:
                network().set_callbacks(callback).fit(X, y)
            refusals.append(str(refused.value))

    network().set_callbacks(first, At(3, fit_within)).fit(X, y)
    assert len(refusals) == 2
    # It is let go of with the fit, however that ends.
    for do in (kill, lambda: None):
        with contextlib.suppress(Killed):
            network().set_callbacks(second, At(3, do)).fit(X, y)
    assert [file.name for file in tmp_path.iterdir()] == [first.path.name]


@EACH
def test_threads_cannot_share_a_path(tmp_path, name):
    begun, go_on, ends = threading.Event(), threading.Event(), []

    def wait():
        begun.set()
        assert go_on.wait(60)

    first = network().set_callbacks(writer(name, tmp_path), At(1, wait))
    thread = threading.Thread(target=lambda: ends.append(first.fit(X, y)))
    thread.start()
    assert begun.wait(60)
    try:
        with pytest.raises(FileExistsError, match="Another fit that is running"):
            network().set_callbacks(writer(name, tmp_path)).fit(X, y)
    finally:
        go_on.set()
        thread.join()
    assert len(ends) == 1


@EACH
def test_the_lock_dies_with_its_process(tmp_path, name):
    kind, file = WRITERS[name]
    program = textwrap.dedent(f"""
        import os, signal, warnings
        warnings.simplefilter("ignore")
        from sklearn.datasets import load_iris
        from skdeep import DeepMLPClassifier
        from skdeep.callbacks import {kind.__name__}

        class Die:
            def setup(self, estimator, context): ...
            def teardown(self, estimator, context): ...
            def on_fit_task_begin(self, estimator, context): ...
            def on_fit_task_end(self, estimator, context):
                if context.task_name == "epoch" and context.task_id == 2:
                    os._exit(9)

        model = DeepMLPClassifier((6,), max_iter=8, random_state=0)
        model.set_callbacks({kind.__name__}({str(tmp_path / file)!r}), Die())
        model.fit(*load_iris(return_X_y=True))
    """)
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ran.returncode == 9, ran.stderr
    network().set_callbacks(writer(name, tmp_path)).fit(X, y)
    assert [left.name for left in tmp_path.iterdir()] == [file]


@EACH
def test_a_search_is_refused_and_folds_one_by_one_are_not(tmp_path, name):
    model = network().set_callbacks(writer(name, tmp_path))
    for Search in (GridSearchCV, VectorizedGridSearchCV):
        with pytest.raises(ValueError, match=rf"the candidates of {Search.__name__} would all"):
            Search(model, {"alpha": [0.1, 1.0]}, cv=2, error_score="raise").fit(X, y)
    assert np.isfinite(cross_val_score(model, X, y, cv=3, error_score="raise")).all()
    assert [file.name for file in tmp_path.iterdir()] == [WRITERS[name][1]]


# ----------------------------------------------------------------------------- disks that are full


class FullDisk:
    """Lets some writes fail, half of them done."""

    def __init__(self, monkeypatch, failing):
        self.n, self.failing = 0, failing
        whole, append = _files.replace, _files.HeldFile.append

        def replace(path, content):
            self.n += 1
            if self.n in self.failing:
                raise OSError(28, "No space left on device")
            whole(path, content)

        def append_some(held, content):
            self.n += 1
            if self.n in self.failing:
                append(held, content[: len(content) // 2])
                raise OSError(28, "No space left on device")
            append(held, content)

        monkeypatch.setattr(_files, "replace", replace)
        monkeypatch.setattr(_files.HeldFile, "append", append_some)


@EACH
@pytest.mark.parametrize("failing", [{1}, {3, 4}, {5}, {2, 4, 6}])
def test_a_full_disk_ends_no_fit(tmp_path, monkeypatch, name, failing):
    FullDisk(monkeypatch, failing)
    callback = writer(name, tmp_path)
    model = network().set_callbacks(callback)
    with pytest.warns(UserWarning, match="could not be written: .*No space left.*goes on"):
        model.fit(X, y)
    assert_array_equal(model._state.theta, network().fit(X, y)._state.theta)
    if name == "checkpoint":
        assert Checkpoint.resume(callback.path)._paused.n_epochs == 8
    else:
        assert [row["epoch"] for row in rows_of(callback.path)] == list(range(8))


@EACH
def test_a_folder_that_vanishes_ends_no_fit(tmp_path, name):
    folder = tmp_path / "folder"
    folder.mkdir()
    callback = writer(name, folder)
    model = network().set_callbacks(callback, At(3, lambda: folder.rename(tmp_path / "moved")))
    with pytest.warns(UserWarning, match="could not be written"):
        model.fit(X, y)
    assert model.n_iter_ == 8
    if name != "checkpoint":
        assert [row["epoch"] for row in rows_of(tmp_path / "moved" / callback.path.name)][:3] == [
            0,
            1,
            2,
        ]


# -------------------------------------------------------------------------------- what is resumed


def test_a_checkpoint_with_any_bit_flipped_is_named_as_broken(tmp_path):
    path = tmp_path / "m"
    network().set_callbacks(Checkpoint(path, keep=2)).fit(X, y)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    head = whole.index(b"\n", whole.index(b"\n") + 1)
    bits = [*range(8 * head), *rng.integers(0, 8 * len(whole), 200 * MORE)]
    for bit in bits if MORE > 1 else bits[:: max(1, len(bits) // 600)]:
        broken = bytearray(whole)
        broken[bit // 8] ^= 1 << bit % 8
        path.write_bytes(broken)
        with pytest.raises(ValueError, match=r"damaged|was not written by|earlier version") as told:
            Checkpoint.resume(path)
        if "earlier version" not in str(told.value):
            assert str(told.value).endswith(f"The newest whole one beside it is {path}.epoch-7.")


@pytest.mark.parametrize("length", [0, 1, 10, 40, 200, 1000, -1])
def test_a_torn_checkpoint_is_named_as_broken(tmp_path, length):
    path = tmp_path / "m"
    network().set_callbacks(Checkpoint(path)).fit(X, y)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ValueError, match=r"damaged|was not written by"):
        Checkpoint.resume(path)
    path.write_bytes(b"")


def test_the_newest_whole_one_is_named(tmp_path):
    path = tmp_path / "m"
    network().set_callbacks(Checkpoint(path, keep=4)).fit(X, y)
    for broken in (path, tmp_path / "m.epoch-7"):
        broken.write_bytes(broken.read_bytes()[:-5])
    with pytest.raises(ValueError, match=r"whole one beside it is .*m\.epoch-6\."):
        Checkpoint.resume(path)
    with pytest.raises(ValueError, match=r"whole one beside it is .*m\.epoch-6\."):
        Checkpoint.resume(tmp_path / "m.epoch-7")


def test_versions_are_compared(tmp_path, monkeypatch):
    path = tmp_path / "m"
    network().set_callbacks(Checkpoint(path)).fit(X, y)
    now = _checkpoints.Versions.now()
    monkeypatch.setattr(_checkpoints.Versions, "now", lambda: now._replace(numpy="1.0"))
    with pytest.warns(UserWarning, match=f"other versions: numpy {now.numpy} .here 1.0"):
        Checkpoint.resume(path)
    monkeypatch.setattr(_checkpoints.Versions, "now", lambda: now._replace(skdeep="9.9"))
    with pytest.raises(ValueError, match=f"written by skdeep {now.skdeep}, whose fits skdeep 9.9"):
        Checkpoint.resume(path)


def test_what_is_whole_but_cannot_be_read_says_so(tmp_path, monkeypatch):
    path = tmp_path / "m"
    network().set_callbacks(Checkpoint(path)).fit(X, y)

    def fail(content):
        raise ModuleNotFoundError("No module named 'gone'")

    monkeypatch.setattr(_checkpoints.pickle, "loads", fail)
    with pytest.raises(ValueError, match="whole but cannot be read here: ModuleNotFoundError"):
        Checkpoint.resume(path)


@pytest.mark.parametrize("row", [0, 77, 149])
@pytest.mark.parametrize(
    "make",
    [network, lambda: TabularMLPClassifier(3, hidden_layer_sizes=4, max_iter=6, random_state=0)],
)
def test_any_other_row_is_other_data(tmp_path, make, row):
    with pytest.raises(Killed):
        make().set_callbacks(Checkpoint(tmp_path / "m"), At(2, kill)).fit(X, y)
    other = X.copy()
    other[row, 2] += 1e-6 if make is network else 1.0
    with pytest.raises(ValueError, match="goes on with the data it began with"):
        Checkpoint.resume(tmp_path / "m").set_callbacks().fit(other, y)


def test_another_random_state_does_not_go_on(tmp_path):
    with pytest.raises(Killed):
        network().set_callbacks(Checkpoint(tmp_path / "m"), At(2, kill)).fit(X, y)
    resumed = Checkpoint.resume(tmp_path / "m").set_callbacks()
    with pytest.raises(ValueError, match="after random_state has changed from 0 to 1"):
        clone_of(resumed).set_params(random_state=1).fit(X, y)
    assert_array_equal(resumed.fit(X, y)._state.theta, network().fit(X, y)._state.theta)


def clone_of(resumed):
    import copy

    return copy.deepcopy(resumed)


def test_a_checkpoint_that_was_moved_saves_where_it_lies(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with pytest.raises(Killed):
        network().set_callbacks(Checkpoint(tmp_path / "a" / "m"), At(2, kill)).fit(X, y)
    (tmp_path / "a" / "m").rename(tmp_path / "b" / "n")
    (tmp_path / "a").rmdir()
    resumed = Checkpoint.resume(tmp_path / "b" / "n")
    resumed.set_callbacks(resumed._skl_callbacks[0]).fit(X, y)
    assert Checkpoint.resume(tmp_path / "b" / "n")._paused.n_epochs == 8
    assert_array_equal(resumed._state.theta, network().fit(X, y)._state.theta)


# -------------------------------------------------------------------------------------------- logs


def rows_of(path):
    lines = path.read_text().splitlines()
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in lines]
    names = lines[0].split(",")
    return [
        {n: float(v) if v else None for n, v in zip(names, line.split(","), strict=True)}
        for line in lines[1:]
    ]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("order", [1, -1])
def test_whatever_is_killed_the_log_has_each_epoch_once(tmp_path, suffix, place, order):
    """Between the checkpoint and the line of an epoch, in either order, before both and after."""
    log, saver = TrainingLog(tmp_path / f"log{suffix}"), Checkpoint(tmp_path / "m")
    callbacks = [saver, log][::order]
    callbacks.insert(place, At(4, kill))
    with pytest.raises(Killed):
        network().set_callbacks(*callbacks).fit(X, y)
    resumed = Checkpoint.resume(tmp_path / "m")
    resumed.set_callbacks(*[one for one in resumed._skl_callbacks if not isinstance(one, At)])
    resumed.fit(X, y)
    rows = rows_of(log.path)
    assert [row["epoch"] for row in rows] == list(range(8))
    assert [row["loss"] for row in rows] == resumed.loss_curve_


RUBBISH = {
    "no UTF-8": b"\xff\xfe\n",
    "no object": b"[1, 2]\n",
    "a number": b"7\n",
    "another epoch's": b'{"epoch": 99}\n99,1\n',
    "cut off": b'{"epoch": 5, "lo',
    "no number": b'{"epoch": "five"}\nfive,,,,,,\n',
    "empty": b"\n\n",
}


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
@pytest.mark.parametrize("content", RUBBISH)
def test_lines_that_are_none_are_left_out(tmp_path, suffix, content):
    log = TrainingLog(tmp_path / f"log{suffix}")
    with pytest.raises(Killed):
        network().set_callbacks(Checkpoint(tmp_path / "m"), log, At(4, kill)).fit(X, y)
    whole = log.path.read_bytes()
    lines = whole.splitlines(keepends=True)
    # A line twice, one that is missing, and one whose loss is another fit's.
    log.path.write_bytes(b"".join([*lines[:2], lines[1], *lines[3:], RUBBISH[content]]))
    resumed = Checkpoint.resume(tmp_path / "m")
    resumed.set_callbacks(*[one for one in resumed._skl_callbacks if not isinstance(one, At)])
    with warnings.catch_warnings():
        warnings.simplefilter("error", category=UserWarning)
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", message=".*[Cc]onver.*|.*Iterations.*")
        resumed.fit(X, y)
    rows = rows_of(log.path)
    assert [row["epoch"] for row in rows] == list(range(8))
    assert [row["loss"] for row in rows] == resumed.loss_curve_


def test_a_log_that_is_deleted_meanwhile_is_written_anew(tmp_path):
    log = TrainingLog(tmp_path / "log.csv")
    network().set_callbacks(log, At(3, lambda: log.path.unlink())).fit(X, y)
    assert [row["epoch"] for row in rows_of(log.path)] == list(range(8))


def test_callbacks_can_be_cloned_and_pickled_while_they_hold_a_file(tmp_path):
    import copy
    import pickle

    log, copies = TrainingLog(tmp_path / "log.csv"), []

    def look():
        copies.append(pickle.loads(pickle.dumps(log)))
        copies.append(copy.deepcopy(log))

    model = network().set_callbacks(log, At(2, look)).fit(X, y)
    assert clone(model).get_params() == model.get_params()
    for one in copies:
        assert one._held is None
        network().set_callbacks(one).fit(X, y)
    assert isinstance(log.path, Path)


# --------------------------------------------------------------------------- the file of a rate


def test_a_line_without_its_end_is_no_rate_yet(tmp_path):
    """Someone writes "1e-4", and "1" of it is there when the epoch begins."""
    path = tmp_path / "rate"
    for half in ("1", "1e", "1e-", "1e-4"):
        path.write_text(half)
        with pytest.warns(UserWarning, match="end of its line.*the learning rate stays as it is"):
            found = network().set_callbacks(LearningRateControl(path)).fit(X, y)
        assert set(found._curves.rate) == {0.001}
    path.write_text("1e-4\n")
    found = network().set_callbacks(LearningRateControl(path)).fit(X, y)
    assert_array_equal(found._curves.rate, [1e-4] * 8)


RATES = {
    b"0.01\n": 0.01,
    b" 0.01 \n": 0.01,
    b"\n1e-2\r\n\n": 0.01,
    b"+.01\n": 0.01,
    b"1.e-2\n": 0.01,
    b"1_0\n": None,
    b"nan\n": None,
    b"inf\n": None,
    b"-0.1\n": None,
    b"0\n": None,
    b"0.1 0.2\n": None,
    b"0.1\n0.2\n": None,
    b"1e999\n": None,
    b"0,1\n": None,
    b"0x1\n": None,
    b"\xff\xfe1\n": None,
    "٣\n".encode(): None,
    b"0.1" + b"0" * 10**6 + b"\n": None,
}


@pytest.mark.parametrize("content", RATES, ids=lambda content: repr(content[:12]))
def test_what_is_a_rate_and_what_is_none(tmp_path, content):
    path = tmp_path / "rate"
    path.write_bytes(content)
    model = network().set_callbacks(LearningRateControl(path))
    if RATES[content] is None:
        with pytest.warns(UserWarning, match="must hold one finite number > 0") as told:
            model.fit(X, y)
        assert sum("finite number" in str(one.message) for one in told) == 1
    else:
        model.fit(X, y)
    assert_array_equal(model._curves.rate, [RATES[content] or 0.001] * 8)


def in_its_place(name, path):
    """Something that is no file with a number in it."""
    if name == "a folder":
        path.mkdir()
    elif name == "a pipe":
        os.mkfifo(path)
    elif name == "a loop of links":
        path.symlink_to(path)
    elif name == "a large file":
        with path.open("wb") as file:
            file.truncate(300 * 2**20)
    else:
        path.symlink_to("/dev/zero")


@POSIX
@pytest.mark.parametrize(
    "name", ["a folder", "a pipe", "a loop of links", "a large file", "a device"]
)
def test_what_lies_in_its_place_ends_and_delays_nothing(tmp_path, name):
    path = tmp_path / "rate"
    in_its_place(name, path)
    model = network().set_callbacks(LearningRateControl(path))
    with pytest.warns(UserWarning, match="the learning rate stays as it is"):
        model.fit(X, y)
    assert_array_equal(model._state.theta, network().fit(X, y)._state.theta)


@POSIX
def test_a_file_without_permission_ends_nothing(tmp_path):
    """As a user who is not root, who may read all."""
    path = tmp_path / "rate"
    path.write_text("0.1\n")
    path.chmod(0)
    program = textwrap.dedent(f"""
        import os, sys, warnings
        sys.path[:0] = {sys.path!r}
        from sklearn.datasets import load_iris
        from skdeep import DeepMLPClassifier
        from skdeep.callbacks import LearningRateControl
        X, y = load_iris(return_X_y=True)
        if os.getuid() == 0:
            os.setgid(65534)
            os.setuid(65534)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            model = DeepMLPClassifier((6,), max_iter=4, random_state=0)
            model.set_callbacks(LearningRateControl({str(path)!r})).fit(X, y)
        assert sum("cannot be read: Permission denied" in str(one.message) for one in told) == 1
        assert set(model._curves.rate) == {{0.001}}
    """)
    for folder in (tmp_path, *list(tmp_path.parents)[:-1]):
        with contextlib.suppress(OSError):
            folder.chmod(folder.stat().st_mode | 0o055)
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


# ------------------------------------------------------------- what is refused, and tried again


def test_a_resumed_fit_under_control_that_is_refused_can_be_tried_again(tmp_path):
    def once(epoch, loss_curve):
        return 0.05 if epoch == 0 else None

    for make in (
        network,
        lambda: TabularMLPClassifier(3, hidden_layer_sizes=4, max_iter=6, random_state=0),
    ):
        whole = make().set_callbacks(LearningRateControl(once)).fit(X, y)
        killed = make().set_callbacks(
            LearningRateControl(once), Checkpoint(tmp_path / "m"), At(2, kill)
        )
        with pytest.raises(Killed):
            killed.fit(X, y)
        with pytest.warns(UserWarning, match="could not be saved"):
            resumed = Checkpoint.resume(tmp_path / "m")
        # Two hands on one rate: it is given back to what it was, whatever their order.
        resumed.set_callbacks(LearningRateControl(once), LearningRateControl(once))
        for bad in (y[::-1], y[:-1]):
            with pytest.raises(ValueError, match=r"the data it began with|inconsistent numbers"):
                resumed.fit(X, bad)
        resumed.fit(X, y)
        assert_array_equal(resumed.predict_proba(X), whole.predict_proba(X))
        assert resumed.learning_rate_init == make().learning_rate_init


@pytest.mark.parametrize(
    "make",
    [network, lambda: TabularMLPClassifier(3, hidden_layer_sizes=4, max_iter=6, random_state=0)],
)
def test_how_rows_lie_in_memory_is_nothing(tmp_path, make):
    with pytest.raises(Killed):
        make().set_callbacks(Checkpoint(tmp_path / "m"), At(2, kill)).fit(X, y)
    for same in (np.asfortranarray(X), np.repeat(X, 2, axis=1)[:, ::2], X.tolist()):
        resumed = Checkpoint.resume(tmp_path / "m").set_callbacks().fit(same, y)
        expected = make().fit(X, y)
        np.testing.assert_allclose(resumed.predict_proba(X), expected.predict_proba(X), rtol=1e-9)


def test_a_foreign_file_beside_stops_no_saving(tmp_path):
    (tmp_path / "m.epoch-2").write_text("mine")
    with pytest.warns(UserWarning, match="the checkpoint of epoch 2 is not kept"):
        network().set_callbacks(Checkpoint(tmp_path / "m", keep=2)).fit(X, y)
    assert Checkpoint.resume(tmp_path / "m")._paused.n_epochs == 8
    assert (tmp_path / "m.epoch-2").read_text() == "mine"


@POSIX
def test_a_link_to_another_suffix_stays_a_logs(tmp_path):
    (tmp_path / "log.csv").symlink_to(tmp_path / "run1")
    for _ in range(2):
        network().set_callbacks(TrainingLog(tmp_path / "log.csv")).fit(X, y)
    assert len((tmp_path / "run1").read_text().splitlines()) == 9
    (tmp_path / "bad.csv").symlink_to(tmp_path / "no" / "run")
    with pytest.raises(FileNotFoundError, match="path must lead into a folder that exists"):
        network().set_callbacks(TrainingLog(tmp_path / "bad.csv")).fit(X, y)


@POSIX
def test_a_file_system_without_locks_will_do(tmp_path, monkeypatch):
    def none(descriptor, operation):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(_files.fcntl, "flock", none)
    network().set_callbacks(Checkpoint(tmp_path / "m")).fit(X, y)
    assert [file.name for file in tmp_path.iterdir()] == ["m"]


def test_a_log_costs_the_same_however_long_it_is(tmp_path, monkeypatch):
    """Of its rows one is made for each epoch, and all once."""
    from skdeep._fit.watch import Curves

    made, whole = [], Curves.row
    monkeypatch.setattr(Curves, "row", lambda self, n: made.append(n) or whole(self, n))
    network(max_iter=50).set_callbacks(TrainingLog(tmp_path / "log.csv")).fit(X, y)
    assert len(made) < 110
