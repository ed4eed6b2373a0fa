"""Where "[source]" leads: to the repository once its address is set, until then to own pages."""

import inspect
import sys
from pathlib import Path

import skdeep
from skdeep import _documentation

# Of the one setting that the project's other links are made of as well.
REPOSITORY = _documentation.REPOSITORY
PACKAGE = Path(skdeep.__file__).parent


def linkcode_resolve(domain, info):
    """The address of the lines that define an object, for sphinx.ext.linkcode."""
    if domain != "py" or not info["module"]:
        return None
    found = sys.modules.get(info["module"])
    for name in info["fullname"].split("."):
        found = getattr(found, name, None)
    found = inspect.unwrap(getattr(found, "fget", None) or found) if found is not None else None
    try:
        path = Path(inspect.getsourcefile(found)).relative_to(PACKAGE.parent)
        lines, first = inspect.getsourcelines(found)
    except (TypeError, ValueError, OSError):
        return None  # a value, or what another package defines
    branch = "main" if "dev" in skdeep.__version__ else f"v{skdeep.__version__}"
    where = f"{path.as_posix()}#L{first}-L{first + len(lines) - 1}"
    return f"{REPOSITORY}/blob/{branch}/{where}"
