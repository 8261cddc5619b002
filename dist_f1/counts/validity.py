"""Rows that could not be counted: how many, why, and the remedy."""

from typing import Any

from dist_f1.counts.value import Counts


def raise_if_invalid(counts: Counts, by_groups: bool = False) -> None:
    """Raise `ValueError` if rows could not be counted; the counts must not be symbolic."""
    invalid = int(counts.invalid)
    if invalid:
        raise ValueError(
            f"{invalid} of {invalid + _readable(counts.total)} rows "
            f"{why_invalid(counts.num_classes, by_groups)} The other rows are counted: counts() "
            "returns them, and the number of invalid rows."
        )


def why_invalid(num_classes: int, by_groups: bool) -> str:
    """Describe why rows may not have been counted, and the remedy."""
    group = ", or their group id is not from 0 to num_groups - 1" if by_groups else ""
    return (
        f"were not counted: their label is not one of the {num_classes} classes (or a 0/1 target "
        f"is neither), a score is NaN, or a weight is not finite{group}. Fix the data, or exclude "
        "rows with ignore_class= or a mask."
    )


def _readable(total: Any) -> Any:
    return int(total) if float(total).is_integer() else float(total)
