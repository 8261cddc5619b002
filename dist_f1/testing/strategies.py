"""A `tf.distribute.TPUStrategy` where there is no TPU: steps can be traced under it."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf.tpu import topology_pb2
from tensorflow.python.client import session


def tpu_strategy(replicas: int = 8, cores_per_chip: int = 2) -> tf.distribute.TPUStrategy:
    """A real `TPUStrategy` over a made-up topology of one host.

    Only what the strategy asks the hardware is made up: which cores there are. What is traced under
    it is what would be compiled for a TPU. Its variables live on the logical CPU devices, in turn,
    so that they can be made, read, saved and restored; what `strategy.run` traces cannot be run,
    except by `emulated_tpu`.

    Args:
        replicas: how many cores.
        cores_per_chip: 2, as on v2 and v3, or 1, as on v4 and later, where a chip is one device.

    Raises:
        ValueError: the cores do not make whole chips.

    Example:
        >>> strategy = tpu_strategy(32)
        >>> strategy.num_replicas_in_sync
        32
    """
    counted = isinstance(replicas, int) and not isinstance(replicas, bool) and replicas > 0
    if cores_per_chip not in (1, 2) or not counted or replicas % cores_per_chip:
        raise ValueError(
            f"{replicas} replicas do not make whole chips of {cores_per_chip} core(s); "
            "cores_per_chip is 1 or 2."
        )
    strategy = tf.distribute.TPUStrategy(_Resolver(replicas, cores_per_chip))
    # A packed variable has one handle for all replicas, which only a TPU can tell apart.
    strategy._enable_packed_variable_in_eager_mode = False
    available = len(tf.config.list_logical_devices("CPU"))
    devices = [_device("CPU", replica % available) for replica in range(replicas)]
    extended: Any = strategy.extended
    extended._tpu_devices = np.array([[device] for device in devices], dtype=object)
    for host in extended._device_input_worker_devices:
        extended._device_input_worker_devices[host] = devices
    return strategy


class _Resolver(tf.distribute.cluster_resolver.TPUClusterResolver):
    """Claims one host with so many cores, in a row of chips."""

    def __init__(self, cores: int, cores_per_chip: int) -> None:
        topology = topology_pb2.TopologyProto(num_tasks=1, num_tpu_devices_per_task=cores)
        topology.mesh_shape.extend([cores // cores_per_chip, 1, 1, cores_per_chip])
        for core in range(cores):
            topology.device_coordinates.extend(
                [core // cores_per_chip, 0, 0, core % cores_per_chip]
            )
        self._topology, self._cores = topology.SerializeToString(), cores
        # Any other name would be looked up in a cloud.
        super().__init__(tpu="local")
        self.set_tpu_topology(self._topology)

    def get_tpu_system_metadata(self) -> Any:
        """What the strategy wants to know of the hardware."""
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
