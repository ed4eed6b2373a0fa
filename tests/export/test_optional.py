"""Without a framework all else works, and whoever asks for it is told what to install."""

import subprocess
import sys

import pytest
from exported import fitted

from skdeep import export

ASKING = {
    "to_torch": "torch",
    "from_torch": "torch",
    "to_keras": "keras",
    "from_keras": "keras",
    "to_paddle": "paddle",
}


@pytest.mark.parametrize("name", ASKING)
def test_a_missing_framework_is_named_with_the_extra(name, monkeypatch):
    framework = ASKING[name]
    # As if it were not installed.
    monkeypatch.setitem(sys.modules, framework, None)
    model, _ = fitted("three classes")
    message = rf"{name} needs {framework}, .*pip install 'skdeep\[{framework}\]'"
    with pytest.raises(ImportError, match=message):
        getattr(export, name)(model)


def test_frameworks_are_imported_only_where_they_are_used():
    others = sorted(set(ASKING.values()) | {"tensorflow", "skops"})
    code = f"import sys, skdeep.export; print([n for n in {others} if n in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
