"""Dates, durations and masked values are no numbers; errors name the argument that holds them."""

import datetime

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone, is_classifier

from skdeep import (
    DeepMLPClassifier,
    DeepMLPRegressor,
    LogisticRegressionGD,
    SoftmaxClassifier,
    TabularMLPClassifier,
    TabularMLPRegressor,
)
from skdeep.preprocessing import PiecewiseLinearEncoder, TableEncoder

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::skdeep.exceptions.NoProgressWarning"),
]

N = 24
X = np.random.default_rng(0).normal(size=(N, 2))
Y = np.arange(N) % 2
DAYS = np.datetime64("2024-01-01") + np.arange(N)
SMALL = {"max_iter": 2, "random_state": 0}
NETWORKS = [
    LogisticRegressionGD(max_iter=2),
    SoftmaxClassifier(max_iter=2),
    DeepMLPClassifier((2,), **SMALL),
    DeepMLPRegressor(hidden_layer_sizes=(2,), **SMALL),
]
TABLES = [
    TabularMLPClassifier(2, hidden_layer_sizes=2, **SMALL),
    TabularMLPRegressor(n_bins=2, hidden_layer_sizes=2, **SMALL),
]


def named(model):
    return type(model).__name__


def arrow_days():
    pa = pytest.importorskip("pyarrow")
    return pd.Series(DAYS.astype("M8[ns]"), dtype=pd.ArrowDtype(pa.timestamp("ns")))


# By name, N dates or durations in some form.
TEMPORAL = {
    "days": lambda: DAYS,
    "durations": lambda: DAYS - DAYS[0],
    "objects of NumPy": lambda: np.array(list(DAYS - DAYS[0]), dtype=object),
    "datetimes": lambda: [datetime.datetime(2024, 1, 1 + k) for k in range(N)],
    "dates": lambda: np.array([datetime.date(2024, 1, 1 + k) for k in range(N)]),
    "a series": lambda: pd.Series(DAYS),
    "with a zone": lambda: pd.Series(DAYS).dt.tz_localize("UTC"),
    "arrow": arrow_days,
    "polars": lambda: pl.Series([datetime.date(2024, 1, 1 + k) for k in range(N)]),
    "polars durations": lambda: pl.Series([datetime.timedelta(k) for k in range(N)]),
}


def as_columns(form):
    """X with dates in it."""
    values = TEMPORAL[form]()
    if isinstance(values, pl.Series):
        return pl.DataFrame({"when": values})
    if isinstance(values, pd.Series):
        return values.to_frame("when")
    return np.asarray(values).reshape(-1, 1)


@pytest.mark.parametrize("form", TEMPORAL)
@pytest.mark.parametrize("model", NETWORKS, ids=named)
def test_dates_in_X_are_refused(model, form):
    days = as_columns(form)
    words = "X holds dates or durations"
    if hasattr(days, "columns"):
        words += " in column 'when'"
    with pytest.raises(TypeError, match=words):
        clone(model).fit(days, Y)
    fitted = clone(model).fit(X[:, :1], Y)
    with pytest.raises(TypeError, match=words):
        fitted.predict(days)
    with pytest.raises(TypeError, match=words.replace("X", "X_val", 1)):
        clone(model).fit(X[:, :1], Y, X_val=days, y_val=Y)


def test_a_date_beside_numbers_is_named():
    frame = pd.DataFrame({"size": X[:, 0], "when": DAYS})
    with pytest.raises(TypeError, match="X holds dates or durations in column 'when'"):
        DeepMLPClassifier((2,)).fit(frame, Y)


@pytest.mark.parametrize("form", TEMPORAL)
@pytest.mark.parametrize("model", NETWORKS + TABLES, ids=named)
def test_dates_are_no_weights(model, form):
    with pytest.raises(TypeError, match="sample_weight holds dates or durations"):
        clone(model).fit(X, Y, sample_weight=TEMPORAL[form]())
    with pytest.raises(TypeError, match="sample_weight_val holds dates or durations"):
        clone(model).fit(X, Y, X_val=X, y_val=Y, sample_weight_val=TEMPORAL[form]())


@pytest.mark.parametrize("form", TEMPORAL)
@pytest.mark.parametrize("model", [NETWORKS[-1], TABLES[-1]], ids=named)
def test_dates_are_no_targets(model, form):
    with pytest.raises(TypeError, match="y holds dates or durations"):
        clone(model).fit(X, TEMPORAL[form]())
    with pytest.raises(TypeError, match=r"y_val.*holds dates or durations"):
        clone(model).fit(X, Y.astype(float), X_val=X, y_val=TEMPORAL[form]())


@pytest.mark.parametrize("model", [*NETWORKS[:3], TABLES[0]], ids=named)
def test_dates_are_classes(model):
    days = DAYS[Y]
    model = clone(model).fit(X, days)
    assert_array_equal(model.classes_, DAYS[:2])
    assert set(model.predict(X)) <= set(DAYS[:2])


@pytest.mark.parametrize("model", NETWORKS + TABLES, ids=named)
def test_masked_values_are_refused(model):
    masked = np.ma.array(X, mask=np.arange(2 * N).reshape(N, 2) == 5)
    with pytest.raises(ValueError, match="X has masked values"):
        clone(model).fit(masked, Y)
    fitted = clone(model).fit(X, Y)
    with pytest.raises(ValueError, match="X has masked values"):
        fitted.predict(masked)
    with pytest.raises(ValueError, match=r"X_val.* has masked values"):
        clone(model).fit(X, Y, X_val=masked, y_val=Y)
    weights = np.ma.array(np.ones(N), mask=np.arange(N) == 5)
    with pytest.raises(ValueError, match="sample_weight has masked values"):
        clone(model).fit(X, Y, weights)
    y = np.ma.array(Y, mask=np.arange(N) == 5)
    with pytest.raises(ValueError, match="y has masked values"):
        clone(model).fit(X, y)
    with pytest.raises(ValueError, match=r"y_val.* has masked values"):
        clone(model).fit(X, Y, X_val=X, y_val=y)


@pytest.mark.parametrize("model", NETWORKS + TABLES, ids=named)
def test_a_mask_over_nothing_will_do(model):
    found = clone(model).fit(np.ma.array(X), np.ma.array(Y), np.ma.array(np.ones(N)))
    expected = clone(model).fit(X, Y, np.ones(N))
    method = "predict_proba" if is_classifier(model) else "predict"
    assert_array_equal(getattr(found, method)(X), getattr(expected, method)(X))


@pytest.mark.parametrize("encoder", [PiecewiseLinearEncoder(2), TableEncoder(2)], ids=named)
def test_encoders_refuse_them_too(encoder):
    with pytest.raises(TypeError, match="dates"):
        clone(encoder).fit(pd.DataFrame({"when": DAYS}))
    masked = np.ma.array(X, mask=np.arange(2 * N).reshape(N, 2) == 5)
    with pytest.raises(ValueError, match="X has masked values"):
        clone(encoder).fit(masked)
    with pytest.raises(TypeError, match="sample_weight holds dates"):
        clone(encoder).fit(X, sample_weight=DAYS)


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([datetime.date(2024, 1, 1 + k) for k in range(N)], dtype=object),
        pd.Series([pd.Timestamp(2024, 1, 1 + k) for k in range(N)], dtype=object),
        pd.Series(pd.period_range("2024-01", periods=N, freq="M")),
        pd.Series(pd.Categorical(DAYS)),
    ],
    ids=["dates", "timestamps", "periods", "categories"],
)
def test_dates_that_a_dtype_does_not_tell_of_are_named_too(column):
    frame = pd.DataFrame({"size": X[:, 0], "when": column})
    with pytest.raises(TypeError, match="X holds dates or durations in column 'when'"):
        DeepMLPClassifier((2,)).fit(frame, Y)


def test_a_list_of_masked_rows_is_masked():
    rows = [np.ma.array(row, mask=[True, False]) for row in X]
    with pytest.raises(ValueError, match="X has masked values"):
        DeepMLPClassifier((2,)).fit(rows, Y)
