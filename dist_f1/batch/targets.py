"""From `y_true` to the actual classes of each row."""

from typing import Any

import tensorflow as tf

from dist_f1.batch.invalid_rows import label_codes, target_codes
from dist_f1.batch.row_classes import RowClasses
from dist_f1.kernels.one_hot import read_binary, read_one_hot


def parse_targets(
    y_true: tf.Tensor,
    num_classes: int,
    ignore_class: int | None = None,
    index: tf.DType = tf.int64,
    few_ops: bool = False,
) -> RowClasses:
    """Parse ids `[N]` of any numeric dtype, or 0/1 targets `[N, C]`, and find invalid rows.

    One class (`num_classes=1`) is the binary case: ids 0 and 1 mean no and yes. Rows with the label
    `ignore_class` are ignored; in 0/1 targets, entries of that value are left out. The returned ids
    have the dtype `index`. `few_ops` is that of `invalid_rows`.
    """
    if y_true.shape.rank == 2:
        return _parse_multi_hot(y_true, num_classes, ignore_class, index, few_ops)
    # A narrow cast could wrap an invalid id into a valid one.
    ids = y_true if y_true.dtype == index == tf.int32 else tf.cast(y_true, tf.int64)
    # As unsigned integers, negative ids are large: one comparison checks both ends of the range.
    unsigned = tf.bitcast(ids, tf.uint64 if ids.dtype == tf.int64 else tf.uint32)
    valid = unsigned < tf.constant(max(num_classes, 2), unsigned.dtype)
    ignored = None if ignore_class is None else tf.equal(ids, ignore_class)
    if y_true.dtype.is_floating:
        # A fractional or NaN id does not survive the round trip.
        integral = tf.equal(tf.cast(ids, y_true.dtype), y_true)
        valid &= integral
        ignored = None if ignored is None else ignored & integral

    def find_codes(_: tf.Tensor) -> tf.Tensor:
        exact = tf.where(integral, ids, -2) if y_true.dtype.is_floating else ids
        return label_codes(exact, num_classes, index, few_ops)

    found = RowClasses(tf.cast(ids, index), None, valid, ignored=ignored, find_codes=find_codes)
    if num_classes == 1:
        return found._replace(ids=None, multi_hot=tf.equal(ids, 1)[:, tf.newaxis])
    return found


def _parse_multi_hot(
    y_true: tf.Tensor, num_classes: int, ignore_class: int | None, index: tf.DType, few_ops: bool
) -> RowClasses:
    if y_true.dtype.is_bool:
        multi_hot, valid = y_true, tf.ones(tf.shape(y_true)[:1], tf.bool)
        zeros = tf.zeros(tf.shape(y_true)[:1], index)
        found = RowClasses(multi_hot=multi_hot, valid=valid, find_codes=lambda _: zeros)
    else:
        multi_hot, valid = read_binary(y_true)
        if leaves_out_entries(ignore_class, num_classes) and _holds(y_true.dtype, ignore_class):
            entries = tf.not_equal(y_true, tf.cast(ignore_class, y_true.dtype))
            valid |= ~entries
            few_ops = False
        else:
            entries = None
        found = RowClasses(
            multi_hot=multi_hot,
            valid=valid,
            entries=entries,
            find_codes=lambda valid: target_codes(y_true, valid, index, few_ops),
        )
    has_column = ignore_class is not None and 0 <= ignore_class < num_classes
    return found._replace(ignored=multi_hot[:, ignore_class]) if has_column else found


def parse_one_hot(
    y_true: tf.Tensor, num_classes: int, ignore_class: int | None, index: tf.DType
) -> tuple[RowClasses, tf.Tensor]:
    """Parse 0/1 targets `[N, C]` as ids, for kernels that XLA compiles.

    Returns:
        The ids, and bool `[N]`: the rows whose id is their only class. Other rows cannot be counted
        by the id.
    """
    found = read_one_hot(y_true, index)
    is_single = tf.equal(found.number, 1)
    has_column = ignore_class is not None and 0 <= ignore_class < num_classes
    ignored = is_single & tf.equal(found.ids, ignore_class) if has_column else None

    def find_codes(_: tf.Tensor) -> tf.Tensor:
        parsed = _parse_multi_hot(y_true, num_classes, None, index, few_ops=False)
        return parsed.find_codes(parsed.valid)

    classes = RowClasses(found.ids, None, found.is_binary, ignored=ignored, find_codes=find_codes)
    return classes, is_single


def leaves_out_entries(ignore_class: int | None, num_classes: int) -> bool:
    """Whether `ignore_class` is a value in 0/1 targets, and not the id of a class."""
    return ignore_class is not None and not 0 <= ignore_class < max(num_classes, 2)


def _holds(dtype: tf.DType, value: Any) -> bool:
    """Whether a dtype has this value; -1 does not occur in unsigned integers."""
    return dtype.is_floating or dtype.min <= value <= dtype.max
