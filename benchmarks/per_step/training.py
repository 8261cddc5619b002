"""A compiled training step, its batches, and the check of its scores against scikit-learn."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks import expected_values
from benchmarks.context import distribute_values, gather, tensorflow_variable
from benchmarks.models import Problem
from benchmarks.per_step.meters import AT_HALF, Batch, Meter

# Metrics in float32 are not closer to scikit-learn's scores.
TOLERANCE = 1e-6

Step = Callable[[Batch], tuple[Any, list[Any], Any]]


def draw_batches(problem: Problem, samples: int, number: int, seed: int) -> list[Batch]:
    """Draw batches, each with that many samples over all replicas, as NumPy arrays."""
    random = np.random.default_rng(seed)
    batches = []
    for _ in range(number):
        x, y = problem.draw(random, samples)
        one_hot = np.eye(problem.classes, dtype=np.float32)[y]
        batches.append(Batch(x, y, one_hot.reshape(-1, problem.classes)))
    return batches


def distribute(strategy: tf.distribute.Strategy, batch: Batch) -> Batch:
    """Place an equal number of samples on each replica; they must be divisible."""
    shards = [np.split(array, strategy.num_replicas_in_sync) for array in batch]
    return Batch(*(distribute_values(strategy, lambda i, _, x=x: x[i]) for x in shards))


def training_step(
    strategy: tf.distribute.Strategy,
    problem: Problem,
    model: tf.keras.Model,
    meters: Sequence[Meter] = (),
    *,
    keep: bool = False,
) -> Step:
    """Compile forward and backward pass, one all-reduce of gradients and loss, and the update.

    Returns:
        A `tf.function` that takes a `Batch`. It returns the loss over all replicas, the combined
        output of each meter and, with `keep`, the probabilities of each replica.
    """
    variables = [tensorflow_variable(variable) for variable in model.trainable_variables]
    replicas = strategy.num_replicas_in_sync

    def descend(strategy: tf.distribute.Strategy, gradients: Sequence[Any]) -> None:
        for variable, gradient in zip(variables, gradients, strict=True):
            strategy.extended.update(
                variable, lambda v, g: v.assign_sub(problem.learning_rate * g), args=(gradient,)
            )

    def replica(batch: Batch) -> tuple[tf.Tensor, list[Any], Any]:
        with tf.GradientTape() as tape:
            # Keras's Precision and Recall need probabilities.
            probabilities = tf.nn.softmax(model(batch.x))
            loss = cross_entropy(batch.one_hot, probabilities) / replicas
        # Only dense gradients can be all-reduced together.
        gradients = [tf.convert_to_tensor(x) for x in tape.gradient(loss, variables)]
        context = tf.distribute.get_replica_context()
        *gradients, loss = context.all_reduce(tf.distribute.ReduceOp.SUM, [*gradients, loss])
        context.merge_call(descend, (gradients,))
        outputs = [meter.update(batch, probabilities) for meter in meters]
        return loss, outputs, probabilities if keep else ()

    def step(batch: Batch) -> tuple[Any, list[Any], Any]:
        loss, outputs, probabilities = strategy.run(replica, (batch,))
        combined = [meter.combine(x) for meter, x in zip(meters, outputs, strict=True)]
        return loss, combined, probabilities

    # TensorFlow would take several functions of the same code for one that is retraced too often.
    return tf.function(functools.partial(step), autograph=False)


def cross_entropy(one_hot: tf.Tensor, probabilities: tf.Tensor) -> tf.Tensor:
    """Compute the mean cross entropy of probabilities."""
    flat = tf.reshape(probabilities, [-1, probabilities.shape[-1]])
    return -tf.reduce_mean(tf.reduce_sum(one_hot * tf.math.log(flat + 1e-7), axis=-1))


def timed_call(step: Step, meter: Meter, batches: Iterable[Batch]) -> Callable[[], Any]:
    """Return a training step as it is timed: its results of this process are waited for."""
    queue = iter(batches)

    def call() -> Any:
        loss, combined, _ = step(next(queue))
        meter.collect(combined[0])
        results = meter.strategy.experimental_local_results
        return results(loss), [results(x) for x in tf.nest.flatten(combined)]

    return call


def count_mismatches(
    strategy: tf.distribute.Strategy,
    step: Step,
    meters: Mapping[str, Meter],
    batches: Iterable[Batch],
) -> dict[str, int]:
    """Count the scores of each meter that differ from scikit-learn's, read after each step.

    `step` has these meters, in their order, and `keep=True`. The meters have no data yet.
    """
    mismatches = dict.fromkeys(meters, 0)
    y_true: list[np.ndarray] = []
    y_pred: list[np.ndarray] = []
    for batch in batches:
        _, combined, probabilities = step(batch)
        y_true.append(gather(strategy, batch.one_hot))
        y_pred.append(gather(strategy, probabilities).reshape(y_true[-1].shape))
        for (name, meter), output in zip(meters.items(), combined, strict=True):
            meter.collect(output)
            values = meter.values()
            expected = _expected(values, np.concatenate(y_true), np.concatenate(y_pred))
            mismatches[name] += expected_values.count_mismatches(
                values, expected, rtol=0.0, atol=TOLERANCE
            )
    return mismatches


def _expected(names: Iterable[str], one_hot: np.ndarray, y_pred: np.ndarray) -> dict[str, Any]:
    classes = y_pred.shape[-1]
    by_class = [name for name in names if name not in AT_HALF]
    ids = one_hot.argmax(-1), y_pred.argmax(-1)
    expected = expected_values.expected_values(by_class, *ids, classes)
    for name in set(names) & set(AT_HALF):
        binary = name.replace("_at_half", "_binary")
        entries = one_hot.ravel() > 0.5, y_pred.ravel() > 0.5
        expected[name] = expected_values.expected_values([binary], *entries, classes)[binary]
    return expected
