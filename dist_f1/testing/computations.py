"""What TensorFlow's graphs say of a TPU computation: which ops are in it, and what they call."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Any

import tensorflow as tf
from tensorflow.python.framework import function_def_to_graph

from dist_f1.inspection import graphs

METADATA = "TPUReplicateMetadata"
REPLICATED_INPUT, REPLICATED_OUTPUT = "TPUReplicatedInput", "TPUReplicatedOutput"
PLACEHOLDERS = frozenset({"Placeholder", "PlaceholderWithDefault"})
CROSS_REPLICA = frozenset({"AllToAll", "CollectivePermute", "CrossReplicaSum"})
LOOPS = frozenset({"StatelessWhile", "While"})

# Attributes that speak of TPUs, of XLA, or of other ops of the graph by their names.
_DROPPED = ("_class", "_output_shapes", "_tpu", "_xla")


def is_inside(op: Any) -> bool:
    """Whether every replica has an op of its own, since it is part of the computation."""
    return "_tpu_replicate" in op.node_def.attr


def is_bookkeeping(op: Any) -> bool:
    """Whether an op says something about the computation, and computes nothing."""
    return op.type in (METADATA, "TPUCompilationResult")


class Library:
    """The functions that a graph, and what it calls, can call."""

    def __init__(self, graph: Any) -> None:
        definition = graph.as_graph_def()
        self._graph, self._versions = graph, definition.versions
        self._definitions = {f.signature.name: f for f in definition.library.function}
        self._bodies: dict[str, Any] = {}
        self._reaches = functools.cache(self._reaches_uncached)

    def plain_functions(self) -> tf.compat.v1.GraphDef:
        """The functions without a TPU computation, in a graph that has nothing else."""
        definition = tf.compat.v1.GraphDef()
        definition.versions.CopyFrom(self._versions)
        for name, function in self._definitions.items():
            if not self._reaches(name, frozenset({METADATA})):
                definition.library.function.append(function)
        return definition

    def called(self, op: Any) -> list[str]:
        """The names of the functions that an op calls, and that are known."""
        return [name for name in graphs.called_by(op.node_def) if name in self._definitions]

    def body(self, name: str) -> Any:
        """The graph of a function."""
        if name not in self._bodies:
            self._bodies[name] = self._traced(name) or self._rebuilt(name)
        return self._bodies[name]

    def _traced(self, name: str) -> Any:
        """The graph as it was traced, if it is kept: it knows the shapes of its variables."""
        try:
            return self._graph._get_function(name).graph
        except (AttributeError, KeyError):
            return None

    def _rebuilt(self, name: str) -> Any:
        with self._graph.as_default():
            return function_def_to_graph.function_def_to_graph(self._definitions[name])

    def body_of(self, op: Any, attribute: str) -> Any:
        """The graph of the function that an attribute of an op names."""
        return self.body(op.get_attr(attribute).name)

    def calls_any(self, op: Any, kinds: frozenset[str]) -> bool:
        """Whether an op calls a function that has an op of one of these kinds, at any depth."""
        return any(self._reaches(name, kinds) for name in self.called(op))

    def _reaches_uncached(self, name: str, kinds: frozenset[str]) -> bool:
        nodes = self._definitions[name].node_def
        called = {inner for node in nodes for inner in graphs.called_by(node)}
        return any(node.op in kinds for node in nodes) or any(
            self._reaches(inner, kinds) for inner in called if inner in self._definitions
        )


def again(op: Any, inputs: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """Makes an op in the graph that is being built, as it was in another; returns its outputs."""
    kept = {k: v for k, v in op.node_def.attr.items() if not k.lower().startswith(_DROPPED)}
    graph: Any = tf.compat.v1.get_default_graph()
    # Outside, devices are those of the host; inside, of cores that are not there.
    with tf.device(None if is_inside(op) else op.device or None):
        made = graph._create_op_internal(
            op.type,
            list(inputs),
            [output.dtype for output in op.outputs],
            name=op.name.rpartition("/")[-1],
            attrs=kept,
        )
    return list(made.outputs)


def holds_computation(graph: Any) -> bool:
    """Whether a graph, or what it calls, has something to be run on TPU cores."""
    definition = graph.as_graph_def()
    return any(node.op == METADATA for node in _all_nodes(definition))


def _all_nodes(definition: Any) -> Iterator[Any]:
    yield from definition.node
    for function in definition.library.function:
        yield from function.node_def
