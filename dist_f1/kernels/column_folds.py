"""Counts of decisions for each class, in a form that XLA compiles for CPUs to one vectorized pass.

The rows are cut into equal slices, and the slices are added elementwise (a fold). Each value
is an integer with three fields (SWAR, SIMD within a register), so that three counts take one
addition. The first fold reads the batch; later ones read an eighth of it, and less.
"""

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from dist_f1.kernels.one_hot import read_binary

# Three fields of an int32, and a flag in the sign. Slices are read side by side: with more of them,
# the first fold is slower, and XLA does not vectorize the second one. The product of both numbers
# is at most the largest field.
FIELD, FIELDS = 8, 3
_FIRST, _SECOND = 8, 24
_FLAG = tf.int32.min
# Three fields of an int64, which hold the sums of three folds.
_WIDE_FIELD, _THIRD = 21, 24

# Function from slices of arrays to int32 fields, each 0 or 1, and int32 flags, not 0 where one is
# set.
Convert = Callable[..., tuple[tf.Tensor, tf.Tensor]]


class FoldedColumns(NamedTuple):
    """Column sums.

    Fields:
        sums: int64 `[C]`, one for each field.
        has_flag: bool, whether a flag is set anywhere.
    """

    sums: list[tf.Tensor]
    has_flag: tf.Tensor


def fold_columns(arrays: Sequence[tf.Tensor], convert: Convert, num_classes: int) -> FoldedColumns:
    """Sum fields over rows.

    Args:
        arrays: Tensors `[N, ...]`; or flat ones, `[N C]`, which are faster where C is small. N may
            be unknown while tracing; it is constant when XLA compiles.
        convert: Function from slices of the arrays to fields and flags, `[n, C]` or `[n C]`.
        num_classes: C.
    """
    period = num_classes if arrays[0].shape.rank == 1 else 1
    first, rest = _fold(arrays, convert, _FIRST, period)
    second, rest_of_second = _fold([first], _split, _SECOND, period)
    sums = [tf.zeros([num_classes], tf.int64)] * FIELDS
    has_flag = tf.constant(False)
    for narrow in (second, rest_of_second, rest):
        has_flag |= tf.reduce_any(narrow < 0)
        wide = _widen(narrow)
        parts = [wide]
        if narrow is second:
            slices, rest_of_third = _slices([wide], _THIRD, period)
            parts = [functools.reduce(tf.add, (x for (x,) in slices)), *rest_of_third]
        for part in parts:
            rows = tf.reshape(part, [-1, num_classes])
            fields = [_field(rows, i, _WIDE_FIELD) for i in range(FIELDS)]
            sums = [x + tf.reduce_sum(y, axis=0) for x, y in zip(sums, fields, strict=True)]
    return FoldedColumns(sums, has_flag)


def count_decisions(
    y_true: tf.Tensor, y_score: tf.Tensor, limit: np.ndarray, mask: tf.Tensor | None
) -> FoldedColumns:
    """Count hits, predictions and targets of each class, where a class is predicted above a limit.

    Args:
        y_true: 0/1 targets of any dtype, `[N, C]`, or `[N]` for one class.
        y_score: Predictions `[N, C]`.
        limit: One number, or one for each class, `[C]`.
        mask: bool `[N]`, the rows to count; `None` for all.

    Returns:
        The three sums, and whether a target is neither 0 nor 1, or a prediction NaN, in any row
        that counts. Then the sums are of no use: they include that row.
    """
    num_classes = y_score.shape.as_list()[-1]
    arrays = [y_true, y_score] if mask is None else [y_true, y_score, mask]
    if limit.ndim == 0 and (mask is None or num_classes == 1):
        arrays = [tf.reshape(x, [-1]) for x in arrays]
    elif y_true.shape.rank == 1:
        arrays[0] = y_true[:, tf.newaxis]
    hit, predicted, actual = (2 ** (FIELD * i) for i in range(FIELDS))

    def convert(
        y_true: tf.Tensor, y_score: tf.Tensor, mask: tf.Tensor = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        is_actual, is_binary = read_binary(y_true)
        of_predicted = tf.where(is_actual, hit + predicted, predicted)
        fields = tf.where(y_score > limit, of_predicted, 0) + tf.where(is_actual, actual, 0)
        is_valid = tf.equal(y_score, y_score)
        is_valid = is_valid if is_binary is None else is_valid & is_binary
        flags = tf.where(is_valid, 0, 1)
        if mask is None:
            return fields, flags
        mask = mask if mask.shape.rank == fields.shape.rank else mask[:, tf.newaxis]
        return tf.where(mask, fields, 0), tf.where(mask, flags, 0)

    return fold_columns(arrays, convert, num_classes)


def _slices(
    arrays: Sequence[tf.Tensor], number: int, period: int
) -> tuple[list[list[tf.Tensor]], list[tf.Tensor]]:
    """Return equal slices of rows, and the rows that are left."""
    size = arrays[0].shape.as_list()[0]
    size = tf.shape(arrays[0])[0] if size is None else size
    length = size // (period * number) * period
    slices = [tf.split(x[: number * length], number) for x in arrays]
    return [list(x) for x in zip(*slices, strict=True)], [x[number * length :] for x in arrays]


def _fold(
    arrays: Sequence[tf.Tensor], convert: Convert, number: int, period: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Add up slices of rows. Return fields with flags, of the slices and of the rows left."""
    slices, rest = _slices(arrays, number, period)
    fields, flags = zip(*(convert(*x) for x in slices), strict=True)
    added = functools.reduce(tf.add, fields), functools.reduce(tf.bitwise.bitwise_or, flags)
    return _join(*added), _join(*convert(*rest))


def _join(fields: tf.Tensor, flags: tf.Tensor) -> tf.Tensor:
    return tf.where(tf.equal(flags, 0), fields, tf.bitwise.bitwise_or(fields, _FLAG))


def _split(joined: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Invert `_join`."""
    return tf.bitwise.bitwise_and(joined, ~_FLAG), tf.bitwise.bitwise_and(joined, _FLAG)


def _widen(narrow: tf.Tensor) -> tf.Tensor:
    """Move the fields of an int32 to wider fields of an int64."""
    fields = [tf.cast(_field(narrow, i, FIELD), tf.int64) for i in range(FIELDS)]
    shifted = [tf.bitwise.left_shift(x, np.int64(_WIDE_FIELD * i)) for i, x in enumerate(fields)]
    return functools.reduce(tf.add, shifted)


def _field(packed: tf.Tensor, i: int, width: int) -> tf.Tensor:
    shift, mask = (tf.constant(x, packed.dtype) for x in (width * i, 2**width - 1))
    return tf.bitwise.bitwise_and(tf.bitwise.right_shift(packed, shift), mask)
