"""Prediction and class as one integer sort key, so that the best class is a maximum."""

import numpy as np
import tensorflow as tf

_ALL_BUT_SIGN, _HALF = 0x7FFFFFFF, np.int64(32)


def best_by_key(y_score: tf.Tensor, index: tf.DType) -> tuple[tf.Tensor, tf.Tensor]:
    """Like `argmax.best`, for predictions `[N, C]` of at most 32 bits and a static C.

    It takes one reduction, where an argmax and a NaN test take two.
    """
    y_score = tf.cast(y_score, tf.float32)
    classes = tf.range(y_score.shape.as_list()[-1])
    largest = tf.reduce_max(keys(y_score, tf.not_equal(y_score, y_score), classes), axis=-1)
    return best_of_key(largest, index)


def keys(y_score: tf.Tensor, is_nan: tf.Tensor, ids: tf.Tensor) -> tf.Tensor:
    """Return int64 keys that sort float32 predictions: NaN is highest, ties prefer lower ids."""
    bits = tf.bitcast(y_score, tf.int32)
    # As integers, positive floats keep their order and negative floats reverse it.
    order = tf.where(bits < 0, tf.bitwise.bitwise_xor(bits, _ALL_BUT_SIGN), bits)
    # -0.0 equals 0.0, and TensorFlow flushes subnormal numbers to zero.
    order = tf.where(tf.abs(y_score) < np.finfo(np.float32).tiny, 0, order)
    order = tf.where(is_nan, _ALL_BUT_SIGN, order)
    rank = tf.cast(_ALL_BUT_SIGN - ids, tf.int64)
    return tf.bitwise.left_shift(tf.cast(order, tf.int64), _HALF) + rank


def best_of_key(largest: tf.Tensor, index: tf.DType) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the id in each row's largest key, and whether its prediction is not NaN."""
    is_valid = largest < (_ALL_BUT_SIGN << _HALF)
    rank = tf.bitwise.bitwise_and(largest, tf.constant(_ALL_BUT_SIGN, tf.int64))
    return tf.cast(_ALL_BUT_SIGN - rank, index), is_valid
