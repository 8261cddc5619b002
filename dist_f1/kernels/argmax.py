"""The class with the best score of each row, and which rows have none."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from dist_f1 import contexts
from dist_f1.kernels.blocks import block_width
from dist_f1.kernels.choice import Kernels

# Of a float32, as int32.
_MAGNITUDE, _INFINITY, _LEAST_NORMAL = 0x7FFFFFFF, 0x7F800000, 0x00800000
_HALF = np.int64(32)


class Maxima(NamedTuple):
    """The largest score of each block of `width` classes: `values` `[N, C / width]`.

    `known`: bool `[N]`, rows without a NaN.
    """

    values: Any
    width: int
    known: Any = None


def block_maxima(scores: tf.Tensor, kernels: Kernels) -> Maxima | None:
    """The one read of all scores `[N, C]`, if the search goes by blocks; otherwise `None`."""
    classes = scores.shape.as_list()[-1]
    width = block_width(classes) if kernels.argmax == "blocks" else None
    if width is None:
        return None
    maxima = tf.reduce_max(tf.reshape(scores, [-1, width]), axis=-1)
    maxima = tf.reshape(maxima, [-1, classes // width])
    if kernels.device != "CPU" or contexts.is_compiled():
        return Maxima(maxima, width, are_numbers(scores))
    # In TensorFlow's own kernels for CPUs the maximum of a NaN and a number is NaN, in what XLA
    # compiles for them it is the number, and what is traced here may be compiled later.
    known = tf.cond(
        _max_shows_nan(maxima), lambda: are_numbers(maxima), lambda: are_numbers(scores)
    )
    return Maxima(maxima, width, known)


def best(
    scores: tf.Tensor, kernels: Kernels, maxima: Maxima | None = None
) -> tuple[tf.Tensor, tf.Tensor]:
    """The best class of each row of scores `[N, C]`, and whether every score is a number.

    Args:
        scores: floating-point. Of equal ones the lowest class is the best.
        kernels: how to look for it.
        maxima: of the blocks, where `block_maxima` has any.

    Returns:
        ids `[N]` of dtype `kernels.index`, and bool `[N]`: rows without a NaN.
    """
    if maxima is not None:
        return _best_of_blocks(scores, maxima, kernels.index), maxima.known
    if kernels.argmax == "keys" and scores.dtype != tf.float64:
        return _best_by_key(scores, kernels.index)
    return tf.argmax(scores, axis=-1, output_type=kernels.index), are_numbers(scores)


def are_numbers(scores: tf.Tensor) -> tf.Tensor:
    """Bool `[N]`: the rows without a NaN, which is not equal to itself.

    Argmax skips or keeps NaN depending on its place and the device, so it is looked for by itself.
    """
    return tf.reduce_all(tf.equal(scores, scores), axis=-1)


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


def _best_by_key(scores: tf.Tensor, index: tf.DType) -> tuple[tf.Tensor, tf.Tensor]:
    """One maximum of integers that order scores as they are, NaN above all, then by class."""
    bits = tf.bitcast(tf.cast(scores, tf.float32), tf.int32)
    # As integers, the bits of positive floats are in order, and those of negative ones in reverse.
    order = tf.where(bits < 0, tf.bitwise.bitwise_xor(bits, _MAGNITUDE), bits)
    magnitude = tf.bitwise.bitwise_and(bits, _MAGNITUDE)
    # Zeros are equal, and numbers too small to be normal are zeros to TensorFlow.
    order = tf.where(magnitude < _LEAST_NORMAL, 0, order)
    order = tf.cast(tf.where(magnitude > _INFINITY, _MAGNITUDE, order), tf.int64)
    classes = scores.shape.as_list()[-1]
    # Of equal scores the lowest class is to be the largest.
    descending = tf.range(classes - 1, -1, -1, dtype=tf.int64)
    largest = tf.reduce_max(tf.bitwise.left_shift(order, _HALF) + descending, axis=-1)
    ids = classes - 1 - tf.bitwise.bitwise_and(largest, tf.constant(2**32 - 1, tf.int64))
    return tf.cast(ids, index), tf.bitwise.right_shift(largest, _HALF) <= _INFINITY


def _best_of_blocks(scores: tf.Tensor, maxima: Maxima, index: tf.DType) -> tf.Tensor:
    """The first best class of the first best block."""
    values, width, _ = maxima
    block = _best(values, index)
    row = tf.range(tf.shape(values, index)[0], dtype=index)
    fetched = tf.gather(tf.reshape(scores, [-1, width]), row * values.shape.as_list()[-1] + block)
    return block * width + _best(fetched, index)


def _best(values: tf.Tensor, index: tf.DType) -> tf.Tensor:
    classes = values.shape.as_list()[-1]
    width = block_width(classes)
    if width is None:
        return tf.argmax(values, axis=-1, output_type=index)
    blocks = tf.reshape(values, [-1, classes // width, width])
    return _best_of_blocks(values, Maxima(tf.reduce_max(blocks, axis=-1), width), index)
