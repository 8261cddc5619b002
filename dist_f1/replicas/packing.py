"""Tensors of any numeric dtypes as one vector, so that their sums take one collective.

The sum of packed vectors is the packed sum. Integers that share the vector with floats, or that its
dtype cannot hold, are split into limbs. A limb is a digit of a few bits of the two's complement,
small enough for the dtype to add limbs without loss. Recombining the limbs of a sum modulo 2**bits
gives the integer sum, also of negative integers.
"""

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf


class WireFormat(NamedTuple):
    """The dtype of the packed vector, and the encoding of integers.

    Fields:
        dtype: Dtype of the vector.
        limb_bits: Bits of an integer in one element of the vector; `None` keeps integers whole.
    """

    dtype: tf.DType
    limb_bits: int | None = None


def wire_format_for(dtypes: Sequence[tf.DType], tpu: bool = False) -> WireFormat:
    """Return the smallest format that loses no bit of a sum over replicas.

    | dtypes | elsewhere | on a TPU, which cannot all-reduce int64 |
    |---|---|---|
    | integers | int64 | uint32, limbs of 16 bits: 65,537 replicas |
    | floats up to 32 bits | float32 | float32 |
    | floats of 64 bits | float64 | float64, about 48 bits there |
    | both | float64, limbs of 32 bits: 2**21 replicas | float32 (8 bits) or float64 (16 bits) |

    float16 and bfloat16 are summed in float32.
    """
    floats = [x for x in dtypes if not x.is_integer]
    is_wide = any(x in (tf.float64, tf.complex128) for x in floats)
    if not floats:
        return WireFormat(tf.uint32, 16) if tpu else WireFormat(tf.int64)
    if len(floats) == len(dtypes):
        return WireFormat(tf.float64 if is_wide else tf.float32)
    if not tpu:
        return WireFormat(tf.float64, 32)
    return WireFormat(tf.float64, 16) if is_wide else WireFormat(tf.float32, 8)


def pack(tensors: Sequence[tf.Tensor], wire: WireFormat) -> tf.Tensor:
    """Concatenate all elements of `tensors`, in order, to one vector."""
    return tf.concat([_encode(x, wire) for x in tensors], axis=0)


def unpack(vector: tf.Tensor, like: Sequence[tf.Tensor], wire: WireFormat) -> list[tf.Tensor]:
    """Invert `pack`, to the shapes and dtypes of `like`.

    The sum of packed vectors gives the sums of the tensors. Integer sums wrap around at the end of
    their dtype.
    """
    sizes = [_size(x) * _words(x.dtype, wire) for x in like]
    # Slices, because a GPU has no kernel for a split of int64.
    slices, start = [], 0
    for size in sizes:
        slices.append(vector if len(sizes) == 1 else vector[start : start + size])
        start += size
    decoded = [_decode(words, x.dtype, wire) for words, x in zip(slices, like, strict=True)]
    return [
        tf.cast(x if y.shape.rank == 1 else tf.reshape(x, _shape(y)), y.dtype)
        for x, y in zip(decoded, like, strict=True)
    ]


def _words(dtype: tf.DType, wire: WireFormat) -> int:
    """Return the number of elements of the vector for one element of a tensor."""
    if dtype.is_complex:
        return 2
    if not dtype.is_integer or wire.limb_bits is None:
        return 1
    return -(-8 * dtype.size // wire.limb_bits)


def _encode(x: tf.Tensor, wire: WireFormat) -> tf.Tensor:
    # int32 is widened first: TensorFlow would reshape int32 on the host of a GPU.
    flat = tf.cast(x, tf.int64) if x.dtype == tf.int32 else x
    flat = flat if flat.shape.rank == 1 else tf.reshape(flat, [-1])
    if flat.dtype.is_complex:
        columns = [tf.math.real(flat), tf.math.imag(flat)]
    elif flat.dtype.is_integer and wire.limb_bits is not None:
        integers = tf.cast(flat, tf.int64)
        mask = tf.constant(2**wire.limb_bits - 1, tf.int64)
        columns = [
            tf.bitwise.bitwise_and(tf.bitwise.right_shift(integers, shift), mask)
            for shift in _shifts(_words(x.dtype, wire), wire)
        ]
    else:
        columns = [flat]
    return tf.concat([tf.cast(column, wire.dtype) for column in columns], axis=0)


def _decode(words: tf.Tensor, dtype: tf.DType, wire: WireFormat) -> tf.Tensor:
    number = _words(dtype, wire)
    columns = tf.split(words, number) if number > 1 else [words]
    if dtype.is_complex:
        half = tf.float64 if dtype == tf.complex128 else tf.float32
        return tf.complex(*(tf.cast(column, half) for column in columns))
    if not dtype.is_integer or wire.limb_bits is None:
        return columns[0]
    limbs = [
        tf.bitwise.left_shift(tf.cast(column, tf.int64), shift)
        for column, shift in zip(columns, _shifts(number, wire), strict=True)
    ]
    # In two's complement, the sum of shifted limbs is correct modulo 2**64 for either sign.
    return tf.add_n(limbs) if len(limbs) > 1 else limbs[0]


def _shifts(words: int, wire: WireFormat) -> list[tf.Tensor]:
    return [tf.constant(k * (wire.limb_bits or 0), tf.int64) for k in range(words)]


def _shape(x: tf.Tensor) -> tf.Tensor | tf.TensorShape:
    return x.shape if x.shape.is_fully_defined() else tf.shape(x)


def _size(x: tf.Tensor) -> tf.Tensor | int:
    return x.shape.num_elements() if x.shape.is_fully_defined() else tf.size(x)
