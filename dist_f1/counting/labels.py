"""Counts of labels that are already decided."""

from typing import Any

import tensorflow as tf

from dist_f1 import kernels
from dist_f1.batch import inputs
from dist_f1.batch.decision_rule import DecisionRule
from dist_f1.batch.groups import parse_groups
from dist_f1.batch.targets import parse_targets
from dist_f1.counting.batch_counts import count_classes
from dist_f1.counting.spec import CountSpec
from dist_f1.counts import Counts
from dist_f1.counts.limits import check_positive


def from_labels(
    y_true: Any,
    y_pred: Any,
    num_classes: int,
    sample_weight: Any,
    ignore_class: int | None,
    mask: Any,
    confusion: bool,
    betas: tuple[float, ...],
    by: Any,
    num_groups: int | None,
) -> Counts:
    """Count labels `[N]` or 0/1 indicators `[N, C]`; see `Counts.from_labels`."""
    num_classes = check_positive("num_classes", num_classes)
    y_pred = inputs.as_tensor(y_pred, "y_pred")
    multilabel = y_pred.shape.rank == 2 and y_pred.shape[-1] == num_classes and num_classes > 1
    if not (multilabel or y_pred.shape.rank == 1 or y_pred.shape[1:] == [1]):
        raise ValueError(
            f"y_pred has shape {y_pred.shape}. Pass labels [N], or 0/1 indicators "
            f"[N, {num_classes}]."
        )
    rule = DecisionRule(threshold=0.5 if multilabel else None)
    # Used only to flatten: predictions are parsed like targets, in their own dtype.
    cast = tf.cast(y_pred, tf.float32 if multilabel else tf.int64)
    rows = inputs.flatten(y_true, cast, sample_weight, mask, by, rule=rule, num_classes=num_classes)
    groups = parse_groups(rows.group_ids, num_groups)
    y_pred = tf.reshape(y_pred, tf.shape(rows.y_pred))
    chosen = kernels.choose(y_pred, decision="other")
    predicted = parse_targets(y_pred, num_classes, index=chosen.index)
    actual = parse_targets(rows.y_true, num_classes, ignore_class, chosen.index)
    spec = CountSpec(rule, ignore_class, confusion, betas, num_groups)
    layout = spec.layout_of(rows)
    return layout.unpack(count_classes(predicted, actual, rows, layout, groups, chosen))
