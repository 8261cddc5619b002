"""What a step becomes under TPUStrategy, as far as tracing goes. Nothing here runs on a TPU."""

import pytest
import tensorflow as tf
from fake_tpu import tpu_strategy

import dist_f1
from dist_f1 import count_collectives


def nodes_of(function, *args):
    graph = function.get_concrete_function(*args).graph.as_graph_def()
    return [*graph.node, *(n for f in graph.library.function for n in f.node_def)]


def step_of(strategy, metric, read=True):
    def replica(y_true, y_pred, *weight):
        metric.update_state(y_true, y_pred, *weight)
        return metric.result() if read else tf.constant(0.0)

    return compiled(strategy, replica)


def compiled(strategy, replica):
    # The name of the function becomes that of a scope, which a lambda's cannot.
    def step(*columns):
        return strategy.run(replica, columns)

    return tf.function(step)


def batch(num_classes, weighted=False):
    columns = [tf.zeros([6], tf.int32), tf.zeros([6, num_classes])]
    return columns + [tf.ones([6])] * weighted


@pytest.mark.parametrize("num_classes", [2, 1000])
@pytest.mark.parametrize("sync", ["step", "epoch"])
def test_a_step_has_one_packed_uint32_all_reduce_or_none(num_classes, sync):
    strategy = tpu_strategy()
    with strategy.scope():
        metric = dist_f1.F1Score("macro", num_classes=num_classes, sync=sync)
    step = step_of(strategy, metric)
    sums = [n for n in nodes_of(step, *batch(num_classes)) if n.op == "CrossReplicaSum"]
    if sync == "epoch":
        assert not sums
    else:
        assert [tf.as_dtype(node.attr["T"].type) for node in sums] == [tf.uint32]
    assert count_collectives(step, *batch(num_classes)) == len(sums) == int(sync == "step")
    silent = step_of(strategy, metric, read=False)
    assert count_collectives(silent, *batch(num_classes)) == 0


@pytest.mark.parametrize(
    "make",
    [
        lambda: dist_f1.Scores(["f1_macro", "cohen_kappa_linear", "f1_per_class"], num_classes=3),
        lambda: dist_f1.ThresholdSweep(num_classes=3),
        lambda: dist_f1.ConfusionMatrix(num_classes=3),
        lambda: dist_f1.FBetaScore("samples", 2.0, 0.5, num_classes=3),
    ],
)
def test_every_kind_of_counts_is_one_packed_all_reduce(make):
    strategy = tpu_strategy()
    with strategy.scope():
        metric = make()
    step = step_of(strategy, metric)
    sums = [n for n in nodes_of(step, *batch(3)) if n.op == "CrossReplicaSum"]
    assert [tf.as_dtype(node.attr["T"].type) for node in sums] == [tf.uint32]
    assert count_collectives(step_of(strategy, metric, read=False), *batch(3)) == 0


def test_weighted_counts_travel_in_float64():
    strategy = tpu_strategy()
    with strategy.scope():
        metric = dist_f1.F1Score("macro", num_classes=3, weighted=True)
    nodes = nodes_of(step_of(strategy, metric), *batch(3, weighted=True))
    sums = [node for node in nodes if node.op == "CrossReplicaSum"]
    assert [tf.as_dtype(node.attr["T"].type) for node in sums] == [tf.float64]


@pytest.mark.parametrize(
    ("dtypes", "carrier"),
    [
        (["int64", "int8", "uint64"], "uint32"),
        (["int64", "float32", "bfloat16"], "float32"),
        (["int64", "float32", "float64"], "float64"),
        (["float16"], "float32"),
    ],
)
def test_all_reduce_sum_is_one_cross_replica_sum(dtypes, carrier):
    strategy = tpu_strategy()

    def replica():
        return dist_f1.all_reduce_sum([tf.ones([3], dtype) for dtype in dtypes])

    nodes = nodes_of(compiled(strategy, replica))
    sums = [node for node in nodes if node.op == "CrossReplicaSum"]
    assert [tf.as_dtype(node.attr["T"].type).name for node in sums] == [carrier]


def test_a_read_outside_of_replicas_adds_up_the_components():
    strategy = tpu_strategy()
    with strategy.scope():
        metric = dist_f1.F1Score("macro", num_classes=3)
        metric.update_state([0, 1, 1], [[0.0, 1.0, 0.0]] * 3)
        assert count_collectives(tf.function(metric.counts)) == 1
    counts = metric.counts().numpy()
    assert counts.total == 3
    assert counts.true_positive.tolist() == [0, 2, 0]


def test_a_checkpoint_goes_in_and_out(tmp_path):
    strategy = tpu_strategy()
    with strategy.scope():
        metric, fresh = (dist_f1.F1Score("macro", num_classes=3) for _ in range(2))
        metric.update_state([0, 1, 1], [[0.0, 1.0, 0.0]] * 3)
    path = tf.train.Checkpoint(f1=metric.accumulator).save(str(tmp_path / "tpu"))
    plain = dist_f1.F1Score("macro", num_classes=3)
    for other in (plain, fresh):
        tf.train.Checkpoint(f1=other.accumulator).restore(path)
        with strategy.scope():
            other.update_state([2], [[0.0, 0.0, 1.0]])
        assert other.counts().actual.numpy().tolist() == [1, 2, 1]


def test_reads_inside_of_a_loop_on_the_replica():
    strategy = tpu_strategy()
    with strategy.scope():
        metric = dist_f1.F1Score("macro", num_classes=3)

    def replica(y_true, y_pred):
        def body(turn, _):
            metric.update_state(y_true, y_pred)
            return turn + 1, metric.result()

        return tf.while_loop(lambda turn, _: turn < 3, body, [0, 0.0])[1]

    assert count_collectives(compiled(strategy, replica), *batch(3)) == 1
