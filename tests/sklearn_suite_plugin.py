"""A pytest plugin that puts skdeep's classes where a test-suite of scikit-learn looks for its own.

It is loaded with `-p` in a process of its own and acts before the suite is imported. Every test is
run once per seed shift: a number added to the seeds that the estimators are given. What was
collected, which classes were tested and how each test ended is written as JSON.
"""

import importlib
import json
from collections import defaultdict
from numbers import Integral
from pathlib import Path

import numpy as np
import pytest
from sklearn.utils import check_random_state

# By name of a test: how its runs ended, a list per test.
OUTCOMES = defaultdict(list)
COLLECTED: dict = {"functions": [], "n_tests": 0, "classes": []}


def pytest_addoption(parser):
    parser.addoption("--replace", nargs="+", default=[], help="module:class=module:class pairs")
    parser.addoption("--report", type=Path, help="where the JSON goes")
    parser.addoption("--seed-shifts", nargs="+", type=int, default=[0])
    parser.addoption("--exclude", nargs="*", default=[], help="names of tests not to run")
    parser.addoption("--only", nargs="*", default=[], help="names of the only tests to run")


def pytest_configure(config):
    """Replace the classes: here, so that merely importing this file changes nothing."""
    for replacement in config.option.replace:
        (module, name), (own_module, own_name) = (
            side.split(":") for side in replacement.split("=")
        )
        ours = getattr(importlib.import_module(own_module), own_name)
        setattr(importlib.import_module(module), name, ours)


def pytest_generate_tests(metafunc):
    metafunc.parametrize("_seed_shift", metafunc.config.option.seed_shifts, indirect=True)


@pytest.fixture(autouse=True)
def _seed_shift(request, monkeypatch):
    """Shift the seeds that estimators are given, and seed the generator they use without one."""

    def shifted(seed):
        return check_random_state(seed + request.param if isinstance(seed, Integral) else seed)

    monkeypatch.setattr("skdeep.estimators._preparation.check_random_state", shifted)
    np.random.seed(request.param)  # noqa: NPY002


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Note all that there is, then leave what is to be run."""
    option = config.option
    COLLECTED["functions"] = list(dict.fromkeys(item.originalname for item in items))
    COLLECTED["n_tests"] = len(items) // len(option.seed_shifts)
    names = [replacement.split("=")[0].split(":")[1] for replacement in option.replace]
    tested = [getattr(items[0].module, name) for name in names]
    COLLECTED["classes"] = [f"{kind.__module__}.{kind.__name__}" for kind in tested]
    items[:] = [
        item
        for item in items
        if item.originalname not in option.exclude
        and (not option.only or item.originalname in option.only)
    ]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Note how a test ended; a failing setup or teardown counts as well as the call."""
    report = yield
    if report.when == "call" or report.failed:
        OUTCOMES[item.originalname].append(report.outcome)
    return report


def pytest_sessionfinish(session):
    session.config.option.report.write_text(json.dumps({**COLLECTED, "outcomes": OUTCOMES}))
