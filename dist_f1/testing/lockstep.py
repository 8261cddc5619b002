"""Runs the replicas of a TPU computation side by side, in one graph of plain operations.

Every op inside of the computation is made once for each replica. Where replicas tell each other
something, in a `CrossReplicaSum` say, each is given what follows from the values of all. So a loop
or a branch in which they do becomes one for all of them. Ops outside are made once, as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from dist_f1.inspection import graphs
from dist_f1.testing import computations
from dist_f1.testing.collectives import exchange
from dist_f1.testing.computations import Library, again

# A tensor that is outside of the computation, or one of each replica.
Value = Any


def trace(graph: Any, arguments: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """Makes the ops of `graph` again in the graph that is being built.

    Args:
        graph: of a concrete function, with a TPU computation in it or in what it calls.
        arguments: for the inputs of `graph`, captured ones included.

    Returns:
        The outputs of `graph`.

    Raises:
        NotImplementedError: replicas share packed variables, or meet in a function that is called
            in a way that is not known here.
    """
    library = Library(graph)
    tf.graph_util.import_graph_def(library.plain_functions(), name="")
    outputs = _Tracer(library).graph(graph, arguments, False)
    return [_single(output) for output in outputs]


class _Tracer:
    """Makes ops again, and keeps in mind what became of the tensors of a graph."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._replicas = 0

    def graph(self, graph: Any, arguments: Sequence[Value], inside: bool) -> list[Value]:
        """Makes all ops of a graph, in their order; `inside`: of a function of replicas."""
        values = {x.ref(): value for x, value in zip(graph.inputs, arguments, strict=True)}
        for op in graph.get_operations():
            if op.type == computations.METADATA:
                self._replicas = op.get_attr("num_replicas")
            if computations.is_bookkeeping(op) or op.type == "Placeholder":
                continue
            inputs = [values[x.ref()] for x in op.inputs]
            outputs = self._op(op, inputs, inside or computations.is_inside(op))
            values |= {x.ref(): value for x, value in zip(op.outputs, outputs, strict=True)}
        return [values[x.ref()] for x in graph.outputs]

    def _op(self, op: Any, inputs: list[Value], inside: bool) -> list[Value]:
        if op.type == computations.REPLICATED_INPUT:
            if op.get_attr("is_packed"):
                raise NotImplementedError(
                    "This step was traced with packed variables, whose replicas cannot be told "
                    "apart. Make them under dist_f1.testing.tpu_strategy()."
                )
            # What is the same on all replicas is given once.
            return [tuple(inputs) if len(inputs) > 1 else inputs[0]]
        if op.type == computations.REPLICATED_OUTPUT:
            return list(self._split(inputs[0]))
        if op.type in computations.CROSS_REPLICA:
            return [tuple(exchange(op, self._split(inputs[0])))]
        meeting = computations.CROSS_REPLICA if inside else frozenset({computations.METADATA})
        if self._library.calls_any(op, meeting):
            return self._follow(op, inputs, inside)
        if not inside or not (any(map(_is_split, inputs)) or op.op_def.is_stateful):
            # Constants, say, are the same on all replicas.
            return again(op, [_single(value) for value in inputs])
        columns = [self._split(value) for value in inputs]
        made = [self._copy(op, [column[r] for column in columns]) for r in range(self._replicas)]
        return list(zip(*made, strict=True))

    def _copy(self, op: Any, inputs: list[tf.Tensor]) -> list[tf.Tensor]:
        if op.type == "XlaSetDynamicDimensionSize":
            return [_cut(*inputs)]
        return again(op, inputs)

    def _follow(self, op: Any, inputs: list[Value], inside: bool) -> list[Value]:
        """Makes what is called, since replicas meet there."""
        if op.type in graphs.CALLS:
            return self.graph(self._library.body_of(op, "f"), inputs, inside)
        if op.type in computations.LOOPS:
            return self._loop(op, inputs, inside)
        if op.type in ("If", "StatelessIf"):
            return self._branch(op, inputs, inside)
        raise NotImplementedError(
            f"{op.type} ({op.name}) is around an op in which replicas meet. Use tf.cond, or let "
            "them meet before it."
        )

    def _branch(self, op: Any, inputs: list[Value], inside: bool) -> list[Value]:
        condition, *arguments = inputs
        sides = [self._library.body_of(op, name) for name in ("then_branch", "else_branch")]
        split: list[bool] = []

        def side(body: Any) -> Callable[[], list[tf.Tensor]]:
            def traced() -> list[tf.Tensor]:
                outputs = self.graph(body, arguments, inside)
                split[:] = [inside] * len(outputs)
                return self._flat(outputs, split)

            return traced

        flat = tf.cond(_agreed(op, condition), *map(side, sides))
        return self._nested(flat if isinstance(flat, list | tuple) else [flat], split)

    def _loop(self, op: Any, inputs: list[Value], inside: bool) -> list[Value]:
        condition, body = (self._library.body_of(op, name) for name in ("cond", "body"))
        # Handles and what else stays as it is are not carried around.
        fixed = [_passes(body, place) for place in range(len(inputs))]
        carried = [value for value, stays in zip(inputs, fixed, strict=True) if not stays]
        split = [inside] * len(carried)

        def all_of(flat: Sequence[tf.Tensor]) -> list[Value]:
            moving = iter(self._nested(flat, split))
            return [v if stays else next(moving) for v, stays in zip(inputs, fixed, strict=True)]

        def goes_on(*flat: tf.Tensor) -> tf.Tensor:
            return _agreed(op, self.graph(condition, all_of(flat), inside)[0])

        def turn(*flat: tf.Tensor) -> list[tf.Tensor]:
            outputs = self.graph(body, all_of(flat), inside)
            moving = [v for v, stays in zip(outputs, fixed, strict=True) if not stays]
            return self._flat(moving, split)

        shapes = [x.shape for x, stays in zip(body.inputs, fixed, strict=True) if not stays]
        every = self._replicas if inside else 1
        flat = tf.while_loop(
            goes_on,
            turn,
            self._flat(carried, split),
            shape_invariants=[shape for shape in shapes for _ in range(every)],
        )
        return all_of(flat)

    def _split(self, value: Value) -> tuple[tf.Tensor, ...]:
        return value if _is_split(value) else (value,) * self._replicas

    def _flat(self, values: Sequence[Value], split: Sequence[bool]) -> list[tf.Tensor]:
        pairs = zip(values, split, strict=True)
        return [x for v, each in pairs for x in (self._split(v) if each else (v,))]

    def _nested(self, flat: Sequence[tf.Tensor], split: Sequence[bool]) -> list[Value]:
        rest = iter(flat)
        take = range(self._replicas)
        return [tuple(next(rest) for _ in take) if each else next(rest) for each in split]


def _cut(padded: tf.Tensor, axis: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """What is left of a batch that was padded to the size of the largest one.

    A TPU keeps the padding and takes no notice of it.
    """
    axis = int(tf.get_static_value(axis))
    rows = tf.reshape(size, [1])
    return tf.slice(
        padded,
        tf.zeros([padded.shape.rank], tf.int32),
        tf.concat([tf.shape(padded)[:axis], rows, tf.shape(padded)[axis + 1 :]], axis=0),
    )


def _agreed(op: Any, condition: Value) -> tf.Tensor:
    """Which way all replicas go."""
    if not _is_split(condition):
        return condition
    same = tf.reduce_all(tf.equal(tf.stack(condition), condition[0]))
    message = (
        f"Replicas that meet in {op.name} ({op.type}) do not all go the same way; on a TPU they "
        "would wait for each other for ever. Decide it by a value that is the same on all, an "
        "all-reduced one say."
    )
    check = tf.debugging.Assert(same, [message])
    with tf.control_dependencies([check]):
        return tf.identity(condition[0])


def _passes(body: Any, place: int) -> bool:
    """Whether what a loop is given at this place is there after a turn, too."""
    after = body.outputs[place]
    while after.op.type == "Identity":
        after = after.op.inputs[0]
    return after is body.inputs[place]


def _is_split(value: Value) -> bool:
    return isinstance(value, tuple)


def _single(value: Value) -> tf.Tensor:
    return value[0] if _is_split(value) else value
