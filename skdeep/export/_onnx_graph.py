"""Writing an ONNX graph: nodes and constants, each under a name that it is given here.

skl2onnx hands a converter a scope, which knows names, and a container, which collects nodes. A
`Graph` is both, with the floating type that a model computes in: its methods take names of tensors
and return the name of what comes of them, so that a formula reads as one.

Only operators and types are used that ONNX Runtime has for float64 too, from ONNX 11 on.
"""

import numpy as np
from onnx import TensorProto
from onnx.helper import np_dtype_to_tensor_dtype
from onnx.numpy_helper import from_array
from skl2onnx.common._container import ModelComponentContainer
from skl2onnx.common._topology import Scope, Variable

from .._engine.backend import Array, FloatType

ML = "ai.onnx.ml"
OLDEST_OPSET = 11
# From this one on the axes of a mean are an input, and before an attribute.
AXES_ARE_INPUT = 18


class Graph:
    """The nodes of one model."""

    def __init__(
        self, scope: Scope, container: ModelComponentContainer, dtype: FloatType | str
    ) -> None:
        if container.target_opset < OLDEST_OPSET:
            raise ValueError(
                f"target_opset must be at least {OLDEST_OPSET} for estimators of skdeep, got "
                f"{container.target_opset}."
            )
        self.scope, self.container, self.dtype = scope, container, np.dtype(dtype)

    def add(
        self, operator: str, *inputs: str, domain: str = "", output: str = "", **attributes: object
    ) -> str:
        """A node with one output; its name, which is a new one unless it is given."""
        output = output or self.scope.get_unique_variable_name(operator.lower())
        self.container.add_node(
            operator,
            list(inputs),
            output,
            op_domain=domain,
            name=self.scope.get_unique_operator_name(operator),
            **attributes,
        )
        return output

    def constant(self, values: Array | float) -> str:
        """Numbers in the type that is computed in."""
        return self.typed_constant(np.asarray(values, dtype=self.dtype))

    def typed_constant(self, values: Array) -> str:
        """Numbers or strings as they are."""
        name: str = self.scope.get_unique_variable_name("constant")
        shape = list(values.shape)
        if values.dtype.kind == "O":
            strings = [str(value).encode() for value in values.ravel()]
            self.container.add_initializer(name, TensorProto.STRING, shape, strings)
        else:
            tensor = from_array(values)
            self.container.add_initializer(name, tensor.data_type, shape, tensor)
        return name

    def cast(self, name: str, dtype: FloatType | str, output: str = "") -> str:
        """The same numbers in another type."""
        to = np_dtype_to_tensor_dtype(np.dtype(dtype))
        return self.add("Cast", name, output=output, to=to)

    def concat(self, names: list[str]) -> str:
        """Columns side by side."""
        return names[0] if len(names) == 1 else self.add("Concat", *names, axis=1)

    def columns(self, name: str, places: Array) -> str:
        """Some of the columns."""
        index = self.typed_constant(np.asarray(places, dtype=np.int64))
        return self.add("Gather", name, index, axis=1)

    def zeros_like_rows(self, name: str, width: int) -> str:
        """A matrix of zeros with as many rows as another one."""
        n_rows = self.add("Gather", self.add("Shape", name), self.typed_constant(np.array([0])))
        shape = self.add("Concat", n_rows, self.typed_constant(np.array([width])), axis=0)
        zero = from_array(np.zeros(1, dtype=self.dtype))
        return self.add("ConstantOfShape", shape, value=zero)

    def mean_over_models(self, name: str) -> str:
        """The mean along the first axis."""
        if self.container.target_opset < AXES_ARE_INPUT:
            return self.add("ReduceMean", name, axes=[0], keepdims=0)
        axes = self.typed_constant(np.array([0], dtype=np.int64))
        return self.add("ReduceMean", name, axes, keepdims=0)

    def mean_of(self, names: list[str]) -> str:
        """The mean of several tensors."""
        if len(names) == 1:
            return names[0]
        return self.add("Div", self.add("Sum", *names), self.constant(len(names)))

    def write(self, name: str, output: Variable) -> None:
        """Let a tensor be one of skl2onnx's variables, in the type that was declared for it."""
        kind = output.type.to_onnx_type().tensor_type.elem_type
        if kind == TensorProto.STRING:
            self.add("Identity", name, output=output.full_name)
        else:
            self.add("Cast", name, output=output.full_name, to=kind)
