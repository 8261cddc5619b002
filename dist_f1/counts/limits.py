"""Limits of numbers that users pass: beyond them, a call would not end or not fit into memory."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dist_f1.counts.arrays import is_integer
from dist_f1.counts.short_text import short_repr

# A float64 has at most 17 significant digits.
MAX_DIGITS = 17
# Class ids, group ids and shapes fit into int32.
MAX_CLASSES = 2**31 - 1
MAX_THRESHOLDS = 100_000
MAX_DRAWS = 10_000_000
_MAX_SEED = 2**63 - 1
# 16 GiB of int64.
_MAX_COUNTS = 2**31


def check_digits(digits: Any) -> None:
    """Raise `ValueError` unless a text can have this number of decimals."""
    _check_range("digits", digits, MAX_DIGITS)


def check_positive(name: str, value: Any, most: int = MAX_CLASSES) -> int:
    """Return a positive integer of at most `most`.

    Raises:
        ValueError: The value is another one.

    Example:
        >>> check_positive("num_classes", 3)
        3
    """
    if not is_integer(value) or value < 1:
        raise ValueError(f"{name} must be a positive integer, got {short_repr(value)}.")
    if value > most:
        raise ValueError(f"{name} must be at most {most}, got {short_repr(value)}.")
    return int(value)


def check_seed(seed: Any) -> None:
    """Raise `ValueError` unless NumPy can seed random numbers with an integer of 64 bits."""
    _check_range("seed", seed, _MAX_SEED)


def _check_range(name: str, value: Any, most: int) -> None:
    if not is_integer(value) or not 0 <= value <= most:
        raise ValueError(f"{name} must be an integer from 0 to {most}, got {short_repr(value)}.")


def as_float(value: Any) -> float:
    """Return a number as a float, and NaN, which fails every comparison, for other values.

    Example:
        >>> as_float(2), as_float("2"), as_float(True), as_float(10**5000)
        (2.0, nan, nan, nan)
    """
    if isinstance(value, bool | np.bool_ | str | bytes) or np.ndim(value):
        return math.nan
    try:
        return float(value)
    except (OverflowError, TypeError, ValueError):
        return math.nan


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
