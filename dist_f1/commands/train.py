"""`dist-f1 train`: train a classifier under a strategy and report its exact global F1."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import sys
from importlib import util

import click
import ml_collections
from absl import flags, logging
from typing_extensions import Unpack

from dist_f1.commands import config_options
from dist_f1.commands.exits import exits_with_message
from dist_f1.commands.job_options import HostOptions, JobOptions, job_options
from dist_f1.commands.start_job import start_job
from dist_f1.commands.startup_messages import held_messages
from dist_f1.jobs import requirements, settings
from dist_f1.jobs.run_dir import LOGS, RunDir
from dist_f1.launching import cluster, external_cluster, heartbeat
from dist_f1.launching.console import COLUMNS
from dist_f1.launching.errors import UsageError, UserError
from dist_f1.launching.job import Job

# Set in the environment of workers that this command has started.
_IS_WORKER = "DIST_F1_TRAIN_WORKER"


@click.command(
    cls=config_options.CommandWithConfig,
    options_metavar="--config=FILE --run_dir=DIR [--config.KEY=VALUE]... [OPTIONS]",
)
@click.option(
    "--config",
    "config_file",
    required=True,
    metavar="FILE",
    help="File with get_config(), e.g. configs/digits.py.",
)
@click.option(
    "--run_dir",
    required=True,
    metavar="DIR",
    help="Directory for all results: a new one, or that of a run to resume.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 1024),
    help="Number of worker processes of each host.  [default: train in this process; with --hosts, "
    "one]",
)
@click.option(
    "--max_restarts",
    type=click.IntRange(0, 1_000_000),
    default=3,
    show_default=True,
    help="With --workers: maximum number of restarts, from the last checkpoint, after a failure.",
)
@click.option(
    "--dry_run/--nodry_run", help="Print the settings, the devices and the plan, and exit."
)
@job_options(stall_timeout=600.0)
@click.pass_obj
@exits_with_message(UserError)
def main(
    overrides: list[str],
    config_file: str,
    run_dir: str,
    workers: int | None,
    max_restarts: int,
    dry_run: bool,
    hosts: HostOptions | None,
    **options: Unpack[JobOptions],
) -> None:
    """Train a classifier and report its exact F1 over all replicas.

    --config.KEY=VALUE overrides a setting of the config file, e.g. --config.epochs=3. Rerun a
    command that was interrupted: the run resumes from its last checkpoint.
    """
    config = settings.complete(config_options.read(config_file, overrides))
    settings.validate(config)
    if not run_dir:
        raise UsageError("--run_dir is empty. Pass a directory.")
    _require_extras(config)
    if (workers or hosts) and _IS_WORKER not in os.environ:
        sys.exit(_launch(config, workers or 1, run_dir, max_restarts, dry_run, hosts, options))
    with heartbeat.ends_if_stalled(options["stall_timeout"]):
        _train(config, run_dir, dry_run)


def _train(config: ml_collections.ConfigDict, run_dir: str, dry_run: bool) -> None:
    # Functions of the user may read absl flags.
    flags.FLAGS(sys.argv[:1])
    logging.set_verbosity(logging.ERROR)
    with held_messages():
        # Import TensorFlow only for a valid command line.
        from dist_f1.jobs import data, devices, plan
        from dist_f1.jobs.endings import Stopped
        from dist_f1.jobs.stop_signals import catch_stop_signals
        from dist_f1.jobs.training import train
        from dist_f1.replicas import contexts

        is_server = requirements.is_server()
        if not is_server:
            strategy = devices.make_strategy(config.strategy, config.replicas)
    if is_server:
        devices.run_server()
    # Several workers stop together, at a step.
    is_alone = contexts.num_workers(strategy) == 1
    with catch_stop_signals() as signals:
        try:
            with held_messages(), signals.end_at_once() if is_alone else contextlib.nullcontext():
                dataset = data.load(config)
            if dry_run:
                own = f"devices: {', '.join(devices.devices_of(strategy))}"
                replicas = strategy.num_replicas_in_sync
                print(plan.describe(config, dataset, [own], replicas, run_dir))
                return
            train(config, dataset, strategy, RunDir(run_dir), signals.are_received)
        except Stopped as error:
            # The terminal may be closed.
            with contextlib.suppress(OSError):
                print(f"stopped at {error}; checkpoint saved; rerun the command to resume")
                sys.stdout.flush()
            sys.exit(signals.exit_code)


def _launch(
    config: ml_collections.ConfigDict,
    count: int,
    run_dir: str,
    max_restarts: int,
    dry_run: bool,
    hosts: HostOptions | None,
    options: JobOptions,
) -> int:
    """Run this command in each of `count` workers, and return the exit code."""
    task = external_cluster.resolve_task()
    if task is not None:
        raise UserError(
            f"this process is {task.name} of a cluster described by the environment. Omit "
            "--workers and --hosts; or unset TF_CONFIG, and do not use srun, to start a cluster."
        )
    tasks = cluster.workers(count)
    if config.strategy == "parameter_server":
        if hosts is not None:
            raise UserError(
                "config.strategy=parameter_server runs on one machine, or with TF_CONFIG from a "
                "scheduler. Omit --hosts, or use config.strategy=multi_worker."
            )
        tasks = cluster.parameter_servers(count)
    elif config.strategy != "auto" or count > 1:
        is_cluster = count > 1 or hosts is not None
        requirements.check(
            "multi_worker" if config.strategy == "auto" else config.strategy,
            tasks[0] if is_cluster else None,
        )
    RunDir(run_dir).check_is_run_dir()
    gpus = cluster.visible_gpus()
    # Detect a wrong number of GPUs before anything is started.
    addresses = cluster.local_addresses(tasks, range(len(tasks)))
    places = cluster.environments(addresses, gpus, options["cpu_devices"])
    if dry_run:
        from dist_f1.jobs import data, plan

        lines = [
            f"{task.name}: {'GPUs ' + place['CUDA_VISIBLE_DEVICES'] if gpus else 'the CPU'}"
            for task, place in zip(tasks, places, strict=True)
        ]
        replicas = len(gpus) // count * count or count
        if config.strategy == "parameter_server":
            replicas = 1
        print(plan.describe(config, data.load(config), lines, replicas, run_dir))
        return 0
    arguments = ["-m", "dist_f1.commands.main", "train", *sys.argv[2:]]
    os.environ[_IS_WORKER] = "1"
    if sys.stderr.isatty():
        # The workers write through pipes, and cannot ask for the width of the terminal.
        prefix = max(len(f"[{task.name}] ") for task in tasks)
        os.environ[COLUMNS] = str(shutil.get_terminal_size().columns - prefix)
    # The start-up messages of TensorFlow, one copy for each worker, would hide ours.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    logs = pathlib.Path(run_dir) / LOGS
    job = Job(arguments, tasks, logs, gpus=gpus, max_restarts=max_restarts, **options)
    # An extra installs the library of the lock, see `_require_extras`.
    from dist_f1.jobs.run_lock import LOCKED_BY_LAUNCHER, RunLock

    # The chief does not lock the directory again.
    os.environ[LOCKED_BY_LAUNCHER] = "1"
    lock = RunLock(run_dir)
    try:
        if hosts is not None:
            return start_job(job, hosts, lock.try_acquire, lock.release)
        with lock:
            return start_job(job, None)
    except OSError as error:
        raise UserError(f"--run_dir={run_dir} cannot be written: {error}.") from error


def _require_extras(config: ml_collections.ConfigDict) -> None:
    names = ("sklearn", "tqdm", "matplotlib", "jinja2", "filelock")
    absent = [name for name in names if not util.find_spec(name)]
    if absent:
        raise UserError(f"{', '.join(absent)} is not installed. Run pip install 'dist-f1[train]'.")
    if config.tensorboard and not util.find_spec("tensorboard"):
        raise UserError(
            "config.tensorboard=True needs tensorboard. Run pip install 'dist-f1[tensorboard]'."
        )
