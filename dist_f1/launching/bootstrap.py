"""What every worker process runs first: a script or a module, with its failure put on record.

It is run by its path, and needs nothing but the standard library: a script may set environment
variables that matter when TensorFlow is imported, so it has to be the first to import it.
"""

from __future__ import annotations

import ctypes
import faulthandler
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import runpy
import signal
import sys
import time
import traceback
import types
from collections.abc import Sequence

RECORD = "DIST_F1_FAILURE_RECORD"
LAUNCHER = "DIST_F1_LAUNCHER_PID"
CPU_DEVICES = "DIST_F1_CPU_DEVICES"


def main(arguments: list[str]) -> None:
    """Runs `SCRIPT ARGS` or `-m MODULE ARGS` as Python itself would."""
    _end_with_the_launcher()
    # A crash in native code, and SIGUSR1, which the launcher sends to a worker that hangs, show
    # where Python was.
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    devices = int(os.environ.get(CPU_DEVICES) or 1)
    if devices > 1:
        sys.meta_path.insert(0, _SplitsTheCpu(devices))
    try:
        _run(arguments)
    except SystemExit as end:
        if end.code is not None and not isinstance(end.code, int):
            # The launcher shows it, once.
            _record("exit", str(end.code), str(end.code))
            sys.exit(1)
        raise
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        _record("exception", type(error).__name__, _traceback(error))
        sys.exit(1)


def _run(arguments: list[str]) -> None:
    if arguments[0] == "-m":
        # As `python -m` has it, modules are looked for where one stands.
        sys.path[0] = os.getcwd()
        sys.argv = arguments[1:]
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        sys.path[0] = os.path.dirname(os.path.abspath(arguments[0]))
        sys.argv = arguments
        runpy.run_path(arguments[0], run_name="__main__")


def _end_with_the_launcher() -> None:
    """Has Linux end this process when the launcher is killed and cannot do so itself."""
    if not sys.platform.startswith("linux"):
        return
    set_parent_death_signal = 1
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)
    if os.getppid() != int(os.environ.get(LAUNCHER) or os.getppid()):
        os._exit(1)


def _record(kind: str, title: str, text: str) -> None:
    """Tells the launcher, which decides whose failure is shown first."""
    path = os.environ[RECORD]
    with open(f"{path}.part", "w", encoding="utf-8") as file:
        json.dump({"kind": kind, "title": title, "text": text, "time": time.time()}, file)
    os.replace(f"{path}.part", path)


def _traceback(error: BaseException) -> str:
    """Without the frames that lead from here to the program."""
    frame = error.__traceback__
    while frame is not None and frame.tb_frame.f_code.co_filename in (
        __file__,
        runpy.__file__,
        "<frozen runpy>",
    ):
        frame = frame.tb_next
    return "".join(traceback.format_exception(type(error), error, frame))


class _SplitsTheCpu(importlib.abc.MetaPathFinder):
    """Gives the CPU its logical devices as soon as the program has imported TensorFlow."""

    def __init__(self, devices: int) -> None:
        self._devices = devices

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Finds TensorFlow, once, and leaves all other modules to others."""
        if fullname != "tensorflow":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def execute_and_split(module: types.ModuleType) -> None:
            execute(module)
            config = module.config
            if not config.list_physical_devices("GPU"):
                config.set_logical_device_configuration(
                    config.list_physical_devices("CPU")[0],
                    [config.LogicalDeviceConfiguration()] * self._devices,
                )

        spec.loader.exec_module = execute_and_split  # type: ignore[method-assign]
        return spec


if __name__ == "__main__":
    main(sys.argv[1:])
