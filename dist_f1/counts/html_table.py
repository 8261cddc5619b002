"""Small HTML tables, for notebooks."""

import html
from collections.abc import Iterable, Sequence

from dist_f1.counts.visible_text import visible_text

MAX_ROWS = 20


def html_table(
    caption: str, header: Sequence[str], rows: Iterable[Sequence[str]], number: int, noun: str
) -> str:
    """Return a table with a caption and at most 20 rows; all text is escaped.

    Args:
        caption: Text above the table.
        header: Titles of the columns.
        rows: Cells of the rows, of which the first 20 are shown.
        number: Number of all rows.
        noun: Plural noun for the rows, e.g. `"classes"`.

    Example:
        >>> html_table("<", ["class"], [["<b>"]], 1, "classes")
        '<table><caption>&lt;</caption><tr><th>class</th></tr><tr><td>&lt;b&gt;</td></tr></table>'
    """
    shown = [row for row, _ in zip(rows, range(MAX_ROWS), strict=False)]
    lines = [_row("th", header), *(_row("td", row) for row in shown)]
    note = f"<p>The first {MAX_ROWS} of {number} {noun}.</p>" if number > MAX_ROWS else ""
    return f"<table><caption>{_escape(caption)}</caption>{''.join(lines)}</table>{note}"


def _row(tag: str, cells: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{_escape(cell)}</{tag}>' for cell in cells)}</tr>"


def _escape(text: str) -> str:
    return html.escape(visible_text(text))
