"""Array functions that work on NumPy arrays and on tensors.

The result is a tensor if an argument is one. Functions whose names end in `_first` or `_last` work
along that axis.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from dist_f1.counts.lazy_tensorflow import Array, is_tensor, tf


def _either(numpy: Callable[..., Any], tensorflow: str, **options: Any) -> Callable[..., Any]:
    """Combine a NumPy function and a TensorFlow one, by name; the first argument chooses.

    There are no lambdas here, since AutoGraph cannot convert several on one line.
    """
    find = operator.attrgetter(tensorflow)

    def choose(x: Array, *args: Any) -> Any:
        return find(tf)(x, *args, **options) if is_tensor(x) else numpy(x, *args)

    return choose


# Elementwise.
sqrt = _either(np.sqrt, "sqrt")
floor = _either(np.floor, "floor")
round_half_even = _either(np.round, "round")
is_nan = _either(np.isnan, "math.is_nan")
to_float = _either(partial(np.asarray, dtype=np.float64), "cast", dtype="float64")

# Along the last axis.
sum_last = _either(partial(np.sum, axis=-1), "reduce_sum", axis=-1)
mean_last = _either(partial(np.mean, axis=-1), "reduce_mean", axis=-1)
take_last = _either(partial(np.take, axis=-1), "gather", axis=-1)
swap_last_two = _either(partial(np.swapaxes, axis1=-1, axis2=-2), "linalg.matrix_transpose")

# Along the first axis. `argmax_first` returns the lowest index.
sum_first = _either(partial(np.sum, axis=0), "reduce_sum", axis=0)
max_first = _either(partial(np.max, axis=0), "reduce_max", axis=0)
argmax_first = _either(partial(np.argmax, axis=0), "argmax", axis=0)

reshape = _either(np.reshape, "reshape")
# A list of the elements of the first axis.
unstack = _either(list, "unstack")


def is_zero(x: Array) -> Array:
    """Test for 0 elementwise. In a plain `tf.Graph`, `==` compares identities instead."""
    return tf.equal(x, tf.cast(0, x.dtype)) if is_tensor(x) else np.equal(x, 0)


def take_per_column(x: Array, rows: Array) -> Array:
    """Return `x[rows[c], c]` for each column c of `x` `[T, C]`."""
    if is_tensor(x):
        return tf.gather(tf.transpose(x), rows, batch_dims=1)
    return x[rows, np.arange(x.shape[1])]


def repeat_first(x: Any, times: int) -> Array:
    """Repeat `x` along a new first axis."""
    if is_tensor(x):
        return tf.repeat(x[tf.newaxis], times, axis=0)
    return np.repeat(np.asarray(x)[np.newaxis], times, axis=0)


def concat_first(a: Array, b: Array) -> Array:
    """Concatenate along the first axis."""
    return tf.concat([a, b], 0) if is_tensor(a) else np.concatenate([a, b])


def inner(a: Array, b: Array) -> Array:
    """Return the inner products of the rows of `a` `[M, C]` and `b` `[N, C]`: `[M, N]`."""
    return tf.matmul(a, b, transpose_b=True) if is_tensor(a) else a @ b.T


def is_float(x: Array) -> bool:
    """Whether the dtype is a floating-point one."""
    return tf.as_dtype(x.dtype).is_floating if is_tensor(x) else x.dtype.kind == "f"


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


def sum_last_two(x: Array) -> Array:
    """Sum over the last two axes."""
    return sum_last(sum_last(x))


def expand_last(x: Array) -> Array:
    """Reshape `[...]` to `[..., 1]`, to broadcast over classes."""
    return x[..., np.newaxis]


def concat_last(arrays: Sequence[Any]) -> Array:
    """Concatenate along the last axis."""
    if len(arrays) == 1:
        return arrays[0]
    return tf.concat(arrays, -1) if is_tensor(arrays[0]) else np.concatenate(arrays, axis=-1)


def stack(arrays: Sequence[Any], axis: int = -1) -> Array:
    """Stack along a new axis."""
    return tf.stack(arrays, axis) if is_tensor(arrays[0]) else np.stack(arrays, axis)


def index_first(x: Array, index: Any) -> Array:
    """Return `x[index]`; the index may be a tensor."""
    # Slicing at a tensor would need its value on the host.
    return tf.gather(x, index) if is_tensor(x) and is_tensor(index) else x[index]


def take_from_numpy(vector: np.ndarray, indices: Any) -> Array:
    """Return elements of a NumPy vector at NumPy or tensor indices."""
    return tf.gather(vector, indices) if is_tensor(indices) else vector[indices]


def matmul(a: np.ndarray, x: Array) -> Array:
    """Multiply a NumPy matrix by `x` `[K, C]`; exact for integers."""
    return tf.matmul(tf.constant(a), x) if is_tensor(x) else a @ x


def is_float64(x: Array) -> bool:
    """Whether the dtype is float64."""
    return x.dtype == np.float64 if isinstance(x.dtype, np.dtype) else x.dtype == tf.float64


def is_integer(value: Any) -> bool:
    """Whether `value` is a Python or NumPy integer, and not a boolean."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
