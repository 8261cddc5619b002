"""Sums over rows for sample averages."""

import fractions

import numpy as np
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from dist_f1.counts import sample_averages


@given(st.integers(0, 1000))
def test_sums_over_rows_are_integers_and_exact_to_the_last_bits(seed):
    random = np.random.default_rng(seed)
    right = random.integers(0, 50, 200)
    predicted, actual = right + random.integers(0, 50, 200), right + random.integers(0, 50, 200)
    kept = sample_averages.ratio_names(betas=[2.0])
    assert kept == ("f1", "f2", "jaccard", "precision", "recall")
    columns = sample_averages.rowwise(kept, right, predicted, actual)
    assert (columns == columns.astype(np.int64)).all()
    in_tensorflow = sample_averages.rowwise(kept, *map(tf.constant, (right, predicted, actual)))
    np.testing.assert_array_equal(in_tensorflow, columns)
    total = columns.astype(np.int64).sum(axis=-1).astype(np.float64)
    sums = dict(zip(["all_right", *kept], sample_averages.split(total, len(kept)), strict=True))
    for ratio, above, below in (
        ("precision", right, predicted),
        ("recall", right, actual),
        ("jaccard", right, predicted + actual - right),
        ("f1", 2 * right, predicted + actual),
        ("f2", 5 * right, predicted + 4 * actual),
    ):
        exact = sum(
            fractions.Fraction(int(a), int(b)) for a, b in zip(above, below, strict=True) if b
        )
        assert abs(sample_averages.ratio_sum(sums[ratio]) - exact) < 200 * 2.0**-52
        assert sample_averages.undefined_rows(sums[ratio]) == np.count_nonzero(below == 0)
    perfect = (right == predicted) & (right == actual)
    assert sums["all_right"] == np.count_nonzero(perfect)
