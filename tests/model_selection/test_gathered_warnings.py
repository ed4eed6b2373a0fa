"""Warnings of a search's fits: one of each kind, and how many there were."""

import pickle
import warnings

import numpy as np
import pytest
from joblib import parallel_config
from searches import classifier, data
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning, FitFailedWarning

from skdeep.exceptions import NoProgressWarning
from skdeep.model_selection import (
    CoarseToFineSearchCV,
    VectorizedGridSearchCV,
    VectorizedHalvingRandomSearchCV,
    log_uniform,
)
from skdeep.model_selection._gathered_warnings import (
    Gathered,
    GatheredWarnings,
    Gatherer,
    warnings_for_master,
)

ALPHAS = {"alpha": [0.1, 1.0, 2.0]}
UNCONVERGED = "Stochastic Optimizer: Maximum iterations"


def warned(search, X, y, action="always"):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter(action)
        search.fit(X, y)
    return caught


def count_of(warning):
    text = str(warning.message)
    return int(text.rsplit("[", 1)[1].split()[0]) if "such warnings" in text else 1


# Of each search how many fits do not come to their end: of candidates on two folds, and the refit.
SEARCHES = {
    "stacked": (VectorizedGridSearchCV, classifier(), ALPHAS, {}, 7),
    "alone": (VectorizedGridSearchCV, classifier(verbose=True), ALPHAS, {}, 7),
    "ensemble": (VectorizedGridSearchCV, classifier(), ALPHAS, {"keep_best": 2}, 9),
    "rounds": (
        CoarseToFineSearchCV,
        classifier(),
        {"alpha": log_uniform(0.1, 1)},
        {"n_rounds": 2, "n_iter": 3, "random_state": 0},
        13,
    ),
    "rungs": (
        VectorizedHalvingRandomSearchCV,
        classifier(max_iter=3),
        {"alpha": log_uniform(0.1, 1)},
        {"random_state": 0},
        2 * (3 + 1) + 1,
    ),
}


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("name", SEARCHES)
def test_fits_that_warn_alike_warn_once(name, n_jobs):
    kind, estimator, space, arguments, n = SEARCHES[name]
    X, y = data("classes")
    caught = warned(kind(estimator, space, cv=2, n_jobs=n_jobs, **arguments), X, y)
    assert [one.category for one in caught] == [ConvergenceWarning]
    assert str(caught[0].message).startswith(UNCONVERGED)
    assert count_of(caught[0]) == n
    # It points at whoever called fit.
    assert caught[0].filename == __file__


@pytest.mark.parametrize("backend", ["threading", "multiprocessing"])
def test_other_workers_warnings_are_gathered(backend):
    X, y = data("classes")
    with parallel_config(backend=backend):
        caught = warned(VectorizedGridSearchCV(classifier(), ALPHAS, cv=2, n_jobs=2), X, y)
    assert [count_of(one) for one in caught] == [7]


def test_what_differs_in_numbers_is_of_a_kind():
    X, y = data("classes")
    space = {"max_iter": [2, 3], "verbose": [True]}
    (one,) = warned(VectorizedGridSearchCV(classifier(), space, cv=2, refit=False), X, y)
    assert count_of(one) == 4
    assert "Maximum iterations (2)" in str(one.message)


def test_each_kind_is_told():
    X, y = data("classes")
    space = [{"alpha": [0.1]}, {"alpha": [-1.0]}, {"learning_rate_init": [1e-12]}]
    estimator = classifier(max_iter=40, n_iter_no_change=40, solver="sgd")
    caught = warned(VectorizedGridSearchCV(estimator, space, cv=2, refit=False), X, y)
    kinds = {one.category for one in caught}
    assert kinds >= {FitFailedWarning, NoProgressWarning, ConvergenceWarning, UserWarning}
    assert len(caught) == len({(one.category, str(one.message)) for one in caught})


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_what_is_ignored_stays_ignored(n_jobs):
    X, y = data("classes")
    search = VectorizedGridSearchCV(classifier(), ALPHAS, cv=2, n_jobs=n_jobs)
    assert warned(search, X, y, "ignore") == []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.filterwarnings("ignore", "Stochastic Optimizer")
        search.fit(X, y)
    assert caught == []


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("verbose", [False, True])
def test_what_is_an_error_stays_an_error(verbose, n_jobs):
    X, y = data("classes")
    search = VectorizedGridSearchCV(
        classifier(verbose=verbose), ALPHAS, cv=2, n_jobs=n_jobs, error_score="raise"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        with pytest.raises(ConvergenceWarning, match=UNCONVERGED):
            search.fit(X, y)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_error_of_a_filter_is_raised_in_the_fit_and_is_its_end(n_jobs):
    X, y = data("classes")
    search = VectorizedGridSearchCV(classifier(), ALPHAS, cv=2, n_jobs=n_jobs)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        with pytest.raises(ValueError, match="All the 6 fits failed"):
            search.fit(X, y)


class Failing(ClassifierMixin, BaseEstimator):
    """Another library's classifier, which warns, and may raise."""

    def __init__(self, number=0, error=None):
        self.number, self.error = number, error

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        warnings.warn(f"number {self.number} of {X.shape}", RuntimeWarning, stacklevel=2)
        if self.error is not None and self.number == 2:
            raise self.error("Failed.")
        return self

    def predict(self, X):
        return self.classes_[np.zeros(len(X), int)]


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_a_search_that_fails_tells_what_it_was_warned_of(error):
    X, y = data("classes")
    search = VectorizedGridSearchCV(
        Failing(error=error), {"number": [0, 1, 2, 3]}, cv=2, error_score="raise"
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(error):
            search.fit(X, y)
    assert [count_of(one) for one in caught] == [5]


def test_warnings_and_filters_are_as_they_were_afterwards():
    X, y = data("classes")
    before = warnings.showwarning, list(warnings.filters)
    with pytest.warns(ConvergenceWarning):
        VectorizedGridSearchCV(classifier(), ALPHAS, cv=2).fit(X, y)
    assert (warnings.showwarning, list(warnings.filters)) == before


# ------------------------------------------------------------------------------ what is gathered


class Odd(UserWarning):
    """One that is not made of a text."""

    def __init__(self, *, number):
        self.number = number

    def __str__(self):
        return f"odd {self.number}"


def test_what_is_not_made_of_a_text_is_counted_beside():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with GatheredWarnings():
            for number in range(3):
                warnings.warn(Odd(number=number), stacklevel=1)
    texts = [str(one.message) for one in caught]
    assert texts == ["odd 0", "Odd: 3 such warnings in this search, this is the first"]
    assert caught[0].category is Odd


def test_what_cannot_travel_comes_as_text():
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        with warnings_for_master() as found:
            warnings.warn(Odd(number=4), stacklevel=1)
            warnings.warn("plain", FitFailedWarning, stacklevel=1)
    # Nobody in this process gathers, as in a worker.
    assert [type(one.first) for one in found] == [UserWarning, FitFailedWarning]
    assert [str(one.first) for one in found] == ["Odd: odd 4", "plain"]
    assert [one.n for one in pickle.loads(pickle.dumps(found))] == [1, 1]


def test_a_search_within_a_search_tells_the_outer_one():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        with GatheredWarnings() as outer:
            for _ in range(2):
                with GatheredWarnings():
                    for _ in range(3):
                        warnings.warn("again", stacklevel=1)
            assert caught == []
            assert isinstance(outer, Gatherer)
    assert len(caught) == 1
    assert "2 such warnings" in str(caught[0].message)


def test_only_numbers_may_differ_within_a_kind():
    texts = ["at 3", "at -4.5e-3", "at nan", "at .5", "in 3"]
    kinds = [Gathered(UserWarning(text)).kind for text in texts]
    assert len(set(kinds)) == 2
    assert Gathered(RuntimeWarning("at 3")).kind != kinds[0]


def test_a_thread_that_outlives_a_search_takes_nobodys_warnings():
    """It puts back what showed warnings as it began, which was the search's."""
    with GatheredWarnings():
        left = warnings.showwarning
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        of_the_search, left._before = left._before, warnings.showwarning
        warnings.showwarning = left
        warnings.warn("am I seen?", stacklevel=1)
    left._before = of_the_search
    assert [str(one.message) for one in told] == ["am I seen?"]
    with warnings.catch_warnings(action="always"), warnings_for_master() as found:
        warnings.showwarning = left
        with warnings_for_master() as inner:
            warnings.warn("and I?", stacklevel=1)
    assert [str(one.first) for one in (*found, *inner)] == ["and I?"]
