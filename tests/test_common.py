"""scikit-learn's checks of its conventions, on all four estimators in many configurations.

Nothing may fail but what `expected_failures` declares, and that must fail for the reason given.
Sparse input has no configuration of its own: its checks are among those of every configuration.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from unittest import SkipTest

import joblib
import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.neural_network import MLPClassifier
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_estimator,
    check_param_validation,
    estimator_checks_generator,
)

import skdeep
from skdeep import DeepMLPClassifier, DeepMLPRegressor, LogisticRegressionGD, SoftmaxClassifier
from skdeep._engine.losses import REGRESSION_LOSSES

ESTIMATORS = [DeepMLPClassifier, DeepMLPRegressor, LogisticRegressionGD, SoftmaxClassifier]

# A few rows only are held out of the checks' small data: a score would be too coarse to watch.
EARLY_STOPPING = {"early_stopping": True, "validation_fraction": 0.3, "scoring": "loss"}
# The linear classifiers' own max_iter=10000 and tol=1e-6 would take long with these solvers.
STOCHASTIC = {"learning_rate_init": 0.1, "max_iter": 100, "tol": 1e-4}

CONFIGURATIONS = [
    *[Estimator() for Estimator in ESTIMATORS],
    *[
        Deep(**parameters)
        for Deep in (DeepMLPClassifier, DeepMLPRegressor)
        for parameters in (
            {"batch_norm": True},
            {"layer_norm": True},
            {"dropout": 0.3},
            {"input_dropout": 0.2},
            {"solver": "sgd"},
            {"solver": "rmsprop"},
            {"solver": "adamw"},
            {"solver": "nadam"},
            {"solver": "lbfgs", "max_iter": 20},
            {"batch_size": 8},
            {"hidden_layer_sizes": (), "learning_rate_init": 0.1},
            {"learning_rate_init": 0.01, **EARLY_STOPPING},
        )
    ],
    *[DeepMLPRegressor(loss, learning_rate_init=0.01) for loss in REGRESSION_LOSSES],
    *[
        Linear(**parameters)
        for Linear in (LogisticRegressionGD, SoftmaxClassifier)
        for parameters in (
            {"solver": "sgd", **STOCHASTIC},
            {"solver": "rmsprop", **STOCHASTIC},
            {"solver": "adam", **STOCHASTIC},
            {"solver": "adamw", **STOCHASTIC},
            {"solver": "nadam", **STOCHASTIC},
            {"solver": "lbfgs"},
            {"solver": "sgd", "batch_size": 8, **STOCHASTIC},
            {"l1_ratio": 0.5, "tol": 1e-4},
            EARLY_STOPPING,
            {"solver": "adam", **STOCHASTIC, **EARLY_STOPPING},
        )
    ],
]


@dataclass(frozen=True)
class ExpectedFailure:
    """Why a check cannot pass, and how it fails."""

    reason: str
    error: type[Exception]
    message: str


COPIES_DIFFER = dict.fromkeys(
    [
        "check_sample_weight_equivalence_on_dense_data",
        "check_sample_weight_equivalence_on_sparse_data",
    ],
    ExpectedFailure(
        "copies of a row fall into other batches, drop other units, or are held out one by one",
        AssertionError,
        "fitting with `sample_weight` is not equivalent",
    ),
)
PARTIAL_FIT_RAISES = dict.fromkeys(
    [
        "check_fit_score_takes_y",
        "check_n_features_in_after_fitting",
        "check_estimators_partial_fit_n_features",
    ],
    ExpectedFailure(
        "the check calls partial_fit, which raises with early_stopping=True, as scikit-learn's",
        ValueError,
        "partial_fit does not support early_stopping=True",
    ),
)


def expected_failures(estimator):
    """The checks that cannot pass, by name: here and nowhere else."""
    parameters = estimator.get_params()
    is_random = any(parameters.get(name, 0) > 0 for name in ("dropout", "input_dropout"))
    has_small_batches = parameters["batch_size"] == 8
    declared = {}
    if is_random or has_small_batches or parameters["early_stopping"]:
        declared |= COPIES_DIFFER
    if parameters["early_stopping"] and hasattr(estimator, "partial_fit"):
        declared |= PARTIAL_FIT_RAISES
    return declared


# The checks that skip, as far as this scikit-learn has them: as they do for its own MLP.
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
# The checks' data are small and the configurations made to be fast.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:Got `batch_size` less than 1 or larger than sample size")
@pytest.mark.filterwarnings("ignore:The held-out fraction .* is not stratified")
def test_check(estimator, check):
    name = name_of(check)
    if failure := expected_failures(estimator).get(name):
        with pytest.raises(failure.error, match=failure.message):
            check(estimator)
        pytest.xfail(failure.reason)
    if name in SKIPPED:
        with pytest.raises(SkipTest):
            check(estimator)
        pytest.skip("scikit-learn's own estimators skip it too")
    try:
        check(estimator)
    except SkipTest as skip:
        pytest.fail(f"{name} skips, undeclared: {skip}")


@pytest.mark.parametrize("estimator", CONFIGURATIONS, ids=repr)
def test_failures_are_declared_only_where_there_is_a_reason(estimator):
    defaults = type(estimator)().get_params()
    changed = {name for name, value in estimator.get_params().items() if value != defaults[name]}
    allowed = set()
    if changed & {"dropout", "input_dropout", "batch_size", "early_stopping"}:
        allowed |= COPIES_DIFFER.keys()
    if "early_stopping" in changed and estimator.solver not in ("gd", "lbfgs"):
        allowed |= PARTIAL_FIT_RAISES.keys()
    assert expected_failures(estimator).keys() == allowed


def test_skips_are_those_of_scikit_learn():
    own = MLPClassifier(solver="lbfgs", max_iter=5)
    results = check_estimator(own, on_fail=None, on_skip=None)
    skipped = {result["check_name"] for result in results if result["status"] == "skipped"}
    assert skipped == SKIPPED & {name_of(check) for _, check in CHECKS}


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_sparse_input_is_checked(Estimator):
    assert get_tags(Estimator()).input_tags.sparse


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_checks_pass_with_array_api_dispatch(Estimator):
    # SciPy reads the variable when it is imported.
    program = (
        "import json, sys, skdeep; from sklearn.utils.estimator_checks import check_estimator; "
        "results = check_estimator(getattr(skdeep, sys.argv[1])(), on_fail=None, on_skip=None); "
        "print(json.dumps({result['check_name']: result['status'] for result in results}))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, Estimator.__name__],
        env={
            **os.environ,
            "SCIPY_ARRAY_API": "1",
            "PYTHONPATH": str(Path(skdeep.__file__).parents[1]),
            "PYTHONWARNINGS": "ignore",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    results = json.loads(run.stdout)
    assert results.keys() == {
        name_of(check) for _, check in estimator_checks_generator(Estimator())
    }
    assert {name for name, status in results.items() if status != "passed"} == set()


# ------------------------------------------------------- what check_estimator does not ask for


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_parameter_validation(Estimator):
    check_param_validation(Estimator.__name__, Estimator())


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("parameters", [{}, {**EARLY_STOPPING, "n_iter_no_change": 1}])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_column_names(Estimator, parameters):
    pytest.importorskip("pandas")
    # A warning that X has no feature names, as of a dev set already validated, would be an error.
    check_dataframe_column_names_consistency(Estimator.__name__, Estimator(**parameters))


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("container", [np.asarray, scipy.sparse.csr_array])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_read_only_memory_map(Estimator, container, tmp_path):
    X, y = make_classification(n_samples=60, random_state=0)
    data = {"X": container(X), "y": y, "sample_weight": np.arange(60.0)}
    joblib.dump(data, tmp_path / "data")
    mapped = joblib.load(tmp_path / "data", mmap_mode="r")
    assert not mapped["y"].flags.writeable

    estimator = Estimator(solver="adam", max_iter=5, random_state=0)
    expected = clone(estimator).fit(**data, X_val=data["X"], y_val=y).partial_fit(**data)
    estimator.fit(**mapped, X_val=mapped["X"], y_val=mapped["y"]).partial_fit(**mapped)
    assert_array_equal(estimator.predict(mapped["X"]), expected.predict(data["X"]))
    assert_array_equal(estimator.loss_curve_, expected.loss_curve_)
