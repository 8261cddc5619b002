"""What replicas give to each other, against NumPy."""

import numpy as np
import pytest
import tensorflow as tf
from helpers import tpu
from tpu.steps import each_replica, placed

from dist_f1 import testing

RAW = tf.raw_ops
ALL = [list(range(8))]
PAIRS = [[0, 2, 4, 6], [1, 3, 5, 7]]


def run(function, values, replicas=8):
    """What each replica gets from `function` of its own value."""
    strategy = tpu(replicas)

    @tf.function(autograph=False)
    def step(columns):
        return strategy.run(replica, (columns,))

    def replica(columns):
        return function(columns["x"])

    with testing.emulated_tpu():
        return np.stack(each_replica(strategy, step(placed(strategy, {"x": values}))))


def numbers(*shape, dtype=np.float32):
    return np.random.default_rng(0).integers(0, 100, shape).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64", "int32", "uint32"])
@pytest.mark.parametrize("groups", [ALL, PAIRS, [[3, 0], [1, 2], [4, 5], [6, 7]]])
def test_a_cross_replica_sum_is_of_the_groups(groups, dtype):
    values = numbers(8, 3, dtype=tf.as_dtype(dtype).as_numpy_dtype)
    got = run(lambda x: RAW.CrossReplicaSum(input=x, group_assignment=groups), values)
    for group in groups:
        for replica in group:
            np.testing.assert_array_equal(got[replica], values[group].sum(0))


def test_sums_of_unsigned_integers_wrap_around():
    values = np.full([8, 2], 2**32 - 1, np.uint32)
    got = run(lambda x: RAW.CrossReplicaSum(input=x, group_assignment=ALL), values)
    np.testing.assert_array_equal(got, np.full([8, 2], 2**32 - 8, np.uint32))


@pytest.mark.parametrize("groups", [ALL, PAIRS])
@pytest.mark.parametrize(("split", "concat"), [(0, 0), (1, 0), (0, 1)])
def test_all_to_all_hands_each_of_a_group_its_piece(groups, split, concat):
    values = numbers(8, 8, 16)
    got = run(
        lambda x: RAW.AllToAll(
            input=x,
            group_assignment=groups,
            concat_dimension=concat,
            split_dimension=split,
            split_count=len(groups[0]),
        ),
        values,
    )
    for group in groups:
        for place, replica in enumerate(group):
            pieces = [np.split(values[source], len(group), split)[place] for source in group]
            np.testing.assert_array_equal(got[replica], np.concatenate(pieces, concat))


def test_collective_permute_gives_zeros_to_who_is_sent_nothing():
    values = numbers(8, 2)
    pairs = [[0, 1], [1, 0], [7, 3]]
    got = run(lambda x: RAW.CollectivePermute(input=x, source_target_pairs=pairs), values)
    expected = np.zeros_like(values)
    for source, target in pairs:
        expected[target] = values[source]
    np.testing.assert_array_equal(got, expected)


def test_a_mean_of_the_strategy_is_of_all_replicas():
    def replica(x):
        return tf.distribute.get_replica_context().all_reduce("mean", x)

    values = numbers(32, 4)
    np.testing.assert_allclose(run(replica, values, 32), [values.mean(0)] * 32, rtol=1e-6)


def test_who_takes_part_must_be_known_while_tracing():
    def replica(x):
        groups = tf.cast(x[tf.newaxis], tf.int32)
        return RAW.CrossReplicaSum(input=x, group_assignment=groups)

    with pytest.raises(ValueError, match="must be a constant"):
        run(replica, np.arange(8.0, dtype=np.float32)[:, np.newaxis])
