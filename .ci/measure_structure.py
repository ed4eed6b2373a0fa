"""Measure how the package is cut: what a reader has to hold in mind at once, and what is hidden.

Prints lines of code per file, lengths of functions, how often the types say `Any`, and private
attributes that one file reads and another defines. With --check it exits with 1 where a limit is
broken. Docstrings, blank lines and comments are no lines of code; a function's length is all its
lines but the docstring's.
"""

import argparse
import ast
import inspect
import io
import re
import statistics
import sys
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import sklearn.base
import sklearn.experimental.enable_halving_search_cv
import sklearn.model_selection
import sklearn.pipeline

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "skdeep"
MOST_LINES_OF_A_FILE = 400
MOST_LINES_OF_A_FUNCTION = 50
MOST_ANY_PER_100_LINES = 5.0

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
NO_CODE = {
    tokenize.COMMENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
    tokenize.INDENT,
    tokenize.NEWLINE,
    tokenize.NL,
}
# Names that scikit-learn gave: to read them is not to read a secret of ours.
FROM_SKLEARN = {
    name
    for module in (sklearn.base, sklearn.model_selection, sklearn.pipeline)
    for _, cls in inspect.getmembers(module, inspect.isclass)
    for name in dir(cls)
}


@dataclass(frozen=True)
class Function:
    """A function's name, where it is, and its lines without the docstring."""

    place: str
    n_lines: int
    only_assigns: bool


@dataclass(frozen=True)
class Source:
    """One file of the package."""

    path: Path
    text: str = field(repr=False)

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @property
    def folder(self) -> str:
        """The package's part it belongs to: a folder of `skdeep/`, or the file itself."""
        return self.path.relative_to(PACKAGE).parts[0]

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def lines_of_code(self) -> int:
        lines: set[int] = set()
        for token in tokenize.generate_tokens(io.StringIO(self.text).readline):
            if token.type not in NO_CODE:
                lines.update(range(token.start[0], token.end[0] + 1))
        return len(lines.difference(*map(docstring_lines, ast.walk(self.tree))))

    @cached_property
    def functions(self) -> list[Function]:
        return [
            Function(
                f"{self.name}:{node.lineno} {node.name}",
                len(set(range(node.lineno, end_of(node) + 1)) - docstring_lines(node)),
                node.name == "__init__" and all(map(is_assignment, body_of(node))),
            )
            for node in ast.walk(self.tree)
            if isinstance(node, FUNCTIONS)
        ]

    @cached_property
    def n_any(self) -> int:
        """How often `Any` is used, an import being no use."""
        named = sum(
            (isinstance(node, ast.Name) and node.id == "Any")
            or (isinstance(node, ast.Attribute) and node.attr == "Any")
            for node in ast.walk(self.tree)
        )
        return named + sum(len(re.findall(r"\bAny\b", text)) for text in quoted_types(self.tree))

    @cached_property
    def private_names_defined(self) -> set[str]:
        return {name for name in names_defined(self.tree) if is_private(name)}

    @cached_property
    def private_names_read(self) -> list[tuple[int, str]]:
        """Line and name of each private attribute read on something else than self and cls."""
        return [
            (node.lineno, name)
            for node in ast.walk(self.tree)
            for value, name in read_by(node)
            if is_private(name) and not is_own(value)
        ]


# ------------------------------------------------------------------------------- reading the trees


def end_of(node: ast.stmt | ast.expr) -> int:
    return node.end_lineno or node.lineno


def docstring_lines(node: ast.AST) -> set[int]:
    if not isinstance(node, (ast.Module, ast.ClassDef, *FUNCTIONS)):
        return set()
    if ast.get_docstring(node, clean=False) is None:
        return set()
    return set(range(node.body[0].lineno, end_of(node.body[0]) + 1))


def body_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.stmt]:
    return node.body[1:] if docstring_lines(node) else node.body


def is_assignment(statement: ast.stmt) -> bool:
    """Whether it is `self.name = name`."""
    if not isinstance(statement, (ast.Assign, ast.AnnAssign)):
        return False
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    return isinstance(statement.value, ast.Name) and all(
        isinstance(target, ast.Attribute) and is_own(target.value) for target in targets
    )


def is_own(node: ast.expr) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id == "super"
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


def read_by(node: ast.AST) -> Iterator[tuple[ast.expr, str]]:
    """The object and the name of an attribute that is read, by a dot or by `getattr`."""
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
        yield node.value, node.attr
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        name = node.args[1] if node.func.id == "getattr" and len(node.args) > 1 else None
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            yield node.args[0], name.value


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name != "_"


def names_defined(tree: ast.Module) -> Iterator[str]:
    """Functions, classes, variables, fields, and attributes that are set."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.ClassDef, *FUNCTIONS)):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


def quoted_types(tree: ast.Module) -> Iterator[str]:
    """The strings within annotations, and those that `cast` is given as a type."""
    for node in ast.walk(tree):
        annotations: list[ast.expr | None] = []
        if isinstance(node, FUNCTIONS):
            annotations.append(node.returns)
        elif isinstance(node, (ast.arg, ast.AnnAssign)):
            annotations.append(node.annotation)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            annotations += node.args[:1] if node.func.id == "cast" else []
        for annotation in filter(None, annotations):
            for part in ast.walk(annotation):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.value


# -------------------------------------------------------------------------------- what is measured


def long_files(sources: list[Source]) -> list[str]:
    return [
        f"{source.name}: {source.lines_of_code} lines of code, more than {MOST_LINES_OF_A_FILE}"
        for source in sorted(sources, key=lambda source: -source.lines_of_code)
        if source.lines_of_code > MOST_LINES_OF_A_FILE
    ]


def long_functions(functions: list[Function]) -> list[str]:
    return [
        f"{function.place}: {function.n_lines} lines, more than {MOST_LINES_OF_A_FUNCTION}"
        for function in sorted(functions, key=lambda function: -function.n_lines)
        if function.n_lines > MOST_LINES_OF_A_FUNCTION and not function.only_assigns
    ]


def any_per_100_lines(sources: Iterable[Source]) -> float:
    sources = list(sources)
    n_lines = sum(source.lines_of_code for source in sources)
    return 100 * sum(source.n_any for source in sources) / max(n_lines, 1)


def foreign_reads(sources: list[Source]) -> list[str]:
    defined = {name for source in sources for name in source.private_names_defined}
    return [
        f"{source.name}:{line}: reads {name}, which another file defines"
        for source in sources
        for line, name in source.private_names_read
        if name in defined - source.private_names_defined - FROM_SKLEARN
    ]


def report(sources: list[Source]) -> list[str]:
    """Print what was measured; returns the limits that are broken."""
    largest = max(sources, key=lambda source: source.lines_of_code)
    print(f"lines of code: {sum(source.lines_of_code for source in sources)}")
    print(f"  in a file at most {largest.lines_of_code}, in {largest.name}")
    too_long = long_files(sources)
    print(*(f"  {line}" for line in too_long), sep="\n", end="\n" if too_long else "")

    functions = [function for source in sources for function in source.functions]
    lengths = [function.n_lines for function in functions]
    p90 = statistics.quantiles(lengths, n=10)[-1]
    print(f"functions: {len(lengths)}, lines without docstring:")
    print(f"  median {statistics.median(lengths):g}, p90 {p90:g}, at most {max(lengths)}")
    too_much = long_functions(functions)
    print(*(f"  {line}" for line in too_much), sep="\n", end="\n" if too_much else "")

    total = any_per_100_lines(sources)
    print(f"`Any` per 100 lines of code: {total:.1f}")
    for folder in sorted({source.folder for source in sources}):
        own = [source for source in sources if source.folder == folder]
        print(f"  {folder:<18} {any_per_100_lines(own):5.1f}  ({sum(s.n_any for s in own)})")

    reads = foreign_reads(sources)
    print(f"private attributes of another file: {len(reads)}")
    print(*(f"  {line}" for line in reads), sep="\n", end="\n" if reads else "")

    too_loose = f"`Any` {total:.1f} times per 100 lines of code, more than {MOST_ANY_PER_100_LINES}"
    return [*too_long, *too_much, *([too_loose] if total > MOST_ANY_PER_100_LINES else []), *reads]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="exit with 1 if a limit is broken")
    arguments = parser.parse_args()
    paths = sorted(PACKAGE.rglob("*.py"))
    broken = report([Source(path, path.read_text(encoding="utf-8")) for path in paths])
    if arguments.check and broken:
        print(f"{len(broken)} limits broken")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
