"""From a worker's share of a batch to its replicas."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from dist_f1.jobs.data import Share
from dist_f1.jobs.data.source import Batch
from dist_f1.replicas import contexts


def share_of(strategy: tf.distribute.Strategy) -> Share:
    """The replicas of this worker among all.

    With parameter servers a batch is for one replica, and the next batch for another.
    """
    if isinstance(strategy, tf.distribute.ParameterServerStrategy):
        return Share()
    replicas = strategy.num_replicas_in_sync
    local = replicas // contexts.num_workers(strategy)
    return Share(contexts.worker_index(strategy) * local, local, replicas)


def distribute(strategy: tf.distribute.Strategy, batch: Batch, share: Share) -> tuple[Any, ...]:
    """Features, targets and mask for `strategy.run`, each on the device of its replica."""
    columns = (batch.x, batch.y, batch.mask)
    if share.local == 1:
        return tuple(tf.convert_to_tensor(column) for column in columns)
    devices = strategy.extended.worker_devices

    def split(column: np.ndarray) -> Any:
        parts = np.split(column, share.local)

        def part(context: tf.distribute.ValueContext) -> tf.Tensor:
            index = context.replica_id_in_sync_group - share.first
            with tf.device(devices[index]):
                return tf.identity(parts[index])

        return strategy.experimental_distribute_values_from_function(part)

    return tuple(split(column) for column in columns)
