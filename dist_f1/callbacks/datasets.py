"""The dataset to evaluate: checked, batched and distributed over replicas."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf

from dist_f1.counts.limits import check_positive

Dataset: TypeAlias = "tf.data.Dataset | tf.distribute.DistributedDataset"

_EXPECTED = (
    "Pass a tf.data.Dataset of batches (x, y) or (x, y, sample_weight), a distributed one, or a "
    "tuple of arrays (x, y) or (x, y, sample_weight)."
)
DEFAULT_BATCH_SIZE = 32


def to_dataset(
    data: Dataset | tuple[Any, ...], batch_size: int | None, steps: int | None
) -> Dataset:
    """Convert a dataset or a tuple of arrays to a dataset of batches, which is not distributed yet.

    Raises:
        ValueError: The data is of another type, or is infinite and `steps` is `None`.
    """
    for name, value in (("batch_size", batch_size), ("steps", steps)):
        if value is not None:
            check_positive(name, value)
    if isinstance(data, tuple):
        return _batch_arrays(data, batch_size or DEFAULT_BATCH_SIZE)
    if not isinstance(data, tf.data.Dataset | tf.distribute.DistributedDataset):
        raise ValueError(f"The data is a {type(data).__name__}. {_EXPECTED}")
    if batch_size is not None:
        raise ValueError(
            f"batch_size={batch_size} was passed with a dataset, which has batches already. Pass "
            "batch_size only for arrays."
        )
    spec = data.element_spec
    if not isinstance(spec, tuple) or len(spec) not in (2, 3):
        found = f"a tuple of {len(spec)}" if isinstance(spec, tuple) else type(spec).__name__
        raise ValueError(f"The dataset yields {found}. {_EXPECTED}")
    cardinality = data.cardinality() if callable(data.cardinality) else data.cardinality
    if steps is None and int(cardinality) == tf.data.INFINITE_CARDINALITY:
        raise ValueError("The dataset is infinite. Pass steps=, or remove its repeat().")
    return data


def distribute(
    dataset: Dataset, strategy: tf.distribute.Strategy
) -> tf.distribute.DistributedDataset:
    """Distribute the batches over replicas, unless they are distributed already."""
    if isinstance(dataset, tf.distribute.DistributedDataset):
        return dataset
    return strategy.experimental_distribute_dataset(dataset)


def unpack(batch: tuple[Any, ...]) -> tuple[Any, Any, tf.Tensor | None]:
    """Return inputs, targets, and weights or `None`."""
    x, y, *weight = batch
    return x, y, weight[0] if weight else None


def _batch_arrays(arrays: tuple[Any, ...], batch_size: int) -> tf.data.Dataset:
    if len(arrays) not in (2, 3):
        raise ValueError(f"The data is a tuple of {len(arrays)}. {_EXPECTED}")
    arrays = tuple(_to_arrays(element) for element in arrays)
    sizes = sorted({int(array.shape[0]) for array in tf.nest.flatten(arrays)})
    if len(sizes) > 1:
        raise ValueError(
            f"The arrays have different numbers of rows, {' and '.join(map(str, sizes))}. Pass one "
            "target (and weight) per row of x."
        )
    options = tf.data.Options()
    # All workers have the same arrays, so each takes a shard of the rows.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return tf.data.Dataset.from_tensor_slices(arrays).batch(batch_size).with_options(options)


def _to_arrays(nest: Any) -> Any:
    """Convert the leaves of a nest to NumPy arrays; a list of arrays (inputs) becomes a tuple."""
    if isinstance(nest, dict):
        return {name: _to_arrays(array) for name, array in nest.items()}
    is_inputs = isinstance(nest, list) and nest and all(hasattr(array, "shape") for array in nest)
    if isinstance(nest, tuple) or is_inputs:
        return tuple(_to_arrays(array) for array in nest)
    array = nest if tf.is_tensor(nest) else np.asarray(nest)
    if not array.shape:
        raise ValueError(f"The data contains {nest!r} instead of an array. {_EXPECTED}")
    return array
