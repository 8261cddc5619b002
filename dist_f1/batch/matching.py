"""Which classes each row names: those predicted, those that are there, and those that are both."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from dist_f1.batch.decisions import Decision
from dist_f1.batch.targets import Target


class Named(NamedTuple):
    """Classes of N rows, given in one of two ways.

    `ids`: integers `[N]` or `[N, k]`, of which those count where `where`, bool of the same shape,
    is set, or all. `matrix`: bool `[N, C]`.
    """

    ids: Any = None
    where: Any = None
    matrix: Any = None

    @property
    def most(self) -> int:
        """How many classes a row names at most."""
        several = self.ids if self.matrix is None else self.matrix
        return 1 if several.shape.rank == 1 else several.shape.as_list()[-1]


class Matched(NamedTuple):
    """The classes of each row."""

    right: Named
    predicted: Named
    actual: Named

    @property
    def matrices(self) -> list[tf.Tensor]:
        """Those that are given by one, in the same order."""
        return [named.matrix for named in self if named.matrix is not None]


def match(decision: Decision, target: Target) -> Matched:
    """Looks up which decisions are right."""
    predicted = Named(decision.ids, matrix=decision.chosen)
    actual = Named(target.ids, matrix=target.members)
    if decision.ids is None and target.ids is None:
        right = Named(matrix=decision.chosen & target.members)
    elif decision.ids is None:
        # An id that is no class has no place to look at.
        ids = tf.where(target.known, target.ids, 0)
        found = tf.gather(decision.chosen, ids[:, tf.newaxis], batch_dims=1)[:, 0]
        right = Named(ids, found)
    elif target.ids is None:
        ids = decision.ids
        if ids.shape.rank == 1:
            ids = tf.where(decision.known, ids, 0)
        several = ids if ids.shape.rank == 2 else ids[:, tf.newaxis]
        found = tf.gather(target.members, several, batch_dims=1)
        right = Named(ids, tf.reshape(found, tf.shape(ids)))
    else:
        ids = decision.ids
        true_ids = target.ids if ids.shape.rank == 1 else target.ids[:, tf.newaxis]
        right = Named(ids, tf.equal(ids, true_ids))
    return Matched(right, predicted, actual)


def sizes(matched: Matched, of_matrices: list[tf.Tensor], rows: tf.Tensor) -> list[tf.Tensor]:
    """How many classes each row names, float32 `[N]`, in the order of `Matched`.

    Args:
        matched: the classes.
        of_matrices: `PackedMasks.row_sums`, of those that are given by a matrix.
        rows: any tensor `[N]`.
    """
    summed = iter(of_matrices)
    return [_size(x, rows) if x.matrix is None else next(summed) for x in matched]


def _size(named: Named, rows: tf.Tensor) -> tf.Tensor:
    if named.where is None:
        return tf.fill(tf.shape(rows), float(named.most))
    size = tf.cast(named.where, tf.float32)
    return size if size.shape.rank == 1 else tf.reduce_sum(size, axis=-1)
