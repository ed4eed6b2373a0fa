"""What searches, splits and distributions are given: errors that name the argument."""

import warnings

import numpy as np
import pytest
from sklearn.model_selection import KFold

from skdeep import SoftmaxClassifier
from skdeep.model_selection import (
    CoarseToFineSearchCV,
    VectorizedGridSearchCV,
    VectorizedHalvingRandomSearchCV,
    VectorizedRandomizedSearchCV,
    check_same_distribution,
    layer_sizes,
    log_uniform,
    train_dev_test_split,
)

X = np.random.default_rng(0).normal(size=(12, 3))
Y = np.arange(12) % 2
SEARCHES = (
    CoarseToFineSearchCV,
    VectorizedGridSearchCV,
    VectorizedHalvingRandomSearchCV,
    VectorizedRandomizedSearchCV,
)
EVERY = pytest.mark.parametrize("Search", SEARCHES)


def search(Search, space=None, **parameters):
    space = {"alpha": [0.1, 1.0]} if space is None else space
    return Search(SoftmaxClassifier(max_iter=1), space, **{"cv": 2, **parameters})


class OnlySplits:
    def split(self, X, y=None, groups=None):
        yield np.arange(6), np.arange(6, 12)


@pytest.mark.parametrize(
    "cv",
    [[], [1, 2], [(1,)], [([0.5], [1])], {1: 2}, np.ones(3), b"12", OnlySplits()],
    ids=["none", "numbers", "one part", "reals", "dict", "array", "bytes", "only splits"],
)
@EVERY
def test_what_is_no_folds(Search, cv):
    with pytest.raises((TypeError, ValueError), match=r"(?<!\w)cv(?!\w)"):
        search(Search, cv=cv).fit(X, Y)


@EVERY
def test_more_folds_than_rows(Search):
    with warnings.catch_warnings():
        # Of candidates that are few.
        warnings.simplefilter("ignore")
        with pytest.raises(ValueError, match=r"cv on X and y: .*n_splits=50"):
            search(Search, cv=KFold(50)).fit(X, Y)


@EVERY
def test_folds_may_be_given_one_by_one(Search):
    rows = np.arange(12)
    folds = [(rows[:6], rows[6:]), (rows[6:], rows[:6])]
    with warnings.catch_warnings():
        # Of candidates that are few, and epochs.
        warnings.simplefilter("ignore")
        found = search(Search, cv=folds).fit(X, Y)
    assert found.n_splits_ == 2


@pytest.mark.parametrize("space", [[], 5, [1], {1: [2]}, {"alpha": 3}, {"alpha": []}], ids=str)
@EVERY
def test_what_is_no_space(Search, space):
    name = "param_grid" if Search is VectorizedGridSearchCV else "param_distributions"
    with pytest.raises((TypeError, ValueError), match=name):
        search(Search, space).fit(X, Y)


@EVERY
def test_data_that_are_no_rows(Search):
    with pytest.raises(ValueError, match="X must be rows of features, got None"):
        search(Search).fit(None, Y)
    with pytest.raises(TypeError, match="X: Input should have at least 1 dimension"):
        search(Search).fit(5, Y)
    with pytest.raises(ValueError, match="X and y: Found input variables with inconsistent"):
        search(Search).fit(X, Y[:5])


@pytest.mark.parametrize(
    "factor", ["three", None, [3], 10**400], ids=["word", "None", "list", "huge"]
)
def test_a_factor_that_is_no_number(factor):
    with pytest.raises(ValueError, match=r"The 'factor' parameter .* must be a float in"):
        search(VectorizedHalvingRandomSearchCV, factor=factor).fit(X, Y)


def test_strata_that_are_missing():
    strata = pytest.importorskip("pandas").Series(["a", "b", None] * 4, dtype="string")
    with pytest.raises(ValueError, match="stratify has missing values"):
        train_dev_test_split(X, stratify=strata)


def test_arrays_where_one_word_or_number_is_wanted():
    with pytest.raises(ValueError, match=r"shape must be one of .*, got array"):
        layer_sizes(1, 2, np.array(["constant", "free"]))
    with pytest.raises(ValueError, match="log_uniform needs finite numbers 0 < low < high"):
        log_uniform(0.1, np.array([1.0, 2.0]))


@pytest.mark.parametrize("seed", ["seed", -1, 0.5, [1.5]], ids=str)
def test_seeds_that_are_none(seed):
    for call in (
        lambda: train_dev_test_split(X, random_state=seed),
        lambda: check_same_distribution(X, X, random_state=seed),
        lambda: log_uniform(0.1, 1).rvs(random_state=seed),
    ):
        with pytest.raises((TypeError, ValueError), match="random_state: "):
            call()
