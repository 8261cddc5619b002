"""The functions that the nodes of a graph call."""

import functools
from collections.abc import Iterable, Iterator

import tensorflow as tf
from tensorflow.core.framework import function_pb2, node_def_pb2
from tensorflow.python.framework import func_graph, function_def_to_graph

# Each of these calls its function once.
CALL_OPS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
# Each of these calls one of its functions.
BRANCH_OPS = frozenset({"Case", "If", "StatelessCase", "StatelessIf"})
LOOP_OPS = frozenset({"StatelessWhile", "While"})


class FunctionLibrary:
    """The functions that a graph calls, directly or through other functions.

    Args:
        definition: `GraphDef` of the graph.
        graph: The graph itself, which only the methods that return graphs or ops need.
    """

    def __init__(self, definition: tf.compat.v1.GraphDef, graph: tf.Graph | None = None) -> None:
        self._graph, self._versions = graph, definition.versions
        self._definitions = {f.signature.name: f for f in definition.library.function}
        self._body = functools.cache(self._body_uncached)
        self._has_ops = functools.cache(self._has_ops_uncached)

    def called(self, node: node_def_pb2.NodeDef) -> list[function_pb2.FunctionDef]:
        """Return the functions that a node calls."""
        names = list(_called_names(node))
        return [self._definitions[name] for name in names if name in self._definitions]

    def calls_any(self, op: tf.Operation, kinds: frozenset[str]) -> bool:
        """Whether an op calls a function that has an op of one of these types, at any depth."""
        return any(self._has_ops(f.signature.name, kinds) for f in self.called(op.node_def))

    def called_graphs(self, op: tf.Operation) -> list[func_graph.FuncGraph]:
        """Return the graphs of the functions that an op calls."""
        return [self._body(f.signature.name) for f in self.called(op.node_def)]

    def attribute_graph(self, op: tf.Operation, name: str) -> func_graph.FuncGraph:
        """Return the graph of the function that an attribute of an op names."""
        return self._body(op.get_attr(name).name)

    def walk(self, ops: Iterable[tf.Operation]) -> Iterator[tf.Operation]:
        """Yield ops and the ops of all functions that they call, each function once."""
        ahead, seen = [ops], set()
        while ahead:
            for op in ahead.pop():
                yield op
                for body in self.called_graphs(op):
                    if id(body) not in seen:
                        seen.add(id(body))
                        ahead.append(body.get_operations())

    def without(self, kinds: frozenset[str]) -> tf.compat.v1.GraphDef:
        """Return a graph of only the functions that contain no op of these types."""
        functions = [f for name, f in self._definitions.items() if not self._has_ops(name, kinds)]
        library = function_pb2.FunctionDefLibrary(function=functions)
        return tf.compat.v1.GraphDef(versions=self._versions, library=library)

    def _body_uncached(self, name: str) -> func_graph.FuncGraph:
        assert self._graph is not None, "FunctionLibrary needs the graph itself."
        try:
            # The traced graph, if TensorFlow keeps it, has the shapes of variables.
            return self._graph._get_function(name).graph
        except (AttributeError, KeyError):
            with self._graph.as_default():
                return function_def_to_graph.function_def_to_graph(self._definitions[name])

    def _has_ops_uncached(self, name: str, kinds: frozenset[str]) -> bool:
        nodes = self._definitions[name].node_def
        called = {f.signature.name for node in nodes for f in self.called(node)}
        return any(node.op in kinds for node in nodes) or any(
            self._has_ops(inner, kinds) for inner in called
        )


def _called_names(node: node_def_pb2.NodeDef) -> Iterator[str]:
    for value in node.attr.values():
        if value.HasField("func"):
            yield value.func.name
        yield from (function.name for function in value.list.func)
