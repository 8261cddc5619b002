"""The environment of a benchmark: devices, installed packages, and memory."""

from __future__ import annotations

import collections
import contextlib
import datetime
import importlib
import importlib.metadata
import os
import pathlib
import platform
import re
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

import dist_f1
from dist_f1.testing import split_cpu

_PACKAGES = ("tensorflow", "keras", "tf_keras", "numpy", "scikit-learn")
_PEERS = ("torch", "torchmetrics", "torcheval")
_VARIABLES = ("TF_", "XLA_", "CUDA_", "NCCL_", "OMP_")
# Variables of Terraform, which may be secrets.
_TERRAFORM = ("TF_VAR_", "TF_TOKEN_", "TF_CLI_")
_GIT = ("git", "-C", str(pathlib.Path(__file__).resolve().parents[1]))
_MEGABYTE = 2.0**20


def set_up(replicas: int) -> tuple[str, ...]:
    """Set up the devices of a run, and return their names, e.g. `GPU:0`.

    These are all GPUs, but at most `replicas`. Without a GPU, the CPU is split into `replicas`
    logical devices.

    Raises:
        RuntimeError: TensorFlow has already started with other devices.
    """
    gpus = tf.config.list_physical_devices("GPU")[:replicas]
    try:
        if gpus:
            if tf.config.get_visible_devices("GPU") != gpus:
                tf.config.set_visible_devices(gpus, "GPU")
            for gpu in gpus:
                # The other libraries need GPU memory too.
                with contextlib.suppress(RuntimeError):
                    tf.config.experimental.set_memory_growth(gpu, True)
            return tuple(f"GPU:{i}" for i in range(len(gpus)))
        split_cpu(replicas)
        return tuple(f"CPU:{i}" for i in range(replicas))
    except (RuntimeError, ValueError) as error:
        raise RuntimeError(
            f"TensorFlow has already started, so {replicas} devices cannot be set up any more "
            f"({error}). Call environment.set_up() before anything is computed."
        ) from error


def label() -> str:
    """Describe the devices: e.g. `2 x NVIDIA A100`, or the number of logical CPU devices."""
    gpus = tf.config.get_visible_devices("GPU")
    if gpus:
        details = map(tf.config.experimental.get_device_details, gpus)
        names = collections.Counter(x.get("device_name", "GPU") for x in details)
        return ", ".join(f"{number} x {name}" for name, number in names.items())
    cpu = tf.config.list_physical_devices("CPU")[0]
    cpus = len(tf.config.get_logical_device_configuration(cpu) or [None])
    return (
        f"{cpus} logical CPU device{'s' * (cpus != 1)} on "
        f"{cores()} core{'s' * (cores() != 1)} (no GPU)"
    )


def cores() -> int:
    """Count the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def header(config: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Describe everything that the results depend on, except for uncommitted changes."""
    cpu = _search("/proc/cpuinfo", r"^model name\s*:\s*(.+)$")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    keras = importlib.import_module(tf.keras.Model.__module__.partition(".")[0])
    gpus = tf.config.list_physical_devices("GPU")
    gpu_query = "--query-gpu=name,driver_version,memory.total"
    return {
        "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "device": label(),
        "dist_f1": dist_f1.__version__,
        "git": {
            "hash": _output(*_GIT, "rev-parse", "HEAD") or None,
            "changed": bool(_output(*_GIT, "status", "--porcelain")),
        },
        "versions": {"python": platform.python_version()} | _versions(_PACKAGES),
        "peers": _versions(_PEERS),
        "tf.keras": f"{keras.__name__} {keras.__version__}",
        "system": {
            "os": platform.platform(),
            "cpu": cpu or platform.processor() or platform.machine(),
            "cores": cores(),
            "memory_mb": round(memory / _MEGABYTE),
        },
        "gpus": [dict(tf.config.experimental.get_device_details(gpu)) for gpu in gpus],
        "driver": _output("nvidia-smi", gpu_query, "--format=csv,noheader").splitlines(),
        "build": {x: str(value) for x, value in sorted(tf.sysconfig.get_build_info().items())},
        "environment": {
            name: value
            for name, value in sorted(os.environ.items())
            if name.startswith(_VARIABLES) and not name.startswith(_TERRAFORM)
        },
        "command": [pathlib.Path(sys.orig_argv[0]).name, *sys.orig_argv[1:]],
        "config": dict(config or {}),
    }


def reset_peak_memory() -> None:
    """Reset `peak_memory_mb`, as far as the system allows it."""
    for name in _gpu_names():
        tf.config.experimental.reset_memory_stats(name)
    with contextlib.suppress(OSError):
        pathlib.Path("/proc/self/clear_refs").write_text("5")


def peak_memory_mb() -> dict[str, float]:
    """Return the peak memory so far, of this process (`host`) and on each GPU."""
    if kilobytes := _search("/proc/self/status", r"^VmHWM:\s+(\d+) kB"):
        peaks = {"host": int(kilobytes) / 1024.0}
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        peaks = {"host": peak / (_MEGABYTE if sys.platform == "darwin" else 1024.0)}
    for name in _gpu_names():
        peaks[name] = tf.config.experimental.get_memory_info(name)["peak"] / _MEGABYTE
    return {name: round(peak, 1) for name, peak in peaks.items()}


def _gpu_names() -> list[str]:
    return [x.name.removeprefix("/device:") for x in tf.config.list_logical_devices("GPU")]


def _search(path: str, pattern: str) -> str | None:
    """Return the first group of a pattern in a file, if the file exists and has it."""
    try:
        found = re.search(pattern, pathlib.Path(path).read_text("utf-8"), re.MULTILINE)
    except OSError:
        return None
    return found[1] if found else None


def _versions(names: Sequence[str]) -> dict[str, str]:
    versions = {}
    for name in names:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return versions


def _output(*command: str) -> str:
    """Return the output of a command, or nothing if it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
