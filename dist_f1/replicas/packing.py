"""Tensors of any numeric dtypes as one vector, so that their sums take one collective.

The sum of packed vectors is the packed sum. Where integers must travel beside floats, or in a
dtype too small for them, they are cut into limbs: digits of a few bits, taken from the two's
complement, each small enough that the carrier adds it up without loss. Recombined modulo
2**bits, they give the integer sum, negative ones included.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf


class Carrier(NamedTuple):
    """The dtype of the packed vector, and how integers are carried in it.

    Fields:
        dtype: of the vector.
        limb_bits: bits of an integer in one element of the vector; `None` carries it whole.
    """

    dtype: tf.DType
    limb_bits: int | None = None


def carrier_for(dtypes: Sequence[tf.DType], tpu: bool = False) -> Carrier:
    """The smallest carrier that loses no bit of a sum over replicas.

    | dtypes | elsewhere | on a TPU, which cannot all-reduce int64 |
    |---|---|---|
    | integers | int64 | uint32, limbs of 16 bits: 65,537 replicas |
    | floats up to 32 bits | float32 | float32 |
    | floats of 64 bits | float64 | float64, about 48 bits there |
    | both | float64, limbs of 32 bits: 2**21 replicas | float32 (8 bits) or float64 (16 bits) |

    float16 and bfloat16 are added up in float32.
    """
    floats = [x for x in dtypes if not x.is_integer]
    wide = any(x in (tf.float64, tf.complex128) for x in floats)
    if not floats:
        return Carrier(tf.uint32, 16) if tpu else Carrier(tf.int64)
    if len(floats) == len(dtypes):
        return Carrier(tf.float64 if wide else tf.float32)
    if not tpu:
        return Carrier(tf.float64, 32)
    return Carrier(tf.float64, 16) if wide else Carrier(tf.float32, 8)


def pack(tensors: Sequence[tf.Tensor], carrier: Carrier) -> tf.Tensor:
    """One vector that holds all elements of `tensors`, in order."""
    return tf.concat([_encode(x, carrier) for x in tensors], axis=0)


def unpack(vector: tf.Tensor, like: Sequence[tf.Tensor], carrier: Carrier) -> list[tf.Tensor]:
    """The inverse of `pack`, or its sum if `vector` is a sum; shapes and dtypes as in `like`.

    An integer sum that its dtype cannot hold wraps around, as integer addition does.
    """
    sizes = [_size(x) * _words(x.dtype, carrier) for x in like]
    # Slices, since there is no kernel that splits int64 on a GPU.
    parts, start = [], 0
    for size in sizes:
        parts.append(vector[start : start + size])
        start += size
    return [
        tf.cast(tf.reshape(_decode(part, x.dtype, carrier), _shape(x)), x.dtype)
        for part, x in zip(parts, like, strict=True)
    ]


def _words(dtype: tf.DType, carrier: Carrier) -> int:
    """Elements of the vector that one element of a tensor takes."""
    if dtype.is_complex:
        return 2
    if not dtype.is_integer or carrier.limb_bits is None:
        return 1
    return -(-8 * dtype.size // carrier.limb_bits)


def _encode(x: tf.Tensor, carrier: Carrier) -> tf.Tensor:
    words = _words(x.dtype, carrier)
    # Integers are widened first, since int32 would be reshaped on the host of a GPU.
    flat = tf.reshape(tf.cast(x, tf.int64) if x.dtype == tf.int32 else x, [-1])
    if flat.dtype.is_complex:
        columns = [tf.math.real(flat), tf.math.imag(flat)]
    elif flat.dtype.is_integer and carrier.limb_bits is not None:
        whole = tf.cast(flat, tf.int64)
        mask = tf.constant(2**carrier.limb_bits - 1, tf.int64)
        columns = [
            tf.bitwise.bitwise_and(tf.bitwise.right_shift(whole, shift), mask)
            for shift in _shifts(words, carrier)
        ]
    else:
        columns = [flat]
    return tf.concat([tf.cast(column, carrier.dtype) for column in columns], axis=0)


def _decode(part: tf.Tensor, dtype: tf.DType, carrier: Carrier) -> tf.Tensor:
    words = _words(dtype, carrier)
    columns = tf.split(part, words) if words > 1 else [part]
    if dtype.is_complex:
        half = tf.float64 if dtype == tf.complex128 else tf.float32
        return tf.complex(*(tf.cast(column, half) for column in columns))
    if not dtype.is_integer or carrier.limb_bits is None:
        return columns[0]
    limbs = [
        tf.bitwise.left_shift(tf.cast(column, tf.int64), shift)
        for column, shift in zip(columns, _shifts(words, carrier), strict=True)
    ]
    # Two's complement: the sum of the shifted limbs is right modulo 2**64, whatever the sign.
    return tf.add_n(limbs) if len(limbs) > 1 else limbs[0]


def _shifts(words: int, carrier: Carrier) -> list[tf.Tensor]:
    return [tf.constant(k * (carrier.limb_bits or 0), tf.int64) for k in range(words)]


def _is_dynamic(x: tf.Tensor) -> bool:
    return not x.shape.is_fully_defined()


def _shape(x: tf.Tensor) -> Any:
    return tf.shape(x) if _is_dynamic(x) else x.shape


def _size(x: tf.Tensor) -> int | tf.Tensor:
    return tf.size(x) if _is_dynamic(x) else x.shape.num_elements()
