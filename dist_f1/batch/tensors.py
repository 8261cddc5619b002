"""Tensors of a batch: conversion, static sizes, and checks of sizes at run time."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from dist_f1 import kernels


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
    if isinstance(value, np.ndarray) and value.dtype == object:
        raise ValueError(
            f"{name} is an array of Python objects of shape {list(value.shape)}. "
            f"{_remedy_for_objects(value)}"
        )
    try:
        tensor = tf.convert_to_tensor(value)
    except (TypeError, ValueError) as error:
        reason = (str(error).splitlines() or [""])[0].rstrip(".")
        raise ValueError(
            f"{name} is a {type(value).__name__} that is not a tensor of numbers ({reason}). "
            f"Pass numbers. {_EQUAL_LENGTHS}"
        ) from error
    if not (tensor.dtype.is_floating or tensor.dtype.is_integer or tensor.dtype.is_bool):
        hint = f" {_NAMES}" if tensor.dtype == tf.string else ""
        raise ValueError(f"{name} must be numeric or boolean, got {tensor.dtype.name}.{hint}")
    if tensor.shape.rank is None:
        raise ValueError(f"{name} has an unknown rank. Set it with tf.ensure_shape.")
    return tensor


_EQUAL_LENGTHS = "Rows need equal lengths: pad them, and pass a mask."
_NAMES = "Convert names to ids first, e.g. with tf.lookup.StaticHashTable."


def _remedy_for_objects(array: np.ndarray) -> str:
    first = array.flat[0] if array.size else None
    if isinstance(first, str | bytes):
        return f"It holds names, e.g. {first!r}. {_NAMES}"
    if isinstance(first, list | tuple | np.ndarray):
        return f"It holds rows as objects of type {type(first).__name__}. {_EQUAL_LENGTHS}"
    return f"It holds objects, e.g. {first!r}. Convert it with array.astype(dtype)."


def widen_int32(tensor: tf.Tensor) -> tf.Tensor:
    """Cast int32 on a GPU to int64, since TensorFlow computes with int32 on the host."""
    if tensor.dtype == tf.int32 and kernels.device(tensor) == "GPU":
        return tf.cast(tensor, tf.int64)
    return tensor


def last_size(tensor: tf.Tensor) -> int | None:
    """Return the static size of the last axis, or `None`."""
    return (tensor.shape.as_list() or [None])[-1]


class BatchShape(NamedTuple):
    """The shape before the class axis: `[B]`, `[B, T]`, `[B, H, W]`, ..."""

    static: tf.TensorShape
    tensor: tf.Tensor

    @property
    def rank(self) -> int:
        """Number of axes."""
        return self.static.rank

    @property
    def dynamic(self) -> tf.Tensor:
        """The sizes at run time, where some are unknown while tracing."""
        return tf.shape(self.tensor)[: self.rank]


def check_row_number(
    value: tf.Tensor, shape: BatchShape, name: str, axes: Sequence[int]
) -> tf.Tensor:
    """Check unknown sizes at run time: a single row must not be broadcast to all rows."""
    static = [value.shape.as_list(), shape.static.as_list()]
    if all(sizes[axis] is not None for sizes in static for axis in axes):
        return value
    message = f"{name} and y_pred have different numbers of rows. Pass the same number of both."
    sizes, expected = tf.shape(value), tf.shape(shape.tensor)
    if len(axes) == 1:
        # No other operation that returns one size takes less time.
        found = tf.unstack(sizes)[axes[0]], tf.unstack(expected)[axes[0]]
        are_equal = tf.equal(*found)
    else:
        found = tf.gather(sizes, list(axes)), tf.gather(expected, list(axes))
        are_equal = tf.reduce_all(tf.equal(*found))
    with tf.control_dependencies([tf.debugging.Assert(are_equal, [message, *found])]):
        return tf.identity(value)
