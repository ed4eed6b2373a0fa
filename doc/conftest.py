"""Each page runs in an empty folder of its own, beside the table of the tutorial.

What a page writes is gone with the folder, and what it sets of scikit-learn is set back.
"""

import os
import shutil
from pathlib import Path

import pytest
import sklearn

# Nobody is there to look at windows.
os.environ.setdefault("MPLBACKEND", "agg")


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    shutil.copy(Path(__file__).parent / "data" / "flights.csv", tmp_path)
    monkeypatch.chdir(tmp_path)
    with sklearn.config_context():
        yield
