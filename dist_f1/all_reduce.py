"""`all_reduce_sum`: any nest of tensors, summed over replicas as one collective."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from dist_f1 import contexts, packing


def all_reduce_sum(structure: Any) -> Any:
    """Sums each tensor of a nest over all replicas, with one collective for all of them.

    It works in any context, and under any strategy of `tf.distribute`:

    - inside `strategy.run`, leaves are this replica's tensors; every replica gets the sums, and
      every replica must make the call;
    - outside, leaves are what `strategy.run` returned, or distributed variables;
    - with one replica, or without a strategy, the values come back as they are.

    Args:
        structure: a nest (`tf.nest`) of integer, float or complex tensors, of the same shapes on
            each replica.

    Returns:
        The same structure of tensors, with the same shapes and dtypes.

    Integers are added exactly, and wrap around where their dtype ends. Floats are added in
    float32 or, if any leaf is 64 bits wide or integers travel along, in float64. On a TPU,
    integers travel as limbs in one uint32 vector, and float64 has about 48 bits.

    Gradients flow through float leaves: the gradient of a sum over replicas is the sum of the
    replicas' gradients, as for `tf.distribute.ReplicaContext.all_reduce`.

    Raises:
        ValueError: a leaf that is not numeric; outside of `strategy.run`, a leaf that is one
            value and not one for each replica.

    Example:
        >>> strategy = tf.distribute.get_strategy()
        >>> def step():
        ...     return all_reduce_sum({"loss": 0.5, "rows": tf.constant(3, tf.int64)})
        >>> int(strategy.run(step)["rows"])
        3
    """
    leaves = tf.nest.flatten(structure)
    if contexts.in_replica():
        summed = _inside_a_replica([_as_tensor(leaf) for leaf in leaves])
    elif tf.distribute.has_strategy() or any(map(_is_distributed, leaves)):
        summed = _outside_of_replicas(leaves)
    else:
        summed = [_as_tensor(leaf) for leaf in leaves]
    return tf.nest.pack_sequence_as(structure, summed)


def _inside_a_replica(tensors: list[tf.Tensor]) -> list[tf.Tensor]:
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1 or not tensors:
        return tensors
    carrier = packing.carrier_for([x.dtype for x in tensors], contexts.is_tpu(context.strategy))
    total = sum_vector(packing.pack(tensors, carrier))
    return packing.unpack(total, tensors, carrier)


def _outside_of_replicas(leaves: Sequence[Any]) -> list[tf.Tensor]:
    strategy = tf.distribute.get_strategy()
    if not leaves:
        return []
    if contexts.num_workers(strategy) > 1:
        _check_per_replica(leaves, strategy.num_replicas_in_sync)
        summed = strategy.run(lambda *values: all_reduce_sum(list(values)), tuple(leaves))
        return [strategy.experimental_local_results(value)[0] for value in summed]
    columns = [_components(leaf) for leaf in leaves]
    replicas = strategy.num_replicas_in_sync
    if not tf.distribute.has_strategy():
        replicas = max(len(column) for column in columns)
        _check_local(columns)
    if replicas == 1:
        return [_as_tensor(column[0]) for column in columns]
    _check_per_replica(leaves, replicas)
    rows = [[_as_tensor(x) for x in row] for row in zip(*columns, strict=True)]
    carrier = packing.carrier_for([x.dtype for x in rows[0]])
    vectors = []
    for row in rows:
        with tf.device(row[0].device):
            vectors.append(packing.pack(row, carrier))
    return packing.unpack(tf.add_n(vectors), rows[0], carrier)


def sum_vector(vector: tf.Tensor, options: Any = None) -> tf.Tensor:
    """One collective over one vector that the strategy can send, inside of `strategy.run`."""
    context = tf.distribute.get_replica_context()
    if not contexts.is_called_from_control_flow() or contexts.is_tpu(context.strategy):
        return context.all_reduce(tf.distribute.ReduceOp.SUM, vector, options)

    # TensorFlow loses the keys of a collective in a function that is called from a loop or a
    # branch. A reduction to one device has no keys.
    @tf.custom_gradient
    def reduce_to_one(x: tf.Tensor) -> tuple[tf.Tensor, Any]:
        total = context.merge_call(
            lambda strategy, y: strategy.reduce(tf.distribute.ReduceOp.SUM, y, axis=None), (x,)
        )
        return total, sum_vector

    return reduce_to_one(vector)


def _is_distributed(leaf: Any) -> bool:
    return isinstance(leaf, tf.distribute.DistributedValues)


def _components(leaf: Any) -> tuple[Any, ...]:
    return tuple(leaf.values) if _is_distributed(leaf) else (leaf,)


def _as_tensor(leaf: Any) -> tf.Tensor:
    if isinstance(leaf, tf.RaggedTensor | tf.SparseTensor | tf.IndexedSlices):
        raise ValueError(
            f"all_reduce_sum takes dense tensors, got {type(leaf).__name__}; make it dense first."
        )
    try:
        tensor = tf.convert_to_tensor(leaf)
    except (TypeError, ValueError) as error:
        raise ValueError(f"all_reduce_sum takes numeric tensors, got {leaf!r}.") from error
    if not (tensor.dtype.is_integer or tensor.dtype.is_floating or tensor.dtype.is_complex):
        raise ValueError(
            f"all_reduce_sum takes numeric tensors, got one of {tensor.dtype.name}; cast it to an "
            "integer or a float first."
        )
    return tensor


def _check_per_replica(leaves: Sequence[Any], replicas: int) -> None:
    for leaf in leaves:
        if not _is_distributed(leaf):
            raise ValueError(
                f"Outside of strategy.run, all_reduce_sum takes values of {replicas} replicas, as "
                f"strategy.run returns them; got one value for all of them: {leaf!r}. Call it "
                "inside of strategy.run, or pass what strategy.run returned."
            )


def _check_local(columns: Sequence[Sequence[Any]]) -> None:
    """Other workers' values cannot be reached without the strategy."""
    for column in columns:
        device = tf.DeviceSpec.from_string(getattr(column[0], "device", None) or "")
        if device.job not in (None, "localhost"):
            raise ValueError(
                "These values belong to a strategy of several workers, which is not in scope. "
                "Call all_reduce_sum inside `with strategy.scope():` or inside of strategy.run."
            )
