"""Frameworks that are no dependency: imported where they are asked for, or missed by name."""

import importlib
from typing import Any


def imported(module: str, asked_by: str, extra: str) -> Any:
    """A module of a framework.

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
            f"Install it with pip install 'skdeep[{extra}]'."
        ) from error
