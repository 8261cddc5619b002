"""Counting by slots: one bin for each class, bucket and target, if no entry is invalid.

XLA compiles the slot of each entry to one vectorized pass. TensorFlow's histogram of the slots is
faster than XLA's.
"""

from collections.abc import Callable

import tensorflow as tf

from dist_f1.batch.inputs import Rows
from dist_f1.counting.shortcuts import pack_valid
from dist_f1.counting.tracing import call_traced, not_inlined
from dist_f1.kernels.histograms import bincount
from dist_f1.kernels.one_hot import read_binary
from dist_f1.sweeps.grid import Grid


def count(
    rows: Rows, grid: Grid, from_logits: bool, count_otherwise: Callable[[], tf.Tensor]
) -> tf.Tensor:
    """Count a batch whose entries all have 0/1 targets.

    Args:
        rows: The batch. Rows may be masked.
        grid: The thresholds.
        from_logits: Whether predictions are logits.
        count_otherwise: Function that counts a batch with invalid entries.
    """
    size, buckets = rows.num_classes, grid.size
    bins = 2 * size * buckets

    # The number of invalid entries is that of a bin, because XLA would read the batch twice to
    # return it beside the slots.
    slots = call_traced(_find_slots, rows, grid, from_logits, compiled=True)
    counted = bincount(tf.reshape(slots, [-1]), bins + 1)

    def pack() -> tf.Tensor:
        by_bucket = tf.transpose(tf.reshape(counted[:-1], [2, size, buckets]), [0, 2, 1])
        true_positive, predicted = by_bucket[1], by_bucket[0] + by_bucket[1]
        actual = tf.reduce_sum(true_positive, axis=0)
        return pack_valid([true_positive, predicted, actual], rows)

    return tf.cond(counted[-1] > 0, not_inlined(count_otherwise), pack)


def _find_slots(rows: Rows, grid: Grid, from_logits: bool) -> tf.Tensor:
    """Return the slots `[N, C]`; after the bins one for invalid entries, then masked ones."""
    size, buckets = rows.num_classes, grid.size
    y_score, y_true = rows.y_pred, tf.reshape(rows.y_true, [-1, size])
    is_actual, is_binary = read_binary(y_true)
    is_valid = tf.equal(y_score, y_score)
    is_valid = is_valid if is_binary is None else is_valid & is_binary
    found = grid.buckets(y_score, from_logits, tf.int32, exact_division=True)
    found += buckets * tf.range(size) + tf.where(is_actual, size * buckets, 0)
    bins = 2 * size * buckets
    found = tf.where(is_valid, found, bins)
    return found if rows.mask is None else tf.where(rows.mask[:, tf.newaxis], found, bins + 1)
