"""A coordinator, two workers and a parameter server."""

import os

import numpy as np
import tensorflow as tf
from cluster import free_ports
from shards import CLASSES, shard
from tracing import graph_function
from worker_steps import fields, to_lists

import dist_f1


def start_cluster(partitioner=None):
    """Start two workers and a parameter server in this process; return them and a strategy."""
    addresses = [f"127.0.0.1:{port}" for port in free_ports(3)]
    cluster = tf.train.ClusterSpec({"worker": addresses[:2], "ps": addresses[2:]})
    # Otherwise servers in one process wait for each other's threads.
    config = tf.compat.v1.ConfigProto(inter_op_parallelism_threads=4)
    servers = [
        tf.distribute.Server(cluster, job_name=job, task_index=index, config=config)
        for job, index in (("worker", 0), ("worker", 1), ("ps", 0))
    ]
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(cluster, rpc_layer="grpc")
    return servers, tf.distribute.ParameterServerStrategy(resolver, partitioner)


def custom_loop(_, variables, directory, path):
    """Schedule steps on asynchronous workers."""
    # A partitioner splits every variable that is created under it.
    partitioners = tf.distribute.experimental.partitioners
    partitioner = None if variables == "whole" else partitioners.FixedShardsPartitioner(2)
    servers, strategy = start_cluster(partitioner)
    coordinator = tf.distribute.coordinator.ClusterCoordinator(strategy)
    with strategy.scope():
        metric = dist_f1.F1Score("macro", num_classes=CLASSES)

    def replica(y_true, y_pred):
        metric.update_state(y_true, y_pred)
        return metric.result(), dist_f1.all_reduce_sum(tf.size(y_true))

    row = tf.TensorSpec([None], tf.int64)

    @graph_function(input_signature=[row, row])
    def step(y_true, y_pred):
        return strategy.run(replica, (y_true, y_pred))

    sizes = []
    for index in range(40):
        y_true, y_pred, _ = shard(index, 0)
        values = coordinator.schedule(step, args=(tf.constant(y_true), tf.constant(y_pred)))
        sizes.append(values)
    coordinator.join()
    with strategy.scope():
        compiled = graph_function(lambda: metric.result())()
    counts = fields(metric.counts())
    saved = tf.train.Checkpoint(f1=metric.accumulator).save(os.path.join(directory, "ps"))
    metric.update_state([0, 1], np.array([0, 1]))
    later = fields(metric.counts())
    with strategy.scope():
        fresh = dist_f1.F1Score("macro", num_classes=CLASSES)
    tf.train.Checkpoint(f1=fresh.accumulator).restore(path)
    restored = fields(fresh.counts())
    tf.train.Checkpoint(f1=metric.accumulator).restore(saved)
    fresh.merge_state([metric])
    return {
        "servers": len(servers),
        "counts": counts,
        "compiled": float(compiled),
        "sizes": [int(value.fetch()[1]) for value in sizes],
        "path": saved,
        "later": later,
        "restored": restored,
        "merged": fields(fresh.counts()),
        "collectives": dist_f1.count_collectives(step),
    }


def keras_fit(_):
    """Run `fit` of tf-keras, which has its own coordinator."""
    servers, strategy = start_cluster()
    with strategy.scope():
        model = tf.keras.Sequential(
            [tf.keras.layers.Dense(CLASSES, "softmax", True, "identity", input_shape=[CLASSES])]
        )
        metric = dist_f1.F1Score("micro")
        optimizer = tf.keras.optimizers.SGD(0.0)
        model.compile(optimizer, "sparse_categorical_crossentropy", metrics=[metric])
    y = np.arange(48) % CLASSES
    # Predictions of the first class are always correct, those of the others never.
    x = np.eye(CLASSES, dtype="float32")[np.where(y == 0, 0, (y + 1) % CLASSES)] * 100
    data = tf.data.Dataset.from_tensor_slices((x, y)).repeat().batch(8)
    history = model.fit(data, steps_per_epoch=6, epochs=2, verbose=0)
    return {
        "servers": len(servers),
        "counts": fields(metric.counts()),
        "history": to_lists(history.history["f1_score"]),
    }
