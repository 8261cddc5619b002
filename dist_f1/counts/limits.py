"""Limits of numbers that users pass: beyond them, a call would not end or not fit into memory."""

from __future__ import annotations

from typing import Any

from dist_f1.counts.arrays import is_integer

# A float64 has at most 17 significant digits.
MAX_DIGITS = 17
# Class ids, group ids and shapes fit into int32.
MAX_CLASSES = 2**31 - 1
MAX_THRESHOLDS = 100_000
MAX_DRAWS = 10_000_000
# 16 GiB of int64.
_MAX_COUNTS = 2**31


def check_digits(digits: Any) -> None:
    """Raise `ValueError` unless a text can have this number of decimals."""
    if not is_integer(digits) or not 0 <= digits <= MAX_DIGITS:
        raise ValueError(f"digits must be an integer from 0 to {MAX_DIGITS}, got {digits!r}.")


def check_positive(name: str, value: Any, most: int = MAX_CLASSES) -> int:
    """Return a positive integer of at most `most`.

    Raises:
        ValueError: The value is another one.

    Example:
        >>> check_positive("num_classes", 3)
        3
    """
    if not is_integer(value) or value < 1:
        raise ValueError(f"{name} must be a positive integer, got {value!r}.")
    if value > most:
        raise ValueError(f"{name} must be at most {most}, got {value!r}.")
    return int(value)


def check_size(num_classes: int, confusion: bool, groups: int, thresholds: int) -> None:
    """Raise `ValueError` unless counts of these sizes fit into memory."""
    number = num_classes * (num_classes if confusion else 3) * max(groups, 1) * (thresholds + 1)
    if number > _MAX_COUNTS:
        parts = [f"{num_classes} classes"]
        parts += ["a confusion matrix"] * confusion + [f"{groups} groups"] * bool(groups)
        parts += [f"{thresholds} thresholds"] * bool(thresholds)
        raise ValueError(
            f"Counts of {', '.join(parts)} are {number} numbers, and {_MAX_COUNTS} are supported. "
            "Pass smaller sizes, or count without the confusion matrix."
        )
