"""The best class of each row, in a form that XLA compiles for CPUs to one vectorised read.

A row of C scores is cut into slices of as many classes as there are lanes. Slice after slice is
compared with the best so far, each lane for itself, with its class beside it: elementwise, without
sums along a row, so a few instructions take 8 or 16 scores at once. What is left are the lanes.
"""

from __future__ import annotations

import functools

import tensorflow as tf

from dist_f1.kernels.keys import best_of_key, keys

# So many slices and so many lanes keep XLA's loops short enough to be unrolled and vectorised.
_MOST_SLICES, LANES = 25, 16
# Loops along a row up to this long are unrolled.
UNROLLED = 32


def best_in_lanes(scores: tf.Tensor, index: tf.DType) -> tuple[tf.Tensor, tf.Tensor]:
    """Like `argmax.best`, of scores `[N, C]` up to 32 bits wide, C known."""
    starts, lanes = slices(scores.shape.as_list()[-1])
    best = tf.cast(scores[..., :lanes], tf.float32)
    start, has_nan = tf.zeros_like(best, tf.int32), tf.not_equal(best, best)
    for first in starts[1:]:
        scored = tf.cast(scores[..., first : first + lanes], tf.float32)
        better = tf.greater(scored, best)
        best, start = tf.where(better, scored, best), tf.where(better, first, start)
        has_nan |= tf.not_equal(scored, scored)
    return best_of_key(_largest(keys(best, has_nan, start + tf.range(lanes))), index)


def slices(size: int) -> tuple[list[int], int]:
    """Where slices begin, and their common length. The last one may overlap the one before."""
    lanes = LANES * -(-size // (LANES * _MOST_SLICES))
    if size <= lanes:
        lanes = -(-size // 2)
    return [*range(0, size - lanes, lanes), size - lanes], lanes


def _largest(values: tf.Tensor) -> tf.Tensor:
    """The largest integer of each row."""
    while (size := values.shape.as_list()[-1]) > UNROLLED:
        starts, lanes = slices(size)
        values = functools.reduce(
            tf.maximum, [values[..., first : first + lanes] for first in starts]
        )
    return tf.reduce_max(values, axis=-1)
