"""Fitting: K recipes on the same rows, for K = 1 as for K = 300.

The models train as one population: their parameters are the rows of one θ, and a batch is gathered
once for all. Each ends as if it had been fitted alone: it has its own learning rate, its own
curves, its own dev rows and its own end. Those whose training has ended leave the population.

Layers may be of different widths: those of the population are as wide as the widest, and what a
narrower network does not have stays zero, since all gradients there are.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .._engine.backend import Array
from .._engine.data import Rows
from .._engine.errors import OwnError
from .._engine.objective import Problem
from .._engine.penalties import ElasticNet
from .._engine.population import BATCH_AXES, PARAMETER_AXES, combine, combine_values
from .._engine.tied import TiedParameters
from .._engine.training import AfterEpoch, LoopSettings, RateSchedule, Snapshot, TrainingState
from .architecture import Architecture
from .dev import DevPart, DevSet, Score, mean_of_predictions
from .padding import Place, own_streams, padded, place_in, streams_by_width
from .rates import DecaysOfModels, OwnSchedule, PresentRate, RatesOfModels
from .recipe import Recipe
from .solve import Outcome, solver_of
from .watch import Counters, Watch
from .whole import epoch_is_over, is_part

# The population is cut down to those still training when this part of it has ended: to copy what
# remains costs about as much as a few steps.
COMPACT_FROM = 1 / 8
# A model's loss and score on its dev rows, None where there are none.
OnDev = Callable[["Model"], tuple[float, float] | None]
# Of a fit that has left its data.
NO_ROWS = Rows(np.empty((0, 0)), np.empty(0))


@dataclass(eq=False)
class Model:
    """One of the models of a fit: how it trains, what watches it, and where it has come to."""

    watch: Watch
    dev: DevPart | None = None
    score: Score | None = None
    error: Exception | None = None
    # What a full-batch solver has said of its end.
    outcome: Outcome | None = None
    # Its number in the fit, its row in the population, and where a narrower network lies in it.
    number: int = 0
    row: int = 0
    place: Place | None = None

    @property
    def recipe(self) -> Recipe:
        return self.watch.recipe

    @property
    def state(self) -> TrainingState:
        return self.watch.state

    @property
    def has_ended(self) -> bool:
        """Whether it has failed or stopped, and does not go on however many epochs it is given."""
        return self.error is not None or self.watch.stopped

    @property
    def trains_on(self) -> bool:
        """Whether it has neither ended nor run all its epochs."""
        return self.error is None and self.outcome is None and self.watch.has_epochs_left


class Fit:
    """Trains models on the same rows.

    Parameters
    ----------
    models : list of Model
        What is trained. Recipes may differ in what they say that they may (`Recipe.key_of_fit`).
        The first one's state says which random numbers all of them draw.
    rows : Rows
        What they learn from; a column of weights for each model makes rows of its own.
    dev : DevSet, default=None
        What they are watched on.
    groups : list of list of int, default=None
        Numbers of models of which the mean prediction is watched, instead of each by itself.
    tied : TiedParameters, default=None
        What makes θ of what the optimizer moves. The models are those that one φ stands for, then
        those of the next; the first of each has φ in its state, and the others go by its rate,
        its penalty and its end.
    watch_gradient : bool, default=False
        Whether to know the gradients' norm.
    keeps_errors : bool, default=False
        Whether what a model's own fit would raise is kept as its `error` where it is alone, too.
    remembers_epochs : bool, default=False
        Whether Ctrl-C ends training, of one model, where its last whole epoch ended, and is not
        raised; never of a part of a whole.
    """

    def __init__(
        self,
        models: Sequence[Model],
        rows: Rows,
        dev: DevSet | None = None,
        *,
        groups: Sequence[Sequence[int]] | None = None,
        tied: TiedParameters | None = None,
        watch_gradient: bool = False,
        keeps_errors: bool = False,
        remembers_epochs: bool = False,
    ) -> None:
        self.models = list(models)
        _check_seams([model.recipe for model in models], dev, groups)
        self._rows, self._dev, self._tied = rows, dev, tied
        self._watch_gradient, self._keeps_errors = watch_gradient, keeps_errors
        self._remembers_epochs = remembers_epochs and len(self.models) == 1 and not is_part()
        for number, model in enumerate(self.models):
            model.number = number
            model.watch.learns_from(rows.n_rows)
        self._group_of = {number: group for group in groups or () for number in group}
        # Of tied models, whose mean is the same: what it has come to in this epoch.
        self._evaluated: dict[int, tuple[float, float]] = {}
        self._last_whole: tuple[Snapshot | None, Counters] | None = None
        self._snapshot: Snapshot | None = None
        self._join(self.models)

    # ------------------------------------------------------------------------- the population

    def _join(self, models: Sequence[Model]) -> None:
        """Make one population of the models' states."""
        if len(models) == 1:
            self.state = models[0].state
        else:
            together = Architecture.together([one.recipe.architecture for one in models])
            network, self._sizes = together.network, together.hidden_layer_sizes
            for model in models:
                model.place = place_in(network, model.recipe.network)
            theta, statistics = padded(
                [(one.state.theta, one.state.statistics, one.place) for one in models], network
            )
            # Of several models, training begins with an optimizer that remembers nothing, but for
            # what it knows of a φ that all have in common; rates are each model's own.
            self.state = replace(
                models[0].state,
                theta=theta,
                statistics=statistics,
                optimizer=None if self._n_of_each == 1 else models[0].state.optimizer,
                adaptive_factor=1.0,
                streams_by_width=streams_by_width(
                    [(one.recipe.network, one.state.streams) for one in models]
                ),
            )
        self.population: list[Model] = list(models)
        leaders = self._leaders()
        if len(leaders) > 1:
            self.state.optimizer = None
            if self._tied is not None:
                self.state.phi = np.stack([_phi_of(leader) for leader in leaders])
        self._show_rows()

    @property
    def _n_of_each(self) -> int:
        """How many models stand one after the other that end together."""
        return 1 if self._tied is None else self._tied.n_members

    def _leaders(self) -> list[Model]:
        """The models of the population by whose recipes others go, too."""
        return self.population[:: self._n_of_each]

    def _leader_of(self, model: Model) -> Model:
        return self.population[model.row - model.row % self._n_of_each]

    def _show_rows(self) -> None:
        """Let each model's state be its row of the population's."""
        for row, model in enumerate(self.population):
            model.row = row
            if model.state is not self.state:
                self._show_row(model)
        phi, leaders = self.state.phi, self._leaders()
        if phi is not None and phi.ndim > 1:
            for own, leader in zip(phi, leaders, strict=True):
                leader.state.phi = own

    def _show_row(self, model: Model) -> None:
        """A view of θ and statistics; of a narrower network a copy."""
        state, row = self.state, model.row
        if model.place is None:
            model.state.theta, model.state.statistics = state.theta[row], state.statistics[row]
        else:
            model.state.theta = state.theta[row, model.place.theta]
            model.state.statistics = state.statistics[row, model.place.statistics]

    def _cut_down_to(self, models: list[Model]) -> None:
        """Cut the population down to these models."""
        if len(models) < len(self.population):
            rows = np.array([one.row for one in models], dtype=np.intp)
            n = self._n_of_each
            self.state = self.state.select(rows, None if self._tied is None else rows[::n] // n)
            self.population = models
        self._show_rows()

    def _combined(self) -> tuple[Problem, LoopSettings | None]:
        """The models' problems and settings as those of one population."""
        models = self.population
        recipes = [model.recipe for model in models]
        first = recipes[0]
        if self._is_of_one:
            problem = replace(first.problem(self._rows), tied=self._tied)
            return problem, self._settings_of(models[0], problem)
        architecture = Architecture.together([one.architecture for one in recipes])
        problem = Problem(
            replace(architecture, hidden_layer_sizes=self._sizes).network,
            combine([one.loss for one in recipes], BATCH_AXES),
            combine([self._penalty_of(one) for one in models], PARAMETER_AXES),
            self._rows.of_models(np.array([one.number for one in models], dtype=np.intp)),
            self._tied,
        )
        leaders = self._leaders()
        if self._tied is not None:
            problem.penalty = combine([self._penalty_of(one) for one in leaders], PARAMETER_AXES)
        phi = self.state.phi
        if phi is not None and phi.ndim == 1:
            # What moves is one vector, at one rate.
            return problem, self._settings_of(models[0], problem)
        return problem, self._settings_of_all(leaders)

    def _settings_of(self, model: Model, problem: Problem) -> LoopSettings | None:
        """How to descend with one model; where a listener may change its rate, by what it is."""
        recipe = model.recipe
        settings = recipe.settings(problem, watch_gradient=self._watch_gradient)
        if settings is None:
            return None
        schedule: RateSchedule = settings.schedule
        if self._keeps_errors:
            schedule = OwnSchedule(recipe.schedule)
        if model.watch.listener is not None and recipe.is_stochastic:
            return replace(settings, schedule=PresentRate(model, schedule), learning_rate=1.0)
        return replace(settings, schedule=schedule)

    def _settings_of_all(self, models: Sequence[Model]) -> LoopSettings:
        """How to descend with several models, each by its own numbers."""
        recipes = [model.recipe for model in models]
        first = recipes[0]
        clips = [one.gradient_clip for one in recipes]
        if any(clip is not None for clip in clips):
            clips = [math.inf if clip is None else clip for clip in clips]
        return LoopSettings(
            optimizer=combine([one.made_optimizer for one in recipes], PARAMETER_AXES),
            schedule=RatesOfModels(models),
            learning_rate=1.0,
            batch_size=first.batch_size,
            shuffle=first.shuffle,
            gradient_clip=combine_values(clips, PARAMETER_AXES),
            augment=first.augment,
            watch_gradient=self._watch_gradient,
            parameter_groups=first.parameter_groups,
            decay_schedule=None if first.decay_schedule is None else DecaysOfModels(models),
        )

    def _penalty_of(self, model: Model) -> ElasticNet:
        return model.recipe.penalty_on(self._rows.of_model(model.number))

    @property
    def _is_of_one(self) -> bool:
        """Whether it trains one model, whose state is that of the fit."""
        return self.population[0].state is self.state

    # ------------------------------------------------------------------------------- training

    def run(self) -> None:
        """Train until every model has stopped or has run its epochs.

        Raises
        ------
        Exception
            Of one model alone: what its schedule, score, augmentation or callbacks have raised. Of
            several, that is kept as the model's `error`.
        """
        own_error = None
        try:
            # A model that diverges is reported once, by its own error, not by each operation.
            with np.errstate(all="ignore"):
                self._begin()
                report: AfterEpoch = self._after_epoch_of_several
                if self._is_of_one:
                    report = self._after_epoch_of_one
                while running := self._running():
                    self._cut_down_to(running)
                    problem, settings = self._combined()
                    self._network, self._loss = problem.network, problem.loss
                    first = self.population[0]
                    solve = solver_of(first.recipe)
                    try:
                        first.outcome = solve(
                            problem,
                            self.state,
                            settings,
                            n_epochs=max(model.watch.n_epochs_left for model in running),
                            after_epoch=report,
                        )
                    except OwnError as marked:
                        # Of the augmentation, which is the same for all that train.
                        self._fail(running, marked)
        except OwnError as marked:
            own_error = marked.error
        except KeyboardInterrupt:
            if not self._remembers_epochs:
                raise
            self._go_back()
        if own_error is not None and self._keeps_errors:
            self.population[0].error = own_error
        elif own_error is not None:
            # Here, where no other error is being handled, it is raised as it was.
            raise own_error

    def _running(self) -> list[Model]:
        """The models that train on, each as long as the one does that it goes by."""
        return [model for model in self.population if self._leader_of(model).trains_on]

    def _fail(self, models: Sequence[Model], marked: OwnError) -> None:
        """End models of several by what their own fits would raise."""
        if self._is_of_one:
            raise marked
        for model in models:
            model.error = marked.error

    def _begin(self) -> None:
        """Announce the first epoch, before which callbacks may change what is to come."""
        if self._remembers_epochs:
            self._remember_epoch()
        for model in self.population:
            try:
                model.watch.announce_next()
                if self._take_up_changes(model) and self._remembers_epochs:
                    self._remember_epoch()
            except OwnError as marked:
                self._fail([model], marked)

    def _after_epoch_of_one(self, loss: Array) -> bool:
        """Record an epoch of one model alone; whether it stops, or goes on by another recipe."""
        (model,), watch = self.population, self.population[0].watch
        on_dev = None if self._dev is None else self._evaluate(model, self._predict_dev(self._dev))
        watch.record(float(loss), on_dev)
        if self._remembers_epochs:
            # The epoch is whole, whatever befalls those who hear of it.
            self._remember_epoch()
        watch.announce()
        epoch_is_over(1)
        # The solver knows itself when its epochs are used up.
        return self._take_up_changes(model) or watch.stopped

    def _after_epoch_of_several(self, losses: Array) -> bool:
        """Record an epoch of all models; whether the population changes before the next one."""
        running = self._running()
        on_dev = self._on_dev()
        for model in running:
            self._record(model, float(losses[model.row]), on_dev)
        # Once all are recorded: whoever hears of one may save them all.
        changed = [self._announce(model) for model in running if model.error is None]
        epoch_is_over(len(running) // self._n_of_each)
        staying = self._running()
        self._let_go([model for model in running if model not in staying])
        n_models, n_staying = len(self.population), len(staying)
        return any(changed) or n_staying == 0 or n_models - n_staying > COMPACT_FROM * n_models

    def _predict_dev(self, dev: DevSet) -> Array:
        return dev.predict(self._network, self.state.theta, self.state.statistics)

    def _on_dev(self) -> OnDev:
        """What tells a model's loss and score on its dev rows, as it is now."""
        if self._dev is None:
            return lambda model: None
        logits = self._predict_dev(self._dev)
        part = self.population[0].dev
        is_each_own = not self._group_of and self._tied is None
        if part is not None and is_each_own and self._dev.is_evaluated_at_once(logits):
            scores = [model.score for model in self.population]
            together = part.evaluate_several(self._loss, part.logits(logits), scores)
            return lambda model: together.of_row(model.row, model.score)
        self._evaluated.clear()
        return lambda model: self._evaluate(model, logits)

    def _record(self, model: Model, loss: float, on_dev: OnDev) -> None:
        """Record an epoch of one of several models."""
        own, ours = model.state, self.state
        own.epochs, own.rows_seen = ours.epochs, ours.rows_seen
        rates = np.asarray(ours.rate)
        place = model.row // self._n_of_each
        own.rate = float(rates if rates.ndim == 0 else rates[place, 0])
        norms = np.asarray(ours.gradient_norm)
        own.gradient_norm = float(norms if norms.ndim == 0 else norms[place])
        if model.place is not None:
            self._show_row(model)
        try:
            model.watch.record(loss, on_dev(model))
        except OwnError as marked:
            self._fail([model], marked)

    def _announce(self, model: Model) -> bool:
        """Announce an epoch of one of several models; whether it goes on by another recipe."""
        try:
            model.watch.announce()
            return self._take_up_changes(model)
        except OwnError as marked:
            self._fail([model], marked)
            return False

    def _evaluate(self, model: Model, logits: Array) -> tuple[float, float]:
        """Loss and score on the dev rows, of the model or of the group that it is in."""
        assert model.dev is not None
        # Of models that have been forgotten the numbers are left: a place in the list is no number.
        group = [model]
        if model.number in self._group_of:
            group = [self.models[number] for number in self._group_of[model.number]]
        first = group[0].number
        is_mean = self._tied is not None and not self._is_of_one
        if is_mean and first in self._evaluated:
            return self._evaluated[first]
        if not self._is_of_one:
            rows = [one.row for one in group]
            logits = logits[rows[0]] if len(rows) == 1 else self._mean(model, logits[rows])
        found = model.dev.evaluate(model.recipe.loss, model.dev.logits(logits), model.score)
        if is_mean:
            self._evaluated[first] = found
        return found

    @staticmethod
    def _mean(model: Model, logits: Array) -> Array:
        return mean_of_predictions(model.recipe.loss.link, logits)

    def _take_up_changes(self, model: Model) -> bool:
        """Go on by what a listener has made of the recipe; whether it is another one."""
        watch = model.watch
        recipe = watch.new_recipe()
        if recipe is None:
            return False
        if recipe.is_stochastic and recipe.differs_in_rate_alone(watch.recipe):
            # It is asked for at each epoch, or step.
            watch.recipe = recipe
            return False
        watch.go_on_by(recipe)
        # It may draw from other random streams.
        self._snapshot = None
        return True

    def _let_go(self, models: Sequence[Model]) -> None:
        """Copy where they have come to: their rows may go on moving until they are cut out."""
        if not models:
            return
        drawn = models[0].recipe.streams_drawn_for(self._rows.n_rows)
        streams = {n: s.copy() if n in drawn else s for n, s in self.state.streams.items()}
        by_width, optimizer = self.state.streams_by_width, self.state.optimizer
        assert optimizer is not None
        for model in models:
            state = model.state
            state.theta, state.statistics = state.theta.copy(), state.statistics.copy()
            state.streams = streams | own_streams(model.recipe.network, by_width)
            if self._tied is not None:
                # The optimizer remembers φ's, and nobody goes on from there.
                state.phi = None if state.phi is None else state.phi.copy()
                continue
            own = optimizer.select(np.array(model.row))
            if model.place is not None:
                own = own.at(model.place.theta)
            state.optimizer = own.copy()

    # -------------------------------------------------------------------------- interruptions

    def _remember_epoch(self) -> None:
        """Remember that an epoch is whole, for Ctrl-C in the midst of the next one."""
        model = self.population[0]
        # As long as this is not done the state itself is what to go back to.
        self._last_whole = (None, model.watch.counters())
        if self._snapshot is None:
            drawn = model.recipe.streams_drawn_for(self._rows.n_rows)
            self._snapshot = Snapshot(self.state, drawn)
        self._snapshot.remember()
        self._last_whole = (self._snapshot, self._last_whole[1])

    def _go_back(self) -> None:
        """Be where the last whole epoch has ended."""
        if self._last_whole is None:
            # Not even the first has begun.
            raise KeyboardInterrupt
        watch = self.models[0].watch
        snapshot, counters = self._last_whole
        if snapshot is not None:
            snapshot.restore()
        watch.go_on_from(counters)
        watch.interrupted = True

    # ------------------------------------------------------- once it has run, and rung by rung

    def forget_population(self) -> None:
        """Keep what each model has come to, and not what going on with all of them would take."""
        if not self._is_of_one:
            nothing = np.empty(0)
            self.state = replace(self.state, theta=nothing, statistics=nothing, optimizer=None)

    def forget_all_but(self, numbers: Sequence[int]) -> None:
        """Forget all models but these, in their order."""
        self.models = [self.models[number] for number in numbers]

    def run_until(self, n_epochs: int) -> None:
        """Train on until every model has stopped or has run n_epochs in all."""
        for model in self.models:
            model.watch.recipe = replace(model.recipe, max_epochs=n_epochs)
        # Of those that have ended the rows may have moved on: they are where they were let go.
        kept = {id(model) for model in self.models}
        staying = [one for one in self.population if id(one) in kept and not one.has_ended]
        if staying:
            self._cut_down_to(staying)
            self.state.own_arrays()
            self._show_rows()
            self.run()

    def leave_data(self) -> None:
        """Be without data, before the fit travels to where they are at hand."""
        self._rows, self._dev = NO_ROWS, None
        for model in self.models:
            model.dev = model.score = None

    def take_data(self, rows: Rows, dev: DevSet | None) -> None:
        """Go on with these, which are those that it began with."""
        self._rows, self._dev = rows, dev

    def lighten(self) -> None:
        """Drop what going on makes anew, before the fit travels to another process."""
        for model in self.population:
            if not model.has_ended and not self._is_of_one:
                nothing = np.empty(0)
                model.watch.state = replace(
                    model.state, theta=nothing, statistics=nothing, streams={}, optimizer=None
                )


def _phi_of(model: Model) -> Array:
    assert model.state.phi is not None
    return model.state.phi


def _check_seams(
    recipes: Sequence[Recipe], dev: DevSet | None, groups: Sequence[Sequence[int]] | None
) -> None:
    """Refuse what would be accepted and ignored."""
    if groups is not None and dev is None:
        raise ValueError(f"groups={groups} are watched on a dev set, and there is none.")
    for recipe in recipes:
        by_step = recipe.schedule.changes_by_step or recipe.decay_schedule is not None
        if (recipe.parameter_groups or by_step) and not recipe.is_stochastic:
            raise ValueError(
                f"solver={recipe.solver.name!r} has no mini-batches: it takes no parameter_groups, "
                "no decay_schedule and no schedule that changes by step."
            )
