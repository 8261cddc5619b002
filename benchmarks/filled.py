"""Metrics that have counted rows which are known, other ones on each replica."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.per_step.batches import on_replicas

# On each replica.
ROWS = 4096

# Targets and decisions, class ids.
Rows = tuple[np.ndarray, np.ndarray]


def draw(strategy: tf.distribute.Strategy, classes: int) -> list[Rows]:
    """For each replica; about 7 of 10 rows are right."""
    return [_draw(replica, classes) for replica in range(strategy.num_replicas_in_sync)]


def fill(strategy: tf.distribute.Strategy, metric: Any, rows: Sequence[Rows]) -> None:
    """Counts the rows with a metric of this library, made with `num_classes`."""
    strategy.run(metric.update_state, _columns(strategy, rows))


def fill_keras(
    strategy: tf.distribute.Strategy, metric: Any, rows: Sequence[Rows], classes: int
) -> None:
    """Puts the counts into Keras's `F1Score`: one-hot rows would not fit for many classes."""
    zeros = tf.zeros([1, classes])
    strategy.run(metric.update_state, (zeros, zeros))
    counts = [outcomes(*own, classes) for own in rows]

    def assign(hit: tf.Tensor, extra: tf.Tensor, missed: tf.Tensor) -> None:
        metric.true_positives.assign(hit)
        metric.false_positives.assign(extra)
        metric.false_negatives.assign(missed)

    strategy.run(assign, _columns(strategy, counts))


def outcomes(y_true: np.ndarray, y_pred: np.ndarray, classes: int) -> list[np.ndarray]:
    """True positives, false positives and false negatives of each class, in float32."""
    hit = y_true == y_pred
    chosen = y_true[hit], y_pred[~hit], y_true[~hit]
    return [np.bincount(ids, minlength=classes).astype(np.float32) for ids in chosen]


def _columns(
    strategy: tf.distribute.Strategy, rows: Sequence[Sequence[np.ndarray]]
) -> list[tf.distribute.DistributedValues]:
    """Each of the arrays, as every replica has its own."""

    def column(number: int) -> tf.distribute.DistributedValues:
        return on_replicas(strategy, lambda replica, _: rows[replica][number])

    return [column(number) for number in range(len(rows[0]))]


def _draw(replica: int, classes: int) -> Rows:
    random = np.random.default_rng(replica)
    y_true = random.integers(0, classes, ROWS)
    other = random.integers(0, classes, ROWS)
    return y_true, np.where(random.random(ROWS) < 0.7, y_true, other)
