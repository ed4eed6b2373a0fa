"""A pytest plugin that puts skdeep's classes where scikit-learn's test-suite looks for its MLP.

Loaded with `-p` in a process of its own, it acts before `sklearn.neural_network.tests.test_mlp` is
imported. Every test is repeated for each number in SKDEEP_SEED_SHIFTS, which is added to the seeds
of the estimators and seeds NumPy's global generator. What was collected, which classes were tested
and how each test ended is written as JSON to the file SKDEEP_REPORT.
"""

import json
import os
import sys
from numbers import Integral
from pathlib import Path

import numpy as np
import pytest
import sklearn.neural_network
from sklearn.utils import check_random_state

SUITE = "sklearn.neural_network.tests.test_mlp"
SEED_SHIFTS = [int(shift) for shift in os.environ.get("SKDEEP_SEED_SHIFTS", "0").split()]
RECORD: dict = {"classes": {}, "collected": [], "outcomes": {}}


def pytest_configure():
    """Replace the classes; before this plugin is active its import must change nothing."""
    import skdeep

    sklearn.neural_network.MLPClassifier = skdeep.DeepMLPClassifier
    sklearn.neural_network.MLPRegressor = skdeep.DeepMLPRegressor


@pytest.fixture(autouse=True, params=SEED_SHIFTS, ids="shift={}".format)
def _seed_shift(request, monkeypatch):
    """Shift the seeds that estimators are given, and seed the generator they use without one."""

    def shifted(seed):
        return check_random_state(seed + request.param if isinstance(seed, Integral) else seed)

    monkeypatch.setattr("skdeep.estimators._base.check_random_state", shifted)
    np.random.seed(request.param)  # noqa: NPY002


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Note what there is before anything is deselected."""
    RECORD["collected"] = [item.name for item in items]
    for name in ("MLPClassifier", "MLPRegressor"):
        tested = getattr(sys.modules[SUITE], name)
        RECORD["classes"][name] = f"{tested.__module__}.{tested.__qualname__}"


def pytest_runtest_logreport(report):
    """Note how a test ended; a failing setup or teardown counts as well as the call."""
    name = report.nodeid.rsplit("::", 1)[1]
    if report.when == "call" or report.outcome != "passed":
        RECORD["outcomes"][name] = report.outcome


def pytest_sessionfinish():
    Path(os.environ["SKDEEP_REPORT"]).write_text(json.dumps(RECORD))
