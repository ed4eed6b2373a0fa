"""PaddlePaddle: a fitted network as `paddle.nn.Sequential`."""

from typing import Any

import numpy as np

from .._optional import imported
from ..estimators._base import BaseNetworkEstimator
from ._layers import network_arrays
from ._modules import MODULES
from ._paddle_layers import exp_layer
from ._steps import DenseStep, DropoutStep, FunctionStep, NormStep, Step, steps_of

# What PyTorch calls otherwise.
OTHER_NAMES = {"SiLU": "Silu", "dim": "axis"}


def to_paddle(model: BaseNetworkEstimator) -> Any:
    """A fitted network as a `paddle.nn.Sequential` that predicts the same.

    Parameters
    ----------
    model : estimator
        A fitted LogisticRegressionGD, SoftmaxClassifier, DeepMLPClassifier or DeepMLPRegressor, or
        one of the `members_` of an ensemble for tables.

    Returns
    -------
    network : paddle.nn.Sequential
        Of Paddle's own layers in the model's dtype and in inference mode. The last one is the link:
        a sigmoid (for two classes of one column, the probability of the second one), a softmax, an
        exponential, or `Identity`; ``network[:-1]`` gives raw outputs. Dropout is there, and does
        nothing before ``network.train()``.

    Raises
    ------
    ImportError
        If PaddlePaddle is not installed: the extra ``paddle`` brings it.
    TypeError
        If `model` is another estimator.
    ValueError
        If Paddle has no such activation function.
    sklearn.exceptions.NotFittedError
        If `model` is not fitted.

    See Also
    --------
    to_torch : The same for PyTorch.

    Notes
    -----
    Paddle keeps the constants of its layers in float32: of a float64 network with selu or layer
    norm, raw outputs agree to 1e-6 rather than 1e-10.

    References
    ----------
    Course II 3.5, programming frameworks.

    Examples
    --------
    >>> import numpy as np
    >>> import paddle
    >>> from sklearn.datasets import load_iris
    >>> from skdeep import SoftmaxClassifier
    >>> from skdeep.export import to_paddle
    >>> X, y = load_iris(return_X_y=True)
    >>> model = SoftmaxClassifier().fit(X, y)
    >>> network = to_paddle(model)
    >>> p = network(paddle.to_tensor(X)).numpy()
    >>> np.allclose(p, model.predict_proba(X))
    True
    """
    paddle = imported("paddle", "to_paddle", "paddle")
    arrays = network_arrays(model)
    network = paddle.nn.Sequential(*(_layer(step, paddle) for step in steps_of(arrays)))
    network.eval()
    return network


def _function(step: FunctionStep, nn: Any) -> Any:
    if step.name == "exp":
        return exp_layer()()
    if step.name not in MODULES:
        raise ValueError(f"activation={step.name!r} of {step.told} is none that to_paddle knows.")
    name, arguments = MODULES[step.name]
    arguments = {OTHER_NAMES.get(key, key): value for key, value in arguments.items()}
    return getattr(nn, OTHER_NAMES.get(name, name))(**arguments)


def _layer(step: Step, paddle: Any) -> Any:
    nn = paddle.nn
    if isinstance(step, DenseStep):
        n_in, n_out = step.W.shape
        linear = nn.Linear(n_in, n_out, bias_attr=None if step.b is not None else False)
        return _with(linear, paddle, weight=step.W, bias=step.b)
    if isinstance(step, NormStep):
        return _norm(step, paddle)
    if isinstance(step, DropoutStep):
        return nn.Dropout(step.rate)
    assert isinstance(step, FunctionStep)
    return _function(step, nn)


def _norm(step: NormStep, paddle: Any) -> Any:
    nn, n = paddle.nn, step.gamma.shape[0]
    if step.kind == "layer":
        norm = nn.LayerNorm(n, epsilon=step.epsilon)
        return _with(norm, paddle, weight=step.gamma, bias=step.beta)
    norm = nn.BatchNorm1D(n, momentum=step.momentum, epsilon=step.epsilon)
    numbers = {"weight": step.gamma, "bias": step.beta}
    return _with(norm, paddle, **numbers, _mean=step.mean, _variance=step.variance)


def _with(layer: Any, paddle: Any, **arrays: Any) -> Any:
    """The layer, in the arrays' dtype, with these numbers."""
    given = {name: np.ascontiguousarray(a) for name, a in arrays.items() if a is not None}
    layer.to(dtype=next(iter(given.values())).dtype.name)
    layer.set_state_dict({name: paddle.to_tensor(array) for name, array in given.items()})
    return layer
