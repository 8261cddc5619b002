"""The class with the best score of each row, and which rows have no NaN."""

import math

import numpy as np
import tensorflow as tf

from dist_f1.kernels.blocks import block_width
from dist_f1.kernels.choice import Kernels
from dist_f1.kernels.keys import best_by_key
from dist_f1.kernels.lanes import best_in_lanes
from dist_f1.replicas import contexts


def best(scores: tf.Tensor, kernels: Kernels) -> tuple[tf.Tensor, tf.Tensor]:
    """Find the best class of each row of scores `[N, C]`, and the rows without a NaN.

    Ties go to the lowest class. Returns ids `[N]` of dtype `kernels.index`, and bool `[N]`.
    """
    is_narrow = scores.dtype.size <= 4
    if kernels.argmax == "lanes" and is_narrow:
        return best_in_lanes(scores, kernels.index)
    if kernels.argmax == "keys" and is_narrow:
        return best_by_key(scores, kernels.index)
    width = block_width(scores.shape.as_list()[-1]) if kernels.argmax == "blocks" else None
    if width is None:
        return tf.argmax(scores, axis=-1, output_type=kernels.index), are_numbers(scores)
    maxima = _block_maxima(scores, width)
    return _best_of_blocks(scores, maxima, kernels.index), _are_numbers(scores, maxima, kernels)


def are_numbers(scores: tf.Tensor) -> tf.Tensor:
    """Return bool `[N]`: the rows of scores `[N, C]` without a NaN.

    The result of argmax for a row with NaN depends on the position and the device, so NaN needs a
    test of its own: it is not equal to itself.
    """
    return tf.reduce_all(tf.equal(scores, scores), axis=-1)


def _are_numbers(scores: tf.Tensor, maxima: tf.Tensor, kernels: Kernels) -> tf.Tensor:
    """Like `are_numbers`, from the block maxima where NaN propagates to them."""
    if kernels.device != "CPU" or contexts.is_compiled():
        return are_numbers(scores)
    # TensorFlow's CPU kernels return NaN for the maximum of NaN and a number; XLA's code for CPUs
    # returns the number. A step that is traced here may be compiled later.
    return tf.cond(_max_shows_nan(maxima), lambda: are_numbers(maxima), lambda: are_numbers(scores))


def _max_shows_nan(maxima: tf.Tensor) -> tf.Tensor:
    """Whether `tf.reduce_max` of an array with a NaN is NaN, evaluated where the step runs."""
    # Use runtime data to prevent constant folding. Test each position: XLA loses NaN at some only.
    value = tf.reshape(maxima, [-1])[:1]
    value = tf.reduce_sum(tf.where(tf.equal(value, value), value, tf.zeros_like(value)))
    largest = tf.reduce_max(
        tf.where(np.eye(16, dtype=bool), tf.cast(math.nan, value.dtype), value), 1
    )
    return tf.reduce_all(tf.not_equal(largest, largest))


def _block_maxima(scores: tf.Tensor, width: int) -> tf.Tensor:
    """Return the largest score of each block of `width` classes, `[N, C / width]`, in one pass."""
    maxima = tf.reduce_max(tf.reshape(scores, [-1, width]), axis=-1)
    return tf.reshape(maxima, [-1, scores.shape.as_list()[-1] // width])


def _best_of_blocks(scores: tf.Tensor, maxima: tf.Tensor, index: tf.DType) -> tf.Tensor:
    """Return the first best class of the first best block: `[N]`."""
    blocks = maxima.shape.as_list()[-1]
    width = scores.shape.as_list()[-1] // blocks
    block = _first_best(maxima, index)
    row = tf.range(tf.shape(maxima, index)[0], dtype=index)
    fetched = tf.gather(tf.reshape(scores, [-1, width]), row * blocks + block)
    return block * width + _first_best(fetched, index)


def _first_best(values: tf.Tensor, index: tf.DType) -> tf.Tensor:
    width = block_width(values.shape.as_list()[-1])
    if width is None:
        return tf.argmax(values, axis=-1, output_type=index)
    return _best_of_blocks(values, _block_maxima(values, width), index)
