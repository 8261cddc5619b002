"""From the arguments of an update to N flat rows: shapes, dtypes, masks and weights.

All errors in the inputs of an update are found here, from static shapes, before any row is counted.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from dist_f1 import kernels
from dist_f1.batch.decision_rule import DecisionRule


class Rows(NamedTuple):
    """One batch, flattened to N rows.

    Fields:
        y_true: Class ids `[N]`, or 0/1 targets `[N, C]`, in the dtype of the argument.
        y_pred: Floating-point predictions `[N, C]` (`[..., C]` on a TPU), or int64 labels `[N]`.
        num_classes: C.
        weight: float64 `[N]`, or `None`.
        mask: bool `[N]`, False in rows to leave out, or `None`.
        group_ids: `[N]`, in the dtype of the argument, or `None`.
    """

    y_true: tf.Tensor
    y_pred: tf.Tensor
    num_classes: int
    weight: tf.Tensor | None
    mask: tf.Tensor | None
    group_ids: tf.Tensor | None = None

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
    mask = _and_masks(mask, getattr(y_pred, "_keras_mask", None))
    y_pred = as_tensor(y_pred, "y_pred")
    y_true = _widen_int32(as_tensor(y_true, "y_true"))
    if y_pred.dtype.is_floating or rule.threshold is not None:
        y_pred, shape, num_classes = _flatten_scores(y_pred, rule, num_classes)
    else:
        y_pred, shape, num_classes = _flatten_labels(y_pred, y_true, rule, num_classes)
    y_true = _flatten_targets(y_true, shape, num_classes)

    weight = None
    if sample_weight is not None:
        leaves = tf.nest.flatten(sample_weight)
        if isinstance(sample_weight, list | tuple | float) and not any(map(tf.is_tensor, leaves)):
            # TensorFlow would round Python floats to float32.
            sample_weight = np.asarray(sample_weight)
        sample_weight = as_tensor(sample_weight, "sample_weight")
        if sample_weight.dtype.is_bool:
            mask = _and_masks(mask, sample_weight)
        else:
            weight = _broadcast_to_rows(sample_weight, shape, "sample_weight")
            weight = tf.cast(weight, tf.float64)
    if mask is not None:
        mask = tf.cast(_broadcast_to_rows(mask, shape, "mask"), tf.bool)
    if by is not None:
        by = _broadcast_to_rows(by, shape, "by")
    return Rows(y_true, y_pred, num_classes, weight, mask, by)


def as_tensor(value: Any, name: str) -> tf.Tensor:
    """Convert to a tensor; raise `ValueError` unless it is a dense numeric one of this replica."""
    if isinstance(value, tf.distribute.DistributedValues) and not isinstance(value, tf.Variable):
        raise ValueError(
            f"{name} holds one value per replica, so update_state was called outside of a replica. "
            "Call it inside the function that is passed to strategy.run."
        )
    if isinstance(value, tf.SparseTensor | tf.RaggedTensor):
        raise ValueError(
            f"{name} is a {type(value).__name__}. Pass {name}.to_tensor() and a mask instead."
        )
    tensor = tf.convert_to_tensor(value)
    if not (tensor.dtype.is_floating or tensor.dtype.is_integer or tensor.dtype.is_bool):
        hint = " Convert names to ids first, e.g. with tf.lookup.StaticHashTable."
        raise ValueError(
            f"{name} must be numeric or boolean, got {tensor.dtype.name}."
            f"{hint if tensor.dtype == tf.string else ''}"
        )
    if tensor.shape.rank is None:
        raise ValueError(f"{name} has an unknown rank. Set it with tf.ensure_shape.")
    return tensor


def _widen_int32(tensor: tf.Tensor) -> tf.Tensor:
    """Cast int32 on a GPU to int64, since TensorFlow computes with int32 on the host."""
    if tensor.dtype == tf.int32 and kernels.device(tensor) == "GPU":
        return tf.cast(tensor, tf.int64)
    return tensor


def _last(tensor: tf.Tensor) -> int | None:
    """Return the static size of the last axis, or `None`."""
    return (tensor.shape.as_list() or [None])[-1]


class _BatchShape(NamedTuple):
    """The shape before the class axis: `[B]`, `[B, T]`, `[B, H, W]`, ..."""

    static: tf.TensorShape
    tensor: tf.Tensor

    @property
    def rank(self) -> int:
        return self.static.rank

    @property
    def dynamic(self) -> tf.Tensor:
        """The sizes at run time, where some are unknown while tracing."""
        return tf.shape(self.tensor)[: self.rank]


def _flatten_scores(
    y_pred: tf.Tensor, rule: DecisionRule, num_classes: int | None
) -> tuple[tf.Tensor, _BatchShape, int]:
    if not y_pred.dtype.is_floating:
        y_pred = tf.cast(y_pred, tf.float32)
    rank, last = y_pred.shape.rank, _last(y_pred)
    binary = rule.threshold is not None and (rank == 1 or (num_classes == 1 and last != 1))
    if rank < (1 if binary else 2):
        raise ValueError(
            f"y_pred has shape {y_pred.shape}, without a class axis. Pass predictions [..., C], or "
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
            f"is {num_classes}. Pass the number of classes that the model predicts."
        )
    classes = last or num_classes or 0
    if classes == 1 and rule.threshold is None:
        raise ValueError(
            f"y_pred has shape {y_pred.shape}, and the argmax of one class is always that class. "
            "Set threshold=0.5 for a binary prediction."
        )
    rule.check_classes(classes)
    if last is None:
        y_pred = tf.ensure_shape(y_pred, [*y_pred.shape.as_list()[:-1], classes])
    # On a TPU the compiler chooses the memory layout; flattening would move every entry.
    stays = y_pred.shape.rank == 2 or kernels.device(y_pred) == "TPU"
    flat = y_pred if stays else tf.reshape(y_pred, [-1, classes])
    return flat, _BatchShape(y_pred.shape[:-1], y_pred), classes


def _flatten_labels(
    y_pred: tf.Tensor, y_true: tf.Tensor, rule: DecisionRule, num_classes: int | None
) -> tuple[tf.Tensor, _BatchShape, int]:
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
    one_hot = y_true.shape.rank > 1 and _last(y_true) == num_classes > 1
    if y_pred.shape.rank > max(y_true.shape.rank - one_hot, 1) and _last(y_pred) == 1:
        y_pred = tf.squeeze(y_pred, axis=-1)
    if y_pred.shape.rank < 1:
        raise ValueError("y_pred is a scalar. Pass labels of shape [B] or with more axes.")
    flat = tf.reshape(tf.cast(y_pred, tf.int64), [-1])
    return flat, _BatchShape(y_pred.shape, y_pred), num_classes


def _flatten_targets(y_true: tf.Tensor, shape: _BatchShape, num_classes: int) -> tf.Tensor:
    """Flatten `y_true` to ids `[N]` or, with a class axis, to `[N, C]`."""
    extra = y_true.shape.rank - shape.rank
    last = _last(y_true) if extra == 1 else None
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
    y_true = _check_row_number(y_true, shape, "y_true", range(shape.rank))
    if y_true.shape.rank == 1 + has_class_axis:
        return y_true
    return tf.reshape(y_true, [-1, num_classes] if has_class_axis else [-1])


def _broadcast_to_rows(value: tf.Tensor, shape: _BatchShape, name: str) -> tf.Tensor:
    """Broadcast over the trailing axes of `[...]` and flatten: `[B]` applies to all of `[B, T]`."""
    value = _widen_int32(as_tensor(value, name))
    if value.shape.rank == shape.rank + 1 and _last(value) == 1:
        value = tf.squeeze(value, axis=-1)
    missing = shape.rank - value.shape.rank
    fits = missing >= 0 and all(
        None in (own, other) or own in (1, other)
        for own, other in zip(
            value.shape.as_list(), shape.static.as_list()[: value.shape.rank], strict=True
        )
    )
    if not fits:
        raise ValueError(
            f"{name} has shape {value.shape}, which does not lead the shape {shape.static} of "
            f"the rows. Pass one {name} per row, or per leading axes ([B] for rows [B, T])."
        )
    # An axis of static size 1 is broadcast on purpose.
    varied = [axis for axis, size in enumerate(value.shape.as_list()) if size != 1]
    value = _check_row_number(value, shape, name, varied)
    if missing == 0 and 1 not in value.shape.as_list():
        return value if value.shape.rank == 1 else tf.reshape(value, [-1])
    value = tf.reshape(value, tf.concat([tf.shape(value), [1] * missing], axis=0))
    return tf.reshape(tf.broadcast_to(value, shape.dynamic), [-1])


def _check_row_number(
    value: tf.Tensor, shape: _BatchShape, name: str, axes: Sequence[int]
) -> tf.Tensor:
    """Check unknown sizes at run time: a single row must not be broadcast to all rows."""
    static = [value.shape.as_list(), shape.static.as_list()]
    if all(sizes[axis] is not None for sizes in static for axis in axes):
        return value
    check = tf.debugging.assert_equal(
        tf.gather(tf.shape(value), list(axes)),
        tf.gather(shape.dynamic, list(axes)),
        f"{name} and y_pred have different numbers of rows. Pass the same number of both.",
    )
    with tf.control_dependencies([] if check is None else [check]):
        return tf.identity(value)


def _and_masks(mask: Any, other: Any) -> Any:
    if mask is None or other is None:
        return other if mask is None else mask
    mask, other = tf.cast(as_tensor(mask, "mask"), tf.bool), tf.cast(other, tf.bool)
    longer = max(mask.shape.rank, other.shape.rank)
    mask, other = (
        tf.reshape(m, tf.concat([tf.shape(m), [1] * (longer - m.shape.rank)], axis=0))
        for m in (mask, other)
    )
    return mask & other
