"""Batches, and the updates that are timed: a pass over the scores, and our metrics.

In the batches, no decision is a tie or a matter of rounding.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import tensorflow as tf

import dist_f1
from benchmarks.expected_values import COUNTS, SWEPT, Values
from benchmarks.per_step.meters import EIGHT

FLOOR = "reduce_max"
OURS = "F1Score"

TWELVE = (*EIGHT, "f2_macro", "specificity_macro", "jaccard_macro", "cohen_kappa")

# `argmax`: class ids and the class with the best score; `ids`: class ids and every class above a
# threshold; `indicators`: 0/1 targets and every class above a threshold.
Task = Literal["argmax", "ids", "indicators"]

THRESHOLD = 0.5
# Scores are odd multiples of 1/8192, which no threshold i/200 is, in float32 either.
_LEVELS = 4096


@dataclasses.dataclass(frozen=True, eq=False)
class Batch:
    """Scores and targets in NumPy, and as tensors on a device."""

    task: Task
    scores: np.ndarray  # `[..., C]`, float32, and exact in `dtype`
    targets: np.ndarray  # class ids `[...]`, int64, or indicators `[..., C]`, bool
    weights: np.ndarray | None = None  # `[...]`, multiples of 1/8, so that sums are exact
    dtype: str = "float32"  # of the scores that the metrics get
    device: str = "CPU:0"

    @property
    def classes(self) -> int:
        """Number of classes C."""
        return self.scores.shape[-1]

    @property
    def samples(self) -> int:
        """Number of samples N, over all leading axes."""
        return self.scores.size // self.classes

    @functools.cached_property
    def y_pred(self) -> np.ndarray:
        """The class of each sample, `[N]`, or the classes above the threshold, `[N, C]`."""
        flat = self.scores.reshape(-1, self.classes)
        return flat.argmax(-1) if self.task == "argmax" else flat > THRESHOLD

    @functools.cached_property
    def y_true(self) -> np.ndarray:
        """The targets in the form of `y_pred`."""
        if self.task == "argmax":
            return self.targets.reshape(-1)
        if self.task == "indicators":
            return self.targets.reshape(-1, self.classes)
        return self.targets.reshape(-1, 1) == np.arange(self.classes)

    @functools.cached_property
    def arguments(self) -> tuple[tf.Tensor, ...]:
        """Arguments of an update: targets, scores and, if any, weights."""
        with tf.device(self.device):
            weights = () if self.weights is None else (tf.constant(self.weights),)
            scores = tf.cast(tf.constant(self.scores), self.dtype)
            return tf.constant(self.targets), scores, *weights

    @functools.cached_property
    def flat_arguments(self) -> tuple[tf.Tensor, ...]:
        """The arguments with 0/1 targets in float32, and with a single leading axis."""
        targets, scores, *weights = self.arguments
        with tf.device(self.device):
            has_ids = self.task != "indicators"
            one_hot = tf.one_hot(targets, self.classes) if has_ids else tf.cast(targets, tf.float32)
            flat = [tf.reshape(x, [-1, self.classes]) for x in (one_hot, scores)]
            return *flat, *(tf.reshape(x, [-1]) for x in weights)

    def case(self) -> dict[str, Any]:
        """Describe the batch as the case of a record."""
        shape = self.scores.shape[:-1]
        return {
            "task": self.task,
            "rows": self.samples,
            "classes": self.classes,
            "scores": self.dtype,
            "weighted": self.weights is not None,
            **({"shape": "x".join(map(str, shape))} if len(shape) > 1 else {}),
        }


def make_batch(
    task: Task,
    shape: Sequence[int],
    *,
    dtype: str = "float32",
    weighted: bool = False,
    device: str = "CPU:0",
    seed: int = 0,
) -> Batch:
    """Draw a batch with scores of the shape `[..., C]`, of which 7 of 10 predict the target.

    Every class occurs, if there are enough samples.
    """
    random = np.random.default_rng(seed)
    *leading, classes = map(int, shape)
    samples = math.prod(leading)
    ids = random.permutation(np.arange(samples) % classes)
    if task == "argmax":
        scores = random.random((samples, classes), np.float32) * np.float32(0.9)
        other = random.integers(0, classes, samples)
        # The gap to all other scores prevents ties in a narrow dtype.
        scores[np.arange(samples), np.where(random.random(samples) < 0.7, ids, other)] = 0.9375
    else:
        levels = random.integers(0, _LEVELS, (samples, classes), np.uint16)
        scores = (levels.astype(np.float32) + np.float32(0.5)) / np.float32(_LEVELS)
    scores = scores.astype(tf.dtypes.as_dtype(dtype).as_numpy_dtype).astype(np.float32)
    targets = ids.reshape(leading)
    if task == "indicators":
        targets = random.random((samples, classes), np.float32) < 0.1
        targets[np.arange(samples), ids] = True
        targets = targets.reshape(shape)
    weights = None
    if weighted:
        weights = (random.integers(1, 17, leading) / 8.0).astype(np.float32)
    return Batch(task, scores.reshape(shape), targets, weights, dtype, device)


@dataclasses.dataclass(frozen=True, eq=False)
class Subject:
    """One variant of an update."""

    name: str
    update: Callable[[], Any]
    reset: Callable[[], Any] = lambda: None
    values: Callable[[], Values] = dict  # since the reset, by names of `expected_values`
    state_bytes: Callable[[], int] | None = None  # after an update
    graph: tuple[Any, tuple[tf.Tensor, ...]] | None = None  # a `tf.function`, and its arguments
    thresholds: tuple[float, ...] = ()  # of a sweep
    first_ms: float | None = None  # time of the first call, if there was one


def floor(batch: Batch) -> Subject:
    """Return one pass over the predictions, which no update can avoid."""
    return traced(FLOOR, lambda scores: tf.reduce_max(scores, axis=-1), batch.arguments[1:2])


def ours(batch: Batch) -> list[Subject]:
    """Return the metrics of this library; `F1Score` is the first."""
    arguments = batch.arguments
    with tf.device(batch.device):
        if batch.task == "argmax":
            f1, one_hot_f1 = dist_f1.F1Score("macro"), dist_f1.F1Score("macro")
            return [
                _metric(OURS, f1, arguments, "f1_macro"),
                _metric(f"{OURS}, one-hot targets", one_hot_f1, batch.flat_arguments, "f1_macro"),
                _metric("Precision", dist_f1.Precision("macro"), arguments, "precision_macro"),
                _metric("Scores (8)", dist_f1.Scores(EIGHT), arguments),
                _metric("Scores (12)", dist_f1.Scores(TWELVE), arguments),
            ]
        f1 = dist_f1.F1Score("macro", threshold=THRESHOLD)
        return [_metric(OURS, f1, arguments, "f1_macro"), _sweep(arguments)]


def traced(name: str, function: Callable[..., Any], arguments: tuple[tf.Tensor, ...]) -> Subject:
    """Return a call of a `tf.function` with the tensors as arguments."""
    traced_function = tf.function(function)

    @functools.cache
    def trace() -> None:
        # TensorFlow warns about calls in a loop that trace.
        traced_function.get_concrete_function(*arguments)

    def update() -> None:
        trace()
        # The result is not returned: fetching it would cost more than computing it.
        traced_function(*arguments)

    return Subject(name, update, graph=(traced_function, arguments))


def metric_update(name: str, metric: Any, arguments: tuple[tf.Tensor, ...]) -> Subject:
    """Return the update of a Keras metric in a `tf.function`."""

    def update(*arguments: tf.Tensor) -> None:
        metric.update_state(*arguments)

    def state_bytes() -> int:
        # Our metrics have one vector of int64 or float64.
        if hasattr(metric, "accumulator"):
            return 8 * metric.accumulator.layout.size
        return sum(np.asarray(variable).nbytes for variable in metric.variables)

    return dataclasses.replace(
        traced(name, update, arguments), reset=metric.reset_state, state_bytes=state_bytes
    )


def _metric(
    name: str, metric: Any, arguments: tuple[tf.Tensor, ...], score: str | None = None
) -> Subject:
    """Return the update of a metric with one score, or of `Scores`."""

    def values() -> Values:
        counts, result = metric.counts().numpy(), metric.result()
        scores = result if score is None else {score: result}
        return {name: getattr(counts, name) for name in COUNTS} | scores

    return dataclasses.replace(metric_update(name, metric, arguments), values=values)


def _sweep(arguments: tuple[tf.Tensor, ...]) -> Subject:
    metric = dist_f1.ThresholdSweep()

    def values() -> Values:
        counts = metric.sweep().counts
        return dict(zip(SWEPT, (counts.true_positive, counts.predicted), strict=True))

    name = f"ThresholdSweep ({len(metric.thresholds)})"
    subject = metric_update(name, metric, arguments)
    return dataclasses.replace(subject, values=values, thresholds=metric.thresholds)
