"""Counts at thresholds are suffix sums of the counts in buckets, by NumPy, TensorFlow or a scan."""

import numpy as np
import pytest
import tensorflow as tf

from dist_f1 import Counts
from dist_f1.sweeps import buckets


@pytest.mark.parametrize("size", [1, 2, 3, 200, 201])
def test_a_scan_sums_all_later_elements(size):
    x = np.random.default_rng(0).integers(0, 2**40, (size, 2))
    expected = np.flip(np.cumsum(np.flip(x, 0), 0), 0)
    for sums in (buckets._suffix_sums(x), buckets._suffix_sums(tf.constant(x))):
        np.testing.assert_array_equal(sums, expected)
    np.testing.assert_array_equal(buckets._suffix_scan(tf.constant(x)), expected)


def test_each_threshold_counts_the_scores_above_it():
    by_bucket = np.array([[5, 1], [3, 0], [2, 4]])
    counts = Counts(by_bucket, by_bucket + 1, np.array([10, 5]), np.int64(30), np.int64(2))
    at = buckets.at_thresholds(counts)
    assert at.true_positive.tolist() == [[5, 4], [2, 4]]
    assert at.predicted.tolist() == [[7, 6], [3, 5]]
    assert at.actual.tolist() == [[10, 5]] * 2
    assert at.total.tolist() == [30, 30]
    assert at.invalid.tolist() == [2, 2]
    assert at.samples == {}
