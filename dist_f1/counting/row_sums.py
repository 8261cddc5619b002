"""`RowSums`: weighted sums over the valid rows of a batch, by group."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple, cast

import numpy as np
import tensorflow as tf

from dist_f1.batch.groups import Groups
from dist_f1.batch.row_classes import RowClasses
from dist_f1.counting.row_status import RowStatus
from dist_f1.counts import sample_averages
from dist_f1.counts.causes import number_of_causes
from dist_f1.kernels import Kernels
from dist_f1.kernels.histograms import HistogramSpec, StatusHistogram, grouped_columns, histograms
from dist_f1.kernels.packed_masks import PackedMasks, weighted_columns, weighted_sums

# Rows are counted by their numbers of classes if there are at most this many different ones.
_MAX_DISTINCT = 1024


def row_sums(
    status: RowStatus,
    weight: tf.Tensor | None,
    entry_weight: tf.Tensor | None,
    groups: Groups | None,
    kernels: Kernels,
) -> RowSums:
    """Prepare sums over the rows that count; see `RowSums`."""
    if weight is not None:
        # A weight that is not finite must not reach a sum, not even times zero.
        weight = tf.where(status.valid, weight, 0.0)
    if entry_weight is not None:
        weight = tf.cast(status.valid, tf.float64)
        entry_weight = tf.where(status.valid[:, tf.newaxis], entry_weight, 0.0)
    return RowSums(status, weight, entry_weight, groups, kernels)


class RowSums(NamedTuple):
    """Sums over rows. With groups, all sums have a leading axis of groups.

    Fields:
        status: Which rows count, and which cannot be counted.
        weight: float64 `[N]`, 0 in rows that do not count; `None` if each row weighs 1.
        entry_weight: float64 `[N, C]`, 0 in rows that do not count; `None` if all entries of a row
            weigh as much as the row.
        groups: The group of each row, or `None`.
        kernels: How to sum.
    """

    status: RowStatus
    weight: tf.Tensor | None
    entry_weight: tf.Tensor | None
    groups: Groups | None
    kernels: Kernels

    @property
    def valid(self) -> tf.Tensor:
        """Rows that count, bool `[N]`."""
        return self.status.valid

    @property
    def is_plain(self) -> bool:
        """Whether there are neither weights nor groups."""
        return self.weight is None and self.groups is None

    @property
    def dtype(self) -> tf.DType:
        """Dtype of all sums."""
        return tf.int64 if self.weight is None else tf.float64

    def vector(self, fields: Iterable[HistogramSpec | StatusHistogram | tf.Tensor]) -> tf.Tensor:
        """Concatenate all fields; adjacent histograms are counted together."""
        pieces: list[tf.Tensor] = []
        specs: list[HistogramSpec | StatusHistogram] = []

        def count_specs() -> None:
            if specs:
                pieces.append(histograms(specs, self.valid, self.weight, self.kernels))
                specs.clear()

        for field in fields:
            if isinstance(field, HistogramSpec | StatusHistogram):
                specs.append(field)
            else:
                count_specs()
                pieces.append(tf.reshape(field, [-1]))
        count_specs()
        return tf.concat(pieces, axis=0) if len(pieces) > 1 else pieces[0]

    def histogram(self, ids: tf.Tensor, size: int, where: tf.Tensor | None = None) -> HistogramSpec:
        """Specify the number of rows for each id, `[size]`, of ids `[N]` or `[N, k]`."""
        if self.groups is None:
            return HistogramSpec(ids, where, size)
        group = tf.cast(self.groups.ids, ids.dtype)
        group = group[:, tf.newaxis] if ids.shape.rank == 2 else group
        return HistogramSpec(group * size + ids, where, self.groups.number * size)

    def rows(self) -> list[HistogramSpec | StatusHistogram | tf.Tensor]:
        """Specify the weight of the counted rows, and the number of invalid rows by cause."""
        if self.groups is not None:
            ids = tf.cast(self.groups.ids, self.kernels.index)
            return [HistogramSpec(ids, None, self.groups.number), self.causes()]
        if self.status.branches or not (self.is_plain or self.kernels.histogram == "bincount"):
            number = tf.math.count_nonzero(self.valid)
            return [number if self.weight is None else tf.reduce_sum(self.weight), self.causes()]
        codes, size = self.status.find_codes(), 1 + number_of_causes(groups=0)
        if self.weight is not None:
            return [StatusHistogram(codes, size, self._status_weight(self.weight))]
        if self.status.unmasked is None:
            return [StatusHistogram(codes, size)]
        spec = HistogramSpec(codes, None, size)
        return [histograms([spec], self.status.unmasked, None, self.kernels)]

    def _status_weight(self, weight: tf.Tensor) -> tf.Tensor:
        """Return the weight of each row that counts, 1 for invalid rows, and 0 for masked ones."""
        unmasked = self.status.unmasked
        others = 1.0 if unmasked is None else tf.cast(unmasked, tf.float64)
        return tf.where(self.valid, weight, others)

    def causes(self) -> tf.Tensor:
        """Count the invalid rows of each cause: `[K]`, or `[G K]` with groups."""
        groups = 0 if self.groups is None else self.groups.number
        causes = number_of_causes(groups)

        def count() -> tf.Tensor:
            if self.groups is None:
                codes, unmasked = self.status.find_codes(), self.status.unmasked
                codes = codes if unmasked is None else tf.where(unmasked, codes, 0)
                status = StatusHistogram(codes, 1 + causes)
                counted = histograms([status], self.valid, None, self.kernels)
                return tf.cast(counted[1:], self.dtype)
            spec = self.histogram(self.status.find_codes() - 1, causes)
            counted = histograms([spec], self.status.invalid, None, self.kernels)
            return tf.cast(counted, self.dtype)

        def zeros() -> tf.Tensor:
            return tf.zeros([max(groups, 1) * causes], self.dtype)

        if not self.status.branches:
            return count()
        return tf.cond(tf.reduce_any(self.status.invalid), count, zeros)

    def per_class(
        self, classes: Iterable[RowClasses], masks: PackedMasks, size: int
    ) -> list[HistogramSpec | tf.Tensor]:
        """Specify the number of rows for each class, `[C]`; `masks` holds their `multi_hot`."""
        return [
            self.histogram(x.ids, size, where=x.where) if column is None else column
            for x, column in zip(classes, self.columns(masks), strict=True)
        ]

    def columns(self, masks: PackedMasks) -> list[tf.Tensor | None]:
        """Return the number of rows where each class of each bool mask `[N, C]` is set."""
        if self.is_plain:
            return masks.column_sums(self.valid)
        return [None if x is None else self._column(x) for x in masks.masks]

    def _column(self, mask: tf.Tensor) -> tf.Tensor:
        if self.entry_weight is not None:
            weights = tf.where(mask, self.entry_weight, 0.0)
            return self._by_group(weights) if self.groups else tf.reduce_sum(weights, axis=0)
        if self.groups is None:
            return weighted_columns(mask, self.weight, self.kernels)
        mask &= self.valid[:, tf.newaxis]
        if self.weight is None and self.kernels.histogram == "matmul":
            return grouped_columns(mask, self.groups.ids, self.groups.number)
        return self._by_group(self._weigh(tf.cast(mask, self.dtype)))

    def _weigh(self, values: tf.Tensor) -> tf.Tensor:
        return values if self.weight is None else values * self.weight[:, tf.newaxis]

    def sample_sums(
        self, ratios: Sequence[str], sizes: Sequence[tf.Tensor], most: Sequence[int]
    ) -> tf.Tensor:
        """Sum `sample_averages.rowwise` over rows: `[1 + 3 len(ratios)]`.

        `sizes` are the numbers of correct, predicted and actual classes of each row, float32 `[N]`,
        and `most` are the largest possible ones.
        """
        shape = [size + 1 for size in most]
        distinct, rows = math.prod(shape), self.valid.shape.as_list()[0] or 0
        if not self.is_plain or distinct > max(_MAX_DISTINCT, rows // 4):
            return self.sum(sample_averages.rowwise(ratios, *sizes))
        # Equal rows add the same to the sums, so it is enough to count the few distinct ones.
        correct, predicted, actual = (tf.cast(size, self.kernels.index) for size in sizes)
        row = (correct * shape[1] + predicted) * shape[2] + actual
        counts = self.vector([self.histogram(row, distinct)])
        values = sample_averages.rowwise(ratios, *np.indices(shape).reshape(3, -1))
        return tf.reduce_sum(values.astype(np.int64) * counts, axis=-1)

    def sum(self, values: tf.Tensor) -> tf.Tensor:
        """Sum whole numbers `[S, N]`, float64, over rows: `[S]`."""
        values = tf.where(self.valid, values, 0.0)
        if self.groups is not None:
            return self._by_group(self._weigh(tf.transpose(tf.cast(values, self.dtype))))
        if self.weight is not None:
            return weighted_sums(values, self.weight, self.kernels)
        return tf.reduce_sum(tf.cast(values, tf.int64), axis=-1)

    def _by_group(self, values: tf.Tensor) -> tf.Tensor:
        """Sum values `[N, S]` over the rows of each group: `[G, S]`."""
        groups = cast(Groups, self.groups)
        return tf.math.unsorted_segment_sum(values, groups.ids, groups.number)
