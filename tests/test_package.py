"""The package itself: its names, its types, and what importing it costs."""

import inspect
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import skdeep


def test_public_names_are_importable():
    for name in skdeep.__all__:
        assert getattr(skdeep, name).__name__.split(".")[-1] == name
    assert set(skdeep.__all__) <= set(dir(skdeep))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        skdeep.nonsense  # noqa: B018


def test_the_version_is_the_installed_one():
    assert skdeep.__version__ == metadata.version("scikit-deep")


def test_extras_are_those_of_our_distribution():
    # Another project on PyPI has the name that is imported.
    root = Path(__file__).parents[1]
    pages = [*root.glob("*.md"), *root.glob("*.toml"), *root.glob("*.ini")]
    for folder, ending in (("skdeep", "py"), ("doc", "rst"), ("benchmarks", "py")):
        pages += [page for page in (root / folder).rglob(f"*.{ending}") if "auto_" not in str(page)]
    extras = "|".join(metadata.metadata("scikit-deep").get_all("Provides-Extra"))
    named = re.compile(rf"(\S*)\[(?:{extras})[],]")
    names = {name for page in pages for name in named.findall(page.read_text("utf-8"))}
    found = {name.strip("\"'`") for name in names}
    assert "scikit-deep" in found
    assert "skdeep" not in found


def test_the_package_is_marked_as_typed():
    assert (Path(skdeep.__file__).parent / "py.typed").exists()


def test_importing_skdeep_alone_imports_neither_numpy_nor_sklearn():
    code = "import sys, skdeep; print(sorted({'numpy', 'scipy', 'sklearn'} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_the_estimators_do_not_pull_in_what_they_rarely_need():
    # These cost more to import than skdeep itself, so they wait until they are used.
    heavy = ["sklearn.metrics", "sklearn.model_selection", "sklearn.linear_model", "matplotlib"]
    code = f"""
import sys
from skdeep.estimators import DeepMLPClassifier
print([name for name in {heavy} if name in sys.modules])
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def documented_parameters(estimator):
    """Each parameter's entry in the class docstring, type line included."""
    section = inspect.getdoc(estimator).split("Attributes\n----------")[0]
    section = section.split("Parameters\n----------\n")[1]
    entries = re.split(r"\n(?=\w+ : )", section.strip())
    return {entry.split(" : ")[0]: entry for entry in entries}


@pytest.mark.parametrize(
    ("one", "other", "differing"),
    [
        # What they watch, what they stratify by, and the targets that are augmented.
        (
            skdeep.DeepMLPClassifier,
            skdeep.DeepMLPRegressor,
            {"augment", "scoring", "validation_fraction"},
        ),
        (skdeep.LogisticRegressionGD, skdeep.SoftmaxClassifier, set()),
        # Their rates, and what they stratify by.
        (
            skdeep.TabularMLPClassifier,
            skdeep.TabularMLPRegressor,
            {"learning_rate_init", "validation_fraction"},
        ),
    ],
)
def test_parameters_that_estimators_share_are_documented_alike(one, other, differing):
    first, second = documented_parameters(one), documented_parameters(other)
    assert set(first) == set(one().get_params())
    assert set(second) == set(other().get_params())
    shared = set(first) & set(second)
    assert {name for name in shared if first[name] != second[name]} == differing
