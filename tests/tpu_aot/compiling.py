"""Compiles one lowered program for one topology, in a process that the compiler may abort.

    python -m tpu_aot.compiling PROGRAM TOPOLOGY RESULT

`PROGRAM` is an output of `lowering.py`: an HLO module (`.hlo`) or StableHLO text (`.mlir`). Writes
the compiler's statistics of the compiled code, or its error, to `RESULT`. Does not need TensorFlow.
"""

from __future__ import annotations

import json
import pathlib
import sys
import time
from typing import Any

from tpu_aot import environment, hlo
from tpu_aot.topologies import REPLICAS

_ESTIMATES = ("flops", "bytes accessed", "optimal_seconds")
_MEMORY = ("generated_code", "argument", "output", "temp")


def main(program: str, topology: str, output: str) -> None:
    """Compile a program and write the result."""
    environment.check_isolated()
    try:
        result = _compile_and_measure(pathlib.Path(program), topology)
    except RuntimeError as error:
        result = {"error": f"{type(error).__name__}: {error}"}
    pathlib.Path(output).write_text(json.dumps(result))


def _compile_and_measure(program: pathlib.Path, topology: str) -> dict[str, Any]:
    start = time.monotonic()
    executable, kind = _compile(_module(program), topology)
    seconds = time.monotonic() - start
    text = "\n".join(module.to_string() for module in executable.hlo_modules())
    facts = {"requested": _requested(program), "device": kind, "seconds": seconds}
    return statistics(text) | _estimates(executable) | facts


def statistics(text: str) -> dict[str, Any]:
    """Return the collectives and cycles in the text of a compiled module."""
    cycles = hlo.cycles(text)
    return {
        "sends": [{"kind": x.kind, "bytes": x.size} for x in hlo.collectives(text)],
        "cycles": cycles.estimated,
        "cycles_unknown": cycles.unknown,
    }


def _compile(module: bytes, topology: str) -> tuple[Any, str]:
    import numpy as np
    from jaxlib import _jax, xla_client

    xla_client.load_pjrt_plugin_dynamically("tpu", environment.library())
    xla_client.initialize_pjrt_plugin("tpu")
    description = xla_client.make_tfrt_tpu_c_api_device_topology(topology)
    devices = description._make_compile_only_devices()[:REPLICAS]
    options = xla_client.CompileOptions()
    options.num_replicas = options.executable_build_options.num_replicas = REPLICAS
    assignment = np.arange(REPLICAS)[:, np.newaxis]
    options.device_assignment = xla_client.DeviceAssignment.create(assignment)
    device_list = _jax.DeviceList(tuple(devices))
    return devices[0].client.compile(module, device_list, options), devices[0].device_kind


def _module(path: pathlib.Path) -> bytes:
    if path.suffix == ".mlir":
        return path.read_bytes()
    from jaxlib import xla_client

    computation = xla_client.XlaComputation(path.read_bytes())
    module = xla_client._xla.mlir.xla_computation_to_mlir_module(computation)
    return module.encode() if isinstance(module, str) else module


def _requested(path: pathlib.Path) -> int | None:
    """Return the number of collectives before compilation."""
    if path.suffix == ".mlir":
        return None
    from jaxlib import xla_client

    return len(hlo.collectives(xla_client.XlaComputation(path.read_bytes()).as_hlo_text()))


def _estimates(executable: Any) -> dict[str, Any]:
    costs = executable.cost_analysis()
    costs = costs[0] if isinstance(costs, list) else costs
    memory = executable.get_compiled_memory_stats()
    estimates = {name.replace(" ", "_"): costs.get(name) for name in _ESTIMATES}
    return estimates | {f"{x}_bytes": getattr(memory, f"{x}_size_in_bytes") for x in _MEMORY}


if __name__ == "__main__":
    main(*sys.argv[1:])
