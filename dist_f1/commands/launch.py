"""`dist-f1 launch`: a script or a module in several worker processes that make a cluster."""

from __future__ import annotations

import os
import pathlib
import sys
import time
from collections.abc import Sequence

from absl import flags

from dist_f1.launching import cluster, external_cluster, launch_flags, supervisor
from dist_f1.launching.console import Console

_WORKERS = flags.DEFINE_integer(
    "workers", None, "Worker processes; by default one for each GPU, or one.", lower_bound=1
)
_MAX_RESTARTS = flags.DEFINE_integer(
    "max_restarts", 0, "How often all are started again after one has failed.", lower_bound=0
)
_MODULE = flags.DEFINE_string("m", None, "The module to run, in place of a script.")
flags.declare_key_flag("log_dir")
flags.adopt_module_key_flags(launch_flags)


def main(argv: Sequence[str]) -> None:
    """Runs the command."""
    try:
        command = _command(list(argv[1:]))
        code = supervisor.supervise(_job(command), Console(sys.stdout, sys.stderr))
    except (OSError, ValueError) as error:
        sys.exit(f"dist-f1 launch: {error}")
    sys.exit(code)


def _command(arguments: list[str]) -> list[str]:
    if _MODULE.value:
        return ["-m", _MODULE.value, *arguments]
    if not arguments:
        raise ValueError("name a script, or a module with -m.")
    script, *rest = arguments
    if not os.path.isfile(script):
        raise ValueError(f"there is no script {script!r}. A module is named with -m.")
    return [script, *(rest[1:] if rest[:1] == ["--"] else rest)]


def _job(command: Sequence[str]) -> supervisor.Job:
    # The flag is that of absl's own logging.
    log_dir = pathlib.Path(
        flags.FLAGS.log_dir or time.strftime(f"dist_f1_logs/%Y%m%d-%H%M%S-{os.getpid()}")
    )
    task = external_cluster.adopt()
    if task is not None:
        if _WORKERS.value or _MAX_RESTARTS.value:
            raise ValueError(
                f"this process is {task.name} of a cluster that the environment describes, so "
                "--workers and --max_restarts are decided there. Leave them out; or unset "
                "TF_CONFIG to start a cluster on this machine."
            )
        return supervisor.Job(
            command, [task], log_dir, outside=True, grace_seconds=launch_flags.GRACE_SECONDS.value
        )
    gpus = cluster.visible_gpus()
    tasks = cluster.workers(_WORKERS.value or len(gpus) or 1)
    return launch_flags.job(command, tasks, log_dir, gpus, _MAX_RESTARTS.value)
