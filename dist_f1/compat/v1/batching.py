"""Batches that come out even on all replicas, so that an evaluation sees every row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from dist_f1.counts.arrays import is_integer

Transformation = Callable[[tf.data.Dataset], tf.data.Dataset]


def batch_for_replicas(
    batch_size: int, replicas: int | tf.distribute.InputContext | None
) -> Transformation:
    """Takes the place of `dataset.batch(batch_size)` in the `input_fn` of an evaluation.

    Under a strategy, an `Estimator` gives each replica a batch of its own in every step. In a step
    that has fewer batches than replicas, those that go without end the step, and whether the others
    have counted theirs by then is a matter of chance: rows at the end of the data are lost, and two
    evaluations of a model differ. Here the last rows are shared by all replicas, so that the number
    of batches is a multiple of theirs.

    Args:
        batch_size: rows of a batch, for one replica.
        replicas: how many take their batches from this data set; or the `input_context` that an
            `Estimator` hands to an `input_fn` with an argument of that name, `None` where there
            is no strategy.

    Returns:
        A function for `dataset.apply`. With one replica it makes the batches of `dataset.batch`.
        With more, too, but for the last ones; where rows are fewer than replicas, some are empty.

    Raises:
        ValueError: numbers below 1.

    Example:
        >>> data = tf.data.Dataset.range(7).apply(batch_for_replicas(2, replicas=2))
        >>> [batch.tolist() for batch in data.as_numpy_iterator()]
        [[0, 1], [2, 3], [4], [5, 6]]
    """
    num_replicas = _per_pipeline(replicas)
    for name, value in (("batch_size", batch_size), ("replicas", num_replicas)):
        if not is_integer(value) or value < 1:
            raise ValueError(f"{name} must be a positive integer, got {value!r}.")

    def share(element: Any) -> tf.data.Dataset:
        rows = _rows(element)

        def part(index: tf.Tensor) -> Any:
            start, stop = (rows * (index + k) // num_replicas for k in (0, 1))
            return tf.nest.map_structure(lambda tensor: _between(tensor, start, stop), element)

        return tf.data.Dataset.range(num_replicas).map(part)

    def apply(dataset: tf.data.Dataset) -> tf.data.Dataset:
        if num_replicas == 1:
            return dataset.batch(batch_size)
        steps = dataset.batch(batch_size * num_replicas)
        if isinstance(steps.element_spec, tuple):
            return steps.flat_map(lambda *element: share(element))
        return steps.flat_map(share)

    return apply


def _per_pipeline(replicas: Any) -> Any:
    if not isinstance(replicas, tf.distribute.InputContext):
        return 1 if replicas is None else replicas
    return replicas.num_replicas_in_sync // replicas.num_input_pipelines


def _rows(element: Any) -> tf.Tensor:
    first = tf.nest.flatten(element)[0]
    if isinstance(first, tf.SparseTensor):
        return first.dense_shape[0]
    return first.nrows() if isinstance(first, tf.RaggedTensor) else tf.shape(first, tf.int64)[0]


def _between(tensor: Any, start: tf.Tensor, stop: tf.Tensor) -> Any:
    """Rows from `start` to `stop` of a tensor of any kind."""
    if not isinstance(tensor, tf.SparseTensor):
        return tensor[start:stop]
    others = tensor.dense_shape[1:]
    first = tf.concat([[start], tf.zeros_like(others)], axis=0)
    return tf.sparse.slice(tensor, first, tf.concat([[stop - start], others], axis=0))
