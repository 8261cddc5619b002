"""The requirements of compiling for TPUs, and the isolation of the compiler from any network."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata, util

PACKAGES = {"TensorFlow": "tensorflow-tpu", "libtpu": "libtpu", "jax": "jax", "jaxlib": "jaxlib"}
# Keep libtpu from looking for a TPU and from writing logs.
_VARIABLES = {
    "TPU_SKIP_MDS_QUERY": "1",
    "TPU_WORKER_HOSTNAMES": "localhost",
    "TPU_WORKER_ID": "0",
    "TPU_LOG_DIR": "disabled",
    # Several processes may load it at once, since none uses a TPU.
    "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}
_ROUTES = pathlib.Path("/proc/net/route")
# For root, or for a user who may create namespaces.
_WITHOUT_NETWORK = (("unshare", "-n"), ("unshare", "-rn"))


class CompilerUnavailableError(Exception):
    """This machine or environment cannot compile for TPUs; the message has the reason."""


def versions() -> dict[str, str]:
    """Return the versions of the packages that lower and compile.

    Raises:
        CompilerUnavailableError: A package is not installed.
    """
    found = {}
    for name, package in PACKAGES.items():
        try:
            found[name] = metadata.version(package)
        except metadata.PackageNotFoundError:
            raise CompilerUnavailableError(
                f"{package} is not installed for Python {sys.version.split()[0]}."
            ) from None
    return found


def without_network() -> tuple[str, ...]:
    """Return the command prefix that runs a command without a network.

    Raises:
        CompilerUnavailableError: The user may not create a network namespace.
    """
    for prefix in _WITHOUT_NETWORK:
        try:
            result = subprocess.run([*prefix, "true"], capture_output=True, check=False)
        except FileNotFoundError:
            raise CompilerUnavailableError(
                "there is no command `unshare`, which disables the network."
            ) from None
        if result.returncode == 0:
            return prefix
    reason = result.stderr.decode(errors="replace").strip()
    raise CompilerUnavailableError(
        f"libtpu must run without a network, but `unshare -n` fails: {reason}"
    )


def check_libtpu(isolated: Sequence[str]) -> None:
    """Raise `CompilerUnavailableError` if libtpu cannot be loaded."""
    code = "import ctypes, sys; ctypes.CDLL(sys.argv[1])"
    command = [*isolated, sys.executable, "-c", code, library()]
    result = subprocess.run(command, capture_output=True, env=variables(), check=False)
    if result.returncode:
        last = result.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise CompilerUnavailableError(
            f"libtpu cannot be loaded: {' '.join(last) or result.returncode}"
        )


def check_isolated(environ: Mapping[str, str] = os.environ, routes: pathlib.Path = _ROUTES) -> None:
    """Raise `CompilerUnavailableError` if libtpu could reach a network; call it before loading.

    Importing this environment's TensorFlow loads libtpu too.
    """
    missing = [name for name, value in _VARIABLES.items() if environ.get(name) != value]
    # Without a network the table has only its header.
    has_network = len(routes.read_text().splitlines()) > 1
    if missing or has_network:
        reason = f"{', '.join(missing)} not set" if missing else "there is a network"
        raise CompilerUnavailableError(
            f"libtpu may only be loaded by `python -m tpu_aot`: {reason}."
        )


def library() -> str:
    """Return the path of the compiler."""
    found = util.find_spec("libtpu")
    if found is None or not found.submodule_search_locations:
        raise CompilerUnavailableError("libtpu is not installed.")
    return os.path.join(found.submodule_search_locations[0], "libtpu.so")


def variables(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the environment variables of a process that loads libtpu."""
    # Unknown options of another XLA would abort the process.
    return {k: v for k, v in environ.items() if k not in ("XLA_FLAGS", "LIBTPU_INIT_ARGS")} | (
        _VARIABLES
    )
