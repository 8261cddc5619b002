"""The report is scikit-learn's classification report, as text and as a dict."""

import math
import subprocess
import sys
import warnings

import numpy as np
import pytest
import sklearn.metrics
import tensorflow as tf
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tasks import tasks
from tiers import slow

from dist_f1 import Counts, report


def sklearn_report(task, **arguments):
    y_true, y_pred, weight = task.with_nonzero_weight()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return sklearn.metrics.classification_report(
            y_true, y_pred, sample_weight=weight, **arguments
        )


def counts_of(task):
    return Counts.from_labels(task.y_true, task.y_pred, task.num_classes, task.weight)


def assume_a_correct_row(task):
    """Without one, scikit-learn prints the integer supports as floats (`1.0`)."""
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


@settings(max_examples=20)
@given(tasks(), st.sampled_from([0.0, 1.0, math.nan]))
def test_the_dict_is_that_of_scikit_learn(task, zero_division):
    expected = sklearn_report(task, output_dict=True, zero_division=zero_division)
    ours = report(counts_of(task), output_dict=True, zero_division=zero_division)
    assert_same(ours, expected)


@settings(max_examples=20)
@given(tasks(weighted=[False]), st.integers(0, 5))
def test_the_text_is_exactly_that_of_scikit_learn(task, digits):
    assume_a_correct_row(task)
    assert report(counts_of(task), digits=digits) == sklearn_report(task, digits=digits)


@pytest.mark.parametrize("all_true", [None, 0, 1])
@pytest.mark.parametrize("all_predicted", [None, 0, 1])
@pytest.mark.parametrize("seed", [0, slow(1), slow(2)])
def test_an_empty_class_stays_empty_despite_rounding_errors(all_true, all_predicted, seed):
    # Sums of these weights depend on their order, and the negative class is a difference.
    random = np.random.default_rng(seed)
    y_true, y_pred = (
        random.integers(0, 2, 999) if label is None else np.full(999, label)
        for label in (all_true, all_predicted)
    )
    weight = random.random(999) ** 3
    slices = (slice(333), slice(333, 999))
    counts = sum(Counts.from_labels(y_true[s], y_pred[s], 1, weight[s]) for s in slices)
    expected = sklearn.metrics.classification_report(
        y_true, y_pred, sample_weight=weight, output_dict=True, zero_division=1.0
    )
    assert report(counts, output_dict=True, zero_division=1.0) == {
        name: pytest.approx(row, rel=1e-12, abs=1e-12) for name, row in expected.items()
    }


def test_the_text_of_weighted_counts_is_that_of_scikit_learn():
    y_true, y_pred, weight = [0, 1, 2, 2], [0, 2, 2, 2], [0.5, 1.25, 2.0, 0.25]
    assert report(Counts.from_labels(y_true, y_pred, 3, weight)) == (
        sklearn.metrics.classification_report(
            y_true, y_pred, sample_weight=weight, zero_division=0.0
        )
    )


@settings(max_examples=20)
@given(tasks(["multiclass"], weighted=[False]), st.data())
def test_labels_select_the_rows_and_micro_avg_replaces_accuracy(task, data):
    assume_a_correct_row(task)
    labels = data.draw(
        st.lists(st.integers(0, task.num_classes - 1), min_size=1, unique=True), "labels"
    )
    names = [f"class number {label}" for label in range(task.num_classes)]
    expected = sklearn_report(
        task, labels=labels, target_names=[names[label] for label in labels], zero_division=0.0
    )
    assert report(counts_of(task), names, labels=labels) == expected


def test_binary_counts_of_one_class_are_reported_as_two_classes():
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


def test_invalid_rows_raise():
    with pytest.raises(ValueError, match=r"1 of 2 rows were not counted"):
        report(Counts.from_labels([0, 9], [0, 0], 3))


def test_no_rows_make_an_empty_report():
    nothing = np.zeros(0, int)
    assert report(Counts.from_labels(nothing, nothing, 3), output_dict=True) == {}
    assert "precision" in report(Counts.from_labels(nothing, nothing, 3))


def test_reports_pages_and_plots_start_without_tensorflow():
    code = """
import sys
import numpy as np
from dist_f1 import pages, plots
from dist_f1.counts import Counts
from dist_f1.reports import report
ones = np.ones(2, np.int64)
counts = Counts(ones, ones, ones, np.int64(2), np.int64(0), confusion=np.eye(2, dtype=np.int64))
assert "weighted avg" in report(counts)
assert "weighted avg" in pages.html("", [pages.report_table("", counts)])
assert "tensorflow" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
