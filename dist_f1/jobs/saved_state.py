"""The checkpointed state of a job: model, optimizer, random state, position and counts."""

import pathlib
from collections.abc import Callable

import tensorflow as tf

from dist_f1.counts import files
from dist_f1.jobs import coordination
from dist_f1.jobs.checkpoints import CheckpointError, CheckpointManager
from dist_f1.jobs.progress import Position, Progress
from dist_f1.jobs.steps import Steps
from dist_f1.replicas import contexts


class SavedState:
    """Saves and restores a job, at the same step on all workers."""

    def __init__(
        self,
        steps: Steps,
        strategy: tf.distribute.Strategy,
        directory: pathlib.Path,
        epochs: int,
    ) -> None:
        self._steps, self._strategy, self._epochs = steps, strategy, epochs
        self._is_chief = contexts.is_chief(strategy)
        self._progress = Progress()
        self._checkpoint = tf.train.Checkpoint(
            model=steps.model,
            optimizer=steps.optimizer,
            random=steps.random_state(),
            progress=self._progress,
        )
        self._manager = CheckpointManager(directory)

    @property
    def position(self) -> Position:
        """Position of the job."""
        return self._progress.position

    def save(self) -> None:
        """Save a checkpoint. All workers call it; the chief writes.

        Raises:
            CheckpointError: The checkpoint cannot be written.
        """
        if self.position.phase == "train":
            self._steps.average_moving_stats()
        metrics = self._steps.metrics(self.position.phase)
        self._progress.counts = {
            name: metric.accumulator.serialize() for name, metric in metrics.items()
        }
        if self._is_chief:
            self._manager.save(
                self.position.total_steps, lambda path: self._checkpoint.write(str(path / "state"))
            )

    def restore(self, log: Callable[[str], None]) -> bool:
        """Restore the last checkpoint that can be restored; `False` if there are none.

        All workers restore the same one.

        Raises:
            CheckpointError: There are checkpoints, but none can be restored.
        """
        intact = self._manager.intact(log) if self._is_chief else iter(())
        first_error = None
        while True:
            path = next(intact, None)
            number = coordination.broadcast_from_chief(
                self._strategy, -1 if path is None else int(path.name)
            )
            if number < 0:
                break
            error = self._try_to_restore(number)
            if not coordination.holds_on_any_worker(self._strategy, error is not None):
                if self._is_chief:
                    self._manager.remove_after(self._manager.path(number))
                return True
            error = error or CheckpointError(
                f"The checkpoint {self._manager.path(number)} cannot be restored by another "
                "worker. Use a --run_dir that all workers share."
            )
            first_error = first_error or error
            log(f"{error} Trying the previous one.")
        is_missing = self._is_chief and self._manager.is_empty()
        if coordination.broadcast_from_chief(self._strategy, int(is_missing)):
            return False
        raise first_error or self._manager.all_damaged()

    def _try_to_restore(self, number: int) -> CheckpointError | None:
        """Restore a checkpoint on this worker; return an error if that is impossible."""
        path = self._manager.path(number)
        try:
            self._checkpoint.read(str(path / "state")).assert_existing_objects_matched()
            self._check_position(number)
            self._restore_counts()
        except Exception as error:
            # Damaged bytes raise errors of many types in TensorFlow, protobuf and Python.
            reason = " ".join(f"{error}".split()) or type(error).__name__
            return CheckpointError(
                f"The checkpoint {path} cannot be restored: {reason}. Use the model that was "
                "saved, and a --run_dir that all workers share."
            )
        return None

    def _check_position(self, number: int) -> None:
        """Raise `ValueError` for a position that this checkpoint of this job cannot have."""
        position = self.position
        if position.epoch > self._epochs or position.total_steps != number:
            raise ValueError(
                f"its position is {position}, after {position.total_steps} steps, but the run has "
                f"{self._epochs} epochs and the checkpoint {number} steps"
            )

    def _restore_counts(self) -> None:
        """Restore the counts; raise `ValueError` if they do not fit the metrics or the position."""
        counts, metrics = self._progress.counts, self._steps.metrics(self.position.phase)
        if set(counts) != set(metrics):
            raise ValueError(f"it has counts of {sorted(counts)}, not of {sorted(metrics)}")
        for name, metric in metrics.items():
            # At the start of a phase, the counts are those of the previous epoch.
            if self.position.step and _total(counts[name]) != self.position.rows:
                raise ValueError(
                    f"{_total(counts[name])} rows were counted, but {self.position.rows} were read"
                )
            metric.accumulator.deserialize(counts[name])


def _total(counts: bytes) -> int:
    """Return the number of rows in the counts of a metric."""
    if not counts:
        return 0
    return int(files.loads_checkpoint(counts, "the counts").fields["total"])
