"""Compares the package's list of TPU kernels with TensorFlow's registry.

    python -m tpu_aot.ops RESULT [LIST]

Writes the number of ops and the differences to `RESULT`, and the registry to `LIST` if given.
"""

from __future__ import annotations

import json
import pathlib
import sys

from tpu_aot import environment

Ops = dict[str, list[dict[str, list[str]]]]


def main(result: str, new_list: str | None = None) -> None:
    """Compare the list with the registry and write the result."""
    environment.check_isolated()
    from dist_f1.testing.op_lint import tpu_ops

    ops = registered()
    if new_list is not None:
        pathlib.Path(new_list).write_text(to_text(ops))
    comparison = {"registered": len(ops), "differences": differences(ops, tpu_ops())}
    pathlib.Path(result).write_text(json.dumps(comparison))


def registered() -> Ops:
    """Return the TPU kernels of each op: the dtypes that each kernel supports, by attribute."""
    import tensorflow as tf
    from tensorflow.python.framework import kernels

    # TensorFlow registers the kernels when it compiles the first program.
    function = tf.function(lambda x: x + 1, jit_compile=True, autograph=False)
    function.experimental_get_compiler_ir(tf.TensorSpec([1]))(stage="hlo", platform_name="TPU")
    ops: Ops = {}
    for kernel in kernels.get_all_registered_kernels().kernel:
        if kernel.device_type != "XLA_TPU_JIT":
            continue
        dtypes = {
            x.name: sorted(tf.as_dtype(dtype).name for dtype in x.allowed_values.list.type)
            for x in kernel.constraint
        }
        if dtypes not in ops.setdefault(kernel.op, []):
            ops[kernel.op].append(dtypes)
    return ops


def differences(registered: Ops, listed: Ops) -> list[str]:
    """Return the names of ops that differ."""
    names = sorted({*registered, *listed})
    return [name for name in names if registered.get(name) != listed.get(name)]


def to_text(ops: Ops) -> str:
    """Format as JSON with one line per op."""
    lines = [
        f"{json.dumps(name)}: {json.dumps(ops[name], separators=(',', ':'))}"
        for name in sorted(ops)
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    main(*sys.argv[1:])
