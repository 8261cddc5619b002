"""From `y_true` to targets: what each row really is, and which rows cannot be counted."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf


class Target(NamedTuple):
    """What N rows really are; exactly one of `ids` and `members` is set.

    `ids`: int64 `[N]`, 0 in rows that are not to be counted. `members`: bool `[N, C]`.
    `invalid`: bool `[N]`, rows that are no class. `ignored`: bool `[N]` or `None`, rows of
    `ignore_class`, which leave no trace.
    """

    ids: Any
    members: Any
    invalid: Any
    ignored: Any


def read_targets(y_true: tf.Tensor, num_classes: int, ignore_class: int | None) -> Target:
    """Reads ids `[N]` of any numeric dtype, or 0/1 targets `[N, C]`.

    One class (`num_classes=1`) is the binary case: ids 0 and 1 say no and yes.
    """
    if y_true.shape.rank == 2:
        return _from_members(y_true, num_classes, ignore_class)
    ids = tf.cast(y_true, tf.int64)
    # A fractional or NaN id does not survive the round trip.
    whole = tf.equal(tf.cast(ids, y_true.dtype), y_true) if y_true.dtype.is_floating else True
    known = whole & (ids >= 0) & (ids < max(num_classes, 2))
    ignored = None if ignore_class is None else whole & tf.equal(ids, ignore_class)
    if num_classes == 1:
        return Target(None, tf.equal(ids, 1)[:, tf.newaxis], ~known, ignored)
    return Target(tf.where(known, ids, 0), None, ~known, ignored)


def _from_members(y_true: tf.Tensor, num_classes: int, ignore_class: int | None) -> Target:
    if y_true.dtype.is_bool:
        members = y_true
        invalid = tf.zeros(tf.shape(y_true)[:1], tf.bool)
    else:
        members = tf.equal(y_true, tf.cast(1, y_true.dtype))
        zero = tf.equal(y_true, tf.cast(0, y_true.dtype))
        invalid = ~tf.reduce_all(members | zero, axis=-1)
    inside = ignore_class is not None and 0 <= ignore_class < num_classes
    return Target(None, members, invalid, members[:, ignore_class] if inside else None)
