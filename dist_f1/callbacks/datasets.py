"""What a model is evaluated on: checked once, spread over replicas, taken apart batch by batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

_EXPECTED = (
    "Pass a tf.data.Dataset of batches (x, y) or (x, y, sample_weight), a distributed one, or a "
    "tuple of arrays (x, y) or (x, y, sample_weight)."
)
DEFAULT_BATCH_SIZE = 32


def checked(data: Any, batch_size: int | None, steps: int | None) -> Any:
    """The data as a data set of batches, before it is known which strategy they are for.

    Args:
        data: a `tf.data.Dataset`, a `tf.distribute.DistributedDataset`, or a tuple of arrays.
        batch_size: rows in a batch over all replicas, for arrays.
        steps: batches in an evaluation, or `None` for all.

    Raises:
        ValueError: it is something else, or has no end and `steps` is `None`.
    """
    for name, value in (("batch_size", batch_size), ("steps", steps)):
        if value is not None and value < 1:
            raise ValueError(f"{name} must be a positive integer, got {value!r}.")
    if isinstance(data, tuple):
        return _batched(data, batch_size or DEFAULT_BATCH_SIZE)
    if not isinstance(data, tf.data.Dataset | tf.distribute.DistributedDataset):
        raise ValueError(f"The data to evaluate is a {type(data).__name__}. {_EXPECTED}")
    if batch_size is not None:
        raise ValueError("batch_size is for arrays; a data set has batches already.")
    spec = data.element_spec
    if not isinstance(spec, tuple) or len(spec) not in (2, 3):
        found = f"a tuple of {len(spec)}" if isinstance(spec, tuple) else type(spec).__name__
        raise ValueError(f"The data set yields {found}. {_EXPECTED}")
    cardinality = data.cardinality() if callable(data.cardinality) else data.cardinality
    if steps is None and int(cardinality) == tf.data.INFINITE_CARDINALITY:
        raise ValueError("The data set has no end. Pass steps=, or drop its repeat().")
    return data


def spread(data: Any, strategy: tf.distribute.Strategy) -> Any:
    """The batches as `strategy.run` takes them, each split over the replicas."""
    if isinstance(data, tf.distribute.DistributedDataset):
        return data
    return strategy.experimental_distribute_dataset(data)


def unpack(batch: tuple[Any, ...]) -> tuple[Any, Any, Any]:
    """Inputs, targets and weights; weights are `None` if there are none."""
    x, y, *weight = batch
    return x, y, weight[0] if weight else None


def _batched(arrays: tuple[Any, ...], batch_size: int) -> tf.data.Dataset:
    if len(arrays) not in (2, 3):
        raise ValueError(f"The data to evaluate is a tuple of {len(arrays)}. {_EXPECTED}")
    arrays = tuple(_as_arrays(part) for part in arrays)
    rows = sorted({int(array.shape[0]) for array in tf.nest.flatten(arrays)})
    if len(rows) > 1:
        raise ValueError(
            f"The arrays have different numbers of rows, {' and '.join(map(str, rows))}. Pass one "
            "target (and weight) for each row of x."
        )
    options = tf.data.Options()
    # Workers have the same arrays; each takes its share of the rows.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return tf.data.Dataset.from_tensor_slices(arrays).batch(batch_size).with_options(options)


def _as_arrays(part: Any) -> Any:
    """NumPy arrays; a list of arrays, which are inputs beside each other, becomes a tuple."""
    if isinstance(part, dict):
        return {name: _as_arrays(array) for name, array in part.items()}
    beside = isinstance(part, list) and part and all(hasattr(array, "shape") for array in part)
    if isinstance(part, tuple) or beside:
        return tuple(_as_arrays(array) for array in part)
    array = part if tf.is_tensor(part) else np.asarray(part)
    if not array.shape:
        raise ValueError(f"The data to evaluate has {part!r} where an array belongs. {_EXPECTED}")
    return array
