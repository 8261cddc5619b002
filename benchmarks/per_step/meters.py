"""Ways to compute F1 during training, behind one interface."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from sklearn.metrics import f1_score

import dist_f1
from benchmarks.context import distribute_values, gather

EIGHT = (
    "f1_macro",
    "f1_micro",
    "f1_weighted",
    "precision_macro",
    "recall_macro",
    "accuracy",
    "balanced_accuracy",
    "matthews_corrcoef",
)
# Keras's Precision and Recall: each entry is a decision of its own, at the default threshold.
AT_HALF = ("precision_at_half", "recall_at_half")


class Batch(NamedTuple):
    """Inputs of a step: NumPy arrays, or tensors of each replica."""

    x: Any
    y: Any  # class ids, in the shape of the logits without their last axis
    one_hot: Any  # the same targets one-hot, `[N, C]`, for Keras's metrics


class Meter:
    """A way to compute scores in a training step; this one computes none.

    It is created in the scope of its strategy.
    """

    def __init__(self, strategy: tf.distribute.Strategy, classes: int) -> None:
        self.strategy, self.classes = strategy, classes
        self.notes: dict[str, Any] = {}  # additional values of its records
        self.reset()

    def update(self, batch: Batch, probabilities: tf.Tensor) -> Any:
        """Run on each replica; `combine` gets the result."""
        return ()

    def combine(self, outputs: Any) -> Any:
        """Run at the end of the compiled step, on the outputs of all replicas."""
        return outputs

    def collect(self, combined: Any) -> None:
        """Run in Python after the step."""

    def values(self) -> dict[str, float]:
        """Return the scores over all replicas since the last `reset`."""
        return {}

    def reset(self) -> None:
        """Reset the state."""


class _KerasMeter(Meter):
    """Keras metrics that are updated in each step: ours, or those of Keras.

    With `sync="step"`, ours is also read in each step. Keras's metrics are not: read on a replica,
    they would give the score of that replica alone. `metrics` has the metrics by name of the score;
    a metric with several scores has its own names.
    """

    def __init__(
        self,
        strategy: tf.distribute.Strategy,
        classes: int,
        metrics: Mapping[str, tf.keras.metrics.Metric],
    ) -> None:
        self.metrics = metrics
        super().__init__(strategy, classes)
        sync = getattr(next(iter(metrics.values())), "sync", None)
        self._is_ours, self._reads_in_step = sync is not None, sync == "step"
        self._last_read: Any = None
        if self._is_ours:
            self.notes = {"sync": sync}
        else:
            # A step that creates variables becomes a branch, in which collectives fail.
            zeros = tf.zeros([1, classes])
            build = functools.partial(strategy.run, self._update, (zeros, zeros))
            tf.function(build, autograph=False)()
            self.reset()

    def update(self, batch: Batch, probabilities: tf.Tensor) -> Any:
        if not self._is_ours:
            return self._update(batch.one_hot, tf.reshape(probabilities, [-1, self.classes]))
        self._update(batch.y, probabilities)
        return self.metrics["f1_macro"].result() if self._reads_in_step else ()

    def collect(self, combined: Any) -> None:
        self._last_read = combined

    def values(self) -> dict[str, float]:
        if self._reads_in_step:
            replicas = self.strategy.experimental_local_results(self._last_read)
            return {"f1_macro": float(replicas[-1])}
        values = {}
        for name, metric in self.metrics.items():
            result = metric.result()
            values |= result if isinstance(result, dict) else {name: result}
        return {name: float(value) for name, value in values.items()}

    def reset(self) -> None:
        for metric in self.metrics.values():
            metric.reset_state()

    def _update(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tuple[()]:
        for metric in self.metrics.values():
            metric.update_state(y_true, y_pred)
        return ()


class _ReadAfterMeter(_KerasMeter):
    """Ours, read in each step after `strategy.run`, in the same function."""

    def combine(self, outputs: Any) -> Any:
        with self.strategy.scope():
            return self.metrics["f1_macro"].result()

    def values(self) -> dict[str, float]:
        return {"f1_macro": float(self._last_read)}


def count_outcomes(
    one_hot: tf.Tensor, probabilities: tf.Tensor, classes: int
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Count true positives, false positives and false negatives `[C]` without a metric."""
    predicted = tf.one_hot(tf.argmax(probabilities, axis=-1), classes)
    hit = tf.reduce_sum(one_hot * predicted, axis=0)
    return hit, tf.reduce_sum(predicted, axis=0) - hit, tf.reduce_sum(one_hot, axis=0) - hit


class _ReduceMeter(Meter):
    """True positives, false positives and false negatives, each reduced in every step."""

    def update(self, batch: Batch, probabilities: tf.Tensor) -> Any:
        flat = tf.reshape(probabilities, [-1, self.classes])
        return count_outcomes(batch.one_hot, flat, self.classes)

    def combine(self, outputs: Any) -> Any:
        return [self.strategy.reduce(tf.distribute.ReduceOp.SUM, x, axis=None) for x in outputs]

    def collect(self, combined: Any) -> None:
        self._totals += np.stack([x.numpy() for x in combined])

    def values(self) -> dict[str, float]:
        hit, false_positive, false_negative = self._totals
        denominator = 2 * hit + false_positive + false_negative
        return {"f1_macro": float(np.mean(2 * hit / np.maximum(denominator, 1)))}

    def reset(self) -> None:
        self._totals = np.zeros([3, self.classes])


class _HostMeter(Meter):
    """Predictions copied to the host in every step, for scikit-learn at the end."""

    def update(self, batch: Batch, probabilities: tf.Tensor) -> Any:
        y_pred = tf.argmax(probabilities, -1)
        return tf.stack([tf.reshape(x, [-1]) for x in (batch.y, y_pred)], axis=1)

    def collect(self, combined: Any) -> None:
        for replica, pairs in enumerate(self.strategy.experimental_local_results(combined)):
            self._pairs[replica].append(pairs.numpy())

    def values(self) -> dict[str, float]:
        local = [np.concatenate(pairs) for pairs in self._pairs]
        shards = distribute_values(self.strategy, lambda _, index: local[index])
        pairs = gather(self.strategy, shards)
        return {"f1_macro": float(f1_score(*pairs.T, average="macro", zero_division=0))}

    def reset(self) -> None:
        self._pairs: list[list[np.ndarray]] = [[] for _ in self.strategy.extended.worker_devices]


BASELINE, KERAS = "none", "keras F1Score"
_METRICS: dict[str, Callable[[], Mapping[str, tf.keras.metrics.Metric]]] = {
    "F1Score": lambda: {"f1_macro": dist_f1.F1Score("macro", sync="epoch")},
    "F1Score, read in the step": lambda: {"f1_macro": dist_f1.F1Score("macro", sync="step")},
    "Scores": lambda: {"scores": dist_f1.Scores(EIGHT, sync="epoch")},
    KERAS: lambda: {"f1_macro": tf.keras.metrics.F1Score("macro")},
    "keras F1Score, Precision, Recall": lambda: {
        "f1_macro": tf.keras.metrics.F1Score("macro"),
        AT_HALF[0]: tf.keras.metrics.Precision(),
        AT_HALF[1]: tf.keras.metrics.Recall(),
    },
}
VARIANTS: dict[str, Callable[[tf.distribute.Strategy, int], Meter]] = {
    BASELINE: Meter,
    **{
        name: lambda strategy, classes, create=create: _KerasMeter(strategy, classes, create())
        for name, create in _METRICS.items()
    },
    "F1Score, read after the step": lambda strategy, classes: _ReadAfterMeter(
        strategy, classes, _METRICS["F1Score"]()
    ),
    "strategy.reduce": _ReduceMeter,
    "scikit-learn": _HostMeter,
}
