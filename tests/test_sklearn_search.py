"""scikit-learn's own test-suite for its searches, run on the vectorized ones.

The candidates are scikit-learn's estimators and the suite's mocks, so what is tested is everything
but the stacks: that to change the class name is the whole migration.
"""

import sklearn
from sklearn_suites import functions_of, run_suite

SUITE = "sklearn.model_selection.tests.test_search"
REPLACEMENTS = [
    f"sklearn.model_selection:{name}=skdeep.model_selection:Vectorized{name}"
    for name in ("GridSearchCV", "RandomizedSearchCV")
]

VERSION = ".".join(sklearn.__version__.split(".")[:2])

# By version of scikit-learn: how many tests the suite has, parametrisations counted.
N_TESTS = {"1.7": 137, "1.9": 171}

# Tests left out, by version, with the reason.
EXCLUDED_BY_VERSION = {
    "1.7": {"test_random_search_bad_cv": "our message is worded as in scikit-learn 1.9"},
    "1.8": {"test_random_search_bad_cv": "our message is worded as in scikit-learn 1.9"},
}
EXCLUDED = EXCLUDED_BY_VERSION.get(VERSION, {})


def test_suite_passes_on_our_classes(tmp_path):
    report, output = run_suite(
        SUITE, REPLACEMENTS, tmp_path / "report.json", "--exclude", *EXCLUDED
    )

    assert report["classes"] == [
        "skdeep.model_selection._search.VectorizedGridSearchCV",
        "skdeep.model_selection._search.VectorizedRandomizedSearchCV",
    ]
    assert report["functions"] == functions_of(SUITE)
    assert report["n_tests"] == N_TESTS.get(VERSION, report["n_tests"])

    assert report["outcomes"].keys() == set(report["functions"]) - set(EXCLUDED)
    failed = [name for name, runs in report["outcomes"].items() if "failed" in runs]
    assert not failed, output
