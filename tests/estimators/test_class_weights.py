"""What class_weight makes rows count, in training, in the loss on dev rows, and nowhere else.

"balanced" counts weights where there are any; scores count rows by their own weights alone.
"""

import warnings

import numpy as np
import pytest
import sklearn
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.datasets import load_iris, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import TimeSeriesSplit, cross_val_score
from sklearn.preprocessing import scale
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.fixes import parse_version

from skdeep import DeepMLPClassifier, LogisticRegressionGD, SoftmaxClassifier, TabularMLPClassifier
from skdeep.estimators._class_weights import ClassWeights
from skdeep.estimators._preparation import prepare
from skdeep.estimators._targets import ClassLabels

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::skdeep.exceptions.NoProgressWarning"),
]

X, Y = load_wine(return_X_y=True)
X = scale(X)[:, :5]
WEIGHTS = np.where(Y == 1, 5, 1)
CONVERGED = {"tol": 1e-9, "max_iter": 20_000}
CLASSIFIERS = {
    "logistic, gd": LogisticRegressionGD(**CONVERGED),
    "logistic, lbfgs": LogisticRegressionGD(solver="lbfgs", **CONVERGED),
    "softmax": SoftmaxClassifier(solver="lbfgs", **CONVERGED),
    "network": DeepMLPClassifier((4,), solver="lbfgs", max_iter=40, random_state=0),
    "adam": DeepMLPClassifier((4,), batch_size="full", max_iter=40, random_state=0),
}


def labels_of(kind):
    return {"two": (Y == 1).astype(int), "three": Y, "strings": np.array(list("cab"))[Y]}[kind]


@pytest.mark.parametrize("kind", ["two", "three", "strings"])
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_balanced_counts_a_weight_as_so_many_rows(name, kind):
    y = labels_of(kind)
    if name.startswith("logistic") and kind != "two":
        y = (y == y[0]).astype(int)
    model = clone(CLASSIFIERS[name]).set_params(class_weight="balanced")
    weighted = clone(model).fit(X, y, sample_weight=WEIGHTS)
    repeated = clone(model).fit(np.repeat(X, WEIGHTS, axis=0), np.repeat(y, WEIGHTS))
    assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), atol=2e-4)


@pytest.mark.skipif(
    parse_version(sklearn.__version__) < parse_version("1.8"), reason="it counted rows"
)
@pytest.mark.parametrize("alpha", [0.1, 3.0])
def test_scikit_learns_logistic_regression_agrees(alpha):
    y = labels_of("two")
    ours = LogisticRegressionGD(alpha=alpha, class_weight="balanced", **CONVERGED)
    theirs = LogisticRegression(C=1 / alpha, class_weight="balanced", tol=1e-9, max_iter=10_000)
    for model in (ours, theirs):
        model.fit(X, y, sample_weight=WEIGHTS)
    assert_allclose(ours.coef_, theirs.coef_, rtol=1e-3, atol=1e-4)
    assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-3, atol=1e-4)


def test_a_class_whose_rows_have_no_weight_is_as_if_absent():
    weights = np.where(Y == 2, 0.0, WEIGHTS)
    there = Y != 2
    of_two = ClassWeights.of("balanced", Y[there], ClassLabels.of(Y[there]), weights[there])
    of_three = ClassWeights.of("balanced", Y, ClassLabels.of(Y), weights)
    assert_allclose(of_three.table, [*of_two.table, 0])
    assert_allclose(of_two.table * np.bincount(Y[there], weights[there]), weights.sum() / 2)
    for model in (SoftmaxClassifier(max_iter=5), DeepMLPClassifier((3,), max_iter=2)):
        model.set_params(class_weight="balanced").fit(X, Y, sample_weight=weights)


def test_balanced_goes_label_by_label():
    y = np.column_stack([Y == 1, Y > 0]).astype(int)
    found = ClassWeights.of("balanced", y, ClassLabels.of(y), WEIGHTS.astype(float))
    for table, column in zip(found.table, y.T, strict=True):
        alone = ClassWeights.of("balanced", column, ClassLabels.of(column), WEIGHTS.astype(float))
        assert_allclose(table, alone.table)
    assert_allclose(found.of_rows(y), found.table[0][y[:, 0]] * found.table[1][y[:, 1]])
    model = DeepMLPClassifier((3,), class_weight="balanced", max_iter=20, random_state=0)
    model.set_params(batch_size="full")
    weighted = clone(model).fit(X, y, sample_weight=WEIGHTS)
    repeated = clone(model).fit(np.repeat(X, WEIGHTS, axis=0), np.repeat(y, WEIGHTS, axis=0))
    assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), atol=1e-6)


# --------------------------------------------------------------------- dictionaries, as there


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=8),
    st.dictionaries(st.integers(0, 6), st.floats(0, 10), max_size=6),
)
def test_a_dict_means_what_it_means_in_scikit_learn(y, class_weight):
    y, classes = np.array(y), np.unique(y)
    if not any(class_weight.get(label, 1) for label in classes):
        return
    try:
        expected = compute_class_weight(class_weight, classes=classes, y=y)
    except ValueError:
        with pytest.raises(ValueError, match="class_weight has no weight for the classes"):
            ClassWeights.of(class_weight, y, ClassLabels.of(y))
    else:
        assert_allclose(ClassWeights.of(class_weight, y, ClassLabels.of(y)).table, expected)


@pytest.mark.parametrize(
    "model",
    [
        LogisticRegressionGD(max_iter=5),
        SoftmaxClassifier(max_iter=5),
        DeepMLPClassifier((3,), max_iter=3),
        TabularMLPClassifier(3, hidden_layer_sizes=4, max_iter=2),
    ],
    ids=lambda model: type(model).__name__,
)
def test_folds_may_lack_a_class_that_has_a_weight(model):
    iris, kinds = load_iris(return_X_y=True)
    two = np.flatnonzero(kinds < 2)
    order = np.concatenate([two, np.flatnonzero(kinds == 2)])
    if isinstance(model, LogisticRegressionGD):
        order = two
    model = clone(model).set_params(class_weight={0: 1.0, 1: 2.0, 2: 3.0}, random_state=0)
    folds = TimeSeriesSplit(4, test_size=10)
    starts = np.random.default_rng(0).permutation(order[:40]).tolist() + order[40:].tolist()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scores = cross_val_score(model, iris[starts], kinds[starts], cv=folds, error_score="raise")
    assert np.isfinite(scores).all()


# ---------------------------------------------------------- which weights scores and losses carry


@pytest.mark.parametrize("class_weight", ["balanced", {0: 1.0, 1: 7.0, 2: 0.0}])
@pytest.mark.parametrize("scoring", [None, "balanced_accuracy"])
@pytest.mark.parametrize(
    "model",
    [SoftmaxClassifier(solver="adam"), DeepMLPClassifier((4,))],
    ids=lambda model: type(model).__name__,
)
def test_scores_have_the_rows_weights_and_losses_the_classes_too(model, scoring, class_weight):
    """The same for a given dev set and for a held-out fraction; only what is trained may differ."""
    rng = np.random.default_rng(0)
    weights = rng.uniform(0.5, 3, Y.size)
    model = clone(model).set_params(
        class_weight=class_weight, scoring=scoring, max_iter=1, random_state=0, dtype="float64"
    )
    held_out = clone(model).set_params(early_stopping=True)
    dev = prepare(clone(held_out), X, Y, {"sample_weight": weights}).dev
    held_out.fit(X, Y, sample_weight=weights)
    given = clone(model).fit(
        X, Y, weights, X_val=X[dev.index], y_val=Y[dev.index], sample_weight_val=weights[dev.index]
    )
    table = ClassWeights.of(class_weight, Y, ClassLabels.of(Y), weights).table
    for fitted in (held_out, given):
        p, y, w = fitted.predict_proba(X[dev.index]), Y[dev.index], weights[dev.index]
        expected = log_loss(y, p, sample_weight=w * table[y], labels=[0, 1, 2])
        assert_allclose(fitted.validation_loss_curve_, expected, rtol=1e-6)
        score = accuracy_score(y, p.argmax(axis=1), sample_weight=w)
        if scoring is not None:
            from sklearn.metrics import balanced_accuracy_score

            score = balanced_accuracy_score(y, p.argmax(axis=1), sample_weight=w)
        assert_allclose(fitted.validation_scores_, score)


def test_classes_weigh_in_a_dev_set_what_they_weigh_in_fit():
    """Not what they would by their shares there; a table's temperature follows."""
    few = np.flatnonzero(Y == 0)[:3].tolist() + np.flatnonzero(Y == 1).tolist()
    settings = {"class_weight": "balanced", "random_state": 0, "max_iter": 3}
    model = DeepMLPClassifier((4,), dtype="float64", **settings)
    model.fit(X, Y, X_val=X[few], y_val=Y[few])
    p, shares = model.predict_proba(X[few]), Y.size / (3 * np.bincount(Y))
    expected = log_loss(Y[few], p, sample_weight=shares[Y[few]], labels=[0, 1, 2])
    assert_allclose(model.validation_loss_curve_[-1], expected, rtol=1e-6)
    table = TabularMLPClassifier(4, hidden_layer_sizes=4, **settings)
    balanced = clone(table).fit(X, Y, X_val=X[few], y_val=Y[few])
    as_dict = clone(table).set_params(class_weight=dict(enumerate(shares)))
    as_dict.fit(X, Y, X_val=X[few], y_val=Y[few])
    assert_allclose(balanced.predict_proba(X), as_dict.predict_proba(X), rtol=1e-5)
    assert_allclose(balanced.temperature_, as_dict.temperature_, rtol=1e-4)


def test_a_dev_set_of_classes_without_weight_is_refused():
    model = DeepMLPClassifier((3,), class_weight={0: 0.0}, random_state=0)
    with pytest.raises(ValueError, match="rows of X_val have a total weight of zero in the loss"):
        model.fit(X, Y, X_val=X[Y == 0], y_val=Y[Y == 0])


@pytest.mark.parametrize("class_weight", ["balanced", {0: 1.0, 1: 2.0}])
@pytest.mark.parametrize(
    "model",
    [DeepMLPClassifier((3,)), TabularMLPClassifier(3)],
    ids=lambda model: type(model).__name__,
)
def test_a_class_that_fit_has_not_seen_is_named(model, class_weight):
    two = Y < 2
    model = clone(model).set_params(class_weight=class_weight, max_iter=1)
    for y in (Y, np.array(list("abc"))[Y]):
        if isinstance(class_weight, dict) and y is not Y:
            continue
        with pytest.raises(ValueError, match="y_val"):
            model.fit(X[two], y[two], X_val=X, y_val=y)
