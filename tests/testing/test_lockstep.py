"""Collectives inside loops, branches and called functions, in emulation."""

import numpy as np
import pytest
import tensorflow as tf
from helpers import tpu
from tpu.steps import distribute, replica_values

from dist_f1 import testing

VALUES = np.arange(4, dtype=np.float32)
TOTAL = VALUES.sum()


def run(replica, *others):
    """Run `replica` with `VALUES`, one on each of 4 replicas, and with other shared arguments."""
    strategy = tpu(4)

    @tf.function(autograph=False)
    def step(columns, *others):
        return strategy.run(replica, (columns["x"], *others))

    with testing.emulated_tpu():
        return replica_values(strategy, step(distribute(strategy, {"x": VALUES}), *others))


def cross_replica_sum(x):
    return tf.raw_ops.CrossReplicaSum(input=x, group_assignment=[list(range(4))])


def test_replicas_keep_their_own_values_and_share_equal_ones():
    def replica(x, shared):
        return x * shared, x * 0 + tf.constant(3.0), shared

    results = run(replica, tf.constant(2.0))
    np.testing.assert_array_equal(np.array(results), [[2 * x, 3, 2] for x in VALUES])


def test_a_loop_may_contain_a_collective():
    def replica(x):
        def body(i, value, total):
            return i + 1, value + 1, total + cross_replica_sum(value)

        return tf.while_loop(lambda i, *_: i < 3, body, [0, x, 0.0])[1:]

    results = run(replica)
    np.testing.assert_array_equal(np.array(results), [[x + 3, 3 * TOTAL + 4 + 8] for x in VALUES])


def test_the_condition_of_a_loop_may_contain_a_collective():
    def replica(x):
        def cond(i, _):
            return cross_replica_sum(x + tf.cast(i, tf.float32)) < TOTAL + 4 * 4

        return tf.while_loop(cond, lambda i, value: (i + 1, value * 2), [0, x])

    assert [(int(i), float(x)) for i, x in run(replica)] == [(4, 16 * x) for x in VALUES]


def test_replicas_may_differ_in_loops_without_a_collective():
    def replica(x):
        iterations = tf.while_loop(lambda i: i < x, lambda i: i + 1, [0.0])[0]
        return iterations, cross_replica_sum(iterations)

    np.testing.assert_array_equal(np.array(run(replica)), [[x, TOTAL] for x in VALUES])


@pytest.mark.parametrize("is_true", [True, False])
def test_a_branch_may_contain_a_collective(is_true):
    def replica(x, condition):
        return tf.cond(
            condition, lambda: (cross_replica_sum(x), x), lambda: (cross_replica_sum(2 * x), -x)
        )

    results = run(replica, tf.constant(is_true))
    expected = [[TOTAL, x] if is_true else [2 * TOTAL, -x] for x in VALUES]
    np.testing.assert_array_equal(np.array(results), expected)


def test_called_functions_may_contain_a_collective():
    @tf.function(autograph=False)
    def inner(x):
        return cross_replica_sum(x) + x

    @tf.function(autograph=False)
    def outer(x):
        return tf.while_loop(lambda i, _: i < 2, lambda i, _: (i + 1, inner(x)), [0, x])

    def replica(x):
        return outer(x)[1]

    assert [float(x) for x in run(replica)] == [TOTAL + x for x in VALUES]


def replica_variable(strategy, value):
    with strategy.scope():
        return tf.Variable(value, synchronization=tf.VariableSynchronization.ON_READ)


def test_each_replica_has_its_own_variable_which_keeps_its_value_between_calls():
    strategy = tpu(4)
    variable = replica_variable(strategy, 0.0)

    @tf.function(autograph=False)
    def step(columns):
        return strategy.run(replica, (columns["x"],))

    def replica(x):
        variable.assign_add(x)
        return cross_replica_sum(variable.read_value())

    with testing.emulated_tpu():
        for calls in (1, 2, 3):
            results = replica_values(strategy, step(distribute(strategy, {"x": VALUES})))
            assert [float(x) for x in results] == [calls * TOTAL] * 4
    components = strategy.experimental_local_results(variable)
    assert [float(x.numpy()) for x in components] == [3 * x for x in VALUES]


def test_a_loop_with_a_collective_may_assign_variables():
    strategy = tpu(4)
    variable = replica_variable(strategy, 1.0)

    @tf.function(autograph=False)
    def step():
        return strategy.run(replica)

    def replica():
        def body(i, _):
            variable.assign_add(1.0)
            return i + 1, cross_replica_sum(variable.read_value())

        return tf.while_loop(lambda i, _: i < 4, body, [0, 0.0])[1]

    with testing.emulated_tpu():
        assert [float(x) for x in replica_values(strategy, step())] == [4 * 5.0] * 4


def test_replicas_get_batches_of_different_sizes_without_padding():
    strategy = tpu(4)

    @tf.function(autograph=False)
    def step(batch):
        return strategy.run(replica, (batch,))

    def replica(x):
        return tf.shape(x)[0], tf.reduce_sum(x)

    data = tf.data.Dataset.range(11).map(lambda x: tf.cast(x, tf.float32)).batch(8)
    with testing.emulated_tpu():
        results = [
            replica_values(strategy, step(batch))
            for batch in strategy.experimental_distribute_dataset(data)
        ]
    assert [int(rows) for rows, _ in results[0]] == [2] * 4
    assert sum(int(rows) for rows, _ in results[1]) == 3
    assert sum(float(total) for batch in results for _, total in batch) == sum(range(11))


def disagreeing_branch(x):
    return tf.cond(x > 1.0, lambda: cross_replica_sum(x), lambda: x)


def disagreeing_loop(x):
    return tf.while_loop(
        lambda i, _: i < x, lambda i, total: (i + 1, cross_replica_sum(total)), [0.0, x]
    )


@pytest.mark.parametrize("replica", [disagreeing_branch, disagreeing_loop])
def test_replicas_that_disagree_on_the_way_to_a_collective_raise(replica):
    with pytest.raises(tf.errors.InvalidArgumentError, match="Replicas disagree on the condition"):
        run(replica)


def test_replicas_may_take_different_branches_without_a_collective():
    def replica(x):
        return tf.cond(x > 1.0, lambda: x, lambda: -x)

    np.testing.assert_array_equal(run(replica), [x if x > 1 else -x for x in VALUES])
