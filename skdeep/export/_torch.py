"""PyTorch: a fitted network as `torch.nn.Sequential`, and back."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._engine.activations import ELU_ALPHA, LEAKY_SLOPE
from .._optional import imported
from ..estimators._base import BaseNetworkEstimator
from ..estimators._mlp import DeepMLPClassifier, DeepMLPRegressor
from ._estimators import estimator_of_steps
from ._layers import network_arrays
from ._modules import MODULES, SOFTPLUS_THRESHOLD
from ._steps import DenseStep, DropoutStep, FunctionStep, NormStep, Step, steps_of
from ._torch_modules import exp_module


def to_torch(model: BaseNetworkEstimator) -> Any:
    """A fitted network as a `torch.nn.Sequential` that predicts the same.

    Parameters
    ----------
    model : estimator
        A fitted LogisticRegressionGD, SoftmaxClassifier, DeepMLPClassifier or DeepMLPRegressor, or
        one of the `members_` of an ensemble for tables.

    Returns
    -------
    module : torch.nn.Sequential
        Of PyTorch's own layers, on the CPU, in the model's dtype and in inference mode. The last
        one is the link: a sigmoid (for two classes of one column, the probability of the second
        one), a softmax, an exponential, or `Identity`. ``module[:-1]`` gives raw outputs. Dropout
        is there, and does nothing before ``module.train()``.

    Raises
    ------
    ImportError
        If PyTorch is not installed: the extra ``torch`` brings it.
    TypeError
        If `model` is another estimator.
    ValueError
        If PyTorch has no such activation function.
    sklearn.exceptions.NotFittedError
        If `model` is not fitted.

    See Also
    --------
    from_torch : The way back.
    to_keras : The same for Keras.

    References
    ----------
    Course II 3.5, programming frameworks.

    Examples
    --------
    >>> import numpy as np
    >>> import torch
    >>> from sklearn.datasets import load_iris
    >>> from skdeep import SoftmaxClassifier
    >>> from skdeep.export import to_torch
    >>> X, y = load_iris(return_X_y=True)
    >>> model = SoftmaxClassifier().fit(X, y)
    >>> module = to_torch(model)
    >>> module
    Sequential(
      (0): Linear(in_features=4, out_features=3, bias=True)
      (1): Softmax(dim=-1)
    )
    >>> with torch.no_grad():
    ...     p = module(torch.from_numpy(X)).numpy()
    >>> np.allclose(p, model.predict_proba(X))
    True
    """
    nn = imported("torch", "to_torch", "torch").nn
    steps = steps_of(network_arrays(model))
    return nn.Sequential(*(_module(step, nn) for step in steps)).eval()


def from_torch(
    module: Any, *, classes: ArrayLike | None = None, **parameters: object
) -> DeepMLPClassifier | DeepMLPRegressor:
    """A fitted estimator that predicts what a `torch.nn.Sequential` does in inference mode.

    Known are Linear, BatchNorm1d, LayerNorm, Dropout, Identity, nested Sequentials, and the
    activation functions that skdeep has; at the end Sigmoid, Softmax, what `to_torch` puts there
    for an exponential, or nothing. What is not known, or stands in another order than dense, norm,
    activation, dropout, is refused by its name.

    Parameters
    ----------
    module : torch.nn.Sequential
        It is read, and stays as it is.
    classes : array-like of shape (n_classes,), default=None
        The labels of a classifier in the order of its outputs, which must be sorted. With one
        output, or two, two labels; with one the second is the class whose probability it gives.
        None: a regressor, or after a Sigmoid of several outputs a multi-label classifier.
    **parameters : dict of str -> object
        Parameters of the estimator that say how training goes on, such as `learning_rate_init`
        or `solver`. A network that ends with an exponential has loss="poisson" unless it is given.

    Returns
    -------
    estimator : DeepMLPClassifier or DeepMLPRegressor
        Fitted, in the module's dtype. `partial_fit`, or `fit` with ``warm_start=True``, goes on
        from there with an optimizer that remembers nothing. Two logits of a softmax become one,
        their difference. A Linear without bias gets one, which is zero.

    Raises
    ------
    ImportError
        If PyTorch is not installed: the extra ``torch`` brings it.
    TypeError
        If `module` is no Sequential.
    ValueError
        If a layer is not known, or the layers or classes are not what an estimator can have.

    See Also
    --------
    to_torch : The other way.

    References
    ----------
    Course II 3.5, programming frameworks.

    Examples
    --------
    >>> from torch import nn
    >>> from skdeep.export import from_torch
    >>> module = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
    >>> from_torch(module, classes=["no", "yes"], learning_rate_init=0.01)
    DeepMLPClassifier(hidden_layer_sizes=(8,), learning_rate_init=0.01)
    """
    nn = imported("torch", "from_torch", "torch").nn
    if not isinstance(module, nn.Sequential):
        raise TypeError(f"module must be a torch.nn.Sequential, got {type(module).__name__}.")
    steps = [step for name, one in _flat(module, nn) for step in _steps(f"{name}: {one}", one, nn)]
    return estimator_of_steps(steps, classes, parameters)


# -------------------------------------------------------------------------------- to PyTorch


def _module(step: Step, nn: Any) -> Any:
    if isinstance(step, DenseStep):
        n_in, n_out = step.W.shape
        linear = nn.Linear(n_in, n_out, bias=step.b is not None, dtype=_dtype_of(step.W))
        return _with(linear, weight=step.W.T, bias=step.b)
    if isinstance(step, NormStep):
        return _norm(step, nn)
    if isinstance(step, DropoutStep):
        return nn.Dropout(step.rate)
    assert isinstance(step, FunctionStep)
    if step.name == "exp":
        return exp_module()()
    if step.name not in MODULES:
        raise ValueError(f"activation={step.name!r} of {step.told} is none that to_torch knows.")
    name, arguments = MODULES[step.name]
    return getattr(nn, name)(**arguments)


def _norm(step: NormStep, nn: Any) -> Any:
    n, dtype = step.gamma.shape[0], _dtype_of(step.gamma)
    if step.kind == "layer":
        norm = nn.LayerNorm(n, eps=step.epsilon, dtype=dtype)
        return _with(norm, weight=step.gamma, bias=step.beta)
    assert step.momentum is not None
    momentum = _other_share(step.momentum)
    norm = nn.BatchNorm1d(n, eps=step.epsilon, momentum=momentum, dtype=dtype)
    return _with(
        norm,
        weight=step.gamma,
        bias=step.beta,
        running_mean=step.mean,
        running_var=step.variance,
    )


def _other_share(momentum: float) -> float:
    """PyTorch's momentum is the share of the new batch: 0.1 where skdeep's is 0.9."""
    # Without the rounding that makes 0.09999999999999998 of it.
    return round(1 - momentum, 12)


def _dtype_of(array: Any) -> Any:
    torch = imported("torch", "to_torch", "torch")
    return getattr(torch, array.dtype.name)


def _with(module: Any, **arrays: Any) -> Any:
    """The module with these numbers."""
    torch = imported("torch", "to_torch", "torch")
    with torch.no_grad():
        for name, array in arrays.items():
            if array is not None:
                getattr(module, name).copy_(torch.tensor(np.ascontiguousarray(array)))
    return module


# ------------------------------------------------------------------------------ from PyTorch


def _flat(sequential: Any, nn: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The modules one after the other, those of nested Sequentials in their places, with names."""
    for name, module in sequential.named_children():
        if isinstance(module, nn.Sequential):
            yield from _flat(module, nn, f"{prefix}{name}.")
        else:
            yield prefix + name, module


def _steps(told: str, module: Any, nn: Any) -> list[Step]:
    """The step that a module is; none for an Identity."""
    kind = type(module)
    if kind is nn.Identity:
        return []
    if kind is nn.Linear:
        b = None if module.bias is None else _array(module.bias)
        return [DenseStep(told, np.ascontiguousarray(_array(module.weight).T), b)]
    if kind is nn.Dropout:
        return [DropoutStep(told, float(module.p))] if module.p > 0 else []
    if kind is nn.BatchNorm1d:
        return [_batch_norm(told, module)]
    if kind is nn.LayerNorm:
        return [_layer_norm(told, module)]
    return [FunctionStep(told, _name_of(told, module, nn))]


def _batch_norm(told: str, module: Any) -> NormStep:
    if module.running_mean is None or module.momentum is None:
        raise ValueError(
            f"{told} must have running statistics (track_running_stats=True) with a momentum."
        )
    gamma, beta = _affine(module, module.num_features, _array(module.running_mean))
    return NormStep(
        told,
        "batch",
        gamma,
        beta,
        float(module.eps),
        _array(module.running_mean),
        _array(module.running_var),
        _other_share(float(module.momentum)),
    )


def _layer_norm(told: str, module: Any) -> NormStep:
    if len(module.normalized_shape) != 1:
        raise ValueError(
            f"{told} must normalise rows of units, of one axis, got normalized_shape="
            f"{tuple(module.normalized_shape)}."
        )
    gamma, beta = _affine(module, module.normalized_shape[0], np.empty(0))
    return NormStep(told, "layer", gamma, beta, float(module.eps))


def _affine(module: Any, n: int, like: Any) -> tuple[Any, Any]:
    """γ and β, ones and zeros of a norm that has none."""
    dtype = like.dtype if module.weight is None else _array(module.weight).dtype
    gamma = np.ones(n, dtype) if module.weight is None else _array(module.weight)
    beta = np.zeros(n, dtype) if module.bias is None else _array(module.bias)
    return gamma, beta


def _name_of(told: str, module: Any, nn: Any) -> str:
    """What skdeep calls an activation function or a link, its settings checked."""
    names: dict[Any, str] = {
        getattr(nn, theirs): ours for ours, (theirs, _) in MODULES.items() if ours != "identity"
    }
    names[exp_module()] = "exp"
    settings: dict[Any, dict[str, tuple[object, ...]]] = {
        nn.LeakyReLU: {"negative_slope": (LEAKY_SLOPE,)},
        nn.ELU: {"alpha": (ELU_ALPHA,)},
        nn.GELU: {"approximate": ("none",)},
        nn.Softplus: {"beta": (1,), "threshold": (20, SOFTPLUS_THRESHOLD)},
        nn.Softmax: {"dim": (1, -1)},
    }
    kind = type(module)
    if kind not in names:
        known = ["BatchNorm1d", "Dropout", "Identity", "LayerNorm", "Linear"]
        raise ValueError(
            f"{told} is no layer that from_torch knows. It knows "
            f"{sorted([*known, *(one.__name__ for one in names)])}."
        )
    for setting, allowed in settings.get(kind, {}).items():
        if getattr(module, setting) not in allowed:
            raise ValueError(
                f"{told} must have {setting}={allowed[0]!r}, as skdeep's {names[kind]} has, got "
                f"{getattr(module, setting)!r}."
            )
    return names[kind]


def _array(tensor: Any) -> Any:
    """A copy of a tensor's numbers, wherever they are."""
    return np.array(tensor.detach().cpu().numpy())
