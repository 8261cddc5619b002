"""From predictions to counts in the buckets between thresholds, in one pass."""

import dataclasses
from typing import Any

import tensorflow as tf

from dist_f1 import kernels
from dist_f1.batch.decision_rule import DecisionRule
from dist_f1.batch.groups import parse_groups
from dist_f1.batch.inputs import Entries, Rows, flatten
from dist_f1.batch.row_classes import RowClasses
from dist_f1.batch.targets import leaves_out_entries, parse_targets
from dist_f1.counting.entries import class_totals, select_entries
from dist_f1.counting.open_sizes import Programs
from dist_f1.counting.row_status import row_status
from dist_f1.counting.row_sums import row_sums
from dist_f1.counting.shortcuts import are_plain
from dist_f1.counts import Counts
from dist_f1.counts.layout import Layout
from dist_f1.kernels.packed_masks import PackedMasks
from dist_f1.replicas import contexts
from dist_f1.sweeps import slots
from dist_f1.sweeps.grid import Grid


@dataclasses.dataclass(frozen=True)
class SweepSpec:
    """The counts that a sweep needs; see `counting.CountSpec`, its sibling for one decision.

    Args:
        grid: The thresholds.
        from_logits: Whether predictions are logits. Thresholds remain probabilities.
        ignore_class: Label of the rows to leave out.
    """

    grid: Grid
    from_logits: bool = False
    ignore_class: int | None = None

    @property
    def decision(self) -> tuple[Any, ...]:
        """The part that must be equal in metrics that are merged."""
        return self.grid, self.decision_text

    @property
    def decision_text(self) -> str:
        """The decision apart from the thresholds, which must be equal in checkpoints too."""
        return "thresholds of " + ("logits" if self.from_logits else "probabilities")

    def layout(self, num_classes: int, entries: Entries | None = None) -> Layout:
        """Return the layout of the counts of C classes; see `CountSpec.layout`."""
        leaves_out = num_classes > 1 and leaves_out_entries(self.ignore_class, num_classes)
        return Layout(
            num_classes,
            thresholds=self.grid.thresholds,
            entries=entries is not None or leaves_out,
        )

    def layout_of(self, rows: Rows) -> Layout:
        """Return the layout of the counts of a batch."""
        return self.layout(rows.num_classes, rows.entries)

    def count(self, rows: Rows, layout: Layout) -> tf.Tensor:
        """Count a batch of predictions into one vector, packed as the layout.

        Bucket `b` of `true_positive` and `predicted`, `[T + 1, C]`, counts the predictions that are
        above exactly `b` of the T thresholds; `buckets.at_thresholds` sums the buckets.
        """
        # A sweep has no groups, and this raises if rows have.
        parse_groups(rows.group_ids, None)

        def count_plain(rows: Rows) -> tf.Tensor:
            return self._count(rows, layout)

        def count_slots(rows: Rows) -> tf.Tensor:
            return slots.count(rows, self.grid, self.from_logits, lambda: self._count(rows, layout))

        chosen = kernels.choose(rows.y_pred, decision="threshold")
        # XLA compares a prediction with all thresholds where TensorFlow searches them.
        is_plain = self.grid.is_even and are_plain(rows, layout, self.ignore_class)
        if not (chosen.compiled and contexts.may_compile() and is_plain):
            return count_plain(rows)
        return Programs(count_plain, count_slots, layout.size).count(rows)

    def _count(self, rows: Rows, layout: Layout) -> tf.Tensor:
        size = rows.num_classes
        y_score = tf.reshape(rows.y_pred, [-1, size])
        chosen = kernels.choose(y_score, decision="other")
        # int32 is wide enough for a bin per class and bucket, and faster; on a GPU it would be
        # computed on the host.
        index = tf.int64 if chosen.device == "GPU" else tf.int32
        actual = parse_targets(rows.y_true, size, self.ignore_class)
        valid = tf.equal(y_score, y_score)
        predicted = RowClasses(multi_hot=tf.ones_like(valid), valid=valid)
        if layout.entries:
            predicted, actual, rows = select_entries(predicted, actual, rows, size)
        masks = PackedMasks([actual.multi_hot], [actual.valid, predicted.valid], chosen)
        status = row_status(masks.valid_rows, predicted, actual, rows, None, chosen)
        sums = row_sums(status, rows.weight, rows.entry_weight, None, chosen)
        where = rows.entry_mask if layout.entries else None

        buckets, bins = self.grid.size, size * self.grid.size
        slot = self.grid.buckets(y_score, self.from_logits, index)
        slot += buckets * tf.range(size, dtype=index)
        if actual.multi_hot is None:
            ids = tf.where(sums.valid, actual.ids, 0)
            own = tf.gather(slot, ids[:, tf.newaxis], batch_dims=1)
            both = sums.vector([sums.histogram(own, bins), sums.histogram(slot, bins)])
            true_positive, predicted = _by_bucket(both, size)
        else:
            slot += bins * tf.cast(actual.multi_hot, index)
            both = sums.vector([sums.histogram(slot, 2 * bins, where)])
            negative, true_positive = _by_bucket(both, size)
            predicted = negative + true_positive
        per_class = sums.per_class([actual], masks, size)
        totals = class_totals(rows, sums, chosen) if layout.entries else []
        return sums.vector([true_positive, predicted, *per_class, *sums.rows(), *totals])


def count_scores(
    spec: SweepSpec,
    y_true: Any,
    y_score: Any,
    sample_weight: Any,
    num_classes: int | None,
) -> Counts:
    """Count predictions into buckets; see `Sweep.from_scores`."""
    # Used only to flatten: with a threshold, each class is decided alone.
    rule = DecisionRule(threshold=0.5)
    rows = flatten(y_true, y_score, sample_weight, rule=rule, num_classes=num_classes)
    layout = spec.layout_of(rows)
    return layout.unpack(spec.count(rows, layout)).numpy()


def _by_bucket(pair: tf.Tensor, classes: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Split two histograms by class and bucket, each into `[T + 1, C]`."""
    both = tf.transpose(tf.reshape(pair, [2, classes, -1]), [0, 2, 1])
    return both[0], both[1]
