"""What a traced step sends, counted from its graph and not timed."""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import tensorflow as tf
from tensorflow.python.framework import op_def_registry

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
# These run the function that they name, once.
CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
_RECEIVES = frozenset({"CollectiveBcastRecv", "CollectiveBcastRecvV2"})


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
    graph = graph_of(function, *args, **kwargs)
    return count_in_graph(graph.as_graph_def(), _captured_devices(graph))


def count_bytes(function: Callable[..., Any], *args: Any, **kwargs: Any) -> int:
    """How many bytes a replica puts into the reductions that `count_collectives` counts.

    They are the values of one replica, the one with the most. How often an algorithm passes them
    on between replicas, a graph does not tell.

    Args:
        function: a `tf.function`, or a concrete one.
        *args: what it is called with, or `tf.TensorSpec`s.
        **kwargs: likewise.

    Raises:
        TypeError: `function` has no graph.
        ValueError: the shape of what is reduced is not known before the call.

    Example:
        >>> count_bytes(tf.function(lambda x: x + x), 1.0)
        0
    """
    graph = graph_of(function, *args, **kwargs)
    return _count(graph.as_graph_def(add_shapes=True), _captured_devices(graph), _bytes_of)


def count_in_graph(definition: Any, devices: dict[str, str] | None = None) -> int:
    """`count_collectives` of a `GraphDef`; `devices` are those of its placeholders."""
    return _count(definition, devices or {}, lambda node, shapes: 1)


def graph_of(function: Any, *args: Any, **kwargs: Any) -> Any:
    """The graph of a `tf.function` as it is traced for the arguments, or of a concrete one."""
    concrete = function
    if hasattr(function, "get_concrete_function"):
        concrete = function.get_concrete_function(*args, **kwargs)
    if not hasattr(concrete, "graph"):
        raise TypeError(
            f"Looking into a graph takes a tf.function, got {function!r}. Wrap what is called in "
            "tf.function."
        )
    return concrete.graph


def called_by(node: Any) -> Iterator[str]:
    """The names of the functions that a node calls."""
    for value in node.attr.values():
        if value.HasField("func"):
            yield value.func.name
        yield from (function.name for function in value.list.func)


def is_branch(node: Any) -> bool:
    """Whether a node calls one of its functions, and not all."""
    return node.op in {"If", "StatelessIf", "Case", "StatelessCase"}


def _captured_devices(graph: Any) -> dict[str, str]:
    return {
        inside.op.name: outside.device
        for outside, inside in graph.captures
        if getattr(outside, "device", None)
    }


class _Value(NamedTuple):
    """What is known of a value before the call: where it is made, and its shape."""

    device: str
    shape: tf.TensorShape | None = None


_Weight = Callable[[Any, list[tf.TensorShape | None]], int]


def _count(definition: Any, devices: dict[str, str], weight: _Weight) -> int:
    counter = _Counter({f.signature.name: f for f in definition.library.function}, weight)
    return counter.count(definition.node, {name: _Value(d) for name, d in devices.items()})


class _Counter:
    """Counts in the nodes of one graph and of the functions that they call."""

    def __init__(self, functions: dict[str, Any], weight: _Weight) -> None:
        self._functions = functions
        self._weight = weight

    def count(self, nodes: Any, arguments: dict[str, _Value]) -> int:
        """Adds up weights in `nodes`; `arguments` are values that come from outside."""
        values = _Values(nodes, arguments)
        per_device: collections.Counter[str] = collections.Counter()
        others = 0
        for node in nodes:
            inputs = [values.of(source) for source in _inputs(node)]
            if node.op in _ON_EVERY_REPLICA:
                per_device[_canonical(node.device)] += self._weigh(node, inputs)
            elif node.op in _ONE_FOR_ALL:
                others += self._weigh(node, inputs)
            elif node.op in _SUMS:
                if len({_canonical(value.device) for value in inputs if value.device}) > 1:
                    others += self._weigh(node, inputs)
            else:
                called = [self._in_function(name, inputs) for name in called_by(node)]
                others += (max if is_branch(node) else sum)([0, *called])
        return max(per_device.values(), default=0) + others

    def _weigh(self, node: Any, inputs: list[_Value]) -> int:
        return self._weight(node, [value.shape for value in inputs])

    def _in_function(self, name: str, inputs: list[_Value]) -> int:
        function = self._functions.get(name)
        if function is None:
            return 0
        names = [argument.name for argument in function.signature.input_arg]
        # A branch is given all inputs but the first, which chooses it.
        return self.count(function.node_def, dict(zip(names, inputs[-len(names) :], strict=False)))


class _Values:
    """What is known of the values in one graph or function."""

    def __init__(self, nodes: Any, arguments: dict[str, _Value]) -> None:
        self._nodes = {node.name: node for node in nodes}
        self._arguments = arguments

    def of(self, source: str) -> _Value:
        """The value that an input names."""
        return _Value(self._device(source), self._shape(source))

    def _device(self, source: str) -> str:
        """The device of the node that makes it, else where that node's first input comes from."""
        while True:
            name = source.split(":")[0]
            node = self._nodes.get(name)
            if name in self._arguments or node is None:
                return self._arguments[name].device if name in self._arguments else ""
            source = next(_inputs(node), "")
            if node.device or not source:
                return node.device

    def _shape(self, source: str) -> tf.TensorShape | None:
        name, *output = source.split(":")
        node = self._nodes.get(name)
        if node is None:
            return self._arguments.get(name, _Value("")).shape
        shapes = node.attr["_output_shapes"].list.shape if "_output_shapes" in node.attr else ()
        index = _output_index(node, output)
        return tf.TensorShape(shapes[index]) if index < len(shapes) else None


def _output_index(node: Any, output: list[str]) -> int:
    """The place among the outputs of a node of `0`, as graphs name it, or `name:0`, as functions.

    Arguments of an op that are lists have a length of their own.
    """
    *names, number = output or ["0"]
    before = 0
    for argument in op_def_registry.get(node.op).output_arg if names else ():
        if argument.name == names[0]:
            break
        if argument.number_attr:
            before += node.attr[argument.number_attr].i
        elif argument.type_list_attr:
            before += len(node.attr[argument.type_list_attr].list.type)
        else:
            before += 1
    return before + int(number)


def _bytes_of(node: Any, shapes: list[tf.TensorShape | None]) -> int:
    """The size of what a replica gives to a collective; sums are given one value by each."""
    if node.op in _RECEIVES:
        return 0
    elements = shapes[0].num_elements() if shapes and shapes[0] is not None else None
    if elements is None:
        raise ValueError(
            f"The shape of what {node.name} ({node.op}) reduces is not known before the call, and "
            "so its bytes cannot be counted. Pass arguments of fixed shapes."
        )
    return elements * tf.as_dtype(node.attr["T"].type).size


def _canonical(device: str) -> str:
    """One spelling of the devices of this process; `/cpu:0` is short for the full name."""
    local = tf.DeviceSpec(job="localhost", replica=0, task=0, device_type="CPU", device_index=0)
    return local.make_merged_spec(tf.DeviceSpec.from_string(device)).to_string().upper()


def _inputs(node: Any) -> Iterator[str]:
    """The outputs of nodes, or arguments of the function, that a node takes."""
    for source in node.input:
        if not source.startswith("^"):
            yield source
