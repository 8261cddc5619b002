"""Each replica adds for itself; a read is the sum over replicas and one collective."""

import numpy as np
import pytest
import tensorflow as tf
from helpers import REPLICAS, STRATEGIES, collectives, mirrored, per_replica, scope, split, strategy
from hypothesis import given, settings
from hypothesis import strategies as st
from tasks import tasks
from test_counts import same

import dist_f1
from dist_f1 import Counts
from dist_f1.accumulator import Accumulator
from dist_f1.layout import Layout


def counts_like(layout, value, dtype=np.int64):
    return layout.unpack(tf.constant(np.full(layout.size, value, dtype)))


@pytest.mark.parametrize("samples", [False, True])
@pytest.mark.parametrize("confusion", [False, True])
def test_packing_keeps_every_field(samples, confusion):
    layout = Layout(3, samples, confusion)
    vector = tf.range(layout.size, dtype=tf.int64)
    counts = layout.unpack(vector)
    np.testing.assert_array_equal(layout.pack(counts), vector)
    same(layout.unpack(vector.numpy()), counts)
    assert [np.shape(field) for field in counts[:5]] == [(3,), (3,), (3,), (), ()]


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("graph", [False, True])
@pytest.mark.parametrize("in_scope", [False, True])
def test_counts_of_all_replicas_are_summed_wherever_the_state_was_made(name, graph, in_scope):
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
        with scope(chosen):
            accumulator.build(layout, weighted=False)
    step = tf.function(step) if graph else step
    replicas = chosen.num_replicas_in_sync
    each = replicas * (replicas + 1) // 2
    for steps in (1, 2, 3):
        inside = chosen.experimental_local_results(step())
        assert [int(value) for value in inside] == [steps * each] * replicas
        same(accumulator.read(), counts_like(layout, steps * each))
        with scope(chosen):
            same(tf.function(accumulator.read)(), counts_like(layout, steps * each))
    accumulator.reset()
    same(accumulator.read(), counts_like(layout, 0))


@pytest.mark.parametrize("start", [2**24, 2**53, 2**62])
@pytest.mark.parametrize("name", ["none", "mirrored_3"])
def test_one_more_row_changes_a_huge_count_by_exactly_one(start, name):
    chosen = strategy(name)
    with scope(chosen):
        metric = dist_f1.F1Score(num_classes=2)
        metric.accumulator.build(Layout(2), weighted=False)
    metric.accumulator.assign(counts_like(Layout(2), start))

    def step():
        first = tf.distribute.get_replica_context().replica_id_in_sync_group == 0
        metric.update_state(tf.ones([1], tf.int32), tf.constant([[0.0, 1.0]]), [first])

    chosen.run(step)
    counts = metric.counts().numpy()
    assert counts.true_positive.tolist() == [start, start + 1]
    assert counts.predicted.tolist() == [start, start + 1]
    assert counts.actual.tolist() == [start, start + 1]
    assert counts.total == start + 1
    assert counts.invalid == start


class Sharded:
    """One metric per replica count and dtype, updated in `strategy.run` with one shard each."""

    def __init__(self):
        self.metrics = {}

    def counts(self, task, replicas, cuts, order):
        weighted = task.weight is not None
        key = replicas, task.num_classes, weighted, task.is_multilabel
        if key not in self.metrics:
            self.metrics[key] = self._make(*key)
        metric, update = self.metrics[key]
        metric.reset_state()
        weight = np.ones(len(task.y_true)) if task.weight is None else task.weight
        columns = [column[order] for column in (task.y_true, task.y_pred, weight)]
        update(*(per_replica(mirrored(replicas), s) for s in split(columns, cuts)))
        return metric.counts().numpy()

    def _make(self, replicas, num_classes, weighted, multilabel):
        chosen = mirrored(replicas)
        with chosen.scope():
            metric = dist_f1.F1Score(
                threshold=0.5 if multilabel or num_classes == 1 else None,
                num_classes=num_classes,
                weighted=weighted,
            )

        row = [None, num_classes] if multilabel else [None]
        specs = [tf.TensorSpec(row, tf.int64)] * 2 + [tf.TensorSpec([None], tf.float64)]

        @tf.function(reduce_retracing=True)
        def update(*shards):
            chosen.run(
                lambda y_true, y_pred, weight: metric.update_state(
                    tf.ensure_shape(y_true, specs[0].shape),
                    tf.ensure_shape(y_pred, specs[1].shape),
                    weight if weighted else None,
                ),
                shards,
            )

        return metric, update


SHARDED = Sharded()


@pytest.mark.parametrize("replicas", [*REPLICAS, 5, 6, 7])
@settings(max_examples=25)
@given(task=tasks(classes=st.just(4)), data=st.data())
def test_any_split_over_any_replicas_in_any_order_counts_the_same(replicas, task, data):
    size = len(task.y_true)
    cuts = data.draw(
        st.lists(st.integers(0, size), min_size=replicas - 1, max_size=replicas - 1), "cuts"
    )
    order = np.array(data.draw(st.permutations(range(size)), "order"))
    ours = SHARDED.counts(task, replicas, cuts, order)
    whole = Counts.from_labels(task.y_true, task.y_pred, task.num_classes, task.weight).numpy()
    if task.weight is None:
        same(ours, whole)
    else:
        for a, b in zip(tf.nest.flatten(ours), tf.nest.flatten(whole), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def _step(chosen, metric, sync_read):
    def replica(y_true, y_pred):
        metric.update_state(y_true, y_pred)
        return metric.result() if sync_read else tf.constant(0.0)

    return tf.function(lambda y_true, y_pred: chosen.run(replica, (y_true, y_pred)))


@pytest.mark.parametrize("replicas", [2, 3, 8])
@pytest.mark.parametrize("num_classes", [2, 1000])
@pytest.mark.parametrize("average", [None, "macro"])
def test_updates_send_nothing_and_a_read_is_one_collective(replicas, num_classes, average):
    chosen = mirrored(replicas)
    batch = tf.zeros([4], tf.int32), tf.zeros([4, num_classes])
    for sync, read, expected in [("step", False, 0), ("step", True, 1), ("epoch", True, 0)]:
        with chosen.scope():
            metric = dist_f1.F1Score(average, sync=sync)
        step = _step(chosen, metric, read)
        assert collectives(step, *batch, replicas=replicas) == expected
        with chosen.scope():
            assert collectives(tf.function(metric.result)) == 1
            assert collectives(tf.function(metric.counts)) == 1


def test_the_collective_counter_sees_what_keras_sends():
    """A control: Keras's F1 keeps four variables and reads them one by one."""
    chosen = mirrored(2)
    with chosen.scope():
        metric = tf.keras.metrics.F1Score("macro")
        metric.update_state(np.eye(3), np.eye(3))
        assert collectives(tf.function(metric.result)) == 6


def test_within_a_step_sync_epoch_reads_the_own_and_sync_step_the_global_value():
    chosen = mirrored(2)
    shards = [np.array([0, 0, 0, 1]), np.array([1, 1, 1, 0])]
    right = [np.array([0, 0, 0, 1]), np.array([0, 0, 0, 0])]
    for sync, expected in [("step", [5 / 8, 5 / 8]), ("epoch", [1.0, 1 / 4])]:
        with chosen.scope():
            metric = dist_f1.F1Score("micro", num_classes=2, sync=sync)

        def replica(y_true, y_pred, metric=metric):
            metric.update_state(y_true, y_pred)
            return metric.result()

        values = chosen.run(replica, (per_replica(chosen, shards), per_replica(chosen, right)))
        np.testing.assert_allclose(chosen.experimental_local_results(values), expected)
        assert float(metric.result()) == pytest.approx(5 / 8)


def test_an_update_outside_of_a_replica_counts_once():
    chosen = mirrored(4)
    with chosen.scope():
        metric = dist_f1.F1Score("micro", num_classes=2)
        metric.update_state([0, 1, 1], np.array([0, 1, 0]))
        tf.function(metric.update_state)(tf.constant([0, 1]), tf.constant([0, 1]))
    counts = metric.counts().numpy()
    assert counts.total == 5
    assert counts.true_positive.tolist() == [2, 2]


def test_resetting_inside_and_outside_of_replicas():
    chosen = mirrored(3)
    with chosen.scope():
        metric = dist_f1.F1Score("micro", num_classes=2)
        for reset in (metric.reset_state, lambda: chosen.run(metric.reset_state)):
            chosen.run(metric.update_state, (tf.constant([0, 1]), tf.constant([0, 1])))
            assert metric.counts().total == 6
            reset()
            assert metric.counts().total == 0


def test_state_made_outside_of_the_strategy_is_refused_inside():
    metric = dist_f1.F1Score("micro", num_classes=2)
    metric.update_state([0], np.array([0]))
    with pytest.raises(ValueError, match=r"made its state outside of the strategy"):
        mirrored(2).run(metric.update_state, (tf.constant([0]), tf.constant([0])))


def test_state_of_another_layout_is_refused_and_what_was_counted_stays():
    metric = dist_f1.F1Score("micro")
    metric.update_state([0, 1], np.eye(2))
    with pytest.raises(ValueError, match=r"num_classes=2.*num_classes=3"):
        metric.update_state([0, 1, 2], np.eye(3))
    assert metric.counts().total == 2
