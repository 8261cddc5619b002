"""Expected values of counts and scores."""

import numpy as np
import pytest
from sklearn import metrics

from benchmarks.expected_values import (
    COUNTS,
    MEAN_OF_ALL,
    count_mismatches,
    expected_sweep,
    expected_values,
)
from benchmarks.per_step.meters import EIGHT
from benchmarks.updates.batches import make_batch

TWELVE = (*EIGHT, "f2_macro", "specificity_macro", "jaccard_macro", "cohen_kappa")


def test_expected_values_of_a_small_case():
    y_true, y_pred = np.array([0, 1, 2, 2]), np.array([0, 2, 2, 1])
    found = expected_values([*COUNTS, MEAN_OF_ALL, *EIGHT], y_true, y_pred, 4)
    np.testing.assert_array_equal(found["true_positive"], [1, 0, 1, 0])
    np.testing.assert_array_equal(found["predicted"], [1, 1, 2, 0])
    np.testing.assert_array_equal(found["actual"], [1, 1, 2, 0])
    assert found["f1_macro"] == pytest.approx((1 + 0 + 0.5) / 3)
    assert found[MEAN_OF_ALL] == pytest.approx((1 + 0 + 0.5 + 0) / 4)
    assert found["matthews_corrcoef"] == metrics.matthews_corrcoef(y_true, y_pred)
    assert set(EIGHT) <= found.keys()


def test_weighted_counts_are_sums_of_the_confusion_matrix():
    batch = make_batch("argmax", (200, 7), weighted=True)
    names = [*COUNTS, *TWELVE, MEAN_OF_ALL]
    found = expected_values(names, batch.y_true, batch.y_pred, 7, batch.weights)
    assert list(found) == names
    matrix = metrics.confusion_matrix(batch.y_true, batch.y_pred, sample_weight=batch.weights)
    np.testing.assert_array_equal(found["true_positive"], matrix.diagonal())
    np.testing.assert_array_equal(found["predicted"], matrix.sum(0))
    np.testing.assert_array_equal(found["actual"], matrix.sum(1))
    assert found["total"] == matrix.sum()
    # All classes occur.
    assert found["f1_macro"] == pytest.approx(found[MEAN_OF_ALL])


def test_the_mean_of_all_classes_includes_missing_ones():
    batch = make_batch("argmax", (5, 70))
    found = expected_values(["f1_macro", MEAN_OF_ALL], batch.y_true, batch.y_pred, 70)
    assert found["f1_macro"] > 5 * found[MEAN_OF_ALL]


def test_scores_with_a_too_large_matrix_are_left_out():
    batch = make_batch("argmax", (5000, 5000))
    names = ["f1_macro", "cohen_kappa"]
    assert list(expected_values(names, batch.y_true, batch.y_pred, 5000)) == ["f1_macro"]


def test_counts_of_a_sweep_equal_comparisons_with_the_threshold():
    batch = make_batch("ids", (50, 3))
    found = expected_sweep(batch.scores, batch.y_true, (0.25, 0.5, 1.0))
    for i, threshold in enumerate((0.25, 0.5, 1.0)):
        above = batch.scores > threshold
        np.testing.assert_array_equal(found["swept_predicted"][i], above.sum(0))
        hits = (above & batch.y_true).sum(0)
        np.testing.assert_array_equal(found["swept_true_positive"][i], hits)


@pytest.mark.parametrize(
    ("values", "mismatches"),
    [
        ({"actual": [10**8, 1], "f1_macro": 0.5000001}, 0),
        ({"actual": [10**8 + 1, 1], "f1_macro": 0.5001}, 2),
        ({"actual": [10**8]}, 2),
        ({"f1_macro": float("nan")}, 1),
    ],
)
def test_counts_must_be_equal_and_scores_may_differ_by_rounding(values, mismatches):
    expected = {"actual": np.array([10**8, 1]), "f1_macro": 0.5}
    assert count_mismatches(values, expected) == mismatches
