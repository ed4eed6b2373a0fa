"""scikit-learn's checks of its conventions, on both networks for tables in many configurations.

Nothing may fail but what `DECLARED` has, and that must fail for the reason given.
"""

import os
from functools import partial
from unittest import SkipTest

import numpy as np
import pytest
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_param_validation,
    estimator_checks_generator,
)
from tabular.tables import BOTH

from skdeep import TabularMLPClassifier, TabularMLPRegressor
from skdeep._engine.losses import REGRESSION_LOSSES

FAST = {"n_bins": (3, 5), "hidden_layer_sizes": (8,), "max_iter": 12}
CONFIGURATIONS = [
    *[
        Estimator(**parameters)
        for Estimator in (TabularMLPClassifier, TabularMLPRegressor)
        for parameters in (
            {},
            {"n_bins": 16, "n_members": 1, "activation": "relu"},
            {**FAST, "refit": False, "dtype": "float64"},
            {**FAST, "hidden_layer_sizes": (), "categorical_features": None, "n_jobs": 2},
        )
    ],
    *[TabularMLPRegressor(loss, **FAST) for loss in REGRESSION_LOSSES if loss != "squared_error"],
]

# By name, the reason, and how the check fails.
DECLARED = {
    "check_sample_weight_equivalence_on_dense_data": (
        "copies of a row are held out one by one, and fall into other batches",
        "fitting with `sample_weight` is not equivalent",
    )
}
# As it does for scikit-learn's own, where SciPy has not been told to dispatch.
SKIPPED = set() if os.environ.get("SCIPY_ARRAY_API") else {"check_array_api_input"}

CHECKS = [pair for estimator in CONFIGURATIONS for pair in estimator_checks_generator(estimator)]


def name_of(check):
    while isinstance(check, partial):
        check = check.func
    return check.__name__


@pytest.fixture(autouse=True)
def _global_seed():
    """Seed what an estimator without random_state draws from."""
    np.random.seed(0)  # noqa: NPY002


@pytest.mark.parametrize(
    ("estimator", "check"),
    CHECKS,
    ids=lambda value: name_of(value) if callable(value) else repr(value),
)
# The checks' data are few rows of noise, or one class.
@pytest.mark.filterwarnings("ignore::skdeep.exceptions.NoProgressWarning")
def test_check(estimator, check):
    name = name_of(check)
    if name in DECLARED:
        reason, message = DECLARED[name]
        with pytest.raises(AssertionError, match=message):
            check(estimator)
        pytest.xfail(reason)
    if name in SKIPPED:
        with pytest.raises(SkipTest):
            check(estimator)
        pytest.skip("scikit-learn's own estimators skip it too")
    try:
        check(estimator)
    except SkipTest as skip:
        pytest.fail(f"{name} skips, undeclared: {skip}")


def test_what_is_declared_is_among_the_checks():
    # What skips is a check that older versions of scikit-learn do not have.
    assert DECLARED.keys() <= {name_of(check) for _, check in CHECKS}


@BOTH
def test_parameter_validation(Estimator):
    check_param_validation(Estimator.__name__, Estimator())


@BOTH
@pytest.mark.filterwarnings("ignore::skdeep.exceptions.NoProgressWarning")
def test_column_names(Estimator):
    pytest.importorskip("pandas")
    check_dataframe_column_names_consistency(Estimator.__name__, Estimator(**FAST))


@BOTH
def test_tags_tell_what_X_may_be(Estimator):
    tags = get_tags(Estimator()).input_tags
    assert (tags.allow_nan, tags.categorical, tags.string, tags.sparse) == (True, True, True, False)


@pytest.mark.parametrize("loss", REGRESSION_LOSSES)
def test_tags_tell_what_y_may_be(loss):
    positive = get_tags(TabularMLPRegressor(loss)).target_tags.positive_only
    assert positive == (loss in ("poisson", "gamma"))
