"""What can be attached to a fit: a hand on the learning rate, checkpoints, a log.

These are callbacks in scikit-learn's protocol (1.9 or later): ``estimator.set_callbacks(...)``
attaches them, beside scikit-learn's own `ProgressBar` and `ScoringMonitor`. Each epoch of `fit` is
a task; before and after it a callback may look at the estimator, and set parameters that hold for
the epochs to come. `partial_fit` has no tasks: there, you are in between.

They are for single fits of skdeep's estimators. Set on a `Pipeline`, as scikit-learn's own have to
be, they follow its last step. The candidates of a search are clones, which would all write the same
file; a search has a parameter `checkpoint` of its own. The networks for tables train their groups
one after the other where there is a callback, and each group twice.
"""

import json
import math
import os
import pickle
import re
import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from . import _checkpoints as checkpoints
from ._arguments import check_integer
from ._engine.reals import real_number
from ._engine.solvers import STOCHASTIC_SOLVERS
from ._files import HeldFile, first_bytes, replace
from .estimators._base import BaseNetworkEstimator
from .estimators._callbacks import TaskContext, callbacks_of
from .estimators._running import (
    FollowedFit,
    HasRunningFit,
    give_back_rate,
    running_fit,
    saved_fit,
    take_control_of_rate,
)

__all__ = ["Checkpoint", "LearningRateControl", "TrainingLog"]

EPOCH = "epoch"
# Of a training log: of one network, and of the groups of a table's.
_RECORDED = ("loss", "validation_loss", "validation_score", "learning_rate")
COLUMNS = tuple(
    (*first, *_RECORDED, "gradient_norm", "seconds") for first in (("epoch",), ("epoch", "group"))
)
LONGEST_LINE = 2**12
# A number on a line of its own, and how many bytes there are read of a file that should hold one.
RATE = re.compile(rb"\s*\+?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?[ \t]*\r?\n\s*")
LONGEST_RATE = 100


class _EpochCallback:
    """Hooks that hear of an estimator's epochs only; derived classes say what they do there."""

    # The last steps of pipelines that have it for the time of their fit.
    _lent_to: tuple[BaseEstimator, ...] = ()

    def setup(self, estimator: BaseEstimator, context: TaskContext) -> None:
        """Check that the estimator is one of skdeep's; of a pipeline, go to its last step.

        Parameters
        ----------
        estimator : estimator
            That is about to be fitted.
        context : CallbackContext
            Of its fit.

        Raises
        ------
        TypeError
            If it is not one of skdeep's.
        """
        if isinstance(estimator, Pipeline):
            self._lend_to_last_step(estimator)
        elif isinstance(estimator, HasRunningFit):
            self._set_up(estimator, context)
        else:
            raise TypeError(_where_instead(self, estimator))

    def _set_up(self, estimator: HasRunningFit, context: TaskContext) -> None:
        """Get ready for the fit of an estimator of skdeep's."""

    def _lend_to_last_step(self, pipeline: Pipeline) -> None:
        last = pipeline.steps[-1][1]
        if not isinstance(last, (HasRunningFit, Pipeline)):
            raise TypeError(_where_instead(self, last))
        callbacks = callbacks_of(last)
        if self not in callbacks:
            last.set_callbacks(*callbacks, self)
            self._lent_to = (*self._lent_to, last)

    def teardown(self, estimator: BaseEstimator, context: TaskContext) -> None:
        """Let go of what was taken for the fit.

        Parameters
        ----------
        estimator : estimator
            That has been fitted.
        context : CallbackContext
            Of its fit.
        """
        if not isinstance(estimator, Pipeline):
            self._tear_down(estimator)
            return
        last = estimator.steps[-1][1]
        if any(one is last for one in self._lent_to):
            last.set_callbacks(*(one for one in callbacks_of(last) if one is not self))
            self._lent_to = tuple(one for one in self._lent_to if one is not last)

    def _tear_down(self, estimator: HasRunningFit) -> None:
        """Let go of what was taken for the fit of an estimator of skdeep's."""

    def __getstate__(self) -> dict[str, object]:
        """All but the pipelines that are being fitted, which are none of a copy's."""
        return {name: value for name, value in vars(self).items() if name != "_lent_to"}

    def on_fit_task_begin(self, estimator: HasRunningFit, context: TaskContext) -> None:
        """Hear that a task begins.

        Parameters
        ----------
        estimator : estimator
            That is being fitted.
        context : CallbackContext
            Of the task.
        """
        if context.task_name == EPOCH:
            self._epoch_begins(estimator)

    def on_fit_task_end(self, estimator: BaseEstimator, context: TaskContext) -> bool:
        """Hear that a task has ended.

        Parameters
        ----------
        estimator : estimator
            That is being fitted.
        context : CallbackContext
            Of the task.

        Returns
        -------
        stop : bool
            False: the fit goes on.
        """
        if not isinstance(estimator, HasRunningFit):
            # A pipeline whose last step has it, too.
            return False
        if context.task_name != EPOCH:
            self._fit_ends(estimator)
        elif not running_fit(estimator).watch.interrupted:
            # An epoch that was interrupted has been undone.
            self._epoch_ends(estimator)
        return False

    def _epoch_begins(self, estimator: HasRunningFit) -> None: ...

    def _epoch_ends(self, estimator: HasRunningFit) -> None: ...

    def _fit_ends(self, estimator: HasRunningFit) -> None: ...


class _WritingCallback(_EpochCallback):
    """Writes a file that one fit at a time has."""

    path: Path
    _held: HeldFile | None = None
    # Whose fit has it.
    _holder: BaseEstimator | None = None
    _complained = False
    # What there is for a search instead, as a sentence.
    _for_searches = ""

    @property
    def _file(self) -> HeldFile:
        assert self._held is not None
        return self._held

    def _is_own(self, path: Path) -> bool:
        """Whether a file is one of those that this writes."""
        raise NotImplementedError

    def _hold(self, estimator: BaseEstimator, context: TaskContext) -> None:
        """Take the file for the fit of an estimator that begins."""
        search = _search_around(context)
        if search is not None:
            raise ValueError(
                f"{type(self).__name__} is for single fits, and the candidates of {search} would "
                "all write one file. Set it on the estimator that is fitted once they are found."
                f"{self._for_searches}"
            )
        if self._held is not None:
            raise FileExistsError(
                f"Another fit that is running has this {type(self).__name__}, and writes "
                f"{self.path}. Give each a callback and a path of its own."
            )
        self._held = HeldFile(self.path, self._is_own, type(self).__name__)
        self._holder, self._complained = estimator, False

    def _tear_down(self, estimator: HasRunningFit) -> None:
        # One whose fit was refused, since another's has the file, is torn down as well.
        if self._held is not None and estimator is self._holder:
            self._held.release()
            self._held = self._holder = None

    def _try(self, write: Callable[[], None]) -> bool:
        """Write; a disk that is full, say, is no reason to lose what has been learnt."""
        try:
            write()
        except OSError as error:
            if not self._complained:
                self._complained = True
                warnings.warn(
                    f"{self.path} could not be written: {error}. The fit goes on, and it is tried "
                    "again after each epoch.",
                    stacklevel=2,
                )
            return False
        self._complained = False
        return True

    def __getstate__(self) -> dict[str, object]:
        """All but the file that is held, which no copy holds; its path as a string."""
        of_the_fit = ("_held", "_holder")
        state = super().__getstate__()
        state = {name: value for name, value in state.items() if name not in of_the_fit}
        return state | {"path": str(self.path)}

    def __setstate__(self, state: dict[str, object]) -> None:
        """Be what a callback with this state was."""
        self.__dict__.update(state)
        self.path = Path(str(state["path"]))


def _checked_path(path: object) -> Path:
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"path must be a string or a Path, got {path!r}.")
    return Path(path)


def _where_instead(callback: _EpochCallback, estimator: BaseEstimator) -> str:
    """What is wrong with setting a callback on an estimator, and which line is right."""
    name, kind = type(callback).__name__, type(estimator).__name__
    wrong = f"{name} follows the epochs of skdeep's estimators, and of pipelines that end in one, "
    if "checkpoint" not in estimator.get_params(deep=False):
        return f"{wrong}got {kind}."
    if isinstance(callback, Checkpoint):
        right = f"search.set_params(checkpoint={str(callback.path)!r}).fit(X, y)"
    else:
        right = f"search.best_estimator_.set_callbacks({name}(...)).fit(X, y)"
    return f"{wrong}got {kind}, a search. Instead: {right}."


def _search_around(context: TaskContext) -> str | None:
    """The name of the search whose candidate a fit is, None if it is no candidate."""
    task: TaskContext | None = context
    while task is not None:
        if task.task_name == "search":
            return task.estimator_name
        task = task.parent
    return None


def _is_stochastic(estimator: BaseEstimator) -> bool:
    """Whether it trains by mini-batches, as the networks for tables always do."""
    return not isinstance(estimator, BaseNetworkEstimator) or estimator.solver in STOCHASTIC_SOLVERS


class LearningRateControl(_EpochCallback):
    """The learning rate by hand, while a fit runs (course II 2.6 and II 3.1, babysitting a model).

    Before each epoch it sets `learning_rate_init`, on which the estimator's schedule is a factor: 1
    with ``learning_rate="constant"``. After the fit the parameter is what it was before. The
    networks for tables have schedules of their own: "coslog4" while the best epoch is looked for,
    then "linear", 0.3 times as high, with all rows.

    Parameters
    ----------
    rate : callable, str or path
        A function ``rate(epoch, loss_curve)`` that returns the rate of the epoch to come, > 0, or
        None for the one before; epochs count from 0, and `loss_curve` is the list of the costs so
        far, for a network for tables in each of its groups anew. Or the path of a text file that
        holds one number on a line. The line must end with a line break, since one without may not
        be fully written yet. The file is read anew before each epoch, so that a fit that runs can
        be steered from outside (``echo 1e-4 > rate.txt``). While there is no such file, or it is
        empty, the rate stays as it is; where it holds anything else, or cannot be read, a warning
        says so, once for each thing.

    Raises
    ------
    TypeError
        If `rate` is neither.
    ValueError
        In `fit`: if the function returns anything but a finite number > 0 or None, or if the
        estimator's solver is not a stochastic one.

    See Also
    --------
    skdeep.DeepMLPClassifier : Its parameter `learning_rate` has ready-made schedules.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdeep import DeepMLPClassifier
    >>> from skdeep.callbacks import LearningRateControl
    >>> def halve_on_a_plateau(epoch, loss_curve):
    ...     stalled = epoch >= 5 and loss_curve[-1] > 0.99 * loss_curve[-5]
    ...     return 0.005 if stalled else 0.01
    >>> model = DeepMLPClassifier((5,), max_iter=20, tol=0, random_state=0)
    >>> if hasattr(model, "set_callbacks"):  # scikit-learn 1.9
    ...     _ = model.set_callbacks(LearningRateControl(halve_on_a_plateau))
    """

    def __init__(self, rate: Callable[[int, list[float]], float | None] | str | Path) -> None:
        if not (callable(rate) or isinstance(rate, (str, os.PathLike))):
            raise TypeError(
                "rate must be a function (epoch, loss_curve) -> rate, or the path of a text file; "
                f"got {rate!r}."
            )
        self.rate = rate
        self._complained_of: str | None = None

    def _set_up(self, estimator: HasRunningFit, context: TaskContext) -> None:
        """Remember the estimator's own rate."""
        if not _is_stochastic(estimator):
            raise ValueError(
                f"LearningRateControl needs a stochastic solver {STOCHASTIC_SOLVERS}, got "
                f"solver={estimator.solver!r}."
            )
        take_control_of_rate(estimator)

    def _tear_down(self, estimator: HasRunningFit) -> None:
        """Give the estimator its own rate back."""
        give_back_rate(estimator)

    def _epoch_begins(self, estimator: HasRunningFit) -> None:
        rate = self._asked(estimator) if callable(self.rate) else self._read()
        if rate is not None:
            estimator.learning_rate_init = rate

    def _asked(self, estimator: HasRunningFit) -> float | None:
        assert callable(self.rate)
        loss_curve = list(running_fit(estimator).loss_curve)
        epoch = len(loss_curve)
        rate: object = self.rate(epoch, loss_curve)
        if rate is None:
            return None
        if not 0 < real_number(rate) < math.inf:
            raise ValueError(
                f"rate(epoch, loss_curve) must return a finite number > 0 or None, got {rate!r} "
                f"for epoch {epoch}."
            )
        return real_number(rate)

    def _read(self) -> float | None:
        """The rate that the file holds; None where there is none, or the file is no such file."""
        assert not callable(self.rate)
        try:
            content = first_bytes(Path(self.rate), LONGEST_RATE + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            self._complain(f"cannot be read: {error.strerror or error}")
            return None
        if not content.strip():
            return None
        rate = _rate_in(content)
        if rate is None:
            self._complain(
                "must hold one finite number > 0 and end with the end of its line, got "
                f"{content[:50]!r}"
            )
        else:
            self._complained_of = None
        return rate

    def _complain(self, what: str) -> None:
        """Say what is the matter with the file, once for each thing."""
        if what != self._complained_of:
            self._complained_of = what
            warnings.warn(
                f"{self.rate} {what}: the learning rate stays as it is.",
                stacklevel=2,
            )


def _rate_in(content: bytes) -> float | None:
    """The rate that a line says; a line without an end may be half of one."""
    if len(content) > LONGEST_RATE or not RATE.fullmatch(content):
        return None
    rate = float(content)
    return rate if 0 < rate < math.inf else None


class Checkpoint(_WritingCallback):
    """Saves a fit as it runs, so that one that was killed goes on where it was.

    What is saved is the estimator in the midst of its fit. The file is replaced in one step, so
    that at any moment there is a whole one. `resume` reads it: the next call of ``fit(X, y)``, with
    the same data, goes on to `max_iter`, and ends with the very model, to the last bit, that the
    fit would have ended with had it not been interrupted.

    Parameters
    ----------
    path : str or path
        The file. Its folder must exist. It is written before the first epoch, after every `every`
        epochs and after the last.
    every : int, default=1
        Epochs between two checkpoints, >= 1.
    keep : int, default=1
        How many checkpoints to keep, >= 1: the last in `path`, those before it beside it, their
        epoch added to the name, ``path.epoch-12`` after twelve epochs.

    Raises
    ------
    ValueError
        If `every` or `keep` is out of range; in `fit`: if the solver is not a stochastic one, or
        the fit is one of a search's candidates.
    FileNotFoundError
        In `fit`: if there is no such folder.
    FileExistsError
        In `fit`: if `path` is a file that no Checkpoint has written, or another fit that is running
        writes it.
    TypeError
        In `fit`: if the estimator has parameters that cannot be pickled, such as a lambda.

    Notes
    -----
    The file is a pickle: load only what you trust. Before anything is unpickled, versions and a
    hash are compared: a file that is damaged or of another version of skdeep is refused, and for
    other versions of NumPy or scikit-learn there is a warning. If the file cannot be written,
    because the disk is full, say, there is a warning, the fit goes on, and the next epoch tries
    again. A link is followed, the mode of a file kept, and one that has been moved is written where
    it was resumed from. Early stopping, schedules, dropout, augmentation and callbacks go on too,
    and `fit` needs the weights and the dev set it had; other data are an error. A network for
    tables needs the parameters it had, too, but for `learning_rate_init`, `weight_decay`, `n_jobs`
    and `verbose`, and where Ctrl-C has ended its fit it goes on from the last epoch that was saved.
    To callbacks, the epochs of a fit that goes on are numbered from 0 again in ``context.task_id``.
    Callbacks that cannot be pickled are left out, and `resume` names them in a warning. Before
    `fit` is called, the estimator that `resume` returns predicts as the network did when it was
    saved; with `partial_fit` it goes on epoch by epoch.

    Of a `Pipeline` the last step is saved, which goes on with the rows that the others give it. A
    fit from the start replaces what an earlier one has left at `path` and beside it. An epoch that
    diverged is not saved.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_iris
    >>> from skdeep import DeepMLPClassifier
    >>> from skdeep.callbacks import Checkpoint
    >>> X, y = load_iris(return_X_y=True)
    >>> path = Path(tempfile.mkdtemp()) / "iris.checkpoint"
    >>> model = DeepMLPClassifier((5,), max_iter=500, tol=1e-2, random_state=0)
    >>> if hasattr(model, "set_callbacks"):  # scikit-learn 1.9
    ...     _ = model.set_callbacks(Checkpoint(path, every=10)).fit(X, y)
    ...     again = Checkpoint.resume(path).fit(X, y)
    ...     assert again.n_iter_ == model.n_iter_
    """

    _for_searches = " A search of skdeep saves itself: search.set_params(checkpoint=path)."

    def __init__(self, path: str | Path, every: int = 1, keep: int = 1) -> None:
        check_integer("every", every)
        check_integer("keep", keep)
        self.path, self.every, self.keep = _checked_path(path), int(every), int(keep)
        self._saved: tuple[int, bool] | None = None

    @staticmethod
    def resume(path: str | Path) -> HasRunningFit:
        """Load an estimator whose `fit` goes on.

        Parameters
        ----------
        path : str or path
            A file that a `Checkpoint` has written.

        Returns
        -------
        estimator : estimator
            With the callbacks that it had, this one among them.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If the file holds something else, is damaged, or another version of skdeep has written
            it; where one beside it is whole, it is named.
        """
        saved: dict[str, Any] = checkpoints.unpacked(_checked_path(path))
        for callback in saved["callbacks"]:
            if isinstance(callback, Checkpoint) and callback.path == saved["path"]:
                # It saves where it lies now.
                callback.path = Path(path)
        if saved["lost"]:
            warnings.warn(
                f"These callbacks could not be saved, set them again: {saved['lost']}.",
                stacklevel=2,
            )
        estimator: HasRunningFit = saved["estimator"].set_callbacks(*saved["callbacks"])
        return estimator

    def _set_up(self, estimator: HasRunningFit, context: TaskContext) -> None:
        """Check that the fit can be saved, and where to."""
        if not _is_stochastic(estimator):
            raise ValueError(
                f"Checkpoint needs a stochastic solver {STOCHASTIC_SOLVERS}, whose state is known "
                f"after each epoch; got solver={estimator.solver!r}."
            )
        self._hold(estimator, context)
        self._saved = None

    def _is_own(self, path: Path) -> bool:
        return checkpoints.is_checkpoint(path)

    def _epoch_begins(self, estimator: HasRunningFit) -> None:
        if running_fit(estimator).n_epochs == 0:
            self._try(self._remove_those_of_before)
            self._save(estimator)

    def _epoch_ends(self, estimator: HasRunningFit) -> None:
        fit = running_fit(estimator)
        if not fit.watch.has_epochs_left or fit.n_epochs % self.every == 0:
            self._save(estimator)

    def _fit_ends(self, estimator: HasRunningFit) -> None:
        # Another callback may have ended it, in an epoch that was not to be saved.
        self._save(estimator)

    def _save(self, estimator: HasRunningFit) -> None:
        fit = running_fit(estimator)
        moment = (fit.n_epochs, fit.has_ended)
        if moment == self._saved or not fit.can_be_saved:
            return
        callbacks, lost = _picklable(callbacks_of(estimator))
        saved = {
            "estimator": saved_fit(estimator),
            "callbacks": callbacks,
            "lost": lost,
            "path": self.path,
        }
        try:
            content = checkpoints.packed(fit.n_epochs, saved)
        except Exception as error:
            raise TypeError(
                f"Checkpoint cannot save {estimator}: one of its parameters cannot be pickled "
                f"({error}). A function has to be defined at the top of a module."
            ) from error
        if self._try(lambda: self._write(fit.n_epochs, content)):
            self._saved = moment

    def _write(self, n_epochs: int, content: bytes) -> None:
        if self.keep > 1 and n_epochs > 0 and self._file.path.exists():
            self._keep_the_one_before(n_epochs)
        self._file.replace(content)

    def _keep_the_one_before(self, n_epochs: int) -> None:
        epoch = checkpoints.epoch_of(self._file.path)
        if epoch is None or epoch == n_epochs:
            return
        kept = self._file.beside(f".epoch-{epoch}")
        if kept.exists() and not self._is_own(kept):
            warnings.warn(
                f"{kept} is a file that no Checkpoint has written: the checkpoint of epoch {epoch} "
                "is not kept.",
                stacklevel=2,
            )
            return
        replace(kept, self._file.path.read_bytes())
        for older in self._kept()[: -(self.keep - 1)]:
            older.unlink()

    def _remove_those_of_before(self) -> None:
        for file in self._kept():
            file.unlink()

    def _kept(self) -> list[Path]:
        """The checkpoints beside the last, the oldest first."""
        found = self._file.own_files_beside(r"\.epoch-(\d+)")
        return [file for file, _ in sorted(found, key=lambda pair: int(pair[1]))]


def _picklable(callbacks: Sequence[object]) -> tuple[list[object], list[str]]:
    """Those that can be pickled, and the names of the others."""
    kept, lost = [], []
    for callback in callbacks:
        try:
            pickle.loads(pickle.dumps(callback))
            kept.append(callback)
        except Exception:
            lost.append(type(callback).__name__)
    return kept, lost


class TrainingLog(_WritingCallback):
    """Writes a line per epoch to a file, which can be read while the fit goes on.

    Parameters
    ----------
    path : str or path
        The file: ``.csv`` for comma-separated values, ``.jsonl`` for a JSON object per line. A fit
        from the start begins it anew; training that continues keeps the lines of the epochs that
        have been, and writes those that are missing.

    Raises
    ------
    ValueError
        If the suffix is another one; in `fit`: if the fit is one of a search's candidates.
    FileNotFoundError
        In `fit`: if there is no such folder.
    FileExistsError
        In `fit`: if `path` is a file that no TrainingLog has written, or another fit that is
        running writes it.

    Notes
    -----
    The columns: `epoch`, from 0 on; `loss`, the cost J; `validation_loss` and `validation_score`,
    of the dev set; `learning_rate`, of this epoch; `gradient_norm`, the mean over the mini-batches
    of the norm of the gradient, penalty apart; `seconds` since this call of `fit` began. The
    networks for tables have `group` after `epoch`, from 0 on: `epoch` counts on from group to
    group, and `validation_loss` and `validation_score` are of a group's first training. What there
    is not (a dev set, a full-batch solver's rate; norm and seconds of an epoch that was not written
    because the process was killed), or is not finite, is empty in CSV and null in JSON.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_iris
    >>> from skdeep import DeepMLPClassifier
    >>> from skdeep.callbacks import TrainingLog
    >>> path = Path(tempfile.mkdtemp()) / "log.csv"
    >>> model = DeepMLPClassifier((5,), max_iter=500, tol=1e-2, random_state=0)
    >>> if hasattr(model, "set_callbacks"):  # scikit-learn 1.9
    ...     _ = model.set_callbacks(TrainingLog(path)).fit(*load_iris(return_X_y=True))
    ...     assert len(path.read_text().splitlines()) == 1 + model.n_iter_
    """

    reads_gradient_norm = True

    def __init__(self, path: str | Path) -> None:
        self.path = _checked_path(path)
        if self.path.suffix not in (".csv", ".jsonl"):
            raise ValueError(f"path must end in .csv or .jsonl, got {str(path)!r}.")
        self._start = 0.0
        # Of the epochs of this fit what no curve has, and how many lines the file has.
        self._seen: dict[int, dict[str, float]] = {}
        self._n_written: int | None = None

    def _set_up(self, estimator: HasRunningFit, context: TaskContext) -> None:
        """Take the file, and look at the clock."""
        self._hold(estimator, context)
        self._start, self._seen, self._n_written = time.perf_counter(), {}, None

    def _is_own(self, path: Path) -> bool:
        """Of CSV the first line tells, of JSON the names in it; an empty file is anybody's."""
        with path.open("rb") as file:
            first = file.readline(LONGEST_LINE)
        if not first.strip():
            return True
        if self.path.suffix == ".csv":
            return first.rstrip(b"\r\n") in {",".join(names).encode() for names in COLUMNS}
        row = _row_in(first)
        return row is not None and tuple(row) in COLUMNS

    def _epoch_ends(self, estimator: HasRunningFit) -> None:
        fit = running_fit(estimator)
        row = fit.last_row
        epoch = int(row["epoch"])
        self._seen[epoch] = {
            "gradient_norm": float(fit.watch.state.gradient_norm),
            "seconds": time.perf_counter() - self._start,
        }
        follows = self._n_written == epoch and self._file.path.exists()
        write = partial(self._append, row) if follows else partial(self._write_all, fit)
        self._n_written = epoch + 1 if self._try(write) else None

    def _append(self, row: dict[str, float]) -> None:
        self._file.append(self._line(row).encode())

    def _write_all(self, fit: FollowedFit) -> None:
        """The lines of all epochs: those that are there, and of the curves those that are not."""
        history = fit.history
        there = self._lines_there(history)
        lines = [there.get(epoch) or self._line(row) for epoch, row in enumerate(history)]
        if self.path.suffix == ".csv":
            lines.insert(0, ",".join([*history[0], *self._seen[len(history) - 1]]) + "\n")
        self._file.replace("".join(lines).encode())

    def _lines_there(self, history: list[dict[str, float]]) -> dict[int, str]:
        """The file's lines by epoch, of those before this fit; none that is cut off or wrong."""
        if not self._file.path.exists():
            return {}
        lines: dict[int, str] = {}
        for content in self._file.path.read_bytes().splitlines(keepends=True):
            row = _row_in(content) if self.path.suffix == ".jsonl" else _row_of_csv(content)
            epoch = None if row is None else row.get("epoch")
            if not isinstance(epoch, int) or epoch in self._seen or not 0 <= epoch < len(history):
                continue
            assert row is not None
            loss = history[epoch]["loss"]
            if row.get("loss") == (loss if math.isfinite(loss) else None):
                lines.setdefault(epoch, content.decode())
        return lines

    def _line(self, row: dict[str, float]) -> str:
        unknown = {"gradient_norm": math.nan, "seconds": math.nan}
        values = {**row, **self._seen.get(int(row["epoch"]), unknown)}
        known = {name: value if math.isfinite(value) else None for name, value in values.items()}
        if self.path.suffix == ".jsonl":
            return json.dumps(known) + "\n"
        return ",".join("" if value is None else repr(value) for value in known.values()) + "\n"


def _row_in(content: bytes) -> dict[str, object] | None:
    """A line of JSON, None where it was cut off, or is of something else."""
    if not content.endswith(b"\n"):
        return None
    try:
        row = json.loads(content)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None


def _row_of_csv(content: bytes) -> dict[str, object] | None:
    """The epoch and the loss of a line, None where it was cut off, or is of something else."""
    if not content.endswith(b"\n"):
        return None
    try:
        values = content.decode().rstrip("\r\n").split(",")
        names = next(one for one in COLUMNS if len(one) == len(values))
        row = dict(zip(names, values, strict=True))
        return {"epoch": int(row["epoch"]), "loss": float(row["loss"]) if row["loss"] else None}
    except (ValueError, StopIteration):
        return None
