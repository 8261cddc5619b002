"""From decisions and targets to the counts of one batch.

    counts = count(rows, rule, ignore_class=255)

Pure, and O(N C) at most: scores and 0/1 targets are read where they are, ids are counted by
histogram, and nothing is expanded to one-hot.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from dist_f1 import kernels
from dist_f1.batch.decisions import Decision, DecisionRule, decide
from dist_f1.batch.groups import Groups
from dist_f1.batch.inputs import Rows
from dist_f1.batch.matching import Matched, match, sizes
from dist_f1.batch.targets import Target, read_targets
from dist_f1.counting.tally import Tally, tally_of
from dist_f1.counts import Counts, sample_averages
from dist_f1.counts.layout import Layout
from dist_f1.kernels import Kernels
from dist_f1.kernels.argmax import best
from dist_f1.kernels.packed_masks import PackedMasks
from dist_f1.replicas import contexts

# Up to here it takes less to count pairs of a true and a predicted class: some hundred numbers.
_PAIRED = 32


def count(
    rows: Rows,
    rule: DecisionRule,
    *,
    ignore_class: int | None = None,
    confusion: bool = False,
    betas: tuple[float, ...] = (),
    groups: Groups | None = None,
) -> Counts:
    """Decides and counts N rows.

    Args:
        rows: the batch; see `inputs.flatten`.
        rule: how scores become decisions.
        ignore_class: rows with this label leave no trace.
        confusion: also count the `[C, C]` matrix.
        betas: beyond 1, the betas whose F is summed over rows, where they may name several classes.
        groups: the group of each row; all counts then have a leading axis of groups.

    Returns:
        int64 counts, float64 where `rows.weight` is given. Masked rows, rows of weight 0 and
        ignored rows leave no trace. Rows that cannot be counted add one each to `invalid`.
    """
    layout = layout_for(rule, rows.num_classes, confusion, betas, groups.number if groups else 0)
    return layout.unpack(count_vector(rows, rule, layout, ignore_class, groups))


def count_vector(
    rows: Rows,
    rule: DecisionRule,
    layout: Layout,
    ignore_class: int | None = None,
    groups: Groups | None = None,
) -> tf.Tensor:
    """The same as one vector, in which the counts lie as `layout` says."""
    kind = rule.kind if rows.has_scores else "other"
    chosen = kernels.choose(rows.y_pred, decision=kind)

    def decided_and_counted(rows: Rows, groups: Groups | None) -> tf.Tensor:
        target = read_targets(rows.y_true, rows.num_classes, ignore_class, chosen.index)
        if rows.has_scores:
            decision = decide(rows.y_pred, rule, chosen)
        else:
            decision = named_classes(rows.y_pred, rows.num_classes, chosen)
        return count_decided(decision, target, rows, layout, groups, chosen)

    if chosen.compiled and contexts.may_compile():
        decided_and_counted = tf.function(decided_and_counted, jit_compile=True, autograph=False)
    return decided_and_counted(rows, groups)


def layout_for(
    rule: DecisionRule, num_classes: int, confusion: bool, betas: tuple[float, ...], groups: int
) -> Layout:
    """The layout of the counts of decisions by `rule`; a matrix only where it says more."""
    several = is_multilabel(rule, num_classes)
    return Layout(
        num_classes,
        samples=sample_averages.ratio_names(betas) if several else None,
        confusion=confusion and has_confusion(rule, num_classes),
        groups=groups,
    )


def is_multilabel(rule: DecisionRule, num_classes: int) -> bool:
    """Whether a row may be given any number of classes, and not exactly one."""
    return rule.top_k is not None or (rule.threshold is not None and num_classes > 1)


def has_confusion(rule: DecisionRule, num_classes: int) -> bool:
    """Whether a `[C, C]` matrix says more than the counts: one decision among many classes."""
    return rule.threshold is None and rule.top_k is None and num_classes > 1


def named_classes(y_pred: tf.Tensor, classes: int, chosen: Kernels) -> Decision:
    """The decision in labels `[N]` or 0/1 indicators `[N, C]`, which are read like targets."""
    named = read_targets(y_pred, classes, None, chosen.index)
    return Decision(named.ids, named.members, named.known)


def count_decided(
    decision: Decision,
    target: Target,
    rows: Rows,
    layout: Layout,
    groups: Groups | None,
    chosen: Kernels,
) -> tf.Tensor:
    """Count decided rows into a vector; see `count_vector`."""
    classes = layout.num_classes
    if layout.confusion:
        target = _single(target, chosen)
    matched = match(decision, target)
    entries = PackedMasks(matched.matrices, [decision.known, target.known], chosen)
    known = entries.valid_rows()
    tally = tally_of(known, target.ignored, rows, groups, chosen)
    if chosen.histogram == "segment_sum" and _is_one_of_one(decision, target, tally):
        fields = _one_of_one(matched, tally, classes)
    else:
        fields = [*tally.classes(matched, entries, classes), *tally.rows()]
    if layout.samples is not None:
        sums = tally.sample_sums(layout.samples, matched, sizes(matched, entries.row_sums(), known))
        fields += sample_averages.split(sums, len(layout.samples))
    if layout.confusion:
        fields.append(tally.histogram(target.ids * classes + decision.ids, classes * classes))
    return tally.vector(fields)


def _is_one_of_one(decision: Decision, target: Target, tally: Tally) -> bool:
    """Whether a row has one decision and one class, and weighs 1."""
    one = target.ids is not None and decision.ids is not None and decision.ids.shape.rank == 1
    return one and tally.weight is None and tally.groups is None


def _one_of_one(matched: Matched, tally: Tally, classes: int) -> list[Any]:
    """The counts of classes and of rows, in fewer histograms than one for each."""
    ids, right, _ = matched.right
    true_ids = matched.actual.ids
    if classes <= _PAIRED:
        counted = tally.vector([tally.histogram(true_ids * classes + ids, classes**2)])
        pairs = tf.reshape(counted, [classes, classes])
        right_ones = counted[:: classes + 1]
        per_class = [right_ones, tf.reduce_sum(pairs, axis=0), tf.reduce_sum(pairs, axis=1)]
    else:
        # A row that is right says all with one id.
        predicted = tally.histogram(tf.where(right, ids, ids + classes), 2 * classes)
        missed = tally.histogram(true_ids, classes, where=~right)
        counted = tally.vector([predicted, missed])
        right_ones, wrong = counted[:classes], counted[classes : 2 * classes]
        per_class = [right_ones, right_ones + wrong, right_ones + counted[2 * classes :]]
    # Each row that counts has one predicted class.
    total = tf.reduce_sum(per_class[1])
    if tally.invalid is None:
        return [*per_class, total, tf.size(tally.valid, tf.int64) - total]
    return [*per_class, total, tf.math.count_nonzero(tally.invalid)]


def _single(target: Target, chosen: Kernels) -> Target:
    """One id per row, as a confusion matrix needs; rows that are not one-hot are invalid."""
    if target.ids is not None:
        return target
    (size,) = PackedMasks([target.members], [], chosen).row_sums()
    ids, _ = best(tf.cast(target.members, tf.float32), chosen)
    one = tf.equal(size, 1.0)
    known = target.known & (one if target.known.shape.rank == 1 else one[:, tf.newaxis])
    return Target(ids, None, known, target.ignored)
