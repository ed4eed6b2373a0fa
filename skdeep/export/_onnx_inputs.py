"""A converter's inputs as columns: which tensor a column is in, and which numbers it holds.

There may be one tensor of all columns, or one for each column, or anything between.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from skl2onnx.common._topology import Operator, Variable
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, StringTensorType

from .._engine.backend import Array
from ._onnx_graph import Graph


@dataclass(frozen=True)
class InputColumn:
    """One column of the input: the tensor it is in, its place there, and what an error calls it."""

    variable: Variable
    place: int
    width: int
    label: str

    @property
    def holds_strings(self) -> bool:
        return isinstance(self.variable.type, StringTensorType)

    @property
    def holds_floats(self) -> bool:
        return isinstance(self.variable.type, FloatTensorType | DoubleTensorType)

    def read(self, graph: Graph) -> str:
        """The column as a tensor of shape (n, 1)."""
        name: str = self.variable.full_name
        return name if self.width == 1 else graph.columns(name, np.array([self.place]))


def input_columns(
    operator: Operator, n_columns: int, names: Sequence[str] | None
) -> list[InputColumn]:
    """The columns in the order of `fit`: by names, if the inputs are called so, or as they come.

    Raises
    ------
    ValueError
        If the inputs have another number of columns.
    """
    variables = list(operator.inputs)
    if names is not None:
        by_name = {variable.raw_name: variable for variable in variables}
        if len(variables) == len(names) and set(by_name) == set(names):
            variables = [by_name[name] for name in names]
    if len(variables) == 1 and _width(variables[0]) == 0:
        widths = [n_columns]
    else:
        widths = [_width(variable) for variable in variables]
    if 0 in widths or sum(widths) != n_columns:
        raise ValueError(
            f"{type(operator.raw_operator).__name__} takes {n_columns} columns, got inputs "
            f"{[(variable.raw_name, variable.type) for variable in variables]}."
        )
    labels = iter(names or [f"column {number}" for number in range(n_columns)])
    return [
        InputColumn(variable, place, width, next(labels))
        for variable, width in zip(variables, widths, strict=True)
        for place in range(width)
    ]


def matrix_of(graph: Graph, columns: Sequence[InputColumn]) -> str:
    """Columns of numbers as one matrix in the type that is computed in.

    Raises
    ------
    TypeError
        If one holds strings.
    """
    check_numbers(columns)
    parts: list[str] = []
    start = 0
    while start < len(columns):
        first = columns[start]
        end = start
        while end < len(columns) and columns[end].variable is first.variable:
            end += 1
        parts.append(_part(graph, columns[start:end]))
        start = end
    return graph.concat(parts)


def check_numbers(columns: Sequence[InputColumn]) -> None:
    """Raise where one of the columns holds strings."""
    for column in columns:
        if column.holds_strings:
            raise TypeError(
                f"{column.label} is of numbers, and the input {column.variable.raw_name!r} is of "
                "strings. Declare an input of numbers for it, in initial_types."
            )


def _part(graph: Graph, columns: Sequence[InputColumn]) -> str:
    """Columns of one tensor."""
    first = columns[0]
    places = np.array([column.place for column in columns])
    name: str = first.variable.full_name
    if not np.array_equal(places, np.arange(first.width)):
        name = graph.columns(name, places)
    return graph.cast(name, graph.dtype)


def _width(variable: Variable) -> int:
    """The number of columns, 0 where it is not known."""
    shape: list[int | None] = variable.type.shape
    return (shape[1] or 0) if len(shape) > 1 else 0


def names_of(estimator: object) -> Sequence[str] | None:
    """The names of columns in fit, if there were any."""
    names: Array | None = getattr(estimator, "feature_names_in_", None)
    return None if names is None else [str(name) for name in names]
