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

# By version of scikit-learn: how many tests the suite has, parametrisations counted.
N_TESTS: dict[str, int] = {}

EXCLUDED: dict[str, str] = {}


def test_suite_passes_on_our_classes(tmp_path):
    report, output = run_suite(
        SUITE, REPLACEMENTS, tmp_path / "report.json", "--exclude", *EXCLUDED
    )

    assert report["classes"] == [
        "skdeep.model_selection._search.VectorizedGridSearchCV",
        "skdeep.model_selection._search.VectorizedRandomizedSearchCV",
    ]
    assert report["functions"] == functions_of(SUITE)
    version = ".".join(sklearn.__version__.split(".")[:2])
    assert report["n_tests"] == N_TESTS.get(version, report["n_tests"])

    assert report["outcomes"].keys() == set(report["functions"]) - set(EXCLUDED)
    failed = [name for name, runs in report["outcomes"].items() if "failed" in runs]
    assert not failed, output
