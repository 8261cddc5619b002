"""Run the replicas of a TPU computation in lockstep, in one graph of plain ops.

Each op of the computation is copied once for each replica. A collective, e.g. `CrossReplicaSum`, is
computed from the values of all replicas, so a loop or branch that contains one becomes a single
loop or branch for all replicas. Ops outside the computation are copied once.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import tensorflow as tf
from tensorflow.python.framework import func_graph

from dist_f1.inspection.called_functions import CALL_OPS, LOOP_OPS, FunctionLibrary
from dist_f1.testing import computations
from dist_f1.testing.collectives import run_collective
from dist_f1.testing.computations import COLLECTIVE_OPS, METADATA_OPS, clone_op

# One tensor for the host or for all replicas, or one tensor for each replica.
Value: TypeAlias = "tf.Tensor | tuple[tf.Tensor, ...]"


def trace(graph: func_graph.FuncGraph, *arguments: tf.Tensor) -> list[tf.Tensor]:
    """Copy a graph into the default graph, with its TPU computation run in lockstep.

    Args:
        graph: Graph of a concrete function that has a TPU computation or calls one.
        *arguments: Values of the graph's inputs, including captured ones.

    Returns:
        The outputs of `graph`.

    Raises:
        NotImplementedError: Replicas share packed variables, or an op other than a call, `If` or
            `While` contains a collective.
    """
    library = FunctionLibrary(graph.as_graph_def(), graph)
    tf.graph_util.import_graph_def(library.without(METADATA_OPS), name="")
    outputs = _Tracer(library).copy_graph(graph, arguments, replicated=False)
    return [_first(output) for output in outputs]


class _Tracer:
    """Copies graphs, and tracks the value of each tensor."""

    def __init__(self, library: FunctionLibrary) -> None:
        self._library = library
        self._replicas = 0

    def copy_graph(
        self, graph: func_graph.FuncGraph, arguments: Sequence[Value], replicated: bool
    ) -> list[Value]:
        """Copy all ops of a graph and return its outputs; `replicated`: all replicas call it."""
        values = {x.ref(): value for x, value in zip(graph.inputs, arguments, strict=True)}
        for op in graph.get_operations():
            if op.type in METADATA_OPS:
                self._replicas = op.get_attr("num_replicas")
            if op.type in computations.BOOKKEEPING_OPS or op.type == "Placeholder":
                continue
            inputs = [values[x.ref()] for x in op.inputs]
            outputs = self._copy(op, inputs, replicated or computations.is_replicated(op))
            values |= {x.ref(): value for x, value in zip(op.outputs, outputs, strict=True)}
        return [values[x.ref()] for x in graph.outputs]

    def _copy(self, op: tf.Operation, inputs: list[Value], replicated: bool) -> list[Value]:
        if op.type == computations.REPLICATED_INPUT:
            if op.get_attr("is_packed"):
                raise NotImplementedError(
                    "This step was traced with packed variables, which have one handle for all "
                    "replicas. Create the variables under dist_f1.testing.tpu_strategy()."
                )
            return [tuple(inputs) if len(inputs) > 1 else inputs[0]]
        if op.type == computations.REPLICATED_OUTPUT:
            return list(self._split(inputs[0]))
        if op.type in COLLECTIVE_OPS:
            return [tuple(run_collective(op, self._split(inputs[0])))]
        if self._library.calls_any(op, COLLECTIVE_OPS if replicated else METADATA_OPS):
            return self._call(op, inputs, replicated)
        is_split = any(isinstance(value, tuple) for value in inputs)
        if not replicated or not (is_split or op.op_def.is_stateful):
            # The result is the same on all replicas, e.g. for a constant.
            return clone_op(op, [_first(value) for value in inputs])
        columns = [self._split(value) for value in inputs]
        copy = _set_dynamic_size if op.type == "XlaSetDynamicDimensionSize" else clone_op
        copies = [copy(op, [column[r] for column in columns]) for r in range(self._replicas)]
        return list(zip(*copies, strict=True))

    def _call(self, op: tf.Operation, inputs: list[Value], replicated: bool) -> list[Value]:
        """Inline the functions that an op calls, since they contain a collective."""
        if op.type in CALL_OPS:
            return self.copy_graph(self._library.attribute_graph(op, "f"), inputs, replicated)
        if op.type in LOOP_OPS:
            return self._loop(op, inputs, replicated)
        if op.type in ("If", "StatelessIf"):
            return self._branch(op, inputs, replicated)
        raise NotImplementedError(
            f"{op.type} ({op.name}) contains a collective. Use tf.cond instead, or run the "
            "collective before it."
        )

    def _branch(self, op: tf.Operation, inputs: list[Value], replicated: bool) -> list[Value]:
        condition, *arguments = inputs

        def side(name: str) -> Callable[[], list[tf.Tensor]]:
            graph = self._library.attribute_graph(op, name)
            return lambda: self._flatten(self.copy_graph(graph, arguments, replicated), replicated)

        flat = tf.cond(_shared_condition(op, condition), side("then_branch"), side("else_branch"))
        return self._unflatten(flat if isinstance(flat, list | tuple) else [flat], replicated)

    def _loop(self, op: tf.Operation, inputs: list[Value], replicated: bool) -> list[Value]:
        cond_graph = self._library.attribute_graph(op, "cond")
        body_graph = self._library.attribute_graph(op, "body")
        # Resource handles cannot be loop variables.
        changing = [i for i in range(len(inputs)) if not _is_loop_invariant(body_graph, i)]

        def all_values(flat: Sequence[tf.Tensor]) -> list[Value]:
            changed = dict(zip(changing, self._unflatten(flat, replicated), strict=True))
            return [changed.get(i, value) for i, value in enumerate(inputs)]

        def cond(*flat: tf.Tensor) -> tf.Tensor:
            outputs = self.copy_graph(cond_graph, all_values(flat), replicated)
            return _shared_condition(op, outputs[0])

        def body(*flat: tf.Tensor) -> list[tf.Tensor]:
            outputs = self.copy_graph(body_graph, all_values(flat), replicated)
            return self._flatten([outputs[i] for i in changing], replicated)

        copies = self._replicas if replicated else 1
        flat = tf.while_loop(
            cond,
            body,
            self._flatten([inputs[i] for i in changing], replicated),
            shape_invariants=[body_graph.inputs[i].shape for i in changing for _ in range(copies)],
        )
        return all_values(flat)

    def _split(self, value: Value) -> tuple[tf.Tensor, ...]:
        return value if isinstance(value, tuple) else (value,) * self._replicas

    def _flatten(self, values: Sequence[Value], replicated: bool) -> list[tf.Tensor]:
        return [x for v in values for x in (self._split(v) if replicated else (v,))]

    def _unflatten(self, flat: Sequence[tf.Tensor], replicated: bool) -> list[Value]:
        return list(zip(*[iter(flat)] * self._replicas, strict=True)) if replicated else list(flat)


def _set_dynamic_size(op: tf.Operation, inputs: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """Slice a padded batch to its real size; a TPU keeps the padding and ignores it."""
    del op
    padded, axis, size = inputs
    axis = int(tf.get_static_value(axis))
    before, after = tf.shape(padded)[:axis], tf.shape(padded)[axis + 1 :]
    begin = tf.zeros([padded.shape.rank], tf.int32)
    return [tf.slice(padded, begin, tf.concat([before, tf.reshape(size, [1]), after], axis=0))]


def _shared_condition(op: tf.Operation, condition: Value) -> tf.Tensor:
    """Return the condition of all replicas, and assert at run time that they agree."""
    if not isinstance(condition, tuple):
        return condition
    same = tf.reduce_all(tf.equal(tf.stack(condition), condition[0]))
    message = (
        f"Replicas disagree on the condition of {op.name} ({op.type}), which contains a "
        "collective; on a TPU they would deadlock. Use a condition that is the same on all "
        "replicas, e.g. an all-reduced value."
    )
    with tf.control_dependencies([tf.debugging.Assert(same, [message])]):
        return tf.identity(condition[0])


def _is_loop_invariant(body: func_graph.FuncGraph, index: int) -> bool:
    """Whether a loop body returns this loop variable unchanged."""
    output = body.outputs[index]
    while output.op.type == "Identity":
        output = output.op.inputs[0]
    return output is body.inputs[index]


def _first(value: Value) -> tf.Tensor:
    return value[0] if isinstance(value, tuple) else value
