"""What workers that run side by side have to know of each other, beside the sums of a step."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from dist_f1.jobs.data import Share
from dist_f1.jobs.data.source import Batch
from dist_f1.replicas import contexts
from dist_f1.replicas.all_reduce import all_reduce_sum

# Sums of digests over all replicas stay exact.
_DIGESTS = 2**31


def words(strategy: tf.distribute.Strategy, batch: Batch, asked_to_stop: bool) -> tf.Tensor:
    """What a worker tells the others in a step, int64, to be summed over replicas.

    Whether it has been asked to stop, and a digest of the rows that it has read for the batch,
    where others have read them too.
    """
    told = [int(asked_to_stop)]
    if contexts.num_workers(strategy) > 1:
        told.append(batch.fingerprint() % _DIGESTS)
    return tf.constant(told, tf.int64)


def understand(told: np.ndarray, batch: Batch, share: Share) -> tuple[bool, bool]:
    """From the sum: whether one has been asked to stop, and whether all have read the same rows."""
    stop, *read = told
    agree = not read or read[0] == batch.fingerprint() % _DIGESTS * share.replicas
    return bool(stop > 0), bool(agree)


def what_the_chief_says(strategy: tf.distribute.Strategy, number: int) -> int:
    """The chief's number, on all workers, when all of them have come here."""
    if contexts.num_workers(strategy) == 1:
        return number

    def said(context: tf.distribute.ValueContext) -> tf.Tensor:
        # The chief holds the first replica.
        first = context.replica_id_in_sync_group == 0
        return tf.constant(number if first else 0, tf.int64)

    with strategy.scope():
        return int(all_reduce_sum(strategy.experimental_distribute_values_from_function(said)))
