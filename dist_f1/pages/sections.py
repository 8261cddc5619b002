"""The sections of a page."""

from __future__ import annotations

import numbers
import os
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from dist_f1.counts.html_table import MAX_ROWS, html_table
from dist_f1.counts.short_text import join, plural

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FigureOrPath: TypeAlias = "Figure | str | os.PathLike[str]"


class Text(NamedTuple):
    """One or more paragraphs."""

    heading: str
    paragraphs: Sequence[str] | str

    def __repr__(self) -> str:
        """Show the number of paragraphs."""
        return _short("Text", self.heading, plural(len(paragraphs(self)), "paragraph"))


class Table(NamedTuple):
    """A table; each row has one cell per entry of `header`.

    Floats are shown with four digits; pass strings for other formats. `None` is an empty cell.
    Columns of numbers are right-aligned. A first column without a title holds the row names.
    """

    heading: str
    header: Sequence[str]
    rows: Sequence[Sequence[str | float | None]]
    caption: str = ""

    def __repr__(self) -> str:
        """Show the numbers of columns and rows."""
        sizes = plural(len(self.header), "column"), plural(len(self.rows), "row")
        return _short("Table", self.heading, *sizes)

    def _repr_html_(self) -> str:
        """Return a table for notebooks, with at most 20 rows."""
        shown = self._replace(rows=self.rows[:MAX_ROWS])
        cells = zip(*(column.cells for column in columns(shown)), strict=True)
        return html_table(self.heading, self.header, cells, len(self.rows), "rows")


class Picture(NamedTuple):
    """A matplotlib `Figure`, or the path of a .png or .svg file; `alt` describes it."""

    heading: str
    figure_or_path: FigureOrPath
    alt: str


class Preformatted(NamedTuple):
    """Text that keeps its lines and spaces, such as `dist_f1.report`."""

    heading: str
    text: str

    def __repr__(self) -> str:
        """Show the number of lines."""
        return _short("Preformatted", self.heading, plural(len(self.text.splitlines()), "line"))


Section = Text | Table | Picture | Preformatted

_MAX_HEADING = 60
_NUMBER = re.compile(r"[-+\u2212]?(\d[\d,]*\.?\d*(e[-+]?\d+)?[kMG]?%?|nan|inf)")


class Column(NamedTuple):
    """A column of a table as text."""

    title: str
    cells: list[str]
    is_numeric: bool


def check_sections(sections: Iterable[Section]) -> list[Section]:
    """Return the sections as a list.

    Raises:
        TypeError: A section is of another type.
        ValueError: A row of a table does not fit its header.
    """
    # A single section is a tuple, and so are counts.
    is_single = isinstance(sections, tuple) and type(sections) is not tuple
    if is_single or not isinstance(sections, Iterable):
        raise _not_sections(sections)
    sections = list(sections)
    for section in sections:
        if not isinstance(section, Section):
            raise _not_sections(section)
        if isinstance(section, Table):
            for i, row in enumerate(section.rows):
                if len(row) != len(section.header):
                    raise ValueError(
                        f"Row {i} of the table {section.heading!r} has {len(row)} cells, but its "
                        f"header has {len(section.header)}; pass one cell per entry of the header."
                    )
    return sections


def _not_sections(value: Any) -> TypeError:
    return TypeError(
        "Sections must be a sequence of Text, Table, Picture or Preformatted, got "
        f"{type(value).__name__}. For counts, pass [report_table(heading, counts)]."
    )


def paragraphs(section: Text) -> list[str]:
    """Return the paragraphs of a text."""
    return [section.paragraphs] if isinstance(section.paragraphs, str) else [*section.paragraphs]


def columns(table: Table) -> list[Column]:
    """Return the columns of a table."""
    result = []
    for i, title in enumerate(table.header):
        cells = [_format_cell(row[i]) for row in table.rows]
        is_numeric = any(cells) and all(_NUMBER.fullmatch(cell) for cell in cells if cell)
        # Row names may be ids, but are not numbers.
        result.append(Column(str(title), cells, is_numeric and bool(title or i)))
    return result


def _short(name: str, heading: str, *sizes: str) -> str:
    shown = heading if len(heading) <= _MAX_HEADING else f"{heading[: _MAX_HEADING - 3]}..."
    return join(name, [repr(shown), *sizes])


def _format_cell(value: str | float | None) -> str:
    if value is None:
        return ""
    if isinstance(value, numbers.Real) and not isinstance(value, numbers.Integral):
        return f"{float(value):.4g}"
    return str(value)
