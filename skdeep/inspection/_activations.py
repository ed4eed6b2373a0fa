"""What happens inside a network at given rows: activations, dead units, gradients, layer by layer.

Where activations shrink or grow from layer to layer, so do gradients (course II 1.10): they vanish
or explode. A unit whose activation function is flat at every row passes no gradient on and learns
no more: it is dead.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._engine.backend import Array
from .._engine.layers import BatchWeights, Binding, Layer, Role, Workspace
from .._engine.objective import Problem
from .._engine.training import TrainingState
from ..estimators._base import BaseNetworkEstimator
from ._gradient_check import l1_gradient, objective_at, problem_at

__all__ = ["LayerStatistics", "layer_statistics"]

# Within this of zero a weight's L1 gradient is between −1 and 1, as in the gradient check.
L1_RAMP = 1e-7


@dataclass(frozen=True)
class LayerStatistics:
    """What `layer_statistics` found of one layer.

    Parameters
    ----------
    name : str
        "hidden 1", "hidden 2", … or "output".
    activations : ndarray of shape (n_samples, n_units)
        What the layer gives on: of a hidden layer after its activation function, of the output
        layer the raw outputs.
    dead : ndarray of bool of shape (n_units,)
        Units through which no gradient flows at any of the rows.
    gradient : ndarray of shape (n_parameters,)
        The gradient of J with respect to the layer's parameters, those of its norm included.

    Attributes
    ----------
    share_dead : float
        Share of the units that are dead.
    gradient_norm : float
        The norm of `gradient`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdeep import DeepMLPClassifier
    >>> from skdeep.inspection import layer_statistics
    >>> layers = layer_statistics(DeepMLPClassifier((5, 4)), *load_iris(return_X_y=True))
    >>> layers[0].activations.shape
    (150, 5)
    """

    name: str
    activations: Array = field(repr=False)
    dead: Array = field(repr=False)
    gradient: Array = field(repr=False)

    @property
    def share_dead(self) -> float:
        """Share of the units that are dead."""
        return float(self.dead.mean())

    @property
    def gradient_norm(self) -> float:
        """The norm of the gradient of J with respect to the layer's parameters."""
        return float(np.linalg.norm(self.gradient))


def layer_statistics(
    estimator: BaseNetworkEstimator, X: Any, y: Any, sample_weight: Any = None
) -> list[LayerStatistics]:
    """Activations, dead units and gradients of each layer of a network.

    An unfitted estimator is looked at where its training would start, a fitted one at its present
    parameters, in float64 and as in training on all rows at once: batch norm takes the mean and
    variance of these rows. Dropout is left out. The estimator is not changed.

    Parameters
    ----------
    estimator : estimator of skdeep
        Fitted or not.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Rows to send through the network.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Their targets, which the gradients depend on.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows; a row without weight makes no unit alive.

    Returns
    -------
    layers : list of LayerStatistics
        One for each hidden layer, and one for the output layer, whose units are never dead.

    Raises
    ------
    TypeError
        If `estimator` is not one of skdeep's.
    ValueError
        If X and y do not go with the estimator.

    See Also
    --------
    ActivationDisplay : The same as a figure.
    gradient_check : Whether the gradients are right.

    Notes
    -----
    A unit is dead where f'(z) = 0 at all rows: for relu where it gives zero throughout, for tanh
    and the logistic function where it is so far out that float64 knows no slope any more.

    References
    ----------
    Course II 1.10.

    Examples
    --------
    A logistic unit's slope is 1/4 at most, so that gradients vanish towards the input:

    >>> from sklearn.datasets import load_iris
    >>> from skdeep import DeepMLPClassifier
    >>> from skdeep.inspection import layer_statistics
    >>> model = DeepMLPClassifier((10, 10, 10), activation="logistic", random_state=0)
    >>> for layer in layer_statistics(model, *load_iris(return_X_y=True)):
    ...     print(f"{layer.name}: {layer.gradient_norm:.0e}")
    hidden 1: 4e-02
    hidden 2: 5e-02
    hidden 3: 2e-01
    output: 7e-01
    """
    if not isinstance(estimator, BaseNetworkEstimator):
        raise TypeError(
            "estimator must be one of skdeep's (LogisticRegressionGD, SoftmaxClassifier, "
            f"DeepMLPClassifier, DeepMLPRegressor), got {type(estimator).__name__}. "
            "Of a Pipeline, pass the last step and the transformed X."
        )
    problem, state = problem_at(estimator, X, y, sample_weight, "off")
    objective = objective_at(problem, state.theta, state)
    objective()
    gradient = objective.grad + l1_gradient(problem, state.theta, L1_RAMP)
    spans = problem.network.layout.spans_by_layer()
    found = []
    for layers, activations, dead in _forward_pass(problem, state):
        own = [span for layer in layers for span in spans.get(layer.name, [])]
        part = np.concatenate([gradient[span] for span in own])
        found.append(LayerStatistics(layers[0].name, activations, dead, part))
    return found


def _forward_pass(
    problem: Problem, state: TrainingState
) -> list[tuple[Sequence[Layer], Array, Array]]:
    """For each dense layer and what acts on its output: both, the activations, the dead units."""
    x, _, w = problem.data.gather(slice(0, problem.data.n_rows))
    binding = _binding(problem, state, w)
    counts = slice(None) if w is None else w > 0
    passed: list[tuple[Sequence[Layer], Array, Array]] = []
    for layers in _by_dense_layer(problem.network.layers):
        dead: Array = np.zeros(layers[0].n_out, dtype=bool)
        for layer in layers:
            binding.is_first = layer is problem.network.dense_layers[0]
            binding.sparse_input = problem.data.is_sparse and binding.is_first
            forward, backward = layer.bind_training(binding)
            x = forward(x)
            if layer.role is Role.ACTIVATION:
                # The derivative may be computed over the activations.
                x = x.copy()
                slopes = backward(np.ones_like(x))
                assert slopes is not None
                dead = np.logical_not(slopes[counts].any(axis=0))
        passed.append((layers, np.array(x, order="C"), dead))
    return passed


def _by_dense_layer(layers: Sequence[Layer]) -> list[list[Layer]]:
    """The layers, cut before each dense one."""
    groups: list[list[Layer]] = []
    for layer in layers:
        if layer.role is Role.DENSE:
            groups.append([])
        groups[-1].append(layer)
    return groups


def _binding(problem: Problem, state: TrainingState, w: Array | None) -> Binding:
    """Arrays for one pass of all rows, of which the statistics are a copy."""
    network, n_rows, dtype = problem.network, problem.data.n_rows, state.theta.dtype
    weights = BatchWeights(n_rows, dtype)
    if w is not None:
        weights.set(w)
    return Binding(
        rows=n_rows,
        models=(),
        params=network.layout.views(state.theta),
        grads=network.layout.views(np.empty_like(state.theta)),
        statistics=network.statistics_layout.views(state.statistics.copy()),
        workspace=Workspace(dtype),
        weights=weights,
    )
