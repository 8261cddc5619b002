"""Values of rows: weights, masks and group ids, and those of single entries."""

import contextlib
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from dist_f1.batch.tensors import BatchShape, as_tensor, check_row_number, last_size, widen_int32


class Weights(NamedTuple):
    """The weights and masks of N rows.

    Fields:
        weight: float64 `[N]`, or `None`.
        mask: bool `[N]`, False in rows to leave out, or `None`.
        entry_weight: float64 `[N, C]`, or `None`.
        entry_mask: bool `[N, C]`, False for entries to leave out, or `None`.
    """

    weight: tf.Tensor | None = None
    mask: tf.Tensor | None = None
    entry_weight: tf.Tensor | None = None
    entry_mask: tf.Tensor | None = None


def parse_weights(sample_weight: Any, masks: Any, shape: BatchShape, entries: int) -> Weights:
    """Flatten weights and masks. Boolean weights are a mask.

    Args:
        sample_weight: Numbers or booleans, one per row or per leading axes, or `None`.
        masks: List of booleans of such shapes; `None` leaves out nothing.
        shape: Shape of the rows.
        entries: C if single entries `[..., C]` may have weights and masks, otherwise 0.
    """
    found = Weights()
    masks = list(masks)
    if sample_weight is not None:
        leaves = tf.nest.flatten(sample_weight)
        if isinstance(sample_weight, list | tuple | float) and not any(map(tf.is_tensor, leaves)):
            # TensorFlow would round Python floats to float32. Rows of unequal lengths raise below.
            with contextlib.suppress(ValueError):
                sample_weight = np.asarray(sample_weight)
        sample_weight = as_tensor(sample_weight, "sample_weight")
        if sample_weight.dtype.is_bool:
            masks.append(sample_weight)
        else:
            weight = broadcast_to_rows(sample_weight, shape, "sample_weight", entries)
            weight = tf.cast(weight, tf.float64)
            name = "weight" if weight.shape.rank == 1 else "entry_weight"
            found = found._replace(**{name: weight})
    for mask in masks:
        if mask is not None:
            mask = tf.cast(broadcast_to_rows(mask, shape, "mask", entries), tf.bool)
            name = "mask" if mask.shape.rank == 1 else "entry_mask"
            other = getattr(found, name)
            found = found._replace(**{name: mask if other is None else mask & other})
    return found


def broadcast_to_rows(
    value: tf.Tensor, shape: BatchShape, name: str, entries: int = 0
) -> tf.Tensor:
    """Broadcast over the trailing axes of `[...]` and flatten: `[B]` applies to all of `[B, T]`.

    With C `entries`, a value for each of them, `[..., C]`, is flattened to `[N, C]`.
    """
    value = widen_int32(as_tensor(value, name))
    if value.shape.rank == shape.rank + 1 and last_size(value) == 1:
        value = tf.squeeze(value, axis=-1)
    front, last = value.shape.as_list(), []
    if entries and value.shape.rank == shape.rank + 1 and last_size(value) in (None, entries):
        front, last = front[:-1], [entries]
    missing = shape.rank - len(front)
    fits = missing >= 0 and all(
        None in (own, other) or own in (1, other)
        for own, other in zip(front, shape.static.as_list()[: len(front)], strict=True)
    )
    if not fits:
        of_entries = f", or per entry ([..., {entries}])" if entries else ""
        if not entries and value.shape.rank == shape.rank + 1:
            of_entries = (
                ". For a value per entry [..., C], decide each class separately: threshold="
            )
        raise ValueError(
            f"{name} has shape {value.shape}, which does not lead the shape {shape.static} of "
            f"the rows. Pass one {name} per row, or per leading axes ([B] for rows [B, T])"
            f"{of_entries}."
        )
    # An axis of static size 1 is broadcast on purpose.
    varied = [axis for axis, size in enumerate(front) if size != 1]
    value = check_row_number(value, shape, name, varied)
    if missing or 1 in front:
        sizes = [tf.shape(value)[: len(front)], [1] * missing, last]
        value = tf.reshape(value, tf.concat(sizes, axis=0))
        value = tf.broadcast_to(value, tf.concat([shape.dynamic, last], axis=0))
    return value if value.shape.rank == 1 + len(last) else tf.reshape(value, [-1, *last])
