"""How many operations a traced step has: on a small batch, what a GPU spends its time on."""

from __future__ import annotations

import collections
from collections.abc import Callable
from typing import Any

from dist_f1.inspection import graphs

_FREE = frozenset(
    {"Const", "Identity", "IdentityN", "NoOp", "Placeholder", "PlaceholderWithDefault"}
)


def count_operations(
    function: Callable[..., Any], *args: Any, **kwargs: Any
) -> collections.Counter[str]:
    """The ops of one call of a `tf.function`, on all devices, and how often each occurs.

    All nodes of the graph as it was traced count, but for constants, arguments, identities and
    calls. Called functions are followed; of a branch the side with more ops counts, of a loop one
    turn.

    Args:
        function: a `tf.function`, or a concrete one.
        *args: what it is called with, or `tf.TensorSpec`s.
        **kwargs: likewise.

    Raises:
        TypeError: `function` has no graph.

    Example:
        >>> import tensorflow as tf
        >>> count_operations(tf.function(lambda x: x * x + 1.0), tf.TensorSpec([]))
        Counter({'Mul': 1, 'AddV2': 1})
    """
    definition = graphs.graph_of(function, *args, **kwargs).as_graph_def()
    functions = {f.signature.name: f.node_def for f in definition.library.function}
    return _count(definition.node, functions)


def _count(nodes: Any, functions: dict[str, Any]) -> collections.Counter[str]:
    counted: collections.Counter[str] = collections.Counter()
    for node in nodes:
        if node.op not in _FREE | graphs.CALLS:
            counted[node.op] += 1
        called = [_count(functions.get(name, ()), functions) for name in graphs.called_by(node)]
        if graphs.is_branch(node):
            called = [max(called, key=lambda side: side.total())]
        for inside in called:
            counted.update(inside)
    return counted
