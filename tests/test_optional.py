"""Without what is no dependency all else works, and whoever asks for it is told what to install."""

import subprocess
import sys
from importlib import metadata

import pytest
from exported import fitted

from skdeep import export
from skdeep.inspection import LossCurveDisplay

# Each extra, what it brings that skdeep imports, and those who ask for it.
ASKING = {
    "plot": (
        "matplotlib",
        {"LossCurveDisplay": lambda: LossCurveDisplay(loss_curve=[2.0, 1.0]).plot()},
    ),
    "torch": (
        "torch",
        {
            "to_torch": lambda: export.to_torch(fitted("three classes")[0]),
            "from_torch": lambda: export.from_torch(None),
        },
    ),
    "keras": (
        "keras",
        {
            "to_keras": lambda: export.to_keras(fitted("three classes")[0]),
            "from_keras": lambda: export.from_keras(None),
        },
    ),
    "paddle": ("paddle", {"to_paddle": lambda: export.to_paddle(fitted("three classes")[0])}),
    "onnx": ("skl2onnx", {"onnx_types": lambda: export.onnx_types([[1.0, 2.0]])}),
}
# Who asks for these is the user, or a developer of skdeep.
NOT_IMPORTED = {"skops", "cluster", "tools", "test", "lint", "doc", "bench", "package", "dev"}


@pytest.mark.parametrize(
    ("extra", "name"), [(extra, name) for extra, (_, calls) in ASKING.items() for name in calls]
)
def test_what_is_missing_is_named_with_the_extra(extra, name, monkeypatch):
    library, calls = ASKING[extra]
    # As if it were not installed.
    for module in [module for module in sys.modules if module.startswith(f"{library}.")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, library, None)
    message = rf"{name} needs {library}, .*pip install 'scikit-deep\[{extra}\]'"
    with pytest.raises(ImportError, match=message):
        calls[name]()


def test_every_extra_has_its_row_here():
    extras = set(metadata.metadata("scikit-deep").get_all("Provides-Extra"))
    assert extras == set(ASKING) | NOT_IMPORTED


def test_what_is_no_dependency_is_imported_only_where_it_is_used():
    # skl2onnx is asked at once, where it is installed, to learn of our estimators.
    others = sorted({library for library, _ in ASKING.values()} - {"skl2onnx"})
    others += ["tensorflow", "skops"]
    code = (
        "import sys, skdeep.export, skdeep.inspection; "
        f"print([n for n in {others} if n in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
