"""The class with the best score of each row, and which rows have none."""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

from dist_f1.kernels.blocks import block_width
from dist_f1.kernels.choice import Kernels
from dist_f1.kernels.keys import best_by_key
from dist_f1.kernels.lanes import best_in_lanes
from dist_f1.replicas import contexts


def best(scores: tf.Tensor, kernels: Kernels) -> tuple[tf.Tensor, tf.Tensor]:
    """The best class of each row of scores `[N, C]`, and whether every score is a number.

    Args:
        scores: floating-point. Of equal ones the lowest class is the best.
        kernels: how to look for it.

    Returns:
        ids `[N]` of dtype `kernels.index`, and bool `[N]`: rows without a NaN.
    """
    narrow = scores.dtype.size <= 4
    if kernels.argmax == "lanes" and narrow:
        return best_in_lanes(scores, kernels.index)
    if kernels.argmax == "keys" and narrow:
        return best_by_key(scores, kernels.index)
    width = block_width(scores.shape.as_list()[-1]) if kernels.argmax == "blocks" else None
    if width is None:
        return tf.argmax(scores, axis=-1, output_type=kernels.index), are_numbers(scores)
    maxima = _block_maxima(scores, width)
    return _best_of_blocks(scores, maxima, kernels.index), _are_numbers(scores, maxima, kernels)


def are_numbers(scores: tf.Tensor) -> tf.Tensor:
    """Bool `[N]`: the rows without a NaN, which is not equal to itself.

    Argmax skips or keeps NaN depending on its place and the device, so it is looked for by itself.
    """
    return tf.reduce_all(tf.equal(scores, scores), axis=-1)


def _are_numbers(scores: tf.Tensor, maxima: tf.Tensor, kernels: Kernels) -> tf.Tensor:
    """The same, seen in the maxima where these show it."""
    if kernels.device != "CPU" or contexts.is_compiled():
        return are_numbers(scores)
    # In TensorFlow's own kernels for CPUs the maximum of a NaN and a number is NaN, in what XLA
    # compiles for them it is the number, and what is traced here may be compiled later.
    return tf.cond(_max_shows_nan(maxima), lambda: are_numbers(maxima), lambda: are_numbers(scores))


def _max_shows_nan(maxima: tf.Tensor) -> tf.Tensor:
    """Whether `tf.reduce_max` is NaN where an element is, asked where it is run."""
    # Of a constant alone it would be answered beforehand. NaN is lost in some places and not in
    # others, so it is put into each of them.
    some = tf.reshape(maxima, [-1])[:1]
    some = tf.reduce_sum(tf.where(tf.equal(some, some), some, tf.zeros_like(some)))
    largest = tf.reduce_max(
        tf.where(np.eye(16, dtype=bool), tf.cast(math.nan, some.dtype), some), 1
    )
    return tf.reduce_all(tf.not_equal(largest, largest))


def _block_maxima(scores: tf.Tensor, width: int) -> tf.Tensor:
    """The largest score of each block of `width` classes: `[N, C / width]`, in one read."""
    maxima = tf.reduce_max(tf.reshape(scores, [-1, width]), axis=-1)
    return tf.reshape(maxima, [-1, scores.shape.as_list()[-1] // width])


def _best_of_blocks(scores: tf.Tensor, maxima: tf.Tensor, index: tf.DType) -> tf.Tensor:
    """The first best class of the first best block."""
    blocks = maxima.shape.as_list()[-1]
    width = scores.shape.as_list()[-1] // blocks
    block = _best(maxima, index)
    row = tf.range(tf.shape(maxima, index)[0], dtype=index)
    fetched = tf.gather(tf.reshape(scores, [-1, width]), row * blocks + block)
    return block * width + _best(fetched, index)


def _best(values: tf.Tensor, index: tf.DType) -> tf.Tensor:
    width = block_width(values.shape.as_list()[-1])
    if width is None:
        return tf.argmax(values, axis=-1, output_type=index)
    return _best_of_blocks(values, _block_maxima(values, width), index)
