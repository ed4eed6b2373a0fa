"""What every exporter starts from: a fitted network's layers, and what its raw outputs mean.

`network_arrays` reads a fitted estimator once; an exporter then writes what it has read in its own
framework's words, and knows nothing of estimators.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from .._engine.backend import Array, FloatType
from ..estimators._base import BaseNetworkEstimator, architecture_of
from ..estimators._classifier import NetworkClassifier, kind_of_labels
from ..estimators._deep import BaseDeepMLP
from ..estimators._layers import DenseLayer
from ..estimators._mlp import DeepMLPRegressor, has_single_column
from ..tabular._base import BaseTabularMLP

__all__ = ["DenseLayer", "NetworkArrays", "network_arrays"]


@dataclass(frozen=True, eq=False)
class NetworkArrays:
    """A fitted network without its estimator.

    Parameters
    ----------
    layers : tuple of DenseLayer
        From the input to the raw outputs. `dtype` is that of all their arrays.
    link : {"identity", "logistic", "softmax", "exp"}
        What leads from raw outputs to predictions, the estimator's `out_activation_`.
    task : {"binary", "multiclass", "multilabel", "regression"}
        What the raw outputs are: one logit, that of the second class; one for each class; one for
        each label; one for each target.
    classes : ndarray of shape (n_classes,) or None
        `classes_` of a classifier.
    single_column : bool
        Whether predictions are of shape (n_samples,): not of several labels or targets.
    dropout : tuple of float
        Rates at which the hidden layers' outputs are dropped in training; of no concern to
        prediction.
    input_dropout : float
        The same of the input.
    batch_norm_momentum : float
        How batch norm's running mean and variance move in training.
    """

    layers: tuple[DenseLayer, ...]
    link: str
    task: str
    classes: Array | None
    single_column: bool
    dropout: tuple[float, ...] = ()
    input_dropout: float = 0.0
    batch_norm_momentum: float = 0.9

    @property
    def n_features(self) -> int:
        """The number of inputs."""
        return int(self.layers[0].W.shape[0])

    @property
    def n_outputs(self) -> int:
        """The number of raw outputs."""
        return int(self.layers[-1].W.shape[1])

    @property
    def dtype(self) -> FloatType:
        """Of all arrays, and of what is computed with them."""
        return self.layers[0].W.dtype


def network_arrays(model: Any) -> NetworkArrays:
    """Read a fitted estimator: LogisticRegressionGD, SoftmaxClassifier, or one of the deep ones.

    Raises
    ------
    TypeError
        If `model` is something else.
    sklearn.exceptions.NotFittedError
        If it is not fitted.
    """
    if not isinstance(model, BaseNetworkEstimator):
        raise TypeError(_not_a_network(model))
    check_is_fitted(model)
    training: dict[str, Any] = {}
    if isinstance(model, BaseDeepMLP):
        shape = architecture_of(model)
        training["dropout"] = shape.dropout
        training["input_dropout"] = shape.input_dropout
        training["batch_norm_momentum"] = float(model.batch_norm_momentum)
    if isinstance(model, NetworkClassifier):
        task, classes = kind_of_labels(model), np.asarray(model.classes_)
        single_column = task != "multilabel"
    else:
        assert isinstance(model, DeepMLPRegressor)
        task, classes, single_column = "regression", None, has_single_column(model)
    return NetworkArrays(
        tuple(model.layers_), model.out_activation_, task, classes, single_column, **training
    )


def _not_a_network(model: object) -> str:
    wanted = (
        "model must be a fitted LogisticRegressionGD, SoftmaxClassifier, DeepMLPClassifier or "
        f"DeepMLPRegressor, got {type(model).__name__}."
    )
    if isinstance(model, BaseTabularMLP):
        return f"{wanted} Of an ensemble for tables, export the networks that members_ lists."
    if isinstance(model, Pipeline):
        return f"{wanted} Of a Pipeline, export the last step."
    if hasattr(model, "best_estimator_"):
        return f"{wanted} Of a search, export best_estimator_."
    if hasattr(model, "estimators_"):
        return f"{wanted} Of an ensemble, export each of estimators_."
    return wanted
