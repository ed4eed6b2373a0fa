"""What is handed to every argument in turn: values of all kinds, each by a name.

Few of them are right for any one argument, and `argument_cases.py` says which. All others must
raise an error that names the argument.
"""

import datetime

import numpy as np
import pytest
import scipy.sparse

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")

# As many rows and columns as the data of `argument_cases.py` have.
N_ROWS, N_COLUMNS = 12, 3


def _masked():
    return np.ma.masked_array(np.ones(N_ROWS), mask=np.arange(N_ROWS) == 1)


# Made anew for each call: a caller's value must not be changed by the one before.
MAKERS = {
    "None": lambda: None,
    "object": object,
    "nan": lambda: np.nan,
    "inf": lambda: np.inf,
    "-1": lambda: -1,
    "0": lambda: 0,
    "1": lambda: 1,
    "2": lambda: 2,
    "0.5": lambda: 0.5,
    "True": lambda: True,
    "10**400": lambda: 10**400,
    "complex": lambda: 1j,
    "word": lambda: "bad",
    "bytes": lambda: b"x",
    "[]": list,
    "[[]]": lambda: [[]],
    "{}": dict,
    "{1: 2}": lambda: {1: 2},
    "class": lambda: int,
    "function": lambda: lambda *given: None,
    "generator": lambda: (n for n in (1, 2)),
    "date": lambda: datetime.date(2020, 1, 1),
    "dates": lambda: np.array(["2020-01-01"] * N_ROWS, dtype="datetime64[D]"),
    "array": lambda: np.array([1, 2]),
    "vector": lambda: np.arange(N_ROWS) % 2,
    "nan vector": lambda: np.where(np.arange(N_ROWS) == 1, np.nan, 1.0),
    "huge vector": lambda: [10**400] * N_ROWS,
    "complex vector": lambda: np.full(N_ROWS, 1j),
    "masked vector": _masked,
    "words with None": lambda: np.array([None, *["a", "b"] * 6][:N_ROWS], dtype=object),
    "words with NA": lambda: pd.Series([pd.NA, *["a", "b"] * 6][:N_ROWS], dtype="string"),
    "words and numbers": lambda: np.array([1, "a"] * (N_ROWS // 2), dtype=object),
    "matrix": lambda: np.arange(N_ROWS * N_COLUMNS, dtype=float).reshape(N_ROWS, -1) % 5,
    "nan matrix": lambda: np.full((N_ROWS, N_COLUMNS), np.nan),
    "word matrix": lambda: np.full((N_ROWS, N_COLUMNS), "a"),
    "narrow matrix": lambda: np.ones((N_ROWS, N_COLUMNS - 1)),
    "empty matrix": lambda: np.empty((0, N_COLUMNS)),
    "cube": lambda: np.ones((N_ROWS, N_COLUMNS, 2)),
    "ragged": lambda: [[1.0, 2.0, 3.0]] * (N_ROWS - 1) + [[1.0]],
    "sparse": lambda: scipy.sparse.csr_matrix(np.eye(N_ROWS, N_COLUMNS)),
    "sparse column": lambda: scipy.sparse.csr_matrix(np.eye(N_ROWS, 1)),
    "frame of dates": lambda: pd.DataFrame({"a": pd.date_range("2020", periods=N_ROWS)}),
    "lazy frame": lambda: pl.LazyFrame({"a": [1.0] * N_ROWS}),
}
NAMES = frozenset(MAKERS)
