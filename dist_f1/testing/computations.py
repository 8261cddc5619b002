"""Recognize and copy the ops of a TPU computation in a traced graph."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

METADATA_OPS = frozenset({"TPUReplicateMetadata"})
REPLICATED_INPUT, REPLICATED_OUTPUT = "TPUReplicatedInput", "TPUReplicatedOutput"
PLACEHOLDER_OPS = frozenset({"Placeholder", "PlaceholderWithDefault"})
COLLECTIVE_OPS = frozenset({"AllToAll", "CollectivePermute", "CrossReplicaSum"})
# They describe a computation and compute nothing.
BOOKKEEPING_OPS = METADATA_OPS | {"TPUCompilationResult"}

# These attributes refer to TPUs, to XLA, or to other ops of the graph by name.
_DROPPED_ATTRIBUTES = ("_class", "_output_shapes", "_tpu", "_xla")


def is_replicated(op: tf.Operation) -> bool:
    """Whether an op belongs to a TPU computation, so that every replica runs it."""
    return "_tpu_replicate" in op.node_def.attr


def clone_op(op: tf.Operation, inputs: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """Copy an op of another graph into the default graph, and return the outputs of the copy."""
    attributes = op.node_def.attr.items()
    graph: Any = tf.compat.v1.get_default_graph()
    # Ops of the computation are placed on TPU cores, which do not exist here.
    with tf.device(None if is_replicated(op) else op.device or None):
        clone = graph._create_op_internal(
            op.type,
            list(inputs),
            [output.dtype for output in op.outputs],
            name=op.name.rpartition("/")[-1],
            attrs={k: v for k, v in attributes if not k.lower().startswith(_DROPPED_ATTRIBUTES)},
        )
    return list(clone.outputs)
