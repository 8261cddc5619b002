"""The columns of a table, as strings."""

import re
from typing import NamedTuple

from dist_f1.pages.cells import format_cell
from dist_f1.pages.sections import Table

_NUMBER = re.compile(r"[-+\u2212]?(\d[\d,]*\.?\d*(e[-+]?\d+)?[kMG]?%?|nan|inf)")


class Column(NamedTuple):
    """A column of a table as text; the cells of the footer come last."""

    title: str
    cells: list[str]
    is_numeric: bool
    is_bar: bool = False


def columns(table: Table) -> list[Column]:
    """Return the columns of a table."""
    result = []
    rows = [*table.rows, *table.footer]
    for i, title in enumerate(table.header):
        cells = [format_cell(row[i]) for row in rows]
        is_numeric = any(cells) and all(_NUMBER.fullmatch(cell) for cell in cells if cell)
        # Row names may be ids, but are not numbers.
        is_numeric = is_numeric and bool(title or i)
        result.append(Column(str(title), cells, is_numeric, title in table.bars))
    return result
