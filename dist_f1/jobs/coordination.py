"""Communication between workers beyond the sums of a step: status flags, broadcast, barrier."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from dist_f1.jobs.data import Shard
from dist_f1.jobs.data.source import Batch
from dist_f1.replicas import contexts
from dist_f1.replicas.all_reduce import all_reduce_sum

# Fingerprints below this bound have exact int64 sums over all replicas.
_FINGERPRINTS = 2**31


def encode_status(
    strategy: tf.distribute.Strategy, batch: Batch, stop_requested: bool
) -> tf.Tensor:
    """Return the status of this worker in a step, int64 `[1]` or `[2]`, for the all-reduce.

    The first element is the stop flag. The second one, if there are several workers, is a
    fingerprint of the rows that this worker has read for the batch.
    """
    status = [int(stop_requested)]
    if contexts.num_workers(strategy) > 1:
        status.append(batch.fingerprint() % _FINGERPRINTS)
    return tf.constant(status, tf.int64)


def decode_status(status: np.ndarray, batch: Batch, shard: Shard) -> tuple[bool, bool]:
    """Return whether to stop, and whether all workers have read the same rows.

    `status` is the sum of `encode_status` over all replicas.
    """
    stop, *sums = status
    is_same = not sums or sums[0] == batch.fingerprint() % _FINGERPRINTS * shard.replicas
    return bool(stop > 0), bool(is_same)


def broadcast_from_chief(strategy: tf.distribute.Strategy, number: int) -> int:
    """Broadcast an integer from the chief; acts as a barrier."""
    # The chief holds replica 0.
    return _sum_over_replicas(strategy, lambda replica: 0 if replica else number, number)


def holds_on_any_worker(strategy: tf.distribute.Strategy, condition: bool) -> bool:
    """Whether the condition holds on at least one worker; acts as a barrier."""
    return bool(_sum_over_replicas(strategy, lambda _: int(condition), int(condition)))


def _sum_over_replicas(
    strategy: tf.distribute.Strategy, value: Callable[[int], int], alone: int
) -> int:
    """Sum the value of each replica; with one worker, return `alone`."""
    if contexts.num_workers(strategy) == 1:
        return alone

    def constant(context: tf.distribute.experimental.ValueContext) -> tf.Tensor:
        return tf.constant(value(context.replica_id_in_sync_group), tf.int64)

    with strategy.scope():
        return int(all_reduce_sum(strategy.experimental_distribute_values_from_function(constant)))


def barrier(strategy: tf.distribute.Strategy) -> None:
    """Wait until all workers have called this function."""
    broadcast_from_chief(strategy, 0)
