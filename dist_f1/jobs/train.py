"""`dist-f1 train`: trains a classifier under a strategy and reports its exact global F1."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib import util
from typing import Any

import ml_collections
import tensorflow as tf
from absl import flags, logging
from ml_collections import config_flags

from dist_f1 import contexts
from dist_f1 import report as reports
from dist_f1.jobs import data, devices, plan, settings
from dist_f1.jobs.checkpoints import CheckpointError
from dist_f1.jobs.launching import cluster, options, supervisor
from dist_f1.jobs.launching.console import Console
from dist_f1.jobs.loop import Diverged, Epoch, Loop, MiscountedError, Stopped
from dist_f1.jobs.run_dir import LOGS, RunDir
from dist_f1.jobs.summary import Summary

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
flags.adopt_module_key_flags(options)

# In the environment of the workers that this command has started.
_IS_WORKER = "DIST_F1_TRAIN_WORKER"


def main(argv: Sequence[str]) -> None:
    """Runs the command."""
    try:
        if len(argv) > 1:
            raise ValueError(f"unexpected argument {argv[1]!r}; flags begin with --.")
        config = settings.complete(_CONFIG.value)
        settings.validate(config)
        _require_extras(config)
        if not _RUN_DIR.value:
            raise ValueError("--run_dir must name a directory.")
        if _WORKERS.value and _IS_WORKER not in os.environ:
            sys.exit(_launch(config))
        logging.set_verbosity(logging.ERROR)
        if devices.serves():
            devices.serve()
        strategy = devices.make_strategy(config.strategy, config.replicas)
        dataset = data.load(config)
        if _DRY_RUN.value:
            own = f"devices: {', '.join(devices.devices_of(strategy))}"
            replicas = strategy.num_replicas_in_sync
            print(plan.describe(config, dataset, [own], replicas, _RUN_DIR.value))
            return
        train(config, dataset, strategy, RunDir(_RUN_DIR.value))
    except Stopped as error:
        print(f"stopped at {error}, with a checkpoint; the same command goes on from it")
        sys.stdout.flush()
        sys.exit(128 + signal.SIGTERM)
    except (
        OSError,
        ValueError,
        Diverged,
        CheckpointError,
        MiscountedError,
        devices.Unavailable,
    ) as error:
        sys.exit(f"dist-f1 train: {error}")


def train(
    config: ml_collections.ConfigDict,
    dataset: data.Data,
    strategy: tf.distribute.Strategy,
    run_dir: RunDir,
) -> None:
    """Trains from the beginning or from a checkpoint, and fills the run directory.

    Where several workers run, all of them call it, and the chief writes.
    """
    is_chief = contexts.is_chief(strategy)
    say = _say if is_chief else _nothing
    settled = {**config.to_dict(), "class_names": dataset.class_names}
    continues = is_chief and run_dir.prepare(settled, settings.MAY_CHANGE)
    devices_used = devices.devices_of(strategy)
    loop = Loop(config, dataset, strategy, run_dir)
    if is_chief:
        run_dir.write_config(
            {
                **settled,
                "replicas": strategy.num_replicas_in_sync,
                "devices": devices_used,
            }
        )
    rows = [
        "rows" if source.rows is None else f"{source.rows} rows"
        for source in (dataset.train, dataset.validation)
    ]
    say(
        f"{config.dataset}: {rows[0]} to train on, {rows[1]} to validate; "
        f"{strategy.num_replicas_in_sync} replica(s) on {', '.join(devices_used)}"
    )
    if loop.restore(say):
        say(f"continuing from {loop.position}")
    elif continues:
        say("there is no checkpoint yet; beginning anew")
    if is_chief:
        run_dir.keep_metrics(lambda row: _is_before(row, loop.position))
    with _stopping(loop), _scalars(config, run_dir, is_chief) as write_scalars:

        def ended(epoch: Epoch) -> None:
            if is_chief:
                run_dir.append_metrics(_row(epoch))
                write_scalars(epoch)
            if epoch.split == "validation":
                say(
                    f"  validation: loss {epoch.loss:.4f}, {loop.f1_name} "
                    f"{epoch.scores[loop.f1_name]:.4f}, accuracy {epoch.scores['accuracy']:.4f}"
                )

        loop.run(ended)
    counts, sweep = loop.results()
    if is_chief:
        _write_results(config, dataset, run_dir, loop, counts, sweep)
    loop.wait_for_workers()


def _write_results(
    config: ml_collections.ConfigDict,
    dataset: data.Data,
    run_dir: RunDir,
    loop: Loop,
    counts: Any,
    sweep: Any,
) -> None:
    names = dataset.class_names
    text = reports(counts, names, digits=4)
    run_dir.write_report(text, reports(counts, names, output_dict=True), counts)
    title = f"{config.dataset}: validation after {config.epochs} epochs"
    summed_up = Summary(title, dataset.task, names, counts, sweep)
    summed_up.write(run_dir)
    predictions = loop.predictions() if config.save_predictions else None
    if predictions is not None:
        run_dir.write_predictions(predictions)
        loop.remove_predictions()
    print(f"\nvalidation, exact over all replicas:\n\n{text}\n{summed_up.text()}\n")
    print(f"results are in {run_dir.path}; report.html shows them", flush=True)


def _launch(config: ml_collections.ConfigDict) -> int:
    """Starts this very command in each of the workers."""
    number = _WORKERS.value
    if "TF_CONFIG" in os.environ:
        raise ValueError(
            "TF_CONFIG in the environment describes a cluster already. Leave out --workers to be "
            "one of its workers, or unset TF_CONFIG to start a cluster on this machine."
        )
    tasks = cluster.workers(number)
    if config.strategy == "parameter_server":
        tasks = cluster.parameter_servers(number)
    elif config.strategy != "auto" or number > 1:
        devices.check(
            "multi_worker" if config.strategy == "auto" else config.strategy,
            tasks[0] if number > 1 else None,
        )
    gpus = cluster.visible_gpus()
    # An early look, so that a wrong number of GPUs is known before anything is started.
    places = cluster.environments(tasks, list(range(len(tasks))), gpus, options.CPU_DEVICES.value)
    if _DRY_RUN.value:
        return _describe(config, tasks, places, gpus)
    arguments = ["-m", "dist_f1.jobs.cli", "train", *sys.argv[2:]]
    os.environ[_IS_WORKER] = "1"
    # What TensorFlow says when it starts, several times over, hides what matters.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    logs = pathlib.Path(_RUN_DIR.value) / LOGS
    job = options.job(arguments, tasks, logs, gpus, _MAX_RESTARTS.value)
    return supervisor.supervise(job, Console(sys.stdout, sys.stderr))


def _describe(
    config: ml_collections.ConfigDict,
    tasks: Sequence[cluster.Task],
    places: Sequence[dict[str, str]],
    gpus: Sequence[str],
) -> int:
    lines = []
    for task, place in zip(tasks, places, strict=True):
        shown = f"GPUs {place['CUDA_VISIBLE_DEVICES']}" if gpus else "the CPU"
        lines.append(f"{task.name}: {shown}")
    replicas = len(gpus) // _WORKERS.value * _WORKERS.value or _WORKERS.value
    if config.strategy == "parameter_server":
        replicas = 1
    print(plan.describe(config, data.load(config), lines, replicas, _RUN_DIR.value))
    return 0


@contextlib.contextmanager
def _stopping(loop: Loop) -> Iterator[None]:
    """Has SIGTERM and Ctrl-C end the loop after its step; a second one ends it at once.

    TensorFlow sets a handler of its own when a strategy of several workers is made; this replaces
    it.
    """

    def ask(number: int, _: Any) -> None:
        loop.ask_to_stop()
        signal.signal(number, before[number])

    handled = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, ask) for number in handled}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _scalars(
    config: ml_collections.ConfigDict, run_dir: RunDir, is_chief: bool
) -> Iterator[Callable[[Epoch], None]]:
    """Writes loss and scores of each epoch for TensorBoard, if that is asked for."""
    if not config.tensorboard or not is_chief:
        yield _nothing
        return
    writer = tf.summary.create_file_writer(str(run_dir.path / "tensorboard"))

    def write(epoch: Epoch) -> None:
        with writer.as_default(step=epoch.epoch):
            for name, value in {"loss": epoch.loss, **epoch.scores}.items():
                tf.summary.scalar(f"{epoch.split}/{name}", value)
        writer.flush()

    with contextlib.closing(writer):
        yield write


def _require_extras(config: ml_collections.ConfigDict) -> None:
    absent = [name for name in ("sklearn", "tqdm", "matplotlib") if not util.find_spec(name)]
    if absent:
        raise ValueError(f"{', '.join(absent)} is not installed; pip install 'dist-f1[train]'.")
    if config.tensorboard and not util.find_spec("tensorboard"):
        raise ValueError(
            "config.tensorboard=True needs tensorboard; pip install 'dist-f1[tensorboard]'."
        )


def _is_before(row: dict[str, Any], position: Any) -> bool:
    """Whether a pass was complete at a position."""
    phases = ("train", "validation", "done")
    here = (position.epoch, phases.index(position.phase))
    return (row["epoch"], phases.index(row["split"])) < here


def _row(epoch: Epoch) -> dict[str, Any]:
    return {
        "epoch": epoch.epoch,
        "split": epoch.split,
        "loss": epoch.loss,
        **epoch.scores,
        "rows": int(epoch.counts.total),
        "seconds": round(epoch.seconds, 3),
    }


def _say(text: str) -> None:
    print(text, flush=True)


def _nothing(_: Any) -> None:
    pass
