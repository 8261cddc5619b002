"""`Job`: what a launcher runs, and its limits."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Sequence

from dist_f1.launching.cluster import Task


@dataclasses.dataclass(frozen=True)
class Job:
    """A command to run in one process for each task of this machine.

    Args:
        command: A script and its arguments, or `-m`, a module and its arguments.
        tasks: The tasks of this machine.
        log_dir: Directory that gets a subdirectory for each start, with a log of each task.
        is_external: Whether the environment already describes the cluster.
        gpus: GPU ids to divide, see `cluster.environments`.
        cpu_devices: Logical CPU devices of each worker without a GPU.
        first_port: First port of the tasks; 0 for free ports.
        max_restarts: Maximum number of restarts after a failure.
        join_timeout: Seconds a task may take to join after the first task has joined.
        stall_timeout: Seconds a worker may run without calling `heartbeat.alive`; 0 for no limit.
        grace_seconds: Seconds between SIGTERM and SIGKILL.
    """

    command: Sequence[str]
    tasks: Sequence[Task]
    log_dir: pathlib.Path
    is_external: bool = False
    gpus: Sequence[str] = ()
    cpu_devices: int = 1
    first_port: int = 0
    max_restarts: int = 0
    join_timeout: float = 300.0
    stall_timeout: float = 0.0
    grace_seconds: float = 8.0
