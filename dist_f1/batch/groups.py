"""Groups of rows, which are counted separately: slices of the data, by an id per row."""

from typing import Any, NamedTuple

import tensorflow as tf

from dist_f1.counts.limits import check_positive


class Groups(NamedTuple):
    """The group of each of N rows.

    Fields:
        ids: int64 `[N]`, 0 in rows that are not valid.
        valid: bool `[N]`, False where the id is not a group. Such rows are counted as invalid, in
            the first group.
        number: Number of groups.
    """

    ids: tf.Tensor
    valid: tf.Tensor
    number: int


def parse_groups(group_ids: tf.Tensor | None, num_groups: int | None) -> Groups | None:
    """Parse group ids `[N]` of any numeric dtype, integers from 0 to `num_groups - 1`.

    Raises:
        ValueError: One argument is missing, or `num_groups` is not a positive integer.
    """
    check_num_groups(num_groups)
    if (group_ids is None) != (num_groups is None):
        given, missing = ("num_groups", "by") if group_ids is None else ("by", "num_groups")
        raise ValueError(
            f"{given}= was passed without {missing}=. Pass both: by= is the group id of each row, "
            "and num_groups= is the number of groups."
        )
    if group_ids is None or num_groups is None:
        return None
    ids = tf.cast(group_ids, tf.int64)
    valid = (ids >= 0) & (ids < num_groups)
    if group_ids.dtype.is_floating:
        valid &= tf.equal(tf.cast(ids, group_ids.dtype), group_ids)
    return Groups(tf.where(valid, ids, 0), valid, num_groups)


def check_num_groups(num_groups: Any) -> None:
    """Raise `ValueError` unless the number is `None` or a positive integer."""
    if num_groups is not None:
        check_positive("num_groups", num_groups)
