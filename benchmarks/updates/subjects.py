"""The updates that are timed: a pass over what an update reads, and our metrics."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

import dist_f1
from benchmarks.expected_values import COUNTS, SWEPT, Values
from benchmarks.per_step.meters import EIGHT
from benchmarks.updates.batches import THRESHOLD, Batch

FLOOR = "reduce_max"
OURS = "F1Score"

_GROUPS = 8


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
    rows: np.ndarray | None = None  # the rows that count, `[N]`, if not all do
    weights: np.ndarray | None = None  # their weights, if not those of the batch
    first_ms: float | None = None  # time of the first call, if there was one


def floor(batch: Batch) -> Subject:
    """Return one pass over predictions and 0/1 targets, which no update can avoid."""
    targets, scores = batch.arguments[:2]
    arguments = (scores,) if batch.has_ids else (scores, targets)

    def read(*tensors: tf.Tensor) -> list[tf.Tensor]:
        return [tf.reduce_max(x, axis=-1) for x in tensors]

    return traced(FLOOR, read, arguments, batch.open_size)


def ours(batch: Batch) -> list[Subject]:
    """Return the metrics of this library; `F1Score` is the first."""
    arguments, open_size = batch.arguments, batch.open_size
    with tf.device(batch.device):
        if batch.is_argmax:
            f1 = metric_subject(OURS, dist_f1.F1Score("macro"), arguments, "f1_macro", open_size)
            eight = metric_subject("Scores (8)", dist_f1.Scores(EIGHT), arguments, None, open_size)
            is_plain = batch.task == "argmax" and batch.weights is None
            return [f1, eight, *(_with_more(batch) if is_plain else [])]
        f1 = dist_f1.F1Score("macro", threshold=THRESHOLD)
        first = metric_subject(OURS, f1, arguments, "f1_macro", open_size)
        return [first, _sweep(arguments, open_size)]


def _with_more(batch: Batch) -> list[Subject]:
    """Return updates with weights, with a mask, with groups, and with labels as predictions."""
    targets, scores = batch.arguments
    random = np.random.default_rng(batch.samples)
    weights = random.integers(1, 17, targets.shape) / 8.0
    mask = random.random(targets.shape) < 0.75
    options: list[tuple[str, tf.Tensor, dict[str, Any]]] = [
        ("sample_weight", scores, {"sample_weight": weights.astype(np.float32)}),
        ("mask", scores, {"mask": mask}),
        ("groups", scores, {"by": random.integers(0, _GROUPS, targets.shape)}),
        ("labels", tf.argmax(scores, axis=-1), {}),
    ]
    subjects = []
    for name, y_pred, values in options:
        groups = {"num_groups": _GROUPS} if name == "groups" else {}
        metric = dist_f1.F1Score("macro", num_classes=batch.classes, **groups)
        arguments = (targets, y_pred, *map(tf.constant, values.values()))
        subjects.append(
            metric_subject(
                f"{OURS}, {name}", metric, arguments, "f1_macro", batch.open_size, tuple(values)
            )
        )
    subjects[0] = dataclasses.replace(subjects[0], weights=weights.reshape(-1))
    subjects[1] = dataclasses.replace(subjects[1], rows=mask.reshape(-1))
    return subjects


def traced(
    name: str,
    function: Callable[..., Any],
    arguments: tuple[tf.Tensor, ...],
    open_size: bool = False,
) -> Subject:
    """Return a call of a `tf.function` with the tensors as arguments.

    With `open_size`, it is traced for any size of the first axis.
    """
    traced_function = tf.function(function)
    specs = [
        tf.TensorSpec([None, *x.shape[1:]] if open_size else x.shape, x.dtype) for x in arguments
    ]

    @functools.cache
    def trace() -> Any:
        return traced_function.get_concrete_function(*specs)

    def update() -> None:
        # The result is not returned: fetching it would cost more than computing it.
        trace()(*arguments)

    return Subject(name, update, graph=(traced_function, tuple(specs)))


def metric_update(
    name: str,
    metric: Any,
    arguments: tuple[tf.Tensor, ...],
    open_size: bool = False,
    keywords: tuple[str, ...] = (),
) -> Subject:
    """Return the update of a Keras metric in a `tf.function`.

    The last arguments are passed as the `keywords`.
    """

    def update(*arguments: tf.Tensor) -> None:
        first = len(arguments) - len(keywords)
        named = dict(zip(keywords, arguments[first:], strict=True))
        metric.update_state(*arguments[:first], **named)

    def state_bytes() -> int:
        # Our metrics have one vector of int64 or float64.
        if hasattr(metric, "accumulator"):
            return 8 * metric.accumulator.layout.size
        return sum(np.asarray(variable).nbytes for variable in metric.variables)

    return dataclasses.replace(
        traced(name, update, arguments, open_size),
        reset=metric.reset_state,
        state_bytes=state_bytes,
    )


def metric_subject(
    name: str,
    metric: Any,
    arguments: tuple[tf.Tensor, ...],
    score: str | None = None,
    open_size: bool = False,
    keywords: tuple[str, ...] = (),
) -> Subject:
    """Return the update of a metric with one score, or of `Scores`."""

    def values() -> Values:
        counts, result = metric.counts().numpy(), metric.result()
        scores = result if score is None else {score: result}
        return {name: getattr(counts, name) for name in COUNTS} | scores

    subject = metric_update(name, metric, arguments, open_size, keywords)
    return dataclasses.replace(subject, values=values)


def _sweep(arguments: tuple[tf.Tensor, ...], open_size: bool) -> Subject:
    metric = dist_f1.ThresholdSweep()

    def values() -> Values:
        counts = metric.sweep().counts
        return dict(zip(SWEPT, (counts.true_positive, counts.predicted), strict=True))

    name = f"ThresholdSweep ({len(metric.thresholds)})"
    subject = metric_update(name, metric, arguments, open_size)
    return dataclasses.replace(subject, values=values, thresholds=metric.thresholds)
