"""F-beta, Jaccard and specificity equal scikit-learn, also for extreme counts and betas."""

import math
import warnings

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st
from tasks import ZERO_DIVISION, assert_close, tasks

from dist_f1 import Counts, scores


@given(
    task=tasks(["multiclass", "multilabel"]),
    beta=st.sampled_from([0.0, 0.3, 1.0, 2.0, 10.0, math.inf]),
    average=st.sampled_from(["micro", "macro", "weighted"]),
    zero_division=ZERO_DIVISION,
)
def test_f_beta_equals_sklearn(task, beta, average, zero_division):
    y_true, y_pred, weight = task.with_nonzero_weight()
    arguments = {"beta": beta, "average": average, "zero_division": zero_division}
    expected = sklearn.metrics.fbeta_score(y_true, y_pred, sample_weight=weight, **arguments)
    assert_close(scores.f_beta(task.counts().numpy(), **arguments), expected)


@given(
    task=tasks(["multilabel"]),
    beta=st.sampled_from([0.0, 0.3, 1.0, 2.0, 10.0, math.inf]),
    zero_division=ZERO_DIVISION,
)
def test_sample_averages_of_f_beta_equal_sklearn(task, beta, zero_division):
    y_true, y_pred, weight = task.with_nonzero_weight()
    arguments = {"beta": beta, "average": "samples", "zero_division": zero_division}
    expected = sklearn.metrics.fbeta_score(y_true, y_pred, sample_weight=weight, **arguments)
    betas = [beta] if math.isfinite(beta) else []
    counts = task.counts(betas=betas)
    assert_close(scores.f_beta(counts.numpy(), **arguments), expected)


@given(
    task=tasks(["multiclass", "multilabel"]),
    average=st.sampled_from([None, "micro", "macro", "weighted"]),
)
def test_jaccard_equals_sklearn(task, average):
    y_true, y_pred, weight = task.with_nonzero_weight()
    labels = list(range(task.num_classes))
    arguments = {"average": average, "labels": labels, "zero_division": 0.0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = sklearn.metrics.jaccard_score(y_true, y_pred, sample_weight=weight, **arguments)
    assert_close(scores.jaccard(task.counts().numpy(), **arguments), expected)


@given(task=tasks(["multilabel"]), zero_division=st.sampled_from([0.0, 1.0]))
def test_sample_averages_of_jaccard_equal_sklearn(task, zero_division):
    y_true, y_pred, weight = task.with_nonzero_weight()
    arguments = {"average": "samples", "zero_division": zero_division}
    expected = sklearn.metrics.jaccard_score(y_true, y_pred, sample_weight=weight, **arguments)
    assert_close(scores.jaccard(task.counts().numpy(), **arguments), expected)


@given(task=tasks(["multiclass"]), zero_division=ZERO_DIVISION)
def test_specificity_is_the_recall_of_the_negative_class(task, zero_division):
    y_true, y_pred, weight = task.with_nonzero_weight()
    expected = [
        sklearn.metrics.recall_score(
            y_true != label, y_pred != label, sample_weight=weight, zero_division=zero_division
        )
        for label in range(task.num_classes)
    ]
    assert_close(scores.specificity(task.counts().numpy(), None, zero_division), expected)


def test_jaccard_of_a_class_of_little_weight_keeps_its_precision():
    counts = Counts.from_labels([0, 1], [0, 1], 2, [1e12, 1.0]).numpy()
    np.testing.assert_array_equal(scores.jaccard(counts), [1.0, 1.0])


@pytest.mark.parametrize("beta", [1e3, 1e9, 1e100])
def test_f_beta_of_a_large_beta_is_nearly_recall(beta):
    counts = Counts(*map(np.int64, ([70, 3], [90, 5], [110, 4], 114, 0)))
    np.testing.assert_allclose(scores.f_beta(counts, beta), scores.recall(counts), rtol=1e-5)


def test_huge_counts_keep_their_precision():
    big = np.int64(2**62)
    counts = Counts(np.array([big]), np.array([big]), np.array([big]), big, np.int64(0))
    assert scores.f1(counts, "micro") == 1.0
