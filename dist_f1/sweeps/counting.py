"""From scores to counts between thresholds: one pass, whatever the number of thresholds."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from dist_f1 import kernels
from dist_f1.batch.inputs import Rows
from dist_f1.batch.matching import Named
from dist_f1.batch.targets import read_targets
from dist_f1.counting.tally import tally_of
from dist_f1.counts import Counts
from dist_f1.counts import arrays as xp
from dist_f1.counts.layout import Layout
from dist_f1.kernels.packed_masks import PackedMasks
from dist_f1.replicas import contexts
from dist_f1.sweeps.grid import Grid


def count_buckets(
    rows: Rows, grid: Grid, *, from_logits: bool = False, ignore_class: int | None = None
) -> Counts:
    """Counts the scores of N rows by class and bucket.

    Returns:
        counts in which `true_positive` and `predicted` are `[T + 1, C]`: the scores, of rows of
        the class and of all rows, that lie above exactly `b` of T thresholds. `at_thresholds`
        adds them up. The other fields are as for one threshold.
    """
    layout = Layout(rows.num_classes, thresholds=grid.thresholds)
    return layout.unpack(count_bucket_vector(rows, grid, from_logits, ignore_class))


def count_bucket_vector(
    rows: Rows, grid: Grid, from_logits: bool, ignore_class: int | None
) -> tf.Tensor:
    """The same as one vector, as `Layout` packs it."""
    classes, size = rows.num_classes, grid.size
    scores = tf.reshape(rows.y_pred, [-1, classes])
    chosen = kernels.choose(scores, decision="other")
    # Of each class and bucket one: int32 is enough for them, and faster where it may be used.
    index = tf.int64 if chosen.device == "GPU" else tf.int32
    target = read_targets(rows.y_true, classes, ignore_class)
    numbers = tf.equal(scores, scores)
    known = PackedMasks([], [target.known, numbers], chosen).valid_rows()
    tally = tally_of(known, target.ignored, rows, None, chosen)

    slots = grid.buckets(scores, from_logits, index) + size * tf.range(classes, dtype=index)
    if target.members is None:
        ids = tf.where(tally.valid, target.ids, 0)
        own = tf.gather(slots, ids[:, tf.newaxis], batch_dims=1)
        both = [tally.histogram(own, classes * size), tally.histogram(slots, classes * size)]
        true_positive, predicted = _by_bucket(tally.vector(both), classes)
    else:
        slots += classes * size * tf.cast(target.members, index)
        sides = tally.vector([tally.histogram(slots, 2 * classes * size)])
        negative, true_positive = _by_bucket(sides, classes)
        predicted = negative + true_positive
    actual = Named(target.ids, matrix=target.members)
    members = PackedMasks([] if target.members is None else [target.members], [], chosen)
    return tally.vector(
        [true_positive, predicted, *tally.classes([actual], members, classes), *tally.rows()]
    )


def _by_bucket(pair: tf.Tensor, classes: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Two histograms by class and bucket, each as `[T + 1, C]`."""
    both = tf.transpose(tf.reshape(pair, [2, classes, -1]), [0, 2, 1])
    return both[0], both[1]


def at_thresholds(between: Counts) -> Counts:
    """The counts at each of T thresholds, in a leading axis, from counts between them."""
    steps = between.predicted.shape[0] - 1
    classes = between.num_classes
    return Counts(
        _suffix_sums(between.true_positive)[1:],
        _suffix_sums(between.predicted)[1:],
        xp.repeat_first(between.actual, steps),
        xp.repeat_first(between.total, steps),
        xp.repeat_first(between.invalid, steps),
        {} if classes > 1 else (),
    )


def _suffix_sums(x: Any) -> Any:
    """For each element of the first axis, the sum of it and all after it."""
    if tf.is_tensor(x):
        on_tpu = contexts.device_type(x) == "TPU"
        return _suffix_scan(x) if on_tpu else tf.cumsum(x, axis=0, reverse=True)
    return np.cumsum(x[::-1], axis=0)[::-1]


def _suffix_scan(x: tf.Tensor) -> tf.Tensor:
    """Suffix sums by additions of the whole at twice the distance each time.

    Of a cumulative sum of more than 128 int64, the compiler for TPUs runs out of memory.
    """
    size, distance = x.shape.as_list()[0], 1
    while distance < size:
        nothing = tf.zeros_like(x[:distance])
        x, distance = x + tf.concat([x[distance:], nothing], axis=0), 2 * distance
    return x
