"""The context of a run: devices, options, strategies, and values on their replicas."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import pathlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import ml_collections
import numpy as np
import tensorflow as tf

from benchmarks.progress import Progress


@dataclasses.dataclass(frozen=True)
class Context:
    """Devices and options, which every suite gets in addition to its own settings."""

    devices: tuple[str, ...]
    device_label: str
    seed: int
    progress: Progress
    out: pathlib.Path

    def timing(self, config: ml_collections.ConfigDict) -> dict[str, Any]:
        """Return arguments of `timing.interleaved` for the settings of a suite."""
        return {
            "steps": config.steps,
            "seed": self.seed,
            "budget_seconds": config.get("budget_seconds") or None,
            "progress": self.progress.step,
        }

    def strategies(self, replicas: Sequence[int]) -> Iterator[tf.distribute.Strategy]:
        """Yield a strategy for each number of replicas for which there are enough devices."""
        for number in replicas:
            if number <= len(self.devices):
                yield mirrored(self.devices, number)


@functools.cache
def mirrored(devices: tuple[str, ...], replicas: int) -> tf.distribute.Strategy:
    """Return the strategy of the first `replicas` devices, always the same object."""

    class Mirrored(tf.distribute.MirroredStrategy):
        # TensorFlow numbers the collective groups of each strategy from 1. A process aborts if
        # groups of different sizes get the same number.
        _collective_key_base = 100_000 * replicas

    return Mirrored(list(devices[:replicas]))


def distribute_values(
    strategy: tf.distribute.Strategy, value: Callable[[int, int], np.ndarray]
) -> tf.distribute.DistributedValues:
    """Place `value(replica, local)` on the device of each replica of this process.

    `replica` counts the replicas of all processes, and `local` those of this process.
    """
    local = itertools.count()

    def on_device(context: tf.distribute.experimental.ValueContext) -> tf.Tensor:
        index = next(local)
        with tf.device(strategy.extended.worker_devices[index]):
            return tf.identity(value(context.replica_id_in_sync_group, index))

    return strategy.experimental_distribute_values_from_function(on_device)


def gather(strategy: tf.distribute.Strategy, values: Any) -> np.ndarray:
    """Concatenate the values of all replicas of all processes along the first axis."""
    if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return strategy.gather(values, axis=0).numpy()
    return np.concatenate([x.numpy() for x in strategy.experimental_local_results(values)])


def tensorflow_variable(variable: Any) -> tf.Variable:
    """Return the variable of TensorFlow, which Keras 3 wraps in its own."""
    return variable if callable(variable.value) else variable.value
