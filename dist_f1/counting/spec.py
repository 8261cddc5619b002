"""`CountSpec`: what is counted, apart from the number of classes."""

import dataclasses
from typing import Any

import tensorflow as tf

from dist_f1.batch.decision_rule import DecisionRule
from dist_f1.batch.groups import parse_groups
from dist_f1.batch.inputs import Rows
from dist_f1.counting.batch_counts import count_rows
from dist_f1.counts import sample_averages
from dist_f1.counts.layout import Layout


@dataclasses.dataclass(frozen=True)
class CountSpec:
    """What is counted: it gives the layout of the counts, and the counts of a batch.

    Args:
        rule: How predictions become decisions.
        ignore_class: Label of the rows to leave out.
        confusion: Whether to count the `[C, C]` matrix too, where a row has one class of several.
        betas: Further betas than 1 for sample averages of F, where a row may have several classes.
        num_groups: Number of groups of rows. All counts then have a leading axis of groups.
    """

    rule: DecisionRule
    ignore_class: int | None = None
    confusion: bool = False
    betas: tuple[float, ...] = ()
    num_groups: int | None = None

    @property
    def decision(self) -> tuple[Any, ...]:
        """The part that must be equal in metrics that are merged."""
        return self.rule, self.num_groups

    def layout(self, num_classes: int) -> Layout:
        """Return the layout of the counts of C classes."""
        multilabel = self.rule.is_multilabel(num_classes)
        return Layout(
            num_classes,
            samples=sample_averages.ratio_names(self.betas) if multilabel else None,
            # The counts of one class already say all that a matrix would.
            confusion=self.confusion and self.rule.is_argmax and num_classes > 1,
            groups=self.num_groups or 0,
        )

    def count(self, rows: Rows) -> tf.Tensor:
        """Count a batch into one vector, packed as `layout(rows.num_classes)`.

        Returns:
            int64 counts, or float64 if `rows.weight` is given. Masked rows, ignored rows and rows
            of weight 0 are left out. Each row that cannot be counted adds 1 to `invalid`.
        """
        groups = parse_groups(rows.group_ids, self.num_groups)
        layout = self.layout(rows.num_classes)
        return count_rows(rows, self.rule, layout, self.ignore_class, groups)
