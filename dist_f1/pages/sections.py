"""The sections of a page."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, get_args

from dist_f1.counts.html_table import MAX_ROWS, html_table
from dist_f1.counts.short_text import join, plural
from dist_f1.pages.cells import Cell, format_cell

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FigureOrPath: TypeAlias = "Figure | str | os.PathLike[str]"
Option: TypeAlias = Mapping[str, object]


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

    Fields:
        footer: Rows that stay below the others, e.g. averages.
        bars: Titles of the columns of fractions, 0 to 1, that HTML pages draw as bars too.
        is_sortable: Whether readers of an HTML page can sort and filter the rows.
    """

    heading: str
    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    caption: str = ""
    footer: Sequence[Sequence[Cell]] = ()
    bars: Sequence[str] = ()
    is_sortable: bool = False

    def __repr__(self) -> str:
        """Show the numbers of columns and rows."""
        sizes = plural(len(self.header), "column"), plural(len(self.rows), "row")
        return _short("Table", self.heading, *sizes)

    def _repr_html_(self) -> str:
        """Return a table for notebooks, with at most 20 rows."""
        cells = [[format_cell(cell) for cell in row] for row in self.rows[:MAX_ROWS]]
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


_MAX_HEADING = 60


class Fact(NamedTuple):
    """One result: its name, its value in a word or two, and lines of sentences that explain it."""

    label: str
    value: str
    sentence: str


class Facts(NamedTuple):
    """The most important results, side by side."""

    heading: str
    facts: Sequence[Fact]

    def __repr__(self) -> str:
        """Show the number of facts."""
        return _short("Facts", self.heading, plural(len(self.facts), "fact"))


class View(NamedTuple):
    """A choice for the readers of a chart: its label, and the part of the option that it sets."""

    label: str
    option: Option


class Chart(NamedTuple):
    """An Apache ECharts chart in HTML pages; Markdown pages have its image, text and table.

    Fields:
        option: The option of ECharts, of types that JSON has. It holds no functions. A colour may
            be a custom property of `page.css`, such as `"--series-1"`, which follows dark mode.
        alt: Text with the results that the chart shows, for readers who do not see it.
        caption: Text below the chart, e.g. what is left out.
        table: The data of the chart, if no other section of the page has them.
        picture: Image in place of the chart on Markdown pages.
        views: Choices of the readers, e.g. of a normalization; the first one applies at first.
        views_label: Label of the choice of a view.
        shown: Names of the series that are shown at first; readers choose among all. `()` shows
            all series, without a choice.
        height: Height in rem, or 0 for a square.
        width: Largest width in rem, or 0 for the whole width of the page.
    """

    heading: str
    option: Option
    alt: str
    caption: str = ""
    table: Table | None = None
    picture: FigureOrPath | None = None
    views: Sequence[View] = ()
    views_label: str = "View"
    shown: Sequence[str] = ()
    height: float = 22.0
    width: float = 0.0

    def __repr__(self) -> str:
        """Show the number of series."""
        series = self.option.get("series", ())
        sizes = [f"{len(series)} series"] if isinstance(series, list) else []
        return _short("Chart", self.heading, *sizes)


class ClassCounts(NamedTuple):
    """Counts of one class, or of all, at each of T thresholds.

    Fields:
        name: Name of the class.
        actual: Number of rows of the class.
        total: Number of rows, or of entries of all classes.
        true_positive: `[T]`.
        predicted: `[T]`.
        best: Index of the threshold with the highest F1.
        averages: Precision, recall and F1 at each threshold if they are means over classes, not
            those of the counts.
    """

    name: str
    actual: float
    total: float
    true_positive: Sequence[float]
    predicted: Sequence[float]
    best: int
    averages: tuple[Sequence[float], Sequence[float], Sequence[float]] | None = None


class Thresholds(NamedTuple):
    """Counts and scores at a threshold that readers choose; Markdown pages have a table.

    Fields:
        thresholds: `[T]`, ascending.
        classes: Classes to choose from; the first one is shown at first.
        caption: Text below, e.g. which classes are left out.
        table: The best thresholds.
    """

    heading: str
    thresholds: Sequence[float]
    classes: Sequence[ClassCounts]
    caption: str
    table: Table

    def __repr__(self) -> str:
        """Show the numbers of thresholds and classes."""
        sizes = len(self.thresholds), len(self.classes)
        shown = plural(sizes[0], "threshold"), plural(sizes[1], "class")
        return _short("Thresholds", self.heading, *shown)


class Group(NamedTuple):
    """Sections below one heading, side by side where the page is wide enough."""

    heading: str
    sections: Sequence[Section]

    def __repr__(self) -> str:
        """Show the number of sections."""
        return _short("Group", self.heading, plural(len(self.sections), "section"))


Section = Text | Table | Picture | Preformatted | Facts | Chart | Thresholds | Group


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
        if isinstance(section, Group):
            check_sections(section.sections)
        if isinstance(section, Table):
            for i, row in enumerate([*section.rows, *section.footer]):
                if len(row) != len(section.header):
                    raise ValueError(
                        f"Row {i} of the table {section.heading!r} has {len(row)} cells, but its "
                        f"header has {len(section.header)}; pass one cell per entry of the header."
                    )
    return sections


def _not_sections(value: Any) -> TypeError:
    return TypeError(
        f"Sections must be a sequence of {', '.join(kind.__name__ for kind in get_args(Section))}, "
        f"got {type(value).__name__}. For counts, pass [report_table(heading, counts)]."
    )


def paragraphs(section: Text) -> list[str]:
    """Return the paragraphs of a text."""
    return [section.paragraphs] if isinstance(section.paragraphs, str) else [*section.paragraphs]


def _short(name: str, heading: str, *sizes: str) -> str:
    shown = heading if len(heading) <= _MAX_HEADING else f"{heading[: _MAX_HEADING - 3]}..."
    return join(name, [repr(shown), *sizes])
