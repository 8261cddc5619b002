"""Array functions that work on NumPy arrays and on tensors.

The result is a tensor if an argument is one. Functions whose names end in `_first` or `_last` work
along that axis.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dist_f1.counts.lazy_tensorflow import Array, is_tensor, tf


def to_float(x: Any) -> Array:
    """Cast to float64."""
    return tf.cast(x, tf.float64) if is_tensor(x) else np.asarray(x, np.float64)


def to_tensor(x: Any) -> tf.Tensor:
    """Convert a number to a float64 tensor; return a tensor unchanged."""
    return x if is_tensor(x) else tf.constant(x, tf.float64)


def where(condition: Any, x: Any, y: Any) -> Array:
    """Choose elementwise."""
    if any(map(is_tensor, (condition, x, y))):
        return tf.where(condition, to_tensor(x), to_tensor(y))
    return np.where(condition, x, y)[()]


def divide(numerator: Any, denominator: Any, default: float) -> Array:
    """Divide float64 arrays; where the denominator is 0, return `default`."""
    if is_tensor(denominator):
        ratio = tf.math.divide_no_nan(numerator, denominator)
        return ratio if default == 0.0 else where(is_zero(denominator), default, ratio)
    undefined = is_zero(denominator)
    safe = where(undefined, np.float64(1.0), denominator)
    return where(undefined, np.float64(default), numerator / safe)


def sqrt(x: Array) -> Array:
    """Take the square root elementwise."""
    return tf.sqrt(x) if is_tensor(x) else np.sqrt(x)


def floor(x: Array) -> Array:
    """Round down elementwise."""
    return tf.floor(x) if is_tensor(x) else np.floor(x)


def round_half_even(x: Array) -> Array:
    """Round to the nearest whole number, and halves to the even one."""
    return tf.round(x) if is_tensor(x) else np.round(x)


def is_nan(x: Array) -> Array:
    """Test for NaN elementwise."""
    return tf.math.is_nan(x) if is_tensor(x) else np.isnan(x)


def is_zero(x: Array) -> Array:
    """Test for 0 elementwise. In a plain `tf.Graph`, `==` compares identities instead."""
    return tf.equal(x, tf.cast(0, x.dtype)) if is_tensor(x) else np.equal(x, 0)


def sum_last(x: Array) -> Array:
    """Sum over the last axis."""
    return tf.reduce_sum(x, axis=-1) if is_tensor(x) else np.sum(x, axis=-1)


def sum_last_two(x: Array) -> Array:
    """Sum over the last two axes."""
    return sum_last(sum_last(x))


def mean_last(x: Array) -> Array:
    """Take the mean over the last axis."""
    return tf.reduce_mean(x, axis=-1) if is_tensor(x) else np.mean(x, axis=-1)


def expand_last(x: Array) -> Array:
    """Reshape `[...]` to `[..., 1]`, to broadcast over classes."""
    return x[..., np.newaxis]


def take_last(x: Array, indices: Sequence[int]) -> Array:
    """Select elements of the last axis."""
    return tf.gather(x, indices, axis=-1) if is_tensor(x) else x[..., np.asarray(indices)]


def concat_last(arrays: Sequence[Any]) -> Array:
    """Concatenate along the last axis."""
    if len(arrays) == 1:
        return arrays[0]
    return tf.concat(arrays, -1) if is_tensor(arrays[0]) else np.concatenate(arrays, axis=-1)


def swap_last_two(x: Array) -> Array:
    """Transpose the last two axes."""
    return tf.linalg.matrix_transpose(x) if is_tensor(x) else np.swapaxes(x, -1, -2)


def sum_first(x: Array) -> Array:
    """Sum over the first axis."""
    return tf.reduce_sum(x, axis=0) if is_tensor(x) else np.sum(x, axis=0)


def max_first(x: Array) -> Array:
    """Take the maximum over the first axis."""
    return tf.reduce_max(x, axis=0) if is_tensor(x) else np.max(x, axis=0)


def argmax_first(x: Array) -> Array:
    """Return the lowest index of the maximum over the first axis."""
    return tf.argmax(x, axis=0) if is_tensor(x) else np.argmax(x, axis=0)


def index_first(x: Array, index: Any) -> Array:
    """Return `x[index]`; the index may be a tensor."""
    # Slicing at a tensor would need its value on the host.
    return tf.gather(x, index) if is_tensor(x) and is_tensor(index) else x[index]


def take_per_column(x: Array, rows: Array) -> Array:
    """Return `x[rows[c], c]` for each column c of `x` `[T, C]`."""
    if is_tensor(x):
        return tf.gather(tf.transpose(x), rows, batch_dims=1)
    return x[rows, np.arange(x.shape[1])]


def take_from_numpy(vector: np.ndarray, indices: Any) -> Array:
    """Return elements of a NumPy vector at NumPy or tensor indices."""
    return tf.gather(vector, indices) if is_tensor(indices) else vector[indices]


def repeat_first(x: Any, times: int) -> Array:
    """Repeat `x` along a new first axis."""
    if is_tensor(x):
        return tf.repeat(x[tf.newaxis], times, axis=0)
    return np.repeat(np.asarray(x)[np.newaxis], times, axis=0)


def concat_first(a: Array, b: Array) -> Array:
    """Concatenate along the first axis."""
    return tf.concat([a, b], 0) if is_tensor(a) else np.concatenate([a, b])


def stack(arrays: Sequence[Any], axis: int = -1) -> Array:
    """Stack along a new axis."""
    return tf.stack(arrays, axis) if is_tensor(arrays[0]) else np.stack(arrays, axis)


def unstack(x: Array) -> list[Any]:
    """Return the elements of the first axis."""
    return tf.unstack(x) if is_tensor(x) else list(x)


def reshape(x: Array, shape: Sequence[int]) -> Array:
    """Change the shape."""
    return tf.reshape(x, shape) if is_tensor(x) else np.reshape(x, shape)


def matmul(a: np.ndarray, x: Array) -> Array:
    """Multiply a NumPy matrix by `x` `[K, C]`; exact for integers."""
    return tf.matmul(tf.constant(a), x) if is_tensor(x) else a @ x


def inner(a: Array, b: Array) -> Array:
    """Return the inner products of the rows of `a` `[M, C]` and `b` `[N, C]`: `[M, N]`."""
    return tf.matmul(a, b, transpose_b=True) if is_tensor(a) else a @ b.T


def is_float(x: Array) -> bool:
    """Whether the dtype is a floating-point one."""
    return bool(tf.as_dtype(x.dtype).is_floating) if is_tensor(x) else x.dtype.kind == "f"


def is_float64(x: Array) -> bool:
    """Whether the dtype is float64."""
    return x.dtype == np.float64 if isinstance(x.dtype, np.dtype) else x.dtype == tf.float64


def is_integer(value: Any) -> bool:
    """Whether `value` is a Python or NumPy integer, and not a boolean."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
