"""Strategies, and values of replicas."""

import functools
import itertools

import numpy as np
import tensorflow as tf

from dist_f1 import testing


@functools.cache
def mirrored(replicas):
    class Mirrored(tf.distribute.MirroredStrategy):
        # TensorFlow numbers the groups of each strategy from 1. A process aborts if two groups of
        # different size have the same number.
        _collective_key_base = 1000 * replicas

    return Mirrored([f"CPU:{i}" for i in range(replicas)])


# One per process, because each strategy would trace its own functions.
tpu = functools.cache(testing.tpu_strategy)


@functools.cache
def central_storage(replicas):
    return tf.distribute.experimental.CentralStorageStrategy(
        [f"CPU:{i}" for i in range(replicas)], parameter_device="CPU:7"
    )


@functools.cache
def strategy(name):
    """Return `none` (the default strategy), `one_device`, `central_<n>` or `mirrored_<n>`."""
    if name == "none":
        return tf.distribute.get_strategy()
    if name == "one_device":
        return tf.distribute.OneDeviceStrategy("CPU:0")
    if name.startswith("central_"):
        return central_storage(int(name.removeprefix("central_")))
    return mirrored(int(name.removeprefix("mirrored_")))


STRATEGIES = ("none", "one_device", "central_3", *(f"mirrored_{n}" for n in (1, 2, 3, 8)))


def per_replica(strategy, shards):
    """Convert one NumPy array per replica to an argument of `strategy.run`."""
    if strategy.num_replicas_in_sync == 1:
        return tf.constant(shards[0])
    return strategy.experimental_distribute_values_from_function(
        lambda context: tf.constant(shards[context.replica_id_in_sync_group])
    )


def split(arrays, cuts):
    """Split arrays of N rows at `cuts`. Repeated cuts make empty shards."""
    edges = [0, *sorted(cuts), len(arrays[0])]
    return [[array[start:stop] for start, stop in itertools.pairwise(edges)] for array in arrays]


def scores_for(labels, num_classes, dtype=np.float32):
    """Return scores whose argmax is `labels`."""
    noise = np.random.default_rng(0).uniform(0.0, 0.4, (len(labels), num_classes))
    noise[np.arange(len(labels)), labels] += 1.0
    return noise.astype(dtype)


def run_on_shards(strategy, call, columns, cuts):
    """Call a function in each replica with its shard of the columns."""
    return strategy.run(call, tuple(per_replica(strategy, s) for s in split(columns, cuts)))
