"""Rows that could not be counted: how many, why, and the remedy."""

from typing import Any

from dist_f1.counts import causes
from dist_f1.counts.value import Counts


def raise_if_invalid(counts: Counts) -> None:
    """Raise `ValueError` if rows could not be counted; the counts must not be symbolic."""
    message = describe_invalid(counts)
    if message:
        raise ValueError(message)


def describe_invalid(counts: Counts) -> str:
    """Describe how many rows could not be counted, why, and the remedy; empty if all were."""
    problem = count_invalid(counts)
    if not problem:
        return ""
    return (
        f"{problem}. Fix the data, or exclude these rows with ignore_class= or a mask. The other "
        "rows are counted: counts() returns them, and the number of invalid rows."
    )


def count_invalid(counts: Counts) -> str:
    """State how many rows could not be counted, and why; empty if all rows were counted."""
    invalid = int(counts.invalid)
    if not invalid:
        return ""
    numbers = {cause: int(number) for cause, number in counts.invalid_causes.items()}
    reasons = causes.describe(numbers, counts.num_classes)
    return f"{invalid} of {invalid + _readable(counts.total)} rows were not counted: {reasons}"


def _readable(total: Any) -> Any:
    return int(total) if float(total).is_integer() else float(total)
