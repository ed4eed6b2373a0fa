"""Stacks of estimators: who leaves them when, and what those who stay come to."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.preprocessing import StandardScaler

from skdeep import DeepMLPClassifier
from skdeep.estimators._stack import Stack

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)


def network(**parameters):
    return DeepMLPClassifier((5,), batch_size=32, random_state=0, n_iter_no_change=1, **parameters)


def assert_as_alone(stack, number, estimator, n_epochs):
    """The stack's estimator is what it would be had it been fitted alone."""
    alone = clone(estimator).set_params(max_iter=n_epochs).fit(X, y)
    found = stack.fitted(number)
    assert found.n_iter_ == alone.n_iter_
    assert_allclose(found.loss_curve_, alone.loss_curve_, atol=1e-10)
    assert_allclose(found.predict_proba(X), alone.predict_proba(X), atol=1e-10)


@pytest.mark.parametrize("parameters", [{"solver": "sgd"}, {"batch_norm": True}], ids=str)
def test_one_that_stops_stays_as_it_was_while_others_go_on(parameters):
    # The first stops in its third epoch; alone in stopping among ten it is not cut out at once,
    # and its velocity, or the statistics of its batches, go on moving.
    others = [network(tol=1e-9, alpha=0.1 * i, **parameters) for i in range(9)]
    estimators = [network(tol=10.0, **parameters), *others]
    stack = Stack([clone(one) for one in estimators], X, y)
    for n_epochs in (4, 8, 12):
        stack.train_until(n_epochs)
        for number, estimator in enumerate(estimators):
            assert_as_alone(stack, number, estimator, n_epochs)
        stack.lighten()


def test_those_who_stay_may_all_have_stopped():
    estimators = [network(tol=10.0), network(tol=1e-9), network(tol=1e-9)]
    stack = Stack([clone(one) for one in estimators], X, y)
    stack.train_until(6)
    stack.keep([0])
    stack.train_until(12)
    assert_as_alone(stack, 0, estimators[0], 12)


def test_as_many_epochs_again_change_nothing():
    estimators = [network(tol=1e-9), network(tol=1e-9, alpha=1.0)]
    stack = Stack([clone(one) for one in estimators], X, y)
    for _ in range(2):
        stack.train_until(5)
        stack.lighten()
    stack.train_until(5)
    for number, estimator in enumerate(estimators):
        assert_as_alone(stack, number, estimator, 5)
    assert np.isfinite(stack.fitted(0).loss_)
