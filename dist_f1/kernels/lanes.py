"""The best class of each row, in a form that XLA compiles for CPUs to one vectorised read.

A row of C scores is cut into slices of as many classes as there are lanes. Slice after slice is
compared with the best so far, each lane for itself, with its class beside it: elementwise, without
sums along a row, so a few instructions take 8 or 16 scores at once. What is left are the lanes.
"""

from __future__ import annotations

import functools

import numpy as np
import tensorflow as tf

# So many slices and so many lanes keep XLA's loops short enough to be unrolled and vectorised.
_MOST_SLICES, LANES = 25, 16
# Loops along a row up to this long are unrolled.
UNROLLED = 32
_ALL_BUT_SIGN, _HALF = 0x7FFFFFFF, np.int64(32)


def best_in_lanes(scores: tf.Tensor, index: tf.DType) -> tuple[tf.Tensor, tf.Tensor]:
    """Like `argmax.best`, of scores `[N, C]` up to 32 bits wide, C known."""
    classes = scores.shape.as_list()[-1]
    starts, lanes = slices(classes)
    best = tf.cast(scores[:, :lanes], tf.float32)
    start, has_nan = tf.zeros_like(best, tf.int32), tf.not_equal(best, best)
    for first in starts[1:]:
        scored = tf.cast(scores[:, first : first + lanes], tf.float32)
        better = tf.greater(scored, best)
        best, start = tf.where(better, scored, best), tf.where(better, first, start)
        has_nan |= tf.not_equal(scored, scored)
    largest = _largest(_ordered(best, has_nan, classes - 1 - start - tf.range(lanes)))
    known = largest < (_ALL_BUT_SIGN << _HALF)
    ids = classes - 1 - tf.bitwise.bitwise_and(largest, tf.constant(_ALL_BUT_SIGN, tf.int64))
    return tf.cast(ids, index), known


def slices(size: int) -> tuple[list[int], int]:
    """Where slices begin, and their common length. The last one may overlap the one before."""
    lanes = LANES * -(-size // (LANES * _MOST_SLICES))
    if size <= lanes:
        lanes = -(-size // 2)
    return [*range(0, size - lanes, lanes), size - lanes], lanes


def _ordered(best: tf.Tensor, has_nan: tf.Tensor, rank: tf.Tensor) -> tf.Tensor:
    """Integers that order scores as they are, NaN above all, and equal ones by rank."""
    bits = tf.bitcast(best, tf.int32)
    # As integers, the bits of positive floats are in order, and those of negative ones in reverse.
    order = tf.where(bits < 0, tf.bitwise.bitwise_xor(bits, _ALL_BUT_SIGN), bits)
    # Zeros are equal, and numbers too small to be normal are zeros to TensorFlow.
    order = tf.where(tf.abs(best) < np.finfo(np.float32).tiny, 0, order)
    order = tf.where(has_nan, _ALL_BUT_SIGN, order)
    return tf.bitwise.left_shift(tf.cast(order, tf.int64), _HALF) + tf.cast(rank, tf.int64)


def _largest(values: tf.Tensor) -> tf.Tensor:
    """The largest integer of each row."""
    while (size := values.shape.as_list()[-1]) > UNROLLED:
        starts, lanes = slices(size)
        values = functools.reduce(
            tf.maximum, [values[:, first : first + lanes] for first in starts]
        )
    return tf.reduce_max(values, axis=-1)
