"""Diagrams of estimators link to their pages, and the scripts that keep the site find faults."""

import csv
import importlib.util
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

ROOT = Path(__file__).parents[1]
DOC = ROOT / "doc"
API = DOC / "api"
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


# ------------------------------------------------------------- the site's own scripts, .ci and doc


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_figure_of_the_start_page_has_the_numbers_of_the_benchmarks():
    benchmarks = (DOC / "benchmarks.rst").read_text("utf-8")
    with (DOC / "images" / "error_and_time.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            # 1 is what is compared with, and what PyTorch's networks take is told as a multiple.
            told = [row["error"], row["standard_error"] or "1"]
            told += [row["time"]] * ("PyTorch" not in row["method"])
            for number in told:
                whole = rf"(?<![\d.]){re.escape(number)}(?!\d)"
                assert float(number) == 1 or re.search(whole, benchmarks), row


@pytest.fixture(scope="module")
def translations():
    pytest.importorskip("babel")
    return load(ROOT / ".ci" / "translations.py")


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("Set ``alpha``.", "设置 ``alpha``。"),
        ("See :ref:`the figure <one>`.", "见 :ref:`图 <one>`。"),
        ("As `The temperature`_ says.", "见 `温度 <The temperature_>`_。"),
        ("Here :math:`W` is, and :math:`W` again.", "这里是 :math:`W`。"),
        ("A footnote [1]_.", "脚注 [1]_。"),
        ("PyTorch", "PyTorch"),
    ],
)
def test_a_right_translation_has_no_fault(translations, english, chinese):
    assert list(translations.wrong_markup(english, chinese)) == []


@pytest.mark.parametrize(
    ("english", "chinese", "fault"),
    [
        ("Set ``alpha``.", "设置 alpha。", "lacks code alpha"),
        ("See :ref:`the figure <one>`.", "见 :ref:`图 <two>`。", "lacks :ref: one"),
        ("Here is :math:`W`.", "这里是 :math:`w`。", "only the translation has :math: w"),
        ("Set ``alpha``.", "设置``alpha``。", "touches a character"),
        ("It is not translated at all.", "It is not translated at all.", "left in English"),
    ],
)
def test_a_wrong_translation_is_found(translations, english, chinese, fault):
    assert any(fault in what for what, _ in translations.wrong_markup(english, chinese))


def test_the_search_splits_chinese_into_pairs():
    pytest.importorskip("sphinx_gallery")
    site = load(DOC / "_extensions" / "chinese_site.py")
    assert list(site.split("学习率 alpha_1")) == ["学", "习", "率", "学习", "习率", "alpha_1"]


def test_a_broken_link_is_found(tmp_path):
    (tmp_path / "a.html").write_text('<a href="b.html#x">b</a> <a href="c.html">c</a>', "utf-8")
    (tmp_path / "b.html").write_text('<p id="y"><a href="#y">y</a></p>', "utf-8")
    links = load(ROOT / ".ci" / "look_at_site.py").broken_links(tmp_path)
    assert list(links) == ["a.html: b.html#x has no such place", "a.html: c.html is not there"]


def test_source_links_lead_to_the_lines_of_the_repository(monkeypatch):
    links = load(DOC / "_extensions" / "source_links.py")
    monkeypatch.setattr(links, "REPOSITORY", "https://example.org/skdeep")
    found = links.linkcode_resolve("py", {"module": "skdeep.utils", "fullname": "ewma"})
    path, _, lines = found.removeprefix("https://example.org/skdeep/blob/").partition("#")
    first, last = map(int, re.fullmatch(r"L(\d+)-L(\d+)", lines).groups())
    source = (ROOT / path.partition("/")[2]).read_text("utf-8").splitlines()[first - 1 : last]
    assert source[0].startswith("def ewma")
    assert links.linkcode_resolve("py", {"module": "skdeep", "fullname": "absent"}) is None


def catalog_of(**messages):
    from babel.messages.catalog import Catalog

    catalog = Catalog(locale="zh_CN")
    for english, chinese in messages.items():
        catalog.add(english, chinese)
    return catalog


def test_a_page_that_lags_behind_is_named_with_its_messages(translations, monkeypatch, tmp_path):
    monkeypatch.setattr(translations, "CATALOGS", tmp_path)
    english = {"One sentence that stays.": "", "Another sentence, as it was.": ""}
    chinese = dict(zip(english, ("不变的一句。", "原来的另一句。"), strict=True))
    translations.write(tmp_path / "page.po", catalog_of(**chinese))
    assert list(translations.faults("page", catalog_of(**english))) == []
    changed = catalog_of(
        **{"One sentence that stays.": "", "Another sentence, as it is.": "", "New.": ""}
    )
    monkeypatch.setattr(translations, "templates", lambda: {"page": changed})
    assert translations.check() == 1
    translations.update()
    assert dict(map(reversed, translations.faults("page", changed))) == {
        "Another sentence, as it is.": "fuzzy: the English has changed",
        "New.": "not translated",
    }
    text = (tmp_path / "page.po").read_text("utf-8")
    assert "不变的一句。" in text
    assert '#| msgid "Another sentence, as it was."' in text
