"""The gradient check of the course (II 1.11): backpropagation against two-sided differences of J.

All parameters are one vector, so the check is a difference quotient per entry; and a population of
models is a stack of vectors, so the perturbed models are evaluated many at once.
"""

import copy
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .._arguments import check_one_of, is_count, random_state_of
from .._engine.backend import Array, RepeatingStream
from .._engine.layout import Layout
from .._engine.objective import FullObjective, Problem
from .._engine.reals import real_number
from .._engine.training import TrainingState
from .._html import block, paragraph, table
from ..estimators._base import BaseNetworkEstimator
from ..estimators._preparation import prepared_to_inspect

__all__ = ["GradientCheckResult", "gradient_check"]

# The course names 1e-7, 1e-5 and 1e-3; between two of them the nearer one, in decades, holds.
GREAT, LOOK_CLOSER = 1e-6, 1e-4
# Numbers that the perturbed models of one stack may hold in all.
STACK_ELEMENTS = 2**21
# A difference within this many times the rounding error proves nothing.
ROUNDING_MARGIN = 10


@dataclass(frozen=True)
class GradientCheckResult:
    """What `gradient_check` found.

    Parameters
    ----------
    relative_difference : float
        ‖approx − grad‖ / (‖approx‖ + ‖grad‖) over the parameters checked.
    per_layer : dict of str to float
        The same per layer, in the order of the network.
    verdict : {"great", "look closer", "worry", "inconclusive"}
        The course's reading of the relative difference: of the order of 1e-7, 1e-5 or 1e-3;
        "inconclusive" where rounding alone could explain the difference.
    suspect : str or None
        The layer to look at if the verdict is "look closer" or "worry": the last one, seen from
        the input, whose gradient is off. A wrong derivative spoils its own layer's gradient and
        those of the layers before it.
    gradient, approximation : ndarray of shape (n_checked,)
        The gradient by backpropagation and by differences.
    checked : ndarray of shape (n_checked,)
        The positions of the checked parameters in the parameter vector.
    resolution : float
        About the norm of the rounding error in `approximation`.
    objective : float
        J at the point checked.
    epsilon : float
        Half the width of the differences.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdeep import SoftmaxClassifier
    >>> from skdeep.inspection import gradient_check
    >>> result = gradient_check(SoftmaxClassifier(), *load_iris(return_X_y=True))
    >>> result.per_layer.keys()
    dict_keys(['output'])
    """

    relative_difference: float
    per_layer: dict[str, float]
    verdict: str
    suspect: str | None
    gradient: Array = field(repr=False)
    approximation: Array = field(repr=False)
    checked: Array = field(repr=False)
    resolution: float
    objective: float
    epsilon: float

    def __str__(self) -> str:
        lines = [
            self._title(),
            f"  relative difference {self.relative_difference:.1e}: {self.verdict}",
        ]
        width = max(len(name) for name in self.per_layer)
        lines += [f"    {name:<{width}}  {value:.1e}" for name, value in self.per_layer.items()]
        lines += [f"  {remark}" for remark in self._remarks()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = [(name, f"{value:.1e}") for name, value in self.per_layer.items()]
        rows.append(("all", f"{self.relative_difference:.1e}"))
        return block(
            paragraph(self._title()),
            table(("layer", "relative difference"), rows),
            paragraph(f"verdict: {self.verdict}"),
            *map(paragraph, self._remarks()),
        )

    def _title(self) -> str:
        return (
            f"Gradient check of {self.checked.size} parameters, epsilon={self.epsilon:g}, "
            f"J={self.objective:.6g}"
        )

    def _remarks(self) -> list[str]:
        remarks = []
        if self.suspect is not None:
            remarks.append(f"look at {self.suspect!r} and what acts on its output")
        if self.verdict == "inconclusive":
            remarks.append(
                "the difference is within rounding (about "
                f"{self.resolution:.1e}): check at another point, or with a larger epsilon"
            )
        return remarks


def gradient_check(
    estimator: BaseNetworkEstimator,
    X: Any,
    y: Any,
    sample_weight: Any = None,
    *,
    epsilon: float = 1e-7,
    n_parameters: int | None = None,
    dropout: str = "fixed",
    random_state: Any = None,
) -> GradientCheckResult:
    """Check the gradient of the objective that training descends (course II 1.11).

    The gradient by backpropagation is compared with two-sided differences of J, regularisation
    included, in float64. An unfitted estimator is checked where its training would start, a
    fitted one at its present parameters; the course asks for both. The estimator is not changed.

    Parameters
    ----------
    estimator : estimator of skdeep
        Fitted or not.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Rows to evaluate J on; a few dozen suffice.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Targets.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.
    epsilon : float, default=1e-7
        Half the width of the differences, > 0. Larger values, 1e-5 say, lose less to rounding
        and more to curvature.
    n_parameters : int, default=None
        Check this many parameters, drawn at random; None checks all.
    dropout : {"fixed", "off"}, default="fixed"
        Hold the dropout masks fixed during the check, or leave dropout out.
    random_state : int, RandomState instance or None, default=None
        Draws the sample of parameters.

    Returns
    -------
    result : GradientCheckResult
        Relative differences per layer and in all, with a verdict; prints readably.

    Raises
    ------
    TypeError
        If `estimator` is not one of skdeep's.
    ValueError
        If `epsilon`, `n_parameters` or `dropout` is out of its range, or X and y do not go with
        the estimator.

    Notes
    -----
    The verdict is "inconclusive" where the difference is no larger than rounding explains: about
    √P · machine epsilon · \\|J\\| / epsilon for P parameters. At an optimum, where the gradient
    itself is that small, no difference can tell. A kink (relu, absolute error) within epsilon of
    a row's value shows up as a difference, too: `look closer` means just that.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdeep import DeepMLPClassifier
    >>> from skdeep.inspection import gradient_check
    >>> X, y = load_iris(return_X_y=True)
    >>> model = DeepMLPClassifier((5,), activation="tanh", random_state=0)
    >>> gradient_check(model, X, y, epsilon=1e-5).verdict
    'great'
    """
    _check_arguments(estimator, epsilon, n_parameters, dropout)
    rng = random_state_of(random_state)
    problem, state = problem_at(estimator, X, y, sample_weight, dropout)
    layout = problem.network.layout
    checked = _positions(layout.size, n_parameters, rng)
    objective = objective_at(problem, state.theta, state)
    value = float(objective())
    gradient = objective.grad + l1_gradient(problem, state.theta, epsilon)
    approximation = _differences(problem, state, checked, epsilon)
    return _judge(layout, problem, gradient[checked], approximation, checked, value, epsilon)


def _check_arguments(estimator: Any, epsilon: Any, n_parameters: Any, dropout: Any) -> None:
    if not isinstance(estimator, BaseNetworkEstimator):
        raise TypeError(
            "estimator must be one of skdeep's (LogisticRegressionGD, SoftmaxClassifier, "
            f"DeepMLPClassifier, DeepMLPRegressor), got {type(estimator).__name__}. "
            "Of a Pipeline, pass the last step and the transformed X."
        )
    if not 0 < real_number(epsilon) < np.inf:
        raise ValueError(f"epsilon must be a finite number > 0, got {epsilon!r}.")
    if n_parameters is not None and not is_count(n_parameters):
        raise ValueError(f"n_parameters must be an integer >= 1 or None, got {n_parameters!r}.")
    check_one_of("dropout", dropout, ("fixed", "off"))


def problem_at(
    estimator: Any, X: Any, y: Any, sample_weight: Any, dropout: str
) -> tuple[Problem, TrainingState]:
    """The objective as `fit` would build it, in float64, and the parameters to check it at."""
    off = {}
    if dropout == "off":
        off = dict.fromkeys({"dropout", "input_dropout"} & set(estimator.get_params()), 0.0)
    prepared = prepared_to_inspect(estimator, X, y, sample_weight, **off)
    problem = prepared.recipe.problem(prepared.rows)
    if prepared.recipe.solver.decoupled_decay:
        # Its decay acts beside the gradient: there is no L2 in the J it descends.
        problem = replace(problem, penalty=replace(problem.penalty, l2=0.0))
    return problem, prepared.state


def _positions(size: int, n_parameters: int | None, rng: np.random.RandomState) -> Array:
    if n_parameters is None or n_parameters >= size:
        return np.arange(size)
    chosen = rng.choice(size, n_parameters, replace=False)
    return np.sort(chosen)


def objective_at(problem: Problem, theta: Array, state: TrainingState) -> FullObjective:
    """J at θ, or at each θ of a stack, with dropout's masks the same every time."""
    statistics = np.broadcast_to(state.statistics, (*theta.shape[:-1], state.statistics.size))
    streams = {
        layer.name: RepeatingStream(copy.deepcopy(state.streams[layer.name]))
        for layer in problem.network.dropout_layers
    }
    return FullObjective(problem, theta, statistics.copy(), streams)


def l1_gradient(problem: Problem, theta: Array, epsilon: float) -> Array:
    """L1's part as two-sided differences see it: the sign, and a ramp within epsilon of zero."""
    layout = problem.network.layout
    gradient = np.zeros_like(theta)
    weights = layout.penalised(theta)
    layout.penalised(gradient)[...] = np.clip(weights / epsilon, -1, 1) * problem.penalty.l1
    return gradient


def _differences(problem: Problem, state: TrainingState, checked: Array, epsilon: float) -> Array:
    """(J(θ + ε e_i) − J(θ − ε e_i)) / 2ε for the positions checked, a stack of them at a time."""
    network = problem.network
    per_model = network.layout.size + problem.data.n_rows * max(network.n_in, network.widest_output)
    pairs = max(1, STACK_ELEMENTS // (2 * per_model))
    if problem.data.is_sparse and network.layers[0].draws_numbers:
        # Each model of a stack would need a sparse X of its own.
        return np.concatenate(
            [_difference_one_by_one(problem, state, position, epsilon) for position in checked]
        )
    parts = []
    for start in range(0, checked.size, pairs):
        positions = checked[start : start + pairs]
        values = objective_at(problem, _perturbed(state.theta, positions, epsilon), state)()
        parts.append((values[: positions.size] - values[positions.size :]) / (2 * epsilon))
    return np.concatenate(parts)


def _perturbed(theta: Array, positions: Array, epsilon: float) -> Array:
    """θ + ε e_i for all positions, then θ − ε e_i, as the rows of one stack."""
    n = positions.size
    stack = np.tile(theta, (2 * n, 1))
    rows = np.arange(n)
    stack[rows, positions] += epsilon
    stack[n + rows, positions] -= epsilon
    return stack


def _difference_one_by_one(
    problem: Problem, state: TrainingState, position: int, epsilon: float
) -> Array:
    above, below = _perturbed(state.theta, np.array([position]), epsilon)
    difference = objective_at(problem, above, state)() - objective_at(problem, below, state)()
    return np.atleast_1d(difference / (2 * epsilon))


def _relative_difference(gradient: Array, approximation: Array) -> float:
    size = np.linalg.norm(approximation) + np.linalg.norm(gradient)
    return float(np.linalg.norm(approximation - gradient) / size) if size > 0 else 0.0


def _judge(
    layout: Layout,
    problem: Problem,
    gradient: Array,
    approximation: Array,
    checked: Array,
    value: float,
    epsilon: float,
) -> GradientCheckResult:
    rounding = np.finfo(np.float64).eps * max(abs(value), 1e-300) / epsilon
    resolution = float(np.sqrt(checked.size) * rounding)
    per_layer, suspect = {}, None
    spans = layout.spans_by_layer()
    for layer in problem.network.layers:
        own = _members(checked, spans.get(layer.name, []))
        if not own.any():
            continue
        difference = _relative_difference(gradient[own], approximation[own])
        per_layer[layer.name] = difference
        error = float(np.linalg.norm(gradient[own] - approximation[own]))
        if difference > GREAT and error > ROUNDING_MARGIN * rounding * np.sqrt(own.sum()):
            suspect = layer.name
    overall = _relative_difference(gradient, approximation)
    error = float(np.linalg.norm(gradient - approximation))
    size = float(np.linalg.norm(gradient) + np.linalg.norm(approximation))
    if size <= ROUNDING_MARGIN * resolution:
        verdict = "inconclusive"
    else:
        verdict = _verdict(overall, within_rounding=error <= ROUNDING_MARGIN * resolution)
    return GradientCheckResult(
        relative_difference=overall,
        per_layer=per_layer,
        verdict=verdict,
        suspect=suspect if verdict in ("look closer", "worry") else None,
        gradient=gradient,
        approximation=approximation,
        checked=checked,
        resolution=resolution,
        objective=value,
        epsilon=epsilon,
    )


def _members(checked: Array, spans: list[slice]) -> Array:
    inside = np.zeros(checked.shape, dtype=bool)
    for span in spans:
        inside |= (checked >= span.start) & (checked < span.stop)
    return inside


def _verdict(difference: float, *, within_rounding: bool) -> str:
    if difference <= GREAT:
        return "great"
    if within_rounding:
        return "inconclusive"
    return "look closer" if difference <= LOOK_CLOSER else "worry"
