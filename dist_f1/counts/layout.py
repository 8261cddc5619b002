"""`Layout`: the position of each count in the one vector that is stored and all-reduced."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from dist_f1.counts import arrays as xp
from dist_f1.counts import sample_averages
from dist_f1.counts.lazy_tensorflow import Array, tf
from dist_f1.counts.limits import check_size
from dist_f1.counts.shapes import field_shapes
from dist_f1.counts.value import Counts, leaves


@dataclasses.dataclass(frozen=True)
class Layout:
    """Pack `Counts` into one vector, so that they need one variable and one all-reduce.

    The order is that of `field_shapes`: `[C]` three times, two scalars, the causes of invalid rows,
    then the optional fields.

    Args:
        num_classes: C.
        samples: Ratios with sums over rows; `None` if each row has one class.
        confusion: Whether the `[C, C]` matrix is stored.
        groups: Number of groups of rows, as a leading axis, or 0.
        thresholds: Thresholds, if `true_positive` and `predicted` are stored in the buckets between
            them, with a leading axis of one more than there are thresholds.
        entries: Whether single entries of rows may be left out or weighted, so that each class has
            its own total.
    """

    num_classes: int
    samples: tuple[str, ...] | None = None
    confusion: bool = False
    groups: int = 0
    thresholds: tuple[float, ...] = ()
    entries: bool = False

    def __post_init__(self) -> None:
        check_size(self.num_classes, self.confusion, self.groups, len(self.thresholds))

    @classmethod
    def from_counts(cls, counts: Counts, thresholds: tuple[float, ...] = ()) -> Layout:
        """Return the layout of these counts."""
        leading = counts.total.shape
        return cls(
            counts.num_classes,
            samples=sample_averages.kept(counts.samples) if counts.is_multilabel else None,
            confusion=not isinstance(counts.confusion, tuple),
            groups=int(leading[0]) if len(leading) else 0,
            thresholds=thresholds,
            entries=counts.has_entries,
        )

    def __str__(self) -> str:
        """Describe the optional fields, and abbreviate hundreds of thresholds."""
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
        if self.entries:
            parts.append("single entries")
        return ", ".join(parts)

    @property
    def shapes(self) -> dict[str, Any]:
        """The shape of every field; see `field_shapes`."""
        return field_shapes(
            self.num_classes,
            self.samples,
            self.confusion,
            self.groups,
            len(self.thresholds),
            self.entries,
        )

    @property
    def _stored(self) -> list[str]:
        """The names of the stored fields, in order."""
        # The number of invalid rows is the sum over all causes.
        names = [name for name, shape in self.shapes.items() if shape not in (None, {})]
        return [name for name in names if name != "invalid"]

    @property
    def _flat_shapes(self) -> list[tuple[int, ...]]:
        """The shapes of the stored arrays, in order."""
        shapes = [self.shapes[name] for name in self._stored]
        return [
            x for s in shapes for x in ([s[k] for k in sorted(s)] if isinstance(s, dict) else [s])
        ]

    @property
    def size(self) -> int:
        """The length of the packed vector."""
        return sum(math.prod(shape) for shape in self._flat_shapes)

    def covers(self, other: Layout) -> bool:
        """Whether counts of the other layout can be packed, where rows may count as a whole."""
        whole = dataclasses.replace(other, entries=self.entries, samples=self.samples)
        keeps_samples = self.samples == other.samples or (
            self.samples == () and other.samples is not None
        )
        return whole == self and self.entries >= other.entries and keeps_samples

    def pack(self, counts: Counts) -> tf.Tensor:
        """Concatenate all fields to one vector `[size]`."""
        fields = counts.with_causes(self.shapes["invalid_by_cause"][-1])._asdict()
        if self.entries and not counts.has_entries:
            fields["class_total"] = counts.entries + 0 * counts.actual
        arrays = [x for name in self._stored for x in leaves(fields[name])]
        return tf.concat([tf.reshape(x, [-1]) for x in arrays], axis=0)

    def unpack(self, vector: Array) -> Counts:
        """Invert `pack`, for a tensor or a NumPy array `[size]`."""
        start = 0

        def next_array(shape: tuple[int, ...]) -> Any:
            nonlocal start
            begin, start = start, start + math.prod(shape)
            if not shape:
                return vector[begin]
            values = vector[begin:start]
            return values if len(shape) == 1 else xp.reshape(values, shape)

        fields: dict[str, Any] = {"samples": () if self.samples is None else {}}
        for name in self._stored:
            shape = self.shapes[name]
            if isinstance(shape, dict):
                fields[name] = {key: next_array(shape[key]) for key in sorted(shape)}
            else:
                fields[name] = next_array(shape)
        fields["invalid"] = xp.sum_last(fields["invalid_by_cause"])
        return Counts(**fields)
