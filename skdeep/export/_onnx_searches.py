"""Searches and their `ensemble_` in ONNX: what stands behind them is converted in their place."""

from skl2onnx import get_model_alias
from skl2onnx._parse import parse_sklearn
from skl2onnx.common._container import ModelComponentContainer
from skl2onnx.common._topology import Operator, Scope, Variable
from skl2onnx.common.data_types import Int64TensorType
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from ..model_selection._base import VectorizedSearch
from ..model_selection._ensemble import ClassifierEnsemble
from ..tabular import TabularMLPClassifier
from ..tabular._classifier import kind_of_labels
from ._layers import network_arrays
from ._onnx_classes import declare_classes, labels_of
from ._onnx_estimators import declare_predictions
from ._onnx_graph import Graph


def parse_search(
    scope: Scope,
    model: VectorizedSearch,
    inputs: list[Variable],
    custom_parsers: dict[type, object] | None = None,
) -> list[Variable]:
    """A search predicts by its best estimator, and so has its outputs and its options."""
    scope.add_options(id(model.best_estimator_), scope.get_options(model))
    outputs: list[Variable] = parse_sklearn(
        scope, model.best_estimator_, inputs, custom_parsers=custom_parsers
    )
    return outputs


def declare_classifier_ensemble(operator: Operator) -> None:
    """The shapes of a classifier's outputs."""
    declare_classes(operator, _task_of(operator.raw_operator))


def convert_classifier_ensemble(
    scope: Scope, operator: Operator, container: ModelComponentContainer
) -> None:
    """The `ensemble_` of a search for classifiers: the mean of the members' probabilities."""
    graph = Graph(scope, container, "float64")
    p = _mean_of_members(graph, operator, has_labels=True)
    if _task_of(operator.raw_operator) == "multilabel":
        predicted = graph.add("Greater", p, graph.constant(0.5))
    else:
        labels = graph.typed_constant(labels_of(scope, operator))
        predicted = graph.add("Gather", labels, graph.add("ArgMax", p, axis=1, keepdims=0))
    graph.write(predicted, operator.outputs[0])
    graph.write(p, operator.outputs[1])


def declare_regressor_ensemble(operator: Operator) -> None:
    """The type of predictions; how many columns they have the members know."""
    declare_predictions(operator, None)


def convert_regressor_ensemble(
    scope: Scope, operator: Operator, container: ModelComponentContainer
) -> None:
    """The `ensemble_` of a search for regressors: the mean of the members' predictions."""
    graph = Graph(scope, container, "float64")
    graph.write(_mean_of_members(graph, operator, has_labels=False), operator.outputs[0])


def _mean_of_members(graph: Graph, operator: Operator, *, has_labels: bool) -> str:
    """The mean of the last output of all members, each converted by its own converter."""
    last = operator.outputs[-1]
    members = []
    for estimator in operator.raw_operator.estimators_:
        member = graph.scope.declare_local_operator(get_model_alias(type(estimator)), estimator)
        member.inputs = operator.inputs
        if has_labels:
            member.outputs.append(graph.scope.declare_local_variable("label", Int64TensorType()))
        output = graph.scope.declare_local_variable("member", last.type.__class__())
        member.outputs.append(output)
        members.append(graph.cast(output.full_name, graph.dtype))
    return graph.mean_of(members)


def _task_of(ensemble: ClassifierEnsemble) -> str:
    """Whether classes are "binary", "multiclass" or "multilabel", which members know."""
    member: BaseEstimator = ensemble.estimators_[0]
    model = member.steps[-1][1] if isinstance(member, Pipeline) else member
    if isinstance(model, TabularMLPClassifier):
        return kind_of_labels(model)
    return network_arrays(model).task
