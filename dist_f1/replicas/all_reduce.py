"""`all_reduce_sum`: any nest of tensors, summed over replicas as one collective."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import tensorflow as tf

from dist_f1.replicas import contexts, packing

# How long a call outside of a step waits for the other workers, in seconds, before it raises
# `tf.errors.DeadlineExceededError`. A worker that never comes would make the others wait forever.
TIMEOUT_SECONDS = 600.0


def all_reduce_sum(structure: Any) -> Any:
    """Sums each tensor of a nest over all replicas, with one collective for all of them.

    It works in any context, and under any strategy of `tf.distribute`:

    - inside `strategy.run`, leaves are this replica's tensors; every replica gets the sums, and
      every replica must make the call. On several replicas TensorFlow refuses it, with a
      `RuntimeError`, within a branch, a loop or another `tf.function` there;
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
        summed = _inside_a_replica(leaves)
    elif tf.distribute.has_strategy() or any(map(_is_distributed, leaves)):
        summed = _outside_of_replicas(leaves)
    else:
        summed = [_as_tensor(leaf) for leaf in leaves]
    return tf.nest.pack_sequence_as(structure, summed)


def _inside_a_replica(leaves: Sequence[Any], options: Any = None) -> list[tf.Tensor]:
    tensors = [_as_tensor(leaf) for leaf in leaves]
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1 or not tensors:
        return tensors
    carrier = packing.carrier_for([x.dtype for x in tensors], contexts.is_tpu(context.strategy))
    total = sum_vector(packing.pack(tensors, carrier), options)
    return packing.unpack(total, tensors, carrier)


def _outside_of_replicas(leaves: Sequence[Any]) -> list[tf.Tensor]:
    strategy = tf.distribute.get_strategy()
    if not leaves:
        return []
    if contexts.num_workers(strategy) > 1:
        _check_per_replica(leaves, len(strategy.extended.worker_devices))
        with waiting_for_workers():
            summed = strategy.run(
                lambda *values: _inside_a_replica(values, with_timeout()), tuple(leaves)
            )
        return [strategy.experimental_local_results(value)[0] for value in summed]
    columns = [_components(leaf) for leaf in leaves]
    replicas = strategy.num_replicas_in_sync
    if not tf.distribute.has_strategy():
        replicas = max(len(column) for column in columns)
        _check_local(columns)
    _check_per_replica(leaves, replicas)
    rows = [[_as_tensor(x) for x in row] for row in zip(*columns, strict=True)]
    if replicas == 1:
        return rows[0]
    carrier = packing.carrier_for([x.dtype for x in rows[0]])
    vectors = []
    for row in rows:
        with tf.device(row[0].device):
            vectors.append(packing.pack(row, carrier))
    return packing.unpack(tf.add_n(vectors), rows[0], carrier)


def with_timeout() -> tf.distribute.experimental.CommunicationOptions:
    """Options of a collective outside of a step; inside, a timer for each would cost too much."""
    return tf.distribute.experimental.CommunicationOptions(timeout_seconds=TIMEOUT_SECONDS)


@contextlib.contextmanager
def waiting_for_workers() -> Iterator[None]:
    """Says in words what it means that the other workers did not come."""
    try:
        yield
    except tf.errors.DeadlineExceededError as error:
        message = (
            f"Another worker did not come within {TIMEOUT_SECONDS:g} s. Outside of a step, a sum "
            "over replicas needs all workers: call result(), counts(), report() and "
            "all_reduce_sum() on each of them, not on the chief alone, and save checkpoints on "
            "each. A longer wait is set with dist_f1.all_reduce.TIMEOUT_SECONDS."
        )
        raise tf.errors.DeadlineExceededError(error.node_def, error.op, message) from error


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
        components = len(_components(leaf))
        if components == replicas and (_is_distributed(leaf) or replicas == 1):
            continue
        if _is_distributed(leaf):
            raise ValueError(
                f"These are values of {components} replicas, but the strategy in scope has "
                f"{replicas}. Call all_reduce_sum in the scope of the strategy that ran the step."
            )
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
