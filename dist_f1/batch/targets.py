"""From `y_true` to the actual classes of each row."""

import tensorflow as tf

from dist_f1.batch.row_classes import RowClasses


def parse_targets(
    y_true: tf.Tensor,
    num_classes: int,
    ignore_class: int | None = None,
    index: tf.DType = tf.int64,
) -> RowClasses:
    """Parse ids `[N]` of any numeric dtype, or 0/1 targets `[N, C]`, and find invalid rows.

    One class (`num_classes=1`) is the binary case: ids 0 and 1 mean no and yes. Rows with the label
    `ignore_class` are ignored. The returned ids have the dtype `index`.
    """
    if y_true.shape.rank == 2:
        return _parse_multi_hot(y_true, num_classes, ignore_class)
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
    if num_classes == 1:
        return RowClasses(multi_hot=tf.equal(ids, 1)[:, tf.newaxis], valid=valid, ignored=ignored)
    return RowClasses(tf.cast(ids, index), valid=valid, ignored=ignored)


def _parse_multi_hot(y_true: tf.Tensor, num_classes: int, ignore_class: int | None) -> RowClasses:
    if y_true.dtype.is_bool:
        multi_hot, valid = y_true, tf.ones(tf.shape(y_true)[:1], tf.bool)
    else:
        multi_hot = tf.equal(y_true, tf.cast(1, y_true.dtype))
        valid = multi_hot | tf.equal(y_true, tf.cast(0, y_true.dtype))
    has_column = ignore_class is not None and 0 <= ignore_class < num_classes
    ignored = multi_hot[:, ignore_class] if has_column else None
    return RowClasses(multi_hot=multi_hot, valid=valid, ignored=ignored)
