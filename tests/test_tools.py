"""Every tool of doc/guide/tools.rst has a test that runs it, and tox an environment for that."""

import re
from configparser import ConfigParser
from pathlib import Path

import pytest
from guide_recipes import BLOCK, PAGE, sections

ROOT = Path(__file__).parents[1]
TESTS = sorted(path.name for path in (ROOT / "tests" / "tools").glob("test_*.py"))
# What the extra `test` installs: it runs wherever the tests do.
ALWAYS = {"test_polars.py"}


def environments():
    """The environments of tox.ini, each with what it runs; those of `{a,b}` one by one."""
    tox = ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini", "utf-8")
    found = {}
    for section in tox.sections():
        names = section.partition(":")[2].strip("{}").split(",")
        for name in filter(None, names):
            command = tox.get(section, "commands", fallback="")
            found[name] = command.replace("{env_name}", name)
    return found


@pytest.mark.parametrize("test", sorted(set(TESTS) - ALWAYS))
def test_an_environment_of_tox_runs_it(test):
    assert any(f"tests/tools/{test}" in command for command in environments().values())


def test_environments_run_files_that_are_there():
    for command in environments().values():
        for path in re.findall(r"\S+\.(?:py|rst)\b", command):
            assert (ROOT / path).is_file(), path


def test_the_page_lists_every_test():
    assert sorted(set(re.findall(r"``(test_\w+\.py)``", PAGE.read_text("utf-8")))) == TESTS


def test_every_recipe_is_run():
    recipes = {title for title, text in sections().items() if BLOCK.search(text)} - {"Data"}
    code = "".join((ROOT / "tests" / "tools" / test).read_text("utf-8") for test in TESTS)
    assert recipes == set(re.findall(r'run_recipe\("(.+)"\)', code))
