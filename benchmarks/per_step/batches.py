"""Fixed batches that are on their devices before anything is timed."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from benchmarks.models import Problem


class Batch(NamedTuple):
    """What a step is given: tensors of each replica."""

    x: Any
    y: Any  # class ids, shaped like the scores without their last axis
    one_hot: Any  # [rows, C], as Keras's metrics take targets


def draw(problem: Problem, rows: int, number: int, seed: int) -> list[Batch]:
    """Batches of that many rows over all replicas, as NumPy arrays."""
    random = np.random.default_rng(seed)
    batches = []
    for _ in range(number):
        x, y = problem.data(random, rows)
        one_hot = np.eye(problem.classes, dtype=np.float32)[y]
        batches.append(Batch(x, y, one_hot.reshape(-1, problem.classes)))
    return batches


def distribute(strategy: tf.distribute.Strategy, batch: Batch) -> Batch:
    """An equal share of the rows on each replica.

    Raises:
        ValueError: the rows do not divide evenly.
    """
    return Batch(*(_shares(strategy, array) for array in batch))


def _shares(strategy: tf.distribute.Strategy, array: np.ndarray) -> tf.distribute.DistributedValues:
    shares = np.split(array, strategy.num_replicas_in_sync)
    return on_replicas(strategy, lambda replica, _: shares[replica])


def on_replicas(
    strategy: tf.distribute.Strategy, value: Callable[[int, int], np.ndarray]
) -> tf.distribute.DistributedValues:
    """`value(replica, local)` on the device of each replica of this process.

    `replica` counts over all processes, `local` over those of this one.
    """
    local = itertools.count()

    def place(context: tf.distribute.experimental.ValueContext) -> tf.Tensor:
        index = next(local)
        with tf.device(strategy.extended.worker_devices[index]):
            return tf.identity(value(context.replica_id_in_sync_group, index))

    return strategy.experimental_distribute_values_from_function(place)
