"""A group of members: networks that share weights, see one encoding and hold out the same rows.

It is trained twice. First on the rows that are not held out, to find the epoch in which the mean of
its members predicts the others best; then, from what it was in that epoch, for a while on all rows,
at a lower rate that comes down to zero.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from .._engine.backend import Array, FloatType, Matrix, RandomStream, spawn_streams
from .._engine.data import Encode, Rows
from .._engine.links import Link
from .._engine.losses import Loss
from .._engine.network import Network
from .._engine.objective import predict_logits
from .._engine.optimizers import AdamW
from .._engine.schedules import Schedule
from .._engine.solvers import SOLVERS
from .._engine.tied import SharedWeights
from .._engine.training import TrainingState, stream_names
from .._engine.updates import ParameterGroup
from .._fit.architecture import Architecture
from .._fit.dev import DevSet
from .._fit.fit import Fit, Model
from .._fit.recipe import NON_FINITE, Recipe
from .._fit.watch import Counters, Curves, Standing, Watch
from ._length import batch_for, epochs_for, even_batch, has_peaked, refit_epochs
from ._steering import Steering

# What parts of φ learn at, beside the rate of W: the scale of the inputs fast, biases slowly.
INPUT_SCALE_RATE, BIAS_RATE = 6.0, 0.1
# One logit is the difference of the two that a softmax would have, and moves as far as both.
ONE_LOGIT_RATE = 2.0
# The rate of the second training beside that of the first.
REFIT_RATE = 0.3

# Raw outputs for the rows watched → how good they are.
Goodness = Callable[[Array], float]


@dataclass(frozen=True)
class GroupSettings:
    """How groups are trained: those of the estimator's parameters that are the same throughout."""

    hidden_layer_sizes: tuple[int, ...]
    n_members: int
    # None: by the number of rows.
    max_iter: int | None
    batch_size: int | None
    refit: bool
    verbose: bool
    loss: Loss
    # Of each output its own two classes.
    one_logit: bool
    activations: tuple[str, ...] = ()

    def epochs(self, n_rows: int) -> int:
        """The epochs of the training that looks for the best one."""
        return epochs_for(n_rows) if self.max_iter is None else self.max_iter

    def rows_per_batch(self, n_rows: int, n_all: int) -> int:
        """The batch that n_rows of n_all rows are cut into."""
        if self.batch_size is None:
            return even_batch(n_rows, batch_for(n_all))
        return min(self.batch_size, n_rows)


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
    streams: dict[str, RandomStream]


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


@dataclass(frozen=True, eq=False)
class PausedTraining:
    """One of the two trainings of a group, in its midst."""

    state: TrainingState
    curves: Curves
    # Of each member.
    counters: list[Counters]
    # What the first training has come to, where this is the second.
    found: FittedGroup | None


def group_streams(entropy: list[int], n_hidden: int) -> dict[str, RandomStream]:
    """A group's random numbers, one stream for each purpose."""
    return spawn_streams(entropy, stream_names(n_hidden))


def fit_group(
    settings: GroupSettings,
    data: GroupData,
    steering: Steering,
    paused: PausedTraining | None = None,
) -> FittedGroup:
    """Train a group, from the start or from where a training has been saved.

    Raises
    ------
    KeyboardInterrupt
        Where Ctrl-C comes before the first epoch has been watched; later it ends the training.
    """
    return _Training(settings, data, steering, paused).run()


class _Training:
    """The two trainings of a group."""

    def __init__(
        self,
        settings: GroupSettings,
        data: GroupData,
        steering: Steering,
        paused: PausedTraining | None,
    ) -> None:
        self._settings, self._data, self._steering = settings, data, steering
        self._dtype: FloatType = data.constant.dtype
        self._architecture = Architecture(
            data.n_inputs,
            settings.hidden_layer_sizes,
            data.n_outputs,
            activations=settings.activations,
        )
        self._tied = SharedWeights(self._architecture.network, settings.n_members)
        self._n_rows = data.rows.n_rows
        # Until the training that it is of goes on.
        self._paused = paused
        self._streams = data.streams if paused is None else paused.state.streams
        self._found = None if paused is None else paused.found

    def run(self) -> FittedGroup:
        """Train to the best epoch, then on all rows."""
        phi = self._phi()
        if self._found is None:
            self._found = self._find_best_epoch(phi)
        if self._settings.refit and not self._steering.stop.is_set():
            self._refit(self._found, phi)
        self._steering.end(self._found)
        return self._found

    def _phi(self) -> Array:
        """Where training starts, or goes on."""
        if self._paused is None:
            generator = self._streams["weights"].generator
            return self._tied.draw(generator, self._data.constant, self._dtype)
        assert self._paused.state.phi is not None
        return self._paused.state.phi

    def _find_best_epoch(self, phi: Array) -> FittedGroup:
        """Train on the rows that are not held out; φ and θ are then those of the best epoch."""
        data = self._data
        rows = replace(data.rows, index=data.train)
        recipe = self._steering.begin(partial(self._first_recipe, rows))
        models = self._models(phi, recipe, watched=True)
        watch = models[0].watch
        self._steering.is_over = partial(_has_peaked, watch)
        # Where it was saved, this had not been asked yet.
        watch.stopped = watch.stopped or _has_peaked(watch)
        self._fit(models, rows, data.dev)
        if watch.best_learnt is None:
            if watch.interrupted:
                raise KeyboardInterrupt
            raise ValueError(NON_FINITE)
        for model in models:
            model.watch.restore_best()
        theta, best_epoch = _stacked(models), watch.standing.best_epoch
        assert best_epoch is not None
        watched = _predict(
            self._architecture.network,
            theta,
            data.dev.x,
            data.dev.encode,
            self._settings.loss.link,
            data.dev.index,
        )
        return FittedGroup(
            self._architecture,
            theta,
            watch.curves,
            best_epoch,
            watch.n_epochs,
            watched,
        )

    def _refit(self, found: FittedGroup, phi: Array) -> None:
        """Go on from the best epoch, all rows in it."""
        rows = self._data.rows
        make = partial(self._second_recipe, rows, found.best_epoch)
        models = self._models(phi, self._steering.begin(make), watched=False)
        self._steering.is_over = None
        self._fit(models, rows, None)
        again = models[0].watch
        if again.interrupted or again.diverged or self._steering.stop.is_set():
            # Its rate has not come down to zero: what there was before is better.
            return
        found.theta = _stacked(models)
        found.curves.loss += again.curves.loss
        found.curves.rate += again.curves.rate
        found.n_epochs += again.n_epochs

    def _fit(self, models: list[Model], rows: Rows, dev: DevSet | None) -> None:
        """Train; Ctrl-C ends it, and that of the other groups."""
        groups = None if dev is None else [list(range(len(models)))]
        self._models_now = models
        self._fit_now = Fit(
            models,
            rows,
            dev,
            groups=groups,
            tied=self._tied,
            watch_gradient=self._steering.reads_gradient_norm,
        )
        self._steering.show(self)
        try:
            self._fit_now.run()
        except KeyboardInterrupt:
            models[0].watch.interrupted = True
            self._steering.stop.set_by_user()
        if models[0].error is not None:
            raise models[0].error

    # ----------------------------------------------------------------- as callbacks see it

    @property
    def watch(self) -> Watch:
        return self._models_now[0].watch

    @property
    def n_epochs(self) -> int:
        return self.watch.n_epochs + (0 if self._found is None else self._found.n_epochs)

    @property
    def loss_curve(self) -> list[float]:
        before = [] if self._found is None else self._found.curves.loss
        return before + self.watch.curves.loss

    def present(self) -> FittedGroup:
        return FittedGroup(
            self._architecture,
            _stacked(self._models_now),
            self.watch.curves,
            0,
            self.n_epochs,
            np.empty(0),
        )

    def paused(self) -> PausedTraining:
        counters = [model.watch.counters() for model in self._models_now]
        return PausedTraining(self._fit_now.state, self.watch.curves, counters, self._found)

    # -------------------------------------------------------------------------- one training

    def _models(self, phi: Array, recipe: Recipe, *, watched: bool) -> list[Model]:
        """The members; the first one's state has φ, and its watch is listened to."""
        paused, self._paused = self._paused, None
        theta = self._tied.theta_of(phi)
        models = []
        for number in range(self._settings.n_members):
            model = Model(self._watch(number, theta[number], recipe, paused))
            if watched:
                model.dev, model.score = self._data.dev.of_model(number), self._data.goodness
            models.append(model)
        models[0].state.phi = phi
        return models

    def _watch(
        self, number: int, theta: Array, recipe: Recipe, paused: PausedTraining | None
    ) -> Watch:
        """What watches one of the members, which starts with θ or has been paused there."""
        leads = number == 0
        state = TrainingState(theta, np.zeros(0, self._dtype), self._streams)
        if leads and paused is not None:
            state = replace(paused.state, theta=theta, statistics=state.statistics)
        watch = Watch(
            recipe,
            state,
            Curves() if paused is None else paused.curves.copy(),
            Standing(),
            listener=self._steering if leads else None,
            verbose=self._settings.verbose and leads,
        )
        if paused is not None:
            watch.go_on_from(paused.counters[number])
        return watch

    def _first_recipe(self, rows: Rows) -> Recipe:
        return self._recipe(
            rows,
            learning_rate=self._steering.learning_rate,
            schedule="coslog4",
            n_epochs=self._settings.epochs(self._n_rows),
            watched=True,
        )

    def _second_recipe(self, rows: Rows, best_epoch: int) -> Recipe:
        return self._recipe(
            rows,
            learning_rate=self._steering.learning_rate * REFIT_RATE,
            schedule="linear",
            n_epochs=refit_epochs(best_epoch, self._settings.epochs(self._n_rows)),
            watched=False,
        )

    def _recipe(
        self, rows: Rows, *, learning_rate: float, schedule: str, n_epochs: int, watched: bool
    ) -> Recipe:
        settings = self._settings
        return Recipe(
            architecture=self._architecture,
            loss=settings.loss,
            optimizer=AdamW(beta_1=0.9, beta_2=0.95, epsilon=1e-8),
            solver=SOLVERS["adamw"],
            # The decay is not divided by the number of rows.
            alpha=self._steering.weight_decay * float(np.max(rows.total_weight)),
            l1_ratio=0.0,
            learning_rate=learning_rate,
            schedule=Schedule(schedule, decay_epochs=n_epochs),
            gradient_clip=None,
            tol=0.0,
            n_iter_no_change=np.inf,
            weight_init="auto",
            max_epochs=n_epochs,
            max_evaluations=1,
            batch_size=settings.rows_per_batch(rows.n_rows, self._n_rows),
            shuffle=True,
            augment=None,
            early_stopping=watched,
            accelerates=False,
            ftol=0.0,
            parameter_groups=self._parameter_groups(),
            decay_schedule=Schedule("flat_cosine", decay_epochs=n_epochs),
        )

    def _parameter_groups(self) -> tuple[ParameterGroup, ...]:
        """Rates and decay of the parts of φ."""
        of_output = ONE_LOGIT_RATE if self._settings.one_logit else 1.0
        groups = []
        layers = [layer.name for layer in self._architecture.network.dense_layers]
        for (layer, name), span in self._tied.layout.spans.items():
            rate = of_output if layer == layers[-1] else 1.0
            if name == "b":
                rate *= BIAS_RATE
            elif name == "a" and layer == layers[0]:
                rate *= INPUT_SCALE_RATE
            groups.append(ParameterGroup(span, rate=rate))
        return tuple(groups)


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
