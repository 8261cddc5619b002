"""Single entries of rows: masks and weights `[N, C]`, where each class is decided separately."""

import tensorflow as tf

from dist_f1.batch.inputs import Rows
from dist_f1.batch.row_classes import RowClasses
from dist_f1.counting.row_sums import RowSums
from dist_f1.kernels import Kernels
from dist_f1.kernels.packed_masks import PackedMasks


def select_entries(
    predicted: RowClasses, actual: RowClasses, rows: Rows, num_classes: int
) -> tuple[RowClasses, RowClasses, Rows]:
    """Leave out entries: they are neither predicted nor actual, and always valid.

    Returns:
        The predicted and the actual classes, and the rows with the mask of all entries that count.
        Rows without such an entry are masked.
    """
    multi_hot = actual.multi_hot
    if multi_hot is None:
        multi_hot = tf.one_hot(actual.ids, num_classes, True, False, dtype=tf.bool)
    entries = tf.ones_like(multi_hot) if actual.entries is None else actual.entries
    if rows.entry_mask is not None:
        entries &= rows.entry_mask
    if rows.entry_weight is not None:
        entries &= tf.not_equal(rows.entry_weight, 0.0)
    any_entry = tf.reduce_any(entries, axis=-1)
    predicted = predicted._replace(
        multi_hot=predicted.multi_hot & entries, valid=_valid(predicted.valid, entries)
    )
    actual = actual._replace(
        ids=None, multi_hot=multi_hot & entries, valid=_valid(actual.valid, entries)
    )
    mask = any_entry if rows.mask is None else rows.mask & any_entry
    return predicted, actual, rows._replace(mask=mask, entry_mask=entries)


def class_totals(rows: Rows, sums: RowSums, kernels: Kernels) -> list[tf.Tensor]:
    """Specify the counted entries of each class, `[C]`, or the sums of their weights."""
    masks = PackedMasks([rows.entry_mask], [], kernels)
    return sums.columns(masks)


def _valid(valid: tf.Tensor, entries: tf.Tensor) -> tf.Tensor:
    return valid if valid.shape.rank == 1 else valid | ~entries
