"""`Tally`: adds rows up, those that are valid, each with its weight, in its group."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import tensorflow as tf

from dist_f1.groups import Groups
from dist_f1.inputs import Rows
from dist_f1.kernels import Kernels
from dist_f1.kernels.histograms import Part, RowCounts, histograms


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

    def vector(self, fields: Iterable[Part | RowCounts | tf.Tensor]) -> tf.Tensor:
        """All fields one after the other; histograms that follow each other are counted at once."""
        pieces: list[tf.Tensor] = []
        run: list[Part | RowCounts] = []

        def counted() -> None:
            if run:
                pieces.append(histograms(run, self.weight, self.kernels))
                run.clear()

        for field in fields:
            if isinstance(field, Part | RowCounts):
                run.append(field)
            else:
                counted()
                pieces.append(tf.reshape(field, [-1]))
        counted()
        return tf.concat(pieces, axis=0) if len(pieces) > 1 else pieces[0]

    def histogram(self, ids: tf.Tensor, size: int, where: tf.Tensor | None = None) -> Part:
        """`[size]`: how often each id occurs in ids `[N]` or `[N, k]`."""
        if self.groups is None:
            return Part(ids, self.valid, where, size)
        group = tf.cast(self.groups.ids, ids.dtype)
        group = group[:, tf.newaxis] if ids.shape.rank == 2 else group
        return Part(group * size + ids, self.valid, where, self.groups.number * size)

    def rows(self) -> list[RowCounts | tf.Tensor]:
        """Two scalars: how many rows there are, and how many are invalid, whatever they weigh."""
        if self.groups is None:
            return [RowCounts(self.valid, self.invalid)]
        ids, number = tf.cast(self.groups.ids, self.kernels.index), self.groups.number
        uncounted = ~self.valid if self.invalid is None else self.invalid
        invalid = histograms([Part(ids, uncounted, None, number)], None, self.kernels)
        counted = histograms([Part(ids, self.valid, None, number)], self.weight, self.kernels)
        return [counted, tf.cast(invalid, self.dtype)]

    def classes(self, ids: Any, members: Any, size: int) -> Part | tf.Tensor:
        """`[C]`: how many rows name each class, by `ids` or, where there are none, by `members`."""
        return self.columns(members) if ids is None else self.histogram(ids, size)

    def columns(self, members: tf.Tensor) -> tf.Tensor:
        """`[C]`: in how many rows each class of `members`, bool `[N, C]`, is set."""
        if self.groups is not None:
            return self._by_group(tf.cast(members & self.valid[:, tf.newaxis], self.dtype))
        if self.weight is not None:
            return tf.linalg.matvec(tf.cast(members, tf.float64), self.weight, transpose_a=True)
        if self.kernels.compiled:
            return tf.reduce_sum(tf.cast(members & self.valid[:, tf.newaxis], tf.int64), axis=0)
        # A product with a row of ones reads each element once, in its order; a sum over the first
        # axis does not. float32 adds up whole numbers without loss below 2**24.
        rows = members.shape.as_list()[0]
        dtype = tf.float32 if rows is not None and rows < 2**24 else tf.float64
        ones = tf.cast(self.valid, dtype)[tf.newaxis]
        return tf.cast(tf.matmul(ones, tf.cast(members, dtype)), tf.int64)

    def sum(self, values: tf.Tensor) -> tf.Tensor:
        """Sums whole numbers `[S, N]`, float64, over rows: `[S]`."""
        values = tf.where(self.valid, values, 0.0)
        if self.groups is not None:
            return self._by_group(tf.transpose(tf.cast(values, self.dtype)))
        if self.weight is not None:
            return tf.linalg.matvec(values, self.weight)
        return tf.reduce_sum(tf.cast(values, tf.int64), axis=-1)

    def _by_group(self, values: tf.Tensor) -> tf.Tensor:
        """Sums values `[N, S]` over the rows of each group: `[G, S]`."""
        assert self.groups is not None
        if self.weight is not None:
            values = values * self.weight[:, tf.newaxis]
        return tf.math.unsorted_segment_sum(values, self.groups.ids, self.groups.number)
