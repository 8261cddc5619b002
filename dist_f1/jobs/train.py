"""`dist-f1 train`: trains a classifier under a strategy and reports its exact global F1."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import util
from typing import Any

import ml_collections
import tensorflow as tf
from absl import flags, logging
from ml_collections import config_flags

from dist_f1.jobs import data, devices, settings
from dist_f1.jobs.loop import Diverged, Epoch, Loop
from dist_f1.jobs.run_dir import RunDir
from dist_f1.jobs.summary import Summary

_CONFIG = config_flags.DEFINE_config_file(
    "config", None, "A file with get_config(), configs/digits.py say.", lock_config=True
)
_RUN_DIR = flags.DEFINE_string("run_dir", None, "The directory for all results; new or empty.")
flags.mark_flags_as_required(["config", "run_dir"])


def main(argv: Sequence[str]) -> None:
    """Runs the command."""
    try:
        if len(argv) > 1:
            raise ValueError(f"unexpected argument {argv[1]!r}; flags begin with --.")
        _require_extra()
        settings.validate(_CONFIG.value)
        if not _RUN_DIR.value:
            raise ValueError("--run_dir must name a directory.")
        config = _CONFIG.value
        dataset = data.load(config.dataset, config.validation_fraction, config.seed)
        run_dir = RunDir(_RUN_DIR.value)
        run_dir.create()
    except (OSError, ValueError) as error:
        sys.exit(f"dist-f1 train: {error}")
    logging.set_verbosity(logging.WARNING)
    try:
        train(config, dataset, run_dir)
    except Diverged as error:
        sys.exit(f"dist-f1 train: {error}")


def train(config: ml_collections.ConfigDict, dataset: data.Data, run_dir: RunDir) -> None:
    """Trains, evaluates after each epoch, and fills the run directory."""
    strategy = devices.make_strategy(config.strategy, config.replicas)
    devices_used = devices.devices_of(strategy)
    run_dir.write_config(
        {
            **config.to_dict(),
            "replicas": strategy.num_replicas_in_sync,
            "devices": devices_used,
            "class_names": dataset.class_names,
        }
    )
    print(
        f"{config.dataset}: {len(dataset.x_train)} rows to train on, "
        f"{len(dataset.x_validation)} to validate; {strategy.num_replicas_in_sync} replica(s) on "
        f"{', '.join(devices_used)}",
        flush=True,
    )
    loop = Loop(config, dataset, strategy)
    checkpoints = tf.train.CheckpointManager(
        tf.train.Checkpoint(model=loop.model, optimizer=loop.optimizer),
        str(run_dir.checkpoints),
        max_to_keep=3,
    )
    predictions: dict[str, Any] = {}
    for epoch in range(1, config.epochs + 1):
        run_dir.append_metrics(_row(loop.train_epoch(epoch)))
        validation, predictions = loop.evaluate(epoch)
        run_dir.append_metrics(_row(validation))
        checkpoints.save(checkpoint_number=epoch)
        print(
            f"  validation: loss {validation.loss:.4f}, {loop.f1_name} "
            f"{validation.scores[loop.f1_name]:.4f}, accuracy {validation.scores['accuracy']:.4f}",
            flush=True,
        )
    text = loop.report()
    run_dir.write_report(text, loop.report(output_dict=True), validation.counts)
    summed_up = Summary(
        f"{config.dataset}: validation after {config.epochs} epochs",
        settings.task_of(config),
        dataset.class_names,
        validation.counts,
        loop.sweep(),
    )
    summed_up.write(run_dir)
    if config.save_predictions:
        run_dir.write_predictions(predictions)
    print(f"\nvalidation, exact over all replicas:\n\n{text}\n{summed_up.text()}\n")
    print(f"results are in {run_dir.path}; report.html shows them")


def _require_extra() -> None:
    absent = [name for name in ("sklearn", "tqdm", "matplotlib") if not util.find_spec(name)]
    if absent:
        raise ValueError(f"{', '.join(absent)} is not installed; pip install 'dist-f1[train]'.")


def _row(epoch: Epoch) -> dict[str, Any]:
    return {
        "epoch": epoch.epoch,
        "split": epoch.split,
        "loss": epoch.loss,
        **epoch.scores,
        "rows": int(epoch.counts.total),
        "seconds": round(epoch.seconds, 3),
    }
