"""`Layout`: where each count lies in the one vector that is stored and reduced."""

from __future__ import annotations

import dataclasses
from typing import Any

import tensorflow as tf

from dist_f1 import sample_averages
from dist_f1.counts import Counts


@dataclasses.dataclass(frozen=True)
class Layout:
    """Packs `Counts` into one vector, so that they take one variable and one all-reduce.

    The order is that of the fields of `Counts`: `[C]` three times, two scalars, then what the
    layout asks for.

    Args:
        num_classes: C.
        samples: whether sums for sample averages are kept.
        confusion: whether the `[C, C]` matrix is kept.
    """

    num_classes: int
    samples: bool = False
    confusion: bool = False

    @classmethod
    def of(cls, counts: Counts) -> Layout:
        """The layout that holds these counts."""
        has_confusion = not isinstance(counts.confusion, tuple)
        return cls(counts.num_classes, samples=counts.is_multilabel, confusion=has_confusion)

    @property
    def shapes(self) -> Counts:
        """The shape of every field, as lists; `()` for a field that is not kept."""
        classes = self.num_classes
        return Counts(
            [classes],
            [classes],
            [classes],
            [],
            [],
            [len(sample_averages.FIELDS)] if self.samples else (),
            [classes, classes] if self.confusion else (),
        )

    @property
    def size(self) -> int:
        """The length of the packed vector."""
        return sum(_volume(shape) for shape in self.shapes if isinstance(shape, list))

    def pack(self, counts: Counts) -> tf.Tensor:
        """Counts as one vector `[size]`."""
        return tf.concat([tf.reshape(x, [-1]) for x in tf.nest.flatten(counts)], axis=0)

    def unpack(self, vector: Any) -> Counts:
        """The inverse of `pack`; NumPy stays NumPy."""
        fields, start = [], 0
        for shape in self.shapes:
            if not isinstance(shape, list):
                fields.append(())
                continue
            stop = start + _volume(shape)
            part = vector[start:stop] if shape else vector[start]
            if len(shape) > 1:
                part = tf.reshape(part, shape) if tf.is_tensor(part) else part.reshape(shape)
            fields.append(part)
            start = stop
        return Counts(*fields)


def _volume(shape: list[int]) -> int:
    volume = 1
    for size in shape:
        volume *= size
    return volume
