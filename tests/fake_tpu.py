"""A real `tf.distribute.TPUStrategy` for tracing: only what it asks the hardware is made up."""

import functools

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf.tpu import topology_pb2
from tensorflow.python.client import session


class _Resolver(tf.distribute.cluster_resolver.TPUClusterResolver):
    """Claims a host with so many cores, two on a chip."""

    def __init__(self, cores):
        topology = topology_pb2.TopologyProto(num_tasks=1, num_tpu_devices_per_task=cores)
        topology.mesh_shape.extend([cores // 2, 1, 1, 2])
        for core in range(cores):
            topology.device_coordinates.extend([core // 2, 0, 0, core % 2])
        self._description = topology.SerializeToString()
        self._cores = cores
        super().__init__(tpu="local")
        self.set_tpu_topology(self._description)

    def get_tpu_system_metadata(self):
        devices = tuple(
            session._DeviceAttributes(
                f"/job:localhost/replica:0/task:0/device:TPU:{i}", "TPU", 0, 0
            )
            for i in range(self._cores)
        )
        return tf.tpu.experimental.TPUSystemMetadata(
            num_cores=self._cores,
            num_hosts=1,
            num_of_cores_per_host=self._cores,
            topology=self._description,
            devices=devices,
        )


@functools.cache
def tpu_strategy(cores=8):
    """Its variables live on logical CPUs, so that they can be made; its steps can be traced."""
    strategy = tf.distribute.TPUStrategy(_Resolver(cores))
    extended = strategy.extended
    extended._tpu_devices = np.array(
        [[f"/job:localhost/replica:0/task:0/device:CPU:{i}"] for i in range(cores)], dtype=object
    )
    extended._enable_packed_variable_in_eager_mode = False
    return strategy
