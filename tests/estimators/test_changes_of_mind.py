"""Parameters change between two calls, or a call fails: what was fitted stays consistent."""

import pickle
import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

from skdeep import (
    DeepMLPClassifier,
    DeepMLPRegressor,
    LogisticRegressionGD,
    SoftmaxClassifier,
)
from skdeep.inspection import gradient_check

X, y = load_iris(return_X_y=True)
X = scale(X)
two_classes = y < 2
unconverged = pytest.mark.filterwarnings("ignore:.*onverge:sklearn.exceptions.ConvergenceWarning")
pytestmark = unconverged


# ------------------------------------------------------------------------ parameters that change

MOMENTA = [(0, 0.9), (0.9, 0), (0.5, 0.9)]


@pytest.mark.parametrize(("before", "after"), MOMENTA)
def test_momentum_may_change_between_calls(before, after):
    model = DeepMLPClassifier((4,), solver="sgd", momentum=before, random_state=0)
    model.partial_fit(X, y, classes=[0, 1, 2]).set_params(momentum=after).partial_fit(X, y)
    assert len(model.loss_curve_) == 2


@pytest.mark.parametrize(("before", "after"), [*MOMENTA, ("auto", 0), (0.5, "auto")])
def test_momentum_of_gradient_descent_may_change_between_calls(before, after):
    model = LogisticRegressionGD(momentum=before, max_iter=5, warm_start=True).fit(X, y)
    first = model.loss_
    model.set_params(momentum=after, max_iter=50).fit(X, y)
    assert model.loss_ < first


def test_sigmoid_and_logistic_are_one_architecture():
    model = DeepMLPClassifier((4,), "sigmoid", max_iter=2, warm_start=True).fit(X, y)
    assert model.set_params(activation="logistic").fit(X, y).t_ == 4 * len(X)


def test_early_stopping_forgets_a_best_epoch_whose_weights_are_gone():
    dev = {"X_val": X, "y_val": y}
    model = DeepMLPClassifier(
        (8,), learning_rate_init=0.01, early_stopping=True, warm_start=True, random_state=0
    )
    model.fit(X, y, **dev)
    model.set_params(early_stopping=False, learning_rate_init=5.0).partial_fit(X, y)
    model.set_params(early_stopping=True, learning_rate_init=1e-6, max_iter=3).fit(X, y, **dev)
    assert model.score(X, y) == model.best_validation_score_
    assert model.validation_scores_[model.best_epoch_] == model.best_validation_score_


def test_early_stopping_after_watching_restores_what_it_reports():
    dev = {"X_val": X, "y_val": y}
    model = DeepMLPClassifier(
        (8,), learning_rate_init=0.3, max_iter=30, warm_start=True, random_state=0
    ).fit(X, y, **dev)
    model.set_params(early_stopping=True, max_iter=3).fit(X, y, **dev)
    assert model.score(X, y) == model.best_validation_score_


def test_epochs_that_nobody_watched_have_their_place_in_the_curves():
    model = DeepMLPClassifier((8,), max_iter=5, warm_start=True, random_state=0).fit(X, y)
    model.fit(X, y, X_val=X, y_val=y)
    assert len(model.validation_scores_) == len(model.loss_curve_) == 10
    assert np.isnan(model.validation_scores_[:5]).all()
    assert model.validation_scores_[model.best_epoch_] == model.best_validation_score_


def test_a_cosine_that_has_come_to_zero_says_so():
    model = DeepMLPClassifier((4,), learning_rate="cosine", max_iter=3, warm_start=True).fit(X, y)
    with pytest.warns(ConvergenceWarning, match="decay_epochs"):
        model.fit(X, y)


# ------------------------------------------------------------------------------ calls that fail


def everything(model):
    return {
        name: value if callable(value) else pickle.dumps(value)
        for name, value in vars(model).items()
    }


def stop_at(epoch_to_stop):
    def schedule(epoch):
        if epoch == epoch_to_stop:
            raise RuntimeError("no rate")
        return 1.0

    return schedule


REFUSED = {
    "weights": {"sample_weight": -np.ones(len(X))},
    "dev set": {"X_val": X[:, :2], "y_val": y},
    "missing y_val": {"X_val": X},
}


@pytest.mark.parametrize("fit_params", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("warm_start", [False, True])
@pytest.mark.parametrize(
    "Estimator", [DeepMLPClassifier, DeepMLPRegressor, LogisticRegressionGD, SoftmaxClassifier]
)
def test_a_refused_fit_leaves_the_model_as_it_was(Estimator, warm_start, fit_params):
    model = Estimator(max_iter=3, warm_start=warm_start, random_state=0).fit(X, y)
    before, predictions = everything(model), model.predict(X)
    with pytest.raises(ValueError):  # noqa: PT011 - which one is test_bad_input's concern
        model.fit(X, y, **fit_params)
    assert everything(model) == before
    assert_array_equal(model.predict(X), predictions)


def test_a_fit_refused_for_its_labels_or_columns_leaves_the_model_as_it_was():
    model = DeepMLPClassifier((4,), max_iter=3, random_state=0).fit(X, y)
    before = everything(model)
    wider, letters = np.c_[X, X[:, 0]], np.array(["a", "b", "c"])[y]
    with pytest.raises(ValueError, match="sample_weight"):
        model.fit(wider, letters, sample_weight=-np.ones(len(X)))
    assert everything(model) == before


def test_a_batch_size_that_batch_norm_refuses_leaves_the_model_as_it_was():
    model = DeepMLPClassifier((4,), batch_norm=True, max_iter=3, random_state=0).fit(X, y)
    predictions = model.predict_proba(X)
    with pytest.raises(ValueError, match="batch_size"):
        model.set_params(batch_size=1).fit(X, y)
    assert_array_equal(model.predict_proba(X), predictions)


def test_a_new_fit_that_fails_midway_leaves_the_old_model():
    model = DeepMLPClassifier((4,), max_iter=5, random_state=0).fit(X, y)
    predictions = model.predict_proba(X)
    with pytest.raises(RuntimeError, match="no rate"):
        model.set_params(learning_rate=stop_at(2)).fit(X, y)
    assert_array_equal(model.predict_proba(X), predictions)


def test_a_continued_fit_that_fails_midway_rolls_back():
    model = LogisticRegressionGD(momentum=0, max_iter=5, warm_start=True).fit(X, y)
    model.set_params(learning_rate=stop_at(8))
    before, curve = everything(model), list(model.loss_curve_)
    with pytest.raises(RuntimeError, match="no rate"):
        model.fit(X, y)
    assert everything(model) == before
    assert model.loss_curve_ == curve
    assert_array_equal(model.coef_, LogisticRegressionGD(momentum=0, max_iter=5).fit(X, y).coef_)
    # And it goes on from there as if nothing had happened.
    model.set_params(learning_rate="constant").fit(X, y)
    assert_array_equal(model.coef_, LogisticRegressionGD(momentum=0, max_iter=10).fit(X, y).coef_)


# ------------------------------------------------------------------------------ weights and scores


def test_class_weight_holds_where_a_batch_lacks_a_class():
    model = DeepMLPClassifier((3,), class_weight={2: 3.0}, random_state=0)
    model.partial_fit(X[two_classes], y[two_classes], classes=[0, 1, 2])
    plain = DeepMLPClassifier((3,), random_state=0)
    plain.partial_fit(X[two_classes], y[two_classes], classes=[0, 1, 2])
    assert_array_equal(model.coefs_[0], plain.coefs_[0])


@pytest.mark.parametrize(
    "class_weight",
    [[{0: 1.0, 1: -0.5}] * 2, [{0: 1.0, 1: np.nan}] * 2, [{2: 1.0}] * 2, [{0: 1.0}], {0: 1.0}],
    ids=str,
)
def test_class_weights_of_many_labels_are_checked(class_weight):
    labels = np.c_[y == 0, y == 1].astype(int)
    with pytest.raises(ValueError, match="class_weight"):
        DeepMLPClassifier((3,), class_weight=class_weight).fit(X, labels)


def test_class_weights_of_many_labels_multiply():
    labels = np.c_[y == 0, y == 1].astype(int)
    weighted = DeepMLPClassifier(
        (3,), class_weight=[{1: 2.0}, {0: 3.0}], max_iter=3, random_state=0
    ).fit(X, labels)
    by_hand = np.where(labels[:, 0] == 1, 2.0, 1.0) * np.where(labels[:, 1] == 0, 3.0, 1.0)
    plain = DeepMLPClassifier((3,), max_iter=3, random_state=0)
    plain.fit(X, labels, sample_weight=by_hand)
    assert_array_equal(weighted.coefs_[0], plain.coefs_[0])


@pytest.mark.filterwarnings("ignore::skdeep.exceptions.NoProgressWarning")
def test_a_score_that_is_never_a_number_ends_the_fit_and_is_reported():
    model = DeepMLPClassifier(
        (3,), early_stopping=True, scoring=lambda *_: np.nan, max_iter=200, random_state=0
    )
    with pytest.warns(ConvergenceWarning, match="scoring"):
        model.fit(X, y)
    assert model.n_iter_ == model.n_iter_no_change + 1


def test_a_dev_row_without_weight_counts_for_nothing():
    counts = np.exp(X[:, 0]).round()
    wild, without_it = X.copy(), np.ones(len(X))
    wild[0], without_it[0] = 1e6, 0
    model = DeepMLPRegressor("poisson", (3,), early_stopping=True, max_iter=3, random_state=0)
    model.fit(X, counts, X_val=wild, y_val=counts, sample_weight_val=without_it)
    assert np.isfinite(model.validation_scores_).all()


def test_a_callable_without_sample_weight_scores_unweighted():
    def share_of_first_class(estimator, X, y):
        return float(np.mean(estimator.predict(X) == 0))

    model = DeepMLPClassifier(
        (3,),
        early_stopping=True,
        scoring=share_of_first_class,
        class_weight="balanced",
        max_iter=3,
        random_state=0,
    )
    assert len(model.fit(X, y).validation_scores_) == 3


@pytest.mark.parametrize("size", [1e38, 1e-38])
def test_weights_too_far_from_one_are_refused_by_name(size):
    model = DeepMLPClassifier((3,), dtype="float32")
    with pytest.raises(ValueError, match="sample_weight has a mean of"):
        model.fit(X, y, sample_weight=np.full(len(X), size))


def test_classes_must_not_hold_nan():
    with pytest.raises(ValueError, match="classes must not contain NaN"):
        DeepMLPClassifier((3,)).partial_fit(X, y, classes=[0, 1, 2, np.nan])


def test_a_gradient_of_zero_proves_nothing():
    # All weights zero, and as many rows of each class: the start is a saddle point.
    model = DeepMLPClassifier((3,), weight_init="zeros", random_state=0)
    assert gradient_check(model, X, y).verdict == "inconclusive"


# ------------------------------------------------------------------------------------------ memory


@pytest.mark.parametrize("early_stopping", [False, True])
def test_gradient_descent_copies_no_large_x(early_stopping):
    rng = np.random.default_rng(0)
    big = rng.normal(size=(400_000, 20)).astype(np.float32)
    labels = (big[:, 0] > 0).astype(int)
    model = LogisticRegressionGD(max_iter=2, early_stopping=early_stopping, random_state=0)
    tracemalloc.start()
    model.fit(big, labels)
    _, fitting = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    model.predict_proba(big)
    _, predicting = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # Row numbers, codes and split take some numbers per row; X has twenty.
    assert fitting < 2 * big.nbytes
    assert predicting < big.nbytes
