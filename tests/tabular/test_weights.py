"""Weights of rows: a row of weight zero counts in nothing, and only ratios of weights do."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from tabular.tables import (
    BOTH,
    MAY_MAKE_NO_PROGRESS,
    TARGETS,
    N,
    plain,
    predictions,
    small,
    target_for,
)

from skdeep import TabularMLPClassifier, TabularMLPRegressor

pytestmark = MAY_MAKE_NO_PROGRESS
X = plain()
WEIGHTS = np.random.default_rng(3).integers(0, 3, N).astype(float)
KEPT = WEIGHTS > 0

CASES = {
    "two classes": (TabularMLPClassifier, {}, "two classes"),
    "three classes": (TabularMLPClassifier, {}, "three classes"),
    "labels": (TabularMLPClassifier, {}, "labels"),
    "numbers": (TabularMLPRegressor, {}, "numbers"),
    "counts": (TabularMLPRegressor, {"loss": "poisson"}, "counts"),
    "quantile": (TabularMLPRegressor, {"loss": "quantile"}, "numbers"),
    "class weights": (TabularMLPClassifier, {"class_weight": {0: 3.0}}, "two classes"),
    "balanced": (TabularMLPClassifier, {"class_weight": "balanced"}, "three classes"),
    "balanced labels": (TabularMLPClassifier, {"class_weight": "balanced"}, "labels"),
}


def spoiled(frame, y):
    """Rows without weight that would tell if they counted: extremes, other levels and classes."""
    frame, y = frame.copy(), y.copy()
    frame.loc[~KEPT, "size"] = 1e9
    frame.loc[~KEPT, "age"] = np.nan
    frame.loc[~KEPT, "colour"] = "violet"
    y[~KEPT] = y.max(axis=0)
    return frame, y


@pytest.mark.parametrize("case", CASES)
def test_rows_without_weight_count_in_nothing(case):
    Estimator, parameters, target = CASES[case]
    y = TARGETS[target]
    expected = small(Estimator, **parameters).fit(X[KEPT], y[KEPT], WEIGHTS[KEPT])
    model = small(Estimator, **parameters).fit(*spoiled(X, y), WEIGHTS)
    assert_array_equal(predictions(model, X), predictions(expected, X))
    assert model.loss_curve_ == expected.loss_curve_
    assert model.validation_scores_ == expected.validation_scores_
    for name in ("temperature_", "residual_std_"):
        if hasattr(expected, name):
            assert_array_equal(getattr(model, name), getattr(expected, name))
    for found, encoder in zip(model.encoders_, expected.encoders_, strict=True):
        assert_array_equal(found.transform(X), encoder.transform(X))


def test_a_class_of_rows_without_weight_is_known_and_improbable():
    y = TARGETS["two classes"].copy()
    y[~KEPT] = 2
    model = small(TabularMLPClassifier, max_iter=12).fit(X, y, WEIGHTS)
    assert_array_equal(model.classes_, [0, 1, 2])
    assert model.predict_proba(X)[:, 2].mean() < 0.1
    assert set(model.predict(X)) <= {0, 1}


def test_rows_of_a_class_without_weight_count_in_nothing():
    """Whether it is the row's weight that is zero or its class's."""
    y = TARGETS["three classes"]
    frame = X.copy()
    # A level that only they have.
    frame.loc[y == 2, "colour"] = "violet"
    by_class = small(TabularMLPClassifier, class_weight={2: 0.0}).fit(frame, y)
    by_row = small(TabularMLPClassifier).fit(frame, y, (y != 2).astype(float))
    assert_array_equal(by_class.predict_proba(frame), by_row.predict_proba(frame))


@pytest.mark.parametrize("factor", [2.0**-10, 7.0, 1e4])
@pytest.mark.parametrize("case", CASES)
def test_only_ratios_of_weights_count(case, factor):
    Estimator, parameters, target = CASES[case]
    parameters = {**parameters, "dtype": "float64"}
    y = TARGETS[target]
    expected = small(Estimator, **parameters).fit(X, y, WEIGHTS)
    model = small(Estimator, **parameters).fit(X, y, factor * WEIGHTS)
    assert_allclose(predictions(model, X), predictions(expected, X), rtol=1e-4, atol=1e-5)


@BOTH
@pytest.mark.parametrize("factor", [1e-60, 1e-40, 1e38, 1e60])
def test_weights_of_extreme_size(Estimator, factor):
    """The ratios count, or the weights are refused by name."""
    y = target_for(Estimator)
    expected = small(Estimator).fit(X, y, WEIGHTS)
    try:
        model = small(Estimator).fit(X, y, factor * WEIGHTS)
    except ValueError as error:
        assert "sample_weight" in str(error)  # noqa: PT017
    else:
        assert_allclose(predictions(model, X), predictions(expected, X), rtol=0.02, atol=0.02)


@BOTH
def test_weights_that_are_as_good_as_zero(Estimator):
    """Too small for the dtype of training, and not too small for what a user may give."""
    y, tiny, zero = target_for(Estimator), np.ones(N), np.ones(N)
    tiny[:10], zero[:10] = 1e-60, 0
    model = small(Estimator).fit(X, y, tiny)
    expected = small(Estimator).fit(X[10:], y[10:])
    assert abs(model.score(X, y) - expected.score(X, y)) < 0.2
    dev = {"X_val": X, "y_val": y}
    with_tiny = small(Estimator).fit(X, y, **dev, sample_weight_val=tiny)
    with_zero = small(Estimator).fit(X, y, **dev, sample_weight_val=zero)
    assert_allclose(with_tiny.validation_scores_[0], with_zero.validation_scores_[0], rtol=1e-5)


@BOTH
def test_equal_weights_are_no_weights(Estimator):
    y = target_for(Estimator)
    expected = small(Estimator, dtype="float64").fit(X, y)
    model = small(Estimator, dtype="float64").fit(X, y, np.full(N, 3.0))
    assert_allclose(predictions(model, X), predictions(expected, X), rtol=1e-4, atol=1e-5)
    # One number stands for all.
    again = small(Estimator, dtype="float64").fit(X, y, 3.0)
    assert_array_equal(predictions(again, X), predictions(model, X))


@BOTH
def test_heavier_rows_count_for_more(Estimator):
    """Two halves contradict each other, and the heavier one is believed."""
    y = target_for(Estimator)
    both = pd.concat([X, X], ignore_index=True)
    opposite = np.concatenate([y, 1 - y if Estimator is TabularMLPClassifier else -y])
    heavy = np.repeat([20.0, 1.0], N)
    model = small(Estimator, max_iter=15)
    assert model.fit(both, opposite, heavy).score(X, y) > 0.6
    assert model.fit(both, opposite, heavy[::-1]).score(X, y) < 0.4


@BOTH
@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.zeros(N), "sample_weight must have at least one positive value, all are zero"),
        (np.append(-1.0, np.ones(N - 1)), "sample_weight must not be negative"),
        (np.append(np.nan, np.ones(N - 1)), "sample_weight contains NaN"),
        (np.append(np.inf, np.ones(N - 1)), "sample_weight contains infinity"),
        (np.ones(N - 1), rf"sample_weight must have one value per row \({N}\), got {N - 1}"),
        (np.ones((N, 2)), "sample_weight must be 1D"),
        (["a"] * N, "sample_weight: could not convert string to float"),
    ],
    ids=["zeros", "negative", "NaN", "infinity", "too few", "2D", "strings"],
)
def test_bad_weights_are_named(Estimator, weights, message):
    y = target_for(Estimator)
    with pytest.raises(ValueError, match=message):
        small(Estimator).fit(X, y, weights)
    with pytest.raises(ValueError, match=message.replace("sample_weight", "sample_weight_val")):
        small(Estimator).fit(X, y, X_val=X, y_val=y, sample_weight_val=weights)


@BOTH
def test_one_row_of_weight_is_too_few(Estimator):
    y, weights = target_for(Estimator), np.zeros(N)
    weights[5] = 1
    with pytest.raises(ValueError, match="at least 2, got n_samples=1"):
        small(Estimator).fit(X, y, weights)


@BOTH
def test_a_fitted_ensemble_keeps_nothing_of_each_row(Estimator):
    rows, y = pd.concat([X] * 40, ignore_index=True), np.tile(target_for(Estimator), 40)
    model = small(Estimator, max_iter=1, refit=False)
    bare = len(pickle.dumps(model.fit(rows, y)))
    weighted = len(pickle.dumps(model.fit(rows, y, np.ones(len(rows)))))
    assert weighted < bare + len(rows)
