"""From the arguments of an update to N flat rows: shapes, dtypes, masks and weights.

All errors in the inputs of an update are found here, from static shapes, before any row is counted.
"""

from typing import Any, Literal, NamedTuple

import tensorflow as tf

from dist_f1 import kernels
from dist_f1.batch.decision_rule import DecisionRule
from dist_f1.batch.ragged import flatten_ragged
from dist_f1.batch.row_values import broadcast_to_rows, parse_weights
from dist_f1.batch.tensors import BatchShape, as_tensor, check_row_number, last_size, widen_int32

# How single entries of rows `[N, C]` are counted.
Entries = Literal["masks", "weights"]


class Rows(NamedTuple):
    """One batch, flattened to N rows.

    Fields:
        y_true: Class ids `[N]`, or 0/1 targets `[N, C]`, in the dtype of the argument.
        y_pred: Floating-point predictions `[N, C]` (`[..., C]` on a TPU), or int64 labels `[N]`.
        num_classes: C.
        weight: float64 `[N]`, or `None`.
        mask: bool `[N]`, False in rows to leave out, or `None`.
        group_ids: `[N]`, in the dtype of the argument, or `None`.
        entry_weight: float64 `[N, C]`, or `None`.
        entry_mask: bool `[N, C]`, False for entries to leave out, or `None`.
    """

    y_true: tf.Tensor
    y_pred: tf.Tensor
    num_classes: int
    weight: tf.Tensor | None
    mask: tf.Tensor | None
    group_ids: tf.Tensor | None = None
    entry_weight: tf.Tensor | None = None
    entry_mask: tf.Tensor | None = None

    @property
    def is_weighted(self) -> bool:
        """Whether rows or entries have weights, so that counts are float64."""
        return self.weight is not None or self.entry_weight is not None

    @property
    def entries(self) -> Entries | None:
        """Whether single entries have masks or weights."""
        if self.entry_weight is not None:
            return "weights"
        return None if self.entry_mask is None else "masks"

    @property
    def has_scores(self) -> bool:
        """Whether `y_pred` holds predictions instead of labels."""
        return self.y_pred.shape.rank > 1


def flatten(
    y_true: Any,
    y_pred: Any,
    sample_weight: Any = None,
    mask: Any = None,
    by: Any = None,
    *,
    rule: DecisionRule,
    num_classes: int | None = None,
) -> Rows:
    """Align targets, predictions, weights and mask, and flatten them to one row per decision.

    The arguments are those of `CountsMetric.update_state`. The rule shows whether integers are
    labels, and whether one column is a binary prediction. The Keras mask of `y_pred` counts too.

    Raises:
        ValueError: Shapes or dtypes do not match.
    """
    masks = [mask, getattr(y_pred, "_keras_mask", None)]
    y_true, y_pred, sample_weight, masks[0], by = flatten_ragged(
        y_true, y_pred, sample_weight, mask, by
    )
    y_pred = as_tensor(y_pred, "y_pred")
    y_true = widen_int32(as_tensor(y_true, "y_true"))
    if y_pred.dtype.is_floating or rule.threshold is not None:
        y_pred, shape, num_classes = _flatten_scores(y_pred, rule, num_classes)
    else:
        y_pred, shape, num_classes = _flatten_labels(y_pred, y_true, rule, num_classes)
    y_true = _flatten_targets(y_true, shape, num_classes)

    entries = num_classes if rule.decides_entries(num_classes) and y_pred.shape.rank > 1 else 0
    weights = parse_weights(sample_weight, masks, shape, entries)
    if by is not None:
        by = broadcast_to_rows(by, shape, "by")
    return Rows(
        y_true,
        y_pred,
        num_classes,
        weights.weight,
        weights.mask,
        by,
        weights.entry_weight,
        weights.entry_mask,
    )


def _flatten_scores(
    y_pred: tf.Tensor, rule: DecisionRule, num_classes: int | None
) -> tuple[tf.Tensor, BatchShape, int]:
    if not y_pred.dtype.is_floating:
        y_pred = tf.cast(y_pred, tf.float32)
    rank, last = y_pred.shape.rank, last_size(y_pred)
    binary = rule.threshold is not None and (rank == 1 or (num_classes == 1 and last != 1))
    if rank < (1 if binary else 2):
        raise ValueError(
            f"y_pred has shape {y_pred.shape}, without a class axis. Pass predictions [..., C]; "
            "integers for ids of classes, e.g. tf.cast(y_pred, tf.int64), with num_classes=; or "
            "set threshold=0.5 for one binary prediction per row."
        )
    if binary:
        y_pred, last = y_pred[..., tf.newaxis], 1
    if last is None and num_classes is None:
        raise ValueError(
            "The last axis of y_pred has an unknown size. Pass num_classes=, or set the size with "
            "tf.ensure_shape."
        )
    if None not in (last, num_classes) and last != num_classes:
        raise ValueError(
            f"y_pred has {last} classes on its last axis (shape {y_pred.shape}), but num_classes "
            f"is {num_classes}. Pass the number of classes that the model predicts"
            f"{', or integers for ids of classes' if last == 1 else ''}."
        )
    classes = last or num_classes or 0
    if classes == 1 and rule.threshold is None:
        raise ValueError(
            f"y_pred has shape {y_pred.shape}, and the argmax of one class is always that class. "
            "Set threshold=0.5 for a binary prediction, or pass integers for ids of classes."
        )
    rule.check_classes(classes)
    if last is None:
        y_pred = tf.ensure_shape(y_pred, [*y_pred.shape.as_list()[:-1], classes])
    # On a TPU the compiler chooses the memory layout; flattening would move every entry.
    stays = y_pred.shape.rank == 2 or kernels.device(y_pred) == "TPU"
    flat = y_pred if stays else tf.reshape(y_pred, [-1, classes])
    return flat, BatchShape(y_pred.shape[:-1], y_pred), classes


def _flatten_labels(
    y_pred: tf.Tensor, y_true: tf.Tensor, rule: DecisionRule, num_classes: int | None
) -> tuple[tf.Tensor, BatchShape, int]:
    if rule.top_k is not None:
        raise ValueError("y_pred holds integer labels, but top_k= needs predictions [..., C].")
    if num_classes is None:
        raise ValueError(
            "y_pred holds integer labels, which do not show the number of classes. Pass "
            "num_classes=, or threshold=0.5 if they are 0/1 indicators."
        )
    if y_pred.dtype.is_bool and num_classes > 2:
        raise ValueError(
            f"y_pred holds booleans, which are not labels of {num_classes} classes. If they are "
            "0/1 indicators of each class, pass threshold=0.5."
        )
    one_hot = y_true.shape.rank > 1 and last_size(y_true) == num_classes > 1
    if y_pred.shape.rank > max(y_true.shape.rank - one_hot, 1) and last_size(y_pred) == 1:
        y_pred = tf.squeeze(y_pred, axis=-1)
    if y_pred.shape.rank < 1:
        raise ValueError("y_pred is a scalar. Pass labels of shape [B] or with more axes.")
    flat = tf.reshape(tf.cast(y_pred, tf.int64), [-1])
    return flat, BatchShape(y_pred.shape, y_pred), num_classes


def _flatten_targets(y_true: tf.Tensor, shape: BatchShape, num_classes: int) -> tf.Tensor:
    """Flatten `y_true` to ids `[N]` or, with a class axis, to `[N, C]`."""
    extra = y_true.shape.rank - shape.rank
    last = last_size(y_true) if extra == 1 else None
    front = y_true.shape[: shape.rank]
    fits = extra in (0, 1) and front.is_compatible_with(shape.static)
    if extra == 1 and last is None and fits and num_classes > 1:
        raise ValueError(
            f"The last axis of y_true {y_true.shape} has an unknown size, so it may hold ids "
            f"[..., 1] or targets [..., {num_classes}]. Set the size with tf.ensure_shape."
        )
    if not fits or (extra == 1 and last not in (None, 1, num_classes)):
        wanted = f"ids {shape.static}" + (
            f" or targets {shape.static.concatenate(num_classes)}" if num_classes > 1 else ""
        )
        raise ValueError(
            f"y_true has shape {y_true.shape}, which does not match y_pred. With {num_classes} "
            f"class(es), pass {wanted}."
        )
    has_class_axis = extra == 1 and last == num_classes and num_classes > 1
    y_true = check_row_number(y_true, shape, "y_true", range(shape.rank))
    if y_true.shape.rank == 1 + has_class_axis:
        return y_true
    return tf.reshape(y_true, [-1, num_classes] if has_class_axis else [-1])
