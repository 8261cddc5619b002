"""Collectives of a TPU in emulation, compared with NumPy."""

import numpy as np
import pytest
import tensorflow as tf
from helpers import tpu
from tpu.steps import distribute, replica_values

from dist_f1 import testing

RAW = tf.raw_ops
ALL = [[0, 1, 2, 3]]
PAIRS = [[0, 2], [1, 3]]
UNORDERED = [[3, 0], [1, 2]]


def run(function, values):
    """Apply `function` to each replica's value, and return the results."""
    strategy = tpu(4)

    @tf.function(autograph=False)
    def step(columns):
        return strategy.run(replica, (columns,))

    def replica(columns):
        return function(columns["x"])

    with testing.emulated_tpu():
        return np.stack(replica_values(strategy, step(distribute(strategy, {"x": values}))))


def numbers(*shape, dtype=np.float32):
    return np.random.default_rng(0).integers(0, 100, shape).astype(dtype)


@pytest.mark.parametrize(
    ("groups", "dtype"),
    [
        (ALL, "float32"),
        (ALL, "int32"),
        (PAIRS, "bfloat16"),
        (PAIRS, "uint32"),
        (UNORDERED, "float64"),
    ],
)
def test_cross_replica_sum_sums_each_group(groups, dtype):
    values = numbers(4, 3, dtype=tf.as_dtype(dtype).as_numpy_dtype)
    results = run(lambda x: RAW.CrossReplicaSum(input=x, group_assignment=groups), values)
    for group in groups:
        for replica in group:
            np.testing.assert_array_equal(results[replica], values[group].sum(0))


def test_sums_of_unsigned_integers_wrap_around():
    values = np.full([4, 2], 2**32 - 1, np.uint32)
    results = run(lambda x: RAW.CrossReplicaSum(input=x, group_assignment=ALL), values)
    np.testing.assert_array_equal(results, np.full([4, 2], 2**32 - 4, np.uint32))


@pytest.mark.parametrize(("groups", "split", "concat"), [(ALL, 0, 0), (PAIRS, 1, 0), (PAIRS, 0, 1)])
def test_all_to_all_sends_each_replica_of_a_group_its_slice(groups, split, concat):
    values = numbers(4, 4, 8)
    results = run(
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
        for index, replica in enumerate(group):
            slices = [np.split(values[source], len(group), split)[index] for source in group]
            np.testing.assert_array_equal(results[replica], np.concatenate(slices, concat))


def test_collective_permute_gives_zeros_to_replicas_that_receive_nothing():
    values = numbers(4, 2)
    pairs = [[0, 1], [1, 0], [3, 2]]
    results = run(lambda x: RAW.CollectivePermute(input=x, source_target_pairs=pairs), values)
    expected = np.zeros_like(values)
    for source, target in pairs:
        expected[target] = values[source]
    np.testing.assert_array_equal(results, expected)


def test_a_mean_of_the_strategy_is_over_all_replicas():
    def replica(x):
        return tf.distribute.get_replica_context().all_reduce("mean", x)

    values = numbers(4, 4)
    np.testing.assert_allclose(run(replica, values), [values.mean(0)] * 4, rtol=1e-6)


def test_the_groups_must_be_constant():
    def replica(x):
        groups = tf.cast(x[tf.newaxis], tf.int32)
        return RAW.CrossReplicaSum(input=x, group_assignment=groups)

    with pytest.raises(ValueError, match="unknown while tracing"):
        run(replica, np.arange(4.0, dtype=np.float32)[:, np.newaxis])
