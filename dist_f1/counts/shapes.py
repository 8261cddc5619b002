"""The shape of every field of `Counts`: for a given layout, and of values that are added."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from dist_f1.counts import causes, sample_averages

# A plain tuple of sizes.
Shape = tuple[int, ...]


def field_shapes(
    num_classes: int,
    samples: Sequence[str] | None = None,
    confusion: bool = False,
    groups: int = 0,
    thresholds: int = 0,
    entries: bool = False,
) -> dict[str, Any]:
    """Return the shape of each field, by name, in the order of `Layout`.

    The arguments are those of `Layout`. The result is a dict of shapes for `samples`, and `None`
    for fields that are not stored.
    """
    leading = (groups,) if groups else ()
    buckets = (thresholds + 1,) if thresholds else ()
    sums: dict[str, Shape] | None = None
    if samples is not None:
        sums = {name: (*leading, *shape) for name, shape in sample_averages.shapes(samples).items()}
    return {
        "true_positive": (*leading, *buckets, num_classes),
        "predicted": (*leading, *buckets, num_classes),
        "actual": (*leading, num_classes),
        "total": leading,
        "invalid": leading,
        "invalid_by_cause": (*leading, causes.number_of_causes(groups)),
        "samples": sums,
        "confusion": (*leading, num_classes, num_classes) if confusion else None,
        "class_total": (*leading, num_classes) if entries else None,
    }


def check_same_shape(name: str, a: Any, b: Any) -> None:
    """Check that two values of the field `name` can be added.

    Raises:
        ValueError: The shapes differ.
    """
    shape_a, shape_b = _shape(a), _shape(b)
    if shape_a != shape_b:
        raise ValueError(
            f"Counts of different shapes cannot be added: {name} has shape {shape_a} in one and "
            f"{shape_b} in the other. Count both with the same num_classes, groups and decision."
        )


def _shape(field: Any) -> Any:
    if isinstance(field, dict):
        return {name: tuple(np.shape(value)) for name, value in field.items()}
    return tuple(np.shape(field))
