"""The strategy of a job: all GPUs, or logical CPU devices where there are none."""

from __future__ import annotations

import tensorflow as tf


def make_strategy(name: str, replicas: int) -> tf.distribute.Strategy:
    """Makes the strategy `auto`, `none`, `one_device` or `mirrored`.

    `none` and `one_device` have one replica. `auto` and `mirrored` use every GPU, whatever
    `replicas` says. Without GPUs they split the CPU into `replicas` logical devices: the real
    strategy and its real all-reduce, but no evidence of what a GPU would do.

    Raises:
        RuntimeError: TensorFlow has started with fewer logical devices; it cannot add any.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if name == "none":
        return tf.distribute.get_strategy()
    if name == "one_device":
        return tf.distribute.OneDeviceStrategy("GPU:0" if gpus else "CPU:0")
    if gpus:
        return tf.distribute.MirroredStrategy([f"GPU:{i}" for i in range(len(gpus))])
    _split_cpu(replicas)
    return tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(replicas)])


def devices_of(strategy: tf.distribute.Strategy) -> list[str]:
    """The devices of the replicas, `GPU:0` say."""
    if not isinstance(strategy, tf.distribute.MirroredStrategy | tf.distribute.OneDeviceStrategy):
        return ["GPU:0" if tf.config.list_physical_devices("GPU") else "CPU:0"]
    return [device.split("device:")[-1] for device in strategy.extended.worker_devices]


def _split_cpu(devices: int) -> None:
    cpu = tf.config.list_physical_devices("CPU")[0]
    if len(tf.config.get_logical_device_configuration(cpu) or [None]) >= devices:
        return
    try:
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * devices
        )
    except RuntimeError as error:
        raise RuntimeError(
            f"TensorFlow has already started, so the CPU cannot be split into {devices} logical "
            "devices any more. Make the strategy before anything is computed."
        ) from error
