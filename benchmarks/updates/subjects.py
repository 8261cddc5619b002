"""What is timed: the floor, one read of the scores, and the metrics of this library."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable
from typing import Any

import tensorflow as tf

import dist_f1
from benchmarks.per_step.meters import EIGHT
from benchmarks.updates.batches import THRESHOLD, Batch
from benchmarks.updates.expected import SWEPT, Values

FLOOR = "reduce_max"
OURS = "F1Score"
MEMBERS = "F1Score, one-hot targets"

TWELVE = (*EIGHT, "f2_macro", "specificity_macro", "jaccard_macro", "cohen_kappa")


def _nothing() -> None:
    pass


@dataclasses.dataclass(frozen=True, eq=False)
class Subject:
    """One variant of an update.

    Args:
        name: of the variant.
        update: makes one update.
        reset: forgets all updates.
        answer: what was counted since then, by the names of `benchmarks.updates.expected`.
        state_bytes: what is kept between updates, after the first of them.
        graph: the `tf.function` that `update` calls, and its arguments.
        thresholds: of a sweep.
        first_ms: what the first call took, if there was one already.
    """

    name: str
    update: Callable[[], Any]
    reset: Callable[[], None] = _nothing
    answer: Callable[[], Values] = dict
    state_bytes: Callable[[], int] | None = None
    graph: tuple[Any, tuple[tf.Tensor, ...]] | None = None
    thresholds: tuple[float, ...] = ()
    first_ms: float | None = None


class Tensors:
    """A batch on the device, shared by all that is written in TensorFlow."""

    def __init__(self, batch: Batch, device: str) -> None:
        """Copies it there."""
        self.batch = batch
        self.device = device
        with tf.device(device):
            self.scores = tf.cast(tf.constant(batch.scores), batch.dtype)
            self.targets = tf.constant(batch.targets)
            self.weights = None if batch.weights is None else tf.constant(batch.weights)

    @functools.cached_property
    def rows_of_scores(self) -> tf.Tensor:
        """`[N, C]`."""
        return tf.reshape(self.scores, [-1, self.batch.classes])

    @functools.cached_property
    def one_hot(self) -> tf.Tensor:
        """0/1 targets `[N, C]`, float32."""
        with tf.device(self.device):
            if self.batch.task == "indicators":
                return tf.reshape(tf.cast(self.targets, tf.float32), [-1, self.batch.classes])
            return tf.one_hot(tf.reshape(self.targets, [-1]), self.batch.classes)


def floor(tensors: Tensors) -> Subject:
    """One read of the scores: less, no update can do."""
    function = tf.function(lambda scores: tf.reduce_max(scores, axis=-1))
    return _traced(FLOOR, function, (tensors.scores,))


def ours(tensors: Tensors) -> list[Subject]:
    """The metrics of this library; `F1Score` is the first."""
    with tf.device(tensors.device):
        if tensors.batch.task == "argmax":
            return [
                _of_metric(OURS, dist_f1.F1Score("macro"), tensors, "f1_macro"),
                _of_metric(MEMBERS, dist_f1.F1Score("macro"), tensors, "f1_macro", tensors.one_hot),
                _of_metric("Precision", dist_f1.Precision("macro"), tensors, "precision_macro"),
                _of_metric("Scores (8)", dist_f1.Scores(EIGHT), tensors),
                _of_metric("Scores (12)", dist_f1.Scores(TWELVE), tensors),
            ]
        one = dist_f1.F1Score("macro", threshold=THRESHOLD)
        sweep = dist_f1.ThresholdSweep()
        swept = update_of(sweep, (tensors.targets, tensors.scores))
        return [
            _of_metric(OURS, one, tensors, "f1_macro"),
            dataclasses.replace(
                swept,
                name=f"ThresholdSweep ({len(sweep.thresholds)})",
                answer=functools.partial(_answer_of_sweep, sweep),
                state_bytes=functools.partial(_state_bytes, sweep),
                thresholds=sweep.thresholds,
            ),
        ]


def update_of(metric: Any, arguments: Iterable[tf.Tensor | None]) -> Subject:
    """The update of a Keras metric in a `tf.function`, to which the tensors are arguments."""

    @tf.function
    def update(*arguments: tf.Tensor) -> None:
        metric.update_state(*arguments)

    given = tuple(argument for argument in arguments if argument is not None)
    return dataclasses.replace(_traced("", update, given), reset=metric.reset_state)


def _traced(name: str, function: Any, arguments: tuple[tf.Tensor, ...]) -> Subject:
    @functools.cache
    def trace() -> None:
        # TensorFlow takes calls that trace for a loop that does so by mistake, and warns.
        function.get_concrete_function(*arguments)

    def update() -> None:
        trace()
        # Nothing is returned, since results are fetched, which costs more than to compute them.
        function(*arguments)

    return Subject(name, update, graph=(function, arguments))


def _of_metric(
    name: str,
    metric: Any,
    tensors: Tensors,
    score: str | None = None,
    members: tf.Tensor | None = None,
) -> Subject:
    if members is None:
        arguments = tensors.targets, tensors.scores, tensors.weights
    else:
        weights = None if tensors.weights is None else tf.reshape(tensors.weights, [-1])
        arguments = members, tensors.rows_of_scores, weights
    return dataclasses.replace(
        update_of(metric, arguments),
        name=name,
        answer=functools.partial(_answer, metric, score),
        state_bytes=functools.partial(_state_bytes, metric),
    )


def _answer(metric: Any, score: str | None) -> Values:
    counts, result = metric.counts().numpy(), metric.result()
    return {
        "true_positive": counts.true_positive,
        "predicted": counts.predicted,
        "actual": counts.actual,
        "total": counts.total,
        **(result if score is None else {score: result}),
    }


def _answer_of_sweep(metric: dist_f1.ThresholdSweep) -> Values:
    counts = metric.sweep().counts
    return dict(zip(SWEPT, (counts.true_positive, counts.predicted), strict=True))


def _state_bytes(metric: Any) -> int:
    # One vector of int64 or float64.
    return 8 * metric.accumulator.layout.size
