"""Tables for ONNX: the types of their columns for a conversion, and their values for a session.

ONNX knows nothing of frames. A graph for one has an input for each column; numbers are float64, for
the same column may have a missing value tomorrow, and categories are strings.
"""

import re
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from .._engine.backend import Array
from .._inputs import MatrixLike
from .._optional import imported
from ..preprocessing._frames import Table, is_frame, table_of

# What stands for a missing string: see `MISSING_STRINGS` of the converters.
MISSING = "<NA>"
ARRAY_NAME = "X"


class Session(Protocol):
    """What is asked of an `onnxruntime.InferenceSession`."""

    def get_inputs(self) -> Sequence[Any]:
        """The inputs of the graph, each with a name, a type and a shape."""


def onnx_types(X: MatrixLike) -> list[tuple[str, Any]]:
    """Say which inputs a graph needs for a table, as `initial_types` of `skl2onnx.to_onnx`.

    `to_onnx` finds them itself from an array of numbers. From a frame it takes the types of the
    first row, which may be missing, and it does not know all dtypes of pandas, nor polars.

    Parameters
    ----------
    X : {array-like, pandas or polars DataFrame} of shape (n_samples, n_features)
        The table, or some rows of it, with at least one value in each column.

    Returns
    -------
    initial_types : list of (str, type)
        For an array of one type one input of all columns, called "X": of float32 where the array
        is, of strings, or else of float64. Otherwise an input for each column, under its name or
        "x0", "x1", ...: of strings for categories, and else of float64.

    Raises
    ------
    ImportError
        If skl2onnx is not installed: the extra ``onnx`` brings it.
    TypeError
        If a column holds neither numbers nor strings.

    See Also
    --------
    onnx_inputs : The values that go with them.

    Examples
    --------
    >>> import pandas as pd
    >>> from skdeep.export import onnx_types
    >>> X = pd.DataFrame({"age": [31, None], "town": ["Ulm", "Bonn"]})
    >>> onnx_types(X)  # doctest: +SKIP
    [('age', DoubleTensorType(shape=[None, 1])), ('town', StringTensorType(shape=[None, 1]))]
    """
    types_of_onnx = imported("skl2onnx.common.data_types", "onnx_types", "onnx")
    strings, doubles = types_of_onnx.StringTensorType, types_of_onnx.DoubleTensorType
    table = _table(X)
    if _is_of_one_type(table):
        numbers = types_of_onnx.FloatTensorType if table.X.dtype == np.float32 else doubles
        kind = strings if table.kind(0) == "category" else numbers
        return [(ARRAY_NAME, kind([None, table.n_columns]))]
    types = []
    for column, name in enumerate(_names(table)):
        held = table.kind(column)
        if held not in ("number", "category", "empty"):
            raise TypeError(
                f"{table.label(column)} of X holds neither numbers nor strings, and ONNX has these "
                "only."
            )
        kind = strings if held == "category" else doubles
        types.append((name, kind([None, 1])))
    return types


def onnx_inputs(session: Session, X: MatrixLike) -> dict[str, Array]:
    """Make of a table what a session takes: `session.run(None, onnx_inputs(session, X))`.

    Columns go to the inputs of their names, or, where X has no names or there is one input for all
    columns, in their order. They become what an input declares: floats with NaN for missing,
    strings with "<NA>", whole numbers, which none may be missing of.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
        A session, or whatever has its `get_inputs`.
    X : {array-like, pandas or polars DataFrame} of shape (n_samples, n_features)
        The rows.

    Returns
    -------
    inputs : dict of str to ndarray
        Of each input of the graph its values, of shape (n_samples, number of its columns).

    Raises
    ------
    ValueError
        If X has other columns than the graph, or values that an input's type does not have.
    TypeError
        If a column holds strings and its input takes numbers, or the other way round.

    See Also
    --------
    onnx_types : The types to convert with.

    Examples
    --------
    >>> import pandas as pd
    >>> from skdeep.export import onnx_inputs, onnx_types
    >>> X = pd.DataFrame({"age": [31, None], "town": ["Ulm", None]})
    >>> class Input:
    ...     def __init__(self, name, type):
    ...         self.name, self.type, self.shape = name, type, [None, 1]
    >>> class Session:
    ...     def get_inputs(self):
    ...         return [Input("town", "tensor(string)"), Input("age", "tensor(float)")]
    >>> onnx_inputs(Session(), X)
    {'town': array([['Ulm'],
           ['<NA>']], dtype=object), 'age': array([[31.],
           [nan]], dtype=float32)}
    """
    table, inputs = _table(X), session.get_inputs()
    values = {}
    for one, columns in zip(inputs, _columns_of_inputs(table, inputs), strict=True):
        if one.type == "tensor(string)":
            parts = [_strings(table, column) for column in columns]
            values[one.name] = np.column_stack(parts).astype(object)
        else:
            values[one.name] = _numbers(table, np.array(columns), one.type)
    return values


def _table(X: MatrixLike) -> Table:
    array: Any = X if is_frame(X) else np.asarray(X)
    if len(array.shape) != 2:
        raise ValueError(f"X must have two dimensions, got shape {array.shape}.")
    return table_of(array)


def _is_of_one_type(table: Table) -> bool:
    """Whether it is an array of numbers or of strings."""
    return not is_frame(table.X) and table.X.dtype.kind in "fiubUT"


def _names(table: Table) -> list[str]:
    names = table.column_names
    if names is None or not all(isinstance(name, str) for name in names):
        return [f"x{number}" for number in range(table.n_columns)]
    return [str(name) for name in names]


def _columns_of_inputs(table: Table, inputs: Sequence[Any]) -> list[list[int]]:
    """Of each input the numbers of its columns."""
    names = table.column_names
    if names is not None and len(inputs) > 1:
        return _columns_by_name(_names(table), [one.name for one in inputs])
    widths = [one.shape[1] if len(one.shape) > 1 else 1 for one in inputs]
    if len(inputs) == 1 and not isinstance(widths[0], int):
        widths = [table.n_columns]
    if not all(isinstance(width, int) for width in widths) or sum(widths) != table.n_columns:
        raise ValueError(
            f"X has {table.n_columns} columns, and the graph takes "
            f"{[(one.name, one.shape) for one in inputs]}."
        )
    ends = np.cumsum(widths)
    return [list(range(end - width, end)) for end, width in zip(ends.tolist(), widths, strict=True)]


def _columns_by_name(names: list[str], inputs: list[str]) -> list[list[int]]:
    as_onnx = [_name_in_onnx(name) for name in names]
    if sorted(as_onnx) != sorted(inputs):
        raise ValueError(
            f"X must have a column for each input of the graph, {inputs}, got {as_onnx}. Names are "
            "letters, digits and underscores in ONNX: other characters become underscores, and no "
            "two names may become the same."
        )
    return [[as_onnx.index(name)] for name in inputs]


def _name_in_onnx(name: str) -> str:
    """What skl2onnx makes of a name."""
    name = re.sub(r"[^\w+]", "_", name)
    return f"_{name}" if re.match("[0-9]", name) else name


def _strings(table: Table, column: int) -> Array:
    codes, distinct, kind = table.factors(column)
    if kind not in ("category", "empty"):
        raise TypeError(f"{table.label(column)} of X holds no strings, and its input takes them.")
    if MISSING in distinct and (codes < 0).any():
        raise ValueError(
            f"{table.label(column)} of X holds {MISSING!r}, which is to stand for its missing "
            "values."
        )
    # The last place is that of code −1.
    return np.array([*distinct, MISSING], dtype=object)[codes]


# What the types of inputs are called, and NumPy's names of them.
_NUMBERS = {"float": "f4", "double": "f8", "bool": "?"} | {
    f"{sign}int{bits}": f"{letter}{bits // 8}"
    for sign, letter in (("", "i"), ("u", "u"))
    for bits in (8, 16, 32, 64)
}


def _numbers(table: Table, columns: Array, onnx_type: str) -> Array:
    name = onnx_type.removeprefix("tensor(").removesuffix(")")
    if name not in _NUMBERS:
        raise ValueError(f"Inputs of the graph must be numbers or strings, got {onnx_type}.")
    numbers = table.numbers(columns)
    with np.errstate(invalid="ignore", over="ignore"):
        converted = numbers.astype(_NUMBERS[name])
    if np.dtype(_NUMBERS[name]).kind != "f" and not np.array_equal(converted, numbers):
        raise ValueError(
            f"X has values in columns {columns.tolist()} that are no {name}, as the graph takes "
            "them: missing, with a fraction, or too large."
        )
    return converted
