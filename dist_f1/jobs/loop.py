"""The training loop: epochs of training and evaluation that can stop and resume at any step.

loop = Loop(config, data, strategy, run_dir, stop_requested)
loop.restore(print)
loop.run(lambda result: print(result.scores))
counts, sweep = loop.results()
"""

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import ml_collections
import numpy as np
import tensorflow as tf

from dist_f1.counts import Counts
from dist_f1.jobs import coordination, sharding, summary
from dist_f1.jobs.data import Data, DataError
from dist_f1.jobs.data.source import Batch
from dist_f1.jobs.dispatch import Dispatcher
from dist_f1.jobs.endings import DivergedError, MiscountedError, Stopped
from dist_f1.jobs.predictions import Predictions, results_of
from dist_f1.jobs.progress import Position
from dist_f1.jobs.progress_bar import ProgressBar
from dist_f1.jobs.reading import Reader
from dist_f1.jobs.run_dir import RunDir
from dist_f1.jobs.saved_state import SavedState
from dist_f1.jobs.steps import Steps
from dist_f1.launching import alive
from dist_f1.launching.errors import UserError
from dist_f1.replicas import contexts
from dist_f1.scores import score_names
from dist_f1.sweeps import Sweep


@dataclasses.dataclass(frozen=True)
class EpochResult:
    """One pass over one split."""

    epoch: int
    split: str
    loss: float
    scores: dict[str, float]
    counts: Counts
    seconds: float


class Loop:
    """Runs the steps of a job and saves checkpoints from which it can resume.

    If `stop_requested` returns true on one worker, all workers stop at the same step.
    """

    def __init__(
        self,
        config: ml_collections.ConfigDict,
        data: Data,
        strategy: tf.distribute.Strategy,
        run_dir: RunDir,
        stop_requested: Callable[[], bool],
    ) -> None:
        self._config, self._data, self._strategy = config, data, strategy
        self._stop_requested = stop_requested
        self._is_chief = contexts.is_chief(strategy)
        self._shard = sharding.shard_of(strategy)
        self._reader = Reader(data, self._shard)
        self._steps = Steps(config, data, strategy)
        self._state = SavedState(self._steps, strategy, run_dir.checkpoints, config.epochs)
        self._run_dir = run_dir
        self._predictions_dir = run_dir.path / "predictions"
        self._predictions = Predictions(
            self._predictions_dir,
            contexts.worker_index(strategy),
            1 if data.task == "binary" else len(data.class_names),
        )
        self._collected: tuple[np.ndarray, np.ndarray] | None = None
        self._dispatcher = Dispatcher(strategy, self._on_result)
        self._f1 = score_names.parse(self.f1_name)
        self._is_stopping = False

    @property
    def position(self) -> Position:
        """Position of the loop."""
        return self._state.position

    @property
    def f1_name(self) -> str:
        """Name of the F1 that is shown, e.g. `"f1_macro"`."""
        return f"f1_{self._config.average}"

    def restore(self, log: Callable[[str], None]) -> bool:
        """Restore the last intact checkpoint; `False` if there is none.

        Raises:
            CheckpointError: There are checkpoints, but none can be restored.
            DataError: The data have changed since the checkpoint.
        """
        if not self._state.restore(log):
            return False
        self._reader.check(self.position)
        if self._keeps_predictions:
            is_lost = self._is_chief and not self._has_predictions()
            if coordination.broadcast_from_chief(self._strategy, int(is_lost)):
                log("predictions are incomplete; repeating the evaluation")
                self.position.restart_phase("validation")
        return True

    def run(
        self,
        on_epoch_end: Callable[[EpochResult], None],
        log: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Run to the end, and call `on_epoch_end` with the result of each pass.

        If the predictions were damaged meanwhile, the last evaluation is repeated.

        Raises:
            Stopped: The loop stopped on request and saved a checkpoint.
            DivergedError: The model returns NaN or infinite logits.
            CheckpointError: A checkpoint could not be written.
            DataError: The data cannot be read, or have changed since the checkpoint.
            UserError: Predictions cannot be read, not even after a repeated evaluation.
        """
        self._run_phases(on_epoch_end)
        if self._keeps_predictions and self._has_lost_predictions():
            log("predictions are incomplete; repeating the evaluation")
            self.position.restart_phase("validation")
            # Its result is the same, and was reported.
            self._run_phases(lambda result: None)
            if self._has_lost_predictions():
                raise UserError(
                    f"The predictions in {self._run_dir.path / 'predictions'} cannot be read after "
                    "they were written. Check the disk, and start again with the same --run_dir."
                )

    def _run_phases(self, on_epoch_end: Callable[[EpochResult], None]) -> None:
        while self.position.phase != "done":
            on_epoch_end(self._run_phase())
            self.position.start_next_phase(self._config.epochs)
            if self.position.phase != "validation":
                self._save()

    def results(self) -> tuple[Counts, Sweep]:
        """Return the counts of the last evaluation and its sweep, on all workers."""
        return self._steps.scores["validation"].counts().numpy(), self._steps.sweep.sweep()

    def predictions(self) -> dict[str, np.ndarray] | None:
        """Return `y_true`, `y_pred` and `probability` of the last evaluation, if they were kept.

        The probability is that of the decision `y_pred`. Call it on the chief, after `run`.
        """
        if self._collected is None:
            return None
        return results_of(*self._collected, self._data.task, self._config.threshold)

    def remove_predictions(self) -> None:
        """Remove the files that `predictions` reads."""
        with self._run_dir.writing(self._predictions_dir):
            self._predictions.remove()

    def _run_phase(self) -> EpochResult:
        position, phase = self.position, self.position.phase
        if position.step == 0:
            for metric in self._steps.metrics(phase).values():
                metric.reset_state()
        if self._keeps_predictions and self._is_chief:
            with self._run_dir.writing(self._predictions_dir):
                self._predictions.remove_from(position.step)
        if phase == "validation":
            self._steps.average_moving_stats()
        started, last = time.monotonic() - position.seconds, None
        with self._progress_bar() as bar:
            for batch in self._reader.read(position):
                self._schedule(batch)
                last = batch
                if self._is_stopping or position.total_steps % self._config.checkpoint_every == 0:
                    self._dispatcher.join()
                    position.seconds = time.monotonic() - started
                    self._reader.record(position, batch)
                    self._save()
                if self._is_stopping:
                    # Wait: once one worker exits, a scheduler may kill the rest.
                    coordination.barrier(self._strategy)
                    raise Stopped(str(position))
                bar.advance()
                if position.step % self._config.log_every == 0:
                    self._dispatcher.join()
                    self._show_scores(bar)
            self._dispatcher.join()
            if not position.rows:
                raise DataError(f"{phase} has no rows. Provide at least one.")
            counts = self._show_scores(bar)
        position.seconds = time.monotonic() - started
        if last is not None:
            self._reader.record(position, last)
        self._flush_predictions()
        scores = {self.f1_name: float(self._f1(counts)), **summary.values(self._data.task, counts)}
        loss = position.loss / position.rows
        return EpochResult(position.epoch, phase, loss, scores, counts, position.seconds)

    def _schedule(self, batch: Batch) -> None:
        """Start the next step, and advance the position."""
        position = self.position
        columns = sharding.distribute(self._strategy, batch, self._shard)
        status = coordination.encode_status(self._strategy, batch, self._stop_requested())
        step = getattr(self._steps, position.phase)
        self._dispatcher.schedule(step, (*columns, status), (position.step, batch))
        position.step += 1
        position.total_steps += 1
        position.rows += batch.rows

    def _on_result(self, result: dict[str, Any], context: tuple[int, Batch]) -> None:
        """Add the result of a step."""
        alive()
        step, batch = context
        self.position.loss += float(result["loss"])
        stop, is_same = coordination.decode_status(np.asarray(result["status"]), batch, self._shard)
        self._is_stopping = self._is_stopping or stop
        if not is_same:
            raise DataError(
                f"The workers have read different rows for batch {step} of {self.position.phase} "
                f"in epoch {self.position.epoch}. A dataset must return the same rows in the same "
                "order in each process: share the files, and derive random order from config.seed."
            )
        if self._keeps_predictions:
            logits = np.concatenate([np.asarray(slice_) for slice_ in result["logits"]])
            self._predictions.add(step, batch.y[batch.mask], logits[batch.mask])

    def _save(self) -> None:
        """Save a checkpoint, on all workers at the same step."""
        alive()
        if self.position.step:
            self._check_counts()
        self._flush_predictions()
        self._run_dir.check_claim()
        self._state.save()

    def _flush_predictions(self) -> None:
        if self._keeps_predictions:
            with self._run_dir.writing(self._predictions_dir):
                self._predictions.flush()

    def _check_counts(self) -> Counts:
        """Return the global counts of this phase; check that they cover all rows read."""
        phase = "train" if self.position.phase == "train" else "validation"
        counts = self._steps.scores[phase].counts().numpy()
        if counts.invalid:
            raise DivergedError(
                f"Training has diverged in epoch {self.position.epoch}: the model returned NaN or "
                f"infinite logits for {int(counts.invalid)} rows. Lower config.learning_rate="
                f"{self._config.learning_rate}, and use another --run_dir."
            )
        if int(counts.total) != self.position.rows:
            raise MiscountedError(
                f"{int(counts.total)} rows were counted, but {self.position.rows} were read, at "
                f"{self.position}. A step was run twice or not at all. Start again with the same "
                "--run_dir; the last checkpoint is correct."
            )
        return counts

    def _progress_bar(self) -> ProgressBar:
        position = self.position
        name = "epoch" if position.phase == "train" else "validation"
        return ProgressBar(
            f"{name} {position.epoch}/{self._config.epochs}",
            self._reader.source(position.phase).batches,
            position.step,
            self._is_chief,
        )

    def _show_scores(self, bar: ProgressBar) -> Counts:
        counts = self._check_counts()
        loss = self.position.loss / int(counts.total)
        bar.show({"loss": loss, self.f1_name: float(self._f1(counts))})
        return counts

    def _has_predictions(self) -> bool:
        """Whether all predictions of the evaluation so far exist."""
        rows = self.position.rows
        is_written = self.position.phase == "done" and self._run_dir.has_predictions(rows)
        return is_written or self._predictions.has_rows(rows)

    def _has_lost_predictions(self) -> bool:
        """Collect the predictions on the chief; whether some are lost, on all workers."""
        rows, is_lost = self.position.rows, False
        if self._is_chief:
            self._collected = self._predictions.collect_rows(rows)
            is_lost = self._collected is None and not self._run_dir.has_predictions(rows)
        return bool(coordination.broadcast_from_chief(self._strategy, int(is_lost)))

    @property
    def _keeps_predictions(self) -> bool:
        is_last = self.position.epoch == self._config.epochs
        return self._config.save_predictions and is_last and self.position.phase != "train"
