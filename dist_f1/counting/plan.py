"""`Plan`: what is counted of a batch, and by which kernels."""

import dataclasses

from dist_f1.batch.decision_rule import DecisionRule
from dist_f1.counts.layout import Layout
from dist_f1.kernels import Kernels


@dataclasses.dataclass(frozen=True)
class Plan:
    """The counts of a batch, and the kernels that count. Equal plans share traces.

    Args:
        rule: How predictions become decisions.
        layout: Layout of the vector of counts.
        ignore_class: Label of the rows to leave out.
        num_groups: Number of groups of rows.
        kernels: Kernels to use.
    """

    rule: DecisionRule
    layout: Layout
    ignore_class: int | None
    num_groups: int | None
    kernels: Kernels
