"""What classifiers give in ONNX: labels and probabilities, as scikit-learn's own converters do.

Both are made of raw outputs, or of what stands for them. A label is that of the larger raw output
and not of the larger probability: two probabilities may be equal by rounding where `predict` still
tells them apart.
"""

from dataclasses import dataclass

import numpy as np
from skl2onnx.common._container import ModelComponentContainer
from skl2onnx.common._topology import Operator, Scope
from skl2onnx.common.data_types import Int64TensorType, StringTensorType
from skl2onnx.common.utils_classifier import get_label_classes

from .._engine.backend import Array
from ._onnx_graph import Graph
from ._onnx_network import LINKS

OPTIONS: dict[str, list[object]] = {
    "zipmap": [True, False, "columns"],
    "nocl": [True, False],
    "output_class_labels": [False, True],
    "raw_scores": [True, False],
}


@dataclass(frozen=True, eq=False)
class Classes:
    """The labels, and what raw outputs are of them.

    Of "binary" classes one logit, that of the second; of "multiclass" one for each class, of
    "multilabel" one for each label.
    """

    task: str
    labels: Array

    @property
    def is_multilabel(self) -> bool:
        return self.task == "multilabel"

    def scores(self, graph: Graph, z: str) -> str:
        """What decision_function says, with a column for each class: of two −z and z."""
        if self.task == "multilabel" or self.labels.size != 2:
            return z
        if self.task == "multiclass":
            first, second = (graph.columns(z, np.array([place])) for place in (0, 1))
            z = graph.add("Sub", second, first)
        return graph.concat([graph.add("Neg", z), z])

    def probabilities(self, graph: Graph, z: str) -> str:
        """A column for each class or label."""
        if self.task == "multiclass":
            return LINKS["softmax"](graph, z)
        if self.task == "binary" and self.labels.size == 1:
            # The only class there is, whatever the network says: z has the number of rows.
            zeros = graph.zeros_like_rows(z, 1)
            return graph.add("Add", zeros, graph.constant(1))
        return LINKS["logistic"](graph, self.scores(graph, z))

    def predicted(self, graph: Graph, z: str) -> str:
        """Labels of shape (n,), or an indicator matrix for "multilabel"."""
        if self.task == "multiclass":
            codes = graph.add("ArgMax", z, axis=1, keepdims=0)
        else:
            codes = graph.cast(graph.add("Greater", z, graph.constant(0)), "int64")
            if self.is_multilabel:
                return codes
            codes = graph.add("Reshape", codes, graph.typed_constant(np.array([-1])))
        # The only class there is comes twice.
        labels = self.labels if self.labels.size > 1 else np.repeat(self.labels, 2)
        return graph.add("Gather", graph.typed_constant(labels), codes)


def labels_as_onnx(classes: Array) -> Array:
    """Class labels as int64 or strings, the two kinds that scikit-learn's converters have.

    Raises
    ------
    ValueError
        If they are of no such kind, or some are no whole numbers, or too large.
    """
    if classes.dtype.kind in "UTO" and all(isinstance(label, str) for label in classes):
        return classes.astype(object)
    if classes.dtype.kind in "biuf":
        with np.errstate(invalid="ignore"):
            whole = classes.astype(np.int64)
        if (whole == classes).all():
            return whole
    raise ValueError(
        "Class labels must be strings or whole numbers below 2**63 to be labels in ONNX, got "
        f"classes_ {classes.tolist()}. Make strings of them before fit, or convert with the option "
        "nocl."
    )


def declare_classes(operator: Operator, task: str) -> None:
    """Tell skl2onnx the types and shapes of a classifier's outputs."""
    n_rows = operator.inputs[0].get_first_dimension()
    labels = labels_of(operator.scope_inst, operator)
    shape = [n_rows, labels.size] if task == "multilabel" else [n_rows]
    kind = StringTensorType if labels.dtype.kind == "O" else Int64TensorType
    operator.outputs[0].set_type(kind(shape=shape))
    operator.outputs[1].type.shape = [n_rows, labels.size]


def write_classes(
    scope: Scope,
    operator: Operator,
    container: ModelComponentContainer,
    graph: Graph,
    task: str,
    z: str,
) -> None:
    """Write labels and probabilities, or with the option raw_scores what decision_function says."""
    classes = Classes(task, labels_of(scope, operator))
    options = container.get_options(operator.raw_operator, {"raw_scores": False})
    scores = classes.scores if options["raw_scores"] else classes.probabilities
    graph.write(classes.predicted(graph, z), operator.outputs[0])
    graph.write(scores(graph, z), operator.outputs[1])


def labels_of(scope: Scope, operator: Operator) -> Array:
    """The labels, or with the option nocl their numbers."""
    return labels_as_onnx(np.asarray(get_label_classes(scope, operator.raw_operator)))
