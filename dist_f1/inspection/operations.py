"""Count the operations of a traced step, which dominate its time on a GPU for small batches."""

import collections
from collections.abc import Callable, Iterable
from typing import Any

from tensorflow.core.framework import node_def_pb2
from tensorflow.python.framework import op_def_registry

from dist_f1.inspection import graphs
from dist_f1.inspection.called_functions import BRANCH_OPS, CALL_OPS, FunctionLibrary

_FREE_OPS = CALL_OPS | frozenset(
    {"Const", "Identity", "IdentityN", "NoOp", "Placeholder", "PlaceholderWithDefault"}
)


def count_operations(
    function: Callable[..., Any], *args: Any, **kwargs: Any
) -> collections.Counter[str]:
    """Count the ops of each type in one call of a `tf.function`, on all devices.

    Counts the nodes of the traced graph, without constants, arguments, identities and calls, and
    without nodes that nothing depends on, which the runtime prunes. Follows called functions.
    Counts the larger side of a branch and one iteration of a loop. Takes the arguments of
    `count_collectives`.

    Raises:
        TypeError: `function` has no graph.

    Example:
        >>> import tensorflow as tf
        >>> count_operations(tf.function(lambda x: x * x + 1.0), tf.TensorSpec([]))
        Counter({'Mul': 1, 'AddV2': 1})
    """
    graph = graphs.graph_of(function, *args, **kwargs)
    outputs = [x.op.name for x in graph.outputs] + [op.name for op in graph.control_outputs]
    definition = graph.as_graph_def()
    return _count(definition.node, outputs, FunctionLibrary(definition))


def _count(
    nodes: Iterable[node_def_pb2.NodeDef], outputs: Iterable[str], library: FunctionLibrary
) -> collections.Counter[str]:
    counter: collections.Counter[str] = collections.Counter()
    for node in _live(nodes, outputs):
        if node.op not in _FREE_OPS:
            counter[node.op] += 1
        called = [
            _count(f.node_def, [*f.ret.values(), *f.control_ret.values()], library)
            for f in library.called(node)
        ]
        if node.op in BRANCH_OPS:
            called = [max(called, key=collections.Counter.total)]
        for inner in called:
            counter.update(inner)
    return counter


def _live(
    nodes: Iterable[node_def_pb2.NodeDef], outputs: Iterable[str]
) -> Iterable[node_def_pb2.NodeDef]:
    """Return the nodes that the outputs or stateful nodes depend on, in order."""
    by_name = {node.name: node for node in nodes}
    stateful = (n.name for n in by_name.values() if op_def_registry.get(n.op).is_stateful)
    ahead, live = [*outputs, *stateful], set()
    while ahead:
        name = ahead.pop().removeprefix("^").partition(":")[0]
        if name in by_name and name not in live:
            live.add(name)
            ahead += by_name[name].input
    return [node for name, node in by_name.items() if name in live]
