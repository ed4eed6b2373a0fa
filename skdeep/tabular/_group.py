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
from .._fit.watch import Curves, Standing, Watch
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


def group_streams(entropy: list[int], n_hidden: int) -> dict[str, RandomStream]:
    """A group's random numbers, one stream for each purpose."""
    return spawn_streams(entropy, stream_names(n_hidden))


def fit_group(settings: GroupSettings, data: GroupData, steering: Steering) -> FittedGroup:
    """Train a group.

    Raises
    ------
    KeyboardInterrupt
        Where Ctrl-C comes before the first epoch has been watched; later it ends the training.
    """
    return _Training(settings, data, steering).run()


class _Training:
    """The two trainings of a group."""

    def __init__(self, settings: GroupSettings, data: GroupData, steering: Steering) -> None:
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

    def run(self) -> FittedGroup:
        """Train to the best epoch, then on all rows."""
        weights = self._data.streams["weights"].generator
        phi = self._tied.draw(weights, self._data.constant, self._dtype)
        fitted = self._find_best_epoch(phi)
        if self._settings.refit and not self._steering.stop.is_set():
            self._refit(fitted, phi)
        self._steering.end(fitted)
        return fitted

    def _find_best_epoch(self, phi: Array) -> FittedGroup:
        """Train on the rows that are not held out; φ and θ are then those of the best epoch."""
        data = self._data
        rows = replace(data.rows, index=data.train)
        recipe = self._steering.begin(partial(self._first_recipe, rows))
        models = self._models(phi, recipe, watched=True)
        self._steering.is_over = partial(_has_peaked, models[0].watch)
        self._fit(models, rows, data.dev)
        watch = models[0].watch
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

    def _refit(self, fitted: FittedGroup, phi: Array) -> None:
        """Go on from the best epoch, all rows in it."""
        rows = self._data.rows
        make = partial(self._second_recipe, rows, fitted.best_epoch)
        models = self._models(phi, self._steering.begin(make), watched=False)
        self._steering.is_over = None
        self._fit(models, rows, None)
        again = models[0].watch
        if again.interrupted or again.diverged or self._steering.stop.is_set():
            # Its rate has not come down to zero: what there was before is better.
            return
        fitted.theta = _stacked(models)
        fitted.curves.loss += again.curves.loss
        fitted.curves.rate += again.curves.rate
        fitted.n_epochs += again.n_epochs

    def _fit(self, models: list[Model], rows: Rows, dev: DevSet | None) -> None:
        """Train; Ctrl-C ends it, and that of the other groups."""
        groups = None if dev is None else [list(range(len(models)))]
        self._steering.show(partial(self._present, models))
        try:
            Fit(models, rows, dev, groups=groups, tied=self._tied).run()
        except KeyboardInterrupt:
            models[0].watch.interrupted = True
            self._steering.stop.set_by_user()
        if models[0].error is not None:
            raise models[0].error

    def _present(self, models: list[Model]) -> FittedGroup:
        """The group as it is while it is being trained."""
        watch = models[0].watch
        n_epochs = watch.n_epochs
        return FittedGroup(
            self._architecture, _stacked(models), watch.curves, 0, n_epochs, np.empty(0)
        )

    def _models(self, phi: Array, recipe: Recipe, *, watched: bool) -> list[Model]:
        """The members; the first one's state has φ, and its watch is listened to."""
        data, settings = self._data, self._settings
        size = self._architecture.network.layout.size
        models = []
        for number in range(settings.n_members):
            state = TrainingState(
                np.zeros(size, self._dtype), np.zeros(0, self._dtype), data.streams
            )
            leads = number == 0
            if leads:
                state.phi = phi
            watch = Watch(
                recipe,
                state,
                Curves(),
                Standing(),
                listener=self._steering if leads else None,
                verbose=settings.verbose and leads,
            )
            model = Model(watch)
            if watched:
                model.dev, model.score = data.dev.of_model(number), data.goodness
            models.append(model)
        return models

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
