"""Check which ops of a step have a kernel on a TPU, from a list and without a TPU."""

import collections
import dataclasses
import functools
import json
import pathlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import tensorflow as tf

from dist_f1.inspection.called_functions import CALL_OPS
from dist_f1.testing import computations, programs

_NOT_RUN = (
    computations.BOOKKEEPING_OPS | computations.PLACEHOLDER_OPS | CALL_OPS | {"Const", "NoOp"}
)


class Finding(NamedTuple):
    """An op without a TPU kernel, or with a result of data-dependent shape.

    Fields:
        node: Name of the node.
        op: Type of the op.
        dtypes: Dtype of each type attribute.
        reason: The property of the op that TPUs do not support.
    """

    node: str
    op: str
    dtypes: dict[str, str]
    reason: str

    def __str__(self) -> str:
        dtypes = ", ".join(f"{name}={dtype}" for name, dtype in self.dtypes.items())
        return f"{self.op}({dtypes}): {self.reason}; node {self.node}"


@dataclasses.dataclass(frozen=True)
class OpReport:
    """Result of `lint_tpu_ops`.

    Fields:
        examined: Number of ops of each type, in the computation and in the functions that it calls.
        findings: The ops that a TPU does not support.
    """

    examined: collections.Counter[str]
    findings: list[Finding]

    def __str__(self) -> str:
        lines = [f"{self.examined.total()} ops, {len(self.findings)} findings", *self.findings]
        return "\n  ".join(map(str, lines))


def lint_tpu_ops(function: Callable[..., Any], *args: Any, **kwargs: Any) -> OpReport:
    """Look up each op of a TPU computation in the list of ops that have a TPU kernel.

    The list (`tpu_ops.json`) is TensorFlow 2.20's own registry of TPU kernels. An op in the list
    may still fail because of its arguments, e.g. a size that must be constant. Compiling the
    program shows that; see `replica_program`, which takes the same arguments and raises the same
    errors. If all shapes are fixed, an op with a data-dependent result shape is a finding too.

    Example:
        >>> from dist_f1.testing import tpu_strategy
        >>> strategy = tpu_strategy(8)
        >>> @tf.function
        ... def step(x):
        ...     return strategy.run(tf.unique, (x,))
        >>> print(lint_tpu_ops(step, tf.TensorSpec([4])).findings[0])
        Unique(T=float32, out_idx=int32): data-dependent result shape; node Unique
    """
    computation = programs.find(function, *args, **kwargs)
    is_static = _has_static_inputs(computation)
    examined: collections.Counter[str] = collections.Counter()
    findings = []
    for op in computation.all_ops():
        if op.type in _NOT_RUN:
            continue
        examined[op.type] += 1
        reason = _missing_kernel(op)
        is_call = bool(computation.library.called(op.node_def))
        if reason is None and is_static and not is_call and _depends_on_data(op):
            reason = "data-dependent result shape"
        if reason is not None:
            findings.append(Finding(op.name, op.type, dict(_dtypes(op)), reason))
    return OpReport(examined, findings)


def cross_replica_sums(
    function: Callable[..., Any], *args: Any, **kwargs: Any
) -> list[tf.TensorSpec]:
    """Return a `tf.TensorSpec` of each tensor that a TPU computation sums over replicas.

    Takes the arguments of `replica_program`, and raises the same errors.

    Example:
        >>> import dist_f1
        >>> from dist_f1.testing import tpu_strategy
        >>> strategy = tpu_strategy(8)
        >>> @tf.function
        ... def step(x):
        ...     return strategy.run(dist_f1.all_reduce_sum, (x,))
        >>> cross_replica_sums(step, tf.TensorSpec([2], tf.int64))
        [TensorSpec(shape=(8,), dtype=tf.uint32, name=None)]
    """
    ops = programs.find(function, *args, **kwargs).all_ops()
    sums = [op.inputs[0] for op in ops if op.type == "CrossReplicaSum"]
    return [tf.TensorSpec(x.shape, x.dtype) for x in sums]


@functools.cache
def tpu_ops() -> dict[str, list[dict[str, list[str]]]]:
    """Return the TPU kernels of each op: the dtypes that each kernel supports, by attribute."""
    # Not by importlib.resources: import hooks of old versions of wrapt hide the files of a package.
    return json.loads(pathlib.Path(__file__).with_name("tpu_ops.json").read_text())


def _missing_kernel(op: tf.Operation) -> str | None:
    """Return the reason why an op has no TPU kernel, or `None` if it has one."""
    kernels = tpu_ops().get(op.type)
    if kernels is None:
        return "no TPU kernel"
    dtypes = dict(_dtypes(op))
    unsupported = [_unsupported_dtypes(kernel, dtypes) for kernel in kernels]
    return f"no TPU kernel for {', '.join(unsupported[0])}" if all(unsupported) else None


def _unsupported_dtypes(kernel: dict[str, list[str]], dtypes: dict[str, str]) -> list[str]:
    return [
        f"{name}={dtype}"
        for name, dtype in dtypes.items()
        if name in kernel and not set(dtype.split("+")) <= set(kernel[name])
    ]


def _dtypes(op: tf.Operation) -> Iterator[tuple[str, str]]:
    for name, value in sorted(op.node_def.attr.items()):
        if value.WhichOneof("value") == "type":
            yield name, tf.as_dtype(value.type).name
        elif value.list.type:
            yield name, "+".join(tf.as_dtype(dtype).name for dtype in value.list.type)


def _has_static_inputs(computation: programs.Computation) -> bool:
    ops = computation.graph.get_operations()
    inputs = (op.outputs[0] for op in ops if op.type == computations.REPLICATED_INPUT)
    return all(map(_is_static, inputs))


def _depends_on_data(op: tf.Operation) -> bool:
    """Whether an op with inputs of static shapes has an output of unknown shape.

    Ignores reads of variables, since not every graph stores the shapes of variables.
    """
    if op.type == "ReadVariableOp" or not all(map(_is_static, op.inputs)):
        return False
    return not all(map(_is_static, op.outputs))


def _is_static(tensor: tf.Tensor) -> bool:
    return tensor.dtype in (tf.resource, tf.variant) or tensor.shape.is_fully_defined()
