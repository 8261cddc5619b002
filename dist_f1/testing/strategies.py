"""A `tf.distribute.TPUStrategy` for tracing steps without a TPU."""

from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf.tpu import topology_pb2
from tensorflow.python.client import session


def tpu_strategy(replicas: int = 8, cores_per_chip: int = 2) -> tf.distribute.TPUStrategy:
    """Create a real `TPUStrategy` over the simulated topology of one host.

    Only the hardware that the strategy asks about is simulated, i.e. the list of cores. Steps are
    traced exactly as for a TPU. Variables live on the logical CPU devices in turn, so they can be
    created, read, saved and restored. Only `emulated_tpu` can run what `strategy.run` traces.

    Args:
        replicas: Number of cores.
        cores_per_chip: 2, as on v2 and v3, or 1, as on v4 and later, where a chip is one device.

    Raises:
        ValueError: `replicas` is not a positive multiple of `cores_per_chip`.

    Example:
        >>> strategy = tpu_strategy(32)
        >>> strategy.num_replicas_in_sync
        32
    """
    is_count = isinstance(replicas, int) and not isinstance(replicas, bool) and replicas > 0
    if cores_per_chip not in (1, 2) or not is_count or replicas % cores_per_chip:
        raise ValueError(
            f"{replicas} replicas do not fill whole chips of {cores_per_chip} core(s). Pass "
            "cores_per_chip=1 or 2, and a positive multiple of it as replicas."
        )
    strategy = tf.distribute.TPUStrategy(_Resolver(replicas, cores_per_chip))
    # A packed variable has one handle for all replicas, which the emulation cannot split.
    strategy._enable_packed_variable_in_eager_mode = False
    available = len(tf.config.list_logical_devices("CPU"))
    devices = [_device("CPU", replica % available) for replica in range(replicas)]
    extended: Any = strategy.extended
    extended._tpu_devices = np.array([[device] for device in devices], dtype=object)
    for host in extended._device_input_worker_devices:
        extended._device_input_worker_devices[host] = devices
    return strategy


class _Resolver(tf.distribute.cluster_resolver.TPUClusterResolver):
    """Reports one host with a row of chips.

    Args:
        cores: Number of cores.
        cores_per_chip: Number of cores on a chip.
    """

    def __init__(self, cores: int, cores_per_chip: int) -> None:
        topology = topology_pb2.TopologyProto(num_tasks=1, num_tpu_devices_per_task=cores)
        topology.mesh_shape.extend([cores // cores_per_chip, 1, 1, cores_per_chip])
        for core in range(cores):
            topology.device_coordinates.extend(
                [core // cores_per_chip, 0, 0, core % cores_per_chip]
            )
        self._topology, self._cores = topology.SerializeToString(), cores
        # TensorFlow looks up any other name in Google Cloud.
        super().__init__(tpu="local")
        self.set_tpu_topology(self._topology)

    def get_tpu_system_metadata(self) -> tf.tpu.experimental.TPUSystemMetadata:
        """Return the description of the hardware that the strategy asks for."""
        devices = tuple(
            session._DeviceAttributes(_device("TPU", core), "TPU", 0, 0)
            for core in range(self._cores)
        )
        return tf.tpu.experimental.TPUSystemMetadata(
            num_cores=self._cores,
            num_hosts=1,
            num_of_cores_per_host=self._cores,
            topology=self._topology,
            devices=devices,
        )


def _device(kind: str, index: int) -> str:
    return f"/job:localhost/replica:0/task:0/device:{kind}:{index}"
