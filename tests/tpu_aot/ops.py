"""The ops that TensorFlow compiles for TPUs, by its own registry, and the list of the package.

    python -m tpu_aot.ops FOUND [LIST]

`FOUND` is written: how many ops there are, and where the list of the package differs. `LIST`, if
given, is written anew.
"""

from __future__ import annotations

import json
import pathlib
import sys

from tpu_aot import environment

Ops = dict[str, list[dict[str, list[str]]]]


def main(found: str, made: str | None = None) -> None:
    """Compares, and writes what is found."""
    environment.check_isolated()
    from dist_f1.testing.op_lint import tpu_ops

    ops = registered()
    if made is not None:
        pathlib.Path(made).write_text(text_of(ops))
    result = {"registered": len(ops), "differences": differences(ops, tpu_ops())}
    pathlib.Path(found).write_text(json.dumps(result))


def registered() -> Ops:
    """For each op, the dtypes that each of its kernels for TPUs takes."""
    import tensorflow as tf
    from tensorflow.python.framework import kernels

    # They are registered when the first program is compiled.
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
    """The ops that are not the same in both."""
    names = sorted({*registered, *listed})
    return [name for name in names if registered.get(name) != listed.get(name)]


def text_of(ops: Ops) -> str:
    """JSON with a line for each op."""
    lines = [
        f"{json.dumps(name)}: {json.dumps(ops[name], separators=(',', ':'))}"
        for name in sorted(ops)
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    main(*sys.argv[1:])
