"""Which rows of a batch count, which are left out, and which cannot be counted."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from dist_f1.batch.groups import Groups
from dist_f1.batch.inputs import Rows
from dist_f1.batch.row_classes import RowClasses
from dist_f1.counts.causes import code
from dist_f1.kernels import Kernels

# In smaller batches on a CPU, a branch costs more than the operations that it skips.
_MIN_BRANCHED = 2**17


class RowStatus(NamedTuple):
    """The status of each of N rows.

    Fields:
        valid: bool `[N]`, rows that count.
        unmasked: bool `[N]`, False in rows that are left out; `None` for none.
        find_codes: Function that returns the code of each row that cannot be counted, int `[N]`;
            see `counts.causes`. Other rows may have any code.
        branches: Whether to look for codes only in a batch with invalid rows.
    """

    valid: tf.Tensor
    unmasked: tf.Tensor | None
    find_codes: Callable[[], tf.Tensor]
    branches: bool

    @property
    def invalid(self) -> tf.Tensor:
        """Rows that cannot be counted, bool `[N]`."""
        return ~self.valid if self.unmasked is None else ~self.valid & self.unmasked


def branches(kernels: Kernels, rows: Rows) -> bool:
    """Whether to look for the causes only in a batch with invalid rows.

    On a GPU, the host would wait for the condition of a branch.
    """
    size = tf.TensorShape([*rows.y_true.shape[:1], rows.num_classes]).num_elements()
    is_small = kernels.is_small or (size is not None and size < _MIN_BRANCHED)
    return kernels.device == "CPU" and not (is_small and kernels.argmax != "lanes")


def row_status(
    valid_rows: Callable[[], tf.Tensor],
    predicted: RowClasses,
    actual: RowClasses,
    rows: Rows,
    groups: Groups | None,
    kernels: Kernels,
) -> RowStatus:
    """Find the status of each row.

    A row has the cause of its predictions or targets, unless its weight or its group is invalid.

    Args:
        valid_rows: Function that returns bool `[N]`, rows with valid predictions and targets.
        predicted: Predicted classes.
        actual: Actual classes.
        rows: Masks and weights.
        groups: Groups of the rows.
        kernels: Kernels of the batch.
    """
    others: list[tuple[str, tf.Tensor]] = []
    unmasked, weight = rows.mask, rows.weight
    if weight is not None:
        others.append(("weight", tf.math.is_finite(weight)))
        unmasked = _and(unmasked, tf.not_equal(weight, 0.0))
    if rows.entry_weight is not None:
        is_finite = tf.math.is_finite(rows.entry_weight)
        left_out = tf.logical_not(rows.entry_mask)
        others.append(("weight", tf.reduce_all(is_finite | left_out, axis=-1)))
    if groups is not None:
        others.append(("group", groups.valid))
    if actual.ignored is not None:
        unmasked = _and(unmasked, ~actual.ignored)

    @functools.cache
    def find_codes() -> tf.Tensor:
        codes = _codes_of_classes(predicted, actual)
        for cause, is_valid in others:
            codes = tf.where(is_valid, codes, tf.constant(code(cause), codes.dtype))
        return codes

    has_branch = branches(kernels, rows)
    if has_branch:
        valid = functools.reduce(tf.logical_and, (x for _, x in others), valid_rows())
    else:
        valid = tf.equal(find_codes(), tf.zeros([], find_codes().dtype))
    return RowStatus(_and(unmasked, valid), unmasked, find_codes, has_branch)


def _codes_of_classes(predicted: RowClasses, actual: RowClasses) -> tf.Tensor:
    codes = actual.find_codes(actual.valid)
    if predicted.find_codes is not None:
        return tf.maximum(codes, predicted.find_codes(predicted.valid))
    valid = predicted.valid
    if valid.shape.rank == 2:
        valid = tf.reduce_all(valid, axis=-1)
    return tf.where(valid, codes, tf.constant(code("prediction"), codes.dtype))


def _and(mask: tf.Tensor | None, other: tf.Tensor) -> tf.Tensor:
    return other if mask is None else mask & other
