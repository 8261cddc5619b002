"""`dist-f1 train`: train a classifier under a strategy and report its exact global F1."""

import os
import pathlib
import signal
import sys
from collections.abc import Sequence
from importlib import util

import ml_collections
from absl import flags, logging
from ml_collections import config_flags

from dist_f1.commands.exits import exit_with
from dist_f1.jobs import requirements, settings
from dist_f1.jobs.run_dir import LOGS, RunDir
from dist_f1.launching import cluster, external_cluster, launch_flags, supervisor
from dist_f1.launching.console import Console
from dist_f1.launching.errors import UsageError, UserError

_CONFIG = config_flags.DEFINE_config_file(
    "config", None, "File with get_config(), e.g. configs/digits.py.", lock_config=True
)
_RUN_DIR = flags.DEFINE_string(
    "run_dir", None, "Directory for all results: a new one, or that of a run to resume."
)
_WORKERS = flags.DEFINE_integer(
    "workers", None, "Number of worker processes; default: train in this process.", lower_bound=1
)
_MAX_RESTARTS = flags.DEFINE_integer(
    "max_restarts",
    3,
    "With --workers: maximum number of restarts, from the last checkpoint, after a failure.",
    lower_bound=0,
)
_DRY_RUN = flags.DEFINE_bool(
    "dry_run", False, "Print the settings, the devices and the plan, and exit."
)
flags.mark_flags_as_required(["config", "run_dir"])
flags.adopt_module_key_flags(launch_flags)

# Set in the environment of workers that this command has started.
_IS_WORKER = "DIST_F1_TRAIN_WORKER"


def main(argv: Sequence[str]) -> None:
    """Run the command."""
    try:
        if len(argv) > 1:
            raise UsageError(f"unexpected argument {argv[1]!r}. Flags start with --.")
        try:
            # The flag reads the config file only here.
            config = settings.complete(_CONFIG.value)
        except OSError as error:
            raise UsageError(f"--config: {error}") from error
        settings.validate(config)
        if not _RUN_DIR.value:
            raise UsageError("--run_dir is empty. Pass a directory.")
        _require_extras(config)
        if _WORKERS.value and _IS_WORKER not in os.environ:
            sys.exit(_launch(config, _WORKERS.value, _RUN_DIR.value))
        _train(config, _RUN_DIR.value)
    except UserError as error:
        exit_with("train", error)


def _train(config: ml_collections.ConfigDict, run_dir: str) -> None:
    # Import TensorFlow only for a valid command line.
    from dist_f1.jobs import data, devices, plan
    from dist_f1.jobs.loop import Stopped
    from dist_f1.jobs.training import catch_stop_signals, train

    logging.set_verbosity(logging.ERROR)
    if requirements.is_server():
        devices.run_server()
    strategy = devices.make_strategy(config.strategy, config.replicas)
    try:
        with catch_stop_signals() as stop_requested:
            dataset = data.load(config)
            if _DRY_RUN.value:
                own = f"devices: {', '.join(devices.devices_of(strategy))}"
                replicas = strategy.num_replicas_in_sync
                print(plan.describe(config, dataset, [own], replicas, run_dir))
                return
            train(config, dataset, strategy, RunDir(run_dir), stop_requested)
    except Stopped as error:
        print(f"stopped at {error}; checkpoint saved; rerun the command to resume", flush=True)
        sys.exit(128 + signal.SIGTERM)


def _launch(config: ml_collections.ConfigDict, count: int, run_dir: str) -> int:
    """Run this command in each of `count` workers, and return the exit code."""
    task = external_cluster.resolve_task()
    if task is not None:
        raise UserError(
            f"this process is {task.name} of a cluster described by the environment. Omit "
            "--workers; or unset TF_CONFIG, and do not use srun, to start a cluster on this "
            "machine."
        )
    tasks = cluster.workers(count)
    if config.strategy == "parameter_server":
        tasks = cluster.parameter_servers(count)
    elif config.strategy != "auto" or count > 1:
        requirements.check(
            "multi_worker" if config.strategy == "auto" else config.strategy,
            tasks[0] if count > 1 else None,
        )
    RunDir(run_dir).check_is_run_dir()
    gpus = cluster.visible_gpus()
    # Detect a wrong number of GPUs before anything is started.
    places = cluster.environments(
        tasks, list(range(len(tasks))), gpus, launch_flags.CPU_DEVICES.value
    )
    if _DRY_RUN.value:
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
    # The start-up messages of TensorFlow, one copy for each worker, would hide ours.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    logs = pathlib.Path(run_dir) / LOGS
    job = launch_flags.make_job(arguments, tasks, logs, gpus, _MAX_RESTARTS.value)
    try:
        return supervisor.supervise(job, Console(sys.stdout, sys.stderr))
    except OSError as error:
        raise UserError(f"--run_dir={run_dir} cannot be written: {error}.") from error


def _require_extras(config: ml_collections.ConfigDict) -> None:
    names = ("sklearn", "tqdm", "matplotlib", "jinja2")
    absent = [name for name in names if not util.find_spec(name)]
    if absent:
        raise UserError(f"{', '.join(absent)} is not installed. Run pip install 'dist-f1[train]'.")
    if config.tensorboard and not util.find_spec("tensorboard"):
        raise UserError(
            "config.tensorboard=True needs tensorboard. Run pip install 'dist-f1[tensorboard]'."
        )
