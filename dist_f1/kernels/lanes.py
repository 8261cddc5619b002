"""The best class of each row, in a form that XLA compiles for CPUs to one vectorised pass.

A row of C predictions is cut into slices of as many classes as there are lanes. Each lane compares
slice after slice with its highest value so far, and keeps the class beside it. All ops are
elementwise, so SIMD instructions process 8 or 16 predictions at once. Only the lanes are reduced
along the row.
"""

import functools

import tensorflow as tf

from dist_f1.kernels.keys import best_of_key, keys

# With more slices or lanes, XLA no longer unrolls and vectorises its loops.
_MAX_SLICES, LANES = 25, 16
# XLA unrolls loops along a row up to this length.
UNROLLED = 32


def best_in_lanes(y_score: tf.Tensor, index: tf.DType) -> tuple[tf.Tensor, tf.Tensor]:
    """Like `argmax.best`, for predictions `[N, C]` of at most 32 bits and a static C."""
    starts, lanes = slices(y_score.shape.as_list()[-1])
    best = tf.cast(y_score[..., :lanes], tf.float32)
    best_start, has_nan = tf.zeros_like(best, tf.int32), tf.not_equal(best, best)
    for start in starts[1:]:
        current = tf.cast(y_score[..., start : start + lanes], tf.float32)
        is_better = tf.greater(current, best)
        best = tf.where(is_better, current, best)
        best_start = tf.where(is_better, start, best_start)
        has_nan |= tf.not_equal(current, current)
    return best_of_key(_row_max(keys(best, has_nan, best_start + tf.range(lanes))), index)


def slices(size: int) -> tuple[list[int], int]:
    """Return the starts of slices and their common length. The last two slices may overlap."""
    lanes = LANES * -(-size // (LANES * _MAX_SLICES))
    if size <= lanes:
        lanes = -(-size // 2)
    return [*range(0, size - lanes, lanes), size - lanes], lanes


def _row_max(values: tf.Tensor) -> tf.Tensor:
    """Return the largest integer of each row."""
    while (size := values.shape.as_list()[-1]) > UNROLLED:
        starts, lanes = slices(size)
        values = functools.reduce(
            tf.maximum, [values[..., start : start + lanes] for start in starts]
        )
    return tf.reduce_max(values, axis=-1)
