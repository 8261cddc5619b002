"""Rows in batches, in an order that depends on nothing but the epoch.

A batch is read by all workers, and each takes its share of the rows. Which rows those are follows
from the numbers of the batch and of the replica alone, so that reading can go on anywhere.
"""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

import numpy as np

from dist_f1.launching.errors import UserError


class DataError(UserError):
    """The data are not what they were said to be, or cannot be read."""


class Share(NamedTuple):
    """The replicas of this worker, `first` to `first + local - 1`, among all `replicas`."""

    first: int = 0
    local: int = 1
    replicas: int = 1

    def per_replica(self, batch_size: int) -> int:
        """The rows of each replica, the same in every batch."""
        return -(-batch_size // self.replicas)

    def places(self, batch_size: int) -> np.ndarray:
        """The places in a batch of this worker's rows; those beyond its end hold no row."""
        each = self.per_replica(batch_size)
        return np.arange(self.first * each, (self.first + self.local) * each)


class Batch(NamedTuple):
    """This worker's share of a batch.

    A batch that is not full is filled up with rows of its own, so that shapes never change, no
    replica is without any row, and statistics over a batch make sense.

    Fields:
        x: features `[R, ...]`, with R rows, the same number in each batch.
        y: ids `[R]`, or 0/1 targets `[R, C]`.
        mask: `[R]`, false where a row only fills up.
        rows: in the whole batch, over all workers.
        fingerprint: tells a number that depends on the rows of the whole batch.
    """

    x: np.ndarray
    y: np.ndarray
    mask: np.ndarray
    rows: int
    fingerprint: Callable[[], int]


class Source(Protocol):
    """One split of a data set."""

    @property
    def rows(self) -> int | None:
        """How many there are, if that is known."""

    @property
    def batches(self) -> int | None:
        """How many there are, the last of which may not be full, if that is known."""

    def read(self, epoch: int, start: int, share: Share) -> Iterator[Batch]:
        """Reads an epoch from batch `start` on."""


@dataclasses.dataclass(frozen=True)
class Arrays:
    """Rows that are in memory; any batch of any epoch is read at once.

    Args:
        x: features `[N, ...]`.
        y: ids `[N]`, or 0/1 targets `[N, C]`.
        batch_size: over all replicas.
        seed: of a permutation of all rows, another one in each epoch; `None` leaves their order.
    """

    x: np.ndarray
    y: np.ndarray
    batch_size: int
    seed: int | None = None

    @property
    def rows(self) -> int:
        """All of them."""
        return len(self.x)

    @property
    def batches(self) -> int:
        """With the last one, which may not be full."""
        return -(-len(self.x) // self.batch_size)

    def read(self, epoch: int, start: int, share: Share) -> Iterator[Batch]:
        """Reads an epoch from batch `start` on."""
        order = np.arange(len(self.x))
        if self.seed is not None:
            order = np.random.default_rng([self.seed, epoch]).permutation(order)
        places = share.places(self.batch_size)
        for first in range(start * self.batch_size, len(order), self.batch_size):
            batch = order[first : first + self.batch_size]
            mine = batch[places % len(batch)]
            yield Batch(
                self.x[mine],
                self.y[mine],
                places < len(batch),
                len(batch),
                lambda batch=batch: self._fingerprint(batch),  # type: ignore[misc]
            )

    def _fingerprint(self, batch: np.ndarray) -> int:
        return zlib.crc32(self.y[batch].tobytes(), zlib.crc32(self.x[batch].tobytes()))


@dataclasses.dataclass(frozen=True)
class Data:
    """What a job learns from and is measured on.

    Args:
        train: in another order in each epoch.
        validation: in one order.
        task: `"multiclass"`, `"binary"` or `"multilabel"`.
        input_shape: of the features of a row.
        class_names: by class id; two for a binary task.
    """

    train: Source
    validation: Source
    task: str
    input_shape: tuple[int, ...]
    class_names: tuple[str, ...]
