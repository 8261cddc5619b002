"""Sums of bool matrices `[N, C]` along their rows and along their columns.

In a form that XLA compiles for CPUs to one vectorised read of all of them: the bits of an entry
become fields of one integer, and slices of classes, or of rows, are added up elementwise.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from dist_f1.kernels.choice import Kernels
from dist_f1.kernels.lanes import LANES, UNROLLED

# Four fields of int32 hold sums of 255 slices; four of int64 those of a row, three those of rows.
_FIELD, _MOST_SLICES = 8, 255
_ROW_FIELD, _COLUMN_FIELD = 16, 21
# So many slices of rows keep XLA's loops short enough to be vectorised.
_ROW_SLICES = 24


class PackedMasks:
    """Bool matrices about the same rows and classes, and which entries are known."""

    def __init__(
        self, matrices: Sequence[tf.Tensor], known: Sequence[tf.Tensor], kernels: Kernels
    ) -> None:
        """Takes what is to be summed.

        Args:
            matrices: up to three, `[N, C]`.
            known: bool `[N]`, or `[N, C]`, of which a row needs all.
            kernels: how it is done.
        """
        self.matrices, self._device = list(matrices), kernels.device
        self._known = [x for x in known if x.shape.rank == 1]
        entries = [x for x in known if x.shape.rank == 2]
        self._known_entries = functools.reduce(tf.logical_and, entries) if entries else None
        bits = list(self.matrices)
        if self._known_entries is not None:
            bits.append(tf.logical_not(self._known_entries))
        self._number = len(bits)
        # One narrow tensor for both sums, since XLA would make one of each matrix otherwise.
        self._packed = _bits(bits) if bits and kernels.argmax == "lanes" else None

    def valid_rows(self) -> Any:
        """Bool `[N]`, the rows of which all is known, or `None` if there is nothing to know."""
        known = self._known
        if self._known_entries is not None:
            if self._sums is None:
                of_entries = tf.reduce_all(self._known_entries, axis=-1)
            else:
                of_entries = tf.equal(self._sums[-1], 0.0)
            known = [*known, of_entries]
        return functools.reduce(tf.logical_and, known) if known else None

    def row_sums(self) -> list[tf.Tensor]:
        """How many entries of each row are set: float32 `[N]` for each matrix."""
        if self._sums is None:
            return [tf.reduce_sum(tf.cast(x, tf.float32), axis=-1) for x in self.matrices]
        return self._sums[: len(self.matrices)]

    def column_sums(self, valid: tf.Tensor) -> list[tf.Tensor]:
        """In how many valid rows each class is set: int64 `[C]` for each matrix."""
        if not self.matrices:
            return []
        if self._device == "TPU":
            return [_sum(x, valid) for x in self.matrices]
        rows = self.matrices[0].shape.as_list()[0]
        if self._packed is None or rows is None or rows >= 2**_COLUMN_FIELD:
            return [_product(x, valid) for x in self.matrices]
        return self._column_sums(self._packed, valid, rows)

    @functools.cached_property
    def _sums(self) -> list[tf.Tensor] | None:
        """Of the rows of all packed bits, those that are not known last, in one read."""
        if self._packed is None or self._packed.shape.as_list()[-1] >= 2**_ROW_FIELD:
            return None
        packed, classes = self._packed, self._packed.shape.as_list()[-1]
        lanes = LANES * -(-classes // (LANES * _MOST_SLICES))
        pieces = _sliced(
            classes, lanes, lambda begin, end: _fields(packed[:, begin:end], self._number)
        )
        spread = [_widened(piece, self._number, _ROW_FIELD) for piece in pieces]
        total = functools.reduce(tf.add, [_along_row(piece) for piece in spread])
        return [tf.cast(x, tf.float32) for x in _taken_apart(total, self._number, _ROW_FIELD)]

    def _column_sums(self, packed: tf.Tensor, valid: tf.Tensor, rows: int) -> list[tf.Tensor]:
        number = len(self.matrices)
        packed = tf.where(valid[:, tf.newaxis], packed, tf.zeros([], packed.dtype))
        pieces = _sliced(
            rows,
            max(rows // _ROW_SLICES, 1),
            lambda begin, end: _fields(packed[begin:end], number),
        )
        spread = [_widened(piece, number, _COLUMN_FIELD) for piece in pieces]
        total = functools.reduce(tf.add, [_along_column(piece) for piece in spread])
        return _taken_apart(total, number, _COLUMN_FIELD)


def weighted_columns(matrix: tf.Tensor, weight: tf.Tensor, kernels: Kernels) -> tf.Tensor:
    """What the rows weigh in which each class of a bool matrix `[N, C]` is set: float64 `[C]`."""
    if kernels.device == "TPU":
        # A product of float64 takes many of narrower ones there, a sum some additions.
        return tf.reduce_sum(tf.where(matrix, weight[:, tf.newaxis], 0.0), axis=0)
    return tf.linalg.matvec(tf.cast(matrix, tf.float64), weight, transpose_a=True)


def weighted_sums(values: tf.Tensor, weight: tf.Tensor, kernels: Kernels) -> tf.Tensor:
    """The sum of each row of values `[S, N]` times weights `[N]`: float64 `[S]`."""
    if kernels.device == "TPU":
        return tf.reduce_sum(values * weight, axis=-1)
    return tf.linalg.matvec(values, weight)


def _sum(matrix: tf.Tensor, valid: tf.Tensor) -> tf.Tensor:
    # Exact for any number of rows, where float64 is slow and float32 ends at 2**24.
    counting = tf.cast(matrix & valid[:, tf.newaxis], tf.int32)
    return tf.cast(tf.reduce_sum(counting, axis=0), tf.int64)


def _product(matrix: tf.Tensor, valid: tf.Tensor) -> tf.Tensor:
    # A product with a row of ones reads each element once, in its order; a sum over the first
    # axis does not. float32 adds up whole numbers without loss below 2**24.
    rows = matrix.shape.as_list()[0]
    dtype = tf.float32 if rows is not None and rows < 2**24 else tf.float64
    ones = tf.cast(valid, dtype)[tf.newaxis]
    return tf.cast(tf.matmul(ones, tf.cast(matrix, dtype))[0], tf.int64)


def _sliced(size: int, length: int, read: Callable[[int, int], tf.Tensor]) -> list[tf.Tensor]:
    """The sum of all slices of one length, and what is left behind them."""
    whole = size - size % length
    pieces = []
    if whole:
        slices = [read(begin, begin + length) for begin in range(0, whole, length)]
        pieces.append(functools.reduce(tf.add, slices))
    return [*pieces, read(whole, size)] if whole < size else pieces


def _along_row(values: tf.Tensor) -> tf.Tensor:
    size = values.shape.as_list()[-1]
    if size <= UNROLLED:
        return tf.reduce_sum(values, axis=-1)
    pieces = _sliced(size, LANES, lambda begin, end: values[:, begin:end])
    return functools.reduce(tf.add, [tf.reduce_sum(piece, axis=-1) for piece in pieces])


def _along_column(values: tf.Tensor) -> tf.Tensor:
    size = values.shape.as_list()[0]
    if size <= 2 * _ROW_SLICES:
        return tf.reduce_sum(values, axis=0)
    pieces = _sliced(size, size // _ROW_SLICES, lambda begin, end: values[begin:end])
    return functools.reduce(tf.add, [_along_column(piece) for piece in pieces])


def _bits(matrices: Sequence[tf.Tensor]) -> tf.Tensor:
    """The bits of each entry, uint8."""
    moved = [tf.cast(x, tf.uint8) * 2**i for i, x in enumerate(matrices)]
    return functools.reduce(tf.add, moved)


def _fields(bits: tf.Tensor, number: int) -> tf.Tensor:
    """The bits of each entry, each at the low end of a field of int32."""
    bits = tf.cast(bits, tf.int32)
    fields = [
        tf.bitwise.left_shift(tf.bitwise.bitwise_and(bits, 2**i), (_FIELD - 1) * i)
        for i in range(number)
    ]
    return functools.reduce(tf.add, fields)


def _widened(packed: tf.Tensor, number: int, width: int) -> tf.Tensor:
    """Fields of int32 as wider fields of int64."""
    # The last field may reach into the sign.
    unsigned = tf.bitwise.bitwise_and(tf.cast(packed, tf.int64), np.int64(2**32 - 1))
    fields = _taken_apart(unsigned, number, _FIELD)
    moved = [tf.bitwise.left_shift(x, np.int64(width * i)) for i, x in enumerate(fields)]
    return functools.reduce(tf.add, moved)


def _taken_apart(packed: tf.Tensor, number: int, width: int) -> list[tf.Tensor]:
    mask = np.int64(2**width - 1)
    return [
        tf.bitwise.bitwise_and(tf.bitwise.right_shift(packed, np.int64(width * i)), mask)
        for i in range(number)
    ]
