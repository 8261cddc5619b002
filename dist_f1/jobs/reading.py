"""Reading on from a position, with a look whether the data are still those that led there."""

from __future__ import annotations

from collections.abc import Iterator

from dist_f1.jobs.data import Data, DataError, Share, Source
from dist_f1.jobs.data.source import Batch
from dist_f1.jobs.progress import Position


class Reader:
    """The batches of a worker.

    Args:
        data: of the job.
        share: of this worker.
    """

    def __init__(self, data: Data, share: Share) -> None:
        self._data, self._share = data, share

    def source(self, phase: str) -> Source:
        """The split that a phase reads."""
        return self._data.train if phase == "train" else self._data.validation

    def read(self, position: Position) -> Iterator[Batch]:
        """The batches of this pass from the position on.

        Raises:
            DataError: the one before them is another than was read.
        """
        # That one is read once more.
        first = max(0, position.step - 1)
        batches = self.source(position.phase).read(position.epoch, first, self._share)
        if position.step:
            _compare(next(batches, None), position)
        yield from batches

    def remember(self, position: Position, batch: Batch) -> None:
        """Notes which batch was read last."""
        position.last = (position.epoch, position.phase, position.step, batch.fingerprint())
        position.sizes = self._sizes()

    def check(self, position: Position) -> None:
        """Looks whether the data are those of a position, as far as `read` will not.

        Raises:
            DataError: they are others.
        """
        if position.last is None:
            return
        if position.sizes != self._sizes():
            _compare(None, position)
        epoch, phase, step, _ = position.last
        if position.step == 0 or position.phase == "done":
            _compare(next(self.source(phase).read(epoch, step - 1, self._share), None), position)

    def _sizes(self) -> tuple[int | None, ...]:
        return self._data.train.rows, self._data.validation.rows


def _compare(batch: Batch | None, position: Position) -> None:
    if batch is None or position.last is None or batch.fingerprint() != position.last[3]:
        raise DataError(
            f"the data are not those of the checkpoint: up to {position} other rows were read. To "
            "count every row once, a data set must give the same rows in the same order each time "
            "it is read: no files that change, and no random order but by config.seed. Bring the "
            "former data back, or name another --run_dir."
        )
