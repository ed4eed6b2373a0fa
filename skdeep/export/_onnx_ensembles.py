"""Converters of ensembles: those for tables, from the raw columns on, and those of a search.

The members of a group are one chain of nodes: their arrays are stacked, (K, n_in, n_out), and a
product with rows (n, n_in) gives (K, n, n_out). From their mean on all is computed in float64.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from skl2onnx import get_model_alias
from skl2onnx.common._container import ModelComponentContainer
from skl2onnx.common._topology import Operator, Scope, Variable
from skl2onnx.common.data_types import guess_tensor_type

from .._engine.backend import Array
from ..estimators._layers import DenseLayer, layers_of
from ..tabular._base import BaseTabularMLP, groups_of, link_of
from ..tabular._calibration import Calibration, ColumnCalibration, floor_of
from ..tabular._classifier import calibration_of, kind_of_labels
from ..tabular._group import FittedGroup
from ..tabular._preparation import reader_of
from ..tabular._regressor import target_scale_of
from ._onnx_classes import declare_classes, write_classes
from ._onnx_estimators import declare_predictions
from ._onnx_graph import Graph
from ._onnx_inputs import input_columns, names_of
from ._onnx_network import LINKS, raw_outputs
from ._onnx_tables import encoded_table


def declare_tabular_classifier(operator: Operator) -> None:
    """The shapes of a classifier's outputs."""
    declare_classes(operator, kind_of_labels(operator.raw_operator))


def convert_tabular_classifier(
    scope: Scope, operator: Operator, container: ModelComponentContainer
) -> None:
    """TabularMLPClassifier: labels and calibrated probabilities."""
    ensemble = operator.raw_operator
    link = LINKS[link_of(ensemble).name]
    means = [
        graph.cast(graph.mean_over_models(link(graph, z)), "float64")
        for graph, z in _raw_outputs_of_groups(scope, operator, container)
    ]
    wide = Graph(scope, container, "float64")
    z = _calibrated(wide, wide.mean_of(means), calibration_of(ensemble), ensemble.classes_.shape[0])
    write_classes(scope, operator, container, wide, kind_of_labels(ensemble), z)


def _calibrated(
    graph: Graph, q: str, calibration: Calibration | ColumnCalibration, n_classes: int
) -> str:
    """Raw outputs that stand for calibrated probabilities: log-odds, or log-probabilities."""
    if isinstance(calibration, ColumnCalibration):
        p = _unsmoothed(graph, q, calibration.smoothing, 2)
        other = graph.add("Log", graph.add("Sub", graph.constant(1), p))
        odds = graph.add("Sub", graph.add("Log", p), other)
        return graph.add("Mul", odds, graph.constant(calibration.beta))
    p = _unsmoothed(graph, q, calibration.smoothing, n_classes)
    powers = graph.add("Mul", graph.add("Log", p), graph.constant(calibration.beta))
    return graph.add("LogSoftmax", powers, axis=-1)


def _unsmoothed(graph: Graph, q: str, smoothing: float, n_classes: int) -> str:
    floor = floor_of(n_classes)
    shifted = graph.add("Sub", q, graph.constant(smoothing / n_classes))
    p = graph.add("Div", shifted, graph.constant(1 - smoothing))
    return graph.add("Min", graph.add("Max", p, graph.constant(floor)), graph.constant(1 - floor))


def declare_tabular_regressor(operator: Operator) -> None:
    """The shape of predictions, and of their standard deviations where they are asked for."""
    declare_predictions(operator, target_scale_of(operator.raw_operator).mean.size)


def convert_tabular_regressor(
    scope: Scope, operator: Operator, container: ModelComponentContainer
) -> None:
    """TabularMLPRegressor: predictions, and with the option return_std standard deviations."""
    ensemble = operator.raw_operator
    scale = target_scale_of(ensemble)
    raw = [
        graph.cast(z, "float64") for graph, z in _raw_outputs_of_groups(scope, operator, container)
    ]
    graph = Graph(scope, container, "float64")
    members = raw[0] if len(raw) == 1 else graph.add("Concat", *raw, axis=0)
    members = graph.add("Max", members, graph.constant(scale.lowest))
    members = graph.add("Min", members, graph.constant(scale.highest))
    predictions = LINKS[link_of(ensemble).name](graph, members)
    predictions = graph.add("Mul", predictions, graph.constant(scale.scale))
    predictions = graph.add("Add", predictions, graph.constant(scale.mean))
    mean = graph.mean_over_models(predictions)
    graph.write(mean, operator.outputs[0])
    if len(operator.outputs) > 1:
        deviations = graph.add("Sub", predictions, mean)
        spread = graph.mean_over_models(graph.add("Mul", deviations, deviations))
        total = graph.add("Add", spread, graph.constant(ensemble.residual_std_**2))
        graph.write(graph.add("Sqrt", total), operator.outputs[1])


def parse_tabular_regressor(
    scope: Scope,
    model: BaseTabularMLP,
    inputs: list[Variable],
    custom_parsers: dict[type, object] | None = None,
) -> list[Variable]:
    """The outputs that skl2onnx is to declare: "variable", and "std" with the option return_std."""
    operator = scope.declare_local_operator(get_model_alias(type(model)), model)
    operator.inputs = inputs
    names = ["variable"]
    if scope.get_options(model, {"return_std": False})["return_std"]:
        names.append("std")
    for name in names:
        operator.outputs.append(
            scope.declare_local_variable(name, guess_tensor_type(inputs[0].type))
        )
    return operator.outputs


def _raw_outputs_of_groups(
    scope: Scope, operator: Operator, container: ModelComponentContainer
) -> Iterator[tuple[Graph, str]]:
    """Of each group the graph it is computed in, and its members' raw outputs (K, n, n_outputs)."""
    ensemble = operator.raw_operator
    reader = reader_of(ensemble)
    columns = input_columns(operator, ensemble.n_features_in_, names_of(ensemble))
    for group, encoding in groups_of(ensemble):
        graph = Graph(scope, container, encoding.expansion.dtype)
        if encoding.expansion.n_outputs_:
            x = encoded_table(graph, columns, reader, encoding.expansion)
        else:
            x = graph.zeros_like_rows(columns[0].read(graph), encoding.n_outputs)
        # Members may be computed in another type than what they see.
        own = Graph(scope, container, group.theta.dtype)
        yield own, raw_outputs(own, own.cast(x, own.dtype), _stacked_layers(group))


def _stacked_layers(group: FittedGroup) -> list[DenseLayer]:
    """The members' layers as one: weights of shape (K, n_in, n_out), biases (K, 1, n_out)."""
    members = [layers_of(group.network, theta, np.empty(0)) for theta in group.theta]
    stacked = []
    for layers in zip(*members, strict=True):
        W = np.stack([layer.W for layer in layers])
        biases: list[Array] = [layer.b for layer in layers if layer.b is not None]
        b = np.stack(biases)[:, np.newaxis] if biases else None
        stacked.append(replace(layers[0], W=W, b=b))
    return stacked
