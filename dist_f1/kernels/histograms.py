"""Histograms of class ids: O(N) additions into O(C) counts, several of them at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from dist_f1.kernels.choice import Kernels

# A product of so many pairs of a row and a count is more work for a matrix unit than a scatter is.
_MOST_PRODUCTS = 2**36
# Where the number of rows is open, it is taken for this.
_ROWS = 2**16
# Up to here a sum of one-hot rows takes less than to make two factors.
_FEW_PRODUCTS = 2**19


class HistogramSpec(NamedTuple):
    """A histogram of `size` counts: of integers `ids` `[N]` or `[N, k]`.

    Rows count where `valid` `[N]` says so, and of them those entries where `where`, shaped like
    `ids`, does, or all. Ids that count are in `[0, size)`; others may be anything.
    """

    ids: Any
    valid: Any
    where: Any
    size: int


class RowCounts(NamedTuple):
    """Two counts, of the rows that are `valid` `[N]` and of those that are `invalid` `[N]`.

    `invalid` is `None` if all rows are that are not valid.
    """

    valid: Any
    invalid: Any


def histograms(
    parts: Sequence[HistogramSpec | RowCounts], weight: tf.Tensor | None, kernels: Kernels
) -> tf.Tensor:
    """The counts of all parts in one vector: int64, or sums of `weight` `[N]`, float64."""
    if weight is None and kernels.histogram == "bincount" and _fit_in_one(parts):
        return _one_bincount(parts)
    counted = [
        _rows(part, weight) if isinstance(part, RowCounts) else _of_one(part, weight, kernels)
        for part in parts
    ]
    return tf.concat(counted, axis=0) if len(counted) > 1 else counted[0]


def _fit_in_one(parts: Sequence[HistogramSpec | RowCounts]) -> bool:
    """Whether one bincount does: all of the same rows, of which each is somewhere."""
    ids = [part.ids for part in parts if isinstance(part, HistogramSpec)]
    alike = len({part.valid.ref() for part in parts}) == 1 and bool(ids)
    alike = alike and all(x.shape.rank == 1 and x.dtype == ids[0].dtype for x in ids)
    return alike and all(part.invalid is None for part in parts if isinstance(part, RowCounts))


def _one_bincount(parts: Sequence[HistogramSpec | RowCounts]) -> tf.Tensor:
    """One histogram of all parts, in which each begins where the one before ends.

    It takes the operations of one, which is what a small step on a GPU costs.
    """
    sizes = [part.size if isinstance(part, HistogramSpec) else 2 for part in parts]
    starts = np.cumsum([0, *sizes])
    total = int(starts[-1])
    index = next(part.ids.dtype for part in parts if isinstance(part, HistogramSpec))
    # What is not counted lies beyond the end, where nothing is. Invalid rows lie after valid ones.
    otherwise = [
        total if isinstance(part, HistogramSpec) else start + 1
        for part, start in zip(parts, starts, strict=False)
    ]
    ids = []
    for part in parts:
        if isinstance(part, RowCounts):
            ids.append(tf.zeros_like(part.valid, index))
        else:
            beyond = tf.constant(total, index)
            ids.append(part.ids if part.where is None else tf.where(part.where, part.ids, beyond))
    slots = tf.stack(ids) + tf.constant(starts[:-1, np.newaxis], index)
    slots = tf.where(parts[0].valid, slots, tf.constant(np.c_[otherwise], index))
    return _bincount(tf.reshape(slots, [-1]), total)


def _bincount(slots: tf.Tensor, size: int) -> tf.Tensor:
    # There is no kernel that makes int64 on a GPU.
    counted = tf.raw_ops.DenseBincount(
        input=slots, size=tf.constant(size, slots.dtype), weights=tf.zeros([0], tf.int32)
    )
    return tf.cast(counted, tf.int64)


def _rows(part: RowCounts, weight: tf.Tensor | None) -> tf.Tensor:
    invalid = tf.math.count_nonzero(~part.valid if part.invalid is None else part.invalid)
    if weight is None:
        return tf.stack([tf.math.count_nonzero(part.valid), invalid])
    return tf.stack([tf.reduce_sum(weight), tf.cast(invalid, weight.dtype)])


def _of_one(part: HistogramSpec, weight: tf.Tensor | None, kernels: Kernels) -> tf.Tensor:
    valid = part.valid if part.ids.shape.rank == 1 else part.valid[:, tf.newaxis]
    where = valid if part.where is None else valid & part.where
    slots = tf.where(where, part.ids, tf.constant(part.size, part.ids.dtype))
    flat = slots if slots.shape.rank == 1 else tf.reshape(slots, [-1])
    products = (flat.shape.as_list()[0] or _ROWS) * part.size
    if kernels.histogram == "matmul" and weight is None and products <= _MOST_PRODUCTS:
        return _matmul(flat, part.size) if products > _FEW_PRODUCTS else _sum(flat, part.size)
    if weight is not None:
        if slots.shape.rank == 2:
            weight = tf.broadcast_to(weight[:, tf.newaxis], tf.shape(slots))
            weight = tf.reshape(weight, [-1])
        return tf.math.unsorted_segment_sum(weight, flat, part.size + 1)[:-1]
    if kernels.histogram == "bincount":
        return _bincount(flat, part.size)
    counted = tf.math.unsorted_segment_sum(tf.ones_like(flat, tf.int32), flat, part.size + 1)
    return tf.cast(counted[:-1], tf.int64)


def _sum(slots: tf.Tensor, size: int) -> tf.Tensor:
    return tf.cast(tf.reduce_sum(tf.one_hot(slots, size, dtype=tf.int32), axis=0), tf.int64)


def _matmul(slots: tf.Tensor, size: int) -> tf.Tensor:
    """A histogram as a product of one-hot matrices.

    It is laid out row by row as a table, about as wide as high, so that the one-hot rows and
    columns of N slots take O(N sqrt(size)).

    Args:
        slots: `[N]`, at most `size`, where nothing is counted.
        size: the length of the histogram.
    """
    width = 2 ** math.ceil(math.log2(size) / 2)
    height = -(-size // width)
    row = tf.where(slots < size, slots // width, tf.constant(height, slots.dtype))
    rows = tf.one_hot(row, height, dtype=tf.int8)
    columns = tf.one_hot(slots % width, width, dtype=tf.int8)
    return tf.reshape(_product(rows, columns), [-1])[:size]


def grouped_columns(matrix: tf.Tensor, groups: tf.Tensor, number: int) -> tf.Tensor:
    """In how many rows of each group a class of a matrix `[N, C]` is set: int64 `[G, C]`.

    Args:
        matrix: bool; rows that do not count are all False.
        groups: `[N]`, in `[0, number)`, or anything in rows that do not count.
        number: G.
    """
    return _product(tf.one_hot(groups, number, dtype=tf.int8), tf.cast(matrix, tf.int8))


def _product(rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    """Of 0 and 1, `[N, R]` and `[N, K]`: int64 `[R, K]`, exact for any N that fits into int32."""
    table = tf.raw_ops.BatchMatMulV3(x=rows, y=columns, Tout=tf.int32, adj_x=True)
    return tf.cast(table, tf.int64)
