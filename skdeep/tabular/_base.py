"""What the networks for tables share: read → encode → groups of members → their mean.

    fit → _fit ─ _prepare ──> rows of positive weight as arrays, targets as the loss has them, for
                              each entry of n_bins an encoding, rows held out, a start
                 fit_group ─> members, side by side
                 _conclude ─> what the rows held out say of the members' mean

A call that fails puts back all that was there before.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from .._arguments import random_state_of
from .._engine.backend import Array
from .._engine.links import Link
from .._fit.dev import DevSet
from .._fit.recipe import Recipe
from .._fit.whole import is_part
from .._inputs import NO_DEV_SET, DevArguments, MatrixLike, n_rows_of
from ..estimators._callbacks import CallbackSupport, FitEvents, parameters_now
from ..estimators._deep import BaseDeepMLP
from ..estimators._recipe import shallow_copy
from ..estimators._running import Attributes, HasRunningFit
from ..estimators._validation import check_given_together
from ..estimators._warnings import warn
from ..exceptions import NoProgressWarning
from ..preprocessing._checks import checked_table
from ..preprocessing._table import TableEncoder, encoder_of
from ._encoding import Encoding
from ._group import FittedGroup, GroupData, GroupTask, PausedTraining, fit_group
from ._preparation import LabelledTable, ReadsTables
from ._recipes import GroupSettings
from ._running import (
    MAY_CHANGE,
    Pause,
    PausedEnsemble,
    RunningEnsemble,
    fingerprint_of,
    pause_with,
)
from ._side_by_side import side_by_side
from ._steering import Steering, Stop

EstimatorT = TypeVar("EstimatorT", bound="BaseTabularMLP")
# Of a fitted estimator, beside the attributes that end with an underscore.
FITTED = {
    "_groups",
    "_encodings",
    "_reader",
    "_link",
    "_learnt_with",
    "_labels",
    "_class_weights",
    "_scale",
    "_calibration",
}


@dataclass
class Prepared:
    """What the groups of an estimator learn from, and how."""

    table: LabelledTable
    given: LabelledTable | None
    # What the rows held out are drawn with, and each group draws with.
    entropy: list[list[int]]
    # Of each group.
    datas: list[GroupData]
    settings: list[GroupSettings]

    def task(
        self, number: int, steering: Steering, paused: PausedTraining | None = None
    ) -> GroupTask:
        """The training of one group."""
        return GroupTask(self.settings[number], steering, self.entropy[1 + number], paused)


class BaseTabularMLP(HasRunningFit, CallbackSupport, ReadsTables):
    """Base class of the two networks for tables. Warning: use the derived classes."""

    # Where a saved fit had come to, from which the next call of `fit` goes on.
    _paused: PausedEnsemble | None = None

    # ------------------------------------------------------------------ what derived classes say

    @abstractmethod
    def _of_the_loss(self) -> Attributes:
        """The parameters that members learn with, too."""

    @abstractmethod
    def _mean(self, members: Array) -> Array:
        """The mean (n, n_outputs) of predictions of members (K, n, n_outputs)."""

    @abstractmethod
    def _calibrated(self, mean: Array, targets: Array, weights: Array | None) -> Attributes:
        """What the members' mean predictions for rows that they have not learnt from tell."""

    @abstractmethod
    def _uncalibrated(self) -> Attributes:
        """The same before there are any."""

    @abstractmethod
    def _member(self, group: FittedGroup, theta: Array) -> BaseDeepMLP:
        """The plain network that a member is; its parameters are its own to change."""

    @property
    def _has_one_logit(self) -> bool:
        return False

    # -------------------------------------------------------------------------------- training

    def _fit(
        self,
        X: MatrixLike,
        y: MatrixLike | None,
        sample_weight: ArrayLike | None,
        validation: DevArguments,
    ) -> Self:
        self._check_not_running()
        self._check_together(validation)
        n_rows = n_rows_of(X) if hasattr(X, "shape") or hasattr(X, "__len__") else 0
        most = self._most_epochs(n_rows)
        events = FitEvents(self, max_epochs=most, X=X, y=y, sample_weight=sample_weight)
        before = dict(self.__dict__)
        try:
            if events.are_heard:
                # A callback may have set parameters as it heard of the fit.
                self._validate_params()
                self._check_together(validation)
            if self._paused is not None:
                self._paused.check_parameters(self.get_params(deep=False))
            self._forget_fit()
            prepared = self._prepare(X, y, sample_weight, validation)
            fingerprint = partial(fingerprint_of, prepared.table, prepared.given)
            if self._paused is not None:
                self._paused.check_data(fingerprint)
            pause = pause_with(prepared.entropy, fingerprint, parameters_now(self))
            fitted = self._train(prepared, events, pause)
            self._conclude(fitted, prepared)
            events.fit_ends()
            self._forget_running()
            return self
        except BaseException:
            # One assignment: there is no moment at which only some of it is back.
            self.__dict__ = before
            raise

    def _check_together(self, validation: DevArguments = NO_DEV_SET) -> None:
        """What no single parameter's range can rule out."""
        check_given_together(*validation)
        self._hidden_layer_sizes()
        self._activations(len(self._bins()))

    def _prepare(
        self,
        X: MatrixLike,
        y: MatrixLike | None,
        sample_weight: ArrayLike | None,
        validation: DevArguments,
    ) -> Prepared:
        """What groups learn from, and all that is learnt of the data before."""
        table, given = self._read_all(X, y, sample_weight, validation)
        n_bins = self._bins()
        entropy = self._entropy(len(n_bins))
        datas = self._data_of_groups(n_bins, entropy[0], table, given)
        return Prepared(table, given, entropy, datas, self._settings())

    def _prepare_like(self, leader: Self, prepared: Prepared) -> Prepared:
        """What groups of an unfitted estimator learn from that differs in numbers of training."""
        for name, value in leader.__dict__.items():
            # What the data have given to the leader; a parameter is there already.
            self.__dict__.setdefault(name, value)
        entropy = self._entropy(len(prepared.datas))
        return replace(prepared, entropy=entropy, settings=self._settings())

    def _forget_fit(self) -> None:
        """Forget what an earlier fit has left, which is not to be taken for this one's."""
        for name in list(self.__dict__):
            if name in FITTED or (name.endswith("_") and not name.startswith("_")):
                del self.__dict__[name]

    def _forget_running(self) -> None:
        """Forget what only a fit that runs, and those who save it, have need of."""
        self.__dict__.pop("_running", None)
        for group in self._groups:
            group.watched = np.empty(0)

    def _entropy(self, n_groups: int) -> list[list[int]]:
        """What the rows held out are drawn with, and each group draws with."""
        if self._paused is not None:
            return self._paused.entropy
        random = random_state_of(self.random_state)
        drawn: list[list[int]] = random.randint(0, 2**31 - 1, size=(1 + n_groups, 4)).tolist()
        return drawn

    # ----------------------------------------------------------------------------- the groups

    def _settings(self) -> list[GroupSettings]:
        """How each group is trained."""
        loss, sizes = self._make_loss(), self._hidden_layer_sizes()
        self._link, self._learnt_with = loss.link, self._of_the_loss()
        return [
            GroupSettings(
                hidden_layer_sizes=sizes,
                n_members=int(self.n_members),
                max_iter=None if isinstance(self.max_iter, str) else int(self.max_iter),
                batch_size=None if isinstance(self.batch_size, str) else int(self.batch_size),
                refit=bool(self.refit),
                verbose=bool(self.verbose),
                loss=loss,
                one_logit=self._has_one_logit,
                activations=(activation,) * len(sizes),
            )
            for activation in self._activations(len(self._bins()))
        ]

    def _train(
        self, prepared: Prepared, events: FitEvents, pause: Pause
    ) -> list[FittedGroup | None]:
        """Train the groups, side by side where nobody listens to one after the other."""
        ended, training, over = self._take_up_paused()
        datas = prepared.datas
        stop, n_at_once = Stop(), self._n_at_once(datas[0].rows.n_rows)
        if events.are_heard or self.verbose:
            n_at_once = 1
        of_all = self._steering(stop, events, ended) if events.are_heard else None
        events.fitted_attributes = partial(self._attributes_now, of_all)
        if of_all is not None:
            self._running = RunningEnsemble(of_all, pause, events.fitted_attributes)
        tasks = [
            partial(
                _fitted_unless_interrupted,
                prepared.task(
                    number,
                    of_all or self._steering(stop),
                    training if number == len(ended) else None,
                ),
                data,
            )
            for number, data in enumerate(datas)
            if number >= len(ended) and not over
        ]
        fitted = [*ended, *side_by_side(tasks, n_at_once, stop)]
        if stop.by_user:
            _warn_of_interruption(fitted)
        return fitted + [None] * (len(datas) - len(fitted))

    def _take_up_paused(self) -> tuple[list[FittedGroup], PausedTraining | None, bool]:
        """The groups that a saved fit had trained, the one it was at, and whether it was over."""
        paused = self.__dict__.pop("_paused", None)
        self.__dict__.pop("_rate_under_control", None)
        if paused is None:
            return [], None, False
        return list(paused.ended), paused.training, paused.training is None

    def _steering(
        self, stop: Stop, events: FitEvents | None = None, ended: Sequence[FittedGroup] = ()
    ) -> Steering:
        steering = Steering(
            float(self.learning_rate_init),
            float(self.weight_decay),
            stop,
            events,
            ended=list(ended),
        )
        if events is not None:
            events.remake = partial(self._remake, steering)
        return steering

    def _attributes_now(self, steering: Steering | None) -> Attributes:
        """Attributes with which a copy predicts by the members as they are at the moment."""
        if steering is None or hasattr(self, "n_iter_"):
            return {"_running": None}
        groups = steering.groups_now()
        return {
            "_groups": groups,
            "_encodings": self._encodings[: len(groups)],
            "n_iter_": max(group.n_epochs for group in groups),
            "_running": None,
            **self._uncalibrated(),
        }

    def _remake(self, steering: Steering, before: dict[str, object], changed: list[str]) -> Recipe:
        """The recipe of what a callback has set."""
        self._validate_params()
        for name in changed:
            if name not in MAY_CHANGE:
                raise ValueError(
                    f"{name} cannot change while a fit runs: a callback has set it from "
                    f"{before[name]!r} to {getattr(self, name)!r}. {sorted(MAY_CHANGE)} can."
                )
        return steering.change(float(self.learning_rate_init), float(self.weight_decay))

    def _conclude(
        self,
        fitted: Sequence[FittedGroup | None],
        prepared: Prepared,
    ) -> None:
        """Calibrate, and set the fitted attributes."""
        datas = prepared.datas
        pairs = [(group, number) for number, group in enumerate(fitted) if group is not None]
        self._encodings = [self._encodings[number] for _, number in pairs]
        self._groups = [group for group, _ in pairs]
        self._warn_if_no_progress([datas[number] for _, number in pairs])
        labelled = prepared.table if prepared.given is None else prepared.given
        self._learn_from_watched(labelled, [datas[number].dev for _, number in pairs])
        self.n_iter_ = max(group.n_epochs for group in self._groups)
        curves = [group.curves for group in self._groups]
        self.loss_curve_ = [one.loss for one in curves]
        self.validation_loss_curve_ = [one.validation_loss for one in curves]
        self.validation_scores_ = [one.validation_score for one in curves]
        self.best_epoch_ = [group.best_epoch for group in self._groups]

    def _warn_if_no_progress(self, datas: Sequence[GroupData]) -> None:
        """Warn if no group has learnt to predict rows held out any better than a constant does."""
        for group, data in zip(self._groups, datas, strict=True):
            n_rows = group.watched.shape[1]
            of_constant = data.goodness(np.tile(data.constant, (n_rows, 1)))
            if max(group.curves.validation_score) > of_constant:
                return
        warn(
            "The fit made no progress: in no epoch did the mean of the members predict the rows "
            "held out better than a constant. Perhaps X does not tell about y; or there are too "
            f"few rows ({n_rows} were held out), or learning_rate_init={self.learning_rate_init:g} "
            "is too high.",
            NoProgressWarning,
        )

    def _learn_from_watched(self, labelled: LabelledTable, devs: Sequence[DevSet]) -> None:
        """Learn from what members say of rows that they have not learnt from.

        A row is predicted by the groups that held it out, and by no other.
        """
        total = np.zeros((labelled.n_rows, self._n_outputs()))
        count = np.zeros((labelled.n_rows, 1))
        for group, dev in zip(self._groups, devs, strict=True):
            index = slice(None) if dev.index is None else dev.index
            total[index] += self._mean(group.watched)
            count[index] += 1
        rows = np.flatnonzero(count)
        weights = None if labelled.weights is None else labelled.weights[rows]
        mean = total[rows] / count[rows]
        self.__dict__.update(self._calibrated(mean, labelled.targets[rows], weights))

    # -------------------------------------------------------------------------------- inspection

    @property
    def members_(self) -> list[BaseDeepMLP]:
        """The members as networks of their own, group by group, fitted on encoded rows."""
        self._check_attribute("members_")
        return [
            self._member(group, theta.copy()) for group in self._groups for theta in group.theta
        ]

    @property
    def encoders_(self) -> list[TableEncoder]:
        """The encoding of each group, as a transformer."""
        self._check_attribute("encoders_")
        return [encoder_of(self._reader, encoding.expansion, self) for encoding in self._encodings]

    def _check_attribute(self, name: str) -> None:
        if not hasattr(self, "_groups"):
            raise AttributeError(
                f"{type(self).__name__} has no attribute {name!r} before it is fitted."
            )

    def _of_member(self, group: FittedGroup) -> dict[str, object]:
        """Parameters of a network that is a member of a group."""
        return {
            "hidden_layer_sizes": group.architecture.hidden_layer_sizes,
            "activation": list(group.architecture.activations),
            "solver": "adamw",
            "alpha": 0.0,
            "dtype": "float64",
            "random_state": 0,
        }

    # ------------------------------------------------------------------------------ prediction

    def _member_predictions(self, X: MatrixLike) -> list[Array]:
        """Of each group its members' predictions, (K, n, n_outputs)."""
        check_is_fitted(self)
        raw = self._reader.read(checked_table(self, X, reset=False))
        return [
            group.predict(encoding.compact(raw), encoding.expand, self._link)
            for group, encoding in zip(self._groups, self._encodings, strict=True)
        ]

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_groups") and hasattr(self, "n_iter_")

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags


def _fitted_unless_interrupted(task: GroupTask, data: GroupData) -> FittedGroup | None:
    """A group, None where Ctrl-C has come before its first epoch was over."""
    try:
        return fit_group(task, data)
    except KeyboardInterrupt:
        task.steering.stop.set_by_user()
        return None


def _warn_of_interruption(fitted: Sequence[FittedGroup | None]) -> None:
    n_begun = sum(group is not None for group in fitted)
    if n_begun == 0 or is_part():
        raise KeyboardInterrupt
    warn(
        f"Training interrupted by user: {n_begun} of {len(fitted)} groups of members predict, the "
        "last of them as it was in its best epoch."
    )


# ------------------------------------------------------------------- several estimators together


def check_parameters(estimator: BaseTabularMLP) -> None:
    """Raise where an estimator's parameters, one by one or together, are not allowed."""
    estimator._validate_params()
    estimator._check_together()


def prepared_for(
    estimator: BaseTabularMLP,
    X: MatrixLike,
    y: MatrixLike | None,
    sample_weight: ArrayLike | None,
    validation: DevArguments,
) -> Prepared:
    """What the fit of an unfitted estimator, which learns of the data here, would work on."""
    return estimator._prepare(X, y, sample_weight, validation)


def prepared_like(
    estimator: BaseTabularMLP, leader: BaseTabularMLP, prepared: Prepared
) -> Prepared:
    """The same for another one, which learns of the data what the leader has learnt."""
    return estimator._prepare_like(leader, prepared)


def steering_of(estimator: BaseTabularMLP, stop: Stop) -> Steering:
    """What steers the training of an estimator's group, which nobody listens to."""
    return estimator._steering(stop)


def concluded(
    estimator: EstimatorT, groups: Sequence[FittedGroup | None], prepared: Prepared
) -> EstimatorT:
    """A fitted copy of an estimator whose groups have been trained, with the warnings of `fit`."""
    fitted = shallow_copy(estimator)
    fitted._conclude(groups, prepared)
    fitted._forget_running()
    return fitted


def groups_of(ensemble: BaseTabularMLP) -> list[tuple[FittedGroup, Encoding]]:
    """The groups of a fitted ensemble, each with how it sees a table."""
    check_is_fitted(ensemble)
    return list(zip(ensemble._groups, ensemble._encodings, strict=True))


def link_of(ensemble: BaseTabularMLP) -> Link:
    """What leads from the raw outputs of a fitted ensemble's members to their predictions."""
    check_is_fitted(ensemble)
    return ensemble._link
