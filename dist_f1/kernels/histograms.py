"""Histograms of class ids: O(N) additions into O(C) bins, several histograms at once."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from dist_f1.kernels.choice import Kernels

# With more pairs of a row and a bin, a matrix unit takes longer for a product than for a scatter.
_MAX_PRODUCTS = 2**36
# Assumed number of rows where it is unknown.
_ROWS = 2**16
# Up to this number of pairs, a sum of one-hot rows costs less than two factors of a product.
_FEW_PRODUCTS = 2**19


class HistogramSpec(NamedTuple):
    """A histogram of ids over `size` bins.

    Fields:
        ids: Integers `[N]` or `[N, k]`, in `[0, size)` where they are counted.
        where: Bool shaped like `ids`, the entries to count in valid rows, or `None` for all.
        size: Number of bins.
    """

    ids: tf.Tensor
    where: tf.Tensor | None
    size: int


class StatusHistogram(NamedTuple):
    """A histogram of all rows, also of those that are not valid.

    Fields:
        codes: Integers `[N]`, in `[0, size)`: 0 in valid rows, another one in others.
        size: Number of bins.
        weight: float64 `[N]`, what each row adds to its bin; `None` for 1.
    """

    codes: tf.Tensor
    size: int
    weight: tf.Tensor | None = None


def histograms(
    specs: Sequence[HistogramSpec | StatusHistogram],
    valid: tf.Tensor,
    weight: tf.Tensor | None,
    kernels: Kernels,
) -> tf.Tensor:
    """Count the rows where `valid` `[N]` is True, of all specs into one vector.

    The counts are int64, or float64 sums of `weight` `[N]`, which is 0 in rows that are not valid.
    """
    if kernels.histogram == "bincount" and len(specs) > 1 and _are_alike(specs):
        has_status = any(isinstance(x, StatusHistogram) for x in specs)
        if weight is None or has_status:
            return _one_histogram(specs, valid, weight)
    counted = [
        _count_codes(x, kernels)
        if isinstance(x, StatusHistogram)
        else _count_ids(x, valid, weight, kernels)
        for x in specs
    ]
    return tf.concat(counted, axis=0) if len(counted) > 1 else counted[0]


def _ids(spec: HistogramSpec | StatusHistogram) -> tf.Tensor:
    return spec.ids if isinstance(spec, HistogramSpec) else spec.codes


def _are_alike(specs: Sequence[HistogramSpec | StatusHistogram]) -> bool:
    """Whether one bincount is enough: every row has one bin in each spec."""
    ids = [_ids(x) for x in specs]
    return all(x.shape.rank == 1 and x.dtype == ids[0].dtype for x in ids)


def _one_histogram(
    specs: Sequence[HistogramSpec | StatusHistogram], valid: tf.Tensor, weight: tf.Tensor | None
) -> tf.Tensor:
    """Count all specs as one histogram, in consecutive ranges of bins.

    It needs the ops of one histogram, and their number is the cost of a small step on a GPU.
    """
    starts = np.cumsum([0, *(x.size for x in specs)])
    total, index = int(starts[-1]), _ids(specs[0]).dtype
    # Ids from `total` on are dropped.
    ids = [
        _ids(x)
        if isinstance(x, StatusHistogram) or x.where is None
        else tf.where(x.where, x.ids, total)
        for x in specs
    ]
    bins = tf.stack(ids) + tf.constant(starts[:-1, np.newaxis], index)
    codes = next((x.codes for x in specs if isinstance(x, StatusHistogram)), None)
    if codes is not None:
        # One comparison for all: codes are 0 in valid rows, and themselves are always counted.
        highest = [[x.size if isinstance(x, StatusHistogram) else 0] for x in specs]
        valid = codes <= tf.constant(highest, index)
    bins = tf.where(valid, bins, tf.constant(total, index))
    if weight is None:
        return bincount(tf.reshape(bins, [-1]), total)
    weights = [x.weight if isinstance(x, StatusHistogram) else weight for x in specs]
    return tf.math.unsorted_segment_sum(tf.stack(weights), bins, total + 1)[:-1]


def bincount(bins: tf.Tensor, size: int) -> tf.Tensor:
    """Count each of `size` bins, int64 `[size]`; ids from `size` on are dropped."""
    # A GPU has a kernel for int32 counts only.
    counted = tf.raw_ops.DenseBincount(
        input=bins, size=tf.constant(size, bins.dtype), weights=tf.zeros([0], tf.int32)
    )
    return tf.cast(counted, tf.int64)


def _count_codes(spec: StatusHistogram, kernels: Kernels) -> tf.Tensor:
    if spec.weight is not None:
        return tf.math.unsorted_segment_sum(spec.weight, spec.codes, spec.size)
    if kernels.histogram == "bincount":
        return bincount(spec.codes, spec.size)
    ids = HistogramSpec(spec.codes, None, spec.size)
    return _count_ids(ids, tf.ones_like(spec.codes, tf.bool), None, kernels)


def _count_ids(
    spec: HistogramSpec, valid: tf.Tensor, weight: tf.Tensor | None, kernels: Kernels
) -> tf.Tensor:
    ids, size = spec.ids, spec.size
    valid = valid if ids.shape.rank == 1 else valid[:, tf.newaxis]
    where = valid if spec.where is None else valid & spec.where
    # One more bin holds what is not counted.
    bins = tf.where(where, ids, tf.constant(size, ids.dtype))
    flat = bins if bins.shape.rank == 1 else tf.reshape(bins, [-1])
    if weight is not None:
        if bins.shape.rank == 2:
            weight = tf.reshape(tf.broadcast_to(weight[:, tf.newaxis], tf.shape(bins)), [-1])
        return tf.math.unsorted_segment_sum(weight, flat, size + 1)[:-1]
    products = (flat.shape.as_list()[0] or _ROWS) * size
    if kernels.histogram == "matmul" and products <= _MAX_PRODUCTS:
        return _matmul(flat, size) if products > _FEW_PRODUCTS else _sum_one_hot(flat, size)
    if kernels.histogram == "bincount":
        return bincount(flat, size)
    counted = tf.math.unsorted_segment_sum(tf.ones_like(flat, tf.int32), flat, size + 1)
    return tf.cast(counted[:-1], tf.int64)


def _sum_one_hot(bins: tf.Tensor, size: int) -> tf.Tensor:
    return tf.cast(tf.reduce_sum(tf.one_hot(bins, size, dtype=tf.int32), axis=0), tf.int64)


def _matmul(bins: tf.Tensor, size: int) -> tf.Tensor:
    """Count a histogram of bins `[N]` as a product of one-hot matrices; `size` is not counted.

    The histogram is laid out as a table that is about as wide as high, so the one-hot rows and
    columns of N bins take O(N sqrt(size)).
    """
    width = 2 ** math.ceil(math.log2(size) / 2)
    height = -(-size // width)
    row = tf.where(bins < size, bins // width, tf.constant(height, bins.dtype))
    rows = tf.one_hot(row, height, dtype=tf.int8)
    columns = tf.one_hot(bins % width, width, dtype=tf.int8)
    return tf.reshape(_one_hot_product(rows, columns), [-1])[:size]


def grouped_columns(matrix: tf.Tensor, groups: tf.Tensor, number: int) -> tf.Tensor:
    """Count the rows of each group `[N]` in which each class is set: int64 `[G, C]`.

    The bool matrix `[N, C]` is all False in rows that are not counted.
    """
    return _one_hot_product(tf.one_hot(groups, number, dtype=tf.int8), tf.cast(matrix, tf.int8))


def _one_hot_product(rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    """Multiply 0/1 matrices `[N, R]` and `[N, K]` to int64 `[R, K]`, exact while N fits int32."""
    table = tf.raw_ops.BatchMatMulV3(x=rows, y=columns, Tout=tf.int32, adj_x=True)
    return tf.cast(table, tf.int64)
