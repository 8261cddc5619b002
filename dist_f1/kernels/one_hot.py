"""The class of each row of one-hot targets, in a form that XLA compiles to one vectorized pass.

As in `lanes`, a row is cut into slices, and each lane adds up its targets in slice after slice. The
lanes are then summed as one packed integer, so that XLA reads the targets once.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from dist_f1.kernels.lanes import cut, slices

# A row's sum is int64, or int32 for few classes. Its fields are the lanes with a value other than 0
# and 1, the number of ones, and the sum of their classes. Only the last field may overflow, where a
# row has many ones.
_FIELD, _NARROW_FIELD = 20, 10
MAX_CLASSES = 2**_FIELD - 1
# A lane counts its ones below this bit.
_OTHER = 2**16


class OneHotRows(NamedTuple):
    """The ones in N rows of targets.

    Fields:
        ids: `[N]`, the class of each row with a single one; otherwise any value.
        number: `[N]`, the number of ones.
        is_binary: bool `[N]`, rows of 0 and 1 alone.
    """

    ids: tf.Tensor
    number: tf.Tensor
    is_binary: tf.Tensor


def read_binary(y_true: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None]:
    """Return where 0/1 targets of any dtype are 1, and where they are 0 or 1; `None` if always."""
    if y_true.dtype.is_bool:
        return y_true, None
    is_one = tf.equal(y_true, tf.ones([], y_true.dtype))
    return is_one, is_one | tf.equal(y_true, tf.zeros([], y_true.dtype))


def read_one_hot(y_true: tf.Tensor, index: tf.DType) -> OneHotRows:
    """Read targets `[N, C]` of any dtype and a static C of 2 to `MAX_CLASSES`.

    Args:
        y_true: Targets.
        index: Dtype of the ids and numbers.
    """
    size = y_true.shape.as_list()[-1]
    y_true, first = cut(y_true)
    starts, lanes = slices(y_true.shape.as_list()[-1])
    covered, marks, start_of_one = 0, tf.constant(0), tf.constant(0)
    for start in starts:
        part = y_true[..., start : start + lanes]
        is_one, is_binary = read_binary(part)
        # The last slice starts with classes of the slice before.
        is_new = True if start >= covered else np.arange(lanes) >= covered - start
        mark = tf.cast(is_one & is_new, tf.int32)
        start_of_one += mark * start
        if is_binary is not None:
            mark = tf.where(is_binary, mark, _OTHER)
        marks += mark
        covered = start + lanes
    # A register holds twice as many narrow integers.
    is_narrow = size < 2**_NARROW_FIELD
    dtype, field = (tf.int32, _NARROW_FIELD) if is_narrow else (tf.int64, _FIELD)
    shift, mask = tf.constant(field, dtype), tf.constant(2**field - 1, dtype)
    number = tf.cast(marks % _OTHER, dtype)
    classes = tf.cast(start_of_one, dtype) + number * tf.cast(first + tf.range(lanes), dtype)
    is_other = tf.cast(marks >= _OTHER, dtype)
    total = tf.reduce_sum(is_other + number * 2**field + classes * 2 ** (2 * field), axis=-1)
    total = total if isinstance(first, int) else tf.reduce_sum(total, axis=-1)
    rest = tf.bitwise.right_shift(total, shift)
    ids = tf.bitwise.bitwise_and(tf.bitwise.right_shift(rest, shift), mask)
    return OneHotRows(
        tf.cast(ids, index),
        tf.cast(tf.bitwise.bitwise_and(rest, mask), index),
        tf.equal(tf.bitwise.bitwise_and(total, mask), 0),
    )
