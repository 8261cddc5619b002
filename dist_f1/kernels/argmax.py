"""The class with the highest prediction of each row, and which rows have no NaN."""

import math

import numpy as np
import tensorflow as tf

from dist_f1.kernels.blocks import block_width
from dist_f1.kernels.choice import Kernels
from dist_f1.kernels.keys import best_by_key
from dist_f1.kernels.lanes import best_in_lanes
from dist_f1.replicas import contexts


def best(y_score: tf.Tensor, kernels: Kernels) -> tuple[tf.Tensor, tf.Tensor]:
    """Find the best class of each row of predictions `[N, C]`, and the rows without a NaN.

    Ties go to the lowest class. Returns ids `[N]` of dtype `kernels.index`, and bool `[N]`.
    """
    is_narrow = y_score.dtype.size <= 4
    if kernels.argmax == "lanes" and is_narrow:
        return best_in_lanes(y_score, kernels.index)
    if kernels.argmax == "keys" and is_narrow:
        return best_by_key(y_score, kernels.index)
    maxima = _maxima_for(y_score, kernels)
    if maxima is None:
        return best_ids(y_score, kernels), are_numbers(y_score)
    return _best_of_blocks(y_score, maxima, kernels.index), _are_numbers(y_score, maxima, kernels)


def best_ids(y_score: tf.Tensor, kernels: Kernels) -> tf.Tensor:
    """Find the best class of each row without a NaN, by `"rows"` or `"blocks"`; see `best`."""
    maxima = _maxima_for(y_score, kernels)
    if maxima is None:
        return tf.argmax(y_score, axis=-1, output_type=kernels.index)
    return _best_of_blocks(y_score, maxima, kernels.index)


def are_numbers(y_score: tf.Tensor) -> tf.Tensor:
    """Return bool `[N]`: the rows of predictions `[N, C]` without a NaN.

    The result of argmax for a row with NaN depends on the position and the device, so NaN needs a
    separate test: it is not equal to itself.
    """
    return tf.reduce_all(tf.equal(y_score, y_score), axis=-1)


def _are_numbers(y_score: tf.Tensor, maxima: tf.Tensor, kernels: Kernels) -> tf.Tensor:
    """Like `are_numbers`, from the block maxima where NaN propagates to them."""
    if kernels.device != "CPU" or contexts.is_compiled():
        return are_numbers(y_score)
    # TensorFlow's CPU kernels return NaN for the maximum of NaN and a number; XLA's code for CPUs
    # returns the number. A step that is traced here may be compiled later.
    return tf.cond(
        _max_shows_nan(maxima), lambda: are_numbers(maxima), lambda: are_numbers(y_score)
    )


def _max_shows_nan(maxima: tf.Tensor) -> tf.Tensor:
    """Whether `tf.reduce_max` of an array with a NaN is NaN, evaluated where the step runs."""
    # Use runtime data to prevent constant folding. Test each position: XLA loses NaN at some only.
    value = tf.reshape(maxima, [-1])[:1]
    value = tf.reduce_sum(tf.where(tf.equal(value, value), value, tf.zeros_like(value)))
    largest = tf.reduce_max(
        tf.where(np.eye(16, dtype=bool), tf.cast(math.nan, value.dtype), value), 1
    )
    return tf.reduce_all(tf.not_equal(largest, largest))


def _maxima_for(y_score: tf.Tensor, kernels: Kernels) -> tf.Tensor | None:
    """Return the maxima of the blocks to search in, or `None` to search whole rows."""
    width = block_width(y_score.shape.as_list()[-1]) if kernels.argmax == "blocks" else None
    return None if width is None else _block_maxima(y_score, width)


def _block_maxima(y_score: tf.Tensor, width: int) -> tf.Tensor:
    """Return the maxima of blocks of `width` classes, `[N, C / width]`, in one pass."""
    maxima = tf.reduce_max(tf.reshape(y_score, [-1, width]), axis=-1)
    return tf.reshape(maxima, [-1, y_score.shape.as_list()[-1] // width])


def _best_of_blocks(y_score: tf.Tensor, maxima: tf.Tensor, index: tf.DType) -> tf.Tensor:
    """Return the first best class of the first best block: `[N]`."""
    blocks = maxima.shape.as_list()[-1]
    width = y_score.shape.as_list()[-1] // blocks
    block = _first_best(maxima, index)
    row = tf.range(tf.shape(maxima, index)[0], dtype=index)
    fetched = tf.gather(tf.reshape(y_score, [-1, width]), row * blocks + block)
    return block * width + _first_best(fetched, index)


def _first_best(values: tf.Tensor, index: tf.DType) -> tf.Tensor:
    width = block_width(values.shape.as_list()[-1])
    if width is None:
        return tf.argmax(values, axis=-1, output_type=index)
    return _best_of_blocks(values, _block_maxima(values, width), index)
