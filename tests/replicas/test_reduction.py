"""Updates send nothing, and a global read is the sum over replicas, with one collective."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from comparisons import same
from helpers import STRATEGIES, mirrored, per_replica, strategy

import dist_f1
from dist_f1 import count_collectives
from dist_f1.counts.layout import Layout
from dist_f1.replicas.accumulator import Accumulator

FAST = ("central_3", "mirrored_2")
TIERS = [x if x in FAST else pytest.param(x, marks=pytest.mark.slow) for x in STRATEGIES]


def counts_like(layout, value):
    return layout.unpack(tf.constant(np.full(layout.size, value, np.int64)))


@pytest.mark.parametrize("name", TIERS)
@pytest.mark.parametrize(
    ("graph", "in_scope"),
    [
        (True, False),
        *(pytest.param(*x, marks=pytest.mark.slow) for x in [(False, False), (False, True)]),
        pytest.param(True, True, marks=pytest.mark.slow),
    ],
)
def test_counts_of_all_replicas_are_summed_wherever_the_state_was_created(name, graph, in_scope):
    chosen, layout = strategy(name), Layout(2)
    accumulator = Accumulator()

    def add():
        accumulator.build(layout, weighted=False)
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        ones = tf.ones([layout.size], tf.int64)
        accumulator.add(layout.unpack(ones * (1 + tf.cast(replica, tf.int64))))
        return accumulator.read().total

    def step():
        return chosen.run(add)

    if in_scope:
        with chosen.scope():
            accumulator.build(layout, weighted=False)
    step = tf.function(step, autograph=False) if graph else step
    replicas = chosen.num_replicas_in_sync
    each = replicas * (replicas + 1) // 2
    for steps in (1, 2, 3):
        inside = chosen.experimental_local_results(step())
        assert [int(value) for value in inside] == [steps * each] * replicas
        same(accumulator.read(), counts_like(layout, steps * each))
    with chosen.scope():
        same(tf.function(accumulator.read, autograph=False)(), counts_like(layout, 3 * each))
    accumulator.reset()
    same(accumulator.read(), counts_like(layout, 0))


# In the fast tier, the step whose metric is read locally shows that updates send nothing.
SIZES = [(2, 10, "macro"), *itertools.product((2, 3, 8), (2, 1000), (None, "macro"))]
CASES = [
    pytest.param(*size, *case, marks=[] if size == SIZES[0] and case[1] else [pytest.mark.slow])
    for size in SIZES
    for case in [("step", False, 0), ("step", True, 1), ("epoch", True, 0)]
]


@pytest.mark.parametrize(("replicas", "num_classes", "average", "sync", "read", "sent"), CASES)
def test_updates_send_nothing_and_a_read_is_one_collective(
    replicas, num_classes, average, sync, read, sent
):
    chosen = mirrored(replicas)
    batch = tf.zeros([4], tf.int32), tf.zeros([4, num_classes])
    with chosen.scope():
        metric = dist_f1.F1Score(average, sync=sync)

    def replica(y_true, y_pred):
        metric.update_state(y_true, y_pred)
        return metric.result() if read else tf.constant(0.0)

    def run(y_true, y_pred):
        return chosen.run(replica, (y_true, y_pred))

    step = tf.function(run, autograph=False)
    assert count_collectives(step, *batch) == sent
    with chosen.scope():
        assert count_collectives(tf.function(metric.result, autograph=False)) == 1
        assert count_collectives(tf.function(metric.counts, autograph=False)) == 1


def test_the_collective_counter_counts_the_collectives_of_keras():
    """A control: Keras's F1 has four variables and reads them one by one."""
    chosen = mirrored(2)
    with chosen.scope():
        metric = tf.keras.metrics.F1Score("macro")
        # tf-keras metrics are updated in replicas only.
        chosen.run(metric.update_state, (np.eye(3), np.eye(3)))
        assert count_collectives(tf.function(metric.result)) == 6


def test_in_a_step_sync_epoch_gives_the_local_and_sync_step_the_global_value():
    chosen = mirrored(2)
    shards = [np.array([0, 0, 0, 1]), np.array([1, 1, 1, 0])]
    predictions = [np.array([0, 0, 0, 1]), np.array([0, 0, 0, 0])]
    for sync, expected in [("step", [5 / 8, 5 / 8]), ("epoch", [1.0, 1 / 4])]:
        with chosen.scope():
            metric = dist_f1.F1Score("micro", num_classes=2, sync=sync)

        def replica(y_true, y_pred, metric=metric):
            metric.update_state(y_true, y_pred)
            # tf-keras gives all replicas the same object, which `run` would return as one value.
            return tf.identity(metric.result())

        values = chosen.run(
            replica, (per_replica(chosen, shards), per_replica(chosen, predictions))
        )
        np.testing.assert_allclose(chosen.experimental_local_results(values), expected)
        assert float(metric.result()) == pytest.approx(5 / 8)


def test_an_update_outside_of_a_replica_counts_once():
    chosen = mirrored(4)
    with chosen.scope():
        metric = dist_f1.F1Score("micro", num_classes=2)
        metric.update_state([0, 1, 1], np.array([0, 1, 0]))

        @tf.function
        def update(y_true, y_pred):
            # No return value: under tf-keras it would be an operation.
            metric.update_state(y_true, y_pred)

        update(tf.constant([0, 1]), tf.constant([0, 1]))
    counts = metric.counts().numpy()
    assert counts.total == 5
    assert counts.true_positive.tolist() == [2, 2]


def test_state_created_outside_of_the_strategy_raises_inside():
    metric = dist_f1.F1Score("micro", num_classes=2)
    metric.update_state([0], np.array([0]))
    with pytest.raises(ValueError, match=r"made its state outside of the strategy"):
        mirrored(2).run(metric.update_state, (tf.constant([0]), tf.constant([0])))
