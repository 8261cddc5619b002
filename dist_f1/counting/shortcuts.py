"""Faster ways to count batches in which nothing is unusual, for kernels that XLA compiles.

A shortcut reads predictions and targets once, and sees whether its counts hold: whether all targets
are one-hot, or no entry is invalid. Otherwise the batch is counted in the general way.
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
from dist_f1.kernels import one_hot
from dist_f1.kernels.column_folds import count_decisions


def may_hold(rows: Rows, plan: Plan) -> bool:
    """Whether there is a shortcut for such batches."""
    return may_fold(rows, plan) or _may_be_one_hot(rows, plan)


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
    """Whether each entry has a 0/1 target of its own, and counts unless its row is masked."""
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


def pack_valid(per_class: Sequence[tf.Tensor], rows: Rows) -> tf.Tensor:
    """Pack the counts of classes, the number of unmasked rows, and no invalid row of any cause."""
    number = tf.shape(rows.y_pred, tf.int64)[0]
    total = number if rows.mask is None else tf.math.count_nonzero(rows.mask)
    causes = tf.zeros([number_of_causes(groups=0)], tf.int64)
    return tf.concat([tf.reshape(x, [-1]) for x in (*per_class, total, causes)], axis=0)
