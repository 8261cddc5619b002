"""`Tally`: adds rows up, those that are valid, each with its weight, in its group."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from dist_f1.groups import Groups
from dist_f1.inputs import Rows


def partition(
    uncountable: tf.Tensor, ignored: tf.Tensor | None, rows: Rows, groups: Groups | None
) -> tuple[tf.Tensor, tf.Tensor]:
    """Which rows count and which are invalid; the rest leave no trace. Both bool `[N]`.

    Args:
        uncountable: `[N]`, rows whose target or scores do not say what to count.
        ignored: `[N]`, rows of `ignore_class`.
        rows: the batch, with weights and masks.
        groups: rows of no group are invalid too.
    """
    invalid, present = uncountable, rows.keep
    if groups is not None:
        invalid = invalid | groups.unknown
    if rows.weight is not None:
        invalid = invalid | ~tf.math.is_finite(rows.weight)
        heavy = tf.not_equal(rows.weight, 0.0)
        present = heavy if present is None else present & heavy
    if ignored is not None:
        present = ~ignored if present is None else present & ~ignored
    valid = ~invalid
    if present is not None:
        valid, invalid = valid & present, invalid & present
    return valid, invalid


class Tally(NamedTuple):
    """Sums over rows. With groups, all of them have a leading axis of groups.

    `valid`: bool `[N]`. `weight`: float64 `[N]`, or `None` where each row weighs 1.
    """

    valid: Any
    weight: Any
    groups: Groups | None

    @classmethod
    def of(cls, valid: tf.Tensor, weight: tf.Tensor | None, groups: Groups | None) -> Tally:
        """Makes a tally; weights of rows that do not count are set to 0."""
        if weight is not None:
            # A weight that is not finite must not reach a sum, not even times zero.
            weight = tf.where(valid, weight, 0.0)
        return cls(valid, weight, groups)

    def histogram(self, ids: tf.Tensor, size: int, where: tf.Tensor | None = None) -> tf.Tensor:
        """`[size]`: how often each id occurs in ids `[N]` or `[N, k]`."""
        valid, weight, groups = self.valid, self.weight, self.groups
        if ids.shape.rank == 2:
            valid, weight = valid[:, tf.newaxis], _column(weight)
        if where is not None:
            valid = valid & where
        slots, total = ids, size
        if groups is not None:
            of_group = groups.ids[:, tf.newaxis] if ids.shape.rank == 2 else groups.ids
            slots, total = of_group * size + ids, groups.number * size
        slots = tf.reshape(tf.where(valid, slots, total), [-1])
        if weight is None:
            counted = tf.raw_ops.DenseBincount(
                input=slots,
                size=tf.constant(total + 1, slots.dtype),
                weights=tf.zeros([0], tf.int32),
            )
            counted = tf.cast(counted[:total], tf.int64)
        else:
            weight = tf.reshape(tf.broadcast_to(weight, tf.shape(ids, tf.int64)), [-1])
            counted = tf.math.unsorted_segment_sum(weight, slots, total + 1)[:total]
        return counted if groups is None else tf.reshape(counted, [groups.number, size])

    def classes(self, ids: Any, members: Any, size: int) -> tf.Tensor:
        """`[C]`: how many rows name each class, by `ids` or, where there are none, by `members`."""
        return self.columns(members) if ids is None else self.histogram(ids, size)

    def columns(self, members: tf.Tensor) -> tf.Tensor:
        """`[C]`: in how many rows each class of `members`, bool `[N, C]`, is set."""
        members = members & self.valid[:, tf.newaxis]
        if self.groups is not None:
            dtype = tf.int64 if self.weight is None else tf.float64
            return self._by_group(tf.cast(members, dtype))
        if self.weight is None:
            return tf.reduce_sum(tf.cast(members, tf.int64), axis=0)
        return tf.linalg.matvec(tf.cast(members, tf.float64), self.weight, transpose_a=True)

    def rows(self) -> tf.Tensor:
        """Scalar: how many rows there are."""
        if self.groups is not None:
            return self.histogram(tf.zeros_like(self.groups.ids), 1)[:, 0]
        if self.weight is None:
            return tf.math.count_nonzero(self.valid, dtype=tf.int64)
        return tf.reduce_sum(self.weight)

    def sum(self, values: tf.Tensor) -> tf.Tensor:
        """Sums whole numbers `[N, S]`, float64, over rows: `[S]`."""
        values = tf.where(self.valid[:, tf.newaxis], values, 0.0)
        if self.groups is not None:
            return self._by_group(values if self.weight is not None else tf.cast(values, tf.int64))
        if self.weight is None:
            return tf.reduce_sum(tf.cast(values, tf.int64), axis=0)
        return tf.linalg.matvec(values, self.weight, transpose_a=True)

    def _by_group(self, values: tf.Tensor) -> tf.Tensor:
        """Sums values `[N, S]` over the rows of each group: `[G, S]`."""
        assert self.groups is not None
        if self.weight is not None:
            values = values * self.weight[:, tf.newaxis]
        return tf.math.unsorted_segment_sum(values, self.groups.ids, self.groups.number)


def _column(weight: tf.Tensor | None) -> tf.Tensor | None:
    return None if weight is None else weight[:, tf.newaxis]
