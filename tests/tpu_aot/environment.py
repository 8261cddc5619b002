"""What compiling for TPUs needs of this machine, and how the compiler is kept to itself."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata, util

PACKAGES = {"TensorFlow": "tensorflow-tpu", "libtpu": "libtpu", "jax": "jax", "jaxlib": "jaxlib"}
# There is no TPU to ask about, and no one who wants to read the logs of its driver.
_VARIABLES = {
    "TPU_SKIP_MDS_QUERY": "1",
    "TPU_WORKER_HOSTNAMES": "localhost",
    "TPU_WORKER_ID": "0",
    "TPU_LOG_DIR": "disabled",
    # No one uses a TPU here, so that no one must wait for another.
    "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}
_ROUTES = pathlib.Path("/proc/net/route")
# As root, or as a user who may have a namespace of his own.
_WITHOUT_NETWORK = (("unshare", "-n"), ("unshare", "-rn"))


class Unavailable(Exception):
    """This machine or environment cannot compile for TPUs; the message says why."""


def versions() -> dict[str, str]:
    """The versions of what lowers and compiles.

    Raises:
        Unavailable: some of it is not installed.
    """
    found = {}
    for name, package in PACKAGES.items():
        try:
            found[name] = metadata.version(package)
        except metadata.PackageNotFoundError:
            raise Unavailable(
                f"{package} is not installed for Python {sys.version.split()[0]}."
            ) from None
    return found


def without_network() -> tuple[str, ...]:
    """The words before a command that keep it from any network.

    Raises:
        Unavailable: this user may not do that here.
    """
    for words in _WITHOUT_NETWORK:
        try:
            tried = subprocess.run([*words, "true"], capture_output=True, check=False)
        except FileNotFoundError:
            raise Unavailable(
                "there is no command `unshare`, which takes the network away."
            ) from None
        if tried.returncode == 0:
            return words
    reason = tried.stderr.decode(errors="replace").strip()
    raise Unavailable(f"libtpu must not have a network, and `unshare -n` is refused: {reason}")


def check_libtpu(isolated: Sequence[str]) -> None:
    """Raises `Unavailable` if libtpu cannot be loaded here."""
    code = "import ctypes, sys; ctypes.CDLL(sys.argv[1])"
    command = [*isolated, sys.executable, "-c", code, library()]
    tried = subprocess.run(command, capture_output=True, env=variables(), check=False)
    if tried.returncode:
        last = tried.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise Unavailable(f"libtpu cannot be loaded here: {' '.join(last) or tried.returncode}")


def check_isolated(environ: Mapping[str, str] = os.environ, routes: pathlib.Path = _ROUTES) -> None:
    """Raises `Unavailable` where libtpu could reach anyone; to be called before it is loaded.

    Importing this TensorFlow loads it, too.
    """
    missing = [name for name, value in _VARIABLES.items() if environ.get(name) != value]
    # The first line is the header; without a network there is no other.
    has_network = len(routes.read_text().splitlines()) > 1
    if missing or has_network:
        reason = f"{', '.join(missing)} not set" if missing else "there is a network"
        raise Unavailable(f"libtpu is loaded by `python -m tpu_aot` only: {reason}.")


def library() -> str:
    """Where the compiler is."""
    found = util.find_spec("libtpu")
    if found is None or not found.submodule_search_locations:
        raise Unavailable("libtpu is not installed.")
    return os.path.join(found.submodule_search_locations[0], "libtpu.so")


def variables(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables of a process that loads libtpu."""
    # Options for another XLA are unknown to this one, and end the process.
    return {k: v for k, v in environ.items() if k not in ("XLA_FLAGS", "LIBTPU_INIT_ARGS")} | (
        _VARIABLES
    )
