"""What X may be: frames of every library and dtype, and what is refused, with the column's name."""

import datetime
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal
from tabular.tables import (
    BOTH,
    FORMS,
    MAY_MAKE_NO_PROGRESS,
    TARGETS,
    TEXTS,
    N,
    numbers,
    plain,
    predictions,
    small,
    target_for,
)

import skdeep
from skdeep import TabularMLPClassifier, TabularMLPRegressor

pytestmark = MAY_MAKE_NO_PROGRESS


# ------------------------------------------------------------ one table, many forms


@BOTH
@pytest.mark.parametrize("form", FORMS)
def test_the_same_table_gives_the_same_predictions(Estimator, form):
    X, y = FORMS[form](), target_for(Estimator)
    expected = small(Estimator).fit(plain(), y)
    model = small(Estimator).fit(X, y)
    assert_array_equal(predictions(model, X), predictions(expected, plain()))
    # Rows of another library than in fit.
    other = plain() if hasattr(X, "columns") else plain().astype(object).to_numpy()
    assert_array_equal(predictions(model, other), predictions(expected, plain()))


@BOTH
@pytest.mark.parametrize("features", [[2, 3], [False, False, True, True]], ids=["int", "bool"])
def test_categories_of_an_array(Estimator, features):
    codes = np.column_stack(
        [pd.factorize(np.array(values, dtype=object))[0] for values in TEXTS.values()]
    )
    X = np.column_stack([plain()[["size", "age"]], np.where(codes < 0, np.nan, codes)])
    frame = pd.DataFrame(X).astype({2: "category", 3: "category"})
    frame.columns = list("abcd")
    y = target_for(Estimator)
    by_dtype = small(Estimator).fit(frame, y)
    for given, columns in ((X, features), (pd.DataFrame(X, columns=list("abcd")), ["c", "d"])):
        model = small(Estimator, categorical_features=columns).fit(given, y)
        assert_array_equal(predictions(model, given), predictions(by_dtype, frame))
    as_numbers = small(Estimator, categorical_features=None).fit(X, y)
    assert (predictions(as_numbers, X) != predictions(by_dtype, frame)).any()


@BOTH
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.uint8, bool])
def test_numbers_of_every_dtype(Estimator, dtype):
    X = (numbers() > 0).astype(dtype)
    y = target_for(Estimator)
    expected = small(Estimator).fit(X.astype(float), y)
    assert_array_equal(
        predictions(small(Estimator).fit(X, y), X), predictions(expected, X.astype(float))
    )


@BOTH
def test_a_row_is_predicted_alike_alone_and_among_others(Estimator):
    model = small(Estimator).fit(plain(), target_for(Estimator))
    together = predictions(model, plain())
    for row in range(0, N, 19):
        assert_allclose(predictions(model, plain()[row : row + 1])[0], together[row], rtol=1e-12)


@BOTH
def test_names_that_are_no_strings_are_no_names(Estimator):
    frame, y = pd.DataFrame(numbers()), target_for(Estimator)
    model = small(Estimator).fit(frame, y)
    assert not hasattr(model, "feature_names_in_")
    expected = small(Estimator).fit(numbers(), y)
    for rows in (frame, numbers(), frame.rename(columns=lambda name: name + 7)):
        assert_array_equal(predictions(model, rows), predictions(expected, numbers()))
    with pytest.raises(
        TypeError, match="names are only supported if all input features have string"
    ):
        model.fit(frame.rename(columns={0: "a"}), y)


# ------------------------------------------------------------ new values at predict


@BOTH
def test_an_unseen_category_and_a_new_missing_value_are_zeros(Estimator):
    model = small(Estimator).fit(plain(), target_for(Estimator))
    new = plain()[:6].copy()
    new.loc[0:2, "colour"] = ["violet", None, "black"]
    new.loc[3:5, "size"] = np.nan
    new["town"] = new["town"].astype("category")
    found = predictions(model, new)
    assert np.isfinite(found).all()
    # What has no level is the same, whatever it is called.
    again = new.copy()
    again.loc[0:2, "colour"] = ["white", "white", "white"]
    assert_array_equal(predictions(model, again), found)
    for encoder in model.encoders_:
        names = list(encoder.get_feature_names_out())
        encoded = pd.DataFrame(encoder.transform(new), columns=names)
        assert (encoded.loc[0:2, [n for n in names if n.startswith("colour")]] == 0).all(axis=None)
        assert (encoded.loc[3:5, [n for n in names if n.startswith("size")]] == 0).all(axis=None)


@BOTH
def test_numbers_beyond_those_of_fit_are_those_at_the_end(Estimator):
    X = numbers()
    model = small(Estimator).fit(X, target_for(Estimator))
    beyond, at_the_end = X.copy(), X.copy()
    beyond[:, 0], at_the_end[:, 0] = 1e300, X[:, 0].max()
    assert_array_equal(predictions(model, beyond), predictions(model, at_the_end))


# ------------------------------------------------------------ what is refused


@BOTH
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X: X[list(X)[::-1]], "feature names"),
        (lambda X: X.rename(columns={"age": "years"}), r"(?s)unseen at fit time.*years"),
        (lambda X: X.drop(columns="age"), r"(?s)seen at fit time, yet now missing.*age"),
        (lambda X: X.assign(more=1.0), r"(?s)unseen at fit time.*more"),
    ],
    ids=["order", "name", "fewer", "more"],
)
@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_other_columns_are_refused(Estimator, change, message, library):
    X = plain()
    model = small(Estimator).fit(X, target_for(Estimator))
    other = change(X)
    if library == "polars":
        other = pl.DataFrame({name: other[name].tolist() for name in other}, strict=False)
    with pytest.raises(ValueError, match=message):
        model.predict(other)


@BOTH
@pytest.mark.parametrize("width", [3, 5])
def test_another_number_of_columns_is_refused(Estimator, width):
    model = small(Estimator).fit(numbers(), target_for(Estimator))
    with pytest.raises(ValueError, match=f"X has {width} features, but .* is expecting 4"):
        model.predict(np.ones((3, width)))


@BOTH
@pytest.mark.parametrize("container", [scipy.sparse.csr_matrix, scipy.sparse.csc_array])
def test_sparse_X_is_refused_with_the_remedy(Estimator, container):
    X, y = numbers(), target_for(Estimator)
    with pytest.raises(TypeError, match=r"[Ss]parse.*toarray\(\)"):
        small(Estimator).fit(container(X), y)
    model = small(Estimator).fit(X, y)
    with pytest.raises(TypeError, match=r"[Ss]parse.*toarray\(\)"):
        model.predict(container(X))


def _days():
    return [datetime.datetime(2020, 1, 1) + datetime.timedelta(days=k) for k in range(N)]


# The column is always called "bad".
BAD = {
    "dates": (lambda: pd.to_datetime(pd.Series(_days())), TypeError, "dates"),
    "durations": (lambda: pd.to_timedelta(pd.Series(range(N)), unit="D"), TypeError, "dates"),
    "objects that are dates": (lambda: pd.Series(_days(), dtype=object), TypeError, "dates"),
    "mixed": (lambda: pd.Series([1, "1"] * (N // 2), dtype=object), TypeError, "several types"),
    "lists": (lambda: pd.Series([[k] for k in range(N)], dtype=object), TypeError, "objects"),
    "dicts": (lambda: pd.Series([{} for _ in range(N)], dtype=object), TypeError, "objects"),
    "infinity": (lambda: pd.Series([np.inf, *range(N - 1)]), ValueError, "infinity"),
    "minus infinity": (lambda: pd.Series([-np.inf, *range(N - 1)]), ValueError, "infinity"),
    "complex": (lambda: pd.Series([1j] * N), ValueError, "[Cc]omplex"),
    "too large": (lambda: pd.Series([10**400] * N, dtype=object), ValueError, "too large"),
}


@BOTH
@pytest.mark.parametrize("case", BAD)
def test_a_bad_column_is_named(Estimator, case):
    make, error, message = BAD[case]
    X = plain().assign(bad=make())
    with pytest.raises(error, match=message) as caught:
        small(Estimator).fit(X, target_for(Estimator))
    assert "'bad'" in str(caught.value)


@BOTH
@pytest.mark.parametrize("case", [name for name in BAD if name not in ("complex", "too large")])
def test_a_bad_column_at_predict_is_named(Estimator, case):
    make, error, _ = BAD[case]
    model = small(Estimator).fit(plain().assign(bad=1.0 * np.arange(N)), target_for(Estimator))
    bad = make()
    for rows in (slice(0, 1), slice(0, 2), slice(None)):
        if case == "mixed" and rows == slice(0, 1):
            continue
        with pytest.raises(error, match=r"bad"):
            model.predict(plain().assign(bad=bad)[rows])


@BOTH
def test_dates_of_polars_are_refused_with_the_remedy(Estimator):
    X = FORMS["polars"]().with_columns(bad=pl.Series(_days()))
    with pytest.raises(TypeError, match=r"'bad' of X holds dates.*Make numbers of them"):
        small(Estimator).fit(X, target_for(Estimator))


@BOTH
def test_strings_without_categories_are_refused(Estimator):
    with pytest.raises(TypeError, match=r"'colour' of X holds strings.*categorical_features"):
        small(Estimator, categorical_features=None).fit(plain(), target_for(Estimator))


@BOTH
def test_names_that_come_twice_are_named(Estimator):
    X = plain()
    X.columns = ["a", "b", "a", "c", "d"]
    with pytest.raises(ValueError, match="'a'"):
        small(Estimator).fit(X, target_for(Estimator))


@BOTH
@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.empty((N, 0)), r"0 feature\(s\)"),
        (pd.DataFrame(index=range(N)), r"0 feature\(s\)"),
        (np.empty((0, 3)), r"0 sample\(s\)"),
        (np.ones(N), "2D array"),
        (np.ones((N, 2, 2)), "dim 3"),
    ],
    ids=["no columns", "frame without columns", "no rows", "1D", "3D"],
)
def test_what_is_no_table_is_refused(Estimator, X, message):
    y = target_for(Estimator)[: X.shape[0]]
    with pytest.raises(ValueError, match=message):
        small(Estimator).fit(X, y)


@BOTH
@pytest.mark.parametrize("X", [None, 3.0, "table"], ids=repr)
def test_what_has_no_rows_at_all_is_refused(Estimator, X):
    with pytest.raises(ValueError, match=r"2D|array"):
        small(Estimator).fit(X, target_for(Estimator))


@BOTH
@pytest.mark.parametrize("features", [["nothing"], [9], [-1], [True], [1.5], "colour"], ids=repr)
def test_bad_categorical_features_are_named(Estimator, features):
    with pytest.raises(ValueError, match="categorical_features"):
        small(Estimator, categorical_features=features).fit(plain(), target_for(Estimator))


# ------------------------------------------------------------ tables that are odd


@BOTH
@pytest.mark.parametrize(
    "values",
    [np.nan, 7.0, 1e308, "the same", None, pd.NaT],
    ids=["missing", "constant", "large constant", "one level", "None", "NaT"],
)
def test_a_column_that_tells_nothing_changes_nothing(Estimator, values):
    y = target_for(Estimator)
    series = pd.Series([values] * N, dtype=None if isinstance(values, float) else object)
    X = plain().assign(nothing=series)
    expected = predictions(small(Estimator).fit(plain(), y), plain())
    assert_array_equal(predictions(small(Estimator).fit(X, y), X), expected)


@pytest.mark.parametrize("X", [np.ones((N, 3)), np.full((N, 2), np.nan)], ids=["ones", "missing"])
def test_without_information_the_target_is_predicted_as_a_constant(X):
    y = TARGETS["three classes"]
    p = small(TabularMLPClassifier, max_iter=30).fit(X, y).predict_proba(X)
    assert_array_equal(p, np.tile(p[0], (N, 1)))
    assert_allclose(p[0], np.bincount(y) / N, atol=0.15)
    y = TARGETS["numbers"]
    found = small(TabularMLPRegressor, max_iter=30).fit(X, y).predict(X)
    assert_allclose(found, y.mean(), atol=y.std())
    assert_array_equal(found, found[0])


@BOTH
def test_one_row_has_nothing_to_hold_out(Estimator):
    X, y = plain()[:1], target_for(Estimator)[:1]
    with pytest.raises(ValueError, match="at least 2, got n_samples=1"):
        small(Estimator).fit(X, y)


@BOTH
@pytest.mark.parametrize("n_rows", [2, 3, 5])
def test_a_few_rows_are_enough(Estimator, n_rows):
    X, y = plain()[:n_rows], target_for(Estimator)[:n_rows]
    assert np.isfinite(predictions(small(Estimator).fit(X, y), plain())).all()


@BOTH
def test_a_row_with_rows_to_be_watched(Estimator):
    y = target_for(Estimator)
    # Both classes are known from the rows to learn from, so that there are two of them.
    rows = [int(np.argmin(y)), int(np.argmax(y))]
    model = small(Estimator).fit(plain().iloc[rows], y[rows], X_val=plain(), y_val=y)
    assert np.isfinite(predictions(model, plain())).all()


@BOTH
def test_very_many_levels(Estimator):
    n = 10**5
    generator = np.random.default_rng(0)
    X = pd.DataFrame({"name": [f"person {k}" for k in range(n)], "x": generator.normal(size=n)})
    y = (X["x"] > 0).to_numpy().astype(int)
    model = small(Estimator, n_bins=3, n_members=1, max_iter=1, refit=False).fit(X, y)
    assert {column.name: column.kind for column in model.encoders_[0].columns_} == {
        "name": "dropped",
        "x": "numeric",
    }
    assert model.score(X[:1000], y[:1000]) > 0.6


def test_polars_without_pandas():
    program = """
import sys
import polars

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("pandas", "pyarrow"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Blocked())
from skdeep import TabularMLPClassifier, TabularMLPRegressor
X = polars.DataFrame({"x": list(range(60)), "colour": ["red", "blue", None] * 20})
y = [int(k > 30) for k in range(60)]
for Estimator in (TabularMLPClassifier, TabularMLPRegressor):
    model = Estimator(n_bins=3, hidden_layer_sizes=8, max_iter=5, random_state=0).fit(X, y)
    assert model.score(X, y) > 0.5
    assert model.feature_names_in_.tolist() == ["x", "colour"]
    series = polars.Series(y)
    assert (model.fit(X, series, X_val=X, y_val=series).predict(X) == model.predict(X[:60])).all()
assert "pandas" not in sys.modules
"""
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env={**os.environ, "PYTHONPATH": str(Path(skdeep.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr


# ------------------------------------------------------------ what y may be in


@pytest.mark.parametrize(
    "kind", ["Series", "category", "string", "nullable", "polars", "list", "column"]
)
def test_y_of_every_library(kind):
    y = TARGETS["three classes"]
    names = np.array(["low", "middle", "high"])[y]
    made = {
        "Series": lambda: pd.Series(names, index=range(N, 0, -1)),
        "category": lambda: pd.Series(pd.Categorical(names)),
        "string": lambda: pd.Series(names, dtype="string"),
        "nullable": lambda: pd.Series(y, dtype="Int64"),
        "polars": lambda: pl.Series(list(names)),
        "list": lambda: names.tolist(),
        "column": lambda: names[:, np.newaxis],
    }[kind]()
    model = small(TabularMLPClassifier)
    if kind == "column":
        with pytest.warns(UserWarning, match="column-vector"):
            model.fit(plain(), made)
    else:
        model.fit(plain(), made)
    expected = small(TabularMLPClassifier).fit(plain(), names if kind != "nullable" else y)
    assert_array_equal(model.predict_proba(plain()), expected.predict_proba(plain()))
    assert_array_equal(model.predict(plain()), expected.predict(plain()))


@pytest.mark.parametrize("bad", [np.nan, np.inf, None], ids=repr)
@BOTH
def test_missing_targets_are_refused(Estimator, bad):
    y = target_for(Estimator).astype(object)
    y[3] = bad
    # The words are scikit-learn's, which take such a y for another kind of target, too.
    message = r"y.*(NaN|nan|None|infinity)|Input contains NaN|Unknown label type: unknown"
    with pytest.raises(ValueError, match=message):
        small(Estimator).fit(plain(), y)


@BOTH
def test_another_number_of_targets_is_refused(Estimator):
    with pytest.raises(ValueError, match=rf"inconsistent numbers of samples: \[{N}, {N - 1}\]"):
        small(Estimator).fit(plain(), target_for(Estimator)[1:])
    with pytest.raises(ValueError, match="y"):
        small(Estimator).fit(plain(), None)
