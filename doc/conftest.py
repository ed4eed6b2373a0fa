"""Each page runs in an empty folder of its own, beside the table of the tutorial.

What a page writes is gone with the folder, and what it sets of scikit-learn is set back.
"""

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest
import sklearn

# Pages of pytest's testpaths are collected whatever is installed, so they are skipped here.
NEEDED = {"tutorial.rst": ["pandas", "matplotlib", "rich", "skops", "sklearn.callback"]}
# Nobody is there to look at windows.
os.environ.setdefault("MPLBACKEND", "agg")


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(request, tmp_path, monkeypatch):
    missing = [name for name in NEEDED.get(request.path.name, ()) if find_spec(name) is None]
    if missing and os.environ.get("SKDEEP_TOOLS") != "installed":
        pytest.skip(f"needs {', '.join(missing)}")
    shutil.copy(Path(__file__).parent / "data" / "flights.csv", tmp_path)
    monkeypatch.chdir(tmp_path)
    with sklearn.config_context():
        yield
