"""Remedies for values that were passed as another argument, e.g. `F1Score(5, "macro")`."""

from __future__ import annotations

import difflib
import numbers
from collections.abc import Collection
from typing import Any

from dist_f1.counts.arrays import is_integer
from dist_f1.counts.limits import MAX_CLASSES


def remedy(value: Any, choices: Collection[str] = ()) -> str:
    """Return what to pass instead of a value that an argument does not accept.

    Args:
        value: The value.
        choices: The strings that the argument accepts.

    Returns:
        A sentence after a space, or nothing if there is nothing to propose.

    Example:
        >>> remedy(5)
        ' For 5 classes, pass num_classes=5.'
    """
    if is_integer(value):
        are_classes = 1 < value <= MAX_CLASSES
        return f" For {value} classes, pass num_classes={value}." if are_classes else ""
    if _is_threshold(value) or (isinstance(value, list | tuple) and all(map(_is_threshold, value))):
        return f" For a threshold, pass threshold={value}."
    if not isinstance(value, str):
        return ""
    if value == "multiclass":
        return " The task follows from the other arguments. Omit it, and pass num_classes=."
    if value == "multilabel":
        return " To decide each class separately, pass threshold=0.5 instead."
    if value.lower() == "none":
        return " Pass None without quotes."
    close = difflib.get_close_matches(value.lower(), choices, n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


def _is_threshold(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not is_integer(value) and 0.0 < float(value) < 1.0
