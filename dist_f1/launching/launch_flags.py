"""The flags that every command which starts workers has."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

from absl import flags

from dist_f1.launching.cluster import Task
from dist_f1.launching.supervisor import Job

CPU_DEVICES = flags.DEFINE_integer(
    "cpu_devices", 1, "Logical devices of each worker where there is no GPU.", lower_bound=1
)
PORT = flags.DEFINE_integer(
    "port",
    0,
    "The first of the workers' ports on 127.0.0.1; 0 finds free ones.",
    lower_bound=0,
    upper_bound=65535,
)
START_TIMEOUT = flags.DEFINE_float(
    "start_timeout",
    300.0,
    "Seconds that a worker has to join the cluster, after the first one has.",
    lower_bound=0.0,
)
GRACE_SECONDS = flags.DEFINE_float(
    "grace_seconds", 8.0, "Seconds between asking a worker to end and killing it.", lower_bound=0.0
)


def job(
    command: Sequence[str],
    tasks: Sequence[Task],
    log_dir: pathlib.Path,
    gpus: Sequence[str],
    max_restarts: int,
) -> Job:
    """A job on this machine, as these flags have it."""
    return Job(
        command,
        tasks,
        log_dir,
        gpus=gpus,
        cpu_devices=CPU_DEVICES.value,
        first_port=PORT.value,
        max_restarts=max_restarts,
        start_timeout=START_TIMEOUT.value,
        grace_seconds=GRACE_SECONDS.value,
    )
