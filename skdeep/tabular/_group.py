"""A group of members: networks that share weights, see one encoding and hold out the same rows.

It is trained twice. First on the rows that are not held out, to find the epoch in which the mean of
its members predicts the others best; then, from what it was in that epoch, for a while on all rows,
at a lower rate that comes down to zero. Groups of several estimators that learn from the same data
train together, and each ends as if it had been trained alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from .._engine.backend import Array, Matrix, RandomStream, spawn_streams
from .._engine.data import Encode, Rows
from .._engine.links import Link
from .._engine.network import Network
from .._engine.objective import predict_logits
from .._engine.records import recorded
from .._engine.tied import SharedWeights
from .._engine.training import TrainingState, stream_names
from .._fit.architecture import Architecture
from .._fit.dev import DevSet
from .._fit.fit import Fit, Model
from .._fit.recipe import NON_FINITE, Recipe
from .._fit.watch import Counters, Curves, Standing, Watch
from ._length import has_peaked
from ._recipes import GroupSettings, Recipes
from ._steering import Steering

# Raw outputs for the rows watched → how good they are.
Goodness = Callable[[Array], float]


@dataclass
class GroupData:
    """What a group learns from: all rows, how the network sees them, and where it starts."""

    rows: Rows
    n_inputs: int
    n_outputs: int
    # What members predict before they have learnt anything.
    constant: Array
    # The numbers of the rows to train on first, None for all, and what is watched meanwhile.
    train: Array | None
    dev: DevSet
    goodness: Goodness


@recorded
@dataclass
class FittedGroup:
    """What a group has come to: the members' parameters, row by row, and how they came there."""

    architecture: Architecture
    theta: Array
    curves: Curves
    best_epoch: int
    n_epochs: int
    # What the members predict of the rows watched, in the best epoch: (K, n, n_outputs).
    watched: Array

    @property
    def network(self) -> Network:
        return self.architecture.network

    def predict(self, x: Matrix, encode: Encode | None, link: Link) -> Array:
        """Each member's predictions, (K, n, n_outputs)."""
        return _predict(self.network, self.theta, x, encode, link)


@recorded
@dataclass(frozen=True, eq=False)
class PausedTraining:
    """One of the two trainings of a group, in its midst."""

    state: TrainingState
    curves: Curves
    # Of each member.
    counters: list[Counters]
    # What the first training has come to, where this is the second.
    found: FittedGroup | None


@dataclass(frozen=True, eq=False)
class GroupTask:
    """A group of one estimator that is to be trained."""

    settings: GroupSettings
    steering: Steering
    # What it draws with.
    entropy: list[int]
    # Where a training that was saved goes on.
    paused: PausedTraining | None = None


def fit_group(task: GroupTask, data: GroupData) -> FittedGroup:
    """Train a group, from the start or from where a training has been saved.

    Raises
    ------
    KeyboardInterrupt
        Where Ctrl-C comes before the first epoch has been watched; later it ends the training.
    """
    (end,) = fit_groups([task], data)
    if isinstance(end, Exception):
        raise end
    return end


def fit_groups(tasks: Sequence[GroupTask], data: GroupData) -> list[FittedGroup | Exception]:
    """Train groups of several estimators together; each group, or what its own fit would raise.

    Their settings may differ in the loss's numbers, what steers them in all. They see batches as
    the first one draws them.
    """
    groups = [_Group(task, data) for task in tasks]
    searching = [group for group in groups if group.found is None]
    rows = replace(data.rows, index=data.train)
    for group in searching:
        group.begin(rows)
    _fit_together(searching, rows, data.dev)
    for group in searching:
        group.take_best()
    going_on = [group for group in groups if group.is_refitted]
    for group in going_on:
        group.begin_again()
    _fit_together(going_on, data.rows, None)
    for group in going_on:
        group.take_refitted()
    return [group.end() for group in groups]


def _fit_together(groups: "Sequence[_Group]", rows: Rows, dev: DevSet | None) -> None:
    """Train; Ctrl-C ends the training of one group alone, and that of the estimator's others."""
    if not groups:
        return
    first = groups[0]
    models = [model for group in groups for model in group.models]
    n = len(first.models)
    numbers = [list(range(start, start + n)) for start in range(0, len(models), n)]
    fit = Fit(
        models,
        rows,
        dev,
        groups=None if dev is None else numbers,
        tied=first.tied,
        watch_gradient=first.steering.reads_gradient_norm,
    )
    for group in groups:
        group.fit = fit
        group.steering.show(group)
    try:
        fit.run()
    except KeyboardInterrupt:
        if len(groups) > 1:
            raise
        first.watch.interrupted = True
        first.steering.stop.set_by_user()


class _Group:
    """A group in its two trainings."""

    # Of the training that is under way.
    models: list[Model]
    fit: Fit

    def __init__(self, task: GroupTask, data: GroupData) -> None:
        self._settings, self.steering, self._entropy = task.settings, task.steering, task.entropy
        self._data, self._dtype = data, data.constant.dtype
        self._architecture = Architecture(
            data.n_inputs,
            task.settings.hidden_layer_sizes,
            data.n_outputs,
            activations=task.settings.activations,
        )
        self.tied = SharedWeights(self._architecture.network, task.settings.n_members)
        self._recipes = Recipes(
            task.settings, task.steering, self._architecture, self.tied, data.rows.n_rows
        )
        # Until the training that it is of goes on.
        self._paused = task.paused
        # What the first training has come to, and what ended either.
        self.found = None if task.paused is None else task.paused.found
        self._error: Exception | None = None

    # ----------------------------------------------------------------- the first training

    def begin(self, rows: Rows) -> None:
        """Make ready to be trained on the rows that are not held out."""
        recipe = self.steering.begin(partial(self._recipes.first, rows))
        self.models = self._members(recipe, self._streams(self._entropy), watched=True)
        self.steering.is_over = partial(_has_peaked, self.watch)
        # Where it was saved, this had not been asked yet.
        self.watch.stopped = self.watch.stopped or _has_peaked(self.watch)

    def take_best(self) -> None:
        """Be as in the best epoch, φ and θ."""
        watch = self.watch
        self._error = self.models[0].error
        if self._error is None and watch.best_learnt is None:
            if watch.interrupted:
                raise KeyboardInterrupt
            self._error = ValueError(NON_FINITE)
        if self._error is not None:
            return
        for model in self.models:
            model.watch.restore_best()
        theta, best_epoch, dev = _stacked(self.models), watch.standing.best_epoch, self._data.dev
        assert best_epoch is not None
        watched = _predict(
            self._architecture.network,
            theta,
            dev.x,
            dev.encode,
            self._settings.loss.link,
            dev.index,
        )
        self.found = FittedGroup(
            self._architecture,
            theta,
            watch.curves,
            best_epoch,
            watch.n_epochs,
            watched,
        )

    # ---------------------------------------------------------------- the second training

    @property
    def is_refitted(self) -> bool:
        return self._error is None and self._settings.refit and not self.steering.stop.is_set()

    def begin_again(self) -> None:
        """Make ready to go on with all rows."""
        assert self.found is not None
        make = partial(self._recipes.second, self._data.rows, self.found.best_epoch)
        recipe = self.steering.begin(make)
        # Not those of the first training, whose length would be seen in what is drawn.
        streams = self._streams([*self._entropy, 1])
        self.models = self._members(recipe, streams, watched=False)
        self.steering.is_over = None

    def take_refitted(self) -> None:
        """Be as the second training has ended, unless it was cut short."""
        again, found = self.watch, self.found
        assert found is not None
        self._error = self.models[0].error
        if again.interrupted or again.diverged or self.steering.stop.is_set():
            # Its rate has not come down to zero: what there was before is better.
            return
        found.theta = _stacked(self.models)
        found.curves.loss += again.curves.loss
        found.curves.rate += again.curves.rate
        found.n_epochs += again.n_epochs

    def end(self) -> FittedGroup | Exception:
        """What it has come to, or what has ended it."""
        if self._error is not None:
            return self._error
        assert self.found is not None
        self.steering.end(self.found)
        return self.found

    # -------------------------------------------------------------------------- the members

    def _streams(self, entropy: list[int]) -> dict[str, RandomStream]:
        """The random numbers of a training, one stream for each purpose."""
        if self._paused is not None:
            return self._paused.state.streams
        return spawn_streams(entropy, stream_names(len(self._settings.hidden_layer_sizes)))

    def _phi(self, streams: dict[str, RandomStream]) -> Array:
        """Where a training starts, or goes on."""
        if self._paused is not None:
            phi = self._paused.state.phi
        elif self.found is None:
            return self.tied.draw(streams["weights"].generator, self._data.constant, self._dtype)
        else:
            phi = self.models[0].state.phi
        assert phi is not None
        return phi

    def _members(
        self, recipe: Recipe, streams: dict[str, RandomStream], *, watched: bool
    ) -> list[Model]:
        """The models of a training; the first one's state has φ, and its watch is listened to."""
        phi = self._phi(streams)
        theta, models = self.tied.theta_of(phi), []
        for number in range(self._settings.n_members):
            model = Model(self._watch(number, theta[number], recipe, streams))
            if watched:
                model.dev, model.score = self._data.dev.of_model(0), self._data.goodness
            models.append(model)
        models[0].state.phi = phi
        self._paused = None
        return models

    def _watch(
        self, number: int, theta: Array, recipe: Recipe, streams: dict[str, RandomStream]
    ) -> Watch:
        """What watches one of the members, which starts with θ or has been paused there."""
        paused, leads = self._paused, number == 0
        state = TrainingState(theta, np.zeros(0, self._dtype), streams)
        if leads and paused is not None:
            state = replace(paused.state, theta=theta, statistics=state.statistics)
        watch = Watch(
            recipe,
            state,
            Curves() if paused is None else paused.curves.copy(),
            Standing(),
            listener=self.steering if leads else None,
            verbose=self._settings.verbose and leads,
        )
        if paused is not None:
            watch.go_on_from(paused.counters[number])
        return watch

    # ----------------------------------------------------------------- as callbacks see it

    @property
    def watch(self) -> Watch:
        return self.models[0].watch

    @property
    def n_epochs(self) -> int:
        return self.watch.n_epochs + (0 if self.found is None else self.found.n_epochs)

    @property
    def loss_curve(self) -> list[float]:
        before = [] if self.found is None else self.found.curves.loss
        return before + self.watch.curves.loss

    def rows(self) -> list[dict[str, float]]:
        before = [] if self.found is None else self.found.curves.rows()
        return before + self.watch.curves.rows()

    def present(self) -> FittedGroup:
        return FittedGroup(
            self._architecture,
            _stacked(self.models),
            self.watch.curves,
            0,
            self.n_epochs,
            np.empty(0),
        )

    def paused(self) -> PausedTraining:
        counters = [model.watch.counters() for model in self.models]
        return PausedTraining(self.fit.state, self.watch.curves, counters, self.found)


def _has_peaked(watch: Watch) -> bool:
    return has_peaked(watch.curves.validation_score, watch.recipe.max_epochs)


def _stacked(models: list[Model]) -> Array:
    """θ of the members in float64, in which a row is predicted alike alone and among others."""
    return np.stack([model.state.theta for model in models], dtype=np.float64)


def _predict(
    network: Network,
    theta: Array,
    x: Matrix,
    encode: Encode | None,
    link: Link,
    index: Array | None = None,
) -> Array:
    no_statistics = np.zeros((theta.shape[0], 0), dtype=theta.dtype)
    return predict_logits(
        network, theta, no_statistics, x, index=index, transform=link.inverse, encode=encode
    )
