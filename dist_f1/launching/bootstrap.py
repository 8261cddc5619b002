"""Program of every worker process: run a script or a module and record its failure.

It is run by its path and needs only the standard library. A script may set environment variables
that TensorFlow reads on import, so the script must be the first to import TensorFlow.
"""

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

ERROR_FILE = "DIST_F1_ERROR_FILE"
# Ending of the file that becomes the error file.
RESERVED = ".tmp"
LAUNCHER = "DIST_F1_LAUNCHER_PID"
CPU_DEVICES = "DIST_F1_CPU_DEVICES"


def main(arguments: list[str]) -> None:
    """Run `SCRIPT ARGS` or `-m MODULE ARGS` as Python does."""
    _set_parent_death_signal()
    # Print the Python stack after a crash in native code, and on SIGUSR1, which the launcher sends
    # to a worker that hangs.
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    devices = int(os.environ.get(CPU_DEVICES) or 1)
    if devices > 1:
        sys.meta_path.insert(0, _CpuSplitter(devices))
    try:
        _run(arguments)
    except SystemExit as error:
        if error.code is not None and not isinstance(error.code, int):
            # The launcher prints the message once.
            _record_failure("exit", str(error.code), str(error.code))
            sys.exit(1)
        raise
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        _record_failure("exception", type(error).__name__, _format_traceback(error))
        sys.exit(1)


def _run(arguments: list[str]) -> None:
    if arguments[0] == "-m":
        # `python -m` searches the current directory first.
        sys.path[0] = os.getcwd()
        sys.argv = arguments[1:]
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        sys.path[0] = os.path.dirname(os.path.abspath(arguments[0]))
        sys.argv = arguments
        runpy.run_path(arguments[0], run_name="__main__")


def _set_parent_death_signal() -> None:
    """Make Linux kill this process when the launcher is killed."""
    if not sys.platform.startswith("linux"):
        return
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
    if os.getppid() != int(os.environ.get(LAUNCHER) or os.getppid()):
        os._exit(1)


def _record_failure(kind: str, title: str, text: str) -> None:
    """Write the failure to the file that the launcher reads."""
    path = os.environ[ERROR_FILE]
    tmp = path + RESERVED
    record = {"kind": kind, "title": title, "text": text, "time": time.time()}
    # The launcher has reserved the space, in case the disk is full now.
    with open(tmp, "r+b" if os.path.exists(tmp) else "wb") as file:
        file.write(json.dumps(record).encode())
        file.truncate()
    os.replace(tmp, path)


def _format_traceback(error: BaseException) -> str:
    """Format a traceback without the frames of this file and of runpy."""
    frame = error.__traceback__
    while frame is not None and frame.tb_frame.f_code.co_filename in (
        __file__,
        runpy.__file__,
        "<frozen runpy>",
    ):
        frame = frame.tb_next
    return "".join(traceback.format_exception(type(error), error, frame))


class _CpuSplitter(importlib.abc.MetaPathFinder):
    """Import hook: splits the CPU into logical devices right after TensorFlow is imported."""

    def __init__(self, devices: int) -> None:
        self._devices = devices

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Find TensorFlow once; leave all other modules to the other finders."""
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
