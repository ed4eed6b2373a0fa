"""Running scikit-learn's own test-suites on skdeep's classes, each in a process of its own."""

import ast
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import skdeep


def run_suite(suite, replacements, report, *options):
    """Run a suite with the plugin's options; its report and what pytest printed."""
    search_path = [str(Path(__file__).parent), str(Path(skdeep.__file__).parents[1])]
    command = [sys.executable, "-m", "pytest", "-p", "sklearn_suite_plugin", "--pyargs", suite]
    run = subprocess.run(
        [
            *command,
            "-p",
            "no:cacheprovider",
            "--report",
            str(report),
            "--replace",
            *replacements,
            *options,
        ],
        # Away from the project, so that its configuration for pytest is not read.
        cwd=report.parent,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(search_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert report.exists(), run.stdout + run.stderr
    return json.loads(report.read_text()), run.stdout


def functions_of(suite):
    """The names of a suite's tests, read from the source."""
    source = Path(importlib.util.find_spec(suite).origin).read_text(encoding="utf-8")
    functions = [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    return [name for name in functions if name.startswith("test_")]
