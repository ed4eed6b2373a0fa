"""The maintainers' checks find what they are there for: planted differences, broken limits."""

import importlib.util
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / ".ci"
if not FOLDER.exists():
    pytest.skip("the checks are not here", allow_module_level=True)


def loaded(name):
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    # A dataclass looks its module up.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


equal = loaded("check_equal_parameters")
structure = loaded("measure_structure")


# ------------------------------------------------------------------------ equal parameters


def test_equal_parameters_are_documented_alike():
    for name, family in equal.families().items():
        assert list(equal.findings(family, equal.DIFFERENCES[name])) == []


def test_the_families_are_read():
    families = equal.families()
    assert len(families["estimators"]) == 4
    assert len(families["searches"]) == 4
    assert {"SearchDisplay", "SearchDisplay.plot"} < set(families["displays"])
    for cls in (equal.skdeep.LogisticRegressionGD, equal.skdeep.DeepMLPClassifier):
        assert set(families["estimators"][cls.__name__]) == set(cls().get_params())


@pytest.mark.parametrize("family", ["estimators", "searches", "displays"])
def test_a_planted_difference_is_found(family):
    members = {name: dict(entries) for name, entries in equal.families()[family].items()}
    differences = equal.DIFFERENCES[family]
    *_, last = members
    shared = [
        name
        for name in members[last]
        if name not in differences and sum(name in entries for entries in members.values()) > 1
    ]
    assert shared
    for name in shared:
        planted = members | {last: members[last] | {name: members[last][name] + " Or so."}}
        (line,) = equal.findings(planted, differences)
        assert line.startswith(f"{name}: ")
        assert last in line
        assert "Or so." in line


def documented(text):
    def function():
        pass

    function.__doc__ = f"Do.\n\n    Parameters\n    ----------\n{text}\n    Returns\n    -------\n"
    return equal.documented_parameters(function)


def test_entries_are_types_and_descriptions():
    one = "    a : int, default=1\n        A number,\n        >= 1.\n    b : str\n        A name.\n"
    assert documented(one) == {
        "a": "a : int, default=1\n    A number,\n    >= 1.",
        "b": "b : str\n    A name.",
    }


def test_groups_that_may_differ_are_alike_within():
    family = {"one": {"a": "a : x"}, "two": {"a": "a : y"}, "three": {"a": "a : y"}}
    assert len(list(equal.findings(family, {}))) == 2
    allowed = equal.apart("Because.", "two three")
    assert list(equal.findings(family, {"a": allowed})) == []
    assert len(list(equal.findings(family, {"a": equal.apart("Because.", "three")}))) == 1
    assert list(equal.findings(family, {"a": equal.Difference("Each its own.")})) == []


def test_a_difference_that_is_none_is_found():
    family = {"one": {"a": "a : x"}, "two": {"a": "a : x"}}
    (line,) = equal.findings(family, {"a": equal.apart("Because.", "two")})
    assert "needs no place" in line
    (line,) = equal.findings({"one": {}}, {"a": equal.apart("Because.", "one")})
    assert "nobody has it" in line


# ------------------------------------------------------------------------------- structure


def source(text, name="module.py"):
    return structure.Source(structure.PACKAGE / name, text)


def test_docstrings_comments_and_blank_lines_are_no_lines_of_code():
    code = 'x = 1  # one\n# none\n\ndef f():\n    """Doc."""\n    return """a\nb"""\n'
    assert source('"""Module\n\ndoc."""\n\n' + code).lines_of_code == 4


def test_a_function_is_as_long_as_its_lines_but_the_docstring():
    function = "def f():\n    '''Doc\n\n    doc.'''\n\n    # why\n    return 1\n"
    assert [f.n_lines for f in source(function).functions] == [4]
    long = "def f():\n" + "    x = 1\n" * 50
    assert len(structure.long_functions(source(long).functions)) == 1
    constructor = "class A:\n    def __init__(self, x):\n" + "        self.x = x\n" * 60
    assert structure.long_functions(source(constructor).functions) == []


def test_any_is_counted_where_it_is_used():
    text = "from typing import Any\nA = dict[str, Any]\ndef f(x: 'list[Any]') -> Any: ...\n"
    assert source(text).n_any == 3


def test_private_attributes_of_other_files_are_found():
    owner = source("class A:\n    def __init__(self):\n        self._secret = 1\n", "owner.py")
    text = "def f(a):\n    return a._secret, getattr(a, '_secret', None), a._validate_params\n"
    assert len(structure.foreign_reads([owner, source(text, "reader.py")])) == 2
    own = "class A:\n    _secret = 0\n    def f(self, other):\n        return other._secret\n"
    assert structure.foreign_reads([source(own, "own.py")]) == []
