"""A score and its class as one integer, so that the best of a row is a maximum."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

_ALL_BUT_SIGN, _HALF = 0x7FFFFFFF, np.int64(32)


def best_by_key(scores: tf.Tensor, index: tf.DType) -> tuple[tf.Tensor, tf.Tensor]:
    """Like `argmax.best`, of scores `[N, C]` up to 32 bits wide, C known.

    One reduction, where an argmax and a look for NaN are two.
    """
    scores = tf.cast(scores, tf.float32)
    classes = tf.range(scores.shape.as_list()[-1])
    largest = tf.reduce_max(keys(scores, tf.not_equal(scores, scores), classes), axis=-1)
    return best_of_key(largest, index)


def keys(scores: tf.Tensor, is_nan: tf.Tensor, ids: tf.Tensor) -> tf.Tensor:
    """Int64 that order float32 scores as they are, NaN above all, and lower ids above higher."""
    bits = tf.bitcast(scores, tf.int32)
    # As integers, the bits of positive floats are in order, and those of negative ones in reverse.
    order = tf.where(bits < 0, tf.bitwise.bitwise_xor(bits, _ALL_BUT_SIGN), bits)
    # Zeros are equal, and numbers too small to be normal are zeros to TensorFlow.
    order = tf.where(tf.abs(scores) < np.finfo(np.float32).tiny, 0, order)
    order = tf.where(is_nan, _ALL_BUT_SIGN, order)
    rank = tf.cast(_ALL_BUT_SIGN - ids, tf.int64)
    return tf.bitwise.left_shift(tf.cast(order, tf.int64), _HALF) + rank


def best_of_key(largest: tf.Tensor, index: tf.DType) -> tuple[tf.Tensor, tf.Tensor]:
    """The id in a key, and whether its score is a number."""
    known = largest < (_ALL_BUT_SIGN << _HALF)
    rank = tf.bitwise.bitwise_and(largest, tf.constant(_ALL_BUT_SIGN, tf.int64))
    return tf.cast(_ALL_BUT_SIGN - rank, index), known
