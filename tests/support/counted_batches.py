"""A small batch of three classes, and its counts by the core and by labels."""

import numpy as np
from helpers import scores_for

from dist_f1 import Counts
from dist_f1.batch import inputs
from dist_f1.batch.decision_rule import DecisionRule
from dist_f1.counting import CountSpec

ARGMAX = DecisionRule()
Y_TRUE = np.array([0, 1, 2, 2, 1, 0])
Y_PRED = np.array([0, 2, 2, 1, 1, 1])
SCORES = scores_for(Y_PRED, 3)


def count(*args, **kwargs):
    """Count a batch into NumPy counts; see `count_tensors`."""
    return count_tensors(*args, **kwargs).numpy()


def count_tensors(
    y_true, y_pred, weight=None, mask=None, by=None, rule=ARGMAX, num_classes=None, **fields
):
    """Count a batch as a metric does; `fields` are those of `CountSpec`."""
    rows = inputs.flatten(y_true, y_pred, weight, mask, by, rule=rule, num_classes=num_classes)
    spec = CountSpec(rule, **fields)
    layout = spec.layout_of(rows)
    return layout.unpack(spec.count(rows, layout))


def expected(y_true, y_pred, num_classes, weight=None):
    return Counts.from_labels(y_true, y_pred, num_classes, weight).numpy()
