"""Results as tables in notebooks: they say what the text does, and names in them are no HTML."""

from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.tree import DecisionTreeClassifier

from skdeep import SoftmaxClassifier
from skdeep.inspection import bias_variance_report, gradient_check
from skdeep.model_selection import check_same_distribution

X, Y = load_iris(return_X_y=True)
# Names are anyone's.
NASTY = "<script>alert('a & b')</script>"


class Nasty(DecisionTreeClassifier):
    pass


Nasty.__name__ = NASTY


def of_bias_and_variance():
    tree = Nasty(random_state=0).fit(X[::2], Y[::2])
    return bias_variance_report(
        tree, X[::2], Y[::2], X[1::2], Y[1::2], base_error=0.015, n_bootstrap=50, random_state=0
    )


def of_a_gradient():
    return replace(gradient_check(SoftmaxClassifier(), X, Y), verdict="worry", suspect=NASTY)


def of_a_gradient_within_rounding():
    return replace(gradient_check(SoftmaxClassifier(), X, Y), verdict="inconclusive")


def of_unlike_sets():
    frame = pd.DataFrame(X, columns=["a", "b", NASTY, "d"]).sort_values(NASTY)
    return check_same_distribution(frame[:100], frame[100:], random_state=0)


def of_like_sets():
    return check_same_distribution(X[::2], X[1::2], random_state=0)


RESULTS = {
    one.__name__.replace("_", " "): one
    for one in (
        of_bias_and_variance,
        of_a_gradient,
        of_a_gradient_within_rounding,
        of_unlike_sets,
        of_like_sets,
    )
}
each_result = pytest.mark.parametrize("name", RESULTS)
PLAIN = {"div", "p", "table", "thead", "tbody", "tr", "th", "td", "ol", "li"}


def words(text):
    for sign in "[](),:":
        text = text.replace(sign, " ")
    return set(text.split())


def parts_of(result):
    """The elements; that they can be parsed says that all are closed, and all text is escaped."""
    return list(ElementTree.fromstring(result._repr_html_()).iter())


@each_result
def test_it_is_a_table_of_plain_html(name):
    parts = parts_of(RESULTS[name]())
    assert {part.tag for part in parts} <= PLAIN
    assert "table" in {part.tag for part in parts}
    assert {attribute for part in parts for attribute in part.attrib} == {"style"}


@each_result
def test_it_says_what_the_text_says(name):
    result = RESULTS[name]()
    shown = words(" ".join(part.text or "" for part in parts_of(result)))
    said = words(str(result)) - {"1.", "2.", "3.", "4.", "5.", "6.", "intervals", "AUC", "p", "="}
    assert said <= shown | {"relative", "difference"}


@each_result
def test_rows_are_as_long_as_the_head(name):
    tables = [part for part in parts_of(RESULTS[name]()) if part.tag == "table"]
    for table in tables:
        lengths = {len(row) for row in table.iter("tr")}
        assert len(lengths) == 1


def test_numbers_are_those_of_the_result():
    result = of_unlike_sets()
    cells = [part.text for part in parts_of(result) if part.tag == "td"]
    found = [result.auc, result.p_value, *(share for _, share in result.columns)]
    np.testing.assert_allclose([float(text) for text in cells], found, atol=0.005)


def test_names_stand_there_as_they_are():
    for result in (of_bias_and_variance(), of_a_gradient(), of_unlike_sets()):
        assert "<script" not in result._repr_html_()
        assert any(NASTY in (part.text or "") for part in parts_of(result))
