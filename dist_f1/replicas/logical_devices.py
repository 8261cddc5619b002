"""The CPU as several devices, so that a strategy has several replicas without any GPU."""

from __future__ import annotations

import tensorflow as tf


def split_cpu(devices: int) -> None:
    """Splits the CPU into logical devices `CPU:0`, `CPU:1`, ..., unless it has as many already.

    They are real devices to TensorFlow, with real collectives between them; but they share the
    cores of one CPU, so that they tell nothing about speed. TensorFlow fixes their number when it
    starts, so this comes first in a program, or in a `conftest.py`.

    Args:
        devices: how many there should be at least.

    Raises:
        ValueError: not a positive number.
        RuntimeError: TensorFlow has started with fewer; it cannot add any.

    Example:
        >>> split_cpu(2)
        >>> len(tf.config.list_logical_devices("CPU")) >= 2
        True
    """
    if isinstance(devices, bool) or not isinstance(devices, int) or devices < 1:
        raise ValueError(f"devices must be a positive integer, got {devices!r}.")
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
            f"cannot be split into {devices} logical devices any more. Split it, or make the "
            "strategy, before anything is computed."
        ) from error
