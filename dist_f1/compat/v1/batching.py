"""Batches whose number is a multiple of the replicas, so that an evaluation sees every row."""

from collections.abc import Callable
from typing import Any, TypeAlias

import tensorflow as tf

from dist_f1.counts.limits import check_positive

Transformation = Callable[[tf.data.Dataset], tf.data.Dataset]
AnyTensor: TypeAlias = "tf.Tensor | tf.SparseTensor | tf.RaggedTensor"


def batch_for_replicas(
    batch_size: int, replicas: int | tf.distribute.InputContext | None
) -> Transformation:
    """Replace `dataset.batch(batch_size)` in the `input_fn` of an evaluation.

    Under a strategy, an `Estimator` gives each replica its own batch in every step. If the last
    step has fewer batches than replicas, the replicas without a batch end the step. Whether the
    other replicas have counted their batches then depends on timing: rows may be lost, and two
    evaluations of one model differ. This function splits the last rows over all replicas, so that
    the number of batches is a multiple of the replicas.

    Args:
        batch_size: Number of rows in a batch of one replica.
        replicas: Number of replicas that take batches from this dataset; or the `input_context`
            that an `Estimator` passes to an `input_fn` with an argument of that name; or `None`
            without a strategy.

    Returns:
        A function for `dataset.apply`. With one replica its batches are those of `dataset.batch`.
        With more replicas only the last ones differ; if there are fewer rows than replicas, some
        batches are empty.

    Raises:
        ValueError: A number below 1.

    Example:
        >>> data = tf.data.Dataset.range(7).apply(batch_for_replicas(2, replicas=2))
        >>> [batch.tolist() for batch in data.as_numpy_iterator()]
        [[0, 1], [2, 3], [4], [5, 6]]
    """
    if isinstance(replicas, tf.distribute.InputContext):
        replicas = replicas.num_replicas_in_sync // replicas.num_input_pipelines
    num_replicas = 1 if replicas is None else replicas
    check_positive("batch_size", batch_size)
    check_positive("replicas", num_replicas)

    def split(element: Any) -> tf.data.Dataset:
        rows = _num_rows(element)

        def batch(index: tf.Tensor) -> Any:
            start, stop = (rows * (index + k) // num_replicas for k in (0, 1))
            return tf.nest.map_structure(lambda tensor: _slice(tensor, start, stop), element)

        return tf.data.Dataset.range(num_replicas).map(batch)

    def apply(dataset: tf.data.Dataset) -> tf.data.Dataset:
        if num_replicas == 1:
            return dataset.batch(batch_size)
        steps = dataset.batch(batch_size * num_replicas)
        # flat_map unpacks tuples into arguments.
        if isinstance(steps.element_spec, tuple):
            return steps.flat_map(lambda *element: split(element))
        return steps.flat_map(split)

    return apply


def _num_rows(element: Any) -> tf.Tensor:
    first = tf.nest.flatten(element)[0]
    if isinstance(first, tf.SparseTensor):
        return first.dense_shape[0]
    return first.nrows() if isinstance(first, tf.RaggedTensor) else tf.shape(first, tf.int64)[0]


def _slice(tensor: AnyTensor, start: tf.Tensor, stop: tf.Tensor) -> AnyTensor:
    """Slice rows of a tensor of any kind."""
    if not isinstance(tensor, tf.SparseTensor):
        return tensor[start:stop]
    others = tensor.dense_shape[1:]
    begin = tf.concat([[start], tf.zeros_like(others)], axis=0)
    return tf.sparse.slice(tensor, begin, tf.concat([[stop - start], others], axis=0))
