"""Rows in batches, in an order that depends only on the epoch.

All workers read the same batches, and each takes its shard of the rows. The shard depends only on
the indices of the batch and of the replica, so reading can resume anywhere.
"""

import dataclasses
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

import numpy as np

from dist_f1.launching.errors import UserError


class DataError(UserError):
    """The data cannot be read or do not match the config."""


class Shard(NamedTuple):
    """The replicas of this worker, `first` to `first + local - 1`, among all `replicas`."""

    first: int = 0
    local: int = 1
    replicas: int = 1

    def per_replica(self, batch_size: int) -> int:
        """Return the number of rows of each replica, the same in every batch."""
        return -(-batch_size // self.replicas)

    def row_indices(self, batch_size: int) -> np.ndarray:
        """Return the indices of this worker's rows in a batch; some may exceed its length."""
        each = self.per_replica(batch_size)
        return np.arange(self.first * each, (self.first + self.local) * each)


class Batch(NamedTuple):
    """One worker's shard of a batch.

    A short batch is padded with repeated, masked rows. Shapes never change, no replica is without
    rows, and batch statistics are meaningful.

    Fields:
        x: Features `[R, ...]`, with the same number of rows R in each batch.
        y: Ids `[R]`, or 0/1 targets `[R, C]`.
        mask: Mask `[R]`, false for padding.
        rows: Number of rows of the whole batch, over all workers.
        fingerprint: Function that returns a hash of the rows of the whole batch.
    """

    x: np.ndarray
    y: np.ndarray
    mask: np.ndarray
    rows: int
    fingerprint: Callable[[], int]


class Source(Protocol):
    """One split of a dataset."""

    @property
    def rows(self) -> int | None:
        """Number of rows, if known."""

    @property
    def batches(self) -> int | None:
        """Number of batches, including a short one at the end, if known."""

    def read(self, epoch: int, start: int, shard: Shard) -> Iterator[Batch]:
        """Yield the batches of an epoch from batch `start` on."""


@dataclasses.dataclass(frozen=True)
class ArraySource:
    """Rows in memory, with immediate access to any batch of any epoch.

    Args:
        x: Features `[N, ...]`.
        y: Ids `[N]`, or 0/1 targets `[N, C]`.
        batch_size: Rows in a batch, over all replicas.
        seed: Seed of the permutation of each epoch; `None` keeps the order.
    """

    x: np.ndarray
    y: np.ndarray
    batch_size: int
    seed: int | None = None

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.x)

    @property
    def batches(self) -> int:
        """Number of batches, including a short one at the end."""
        return -(-len(self.x) // self.batch_size)

    def read(self, epoch: int, start: int, shard: Shard) -> Iterator[Batch]:
        """Yield the batches of an epoch from batch `start` on."""
        order = np.arange(len(self.x))
        if self.seed is not None:
            order = np.random.default_rng([self.seed, epoch]).permutation(order)
        indices = shard.row_indices(self.batch_size)
        for first in range(start * self.batch_size, len(order), self.batch_size):
            batch = order[first : first + self.batch_size]
            own = batch[indices % len(batch)]
            yield Batch(
                self.x[own],
                self.y[own],
                indices < len(batch),
                len(batch),
                lambda batch=batch: self._fingerprint(batch),  # type: ignore[misc]
            )

    def _fingerprint(self, batch: np.ndarray) -> int:
        return zlib.crc32(self.y[batch].tobytes(), zlib.crc32(self.x[batch].tobytes()))


@dataclasses.dataclass(frozen=True)
class Data:
    """The data of a job.

    Args:
        train: Training rows, in another order in each epoch.
        validation: Validation rows, always in the same order.
        task: `"multiclass"`, `"binary"` or `"multilabel"`.
        input_shape: Shape of the features of a row.
        class_names: Names by class id; two for a binary task.
    """

    train: Source
    validation: Source
    task: str
    input_shape: tuple[int, ...]
    class_names: tuple[str, ...]
