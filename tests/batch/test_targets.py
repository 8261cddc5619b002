"""Invalid targets, and rows that are left out."""

import numpy as np
import pytest
from comparisons import only_valid, same
from counted_batches import ARGMAX, SCORES, Y_PRED, Y_TRUE, count, expected

from dist_f1.batch.decision_rule import DecisionRule


@pytest.mark.parametrize("ignore_class", [0, 2, -1, 255])
@pytest.mark.parametrize("one_hot", [False, True])
def test_rows_of_ignore_class_are_left_out(ignore_class, one_hot):
    inside = 0 <= ignore_class < 3
    if one_hot and not inside:
        return
    y_true = np.concatenate([Y_TRUE, [ignore_class] * 2])
    y_pred = np.concatenate([SCORES, SCORES[:2]])
    keep = y_true != ignore_class
    given_targets = np.eye(3)[y_true] if one_hot else y_true
    same(
        count(given_targets, y_pred, ignore_class=ignore_class),
        expected(y_true[keep], y_pred.argmax(-1)[keep], 3),
    )


def test_rows_of_ignore_class_are_dropped_from_binary_scores():
    counted = count(
        np.array([0, 1, 255, 1]),
        np.float32([0.9, 0.9, 0.9, 0.1]),
        rule=DecisionRule(0.5),
        ignore_class=255,
    )
    same(counted, expected([0, 1, 1], [1, 1, 0], 1))


@pytest.mark.parametrize("label", [-1, 3, 1000, 1.5, np.nan, np.inf, -np.inf, 1e300])
def test_labels_that_are_no_class_are_invalid(label):
    y_true = np.concatenate([Y_TRUE, [label]])
    counted = count(y_true, np.concatenate([SCORES, SCORES[:1]]))
    assert counted.invalid == 1
    same(only_valid(counted), expected(Y_TRUE, Y_PRED, 3))


@pytest.mark.parametrize("value", [0.9, 2.0, -1.0, np.nan])
@pytest.mark.parametrize("rule", [ARGMAX, DecisionRule(0.5)])
def test_targets_that_are_neither_0_nor_1_are_invalid(rule, value):
    y_true = np.eye(3)[Y_TRUE]
    y_true[2, 2] = value
    counted = count(y_true, SCORES, rule=rule)
    assert counted.invalid == 1
    assert counted.total == 5
