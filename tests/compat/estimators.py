"""Estimators on scikit-learn's datasets, for the tests with TensorFlow 2.15."""

import numpy as np
import pytest
import tensorflow as tf
from sklearn import datasets

from dist_f1.compat import v1

VERSION = tuple(int(part) for part in tf.__version__.split(".")[:2])
needs_estimator = pytest.mark.skipif(
    VERSION > (2, 15), reason="TensorFlow has tf.estimator up to 2.15"
)
STRATEGIES = ("none", "one_device", "mirrored_2")
# With 64 rows, the last batch of both datasets is smaller, and their number of batches is odd.
BATCH = 64


def load(name):
    """Return standardised features `[N, F]` and class ids `[N]`."""
    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    x = (x - x.mean(axis=0)) / (x.std(axis=0) + 1e-9)
    return x.astype(np.float32), y.astype(np.int64)


def strategy(name):
    if name == "none":
        return None
    if name == "one_device":
        return tf.distribute.OneDeviceStrategy("CPU:0")
    return tf.distribute.MirroredStrategy(
        ["CPU:0", "CPU:1"], cross_device_ops=tf.distribute.ReductionToOneDevice()
    )


def run_config(model_dir, strategy_name="none", **options):
    chosen = strategy(strategy_name)
    return tf.estimator.RunConfig(
        model_dir=str(model_dir),
        tf_random_seed=1,
        train_distribute=chosen,
        eval_distribute=chosen,
        session_config=tf.compat.v1.ConfigProto(device_count={"CPU": 2}),
        **options,
    )


def batches(features, labels=None, batch=BATCH, epochs=1):
    """Return an `input_fn`."""
    arrays = features if labels is None else (features, labels)
    return lambda: tf.data.Dataset.from_tensor_slices(arrays).repeat(epochs).batch(batch)


def evaluation(features, labels, batch=BATCH):
    """Return an `input_fn` with a batch for every replica in every step."""

    def input_fn(input_context=None):
        data = tf.data.Dataset.from_tensor_slices((features, labels))
        return data.apply(v1.batch_for_replicas(batch, input_context))

    return input_fn


def linear(metrics, classes, rate=0.1):
    """Return a `model_fn` with one linear layer, and `metrics(labels, scores, features)`."""

    def model_fn(features, labels, mode):
        x = features["x"] if isinstance(features, dict) else features
        kernel = tf.compat.v1.get_variable("kernel", [x.shape[-1], classes], tf.float32)
        bias = tf.compat.v1.get_variable(
            "bias", [classes], tf.float32, tf.compat.v1.zeros_initializer()
        )
        scores = x @ kernel + bias
        predictions = {"scores": scores, "ids": tf.argmax(scores, axis=-1)}
        if mode == tf.estimator.ModeKeys.PREDICT:
            return tf.estimator.EstimatorSpec(mode, predictions=predictions)
        loss = tf.compat.v1.losses.sparse_softmax_cross_entropy(labels, scores)
        if mode == tf.estimator.ModeKeys.TRAIN:
            step = tf.compat.v1.train.get_or_create_global_step()
            optimizer = tf.compat.v1.train.GradientDescentOptimizer(rate)
            return tf.estimator.EstimatorSpec(
                mode, loss=loss, train_op=optimizer.minimize(loss, step)
            )
        ops = metrics(labels, scores, features)
        return tf.estimator.EstimatorSpec(mode, loss=loss, eval_metric_ops=ops)

    return model_fn


def predicted(estimator, features, key="ids", batch=BATCH):
    """Return the predictions of the last checkpoint for each row."""
    rows = estimator.predict(batches(features, batch=batch))
    return np.array([row[key] for row in rows])
