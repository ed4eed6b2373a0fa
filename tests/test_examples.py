"""What can be told of the examples at little cost; the build of the gallery runs them all.

There, warnings are errors and each figure is looked at (doc/_extensions/course_gallery.py).
One example runs here too, as a program of its own: the README's first command.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*/plot_*.py"))


COURSE = Path(__file__).parents[1] / "doc" / "course"
# What the course has no section for.
BEYOND_THE_COURSE = {"plot_tables"}


def test_the_chapters_of_the_course_name_the_examples():
    text = "".join(page.read_text("utf-8") for page in COURSE.glob("*.rst"))
    named = re.findall(r":ref:`[^`]*?sphx_glr_auto_examples_[a-z_]+?_(plot_\w+)\.py", text)
    assert set(named) == {example.stem for example in EXAMPLES} - BEYOND_THE_COURSE


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_saves_a_figure_of_its_own_name(example):
    saved = re.findall(r'savefig\(\s*"([^"]+)"', example.read_text("utf-8"))
    assert f"{example.stem.removeprefix('plot_')}.png" in saved


@pytest.mark.slow
def test_the_first_command_of_the_readme_finds_a_good_setting(tmp_path):
    pytest.importorskip("matplotlib")
    (example,) = (path for path in EXAMPLES if path.stem == "plot_tune_digits")
    ran = subprocess.run(
        [sys.executable, "-W", "error", str(example)],
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "tune_digits.png").stat().st_size > 0
    assert "best setting" in ran.stdout
    assert float(re.search(r"held-out accuracy: (\S+)", ran.stdout).group(1)) > 0.94
