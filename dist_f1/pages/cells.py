"""The text of a cell of a table."""

import numbers
from typing import TypeAlias

Cell: TypeAlias = "str | float | None"


def format_cell(value: Cell) -> str:
    """Return a float with four digits, and other values as they are.

    Example:
        >>> format_cell(0.123456), format_cell(7), format_cell(None)
        ('0.1235', '7', '')
    """
    if value is None:
        return ""
    if isinstance(value, numbers.Real) and not isinstance(value, numbers.Integral):
        return f"{float(value):.4g}"
    return str(value)
