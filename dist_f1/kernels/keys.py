"""A score and its class as one integer sort key, so that the best class of a row is a maximum."""

import numpy as np
import tensorflow as tf

_ALL_BUT_SIGN, _HALF = 0x7FFFFFFF, np.int64(32)


def best_by_key(scores: tf.Tensor, index: tf.DType) -> tuple[tf.Tensor, tf.Tensor]:
    """Like `argmax.best`, for scores `[N, C]` of at most 32 bits and a static C.

    It takes one reduction, where an argmax and a NaN test take two.
    """
    scores = tf.cast(scores, tf.float32)
    classes = tf.range(scores.shape.as_list()[-1])
    largest = tf.reduce_max(keys(scores, tf.not_equal(scores, scores), classes), axis=-1)
    return best_of_key(largest, index)


def keys(scores: tf.Tensor, is_nan: tf.Tensor, ids: tf.Tensor) -> tf.Tensor:
    """Return int64 keys in the order of float32 scores: NaN is highest, ties prefer lower ids."""
    bits = tf.bitcast(scores, tf.int32)
    # As integers, positive floats keep their order and negative floats reverse it.
    order = tf.where(bits < 0, tf.bitwise.bitwise_xor(bits, _ALL_BUT_SIGN), bits)
    # -0.0 equals 0.0, and TensorFlow flushes subnormal numbers to zero.
    order = tf.where(tf.abs(scores) < np.finfo(np.float32).tiny, 0, order)
    order = tf.where(is_nan, _ALL_BUT_SIGN, order)
    rank = tf.cast(_ALL_BUT_SIGN - ids, tf.int64)
    return tf.bitwise.left_shift(tf.cast(order, tf.int64), _HALF) + rank


def best_of_key(largest: tf.Tensor, index: tf.DType) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the id in each row's largest key, and whether its score is not NaN."""
    is_valid = largest < (_ALL_BUT_SIGN << _HALF)
    rank = tf.bitwise.bitwise_and(largest, tf.constant(_ALL_BUT_SIGN, tf.int64))
    return tf.cast(_ALL_BUT_SIGN - rank, index), is_valid
