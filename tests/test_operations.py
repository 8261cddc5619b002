"""Operations are counted as one call has them, but for those that cost nothing."""

import collections
import importlib

import numpy as np
import pytest
import tensorflow as tf

from dist_f1.operations import count_operations

keras = importlib.import_module(tf.keras.Model.__module__.partition(".")[0])


def test_operations_are_counted_but_not_what_costs_nothing():
    def call(x, y):
        return tf.identity(x * y + 1.0) - x * 2.0

    counted = count_operations(tf.function(call), tf.constant(1.0), tf.TensorSpec([]))
    assert counted == {"Mul": 2, "AddV2": 1, "Sub": 1}
    assert count_operations(tf.function(lambda x: x), 1.0) == collections.Counter()
    with pytest.raises(TypeError, match=r"takes a tf\.function"):
        count_operations(call)


def test_operations_of_functions_branches_and_loops():
    square = tf.function(lambda x: x * x)

    @tf.function
    def branch(flag, x):
        return tf.cond(flag, lambda: square(x) * x + x, lambda: tf.exp(tf.exp(x)))

    @tf.function
    def loop(x):
        return tf.while_loop(lambda x: x < 9.0, lambda x: square(square(x)), [x])

    one = tf.constant(1.0)
    assert count_operations(tf.function(lambda x: square(x) + square(x)), one) == {
        "Mul": 2,
        "AddV2": 1,
    }
    branched = count_operations(branch, tf.constant(True), one)
    assert branched.pop("If", 0) + branched.pop("StatelessIf", 0) == 1
    assert branched == {"Mul": 2, "AddV2": 1}
    looped = count_operations(loop, one)
    assert looped.pop("While", 0) + looped.pop("StatelessWhile", 0) == 1
    # TensorFlow counts the turns.
    assert looped == {"Mul": 2, "Less": 1, "AddV2": 1}


@pytest.mark.skipif(not keras.__version__.startswith("3."), reason="other ops in other Keras")
def test_operations_of_keras_f1():
    metric = keras.metrics.F1Score("macro")
    y_true = tf.constant(np.eye(100, dtype=np.float32)[np.arange(128) % 100])
    y_pred = tf.random.uniform([128, 100])
    metric.update_state(y_true, y_pred)

    def update_and_read(y_true, y_pred):
        metric.update_state(y_true, y_pred)
        return metric.result()

    update = count_operations(tf.function(metric.update_state), y_true, y_pred)
    assert update.total() == 27
    assert count_operations(tf.function(update_and_read), y_true, y_pred).total() == 46
