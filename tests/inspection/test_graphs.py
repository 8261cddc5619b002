"""Collectives are counted as a step makes them: followed into functions, once for all replicas."""

import pytest
import tensorflow as tf
from helpers import mirrored, strategy
from tensorflow.core.framework import graph_pb2

import dist_f1
from dist_f1 import count_collectives
from dist_f1.inspection.graphs import count_bytes, count_in_graph


def reducing(chosen, times=1):
    """A step that all-reduces so many times."""

    def replica():
        context = tf.distribute.get_replica_context()
        return [context.all_reduce("SUM", tf.ones([2])) for _ in range(times)]

    return lambda: chosen.experimental_local_results(chosen.run(replica)[0])[0]


@pytest.mark.parametrize("replicas", [2, 3, 8])
@pytest.mark.parametrize("times", [0, 1, 4])
def test_a_collective_counts_once_however_many_replicas_take_part(replicas, times):
    if times:
        assert count_collectives(tf.function(reducing(mirrored(replicas), times))) == times
    chosen = mirrored(replicas)
    step = tf.function(lambda: chosen.run(lambda: tf.ones([]) + 1.0))
    assert count_collectives(step) == 0


@pytest.mark.parametrize("name", ["mirrored_3", "central_3"])
def test_adding_up_the_values_of_several_devices_is_a_reduction(name):
    chosen = strategy(name)
    values = chosen.run(lambda: tf.ones([2]))

    @tf.function
    def cross_replica():
        return chosen.reduce("SUM", chosen.run(lambda: tf.random.uniform([2])), axis=None)

    @tf.function
    def of_captures():
        return tf.add_n(list(values.values))

    @tf.function
    def on_one_device():
        return tf.add_n([tf.random.uniform([2]) for _ in range(3)])

    assert count_collectives(cross_replica) == 1
    assert count_collectives(of_captures) == 1
    assert count_collectives(on_one_device) == 0


def test_functions_are_followed_each_time_they_are_called():
    chosen = mirrored(2)
    inner = tf.function(reducing(chosen))
    assert count_collectives(tf.function(lambda: inner() + inner() + reducing(chosen)())) == 3
    outer = tf.function(lambda: tf.function(lambda: inner())() + inner())
    assert count_collectives(outer) == 2
    # A concrete function will do as well.
    assert count_collectives(outer.get_concrete_function()) == 2


def test_of_branches_the_more_costly_counts_and_of_a_loop_one_turn():
    chosen = mirrored(2)
    once, twice = (reducing(chosen, times) for times in (1, 2))
    zeros = tf.zeros([2])

    @tf.function
    def branch(flag):
        return tf.cond(flag, once, twice) + tf.cond(flag, once, lambda: zeros)

    @tf.function
    def loop():
        return tf.while_loop(lambda i, _: i < 5, lambda i, x: (i + 1, x + twice()), [0, zeros])[1]

    assert count_collectives(branch, tf.constant(True)) == 2 + 1
    assert count_collectives(loop) == 2


def test_a_reduction_in_a_branch_of_variables_from_outside():
    chosen = mirrored(3)
    with chosen.scope():
        variable = tf.Variable(
            [0.0],
            synchronization=tf.VariableSynchronization.ON_READ,
            aggregation=tf.VariableAggregation.SUM,
        )

    @tf.function
    def branch(flag):
        with chosen.scope():
            return tf.cond(flag, lambda: tf.convert_to_tensor(variable), lambda: tf.zeros([1]))

    assert count_collectives(branch, tf.constant(True)) == 1


def test_what_has_no_graph_is_refused():
    with pytest.raises(TypeError, match=r"takes a tf\.function"):
        count_collectives(lambda: 1)


def test_sums_of_one_device_are_none_however_its_name_is_spelt():
    def add(x):
        with tf.device("/cpu:0"):
            first = x + 1.0
        with tf.device("CPU:0"):
            second = x * 2.0
        return tf.add_n([first, second, x])

    assert count_collectives(tf.function(add), tf.constant(1.0)) == 0


def test_the_ops_of_nccl_are_known():
    """They cannot be run here; a graph that has them can be written."""
    graph = graph_pb2.GraphDef()
    for replica in range(4):
        graph.node.add(name=f"a{replica}", op="NcclAllReduce", device=f"/device:GPU:{replica}")
    graph.node.add(name="reduce", op="NcclReduce", device="/device:GPU:0")
    graph.node.add(name="send", op="NcclBroadcast", device="/device:GPU:0")
    assert count_in_graph(graph) == 3


# Bytes.


def sending(chosen, *values):
    """A step that all-reduces these values, one after the other."""

    def replica():
        context = tf.distribute.get_replica_context()
        # Added to each other, so that TensorFlow does not pack them into one.
        return [context.all_reduce("SUM", value()) for value in values]

    return lambda: [chosen.experimental_local_results(x)[0] for x in chosen.run(replica)]


@pytest.mark.parametrize("replicas", [2, 3, 8])
def test_bytes_are_those_of_one_replica(replicas):
    chosen = mirrored(replicas)
    for size, dtype, expected in [(5, tf.float32, 20), (7, tf.int64, 56), (0, tf.float64, 0)]:
        step = sending(chosen, lambda size=size, dtype=dtype: tf.zeros([size], dtype))
        assert count_bytes(tf.function(step)) == expected
    several = sending(chosen, lambda: tf.zeros([3, 2]), lambda: tf.zeros([4], tf.int64))
    assert count_bytes(tf.function(several)) == 4 * 6 + 8 * 4
    assert count_bytes(tf.function(lambda: chosen.run(lambda: tf.ones([]) + 1.0))) == 0


@pytest.mark.parametrize("name", ["mirrored_3", "central_3"])
def test_a_sum_over_devices_is_given_one_value_by_each(name):
    chosen = strategy(name)
    values = chosen.run(lambda: tf.ones([5], tf.float64))

    @tf.function
    def cross_replica():
        return chosen.reduce("SUM", chosen.run(lambda: tf.random.uniform([2, 3])), axis=None)

    @tf.function
    def of_captures():
        return tf.add_n(list(values.values))

    assert count_bytes(cross_replica) == 4 * 6
    assert count_bytes(of_captures) == 8 * 5


def test_bytes_in_functions_branches_and_loops():
    chosen = mirrored(2)
    few, many = (
        lambda size=size: sending(chosen, lambda: tf.zeros([size]))()[0][:2] for size in (2, 10)
    )
    inner = tf.function(many)
    assert count_bytes(tf.function(lambda: inner() + few())) == 48

    @tf.function
    def branch(flag):
        return tf.cond(flag, few, many)

    @tf.function
    def loop():
        return tf.while_loop(lambda i, _: i < 5, lambda i, x: (i + 1, many()), [0, tf.zeros([2])])

    assert count_bytes(branch, tf.constant(True)) == 40
    assert count_bytes(loop) == 40


def reduce_argument(x):
    return tf.distribute.get_replica_context().all_reduce("SUM", x * 2.0)


def test_bytes_of_one_of_several_outputs():
    """In a function an output has a name, and a place in a list."""

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
        inner = tf.function(call)
        assert count_bytes(inner) == 4 * elements
        assert count_bytes(tf.function(lambda inner=inner: inner())) == 4 * elements
    # An argument is as large as what the caller gives.
    of_an_argument = tf.function(lambda x: send(x))
    assert count_bytes(tf.function(lambda: of_an_argument(tf.random.uniform([3, 2])))) == 4 * 6


def test_bytes_of_an_unknown_shape_are_refused():
    chosen = mirrored(2)
    step = tf.function(lambda x: chosen.run(reduce_argument, (x,)))
    assert count_collectives(step, tf.TensorSpec([None])) == 1
    with pytest.raises(ValueError, match=r"CollectiveReduceV2.* not known before the call"):
        count_bytes(step, tf.TensorSpec([None]))
    known = tf.function(lambda x: chosen.run(reduce_argument, (x,)))
    assert count_bytes(known, tf.TensorSpec([6])) == 24


@pytest.mark.parametrize("replicas", [2, 4])
@pytest.mark.parametrize("num_classes", [2, 1000])
def test_a_read_sends_the_counts_and_nothing_else(replicas, num_classes):
    chosen = mirrored(replicas)
    batch = tf.zeros([4], tf.int64), tf.zeros([4, num_classes])
    with chosen.scope():
        metric = dist_f1.F1Score("macro", sync="step")

    def update(y_true, y_pred):
        metric.update_state(y_true, y_pred)

    def read(y_true, y_pred):
        metric.update_state(y_true, y_pred)
        return metric.result()

    counts = 8 * (3 * num_classes + 2)
    assert count_bytes(tf.function(lambda *x: chosen.run(update, x)), *batch) == 0
    assert count_bytes(tf.function(lambda *x: chosen.run(read, x)), *batch) == counts
    with chosen.scope():
        assert count_bytes(tf.function(metric.result)) == counts
