"""Scores that are a proportion of rows have Wilson's interval."""

import numpy as np
import pytest
import scipy.stats
from confusion_counts import NO_CONFUSION, THREE, binary_of, counts_of, multilabel_counts

from dist_f1 import scores
from dist_f1.intervals import confidence_interval
from dist_f1.scores.score_names import parse


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.999])
@pytest.mark.parametrize(("successes", "trials"), [(0, 7), (3, 7), (7, 7), (940, 1000)])
def test_wilson_intervals_equal_those_of_scipy(successes, trials, level):
    expected = scipy.stats.binomtest(successes, trials).proportion_ci(level, "wilson")
    counts = binary_of([[50, trials - successes], [20, successes]])
    low, high = confidence_interval(counts, "precision", level)
    assert low == pytest.approx(expected.low, abs=1e-12)
    assert high == pytest.approx(expected.high, abs=1e-12)
    assert low.dtype == high.dtype == np.float64


def test_the_interval_of_ten_correct_rows_is_the_published_one():
    low, high = confidence_interval(counts_of([[5, 0], [0, 5]]), "accuracy")
    assert low == pytest.approx(0.7225, abs=5e-5)
    assert high == 1.0


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("f1_micro", "accuracy"),
        ("precision_micro", "accuracy"),
        ("recall_weighted", "accuracy"),
        ("f1_macro", "f1_macro"),
    ],
)
def test_equal_scores_have_the_same_interval(name, same):
    assert parse(name)(THREE) == parse(same)(THREE)
    assert confidence_interval(THREE, name) == confidence_interval(THREE, same)


@pytest.mark.parametrize("name", ["jaccard_micro", "specificity_micro", "hamming_loss"])
def test_scores_that_are_functions_of_accuracy_transform_its_bounds(name):
    bounds = confidence_interval(NO_CONFUSION, "accuracy")
    # Samples whose accuracy is a bound, so large that rounding does not matter.
    correct = np.round(np.array(bounds) * 3e9).astype(int)
    at_bounds = [
        parse(name)(counts_of([[x, 3 * 10**9 - x, 0], [0, 0, 0], [0, 0, 0]])) for x in correct
    ]
    found = confidence_interval(NO_CONFUSION, name)
    assert sorted(found) == list(found)
    np.testing.assert_allclose(found, np.sort(at_bounds), atol=1e-8)


@pytest.mark.parametrize("score", ["f1", "precision", "recall", "specificity", "jaccard"])
def test_the_interval_of_a_class_is_that_of_its_binary_task(score):
    low, high = confidence_interval(NO_CONFUSION, f"{score}_per_class")
    assert low.shape == high.shape == (3,)
    for label in range(3):
        picked = confidence_interval(NO_CONFUSION, f"{score}_macro", labels=[label])
        assert picked == (low[label], high[label])
        matrix = THREE.confusion
        one, rest = matrix[label, label], matrix.sum()
        missed, false = matrix[label].sum() - one, matrix[:, label].sum() - one
        alone = binary_of([[rest - one - missed - false, false], [missed, one]])
        assert confidence_interval(alone, score) == picked


def test_multilabel_accuracy_and_scores_per_class_have_closed_forms():
    counts = multilabel_counts()
    low, high = confidence_interval(counts, "accuracy")
    expected = scipy.stats.binomtest(int(counts.samples["all_right"]), 300).proportion_ci(
        method="wilson"
    )
    assert (low, high) == pytest.approx((expected.low, expected.high))
    low, high = confidence_interval(counts, "f1_per_class")
    assert np.all((low < scores.f1(counts)) & (scores.f1(counts) < high))
