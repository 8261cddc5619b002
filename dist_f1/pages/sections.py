"""The sections of a page."""

from __future__ import annotations

import numbers
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple


class Text(NamedTuple):
    """Paragraphs, or one."""

    heading: str
    paragraphs: Sequence[str] | str


class Table(NamedTuple):
    """A table; each row has a cell for each entry of `header`.

    Cells are strings, numbers or `None`. Floats are shown with four digits; pass strings for
    others. A column of numbers is aligned to the right; a first column without a title is taken
    for the names of the rows.
    """

    heading: str
    header: Sequence[str]
    rows: Sequence[Sequence[Any]]
    caption: str = ""


class Picture(NamedTuple):
    """A matplotlib `Figure`, or the path of a .png or .svg file; `alt` says what it shows."""

    heading: str
    figure_or_path: Any
    alt: str


class Preformatted(NamedTuple):
    """Text whose lines and spaces are kept, such as `dist_f1.report`."""

    heading: str
    text: str


Section = Text | Table | Picture | Preformatted

_NUMBER = re.compile(r"[-+\u2212]?(\d[\d,]*\.?\d*(e[-+]?\d+)?[kMG]?%?|nan|inf)")


class Column(NamedTuple):
    """A column of a table as text: the title and the cells, and whether those are numbers."""

    texts: list[str]
    numeric: bool


def checked(sections: Iterable[Section]) -> list[Section]:
    """The sections, of which all can be shown.

    Raises:
        TypeError: one is of no known kind.
        ValueError: a row of a table does not fit its header.
    """
    sections = list(sections)
    for section in sections:
        if not isinstance(section, Section):
            raise TypeError(
                "A section must be a Text, Table, Picture or Preformatted, got "
                f"{type(section).__name__}."
            )
        if isinstance(section, Table):
            for place, row in enumerate(section.rows):
                if len(row) != len(section.header):
                    raise ValueError(
                        f"Row {place} of the table {section.heading!r} has {len(row)} cells, but "
                        f"its header has {len(section.header)}; pass a cell for each."
                    )
    return sections


def paragraphs(section: Text) -> list[str]:
    """The paragraphs of a text."""
    return [section.paragraphs] if isinstance(section.paragraphs, str) else [*section.paragraphs]


def columns(table: Table) -> list[Column]:
    """The columns of a table."""
    result = []
    for place, title in enumerate(table.header):
        cells = [_cell(row[place]) for row in table.rows]
        numeric = any(cells) and all(_NUMBER.fullmatch(cell) for cell in cells if cell)
        # Names of rows may be ids.
        result.append(Column([str(title), *cells], numeric and bool(title or place)))
    return result


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, numbers.Real) and not isinstance(value, numbers.Integral):
        return f"{float(value):.4g}"
    return str(value)
