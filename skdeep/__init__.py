"""skdeep: neural-network estimators with scikit-learn's interface, in pure NumPy and SciPy.

Names are imported when they are first used, so that `import skdeep` itself costs next to nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import (
        augmentation,
        callbacks,
        exceptions,
        export,
        inspection,
        model_selection,
        preprocessing,
        utils,
    )
    from .estimators import (
        DeepMLPClassifier,
        DeepMLPRegressor,
        LogisticRegressionGD,
        SoftmaxClassifier,
    )
    from .tabular import TabularMLPClassifier, TabularMLPRegressor

__version__ = "0.1.0.dev0"

_MODULES = (
    "augmentation",
    "callbacks",
    "exceptions",
    "export",
    "inspection",
    "model_selection",
    "preprocessing",
    "utils",
)

__all__ = [
    "DeepMLPClassifier",
    "DeepMLPRegressor",
    "LogisticRegressionGD",
    "SoftmaxClassifier",
    "TabularMLPClassifier",
    "TabularMLPRegressor",
    "augmentation",
    "callbacks",
    "exceptions",
    "export",
    "inspection",
    "model_selection",
    "preprocessing",
    "utils",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in _MODULES:
        return importlib.import_module(f".{name}", __name__)
    room = ".tabular" if name.startswith("Tabular") else ".estimators"
    return getattr(importlib.import_module(room, __name__), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
