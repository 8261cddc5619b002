"""Row sums and column sums of bool matrices `[N, C]`.

They are computed by SWAR (SIMD within a register): the bits of an entry become fields of one
integer, and slices of classes, or of rows, are added elementwise. XLA compiles this for CPUs to one
vectorized pass over all matrices.
"""

import functools
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import tensorflow as tf

from dist_f1.kernels.choice import Kernels
from dist_f1.kernels.column_folds import FIELD, fold_columns
from dist_f1.kernels.lanes import LANES, UNROLLED

# Four fields of an int32 hold sums over 255 slices, and four fields of an int64 those of a row.
_MAX_SLICES, _ROW_FIELD = 255, 16


class PackedMasks:
    """Bool matrices of the same rows and classes, and the valid entries."""

    def __init__(
        self, masks: Sequence[tf.Tensor | None], valid: Sequence[tf.Tensor], kernels: Kernels
    ) -> None:
        """Pack the matrices.

        Args:
            masks: At most three matrices `[N, C]` to sum. The sum of `None` is `None`.
            valid: Bool `[N]`, or `[N, C]`. A row is valid if all of them are set.
            kernels: Kernels to use.
        """
        self.masks, self._device = list(masks), kernels.device
        self._matrices = [x for x in masks if x is not None]
        self._valid = [x for x in valid if x.shape.rank == 1]
        entries = [x for x in valid if x.shape.rank == 2]
        self._valid_entries = functools.reduce(tf.logical_and, entries) if entries else None
        bits = list(self._matrices)
        if self._valid_entries is not None:
            bits.append(tf.logical_not(self._valid_entries))
        self._fields = len(bits)
        # One narrow tensor for both kinds of sums; XLA would materialize each matrix otherwise.
        self._packed = _pack_bits(bits) if bits and kernels.argmax == "lanes" else None

    def valid_rows(self) -> tf.Tensor | None:
        """Return bool `[N]`, the valid rows, or `None` if every row is valid."""
        valid = self._valid
        if self._valid_entries is not None:
            entries, sums = self._valid_entries, self._sums
            are_valid = tf.reduce_all(entries, -1) if sums is None else tf.equal(sums[-1], 0.0)
            valid = [*valid, are_valid]
        return functools.reduce(tf.logical_and, valid) if valid else None

    def row_sums(self) -> list[tf.Tensor | None]:
        """Return the number of set entries in each row: float32 `[N]` for each matrix."""
        if self._sums is None:
            sums = [tf.reduce_sum(tf.cast(x, tf.float32), axis=-1) for x in self._matrices]
        else:
            sums = self._sums[: len(self._matrices)]
        return self._with_absent(sums)

    def column_sums(self, valid: tf.Tensor) -> list[tf.Tensor | None]:
        """Return the number of rows in which each class is set: int64 `[C]` for each matrix.

        Args:
            valid: Bool `[N]`, the rows to count.
        """
        if self._device == "TPU":
            sums = [_column_sum(x, valid) for x in self._matrices]
        elif self._packed is None or not self._matrices:
            sums = [_column_product(x, valid) for x in self._matrices]
        else:
            sums = self._packed_column_sums(self._packed, valid)
        return self._with_absent(sums)

    def _with_absent(self, sums: Iterable[tf.Tensor]) -> list[tf.Tensor | None]:
        remaining = iter(sums)
        return [None if mask is None else next(remaining) for mask in self.masks]

    def _packed_column_sums(self, packed: tf.Tensor, valid: tf.Tensor) -> list[tf.Tensor]:
        packed = tf.where(valid[:, tf.newaxis], packed, tf.zeros([], packed.dtype))
        classes, fields = packed.shape.as_list()[-1], len(self._matrices)
        folded = fold_columns([packed], lambda x: (_to_fields(x, fields), tf.constant(0)), classes)
        return folded.sums[:fields]

    @functools.cached_property
    def _sums(self) -> list[tf.Tensor] | None:
        """Row sums of all packed bits, float32 `[N]` each; those of invalid entries come last."""
        if self._packed is None or self._packed.shape.as_list()[-1] >= 2**_ROW_FIELD:
            return None
        packed, fields, classes = self._packed, self._fields, self._packed.shape.as_list()[-1]
        lanes = LANES * -(-classes // (LANES * _MAX_SLICES))
        sums = _sum_slices(classes, lanes, lambda i, j: _to_fields(packed[:, i:j], fields))
        wide = [_sum_last(_widen_fields(x, fields)) for x in sums]
        unpacked = _unpack_fields(functools.reduce(tf.add, wide), fields, _ROW_FIELD)
        return [tf.cast(x, tf.float32) for x in unpacked]


def weighted_columns(matrix: tf.Tensor, weight: tf.Tensor, kernels: Kernels) -> tf.Tensor:
    """Sum weights `[N]` over the rows in which a bool matrix `[N, C]` is set: float64 `[C]`."""
    if kernels.device == "TPU":
        # A TPU emulates float64: a product takes many narrower products, a sum a few additions.
        return tf.reduce_sum(tf.where(matrix, weight[:, tf.newaxis], 0.0), axis=0)
    return tf.linalg.matvec(tf.cast(matrix, tf.float64), weight, transpose_a=True)


def weighted_sums(values: tf.Tensor, weight: tf.Tensor, kernels: Kernels) -> tf.Tensor:
    """Sum each row of values `[S, N]` times weights `[N]`: float64 `[S]`."""
    if kernels.device == "TPU":
        return tf.reduce_sum(values * weight, axis=-1)
    return tf.linalg.matvec(values, weight)


def _column_sum(matrix: tf.Tensor, valid: tf.Tensor) -> tf.Tensor:
    # int32 is exact for any number of rows; on a TPU float64 is slow, and float32 ends at 2**24.
    ones = tf.cast(matrix & valid[:, tf.newaxis], tf.int32)
    return tf.cast(tf.reduce_sum(ones, axis=0), tf.int64)


def _column_product(matrix: tf.Tensor, valid: tf.Tensor) -> tf.Tensor:
    # A product with a row of ones reads the matrix in memory order; a sum over the first axis does
    # not. Sums of integers in float32 are exact below 2**24.
    rows = matrix.shape.as_list()[0]
    dtype = tf.float32 if rows is not None and rows < 2**24 else tf.float64
    ones = tf.cast(valid, dtype)[tf.newaxis]
    return tf.cast(tf.matmul(ones, tf.cast(matrix, dtype))[0], tf.int64)


def _sum_slices(
    size: int, length: int, get_slice: Callable[[int, int], tf.Tensor]
) -> list[tf.Tensor]:
    """Return the sum of all slices of one length, and the remainder if there is one."""
    end = size - size % length
    slices = [get_slice(i, i + length) for i in range(0, end, length)]
    remainder = [get_slice(end, size)] if end < size else []
    return ([functools.reduce(tf.add, slices)] if slices else []) + remainder


def _sum_last(values: tf.Tensor) -> tf.Tensor:
    size = values.shape.as_list()[-1]
    if size <= UNROLLED:
        return tf.reduce_sum(values, axis=-1)
    sums = _sum_slices(size, LANES, lambda i, j: values[:, i:j])
    return functools.reduce(tf.add, [tf.reduce_sum(x, axis=-1) for x in sums])


def _pack_bits(matrices: Sequence[tf.Tensor]) -> tf.Tensor:
    """Pack bool matrices into the bits of one uint8 matrix."""
    bits = [tf.cast(x, tf.uint8) * 2**i for i, x in enumerate(matrices)]
    return functools.reduce(tf.add, bits)


def _to_fields(bits: tf.Tensor, number: int) -> tf.Tensor:
    """Move each bit of an entry to the lowest bit of a separate field of an int32."""
    bits = tf.cast(bits, tf.int32)
    fields = [
        tf.bitwise.left_shift(tf.bitwise.bitwise_and(bits, 2**i), (FIELD - 1) * i)
        for i in range(number)
    ]
    return functools.reduce(tf.add, fields)


def _widen_fields(packed: tf.Tensor, number: int) -> tf.Tensor:
    """Move the fields of an int32 to wider fields of an int64."""
    # The last field may extend into the sign bit.
    unsigned = tf.bitwise.bitwise_and(tf.cast(packed, tf.int64), np.int64(2**32 - 1))
    fields = _unpack_fields(unsigned, number, FIELD)
    shifted = [tf.bitwise.left_shift(x, np.int64(_ROW_FIELD * i)) for i, x in enumerate(fields)]
    return functools.reduce(tf.add, shifted)


def _unpack_fields(packed: tf.Tensor, number: int, width: int) -> list[tf.Tensor]:
    mask = np.int64(2**width - 1)
    return [
        tf.bitwise.bitwise_and(tf.bitwise.right_shift(packed, np.int64(width * i)), mask)
        for i in range(number)
    ]
