import math
import warnings

import numpy as np
import pytest
import sklearn.metrics
import tensorflow as tf
from hypothesis import assume, given
from hypothesis import strategies as st
from tasks import tasks

from dist_f1 import Counts, report


def sklearn_report(task, **arguments):
    y_true, y_pred, weight = task.weighty()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return sklearn.metrics.classification_report(
            y_true, y_pred, sample_weight=weight, **arguments
        )


def counts_of(task):
    return Counts.from_labels(task.y_true, task.y_pred, task.num_classes, task.weight)


def assume_some_row_is_right(task):
    """Where no row is, scikit-learn prints the integer supports as floats (`1.0`)."""
    assume(task.is_multilabel or np.any(task.y_true == task.y_pred))


def assert_same(ours, expected):
    assert list(ours) == list(expected)
    for name, row in expected.items():
        if isinstance(row, dict):
            assert list(ours[name]) == list(row)
            np.testing.assert_allclose(
                list(ours[name].values()), list(row.values()), rtol=0, atol=1e-12
            )
            assert all(type(value) is float for value in ours[name].values())
        else:
            assert ours[name] == pytest.approx(row, abs=1e-12)


@given(tasks(), st.sampled_from([0.0, 1.0, math.nan]))
def test_the_dict_is_that_of_sklearn(task, zero_division):
    expected = sklearn_report(task, output_dict=True, zero_division=zero_division)
    ours = report(counts_of(task), output_dict=True, zero_division=zero_division)
    assert_same(ours, expected)


@given(tasks(weighted=[False]), st.integers(0, 5))
def test_the_text_is_that_of_sklearn_to_the_letter(task, digits):
    assume_some_row_is_right(task)
    assert report(counts_of(task), digits=digits) == sklearn_report(task, digits=digits)


@pytest.mark.parametrize("all_true", [None, 0, 1])
@pytest.mark.parametrize("all_predicted", [None, 0, 1])
@pytest.mark.parametrize("seed", range(3))
def test_a_side_that_is_empty_is_empty_in_spite_of_rounding(all_true, all_predicted, seed):
    """Sums of these weights depend on their order, and the negative side is a difference."""
    random = np.random.default_rng(seed)
    y_true, y_pred = (
        random.integers(0, 2, 999) if label is None else np.full(999, label)
        for label in (all_true, all_predicted)
    )
    weight = random.random(999) ** 3
    parts = (slice(333), slice(333, 999))
    counts = sum(Counts.from_labels(y_true[s], y_pred[s], 1, weight[s]) for s in parts)
    expected = sklearn.metrics.classification_report(
        y_true, y_pred, sample_weight=weight, output_dict=True, zero_division=1.0
    )
    assert report(counts, output_dict=True, zero_division=1.0) == {
        name: pytest.approx(row, rel=1e-12, abs=1e-12) for name, row in expected.items()
    }


def test_the_text_of_weighted_counts_is_that_of_sklearn():
    y_true, y_pred, weight = [0, 1, 2, 2], [0, 2, 2, 2], [0.5, 1.25, 2.0, 0.25]
    assert report(Counts.from_labels(y_true, y_pred, 3, weight)) == (
        sklearn.metrics.classification_report(
            y_true, y_pred, sample_weight=weight, zero_division=0.0
        )
    )


@given(tasks(["multiclass"], weighted=[False]), st.data())
def test_labels_choose_the_rows_and_accuracy_gives_way_to_micro_avg(task, data):
    assume_some_row_is_right(task)
    labels = data.draw(
        st.lists(st.integers(0, task.num_classes - 1), min_size=1, unique=True), "labels"
    )
    names = [f"class number {label}" for label in range(task.num_classes)]
    expected = sklearn_report(
        task, labels=labels, target_names=[names[label] for label in labels], zero_division=0.0
    )
    assert report(counts_of(task), names, labels=labels) == expected


def test_binary_counts_of_one_class_report_both_sides():
    y_true, y_pred = [0, 1, 1, 0, 1], [0, 1, 0, 1, 1]
    names = ["no", "yes"]
    assert report(Counts.from_labels(y_true, y_pred, 1), names) == (
        sklearn.metrics.classification_report(y_true, y_pred, target_names=names)
    )


def test_counts_may_be_numpy_or_tensors():
    counts = Counts.from_labels([0, 1, 1], [0, 1, 0], 2)
    assert isinstance(counts.true_positive, tf.Tensor)
    assert report(counts) == report(counts.numpy())


def test_names_must_be_one_per_class():
    with pytest.raises(ValueError, match=r"class_names has 2 names for 3 classes"):
        report(Counts.from_labels([0], [0], 3), ["a", "b"])


def test_invalid_rows_are_not_passed_over():
    with pytest.raises(ValueError, match=r"1 of 2 rows were not counted"):
        report(Counts.from_labels([0, 9], [0, 0], 3))


def test_no_rows_make_an_empty_report():
    nothing = np.zeros(0, int)
    assert report(Counts.from_labels(nothing, nothing, 3), output_dict=True) == {}
    assert "precision" in report(Counts.from_labels(nothing, nothing, 3))
