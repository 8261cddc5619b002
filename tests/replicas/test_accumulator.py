"""Counts add up exactly, for any split, any order and any number of replicas."""

import numpy as np
import pytest
import tensorflow as tf
from comparisons import same
from helpers import mirrored, per_replica, split, strategy
from hypothesis import given, settings
from hypothesis import strategies as st
from tasks import tasks
from tracing import traced_once

import dist_f1
from dist_f1 import Counts
from dist_f1.counts.layout import Layout


def counts_like(layout, value):
    return layout.unpack(tf.constant(np.full(layout.size, value, np.int64)))


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (2**53, "mirrored_3"),
        *(
            pytest.param(start, name, marks=pytest.mark.slow)
            for start in (2**24, 2**62)
            for name in ("none", "mirrored_3")
        ),
    ],
)
def test_one_more_row_changes_a_huge_count_by_exactly_one(start, name):
    chosen = strategy(name)
    with chosen.scope():
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
    assert set(counts.invalid_by_cause.tolist()) == {start}


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
                # The sums over rows are counted too.
                "samples" if multilabel else None,
                threshold=0.5 if multilabel or num_classes == 1 else None,
                num_classes=num_classes,
                weighted=weighted,
            )
            # A step that creates variables would be traced twice.
            metric.accumulator.build(metric.accumulator.layout, weighted)

        row = [None, num_classes] if multilabel else [None]
        specs = [tf.TensorSpec(row, tf.int64)] * 2 + [tf.TensorSpec([None], tf.float64)]

        def update(*shards):
            chosen.run(
                lambda y_true, y_pred, weight: metric.update_state(
                    y_true, y_pred, weight if weighted else None
                ),
                shards,
            )

        return metric, traced_once(update, chosen, specs)


SHARDED = Sharded()


def check_split(replicas, task, data):
    size = len(task.y_true)
    cuts = data.draw(
        st.lists(st.integers(0, size), min_size=replicas - 1, max_size=replicas - 1), "cuts"
    )
    order = np.array(data.draw(st.permutations(range(size)), "order"))
    ours = SHARDED.counts(task, replicas, cuts, order)
    expected = Counts.from_labels(task.y_true, task.y_pred, task.num_classes, task.weight).numpy()
    if task.weight is None:
        same(ours, expected)
    else:
        for a, b in zip(tf.nest.flatten(ours), tf.nest.flatten(expected), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


@settings(max_examples=8)
@given(
    task=tasks(("multiclass",), (False,), sizes=st.integers(1, 12), classes=st.just(4)),
    data=st.data(),
)
def test_any_split_over_two_replicas_in_any_order_counts_the_same(task, data):
    check_split(2, task, data)


@pytest.mark.slow
@pytest.mark.parametrize("replicas", [1, 2, 3, 5, 8])
@settings(max_examples=settings.default.max_examples // 4)
@given(task=tasks(classes=st.just(4)), data=st.data())
def test_any_split_over_any_replicas_in_any_order_counts_the_same(replicas, task, data):
    check_split(replicas, task, data)


def test_a_reset_clears_all_replicas_inside_and_outside_of_replicas():
    chosen = mirrored(3)
    with chosen.scope():
        metric = dist_f1.F1Score("micro", num_classes=2)
        for reset in (metric.reset_state, lambda: chosen.run(metric.reset_state)):
            chosen.run(metric.update_state, (tf.constant([0, 1]), tf.constant([0, 1])))
            assert metric.counts().total == 6
            reset()
            assert metric.counts().total == 0


def test_a_batch_of_another_layout_raises_and_the_counts_stay():
    metric = dist_f1.F1Score("micro")
    metric.update_state([0, 1], np.eye(2))
    with pytest.raises(ValueError, match=r"num_classes=2.*num_classes=3"):
        metric.update_state([0, 1, 2], np.eye(3))
    assert metric.counts().total == 2
