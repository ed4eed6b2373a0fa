"""Tables for ONNX: which inputs a graph needs, what they are given; and without skl2onnx."""

import datetime
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal
from tabular.tables import FORMS, N, plain

from skdeep.export import onnx_inputs, onnx_types


@dataclass
class Input:
    name: str
    type: str
    shape: list


class Session:
    """As much of an InferenceSession as is asked for: its inputs."""

    def __init__(self, *inputs):
        self.inputs = inputs

    def get_inputs(self):
        return self.inputs


def session(width=1, **types):
    return Session(*(Input(name, f"tensor({kind})", [None, width]) for name, kind in types.items()))


OF_TABLE = session(size="double", age="float", flag="bool", colour="string", town="string")


@pytest.mark.parametrize("form", FORMS)
def test_a_table_of_any_library(form):
    found = onnx_inputs(OF_TABLE, FORMS[form]())
    expected = plain()
    assert list(found) == list(expected.columns)
    for name, values in found.items():
        assert values.shape == (N, 1)
        column = expected[name]
        if name in ("colour", "town"):
            column = column.fillna("<NA>")
        assert_array_equal(values[:, 0], column.to_numpy().astype(values.dtype))
    assert [values.dtype.str[1:] for values in found.values()] == ["f8", "f4", "b1", "O", "O"]


def test_columns_are_found_by_their_names_as_onnx_has_them():
    X = pd.DataFrame({"a b": [1.0], "2nd": [2.0], "c": [3.0]})
    found = onnx_inputs(session(c="double", _2nd="double", a_b="double"), X)
    assert [values.item() for values in found.values()] == [3, 2, 1]


@pytest.mark.parametrize("names", [{"a": 1.0}, {"a": 1.0, "b c": 1.0}, {"a": 1.0, "b": 1, "c": 2}])
def test_other_columns_than_the_graphs(names):
    with pytest.raises(ValueError, match=r"column for each input of the graph, \['a', 'b'\], got"):
        onnx_inputs(session(a="double", b="double"), pd.DataFrame(names, index=[0]))


def test_names_that_become_the_same():
    X = pd.DataFrame({"a b": [1.0], "a-b": [2.0]})
    with pytest.raises(ValueError, match="no two names may become the same"):
        onnx_inputs(session(a_b="double", a_b1="double"), X)


@pytest.mark.parametrize(
    "X", [np.ones((3, 4), dtype="f4"), pd.DataFrame(np.ones((3, 4)))], ids=type
)
@pytest.mark.parametrize("width", [4, None, "N"])
def test_one_input_for_all_columns(X, width):
    found = onnx_inputs(session(width, X="float"), X)
    assert_array_equal(found["X"], np.ones((3, 4)))
    assert found["X"].dtype == np.float32


def test_inputs_by_their_order():
    X = np.array([[1, "u", "v"], [2, "w", None]], dtype=object)
    inputs = Session(
        Input("n", "tensor(int64)", [None, 1]), Input("words", "tensor(string)", [None, 2])
    )
    found = onnx_inputs(inputs, X)
    assert_array_equal(found["n"], [[1], [2]])
    assert_array_equal(found["words"], [["u", "v"], ["w", "<NA>"]])


def test_another_number_of_columns():
    with pytest.raises(ValueError, match=r"X has 2 columns, and the graph takes \[\('X', \[Non"):
        onnx_inputs(session(3, X="float"), np.ones((1, 2)))
    with pytest.raises(ValueError, match=r"X has 2 columns, and the graph takes"):
        onnx_inputs(session("N", X="float", Y="float"), np.ones((1, 2)))


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (np.nan, "int64"),
        (0.5, "int32"),
        (300, "uint8"),
        (-1, "uint64"),
        (2, "bool"),
        (2.0**63, "int64"),
    ],
)
def test_numbers_that_an_input_has_not(value, kind):
    with pytest.raises(ValueError, match=rf"columns \[0\] that are no {kind}, as the graph takes"):
        onnx_inputs(session(X=kind), np.array([[value]]))


def test_columns_of_another_kind():
    X = pd.DataFrame({"word": ["a", "b"]})
    with pytest.raises(TypeError, match="'word' of X holds strings or categories"):
        onnx_inputs(session(word="float"), X)
    with pytest.raises(TypeError, match="'n' of X holds no strings, and its input takes them"):
        onnx_inputs(session(n="string"), pd.DataFrame({"n": [1.0]}))
    with pytest.raises(ValueError, match=r"must be numbers or strings, got seq\(map"):
        onnx_inputs(Session(Input("n", "seq(map(int64,tensor(float)))", [])), np.ones((1, 1)))


def test_a_column_without_values_is_whatever_the_graph_takes():
    X = pd.DataFrame({"word": pd.Series([None, None], dtype=object)})
    assert_array_equal(onnx_inputs(session(word="string"), X)["word"], [["<NA>"], ["<NA>"]])
    assert np.isnan(onnx_inputs(session(word="float"), X)["word"]).all()


def test_the_mark_of_missing_strings_is_no_value():
    words = pd.Series(["<NA>", "a"], dtype=object)
    onnx_inputs(session(word="string"), pd.DataFrame({"word": words}))
    with pytest.raises(ValueError, match="'word' of X holds '<NA>', which is to stand for"):
        onnx_inputs(session(word="string"), pd.DataFrame({"word": [*words, None]}, dtype=object))


def test_rows_of_one_dimension():
    with pytest.raises(ValueError, match=r"X must have two dimensions, got shape \(3,\)"):
        onnx_inputs(session(X="float"), np.ones(3))


# ------------------------------------------------------------------------------------- types


@pytest.mark.tools
@pytest.mark.parametrize("form", FORMS)
def test_types_of_a_table_of_any_library(form):
    pytest.importorskip("skl2onnx")
    names, types = zip(*onnx_types(FORMS[form]()), strict=True)
    unnamed = form in ("object array", "lists")
    assert list(names) == ([f"x{k}" for k in range(5)] if unnamed else list(plain().columns))
    words = ["DoubleTensorType"] * 3 + ["StringTensorType"] * 2
    assert [type(one).__name__ for one in types] == words
    assert {tuple(one.shape) for one in types} == {(None, 1)}


@pytest.mark.tools
@pytest.mark.parametrize(
    ("dtype", "kind"), [("f4", "Float"), ("f8", "Double"), ("i8", "Double"), ("U3", "String")]
)
def test_types_of_an_array(dtype, kind):
    pytest.importorskip("skl2onnx")
    ((name, found),) = onnx_types(np.ones((3, 2)).astype(dtype))
    assert (name, type(found).__name__, found.shape) == ("X", f"{kind}TensorType", [None, 2])


@pytest.mark.tools
def test_types_of_dates_are_none():
    pytest.importorskip("skl2onnx")
    days = pl.DataFrame({"day": [datetime.date(2020, 1, 1)]})
    with pytest.raises(TypeError, match="'day' of X holds neither numbers nor strings"):
        onnx_types(days)


# ------------------------------------------------------------------------------- without skl2onnx


def run_python(program):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True
    ).stdout


WITHOUT = """
import sys
sys.modules["skl2onnx"] = None
import numpy as np
import skdeep.export
try:
    skdeep.export.onnx_types(np.ones((2, 2)))
except ImportError as error:
    print(error)
"""


def test_without_skl2onnx():
    assert "scikit-deep[onnx]" in run_python(WITHOUT)


WITH_A_BROKEN_ONE = """
import sys, types
class Broken(types.ModuleType):
    __path__ = []
    def __getattr__(self, name):
        raise ImportError("cannot import name", name="sklearn.gone")
sys.modules["skl2onnx"] = Broken("skl2onnx")
import skdeep.export
print("imported")
"""


def test_with_an_skl2onnx_that_cannot_be_imported():
    assert run_python(WITH_A_BROKEN_ONE) == "imported\n"


@pytest.mark.tools
def test_import_registers_the_converters():
    pytest.importorskip("skl2onnx")
    program = "import skdeep.export, skl2onnx; from skdeep import TabularMLPClassifier as T; "
    program += "print(skl2onnx.get_model_alias(T))"
    assert run_python(program) == "SkdeepTabularMLPClassifier\n"
