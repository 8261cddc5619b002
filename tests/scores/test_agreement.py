"""Scores without an average equal scikit-learn."""

import math
import warnings

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given
from tasks import assert_close, tasks

from dist_f1 import Counts, scores


@pytest.mark.parametrize(
    ("score", "reference"),
    [
        (scores.accuracy, sklearn.metrics.accuracy_score),
        (scores.balanced_accuracy, sklearn.metrics.balanced_accuracy_score),
        (scores.matthews_corrcoef, sklearn.metrics.matthews_corrcoef),
        (scores.cohen_kappa, sklearn.metrics.cohen_kappa_score),
        (scores.hamming_loss, sklearn.metrics.hamming_loss),
    ],
)
@given(task=tasks(["multiclass", "binary"]))
def test_scores_without_an_average_equal_sklearn(score, reference, task):
    y_true, y_pred, weight = task.with_nonzero_weight()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = reference(y_true, y_pred, sample_weight=weight)
    assert_close(score(task.counts().numpy()), expected)


@given(task=tasks(["multilabel"]))
def test_multilabel_accuracy_and_hamming_loss_equal_sklearn(task):
    y_true, y_pred, weight = task.with_nonzero_weight()
    counts = task.counts().numpy()
    assert_close(
        scores.accuracy(counts),
        sklearn.metrics.accuracy_score(y_true, y_pred, sample_weight=weight),
    )
    assert_close(
        scores.hamming_loss(counts),
        sklearn.metrics.hamming_loss(y_true, y_pred, sample_weight=weight),
    )


@pytest.mark.parametrize("weights", ["linear", "quadratic"])
@given(task=tasks(["multiclass", "binary"]))
def test_weighted_kappa_equals_sklearn(weights, task):
    y_true, y_pred, weight = task.with_nonzero_weight()
    classes = max(task.num_classes, 2)
    counts = task.counts(confusion=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = sklearn.metrics.cohen_kappa_score(
            y_true, y_pred, labels=range(classes), weights=weights, sample_weight=weight
        )
    assert_close(scores.cohen_kappa(counts.numpy(), weights), expected)
    assert_close(scores.cohen_kappa(counts, weights), expected)


@pytest.mark.parametrize("classes", [1, 3])
@pytest.mark.parametrize("seed", range(20))
def test_rounding_does_not_hide_undefined_scores_of_weighted_tasks(classes, seed):
    random = np.random.default_rng(seed)
    size = random.integers(3, 60)
    weight, once = random.random(size), np.ones(size, int)
    several = random.integers(0, max(classes, 2), size)
    same = Counts.from_labels(once, once, classes, weight).numpy()
    assert scores.matthews_corrcoef(same) == 0.0
    assert math.isnan(scores.cohen_kappa(same))
    assert scores.accuracy(same) == 1.0
    for y_true, y_pred in ((several, once), (once, several)):
        counts = Counts.from_labels(y_true, y_pred, classes, weight).numpy()
        assert scores.matthews_corrcoef(counts) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(
    "score", [scores.matthews_corrcoef, scores.cohen_kappa, scores.balanced_accuracy]
)
def test_scores_of_one_class_per_row_raise_for_multilabel_counts(score):
    counts = Counts.from_labels(np.eye(3, dtype=int), np.eye(3, dtype=int), num_classes=3)
    with pytest.raises(ValueError, match="one class per row"):
        score(counts)
