"""What is no dependency: imported where it is asked for, or missed by name."""

import importlib
from typing import Any

# The name `skdeep` on PyPI is another project's.
DISTRIBUTION = "scikit-deep"


def imported(module: str, asked_by: str, extra: str) -> Any:
    """A module of a library that is no dependency.

    Raises
    ------
    ImportError
        If it is not installed, with the extra of skdeep that installs it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise ImportError(
            f"{asked_by} needs {module.partition('.')[0]}, which cannot be imported ({error}). "
            f"Install it with pip install '{DISTRIBUTION}[{extra}]'."
        ) from error
