"""From what a user hands in to N flat rows: shapes, dtypes, masks and weights.

Everything that can be wrong with the inputs of an update is found here, from static shapes,
before anything is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from dist_f1 import kernels
from dist_f1.batch.decisions import DecisionRule


class Rows(NamedTuple):
    """One batch, flattened to N rows.

    `y_true`: `[N]` class ids, or `[N, C]` 0/1 targets, in the dtype they came in.
    `y_pred`: floating-point scores `[N, C]`, which stay `[..., C]` on a TPU; or int64 labels `[N]`.
    `weight`: float64 `[N]` or `None`. `keep`: bool `[N]`, False where masked out, or `None`.
    `by`: group ids `[N]`, in the dtype they came in, or `None`.
    """

    y_true: Any
    y_pred: Any
    num_classes: int
    weight: Any
    keep: Any
    by: Any = None

    @property
    def has_scores(self) -> bool:
        """Whether `y_pred` holds scores, and not labels."""
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
    """Lines targets, scores, weights and mask up with each other, one row per decision.

    Args:
        y_true: ids `[...]` or `[..., 1]`, or 0/1 targets `[..., C]`.
        y_pred: scores `[..., C]`; with a threshold also `[...]` or `[..., 1]` (binary, one
            class); integer labels `[...]`, given `num_classes`.
        sample_weight: numbers of any shape that leads `[...]`, `[B]` for `[B, T]` say. Boolean
            weights are a mask.
        mask: booleans, shaped like `sample_weight`; the mask that Keras attaches to `y_pred`
            is honoured too.
        by: group ids, shaped like `sample_weight`.
        rule: decides whether integers are labels and whether one column is a binary score.
        num_classes: needed where `y_pred` does not show it.

    Raises:
        ValueError: shapes or dtypes that do not fit each other.
    """
    mask = _both(mask, getattr(y_pred, "_keras_mask", None))
    y_pred = as_tensor(y_pred, "y_pred")
    y_true = _widened(as_tensor(y_true, "y_true"))
    if y_pred.dtype.is_floating or rule.threshold is not None:
        y_pred, leading, num_classes = _scores(y_pred, rule, num_classes)
    else:
        y_pred, leading, num_classes = _labels(y_pred, y_true, rule, num_classes)
    y_true = _targets(y_true, leading, num_classes)

    weight = None
    if sample_weight is not None:
        parts = tf.nest.flatten(sample_weight)
        if isinstance(sample_weight, list | tuple | float) and not any(map(tf.is_tensor, parts)):
            # TensorFlow would round Python's floats to float32.
            sample_weight = np.asarray(sample_weight)
        sample_weight = as_tensor(sample_weight, "sample_weight")
        if sample_weight.dtype.is_bool:
            mask = _both(mask, sample_weight)
        else:
            weight = tf.cast(_per_row(sample_weight, leading, "sample_weight"), tf.float64)
    keep = None if mask is None else tf.cast(_per_row(mask, leading, "mask"), tf.bool)
    if by is not None:
        by = _per_row(by, leading, "by")
    return Rows(y_true, y_pred, num_classes, weight, keep, by)


def as_tensor(value: Any, name: str) -> tf.Tensor:
    """Converts to a tensor; a value per replica is refused, because it must not be summed here."""
    if isinstance(value, tf.distribute.DistributedValues) and not isinstance(value, tf.Variable):
        raise ValueError(
            f"{name} holds one value per replica, so it was passed outside of a replica. Call "
            "update_state inside the function that is given to strategy.run."
        )
    if isinstance(value, tf.SparseTensor | tf.RaggedTensor):
        raise ValueError(
            f"{name} is a {type(value).__name__}; pass {name}.to_tensor() and a mask instead."
        )
    tensor = tf.convert_to_tensor(value)
    if not (tensor.dtype.is_floating or tensor.dtype.is_integer or tensor.dtype.is_bool):
        names = ". Look the ids of names up first, with tf.lookup.StaticHashTable say"
        raise ValueError(
            f"{name} must be numeric or boolean, got {tensor.dtype.name}"
            f"{names if tensor.dtype == tf.string else ''}."
        )
    if tensor.shape.rank is None:
        raise ValueError(f"{name} has an unknown rank; fix it with tf.ensure_shape.")
    return tensor


def _widened(tensor: tf.Tensor) -> tf.Tensor:
    """With int32, TensorFlow calculates on the host, though the tensor is on a GPU."""
    if tensor.dtype == tf.int32 and kernels.device(tensor) == "GPU":
        return tf.cast(tensor, tf.int64)
    return tensor


def _last(tensor: tf.Tensor) -> int | None:
    """The size of the last axis, if there is one and its size is known."""
    return (tensor.shape.as_list() or [None])[-1]


class _Leading(NamedTuple):
    """The axes in front of the class axis: `[B]`, `[B, T]`, `[B, H, W]`, ..."""

    static: tf.TensorShape
    whole: tf.Tensor

    @property
    def rank(self) -> int:
        return self.static.rank

    @property
    def dynamic(self) -> tf.Tensor:
        """The sizes, where tracing left some open."""
        return tf.shape(self.whole)[: self.rank]


def _scores(
    y_pred: tf.Tensor, rule: DecisionRule, num_classes: int | None
) -> tuple[tf.Tensor, _Leading, int]:
    if not y_pred.dtype.is_floating:
        y_pred = tf.cast(y_pred, tf.float32)
    rank, last = y_pred.shape.rank, _last(y_pred)
    binary = rule.threshold is not None and (rank == 1 or (num_classes == 1 and last != 1))
    if rank < (1 if binary else 2):
        raise ValueError(
            f"y_pred has shape {y_pred.shape}, without a class axis. Pass scores [..., C], or set "
            "threshold=0.5 for one binary score per row."
        )
    if binary:
        y_pred, last = y_pred[..., tf.newaxis], 1
    if last is None and num_classes is None:
        raise ValueError(
            "The last axis of y_pred has an unknown size; pass num_classes= or fix it with "
            "tf.ensure_shape."
        )
    if None not in (last, num_classes) and last != num_classes:
        raise ValueError(
            f"y_pred has {last} classes on its last axis (shape {y_pred.shape}), but num_classes "
            f"is {num_classes}."
        )
    classes = last or num_classes or 0
    if classes == 1 and rule.threshold is None:
        raise ValueError(
            f"y_pred has shape {y_pred.shape}: the best of one class is always that class. Set "
            "threshold=0.5 for a binary score."
        )
    rule.check_classes(classes)
    if last is None:
        y_pred = tf.ensure_shape(y_pred, [*y_pred.shape.as_list()[:-1], classes])
    # There, axes lie in memory in an order of the compiler's, and lining them up would move all.
    stays = y_pred.shape.rank == 2 or kernels.device(y_pred) == "TPU"
    flat = y_pred if stays else tf.reshape(y_pred, [-1, classes])
    return flat, _Leading(y_pred.shape[:-1], y_pred), classes


def _labels(
    y_pred: tf.Tensor, y_true: tf.Tensor, rule: DecisionRule, num_classes: int | None
) -> tuple[tf.Tensor, _Leading, int]:
    if rule.top_k is not None:
        raise ValueError("y_pred holds integer labels, but top_k needs scores [..., C].")
    if num_classes is None:
        raise ValueError(
            "y_pred holds integer labels, which do not show how many classes there are; pass "
            "num_classes=, or threshold=0.5 if they are 0/1 indicators."
        )
    if y_pred.dtype.is_bool and num_classes > 2:
        raise ValueError(
            f"y_pred holds booleans, which name no class among {num_classes}. If they are 0/1 "
            "indicators of each class, pass threshold=0.5."
        )
    one_hot = y_true.shape.rank > 1 and _last(y_true) == num_classes > 1
    if y_pred.shape.rank > max(y_true.shape.rank - one_hot, 1) and _last(y_pred) == 1:
        y_pred = tf.squeeze(y_pred, axis=-1)
    if y_pred.shape.rank < 1:
        raise ValueError("y_pred is a scalar; pass labels of shape [B] or with more axes.")
    flat = tf.reshape(tf.cast(y_pred, tf.int64), [-1])
    return flat, _Leading(y_pred.shape, y_pred), num_classes


def _targets(y_true: tf.Tensor, leading: _Leading, num_classes: int) -> tf.Tensor:
    """Flattens `y_true` to ids `[N]` or, with a class axis, to `[N, C]`."""
    extra = y_true.shape.rank - leading.rank
    last = _last(y_true) if extra == 1 else None
    front = y_true.shape[: leading.rank]
    fits = extra in (0, 1) and front.is_compatible_with(leading.static)
    if extra == 1 and last is None and fits and num_classes > 1:
        raise ValueError(
            f"The last axis of y_true {y_true.shape} has an unknown size, so ids [..., 1] and "
            f"targets [..., {num_classes}] look alike; fix it with tf.ensure_shape."
        )
    if not fits or (extra == 1 and last not in (None, 1, num_classes)):
        wanted = f"ids {leading.static}" + (
            f" or targets {leading.static.concatenate(num_classes)}" if num_classes > 1 else ""
        )
        raise ValueError(
            f"y_true has shape {y_true.shape}, which does not match y_pred: with {num_classes} "
            f"class(es) expected {wanted}."
        )
    has_class_axis = extra == 1 and last == num_classes and num_classes > 1
    y_true = _checked(y_true, leading, "y_true", range(leading.rank))
    if y_true.shape.rank == 1 + has_class_axis:
        return y_true
    return tf.reshape(y_true, [-1, num_classes] if has_class_axis else [-1])


def _per_row(value: tf.Tensor, leading: _Leading, name: str) -> tf.Tensor:
    """Broadcasts over the trailing axes of `[...]` and flattens: `[B]` weighs all of `[B, T]`."""
    value = _widened(as_tensor(value, name))
    if value.shape.rank == leading.rank + 1 and _last(value) == 1:
        value = tf.squeeze(value, axis=-1)
    missing = leading.rank - value.shape.rank
    fits = missing >= 0 and all(
        None in (own, other) or own in (1, other)
        for own, other in zip(
            value.shape.as_list(), leading.static.as_list()[: value.shape.rank], strict=True
        )
    )
    if not fits:
        raise ValueError(
            f"{name} has shape {value.shape}, which does not lead the shape {leading.static} of "
            f"the rows. Pass one {name} per row, or per leading axes ([B] for rows [B, T])."
        )
    # An axis that is known to be of size 1 is broadcast on purpose.
    varied = [axis for axis, size in enumerate(value.shape.as_list()) if size != 1]
    value = _checked(value, leading, name, varied)
    if missing == 0 and 1 not in value.shape.as_list():
        return value if value.shape.rank == 1 else tf.reshape(value, [-1])
    value = tf.reshape(value, tf.concat([tf.shape(value), [1] * missing], axis=0))
    return tf.reshape(tf.broadcast_to(value, leading.dynamic), [-1])


def _checked(value: tf.Tensor, leading: _Leading, name: str, axes: Sequence[int]) -> tf.Tensor:
    """Checks sizes that tracing left open: one row must not be broadcast to all of them."""
    known = [value.shape.as_list(), leading.static.as_list()]
    if all(sizes[axis] is not None for sizes in known for axis in axes):
        return value
    check = tf.debugging.assert_equal(
        tf.gather(tf.shape(value), list(axes)),
        tf.gather(leading.dynamic, list(axes)),
        f"{name} and y_pred differ in their number of rows; pass as many of one as of the other.",
    )
    with tf.control_dependencies([] if check is None else [check]):
        return tf.identity(value)


def _both(mask: Any, other: Any) -> Any:
    if mask is None or other is None:
        return other if mask is None else mask
    mask, other = tf.cast(as_tensor(mask, "mask"), tf.bool), tf.cast(other, tf.bool)
    longer = max(mask.shape.rank, other.shape.rank)
    mask, other = (
        tf.reshape(m, tf.concat([tf.shape(m), [1] * (longer - m.shape.rank)], axis=0))
        for m in (mask, other)
    )
    return mask & other
