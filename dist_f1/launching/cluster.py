"""The tasks of a job on this machine: each has an address, a `TF_CONFIG`, a share of the GPUs."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import socket
from collections.abc import Iterable, Sequence

from dist_f1.launching import bootstrap
from dist_f1.launching.errors import UserError

HOST = "127.0.0.1"
# Where gRPC reads which hosts need no proxy; the second one only without the first.
_NO_PROXY = ("no_grpc_proxy", "no_proxy")


@dataclasses.dataclass(frozen=True)
class Task:
    """One process of a cluster, `worker 1` say; one that `serves` never ends by itself."""

    type: str
    index: int
    serves: bool = False

    @property
    def name(self) -> str:
        """As it is shown."""
        return f"{self.type} {self.index}"

    @property
    def file_name(self) -> str:
        """As its files are named."""
        return f"{self.type}-{self.index}"


def workers(number: int) -> list[Task]:
    """The tasks of `MultiWorkerMirroredStrategy`; worker 0 is the chief."""
    return [Task("worker", index) for index in range(number)]


def parameter_servers(number: int) -> list[Task]:
    """The tasks of `ParameterServerStrategy`: a chief, and workers and a server for it."""
    served = [Task("worker", index, serves=True) for index in range(number)]
    return [Task("chief", 0), *served, Task("ps", 0, serves=True)]


def environments(
    tasks: Sequence[Task], ports: Sequence[int], gpus: Sequence[str], cpu_devices: int = 1
) -> list[dict[str, str]]:
    """The environment variables that tell each task its place.

    Args:
        tasks: of the cluster.
        ports: one for each task.
        gpus: their ids as in `CUDA_VISIBLE_DEVICES`; workers get equal shares of them. Without
            any, the variable is left as it is.
        cpu_devices: the logical devices of a worker where there is no GPU.

    Raises:
        UserError: there are GPUs, but not one for each worker.
    """
    cluster: dict[str, list[str]] = {}
    for task, port in zip(tasks, ports, strict=True):
        cluster.setdefault(task.type, []).append(f"{HOST}:{port}")
    computing = [task for task in tasks if task.type == "worker"]
    if gpus and len(gpus) < len(computing):
        raise UserError(
            f"There are {len(gpus)} GPUs for {len(computing)} workers, which cannot share one. "
            f"Ask for --workers={len(gpus)} at most, or hide the GPUs with CUDA_VISIBLE_DEVICES=-1."
        )
    result = []
    for task in tasks:
        place = {"cluster": cluster, "task": {"type": task.type, "index": task.index}}
        variables = {"TF_CONFIG": json.dumps(place), **without_proxy([HOST])}
        if gpus:
            mine = _share(gpus, computing.index(task), len(computing)) if task in computing else []
            variables["CUDA_VISIBLE_DEVICES"] = ",".join(mine) or "-1"
        elif task in computing:
            variables[bootstrap.CPU_DEVICES] = str(cpu_devices)
        result.append(variables)
    return result


def without_proxy(hosts: Iterable[str]) -> dict[str, str]:
    """Has gRPC call the tasks themselves: through the proxy of `http_proxy` it waits for ever."""
    excepted = next((os.environ[name] for name in _NO_PROXY if os.environ.get(name)), "")
    names = [name.strip() for name in excepted.split(",") if name.strip()]
    return {_NO_PROXY[0]: ",".join([*names, *sorted(set(hosts).difference(names))])}


def visible_gpus() -> list[str]:
    """The GPUs that TensorFlow sees, by the ids that `CUDA_VISIBLE_DEVICES` takes."""
    import tensorflow as tf

    number = len(tf.config.list_physical_devices("GPU"))
    named = [gpu for gpu in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if gpu]
    return named[:number] if named else [str(index) for index in range(number)]


def free_ports(number: int) -> list[int]:
    """Ports that nobody listens on now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind((HOST, 0))
        return [one.getsockname()[1] for one in sockets]


def fixed_ports(first: int, number: int) -> list[int]:
    """The ports from `first` on.

    Raises:
        UserError: one of them is taken.
    """
    ports = list(range(first, first + number))
    if ports[-1] > 65535:
        raise UserError(f"--port={first} leaves no {number} ports up to 65535.")
    for port in ports:
        with socket.socket() as one:
            # A port that only rests after its last connection is free for TensorFlow too.
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                one.bind((HOST, port))
            except OSError as error:
                raise UserError(
                    f"port {port} is taken ({error.strerror}). Name others with --port, or leave "
                    "it out, and free ones are found."
                ) from error
    return ports


def listens(port: int) -> bool:
    """Whether a process accepts connections there, as a task does that has joined its cluster."""
    with socket.socket() as one:
        one.settimeout(1.0)
        return one.connect_ex((HOST, port)) == 0


def _share(gpus: Sequence[str], index: int, number: int) -> Sequence[str]:
    each = len(gpus) // number
    return gpus[index * each : (index + 1) * each]
