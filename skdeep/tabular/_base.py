"""What the networks for tables share: read → encode → groups of members → their mean.

    fit → _fit ─ _read_all ──> rows with weight as arrays, targets as the loss takes them
                 _data_of  ──> for each entry of n_bins an encoding, rows held out, a start
                 fit_group ──> members, side by side
                 _calibrate ─> what the rows held out say of the members' mean

Everything that is learnt, edges and levels included, is learnt from rows of positive weight alone.
A call that fails puts back all that was there before.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from numbers import Integral, Real
from threading import Event
from typing import ClassVar, Self

import joblib
import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted

from .._engine.activations import ACTIVATIONS
from .._engine.backend import Array, FloatType, Matrix, RandomStream
from .._engine.data import Rows
from .._engine.losses import Loss
from .._engine.threads import n_threads
from .._fit.dev import DevPart, DevSet
from .._fit.recipe import Recipe
from .._inputs import DevArguments, MatrixLike, RandomState, n_rows_of
from ..estimators._callbacks import CallbackSupport, FitEvents
from ..estimators._compat import Interval, StrOptions
from ..estimators._deep import BaseDeepMLP
from ..estimators._validation import check_given_together, checked_weights
from ..estimators._warnings import warn
from ..exceptions import NoProgressWarning
from ..preprocessing._checks import checked_table
from ..preprocessing._expansion import TableExpansion
from ..preprocessing._reader import RawTable, TableReader
from ..preprocessing._table import TableEncoder, encoder_of
from ._encoding import Encoding
from ._group import (
    FittedGroup,
    GroupData,
    GroupSettings,
    fit_group,
    group_streams,
    refit_epochs,
)
from ._held_out import HoldOut
from ._length import epochs_for
from ._side_by_side import side_by_side
from ._steering import Steering

# The root mean square of what a network sees of a column, all its outputs together.
INPUT_SCALE = 3.0
Attributes = dict[str, object]
# Parameters that a callback may set while a fit runs.
MAY_CHANGE = {"learning_rate_init", "weight_decay"}


@dataclass
class LabelledTable:
    """Rows of a table with what there is to learn from them."""

    raw: RawTable
    # As the loss takes them.
    targets: Array
    weights: Array | None

    @property
    def n_rows(self) -> int:
        return self.raw.n_rows


class BaseTabularMLP(CallbackSupport, BaseEstimator):
    """Base class of the two networks for tables. Warning: use the derived classes."""

    n_bins: int | Sequence[int]
    n_members: int
    hidden_layer_sizes: int | Sequence[int]
    activation: str | Sequence[str]
    categorical_features: ArrayLike | None
    max_iter: int | str
    learning_rate_init: float
    weight_decay: float
    batch_size: int | str
    validation_fraction: float
    refit: bool
    random_state: RandomState
    n_jobs: int | None
    verbose: bool
    dtype: str

    _parameter_constraints: ClassVar[dict[str, list[object]]] = {
        "n_bins": [Interval(Integral, 1, None, closed="left"), "array-like"],
        "n_members": [Interval(Integral, 1, None, closed="left")],
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions(set(ACTIVATIONS)), "array-like"],
        "categorical_features": ["array-like", StrOptions({"from_dtype"}), None],
        "max_iter": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "refit": ["boolean"],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
        "verbose": ["verbose"],
        "dtype": [StrOptions({"float32", "float64"})],
    }

    # ------------------------------------------------------------------ what derived classes say

    @abstractmethod
    def _learn_targets(self, y: Matrix, weights: Array | None) -> None:
        """Set what encoding y needs."""

    @abstractmethod
    def _checked_targets(self, y: MatrixLike | None, n_rows: int) -> Matrix:
        """y as an array, after its kind and its number of rows."""

    @abstractmethod
    def _encode_targets(self, y: Matrix, dtype: FloatType, name: str) -> Array:
        """The targets as the loss takes them."""

    @abstractmethod
    def _make_loss(self) -> Loss: ...

    @abstractmethod
    def _n_outputs(self) -> int: ...

    @abstractmethod
    def _constant(self, targets: Array, weights: Array | None) -> Array:
        """Raw outputs (n_outputs,) to start from, the best that are the same for all rows."""

    @abstractmethod
    def _goodness(self, logits: Array, dev: DevPart) -> float:
        """What raw outputs for the rows held out are compared by, the larger the better."""

    @abstractmethod
    def _strata(self, targets: Array) -> Array | None:
        """What the rows held out are stratified by."""

    @abstractmethod
    def _calibrated(self, mean: Array, targets: Array, weights: Array | None) -> Attributes:
        """What the members' mean predictions for rows that they have not learnt from tell."""

    @abstractmethod
    def _uncalibrated(self) -> Attributes:
        """The same before there are any."""

    @abstractmethod
    def _member(self, group: FittedGroup, theta: Array) -> BaseDeepMLP:
        """The plain network that a member is; its parameters are its own to change."""

    def _row_weights(self, y: Matrix, weights: Array | None) -> Array | None:
        return weights

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
        check_given_together(*validation)
        sizes, n_bins = self._hidden_layer_sizes(), self._bins()
        n_epochs = self._most_epochs(n_rows_of(X))
        events = FitEvents(
            self, max_epochs=len(n_bins) * n_epochs, X=X, y=y, sample_weight=sample_weight
        )
        before = dict(self.__dict__)
        try:
            if events.are_heard:
                # A callback may have set parameters as it heard of the fit.
                self._validate_params()
                sizes, n_bins = self._hidden_layer_sizes(), self._bins()
            # What an earlier fit has left is not to be taken for this one's.
            for name in ("_groups", "n_iter_"):
                self.__dict__.pop(name, None)
            self._is_being_fitted = True
            table, given = self._read_all(X, y, sample_weight, validation)
            settings = self._settings(sizes)
            datas = self._data_of_groups(n_bins, table, given)
            fitted = self._train(settings, datas, events)
            self._conclude(fitted, datas, table, given)
            events.fit_ends()
            del self._is_being_fitted
            return self
        except BaseException:
            # One assignment: there is no moment at which only some of it is back.
            self.__dict__ = before
            raise

    def _most_epochs(self, n_rows: int) -> int:
        """How many epochs a group may be trained for, those with all rows included."""
        first = epochs_for(n_rows) if isinstance(self.max_iter, str) else int(self.max_iter)
        return first + self.refit * refit_epochs(first - 1)

    def _check_not_running(self) -> None:
        if getattr(self, "_is_being_fitted", False):
            raise RuntimeError(
                f"This {type(self).__name__} is being fitted, by the fit that calls this callback, "
                "and cannot be fitted within. Fit a clone of it."
            )

    # ------------------------------------------------------------------------------- the rows

    def _read_all(
        self,
        X: MatrixLike,
        y: MatrixLike | None,
        sample_weight: ArrayLike | None,
        validation: DevArguments,
    ) -> tuple[LabelledTable, LabelledTable | None]:
        """The rows to learn from, and those given to be watched."""
        columns = checked_table(self, X, reset=True)
        labels = self._checked_targets(y, columns.n_rows)
        weights = checked_weights(sample_weight, columns.n_rows, np.dtype("f8"), "sample_weight")
        self._reader = TableReader(self.categorical_features)
        raw = self._reader.fit_read(columns, weights)
        self._learn_targets(labels, weights)
        table = self._labelled(raw, labels, weights, "y")
        self._sample_weight = None if weights is None else weights[weights > 0]
        X_val, y_val, sample_weight_val = validation
        if X_val is None:
            return table, None
        return table, self._read_given(X_val, y_val, sample_weight_val)

    def _read_given(
        self, X_val: MatrixLike, y_val: MatrixLike | None, sample_weight_val: ArrayLike | None
    ) -> LabelledTable:
        """The rows of a dev set of the user's own."""
        columns = checked_table(self, X_val, reset=False)
        labels = self._checked_targets(y_val, columns.n_rows)
        weights = checked_weights(
            sample_weight_val, columns.n_rows, np.dtype("f8"), "sample_weight_val"
        )
        return self._labelled(self._reader.read(columns), labels, weights, "y_val")

    def _labelled(
        self, raw: RawTable, y: Matrix, sample_weight: Array | None, name: str
    ) -> LabelledTable:
        """Rows of positive weight with their targets."""
        dtype = np.dtype(self.dtype)
        targets = self._encode_targets(y, dtype, name)
        weights = self._row_weights(y, sample_weight)
        if weights is None:
            return LabelledTable(raw, targets, None)
        counted = np.flatnonzero(weights > 0)
        if counted.size == 0:
            raise ValueError("sample_weight times class_weight must be positive for some row.")
        raw = RawTable(raw.numbers[counted], raw.codes[counted])
        return LabelledTable(raw, targets[counted], weights[counted].astype(dtype))

    def _data_of_groups(
        self, n_bins: Sequence[int], table: LabelledTable, given: LabelledTable | None
    ) -> list[GroupData]:
        """What each group learns from and is watched on."""
        if given is None and table.n_rows < 2:
            raise ValueError(
                f"{type(self).__name__} holds rows out to see when to stop, and needs at least 2, "
                f"got n_samples={table.n_rows}. Or give X_val and y_val."
            )
        random = check_random_state(self.random_state)
        entropy = random.randint(0, 2**31 - 1, size=(1 + len(n_bins), 4)).tolist()
        hold_out = None if given is not None else self._hold_out(table, entropy[0])
        constant = self._constant(table.targets, table.weights).astype(self.dtype)
        self._encodings = []
        datas = []
        for number, (n, seed) in enumerate(zip(n_bins, entropy[1:], strict=True)):
            expansion = TableExpansion(int(n), INPUT_SCALE, self.dtype)
            expansion.fit(table.raw, self._reader, table.weights)
            encoding = Encoding(expansion)
            self._encodings.append(encoding)
            x, encode = encoding.features(table.raw)
            rows = Rows(x, table.targets, table.weights, encode=encode)
            if given is not None:
                train, dev = None, self._given_rows(encoding, given)
            else:
                assert hold_out is not None
                train, held_out = hold_out.of_group(number)
                dev = DevSet(x, table.targets, table.weights, held_out, table.targets, encode)
            streams = group_streams(seed, len(self._hidden_layer_sizes()))
            datas.append(self._group_data(encoding, rows, constant, train, dev, streams))
        return datas

    def _hold_out(self, table: LabelledTable, seed: list[int]) -> HoldOut:
        generator = np.random.default_rng(seed)
        strata = self._strata(table.targets)
        return HoldOut(table.n_rows, float(self.validation_fraction), generator, strata)

    @staticmethod
    def _given_rows(encoding: Encoding, given: LabelledTable) -> DevSet:
        x, encode = encoding.features(given.raw)
        return DevSet(x, given.targets, given.weights, None, given.targets, encode)

    def _group_data(
        self,
        encoding: Encoding,
        rows: Rows,
        constant: Array,
        train: Array | None,
        dev: DevSet,
        streams: dict[str, RandomStream],
    ) -> GroupData:
        goodness = partial(self._goodness, dev=dev.of_model(0))
        return GroupData(
            rows, encoding.n_outputs, self._n_outputs(), constant, train, dev, goodness, streams
        )

    # ----------------------------------------------------------------------------- the groups

    def _settings(self, sizes: tuple[int, ...]) -> GroupSettings:
        return GroupSettings(
            hidden_layer_sizes=sizes,
            n_members=int(self.n_members),
            max_iter=None if isinstance(self.max_iter, str) else int(self.max_iter),
            batch_size=None if isinstance(self.batch_size, str) else int(self.batch_size),
            refit=bool(self.refit),
            verbose=bool(self.verbose),
            loss=self._make_loss(),
            one_logit=self._has_one_logit,
        )

    def _train(
        self, settings: GroupSettings, datas: Sequence[GroupData], events: FitEvents
    ) -> list[FittedGroup | None]:
        """Train the groups, side by side where nobody listens to one after the other."""
        activations = self._activations(len(datas))
        stop, n_at_once = Event(), self._n_at_once()
        if events.are_heard or self.verbose:
            n_at_once = 1
        of_all = self._steering(stop, events) if events.are_heard else None
        events.fitted_attributes = partial(self._attributes_now, of_all)
        tasks = [
            partial(
                fit_group,
                replace(settings, activations=(own,) * len(settings.hidden_layer_sizes)),
                data,
                of_all or self._steering(stop),
            )
            for own, data in zip(activations, datas, strict=True)
        ]
        return side_by_side(tasks, n_at_once, stop)

    def _n_at_once(self) -> int:
        if self.n_jobs is None:
            return n_threads()
        return int(joblib.effective_n_jobs(self.n_jobs))

    def _steering(self, stop: Event, events: FitEvents | None = None) -> Steering:
        steering = Steering(float(self.learning_rate_init), float(self.weight_decay), stop, events)
        if events is not None:
            events.remake = partial(self._remake, steering)
        return steering

    def _attributes_now(self, steering: Steering | None) -> Attributes:
        """Attributes with which a copy predicts by the members as they are at the moment."""
        if steering is None or hasattr(self, "n_iter_"):
            return {}
        groups = steering.groups_now()
        return {
            "_groups": groups,
            "_encodings": self._encodings[: len(groups)],
            "n_iter_": max(group.n_epochs for group in groups),
            "_is_being_fitted": False,
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
        datas: Sequence[GroupData],
        table: LabelledTable,
        given: LabelledTable | None,
    ) -> None:
        """Calibrate, and set the fitted attributes."""
        pairs = [(group, number) for number, group in enumerate(fitted) if group is not None]
        self._encodings = [self._encodings[number] for _, number in pairs]
        self._groups = [group for group, _ in pairs]
        self._warn_if_no_progress([datas[number] for _, number in pairs])
        labelled = table if given is None else given
        self._learn_from_watched(labelled, [datas[number].dev for _, number in pairs])
        if len(pairs) < len(datas):
            warn(
                f"Training has been stopped: {len(pairs)} of {len(datas)} groups of members have "
                "been trained, and predict."
            )
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
        """Let `_calibrate` see what members say of rows that they have not learnt from.

        A row is predicted by the groups that held it out, and by no other.
        """
        total = np.zeros((labelled.n_rows, self._n_outputs()))
        count = np.zeros((labelled.n_rows, 1))
        for group, dev in zip(self._groups, devs, strict=True):
            index = slice(None) if dev.index is None else dev.index
            total[index] += group.watched.mean(axis=0)
            count[index] += 1
            group.watched = np.empty(0)
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
        link = self._make_loss().link
        return [
            group.predict(encoding.compact(raw), encoding.expand, link)
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

    # ------------------------------------------------------------------------------ parameters

    def _bins(self) -> list[int]:
        given = np.atleast_1d(np.asarray(self.n_bins, dtype=object))
        bins = [int(n) for n in given if isinstance(n, Integral) and int(n) > 0]
        if given.ndim != 1 or given.size == 0 or len(bins) < given.size:
            raise ValueError(
                f"n_bins must be an int > 0, or a sequence of such, got {self.n_bins!r}."
            )
        return bins

    def _activations(self, n_groups: int) -> list[str]:
        """The activation function of each group."""
        if isinstance(self.activation, str):
            return [self.activation] * n_groups
        names = list(self.activation)
        unknown = [name for name in names if name not in ACTIVATIONS]
        if unknown or len(names) != n_groups:
            raise ValueError(
                f"activation must be one name or one for each of the {n_groups} entries of n_bins, "
                f"of {sorted(ACTIVATIONS)}, got {self.activation!r}."
            )
        return names

    def _hidden_layer_sizes(self) -> tuple[int, ...]:
        given = np.atleast_1d(np.asarray(self.hidden_layer_sizes, dtype=object))
        sizes = [int(n) for n in given if isinstance(n, Integral) and int(n) > 0]
        if given.ndim != 1 or len(sizes) < given.size:
            raise ValueError(
                "hidden_layer_sizes must be an int > 0, or a sequence of such, got "
                f"{self.hidden_layer_sizes!r}."
            )
        return tuple(sizes)
