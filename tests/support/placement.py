"""Finds out where a traced step would run on a GPU, from the kernel registry, without a GPU.

    report = examine(tf.function(metric.update_state), y_true, y_pred)
    assert_on_gpu(tf.function(metric.update_state), y_true, y_pred)

It examines the traced graph, before TensorFlow optimizes it. A tensor is data if its value depends
on an argument, a variable or random numbers, except through a shape. An op keeps its data on the
GPU if it has a GPU kernel for its dtypes whose data inputs and outputs are not in host memory.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from unittest import mock

import tensorflow as tf
from tensorflow.python.framework import function_def_to_graph, kernels

from dist_f1 import kernels as chosen
from dist_f1.replicas import contexts

_SHAPE_ONLY = frozenset({"Rank", "Shape", "ShapeN", "Size"})
_PLACEHOLDERS = frozenset({"Placeholder", "PlaceholderWithDefault", "_Arg"})
# The runtime removes these ops, or executes them where the values are.
_NOT_RUN = _PLACEHOLDERS | {"Const", "NoOp", "VarHandleOp", "_Retval"}
_CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
_BRANCHES = frozenset({"Case", "If", "StatelessCase", "StatelessIf"})
_LOOPS = frozenset({"StatelessWhile", "While"})
# The host needs the keys of a collective, but not its data.
_KEYS = frozenset({"group_key", "group_size", "instance_key"})
# Position of the input that is split.
_SPLIT_VALUE = {"Split": 1, "SplitV": 0}
_HANDLES = frozenset({tf.resource})
_ROOT = pathlib.Path(__file__).resolve().parents[2]


@dataclasses.dataclass(frozen=True)
class Finding:
    """An op that does not keep its data on the GPU.

    Fields:
        is_data: Whether it computes with data, not only with shapes and constants.
    """

    node: str
    op: str
    dtypes: tuple[tuple[str, str], ...]
    reason: str
    is_data: bool
    source: str

    def __str__(self) -> str:
        dtypes = ", ".join(f"{name}={dtype}" for name, dtype in self.dtypes)
        return f"{self.op}({dtypes}): {self.reason}; node {self.node}, {self.source}"


@dataclasses.dataclass
class Report:
    """The ops of one traced function.

    Fields:
        examined: Number of occurrences of each op, in the graph and in called functions.
        findings: Ops that do not keep data on the GPU.
        compiled: Functions that XLA compiles for the GPU. Each counts as one op.
    """

    examined: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    findings: list[Finding] = dataclasses.field(default_factory=list)
    compiled: list[str] = dataclasses.field(default_factory=list)

    def __str__(self) -> str:
        lines = [f"{self.examined.total()} ops, {len(self.findings)} findings", *self.findings]
        return "\n  ".join(map(str, lines))


def assert_on_gpu(function: Callable[..., Any], *args: Any) -> Report:
    """Fail with all findings, if there are any."""
    report = examine(function, *args)
    assert report.examined, "the graph has no ops"
    assert not report.findings, str(report)
    return report


def examine(function: Any, *args: Any) -> Report:
    """Examine a `tf.function`, traced for `args` (values or `tf.TensorSpec`s) on a GPU."""
    device = "" if tf.distribute.has_strategy() else "GPU:0"
    # The logical CPUs of a strategy stand for GPUs.
    of_gpus = mock.patch.object(contexts, "sums_on_one_device", return_value=False)
    with tf.device(device), chosen.override(device="GPU"), of_gpus:
        concrete = function.get_concrete_function(*args)
    examiner = _Examiner(concrete.graph)
    if _is_compiled(concrete.function_def):
        examiner.compiled(concrete.name.decode())
    else:
        examiner.walk(concrete.graph, [x.dtype not in _HANDLES for x in concrete.graph.inputs])
    return examiner.report


def has_gpu_kernels() -> bool:
    """Whether this TensorFlow was built with kernels for GPUs."""
    return any(kernel.device_type == "GPU" for kernel in _registered("MatMul"))


class _Examiner:
    """Walks a graph and its called functions, and tracks which tensors are data."""

    def __init__(self, graph: Any) -> None:
        self.report = Report()
        self._graph = graph
        self._functions = {f.signature.name: f for f in graph.as_graph_def().library.function}
        self._bodies: dict[str, Any] = {}

    def walk(self, graph: Any, arguments: Sequence[bool], record: bool = True) -> list[bool]:
        """Examine all ops of `graph`; return which of its outputs are data."""
        data: dict[Any, bool] = {
            tensor.ref(): is_data for tensor, is_data in zip(graph.inputs, arguments, strict=True)
        }
        for op in graph.get_operations():
            inputs = [data[tensor.ref()] for tensor in op.inputs]
            if op.type in _PLACEHOLDERS:
                outputs = [data.get(x.ref(), x.dtype not in _HANDLES) for x in op.outputs]
            elif _is_whole_split(op):
                outputs = [inputs[_SPLIT_VALUE[op.type]]]
            elif any(self._called(op)):
                outputs = self._follow(op, inputs, record)
            else:
                is_data = op.type not in _SHAPE_ONLY and (any(inputs) or _is_source(op))
                outputs = [is_data and x.dtype not in _HANDLES for x in op.outputs]
                if record and op.type not in _NOT_RUN:
                    self._examine(op, inputs, outputs)
            data |= {x.ref(): is_data for x, is_data in zip(op.outputs, outputs, strict=True)}
        return [data[tensor.ref()] for tensor in graph.outputs]

    def compiled(self, name: str) -> None:
        """Record a function that XLA compiles."""
        self.report.examined["XLA"] += 1
        self.report.compiled.append(name)

    def _follow(self, op: Any, inputs: Sequence[bool], record: bool) -> list[bool]:
        """Examine the functions that `op` calls."""
        names = list(self._called(op))
        if _is_compiled(op.node_def) or any(_is_compiled(self._functions[name]) for name in names):
            if record:
                self.compiled(op.name)
            return [any(inputs) and x.dtype not in _HANDLES for x in op.outputs]
        if op.type in _LOOPS:
            return self._loop(op, list(inputs), record)
        if op.type in _BRANCHES:
            if record:
                self._examine(op, [inputs[0], *([False] * (len(inputs) - 1))], [])
            sides = [self.walk(self._body(name), inputs[1:], record) for name in names]
            return [inputs[0] or any(side) for side in zip(*sides, strict=True)]
        if op.type in _CALLS:
            return self.walk(self._body(names[0]), inputs, record)
        raise NotImplementedError(f"{op.type} calls functions, {op.name}")

    def _loop(self, op: Any, variables: list[bool], record: bool) -> list[bool]:
        body, condition = (self._body(op.get_attr(name).name) for name in ("body", "cond"))
        while True:
            after = self.walk(body, variables, record=False)
            merged = [a or b for a, b in zip(variables, after, strict=True)]
            if merged == variables:
                break
            variables = merged
        [depends] = self.walk(condition, variables, record)
        if record:
            self.walk(body, variables)
            self.report.examined[op.type] += 1
            if depends:
                self._find(op, "the loop condition is data, and the host needs it", True)
        return variables

    def _examine(self, op: Any, inputs: Sequence[bool], outputs: Sequence[bool]) -> None:
        self.report.examined[op.type] += 1
        kernel = kernel_for(op.type, op.node_def)
        is_data = any(inputs) or any(outputs)
        if kernel is None:
            self._find(op, "no kernel for a GPU", is_data)
            return
        definition = op.op_def
        named = [
            *_arguments(op, definition.input_arg, inputs),
            *_arguments(op, definition.output_arg, outputs),
        ]
        keys = _KEYS if op.type.startswith("Collective") else frozenset()
        on_host = set(kernel.host_memory_arg) - keys
        moved = sorted({name for name, is_data in named if is_data and name in on_host})
        if moved:
            self._find(op, f"data on the host: {', '.join(moved)}", True)

    def _find(self, op: Any, reason: str, is_data: bool) -> None:
        dtypes = tuple(sorted(_dtypes(op.node_def)))
        self.report.findings.append(Finding(op.name, op.type, dtypes, reason, is_data, _source(op)))

    def _called(self, op: Any) -> Iterator[str]:
        for value in op.node_def.attr.values():
            named = [value.func] if value.HasField("func") else value.list.func
            yield from (function.name for function in named)

    def _body(self, name: str) -> Any:
        if name not in self._bodies:
            with self._graph.as_default():
                body = function_def_to_graph.function_def_to_graph(self._functions[name])
            self._bodies[name] = body
        return self._bodies[name]


def kernel_for(op: str, node: Any, device: str = "GPU") -> Any:
    """Return the kernel that the runtime would use on `device`, or `None`."""
    label = node.attr["_kernel"].s.decode() if "_kernel" in node.attr else ""
    registered = [
        kernel for kernel in _registered(op) if kernel.label == label and _fits(kernel, node)
    ]
    for kind in (device, "DEFAULT"):
        fitting = [kernel for kernel in registered if kernel.device_type == kind]
        if fitting:
            return max(fitting, key=lambda kernel: kernel.priority)
    return None


@functools.cache
def _registered(op: str) -> tuple[Any, ...]:
    return tuple(kernels.get_registered_kernels_for_op(op).kernel)


def _fits(kernel: Any, node: Any) -> bool:
    for constraint in kernel.constraint:
        value = node.attr[constraint.name]
        types = list(value.list.type) or [value.type]
        if not set(types) <= set(constraint.allowed_values.list.type):
            return False
    return True


def _arguments(
    op: Any, definitions: Sequence[Any], data: Sequence[bool]
) -> Iterator[tuple[str, bool]]:
    """Yield the name of each input, or output, and whether it is data."""
    position = 0
    for argument in definitions:
        number = 1
        if argument.number_attr:
            number = op.get_attr(argument.number_attr)
        elif argument.type_list_attr:
            number = len(op.get_attr(argument.type_list_attr))
        for is_data in data[position : position + number]:
            yield argument.name, is_data
        position += number


def _is_source(op: Any) -> bool:
    """Whether an op makes data without data: it reads a variable, or draws random numbers."""
    return bool(op.op_def.is_stateful)


def _is_whole_split(op: Any) -> bool:
    """Whether an op splits a tensor into one piece, as TensorFlow does after an all-reduce.

    There is no GPU kernel for int64, but Grappler removes the op after placement.
    """
    return op.type in _SPLIT_VALUE and op.get_attr("num_split") == 1


def _is_compiled(definition: Any) -> bool:
    attributes: Mapping[str, Any] = definition.attr
    return "_XlaMustCompile" in attributes and attributes["_XlaMustCompile"].b


def _dtypes(node: Any) -> Iterator[tuple[str, str]]:
    for name, value in node.attr.items():
        if value.WhichOneof("value") == "type":
            yield name, tf.as_dtype(value.type).name


def _source(op: Any) -> str:
    """Return the line of dist_f1 that created the op."""
    lines = [
        f"{pathlib.Path(frame.filename).relative_to(_ROOT)}:{frame.lineno} {frame.name}"
        for frame in op.traceback or ()
        if _ROOT / "dist_f1" in pathlib.Path(frame.filename).parents
    ]
    return lines[-1] if lines else "outside of dist_f1"


def spec(dtype: tf.DType, *shape: int | None) -> tf.TensorSpec:
    """Return the spec of an argument."""
    return tf.TensorSpec(shape, dtype)
