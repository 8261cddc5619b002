"""Ragged predictions and targets are counted like their rows."""

import numpy as np
import pytest
import tensorflow as tf
from comparisons import same
from counted_batches import count
from hypothesis import given
from hypothesis import strategies as st

import dist_f1


def ragged(values, lengths):
    return tf.RaggedTensor.from_row_lengths(values, lengths)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=5), st.booleans())
def test_ragged_rows_are_those_of_the_flat_values(lengths, weighted):
    random = np.random.default_rng(len(lengths))
    y, p = random.integers(0, 3, sum(lengths)), random.random((sum(lengths), 3), np.float32)
    weight = random.uniform(0.5, 2.0, len(lengths)) if weighted else None
    mask = random.random(sum(lengths)) < 0.7
    counted = count(ragged(y, lengths), ragged(p, lengths), weight, ragged(mask, lengths))
    flat_weight = np.repeat(weight, lengths) if weighted else None
    same(counted, count(y, p, flat_weight, mask))


def test_ragged_batches_in_a_traced_step():
    metric = dist_f1.F1Score("macro", num_classes=3)
    step = tf.function(lambda y, p: metric.update_state(y, p) and None, autograph=False)
    step(ragged([0, 1, 2], [2, 1]), ragged(np.eye(3, dtype=np.float32), [2, 1]))
    assert int(metric.counts().total) == 3
    with pytest.raises(tf.errors.InvalidArgumentError, match="different lengths"):
        step(ragged([0, 1, 2], [1, 2]), ragged(np.eye(3, dtype=np.float32), [2, 1]))
    assert int(metric.counts().total) == 3


def test_one_ragged_argument_raises_with_the_remedy():
    with pytest.raises(ValueError, match=r"y_pred is ragged.*y_true is dense.*row splits"):
        count(np.array([0, 1]), ragged(np.eye(3, dtype=np.float32), [2, 1]))
    with pytest.raises(ValueError, match="y_true is a RaggedTensor"):
        count(ragged([0, 1, 2], [2, 1]), np.eye(3, dtype=np.float32))
    nested = tf.ragged.constant([[[0.1, 0.9]], [[0.2, 0.8], [0.5, 0.5]]])
    with pytest.raises(ValueError, match=r"ragged rank 2.*uniform class axis"):
        count(tf.ragged.constant([[0], [1, 1]]), nested)
