"""Count the operations of a traced step, which dominate its time on a GPU for small batches."""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterable
from typing import Any

from tensorflow.core.framework import node_def_pb2

from dist_f1.inspection import graphs
from dist_f1.inspection.called_functions import BRANCH_OPS, CALL_OPS, FunctionLibrary

_FREE_OPS = CALL_OPS | frozenset(
    {"Const", "Identity", "IdentityN", "NoOp", "Placeholder", "PlaceholderWithDefault"}
)


def count_operations(
    function: Callable[..., Any], *args: Any, **kwargs: Any
) -> collections.Counter[str]:
    """Count the ops of each type in one call of a `tf.function`, on all devices.

    Counts the nodes of the traced graph, without constants, arguments, identities and calls.
    Follows called functions. Counts the larger side of a branch and one iteration of a loop.

    Args:
        function: A `tf.function`, or a concrete function.
        *args: Arguments of `function`, or `tf.TensorSpec`s.
        **kwargs: Keyword arguments of `function`, or `tf.TensorSpec`s.

    Raises:
        TypeError: `function` has no graph.

    Example:
        >>> import tensorflow as tf
        >>> count_operations(tf.function(lambda x: x * x + 1.0), tf.TensorSpec([]))
        Counter({'Mul': 1, 'AddV2': 1})
    """
    definition = graphs.graph_of(function, *args, **kwargs).as_graph_def()
    return _count(definition.node, FunctionLibrary(definition))


def _count(
    nodes: Iterable[node_def_pb2.NodeDef], library: FunctionLibrary
) -> collections.Counter[str]:
    counter: collections.Counter[str] = collections.Counter()
    for node in nodes:
        if node.op not in _FREE_OPS:
            counter[node.op] += 1
        called = [_count(function.node_def, library) for function in library.called(node)]
        if node.op in BRANCH_OPS:
            called = [max(called, key=collections.Counter.total)]
        for inner in called:
            counter.update(inner)
    return counter
