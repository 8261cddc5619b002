"""`Counts`: the value from which every score is derived."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from dist_f1 import _arrays as xp

# Share of the total weight below which a difference of sums is taken for rounding (1.5e-11). It is
# above what 10**9 additions are likely to lose, and below what a row of average weight among them
# weighs; a side that really weighs less counts as empty.
_ROUNDING = 2.0**-36


class Counts(NamedTuple):
    """Confusion counts of C classes: immutable, O(C), and a `tf.nest` structure.

    Unweighted counts are int64 and exact to 2**63, weighted ones are float64. Fields are
    tensors or, after `numpy()`, NumPy arrays.

    Fields:
        true_positive: `[C]`, rows of the class that were also predicted as it.
        predicted: `[C]`, rows predicted as the class.
        actual: `[C]`, rows of the class (its support).
        total: scalar, rows counted.
        invalid: scalar, rows that were not counted because their label is not a class or a
            score or weight is not a number.
        samples: sums over rows for sample averages (`dist_f1.sample_averages`), by name, where
            each row may name several classes, and `{}` if they are not known; otherwise `()`.
        confusion: `[C, C]`, true class by predicted class; `()` unless asked for.

    One class (`C = 1`) is the binary case: the counts of the positive class. Its negative side
    follows from `total`.

    All fields may have the same leading axes (groups of rows, thresholds, resamples); scores then
    have them too. `at` picks one, `overall` adds the first axis up.

    `a + b` merges the counts of disjoint data. It is associative and commutative, exactly so
    for int64.

    Example:
        >>> counts = Counts.from_labels([0, 1, 2, 2], [0, 2, 2, 1], num_classes=3)
        >>> counts.true_positive.numpy().tolist()
        [1, 0, 1]
        >>> int((counts + counts).total)
        8
    """

    true_positive: Any
    predicted: Any
    actual: Any
    total: Any
    invalid: Any
    samples: Any = ()
    confusion: Any = ()

    @classmethod
    def from_labels(
        cls,
        y_true: Any,
        y_pred: Any,
        num_classes: int,
        sample_weight: Any = None,
        *,
        confusion: bool = False,
        betas: Iterable[float] = (),
        by: Any = None,
        num_groups: int | None = None,
    ) -> Counts:
        """Counts labels that are decided already.

        Args:
            y_true: class ids `[N]`, or 0/1 indicators `[N, C]` (multilabel), NumPy or tensor.
            y_pred: like `y_true`.
            num_classes: C. With `num_classes=1`, labels 0 and 1 are counted as one class.
            sample_weight: `[N]`; the counts are then float64.
            confusion: also keep the `[C, C]` matrix.
            betas: multilabel: beyond 1, the betas whose F is to be averaged over rows.
            by: a group id for each row, `[N]`, from 0 to `num_groups - 1`. All fields then have a
                leading axis of groups.
            num_groups: how many groups there are.

        Raises:
            ValueError: shapes that do not match.
        """
        from dist_f1 import counting

        return counting.from_labels(
            y_true,
            y_pred,
            num_classes,
            sample_weight,
            confusion=confusion,
            betas=tuple(betas),
            by=by,
            num_groups=num_groups,
        )

    @property
    def num_classes(self) -> int:
        """C."""
        return int(self.true_positive.shape[-1])

    @property
    def is_weighted(self) -> bool:
        """Whether the counts are sums of weights (float64) and not numbers of rows (int64)."""
        return self.true_positive.dtype == np.float64 or self.true_positive.dtype == tf.float64

    @property
    def is_multilabel(self) -> bool:
        """Whether a row may name any number of classes, and not exactly one."""
        return not isinstance(self.samples, tuple)

    @property
    def false_positive(self) -> Any:
        """`[C]`: predicted as the class, but not of it."""
        return self.without(self.predicted, self.true_positive)

    @property
    def false_negative(self) -> Any:
        """`[C]`: of the class, but not predicted as it."""
        return self.without(self.actual, self.true_positive)

    @property
    def true_negative(self) -> Any:
        """`[C]`: neither of the class nor predicted as it."""
        return self.without(self.not_actual, self.false_positive)

    @property
    def not_predicted(self) -> Any:
        """`[C]`: not predicted as the class."""
        return self.without(xp.column(self.total), self.predicted)

    @property
    def not_actual(self) -> Any:
        """`[C]`: not of the class."""
        return self.without(xp.column(self.total), self.actual)

    def numpy(self) -> Counts:
        """The same value with NumPy fields.

        Raises:
            ValueError: the fields are symbolic, as inside a `tf.function`.
        """
        if any(tf.is_tensor(x) and not hasattr(x, "numpy") for x in tf.nest.flatten(self)):
            raise ValueError(
                "These counts are symbolic: inside a tf.function they have no value yet. Return "
                "them from it, or read them outside."
            )
        return tf.nest.map_structure(np.asarray, self)

    def as_float(self) -> Counts:
        """The same value with float64 fields, as weighted counts have."""
        return tf.nest.map_structure(xp.to_float, self)

    def at(self, index: Any) -> Counts:
        """The counts at an index of the first leading axis: of one group, or at one threshold."""
        return tf.nest.map_structure(lambda x: xp.at(x, index), self)

    def overall(self) -> Counts:
        """The sum over the first leading axis: of all groups. Thresholds share their rows."""
        return tf.nest.map_structure(xp.first_axis_total, self)

    def both_sides(self) -> Counts:
        """Two-class counts (negative, positive) of binary counts; other counts unchanged."""
        if self.num_classes != 1:
            return self
        return self._replace(
            true_positive=xp.concat([self.true_negative, self.true_positive]),
            predicted=xp.concat([self.not_predicted, self.predicted]),
            actual=xp.concat([self.not_actual, self.actual]),
        )

    def without(self, whole: Any, part: Any) -> Any:
        """`whole - part` of sums `[..., C]`; 0 where, for weights, the rest may be rounding."""
        rest = whole - part
        if not self.is_weighted:
            return rest
        # Both are sums of the same weights in another order. A rest of rounding errors would be
        # a denominator of a score where 0 / 0 is meant.
        return xp.where(abs(rest) > _ROUNDING * abs(xp.column(self.total)), rest, 0.0)

    def __add__(self, other: Any) -> Counts:
        if not isinstance(other, Counts):
            return NotImplemented
        for name in ("true_positive", "samples", "confusion"):
            mine, theirs = _shape(getattr(self, name)), _shape(getattr(other, name))
            if mine != theirs:
                raise ValueError(
                    f"Counts of different shape do not add up: {name} has shape {mine} here and "
                    f"{theirs} there. Count both with the same num_classes, groups and decision."
                )
        left, right = self, other
        if left.is_weighted != right.is_weighted:
            left, right = left.as_float(), right.as_float()
        return tf.nest.map_structure(lambda a, b: a + b, left, right)

    def __radd__(self, other: Any) -> Counts:
        """Lets `sum(counts)` start from 0."""
        return self if isinstance(other, int) and other == 0 else NotImplemented

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the counts as a NumPy `.npz` file, whole or not at all."""
        from dist_f1 import counts_io

        counts_io.write(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Counts:
        """Reads what `save` wrote, with NumPy fields.

        Raises:
            ValueError: the file holds no counts.
        """
        from dist_f1 import counts_io

        return counts_io.loads(pathlib.Path(path).read_bytes(), os.fspath(path))


def _shape(field: Any) -> Any:
    if isinstance(field, dict):
        return {name: tuple(np.shape(value)) for name, value in field.items()}
    return tuple(np.shape(field))
