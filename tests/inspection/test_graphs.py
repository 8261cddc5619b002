"""Collectives and bytes of a traced step, counted in its graph."""

import functools

import pytest
import tensorflow as tf
from helpers import mirrored, strategy
from tensorflow.core.framework import graph_pb2

import dist_f1
from dist_f1 import count_collectives
from dist_f1.inspection.graphs import count_bytes, count_in_graph

# Autograph would only slow down tracing.
traced = functools.partial(tf.function, autograph=False)


def reducing(chosen, times=1):
    """Return a step with this number of all-reduces."""

    def replica():
        context = tf.distribute.get_replica_context()
        return [context.all_reduce("SUM", tf.ones([2])) for _ in range(times)]

    return lambda: chosen.experimental_local_results(chosen.run(replica)[0])[0]


@pytest.mark.parametrize(("replicas", "times"), [(2, 1), (3, 4)])
def test_a_collective_counts_once_however_many_replicas_participate(replicas, times):
    chosen = mirrored(replicas)
    assert count_collectives(traced(reducing(chosen, times))) == times
    step = traced(lambda: chosen.run(lambda: tf.ones([]) + 1.0))
    assert count_collectives(step) == 0
    assert count_bytes(step) == 0


@pytest.mark.parametrize("name", ["mirrored_3", "central_3"])
def test_a_sum_over_devices_is_a_reduction_of_one_value_from_each(name):
    chosen = strategy(name)
    values = chosen.run(lambda: tf.ones([5], tf.float64))

    @traced
    def cross_replica():
        return chosen.reduce("SUM", chosen.run(lambda: tf.random.uniform([2, 3])), axis=None)

    @traced
    def of_captures():
        return tf.add_n(list(values.values))

    @traced
    def on_one_device():
        return tf.add_n([tf.random.uniform([2]) for _ in range(3)])

    assert count_collectives(cross_replica) == 1
    assert count_bytes(cross_replica) == 4 * 6
    assert count_collectives(of_captures) == 1
    assert count_bytes(of_captures) == 8 * 5
    assert count_collectives(on_one_device) == 0


def test_a_called_function_counts_in_each_call():
    chosen = mirrored(2)
    inner = traced(reducing(chosen))
    assert count_collectives(traced(lambda: inner() + inner() + reducing(chosen)())) == 3
    outer = traced(lambda: traced(lambda: inner())() + inner())
    assert count_collectives(outer) == 2
    assert count_collectives(outer.get_concrete_function()) == 2


def test_a_branch_counts_its_costliest_side_and_a_loop_one_iteration():
    chosen = mirrored(2)
    once, twice = (reducing(chosen, times) for times in (1, 2))
    zeros = tf.zeros([2])

    @traced
    def branch(flag):
        return tf.cond(flag, once, twice) + tf.cond(flag, once, lambda: zeros)

    @traced
    def loop():
        return tf.while_loop(lambda i, _: i < 5, lambda i, x: (i + 1, x + twice()), [0, zeros])[1]

    assert count_collectives(branch, tf.constant(True)) == 2 + 1
    assert count_collectives(loop) == 2


def test_a_reduction_of_captured_variables_in_a_branch_counts():
    chosen = mirrored(3)
    with chosen.scope():
        variable = tf.Variable(
            [0.0],
            synchronization=tf.VariableSynchronization.ON_READ,
            aggregation=tf.VariableAggregation.SUM,
        )

    @traced
    def branch(flag):
        with chosen.scope():
            return tf.cond(flag, lambda: tf.convert_to_tensor(variable), lambda: tf.zeros([1]))

    assert count_collectives(branch, tf.constant(True)) == 1


def test_a_function_without_a_graph_raises():
    with pytest.raises(TypeError, match=r"requires a tf\.function"):
        count_collectives(lambda: 1)


def test_a_sum_on_one_device_is_no_reduction_however_the_device_is_spelled():
    def add(x):
        with tf.device("/cpu:0"):
            first = x + 1.0
        with tf.device("CPU:0"):
            second = x * 2.0
        return tf.add_n([first, second, x])

    assert count_collectives(traced(add), tf.constant(1.0)) == 0


def test_nccl_ops_count():
    """NCCL needs GPUs, but a graph with its ops can be written without one."""
    graph = graph_pb2.GraphDef()
    for replica in range(4):
        graph.node.add(name=f"a{replica}", op="NcclAllReduce", device=f"/device:GPU:{replica}")
    graph.node.add(name="reduce", op="NcclReduce", device="/device:GPU:0")
    graph.node.add(name="send", op="NcclBroadcast", device="/device:GPU:0")
    assert count_in_graph(graph) == 3


def sending(chosen, *values):
    """Return a step that all-reduces these values one by one."""

    def replica():
        context = tf.distribute.get_replica_context()
        return [context.all_reduce("SUM", value()) for value in values]

    return lambda: [chosen.experimental_local_results(x)[0] for x in chosen.run(replica)]


def test_bytes_are_those_of_one_replica():
    chosen = mirrored(3)
    for size, dtype, expected in [(5, tf.float32, 20), (7, tf.int64, 56), (0, tf.float64, 0)]:
        step = sending(chosen, lambda size=size, dtype=dtype: tf.zeros([size], dtype))
        assert count_bytes(traced(step)) == expected
    two = sending(chosen, lambda: tf.zeros([3, 2]), lambda: tf.zeros([4], tf.int64))
    assert count_bytes(traced(two)) == 4 * 6 + 8 * 4


def test_bytes_count_in_functions_branches_and_loops():
    chosen = mirrored(2)
    few, many = (
        lambda size=size: sending(chosen, lambda: tf.zeros([size]))()[0][:2] for size in (2, 10)
    )
    inner = traced(many)
    assert count_bytes(traced(lambda: inner() + few())) == 48

    @traced
    def branch(flag):
        return tf.cond(flag, few, many)

    @traced
    def loop():
        return tf.while_loop(lambda i, _: i < 5, lambda i, x: (i + 1, many()), [0, tf.zeros([2])])

    assert count_bytes(branch, tf.constant(True)) == 40
    assert count_bytes(loop) == 40


def reduce_argument(x):
    return tf.distribute.get_replica_context().all_reduce("SUM", x * 2.0)


def test_bytes_of_an_op_with_several_outputs_are_those_of_the_output_sent():
    """A function names the outputs of an op, and each may be a list."""

    def send(x):
        keys = dict.fromkeys(["group_size", "group_key", "instance_key"], tf.constant(1))
        return tf.raw_ops.CollectiveReduceV2(
            input=x, **keys, ordering_token=[], merge_op="Add", final_op="Id"
        )

    def of_a_list():
        return send(tf.split(tf.random.uniform([7]), [1, 2, 4])[2])

    def of_several_arguments():
        return send(tf.linalg.svd(tf.random.uniform([5, 2]))[1])

    for call, elements in [(of_a_list, 4), (of_several_arguments, 10)]:
        inner = traced(call)
        assert count_bytes(inner) == 4 * elements
        assert count_bytes(traced(lambda inner=inner: inner())) == 4 * elements
    # The caller determines the size of an argument.
    of_an_argument = traced(lambda x: send(x))
    assert count_bytes(traced(lambda: of_an_argument(tf.random.uniform([3, 2])))) == 4 * 6


def test_bytes_of_an_unknown_shape_raise():
    chosen = mirrored(2)
    step = traced(lambda x: chosen.run(reduce_argument, (x,)))
    assert count_collectives(step, tf.TensorSpec([None])) == 1
    with pytest.raises(ValueError, match=r"CollectiveReduceV2.* unknown before the call"):
        count_bytes(step, tf.TensorSpec([None]))
    fixed = traced(lambda x: chosen.run(reduce_argument, (x,)))
    assert count_bytes(fixed, tf.TensorSpec([6])) == 24


@pytest.mark.parametrize(
    ("replicas", "num_classes"), [(2, 1000), pytest.param(4, 2, marks=pytest.mark.slow)]
)
def test_a_read_sends_only_the_counts(replicas, num_classes):
    chosen = mirrored(replicas)
    batch = tf.zeros([4], tf.int64), tf.zeros([4, num_classes])
    with chosen.scope():
        metric = dist_f1.F1Score("macro", sync="step")

    def update(y_true, y_pred):
        metric.update_state(y_true, y_pred)

    def read(y_true, y_pred):
        metric.update_state(y_true, y_pred)
        return metric.result()

    counts = 8 * (3 * num_classes + 10)
    assert count_bytes(traced(lambda *x: chosen.run(update, x)), *batch) == 0
    assert count_bytes(traced(lambda *x: chosen.run(read, x)), *batch) == counts
    with chosen.scope():
        assert count_bytes(traced(metric.result)) == counts
