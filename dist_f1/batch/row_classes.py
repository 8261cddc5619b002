"""`RowClasses`: the predicted, the actual or the correct classes of each row."""

from typing import Any, NamedTuple

import tensorflow as tf


class RowClasses(NamedTuple):
    """Classes of N rows; exactly one of `ids` and `multi_hot` is set.

    Fields:
        ids: Class ids `[N]`, or `[N, k]` for k classes a row. Any value in invalid rows.
        multi_hot: bool `[N, C]`, True for the classes of a row.
        valid: bool `[N]`, False in rows that cannot be counted (the label is not a class, or a
            prediction is NaN); or bool `[N, C]`, where every entry of a row must be True.
        where: bool, shaped like `ids`, the ids that count; `None` for all.
        ignored: bool `[N]`, rows of `ignore_class`; `None` for none.
        entries: bool `[N, C]`, False for entries that are left out; `None` for none.
        find_codes: Function of `valid` that returns the code of each row (`counts.causes`), int
            `[N]`, 0 in valid rows; `None` if the only cause is a prediction that is NaN.
    """

    # Optional fields are typed as tensors: which of them are set depends on the form.
    ids: tf.Tensor = None
    multi_hot: tf.Tensor = None
    valid: tf.Tensor = None
    where: tf.Tensor = None
    ignored: tf.Tensor = None
    entries: tf.Tensor = None
    find_codes: Any = None

    @property
    def is_single_label(self) -> bool:
        """Whether each row has exactly one class, given by its id."""
        return self.ids is not None and self.ids.shape.rank == 1 and self.where is None

    @property
    def max_per_row(self) -> int:
        """The largest possible number of classes of a row."""
        classes = self.multi_hot if self.ids is None else self.ids
        return 1 if classes.shape.rank == 1 else classes.shape.as_list()[-1]

    def number_per_row(self, rows: tf.Tensor) -> tf.Tensor:
        """Return the number of classes of each row given by ids, float32 `[N]`.

        Args:
            rows: Any tensor `[N]`.
        """
        if self.where is None:
            return tf.fill(tf.shape(rows), float(self.max_per_row))
        number = tf.cast(self.where, tf.float32)
        return number if number.shape.rank == 1 else tf.reduce_sum(number, axis=-1)


def match(predicted: RowClasses, actual: RowClasses) -> RowClasses:
    """Return the correct classes: those that are both predicted and actual."""
    if predicted.ids is None and actual.ids is None:
        return RowClasses(multi_hot=predicted.multi_hot & actual.multi_hot)
    if predicted.ids is None:
        # An invalid id has no column to look at.
        ids = tf.where(actual.valid, actual.ids, 0)
        return RowClasses(ids, where=tf.gather(predicted.multi_hot, ids, batch_dims=1))
    ids = predicted.ids
    if actual.ids is not None:
        actual_ids = actual.ids if ids.shape.rank == 1 else actual.ids[:, tf.newaxis]
        return RowClasses(ids, where=_and(predicted.where, tf.equal(ids, actual_ids)))
    if ids.shape.rank == 1:
        ids = tf.where(predicted.valid, ids, 0)
    found = tf.gather(actual.multi_hot, ids, batch_dims=1)
    return RowClasses(ids, where=_and(predicted.where, found))


def _and(where: tf.Tensor | None, other: tf.Tensor) -> tf.Tensor:
    return other if where is None else where & other
