"""`dist-f1 train`: trains a classifier under a strategy and reports its exact global F1."""

from __future__ import annotations

import os
import pathlib
import signal
import sys
from collections.abc import Sequence
from importlib import util

import ml_collections
from absl import flags, logging
from ml_collections import config_flags

from dist_f1.jobs import data, devices, plan, settings
from dist_f1.jobs.checkpoints import CheckpointError
from dist_f1.jobs.loop import Diverged, Stopped
from dist_f1.jobs.run_dir import LOGS, RunDir
from dist_f1.jobs.training import stopping, train
from dist_f1.launching import cluster, external_cluster, launch_flags, supervisor
from dist_f1.launching.console import Console
from dist_f1.launching.errors import UserError

_CONFIG = config_flags.DEFINE_config_file(
    "config", None, "A file with get_config(), configs/digits.py say.", lock_config=True
)
_RUN_DIR = flags.DEFINE_string(
    "run_dir", None, "The directory for all results: a new one, or that of a run to continue."
)
_WORKERS = flags.DEFINE_integer(
    "workers", None, "Worker processes to train in; by default this one alone.", lower_bound=1
)
_MAX_RESTARTS = flags.DEFINE_integer(
    "max_restarts",
    3,
    "With --workers: how often all are started again, from the last checkpoint, after one has "
    "failed.",
    lower_bound=0,
)
_DRY_RUN = flags.DEFINE_bool(
    "dry_run", False, "Print the settings, the devices and the plan, and do nothing."
)
flags.mark_flags_as_required(["config", "run_dir"])
flags.adopt_module_key_flags(launch_flags)

# In the environment of the workers that this command has started.
_IS_WORKER = "DIST_F1_TRAIN_WORKER"


def main(argv: Sequence[str]) -> None:
    """Runs the command."""
    try:
        if len(argv) > 1:
            raise UserError(f"unexpected argument {argv[1]!r}; flags begin with --.")
        try:
            # Read here, and not with the other flags.
            config = settings.complete(_CONFIG.value)
        except OSError as error:
            raise UserError(f"--config: {error}") from error
        settings.validate(config)
        _require_extras(config)
        if not _RUN_DIR.value:
            raise UserError("--run_dir must name a directory.")
        if _WORKERS.value and _IS_WORKER not in os.environ:
            sys.exit(_launch(config, _WORKERS.value, _RUN_DIR.value))
        logging.set_verbosity(logging.ERROR)
        if devices.serves():
            devices.serve()
        strategy = devices.make_strategy(config.strategy, config.replicas)
        with stopping() as asked_to_stop:
            dataset = data.load(config)
            if _DRY_RUN.value:
                own = f"devices: {', '.join(devices.devices_of(strategy))}"
                replicas = strategy.num_replicas_in_sync
                print(plan.describe(config, dataset, [own], replicas, _RUN_DIR.value))
                return
            train(config, dataset, strategy, RunDir(_RUN_DIR.value), asked_to_stop)
    except Stopped as error:
        print(f"stopped at {error}, with a checkpoint; the same command goes on from it")
        sys.stdout.flush()
        sys.exit(128 + signal.SIGTERM)
    except (UserError, Diverged, CheckpointError, devices.Unavailable) as error:
        sys.exit(f"dist-f1 train: {error}")


def _launch(config: ml_collections.ConfigDict, number: int, run_dir: str) -> int:
    """Starts this very command in each of the workers."""
    task = external_cluster.adopt()
    if task is not None:
        raise UserError(
            f"the environment describes a cluster already, and this is {task.name} of it. Leave "
            "out --workers; or unset TF_CONFIG, and leave srun, to start one on this machine."
        )
    tasks = cluster.workers(number)
    if config.strategy == "parameter_server":
        tasks = cluster.parameter_servers(number)
    elif config.strategy != "auto" or number > 1:
        devices.check(
            "multi_worker" if config.strategy == "auto" else config.strategy,
            tasks[0] if number > 1 else None,
        )
    RunDir(run_dir).refuse_foreign()
    gpus = cluster.visible_gpus()
    # An early look, so that a wrong number of GPUs is known before anything is started.
    places = cluster.environments(
        tasks, list(range(len(tasks))), gpus, launch_flags.CPU_DEVICES.value
    )
    if _DRY_RUN.value:
        lines = [
            f"{task.name}: {'GPUs ' + place['CUDA_VISIBLE_DEVICES'] if gpus else 'the CPU'}"
            for task, place in zip(tasks, places, strict=True)
        ]
        replicas = len(gpus) // number * number or number
        if config.strategy == "parameter_server":
            replicas = 1
        print(plan.describe(config, data.load(config), lines, replicas, run_dir))
        return 0
    arguments = ["-m", "dist_f1.commands.main", "train", *sys.argv[2:]]
    os.environ[_IS_WORKER] = "1"
    # What TensorFlow says when it starts, several times over, hides what matters.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    logs = pathlib.Path(run_dir) / LOGS
    job = launch_flags.job(arguments, tasks, logs, gpus, _MAX_RESTARTS.value)
    try:
        return supervisor.supervise(job, Console(sys.stdout, sys.stderr))
    except OSError as error:
        raise UserError(f"--run_dir={run_dir} cannot be written: {error}.") from error


def _require_extras(config: ml_collections.ConfigDict) -> None:
    absent = [name for name in ("sklearn", "tqdm", "matplotlib") if not util.find_spec(name)]
    if absent:
        raise UserError(f"{', '.join(absent)} is not installed; pip install 'dist-f1[train]'.")
    if config.tensorboard and not util.find_spec("tensorboard"):
        raise UserError(
            "config.tensorboard=True needs tensorboard; pip install 'dist-f1[tensorboard]'."
        )
