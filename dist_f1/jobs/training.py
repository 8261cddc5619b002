"""A training job, from its first step or last checkpoint to its report."""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import ml_collections
import tensorflow as tf

from dist_f1.callbacks import versions
from dist_f1.callbacks.trackers.event_files import EventFile
from dist_f1.counts import Counts
from dist_f1.counts.visible_text import visible_text
from dist_f1.jobs import coordination, devices
from dist_f1.jobs.checkpoints import CheckpointError
from dist_f1.jobs.data import Data
from dist_f1.jobs.loop import EpochResult, Loop
from dist_f1.jobs.opening import check_shared, opened
from dist_f1.jobs.progress import Position
from dist_f1.jobs.run_dir import RunDir
from dist_f1.jobs.run_results import title_of
from dist_f1.jobs.summary import Summary
from dist_f1.launching import alive
from dist_f1.launching.errors import UserError
from dist_f1.replicas import contexts
from dist_f1.reports import report
from dist_f1.sweeps import Sweep


def train(
    config: ml_collections.ConfigDict,
    dataset: Data,
    strategy: tf.distribute.Strategy,
    run_dir: RunDir,
    stop_requested: Callable[[], bool],
) -> None:
    """Train from the beginning or from a checkpoint, and fill the run directory.

    All workers call this function; the chief writes the results.
    """
    config_with_names = {**config.to_dict(), "class_names": dataset.class_names}
    with opened(run_dir, strategy, config_with_names) as (token, is_resumed):
        loop = Loop(config, dataset, strategy, run_dir, stop_requested)
        if contexts.is_chief(strategy):
            run_dir.write_config({**config_with_names, **_environment_of(strategy), "token": token})
        _run(config, dataset, strategy, run_dir, loop, token, is_resumed)


def _environment_of(strategy: tf.distribute.Strategy) -> dict[str, Any]:
    return {
        "replicas": strategy.num_replicas_in_sync,
        "devices": devices.devices_of(strategy),
        "strategy_class": type(strategy).__name__,
        "versions": versions.installed(),
        "started": time.strftime("%Y-%m-%d %H:%M:%S %Z"),
    }


def _run(
    config: ml_collections.ConfigDict,
    dataset: Data,
    strategy: tf.distribute.Strategy,
    run_dir: RunDir,
    loop: Loop,
    token: int,
    is_resumed: bool,
) -> None:
    is_chief = contexts.is_chief(strategy)
    log = _log if is_chief else _ignore
    rows = [
        "rows" if source.rows is None else f"{source.rows} rows"
        for source in (dataset.train, dataset.validation)
    ]
    log(
        f"{config.dataset}: {rows[0]} to train on, {rows[1]} to validate; "
        f"{strategy.num_replicas_in_sync} replica(s) on "
        f"{', '.join(devices.devices_of(strategy))}"
    )
    coordination.barrier(strategy)
    check_shared(run_dir, token)
    run_dir.claim(token)
    if loop.restore(log):
        log(f"resuming from {loop.position}")
    elif is_resumed and run_dir.had_checkpoints():
        raise CheckpointError(
            f"{run_dir.path} holds a run, but its checkpoints are missing in "
            f"{run_dir.checkpoints}. Restore them, or use another --run_dir."
        )
    elif is_resumed:
        log("no checkpoint yet; starting from the beginning")
    if is_chief:
        run_dir.filter_metrics(lambda row: _is_before(row, loop.position))
    with _tensorboard_writer(config, run_dir, is_chief) as write_scalars:

        def on_epoch_end(result: EpochResult) -> None:
            if is_chief:
                run_dir.append_metrics(_metrics_row(result))
                write_scalars(result)
            if result.split == "validation":
                log(
                    f"  validation: loss {result.loss:.4f}, {loop.f1_name} "
                    f"{result.scores[loop.f1_name]:.4f}, accuracy {result.scores['accuracy']:.4f}"
                )

        loop.run(on_epoch_end, log)
    counts, sweep = loop.results()
    if is_chief:
        _write_results(config, dataset, run_dir, loop, counts, sweep)
    coordination.barrier(strategy)


def _write_results(
    config: ml_collections.ConfigDict,
    dataset: Data,
    run_dir: RunDir,
    loop: Loop,
    counts: Counts,
    sweep: Sweep,
) -> None:
    names = dataset.class_names
    alive()
    text = report(counts, names, digits=4)
    run_dir.write_report(text, report(counts, names, output_dict=True), counts)
    # If the run had finished before, the predictions are already written.
    if config.save_predictions:
        predictions = loop.predictions()
        if predictions is not None:
            run_dir.write_predictions(predictions)
        loop.remove_predictions()
    title = title_of(config.to_dict(), run_dir.path.name)
    summary = Summary(title, dataset.task, names, counts, sweep)
    summary.write(run_dir)
    _log(f"\nvalidation, exact over all replicas:\n\n{text}\n{summary.text()}\n")
    _log(f"results are in {run_dir.path}; open report.html")


@contextlib.contextmanager
def _tensorboard_writer(
    config: ml_collections.ConfigDict, run_dir: RunDir, is_chief: bool
) -> Iterator[Callable[[EpochResult], None]]:
    """Yield a function that writes loss and scores for TensorBoard if the config enables it."""
    if not config.tensorboard or not is_chief:
        yield _ignore
        return
    directory = run_dir.path / "tensorboard"
    file = EventFile(directory)

    def write(result: EpochResult) -> None:
        with run_dir.writing(directory), file.as_default():
            for name, value in {"loss": result.loss, **result.scores}.items():
                tf.summary.scalar(f"{result.split}/{name}", value, result.epoch)

    yield write


def _is_before(row: dict[str, Any], position: Position) -> bool:
    """Whether the pass of a row in `metrics.jsonl` was complete at a position."""
    phases = ("train", "validation", "done")
    here = (position.epoch, phases.index(position.phase))
    return (row["epoch"], phases.index(row["split"])) < here


def _metrics_row(result: EpochResult) -> dict[str, Any]:
    return {
        "epoch": result.epoch,
        "split": result.split,
        "loss": result.loss,
        **result.scores,
        "rows": int(result.counts.total),
        "seconds": round(result.seconds, 3),
    }


def _log(text: str) -> None:
    try:
        print(visible_text(text), flush=True)
    except OSError as error:
        raise UserError(
            f"standard output cannot be written: {error}. Free disk space or write to another "
            "file, and run the same command again."
        ) from error


def _ignore(_: Any) -> None:
    pass
