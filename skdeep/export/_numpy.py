"""Nothing at all: a fitted network as an .npz file and a page of Python that needs NumPy alone."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from .._arguments import ErrorsName
from .._engine.backend import Array
from ..estimators._base import BaseNetworkEstimator
from ._layers import NetworkArrays, network_arrays
from ._numpy_module import FUNCTIONS

PAGE = Path(__file__).with_name("_numpy_module.py")


def to_numpy(model: BaseNetworkEstimator, path: str | os.PathLike[str]) -> Path:
    """Write a fitted network as arrays and a module that predicts with NumPy alone.

    Parameters
    ----------
    model : estimator
        A fitted LogisticRegressionGD, SoftmaxClassifier, DeepMLPClassifier or DeepMLPRegressor, or
        one of the `members_` of an ensemble for tables. Of a search or a pipeline it is the last
        step, ``search.best_estimator_[-1]``, and the module then takes rows as that step does,
        scaled by the steps before.
    path : str or path-like
        Of the module, which ends with .py and has a name that Python can import. The arrays go
        into a file of the same name that ends with .npz. Files that are there are written over.

    Returns
    -------
    path : pathlib.Path
        Of the module. Its functions `predict`, `predict_proba` and `raw_outputs` take rows of X.
        It needs neither skdeep nor SciPy, and reads no pickle.

    Raises
    ------
    TypeError
        If `model` is another estimator, such as a pipeline or a search.
    ValueError
        If the path is none of a module, the module knows no such activation function, or classes
        are objects and not all strings, all numbers or all booleans.
    sklearn.exceptions.NotFittedError
        If `model` is not fitted.
    OSError
        If a file cannot be written.

    See Also
    --------
    to_torch : The same network for PyTorch.
    trusted_types : The whole estimator in a file that runs no code.

    References
    ----------
    Course I 4.6, forward propagation.

    Examples
    --------
    >>> import sys, tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_iris
    >>> from skdeep import SoftmaxClassifier
    >>> from skdeep.export import to_numpy
    >>> X, y = load_iris(return_X_y=True)
    >>> model = SoftmaxClassifier().fit(X, y)
    >>> folder = tempfile.mkdtemp()
    >>> to_numpy(model, Path(folder) / "flowers.py").name
    'flowers.py'
    >>> sys.path.insert(0, folder)
    >>> import flowers
    >>> bool((flowers.predict(X) == model.predict(X)).all())
    True
    """
    with ErrorsName("path"):
        module = Path(path)
    if module.suffix != ".py" or not module.stem.isidentifier():
        raise ValueError(
            f"path must be that of a Python module, such as 'network.py', got {str(path)!r}."
        )
    arrays: dict[str, Any] = _arrays(network_arrays(model))
    np.savez(module.with_suffix(".npz"), **arrays)
    module.write_text(PAGE.read_text("utf-8"), "utf-8")
    return module


def _arrays(network: NetworkArrays) -> dict[str, Any]:
    """What the module reads, by the names that it knows."""
    arrays: dict[str, Any] = {
        "activations": np.array([layer.activation for layer in network.layers]),
        "norms": np.array([layer.norm or "" for layer in network.layers]),
        "epsilons": np.array([layer.epsilon or 0.0 for layer in network.layers]),
        "link": np.array(network.link),
        "task": np.array(network.task),
        "single_column": np.array(network.single_column),
        "classes": _without_objects(network.classes),
    }
    for number, layer in enumerate(network.layers):
        if layer.activation not in FUNCTIONS:
            raise ValueError(
                f"activation={layer.activation!r} of {layer.name} is none that to_numpy knows."
            )
        each = {"W": layer.W, "b": layer.b, "scale": layer.scale, "shift": layer.shift}
        arrays |= {f"{n}{number}": a for n, a in each.items() if a is not None}
    return arrays


def _without_objects(classes: Array | None) -> Array:
    """Classes as an array that can be read without unpickling; none for a regressor."""
    if classes is None:
        return np.empty(0)
    plain = classes if classes.dtype.kind != "O" else np.array(classes.tolist())
    if plain.dtype.kind == "O" or plain.tolist() != classes.tolist():
        raise ValueError(
            f"Classes must be all strings, all numbers or all booleans to be written, got "
            f"{classes!r}."
        )
    return plain
