"""Averages over classes and rows equal scikit-learn, and impossible averages raise."""

import dataclasses
import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import assume, given
from hypothesis import strategies as st
from tasks import ZERO_DIVISION, assert_ratios_equal_sklearn, tasks

from dist_f1 import Counts, scores


@pytest.mark.parametrize("average", ["micro", "macro", "weighted"])
@given(task=tasks(["multiclass", "multilabel"]), zero_division=ZERO_DIVISION)
def test_averages_over_all_classes_equal_sklearn(average, task, zero_division):
    assert_ratios_equal_sklearn(task, average=average, zero_division=zero_division)


@pytest.mark.parametrize("average", [None, "micro", "macro", "weighted"])
@given(task=tasks(["multiclass", "multilabel"]), zero_division=ZERO_DIVISION, data=st.data())
def test_averages_over_labels_equal_sklearn(average, task, zero_division, data):
    labels = data.draw(
        st.lists(st.integers(0, task.num_classes - 1), min_size=1, unique=True), "labels"
    )
    arguments = {"average": average, "zero_division": zero_division, "labels": labels}
    assert_ratios_equal_sklearn(task, **arguments)


@given(task=tasks(["binary"]), zero_division=ZERO_DIVISION, pos_label=st.integers(0, 1))
def test_binary_averages_equal_sklearn_for_one_and_for_two_classes(task, zero_division, pos_label):
    assume(pos_label in task.y_true or pos_label in task.y_pred)
    two_classes = dataclasses.replace(task, num_classes=2)
    for chosen in (task, two_classes):
        assert_ratios_equal_sklearn(
            chosen, average="binary", zero_division=zero_division, pos_label=pos_label
        )


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
@given(task=tasks(["binary"]))
def test_averages_of_both_classes_of_a_binary_task_equal_sklearn(average, task):
    counts = task.counts().numpy().to_two_class()
    assert_ratios_equal_sklearn(task, counts, average=average, zero_division=0.0)


@given(task=tasks(["multilabel"]), zero_division=ZERO_DIVISION)
def test_sample_averages_equal_sklearn(task, zero_division):
    assert_ratios_equal_sklearn(task, average="samples", zero_division=zero_division)


def test_the_macro_average_skips_absent_classes():
    counts = Counts.from_labels([0, 1], [0, 1], num_classes=5).numpy()
    assert scores.f1(counts, "macro") == 1.0
    assert scores.f1(counts, "macro", labels=range(5)) == pytest.approx(0.4)


@pytest.mark.parametrize("average", ["micro", "macro", "weighted", "binary"])
@pytest.mark.parametrize("zero_division", [0.0, 1.0, math.nan])
def test_no_rows_give_zero_division(average, zero_division):
    counts = Counts.from_labels(np.zeros(0, int), np.zeros(0, int), num_classes=2).numpy()
    np.testing.assert_equal(float(scores.f1(counts, average, zero_division)), zero_division)


COUNTS = Counts.from_labels([0, 1, 2], [0, 2, 2], num_classes=3).numpy()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"average": "makro"}, "average must be None or .*macro.*'makro'"),  # codespell:ignore
        ({"average": "binary"}, "needs two classes.*have 3"),
        ({"average": "samples"}, "may predict several"),
        ({"average": "binary", "labels": [0]}, "labels= has no meaning"),
        ({"average": 0.5}, "For a threshold, pass threshold=0.5"),
        ({"zero_division": 0.5}, "must be 0, 1 or NaN, got 0.5"),
        ({"zero_division": "warn"}, "must be 0, 1 or NaN, got 'warn'"),
        ({"zero_division": None}, "must be 0, 1 or NaN, got None"),
        ({"labels": []}, "sequence of different class ids"),
        ({"labels": [1.5]}, "must be a sequence of different class ids"),
        ({"labels": "12"}, "must be a sequence of different class ids"),
        ({"labels": 1.0}, "must be a sequence of different class ids"),
        ({"labels": [1, 1]}, "sequence of different class ids"),
        ({"labels": [0, 3]}, r"labels holds \[3\].*0 to 2"),
        ({"labels": [-1]}, r"labels holds \[-1\]"),
        ({"beta": -1.0}, "beta must be a number of at least 0"),
        ({"beta": math.nan}, "beta must be a number of at least 0"),
    ],
)
def test_invalid_arguments_raise(arguments, message):
    with pytest.raises(ValueError, match=message):
        scores.f_beta(COUNTS, **arguments)


@pytest.mark.parametrize("labels", [np.array([2, 0]), tf.constant([2, 0]), range(2, -1, -2)])
def test_labels_may_be_any_sequence_of_integers(labels):
    np.testing.assert_array_equal(
        scores.f1(COUNTS, labels=labels), scores.f1(COUNTS, labels=[2, 0])
    )


def test_sample_averages_over_some_classes_raise():
    counts = Counts.from_labels(np.eye(3, dtype=int), np.ones([3, 3], int), num_classes=3).numpy()
    assert scores.f1(counts, "samples", labels=[2, 1, 0]) == scores.f1(counts, "samples")
    with pytest.raises(ValueError, match=r"all classes.*Omit labels"):
        scores.f1(counts, "samples", labels=[0, 1])


@pytest.mark.parametrize("average", ["micro", "macro", "weighted"])
def test_labels_of_binary_counts_are_the_negative_and_the_positive_class(average):
    y_true, y_pred = [0, 1, 1, 0, 1], [0, 1, 0, 1, 1]
    one = Counts.from_labels(y_true, y_pred, 1).numpy()
    two = Counts.from_labels(y_true, y_pred, 2).numpy()
    for labels in ([0], [1], [0, 1]):
        assert scores.f1(one, average, labels=labels) == scores.f1(two, average, labels=labels)
    np.testing.assert_array_equal(scores.f1(one, labels=[1, 0]), scores.f1(two, labels=[1, 0]))


def test_pos_label_must_be_0_or_1():
    counts = Counts.from_labels([0, 1], [0, 1], num_classes=2).numpy()
    with pytest.raises(ValueError, match="pos_label must be 0 or 1"):
        scores.f1(counts, "binary", pos_label=2)
