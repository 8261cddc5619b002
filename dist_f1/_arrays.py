"""The few array functions that scores need, over NumPy arrays and tensors alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from dist_f1 import contexts


def to_float(x: Any) -> Any:
    """Float64."""
    return tf.cast(x, tf.float64) if tf.is_tensor(x) else np.asarray(x, np.float64)


def where(condition: Any, x: Any, y: Any) -> Any:
    """Elementwise choice."""
    if any(map(tf.is_tensor, (condition, x, y))):
        return tf.where(condition, to_tensor(x), to_tensor(y))
    return np.where(condition, x, y)[()]


def to_tensor(x: Any) -> tf.Tensor:
    """A float64 tensor of a number or tensor."""
    return x if tf.is_tensor(x) else tf.constant(x, tf.float64)


def total(x: Any) -> Any:
    """The sum over the last axis."""
    return tf.reduce_sum(x, axis=-1) if tf.is_tensor(x) else np.sum(x, axis=-1)


def first_axis_total(x: Any) -> Any:
    """The sum over the first axis."""
    return tf.reduce_sum(x, axis=0) if tf.is_tensor(x) else np.sum(x, axis=0)


def first_axis_max(x: Any) -> Any:
    """The maximum over the first axis."""
    return tf.reduce_max(x, axis=0) if tf.is_tensor(x) else np.max(x, axis=0)


def first_axis_argmax(x: Any) -> Any:
    """Where the maximum over the first axis is, the lowest index of several."""
    return tf.argmax(x, axis=0) if tf.is_tensor(x) else np.argmax(x, axis=0)


def pick(x: Any, rows: Any) -> Any:
    """`x[rows[c], c]` for each column c of `x` `[T, C]`."""
    if tf.is_tensor(x):
        return tf.gather(tf.transpose(x), rows, batch_dims=1)
    return x[rows, np.arange(x.shape[1])]


def at(x: Any, index: Any) -> Any:
    """`x[index]` for an index of the first axis, which may be a tensor itself."""
    # A slice from where a tensor says would have to be known to the host.
    return tf.gather(x, index) if tf.is_tensor(x) and tf.is_tensor(index) else x[index]


def elements(vector: np.ndarray, indices: Any) -> Any:
    """Elements of a NumPy vector, by an index of either kind."""
    return tf.gather(vector, indices) if tf.is_tensor(indices) else vector[indices]


def suffix_sums(x: Any) -> Any:
    """For each element of the first axis, the sum of it and all after it."""
    if tf.is_tensor(x):
        on_tpu = contexts.device_type(x) == "TPU"
        return _doubled(x) if on_tpu else tf.cumsum(x, axis=0, reverse=True)
    return np.cumsum(x[::-1], axis=0)[::-1]


def _doubled(x: tf.Tensor) -> tf.Tensor:
    """Suffix sums by additions of the whole at twice the distance each time.

    Of a cumulative sum of more than 128 int64, the compiler for TPUs runs out of memory.
    """
    size, distance = x.shape.as_list()[0], 1
    while distance < size:
        nothing = tf.zeros_like(x[:distance])
        x, distance = x + tf.concat([x[distance:], nothing], axis=0), 2 * distance
    return x


def repeated(x: Any, times: int) -> Any:
    """`times` copies of `x` along a new first axis."""
    if tf.is_tensor(x):
        return tf.repeat(x[tf.newaxis], times, axis=0)
    return np.repeat(np.asarray(x)[np.newaxis], times, axis=0)


def joined(first: Any, second: Any) -> Any:
    """One after the other, along the first axis."""
    return tf.concat([first, second], 0) if tf.is_tensor(first) else np.concatenate([first, second])


def flat(x: Any) -> Any:
    """All elements in one vector."""
    return tf.reshape(x, [-1]) if tf.is_tensor(x) else np.reshape(x, [-1])


def square_total(x: Any) -> Any:
    """The sum over the last two axes."""
    return total(total(x))


def sqrt(x: Any) -> Any:
    """Elementwise square root."""
    return tf.sqrt(x) if tf.is_tensor(x) else np.sqrt(x)


def floor(x: Any) -> Any:
    """The largest whole number that is not above."""
    return tf.floor(x) if tf.is_tensor(x) else np.floor(x)


def rounded(x: Any) -> Any:
    """The nearest whole number, and of two the even one."""
    return tf.round(x) if tf.is_tensor(x) else np.round(x)


def is_nan(x: Any) -> Any:
    """Elementwise test for NaN."""
    return tf.math.is_nan(x) if tf.is_tensor(x) else np.isnan(x)


def is_zero(x: Any) -> Any:
    """Elementwise test for 0. In a plain `tf.Graph`, `==` asks whether it is the same tensor."""
    return tf.equal(x, tf.cast(0, x.dtype)) if tf.is_tensor(x) else np.equal(x, 0)


def take(x: Any, indices: list[int]) -> Any:
    """Elements of the last axis by index."""
    return tf.gather(x, indices, axis=-1) if tf.is_tensor(x) else x[..., np.asarray(indices)]


def concat(parts: list[Any]) -> Any:
    """One after the other, along the last axis."""
    if len(parts) == 1:
        return parts[0]
    return tf.concat(parts, axis=-1) if tf.is_tensor(parts[0]) else np.concatenate(parts, axis=-1)


def stack(parts: list[Any], axis: int = -1) -> Any:
    """Beside each other, along a new axis."""
    return tf.stack(parts, axis) if tf.is_tensor(parts[0]) else np.stack(parts, axis)


def transposed(x: Any) -> Any:
    """The last two axes in the other order."""
    return tf.linalg.matrix_transpose(x) if tf.is_tensor(x) else np.swapaxes(x, -1, -2)


def column(x: Any) -> Any:
    """`[...]` as `[..., 1]`, to go with `[..., C]`."""
    return x[..., np.newaxis]


def mean(x: Any) -> Any:
    """The mean over the last axis."""
    return tf.reduce_mean(x, axis=-1) if tf.is_tensor(x) else np.mean(x, axis=-1)


def matmul(a: np.ndarray, x: Any) -> Any:
    """The product of a NumPy matrix and `x` `[K, C]`, as sums of products, exact for integers."""
    if tf.is_tensor(x):
        return tf.matmul(tf.constant(a), x)
    return a @ x


def products(a: Any, b: Any) -> Any:
    """The products of each row of `a` `[M, C]` with each of `b` `[N, C]`: `[M, N]`."""
    return tf.matmul(a, b, transpose_b=True) if tf.is_tensor(a) else a @ b.T


def unstack(x: Any) -> Any:
    """The elements of a vector."""
    return tf.unstack(x) if tf.is_tensor(x) else list(x)


def is_float(x: Any) -> bool:
    """Whether it is of a float dtype."""
    return bool(tf.as_dtype(x.dtype).is_floating)


def divide(above: Any, below: Any, otherwise: float) -> Any:
    """`above / below`, in float64, and `otherwise` where `below` is zero."""
    if tf.is_tensor(below):
        ratio = tf.math.divide_no_nan(above, below)
        return ratio if otherwise == 0.0 else where(is_zero(below), otherwise, ratio)
    undefined = is_zero(below)
    return where(undefined, np.float64(otherwise), above / where(undefined, np.float64(1.0), below))
