"""From one batch of rows to a vector of counts.

Pure, and at most O(N C): predictions and 0/1 targets are passed over in place, ids are counted by
histograms, and nothing is expanded to one-hot.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from dist_f1 import kernels
from dist_f1.batch.decision_rule import DecisionRule
from dist_f1.batch.decisions import decide
from dist_f1.batch.groups import Groups, parse_groups
from dist_f1.batch.inputs import Rows
from dist_f1.batch.row_classes import RowClasses, match
from dist_f1.batch.targets import parse_targets
from dist_f1.counting import shortcuts
from dist_f1.counting.entries import class_totals, select_entries
from dist_f1.counting.open_sizes import Programs
from dist_f1.counting.plan import Plan
from dist_f1.counting.row_status import branches, row_status
from dist_f1.counting.row_sums import RowSums, row_sums
from dist_f1.counting.tracing import call_traced, not_inlined
from dist_f1.counts import sample_averages
from dist_f1.counts.causes import code
from dist_f1.counts.layout import Layout
from dist_f1.kernels import Kernels
from dist_f1.kernels.argmax import best
from dist_f1.kernels.packed_masks import PackedMasks
from dist_f1.replicas import contexts

# Up to this number of classes, a histogram of (actual, predicted) pairs is the cheapest: it has few
# bins compared with the rows. A batch that is compiled on its own is large.
_MAX_PAIRED, _MAX_PAIRED_COMPILED = 32, 128
# With more bins of groups or weights, splitting and adding up fewer histograms costs more than it
# saves.
_MAX_MERGED = 2**17


def count_rows(
    rows: Rows,
    rule: DecisionRule,
    layout: Layout,
    ignore_class: int | None = None,
    num_groups: int | None = None,
) -> tf.Tensor:
    """Decide and count N rows; see `CountSpec.count`."""
    kind = rule.kind if rows.has_scores else "labels"
    chosen = kernels.choose(rows.y_pred, decision=kind)
    plan = Plan(rule, layout, ignore_class, num_groups, chosen)
    if not chosen.compiled or not contexts.may_compile():
        return _count(rows, plan)
    small = kernels.choose(rows.y_pred, decision=kind, is_large=False)
    programs = Programs(
        small=lambda rows: _count(rows, dataclasses.replace(plan, kernels=small)),
        large=lambda rows: _count(rows, plan, compiled=True),
        length=layout.size,
    )
    return programs.count(rows)


def _count(rows: Rows, plan: Plan, compiled: bool = False) -> tf.Tensor:
    def call(function: Callable[[Rows, Plan], Any]) -> Any:
        if compiled:
            return call_traced(function, rows, plan, compiled=True)
        return function(rows, plan)

    if not shortcuts.may_hold(rows, plan):
        return call(_count_generally)
    # The general code is a separate program, so that it is compiled only if a batch needs it.
    counts, holds = call(_count_by_shortcut)
    return tf.cond(holds, lambda: counts, not_inlined(lambda: call(_count_generally)))


def _count_by_shortcut(rows: Rows, plan: Plan) -> tuple[tf.Tensor, tf.Tensor]:
    """Return counts, and whether they hold; see `shortcuts`."""
    if shortcuts.may_fold(rows, plan):
        return shortcuts.count_folded(rows, plan)
    if shortcuts.is_small_and_plain(rows, plan):
        return shortcuts.count_small(rows, plan)
    predicted = decide(rows.y_pred, plan.rule, plan.kernels)
    actual, is_one_hot = shortcuts.find_classes(rows, plan)
    groups = parse_groups(rows.group_ids, plan.num_groups)
    counts = count_classes(predicted, actual, rows, plan.layout, groups, plan.kernels)
    return counts, is_one_hot


def _count_generally(rows: Rows, plan: Plan) -> tf.Tensor:
    chosen = plan.kernels
    groups = parse_groups(rows.group_ids, plan.num_groups)
    has_entries = plan.layout.entries or rows.entry_mask is not None
    few_ops = not (branches(chosen, rows) or has_entries or chosen.device == "TPU")
    options = chosen.index, few_ops
    if rows.has_scores:
        predicted = decide(rows.y_pred, plan.rule, chosen)
    else:
        predicted = parse_targets(rows.y_pred, rows.num_classes, None, *options)
    actual = parse_targets(rows.y_true, rows.num_classes, plan.ignore_class, *options)
    return count_classes(predicted, actual, rows, plan.layout, groups, chosen)


def count_classes(
    predicted: RowClasses,
    actual: RowClasses,
    rows: Rows,
    layout: Layout,
    groups: Groups | None,
    chosen: Kernels,
) -> tf.Tensor:
    """Count the predicted and actual classes of N rows into a vector, packed as `layout`."""
    size = layout.num_classes
    if layout.entries:
        predicted, actual, rows = select_entries(predicted, actual, rows, size)
    elif actual.entries is not None:
        # Where a row has one predicted class, the row as a whole is left out.
        actual = actual._replace(ignored=~tf.reduce_all(actual.entries, axis=-1))
    if layout.confusion:
        actual = _to_single_label(actual, chosen)
    classes = (match(predicted, actual), predicted, actual)
    masks = PackedMasks([x.multi_hot for x in classes], [predicted.valid, actual.valid], chosen)
    status = row_status(masks.valid_rows, predicted, actual, rows, groups, chosen)
    sums = row_sums(status, rows.weight, rows.entry_weight, groups, chosen)
    single_label = predicted.is_single_label and actual.is_single_label
    few_bins = sums.is_plain or max(layout.groups, 1) * size <= _MAX_MERGED
    if chosen.histogram == "segment_sum" and single_label and few_bins:
        fields = _count_single_label(*classes, sums, size)
    else:
        fields = [*sums.per_class(classes, masks, size), *sums.rows()]
    if layout.samples:
        fields += _sample_sums(layout.samples, classes, masks, status.valid, sums)
    if layout.confusion:
        fields.append(sums.histogram(actual.ids * size + predicted.ids, size * size))
    if layout.entries:
        fields += class_totals(rows, sums, chosen)
    return sums.vector(fields)


def _count_single_label(
    correct: RowClasses, predicted: RowClasses, actual: RowClasses, sums: RowSums, size: int
) -> list[Any]:
    """Count ids `[N]` with fewer histograms than one for each field."""
    groups = 1 if sums.groups is None else sums.groups.number
    limit = _MAX_PAIRED_COMPILED if sums.kernels.compiled else _MAX_PAIRED
    if groups * size**2 <= limit**2:
        counts = sums.vector([sums.histogram(actual.ids * size + predicted.ids, size**2)])
        pairs = tf.reshape(counts, [groups, size, size])
        hits = tf.reshape(counts, [groups, size**2])[:, :: size + 1]
        per_class = [hits, tf.reduce_sum(pairs, axis=1), tf.reduce_sum(pairs, axis=2)]
    else:
        # In a correct row one id is both classes. A wrong row is counted from `size` on by its
        # predicted class, and in a second histogram by its actual class.
        ids = predicted.ids
        first = sums.histogram(tf.where(correct.where, ids, ids + size), 2 * size)
        second = sums.histogram(actual.ids, size, where=~correct.where)
        counts = sums.vector([first, second])
        hits, wrong = tf.split(tf.reshape(counts[: first.size], [groups, 2 * size]), 2, axis=1)
        missed = tf.reshape(counts[first.size :], [groups, size])
        per_class = [hits, hits + wrong, hits + missed]
    # Each counted row has one predicted class.
    total = tf.reduce_sum(per_class[1], axis=-1)
    return [*per_class, total, sums.causes()]


def _sample_sums(
    ratios: tuple[str, ...],
    classes: tuple[RowClasses, ...],
    masks: PackedMasks,
    rows: tf.Tensor,
    sums: RowSums,
) -> list[tf.Tensor]:
    sizes = [
        x.number_per_row(rows) if of_mask is None else of_mask
        for x, of_mask in zip(classes, masks.row_sums(), strict=True)
    ]
    most = [x.max_per_row for x in classes]
    return sample_averages.split(sums.sample_sums(ratios, sizes, most), len(ratios))


def _to_single_label(actual: RowClasses, chosen: Kernels) -> RowClasses:
    """Convert to one id per row, for a confusion matrix; rows that are not one-hot are invalid."""
    if actual.ids is not None:
        return actual
    (number,) = PackedMasks([actual.multi_hot], [], chosen).row_sums()
    ids, _ = best(tf.cast(actual.multi_hot, tf.float32), chosen)
    one = tf.equal(number, 1.0)
    valid = actual.valid & (one if actual.valid.shape.rank == 1 else one[:, tf.newaxis])

    def find_codes(_: tf.Tensor) -> tf.Tensor:
        codes = actual.find_codes(actual.valid)
        return tf.maximum(codes, tf.where(one, tf.zeros([], codes.dtype), code("target")))

    return actual._replace(ids=ids, multi_hot=None, valid=valid, find_codes=find_codes)
