"""Groups of rows, each of which is counted for itself: slices of the data, by an id per row."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from dist_f1.counts.arrays import is_integer


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


def check_num_groups(num_groups: Any) -> None:
    """Raises `ValueError` unless it is `None` or a number of groups."""
    if num_groups is not None and (not is_integer(num_groups) or num_groups < 1):
        raise ValueError(f"num_groups must be a positive integer, got {num_groups!r}.")
