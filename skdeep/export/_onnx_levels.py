"""A category in ONNX: one column for each of its levels, 1 where a row has it.

ONNX has no missing strings: "" stands for one, and so does what becomes of None, NaN and pandas.NA
where ONNX Runtime makes strings of objects. A level that is called so goes first. A missing number
is NaN.
"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

import numpy as np

from .._engine.backend import Array
from ..preprocessing._levels import NO_LEVEL, Levels
from ._onnx_graph import ML, Graph
from ._onnx_inputs import InputColumn

MISSING_STRINGS = ("", "None", "nan", "<NA>")


def encoded_category(graph: Graph, column: InputColumn, levels: Levels) -> str:
    """The columns of the encoding, of shape (n, levels.n_outputs).

    Raises
    ------
    TypeError
        If the input holds strings where `fit` saw numbers, or numbers where it saw strings, or
        `fit` saw neither.
    """
    if levels.kind not in ("category", "number"):
        raise TypeError(
            f"{column.label} is a category of {levels.values[0]!r} and the like, and ONNX has "
            "strings and numbers only. Make one of these of it before fit."
        )
    if column.holds_strings != (levels.kind == "category"):
        names = {True: "strings", False: "numbers"}
        raise TypeError(
            f"{column.label} held {names[not column.holds_strings]} in fit, and the input "
            f"{column.variable.raw_name!r} is of {names[column.holds_strings]}. Declare the other "
            "in initial_types."
        )
    x = column.read(graph)
    if column.holds_strings:
        has_level = _strings_that_are(graph, x, levels)
    elif column.holds_floats:
        has_level = _floats_that_are(graph, x, levels)
    else:
        has_level = _integers_that_are(graph, x, levels)
    if levels.is_binary:
        # −1 for the first level, 1 for the second, and 0 for a value that is neither.
        return graph.add("MatMul", has_level, graph.constant(np.array([[-1.0], [1.0]])))
    return has_level


def _strings_that_are(graph: Graph, x: str, levels: Levels) -> str:
    codes = {level: code for code, level in enumerate(levels.values) if level is not None}
    if None in levels.values:
        codes = dict.fromkeys(MISSING_STRINGS, levels.values.index(None)) | codes
    found = graph.add(
        "LabelEncoder",
        x,
        domain=ML,
        # The first version with strings to numbers: later ones have more types, which skl2onnx does
        # not know.
        op_version=2,
        keys_strings=list(codes),
        values_int64s=list(codes.values()),
        default_int64=NO_LEVEL,
    )
    every = graph.typed_constant(np.arange(len(levels.values))[np.newaxis])
    return graph.cast(graph.add("Equal", found, every), graph.dtype)


def _floats_that_are(graph: Graph, x: str, levels: Levels) -> str:
    """In float64: a number in float32 is then equal to a level exactly where NumPy says so."""
    x = graph.cast(x, "float64")
    parts = []
    known = [level for level in levels.values if level is not None]
    if known:
        parts.append(_equal_to(graph, x, known, np.array(known, dtype=np.float64)))
    if None in levels.values:
        parts.append(graph.cast(graph.add("IsNaN", x), graph.dtype))
    return graph.concat(parts)


def _integers_that_are(graph: Graph, x: str, levels: Levels) -> str:
    """In int64, which also has whole numbers that float64 has not."""
    values = np.array([_nearest_integer(level) for level in levels.values])
    return _equal_to(graph, graph.cast(x, "int64"), levels.values, values)


def _equal_to(graph: Graph, x: str, levels: Sequence[object], values: Array) -> str:
    """1 where x equals a value that is its level; others, such as 0 for ½, are of no row."""
    equal = graph.cast(graph.add("Equal", x, graph.typed_constant(values[np.newaxis])), graph.dtype)
    are_levels = [value == level for value, level in zip(values.tolist(), levels, strict=True)]
    if all(are_levels):
        return equal
    return graph.add("Mul", equal, graph.constant(np.array([are_levels])))


def _nearest_integer(level: object) -> int:
    """The level as an int64, or another number where it is none."""
    limits = np.iinfo(np.int64)
    if not isinstance(level, int | float | Decimal | Fraction):
        return 0
    return min(max(int(level), limits.min), limits.max)
