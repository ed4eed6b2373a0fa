"""Solvers that see all rows at every step: gradient descent, plain and accelerated, and L-BFGS.

Gradient descent ends when the largest entry of the gradient map, (θ − prox(θ − s g)) / s, is at
most `tol`; without L1 that map is the gradient. The accelerated form is Nesterov's with the
gradient-based restart of O'Donoghue and Candès (2015): momentum is dropped where it points uphill.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import scipy.optimize
import scipy.sparse.linalg

from .backend import Array, FloatType, Matrix, Number
from .data import ROW_ORDER_COPY_BYTES, Rows
from .objective import FullObjective, Problem, entries_per_row
from .optimizers import OptimizerState, clip_by_global_norm, make_scratch
from .training import AfterEpoch, LoopSettings, TrainingState

# Up to this many columns the Gram matrix is cheaper than the passes over X that Lanczos makes.
GRAM_MAX_FEATURES = 1000
# Lanczos approaches the largest eigenvalue from below; a step of 1/L must not be too long.
LANCZOS_TOLERANCE = 1e-3
# Entries of X that are worked on in float64 at once: few enough for the cache.
CHUNK_ELEMENTS = 2**17
# The kind of the accelerated form's state: the point ahead of θ, and the momentum's age.
ACCELERATED = "accelerated"
# How much of the largest recent step still counts one iteration later.
RECENT = 0.95

FLOAT64: FloatType = np.dtype(np.float64)

Chunk = tuple[Matrix, Array | None]


def _chunks(data: Rows) -> Iterator[Chunk]:
    """X and the weights in pieces of rows in float64, so that X is never copied whole."""
    n = max(1, CHUNK_ELEMENTS // entries_per_row(data.x))
    for start in range(0, data.n_rows, n):
        x, _, w = data.gather(slice(start, min(start + n, data.n_rows)))
        yield x.astype(FLOAT64, copy=False), w


def largest_curvature(data: Rows, *, with_intercept: bool) -> float:
    """The largest eigenvalue of (1/m) Σ w_i x_i x_iᵀ, x with a 1 appended if asked.

    Infinite, or not a number, where x is too large to be squared.
    """
    n_columns = data.x.shape[1] + with_intercept
    if n_columns <= GRAM_MAX_FEATURES and not data.is_sparse:
        gram = _gram(data, with_intercept)
        if not np.isfinite(gram).all():
            return np.inf
        return float(np.linalg.eigvalsh(gram)[-1]) / float(data.total_weight)

    # A sparse X is converted once, not at every product, unless it is large.
    is_small = not isinstance(data.x, np.ndarray) and data.x.nnz * 8 <= ROW_ORDER_COPY_BYTES
    whole = list(_chunks(data)) if is_small else None

    def product(v: Array) -> Array:
        return _gram_times(whole or _chunks(data), v.ravel(), with_intercept)

    once = product(np.ones(n_columns))
    if n_columns == 1 or not np.isfinite(once).all():
        return float(np.max(once)) / float(data.total_weight)
    operator = scipy.sparse.linalg.LinearOperator(
        (n_columns, n_columns), matvec=product, dtype=np.float64
    )
    largest = scipy.sparse.linalg.eigsh(
        operator,
        k=1,
        tol=LANCZOS_TOLERANCE,
        v0=np.ones(n_columns),
        return_eigenvectors=False,
    )
    return float(largest[0]) * (1 + 2 * LANCZOS_TOLERANCE) / float(data.total_weight)


def _gram(data: Rows, with_intercept: bool) -> Array:
    """XᵀWX."""
    n_features = data.x.shape[1]
    gram = np.zeros((n_features + with_intercept, n_features + with_intercept))
    for x, w in _chunks(data):
        assert isinstance(x, np.ndarray)
        weights = np.ones(x.shape[0]) if w is None else w
        gram[:n_features, :n_features] += x.T @ (x if w is None else x * w[:, np.newaxis])
        if with_intercept:
            gram[-1, :n_features] += weights @ x
            gram[-1, -1] += weights.sum()
    if with_intercept:
        gram[:-1, -1] = gram[-1, :-1]
    return gram


def _gram_times(chunks: Iterable[Chunk], v: Array, with_intercept: bool) -> Array:
    """XᵀWX v."""
    n_features = v.shape[0] - with_intercept
    total = np.zeros_like(v)
    for x, w in chunks:
        projected = x @ v[:n_features] + (v[-1] if with_intercept else 0)
        if w is not None:
            projected = projected * w
        total[:n_features] += x.T @ projected
        if with_intercept:
            total[-1] += projected.sum()
    return total


def gradient_resolution(data: Rows, dtype: FloatType) -> float:
    """About the largest rounding error of an entry of a linear model's gradient in `dtype`."""
    columns = np.zeros(data.x.shape[1])
    for x, w in _chunks(data):
        weights = np.ones(x.shape[0]) if w is None else w
        sizes: Matrix = x.__abs__()
        columns += np.asarray(weights @ sizes).ravel()
    scale = max(float(np.max(columns, initial=0.0)) / float(data.total_weight), 1.0)
    return 2 * float(np.finfo(dtype).eps) * scale


def without_momentum_ahead(state: OptimizerState | None) -> OptimizerState | None:
    """What remains of an optimizer's state once θ has been set to another one."""
    return None if state is not None and state.kind == ACCELERATED else state


class _Descent:
    """What the two forms of gradient descent share: the objective, the rate, the stopping rule."""

    def __init__(self, problem: Problem, state: TrainingState, settings: LoopSettings) -> None:
        self.problem, self.state, self.settings = problem, state, settings
        self.layout = problem.network.layout
        self.has_l1 = problem.penalty.has_l1

    def soften(self, theta: Array, step: Number) -> None:
        if self.has_l1:
            self.problem.penalty.soften(self.layout.penalised(theta), step)

    def clip(self, grad: Array) -> None:
        if self.settings.gradient_clip is not None:
            clip_by_global_norm(grad, self.settings.gradient_clip)

    def gradient_map(self, theta: Array, grad: Array, step: Number) -> float:
        """Its largest entry, over all models."""
        if not self.has_l1:
            return float(np.max(np.abs(grad)))
        moved = theta - step * grad
        self.soften(moved, step)
        # Biases have no L1: there the map is the gradient, and no rounding is brought in.
        difference = (theta - moved) / step
        difference[..., self.layout.n_penalised :] = grad[..., self.layout.n_penalised :]
        return float(np.max(np.abs(difference)))

    def advance(self) -> None:
        self.state.epochs += 1
        self.state.rows_seen += self.problem.data.n_rows


def descend(
    problem: Problem,
    state: TrainingState,
    settings: LoopSettings,
    *,
    n_iter: int,
    tol: float,
    after_iteration: AfterEpoch,
) -> bool:
    """Plain gradient descent, or with the momentum of the settings' optimizer.

    Returns whether the gradient map came down to `tol`.
    """
    descent = _Descent(problem, state, settings)
    objective = FullObjective(problem, state.theta, state.statistics, state.streams)
    optimizer = settings.optimizer
    state.optimizer = optimizer.resume(state.theta, state.optimizer)
    scratch = make_scratch(state.theta)
    everything = slice(0, descent.layout.n_penalised)
    with objective.blas_threads():
        for _ in range(n_iter):
            loss, rate = objective(), settings.rate(state)
            largest = descent.gradient_map(state.theta, objective.grad, rate)
            if largest > tol:
                descent.clip(objective.grad)
                optimizer.update(state.theta, objective.grad, state.optimizer, rate, scratch)
                descent.soften(
                    state.theta, optimizer.coordinate_step(state.optimizer, rate, everything)
                )
            descent.advance()
            if after_iteration(loss) or largest <= tol:
                return largest <= tol
    return False


def descend_accelerated(
    problem: Problem,
    state: TrainingState,
    settings: LoopSettings,
    *,
    n_iter: int,
    tol: float,
    after_iteration: AfterEpoch,
) -> bool:
    """Nesterov's accelerated proximal gradient with restart.

    The gradient is taken at a point ahead of θ; the losses reported are those of that point.
    Along a flat direction the gradient is small long before θ has arrived, but momentum keeps θ
    moving there: so to end, the steps, too, must have come down to tol · max(1, ‖θ‖∞). The largest
    recent one counts, fading by RECENT per iteration, since a restart makes one step short.
    """
    descent = _Descent(problem, state, settings)
    theta = state.theta
    if state.optimizer is None or state.optimizer.kind != ACCELERATED:
        age = np.ones((*theta.shape[:-1], 1), dtype=theta.dtype)
        state.optimizer = OptimizerState(ACCELERATED, (theta.copy(), age))
    ahead, age = state.optimizer.vectors
    objective = FullObjective(problem, ahead, state.statistics, state.streams)
    recent = 0.0
    with objective.blas_threads():
        for _ in range(n_iter):
            loss, rate = objective(), settings.rate(state)
            largest = descent.gradient_map(ahead, objective.grad, rate)
            descent.clip(objective.grad)
            moved = ahead - rate * objective.grad
            descent.soften(moved, rate)
            size = max(1.0, float(np.max(np.abs(moved))))
            recent = max(float(np.max(np.abs(moved - theta))) / size, RECENT * recent)
            _extrapolate(theta, moved, ahead, age)
            descent.advance()
            converged = max(largest, recent) <= tol
            if after_iteration(loss) or converged:
                return converged
    return False


def _extrapolate(theta: Array, moved: Array, ahead: Array, age: Array) -> None:
    """θ ← moved, and the next point ahead of it; models whose momentum points uphill restart."""
    forward = moved - theta
    uphill = np.vecdot(ahead - moved, forward)[..., np.newaxis] > 0
    age[...] = np.where(uphill, 1, age)
    older = (1 + np.sqrt(1 + 4 * age**2)) / 2
    theta[...] = moved
    # At age 1 there is no momentum.
    ahead[...] = moved + (age - 1) / older * forward
    age[...] = older


def minimize_lbfgs(
    problem: Problem,
    state: TrainingState,
    *,
    max_iter: int,
    max_fun: int,
    tol: float,
    ftol: float,
    after_iteration: AfterEpoch,
) -> scipy.optimize.OptimizeResult:
    """SciPy's L-BFGS on θ as one vector, evaluated in float64 whatever the data's dtype.

    Batch norm's statistics are those of all rows at the present θ.
    """
    theta = state.theta.astype(np.float64)
    statistics = state.statistics.astype(np.float64)
    objective = FullObjective(problem, theta, statistics, state.streams)

    def value_and_gradient(x: Array) -> tuple[float, Array]:
        theta[...] = x
        return float(objective()), objective.grad.copy()

    def callback(intermediate_result: scipy.optimize.OptimizeResult) -> None:
        # Where the line search has tried a point after this one, the statistics are not of it.
        if not np.array_equal(theta, intermediate_result.x):
            value_and_gradient(intermediate_result.x)
        state.theta[...] = theta
        state.statistics[...] = statistics
        state.epochs += 1
        state.rows_seen += problem.data.n_rows
        if after_iteration(np.asarray(intermediate_result.fun)):
            raise StopIteration

    options = {"maxiter": max_iter, "maxfun": max_fun, "gtol": tol, "ftol": ftol, "maxls": 50}
    with objective.blas_threads():
        result = scipy.optimize.minimize(
            value_and_gradient,
            theta.copy(),
            method="L-BFGS-B",
            jac=True,
            callback=callback,
            options=options,
        )
        if not np.array_equal(theta, result.x):
            value_and_gradient(result.x)
    state.theta[...] = theta
    state.statistics[...] = statistics
    return result
