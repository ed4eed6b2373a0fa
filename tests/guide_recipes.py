"""Recipes of doc/guide/tools.rst, for the tests of the tools to run."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[1] / "doc" / "guide" / "tools.rst"
BLOCK = re.compile(r"\.\. code-block:: python\n\n((?:   .*\n|\n)+)")


def sections():
    """The text under each title of the page."""
    parts = re.split(r"^(.+)\n-+\n", PAGE.read_text("utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def run_recipe(title):
    """The names that a section's code leaves behind, run after that of the section on data."""
    names = {}
    for section in ("Data", title):
        for block in BLOCK.findall(sections()[section]):
            code = re.sub(r"^   ", "", block, flags=re.MULTILINE)
            exec(compile(code, f"{PAGE.name}: {section}", "exec"), names)
    return names
