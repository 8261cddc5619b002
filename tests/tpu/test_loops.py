"""What an update and a read become in a custom loop on the cores of a TPU."""

import pytest
import tensorflow as tf
from helpers import tpu

import dist_f1
from dist_f1 import metrics as public
from dist_f1 import testing
from tpu import checks
from tpu.cases import CASES
from tpu.steps import placed, step_of


def test_no_public_metric_is_missing():
    classes = {getattr(public, name) for name in public.__all__ if name in dist_f1.__all__}
    assert {case.metric for case in CASES.values()} == classes
    assert all(issubclass(metric, public.CountsMetric) for metric in classes)


@pytest.mark.parametrize("replicas", checks.REPLICAS)
@pytest.mark.parametrize("name", CASES)
def test_a_step_is_one_sum_or_none_of_ops_that_tpus_have_and_xla_compiles_it(name, replicas):
    row = checks.loop(name, replicas)
    assert row.problems == []
    assert row.ops > 50
    assert [x.dtype for x in row.sums] == [tf.float64 if CASES[name].weighted else tf.uint32]
    assert list(row.silent) == []


@pytest.mark.parametrize("name", CASES)
def test_the_sum_is_all_that_replicas_tell_each_other(name):
    assert testing.count_collectives(step_of(name, 8).traced()) == 1
    assert testing.count_collectives(step_of(name, 8, "epoch").traced()) == 0


def test_updates_alone_send_nothing():
    strategy = tpu(8)
    with strategy.scope():
        metrics = {name: case.make() for name, case in CASES.items()}
    batches = {name: placed(strategy, case.columns(8)) for name, case in CASES.items()}

    def replica(batches):
        for name, metric in metrics.items():
            metric.update_state(**batches[name])
        return tf.constant(0.0)

    @tf.function(autograph=False)
    def update(batches):
        return strategy.run(replica, (batches,))

    step = update.get_concrete_function(batches)
    assert testing.cross_replica_sums(step) == []
    assert testing.count_collectives(step) == 0
    assert testing.lint_tpu_ops(step).findings == []


@pytest.mark.parametrize("classes", [2, 1000])
def test_what_is_sent_are_four_limbs_for_each_count(classes):
    strategy = tpu(8)
    with strategy.scope():
        metric = dist_f1.F1Score("macro", num_classes=classes)

    def replica(y_true, y_pred):
        metric.update_state(y_true, y_pred)
        return metric.result()

    @tf.function(autograph=False)
    def step(y_true, y_pred):
        return strategy.run(replica, (y_true, y_pred))

    batch = tf.TensorSpec([6], tf.int32), tf.TensorSpec([6, classes])
    (sent,) = testing.cross_replica_sums(step, *batch)
    assert sent.shape == [4 * (3 * classes + 2)]
    assert testing.count_bytes(step, *batch) == 4 * sent.shape[0]


def test_a_read_inside_of_a_loop_on_the_replica_is_one_sum_a_turn():
    strategy = tpu(8)
    with strategy.scope():
        metric = dist_f1.F1Score("micro", num_classes=3)

    def replica(y_true, y_pred):
        def body(turn, _):
            metric.update_state(y_true, y_pred)
            return turn + 1, metric.result()

        return tf.while_loop(lambda turn, _: turn < 3, body, [0, 0.0])[1]

    @tf.function
    def step(y_true, y_pred):
        return strategy.run(replica, (y_true, y_pred))

    batch = tf.constant([0, 1, 1, 2]), tf.constant([[0.0, 1.0, 0.0]] * 4)
    assert testing.count_collectives(step, *batch) == 1
    with testing.emulated_tpu():
        values = strategy.experimental_local_results(step(*batch))
    assert [float(x) for x in values] == [0.5] * 8
    assert int(metric.counts().total) == 3 * 4 * 8
