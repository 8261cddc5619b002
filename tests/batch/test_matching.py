"""Which classes are right is the same, whether rows name them by ids or by a matrix."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from dist_f1.batch.decisions import Decision
from dist_f1.batch.matching import match, sizes
from dist_f1.batch.targets import Target

CLASSES = 4
PREDICTED = np.array([[0, 3], [1, 2], [2, 0], [3, 1]])
ACTUAL = np.array([0, 1, 3, -1])
KNOWN = ACTUAL >= 0


def members(ids):
    """Bool `[N, C]`, of ids `[N]` or `[N, k]`."""
    return np.any(np.reshape(ids, [len(ids), -1, 1]) == np.arange(CLASSES), axis=1)


def named(classes):
    if classes.matrix is not None:
        return classes.matrix.numpy()
    where = classes.where
    return members(np.where(True if where is None else where, classes.ids, -1))


@pytest.mark.parametrize(
    ("predicted", "decided_by_ids", "true_by_ids"),
    [
        (PREDICTED[:, :k], *by_ids)
        for k, by_ids in itertools.product((1, 2), itertools.product((True, False), repeat=2))
    ],
)
def test_right_classes_are_those_of_both(predicted, decided_by_ids, true_by_ids):
    ids = tf.constant(predicted[:, 0] if predicted.shape[1] == 1 else predicted)
    known = tf.ones([4], tf.bool)
    decision = Decision(ids, None, known)
    if not decided_by_ids:
        decision = Decision(None, tf.constant(members(predicted)), known)
    target = Target(tf.constant(ACTUAL), None, tf.constant(KNOWN), None)
    if not true_by_ids:
        target = Target(None, tf.constant(members(ACTUAL)), tf.constant(KNOWN), None)
    matched = match(decision, target)
    both = members(predicted) & members(ACTUAL)
    np.testing.assert_array_equal(named(matched.right)[KNOWN], both[KNOWN])
    np.testing.assert_array_equal(named(matched.predicted), members(predicted))
    assert matched.predicted.most == (predicted.shape[1] if decided_by_ids else CLASSES)
    assert matched.actual.most == (1 if true_by_ids else CLASSES)

    of_matrices = [tf.reduce_sum(tf.cast(x, tf.float32), -1) for x in matched.matrices]
    right, of_decisions, _ = sizes(matched, of_matrices, known)
    np.testing.assert_array_equal(right.numpy()[KNOWN], both.sum(axis=1)[KNOWN])
    np.testing.assert_array_equal(of_decisions, predicted.shape[1])
    assert np.all(right.numpy()[KNOWN] <= matched.right.most)
