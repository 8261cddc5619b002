"""`dist-f1 launch`: run a script or a module in several worker processes that form a cluster."""

from __future__ import annotations

import os
import pathlib
import sys
import time

import click
from typing_extensions import Unpack

from dist_f1.commands.exits import exits_with_message
from dist_f1.commands.job_options import HostOptions, JobOptions, job_options
from dist_f1.commands.start_job import start_job
from dist_f1.launching import cluster, external_cluster
from dist_f1.launching.errors import UsageError
from dist_f1.launching.job import Job


@click.command(
    context_settings={"allow_interspersed_args": False},
    options_metavar="[OPTIONS] (SCRIPT | -m MODULE)",
)
@click.argument("arguments", nargs=-1, metavar="[--] [ARGS]...")
@click.option(
    "--workers",
    type=click.IntRange(1, 1024),
    help="Number of worker processes of each host.  [default: one for each GPU, or one]",
)
@click.option(
    "--max_restarts",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Maximum number of restarts after a failure.",
)
@click.option("-m", "--m", "module", metavar="MODULE", help="Module to run instead of a script.")
@click.option(
    "--log_dir",
    metavar="DIR",
    help="Directory for the output of each worker.  [default: a new one in dist_f1_logs]",
)
@job_options(stall_timeout=0.0)
@exits_with_message(OSError, ValueError)
def main(
    arguments: tuple[str, ...],
    workers: int | None,
    max_restarts: int,
    module: str | None,
    log_dir: str | None,
    hosts: HostOptions | None,
    **options: Unpack[JobOptions],
) -> None:
    """Run a script or a module in several worker processes.

    The workers form a cluster: each process gets its TF_CONFIG and its share of the GPUs. If a
    worker fails, all workers end.

    Example: dist-f1 launch --workers=2 train.py -- --epochs=3
    """
    command = _command([*arguments], module)
    logs = pathlib.Path(log_dir or time.strftime(f"dist_f1_logs/%Y%m%d-%H%M%S-{os.getpid()}"))
    job = _job(command, logs, workers, max_restarts, hosts, options)
    sys.exit(start_job(job, hosts))


def _command(arguments: list[str], module: str | None) -> list[str]:
    if module:
        return ["-m", module, *arguments]
    if not arguments:
        raise UsageError("no script given. Pass a script, or a module with -m.")
    script, *rest = arguments
    if not os.path.isfile(script):
        raise UsageError(f"the script {script!r} does not exist. Pass a module with -m.")
    return [script, *(rest[1:] if rest[:1] == ["--"] else rest)]


def _job(
    command: list[str],
    logs: pathlib.Path,
    workers: int | None,
    max_restarts: int,
    hosts: HostOptions | None,
    options: JobOptions,
) -> Job:
    task = external_cluster.resolve_task()
    if task is not None:
        if workers or max_restarts or hosts:
            raise UsageError(
                f"this process is {task.name} of a cluster described by the environment, whose "
                "scheduler starts and restarts workers. Omit --workers, --max_restarts and "
                "--hosts, or unset TF_CONFIG to start a cluster."
            )
        grace, stall = options["grace_seconds"], options["stall_timeout"]
        return Job(
            command, [task], logs, is_external=True, stall_timeout=stall, grace_seconds=grace
        )
    gpus = cluster.visible_gpus()
    tasks = cluster.workers(workers or len(gpus) or 1)
    return Job(command, tasks, logs, gpus=gpus, max_restarts=max_restarts, **options)
