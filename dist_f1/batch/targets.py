"""From `y_true` to targets: what each row really is, and which rows cannot be counted."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf


class Target(NamedTuple):
    """What N rows really are; exactly one of `ids` and `members` is set.

    `ids`: integers `[N]`, anything in rows that are not known. `members`: bool `[N, C]`. `known`:
    bool `[N]`, False in rows that are no class, or `[N, C]`, of which a row needs all. `ignored`:
    bool `[N]` or `None`, rows of `ignore_class`, which leave no trace.
    """

    ids: Any
    members: Any
    known: Any
    ignored: Any


def read_targets(
    y_true: tf.Tensor, num_classes: int, ignore_class: int | None, index: tf.DType = tf.int64
) -> Target:
    """Reads ids `[N]` of any numeric dtype, or 0/1 targets `[N, C]`.

    One class (`num_classes=1`) is the binary case: ids 0 and 1 say no and yes.

    Args:
        y_true: what came in.
        num_classes: C.
        ignore_class: a label, or `None`.
        index: the dtype of ids.
    """
    if y_true.shape.rank == 2:
        return _from_members(y_true, num_classes, ignore_class)
    # Narrower than int64 an id might be cut down to one of a class.
    ids = y_true if y_true.dtype == index == tf.int32 else tf.cast(y_true, tf.int64)
    # Without its sign a negative id is a large one: one comparison tells both ends.
    unsigned = tf.bitcast(ids, tf.uint64 if ids.dtype == tf.int64 else tf.uint32)
    known = unsigned < tf.constant(max(num_classes, 2), unsigned.dtype)
    whole: Any = True
    if y_true.dtype.is_floating:
        # A fractional or NaN id does not survive the round trip.
        whole = tf.equal(tf.cast(ids, y_true.dtype), y_true)
        known &= whole
    ignored = None if ignore_class is None else whole & tf.equal(ids, ignore_class)
    if num_classes == 1:
        return Target(None, tf.equal(ids, 1)[:, tf.newaxis], known, ignored)
    return Target(tf.cast(ids, index), None, known, ignored)


def _from_members(y_true: tf.Tensor, num_classes: int, ignore_class: int | None) -> Target:
    if y_true.dtype.is_bool:
        members = y_true
        known = tf.ones(tf.shape(y_true)[:1], tf.bool)
    else:
        members = tf.equal(y_true, tf.cast(1, y_true.dtype))
        zero = tf.equal(y_true, tf.cast(0, y_true.dtype))
        known = members | zero
    inside = ignore_class is not None and 0 <= ignore_class < num_classes
    return Target(None, members, known, members[:, ignore_class] if inside else None)
