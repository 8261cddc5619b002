"""A `tf.estimator` on several workers."""

import tempfile

import numpy as np
import tensorflow as tf
from shards import CLASSES, shard
from worker_steps import fields

import dist_f1


def train(strategy, steps):
    """Train a `tf.estimator` that fetches the counts of all workers in each step."""
    steps, worker, fetched = int(steps), strategy.cluster_resolver.task_id, []
    devices = len(strategy.extended.worker_devices)

    def generate():
        for step in range(steps):
            for replica in range(worker * devices, (worker + 1) * devices):
                y_true, y_pred, _ = shard(step, replica)
                yield np.eye(CLASSES, dtype=np.float32)[y_pred], y_true

    def batches():
        features = tf.TensorSpec([None, CLASSES], tf.float32)
        specs = (features, tf.TensorSpec([None], tf.int64))
        return tf.data.Dataset.from_generator(generate, output_signature=specs)

    class Fetch(tf.compat.v1.train.SessionRunHook):
        def before_run(self, _):
            return tf.compat.v1.train.SessionRunArgs(self.value)

        def after_run(self, _, values):
            fetched.append(fields(values.results))

    fetch = Fetch()

    def model_fn(features, labels, mode):
        factor = tf.compat.v1.get_variable("factor", [], initializer=tf.ones_initializer())
        fetch.value, update = dist_f1.compat.v1.confusion_counts(labels, features)
        with tf.control_dependencies([update]):
            loss = tf.reduce_sum(features * factor)
        optimizer = tf.compat.v1.train.GradientDescentOptimizer(0.1)
        train = optimizer.minimize(loss, tf.compat.v1.train.get_global_step())
        return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train, training_hooks=[fetch])

    with tempfile.TemporaryDirectory() as directory:
        config = tf.estimator.RunConfig(directory, train_distribute=strategy)
        tf.estimator.train_and_evaluate(
            tf.estimator.Estimator(model_fn, config=config),
            tf.estimator.TrainSpec(batches, max_steps=steps),
            tf.estimator.EvalSpec(batches),
        )
    return fetched
