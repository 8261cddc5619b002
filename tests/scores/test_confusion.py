"""Confusion matrices equal scikit-learn."""

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given
from tasks import assert_close, tasks

from dist_f1 import Counts, scores


@pytest.mark.parametrize("normalize", [None, "true", "pred", "all"])
@given(task=tasks(["multiclass", "binary"]))
def test_the_confusion_matrix_equals_sklearn(normalize, task):
    y_true, y_pred, weight = task.with_nonzero_weight()
    counts = task.counts(confusion=True)
    expected = sklearn.metrics.confusion_matrix(
        y_true,
        y_pred,
        labels=range(max(task.num_classes, 2)),
        sample_weight=weight,
        normalize=normalize,
    )
    ours = scores.confusion_matrix(counts.numpy(), normalize)
    assert_close(ours, expected)
    assert_close(scores.confusion_matrix(counts, normalize), expected)
    if task.weight is None and normalize is None:
        assert ours.dtype == np.int64


@given(task=tasks(["multilabel"]))
def test_multilabel_counts_have_a_matrix_for_each_class(task):
    y_true, y_pred, weight = task.with_nonzero_weight()
    expected = sklearn.metrics.multilabel_confusion_matrix(y_true, y_pred, sample_weight=weight)
    assert_close(scores.confusion_matrix(task.counts().numpy()), expected)


def test_a_matrix_of_three_classes_must_be_requested():
    two = Counts.from_labels([0, 1, 1, 0], [0, 1, 0, 0], num_classes=2).numpy()
    assert scores.confusion_matrix(two).tolist() == [[2, 0], [1, 1]]
    three = Counts.from_labels([0, 1], [0, 1], num_classes=3)
    for score in (scores.confusion_matrix, lambda c: scores.cohen_kappa(c, "linear")):
        with pytest.raises(ValueError, match=r"have no confusion matrix.*confusion=True"):
            score(three)
    with pytest.raises(ValueError, match="normalize must be None or one of true, pred, all"):
        scores.confusion_matrix(two, "rows")
    with pytest.raises(ValueError, match='weights must be None, "linear" or "quadratic"'):
        scores.cohen_kappa(two, "cubic")
