"""What can be attached to a fit: a hand on the learning rate, checkpoints, a log.

These are callbacks in scikit-learn's protocol (1.9 or later): ``estimator.set_callbacks(...)``
attaches them, beside scikit-learn's own `ProgressBar` and `ScoringMonitor`. Each epoch of `fit` is
a task; before and after it a callback may look at the estimator, and set parameters that hold for
the epochs to come. `partial_fit` has no tasks: there, you are in between.

They are for single fits of skdeep's estimators; in a `Pipeline`, set them on that step. The
candidates of a search are clones, which would all write the same file. The networks for tables
train their groups one after the other where there is a callback, and each group twice.
"""

import json
import math
import os
import pickle
import re
import time
import warnings
from collections.abc import Callable, Sequence
from numbers import Integral, Real
from pathlib import Path

from sklearn.base import BaseEstimator

from ._engine.solvers import STOCHASTIC_SOLVERS
from .estimators._base import BaseNetworkEstimator
from .estimators._callbacks import TaskContext, callbacks_of
from .estimators._running import (
    HasRunningFit,
    give_back_rate,
    running_fit,
    saved_fit,
    take_control_of_rate,
)

__all__ = ["Checkpoint", "LearningRateControl", "TrainingLog"]

EPOCH = "epoch"
# Of a checkpoint: what it is can be told without unpickling it.
FIRST_LINE = b"skdeep checkpoint 2 of epoch %d\n"
# What skdeep wrote while a fit was kept in another form.
OLD_FIRST_LINE = re.compile(rb"skdeep checkpoint of epoch \d+\n")


class _EpochCallback:
    """Hooks that hear of an estimator's epochs only; derived classes say what they do there."""

    def setup(self, estimator: BaseEstimator, context: TaskContext) -> None:
        """Check that the estimator is one of skdeep's.

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
        if not isinstance(estimator, HasRunningFit):
            raise TypeError(
                f"{type(self).__name__} follows the epochs of skdeep's estimators, got "
                f"{type(estimator).__name__}. In a Pipeline, set it on the last step."
            )

    def teardown(self, estimator: HasRunningFit, context: TaskContext) -> None:
        """Do nothing.

        Parameters
        ----------
        estimator : estimator
            That has been fitted.
        context : CallbackContext
            Of its fit.
        """

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

    def on_fit_task_end(self, estimator: HasRunningFit, context: TaskContext) -> bool:
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
        if context.task_name != EPOCH:
            self._fit_ends(estimator)
        elif not running_fit(estimator).watch.interrupted:
            # An epoch that was interrupted has been undone.
            self._epoch_ends(estimator)
        return False

    def _epoch_begins(self, estimator: HasRunningFit) -> None: ...

    def _epoch_ends(self, estimator: HasRunningFit) -> None: ...

    def _fit_ends(self, estimator: HasRunningFit) -> None: ...


def _is_stochastic(estimator: BaseEstimator) -> bool:
    """Whether it trains by mini-batches, as the networks for tables always do."""
    return not isinstance(estimator, BaseNetworkEstimator) or estimator.solver in STOCHASTIC_SOLVERS


class LearningRateControl(_EpochCallback):
    """The learning rate by hand, while a fit runs (course II 2.6 and II 3.1, babysitting a model).

    Before each epoch it sets `learning_rate_init`, on which the estimator's schedule is a factor:
    1 with ``learning_rate="constant"``. After the fit the parameter is what it was before. The
    networks for tables have schedules of their own: coslog4, then, 0.3 times as high, linear.

    Parameters
    ----------
    rate : callable, str or path
        A function ``rate(epoch, loss_curve)`` that returns the rate of the epoch to come, > 0, or
        None for the one before; epochs count from 0, and `loss_curve` is the list of the costs so
        far, for a network for tables in each of its groups anew. Or a text file that holds one
        number, read anew before each epoch, so that a fit that runs can be steered from outside.
        While there is no such file, or it is empty, the rate stays as it is; where it holds
        anything else a warning says so, once for each content.

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

    def setup(self, estimator: BaseEstimator, context: TaskContext) -> None:
        """Remember the estimator's own rate.

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
        ValueError
            If its solver has no learning rate by the epoch.
        """
        super().setup(estimator, context)
        if not _is_stochastic(estimator):
            raise ValueError(
                f"LearningRateControl needs a stochastic solver {STOCHASTIC_SOLVERS}, got "
                f"solver={estimator.solver!r}."
            )
        take_control_of_rate(estimator)

    def teardown(self, estimator: HasRunningFit, context: TaskContext) -> None:
        """Give the estimator its own rate back.

        Parameters
        ----------
        estimator : estimator
            That has been fitted.
        context : CallbackContext
            Of its fit.
        """
        give_back_rate(estimator)

    def _epoch_begins(self, estimator: HasRunningFit) -> None:
        rate = self._asked(estimator) if callable(self.rate) else self._read()
        if rate is not None:
            estimator.set_params(learning_rate_init=rate)

    def _asked(self, estimator: HasRunningFit) -> float | None:
        assert callable(self.rate)
        loss_curve = list(running_fit(estimator).loss_curve)
        epoch = len(loss_curve)
        rate: object = self.rate(epoch, loss_curve)
        if rate is None:
            return None
        if not (isinstance(rate, Real) and 0 < float(rate) < math.inf):
            raise ValueError(
                f"rate(epoch, loss_curve) must return a finite number > 0 or None, got {rate!r} "
                f"for epoch {epoch}."
            )
        return float(rate)

    def _read(self) -> float | None:
        assert not callable(self.rate)
        try:
            text = Path(self.rate).read_text(errors="replace").strip()
        except FileNotFoundError:
            return None
        if not text:
            return None
        try:
            rate = float(text)
        except ValueError:
            rate = math.nan
        if 0 < rate < math.inf:
            return rate
        if text != self._complained_of:
            self._complained_of = text
            warnings.warn(
                f"{self.rate} must hold one finite number > 0, got {text[:50]!r}: the learning "
                "rate stays as it is.",
                stacklevel=2,
            )
        return None


class Checkpoint(_EpochCallback):
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
        If `every` or `keep` is out of range; in `fit`: if the solver is not a stochastic one.
    FileNotFoundError
        In `fit`: if there is no such folder.
    FileExistsError
        In `fit`: if `path` is a file that no Checkpoint has written.
    TypeError
        In `fit`: if the estimator has parameters that cannot be pickled, such as a lambda.

    Notes
    -----
    The file is a pickle: load only what you trust, with the same versions of Python and libraries.
    Early stopping, schedules, dropout, augmentation and callbacks go on too, and `fit` needs the
    weights and the dev set it had; other data are an error. A network for tables needs the
    parameters it had, too, but for `learning_rate_init`, `weight_decay`, `n_jobs` and `verbose`,
    and where Ctrl-C has ended its fit it goes on from the last epoch that was saved. To callbacks,
    the epochs of a fit that goes on are numbered from 0 again in ``context.task_id``. Callbacks
    that cannot be pickled are left out, and `resume` names them in a warning. Before `fit` is
    called, the estimator that `resume` returns predicts as the network did when it was saved; with
    `partial_fit` it goes on epoch by epoch.

    A fit from the start replaces what an earlier one has left at `path` and beside it. An epoch
    that diverged is not saved.

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

    def __init__(self, path: str | Path, every: int = 1, keep: int = 1) -> None:
        counts: dict[str, object] = {"every": every, "keep": keep}
        for name, value in counts.items():
            if not isinstance(value, Integral) or int(value) < 1:
                raise ValueError(f"{name} must be an integer >= 1, got {value!r}.")
        self.path, self.every, self.keep = Path(path), int(every), int(keep)
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
            If the file holds something else, or an earlier version of skdeep has written it.
        """
        with Path(path).open("rb") as file:
            first_line = file.readline()
            if OLD_FIRST_LINE.fullmatch(first_line):
                raise ValueError(
                    f"{path} was written by an earlier version of skdeep, whose fits this one "
                    "cannot go on with. Go on with that version, or start the fit anew."
                )
            if _epoch_in(first_line) is None:
                raise ValueError(f"{path} was not written by a Checkpoint.")
            saved = pickle.load(file)
        if saved["lost"]:
            warnings.warn(
                f"These callbacks could not be saved, set them again: {saved['lost']}.",
                stacklevel=2,
            )
        estimator: HasRunningFit = saved["estimator"].set_callbacks(*saved["callbacks"])
        return estimator

    def setup(self, estimator: BaseEstimator, context: TaskContext) -> None:
        """Check that the fit can be saved, and where to.

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
        ValueError
            If its solver keeps to itself where it is.
        FileNotFoundError
            If the folder does not exist.
        FileExistsError
            If there is another file of this name.
        """
        super().setup(estimator, context)
        if not _is_stochastic(estimator):
            raise ValueError(
                f"Checkpoint needs a stochastic solver {STOCHASTIC_SOLVERS}, whose state is known "
                f"after each epoch; got solver={estimator.solver!r}."
            )
        _check_folder(self.path)
        if self.path.exists() and not _is_checkpoint(self.path):
            raise FileExistsError(f"path is a file that no Checkpoint has written: {self.path}.")
        self._saved = None

    def _epoch_begins(self, estimator: HasRunningFit) -> None:
        if running_fit(estimator).n_epochs == 0:
            for epoch in self._kept_epochs():
                self._kept(epoch).unlink()
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
        }
        try:
            content = pickle.dumps(saved)
        except Exception as error:
            raise TypeError(
                f"Checkpoint cannot save {estimator}: one of its parameters cannot be pickled "
                f"({error}). A function has to be defined at the top of a module."
            ) from error
        if self.keep > 1 and fit.n_epochs > 0 and self.path.exists():
            self._keep_the_one_before(fit.n_epochs)
        _replace(self.path, FIRST_LINE % fit.n_epochs + content)
        self._saved = moment

    def _keep_the_one_before(self, n_epochs: int) -> None:
        epoch = self._epoch_of(self.path)
        if epoch is None or epoch == n_epochs:
            return
        _replace(self._kept(epoch), self.path.read_bytes())
        for older in self._kept_epochs()[: -(self.keep - 1)]:
            self._kept(older).unlink()

    def _kept_epochs(self) -> list[int]:
        """The epochs of the checkpoints beside the last, in order."""
        return sorted(
            int(found[1])
            for file in self.path.absolute().parent.iterdir()
            if (found := re.fullmatch(re.escape(self.path.name) + r"\.epoch-(\d+)", file.name))
        )

    def _epoch_of(self, path: Path) -> int | None:
        """How many epochs a checkpoint is of; None for other files."""
        with path.open("rb") as file:
            return _epoch_in(file.readline())

    def _kept(self, epoch: int) -> Path:
        return self.path.with_name(f"{self.path.name}.epoch-{epoch}")


def _is_checkpoint(path: Path) -> bool:
    """Whether a Checkpoint has written a file, of this version or an earlier one."""
    with path.open("rb") as file:
        first_line = file.readline()
    return OLD_FIRST_LINE.fullmatch(first_line) is not None or _epoch_in(first_line) is not None


def _epoch_in(first_line: bytes) -> int | None:
    found = re.fullmatch(rb"skdeep checkpoint 2 of epoch (\d+)\n", first_line)
    return None if found is None else int(found[1])


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


def _check_folder(path: Path) -> None:
    folder = path.absolute().parent
    if not folder.is_dir():
        raise FileNotFoundError(f"path must be in a folder that exists, {folder} does not.")


def _replace(path: Path, content: bytes) -> None:
    """Write a file so that at any moment the old or the new one is there, whole."""
    # What a kill leaves of it the next one overwrites.
    unfinished = path.with_name(f"{path.name}.unfinished")
    with unfinished.open("wb") as file:
        file.write(content)
        file.flush()
        # A rename may reach the disk before what was written does.
        os.fsync(file.fileno())
    os.replace(unfinished, path)


class TrainingLog(_EpochCallback):
    """Writes a line per epoch to a file, which can be read while the fit goes on.

    Parameters
    ----------
    path : str or path
        The file: ``.csv`` for comma-separated values, ``.jsonl`` for a JSON object per line. A fit
        from the start begins it anew; training that continues keeps the lines of the epochs that
        have been.

    Raises
    ------
    ValueError
        If the suffix is another one.
    FileNotFoundError
        In `fit`: if there is no such folder.

    Notes
    -----
    The columns: `epoch`, from 0 on; `loss`, the cost J; `validation_loss` and `validation_score`,
    of the dev set; `learning_rate`, of this epoch; `gradient_norm`, the mean over the mini-batches
    of the norm of the gradient, penalty apart; `seconds` since this call of `fit` began. The
    networks for tables have `group` after `epoch`, from 0 on: `epoch` counts on from group to
    group, and `validation_loss` and `validation_score` are of a group's first training. What there
    is not (a dev set, a full-batch solver's rate), or is not finite, is empty in CSV and null in
    JSON.

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

    _next: int | None

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if self.path.suffix not in (".csv", ".jsonl"):
            raise ValueError(f"path must end in .csv or .jsonl, got {str(path)!r}.")
        self._start, self._next = 0.0, None

    def setup(self, estimator: BaseEstimator, context: TaskContext) -> None:
        """Look at the clock.

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
        FileNotFoundError
            If the folder does not exist.
        """
        super().setup(estimator, context)
        _check_folder(self.path)
        self._start, self._next = time.perf_counter(), None

    def _epoch_ends(self, estimator: HasRunningFit) -> None:
        fit = running_fit(estimator)
        state, curves = fit.watch.state, fit.watch.curves
        watched = len(curves.validation_score) == len(curves.loss)
        values: dict[str, float] = {
            **fit.place,
            "loss": curves.loss[-1],
            "validation_loss": curves.validation_loss[-1] if watched else math.nan,
            "validation_score": curves.validation_score[-1] if watched else math.nan,
            "learning_rate": float(state.rate),
            "gradient_norm": float(state.gradient_norm),
            "seconds": time.perf_counter() - self._start,
        }
        epoch = fit.place["epoch"]
        if self._next != epoch:
            self._begin(epoch, list(values))
        with self.path.open("a", newline="") as file:
            file.write(self._line(values))
        self._next = epoch + 1

    def _begin(self, epoch: int, columns: list[str]) -> None:
        """A file of the epochs before this one, as far as there are any."""
        lines = [] if self.path.suffix == ".jsonl" else [",".join(columns) + "\n"]
        if epoch > 0 and self.path.exists():
            with self.path.open(newline="") as file:
                lines += [line for line in file if -1 < self._epoch_of(line) < epoch]
        _replace(self.path, "".join(lines).encode())

    def _epoch_of(self, line: str) -> int:
        """The epoch that a line is of; -1 of a header, or of a line that was cut off."""
        if not line.endswith("\n"):
            return -1
        try:
            if self.path.suffix == ".jsonl":
                return int(json.loads(line)["epoch"])
            return int(line.split(",")[0])
        except ValueError:
            return -1

    def _line(self, values: dict[str, float]) -> str:
        known = {name: value if math.isfinite(value) else None for name, value in values.items()}
        if self.path.suffix == ".jsonl":
            return json.dumps(known) + "\n"
        return ",".join("" if value is None else repr(value) for value in known.values()) + "\n"
