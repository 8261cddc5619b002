"""`all_reduce_sum`: any nest of tensors, summed over replicas with one collective."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import tensorflow as tf

from dist_f1.replicas import contexts, packing

Options: TypeAlias = tf.distribute.experimental.CommunicationOptions

# Seconds that a call outside of a step waits for the other workers before it raises
# `tf.errors.DeadlineExceededError`. Without it, workers would wait forever for a stopped one.
TIMEOUT_SECONDS = 600.0


@tf.autograph.experimental.do_not_convert
def all_reduce_sum(structure: Any) -> Any:
    """Sum each tensor of a nest over all replicas, with one collective for all of them.

    It works in any context, and under any strategy of `tf.distribute`:

    - Inside `strategy.run`, leaves are this replica's tensors. Every replica must make the call,
      and gets the sums. On several replicas, TensorFlow raises `RuntimeError` if the call is in a
      branch, a loop or another `tf.function` there.
    - Outside, leaves are the results of `strategy.run`, or distributed variables.
    - With one replica, or without a strategy, the values are returned unchanged.

    Args:
        structure: Nest (`tf.nest`) of integer, float or complex tensors, with the same shapes on
            each replica.

    Returns:
        The same structure of tensors, with the same shapes and dtypes.

    Integers are summed exactly, and wrap around at the end of their dtype. Floats are summed in
    float32; in float64 if any leaf has 64 bits, or integers are summed with them. On a TPU,
    integers are sent as limbs in one uint32 vector, and float64 has about 48 bits.

    Gradients flow through float leaves: the gradient of a sum over replicas is the sum of the
    replicas' gradients, as for `tf.distribute.ReplicaContext.all_reduce`.

    Raises:
        ValueError: A leaf is not numeric; or, outside of `strategy.run`, a leaf is a single value
            instead of one value for each replica.

    Example:
        >>> strategy = tf.distribute.get_strategy()
        >>> def step():
        ...     return all_reduce_sum({"loss": 0.5, "rows": tf.constant(3, tf.int64)})
        >>> int(strategy.run(step)["rows"])
        3
    """
    leaves = tf.nest.flatten(structure)
    if contexts.in_replica():
        sums = _sum_in_replica(leaves)
    elif tf.distribute.has_strategy() or any(map(_is_distributed, leaves)):
        sums = _sum_across_replicas(leaves)
    else:
        sums = [_as_tensor(leaf) for leaf in leaves]
    return tf.nest.pack_sequence_as(structure, sums)


def _sum_in_replica(leaves: Sequence[Any], options: Options | None = None) -> list[tf.Tensor]:
    tensors = [_as_tensor(leaf) for leaf in leaves]
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1 or not tensors:
        return tensors
    wire = packing.wire_format_for([x.dtype for x in tensors], contexts.is_tpu(context.strategy))
    total = sum_vector(packing.pack(tensors, wire), options)
    return packing.unpack(total, tensors, wire)


def _sum_across_replicas(leaves: Sequence[Any]) -> list[tf.Tensor]:
    strategy = tf.distribute.get_strategy()
    if not leaves:
        return []
    if contexts.num_workers(strategy) > 1:
        _check_per_replica(leaves, len(strategy.extended.worker_devices))
        with explain_timeout():
            sums = strategy.run(
                lambda *values: _sum_in_replica(values, timeout_options()), tuple(leaves)
            )
        return [strategy.experimental_local_results(value)[0] for value in sums]
    columns = [_components(leaf) for leaf in leaves]
    replicas = strategy.num_replicas_in_sync
    if not tf.distribute.has_strategy():
        replicas = max(len(column) for column in columns)
        _check_local(columns)
    _check_per_replica(leaves, replicas)
    by_replica = [[_as_tensor(x) for x in values] for values in zip(*columns, strict=True)]
    if replicas == 1:
        return by_replica[0]
    wire = packing.wire_format_for([x.dtype for x in by_replica[0]])
    vectors = []
    for tensors in by_replica:
        with tf.device(tensors[0].device):
            vectors.append(packing.pack(tensors, wire))
    return packing.unpack(tf.add_n(vectors), by_replica[0], wire)


def timeout_options() -> Options:
    """Return options with a time-out. In a step, a timer per collective would cost too much."""
    return Options(timeout_seconds=TIMEOUT_SECONDS)


@contextlib.contextmanager
def explain_timeout() -> Iterator[None]:
    """Re-raise a time-out with its likely cause."""
    try:
        yield
    except tf.errors.DeadlineExceededError as error:
        message = (
            f"Another worker did not make the same call within {TIMEOUT_SECONDS:g} s. Outside of a "
            "step, a sum over replicas needs all workers: call result(), counts(), report() and "
            "all_reduce_sum() on each worker, not only on the chief, and save checkpoints on each. "
            "To wait longer, set dist_f1.all_reduce.TIMEOUT_SECONDS."
        )
        raise tf.errors.DeadlineExceededError(error.node_def, error.op, message) from error


@contextlib.contextmanager
def explain_control_flow() -> Iterator[None]:
    """Re-raise the error of TensorFlow on a collective in control flow with the remedy."""
    try:
        yield
    except RuntimeError as error:
        if "merge_call" not in str(error):
            raise
        raise RuntimeError(
            "A sum over replicas, e.g. the result() of a metric, is inside a branch, a loop or a "
            "tf.function that is itself inside strategy.run. Some replicas might not get there, so "
            "TensorFlow does not support it. Make the call after the branch, put the branch around "
            'strategy.run, or pass sync="epoch" to the metric for the value of this replica.'
        ) from error


def sum_vector(vector: tf.Tensor, options: Options | None = None) -> tf.Tensor:
    """Sum a vector over replicas with one collective, inside `strategy.run`.

    The strategy must be able to all-reduce the dtype of the vector.
    """
    context = tf.distribute.get_replica_context()
    strategy = context.strategy
    # In a function that is called from a loop or a branch, TensorFlow loses the keys of a
    # collective. A reduction to one device has no keys.
    loses_keys = contexts.is_called_from_control_flow() and not contexts.is_tpu(strategy)
    if not (loses_keys or contexts.sums_on_one_device(strategy)):
        with explain_control_flow():
            return context.all_reduce(tf.distribute.ReduceOp.SUM, vector, options)

    @tf.custom_gradient
    def reduce_to_one(x: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        total = context.merge_call(
            lambda strategy, y: strategy.reduce(tf.distribute.ReduceOp.SUM, y, axis=None), (x,)
        )
        return total, sum_vector

    with explain_control_flow():
        return reduce_to_one(vector)


def _is_distributed(leaf: Any) -> bool:
    return isinstance(leaf, tf.distribute.DistributedValues)


def _components(leaf: Any) -> tuple[Any, ...]:
    return tuple(leaf.values) if _is_distributed(leaf) else (leaf,)


def _as_tensor(leaf: Any) -> tf.Tensor:
    if isinstance(leaf, tf.RaggedTensor | tf.SparseTensor | tf.IndexedSlices):
        raise ValueError(
            f"all_reduce_sum sums dense tensors, got {type(leaf).__name__}. Make it dense first."
        )
    try:
        tensor = tf.convert_to_tensor(leaf)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"all_reduce_sum sums numeric tensors, got {leaf!r}. Remove it from the structure."
        ) from error
    if not (tensor.dtype.is_integer or tensor.dtype.is_floating or tensor.dtype.is_complex):
        raise ValueError(
            f"all_reduce_sum sums numeric tensors, got {tensor.dtype.name}. Cast it to an integer "
            "or a float first."
        )
    return tensor


def _check_per_replica(leaves: Sequence[Any], replicas: int) -> None:
    for leaf in leaves:
        components = len(_components(leaf))
        if components == replicas and (_is_distributed(leaf) or replicas == 1):
            continue
        if _is_distributed(leaf):
            raise ValueError(
                f"A leaf has values of {components} replicas, but the strategy in scope has "
                f"{replicas}. Call all_reduce_sum in the scope of the strategy that ran the step."
            )
        raise ValueError(
            f"Outside of strategy.run, all_reduce_sum sums values of {replicas} replicas, got one "
            f"value for all of them: {leaf!r}. Pass a result of strategy.run, or make the call "
            "inside strategy.run."
        )


def _check_local(columns: Sequence[Sequence[Any]]) -> None:
    """Raise `ValueError` for values of several workers: they need the strategy."""
    for column in columns:
        device = tf.DeviceSpec.from_string(getattr(column[0], "device", None) or "")
        if device.job not in (None, "localhost"):
            raise ValueError(
                "These values belong to a strategy with several workers, which is not in scope. "
                "Call all_reduce_sum inside `with strategy.scope():` or inside strategy.run."
            )
