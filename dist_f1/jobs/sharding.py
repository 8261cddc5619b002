"""Distribution of a worker's shard of a batch to its replicas."""

from typing import Any

import numpy as np
import tensorflow as tf

from dist_f1.jobs.data import Shard
from dist_f1.jobs.data.source import Batch
from dist_f1.replicas import contexts


def shard_of(strategy: tf.distribute.Strategy) -> Shard:
    """Return the shard of this worker.

    With parameter servers, each batch goes to a single replica.
    """
    if isinstance(strategy, tf.distribute.ParameterServerStrategy):
        return Shard()
    replicas = strategy.num_replicas_in_sync
    local = replicas // contexts.num_workers(strategy)
    return Shard(contexts.worker_index(strategy) * local, local, replicas)


def distribute(strategy: tf.distribute.Strategy, batch: Batch, shard: Shard) -> tuple[Any, ...]:
    """Return features, targets and mask for `strategy.run`: tensors, or `PerReplica` values."""
    columns = (batch.x, batch.y, batch.mask)
    if shard.local == 1:
        return tuple(tf.convert_to_tensor(column) for column in columns)
    devices = strategy.extended.worker_devices

    def split(column: np.ndarray) -> Any:
        slices = np.split(column, shard.local)

        def value(context: tf.distribute.experimental.ValueContext) -> tf.Tensor:
            index = context.replica_id_in_sync_group - shard.first
            with tf.device(devices[index]):
                return tf.identity(slices[index])

        return strategy.experimental_distribute_values_from_function(value)

    return tuple(split(column) for column in columns)
