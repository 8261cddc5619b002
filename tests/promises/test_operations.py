"""A step has few operations; operations without a cost are not counted."""

import collections
import functools
import importlib

import numpy as np
import pytest
import tensorflow as tf
from helpers import mirrored
from metric_cases import EIGHT_SCORES

import dist_f1
from dist_f1 import kernels
from dist_f1.counting import batch_counts, open_sizes
from dist_f1.inspection.operations import count_operations

keras = importlib.import_module(tf.keras.Model.__module__.partition(".")[0])


def test_operations_without_a_cost_are_not_counted():
    def call(x, y):
        return tf.identity(x * y + 1.0) - x * 2.0

    counted = count_operations(tf.function(call), tf.constant(1.0), tf.TensorSpec([]))
    assert counted == {"Mul": 2, "AddV2": 1, "Sub": 1}
    assert count_operations(tf.function(lambda x: x), 1.0) == collections.Counter()
    with pytest.raises(TypeError, match=r"requires a tf\.function"):
        count_operations(call)


def test_operations_of_functions_branches_and_loops_are_counted():
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
    # TensorFlow adds a loop counter.
    assert looped == {"Mul": 2, "Less": 1, "AddV2": 1}


@pytest.mark.skipif(not keras.__version__.startswith("3."), reason="other ops in other Keras")
def test_keras_f1_has_more_operations():
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


_IDS, _ONE_HOT = tf.TensorSpec([128], tf.int64), tf.TensorSpec([128, 100])


def _operations(metric, targets, read, weighted=False):
    def step(y_true, y_pred, weight):
        metric.update_state(y_true, y_pred, weight if weighted else None)
        return metric.result() if read else None

    rows = targets.shape[0]
    specs = targets, tf.TensorSpec([rows, 100]), tf.TensorSpec([rows])
    return count_operations(tf.function(step, autograph=False), *specs).total()


@pytest.mark.parametrize("ids", [_IDS, tf.TensorSpec([128], tf.int32)])
def test_a_small_step_has_few_operations(ids):
    assert _operations(dist_f1.F1Score("macro"), ids, read=False) <= 17
    assert _operations(dist_f1.F1Score("macro"), ids, read=True) <= 31


@pytest.mark.parametrize(
    ("threshold", "targets", "weighted", "limits"),
    [
        (None, _IDS, True, (25, 37)),
        (None, _ONE_HOT, False, (34, 48)),
        (None, _ONE_HOT, True, (40, 52)),
        (0.5, _ONE_HOT, False, (112, 123)),
        (0.5, _ONE_HOT, True, (114, 123)),
    ],
)
def test_steps_with_weights_and_targets_have_few_operations(threshold, targets, weighted, limits):
    # A branch on a CPU has the same operations, and those of a shortcut before it.
    with kernels.override(device="GPU"):
        for read, limit in enumerate(limits):
            metric = dist_f1.F1Score("macro", threshold)
            assert _operations(metric, targets, bool(read), weighted) <= limit


@pytest.mark.parametrize(("rows", "limit"), [(128, 17), (None, 29)])
@pytest.mark.parametrize("threshold", [None, 0.5])
def test_a_small_step_of_valid_targets_has_few_operations(threshold, rows, limit, monkeypatch):
    def not_taken(function):
        return lambda: tf.zeros([310], tf.int64)

    monkeypatch.setattr(batch_counts, "not_inlined", not_taken)
    monkeypatch.setattr(open_sizes, "not_inlined", not_taken)
    metric = dist_f1.F1Score("macro", threshold)
    assert _operations(metric, tf.TensorSpec([rows, 100]), read=False) <= limit


@pytest.mark.parametrize("replicas", [2, 8])
def test_replicas_that_share_memory_derive_a_score_once(replicas):
    chosen, operations = mirrored(replicas), []
    batch = tf.zeros([4], tf.int64), tf.zeros([4, 3])
    for read in (False, True):
        with chosen.scope():
            metric = dist_f1.F1Score("macro", sync="step")

        def replica(y_true, y_pred, metric=metric, read=read):
            metric.update_state(y_true, y_pred)
            return metric.result() if read else tf.zeros([])

        step = tf.function(functools.partial(chosen.run, replica), autograph=False)
        operations.append(count_operations(step, batch).total())
    values = chosen.experimental_local_results(step(batch))
    # Keras 2 returns one value for all replicas.
    assert len(values) == (1 if keras.__version__.startswith("2") else replicas)
    assert {float(value) for value in values} == {float(metric.result())}
    # Each replica reads its own vector.
    assert operations[1] - operations[0] <= replicas + 14


@pytest.mark.parametrize("number", [2, 5, 8])
def test_more_scores_add_at_most_thirty_operations(number):
    scores = EIGHT_SCORES[-number:]
    update = _operations(dist_f1.Scores(scores), _IDS, read=False)
    assert update == _operations(dist_f1.F1Score("macro"), _IDS, read=False)
    one = _operations(dist_f1.F1Score("macro"), _IDS, read=True)
    assert _operations(dist_f1.Scores(scores), _IDS, read=True) <= one + 30


def test_scores_of_many_classes_are_scanned_once():
    metric = dist_f1.F1Score("macro")
    step = tf.function(lambda y, p: (metric.update_state(y, p), None)[1], autograph=False)
    specs = tf.TensorSpec([100], tf.int64), tf.TensorSpec([100, 1000])
    graph = step.get_concrete_function(*specs).graph
    scores = {graph.inputs[1].ref()}
    readers = collections.Counter()
    for op in graph.get_operations():
        if not scores.isdisjoint({x.ref() for x in op.inputs}):
            if op.type == "Reshape":
                scores.add(op.outputs[0].ref())
            elif op.type != "Shape":
                readers[op.type] += 1
    # The maxima of all blocks, then the best block of each row. The branch is for XLA, where a
    # maximum does not propagate NaN.
    assert readers.pop("If", 0) + readers.pop("StatelessIf", 0) == 1
    assert readers == {"Max": 1, "GatherV2": 1}
