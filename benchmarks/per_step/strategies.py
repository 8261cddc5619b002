"""Strategies of one process, one for each number of replicas, that can be used side by side."""

from __future__ import annotations

import functools

import tensorflow as tf


def mirrored(devices: list[str], replicas: int) -> tf.distribute.Strategy:
    """The strategy of the first so many devices: the same object every time."""
    return _mirrored(tuple(devices[:replicas]))


@functools.cache
def _mirrored(devices: tuple[str, ...]) -> tf.distribute.Strategy:
    class Mirrored(tf.distribute.MirroredStrategy):
        # TensorFlow numbers the collective groups of every strategy from 1, and a process in which
        # groups of different size meet under one number aborts.
        _collective_key_base = 100_000 * len(devices)

    return Mirrored(list(devices))


def is_several_workers(strategy: tf.distribute.Strategy) -> bool:
    """Whether other processes have replicas of their own."""
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
