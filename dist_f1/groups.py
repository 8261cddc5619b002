"""Groups of rows, each of which is counted for itself: slices of the data, by an id per row."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from dist_f1 import _arrays as xp
from dist_f1.counts import Counts
from dist_f1.decisions import is_integer


class Groups(NamedTuple):
    """The group of each of N rows.

    `ids`: int64 `[N]`, 0 where `unknown`. `unknown`: bool `[N]`, rows whose id is no group; they
    are invalid, and counted as such in the first group.
    """

    ids: Any
    unknown: Any
    number: int


def group_rows(by: tf.Tensor | None, num_groups: int | None) -> Groups | None:
    """Reads group ids `[N]`, integers from 0 to `num_groups - 1` in any numeric dtype.

    Raises:
        ValueError: one of the two is missing, or `num_groups` is no number of groups.
    """
    check_num_groups(num_groups)
    if (by is None) != (num_groups is None):
        given, missing = ("num_groups", "by") if by is None else ("by", "num_groups")
        raise ValueError(
            f"{given} was given without {missing}: by= tells the group of each row, and "
            "num_groups= how many groups there are."
        )
    if by is None or num_groups is None:
        return None
    ids = tf.cast(by, tf.int64)
    whole = tf.equal(tf.cast(ids, by.dtype), by) if by.dtype.is_floating else True
    known = whole & (ids >= 0) & (ids < num_groups)
    return Groups(tf.where(known, ids, 0), ~known, num_groups)


def by_group(score: Callable[[Counts], Any], counts: Counts) -> Any:
    """The score of each group, `[G]` or `[G, C]`; NaN for a group without rows.

    What is itself a count stays one: a confusion matrix without rows is of zeros.
    """
    values = score(counts)
    if values.dtype in (np.int64, tf.int64):
        return values
    empty = xp.is_zero(counts.total)
    for _ in range(len(values.shape) - 1):
        empty = xp.column(empty)
    return xp.where(empty, math.nan, values)


def gap(score: Callable[[Counts], Any], counts: Counts) -> Any:
    """The largest score of a group less the smallest, over the groups that have one."""
    values = by_group(score, counts)
    missing = xp.is_nan(values)
    highest = xp.first_axis_max(xp.where(missing, -math.inf, values))
    lowest = -xp.first_axis_max(xp.where(missing, -math.inf, -values))
    return xp.where(highest >= lowest, highest - lowest, math.nan)


def check_num_groups(num_groups: Any) -> None:
    """Raises `ValueError` unless it is `None` or a number of groups."""
    if num_groups is not None and (not is_integer(num_groups) or num_groups < 1):
        raise ValueError(f"num_groups must be a positive integer, got {num_groups!r}.")
