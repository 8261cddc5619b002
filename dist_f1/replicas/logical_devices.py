"""Logical CPU devices, so that a strategy has several replicas without GPUs."""

import tensorflow as tf

from dist_f1.counts.limits import check_positive


def split_cpu(devices: int) -> None:
    """Split the CPU into logical devices `CPU:0`, `CPU:1`, ..., unless it has enough already.

    TensorFlow treats them as separate devices and runs real collectives between them. They share
    the cores of one CPU, so they are no measure of speed. TensorFlow fixes their number when it
    starts: call this first in a program, or in a `conftest.py`.

    Args:
        devices: Minimum number of devices.

    Raises:
        ValueError: The number is not a positive integer.
        RuntimeError: TensorFlow has started with fewer devices, and cannot add any.

    Example:
        >>> split_cpu(2)
        >>> len(tf.config.list_logical_devices("CPU")) >= 2
        True
    """
    check_positive("devices", devices)
    cpu = tf.config.list_physical_devices("CPU")[0]
    configured = len(tf.config.get_logical_device_configuration(cpu) or [None])
    if configured >= devices:
        return
    try:
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * devices
        )
    except RuntimeError as error:
        raise RuntimeError(
            f"TensorFlow has already started with {configured} logical CPU device(s), so the CPU "
            f"can no longer be split into {devices}. Call split_cpu, or make the strategy, before "
            "TensorFlow computes anything."
        ) from error
