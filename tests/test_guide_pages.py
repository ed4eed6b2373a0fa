"""What the tutorial and the page on troubles promise; their snippets run as doctests."""

import csv
import re
from itertools import pairwise
from pathlib import Path

import pytest

import skdeep

DOC = Path(__file__).parents[1] / "doc"
TROUBLES = (DOC / "guide" / "troubleshooting.rst").read_text("utf-8")
# Words of scikit-learn, Python and skops.
OF_OTHERS = {
    "MemoryError",
    "object has no attribute 'set_callbacks'",
    "can't have auto-propagated callbacks (['ProgressBar'])",
    "The estimator ColumnTransformer does not support callbacks",
    "Expected 2D array, got 1D array instead",
    "Expected a 2-dimensional container",
    "Input X contains NaN",
    "Input y contains NaN",
    "could not convert string to float",
    "A column-vector y was passed when a 1d array was expected",
    "The feature names should match",
    "Unknown label type: continuous",
    "Untrusted types found in the file",
    "too large for dtype('float32')",
}


def titles():
    """The words in quotation marks of the page's titles."""
    lines = TROUBLES.splitlines()
    for title, line in pairwise(lines):
        if line and set(line) == {"~"}:
            yield from re.findall(r'"([^"]+)"', title)


def messages():
    """All of skdeep's source, strings that go on in the next line joined."""
    files = Path(skdeep.__file__).parent.rglob("*.py")
    source = "\n".join(file.read_text("utf-8") for file in files)
    return re.sub(r'"\s*\n\s*f?"', "", source).replace("`", "")


@pytest.mark.parametrize("title", sorted(set(titles()) - OF_OTHERS))
def test_the_words_of_a_symptom_are_those_of_a_message(title):
    # Names, numbers and what stands for any words are a message's own.
    own = r"\.\.\.|\b\d[\d.e+]*\b|float32|hidden_layer_sizes"
    source = messages()
    for words in re.split(own, title):
        words = words.strip(" ()'")
        assert words in source, f"no message of skdeep has {words!r}"


def test_every_title_of_others_is_on_the_page():
    assert set(titles()) >= OF_OTHERS


def test_the_tutorial_is_short():
    assert len((DOC / "tutorial.rst").read_text("utf-8").split()) <= 1500


def test_the_table_of_the_tutorial_is_described():
    described = (DOC / "data" / "README.md").read_text("utf-8")
    with open(DOC / "data" / "flights.csv", newline="", encoding="utf-8") as file:
        columns = next(csv.reader(file))
    assert all(f"`{column}`" in described for column in columns)
