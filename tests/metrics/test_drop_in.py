"""Replacing the F-scores of Keras by ours changes nothing but their defects."""

import inspect

import numpy as np
import pytest
import sklearn.metrics
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from tiers import slow_except

import dist_f1

PAIRS = [
    (dist_f1.F1Score, tf.keras.metrics.F1Score),
    (dist_f1.FBetaScore, tf.keras.metrics.FBetaScore),
]


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_positional_arguments_and_defaults_equal_keras(ours, theirs):
    for name, parameter in inspect.signature(theirs.__init__).parameters.items():
        own = inspect.signature(ours.__init__).parameters[name]
        assert (own.kind, own.default) == (parameter.kind, parameter.default)
    positional = [
        name
        for name, p in inspect.signature(ours.__init__).parameters.items()
        if p.kind is p.POSITIONAL_OR_KEYWORD
    ]
    assert positional == list(inspect.signature(theirs.__init__).parameters)


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
@pytest.mark.parametrize("average", slow_except([None, "micro", "macro", "weighted"], "macro"))
@pytest.mark.parametrize("threshold", [None, 0.4])
@settings(max_examples=settings.default.max_examples // 5)
@given(seed=st.integers(0, 1000), weighted=st.booleans())
def test_values_equal_keras_where_keras_is_correct(
    ours, theirs, average, threshold, seed, weighted
):
    random = np.random.default_rng(seed)
    # Every class occurs, without ties and zero scores, so the known defects of Keras do not show.
    y_true = np.eye(4, dtype=np.float32)[np.r_[np.arange(4), random.integers(0, 4, 12)]]
    if threshold is not None:
        y_true = np.maximum(y_true, random.integers(0, 2, y_true.shape)).astype(np.float32)
    y_pred = random.uniform(0.01, 1.0, y_true.shape).astype(np.float32)
    weight = random.random(16).astype(np.float32) if weighted else None
    values = []
    for metric in (ours(average, threshold=threshold), theirs(average, threshold=threshold)):
        for half in (slice(0, 7), slice(7, None)):
            metric.update_state(
                y_true[half], y_pred[half], None if weight is None else weight[half]
            )
        values.append(metric.result())
    assert values[0].dtype == values[1].dtype == tf.float32
    assert values[0].shape == values[1].shape
    np.testing.assert_allclose(*values, atol=1e-5)


def test_a_tie_predicts_one_class():
    metric = dist_f1.Precision("micro")
    metric.update_state([0], [[0.5, 0.5]])
    assert metric.counts().predicted.numpy().tolist() == [1, 0]


def test_a_winning_score_of_zero_predicts_its_class():
    metric = dist_f1.F1Score("micro")
    metric.update_state([1], [[-1.0, 0.0]])
    assert metric.result() == 1.0


def test_beta_may_be_an_integer():
    metric = dist_f1.FBetaScore(beta=1)
    metric.update_state(np.eye(3), np.eye(3))
    np.testing.assert_array_equal(metric.result(), [1.0, 1.0, 1.0])


@pytest.mark.parametrize(
    ("metric", "reference"),
    [
        (dist_f1.F1Score, sklearn.metrics.f1_score),
        (dist_f1.Precision, sklearn.metrics.precision_score),
        (dist_f1.Recall, sklearn.metrics.recall_score),
    ],
)
@pytest.mark.parametrize("average", [None, "micro", "macro", "weighted"])
def test_a_metric_passes_all_its_arguments_to_its_score(metric, reference, average):
    random = np.random.default_rng(0)
    y_true, y_pred = random.integers(0, 5, 100), random.random((100, 5))
    keep = y_true != 4
    ours = metric(
        average, dtype="float64", labels=[3, 1], ignore_class=4, num_classes=5, zero_division=1.0
    )
    ours.update_state(y_true, y_pred)
    expected = reference(
        y_true[keep], y_pred.argmax(-1)[keep], labels=[3, 1], average=average, zero_division=1.0
    )
    np.testing.assert_allclose(ours.result(), expected, atol=1e-12)


def test_calling_a_metric_updates_and_reads():
    metric = dist_f1.F1Score("micro")
    assert metric([0, 1], np.eye(2)) == 1.0
    assert metric([0, 0], np.eye(2)) == 0.75


def test_a_report_of_a_metric_uses_its_names_and_labels():
    metric = dist_f1.F1Score(class_names=["a", "b", "c"], labels=[0, 2])
    metric.update_state([0, 1, 2, 2], np.eye(3)[[0, 1, 2, 0]])
    expected = sklearn.metrics.classification_report(
        [0, 1, 2, 2], [0, 1, 2, 0], labels=[0, 2], target_names=["a", "c"], output_dict=True
    )
    assert metric.report(output_dict=True) == expected
