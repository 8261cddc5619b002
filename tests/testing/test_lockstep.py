"""Replicas that meet inside of loops, branches and called functions."""

import numpy as np
import pytest
import tensorflow as tf
from helpers import tpu
from tpu.steps import each_replica, placed

from dist_f1 import testing

MINE = np.arange(8, dtype=np.float32)
TOTAL = MINE.sum()


def run(replica, values=MINE, *others):
    """What each of 8 replicas returns; `replica` is given its value, and what all have alike."""
    strategy = tpu(8)

    @tf.function(autograph=False)
    def step(columns, *others):
        return strategy.run(replica, (columns["x"], *others))

    with testing.emulated_tpu():
        return each_replica(strategy, step(placed(strategy, {"x": values}), *others))


def summed(x):
    return tf.raw_ops.CrossReplicaSum(input=x, group_assignment=[list(range(8))])


def test_what_is_alike_and_what_is_not_is_each_replicas_own():
    def replica(x, same):
        return x * same, x * 0 + tf.constant(3.0), same

    got = run(replica, MINE, tf.constant(2.0))
    np.testing.assert_array_equal(np.array(got), [[2 * x, 3, 2] for x in MINE])


def test_replicas_meet_in_a_loop():
    def replica(x):
        def body(turn, mine, seen):
            total = summed(mine)
            return turn + 1, mine + 1, seen + total

        return tf.while_loop(lambda turn, *_: turn < 3, body, [0, x, 0.0])[1:]

    got = run(replica)
    np.testing.assert_array_equal(np.array(got), [[x + 3, 3 * TOTAL + 8 + 16] for x in MINE])


def test_a_loop_goes_on_until_a_sum_says_so():
    def replica(x):
        def goes_on(turn, _):
            return summed(x + tf.cast(turn, tf.float32)) < TOTAL + 8 * 4

        return tf.while_loop(goes_on, lambda turn, mine: (turn + 1, mine * 2), [0, x])

    assert [(int(turn), float(x)) for turn, x in run(replica)] == [(4, 16 * x) for x in MINE]


def test_loops_in_which_replicas_do_not_meet_are_each_replicas_own():
    def replica(x):
        turns = tf.while_loop(lambda turn: turn < x, lambda turn: turn + 1, [0.0])[0]
        return turns, summed(turns)

    np.testing.assert_array_equal(np.array(run(replica)), [[x, TOTAL] for x in MINE])


@pytest.mark.parametrize("yes", [True, False])
def test_replicas_meet_in_a_branch(yes):
    def replica(x, condition):
        return tf.cond(condition, lambda: (summed(x), x), lambda: (summed(2 * x), -x))

    got = run(replica, MINE, tf.constant(yes))
    expected = [[TOTAL, x] if yes else [2 * TOTAL, -x] for x in MINE]
    np.testing.assert_array_equal(np.array(got), expected)


def test_replicas_meet_in_functions_that_call_functions():
    @tf.function
    def inner(x):
        return summed(x) + x

    @tf.function
    def outer(x):
        return tf.while_loop(lambda turn, _: turn < 2, lambda turn, _: (turn + 1, inner(x)), [0, x])

    def replica(x):
        return outer(x)[1]

    assert [float(x) for x in run(replica)] == [TOTAL + x for x in MINE]


def test_each_replica_has_its_variable_which_keeps_its_value_over_calls():
    strategy = tpu(8)
    with strategy.scope():
        own = tf.Variable(0.0, synchronization=tf.VariableSynchronization.ON_READ)

    @tf.function(autograph=False)
    def step(columns):
        return strategy.run(replica, (columns["x"],))

    def replica(x):
        own.assign_add(x)
        return summed(own.read_value())

    with testing.emulated_tpu():
        for turn in (1, 2, 3):
            got = each_replica(strategy, step(placed(strategy, {"x": MINE})))
            assert [float(x) for x in got] == [turn * TOTAL] * 8
    components = strategy.experimental_local_results(own)
    assert [float(x.numpy()) for x in components] == [3 * x for x in MINE]


def test_variables_are_changed_in_a_loop_in_which_replicas_meet():
    strategy = tpu(8)
    with strategy.scope():
        own = tf.Variable(1.0, synchronization=tf.VariableSynchronization.ON_READ)

    @tf.function(autograph=False)
    def step():
        return strategy.run(replica)

    def replica():
        def body(turn, _):
            own.assign_add(1.0)
            return turn + 1, summed(own.read_value())

        return tf.while_loop(lambda turn, _: turn < 4, body, [0, 0.0])[1]

    with testing.emulated_tpu():
        assert [float(x) for x in each_replica(strategy, step())] == [8 * 5.0] * 8


def test_batches_of_unequal_sizes_are_cut_to_what_each_replica_has():
    strategy = tpu(8)

    @tf.function
    def step(batch):
        return strategy.run(replica, (batch,))

    def replica(x):
        return tf.shape(x)[0], tf.reduce_sum(x)

    data = tf.data.Dataset.range(21).map(float_of).batch(16)
    with testing.emulated_tpu():
        seen = [
            each_replica(strategy, step(batch))
            for batch in strategy.experimental_distribute_dataset(data)
        ]
    assert [int(rows) for rows, _ in seen[0]] == [2] * 8
    assert sum(int(rows) for rows, _ in seen[1]) == 5
    assert sum(float(total) for batch in seen for _, total in batch) == sum(range(21))


def float_of(x):
    return tf.cast(x, tf.float32)


def test_replicas_that_do_not_all_meet_are_told_so():
    def branch(x):
        return tf.cond(x > 2.0, lambda: summed(x), lambda: x)

    def loop(x):
        return tf.while_loop(lambda turn, _: turn < x, lambda t, s: (t + 1, summed(s)), [0.0, x])

    for replica in (branch, loop):
        with pytest.raises(tf.errors.InvalidArgumentError, match="do not all go the same way"):
            run(replica)
    # Where they do not meet, each goes its own way.
    alone = run(own_way)
    np.testing.assert_array_equal(alone, [x if x > 2 else -x for x in MINE])


def own_way(x):
    return tf.cond(x > 2.0, lambda: x, lambda: -x)
