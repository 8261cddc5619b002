"""Counts of labels that are decided already."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from dist_f1 import kernels
from dist_f1.batch import inputs
from dist_f1.batch.decisions import DecisionRule
from dist_f1.batch.groups import group_rows
from dist_f1.batch.targets import read_targets
from dist_f1.counting.batch_counts import count_decided, layout_for, named_classes
from dist_f1.counts import Counts
from dist_f1.counts.arrays import is_integer


def from_labels(
    y_true: Any,
    y_pred: Any,
    num_classes: int,
    sample_weight: Any,
    *,
    confusion: bool,
    betas: tuple[float, ...],
    by: Any,
    num_groups: int | None,
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
    rows = inputs.flatten(
        y_true, lined_up, sample_weight, by=by, rule=rule, num_classes=num_classes
    )
    groups = group_rows(rows.by, num_groups)
    y_pred = tf.reshape(y_pred, tf.shape(rows.y_pred))
    chosen = kernels.choose(y_pred, decision="other")
    decision = named_classes(y_pred, num_classes, chosen)
    target = read_targets(rows.y_true, num_classes, None, chosen.index)
    layout = layout_for(rule, num_classes, confusion, betas, num_groups or 0)
    return layout.unpack(count_decided(decision, target, rows, layout, groups, chosen))
