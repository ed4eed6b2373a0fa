"""A table as a network sees it, in ONNX: bins of numbers, levels of categories, missing values.

Numbers are read in float64, as `TableReader` reads them, and a position among bins is rounded to
the encoding's type where `TableExpansion` rounds it: what comes out is equal up to the last bit.
"""

from collections.abc import Sequence

import numpy as np
from skl2onnx.common._container import ModelComponentContainer
from skl2onnx.common._topology import Operator, Scope

from ..preprocessing._expansion import NumberBlock, TableExpansion
from ..preprocessing._piecewise_linear import expansion_of
from ..preprocessing._reader import TableReader
from ..preprocessing._table import reader_and_expansion_of
from ._onnx_estimators import declare_predictions
from ._onnx_graph import Graph
from ._onnx_inputs import InputColumn, input_columns, matrix_of, names_of
from ._onnx_levels import encoded_category


def declare_table_encoder(operator: Operator) -> None:
    """The shape of a TableEncoder's output."""
    _, expansion = reader_and_expansion_of(operator.raw_operator)
    declare_predictions(operator, expansion.n_outputs_)


def convert_table_encoder(
    scope: Scope, operator: Operator, container: ModelComponentContainer
) -> None:
    """A TableEncoder: the encoded matrix."""
    encoder = operator.raw_operator
    reader, expansion = reader_and_expansion_of(encoder)
    graph = Graph(scope, container, expansion.dtype)
    columns = input_columns(operator, encoder.n_features_in_, names_of(encoder))
    graph.write(encoded_table(graph, columns, reader, expansion), operator.outputs[0])


def declare_piecewise_linear(operator: Operator) -> None:
    """The shape of a PiecewiseLinearEncoder's output."""
    declare_predictions(operator, expansion_of(operator.raw_operator).n_outputs_)


def convert_piecewise_linear(
    scope: Scope, operator: Operator, container: ModelComponentContainer
) -> None:
    """A PiecewiseLinearEncoder: the encoded matrix."""
    encoder = operator.raw_operator
    expansion = expansion_of(encoder)
    graph = Graph(scope, container, expansion.dtype)
    columns = input_columns(operator, encoder.n_features_in_, names_of(encoder))
    parts = _encoded_numbers(graph, columns, expansion.numbers_)
    graph.write(_side_by_side(graph, columns, parts), operator.outputs[0])


def encoded_table(
    graph: Graph, columns: Sequence[InputColumn], reader: TableReader, expansion: TableExpansion
) -> str:
    """Rows of shape (n, n_outputs) in the encoding's type, of the columns of a table."""
    numbers = [columns[column] for column in reader.number_columns_.tolist()]
    parts = _encoded_numbers(graph, numbers, expansion.numbers_)
    for column, levels in zip(reader.category_columns_.tolist(), expansion.levels_, strict=True):
        if levels.n_outputs:
            parts.append(encoded_category(graph, columns[column], levels))
    return _side_by_side(graph, columns, parts)


def _side_by_side(graph: Graph, columns: Sequence[InputColumn], parts: list[str]) -> str:
    """All outputs; if there are none, a matrix without columns, with as many rows as the input."""
    return graph.concat(parts) if parts else graph.zeros_like_rows(columns[0].read(graph), 0)


def _encoded_numbers(
    graph: Graph, columns: Sequence[InputColumn], blocks: Sequence[NumberBlock]
) -> list[str]:
    """The outputs of all numbers, as one tensor or none."""
    kept = [place for place, block in enumerate(blocks) if block.n_outputs]
    if not kept:
        return []
    wide = Graph(graph.scope, graph.container, "float64")
    x = matrix_of(wide, [columns[place] for place in kept])
    blocks = [blocks[place] for place in kept]
    missing = graph.add("IsNaN", x)
    parts: list[str] = []
    # Where each block's outputs come to stand: bins of all blocks first, then their indicators.
    places: list[int] = []
    first_indicator = sum(block.n_bins for block in blocks)
    start = 0
    for block in blocks:
        places += range(start, start + block.n_bins)
        start += block.n_bins
        if block.has_missing:
            places.append(first_indicator)
            first_indicator += 1
    if start:
        parts.append(_bins(graph, wide, x, missing, blocks))
    with_indicator = np.flatnonzero([block.has_missing for block in blocks])
    if with_indicator.size:
        parts.append(graph.cast(graph.columns(missing, with_indicator), graph.dtype))
    both = graph.concat(parts)
    return [both if places == sorted(places) else graph.columns(both, np.array(places))]


def _bins(graph: Graph, wide: Graph, x: str, missing: str, blocks: Sequence[NumberBlock]) -> str:
    """The columns of all bins: (clip(position − bin, 0, 1) − mean) · factor, 0 where missing.

    As `TableExpansion` has it, clip(position · factor − (bin + mean) · factor, −mean · factor,
    (1 − mean) · factor).
    """
    n_bins = [block.n_bins for block in blocks]
    source = np.repeat(np.arange(len(blocks)), n_bins)
    # A missing value is any other meanwhile: in a product NaN would be in all columns.
    known = wide.add("Where", missing, wide.constant(0), x)
    position = graph.cast(_positions(wide, known, blocks, source), graph.dtype)
    factors = np.array([block.factor for block in blocks])
    scaled = graph.columns(graph.add("Mul", position, graph.constant(factors)), source)
    mean = np.concatenate([block.mean for block in blocks])
    number, factor = np.concatenate([np.arange(n) for n in n_bins]), factors[source]
    shifted = graph.add("Sub", scaled, graph.constant((number + mean) * factor))
    above = graph.add("Max", shifted, graph.constant(0 - mean * factor))
    inside = graph.add("Min", above, graph.constant((1 - mean) * factor))
    return graph.add("Where", graph.columns(missing, source), graph.constant(0), inside)


def _positions(graph: Graph, x: str, blocks: Sequence[NumberBlock], source: np.ndarray) -> str:
    """How many bins a value has passed, of each block: the sum of how far it is through each."""
    low = np.concatenate([block.edges[:-1] for block in blocks])
    high = np.concatenate([block.edges[1:] for block in blocks])
    passed = graph.add("Sub", graph.columns(x, source), graph.constant(low))
    share = graph.add("Div", passed, graph.constant(high - low))
    share = graph.add("Min", graph.add("Max", share, graph.constant(0)), graph.constant(1))
    belongs = source[:, np.newaxis] == np.arange(len(blocks))
    return graph.add("MatMul", share, graph.constant(belongs))
