"""From decisions and targets to the counts of one batch.

    counts = count(rows, rule, ignore_class=255)

Pure, and O(N C) at most: scores and 0/1 targets are read where they are, ids are counted by
histogram, and nothing is expanded to one-hot.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from dist_f1 import inputs, sample_averages
from dist_f1.counts import Counts
from dist_f1.decisions import Decision, DecisionRule, decide, is_integer
from dist_f1.inputs import Rows
from dist_f1.targets import Target, read_targets


def count(
    rows: Rows,
    rule: DecisionRule,
    *,
    ignore_class: int | None = None,
    confusion: bool = False,
) -> Counts:
    """Decides and counts N rows.

    Args:
        rows: the batch; see `inputs.flatten`.
        rule: how scores become decisions.
        ignore_class: rows with this label leave no trace.
        confusion: also count the `[C, C]` matrix.

    Returns:
        int64 counts, float64 where `rows.weight` is given. Masked rows, rows of weight 0 and
        ignored rows leave no trace. Rows that cannot be counted add one each to `invalid`.
    """
    classes = rows.num_classes
    target = read_targets(rows.y_true, classes, ignore_class)
    decision = decide(rows.y_pred, rule) if rows.has_scores else _named(rows.y_pred, classes)
    multilabel = is_multilabel(rule, classes)
    confusion = confusion and has_confusion(rule, classes)
    if confusion:
        target = _single(target)
    return _count(decision, target, rows.weight, rows.keep, classes, multilabel, confusion)


def is_multilabel(rule: DecisionRule, num_classes: int) -> bool:
    """Whether a row may be given any number of classes, and not exactly one."""
    return rule.top_k is not None or (rule.threshold is not None and num_classes > 1)


def has_confusion(rule: DecisionRule, num_classes: int) -> bool:
    """Whether a `[C, C]` matrix says more than the counts: one decision among many classes."""
    return rule.threshold is None and rule.top_k is None and num_classes > 1


def from_labels(
    y_true: Any, y_pred: Any, num_classes: int, sample_weight: Any, confusion: bool
) -> Counts:
    """Counts labels `[N]` or 0/1 indicators `[N, C]`; see `Counts.from_labels`."""
    if not is_integer(num_classes) or num_classes < 1:
        raise ValueError(f"num_classes must be a positive integer, got {num_classes!r}.")
    y_pred = inputs.as_tensor(y_pred, "y_pred")
    multilabel = y_pred.shape.rank == 2 and y_pred.shape[-1] == num_classes and num_classes > 1
    if not (multilabel or y_pred.shape.rank == 1 or y_pred.shape[1:] == [1]):
        raise ValueError(
            f"y_pred has shape {y_pred.shape}; expected labels [N], or 0/1 indicators "
            f"[N, {num_classes}]."
        )
    # Only to line the rows up: what was predicted is read as it is, like the targets.
    rule = DecisionRule(threshold=0.5 if multilabel else None)
    lined_up = tf.cast(y_pred, tf.float32 if multilabel else tf.int64)
    rows = inputs.flatten(y_true, lined_up, sample_weight, rule=rule, num_classes=num_classes)
    decision = _named(tf.reshape(y_pred, tf.shape(rows.y_pred)), num_classes)
    target = read_targets(rows.y_true, num_classes, None)
    confusion = confusion and has_confusion(rule, num_classes)
    return _count(decision, target, rows.weight, None, num_classes, multilabel, confusion)


def _named(y_pred: tf.Tensor, classes: int) -> Decision:
    """The decision in labels `[N]` or 0/1 indicators `[N, C]`, which are read like targets."""
    named = read_targets(y_pred, classes, None)
    ids = None if named.ids is None else named.ids[:, tf.newaxis]
    return Decision(ids, named.members, named.invalid)


class _Tally(NamedTuple):
    """Adds rows up: those that are `valid`, each with its `weight` (`None`: 1)."""

    valid: tf.Tensor
    weight: tf.Tensor | None

    def histogram(self, ids: tf.Tensor, size: int, where: tf.Tensor | None = None) -> tf.Tensor:
        """`[size]`: how often each id occurs in ids `[N]` or `[N, k]`."""
        valid = self.valid
        if ids.shape.rank == 2:
            valid = tf.broadcast_to(valid[:, tf.newaxis], tf.shape(ids))
        if where is not None:
            valid = valid & where
        slots = tf.reshape(tf.where(valid, ids, size), [-1])
        if self.weight is None:
            counted = tf.raw_ops.DenseBincount(
                input=slots,
                size=tf.constant(size + 1, tf.int64),
                weights=tf.zeros([0], tf.int32),
            )
            return tf.cast(counted[:size], tf.int64)
        weight = self.weight
        if ids.shape.rank == 2:
            weight = tf.reshape(
                tf.broadcast_to(weight[:, tf.newaxis], tf.shape(ids, tf.int64)), [-1]
            )
        return tf.math.unsorted_segment_sum(weight, slots, size + 1)[:size]

    def classes(self, ids: Any, members: Any, size: int) -> tf.Tensor:
        """`[C]`: how many rows name each class, by `ids` or, where there are none, by `members`."""
        return self.columns(members) if ids is None else self.histogram(ids, size)

    def columns(self, members: tf.Tensor) -> tf.Tensor:
        """`[C]`: in how many rows each class of `members`, bool `[N, C]`, is set."""
        members = members & self.valid[:, tf.newaxis]
        if self.weight is None:
            return tf.reduce_sum(tf.cast(members, tf.int64), axis=0)
        return tf.linalg.matvec(tf.cast(members, tf.float64), self.weight, transpose_a=True)

    def rows(self) -> tf.Tensor:
        """Scalar: how many rows there are."""
        if self.weight is None:
            return tf.math.count_nonzero(self.valid, dtype=tf.int64)
        return tf.reduce_sum(self.weight)

    def sum(self, values: tf.Tensor) -> tf.Tensor:
        """Sums whole numbers `[N, S]`, float64, over rows."""
        values = tf.where(self.valid[:, tf.newaxis], values, 0.0)
        if self.weight is None:
            return tf.reduce_sum(tf.cast(values, tf.int64), axis=0)
        return tf.linalg.matvec(values, self.weight, transpose_a=True)


def _count(
    decision: Decision,
    target: Target,
    weight: tf.Tensor | None,
    keep: tf.Tensor | None,
    classes: int,
    multilabel: bool,
    confusion: bool,
) -> Counts:
    valid, invalid = _partition(decision, target, weight, keep)
    if weight is not None:
        # A weight that is not finite must not reach a sum, not even times zero.
        weight = tf.where(valid, weight, 0.0)
    tally = _Tally(valid, weight)

    true_positive, right = _matches(decision, target, tally, classes)
    predicted = tally.classes(decision.ids, decision.chosen, classes)
    actual = tally.classes(target.ids, target.members, classes)

    samples: Any = ()
    if multilabel:
        samples = tally.sum(
            sample_averages.rowwise(
                tf.math.count_nonzero(right, axis=-1),
                _row_size(decision.ids, decision.chosen, right),
                _row_size(target.ids, target.members, right),
            )
        )
    matrix: Any = ()
    if confusion:
        cells = target.ids * classes + decision.ids[:, 0]
        matrix = tf.reshape(tally.histogram(cells, classes * classes), [classes, classes])
    return Counts(
        true_positive,
        predicted,
        actual,
        tally.rows(),
        tf.cast(tf.math.count_nonzero(invalid), actual.dtype),
        samples,
        matrix,
    )


def _partition(
    decision: Decision, target: Target, weight: tf.Tensor | None, keep: tf.Tensor | None
) -> tuple[tf.Tensor, tf.Tensor]:
    """Which rows count and which are invalid; the rest leave no trace. Both bool `[N]`."""
    invalid = target.invalid | decision.undefined
    present = keep
    if weight is not None:
        invalid = invalid | ~tf.math.is_finite(weight)
        present = weight != 0.0 if present is None else present & (weight != 0.0)
    if target.ignored is not None:
        present = ~target.ignored if present is None else present & ~target.ignored
    valid = ~invalid
    if present is not None:
        valid, invalid = valid & present, invalid & present
    return valid, invalid


def _matches(
    decision: Decision, target: Target, tally: _Tally, classes: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """True positives `[C]`, and which decisions are right: bool `[N, k]`, `[N, 1]` or `[N, C]`."""
    if decision.ids is None and target.ids is None:
        right = decision.chosen & target.members
        return tally.columns(right), right
    if decision.ids is None:
        ids = target.ids[:, tf.newaxis]
        right = tf.gather(decision.chosen, ids, batch_dims=1)
    elif target.ids is None:
        ids = decision.ids
        right = tf.gather(target.members, ids, batch_dims=1)
    else:
        ids = decision.ids
        right = ids == target.ids[:, tf.newaxis]
    return tally.histogram(ids, classes, where=right), right


def _row_size(ids: Any, members: Any, like: tf.Tensor) -> tf.Tensor:
    """How many classes each row names, int64 `[N]`."""
    if members is not None:
        return tf.math.count_nonzero(members, axis=-1)
    size = 1 if ids.shape.rank == 1 else ids.shape[-1]
    return tf.fill(tf.shape(like)[:1], tf.constant(size, tf.int64))


def _single(target: Target) -> Target:
    """One id per row, as a confusion matrix needs; rows that are not one-hot are invalid."""
    if target.ids is not None:
        return target
    one = tf.math.count_nonzero(target.members, axis=-1) == 1
    ids = tf.argmax(tf.cast(target.members, tf.uint8), axis=-1, output_type=tf.int64)
    return Target(ids, None, target.invalid | ~one, target.ignored)
