"""Whether numbers can be counts: the relations that hold for all counts that were ever taken.

Each function returns a clause that states a contradiction, or nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from dist_f1.counts.sample_averages import EXACT_MATCH, LIMB_BITS

# Weights may be negative, so their sums may cancel, and rounding errors may be large relative to
# the sums. Only larger differences, relative to the largest sum or to 1, are contradictions.
_TOLERANCE = 2.0**-20
# Elements that are compared at a time, so that comparing takes little memory.
_BLOCK = 2**20

Fields = Mapping[str, Any]


def find_contradiction(fields: Fields) -> str:
    """Find a contradiction between the NumPy fields of `Counts`, by name.

    Shapes must fit. `true_positive` and `predicted` may have leading axes that the other fields
    lack, as in a sweep.
    """
    return _in_range(fields) or _invalid(fields) or _cells(fields) or _rows(fields)


def find_contradiction_of_buckets(fields: Fields) -> str:
    """Find a contradiction between counts of a sweep in the buckets between thresholds.

    `true_positive` and `predicted` are `[T + 1, C]`.
    """
    hits, predicted, actual = (fields[x] for x in ("true_positive", "predicted", "actual"))
    entries = np.broadcast_to(_entries(fields), actual.shape)
    scale = _scale(fields)
    return (
        _in_range(fields)
        or _invalid(fields)
        or ("" if _is_weighted(fields) else _more("true_positive", hits, "predicted", predicted))
        or _differs("the sum of true_positive", hits, -2, "actual", actual, scale)
        or _differs("the sum of predicted", predicted, -2, "the total of the class", entries, scale)
    )


def find_disorder(thresholds: np.ndarray) -> str:
    """Find out why numbers are not the thresholds of a sweep, which ascend from 0 to 1."""
    if thresholds.ndim != 1 or not thresholds.size or thresholds.dtype.kind not in "iuf":
        return f"thresholds is {thresholds.dtype} {list(thresholds.shape)}"
    if not np.all((thresholds >= 0) & (thresholds <= 1)):
        return "a threshold is not a number from 0 to 1"
    return "" if np.all(thresholds[1:] > thresholds[:-1]) else "the thresholds do not ascend"


def find_increase(fields: Fields) -> str:
    """Find a count of a sweep that increases with the threshold, which no number of rows does."""
    if _is_weighted(fields):
        return ""
    for name in ("true_positive", "predicted"):
        array = fields[name]
        fault = _more(f"{name} at a threshold", array[1:], "at the threshold below", array[:-1])
        if fault:
            return fault
    return ""


def _is_weighted(fields: Fields) -> bool:
    return fields["true_positive"].dtype.kind == "f"


def _entries(fields: Fields) -> np.ndarray:
    """Return the entries of each class, `[..., C]` or `[..., 1]`."""
    return fields["class_total"] if "class_total" in fields else fields["total"][..., np.newaxis]


def _arrays(fields: Fields) -> Iterator[tuple[str, np.ndarray]]:
    for name, value in fields.items():
        yield from value.items() if isinstance(value, dict) else [(name, value)]


def _scale(fields: Fields) -> float:
    """Return the largest sum of weights."""
    names = "true_positive", "predicted", "actual", "total"
    return max(abs(float(limit(fields[name]))) for name in names for limit in (np.min, np.max))


def _in_range(fields: Fields) -> str:
    for name, array in _arrays(fields):
        # The limits need no temporary array, and are NaN if a number is.
        low, high = array.min(), array.max()
        if array.dtype.kind == "f" and not (np.isfinite(low) and np.isfinite(high)):
            return f"{name} holds a number that is not finite"
        # A sum of weights may be negative, as weights may; a number of rows may not.
        if array.dtype.kind == "i" and low < 0:
            return f"{name} is negative, {low}"
    return ""


def _invalid(fields: Fields) -> str:
    """Check the numbers of invalid rows, which are whole numbers even if rows have weights."""
    causes = fields.get("invalid_by_cause", fields["invalid"])
    for name, numbers in ("invalid", fields["invalid"]), ("invalid_by_cause", causes):
        if np.any((numbers < 0) | (numbers != np.floor(numbers))):
            return f"{name} is not a number of rows"
    if causes is fields["invalid"]:
        return ""
    return _differs("the sum of invalid_by_cause", causes, -1, "invalid", fields["invalid"], 0.0)


def _cells(fields: Fields) -> str:
    """Check that each row is in one cell of the 2 x 2 table of a class."""
    if _is_weighted(fields):
        return ""
    hits, predicted, actual = (fields[x] for x in ("true_positive", "predicted", "actual"))
    entries, total = _entries(fields), fields["total"][..., np.newaxis]
    limit = "class_total" if "class_total" in fields else "total"
    fault = (
        _more("class_total", entries, "total", total)
        or _more("true_positive", hits, "predicted", predicted)
        or _more("true_positive", hits, "actual", actual)
        or _more("actual", actual, limit, entries)
        or _more("predicted", predicted, limit, entries)
    )
    if fault:
        return fault
    for h, p, a, e in _blocks(hits, predicted, actual, entries):
        if np.any(p - h > e - a):
            return f"predicted and actual have more rows than {limit}"
    return ""


def _rows(fields: Fields) -> str:
    """Check sums over classes and over rows."""
    hits, predicted, actual = (fields[x] for x in ("true_positive", "predicted", "actual"))
    total, scale = fields["total"], _scale(fields)
    if "samples" in fields:
        if _is_weighted(fields):
            return ""
        sums, classes = fields["samples"], predicted.shape[-1]
        return _samples(sums, total) or _exact_matches(sums, total, classes)
    fault = ""
    if predicted.shape[-1] > 1 and "class_total" not in fields:
        # Each row has one predicted class. With argmax, it may have several actual ones.
        fault = _differs("the sum of predicted", predicted, -1, "total", total, scale)
    if "confusion" in fields:
        matrix = fields["confusion"]
        diagonal = np.diagonal(matrix, axis1=-2, axis2=-1)[..., np.newaxis]
        fault = (
            fault
            or _differs("the diagonal of confusion", diagonal, -1, "true_positive", hits, scale)
            or _differs("the sum of confusion by column", matrix, -2, "predicted", predicted, scale)
            or _differs("the sum of confusion by row", matrix, -1, "actual", actual, scale)
        )
    return fault


def _samples(sums: Mapping[str, np.ndarray], total: np.ndarray) -> str:
    """Check sums of ratios, each from 0 to 1, over rows."""
    for name, values in sums.items():
        if name == EXACT_MATCH:
            fault = _more(f"samples.{name}", values, "total", total)
        else:
            high, low, undefined = (values[..., i] for i in range(3))
            fault = _more(f"samples.{name}, undefined", undefined, "total", total)
            # Each limb of a defined ratio is at most 2**LIMB_BITS. Round up, for no overflow.
            for limb in (high, low):
                rows = -(-limb >> LIMB_BITS)
                fault = fault or _more(
                    f"samples.{name}", rows, "its number of rows", total - undefined
                )
        if fault:
            return fault
    return ""


def _exact_matches(sums: Mapping[str, np.ndarray], total: np.ndarray, classes: int) -> str:
    """Check the number of rows with every class correct against the sum of the Jaccard index.

    Such a row has the index 1, or none if it has no class. Another row has at most (C - 1) / C.
    """
    if not sums:
        return ""
    high, undefined = (sums["jaccard"][..., i].astype(np.float64) for i in (0, 2))
    exact = sums[EXACT_MATCH].astype(np.float64)
    least = (exact - undefined) * 2.0**LIMB_BITS
    most = least + (total - exact) * np.floor(2.0**LIMB_BITS * (classes - 1) / classes)
    # Products of more than 53 bits are rounded.
    tolerance = 2.0**-50 * total * 2.0**LIMB_BITS
    is_possible = (exact >= undefined) & (high >= least - tolerance) & (high <= most + tolerance)
    return "" if np.all(is_possible) else f"samples.{EXACT_MATCH} contradicts samples.jaccard"


def _more(name: str, values: np.ndarray, limit_name: str, limits: np.ndarray) -> str:
    """Describe the first value that is more than its limit."""
    for block, limit in _blocks(values, limits):
        is_more = block > limit
        if np.any(is_more):
            where = np.unravel_index(np.argmax(is_more), is_more.shape)
            return f"{name} is {block[where]}, more than {limit_name}, {limit[where]}"
    return ""


def _differs(
    name: str, terms: np.ndarray, axis: int, sum_name: str, sums: np.ndarray, scale: float
) -> str:
    """Describe the first sum of terms along an axis that is not the stored sum."""
    added = terms.sum(axis)
    if terms.dtype.kind == "f":
        is_wrong = np.abs(added - sums) > _TOLERANCE * (1.0 + scale)
    else:
        # A sum of int64 may wrap. Then it is far from the sum in float64.
        approximate = terms.sum(axis, dtype=np.float64)
        is_wrong = (added != sums) | (np.abs(approximate - sums) > 2.0**62)
    if not np.any(is_wrong):
        return ""
    where = np.unravel_index(np.argmax(is_wrong), np.shape(is_wrong))
    return f"{name} is {added[where]}, but {sum_name} is {sums[where]}"


def _blocks(*arrays: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
    """Broadcast arrays to one shape, and split them along the first axis."""
    full = [np.atleast_1d(array) for array in np.broadcast_arrays(*arrays)]
    length = len(full[0])
    step = max(1, _BLOCK * length // max(full[0].size, 1))
    for start in range(0, length, step):
        yield tuple(array[start : start + step] for array in full)
