"""Several estimators trained together: their networks are one stack, a population in the engine.

A `Stack` takes unfitted estimators that differ only in parameters which each model may have of its
own (`PerModel`). Every one of them ends as if it had been fitted alone: it has its own learning
rate, its own curves and its own end. Those whose training has ended leave the stack.

Their hidden layers may be of different widths: those of the stack are as wide as the widest, and
what a narrower network does not have stays zero, since all gradients there are.
"""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from traceback import format_exception
from typing import Any

import numpy as np
from sklearn.base import is_classifier

from .._engine.backend import Array
from .._engine.network import Network, build_network
from .._engine.objective import Problem, predict_logits
from .._engine.population import BATCH_AXES, PARAMETER_AXES, combine, combine_values
from .._engine.solvers import STOCHASTIC_SOLVERS
from .._engine.threads import blas_threads_for
from .._engine.training import Epochs, LoopSettings, TrainingState
from ._base import BaseNetworkEstimator, FitRun
from ._progress import Curves, FitMonitor
from ._validation import ValidationSet

# The stack is cut down to those still training when this share of it has ended: to copy what
# remains costs about as much as a few steps.
COMPACT_FROM = 1 / 8
# What a model of a stack keeps like θ (its gradient, two moments, the best so far, copies of θ and
# the moments for the end), for each unit of a batch, and for each of its predictions.
PARAMETER_VECTORS = 9
# Beyond those a padded one keeps a copy of its own, and where it lies in the padding.
PADDED_VECTORS = 4
ACTIVATION_BUFFERS = 5
PREDICTION_COPIES = 3
# What a step costs beyond its arithmetic, in multiply-adds of matrix products.
STEP_OVERHEAD = 2**21


def can_stack(estimator: Any) -> bool:
    """Whether an unfitted estimator could train in a stack, whatever its data."""
    return (
        isinstance(estimator, BaseNetworkEstimator)
        and _fits_as_skdeep_does(type(estimator))
        and estimator.solver in STOCHASTIC_SOLVERS
        and not estimator.verbose
        and not getattr(estimator, "_skl_callbacks", None)
    )


def _fits_as_skdeep_does(kind: type) -> bool:
    """Whether a class, a user's maybe, leaves `fit` as it is."""
    definer = next(base for base in kind.__mro__ if "fit" in vars(base))
    return definer.__module__.startswith(__package__)


@dataclass
class Member:
    """An estimator of the stack: its own problem, clock and monitor, and its place in θ.

    A narrower network than the stack's lies at `positions` of its row of θ, and at `statistics_at`
    of the statistics', and has a copy of its own; of others these are None.
    """

    estimator: Any
    problem: Problem
    positions: Array | None = None
    statistics_at: Array | None = None
    monitor: FitMonitor = field(init=False)
    settings: LoopSettings = field(init=False)
    row: int = -1
    error: Exception | None = None

    @property
    def state(self) -> TrainingState:
        return self.monitor.state

    @property
    def has_ended(self) -> bool:
        """Whether it has failed or stopped, and does not go on however many epochs it is given."""
        return self.error is not None or self.monitor.stopped

    def has_epochs_left(self) -> bool:
        """Whether it trains on: it has neither ended nor run all its epochs."""
        return not self.has_ended and self.monitor.n_epochs < self.estimator.max_iter

    def look(self, theta: Array, statistics: Array) -> None:
        """See the stack's θ and statistics of this moment; without padding, from now on."""
        row, state = self.row, self.state
        state.theta = theta[row] if self.positions is None else theta[row, self.positions]
        state.statistics = (
            statistics[row] if self.statistics_at is None else statistics[row, self.statistics_at]
        )

    def rate(self) -> float:
        """The step size of the next epoch; a user's schedule that raises ends this member."""
        try:
            return float(self.settings.rate(self.state))
        except Exception as error:
            self.error = error
            return 0.0


class Stack:
    """Unfitted estimators and the data that they all learn from.

    Parameters
    ----------
    estimators : list of estimators
        What is trained. They are changed in place, but not fitted: `fitted` gives fitted copies.
    X, y : array-like
        The training data.
    fit_params : dict or None
        The other arguments of their `fit`.

    Raises
    ------
    ValueError
        Where the data, or the leader's parameters, are not what they have to be.
    """

    def __init__(
        self,
        estimators: Sequence[Any],
        X: Any,
        y: Any,
        fit_params: dict[str, Any] | None = None,
    ) -> None:
        leader = estimators[0]
        run = _prepared(leader, X, y, fit_params or {})
        if run.problem.data.is_sparse and getattr(leader, "input_dropout", 0) > 0:
            raise ValueError("Input dropout on sparse X gives each model an X of its own.")
        self._validation = run.validation
        self._dev_logits: Array = np.empty(0)
        self.members = [self._member(estimator, leader, run) for estimator in estimators]
        self._sizes = widest(estimators)
        network = self._network([member.estimator for member in self.members])
        for member in self.members:
            own = member.problem.network
            if own.layout.size < network.layout.size:
                member.positions = own.layout.positions_in(network.layout)
                member.statistics_at = own.statistics_layout.positions_in(network.statistics_layout)
        theta, statistics = _padded([member.estimator for member in self.members], network)
        self._state = replace(run.state, theta=theta, statistics=statistics)
        self._place(self.members)

    def _network(self, estimators: Sequence[Any]) -> Network:
        """The network of a population of these estimators, as wide as the widest of the stack."""
        one: Network = estimators[0]._network
        parameters = [estimator._network_parameters() for estimator in estimators]
        together = {
            name: combine_values([own[name] for own in parameters], BATCH_AXES)
            for name in parameters[0]
        }
        sizes = [estimator._hidden_layer_sizes() for estimator in estimators]
        together["live_units"] = combine_values(sizes, BATCH_AXES)
        return build_network(one.n_in, self._sizes, one.n_out, **together)

    def _member(self, estimator: Any, leader: Any, run: FitRun) -> Member:
        network = run.problem.network
        if estimator is not leader:
            _share_what_was_learnt(leader, estimator)
        # What is the same for all is made once.
        own_network = network
        if not _builds_the_same(estimator, leader):
            own_network = estimator._build_network(network.n_in, network.n_out)
        problem = estimator._problem(own_network, run.problem.data)
        estimator._network = own_network
        state = replace(run.state) if estimator is leader else _fresh_like(estimator, leader, run)
        estimator._state, estimator._curves = state, Curves()
        estimator._trained_architecture = estimator._architecture()
        estimator._warn_of_settings(problem)
        own_run = FitRun(problem, state, estimator._curves, run.validation)
        member = Member(estimator, problem)
        logits = partial(self._logits_of, member)
        member.monitor = estimator._monitor(own_run, None, estimator.max_iter, logits)
        member.settings = estimator._loop_settings(problem)
        return member

    def _logits_of(self, member: Member) -> Array:
        return self._dev_logits[member.row]

    def _place(self, members: list[Member]) -> None:
        """Give each member its row of θ."""
        self._in_stack = members
        for row, member in enumerate(members):
            member.row = row
            member.look(self._state.theta, self._state.statistics)

    # -------------------------------------------------------------------------------- training

    def train(self) -> None:
        """Train until every member has stopped or has run its `max_iter` epochs."""
        with np.errstate(all="ignore"):
            while any(member.has_epochs_left() for member in self._in_stack):
                self._keep([member for member in self._in_stack if member.has_epochs_left()])
                self._train_until_some_have_left()

    def keep(self, numbers: Sequence[int]) -> None:
        """Forget all estimators but these, which are numbered anew."""
        self.members = [self.members[number] for number in numbers]

    def train_until(self, n_epochs: int) -> None:
        """Train on until every member has stopped or has run n_epochs in all."""
        for member in self.members:
            member.estimator.max_iter = n_epochs
        kept = {id(member) for member in self.members}
        # Of those that have ended the rows may have moved on: they are where they were let go.
        self._keep([one for one in self._in_stack if id(one) in kept and not one.has_ended])
        self.train()

    def lighten(self) -> None:
        """Drop what going on makes anew, before the stack travels to another process."""
        for member in self.members:
            if member.error is not None:
                # Not every exception survives the journey.
                text = "".join(format_exception(member.error))
                member.error = RuntimeError(f"Training failed:\n{text}")
        for member in self._in_stack:
            if not member.has_ended:
                nothing = np.empty(0)
                member.monitor.state = replace(
                    member.state, theta=nothing, statistics=nothing, streams={}, optimizer=None
                )
                member.estimator._state = member.monitor.state

    def _train_until_some_have_left(self) -> None:
        problem, settings = self._combined()
        epochs = Epochs(problem, self._state, settings)
        sparse = problem.data.is_sparse
        bearable = COMPACT_FROM * len(self._in_stack)
        with blas_threads_for(problem.network, settings.batch_size, sparse_input=sparse):
            while True:
                running = [member for member in self._in_stack if member.has_epochs_left()]
                if not running or len(self._in_stack) - len(running) > bearable:
                    return
                self._run_epoch(epochs, problem.network, running)

    def _run_epoch(self, epochs: Epochs, network: Network, running: list[Member]) -> None:
        rates = np.zeros((len(self._in_stack), 1))
        for member in running:
            rates[member.row] = member.rate()
        losses = epochs.run(rates.astype(self._state.theta.dtype))
        if self._validation is not None:
            self._dev_logits = self._predict_dev(network, self._validation)
        for member in running:
            if member.error is None:
                self._end_epoch(member, losses[member.row])
        self._let_go([member for member in running if not member.has_epochs_left()])

    def _end_epoch(self, member: Member, loss: float) -> None:
        member.state.epochs, member.state.rows_seen = self._state.epochs, self._state.rows_seen
        member.state.rate = float(self._state.rate[member.row, 0])
        if member.positions is not None:
            member.look(self._state.theta, self._state.statistics)
        try:
            member.monitor.after_epoch(loss)
        except Exception as error:
            member.error = error

    def _let_go(self, members: list[Member]) -> None:
        """Copy where they have come to: their rows may go on moving until they are cut out."""
        if not members:
            return
        streams, optimizer = copy.deepcopy(self._state.streams), self._state.optimizer
        assert optimizer is not None
        for member in members:
            state = member.state
            state.theta, state.statistics = state.theta.copy(), state.statistics.copy()
            state.streams = streams
            own = optimizer.select(np.array(member.row))
            if member.positions is not None:
                own = own.at(member.positions)
            state.optimizer = copy.deepcopy(own)

    def _predict_dev(self, network: Network, dev: ValidationSet) -> Array:
        return predict_logits(
            network, self._state.theta, self._state.statistics, dev.x, index=dev.index
        )

    def _keep(self, members: list[Member]) -> None:
        if len(members) < len(self._in_stack):
            rows = np.array([member.row for member in members], dtype=np.intp)
            self._state = self._state.select(rows)
        self._place(members)

    def _combined(self) -> tuple[Problem, LoopSettings]:
        """The members' problems and settings as those of one population."""
        members = self._in_stack
        first = members[0]
        problem = Problem(
            self._network([member.estimator for member in members]),
            combine([member.problem.loss for member in members], BATCH_AXES),
            combine([member.problem.penalty for member in members], PARAMETER_AXES),
            first.problem.data,
        )
        clips = [member.settings.gradient_clip for member in members]
        if any(clip is not None for clip in clips):
            clips = [math.inf if clip is None else clip for clip in clips]
        optimizers = [member.settings.optimizer for member in members]
        settings = replace(
            first.settings,
            optimizer=combine(optimizers, PARAMETER_AXES),
            gradient_clip=combine_values(clips, PARAMETER_AXES),
        )
        return problem, settings

    # ------------------------------------------------------------------------------- the outcome

    def fitted(self, number: int) -> Any:
        """A fitted copy of an estimator, as far as it has been trained.

        Raises
        ------
        Exception
            What its own `fit` would have raised.
        """
        member = self.members[number]
        if member.error is not None:
            raise member.error
        estimator, monitor = copy.copy(member.estimator), copy.copy(member.monitor)
        state = replace(
            member.state,
            theta=member.state.theta.copy(),
            statistics=member.state.statistics.copy(),
        )
        estimator._state = monitor.state = state
        estimator._curves = monitor.curves = copy.deepcopy(member.monitor.curves)
        estimator._finish(member.problem, monitor, None, incremental=False)
        return estimator

    def detached(self, number: int) -> Any:
        """A fitted copy that shares nothing with the stack, and can be trained further."""
        estimator = self.fitted(number)
        estimator._state = copy.deepcopy(estimator._state)
        return estimator

    def foresee(self, models: Sequence[Any], X: Any) -> None:
        """Predict X with all fitted models at once; each then has its predictions ready."""
        if not models or type(models[0])._logits is not BaseNetworkEstimator._logits:
            # The linear models predict from coef_.
            return
        network = self._network(models)
        theta, statistics = _padded(models, network)
        logits = predict_logits(network, theta, statistics, models[0]._validated_X(X))
        for model, own in zip(models, logits, strict=True):
            model._foreseen = (X, own)


def shape_of(data: Any) -> tuple[int, ...]:
    """The shape of an array, a sparse matrix, a data frame or nested lists."""
    shape: tuple[int, ...] = data.shape if hasattr(data, "shape") else np.shape(data)
    return shape


def widest(models: Sequence[Any]) -> list[int]:
    """Layer sizes in which all these models have room."""
    sizes = [model._hidden_layer_sizes() for model in models]
    return [max(column) for column in zip(*sizes, strict=True)]


def bytes_per_model(
    models: Sequence[Any], X: Any, y: Any, rows_scored: int, fit_params: dict[str, Any]
) -> int:
    """About what one of these occupies while they train as a stack on X and y, and are scored."""
    model, n_outputs = models[0], _n_outputs(models[0], y)
    n_rows, n_features = shape_of(X)
    widths = [n_features, *widest(models), n_outputs]
    parameters = sum((n_in + 3) * n_out for n_in, n_out in pairwise(widths))
    if any(model._hidden_layer_sizes() != widths[1:-1] for model in models):
        parameters += parameters * PADDED_VECTORS // PARAMETER_VECTORS
    activations = ACTIVATION_BUFFERS * _rows_per_step(model, n_rows) * sum(widths[1:])
    rows_watched = int(model.validation_fraction * n_rows) if model.early_stopping else 0
    if fit_params.get("X_val") is not None:
        rows_watched = shape_of(fit_params["X_val"])[0]
    predictions = PREDICTION_COPIES * max(rows_scored, rows_watched) * n_outputs
    return _itemsize(model, X) * (PARAMETER_VECTORS * parameters + activations + predictions)


def of_similar_size(models: Sequence[Any], X: Any, y: Any) -> list[list[int]]:
    """The numbers of those models that had better share a stack, largest networks first.

    All models of a stack cost what the widest does. Another one is worth opening where that waste
    grows beyond the overhead of its steps.
    """
    n_rows, n_features = shape_of(X)
    n_outputs, rows = _n_outputs(models[0], y), _rows_per_step(models[0], n_rows)

    def cost(sizes: Sequence[int]) -> int:
        # Forward, and twice as much backward.
        return 3 * rows * sum(a * b for a, b in pairwise([n_features, *sizes, n_outputs]))

    sizes = [model._hidden_layer_sizes() for model in models]
    groups: list[list[int]] = []
    room: list[int] = []
    needed = 0
    for number in sorted(range(len(models)), key=lambda number: -cost(sizes[number])):
        own = sizes[number]
        enough = [max(pair) for pair in zip(room, own, strict=True)] if groups else own
        if groups and (len(groups[-1]) + 1) * cost(enough) - needed - cost(own) <= STEP_OVERHEAD:
            groups[-1].append(number)
            room, needed = enough, needed + cost(own)
        else:
            groups.append([number])
            room, needed = own, cost(own)
    return [sorted(group) for group in groups]


def _n_outputs(model: Any, y: Any) -> int:
    if is_classifier(model) and np.ndim(y) == 1:
        return int(np.unique(y).shape[0])
    return shape_of(y)[1] if np.ndim(y) == 2 else 1


def _rows_per_step(model: Any, n_rows: int) -> int:
    if model.batch_size == "full":
        return n_rows
    if model.batch_size == "auto":
        return int(model._default_batch_size(n_rows))
    return min(int(model.batch_size), n_rows)


def _itemsize(model: Any, X: Any) -> int:
    is_float32 = getattr(X, "dtype", None) == np.float32
    return int(np.dtype(model.dtype or ("float32" if is_float32 else "float64")).itemsize)


def _prepared(leader: Any, X: Any, y: Any, fit_params: dict[str, Any]) -> FitRun:
    validation = tuple(fit_params.get(name) for name in ("X_val", "y_val", "sample_weight_val"))
    run: FitRun = leader._prepare(X, y, fit_params.get("sample_weight"), validation=validation)
    return run


def _padded(models: Sequence[Any], network: Network) -> tuple[Array, Array]:
    """The models' θ and statistics as rows for a network that is as wide as the widest or wider."""
    states = [model._state for model in models]
    first = states[0]
    theta = np.zeros((len(models), network.layout.size), dtype=first.theta.dtype)
    statistics = np.zeros((len(models), network.statistics_layout.size), first.statistics.dtype)
    for row, (model, state) in enumerate(zip(models, states, strict=True)):
        own = model._network
        if own.layout.size == network.layout.size:
            theta[row], statistics[row] = state.theta, state.statistics
            continue
        theta[row, own.layout.positions_in(network.layout)] = state.theta
        places = own.statistics_layout.positions_in(network.statistics_layout)
        statistics[row, places] = state.statistics
    return theta, statistics


def _share_what_was_learnt(leader: Any, estimator: Any) -> None:
    """The attributes that preparing the data has given to the leader."""
    for name, value in leader.__dict__.items():
        # A parameter is there already.
        estimator.__dict__.setdefault(name, value)


def _builds_the_same(estimator: Any, leader: Any) -> bool:
    """Whether two estimators of a stack have networks that do not differ in anything."""
    same_sizes = estimator._hidden_layer_sizes() == leader._hidden_layer_sizes()
    return same_sizes and bool(estimator._network_parameters() == leader._network_parameters())


def _fresh_like(estimator: Any, leader: Any, run: FitRun) -> TrainingState:
    """The estimator's own start, with the random streams of the stack after it."""
    same_seed = estimator.random_state is not None
    same_start = (
        estimator._weight_init() == leader._weight_init()
        and estimator._hidden_layer_sizes() == leader._hidden_layer_sizes()
    )
    if same_seed and same_start:
        return replace(run.state)
    own: TrainingState = estimator._fresh_state(estimator._network, run.state.theta.dtype)
    return replace(own, streams=run.state.streams, split_seed=run.state.split_seed)
