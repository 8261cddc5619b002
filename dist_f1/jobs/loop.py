"""The training loop: epochs of training and evaluation that can be left and taken up at any step.

loop = Loop(config, data, strategy, run_dir, asked_to_stop)
loop.restore()
loop.run(lambda epoch: print(epoch.scores))
results = loop.results()
"""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import ml_collections
import numpy as np
import tensorflow as tf

from dist_f1.counts import Counts
from dist_f1.jobs import coordination, sharding, summary
from dist_f1.jobs.checkpoints import CheckpointError, Checkpoints
from dist_f1.jobs.data import Data, DataError
from dist_f1.jobs.data.source import Batch
from dist_f1.jobs.dispatch import Dispatcher
from dist_f1.jobs.predictions import Predictions, decide
from dist_f1.jobs.progress import Position, Progress
from dist_f1.jobs.reading import Reader
from dist_f1.jobs.run_dir import RunDir
from dist_f1.jobs.steps import Steps
from dist_f1.replicas import contexts
from dist_f1.scores import score_names
from dist_f1.sweeps import Sweep


@dataclasses.dataclass(frozen=True)
class Epoch:
    """One pass over one split."""

    epoch: int
    split: str
    loss: float
    scores: dict[str, float]
    counts: Counts
    seconds: float


class Diverged(ArithmeticError):
    """The model's scores are no numbers any more."""


class MiscountedError(RuntimeError):
    """The counts are not those of the rows that were read."""


class Stopped(Exception):
    """The loop was asked to stop, and has, with a checkpoint."""


class Loop:
    """Runs the steps of a job and knows, at each, how to come back to it.

    Args:
        config: complete.
        data: of the job.
        strategy: of the job.
        run_dir: for checkpoints; all workers share it.
        asked_to_stop: tells whether this worker has been asked to; all stop at the same step,
            with a checkpoint.
    """

    def __init__(
        self,
        config: ml_collections.ConfigDict,
        data: Data,
        strategy: tf.distribute.Strategy,
        run_dir: RunDir,
        asked_to_stop: Callable[[], bool],
    ) -> None:
        self._config, self._data, self._strategy = config, data, strategy
        self._asked_to_stop = asked_to_stop
        self.is_chief = contexts.is_chief(strategy)
        self._share = sharding.share_of(strategy)
        self._reader = Reader(data, self._share)
        self._steps = Steps(config, data, strategy)
        self._progress = Progress()
        self._saved = tf.train.Checkpoint(
            model=self._steps.model,
            optimizer=self._steps.optimizer,
            random=self._steps.random_state(),
            progress=self._progress,
        )
        self._run_dir = run_dir
        self._checkpoints = Checkpoints(run_dir.checkpoints)
        self._predictions = Predictions(
            run_dir.path / "predictions", contexts.worker_index(strategy)
        )
        self._dispatcher = Dispatcher(strategy, self._absorb)
        self._shown = score_names.parse(self.f1_name)
        self._stopping = False

    @property
    def position(self) -> Position:
        """Where the loop is."""
        return self._progress.position

    @property
    def f1_name(self) -> str:
        """The F1 that is shown, `f1_macro` say."""
        return f"f1_{self._config.average}"

    def restore(self, say: Callable[[str], None]) -> bool:
        """Goes to the last checkpoint that is whole, the same on all workers, if there is one.

        Raises:
            CheckpointError: there are some, but none can be read.
        """
        newest = self._checkpoints.newest(say) if self.is_chief else None
        number = coordination.what_the_chief_says(
            self._strategy, -1 if newest is None else int(newest.name)
        )
        if number < 0:
            return False
        path = self._checkpoints.path(number)
        try:
            self._saved.read(str(path / "state")).assert_existing_objects_matched()
        except (tf.errors.OpError, AssertionError, ValueError) as error:
            raise CheckpointError(
                f"the checkpoint {path} cannot be restored: {error}. All workers must see the "
                "same --run_dir, and the model must be the one that was saved."
            ) from error
        for name, metric in self._steps.metrics(self.position.phase).items():
            metric.accumulator.deserialize(self._progress.counts[name])
        self._reader.check(self.position)
        if self._keeps_predictions:
            lost = self.is_chief and not self._has_predictions()
            if coordination.what_the_chief_says(self._strategy, int(lost)):
                say("the predictions up to there are not whole; evaluating once more")
                self.position.begin_phase_again("validation")
        return True

    def run(self, ended: Callable[[Epoch], None]) -> None:
        """Runs to the end; `ended` is told of each pass when it is complete.

        Raises:
            Stopped: it was asked to; there is a checkpoint.
            Diverged: the model's scores are no numbers any more.
            CheckpointError: a checkpoint could not be written.
            DataError: the data cannot be read, or are not those of the checkpoint.
        """
        while self.position.phase != "done":
            ended(self._run_phase())
            self.position.next_phase(self._config.epochs)
            if self.position.phase != "validation":
                self._save()

    def results(self) -> tuple[Counts, Sweep]:
        """The counts of the last evaluation, and those at every threshold; on all workers."""
        return self._steps.scores["validation"].counts().numpy(), self._steps.sweep.sweep()

    def predictions(self) -> dict[str, np.ndarray] | None:
        """Labels and decisions of the last evaluation, if they were kept."""
        collected = self._predictions.collect()
        if collected is None:
            return None
        y_true, logits = collected
        return {"y_true": y_true, "y_pred": decide(logits, self._data.task, self._config.threshold)}

    def _has_predictions(self) -> bool:
        """Whether all that the evaluation has predicted so far is there."""
        done = self.position.phase == "done" and self._run_dir.has_predictions(self.position.rows)
        return done or self._predictions.holds(self.position.rows)

    def remove_predictions(self) -> None:
        """Removes what `predictions` has read."""
        self._predictions.remove()

    def wait_for_workers(self) -> None:
        """Comes back when all workers are here."""
        coordination.what_the_chief_says(self._strategy, 0)

    def _run_phase(self) -> Epoch:
        position, phase = self.position, self.position.phase
        metrics = self._steps.metrics(phase)
        if position.step == 0:
            for metric in metrics.values():
                metric.reset_state()
        if self._keeps_predictions and self.is_chief:
            self._predictions.begin(position.step)
        if phase == "validation":
            self._steps.synchronize()
        step = getattr(self._steps, phase)
        started, last = time.monotonic() - position.seconds, None
        with self._bar() as bar:
            for batch in self._reader.read(position):
                columns = sharding.distribute(self._strategy, batch, self._share)
                arguments = (
                    *columns,
                    coordination.words(self._strategy, batch, self._asked_to_stop()),
                )
                self._dispatcher.start(step, arguments, (position.step, batch))
                position.step += 1
                position.total_steps += 1
                position.rows += batch.rows
                last = batch
                if self._stopping or position.total_steps % self._config.checkpoint_every == 0:
                    self._dispatcher.finish()
                    position.seconds = time.monotonic() - started
                    self._reader.remember(position, batch)
                    self._save()
                if self._stopping:
                    # A scheduler may end all as soon as one has ended: not before it is written.
                    self.wait_for_workers()
                    raise Stopped(str(position))
                bar.update()
                if position.step % self._config.log_every == 0:
                    self._dispatcher.finish()
                    self._show(bar)
            self._dispatcher.finish()
            if not position.rows:
                raise DataError(f"there are no rows to read for {phase}.")
            counts = self._show(bar)
        position.seconds = time.monotonic() - started
        if last is not None:
            self._reader.remember(position, last)
        if self._keeps_predictions:
            self._predictions.flush()
        scores = {
            self.f1_name: float(self._shown(counts)),
            **summary.values(self._data.task, counts),
        }
        loss = position.loss / position.rows
        return Epoch(position.epoch, phase, loss, scores, counts, position.seconds)

    def _absorb(self, result: dict[str, Any], about: tuple[int, Batch]) -> None:
        """Takes in the result of a step."""
        step, batch = about
        self.position.loss += float(result["loss"])
        stop, agree = coordination.understand(np.asarray(result["told"]), batch, self._share)
        self._stopping = self._stopping or stop
        if not agree:
            raise DataError(
                f"the workers have read different rows for batch {step} of {self.position.phase} "
                f"in epoch {self.position.epoch}. All must see the same files, and a data set must "
                "give the same rows in the same order in each process: no random order but by "
                "config.seed."
            )
        if self._keeps_predictions:
            logits = np.concatenate([np.asarray(part) for part in result["logits"]])
            self._predictions.add(step, batch.y[batch.mask], logits[batch.mask])

    def _save(self) -> None:
        """Saves everything, on all workers at the same step."""
        position, metrics = self.position, self._steps.metrics(self.position.phase)
        if position.step:
            self._counts()
        if position.phase == "train":
            self._steps.synchronize()
        self._progress.counts = {
            name: metric.accumulator.serialize() for name, metric in metrics.items()
        }
        if self._keeps_predictions:
            self._predictions.flush()
        if self.is_chief:
            self._checkpoints.save(position.total_steps, self._write)

    def _write(self, directory: pathlib.Path) -> None:
        self._saved.write(str(directory / "state"))

    def _counts(self) -> Counts:
        """The counts of all workers in this phase, which must be of all rows that were read."""
        phase = "train" if self.position.phase == "train" else "validation"
        counts = self._steps.scores[phase].counts().numpy()
        if counts.invalid:
            raise Diverged(
                f"in epoch {self.position.epoch} the model gave {int(counts.invalid)} rows scores "
                "that are no numbers, so training has diverged. Lower config.learning_rate, which "
                f"is {self._config.learning_rate}, in another --run_dir."
            )
        if int(counts.total) != self.position.rows:
            raise MiscountedError(
                f"{int(counts.total)} rows were counted and {self.position.rows} read, at "
                f"{self.position}. A step was run twice, or not at all; the last checkpoint is "
                "from before that. Start again with the same --run_dir."
            )
        return counts

    @contextlib.contextmanager
    def _bar(self) -> Iterator[Any]:
        from tqdm import tqdm

        position = self.position
        source = self._reader.source(position.phase)
        name = "epoch" if position.phase == "train" else "validation"
        with tqdm(
            desc=f"{name} {position.epoch}/{self._config.epochs}",
            total=source.batches,
            initial=position.step,
            unit="step",
            disable=not self.is_chief,
        ) as bar:
            yield bar

    def _show(self, bar: Any) -> Counts:
        counts = self._counts()
        f1 = float(self._shown(counts))
        shown = {"loss": self.position.loss / int(counts.total), self.f1_name: f1}
        bar.set_postfix({name: f"{value:.4f}" for name, value in shown.items()})
        return counts

    @property
    def _keeps_predictions(self) -> bool:
        last = self.position.epoch == self._config.epochs
        return self._config.save_predictions and last and self.position.phase != "train"
