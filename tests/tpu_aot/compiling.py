"""Compiles one lowered program for one topology, in a process that may be ended by it.

    python -m tpu_aot.compiling PROGRAM TOPOLOGY FOUND

`PROGRAM` is what `lowering.py` has written: an HLO module (`.hlo`), or text in StableHLO (`.mlir`).
`FOUND` is written: what the compiler says of the compiled code, or its error. There is no need for
TensorFlow.
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


def main(program: str, topology: str, found: str) -> None:
    """Compiles, and writes what is found."""
    environment.check_isolated()
    try:
        result = _compiled(pathlib.Path(program), topology)
    except RuntimeError as error:
        result = {"error": f"{type(error).__name__}: {error}"}
    pathlib.Path(found).write_text(json.dumps(result))


def _compiled(program: pathlib.Path, topology: str) -> dict[str, Any]:
    started = time.monotonic()
    executable, kind = _compile(_module(program), topology)
    seconds = time.monotonic() - started
    text = "\n".join(module.to_string() for module in executable.hlo_modules())
    told = {"asks": _asks(program), "device": kind, "seconds": seconds}
    return found_in(text) | _estimates(executable) | told


def found_in(text: str) -> dict[str, Any]:
    """What the text of the compiled module says."""
    expected = hlo.cycles(text)
    return {
        "sends": [{"kind": x.kind, "bytes": x.size} for x in hlo.collectives(text)],
        "cycles": expected.estimated,
        "cycles_unknown": expected.unknown,
    }


def _compile(module: bytes, topology: str) -> tuple[Any, str]:
    import numpy as np
    from jaxlib import _jax, xla_client

    xla_client.load_pjrt_plugin_dynamically("tpu", environment.library())
    xla_client.initialize_pjrt_plugin("tpu")
    described = xla_client.make_tfrt_tpu_c_api_device_topology(topology)
    devices = described._make_compile_only_devices()[:REPLICAS]
    options = xla_client.CompileOptions()
    options.num_replicas = options.executable_build_options.num_replicas = REPLICAS
    places = np.arange(REPLICAS)[:, np.newaxis]
    options.device_assignment = xla_client.DeviceAssignment.create(places)
    listed = _jax.DeviceList(tuple(devices))
    return devices[0].client.compile(module, listed, options), devices[0].device_kind


def _module(path: pathlib.Path) -> bytes:
    if path.suffix == ".mlir":
        return path.read_bytes()
    from jaxlib import xla_client

    computation = xla_client.XlaComputation(path.read_bytes())
    module = xla_client._xla.mlir.xla_computation_to_mlir_module(computation)
    return module.encode() if isinstance(module, str) else module


def _asks(path: pathlib.Path) -> int | None:
    """How many exchanges there are before compilation."""
    if path.suffix == ".mlir":
        return None
    from jaxlib import xla_client

    return len(hlo.collectives(xla_client.XlaComputation(path.read_bytes()).as_hlo_text()))


def _estimates(executable: Any) -> dict[str, Any]:
    estimated = executable.cost_analysis()
    estimated = estimated[0] if isinstance(estimated, list) else estimated
    memory = executable.get_compiled_memory_stats()
    found = {name.replace(" ", "_"): estimated.get(name) for name in _ESTIMATES}
    return found | {f"{x}_bytes": getattr(memory, f"{x}_size_in_bytes") for x in _MEMORY}


if __name__ == "__main__":
    main(*sys.argv[1:])
