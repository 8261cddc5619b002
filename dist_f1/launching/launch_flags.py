"""Flags of every command that starts workers."""

import pathlib
from collections.abc import Sequence

from absl import flags

from dist_f1.launching.cluster import Task
from dist_f1.launching.supervisor import Job

CPU_DEVICES = flags.DEFINE_integer(
    "cpu_devices", 1, "Logical CPU devices of each worker without a GPU.", lower_bound=1
)
PORT = flags.DEFINE_integer(
    "port",
    0,
    "First of the workers' ports on 127.0.0.1; 0 uses free ports.",
    lower_bound=0,
    upper_bound=65535,
)
JOIN_TIMEOUT = flags.DEFINE_float(
    "join_timeout",
    300.0,
    "Seconds a worker may take to join the cluster after the first worker has joined.",
    lower_bound=0.0,
)
GRACE_SECONDS = flags.DEFINE_float(
    "grace_seconds", 8.0, "Seconds between SIGTERM and SIGKILL for a worker.", lower_bound=0.0
)
flags.DEFINE_alias("start_timeout", "join_timeout")


def make_job(
    command: Sequence[str],
    tasks: Sequence[Task],
    log_dir: pathlib.Path,
    gpus: Sequence[str],
    max_restarts: int,
) -> Job:
    """Return a job on this machine with the values of these flags."""
    return Job(
        command,
        tasks,
        log_dir,
        gpus=gpus,
        cpu_devices=CPU_DEVICES.value,
        first_port=PORT.value,
        max_restarts=max_restarts,
        join_timeout=JOIN_TIMEOUT.value,
        grace_seconds=GRACE_SECONDS.value,
    )
