"""`CountSpec`: what is counted, apart from the number of classes."""

import dataclasses
from typing import Any

import tensorflow as tf

from dist_f1.batch.decision_rule import DecisionRule
from dist_f1.batch.inputs import Entries, Rows
from dist_f1.batch.targets import leaves_out_entries
from dist_f1.counting.batch_counts import count_rows
from dist_f1.counts import sample_averages
from dist_f1.counts.layout import Layout


@dataclasses.dataclass(frozen=True)
class CountSpec:
    """The counts that a metric needs: their layout, and the counts of a batch.

    Args:
        rule: How predictions become decisions.
        ignore_class: Label of the rows to leave out.
        confusion: Whether to count the `[C, C]` matrix too, where a row has one class of several.
        betas: Further betas than 1 for sample averages of F, where a row may have several classes;
            `None` if no sample average is needed.
        num_groups: Number of groups of rows. All counts then have a leading axis of groups.
    """

    rule: DecisionRule
    ignore_class: int | None = None
    confusion: bool = False
    betas: tuple[float, ...] | None = ()
    num_groups: int | None = None

    @property
    def decision(self) -> tuple[Any, ...]:
        """The part that must be equal in metrics that are merged."""
        return self.decision_text, self.num_groups

    @property
    def decision_text(self) -> str:
        """The decision, which must be equal in checkpoints too; see `DecisionRule.text`."""
        return self.rule.text

    def layout(self, num_classes: int, entries: Entries | None = None) -> Layout:
        """Return the layout of the counts of C classes.

        Args:
            num_classes: C.
            entries: `"masks"` or `"weights"` if single entries of rows are left out or weighted.
        """
        multilabel = self.rule.is_multilabel(num_classes)
        samples = None
        if multilabel:
            samples = () if self.betas is None else sample_averages.ratio_names(self.betas)
        if self.rule.decides_entries(num_classes) and leaves_out_entries(
            self.ignore_class, num_classes
        ):
            entries = entries or "masks"
        return Layout(
            num_classes,
            # A row has no number of classes if its entries have weights.
            samples=() if entries == "weights" else samples,
            # The counts of one class already say all that a matrix would.
            confusion=self.confusion and self.rule.is_argmax and num_classes > 1,
            groups=self.num_groups or 0,
            entries=entries is not None,
        )

    def layout_of(self, rows: Rows) -> Layout:
        """Return the layout of the counts of a batch."""
        return self.layout(rows.num_classes, rows.entries)

    def count(self, rows: Rows, layout: Layout) -> tf.Tensor:
        """Count a batch into one vector.

        Args:
            rows: The batch.
            layout: Layout of the vector: `layout_of(rows)`, or that of earlier batches.

        Returns:
            int64 counts, or float64 if the rows have weights. Masked rows, ignored rows and rows
            of weight 0 are left out. Each row that cannot be counted adds 1 to `invalid`.
        """
        return count_rows(rows, self.rule, layout, self.ignore_class, self.num_groups)
