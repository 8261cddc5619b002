"""Correct classes are the same whether rows give them by ids or multi-hot."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from dist_f1.batch.row_classes import RowClasses, match

CLASSES = 4
PREDICTED = np.array([[0, 3], [1, 2], [2, 0], [3, 1]])
ACTUAL = np.array([0, 1, 3, -1])
VALID = ACTUAL >= 0


def multi_hot(ids):
    """Bool `[N, C]` of ids `[N]` or `[N, k]`."""
    return np.any(np.reshape(ids, [len(ids), -1, 1]) == np.arange(CLASSES), axis=1)


def as_multi_hot(classes):
    if classes.multi_hot is not None:
        return classes.multi_hot.numpy()
    where = True if classes.where is None else classes.where
    return multi_hot(np.where(where, classes.ids, -1))


def row_classes(ids, by_ids, valid):
    if by_ids:
        return RowClasses(tf.constant(ids), valid=tf.constant(valid))
    return RowClasses(multi_hot=tf.constant(multi_hot(ids)), valid=tf.constant(valid))


@pytest.mark.parametrize("k", [1, 2])
@pytest.mark.parametrize(
    ("predicted_by_ids", "actual_by_ids"), itertools.product((True, False), repeat=2)
)
def test_correct_classes_are_both_predicted_and_actual(k, predicted_by_ids, actual_by_ids):
    ids = PREDICTED[:, 0] if k == 1 else PREDICTED
    predicted = row_classes(ids, predicted_by_ids, np.ones(4, bool))
    actual = row_classes(ACTUAL, actual_by_ids, VALID)
    correct = match(predicted, actual)
    both = multi_hot(ids) & multi_hot(ACTUAL)
    np.testing.assert_array_equal(as_multi_hot(correct)[VALID], both[VALID])
    assert correct.max_per_row >= both.sum(axis=1).max()
    if correct.ids is not None:
        numbers = correct.number_per_row(tf.constant(VALID)).numpy()
        np.testing.assert_array_equal(numbers[VALID], both.sum(axis=1)[VALID])


@pytest.mark.parametrize("k", [1, 2])
def test_ids_give_the_same_number_of_classes_in_each_row(k):
    ids = PREDICTED[:, 0] if k == 1 else PREDICTED
    classes = row_classes(ids, True, VALID)
    assert classes.max_per_row == k
    assert classes.number_per_row(tf.constant(VALID)).numpy().tolist() == [k] * 4
    assert classes.is_single_label == (k == 1)


def test_multi_hot_rows_have_at_most_every_class():
    classes = row_classes(ACTUAL, False, VALID)
    assert classes.max_per_row == CLASSES
    assert not classes.is_single_label
