"""Which ops of a step have a kernel on a TPU: told from a list, where there is no TPU."""

from __future__ import annotations

import collections
import dataclasses
import functools
import importlib.resources
import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import tensorflow as tf

from dist_f1.inspection import graphs
from dist_f1.testing import computations, programs

_NOT_RUN = computations.PLACEHOLDERS | graphs.CALLS | {"Const", "NoOp"}


class Finding(NamedTuple):
    """An op that a TPU would refuse, or that makes tensors of a shape that is not known before."""

    node: str
    op: str
    dtypes: dict[str, str]
    reason: str

    def __str__(self) -> str:
        dtypes = ", ".join(f"{name}={dtype}" for name, dtype in self.dtypes.items())
        return f"{self.op}({dtypes}): {self.reason}; node {self.node}"


@dataclasses.dataclass(frozen=True)
class OpReport:
    """What was found in one replica's program.

    Fields:
        examined: how often each op occurs, in the computation and the functions that it calls.
        findings: what a TPU would not take.
    """

    examined: collections.Counter[str]
    findings: list[Finding]

    def __str__(self) -> str:
        lines = [f"{self.examined.total()} ops, {len(self.findings)} findings", *self.findings]
        return "\n  ".join(map(str, lines))


def lint_tpu_ops(function: Callable[..., Any], *args: Any, **kwargs: Any) -> OpReport:
    """Looks each op of a TPU computation up in the list of those that have a kernel there.

    The list (`tpu_ops.json`) is TensorFlow's own registry of what it compiles for TPUs, of version
    2.20. An op in it may still be refused for its arguments (a size that must be constant, say):
    that shows when the program is compiled, see `replica_program`.

    Args:
        function: see `replica_program`.
        *args: likewise. If all shapes are known, an op whose result has a shape that depends on
            data is a finding too.
        **kwargs: likewise.

    Raises:
        TypeError: `function` has no graph.
        ValueError: there is no TPU computation in it, or more than one.

    Example:
        >>> from dist_f1.testing import tpu_strategy
        >>> strategy = tpu_strategy(8)
        >>> @tf.function
        ... def step(x):
        ...     return strategy.run(tf.unique, (x,))
        >>> print(lint_tpu_ops(step, tf.TensorSpec([4])).findings[0])
        Unique(T=float32, out_idx=int32): the shape of its result depends on data; node Unique
    """
    computation = programs.find(function, *args, **kwargs)
    is_static = _is_static(computation)
    examined: collections.Counter[str] = collections.Counter()
    findings = []
    for op in computation.all_ops():
        if op.type in _NOT_RUN or computations.is_bookkeeping(op):
            continue
        examined[op.type] += 1
        if reason := _refusal(op):
            findings.append(_finding(op, reason))
        elif is_static and _depends_on_data(op) and not computation.library.called(op):
            findings.append(_finding(op, "the shape of its result depends on data"))
    return OpReport(examined, findings)


def cross_replica_sums(
    function: Callable[..., Any], *args: Any, **kwargs: Any
) -> list[tf.TensorSpec]:
    """What a TPU computation sums over replicas: a `tf.TensorSpec` for each `CrossReplicaSum`.

    Args:
        function: see `replica_program`.
        *args: likewise.
        **kwargs: likewise.

    Raises:
        TypeError: `function` has no graph.
        ValueError: there is no TPU computation in it, or more than one.

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
    return [
        tf.TensorSpec(op.inputs[0].shape, op.inputs[0].dtype)
        for op in ops
        if op.type == "CrossReplicaSum"
    ]


@functools.cache
def tpu_ops() -> dict[str, list[dict[str, list[str]]]]:
    """For each op with a kernel on TPUs, the dtypes that each of its kernels takes."""
    listed = importlib.resources.files("dist_f1.testing").joinpath("tpu_ops.json")
    return json.loads(listed.read_text())


def _refusal(op: Any) -> str | None:
    kernels = tpu_ops().get(op.type)
    if kernels is None:
        return "no kernel on a TPU"
    dtypes = dict(_dtypes(op))
    wrong = [_unfit(kernel, dtypes) for kernel in kernels]
    return None if not all(wrong) else f"no kernel on a TPU for {', '.join(wrong[0])}"


def _unfit(kernel: dict[str, list[str]], dtypes: dict[str, str]) -> list[str]:
    """The dtypes that a kernel does not take."""
    return [
        f"{name}={dtype}"
        for name, dtype in dtypes.items()
        if name in kernel and not set(dtype.split("+")) <= set(kernel[name])
    ]


def _finding(op: Any, reason: str) -> Finding:
    return Finding(op.name, op.type, dict(_dtypes(op)), reason)


def _dtypes(op: Any) -> Iterator[tuple[str, str]]:
    for name, value in sorted(op.node_def.attr.items()):
        if value.WhichOneof("value") == "type":
            yield name, tf.as_dtype(value.type).name
        elif value.list.type:
            yield name, "+".join(tf.as_dtype(dtype).name for dtype in value.list.type)


def _is_static(computation: programs.Computation) -> bool:
    given = (
        op.outputs[0]
        for op in computation.graph.get_operations()
        if op.type == computations.REPLICATED_INPUT
    )
    return all(map(_is_known, given))


def _depends_on_data(op: Any) -> bool:
    """Whether shapes were known up to an op. What a variable holds is not told in each graph."""
    if op.type == "ReadVariableOp" or not all(map(_is_known, op.inputs)):
        return False
    return not all(map(_is_known, op.outputs))


def _is_known(tensor: tf.Tensor) -> bool:
    return tensor.dtype in (tf.resource, tf.variant) or tensor.shape.is_fully_defined()
