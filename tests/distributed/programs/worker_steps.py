"""Strategies, batches and steps of the worker processes."""

import os

import numpy as np
import tensorflow as tf
from shards import CLASSES, shard
from tracing import graph_function

import dist_f1


def make_strategy(devices):
    """Use several logical CPUs as the devices of each worker, or of a single process."""
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration()] * devices,
    )
    if "TF_CONFIG" not in os.environ:
        return tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(devices)])
    from tensorflow.python.distribute import collective_all_reduce_strategy as module

    # TensorFlow uses one CPU per worker, and several devices only if they are GPUs.
    module.CollectiveAllReduceExtended._initialize_local_devices = lambda self, _, worker: (
        tuple(f"{worker}/device:CPU:{i}" for i in range(devices)),
        "CPU",
    )
    return tf.distribute.MultiWorkerMirroredStrategy()


def is_chief(strategy):
    return strategy.cluster_resolver.task_id == 0


def to_lists(structure):
    """Convert tensors and arrays to lists, for JSON."""
    return tf.nest.map_structure(lambda x: np.asarray(x).tolist(), structure)


def fields(counts):
    return to_lists(dict(counts.numpy()._asdict()))


def columns_of(strategy, step):
    """Return distributed `y_true`, `y_pred` and weights."""
    return tuple(
        strategy.experimental_distribute_values_from_function(
            lambda context, column=column: tf.constant(
                shard(step, context.replica_id_in_sync_group)[column]
            )
        )
        for column in range(3)
    )


def compile_step(strategy, replica):
    """Return a compiled step that takes any number of rows."""
    specs = [tf.TensorSpec([None], tf.int64)] * 2 + [tf.TensorSpec([None], tf.float64)]

    def with_unknown_rows(*columns):
        return replica(
            *(tf.ensure_shape(x, spec.shape) for x, spec in zip(columns, specs, strict=True))
        )

    @graph_function(reduce_retracing=True)
    def step(*columns):
        return strategy.run(with_unknown_rows, columns)

    return step


def reading_step(strategy):
    """Return a metric, and a compiled step that updates and reads it."""
    with strategy.scope():
        metric = dist_f1.F1Score("macro", num_classes=CLASSES)

    def replica(y_true, y_pred, _):
        metric.update_state(y_true, y_pred)
        return metric.result()

    return metric, compile_step(strategy, replica)
