"""From scores to counts between thresholds: one pass, whatever the number of thresholds."""

from __future__ import annotations

import tensorflow as tf

from dist_f1 import _arrays as xp
from dist_f1.counts import Counts
from dist_f1.inputs import Rows
from dist_f1.sweeps.grid import Grid
from dist_f1.tally import Tally, partition
from dist_f1.targets import read_targets


def count_between(
    rows: Rows, grid: Grid, *, from_logits: bool = False, ignore_class: int | None = None
) -> Counts:
    """Counts the scores of N rows by class and bucket.

    Returns:
        counts in which `true_positive` and `predicted` are `[T + 1, C]`: the scores, of rows of
        the class and of all rows, that lie above exactly `b` of T thresholds. `at_thresholds`
        adds them up. The other fields are as for one threshold.
    """
    classes, size = rows.num_classes, grid.size
    target = read_targets(rows.y_true, classes, ignore_class)
    undefined = tf.reduce_any(tf.math.is_nan(rows.y_pred), axis=-1)
    valid, invalid = partition(target.invalid | undefined, target.ignored, rows, None)
    tally = Tally.of(valid, rows.weight, None)

    slots = grid.buckets(rows.y_pred, from_logits) + size * tf.range(classes)
    if target.members is None:
        predicted = tally.histogram(slots, classes * size)
        own = tf.gather(slots, target.ids[:, tf.newaxis], batch_dims=1)
        true_positive = tally.histogram(own, classes * size)
    else:
        slots += classes * size * tf.cast(target.members, tf.int32)
        negative, true_positive = tf.split(tally.histogram(slots, 2 * classes * size), 2)
        predicted = negative + true_positive

    def by_bucket(counted: tf.Tensor) -> tf.Tensor:
        return tf.transpose(tf.reshape(counted, [classes, size]))

    actual = tally.classes(target.ids, target.members, classes)
    uncounted = Tally.of(invalid, None, None).rows()
    return Counts(
        by_bucket(true_positive),
        by_bucket(predicted),
        actual,
        tally.rows(),
        tf.cast(uncounted, actual.dtype),
    )


def at_thresholds(between: Counts) -> Counts:
    """The counts at each of T thresholds, in a leading axis, from counts between them."""
    steps = between.predicted.shape[0] - 1
    classes = between.num_classes
    return Counts(
        xp.suffix_sums(between.true_positive)[1:],
        xp.suffix_sums(between.predicted)[1:],
        xp.repeated(between.actual, steps),
        xp.repeated(between.total, steps),
        xp.repeated(between.invalid, steps),
        {} if classes > 1 else (),
    )
