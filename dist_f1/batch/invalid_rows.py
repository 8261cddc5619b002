"""The cause of each row that cannot be counted, as a code of `dist_f1.counts.causes`.

Most batches have no such row, so the functions here are called when a code is needed.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from dist_f1.counts.causes import code

# `Bucketize` compares in float32, which is exact up to here.
_MAX_EXACT = 2**24 - 2
_EXACT_DTYPES = (tf.float32, tf.int32, tf.int64)


def label_codes(ids: tf.Tensor, num_classes: int, index: tf.DType, few_ops: bool) -> tf.Tensor:
    """Return the codes of integer ids `[N]`, 0 for ids of the C classes.

    Args:
        ids: int32 or int64.
        num_classes: C. One class has two ids.
        index: Dtype of the result.
        few_ops: Whether few operations matter more than fast ones.
    """
    size = max(num_classes, 2)
    names = ("label", "negative_one", None, "num_classes", "label", "value_255", "label")
    if few_ops and size <= _MAX_EXACT:
        end = size + 1
        limits = [-1, 0, size, end, max(255, end), max(256, end)]
        return _look_up(ids, limits, names, index)
    found = _choose(
        ids, {size: "num_classes", 255: "value_255", -1: "negative_one"}, "label", index
    )
    return tf.where((ids >= 0) & (ids < size), tf.zeros([], index), found)


def target_codes(y_true: tf.Tensor, valid: tf.Tensor, index: tf.DType, few_ops: bool) -> tf.Tensor:
    """Return the codes of rows `[N, C]` of 0/1 targets, by the first invalid entry of each row.

    Args:
        y_true: Any numeric dtype.
        valid: bool `[N, C]`.
        index: Dtype of the result.
        few_ops: Whether few operations matter more than fast ones. Valid targets must be 0 or 1.
    """
    first = tf.raw_ops.ArgMin(input=valid, dimension=-1, output_type=tf.int32)
    value = tf.gather(y_true, first, batch_dims=1)
    if y_true.dtype.size < 4:
        value = tf.cast(value, tf.float32)
    if few_ops and value.dtype in _EXACT_DTYPES:
        # Each number and the next one of float32 enclose one slot.
        numbers = np.array([-1, 0, 1, 255], np.float32)
        after = np.nextafter(numbers, np.float32(np.inf))
        after[1] = np.finfo(np.float32).tiny
        limits = np.stack([numbers, after], axis=1).ravel().tolist()
        names = ("negative_one", "target", None, "fraction", None, "target", "value_255", "target")
        return _look_up(value, limits, ("target", *names), index)
    found = _choose(value, {255: "value_255", -1: "negative_one"}, "target", index)
    is_fraction = (value > tf.zeros([], value.dtype)) & (value < tf.ones([], value.dtype))
    found = tf.where(is_fraction, tf.constant(code("fraction"), index), found)
    return tf.where(tf.reduce_all(valid, axis=-1), tf.zeros([], index), found)


def _look_up(
    values: tf.Tensor, limits: Sequence[float], names: tuple[str | None, ...], index: tf.DType
) -> tf.Tensor:
    """Return the codes of the slots between ascending limits, in two operations."""
    slot = tf.raw_ops.Bucketize(input=values, boundaries=limits)
    return tf.gather(tf.constant([code(x) if x else 0 for x in names], index), slot)


def _choose(values: tf.Tensor, names: dict[int, str], otherwise: str, index: tf.DType) -> tf.Tensor:
    found = tf.constant(code(otherwise), index)
    for value, name in names.items():
        is_value = tf.equal(values, tf.cast(value, values.dtype))
        found = tf.where(is_value, tf.constant(code(name), index), found)
    return found
