"""A score for each group of rows, and the gap between groups."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from dist_f1.counts import Counts
from dist_f1.counts import arrays as xp


def by_group(score: Callable[[Counts], Any], counts: Counts) -> Any:
    """The score of each group, `[G]` or `[G, C]`; NaN for a group without rows.

    What is itself a count stays one: a confusion matrix without rows is of zeros.
    """
    values = score(counts)
    if values.dtype in (np.int64, tf.int64):
        return values
    empty = xp.is_zero(counts.total)
    for _ in range(len(values.shape) - 1):
        empty = xp.expand_last(empty)
    return xp.where(empty, math.nan, values)


def gap(score: Callable[[Counts], Any], counts: Counts) -> Any:
    """The largest score of a group less the smallest, over the groups that have one."""
    values = by_group(score, counts)
    missing = xp.is_nan(values)
    highest = xp.max_first(xp.where(missing, -math.inf, values))
    lowest = -xp.max_first(xp.where(missing, -math.inf, -values))
    return xp.where(highest >= lowest, highest - lowest, math.nan)
