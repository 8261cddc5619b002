"""Ragged predictions and targets: rows of different lengths without padding."""

from typing import Any

import tensorflow as tf


def flatten_ragged(y_true: Any, y_pred: Any, *others: Any) -> tuple[Any, ...]:
    """Return the flat values of ragged arguments; other arguments are returned unchanged.

    Args:
        y_true: Ragged targets with the row splits of `y_pred`.
        y_pred: Ragged predictions `[B, (T), C]` with a uniform class axis, or anything else.
        *others: Weights, masks and group ids: ragged with the same row splits, `[B]`, or `None`.

    Raises:
        ValueError: Only one of both is ragged, or their ragged ranks differ.
        tf.errors.InvalidArgumentError: Row splits differ.
    """
    if not isinstance(y_pred, tf.RaggedTensor):
        return y_true, y_pred, *others
    if not isinstance(y_true, tf.RaggedTensor) or y_true.ragged_rank != y_pred.ragged_rank:
        found = f"ragged rank {y_true.ragged_rank}" if hasattr(y_true, "ragged_rank") else "dense"
        raise ValueError(
            f"y_pred is ragged, of ragged rank {y_pred.ragged_rank}, but y_true is {found}. Pass "
            "targets with the row splits of y_pred, and predictions with a uniform class axis, "
            "e.g. from tf.RaggedTensor.from_row_lengths or tf.ragged.constant(inner_shape=)."
        )
    flat = [_flat_values(x, y_pred) for x in (y_true, y_pred, *others)]
    return tuple(flat)


def _flat_values(value: Any, y_pred: tf.RaggedTensor) -> Any:
    if value is None:
        return None
    if isinstance(value, tf.RaggedTensor):
        checks = [
            tf.debugging.assert_equal(own, splits, "The ragged rows have different lengths.")
            for own, splits in zip(value.nested_row_splits, y_pred.nested_row_splits, strict=True)
        ]
        with tf.control_dependencies([check for check in checks if check is not None]):
            return tf.identity(value.flat_values)
    # One value for each outermost row.
    value = tf.convert_to_tensor(value)
    for lengths in y_pred.nested_row_lengths():
        value = tf.repeat(value, lengths, axis=0)
    return value
