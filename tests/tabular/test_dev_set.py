"""A dev set of one's own in place of the rows held out."""

import numpy as np
import pytest
import scipy.sparse
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
DEV = np.arange(N) % 4 == 0


@BOTH
@pytest.mark.parametrize("refit", [False, True])
def test_all_of_X_is_trained_on(Estimator, refit):
    """With one batch per epoch, the first epoch's cost is that of all rows of X and no others."""
    y = target_for(Estimator)
    dev = {"X_val": X[DEV], "y_val": y[DEV]}
    parameters = {"batch_size": N, "max_iter": 2, "refit": refit}
    model = small(Estimator, **parameters).fit(X[~DEV], y[~DEV], **dev)
    # Rows that are told apart by nothing but their order: the cost is a mean over all of them.
    shuffled = np.random.default_rng(0).permutation(np.flatnonzero(~DEV))
    again = small(Estimator, **parameters).fit(X.iloc[shuffled], y[shuffled], **dev)
    for one, other in zip(model.loss_curve_, again.loss_curve_, strict=True):
        assert_allclose(one[0], other[0], rtol=1e-4)
    held_out = small(Estimator, **parameters).fit(X[~DEV], y[~DEV])
    assert abs(held_out.loss_curve_[0][0] - model.loss_curve_[0][0]) > 1e-4
    # The fraction that would be held out is no longer asked.
    other = small(Estimator, **parameters, validation_fraction=0.6)
    other.fit(X[~DEV], y[~DEV], **dev)
    assert_array_equal(predictions(other, X), predictions(model, X))


@BOTH
def test_the_dev_set_is_not_learnt_from(Estimator):
    """Neither edges nor levels nor weights: where the best epoch is the same, nothing differs."""
    y = target_for(Estimator)
    dev = X[DEV].assign(size=lambda frame: frame["size"] * 1.01, town="nowhere")
    model = small(Estimator, max_iter=1).fit(X[~DEV], y[~DEV], X_val=X[DEV], y_val=y[DEV])
    other = small(Estimator, max_iter=1).fit(X[~DEV], y[~DEV], X_val=dev, y_val=y[DEV])
    assert model.best_epoch_ == other.best_epoch_ == [0, 0]
    assert model.loss_curve_ == other.loss_curve_
    assert model.validation_scores_ != other.validation_scores_
    for one, two in zip(model.members_, other.members_, strict=True):
        for W, V in zip(one.coefs_, two.coefs_, strict=True):
            assert_array_equal(W, V)


@BOTH
def test_rows_without_weight_of_the_dev_set_count_in_nothing(Estimator):
    y = target_for(Estimator)
    weights = np.random.default_rng(0).integers(0, 3, DEV.sum()).astype(float)
    kept = weights > 0
    X_val, y_val = X[DEV].copy(), y[DEV].copy()
    expected = small(Estimator).fit(
        X[~DEV], y[~DEV], X_val=X_val[kept], y_val=y_val[kept], sample_weight_val=weights[kept]
    )
    X_val.loc[~kept, "size"] = 1e9
    y_val[~kept] = y.max()
    model = small(Estimator).fit(
        X[~DEV], y[~DEV], X_val=X_val, y_val=y_val, sample_weight_val=weights
    )
    assert_array_equal(predictions(model, X), predictions(expected, X))
    assert model.validation_scores_ == expected.validation_scores_


@BOTH
def test_weights_of_the_dev_set_count(Estimator):
    y = target_for(Estimator)
    dev = {"X_val": X[DEV], "y_val": y[DEV]}
    twice = np.repeat(np.flatnonzero(DEV), 1 + np.arange(DEV.sum()) % 2)
    model = small(Estimator).fit(
        X[~DEV], y[~DEV], **dev, sample_weight_val=1.0 + np.arange(DEV.sum()) % 2
    )
    copies = small(Estimator).fit(X[~DEV], y[~DEV], X_val=X.iloc[twice], y_val=y[twice])
    assert_allclose(model.validation_scores_[0], copies.validation_scores_[0], rtol=1e-5)
    plain_scores = small(Estimator).fit(X[~DEV], y[~DEV], **dev).validation_scores_
    assert model.validation_scores_ != plain_scores


@pytest.mark.parametrize("n_members", [1, 2])
@pytest.mark.parametrize("seed", range(4))
def test_scores_are_of_the_dev_set(n_members, seed):
    """Of one group without refit, at its best epoch: the mean's loss, smoothing left out."""
    y = TARGETS["numbers"]
    model = small(
        TabularMLPRegressor, n_bins=4, refit=False, n_members=n_members, random_state=seed
    )
    model.fit(X[~DEV], y[~DEV], X_val=X[DEV], y_val=y[DEV])
    encoded = model.encoders_[0].transform(X[DEV])
    members = [member.predict(encoded) for member in model.members_]
    found = np.clip(np.mean(members, axis=0), y[~DEV].min(), y[~DEV].max())
    half_square = 0.5 * np.mean(((found - y[DEV]) / y[~DEV].std()) ** 2)
    best = model.validation_scores_[0][model.best_epoch_[0]]
    assert best == max(model.validation_scores_[0])
    assert_allclose(best, -half_square, rtol=1e-4)


def test_a_dev_set_of_sparse_labels():
    y = TARGETS["labels"]
    expected = small(TabularMLPClassifier).fit(X[~DEV], y[~DEV], X_val=X[DEV], y_val=y[DEV])
    model = small(TabularMLPClassifier).fit(
        X[~DEV], y[~DEV], X_val=X[DEV], y_val=scipy.sparse.csr_matrix(y[DEV])
    )
    assert_array_equal(model.predict_proba(X), expected.predict_proba(X))


def test_class_weights_count_in_the_dev_set():
    y = TARGETS["three classes"]
    # Edges of bins go by the rows' own weights, and there are none.
    texts = X[["colour", "town"]]
    dev = {"X_val": texts[DEV], "y_val": y[DEV]}
    weights = np.array([1.0, 4.0, 1.0])
    by_class = small(TabularMLPClassifier, class_weight=dict(enumerate(weights)))
    by_row = small(TabularMLPClassifier)
    by_class.fit(texts[~DEV], y[~DEV], **dev)
    by_row.fit(texts[~DEV], y[~DEV], weights[y[~DEV]], **dev, sample_weight_val=weights[y[DEV]])
    assert_array_equal(by_class.predict_proba(texts), by_row.predict_proba(texts))
    assert by_class.validation_scores_ == by_row.validation_scores_


@BOTH
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"X_val": X}, "X_val and y_val must be given together; y_val is None"),
        ({"y_val": [0]}, "X_val and y_val must be given together; X_val is None"),
        ({"sample_weight_val": [1]}, "sample_weight_val was given without X_val and y_val"),
    ],
)
def test_a_part_of_a_dev_set_is_refused(Estimator, given, message):
    with pytest.raises(ValueError, match=message):
        small(Estimator).fit(X, target_for(Estimator), **given)


@BOTH
@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda X: X[list(X)[::-1]], ValueError),
        (lambda X: X.drop(columns="age"), ValueError),
        (lambda X: X.assign(more=1), ValueError),
        (lambda X: X.assign(colour=1.0), TypeError),
        (lambda X: X.assign(size="large"), TypeError),
        (lambda X: X.assign(size=np.inf), ValueError),
        (lambda X: X[:0], ValueError),
        (lambda X: scipy.sparse.csr_matrix(np.ones((N, 5))), TypeError),
        (lambda X: np.ones((N, 4)), ValueError),
    ],
    ids=["order", "fewer", "more", "numbers", "strings", "infinity", "no rows", "sparse", "array"],
)
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_a_dev_set_of_another_kind_is_refused(Estimator, change, error):
    y = target_for(Estimator)
    X_val = change(X)
    with pytest.raises(error) as caught:
        small(Estimator).fit(X, y, X_val=X_val, y_val=y[: X_val.shape[0]])
    # Whoever reads it has to know which of the two tables is meant.
    assert "X_val" in str(caught.value)


@BOTH
@pytest.mark.parametrize("kind", ["too few", "missing", "two columns"])
def test_targets_of_a_dev_set_are_named(Estimator, kind):
    y = target_for(Estimator)
    y_val = {
        "too few": y[:-1],
        "missing": np.where(np.arange(N) == 3, np.nan, y),
        "two columns": np.column_stack([y, y]),
    }[kind]
    with pytest.raises(ValueError, match="y_val"):
        small(Estimator).fit(X, y, X_val=X, y_val=y_val)


def test_an_unknown_class_in_the_dev_set_is_named():
    y = TARGETS["two classes"]
    with pytest.raises(ValueError, match="`y_val` has classes not in"):
        small(TabularMLPClassifier).fit(X, y, X_val=X, y_val=y + 1)
