"""Every example runs as a user runs it, warnings as errors, and leaves the figure it promises."""

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
    text = "".join(page.read_text() for page in COURSE.glob("*.rst"))
    named = re.findall(r":ref:`[^`]*?sphx_glr_auto_examples_[a-z_]+?_(plot_\w+)\.py", text)
    assert set(named) == {example.stem for example in EXAMPLES} - BEYOND_THE_COURSE


def run(example, folder):
    return subprocess.run(
        [sys.executable, "-W", "error", str(example)],
        cwd=folder,
        env={**os.environ, "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs_and_saves_its_figure(example, tmp_path):
    pytest.importorskip("matplotlib")
    ran = run(example, tmp_path)
    assert ran.returncode == 0, ran.stderr
    promised = re.findall(r'savefig\(\s*"([^"]+)"', example.read_text())
    assert promised
    assert all((tmp_path / name).stat().st_size > 0 for name in promised)
    if example.stem == "plot_tune_digits":
        # The README's first command: it prints a setting, and an accuracy worth having.
        assert "best setting" in ran.stdout
        assert float(re.search(r"held-out accuracy: (\S+)", ran.stdout).group(1)) > 0.94
