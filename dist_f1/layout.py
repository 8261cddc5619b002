"""`Layout`: where each count lies in the one vector that is stored and reduced."""

from __future__ import annotations

import dataclasses
from collections.abc import Container
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
        samples: the ratios whose sums over rows are kept; `None` where a row has one class.
        confusion: whether the `[C, C]` matrix is kept.
        groups: G, if counts are kept for each of G groups of rows, in a leading axis; or 0.
        thresholds: if `true_positive` and `predicted` are kept in buckets between thresholds, in a
            leading axis of one more than there are.
    """

    num_classes: int
    samples: tuple[str, ...] | None = None
    confusion: bool = False
    groups: int = 0
    thresholds: tuple[float, ...] = ()

    @classmethod
    def of(cls, counts: Counts, thresholds: tuple[float, ...] = ()) -> Layout:
        """The layout that holds these counts."""
        kept = None
        if counts.is_multilabel:
            kept = tuple(sorted(set(counts.samples) - {sample_averages.ALL_RIGHT}))
        leading = counts.total.shape
        return cls(
            counts.num_classes,
            samples=kept,
            confusion=not isinstance(counts.confusion, tuple),
            groups=int(leading[0]) if len(leading) else 0,
            thresholds=thresholds,
        )

    def __str__(self) -> str:
        """What is not as usual, without hundreds of thresholds."""
        parts = [f"num_classes={self.num_classes}"]
        if self.samples is not None:
            parts.append(f"samples of {', '.join(self.samples) or 'nothing'}")
        if self.confusion:
            parts.append("a confusion matrix")
        if self.groups:
            parts.append(f"groups={self.groups}")
        if self.thresholds:
            first, last = self.thresholds[0], self.thresholds[-1]
            parts.append(f"{len(self.thresholds)} thresholds from {first:g} to {last:g}")
        return ", ".join(parts)

    @property
    def shapes(self) -> Counts:
        """The shape of every field, as `tf.TensorShape`; `()` for a field that is not kept."""
        per_class = tf.TensorShape([self.num_classes])
        samples: Any = ()
        if self.samples is not None:
            of_sums = sample_averages.shapes(self.samples) if self.samples else {}
            samples = {name: tf.TensorShape(shape) for name, shape in of_sums.items()}
        buckets = tf.TensorShape([len(self.thresholds) + 1] if self.thresholds else [])
        groups = tf.TensorShape([self.groups] if self.groups else [])
        shapes = Counts(
            buckets + per_class,
            buckets + per_class,
            per_class,
            tf.TensorShape([]),
            tf.TensorShape([]),
            samples,
            per_class + per_class if self.confusion else (),
        )
        return tf.nest.map_structure(lambda shape: groups + shape, shapes)

    @property
    def size(self) -> int:
        """The length of the packed vector."""
        return sum(shape.num_elements() for shape in tf.nest.flatten(self.shapes))

    def pack(self, counts: Counts) -> tf.Tensor:
        """Counts as one vector `[size]`."""
        return tf.concat([tf.reshape(x, [-1]) for x in tf.nest.flatten(counts)], axis=0)

    def unpack(self, vector: Any, unread: Container[str] = ()) -> Counts:
        """The inverse of `pack`; NumPy stays NumPy.

        Args:
            vector: `[size]`.
            unread: fields that will not be looked at, and are `None`.
        """
        shapes, start = self.shapes, 0
        fields: dict[str, Any] = {}
        for name, nested in shapes._asdict().items():
            parts = []
            for shape in tf.nest.flatten(nested):
                end = start + shape.num_elements()
                parts.append(None if name in unread else _part(vector, start, end, shape.as_list()))
                start = end
            fields[name] = tf.nest.pack_sequence_as(nested, parts)
        return Counts(**fields)


def _part(vector: Any, start: int, end: int, dimensions: list[int]) -> Any:
    if not dimensions:
        return vector[start]
    part = vector[start:end]
    if len(dimensions) == 1:
        return part
    return tf.reshape(part, dimensions) if tf.is_tensor(part) else part.reshape(dimensions)
