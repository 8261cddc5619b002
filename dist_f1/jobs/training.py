"""A training job from its first step, or its last checkpoint, to its report."""

from __future__ import annotations

import contextlib
import secrets
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import ml_collections
import tensorflow as tf

from dist_f1.counts import Counts
from dist_f1.jobs import coordination, devices, settings
from dist_f1.jobs.checkpoints import CheckpointError
from dist_f1.jobs.data import Data
from dist_f1.jobs.loop import Epoch, Loop
from dist_f1.jobs.progress import Position
from dist_f1.jobs.run_dir import RunDir
from dist_f1.jobs.summary import Summary
from dist_f1.launching.errors import UserError
from dist_f1.replicas import contexts
from dist_f1.reports import report
from dist_f1.sweeps import Sweep

# How long a worker looks for what the chief has written.
_SHARED_SECONDS = 60.0


def train(
    config: ml_collections.ConfigDict,
    dataset: Data,
    strategy: tf.distribute.Strategy,
    run_dir: RunDir,
    asked_to_stop: Callable[[], bool],
) -> None:
    """Trains from the beginning or from a checkpoint, and fills the run directory.

    Where several workers run, all of them call it, and the chief writes.
    """
    is_chief = contexts.is_chief(strategy)
    say = _say if is_chief else _nothing
    settled = {**config.to_dict(), "class_names": dataset.class_names}
    continues = is_chief and run_dir.prepare(settled, settings.MAY_CHANGE)
    devices_used = devices.devices_of(strategy)
    # A run directory of one's own, that looks like the others', would lose what they write.
    token = coordination.what_the_chief_says(strategy, secrets.randbits(31))
    loop = Loop(config, dataset, strategy, run_dir, asked_to_stop)
    if is_chief:
        run_dir.write_config(
            {
                **settled,
                "replicas": strategy.num_replicas_in_sync,
                "devices": devices_used,
                "token": token,
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
    loop.wait_for_workers()
    _check_shared(run_dir, token)
    if loop.restore(say):
        say(f"continuing from {loop.position}")
    elif continues and run_dir.has_come_far():
        raise CheckpointError(
            f"{run_dir.path} holds a run that has come far, but no checkpoint in "
            f"{run_dir.checkpoints}. Bring them back, or name another --run_dir."
        )
    elif continues:
        say("there is no checkpoint yet; beginning anew")
    if is_chief:
        run_dir.keep_metrics(lambda row: _is_before(row, loop.position))
    with _scalars(config, run_dir, is_chief) as write_scalars:

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
    dataset: Data,
    run_dir: RunDir,
    loop: Loop,
    counts: Counts,
    sweep: Sweep,
) -> None:
    names = dataset.class_names
    text = report(counts, names, digits=4)
    run_dir.write_report(text, report(counts, names, output_dict=True), counts)
    title = f"{config.dataset}: validation after {config.epochs} epochs"
    summed_up = Summary(title, dataset.task, names, counts, sweep)
    summed_up.write(run_dir)
    # After a run that had ended before they are there already.
    predictions = loop.predictions() if config.save_predictions else None
    if predictions is not None:
        run_dir.write_predictions(predictions)
        loop.remove_predictions()
    print(f"\nvalidation, exact over all replicas:\n\n{text}\n{summed_up.text()}\n")
    print(f"results are in {run_dir.path}; report.html shows them", flush=True)


def _check_shared(run_dir: RunDir, token: int) -> None:
    # A network file system may show it a little later.
    deadline = time.monotonic() + _SHARED_SECONDS
    while run_dir.token() != token:
        if time.monotonic() > deadline:
            raise UserError(
                f"--run_dir={run_dir.path} is not the directory that the chief writes to. All "
                "workers must see the same one: put it on a file system that they share."
            )
        time.sleep(0.1)


@contextlib.contextmanager
def stopping() -> Iterator[Callable[[], bool]]:
    """Takes SIGTERM and Ctrl-C for a request to stop; a second one ends the process at once.

    TensorFlow sets a handler of its own when a strategy of several workers is made, which does
    nothing but take note; so this is for after that.
    """
    received: list[int] = []

    def note(number: int, _: Any) -> None:
        received.append(number)
        signal.signal(number, signal.SIG_DFL)

    handled = (signal.SIGTERM, signal.SIGINT)
    before = {int(number): signal.signal(number, note) for number in handled}
    try:
        yield lambda: bool(received)
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


def _is_before(row: dict[str, Any], position: Position) -> bool:
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
