"""What a traced step sends, counted from its graph and not timed."""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf

# Every replica that takes part has a node of its own.
_ON_EVERY_REPLICA = frozenset(
    {
        "CollectiveAllToAllV2",
        "CollectiveAllToAllV3",
        "CollectiveBcastRecv",
        "CollectiveBcastRecvV2",
        "CollectiveBcastSend",
        "CollectiveBcastSendV2",
        "CollectiveGather",
        "CollectiveGatherV2",
        "CollectiveReduce",
        "CollectiveReduceScatterV2",
        "CollectiveReduceV2",
        "CollectiveReduceV3",
        "NcclAllReduce",
        "XlaAllReduce",
        "XlaReduceScatter",
    }
)
# One node stands for all replicas: the root, or the only trace of a TPU program.
_ONE_FOR_ALL = frozenset(
    {"AllToAll", "CollectivePermute", "CrossReplicaSum", "NcclBroadcast", "NcclReduce"}
)
# These add values up; they reduce over replicas if the values come from several devices.
_SUMS = frozenset({"AccumulateNV2", "AddN"})


def count_collectives(function: Callable[..., Any], *args: Any, **kwargs: Any) -> int:
    """How many reductions over replicas one call of a `tf.function` makes.

    Counted are collectives (all-reduce, gather, broadcast, NCCL, `CrossReplicaSum`), each once
    however many replicas take part, and additions on one device of values from several. Called
    functions are followed; of a branch the more costly side counts, of a loop one turn.

    Args:
        function: a `tf.function`, or a concrete one.
        *args: what it is called with, or `tf.TensorSpec`s.
        **kwargs: likewise.

    Raises:
        TypeError: `function` has no graph.

    Example:
        >>> count_collectives(tf.function(lambda x: x + x), 1.0)
        0
    """
    concrete: Any = function
    if hasattr(function, "get_concrete_function"):
        concrete = function.get_concrete_function(*args, **kwargs)
    if not hasattr(concrete, "graph"):
        raise TypeError(
            f"count_collectives takes a tf.function, got {function!r}. Wrap what is called in "
            "tf.function."
        )
    graph = concrete.graph
    captured = {
        inside.op.name: outside.device
        for outside, inside in graph.captures
        if getattr(outside, "device", None)
    }
    return count_in_graph(graph.as_graph_def(), captured)


def count_in_graph(definition: Any, devices: dict[str, str] | None = None) -> int:
    """Likewise, of a `GraphDef`; `devices` are those of its placeholders."""
    counter = _Counter({f.signature.name: f for f in definition.library.function})
    return counter.count(definition.node, devices or {})


class _Counter:
    """Counts in the nodes of one graph and of the functions that they call."""

    def __init__(self, functions: dict[str, Any]) -> None:
        self._functions = functions

    def count(self, nodes: Any, arguments: dict[str, str]) -> int:
        """Counts in `nodes`; `arguments` are devices of values that come from outside."""
        by_name = {node.name: node for node in nodes}

        def device_of(name: str) -> str:
            """Where a value is made: the node's device, else where its first input comes from."""
            while True:
                node = by_name.get(name)
                if name in arguments or node is None:
                    return arguments.get(name, "")
                name = next(_inputs(node), "")
                if node.device or not name:
                    return node.device

        per_device: collections.Counter[str] = collections.Counter()
        others = 0
        for node in nodes:
            devices = [device_of(name) for name in _inputs(node)]
            if node.op in _ON_EVERY_REPLICA:
                per_device[_canonical(node.device)] += 1
            elif node.op in _ONE_FOR_ALL:
                others += 1
            elif node.op in _SUMS:
                others += len({_canonical(device) for device in devices if device}) > 1
            else:
                called = [self._in_function(name, devices) for name in _functions(node)]
                is_branch = node.op in {"If", "StatelessIf", "Case", "StatelessCase"}
                others += (max if is_branch else sum)([0, *called])
        return max(per_device.values(), default=0) + others

    def _in_function(self, name: str, devices: list[str]) -> int:
        function = self._functions.get(name)
        if function is None:
            return 0
        names = [argument.name for argument in function.signature.input_arg]
        # A branch is given all inputs but the first, which chooses it.
        return self.count(function.node_def, dict(zip(names, devices[-len(names) :], strict=False)))


def _canonical(device: str) -> str:
    """One spelling of the devices of this process; `/cpu:0` is short for the full name."""
    local = tf.DeviceSpec(job="localhost", replica=0, task=0, device_type="CPU", device_index=0)
    return local.make_merged_spec(tf.DeviceSpec.from_string(device)).to_string().upper()


def _inputs(node: Any) -> Iterator[str]:
    """The nodes, or arguments of the function, that a node takes values from."""
    for name in node.input:
        if not name.startswith("^"):
            yield name.split(":")[0]


def _functions(node: Any) -> Iterator[str]:
    for value in node.attr.values():
        if value.HasField("func"):
            yield value.func.name
        yield from (function.name for function in value.list.func)
