"""TableEncoder: the formula in plain NumPy, and one matrix from every library and dtype."""

import datetime
import pickle
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from preprocessing.oracles import encoded_category, encoded_number
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skdeep.preprocessing import PiecewiseLinearEncoder, TableEncoder

N = 48
GENERATOR = np.random.default_rng(0)
AMOUNT = GENERATOR.normal(size=N).round(2)
AGE = [None if k % 7 == 0 else int(k % 11) for k in range(N)]
FLAG = [k % 5 == 0 for k in range(N)]
CONSENT = [None if k % 6 == 0 else k % 4 == 0 for k in range(N)]
COLOUR = [["red", "green", "blue", "green"][k % 4] for k in range(N)]
TOWN = [None if k % 8 == 0 else f"town {k % 9}" if k % 9 < 6 else f"rare {k}" for k in range(N)]
SEX = [["f", "m"][k % 3 == 0] for k in range(N)]
NUMBERS = {"amount": AMOUNT, "age": AGE, "flag": FLAG, "consent": CONSENT}
TEXTS = {"colour": COLOUR, "town": TOWN, "sex": SEX}


def plain_pandas():
    ages = np.array([np.nan if age is None else age for age in AGE])
    consents = np.array([np.nan if c is None else c for c in CONSENT], dtype=float)
    numbers = {"amount": AMOUNT, "age": ages, "flag": FLAG, "consent": consents}
    return pd.DataFrame({**numbers, **TEXTS})


def nullable_pandas():
    dtypes = {"amount": "Float64", "age": "Int64", "flag": "boolean", "consent": "boolean"}
    return with_dtypes({**dtypes, **dict.fromkeys(TEXTS, "string")})


def with_dtypes(dtypes):
    return pd.DataFrame(
        {name: pd.Series(list(v), dtype=dtypes[name]) for name, v in {**NUMBERS, **TEXTS}.items()}
    )


def arrow_pandas():
    pa = pytest.importorskip("pyarrow")
    types = {"amount": pa.float64(), "age": pa.int32(), "flag": pa.bool_(), "consent": pa.bool_()}
    types |= {"colour": pa.string(), "town": pa.large_string()}
    types |= {"sex": pa.dictionary(pa.int32(), pa.string())}
    return with_dtypes({name: pd.ArrowDtype(kind) for name, kind in types.items()})


def categorical_pandas():
    frame = plain_pandas()
    for name in TEXTS:
        frame[name] = pd.Categorical(frame[name])
    return frame


def reversed_categories():
    """Categories in another order, and some that no row has."""
    frame = plain_pandas()
    for name in TEXTS:
        categories = sorted(set(frame[name].dropna()), reverse=True)
        frame[name] = pd.Categorical(frame[name], ["nowhere", *categories, "never"])
    return frame


def polars_frame():
    return pl.DataFrame({name: list(values) for name, values in {**NUMBERS, **TEXTS}.items()})


def polars_categories():
    frame = polars_frame()
    enum = pl.Enum(["green", "blue", "red", "white"])
    return frame.with_columns(
        pl.col("town", "sex").cast(pl.Categorical), pl.col("colour").cast(enum)
    )


def polars_objects():
    return polars_frame().with_columns(pl.Series("town", TOWN, dtype=pl.Object))


def object_array():
    return np.array([list(v) for v in {**NUMBERS, **TEXTS}.values()], dtype=object).T


SOURCES = {
    "plain pandas": plain_pandas,
    "nullable pandas": nullable_pandas,
    "arrow pandas": arrow_pandas,
    "categorical pandas": categorical_pandas,
    "reversed categories": reversed_categories,
    "objects in pandas": lambda: plain_pandas().astype(object),
    "columns of their own index": lambda: plain_pandas().set_index(pd.Index(range(N, 0, -1))),
    "polars": polars_frame,
    "polars categories": polars_categories,
    "polars objects": polars_objects,
    "array": object_array,
    "lists": lambda: object_array().tolist(),
    "fortran": lambda: np.asfortranarray(object_array()),
}


def expected_matrix(n_bins, scale, min_frequency=3):
    ones = np.ones(N)
    columns = []
    for values in NUMBERS.values():
        floats = np.array([np.nan if v is None else v for v in values], dtype=float)
        columns.append(encoded_number(floats, floats, ones, n_bins, scale))
    columns += [encoded_category(v, v, min_frequency) for v in TEXTS.values()]
    return np.hstack(columns)


@pytest.mark.parametrize("scale", [None, 3.0])
@pytest.mark.parametrize("n_bins", [1, 4, 16])
def test_it_is_the_formula(n_bins, scale):
    encoder = TableEncoder(n_bins, scale=scale, dtype="float64")
    found = encoder.fit_transform(plain_pandas())
    assert_allclose(found, expected_matrix(n_bins, scale), atol=1e-12)
    encoder.set_params(dtype="float32")
    assert_allclose(encoder.fit_transform(plain_pandas()), found, atol=1e-4)


@pytest.mark.parametrize("min_frequency", [1, 2, 3, 5, 100])
def test_levels_are_the_frequent_values(min_frequency):
    found = TableEncoder(4, min_frequency=min_frequency).fit_transform(plain_pandas())
    assert_allclose(found, expected_matrix(4, 3.0, min_frequency), atol=1e-4)


@pytest.mark.parametrize("source", SOURCES)
def test_every_library_and_dtype_gives_the_same_matrix(source):
    X, plain = SOURCES[source](), plain_pandas()
    expected = TableEncoder().fit_transform(plain)
    encoder = TableEncoder().fit(X)
    assert_array_equal(encoder.transform(X), expected)
    # Rows of one kind are read by what was fitted on another, and few rows as many are.
    given = plain if hasattr(X, "columns") else plain.astype(object).to_numpy()
    assert_array_equal(encoder.transform(given), expected)
    assert_array_equal(encoder.transform(X[:1]), expected[:1])
    many = repeated(X, 10)
    assert_array_equal(encoder.transform(many), np.tile(expected, (10, 1)))
    kinds = ["numeric"] * 4 + ["category", "category", "binary"]
    assert [column.kind for column in encoder.columns_] == kinds


def repeated(X, times):
    if isinstance(X, pl.DataFrame):
        return pl.concat([X] * times)
    if isinstance(X, pd.DataFrame):
        return pd.concat([X] * times, ignore_index=True)
    return np.tile(np.array(X, dtype=object), (times, 1))


@pytest.mark.parametrize("source", ["plain pandas", "categorical pandas", "polars", "array"])
def test_rows_without_weight_count_in_nothing(source):
    X = SOURCES[source]()
    weights = GENERATOR.integers(0, 3, size=N)
    kept = np.flatnonzero(weights)
    rows = X.iloc[kept] if isinstance(X, pd.DataFrame) else X[kept]
    expected = TableEncoder().fit(rows, sample_weight=weights[kept])
    encoder = TableEncoder().fit(X, sample_weight=weights)
    assert_array_equal(encoder.transform(X), expected.transform(X))
    assert list(encoder.get_feature_names_out()) == list(expected.get_feature_names_out())


@given(st.data())
def test_any_small_table_is_the_formula(data):
    n = data.draw(st.integers(1, 12))
    rows = {"min_size": n, "max_size": n}
    number = data.draw(st.lists(st.sampled_from([np.nan, -1.0, 0.0, 0.5, 7.0]), **rows))
    category = data.draw(st.lists(st.sampled_from([None, "a", "b", "c"]), **rows))
    weights = np.array(data.draw(st.lists(st.integers(0, 3), **rows)))
    min_frequency, n_bins = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 4))
    assume(weights.any())
    seen = [value for value, weight in zip(category, weights, strict=True) if weight]
    numbers = np.array(number)
    expected = np.hstack(
        [
            encoded_number(numbers, numbers, weights, n_bins, 3.0),
            encoded_category(category, seen, min_frequency),
        ]
    )
    frame = {"category": category, "number": number}
    encoder = TableEncoder(n_bins, min_frequency=min_frequency, dtype="float64")
    for X in (pd.DataFrame(frame).astype({"category": object}), pl.DataFrame(frame)):
        found = encoder.fit(X, sample_weight=weights).transform(X)
        assert_allclose(found, expected, atol=1e-9)


def test_integer_weights_are_copies_of_numbers():
    weights = GENERATOR.integers(0, 4, size=N)
    X = plain_pandas()[list(NUMBERS)]
    copies = X.loc[np.repeat(np.arange(N), weights)]
    weighted = TableEncoder(dtype="float64").fit(X, sample_weight=weights).transform(X)
    assert_allclose(weighted, TableEncoder(dtype="float64").fit(copies).transform(X), rtol=1e-10)


@pytest.mark.parametrize("source", SOURCES)
def test_the_table_is_left_as_it_was(source):
    X, again = SOURCES[source](), SOURCES[source]()
    if isinstance(X, np.ndarray):
        X.flags.writeable = False
    TableEncoder().fit(X).transform(X)
    if isinstance(X, pd.DataFrame):
        pd.testing.assert_frame_equal(X, again)
    elif isinstance(X, pl.DataFrame) and source != "polars objects":
        assert X.equals(again)
    elif isinstance(X, np.ndarray):
        assert_array_equal(X, again)


def test_read_only_numbers_are_left_as_they_were():
    X = GENERATOR.normal(size=(20, 3))
    X.flags.writeable = False
    before = X.copy()
    assert np.isfinite(TableEncoder().fit_transform(X)).all()
    assert_array_equal(X, before)


def test_numbers_alone_are_what_the_piecewise_linear_encoder_makes():
    X = np.column_stack([AMOUNT, np.arange(N) % 7])
    expected = PiecewiseLinearEncoder(8, scale=3.0).fit_transform(X)
    assert_array_equal(TableEncoder(8).fit_transform(X), expected)


def test_unseen_rare_and_missing_values_have_zeros():
    X = pd.DataFrame({"x": np.arange(12.0), "c": list("aaabbbcccdde"), "s": list("mf") * 6})
    encoder = TableEncoder(2).fit(X)
    new = pd.DataFrame({"x": [np.nan] * 3, "c": ["d", "unseen", None], "s": ["x", None, "?"]})
    assert_array_equal(encoder.transform(new), np.zeros((3, encoder.transform(X).shape[1])))


def test_two_levels_beside_a_rare_one_are_no_binary_feature():
    frequent, rare = list("aaabbb"), list("aaabbbc")
    assert TableEncoder().fit(pd.DataFrame({"c": frequent})).columns_[0].kind == "binary"
    assert TableEncoder().fit(pd.DataFrame({"c": rare})).columns_[0].kind == "category"
    missing = pd.DataFrame({"c": [*frequent, None]})
    assert TableEncoder().fit(missing).columns_[0].kind == "category"


def test_missing_may_be_one_of_two_levels():
    X = pd.DataFrame({"c": ["a"] * 4 + [None] * 3})
    encoder = TableEncoder().fit(X)
    assert encoder.columns_[0].levels == ("a", None)
    assert_array_equal(encoder.transform(X).ravel(), [-1] * 4 + [1] * 3)
    assert list(encoder.get_feature_names_out()) == ["c: missing"]


def test_the_most_frequent_levels_are_kept_in_order():
    X = pd.DataFrame({"c": list("aaabbbbbccccdddd")})
    encoder = TableEncoder(max_categories=2).fit(X)
    assert encoder.columns_[0].levels == ("b", "c")


# --------------------------------------------------------------------- which columns are categories

CODES = np.column_stack([np.arange(N) % 4, AMOUNT, np.arange(N) % 3])
CODES_FRAME = pd.DataFrame(CODES, columns=["kind", "amount", "shape"])
CHOICES = [
    (CODES, [0, 2]),
    (CODES, np.array([True, False, True])),
    (CODES_FRAME, ["kind", "shape"]),
    (CODES_FRAME, np.array(["kind", "shape"])),
    (CODES_FRAME, [0, 2]),
    (pl.from_pandas(CODES_FRAME), ("shape", "kind")),
    (CODES_FRAME.astype({"kind": "category", "shape": "category"}), "from_dtype"),
    (CODES_FRAME.astype({"kind": int, "shape": "Int8"}), ["kind", "shape"]),
    (CODES.astype(object), [2, 0]),
]


@pytest.mark.parametrize(("X", "categorical_features"), CHOICES)
def test_categories_are_named_as_for_hist_gradient_boosting(X, categorical_features):
    encoder = TableEncoder(4, categorical_features=categorical_features).fit(X)
    assert [column.kind for column in encoder.columns_] == ["category", "numeric", "category"]
    assert encoder.columns_[0].levels == (0, 1, 2, 3)
    expected = TableEncoder(4, categorical_features=[0, 2]).fit_transform(CODES)
    assert_array_equal(encoder.transform(X), expected)


@pytest.mark.parametrize("categorical_features", [None, "from_dtype", [], np.zeros(3, dtype=bool)])
def test_numbers_are_no_categories_unless_they_are_named(categorical_features):
    encoder = TableEncoder(categorical_features=categorical_features).fit(CODES)
    assert {column.kind for column in encoder.columns_} == {"numeric"}


def test_a_missing_number_is_a_level():
    kinds = np.where(np.arange(N) % 5 == 0, np.nan, CODES[:, 0])[:, None]
    encoder = TableEncoder(categorical_features=[0]).fit(kinds)
    assert encoder.columns_[0].levels == (0.0, 1.0, 2.0, 3.0, None)
    assert_array_equal(encoder.transform([[np.nan]]), [[0, 0, 0, 0, 1]])


def test_intervals_may_be_categories():
    X = pd.DataFrame({"c": pd.cut(AMOUNT, 3)})
    encoder = TableEncoder(min_frequency=1).fit(X)
    assert encoder.transform(X).sum() == N
    assert list(encoder.columns_[0].levels) == list(X["c"].cat.categories)


BAD_CHOICES = [
    (CODES, ["kind"], "integers or as a boolean mask when the model is fitted on data without"),
    (CODES_FRAME, ["kin"], "item value 'kin' which is not a valid feature name"),
    (CODES, [3], r"must be in \[0, n_features - 1\] = \[0, 2\], got \[3\]"),
    (CODES, [-1], "must be in"),
    (CODES, [True, False], r"must have shape \(n_features,\) = \(3,\), got shape \(2,\)"),
    (CODES, [0.5], "must be an array-like of bool, int or str, got: float"),
    (CODES_FRAME, np.array(["kind", 0], dtype=object), "bool, int or str, got: int, str"),
]


@pytest.mark.parametrize(("X", "categorical_features", "message"), BAD_CHOICES)
def test_a_bad_choice_of_categories_is_named(X, categorical_features, message):
    with pytest.raises(ValueError, match=message):
        TableEncoder(categorical_features=categorical_features).fit(X)


# ------------------------------------------------------------------------------------- bad tables

DATES = pd.date_range("2020-01-01", periods=4)
BAD_TABLES = {
    "dates": (pd.DataFrame({"day": DATES}), TypeError, "'day' of X holds dates.*day of the week"),
    "zoned": (pd.DataFrame({"day": DATES.tz_localize("UTC")}), TypeError, "'day' of X holds dates"),
    "durations": (pd.DataFrame({"d": DATES - DATES[0]}), TypeError, r"'d' .*astype\(\"int64\"\)"),
    "periods": (pd.DataFrame({"p": DATES.to_period("M")}), TypeError, "'p' of X holds dates"),
    "date objects": (pd.DataFrame({"d": list(DATES.date)}), TypeError, "'d' of X holds dates"),
    "polars dates": (pl.DataFrame({"day": DATES.to_list()}), TypeError, "'day' of X holds dates"),
    "polars times": (
        pl.DataFrame({"t": [datetime.time(3), datetime.time(4)]}),
        TypeError,
        "'t' of X holds dates, times",
    ),
    "array of dates": (DATES.to_numpy()[:, None], TypeError, "column 0 of X holds dates"),
    "1 and '1'": (pd.DataFrame({"m": [1, "1", 2]}), TypeError, "'m' of X holds values of several"),
    "1 and '1' in categories": (
        pd.DataFrame({"m": pd.Categorical([1, "1", 1])}),
        TypeError,
        "'m' of X holds values of several types",
    ),
    "mixed array": (
        np.array([[1], ["1"]], dtype=object),
        TypeError,
        "column 0 of X holds values of several types",
    ),
    "lists": (
        pd.DataFrame({"x": [[1], [2]]}),
        TypeError,
        "'x' of X holds objects.*argument must be a string or a number",
    ),
    "polars lists": (pl.DataFrame({"x": [[1], [2]]}), TypeError, "'x' of X holds objects"),
    "polars structs": (pl.DataFrame({"x": [{"a": 1}]}), TypeError, "'x' of X holds objects"),
    "bytes": (pd.DataFrame({"x": [b"a", b"b"]}), TypeError, "'x' of X holds objects"),
    "infinite": (
        pd.DataFrame({"a": [1.0, 2], "b": [1, np.inf]}),
        ValueError,
        "contains infinity: column 'b'",
    ),
    "infinite polars": (pl.DataFrame({"b": [1.0, -np.inf]}), ValueError, "infinity: column 'b'"),
    "infinite array": (np.array([[1, np.inf]]), ValueError, "infinity: column 1"),
    "huge integer": (
        np.array([[10**400], [1]], dtype=object),
        ValueError,
        "column 0 of X contains a number too large for float64.*infinity",
    ),
    "huge long double": (
        np.array([["1e4000"], ["1"]], dtype=np.longdouble),
        ValueError,
        "infinity: column 0",
    ),
    "complex": (np.array([[1j], [2]]), ValueError, "Complex data not supported"),
    "complex frame": (
        pd.DataFrame({"z": [1j, 2]}),
        ValueError,
        "Complex data not supported: column 'z'",
    ),
    "complex objects": (
        np.array([[1j], [2j]], dtype=object),
        ValueError,
        "Complex data not supported: column 0",
    ),
    "duplicated names": (
        pd.DataFrame([[1, 2, 3]], columns=["a", "b", "a"]),
        ValueError,
        "more than one 'a'",
    ),
    "names of two types": (pd.DataFrame([[1, 2]], columns=["a", 0]), TypeError, "string names"),
    "no columns": (pd.DataFrame(index=range(3)), ValueError, r"0 feature\(s\) \(shape=\(3, 0\)\)"),
    "no columns in polars": (pl.DataFrame(), ValueError, r"0 sample\(s\)|0 feature\(s\)"),
    "no rows": (pd.DataFrame({"a": []}), ValueError, r"0 sample\(s\)"),
    "no columns in an array": (np.empty((3, 0)), ValueError, r"0 feature\(s\)"),
    "one dimension": (AMOUNT, ValueError, "(?s)Expected 2D array, got 1D array.*Reshape"),
    "three dimensions": (np.zeros((2, 2, 2)), ValueError, "dim 3"),
    "a series": (pd.Series(AMOUNT), ValueError, "Expected a 2-dimensional container"),
    "sparse": (scipy.sparse.eye_array(3), TypeError, r"X\.toarray\(\), or DeepMLPClassifier"),
}


@pytest.mark.parametrize("case", BAD_TABLES)
def test_a_bad_table_is_told_what_is_wrong(case):
    X, Error, message = BAD_TABLES[case]
    with pytest.raises(Error, match=message):
        TableEncoder().fit(X)


def test_strings_are_an_error_where_there_are_no_categories():
    with pytest.raises(TypeError, match=r"'colour' of X holds strings.*categorical_features"):
        TableEncoder(categorical_features=None).fit(plain_pandas())


FEW_ROWS = {"a row": 1, "two rows": 2}


@pytest.mark.parametrize("n", FEW_ROWS.values(), ids=FEW_ROWS)
@pytest.mark.parametrize("source", SOURCES)
def test_few_rows_are_a_table(source, n):
    X = SOURCES[source]()[:n]
    encoder = TableEncoder(min_frequency=1).fit(X)
    found = encoder.transform(X)
    assert np.isfinite(found).all()
    assert found.shape == (n, len(encoder.get_feature_names_out()))


@pytest.mark.parametrize(
    "X",
    [
        pd.DataFrame({"x": [np.nan] * 4, "y": range(4)}),
        pd.DataFrame({"x": [None] * 4, "y": range(4)}),
        pd.DataFrame({"x": pd.Series([pd.NA] * 4, dtype="Int64"), "y": range(4)}),
        pd.DataFrame({"x": pd.Categorical([None] * 4), "y": range(4)}),
        pd.DataFrame({"x": ["a"] * 4, "y": range(4)}),
        pd.DataFrame({"x": list("abcd"), "y": range(4)}),
        pl.DataFrame({"x": [None] * 4, "y": range(4)}),
        np.array([[None, 0], [None, 1], [None, 2], [None, 3]], dtype=object),
    ],
)
def test_a_column_that_tells_nothing_is_dropped(X):
    encoder = TableEncoder(2).fit(X)
    assert encoder.columns_[0].kind == "dropped"
    assert encoder.transform(X).shape == (4, 2)
    assert "dropped" in repr(encoder.columns_[0])


def test_missing_dates_and_numbers_of_any_type_are_missing():
    days = pd.DataFrame({"c": pd.to_datetime(["2020-01-01"] * 3 + [None] * 3 + ["2020-01-02"] * 3)})
    nan = Decimal("nan")
    cases = [days, days.to_numpy(), days.astype(object)]
    cases.append(np.array([[Decimal(1)]] * 3 + [[nan]] * 3 + [[Decimal(2)]] * 3))
    cases.append(np.array([[1.0]] * 3 + [[pd.NA]] * 3 + [[2]] * 3, dtype=object))
    cases.append(np.array([[np.float32(1)]] * 3 + [[np.float32("nan")]] * 3 + [[2]] * 3, object))
    for X in cases:
        encoder = TableEncoder(categorical_features=[0]).fit(X)
        assert len(encoder.columns_[0].levels) == 3
        assert encoder.columns_[0].levels[-1] is None
        assert encoder.transform(X).sum() == 9


def test_numbers_may_be_objects_of_any_type():
    values = [Decimal("1.5"), None, 2, np.float32(2.5), pd.NA, True, np.nan, Fraction(1, 2)]
    X = np.array(values, dtype=object)[:, None]
    floats = np.array([1.5, np.nan, 2, 2.5, np.nan, 1, np.nan, 0.5])[:, None]
    assert_array_equal(TableEncoder().fit_transform(X), TableEncoder().fit_transform(floats))


def test_numbers_beside_strings_in_lists_stay_numbers():
    rows = [[float(k), "abc"[k % 3]] for k in range(12)]
    encoder = TableEncoder(2).fit(rows)
    assert [column.kind for column in encoder.columns_] == ["numeric", "category"]
    assert_array_equal(encoder.transform(rows), encoder.transform(np.array(rows, dtype=object)))


@pytest.mark.parametrize("dtype", ["U1", np.dtypes.StringDType(), object])
def test_an_array_of_strings_is_categories(dtype):
    X = np.array([["a"], ["b"], ["c"]] * 4, dtype=dtype)
    assert_array_equal(TableEncoder().fit_transform(X), np.tile(np.eye(3), (4, 1)))


def test_values_without_an_order_are_sorted_by_their_names():
    values = [frozenset("b"), frozenset("a"), (1,)]
    X = pd.DataFrame({"c": pd.Series(values * 3, dtype=object)})
    encoder = TableEncoder(categorical_features=["c"]).fit(X)
    assert encoder.columns_[0].levels == ((1,), frozenset("a"), frozenset("b"))


def test_a_hundred_thousand_levels():
    values = np.array([f"level {k}" for k in range(100_000)], dtype=object)
    X = pd.DataFrame({"c": np.concatenate([values, values[:300], values[:300]])})
    encoder = TableEncoder(max_categories=100).fit(X)
    assert len(encoder.columns_[0].levels) == 100
    assert encoder.transform(X[:300]).sum() == 100


def test_other_columns_than_in_fit_are_scikit_learns_errors():
    X = plain_pandas()
    encoder = TableEncoder().fit(X)
    with pytest.raises(ValueError, match=r"(?s)feature names should match.*same order"):
        encoder.transform(X[X.columns[::-1]])
    with pytest.raises(ValueError, match=r"(?s)unseen at fit time:\n- x"):
        encoder.transform(X.rename(columns={"age": "x"}))
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        encoder.transform(object_array())
    with pytest.raises(ValueError, match="X has 2 features, but TableEncoder is expecting 3"):
        TableEncoder().fit(CODES).transform(CODES[:, :2])
    with pytest.warns(UserWarning, match="X has feature names, but TableEncoder was fitted"):
        TableEncoder().fit(CODES).transform(CODES_FRAME)


@pytest.mark.parametrize(
    ("fitted", "given", "message"),
    [
        (["a", "b"] * 3, [1, 2], "'c' of X holds numbers, and held strings in fit"),
        ([1, 2] * 3, ["1", "2"], "'c' of X holds strings, and held numbers in fit"),
    ],
)
def test_categories_of_another_type_than_in_fit_are_an_error(fitted, given, message):
    encoder = TableEncoder(categorical_features=["c"]).fit(pd.DataFrame({"c": fitted}))
    with pytest.raises(TypeError, match=message):
        encoder.transform(pd.DataFrame({"c": given}))


def test_strings_where_fit_had_numbers_are_an_error():
    encoder = TableEncoder().fit(CODES_FRAME)
    with pytest.raises(TypeError, match="'amount' of X holds strings"):
        encoder.transform(CODES_FRAME.astype({"amount": str}))


# -------------------------------------------------------------------------------- beside the matrix


def test_columns_say_what_has_become_of_them():
    X = pd.DataFrame(
        {
            "colour": list("rgbrgbrgb"),
            "age": [20, 30, np.nan, 40, 50, 60, 70, 80, 90],
            "sex": list("mfmfmfmfm"),
            "known": [np.nan, 1] * 4 + [1],
            "same": 1,
        }
    )
    encoder = TableEncoder(2).fit(X)
    assert [repr(column) for column in encoder.columns_] == [
        "<colour: category of 3 levels 'b', 'g', 'r', outputs 4 to 6>",
        "<age: numeric, 2 bins from 20 to 90 and missing, outputs 0 to 2>",
        "<sex: binary of 2 levels 'f', 'm', output 7>",
        "<known: missing or not, output 3>",
        "<same: dropped, it is constant or has no level>",
    ]
    assert list(encoder.get_feature_names_out()) == [
        "age: 20 to 55",
        "age: 55 to 90",
        "age: missing",
        "known: missing",
        "colour: b",
        "colour: g",
        "colour: r",
        "sex: m",
    ]
    assert_array_equal(encoder.columns_[1].edges, [20, 55, 90])
    with pytest.raises(AttributeError):
        encoder.columns_[1].kind = "dropped"


def test_a_level_called_missing_has_a_name_of_its_own():
    X = pd.DataFrame({"c": ["missing"] * 3 + [None] * 3 + ["a"] * 3})
    names = list(TableEncoder().fit(X).get_feature_names_out())
    assert names == ["c: a", "c: missing", "c: missing (2)"]


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_set_output(library):
    X = plain_pandas()
    encoder = TableEncoder(4).set_output(transform=library)
    found = encoder.fit_transform(X)
    assert type(found).__module__.startswith(library)
    assert list(found.columns) == list(encoder.get_feature_names_out())
    assert_array_equal(np.asarray(found), TableEncoder(4).fit_transform(X))


def test_it_is_pickled():
    X = categorical_pandas()
    encoder = TableEncoder().fit(X)
    assert_array_equal(pickle.loads(pickle.dumps(encoder)).transform(X), encoder.transform(X))


def test_it_is_a_step_of_a_pipeline():
    y = np.arange(N) % 3 == 0
    model = make_pipeline(TableEncoder(), LogisticRegression())
    assert model.fit(plain_pandas(), y).score(plain_pandas(), y) == 1
    encode = make_column_transformer((TableEncoder(), ["amount", "sex"]))
    assert encode.fit_transform(plain_pandas()).shape[0] == N


REFUSE = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in refused:
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, Refuse())
"""

WITHOUT_PANDAS = """
refused = {"pandas", "pyarrow"}
import polars as pl
from skdeep.preprocessing import TableEncoder
X = pl.DataFrame({"x": [1.0, 2, None, 4] * 200, "c": ["a", "b", None, "c"] * 200})
encoder = TableEncoder(2).fit(X.with_columns(pl.col("c").cast(pl.Categorical)))
assert encoder.transform(X).shape == (800, 7)
assert encoder.set_output(transform="polars").transform(X[:2]).shape == (2, 7)
"""

WITHOUT_EITHER = """
refused = {"pandas", "polars", "pyarrow"}
from skdeep.preprocessing import TableEncoder
X = [[float(k), "abc"[k % 3]] for k in range(12)]
assert TableEncoder(2).fit_transform(X).shape == (12, 5)
"""


@pytest.mark.parametrize("script", [WITHOUT_PANDAS, WITHOUT_EITHER])
def test_pandas_and_polars_need_not_be_there(script):
    run = subprocess.run(
        [sys.executable, "-c", REFUSE + script], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
