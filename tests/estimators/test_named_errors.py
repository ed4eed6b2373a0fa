"""Data that cannot be learnt from, each with the argument's name and what to do about it.

That every argument is named, whatever stands in its place, is what `tests/test_bad_arguments.py`
walks through; here are those whose errors say more.
"""

import os
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse
from sklearn.base import is_classifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from skdeep import (
    DeepMLPClassifier,
    DeepMLPRegressor,
    LogisticRegressionGD,
    SoftmaxClassifier,
    TabularMLPClassifier,
    TabularMLPRegressor,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = np.random.default_rng(0).normal(size=(12, 3))
CLASSES = np.arange(12) % 3
REAL = X[:, 0].copy()
HUGE = 10**400
CLASSIFIERS = (DeepMLPClassifier, LogisticRegressionGD, SoftmaxClassifier, TabularMLPClassifier)
REGRESSORS = (DeepMLPRegressor, TabularMLPRegressor)
EVERY = pytest.mark.parametrize("Estimator", [*CLASSIFIERS, *REGRESSORS])
EVERY_CLASSIFIER = pytest.mark.parametrize("Estimator", CLASSIFIERS)
EVERY_REGRESSOR = pytest.mark.parametrize("Estimator", REGRESSORS)
COLUMN = scipy.sparse.csr_matrix(CLASSES[:, np.newaxis])


def target(Estimator):
    return CLASSES if is_classifier(Estimator()) else REAL


def quick(Estimator, **parameters):
    return Estimator(max_iter=1, random_state=0, **parameters)


# --------------------------------------------------------------------------------------- targets


@EVERY_REGRESSOR
def test_sparse_targets_are_no_numbers_of_a_regressor(Estimator):
    model = quick(Estimator)
    with pytest.raises(TypeError, match=r"y must be dense, .* \(12, 1\): pass y\.toarray\(\)"):
        model.fit(X, COLUMN)
    with pytest.raises(TypeError, match=r"y_val must be dense, .*: pass y_val\.toarray\(\)"):
        model.fit(X, REAL, X_val=X, y_val=COLUMN)


@EVERY_CLASSIFIER
def test_a_sparse_column_is_no_column_of_labels(Estimator):
    model = quick(Estimator)
    with pytest.raises(ValueError, match=r"y must be dense .*: pass y\.toarray\(\)\.ravel\(\)"):
        model.fit(X, COLUMN)
    told = r"`y_val` must hold one of the classes \[0 1 2\] per row, got a sparse matrix"
    with pytest.raises(ValueError, match=told):
        model.fit(X, CLASSES, X_val=X, y_val=COLUMN)


@pytest.mark.parametrize("make", ["string", "category", "object", "list", "polars"])
@EVERY_CLASSIFIER
def test_labels_that_are_missing(Estimator, make):
    labels = ["a", "b", None] * 4
    if make == "polars":
        labels = pytest.importorskip("polars").Series(labels)
    elif make != "list":
        labels = pytest.importorskip("pandas").Series(labels, dtype=make)
    model = quick(Estimator)
    with pytest.raises(ValueError, match="y has missing values"):
        model.fit(X, labels)
    y = np.array(["a", "b", "b"] * 4)
    with pytest.raises(ValueError, match="y_val has missing values"):
        model.fit(X, y, X_val=X, y_val=labels)


@pytest.mark.parametrize("Estimator", CLASSIFIERS[:3])
@pytest.mark.parametrize(
    ("classes", "told"),
    [
        ([], r"classes must hold at least one class, got \[\]"),
        ([None, 0], "classes has missing values"),
        (["a", 0.5, (1,)], "classes: setting an array element"),
    ],
    ids=["none", "missing", "mixed"],
)
def test_classes_that_are_none(Estimator, classes, told):
    model = quick(Estimator, solver="adam")
    with pytest.raises((TypeError, ValueError), match=told):
        model.partial_fit(X, CLASSES, classes=classes)


# -------------------------------------------------------------------- integers too large for floats


@pytest.mark.parametrize(
    "name", ["alpha", "tol", "learning_rate_init", "power_t", "epsilon", "gradient_clip"]
)
@pytest.mark.parametrize("Estimator", [DeepMLPClassifier, DeepMLPRegressor, SoftmaxClassifier])
def test_an_integer_that_no_float_holds_is_out_of_every_range_of_real_numbers(Estimator, name):
    with pytest.raises(ValueError, match=f"The '{name}' parameter .* must be"):
        quick(Estimator, **{name: HUGE}).fit(X, target(Estimator))


@pytest.mark.parametrize("weights", [HUGE, [HUGE] * 12], ids=["one", "list"])
@EVERY
def test_a_weight_that_no_float_holds(Estimator, weights):
    y = target(Estimator)
    with pytest.raises(ValueError, match="sample_weight: int too large to convert to float"):
        quick(Estimator).fit(X, y, weights)
    with pytest.raises(ValueError, match="sample_weight_val: int too large to convert"):
        quick(Estimator).fit(X, y, X_val=X, y_val=y, sample_weight_val=weights)


def test_other_numbers_that_no_float_holds():
    with pytest.raises(ValueError, match="class_weight must hold finite weights"):
        quick(DeepMLPClassifier, class_weight={0: HUGE}).fit(X, CLASSES)
    with pytest.raises(ValueError, match="total_weight must be the finite weight"):
        quick(DeepMLPRegressor).partial_fit(X, REAL, total_weight=HUGE)
    with pytest.raises(ValueError, match="dropout rates must be in the range"):
        quick(DeepMLPRegressor, dropout=[HUGE]).fit(X, REAL)
    with pytest.raises(ValueError, match="hidden_layer_sizes must be integers > 0"):
        quick(DeepMLPRegressor, hidden_layer_sizes=(HUGE,)).fit(X, REAL)


# ---------------------------------------------------------------------------------- rows of others


@EVERY
def test_a_lazy_frame_is_to_be_collected(Estimator):
    lazy = pytest.importorskip("polars").LazyFrame(X)
    y, model = target(Estimator), quick(Estimator)
    with pytest.raises(TypeError, match=r"X is a polars LazyFrame, .*X\.collect\(\)"):
        model.fit(lazy, y)
    with pytest.raises(TypeError, match=r"X_val is a polars LazyFrame, .*X_val\.collect\(\)"):
        model.fit(X, y, X_val=lazy, y_val=y)
    with pytest.raises(TypeError, match=r"y is a polars LazyFrame, .*y\.collect\(\)"):
        model.fit(X, lazy)
    with pytest.raises(TypeError, match="X is a polars LazyFrame"):
        model.fit(X, y).predict(lazy)


@pytest.mark.torch
@EVERY
def test_tensors_that_numpy_cannot_read(Estimator):
    torch = pytest.importorskip("torch")
    y, model, rows = target(Estimator), quick(Estimator), torch.tensor(X)
    with pytest.raises(TypeError, match=r"X is a tensor that is bfloat16, .*X\.float\(\)"):
        model.fit(rows.to(torch.bfloat16), y)
    rows.requires_grad = True
    with pytest.raises(TypeError, match=r"X is a tensor that requires grad, .*X\.detach\(\)"):
        model.fit(rows, y)
    with pytest.raises(TypeError, match="X is a tensor that requires grad"):
        model.fit(list(rows), y)
    weights = torch.ones(12, requires_grad=True)
    with pytest.raises(TypeError, match=r"sample_weight is a tensor .*sample_weight\.detach\(\)"):
        model.fit(X, y, weights)
    assert model.fit(rows.detach(), torch.tensor(y)).predict(rows.detach()).shape == (12,)


DISPATCHED = """
import numpy as np, sklearn, torch
from skdeep import DeepMLPRegressor, TabularMLPRegressor

X = np.random.default_rng(0).normal(size=(12, 3))
sklearn.set_config(array_api_dispatch=True)
for model in (DeepMLPRegressor(), TabularMLPRegressor()):
    try:
        model.fit(torch.tensor(X), X[:, 0])
    except TypeError as error:
        print(error)
"""


@pytest.mark.torch
def test_arrays_of_other_libraries_under_array_api_dispatch():
    pytest.importorskip("torch")
    # SciPy looks for this as it is imported.
    done = subprocess.run(
        [sys.executable, "-c", DISPATCHED],
        env={**os.environ, "SCIPY_ARRAY_API": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.count("X is an array of torch") == 2
    assert done.stdout.count("pass np.asarray(X)") == 2


# -------------------------------------------------------------------------------------- the dev set


@pytest.mark.parametrize(
    "bad", [5, None, "rows", [[1, 2, 3]] * 11 + [[1]], np.ones((12, 3, 2)), np.empty((0, 3))]
)
@EVERY
def test_bad_rows_of_the_dev_set_are_named(Estimator, bad):
    y = target(Estimator)
    with pytest.raises((TypeError, ValueError), match=r"(?<!\w)X_val(?!\w)"):
        quick(Estimator).fit(X, y, X_val=bad, y_val=y)


@pytest.mark.parametrize("table", [[["a"], ["b"]] * 6, [[0], [1]] * 6], ids=["words", "codes"])
def test_a_dev_set_that_has_skipped_the_steps_before(table):
    table = np.array(table, dtype=object)
    y = CLASSES % 2
    steps = (OneHotEncoder(sparse_output=False), quick(DeepMLPClassifier))
    given = {"deepmlpclassifier__X_val": table, "deepmlpclassifier__y_val": y}
    with pytest.raises(ValueError, match=r'(?s)X_val.*transform_input=\["X_val"\]'):
        make_pipeline(*steps).fit(table, y, **given)
