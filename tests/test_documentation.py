"""Diagrams of estimators link to the pages that doc/api makes, once there is an address."""

import inspect
import re
from pathlib import Path

import pytest
from sklearn.base import BaseEstimator
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_html_repr

import skdeep
from skdeep import DeepMLPClassifier, DeepMLPRegressor, _documentation

API = Path(__file__).parents[1] / "doc" / "api"
SITE = "https://example.org/skdeep/"


def estimators_of(module):
    """The public classes with parameters that a module has."""
    found = (getattr(module, name) for name in getattr(module, "__all__", ()))
    return {one for one in found if inspect.isclass(one) and issubclass(one, BaseEstimator)}


ROOMS = filter(inspect.ismodule, (getattr(skdeep, name) for name in skdeep.__all__))
PUBLIC = sorted(set().union(*map(estimators_of, [skdeep, *ROOMS])), key=lambda cls: cls.__name__)
# For the parameters that have no default.
NEEDED = {
    "image_shape": (8, 8),
    "steps": [],
    "estimator": DeepMLPClassifier(),
    "param_distributions": {},
    "param_grid": {},
}


def example(cls):
    parameters = inspect.signature(cls).parameters.values()
    needed = [one.name for one in parameters if one.default is inspect.Parameter.empty]
    return cls(**{name: NEEDED[name] for name in needed})


def pages():
    """Class and function names of doc/api, by the names that autosummary gives their pages."""
    found, module = {}, ""
    for line in "\n".join(page.read_text("utf-8") for page in API.glob("*.rst")).splitlines():
        if line.startswith(".. currentmodule::"):
            module = line.split()[-1]
        elif re.fullmatch(r"   [\w.]+", line):
            found[line.split(".")[-1].strip()] = f"{module}.{line.strip()}"
    return found


@pytest.mark.parametrize("cls", PUBLIC)
def test_the_diagram_links_to_the_page(cls, monkeypatch):
    monkeypatch.setattr(_documentation, "ADDRESS", SITE)
    page = f"{SITE}generated/{pages()[cls.__name__]}.html"
    assert f'href="{page}"' in estimator_html_repr(example(cls))


def test_steps_of_a_pipeline_link_to_their_own_pages(monkeypatch):
    monkeypatch.setattr(_documentation, "ADDRESS", SITE)
    html = estimator_html_repr(make_pipeline(Ridge(), DeepMLPRegressor()))
    assert f'href="{SITE}generated/skdeep.DeepMLPRegressor.html"' in html
    assert f"{SITE}generated/sklearn" not in html


@pytest.mark.parametrize("cls", PUBLIC)
def test_without_an_address_there_is_no_link(cls, monkeypatch):
    monkeypatch.setattr(_documentation, "ADDRESS", "")
    assert re.search(r"generated/\S*skdeep", estimator_html_repr(example(cls))) is None
    assert example(cls)._get_doc_link() == ""


def test_a_users_own_class_has_no_page_of_ours(monkeypatch):
    monkeypatch.setattr(_documentation, "ADDRESS", SITE)

    class Own(DeepMLPClassifier):
        pass

    assert SITE not in estimator_html_repr(Own())


def test_the_address_is_that_of_a_folder():
    address = _documentation.ADDRESS
    assert address == "" or (address.startswith("https://") and address.endswith("/"))
