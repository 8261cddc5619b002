"""The tasks of a job: addresses, `TF_CONFIG` and GPUs of each, and ports of this machine."""

import contextlib
import dataclasses
import glob
import json
import os
import socket
import sys
from collections.abc import Iterable, Mapping, Sequence

from dist_f1.launching import bootstrap
from dist_f1.launching.errors import UserError

HOST = "127.0.0.1"
# gRPC reads the hosts without a proxy from the first of these variables that is set.
_NO_PROXY = ("no_grpc_proxy", "no_proxy")


@dataclasses.dataclass(frozen=True)
class Task:
    """One process of a cluster, e.g. `worker 1`.

    Args:
        type: Job name, e.g. `"worker"`.
        index: Index in the job.
        is_server: Whether the process serves a chief and never exits by itself.
    """

    type: str
    index: int
    is_server: bool = False

    @property
    def name(self) -> str:
        """Name in messages."""
        return f"{self.type} {self.index}"

    @property
    def file_name(self) -> str:
        """Stem of its log file."""
        return f"{self.type}-{self.index}"


def workers(count: int) -> list[Task]:
    """Return the tasks of `MultiWorkerMirroredStrategy`; worker 0 is the chief."""
    return [Task("worker", index) for index in range(count)]


def parameter_servers(count: int) -> list[Task]:
    """Return the tasks of `ParameterServerStrategy`: a chief, `count` workers and one server."""
    served = [Task("worker", index, is_server=True) for index in range(count)]
    return [Task("chief", 0), *served, Task("ps", 0, is_server=True)]


def environments(
    addresses: Mapping[Task, str],
    gpus: Sequence[str],
    cpu_devices: int = 1,
    local: Sequence[Task] | None = None,
) -> list[dict[str, str]]:
    """Return the environment variables of each task of this machine.

    Args:
        addresses: All tasks of the cluster, with `host:port` of each.
        gpus: GPU ids as in `CUDA_VISIBLE_DEVICES`, divided equally among the workers of this
            machine. Without any, the variable is left unchanged.
        cpu_devices: Number of logical CPU devices of each worker if there are no GPUs.
        local: Tasks of this machine; by default all tasks.

    Raises:
        UserError: There are GPUs, but fewer than workers.
    """
    cluster: dict[str, list[str]] = {}
    for task, address in addresses.items():
        cluster.setdefault(task.type, []).append(address)
    excluded = without_proxy(address.rpartition(":")[0] for address in addresses.values())
    tasks = [*addresses] if local is None else local
    computing = [task for task in tasks if task.type == "worker"]
    if gpus and len(gpus) < len(computing):
        raise UserError(
            f"{len(computing)} workers cannot share {len(gpus)} GPUs. Pass at most "
            f"--workers={len(gpus)}, or hide the GPUs with CUDA_VISIBLE_DEVICES=-1."
        )
    result = []
    for task in tasks:
        config = {"cluster": cluster, "task": {"type": task.type, "index": task.index}}
        variables = {"TF_CONFIG": json.dumps(config), **excluded}
        if gpus:
            own: Sequence[str] = ()
            if task in computing:
                each, index = len(gpus) // len(computing), computing.index(task)
                own = gpus[index * each : (index + 1) * each]
            variables["CUDA_VISIBLE_DEVICES"] = ",".join(own) or "-1"
        elif task in computing:
            variables[bootstrap.CPU_DEVICES] = str(cpu_devices)
        result.append(variables)
    return result


def without_proxy(hosts: Iterable[str]) -> dict[str, str]:
    """Return the variable that excludes `hosts` from the gRPC proxy.

    Through a proxy from `http_proxy`, gRPC would wait for other tasks forever.
    """
    excluded = next((os.environ[name] for name in _NO_PROXY if os.environ.get(name)), "")
    names = [name.strip() for name in excluded.split(",") if name.strip()]
    return {_NO_PROXY[0]: ",".join([*names, *sorted(set(hosts).difference(names))])}


def visible_gpus() -> list[str]:
    """Return the ids, as in `CUDA_VISIBLE_DEVICES`, of the GPUs that TensorFlow sees."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    # Import TensorFlow, which takes seconds, only on a machine that may have a GPU.
    nodes = ("/dev/nvidia[0-9]*", "/dev/kfd", "/dev/dxg")
    if visible in ("", "-1") or (
        sys.platform.startswith("linux") and not any(map(glob.glob, nodes))
    ):
        return []
    import tensorflow as tf

    count = len(tf.config.list_physical_devices("GPU"))
    ids = [gpu for gpu in (visible or "").split(",") if gpu]
    return ids[:count] if ids else [str(index) for index in range(count)]


def local_addresses(tasks: Sequence[Task], ports: Sequence[int]) -> dict[Task, str]:
    """Return the address of each task on this machine."""
    return {task: f"{HOST}:{port}" for task, port in zip(tasks, ports, strict=True)}


def free_ports(count: int) -> list[int]:
    """Return ports on which no process listens now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((HOST, 0))
        return [one.getsockname()[1] for one in sockets]


def fixed_ports(first: int, count: int, address: str = HOST) -> list[int]:
    """Return `count` ports starting at `first`, which are free at a local address.

    Raises:
        UserError: A port is in use or above 65535.
    """
    ports = list(range(first, first + count))
    if ports[-1] > 65535:
        raise UserError(f"--port={first} leaves fewer than {count} ports. Pass a lower port.")
    for port in ports:
        with socket.socket() as one:
            # Like TensorFlow, accept a port in TIME_WAIT.
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                one.bind((address, port))
            except OSError as error:
                raise UserError(
                    f"Port {port} is in use ({error.strerror}). Pass another --port, or omit the "
                    "flag to use free ports."
                ) from error
    return ports


def is_listening(port: int) -> bool:
    """Whether a process accepts connections on the port, as a task in its cluster does."""
    with socket.socket() as one:
        one.settimeout(1.0)
        return one.connect_ex((HOST, port)) == 0
