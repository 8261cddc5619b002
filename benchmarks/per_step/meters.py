"""What is measured: ways to know F1 while a model trains, behind one small interface."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from sklearn.metrics import f1_score
from typing_extensions import override

import dist_f1
from benchmarks.per_step.batches import Batch, on_replicas
from benchmarks.per_step.strategies import is_several_workers

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
# What Keras's Precision and Recall are of: each class on its own, at their default threshold.
AT_HALF = ("precision_at_half", "recall_at_half")


class Meter:
    """What a variant does in a training step, and what it knows after it; this one does nothing.

    Args:
        strategy: whose scope it is made in.
        classes: the last axis of the scores.
    """

    def __init__(self, strategy: tf.distribute.Strategy, classes: int) -> None:
        self.strategy, self.classes = strategy, classes
        self.notes: dict[str, Any] = {}  # beside its figures

    def update(self, batch: Batch, scores: tf.Tensor) -> Any:
        """What each replica does with its scores; what it returns goes to `combine`."""
        return ()

    def combine(self, seen: Any) -> Any:
        """What the compiled step does with what all replicas have returned."""
        return seen

    def collect(self, combined: Any) -> None:
        """What the process does after the step."""

    def values(self) -> dict[str, float]:
        """The scores of all that was seen by all replicas since the last `reset`."""
        return {}

    def reset(self) -> None:
        """Forgets all."""


class Ours(Meter):
    """A metric of dist_f1 that is updated in each step, and read in it with `sync="step"`."""

    def __init__(self, strategy: tf.distribute.Strategy, classes: int, metric: Any) -> None:
        super().__init__(strategy, classes)
        self.metric = metric
        self._reads = metric.sync == "step"
        self._read: Any = None
        self.notes = {"sync": metric.sync}

    @override
    def update(self, batch: Batch, scores: tf.Tensor) -> Any:
        self.metric.update_state(batch.y, scores)
        return self.metric.result() if self._reads else ()

    @override
    def collect(self, combined: Any) -> None:
        self._read = combined

    @override
    def values(self) -> dict[str, float]:
        if self._reads:
            return {"f1_macro": float(self.strategy.experimental_local_results(self._read)[-1])}
        result = self.metric.result()
        return {k: float(v) for k, v in _dict(result).items()}

    @override
    def reset(self) -> None:
        self.metric.reset_state()


class OfKeras(Meter):
    """Metrics of Keras, updated only: read inside of a replica they are that replica's own."""

    def __init__(
        self,
        strategy: tf.distribute.Strategy,
        classes: int,
        metrics: Mapping[str, Callable[[], tf.keras.metrics.Metric]],
    ) -> None:
        super().__init__(strategy, classes)
        self.metrics = {name: make() for name, make in metrics.items()}
        # Variables that a step makes itself would put it in a branch, where collectives fail.
        zeros = tf.zeros([1, classes])
        build = functools.partial(strategy.run, self._update, (zeros, zeros))
        tf.function(build, autograph=False)()
        self.reset()

    @override
    def update(self, batch: Batch, scores: tf.Tensor) -> Any:
        return self._update(batch.one_hot, tf.reshape(scores, [-1, self.classes]))

    @override
    def values(self) -> dict[str, float]:
        return {name: float(metric.result()) for name, metric in self.metrics.items()}

    @override
    def reset(self) -> None:
        for metric in self.metrics.values():
            metric.reset_state()

    def _update(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tuple[()]:
        for metric in self.metrics.values():
            metric.update_state(y_true, y_pred)
        return ()


def outcomes(
    one_hot: tf.Tensor, scores: tf.Tensor, classes: int
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """True positives, false positives and false negatives `[C]`, as one writes them by hand."""
    predicted = tf.one_hot(tf.argmax(scores, axis=-1), classes)
    hit = tf.reduce_sum(one_hot * predicted, axis=0)
    return hit, tf.reduce_sum(predicted, axis=0) - hit, tf.reduce_sum(one_hot, axis=0) - hit


class ByHand(Meter):
    """Each replica's true and false positives and false negatives, reduced in each step."""

    def __init__(self, strategy: tf.distribute.Strategy, classes: int) -> None:
        super().__init__(strategy, classes)
        self.reset()

    @override
    def update(self, batch: Batch, scores: tf.Tensor) -> Any:
        return outcomes(batch.one_hot, tf.reshape(scores, [-1, self.classes]), self.classes)

    @override
    def combine(self, seen: Any) -> Any:
        return [self.strategy.reduce(tf.distribute.ReduceOp.SUM, x, axis=None) for x in seen]

    @override
    def collect(self, combined: Any) -> None:
        self._totals += np.stack([x.numpy() for x in combined])

    @override
    def values(self) -> dict[str, float]:
        hit, false_positive, false_negative = self._totals
        both = 2 * hit + false_positive + false_negative
        return {"f1_macro": float(np.mean(2 * hit / np.maximum(both, 1)))}

    @override
    def reset(self) -> None:
        self._totals = np.zeros([3, self.classes])


class OnTheHost(Meter):
    """Predictions brought to the host in each step, and scikit-learn at the end."""

    def __init__(self, strategy: tf.distribute.Strategy, classes: int) -> None:
        super().__init__(strategy, classes)
        self.reset()

    @override
    def update(self, batch: Batch, scores: tf.Tensor) -> Any:
        return tf.stack([tf.reshape(x, [-1]) for x in (batch.y, tf.argmax(scores, -1))], axis=1)

    @override
    def collect(self, combined: Any) -> None:
        for replica, pairs in enumerate(self.strategy.experimental_local_results(combined)):
            self._pairs[replica].append(pairs.numpy())

    @override
    def values(self) -> dict[str, float]:
        local = [np.concatenate(pairs) for pairs in self._pairs]
        if is_several_workers(self.strategy):
            shared = on_replicas(self.strategy, lambda _, index: local[index])
            pairs = self.strategy.gather(shared, axis=0).numpy()
        else:
            pairs = np.concatenate(local)
        return {"f1_macro": float(f1_score(*pairs.T, average="macro", zero_division=0))}

    @override
    def reset(self) -> None:
        self._pairs: list[list[np.ndarray]] = [[] for _ in self.strategy.extended.worker_devices]


def _dict(result: Any) -> dict[str, Any]:
    return result if isinstance(result, dict) else {"f1_macro": result}


def _keras_f1() -> tf.keras.metrics.Metric:
    return tf.keras.metrics.F1Score(average="macro")


_KERAS_THREE = {
    "f1_macro": _keras_f1,
    AT_HALF[0]: lambda: tf.keras.metrics.Precision(),
    AT_HALF[1]: lambda: tf.keras.metrics.Recall(),
}

BASELINE, KERAS = "none", "keras F1Score"
VARIANTS: dict[str, Callable[[tf.distribute.Strategy, int], Meter]] = {
    BASELINE: Meter,
    "F1Score": lambda s, c: Ours(s, c, dist_f1.F1Score("macro", sync="epoch")),
    "F1Score, read in the step": lambda s, c: Ours(s, c, dist_f1.F1Score("macro", sync="step")),
    "Scores": lambda s, c: Ours(s, c, dist_f1.Scores(EIGHT, sync="epoch")),
    KERAS: lambda s, c: OfKeras(s, c, {"f1_macro": _keras_f1}),
    "keras F1Score, Precision, Recall": lambda s, c: OfKeras(s, c, _KERAS_THREE),
    "strategy.reduce": ByHand,
    "scikit-learn": OnTheHost,
}
