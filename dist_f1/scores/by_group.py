"""A score for each group of rows, and the gap between groups."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from dist_f1.counts import Counts
from dist_f1.counts import arrays as xp
from dist_f1.counts.lazy_tensorflow import Array


def by_group(score: Callable[[Counts], Any], counts: Counts) -> Array:
    """Return the score of each group, `[G]` or `[G, C]`; NaN for a group without rows.

    Counts stay integers: the confusion matrix of a group without rows is all zeros.
    """
    values = score(counts)
    if not xp.is_float(values):
        return values
    is_empty = xp.is_zero(counts.total)
    for _ in range(len(values.shape) - 1):
        is_empty = xp.expand_last(is_empty)
    return xp.where(is_empty, math.nan, values)


def gap(score: Callable[[Counts], Any], counts: Counts) -> Array:
    """Return the highest score of a group minus the lowest, over the groups that have a score."""
    values = by_group(score, counts)
    is_missing = xp.is_nan(values)
    highest = xp.max_first(xp.where(is_missing, -math.inf, values))
    lowest = -xp.max_first(xp.where(is_missing, -math.inf, -values))
    return xp.where(highest >= lowest, highest - lowest, math.nan)
