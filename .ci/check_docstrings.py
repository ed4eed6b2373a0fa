"""Validate the docstrings a user can reach, by numpydoc's rules.

numpydoc's own command line goes file by file, so it would demand full docstrings of private
helpers and would not see that a public class inherits a public method from a private base. This
script goes by the names that can be imported: it prints one line per finding and exits with 1 if
there is any. Which rules apply stands in pyproject.toml, [tool.numpydoc_validation].
"""

import dataclasses
import importlib
import inspect
import pkgutil
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from numpydoc.validate import get_validation_checks, validate

PACKAGE = "skdeep"
# A method is shown at work in the example of its class.
NOT_FOR_METHODS = {"EX01"}
# A result is received, not made: its fields stand under Attributes.
NOT_FOR_DATACLASSES = {"EX01", "PR01"}


def public_modules() -> Iterator[str]:
    package = importlib.import_module(PACKAGE)
    yield PACKAGE
    for module in pkgutil.walk_packages(package.__path__, prefix=f"{PACKAGE}."):
        if not any(part.startswith("_") for part in module.name.split(".")):
            yield module.name


def is_ours(obj: object) -> bool:
    return (getattr(obj, "__module__", None) or "").split(".")[0] == PACKAGE


def public_names() -> Iterator[str]:
    seen = set()  # what two modules export is one object
    for module_name in public_modules():
        module = importlib.import_module(module_name)
        for name in getattr(module, "__all__", [n for n in vars(module) if not n.startswith("_")]):
            obj = getattr(module, name)
            if not (inspect.isclass(obj) or inspect.isfunction(obj)) or obj in seen:
                continue
            if is_ours(obj):
                seen.add(obj)
                yield f"{module_name}.{name}"
                if inspect.isclass(obj):
                    yield from (f"{module_name}.{name}.{method}" for method in public_methods(obj))


def public_methods(cls: type) -> Iterator[str]:
    for name in dir(cls):
        member = inspect.getattr_static(cls, name)
        if isinstance(member, property):
            function = member.fget
        elif isinstance(member, staticmethod | classmethod):
            function = member.__func__
        else:
            # `available_if` and its kin wrap the function they guard.
            function = getattr(member, "fn", member)
        if not name.startswith("_") and inspect.isfunction(function) and is_ours(function):
            yield name


def checks_for(name: str, checks: set[str]) -> set[str]:
    owner, _, attribute = name.rpartition(".")
    if owner not in sys.modules:
        return checks - NOT_FOR_METHODS
    if dataclasses.is_dataclass(getattr(sys.modules[owner], attribute)):
        return checks - NOT_FOR_DATACLASSES
    return checks


def findings(name: str, checks: set[str]) -> Iterator[str]:
    for code, message in validate(name)["errors"]:
        if code in checks_for(name, checks):
            yield f"{name}: {code} {message}"


def main() -> int:
    root = Path(__file__).parent.parent
    config = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    checks = get_validation_checks(set(config["tool"]["numpydoc_validation"]["checks"]))
    names = list(public_names())
    found = [line for name in names for line in findings(name, checks)]
    print("\n".join([*found, f"{len(names)} public docstrings, {len(found)} findings"]))
    return bool(found) or not names


if __name__ == "__main__":
    sys.exit(main())
