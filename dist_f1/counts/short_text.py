"""Short texts of values, for `repr` and messages. They import only NumPy, and never raise."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

MAX_LENGTH = 200
# Longer arrays show their first and last elements.
_MAX_ELEMENTS = 4
_MAX_OTHER = 40


def join(name: str, parts: Iterable[str]) -> str:
    """Return `Name(part, part)`.

    Example:
        >>> join("Interval", ["low=0.25", "high=0.5"])
        'Interval(low=0.25, high=0.5)'
    """
    return f"{name}({', '.join(parts)})"


def short_repr(value: object) -> str:
    """Return the `repr` of a value, cut after 200 characters, also of an integer of many digits.

    Example:
        >>> short_repr("a"), short_repr(10**5000)
        ("'a'", 'an int that is too large to print')
    """
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        # Python raises an error for an integer of more than 4,300 digits.
        name = type(value).__name__
        return f"{'an' if name[0] in 'aeiou' else 'a'} {name} that is too large to print"
    return text if len(text) <= MAX_LENGTH else f"{text[:MAX_LENGTH]}..."


def plural(number: int, noun: str) -> str:
    """Return a number with its noun.

    Example:
        >>> plural(1, "class"), plural(3, "class"), plural(2, "threshold")
        ('1 class', '3 classes', '2 thresholds')
    """
    ending = "" if number == 1 else "es" if noun.endswith("s") else "s"
    return f"{number} {noun}{ending}"


def value_of(x: Any) -> np.ndarray | None:
    """Return the numbers of an array or an eager tensor, or `None` for a symbolic one."""
    if not isinstance(x, np.ndarray | np.generic | int | float):
        if not hasattr(x, "numpy"):
            return None
        try:
            x = x.numpy()
        except (AttributeError, NotImplementedError, RuntimeError):
            return None
    array = np.asarray(x)
    return array if array.dtype.kind in "biuf" else None


def values_of(*arrays: Any) -> list[np.ndarray] | None:
    """Return the numbers of arrays and eager tensors, or `None` if one of them is symbolic."""
    values = [value for x in arrays if (value := value_of(x)) is not None]
    return values if len(values) == len(arrays) else None


def describe(x: Any) -> str:
    """Describe a number or an array `[N]` by its elements, and others by dtype and shape.

    Example:
        >>> describe(np.float64(0.25)), describe(np.arange(3)), describe(np.arange(1000))
        ('0.25', '[0 1 2]', '[0 1 ... 999]')
        >>> describe(np.zeros([4, 3]))
        'float64[4, 3]'
    """
    value = value_of(x)
    if value is None or value.ndim > 1:
        return describe_shape(x)
    if value.ndim == 0:
        return format_number(value[()])
    shown = [format_number(element) for element in value[:_MAX_ELEMENTS]]
    if len(value) > _MAX_ELEMENTS:
        shown = [*shown[:2], "...", format_number(value[-1])]
    return f"[{' '.join(shown)}]"


def describe_shape(x: Any) -> str:
    """Describe an array, a tensor or a `TensorSpec` by dtype and shape, and others by their `repr`.

    Example:
        >>> describe_shape(np.zeros([4, 3])), describe_shape(None)
        ('float64[4, 3]', 'None')
    """
    try:
        dtype = getattr(x.dtype, "name", x.dtype)
        return f"{dtype}[{', '.join(map(str, x.shape))}]"
    except (AttributeError, TypeError, ValueError):
        # tf.nest puts any values into a structure. The rank of a tensor may be unknown.
        text = " ".join(repr(x).split())
        return text if len(text) <= _MAX_OTHER else f"{text[: _MAX_OTHER - 3]}..."


def format_number(number: Any) -> str:
    """Format integers exactly, and floats with six digits.

    Example:
        >>> format_number(np.int64(2**60)), format_number(1 / 3)
        ('1152921504606846976', '0.333333')
    """
    return str(int(number)) if np.asarray(number).dtype.kind in "biu" else f"{float(number):.6g}"
