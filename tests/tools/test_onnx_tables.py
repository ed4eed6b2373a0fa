"""Tables in ONNX: encoders, and the ensembles for tables as one graph from the raw columns."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from exported import classifier
from numpy.testing import assert_allclose, assert_array_equal
from onnx_graphs import CLOSE, check, raw_scores, run, session, session_of, skl2onnx
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline
from tabular.tables import FORMS, SIZE, TARGETS, numbers, plain, small

from skdeep import TabularMLPClassifier, TabularMLPRegressor
from skdeep.export import onnx_inputs, onnx_types
from skdeep.preprocessing import PiecewiseLinearEncoder, TableEncoder

pytestmark = [
    pytest.mark.tools,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::skdeep.exceptions.NoProgressWarning"),
]
each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])
CLASSES = ["two classes", "three classes", "labels"]
LOSSES = {
    "numbers": ["squared_error", "absolute_error", "huber", "quantile"],
    "two numbers": ["squared_error"],
    "counts": ["poisson"],
    "amounts": ["gamma"],
}
EACH_LOSS = [(target, loss) for target, losses in LOSSES.items() for loss in losses]


def others():
    """Rows that no fit has seen: with other levels, and missing where nothing was."""
    X = plain()
    X["colour"] = ["violet", None, "blue"] * 32
    X["town"] = ["town 3", "nowhere", np.nan] * 32
    X["size"] = np.where(np.arange(len(X)) % 5 == 0, np.nan, 5 * X["size"])
    return X


# ------------------------------------------------------------------------------------- ensembles


@each_dtype
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("target", CLASSES)
def test_classifiers_from_raw_columns(target, smoothing, dtype):
    model = small(TabularMLPClassifier, label_smoothing=smoothing, dtype=dtype)
    model.fit(plain(), TARGETS[target])
    for X in (plain(), others()):
        check(model, X)
        found = run(session(model, X, raw_scores=True), X)["probabilities"]
        assert_allclose(found, raw_scores(model, X), **CLOSE)


@each_dtype
@pytest.mark.parametrize(("target", "loss"), EACH_LOSS)
def test_regressors_from_raw_columns(target, loss, dtype):
    model = small(TabularMLPRegressor, loss=loss, dtype=dtype).fit(plain(), TARGETS[target])
    for X in (plain(), others()):
        check(model, X)
        found = run(session(model, X, return_std=True), X)
        mean, std = model.predict(X, return_std=True)
        assert_allclose(found["variable"], mean.reshape(len(X), -1), **CLOSE)
        assert_allclose(found["std"], std.reshape(len(X), -1), **CLOSE)


@pytest.mark.parametrize("activation", ["relu", "gelu", "mish"])
@pytest.mark.parametrize("settings", [{"n_bins": 4}, {"n_members": 1}, {"refit": False}], ids=str)
def test_ensembles_of_any_shape(settings, activation):
    model = small(TabularMLPClassifier, activation=activation, **settings)
    check(model.fit(plain(), TARGETS["three classes"]), plain())


@pytest.mark.parametrize("form", FORMS)
def test_tables_of_any_library(form):
    X = FORMS[form]()
    model = small(TabularMLPClassifier).fit(X, TARGETS["two classes"])
    check(model, X)


def test_members_and_encoders_alone():
    X = plain()
    model = small(TabularMLPClassifier).fit(X, TARGETS["three classes"])
    encoder, member = model.encoders_[1], model.members_[-1]
    encoded = run(session(encoder, X), X)["variable"]
    assert_allclose(encoded, encoder.transform(X), rtol=1e-6)
    check(member, encoded)


def test_another_program_than_onnx_runtime_agrees():
    reference = pytest.importorskip("onnx.reference")
    X, y = plain(), TARGETS["three classes"]
    model = small(TabularMLPClassifier, activation=["gelu", "mish"]).fit(X, y)
    types, options = onnx_types(X), {"zipmap": False}
    graph = skl2onnx.to_onnx(model, initial_types=types, options=options)
    inputs = onnx_inputs(session_of(graph), X)
    label, p = reference.ReferenceEvaluator(graph).run(None, inputs)
    assert_array_equal(label, model.predict(X))
    assert_allclose(p, model.predict_proba(X), rtol=0, atol=1e-5)


def test_a_target_far_from_zero_keeps_its_digits():
    y = 1e6 + TARGETS["numbers"]
    model = small(TabularMLPRegressor).fit(plain(), y)
    found = run(session(model, plain()), plain())["variable"][:, 0]
    assert_allclose(found, model.predict(plain()), rtol=1e-11)


@pytest.mark.parametrize("rows", ["float32", "float64", "int64"])
def test_one_matrix_of_numbers(rows):
    X = (10 * numbers()).astype(rows)
    model = small(TabularMLPClassifier, categorical_features=[1, 3])
    model.fit(X, TARGETS["two classes"])
    graph = skl2onnx.to_onnx(model, X[:1], options={"zipmap": False})
    label, p = session_of(graph).run(None, {"X": X})
    assert_array_equal(label, model.predict(X))
    assert_allclose(p, model.predict_proba(X), atol=1e-5, rtol=0)


@pytest.mark.parametrize("Estimator", [TabularMLPClassifier, TabularMLPRegressor])
def test_a_table_that_tells_nothing(Estimator):
    X = pd.DataFrame({"one": 1.0, "word": "same"}, index=range(96))
    y = TARGETS["two classes"]
    check(small(Estimator).fit(X, y), X)


def test_columns_are_found_by_their_names():
    X = plain()
    model = small(TabularMLPClassifier).fit(X, TARGETS["two classes"])
    other_order = X[["town", "flag", "size", "colour", "age"]]
    found = run(session(model, other_order), X)
    assert_allclose(found["probabilities"], model.predict_proba(X), atol=1e-5, rtol=0)


def test_names_that_onnx_has_not():
    X = plain().rename(columns={"size": "the size", "age": "2nd", "town": "where-from"})
    model = small(TabularMLPClassifier).fit(X, TARGETS["two classes"])
    check(model, X)


# ------------------------------------------------------------------------------------- encoders


def values_of_all_kinds():
    """Numbers and categories of every kind that the encoding tells apart."""
    n = 60
    row = np.arange(n)
    return pd.DataFrame(
        {
            "number": np.sin(row),
            "number, missing": np.where(row % 4 == 0, np.nan, row**1.5),
            "number, all but missing": np.where(row % 4 == 0, np.nan, 7.0),
            "constant": np.full(n, 3.0),
            "two numbers": row % 2,
            "large": np.sin(row) * 1e30,
            "word": pd.Series(np.array(["a", "ä", "", "d"])[row % 4], dtype=object),
            "word, missing": pd.Series([None if k % 3 == 0 else f"w{k % 5}" for k in row]),
            "two words": pd.Series(np.array(["no", "yes"])[row % 2], dtype=object),
            "rare word": pd.Series([f"w{k}" if k < 9 else "common" for k in row], dtype=object),
            "same word": pd.Series(["same"] * n, dtype=object),
        }
    )


@each_dtype
@pytest.mark.parametrize("scale", [None, 3.0])
@pytest.mark.parametrize("n_bins", [1, 5, 40])
def test_encodings_are_equal(n_bins, scale, dtype):
    X = values_of_all_kinds()
    encoder = TableEncoder(n_bins, scale=scale, dtype=dtype).fit(X)
    other = X.sample(frac=1, random_state=0).reset_index(drop=True).shift(1)
    for rows in (X, other):
        found = run(session(encoder, X), rows)["variable"]
        # Equal up to where one of them is rounded the other way.
        eps = float(np.finfo(dtype).eps)
        assert_allclose(found, encoder.transform(rows), rtol=eps, atol=10 * eps)


CATEGORIES = {
    "whole numbers": np.arange(60) % 5 * 100 - 200,
    "fractions": np.array([0.1, 0.25, 1e20, -3.0])[np.arange(60) % 4],
    "missing": np.where(np.arange(60) % 3 == 0, np.nan, np.arange(60) % 4),
    "two": np.arange(60) % 2 + 6.0,
    "flags": np.arange(60) % 2 == 0,
}


@pytest.mark.parametrize("rows", ["float32", "float64", "int64", "int32", "bool"])
@pytest.mark.parametrize("name", CATEGORIES)
def test_categories_of_numbers(name, rows):
    values = CATEGORIES[name]
    encoder = TableEncoder(categorical_features=[0], dtype="float64").fit(values[:, np.newaxis])
    with np.errstate(invalid="ignore"):
        X = values[:, np.newaxis].astype(rows)
    (found,) = session_of(skl2onnx.to_onnx(encoder, X[:1])).run(None, {"X": X})
    assert_array_equal(found, encoder.transform(X))


def test_whole_numbers_that_float64_has_not():
    values = 2**53 + np.arange(60).reshape(-1, 1) % 3
    encoder = TableEncoder(categorical_features=[0]).fit(values)
    (found,) = session_of(skl2onnx.to_onnx(encoder, values[:1])).run(None, {"X": values})
    assert_array_equal(found, encoder.transform(values))
    floats = values.astype("float64")
    (found,) = session_of(skl2onnx.to_onnx(encoder, floats[:1])).run(None, {"X": floats})
    assert_array_equal(found, encoder.transform(floats))


def test_decimals_are_equal_to_what_they_are_equal_to_in_python():
    values = np.array([Decimal("0.1"), Decimal("0.5"), Decimal(2)] * 20, dtype=object)[:, None]
    encoder = TableEncoder(categorical_features=[0]).fit(values)
    floats = values.astype("float64")
    (found,) = session_of(skl2onnx.to_onnx(encoder, floats[:1])).run(None, {"X": floats})
    assert_array_equal(found, encoder.transform(floats))


@pytest.mark.parametrize("missing", ["", None, np.nan, pd.NA, "None"], ids=repr)
def test_missing_strings(missing):
    words = pd.DataFrame({"word": pd.Series(["a", "b", None] * 10, dtype=object)})
    encoder = TableEncoder().fit(words)
    rows = np.array([["a"], [missing], ["z"]], dtype=object)
    (found,) = session(encoder, words).run(None, {"word": rows})
    assert_array_equal(found, [[1, 0, 0], [0, 0, 1], [0, 0, 0]])


def test_a_level_that_is_called_as_a_missing_string_goes_first():
    words = pd.DataFrame({"word": pd.Series(["None", "", None] * 10, dtype=object)})
    encoder = TableEncoder().fit(words)
    rows = np.array([[""], ["None"], ["nan"]], dtype=object)
    (found,) = session(encoder, words).run(None, {"word": rows})
    assert_array_equal(found, np.eye(3))


@each_dtype
@pytest.mark.parametrize("scale", [None, 2.0])
def test_piecewise_linear_encoder(scale, dtype):
    X = values_of_all_kinds().iloc[:, :6].to_numpy()
    encoder = PiecewiseLinearEncoder(7, scale=scale, dtype=dtype).fit(X)
    found = run(session(encoder, X), X)["variable"]
    eps = float(np.finfo(dtype).eps)
    assert_allclose(found, encoder.transform(X), rtol=eps, atol=10 * eps)


@pytest.mark.parametrize("Encoder", [TableEncoder, PiecewiseLinearEncoder])
def test_an_encoder_without_outputs(Encoder):
    X = np.ones((5, 2))
    found = run(session(Encoder().fit(X), X), X)["variable"]
    assert found.shape == (5, 0)


def test_infinite_numbers_are_the_largest_and_the_smallest():
    X = np.sin(np.arange(30.0))[:, np.newaxis]
    encoder = TableEncoder(n_bins=4).fit(X)
    found = run(session(encoder, X), np.array([[np.inf], [-np.inf]]))["variable"]
    assert_allclose(found, encoder.transform([X.max(axis=0), X.min(axis=0)]), rtol=1e-6)


def test_an_encoder_in_a_pipeline():
    X = plain()
    check(make_pipeline(TableEncoder(), classifier(5)).fit(X, TARGETS["three classes"]), X)


def test_columns_of_a_column_transformer_stay_as_they_are():
    # Numbers that are strings on the way have seven digits.
    X = plain().assign(size=1 + 1e-9 * SIZE)
    encode = ColumnTransformer([("table", TableEncoder(), list(X.columns))])
    check(make_pipeline(encode, classifier(5)).fit(X, TARGETS["two classes"]), X)
    piecewise = make_pipeline(TableEncoder(n_bins=2))
    encode = ColumnTransformer(
        [("t", piecewise, ["size", "town"]), ("rest", "passthrough", ["flag"])]
    )
    check(make_pipeline(encode, classifier(5)).fit(X, TARGETS["two classes"]), X)


# --------------------------------------------------------------------------- what cannot be done


def converted(model, **types):
    kinds = skl2onnx.common.data_types
    kinds = {name: getattr(kinds, f"{kind}TensorType") for name, kind in types.items()}
    initial = [(name, kind([None, 1])) for name, kind in kinds.items()]
    return skl2onnx.to_onnx(model, initial_types=initial)


def test_a_column_of_another_kind_is_named():
    X = pd.DataFrame({"n": np.arange(12.0), "word": pd.Series(["a", "b", "c"] * 4, dtype=object)})
    encoder = TableEncoder(categorical_features=["word"]).fit(X)
    with pytest.raises(TypeError, match=r"n is of numbers, and the input 'n' is of strings"):
        converted(encoder, n="String", word="String")
    with pytest.raises(TypeError, match=r"word held strings in fit, and the input 'word' is"):
        converted(encoder, n="Float", word="Int64")
    with pytest.raises(ValueError, match=r"TableEncoder takes 2 columns, got inputs \[\('n'"):
        converted(encoder, n="Float")
    numbers = TableEncoder(categorical_features=[0]).fit(np.arange(12).reshape(-1, 1) % 3)
    with pytest.raises(TypeError, match=r"column 0 held numbers in fit, and the input 'x' is"):
        converted(numbers, x="String")


def test_a_network_takes_no_strings():
    model = classifier(3, batch_size=4).fit(np.arange(12.0).reshape(-1, 1), [0, 1] * 6)
    with pytest.raises(TypeError, match=r"column 0 is of numbers, and the input 'x' is of strings"):
        converted(model, x="String")


def test_a_category_of_dates_is_named():
    days = pd.DataFrame({"day": pd.to_datetime(["2020-01-01", "2020-01-02", "2020-01-03"] * 4)})
    encoder = TableEncoder(categorical_features=["day"]).fit(days)
    with pytest.raises(TypeError, match=r"day is a category of .*strings and numbers only"):
        converted(encoder, day="String")
