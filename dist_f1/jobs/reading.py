"""Reads batches from a position on, and detects data that have changed since a checkpoint."""

from collections.abc import Iterator

from dist_f1.jobs.data import Data, DataError, Shard, Source
from dist_f1.jobs.data.source import Batch
from dist_f1.jobs.progress import Position


class Reader:
    """Reads the batches of one worker."""

    def __init__(self, data: Data, shard: Shard) -> None:
        self._data, self._shard = data, shard

    def source(self, phase: str) -> Source:
        """Return the split that a phase reads."""
        return self._data.train if phase == "train" else self._data.validation

    def read(self, position: Position) -> Iterator[Batch]:
        """Yield the batches of the phase from the position on.

        Raises:
            DataError: The previous batch differs from the one that was read before.
        """
        # Read the previous batch again, for the comparison.
        first = max(0, position.step - 1)
        batches = self.source(position.phase).read(position.epoch, first, self._shard)
        if position.step:
            _compare(next(batches, None), position)
        yield from batches

    def record(self, position: Position, batch: Batch) -> None:
        """Store in the position which batch was read last."""
        position.last = (position.epoch, position.phase, position.step, batch.fingerprint())
        position.sizes = self._sizes()

    def check(self, position: Position) -> None:
        """Check that the data match a restored position, as far as `read` does not.

        Raises:
            DataError: The data have changed.
        """
        if position.last is None:
            return
        if position.sizes != self._sizes():
            _compare(None, position)
        epoch, phase, step, _ = position.last
        if position.step == 0 or position.phase == "done":
            _compare(next(self.source(phase).read(epoch, step - 1, self._shard), None), position)

    def _sizes(self) -> tuple[int | None, ...]:
        return self._data.train.rows, self._data.validation.rows


def _compare(batch: Batch | None, position: Position) -> None:
    if batch is None or position.last is None or batch.fingerprint() != position.last[3]:
        raise DataError(
            f"The data have changed since the checkpoint at {position}. To count every row once, a "
            "dataset must return the same rows in the same order in each pass: files must not "
            "change, and random order must depend on config.seed only. Restore the data, or use "
            "another --run_dir."
        )
