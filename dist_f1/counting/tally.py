"""`Tally`: adds rows up, those that are valid, each with its weight, in its group."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from dist_f1.batch.groups import Groups
from dist_f1.batch.inputs import Rows
from dist_f1.batch.matching import Matched, Named
from dist_f1.counts import sample_averages
from dist_f1.kernels import Kernels
from dist_f1.kernels.histograms import HistogramSpec, RowCounts, grouped_columns, histograms
from dist_f1.kernels.packed_masks import PackedMasks, weighted_columns, weighted_sums

# Rows are counted by how many classes they name, if these are no more different ones than that.
_MOST_DISTINCT = 1024


def tally_of(
    known: tf.Tensor,
    ignored: tf.Tensor | None,
    rows: Rows,
    groups: Groups | None,
    kernels: Kernels,
) -> Tally:
    """Tells which rows count and which are invalid; the rest leave no trace.

    Args:
        known: bool `[N]`, rows whose target and scores say what to count.
        ignored: bool `[N]`, rows of `ignore_class`, or `None`.
        rows: the batch, with weights and masks.
        groups: rows of no group are invalid too.
        kernels: how it is added up.
    """
    present = rows.keep
    if groups is not None:
        known &= ~groups.unknown
    if rows.weight is not None:
        known &= tf.math.is_finite(rows.weight)
        heavy = tf.not_equal(rows.weight, 0.0)
        present = heavy if present is None else present & heavy
    if ignored is not None:
        present = ~ignored if present is None else present & ~ignored
    weight = rows.weight
    valid = known if present is None else known & present
    if weight is not None:
        # A weight that is not finite must not reach a sum, not even times zero.
        weight = tf.where(valid, weight, 0.0)
    invalid = None if present is None else ~known & present
    return Tally(valid, invalid, weight, groups, kernels)


class Tally(NamedTuple):
    """Sums over rows. With groups, all of them have a leading axis of groups.

    `valid`, `invalid`: bool `[N]`, rows that count and rows that cannot be counted; `None` for all
    others. `weight`: float64 `[N]`, 0 in rows that do not count, or `None` where each row weighs 1.
    """

    valid: Any
    invalid: Any
    weight: Any
    groups: Groups | None
    kernels: Kernels

    @property
    def dtype(self) -> tf.DType:
        """Of all sums."""
        return tf.int64 if self.weight is None else tf.float64

    def vector(self, fields: Iterable[HistogramSpec | RowCounts | tf.Tensor]) -> tf.Tensor:
        """All fields one after the other; histograms that follow each other are counted at once."""
        pieces: list[tf.Tensor] = []
        run: list[HistogramSpec | RowCounts] = []

        def counted() -> None:
            if run:
                pieces.append(histograms(run, self.weight, self.kernels))
                run.clear()

        for field in fields:
            if isinstance(field, HistogramSpec | RowCounts):
                run.append(field)
            else:
                counted()
                pieces.append(tf.reshape(field, [-1]))
        counted()
        return tf.concat(pieces, axis=0) if len(pieces) > 1 else pieces[0]

    def histogram(self, ids: tf.Tensor, size: int, where: tf.Tensor | None = None) -> HistogramSpec:
        """`[size]`: how often each id occurs in ids `[N]` or `[N, k]`."""
        if self.groups is None:
            return HistogramSpec(ids, self.valid, where, size)
        group = tf.cast(self.groups.ids, ids.dtype)
        group = group[:, tf.newaxis] if ids.shape.rank == 2 else group
        return HistogramSpec(group * size + ids, self.valid, where, self.groups.number * size)

    def rows(self) -> list[RowCounts | tf.Tensor]:
        """Two scalars: how many rows there are, and how many are invalid, whatever they weigh."""
        if self.groups is None:
            return [RowCounts(self.valid, self.invalid)]
        ids, number = tf.cast(self.groups.ids, self.kernels.index), self.groups.number
        uncounted = ~self.valid if self.invalid is None else self.invalid
        invalid = histograms([HistogramSpec(ids, uncounted, None, number)], None, self.kernels)
        counted = HistogramSpec(ids, self.valid, None, number)
        counted = histograms([counted], self.weight, self.kernels)
        return [counted, tf.cast(invalid, self.dtype)]

    def classes(
        self, named: Iterable[Named], entries: PackedMasks, size: int
    ) -> list[HistogramSpec | tf.Tensor]:
        """`[C]` each: how many rows name each class. `entries` has their matrices."""
        columns = iter(self._columns(entries))
        return [
            self.histogram(x.ids, size, where=x.where) if x.matrix is None else next(columns)
            for x in named
        ]

    def _columns(self, entries: PackedMasks) -> list[tf.Tensor]:
        """`[C]` each: in how many rows each class of a bool matrix `[N, C]` is set."""
        if self.groups is not None:
            return [self._columns_by_group(x) for x in entries.matrices]
        if self.weight is not None:
            return [weighted_columns(x, self.weight, self.kernels) for x in entries.matrices]
        return entries.column_sums(self.valid)

    def _columns_by_group(self, matrix: tf.Tensor) -> tf.Tensor:
        assert self.groups is not None
        matrix &= self.valid[:, tf.newaxis]
        if self.weight is None and self.kernels.histogram == "matmul":
            return grouped_columns(matrix, self.groups.ids, self.groups.number)
        return self._by_group(tf.cast(matrix, self.dtype))

    def sample_sums(
        self, kept: Iterable[str], matched: Matched, sizes: Sequence[tf.Tensor]
    ) -> tf.Tensor:
        """Sums of `sample_averages.rowwise`, of how many classes rows name: `[1 + 3 len(kept)]`."""
        most = [named.most + 1 for named in matched]
        rows = self.valid.shape.as_list()[0] or 0
        if self.weight is not None or self.groups is not None:
            return self.sum(sample_averages.rowwise(kept, *sizes))
        if math.prod(most) > max(_MOST_DISTINCT, rows // 4):
            return self.sum(sample_averages.rowwise(kept, *sizes))
        # Few distinct rows: each adds the same to the sums, so that it is enough to count them.
        index = self.kernels.index
        right, predicted, actual = (tf.cast(size, index) for size in sizes)
        place = (right * most[1] + predicted) * most[2] + actual
        counted = self.vector([self.histogram(place, math.prod(most))])
        distinct = np.indices(most).reshape(3, -1)
        added = sample_averages.rowwise(kept, *distinct).astype(np.int64)
        return tf.reduce_sum(added * counted, axis=-1)

    def sum(self, values: tf.Tensor) -> tf.Tensor:
        """Sums whole numbers `[S, N]`, float64, over rows: `[S]`."""
        values = tf.where(self.valid, values, 0.0)
        if self.groups is not None:
            return self._by_group(tf.transpose(tf.cast(values, self.dtype)))
        if self.weight is not None:
            return weighted_sums(values, self.weight, self.kernels)
        return tf.reduce_sum(tf.cast(values, tf.int64), axis=-1)

    def _by_group(self, values: tf.Tensor) -> tf.Tensor:
        """Sums values `[N, S]` over the rows of each group: `[G, S]`."""
        assert self.groups is not None
        if self.weight is not None:
            values = values * self.weight[:, tf.newaxis]
        return tf.math.unsorted_segment_sum(values, self.groups.ids, self.groups.number)
