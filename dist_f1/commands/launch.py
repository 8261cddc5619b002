"""`dist-f1 launch`: run a script or a module in several worker processes that form a cluster."""

import os
import pathlib
import sys
import time
from collections.abc import Sequence

import absl.logging  # noqa: F401  Defines --log_dir.
from absl import flags

from dist_f1.commands.exits import exit_with
from dist_f1.launching import cluster, external_cluster, launch_flags, supervisor
from dist_f1.launching.console import Console
from dist_f1.launching.errors import UsageError

_WORKERS = flags.DEFINE_integer(
    "workers", None, "Number of worker processes; default: one for each GPU, or one.", lower_bound=1
)
_MAX_RESTARTS = flags.DEFINE_integer(
    "max_restarts", 0, "Maximum number of restarts after a failure.", lower_bound=0
)
_MODULE = flags.DEFINE_string("m", None, "Module to run instead of a script.")
flags.declare_key_flag("log_dir")
flags.adopt_module_key_flags(launch_flags)


def main(argv: Sequence[str]) -> None:
    """Run the command."""
    try:
        command = _command(list(argv[1:]))
        code = supervisor.supervise(_job(command), Console(sys.stdout, sys.stderr))
    except (OSError, ValueError) as error:
        exit_with("launch", error)
    sys.exit(code)


def _command(arguments: list[str]) -> list[str]:
    if _MODULE.value:
        return ["-m", _MODULE.value, *arguments]
    if not arguments:
        raise UsageError("no script given. Pass a script, or a module with -m.")
    script, *rest = arguments
    if not os.path.isfile(script):
        raise UsageError(f"the script {script!r} does not exist. Pass a module with -m.")
    return [script, *(rest[1:] if rest[:1] == ["--"] else rest)]


def _job(command: Sequence[str]) -> supervisor.Job:
    log_dir = pathlib.Path(
        flags.FLAGS.log_dir or time.strftime(f"dist_f1_logs/%Y%m%d-%H%M%S-{os.getpid()}")
    )
    task = external_cluster.resolve_task()
    if task is not None:
        if _WORKERS.value or _MAX_RESTARTS.value:
            raise UsageError(
                f"this process is {task.name} of a cluster described by the environment, whose "
                "scheduler starts and restarts workers. Omit --workers and --max_restarts, or "
                "unset TF_CONFIG to start a cluster on this machine."
            )
        return supervisor.Job(
            command,
            [task],
            log_dir,
            is_external=True,
            grace_seconds=launch_flags.GRACE_SECONDS.value,
        )
    gpus = cluster.visible_gpus()
    tasks = cluster.workers(_WORKERS.value or len(gpus) or 1)
    return launch_flags.make_job(command, tasks, log_dir, gpus, _MAX_RESTARTS.value)
