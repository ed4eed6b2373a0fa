"""Converters of the four single networks."""

from skl2onnx.common._container import ModelComponentContainer
from skl2onnx.common._topology import Operator, Scope
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

from ._layers import NetworkArrays, network_arrays
from ._onnx_classes import declare_classes, write_classes
from ._onnx_graph import Graph
from ._onnx_inputs import input_columns, matrix_of, names_of
from ._onnx_network import LINKS, raw_outputs


def declare_network_classifier(operator: Operator) -> None:
    """The shapes of a classifier's outputs."""
    declare_classes(operator, network_arrays(operator.raw_operator).task)


def convert_network_classifier(
    scope: Scope, operator: Operator, container: ModelComponentContainer
) -> None:
    """A classifier: labels and probabilities."""
    network = network_arrays(operator.raw_operator)
    graph = Graph(scope, container, network.dtype)
    z = _raw_outputs(graph, operator, network)
    write_classes(scope, operator, container, graph, network.task, z)


def declare_network_regressor(operator: Operator) -> None:
    """The shape of a regressor's predictions."""
    declare_predictions(operator, network_arrays(operator.raw_operator).n_outputs)


def convert_network_regressor(
    scope: Scope, operator: Operator, container: ModelComponentContainer
) -> None:
    """A regressor: predictions."""
    network = network_arrays(operator.raw_operator)
    graph = Graph(scope, container, network.dtype)
    z = _raw_outputs(graph, operator, network)
    graph.write(LINKS[network.link](graph, z), operator.outputs[0])


def declare_predictions(operator: Operator, n_outputs: int | None) -> None:
    """Tell skl2onnx the type of predictions: float64 where the first input is, and else float32."""
    first = operator.inputs[0]
    kind = DoubleTensorType if isinstance(first.type, DoubleTensorType) else FloatTensorType
    for output in operator.outputs:
        output.set_type(kind([first.get_first_dimension(), n_outputs]))


def _raw_outputs(graph: Graph, operator: Operator, network: NetworkArrays) -> str:
    names = names_of(operator.raw_operator)
    x = matrix_of(graph, input_columns(operator, network.n_features, names))
    return raw_outputs(graph, x, network.layers)
