"""A compiled training step, and what it says checked against scikit-learn."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from sklearn import metrics as sklearn_metrics

from benchmarks.models import Problem, gradient
from benchmarks.per_step.batches import Batch
from benchmarks.per_step.meters import AT_HALF, Meter
from benchmarks.per_step.strategies import is_several_workers

# How far a score may be from scikit-learn's: those of float32 metrics are not closer.
TOLERANCE = 1e-6
Step = Callable[[Batch], tuple[Any, list[Any], Any]]


def training_step(
    strategy: tf.distribute.Strategy,
    problem: Problem,
    model: Any,
    meters: Sequence[Meter] = (),
    *,
    keep: bool = False,
) -> Step:
    """Forward, loss, backward, one all-reduce of gradients and loss, and the update of weights.

    Returns:
        A `tf.function` from a `Batch` to the loss over all replicas, what each meter has combined,
        and, if they are to be kept, the scores of each replica.
    """
    variables = model.trainable_variables
    replicas = strategy.num_replicas_in_sync

    def descend(strategy: tf.distribute.Strategy, gradients: Sequence[Any]) -> None:
        for variable, slope in zip(variables, gradients, strict=True):
            strategy.extended.update(
                variable, lambda v, g: v.assign_sub(problem.learning_rate * g), args=(slope,)
            )

    def replica(batch: Batch) -> tuple[tf.Tensor, list[Any], Any]:
        with tf.GradientTape() as tape:
            # Probabilities, which Keras's Precision and Recall take.
            scores = tf.nn.softmax(model(batch.x))
            loss = cross_entropy(batch.one_hot, scores) / replicas
        slopes = gradient(tape, loss, variables)
        context = tf.distribute.get_replica_context()
        *slopes, loss = context.all_reduce(tf.distribute.ReduceOp.SUM, [*slopes, loss])
        context.merge_call(descend, (slopes,))
        return loss, [meter.update(batch, scores) for meter in meters], scores if keep else ()

    def step(batch: Batch) -> tuple[Any, list[Any], Any]:
        loss, seen, scores = strategy.run(replica, (batch,))
        return loss, [m.combine(s) for m, s in zip(meters, seen, strict=True)], scores

    # Several functions of the same code look like one that is traced too often.
    return tf.function(functools.partial(step), autograph=False)


def cross_entropy(one_hot: tf.Tensor, scores: tf.Tensor) -> tf.Tensor:
    """Of probabilities, the mean over rows."""
    flat = tf.reshape(scores, [-1, scores.shape[-1]])
    return -tf.reduce_mean(tf.reduce_sum(one_hot * tf.math.log(flat + 1e-7), axis=-1))


def case(step: Step, meter: Meter, batches: Iterable[Batch]) -> Callable[[], Any]:
    """A training step as it is timed: with what it returns of this process, to be waited for."""
    queue = iter(batches)

    def call() -> Any:
        loss, combined, _ = step(next(queue))
        meter.collect(combined[0])
        results = meter.strategy.experimental_local_results
        return results(loss), [results(x) for x in tf.nest.flatten(combined)]

    return call


def wrong_values(
    strategy: tf.distribute.Strategy,
    step: Step,
    meters: Mapping[str, Meter],
    batches: Iterable[Batch],
) -> dict[str, int]:
    """How many values of each meter differ from scikit-learn's, read after each step.

    Args:
        strategy: of the step.
        step: with these meters in their order, and with scores that are kept.
        meters: by name, without any data so far.
        batches: a step for each, from weights that the steps before it have changed.
    """
    wrong = dict.fromkeys(meters, 0)
    y_true: list[np.ndarray] = []
    y_pred: list[np.ndarray] = []
    for batch in batches:
        _, combined, scores = step(batch)
        y_true.append(_gathered(strategy, batch.one_hot).argmax(-1))
        gathered = _gathered(strategy, scores)
        y_pred.append(gathered.reshape(-1, gathered.shape[-1]))
        for (name, meter), seen in zip(meters.items(), combined, strict=True):
            meter.collect(seen)
            wrong[name] += differing(meter.values(), np.concatenate(y_true), np.concatenate(y_pred))
    return wrong


def differing(values: Mapping[str, float], y_true: np.ndarray, scores: np.ndarray) -> int:
    """How many named scores are not those of scikit-learn."""
    truth = {name: _TRUTH[name](y_true, scores) for name in values}
    return sum(not abs(values[name] - truth[name]) <= TOLERANCE for name in values)


def _averaged(score: str, average: str) -> Callable[[np.ndarray, np.ndarray], float]:
    function = getattr(sklearn_metrics, f"{score}_score")
    return lambda y, p: float(function(y, p.argmax(-1), average=average, zero_division=0))


def _plain(score: str) -> Callable[[np.ndarray, np.ndarray], float]:
    function = getattr(sklearn_metrics, score)
    return lambda y, p: float(function(y, p.argmax(-1)))


def _at_half(score: str) -> Callable[[np.ndarray, np.ndarray], float]:
    function = getattr(sklearn_metrics, f"{score}_score")
    return lambda y, p: float(
        function(np.eye(p.shape[-1], dtype=bool)[y].ravel(), (p > 0.5).ravel(), zero_division=0)
    )


_TRUTH: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    **{
        f"{score}_{average}": _averaged(score, average)
        for score in ("f1", "precision", "recall")
        for average in ("macro", "micro", "weighted")
    },
    "accuracy": _plain("accuracy_score"),
    "balanced_accuracy": _plain("balanced_accuracy_score"),
    "matthews_corrcoef": _plain("matthews_corrcoef"),
    AT_HALF[0]: _at_half("precision"),
    AT_HALF[1]: _at_half("recall"),
}


def _gathered(strategy: tf.distribute.Strategy, values: Any) -> np.ndarray:
    if is_several_workers(strategy):
        return strategy.gather(values, axis=0).numpy()
    return np.concatenate([x.numpy() for x in strategy.experimental_local_results(values)])
