"""Faster ways to count batches in which nothing is unusual.

A shortcut sees whether its counts hold: whether all targets are one-hot, or no entry is invalid.
Otherwise the batch is counted in the general way. In code that XLA compiles, a shortcut reads
predictions and targets once. In a small batch, it takes few operations.
"""

from collections.abc import Sequence

import tensorflow as tf

from dist_f1.batch.decision_rule import comparison_threshold
from dist_f1.batch.inputs import Rows
from dist_f1.batch.row_classes import RowClasses
from dist_f1.batch.targets import leaves_out_entries, parse_one_hot
from dist_f1.counting.plan import Plan
from dist_f1.counts.causes import number_of_causes
from dist_f1.counts.layout import Layout
from dist_f1.kernels import number_of_rows, one_hot
from dist_f1.kernels.argmax import best_ids
from dist_f1.kernels.choice import is_large_batch
from dist_f1.kernels.column_folds import count_decisions
from dist_f1.replicas import contexts


def may_hold(rows: Rows, plan: Plan) -> bool:
    """Whether there is a shortcut for such batches."""
    return may_fold(rows, plan) or _may_be_one_hot(rows, plan) or is_small_and_plain(rows, plan)


def _may_be_one_hot(rows: Rows, plan: Plan) -> bool:
    """Whether to look for the class of each row of 0/1 targets before counting their columns."""
    return (
        plan.kernels.argmax == "lanes"
        and plan.rule.is_argmax
        and rows.has_scores
        and rows.y_true.shape.rank == 2
        and 2 <= rows.num_classes <= one_hot.MAX_CLASSES
        and not leaves_out_entries(plan.ignore_class, rows.num_classes)
    )


def find_classes(rows: Rows, plan: Plan) -> tuple[RowClasses, tf.Tensor]:
    """Return the class of each row of one-hot targets, and whether all that count are one-hot."""
    actual, is_single = parse_one_hot(
        rows.y_true, rows.num_classes, plan.ignore_class, plan.kernels.index
    )
    is_left_out = ~actual.valid
    for mask in (rows.mask, None if rows.weight is None else tf.not_equal(rows.weight, 0.0)):
        is_left_out = is_left_out if mask is None else is_left_out | ~mask
    return actual, tf.reduce_all(is_single | is_left_out)


def are_plain(rows: Rows, layout: Layout, ignore_class: int | None) -> bool:
    """Whether each entry has its own 0/1 target, and counts unless its row is masked."""
    has_own_targets = rows.y_true.shape.rank == 2 or rows.num_classes == 1
    is_weighted = rows.is_weighted or rows.entries or layout.groups or layout.entries
    return rows.has_scores and has_own_targets and not is_weighted and ignore_class is None


def may_fold(rows: Rows, plan: Plan) -> bool:
    """Whether to count decisions for each class by folds of rows."""
    return (
        plan.kernels.device == "CPU"
        and plan.kernels.argmax == "lanes"
        and plan.rule.kind == "threshold"
        and not plan.layout.samples
        and are_plain(rows, plan.layout, plan.ignore_class)
    )


def count_folded(rows: Rows, plan: Plan) -> tuple[tf.Tensor, tf.Tensor]:
    """Count decisions for each class. Return the counts, and whether no entry is invalid."""
    rule = plan.rule
    assert rule.threshold is not None
    limit = comparison_threshold(rule.threshold, rule.from_logits, rows.y_pred.dtype)
    folded = count_decisions(rows.y_true, rows.y_pred, limit, rows.mask)
    return pack_valid(folded.sums, rows), ~folded.has_flag


def is_small_and_plain(rows: Rows, plan: Plan) -> bool:
    """Whether to count a small batch on a CPU as if it were valid, in few operations.

    On a GPU, the host would wait for the condition.
    """
    chosen, number = plan.kernels, number_of_rows(rows.y_pred)
    is_small = number is not None and not is_large_batch(rows.y_pred)
    return (
        (is_small or chosen.is_small)
        and chosen.device == "CPU"
        and chosen.argmax in ("rows", "blocks")
        and chosen.histogram == "bincount"
        and (tf.executing_eagerly() or contexts.may_compile())
        and plan.rule.kind in ("argmax", "threshold")
        and not (plan.layout.samples or plan.layout.confusion)
        and are_plain(rows, plan.layout, plan.ignore_class)
        and rows.mask is None
    )


def count_small(rows: Rows, plan: Plan) -> tuple[tf.Tensor, tf.Tensor]:
    """Count a small batch. Return the counts, and whether no entry is invalid."""
    rule, size = plan.rule, rows.num_classes
    dtype = tf.float64 if rows.y_true.dtype == tf.float64 else tf.float32
    actual = tf.cast(rows.y_true, dtype)
    actual = actual if actual.shape.rank == 2 else actual[:, tf.newaxis]
    if rule.threshold is None:
        predicted = tf.one_hot(best_ids(rows.y_pred, plan.kernels), size, dtype=dtype)
    else:
        limit = comparison_threshold(rule.threshold, rule.from_logits, rows.y_pred.dtype)
        predicted = tf.cast(rows.y_pred > limit, dtype)
    sums = [tf.reduce_sum(x, axis=0) for x in (predicted * actual, predicted, actual)]
    counts = tf.cast(pack_valid(sums, rows, dtype), tf.int64)
    # The sum is NaN if a prediction is NaN. It is also NaN for inf and -inf together, which the
    # general code then counts.
    number = tf.reduce_sum(rows.y_pred)
    holds = tf.equal(number, number)
    if not rows.y_true.dtype.is_bool:
        ones = tf.math.divide_no_nan(actual, actual)
        holds &= tf.reduce_all(tf.equal(actual, ones))
    return counts, holds


def pack_valid(per_class: Sequence[tf.Tensor], rows: Rows, dtype: tf.DType = tf.int64) -> tf.Tensor:
    """Pack the counts of classes, the number of unmasked rows, and no invalid row of any cause.

    `dtype` is that of `per_class`; it represents the number of rows exactly.
    """
    number = number_of_rows(rows.y_pred)
    if rows.mask is not None:
        total = tf.math.count_nonzero(rows.mask, keepdims=True)
    else:
        rank = rows.y_pred.shape.rank
        total = tf.split(tf.shape(rows.y_pred), rank)[0] if number is None else [number]
    causes = tf.zeros([number_of_causes(groups=0)], dtype)
    flat = [x if x.shape.rank == 1 else tf.reshape(x, [-1]) for x in per_class]
    return tf.concat([*flat, tf.cast(total, dtype), causes], axis=0)
