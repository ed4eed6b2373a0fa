"""PaddlePaddle: a fitted network as `paddle.nn.Sequential`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .._engine.activations import ELU_ALPHA, LEAKY_SLOPE
from .._optional import imported
from ..estimators._base import BaseNetworkEstimator
from ._layers import network_arrays
from ._paddle_layers import exp_layer
from ._steps import DenseStep, DropoutStep, FunctionStep, NormStep, Step, steps_of

# Paddle's softplus is z itself above this; at its own 20 that is 2e-9 too small.
SOFTPLUS_THRESHOLD = 40.0


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
        If PaddlePaddle is not installed: ``pip install 'scikit-deep[paddle]'``.
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


def _functions(nn: Any) -> dict[str, Callable[[], Any]]:
    """What makes the layer of an activation function or a link, by skdeep's name of it."""
    return {
        "identity": nn.Identity,
        "logistic": nn.Sigmoid,
        "tanh": nn.Tanh,
        "relu": nn.ReLU,
        "leaky_relu": lambda: nn.LeakyReLU(LEAKY_SLOPE),
        "elu": lambda: nn.ELU(ELU_ALPHA),
        "selu": nn.SELU,
        "gelu": nn.GELU,
        "silu": nn.Silu,
        "mish": nn.Mish,
        "softplus": lambda: nn.Softplus(threshold=SOFTPLUS_THRESHOLD),
        "softmax": lambda: nn.Softmax(axis=-1),
        "exp": exp_layer(),
    }


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
    makers = _functions(nn)
    if step.name not in makers:
        raise ValueError(f"activation={step.name!r} of {step.told} is none that to_paddle knows.")
    return makers[step.name]()


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
