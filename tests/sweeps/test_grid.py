"""A bucket is the number of thresholds below a score, exactly as a comparison with each tells."""

import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from dist_f1.batch.decision_rule import DecisionRule
from dist_f1.batch.decisions import decide
from dist_f1.sweeps import Grid

GRIDS = [
    2,
    3,
    7,
    200,
    pytest.param(1000, marks=pytest.mark.slow),
    (0.1, 0.15, 0.9),
    (0.001, 0.5, 1.0),
    (1e-7, 1e-6, 1e-5),
    # Finer than float32 resolves.
    np.linspace(1 - 1e-6, 1.0, 21),
    np.linspace(0.9, 0.9001, 60),
    np.linspace(1e-40, 1e-38, 20),
]
DTYPES = ["float16", "bfloat16", "float32", "float64"]


def compared(grid, scores, from_logits):
    """The number of thresholds at which each score is positive, decided one by one."""
    decisions = [
        decide(scores, DecisionRule(threshold=t, from_logits=from_logits)).multi_hot
        for t in grid.thresholds
    ]
    return np.sum(np.stack(decisions), axis=0)


@pytest.mark.parametrize("thresholds", GRIDS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("from_logits", [False, True])
def test_a_bucket_is_the_number_of_thresholds_at_which_the_score_is_positive(
    thresholds, dtype, from_logits
):
    grid = Grid.from_spec(thresholds)
    exact = np.asarray(grid.thresholds)
    random = np.random.default_rng(0).random(300)
    scores = np.concatenate([exact, exact + 1e-7, exact - 1e-7, random, [0.0, 1.0, -0.0]])
    if from_logits:
        with np.errstate(all="ignore"):
            scores = np.concatenate([np.log(scores / (1.0 - scores)), [-100.0, 100.0, 0.0]])
        scores = scores[~np.isnan(scores)]
    scores = np.concatenate([scores, [math.inf, -math.inf, 1e30, -1e30]])
    scores = tf.cast(tf.reshape(tf.constant(scores), [-1, 1]), dtype)
    buckets = grid.buckets(scores, from_logits)
    assert buckets.dtype == tf.int32
    np.testing.assert_array_equal(buckets, compared(grid, scores, from_logits))


@given(
    thresholds=st.lists(st.floats(1e-6, 1.0), min_size=2, max_size=9, unique=True),
    scores=st.lists(st.floats(-0.5, 1.5, width=32), min_size=1),
)
def test_buckets_of_arbitrary_thresholds(thresholds, scores):
    grid = Grid.from_spec(thresholds)
    scores = tf.constant(scores, tf.float32, [len(scores), 1])
    np.testing.assert_array_equal(grid.buckets(scores), compared(grid, scores, False))


@given(number=st.integers(2, 12_000), scores=st.lists(st.floats(0.0, 1.0, width=32), min_size=1))
def test_buckets_of_any_number_of_even_thresholds(number, scores):
    grid = Grid.from_spec(number)
    limits = np.asarray(grid.thresholds).astype(np.float32)
    expected = [np.count_nonzero(limits < np.float32(score)) for score in scores]
    np.testing.assert_array_equal(grid.buckets(tf.constant(scores, tf.float32)), expected)


def test_a_nan_has_a_bucket_within_the_grid():
    for thresholds in (2, 200, GRIDS[-1]):
        grid = Grid.from_spec(thresholds)
        bucket = int(grid.buckets(tf.constant([math.nan]))[0])
        assert 0 <= bucket < grid.size


def test_evenly_spaced_thresholds_are_fractions_of_their_number():
    assert Grid.from_spec(4).thresholds == (0.25, 0.5, 0.75, 1.0)
    assert Grid.from_spec([0.9, 0.1]).thresholds == (0.1, 0.9)
    assert 0.5 in Grid.from_spec(200).thresholds


@pytest.mark.parametrize(
    ("thresholds", "message"),
    [
        (1, "at least 2"),
        (0, "at least 2"),
        ([0.5], "at least two"),
        ([0.5, 0.5], "none of them twice"),
        ([0.0, 0.5], "0 < threshold <= 1"),
        ([0.5, 1.5], "0 < threshold <= 1"),
        (0.5, "a number of thresholds or a sequence"),
        ("200", "a number of thresholds or a sequence"),
        ([], "empty"),
    ],
)
def test_invalid_thresholds_raise(thresholds, message):
    with pytest.raises(ValueError, match=message):
        Grid.from_spec(thresholds)


def test_a_threshold_is_found_by_its_value_in_any_float_dtype():
    assert Grid.from_spec(200).index(0.3) == 59
    assert Grid.from_spec(300).index(float(np.float32(0.3))) == 89
    assert Grid.from_spec(20).index(np.float16(0.35)) == 6
    with pytest.raises(ValueError, match=r"0.301 is not one of the 200.*nearest is 0.3"):
        Grid.from_spec(200).index(0.301)
