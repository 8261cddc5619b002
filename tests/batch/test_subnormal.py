"""Subnormal predictions, thresholds and weights count as zeros, see docs/reference/inputs.md."""

import functools

import numpy as np
import pytest
import tensorflow as tf

import dist_f1
from dist_f1 import Sweep

BFLOAT16 = tf.bfloat16.as_numpy_dtype
SUBNORMAL = {np.float32: 1e-40, np.float64: 1e-310, BFLOAT16: 1e-40}
MODES = {
    "eager": lambda function: function,
    "graph": functools.partial(tf.function, autograph=False),
    "xla": functools.partial(tf.function, autograph=False, jit_compile=True),
}
every_mode = pytest.mark.parametrize("mode", MODES)
every_dtype = pytest.mark.parametrize("dtype", SUBNORMAL)


def counts_of(mode, metric, *batch):
    def update(*batch):
        # Keras 2 returns an operation, which is no value of a `tf.function`.
        metric.update_state(*batch)

    MODES[mode](update)(*map(tf.constant, batch))
    return metric.counts().numpy()


@every_mode
@every_dtype
@pytest.mark.parametrize("rows", [4, 60_000])
def test_a_subnormal_prediction_ties_with_zero(dtype, mode, rows):
    y_pred = np.array([[0.0, SUBNORMAL[dtype]]] * rows, dtype)
    counts = counts_of(mode, dist_f1.F1Score(), np.zeros(rows, int), y_pred)
    assert counts.predicted.tolist() == [rows, 0]


@every_mode
@every_dtype
def test_a_subnormal_prediction_is_not_above_a_threshold(dtype, mode):
    subnormal = SUBNORMAL[dtype]
    metric = dist_f1.F1Score(threshold=subnormal / 2, num_classes=1)
    counts = counts_of(mode, metric, [1, 1, 1], np.array([subnormal, 0.0, 0.5], dtype))
    assert counts.predicted.tolist() == [1]


@every_mode
@every_dtype
def test_a_subnormal_weight_is_zero(dtype, mode):
    weight = np.array([SUBNORMAL[dtype], 1.0], dtype)
    counts = counts_of(mode, dist_f1.F1Score(), [0, 1], np.eye(2, dtype=np.float32), weight)
    assert counts.actual.tolist() == [0.0, 1.0]


@every_dtype
def test_a_sweep_counts_subnormal_predictions_as_zeros(dtype):
    subnormal = SUBNORMAL[dtype]
    sweep = Sweep.from_scores([0, 1], np.array([0.0, subnormal], dtype), [subnormal / 2, 0.5])
    assert sweep.counts.numpy().predicted.tolist() == [[0], [0]]


@every_mode
def test_subnormal_numbers_of_float16_count_as_they_are(mode):
    y_pred = np.array([[0.0, 1e-7]] * 3, np.float16)
    counts = counts_of(mode, dist_f1.F1Score(), [0, 0, 0], y_pred)
    assert counts.predicted.tolist() == [0, 3]
