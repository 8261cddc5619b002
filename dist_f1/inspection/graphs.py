"""Count what a traced step sends over replicas, from its graph."""

import collections
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import tensorflow as tf
from tensorflow.core.framework import function_pb2, node_def_pb2
from tensorflow.python.framework import func_graph, op_def_registry

from dist_f1.inspection.called_functions import BRANCH_OPS, FunctionLibrary

# Each participating replica has its own node.
_PER_REPLICA_OPS = frozenset(
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
_SINGLE_NODE_OPS = frozenset(
    {"AllToAll", "CollectivePermute", "CrossReplicaSum", "NcclBroadcast", "NcclReduce"}
)
# These are reductions over replicas if their inputs come from several devices.
_ADD_OPS = frozenset({"AccumulateNV2", "AddN"})
_RECEIVE_OPS = frozenset({"CollectiveBcastRecv", "CollectiveBcastRecvV2"})


def count_collectives(function: Callable[..., Any], *args: Any, **kwargs: Any) -> int:
    """Count the reductions over replicas in one call of a `tf.function`.

    Counts each collective once (all-reduce, gather, broadcast, NCCL, `CrossReplicaSum`), however
    many replicas participate, and each sum on one device of values from several devices. Follows
    called functions. Counts the costliest side of a branch and one iteration of a loop.

    Args:
        function: A `tf.function`, or a concrete function.
        *args: Arguments of `function`, or a `tf.TensorSpec` for each.
        **kwargs: Keyword arguments of `function`, or a `tf.TensorSpec` for each.

    Raises:
        TypeError: `function` has no graph.

    Example:
        >>> count_collectives(tf.function(lambda x: x + x), 1.0)
        0
    """
    graph = graph_of(function, *args, **kwargs)
    return count_in_graph(graph.as_graph_def(), _captured_devices(graph))


def count_bytes(function: Callable[..., Any], *args: Any, **kwargs: Any) -> int:
    """Count the bytes that one replica sends in the reductions of `count_collectives`.

    Counts the input of the reductions, for the replica with the most. A graph does not show how
    often the algorithm of a reduction passes them on. Takes the arguments of `count_collectives`.

    Raises:
        TypeError: `function` has no graph.
        ValueError: The shape of a reduced tensor is unknown before the call.

    Example:
        >>> count_bytes(tf.function(lambda x: x + x), 1.0)
        0
    """
    graph = graph_of(function, *args, **kwargs)
    return _count(graph.as_graph_def(add_shapes=True), _captured_devices(graph), _sent_bytes)


def count_in_graph(definition: tf.compat.v1.GraphDef, devices: dict[str, str] | None = None) -> int:
    """Count the collectives of a `GraphDef`; see `count_collectives`.

    Args:
        definition: The graph.
        devices: Device of each placeholder, by its name.
    """
    return _count(definition, devices or {}, lambda node, shapes: 1)


def graph_of(function: Callable[..., Any], *args: Any, **kwargs: Any) -> func_graph.FuncGraph:
    """Return the graph of a `tf.function` traced for the arguments, or of a concrete function."""
    concrete: Any = function
    if hasattr(function, "get_concrete_function"):
        concrete = function.get_concrete_function(*args, **kwargs)
    if not hasattr(concrete, "graph"):
        raise TypeError(
            f"Inspecting a graph requires a tf.function, got {function!r}. Wrap the callable in "
            "tf.function."
        )
    return concrete.graph


def _captured_devices(graph: func_graph.FuncGraph) -> dict[str, str]:
    return {
        inner.op.name: outer.device
        for outer, inner in graph.captures
        if getattr(outer, "device", None)
    }


class _Value(NamedTuple):
    """Device and shape of a tensor, as far as the graph shows them."""

    device: str
    shape: tf.TensorShape | None = None


_Weight = Callable[[node_def_pb2.NodeDef, list[tf.TensorShape | None]], int]


def _count(definition: tf.compat.v1.GraphDef, devices: dict[str, str], weight: _Weight) -> int:
    counter = _Counter(FunctionLibrary(definition), weight)
    return counter.count(definition.node, {name: _Value(d) for name, d in devices.items()})


class _Counter:
    """Adds up the weights of the reductions in a graph and in the functions that it calls."""

    def __init__(self, library: FunctionLibrary, weight: _Weight) -> None:
        self._library, self._weight = library, weight

    def count(self, nodes: Iterable[node_def_pb2.NodeDef], arguments: dict[str, _Value]) -> int:
        """Add up the weights in `nodes`, given values from outside by name."""
        values = _Values(nodes, arguments)
        per_device: collections.Counter[str] = collections.Counter()
        others = 0
        for node in nodes:
            inputs = [values.find(source) for source in _data_inputs(node)]
            if node.op in _PER_REPLICA_OPS:
                per_device[_full_device_name(node.device)] += self._weigh(node, inputs)
            elif node.op in _SINGLE_NODE_OPS:
                others += self._weigh(node, inputs)
            elif node.op in _ADD_OPS:
                if len({_full_device_name(value.device) for value in inputs if value.device}) > 1:
                    others += self._weigh(node, inputs)
            else:
                called = [self._call(f, inputs) for f in self._library.called(node)]
                others += (max if node.op in BRANCH_OPS else sum)([0, *called])
        return max(per_device.values(), default=0) + others

    def _weigh(self, node: node_def_pb2.NodeDef, inputs: list[_Value]) -> int:
        return self._weight(node, [value.shape for value in inputs])

    def _call(self, function: function_pb2.FunctionDef, inputs: list[_Value]) -> int:
        names = [argument.name for argument in function.signature.input_arg]
        # A branch gets all inputs but the first, which selects it.
        return self.count(function.node_def, dict(zip(names, inputs[-len(names) :], strict=False)))


class _Values:
    """Devices and shapes of the tensors in one graph or function."""

    def __init__(self, nodes: Iterable[node_def_pb2.NodeDef], arguments: dict[str, _Value]) -> None:
        self._nodes = {node.name: node for node in nodes}
        self._arguments = arguments

    def find(self, source: str) -> _Value:
        """Return the value that the input of a node names."""
        return _Value(self._device(source), self._shape(source))

    def _device(self, source: str) -> str:
        """Return the device of the source node, or else of its nearest first input with one."""
        while True:
            name = source.split(":")[0]
            node = self._nodes.get(name)
            if name in self._arguments or node is None:
                return self._arguments[name].device if name in self._arguments else ""
            source = next(_data_inputs(node), "")
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


def _output_index(node: node_def_pb2.NodeDef, output: list[str]) -> int:
    """Return the index among a node's outputs of `0` (in a graph) or `name:0` (in a function).

    A named output may be a list of tensors.
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


def _sent_bytes(node: node_def_pb2.NodeDef, shapes: list[tf.TensorShape | None]) -> int:
    """Return the size of a reduction's input; each device sends one of the values to add up."""
    if node.op in _RECEIVE_OPS:
        return 0
    elements = shapes[0].num_elements() if shapes and shapes[0] is not None else None
    if elements is None:
        raise ValueError(
            f"The input shape of {node.name} ({node.op}) is unknown before the call, so its bytes "
            "cannot be counted. Pass arguments of fixed shapes."
        )
    return elements * tf.as_dtype(node.attr["T"].type).size


def _full_device_name(device: str) -> str:
    """Return the full name of a device of this process, e.g. of `/cpu:0`."""
    local = tf.DeviceSpec(job="localhost", replica=0, task=0, device_type="CPU", device_index=0)
    return local.make_merged_spec(tf.DeviceSpec.from_string(device)).to_string().upper()


def _data_inputs(node: node_def_pb2.NodeDef) -> Iterator[str]:
    """Yield the inputs of a node without control inputs."""
    return (source for source in node.input if not source.startswith("^"))
