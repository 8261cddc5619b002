"""The collectives of a TPU, each as a function of the values of all replicas."""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

Tensors = Sequence[tf.Tensor]


def run_collective(op: tf.Operation, values: Tensors) -> list[tf.Tensor]:
    """Compute what a collective returns to each replica.

    Args:
        op: A `CrossReplicaSum`, `AllToAll` or `CollectivePermute`.
        values: Input of each replica.

    Raises:
        ValueError: The participating replicas are unknown while tracing.
    """
    groups = tf.get_static_value(op.inputs[1])
    if groups is None:
        raise ValueError(
            f"The replicas of {op.name} ({op.type}) are unknown while tracing. Pass a constant."
        )
    return _COLLECTIVES[op.type](op, values, groups)


def _cross_replica_sum(op: tf.Operation, values: Tensors, groups: np.ndarray) -> list[tf.Tensor]:
    del op
    # Unsigned sums wrap around, as on the hardware.
    return _by_group(values, groups, lambda group: [tf.add_n(group)] * len(group))


def _all_to_all(op: tf.Operation, values: Tensors, groups: np.ndarray) -> list[tf.Tensor]:
    split_axis, concat_axis = op.get_attr("split_dimension"), op.get_attr("concat_dimension")
    count = op.get_attr("split_count")

    def transpose(group: Tensors) -> list[tf.Tensor]:
        slices = [tf.split(value, count, split_axis) for value in group]
        return [tf.concat(received, concat_axis) for received in zip(*slices, strict=True)]

    return _by_group(values, groups, transpose)


def _collective_permute(op: tf.Operation, values: Tensors, pairs: np.ndarray) -> list[tf.Tensor]:
    del op
    # A replica that receives nothing gets zeros.
    results = [tf.zeros_like(value) for value in values]
    for source, target in pairs.reshape(-1, 2):
        results[target] = tf.identity(values[source])
    return results


def _by_group(
    values: Tensors, groups: np.ndarray, function: Callable[[Tensors], list[tf.Tensor]]
) -> list[tf.Tensor]:
    """Apply a function to each group of replicas; no groups mean one group of all replicas."""
    groups = groups if groups.size else np.arange(len(values))[np.newaxis]
    results = list(values)
    for group in groups:
        outputs = function([values[replica] for replica in group])
        for replica, output in zip(group, outputs, strict=True):
            results[replica] = output
    return results


_COLLECTIVES: dict[str, Callable[[tf.Operation, Tensors, np.ndarray], list[tf.Tensor]]] = {
    "AllToAll": _all_to_all,
    "CollectivePermute": _collective_permute,
    "CrossReplicaSum": _cross_replica_sum,
}
