"""Metrics with known counts, which are different on each replica."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from benchmarks.context import distribute_values

# Samples on each replica.
SAMPLES = 4096

# Targets and predictions, class ids.
Labels = tuple[np.ndarray, np.ndarray]


def draw_labels(strategy: tf.distribute.Strategy, classes: int) -> list[Labels]:
    """Draw labels for each replica; about 70% of the predictions are correct."""
    labels = []
    for replica in range(strategy.num_replicas_in_sync):
        random = np.random.default_rng(replica)
        y_true, other = random.integers(0, classes, (2, SAMPLES))
        labels.append((y_true, np.where(random.random(SAMPLES) < 0.7, y_true, other)))
    return labels


def keras_metric(
    strategy: tf.distribute.Strategy, labels: Sequence[Labels], classes: int
) -> tf.keras.metrics.Metric:
    """Create Keras's `F1Score`, and assign its counts: one-hot targets could be too large."""
    metric = tf.keras.metrics.F1Score("macro")
    zeros = tf.zeros([1, classes])
    strategy.run(metric.update_state, (zeros, zeros))

    def assign(hit: tf.Tensor, false_positive: tf.Tensor, false_negative: tf.Tensor) -> None:
        metric.true_positives.assign(hit)
        metric.false_positives.assign(false_positive)
        metric.false_negatives.assign(false_negative)

    outcomes = [count_outcomes(*shard, classes) for shard in labels]
    strategy.run(assign, distribute_labels(strategy, outcomes))
    return metric


def count_outcomes(y_true: np.ndarray, y_pred: np.ndarray, classes: int) -> list[np.ndarray]:
    """Count true positives, false positives and false negatives of each class, in float32."""
    hit = y_true == y_pred
    outcomes = y_true[hit], y_pred[~hit], y_true[~hit]
    return [np.bincount(ids, minlength=classes).astype(np.float32) for ids in outcomes]


def distribute_labels(
    strategy: tf.distribute.Strategy, shards: Sequence[Sequence[np.ndarray]]
) -> list[tf.distribute.DistributedValues]:
    """Place the arrays of each replica on its device."""
    return [
        distribute_values(strategy, lambda replica, _, values=values: values[replica])
        for values in zip(*shards, strict=True)
    ]
