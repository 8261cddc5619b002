"""The checkpointed state of a job: model, optimizer, random state, position and counts."""

import pathlib
from collections.abc import Callable

import tensorflow as tf

from dist_f1.jobs import coordination
from dist_f1.jobs.checkpoints import CheckpointError, CheckpointManager
from dist_f1.jobs.progress import Position, Progress
from dist_f1.jobs.steps import Steps
from dist_f1.replicas import contexts


class SavedState:
    """Saves and restores a job, at the same step on all workers."""

    def __init__(
        self, steps: Steps, strategy: tf.distribute.Strategy, directory: pathlib.Path
    ) -> None:
        self._steps, self._strategy = steps, strategy
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
        """Restore the last intact checkpoint, the same on all workers; `False` if there is none.

        Raises:
            CheckpointError: There are checkpoints, but none can be restored.
        """
        latest = self._manager.latest(log) if self._is_chief else None
        number = coordination.broadcast_from_chief(
            self._strategy, -1 if latest is None else int(latest.name)
        )
        if number < 0:
            return False
        path = self._manager.path(number)
        try:
            self._checkpoint.read(str(path / "state")).assert_existing_objects_matched()
        except (tf.errors.OpError, AssertionError, ValueError) as error:
            raise CheckpointError(
                f"The checkpoint {path} cannot be restored: {error}. Use the model that was saved, "
                "and a --run_dir that all workers share."
            ) from error
        for name, metric in self._steps.metrics(self.position.phase).items():
            try:
                metric.accumulator.deserialize(self._progress.counts[name])
            except ValueError as error:
                raise CheckpointError(
                    f"The checkpoint {path} cannot be restored: {error}"
                ) from error
        return True
