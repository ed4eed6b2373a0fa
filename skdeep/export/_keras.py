"""Keras 3, on whatever backend: a fitted network as `keras.Sequential`, and back."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._engine.activations import ELU_ALPHA, LEAKY_SLOPE
from .._optional import imported
from ..estimators._base import BaseNetworkEstimator
from ..estimators._mlp import DeepMLPClassifier, DeepMLPRegressor
from ._estimators import estimator_of_steps
from ._layers import network_arrays
from ._steps import DenseStep, DropoutStep, FunctionStep, NormStep, Step, steps_of

# Keras' names of activation functions and links where they are not ours.
KERAS_NAMES = {
    "identity": "linear",
    "logistic": "sigmoid",
    "exp": "exponential",
    **{name: name for name in ("tanh", "relu", "elu", "selu", "gelu", "silu", "mish", "softplus")},
    "softmax": "softmax",
}
OUR_NAMES = {theirs: ours for ours, theirs in KERAS_NAMES.items()}


def to_keras(model: BaseNetworkEstimator) -> Any:
    """A fitted network as a `keras.Sequential` that predicts the same.

    Parameters
    ----------
    model : estimator
        A fitted LogisticRegressionGD, SoftmaxClassifier, DeepMLPClassifier or DeepMLPRegressor, or
        one of the `members_` of an ensemble for tables.

    Returns
    -------
    network : keras.Sequential
        Of Keras' own layers in the model's dtype, on the backend that Keras has been told to use.
        The last one is the link: a sigmoid (for two classes of one column, the probability of the
        second one), a softmax, an exponential, or "linear". Dropout is there, and acts in training
        alone.

    Raises
    ------
    ImportError
        If Keras, or the backend that it is told to use, is not installed:
        the extra ``keras`` brings it, and set KERAS_BACKEND.
    TypeError
        If `model` is another estimator.
    ValueError
        If Keras has no such activation function.
    sklearn.exceptions.NotFittedError
        If `model` is not fitted.

    See Also
    --------
    from_keras : The way back.
    to_torch : The same for PyTorch.

    Notes
    -----
    A float64 model's layers are float64, and on TensorFlow they compute in it where the network is
    called with a float64 tensor, but for TensorFlow's constants of leaky_relu and gelu. On its
    other backends, and in `network.predict`, Keras 3 computes in float32 whatever the layers are:
    predictions agree to that.

    References
    ----------
    Course II 3.5, programming frameworks.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from skdeep import SoftmaxClassifier
    >>> from skdeep.export import from_keras, to_keras
    >>> X, y = load_iris(return_X_y=True)
    >>> model = SoftmaxClassifier().fit(X, y)
    >>> network = to_keras(model)
    >>> [layer.name for layer in network.layers]
    ['output', 'output_softmax']
    >>> again = from_keras(network, classes=model.classes_)
    >>> np.allclose(again.predict_proba(X), model.predict_proba(X))
    True
    """
    keras = imported("keras", "to_keras", "keras")
    arrays = network_arrays(model)
    steps = steps_of(arrays)
    layers = [_layer(step, keras.layers, arrays.dtype.name) for step in steps]
    inputs = keras.Input((arrays.n_features,), dtype=arrays.dtype.name)
    network = keras.Sequential([inputs, *layers])
    for layer, step in zip(layers, steps, strict=True):
        layer.set_weights(_weights(step))
    return network


def from_keras(
    network: Any, *, classes: ArrayLike | None = None, **parameters: object
) -> DeepMLPClassifier | DeepMLPRegressor:
    """A fitted estimator that predicts what a `keras.Sequential` does in inference mode.

    Known are Dense, with an activation function or without, BatchNormalization, LayerNormalization,
    Activation, LeakyReLU, ReLU, ELU, Softmax, Dropout, nested Sequentials, and the activation
    functions that skdeep has; at the end a sigmoid, a softmax, an exponential or nothing. What is
    not known, or stands in another order than dense, norm, activation, dropout, is refused by its
    name.

    Parameters
    ----------
    network : keras.Sequential
        Built, that is with weights. It is read, and stays as it is.
    classes : array-like of shape (n_classes,), default=None
        The labels of a classifier in the order of its outputs, which must be sorted. With one
        output, or two, two labels; with one the second is the class whose probability it gives.
        None: a regressor, or after a sigmoid of several outputs a multi-label classifier.
    **parameters : dict of str -> object
        Parameters of the estimator that say how training goes on, such as `learning_rate_init`
        or `solver`. A network that ends with an exponential has loss="poisson" unless it is given.

    Returns
    -------
    estimator : DeepMLPClassifier or DeepMLPRegressor
        Fitted, in the network's dtype. `partial_fit`, or `fit` with ``warm_start=True``, goes on
        from there with an optimizer that remembers nothing. Two logits of a softmax become one,
        their difference. A Dense without bias gets one, which is zero.

    Raises
    ------
    ImportError
        If Keras, or the backend that it is told to use, is not installed:
        the extra ``keras`` brings it, and set KERAS_BACKEND.
    TypeError
        If `network` is no Sequential.
    ValueError
        If it is not built, a layer is not known, or the layers or classes are not what an estimator
        can have.

    See Also
    --------
    to_keras : The other way.

    References
    ----------
    Course II 3.5, programming frameworks.

    Examples
    --------
    >>> import keras
    >>> from skdeep.export import from_keras
    >>> network = keras.Sequential(
    ...     [
    ...         keras.Input((4,)),
    ...         keras.layers.Dense(8, activation="tanh"),
    ...         keras.layers.Dense(1, activation="sigmoid"),
    ...     ]
    ... )
    >>> from_keras(network, classes=["no", "yes"], learning_rate_init=0.01)
    DeepMLPClassifier(activation='tanh', hidden_layer_sizes=(8,),
                      learning_rate_init=0.01)
    """
    keras = imported("keras", "from_keras", "keras")
    if not isinstance(network, keras.Sequential):
        raise TypeError(f"network must be a keras.Sequential, got {type(network).__name__}.")
    if not network.built:
        raise ValueError("network must be built: begin it with keras.Input, or call it once.")
    steps = [step for layer in _flat(network, keras) for step in _steps(layer, keras)]
    return estimator_of_steps(steps, classes, parameters)


# ---------------------------------------------------------------------------------- to Keras


def _layer(step: Step, layers: Any, dtype: str) -> Any:
    name = step.told.replace(" ", "_")
    if isinstance(step, DenseStep):
        return layers.Dense(step.W.shape[1], use_bias=step.b is not None, dtype=dtype, name=name)
    if isinstance(step, DropoutStep):
        return layers.Dropout(step.rate, dtype=dtype, name=f"{name}_dropout")
    if isinstance(step, NormStep):
        if step.kind == "layer":
            return layers.LayerNormalization(
                epsilon=step.epsilon, dtype=dtype, name=f"{name}_layer_norm"
            )
        return layers.BatchNormalization(
            momentum=step.momentum, epsilon=step.epsilon, dtype=dtype, name=f"{name}_batch_norm"
        )
    assert isinstance(step, FunctionStep)
    if step.name == "leaky_relu":
        return layers.LeakyReLU(LEAKY_SLOPE, dtype=dtype, name=f"{name}_leaky_relu")
    if step.name not in KERAS_NAMES:
        raise ValueError(f"activation={step.name!r} of {step.told} is none that to_keras knows.")
    return layers.Activation(KERAS_NAMES[step.name], dtype=dtype, name=f"{name}_{step.name}")


def _weights(step: Step) -> list[Any]:
    """The arrays of a layer in Keras' order."""
    arrays: list[Any] = []
    if isinstance(step, DenseStep):
        arrays = [step.W, step.b]
    if isinstance(step, NormStep):
        arrays = [step.gamma, step.beta, step.mean, step.variance]
    return [array for array in arrays if array is not None]


# -------------------------------------------------------------------------------- from Keras


def _flat(network: Any, keras: Any) -> list[Any]:
    """The layers one after the other, those of nested Sequentials in their places."""
    return [
        one
        for layer in network.layers
        for one in (_flat(layer, keras) if isinstance(layer, keras.Sequential) else [layer])
    ]


def _steps(layer: Any, keras: Any) -> list[Step]:
    """The steps that a layer is: of a Dense with an activation function two."""
    layers, kind = keras.layers, type(layer)
    told = f"{layer.name}: {kind.__name__}"
    if kind in (layers.InputLayer, layers.Identity):
        return []
    if kind is layers.Dense:
        _check_set(told, layer, {"lora_rank": None, "quantization_mode": None})
        b = _array(layer.bias) if layer.use_bias else None
        return [DenseStep(told, _array(layer.kernel), b), *_function(told, layer.activation, keras)]
    if kind is layers.Dropout:
        return [DropoutStep(told, float(layer.rate))] if layer.rate > 0 else []
    if kind is layers.BatchNormalization:
        return [_batch_norm(told, layer)]
    if kind is layers.LayerNormalization:
        return [_layer_norm(told, layer)]
    if kind is layers.Activation:
        return _function(told, layer.activation, keras)
    return [FunctionStep(told, _name_of(told, layer, layers))]


def _function(told: str, function: Any, keras: Any) -> list[Step]:
    """What an activation function is: nothing for the linear one."""
    for name, known in vars(keras.activations).items():
        if function is known and name in OUR_NAMES:
            ours = OUR_NAMES[name]
            return [] if ours == "identity" else [FunctionStep(f"{told}, {name}", ours)]
    raise ValueError(
        f"{told} has the activation function {_named(function)}, which from_keras does not know. "
        f"It knows {sorted(OUR_NAMES)}, and LeakyReLU({LEAKY_SLOPE}) as a layer."
    )


def _named(function: Any) -> str:
    return str(getattr(function, "__name__", function))


def _batch_norm(told: str, layer: Any) -> NormStep:
    _check_axis(told, layer)
    mean, variance = _array(layer.moving_mean), _array(layer.moving_variance)
    gamma = _array(layer.gamma) if layer.scale else np.ones_like(mean)
    beta = _array(layer.beta) if layer.center else np.zeros_like(mean)
    momentum = float(layer.momentum)
    return NormStep(told, "batch", gamma, beta, float(layer.epsilon), mean, variance, momentum)


def _layer_norm(told: str, layer: Any) -> NormStep:
    _check_axis(told, layer)
    if getattr(layer, "rms_scaling", False):
        raise ValueError(f"{told} must have rms_scaling=False, as skdeep's layer norm has.")
    n = layer.input.shape[-1]
    gamma = _array(layer.gamma) if layer.scale else np.ones(n)
    beta = _array(layer.beta) if layer.center else np.zeros(n)
    return NormStep(told, "layer", gamma, beta, float(layer.epsilon))


def _check_axis(told: str, layer: Any) -> None:
    axes = layer.axis if isinstance(layer.axis, (list, tuple)) else [layer.axis]
    if list(axes) not in ([-1], [1]):
        raise ValueError(f"{told} must normalise units, axis=-1, got axis={layer.axis!r}.")


def _name_of(told: str, layer: Any, layers: Any) -> str:
    """What skdeep calls a layer that is an activation function, its settings checked."""
    known: dict[Any, tuple[str, dict[str, object]]] = {
        layers.ReLU: ("relu", {"max_value": None, "negative_slope": 0, "threshold": 0}),
        layers.LeakyReLU: ("leaky_relu", {"negative_slope": LEAKY_SLOPE}),
        layers.ELU: ("elu", {"alpha": ELU_ALPHA}),
        layers.Softmax: ("softmax", {"axis": -1}),
    }
    if type(layer) not in known:
        others = ["Activation", "BatchNormalization", "Dense", "Dropout", "LayerNormalization"]
        raise ValueError(
            f"{told} is no layer that from_keras knows. It knows "
            f"{sorted([*others, *(one.__name__ for one in known)])}."
        )
    name, settings = known[type(layer)]
    _check_set(told, layer, settings)
    return name


def _check_set(told: str, layer: Any, settings: dict[str, object]) -> None:
    """Raise where a layer, which may lack them, has other settings than the one known."""
    for setting, allowed in settings.items():
        given = getattr(layer, setting, allowed)
        if given != allowed:
            raise ValueError(f"{told} must have {setting}={allowed!r}, got {given!r}.")


def _array(variable: Any) -> Any:
    """A copy of a variable's numbers, whichever backend has them."""
    ops = imported("keras", "from_keras", "keras").ops
    with warnings.catch_warnings():
        # Keras' own, of how it asks PyTorch for an array.
        warnings.simplefilter("ignore", DeprecationWarning)
        return np.array(ops.convert_to_numpy(variable))
