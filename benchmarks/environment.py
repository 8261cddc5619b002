"""Where a benchmark runs: its devices, what is installed, and how much memory it took."""

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
# Terraform's, which may be secrets.
_FOREIGN = ("TF_VAR_", "TF_TOKEN_", "TF_CLI_")
_ROOT = pathlib.Path(__file__).resolve().parents[1]
_MEGABYTE = 2.0**20


def set_up(replicas: int) -> list[str]:
    """Makes the devices of a run, and returns their names, `GPU:0` say.

    All GPUs, but at most `replicas`; without any, the CPU is split into `replicas` logical devices.

    Raises:
        RuntimeError: TensorFlow has started with other devices; it cannot change them.
    """
    gpus = tf.config.list_physical_devices("GPU")[:replicas]
    try:
        if gpus:
            if tf.config.get_visible_devices("GPU") != gpus:
                tf.config.set_visible_devices(gpus, "GPU")
            for gpu in gpus:
                # Other libraries that are compared with need memory of it too.
                with contextlib.suppress(RuntimeError):
                    tf.config.experimental.set_memory_growth(gpu, True)
            return [f"GPU:{i}" for i in range(len(gpus))]
        split_cpu(replicas)
        return [f"CPU:{i}" for i in range(replicas)]
    except (RuntimeError, ValueError) as error:
        raise RuntimeError(
            f"TensorFlow has already started, so {replicas} devices cannot be set up any more "
            f"({error}). Call environment.set_up() before anything is computed."
        ) from error


def label() -> str:
    """What a result was measured on: `2 x NVIDIA A100`, or how many logical CPU devices."""
    gpus = tf.config.get_visible_devices("GPU")
    if gpus:
        names = collections.Counter(_details(gpu).get("device_name", "GPU") for gpu in gpus)
        return ", ".join(f"{number} x {name}" for name, number in names.items())
    here, cpus = cores(), _logical_cpus()
    return (
        f"{cpus} logical CPU device{'s' * (cpus != 1)} on {here} core{'s' * (here != 1)} (no GPU)"
    )


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def header(config: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """All that a result depends on, but for the code that ran if there are changes to it."""
    build = tf.sysconfig.get_build_info()
    return {
        "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "device": label(),
        "dist_f1": dist_f1.__version__,
        "git": _git(),
        "versions": {"python": platform.python_version(), **_versions(_PACKAGES)},
        "peers": _versions(_PEERS),
        "tf.keras": _keras(),
        "system": {
            "os": platform.platform(),
            "cpu": _cpu(),
            "cores": cores(),
            "memory_mb": round(
                os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _MEGABYTE
            ),
        },
        "gpus": [_details(gpu) for gpu in tf.config.list_physical_devices("GPU")],
        "driver": _driver(),
        "build": {name: str(build[name]) for name in sorted(build)},
        "environment": {
            name: value
            for name, value in sorted(os.environ.items())
            if name.startswith(_VARIABLES) and not name.startswith(_FOREIGN)
        },
        "command": [pathlib.Path(sys.orig_argv[0]).name, *sys.orig_argv[1:]],
        "config": dict(config or {}),
    }


def reset_peak_memory() -> None:
    """From here on `peak_memory_mb` counts anew, as far as the system allows it."""
    for device in tf.config.list_logical_devices("GPU"):
        tf.config.experimental.reset_memory_stats(_short(device))
    with contextlib.suppress(OSError):
        pathlib.Path("/proc/self/clear_refs").write_text("5")


def peak_memory_mb() -> dict[str, float]:
    """The most memory in use so far, of this process (`host`) and on each GPU."""
    peaks = {"host": _host_peak_mb()}
    for device in tf.config.list_logical_devices("GPU"):
        name = _short(device)
        peaks[name] = tf.config.experimental.get_memory_info(name)["peak"] / _MEGABYTE
    return {name: round(peak, 1) for name, peak in peaks.items()}


def _host_peak_mb() -> float:
    try:
        status = pathlib.Path("/proc/self/status").read_text("utf-8")
        found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    except OSError:
        found = None
    if found:
        return int(found[1]) / 1024.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (_MEGABYTE if sys.platform == "darwin" else 1024.0)


def _short(device: tf.config.LogicalDevice) -> str:
    return device.name.removeprefix("/device:")


def _logical_cpus() -> int:
    cpu = tf.config.list_physical_devices("CPU")[0]
    return len(tf.config.get_logical_device_configuration(cpu) or [None])


def _details(gpu: tf.config.PhysicalDevice) -> dict[str, Any]:
    return dict(tf.config.experimental.get_device_details(gpu))


def _cpu() -> str:
    try:
        found = re.search(
            r"^model name\s*:\s*(.+)$",
            pathlib.Path("/proc/cpuinfo").read_text("utf-8"),
            re.MULTILINE,
        )
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()


def _versions(names: Sequence[str]) -> dict[str, str]:
    found = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _keras() -> str:
    """Which Keras `tf.keras` is."""
    module = importlib.import_module(tf.keras.Model.__module__.partition(".")[0])
    return f"{module.__name__} {module.__version__}"


def _driver() -> list[str]:
    query = "--query-gpu=name,driver_version,memory.total"
    return _output("nvidia-smi", query, "--format=csv,noheader").splitlines()


def _git() -> dict[str, Any]:
    revision = _output("git", "-C", str(_ROOT), "rev-parse", "HEAD")
    changes = _output("git", "-C", str(_ROOT), "status", "--porcelain")
    return {"hash": revision or None, "changed": bool(changes)}


def _output(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
