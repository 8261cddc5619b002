"""Faster ways to count batches in which nothing is unusual, for kernels that XLA compiles.

A shortcut reads predictions and targets once, and sees whether its counts hold: whether all targets
are one-hot, or no entry is invalid. Otherwise the batch is counted in the general way.
"""

from collections.abc import Callable, Sequence

import tensorflow as tf

from dist_f1.batch.decision_rule import DecisionRule, comparison_threshold
from dist_f1.batch.inputs import Rows
from dist_f1.batch.row_classes import RowClasses
from dist_f1.batch.targets import leaves_out_entries, parse_one_hot
from dist_f1.counts.causes import number_of_causes
from dist_f1.counts.layout import Layout
from dist_f1.kernels import Kernels, one_hot
from dist_f1.kernels.column_folds import count_decisions


def may_be_one_hot(
    rows: Rows, rule: DecisionRule, ignore_class: int | None, chosen: Kernels
) -> bool:
    """Whether to look for the class of each row of 0/1 targets before counting their columns."""
    return (
        chosen.argmax == "lanes"
        and rule.is_argmax
        and rows.y_true.shape.rank == 2
        and 2 <= rows.num_classes <= one_hot.MAX_CLASSES
        and not leaves_out_entries(ignore_class, rows.num_classes)
    )


def count_one_hot(
    rows: Rows,
    ignore_class: int | None,
    chosen: Kernels,
    count: Callable[[RowClasses], tf.Tensor],
    count_otherwise: Callable[[], tf.Tensor],
) -> tf.Tensor:
    """Count ids if all 0/1 targets are one-hot.

    Args:
        rows: The batch.
        ignore_class: Label of the rows to leave out.
        chosen: Kernels to use.
        count: Function that counts the batch with these actual classes.
        count_otherwise: Function that counts the batch in the general way.
    """
    actual, is_single = parse_one_hot(rows.y_true, rows.num_classes, ignore_class, chosen.index)
    is_left_out = ~actual.valid
    for mask in (rows.mask, None if rows.weight is None else tf.not_equal(rows.weight, 0.0)):
        is_left_out = is_left_out if mask is None else is_left_out | ~mask
    return tf.cond(tf.reduce_all(is_single | is_left_out), lambda: count(actual), count_otherwise)


def are_plain(rows: Rows, layout: Layout, ignore_class: int | None) -> bool:
    """Whether each entry has a 0/1 target of its own, and counts unless its row is masked."""
    has_own_targets = rows.y_true.shape.rank == 2 or rows.num_classes == 1
    is_weighted = rows.is_weighted or rows.entries or layout.groups or layout.entries
    return rows.has_scores and has_own_targets and not is_weighted and ignore_class is None


def may_fold(
    rows: Rows, rule: DecisionRule, layout: Layout, ignore_class: int | None, chosen: Kernels
) -> bool:
    """Whether to count decisions for each class by folds of rows."""
    return (
        chosen.device == "CPU"
        and chosen.argmax == "lanes"
        and rule.kind == "threshold"
        and not layout.samples
        and are_plain(rows, layout, ignore_class)
    )


def count_folded(
    rows: Rows, rule: DecisionRule, count_otherwise: Callable[[], tf.Tensor]
) -> tf.Tensor:
    """Count decisions for each class by folds, if no entry is invalid.

    Args:
        rows: The batch.
        rule: Rule with a threshold.
        count_otherwise: Function that counts the batch in the general way.
    """
    assert rule.threshold is not None
    limit = comparison_threshold(rule.threshold, rule.from_logits, rows.y_pred.dtype)
    folded = count_decisions(rows.y_true, rows.y_pred, limit, rows.mask)
    counts = pack_valid(folded.sums, rows)
    return tf.cond(folded.has_flag, count_otherwise, lambda: counts)


def pack_valid(per_class: Sequence[tf.Tensor], rows: Rows) -> tf.Tensor:
    """Pack the counts of classes, the number of unmasked rows, and no invalid row of any cause."""
    number = tf.shape(rows.y_pred, tf.int64)[0]
    total = number if rows.mask is None else tf.math.count_nonzero(rows.mask)
    causes = tf.zeros([number_of_causes(groups=0)], tf.int64)
    return tf.concat([tf.reshape(x, [-1]) for x in (*per_class, total, causes)], axis=0)
