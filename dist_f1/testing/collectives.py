"""How replicas of a TPU computation tell each other values: each op as a function of all values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

Tensors = Sequence[tf.Tensor]


def exchange(op: Any, values: Tensors) -> list[tf.Tensor]:
    """What each replica is given by an op, of the value that each hands to it.

    Args:
        op: `CrossReplicaSum`, `AllToAll` or `CollectivePermute`.
        values: one of each replica.

    Raises:
        ValueError: who takes part is not known while tracing.
    """
    partners = tf.get_static_value(op.inputs[1])
    if partners is None:
        raise ValueError(f"Which replicas take part in {op.name} ({op.type}) must be a constant.")
    return _OPS[op.type](op, values, partners)


def _cross_replica_sum(op: Any, values: Tensors, groups: np.ndarray) -> list[tf.Tensor]:
    del op
    # Unsigned sums wrap around, as they do on the hardware.
    return _in_groups(values, groups, lambda mine: [tf.add_n(mine)] * len(mine))


def _all_to_all(op: Any, values: Tensors, groups: np.ndarray) -> list[tf.Tensor]:
    split, concat = op.get_attr("split_dimension"), op.get_attr("concat_dimension")
    count = op.get_attr("split_count")

    def swapped(mine: Tensors) -> list[tf.Tensor]:
        pieces = [tf.split(value, count, split) for value in mine]
        return [tf.concat(row, concat) for row in zip(*pieces, strict=True)]

    return _in_groups(values, groups, swapped)


def _collective_permute(op: Any, values: Tensors, pairs: np.ndarray) -> list[tf.Tensor]:
    del op
    # Who is sent nothing has zeros.
    given = [tf.zeros_like(value) for value in values]
    for source, target in pairs.reshape(-1, 2):
        given[target] = tf.identity(values[source])
    return given


def _in_groups(
    values: Tensors, groups: np.ndarray, function: Callable[[Tensors], list[tf.Tensor]]
) -> list[tf.Tensor]:
    """`function` of the values of each group of replicas; without groups, of all."""
    groups = groups if groups.size else np.arange(len(values))[np.newaxis]
    given = list(values)
    for group in groups:
        results = function([values[replica] for replica in group])
        for replica, result in zip(group, results, strict=True):
            given[replica] = result
    return given


_OPS: dict[str, Callable[[Any, Tensors, np.ndarray], list[tf.Tensor]]] = {
    "AllToAll": _all_to_all,
    "CollectivePermute": _collective_permute,
    "CrossReplicaSum": _cross_replica_sum,
}
