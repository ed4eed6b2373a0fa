"""Results as tables in notebooks: plain HTML, all text in it escaped.

A result's `_repr_html_` says what its `__str__` does, in parts that are made here.
"""

from collections.abc import Iterable, Sequence
from html import escape

__all__ = ["block", "numbered", "paragraph", "table"]

# A notebook aligns cells to the right, which is right for numbers alone.
PADDING = "padding: 2px 8px"
TEXT, NUMBER = f"text-align: left; {PADDING}", f"text-align: right; {PADDING}"


def block(*parts: str) -> str:
    """The parts of a result, one below the other."""
    return "\n".join(["<div>", *parts, "</div>"])


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose rows begin with their name."""
    head = "".join(_cell("th", name, NUMBER if i else TEXT) for i, name in enumerate(columns))
    return "\n".join(
        [
            "<table>",
            f"<thead><tr>{head}</tr></thead>",
            "<tbody>",
            *(_row(name, values) for name, *values in rows),
            "</tbody>",
            "</table>",
        ]
    )


def paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def numbered(lines: Iterable[str]) -> str:
    """A list whose lines are counted from 1."""
    return "\n".join(["<ol>", *(f"<li>{escape(line)}</li>" for line in lines), "</ol>"])


def _row(name: str, values: Iterable[str]) -> str:
    cells = "".join(_cell("td", value, NUMBER) for value in values)
    return f"<tr>{_cell('th', name, TEXT)}{cells}</tr>"


def _cell(tag: str, text: str, style: str) -> str:
    return f'<{tag} style="{style}">{escape(text)}</{tag}>'
