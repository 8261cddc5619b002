"""`Counts`: the value that every score is derived from."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from dist_f1.counts import arrays as xp
from dist_f1.counts import display, files
from dist_f1.counts.atomic_write import atomic_write
from dist_f1.counts.causes import CAUSES
from dist_f1.counts.lazy_tensorflow import Array, is_tensor
from dist_f1.counts.shapes import check_same_shape

# Differences below this share of the total weight (1.5e-11) are rounding errors of the sums. It is
# above the likely error of 10**9 additions, and below the weight of an average row among as many.
_ROUNDING = 2.0**-36


class Counts(NamedTuple):
    """Confusion counts of C classes: immutable, O(C), and a `tf.nest` structure.

    Unweighted counts are int64 and exact to 2**63; weighted counts are float64. Fields are
    tensors or NumPy arrays.

    Fields:
        true_positive: `[C]`, rows of the class that were predicted as the class.
        predicted: `[C]`, rows predicted as the class.
        actual: `[C]`, rows of the class (its support).
        total: Scalar, counted rows.
        invalid: Scalar, rows that could not be counted: the label is not a class, or a prediction
            or weight is not a number.
        samples: Sums over rows for sample averages (`dist_f1.counts.sample_averages`), by name,
            if a row may have several classes; `{}` if the sums are unknown. Otherwise `()`.
        confusion: `[C, C]`, true class by predicted class; `()` unless requested.
        class_total: `[C]`, counted entries of each class, if single entries of rows were left out
            or weighted. Otherwise `()`: each class has `total` entries.
        invalid_by_cause: `[K]`, rows that could not be counted, by `dist_f1.counts.causes.CAUSES`;
            `()` if the causes are unknown. See `invalid_causes`.

    One class (`C = 1`) is the binary case: the counts of the positive class. The counts of the
    negative class follow from `total`.

    All fields may have the same leading axes (groups of rows, thresholds, resamples). Scores then
    have these axes too. `at` selects one index of the first axis, and `overall` sums over it.

    `a + b` merges the counts of disjoint data. Merging is associative and commutative, exactly so
    for int64.

    Example:
        >>> counts = Counts.from_labels([0, 1, 2, 2], [0, 2, 2, 1], num_classes=3)
        >>> counts.true_positive.numpy().tolist()
        [1, 0, 1]
        >>> int((counts + counts).total)
        8
    """

    true_positive: Array
    predicted: Array
    actual: Array
    total: Array
    invalid: Array
    samples: Any = ()
    confusion: Any = ()
    class_total: Any = ()
    invalid_by_cause: Any = ()

    @classmethod
    def from_labels(
        cls,
        y_true: Any,
        y_pred: Any,
        num_classes: int,
        sample_weight: Any = None,
        *,
        ignore_class: int | None = None,
        mask: Any = None,
        confusion: bool = False,
        betas: Iterable[float] = (),
        by: Any = None,
        num_groups: int | None = None,
    ) -> Counts:
        """Count labels that are already decided.

        Args:
            y_true: Class ids `[N]`, or 0/1 indicators `[N, C]` (multilabel), NumPy or tensor.
            y_pred: Like `y_true`.
            num_classes: C. With `num_classes=1`, labels 0 and 1 are counted as one class.
            sample_weight: `[N]`, or for indicators `[N, C]`; the counts are then float64.
            ignore_class: Label of the rows to leave out; in indicators, a value that is neither 0
                nor 1 leaves out the entry.
            mask: Booleans, shaped like `sample_weight`.
            confusion: Whether to count the `[C, C]` matrix too.
            betas: Multilabel only: further betas than 1 for sample averages of F.
            by: Group id of each row, `[N]`, from 0 to `num_groups - 1`. All fields then have a
                leading axis of groups.
            num_groups: Number of groups.

        Raises:
            ValueError: Shapes do not match.
        """
        options = (ignore_class, mask, confusion, tuple(betas), by, num_groups)
        return _count_labels(y_true, y_pred, num_classes, sample_weight, *options)

    @property
    def num_classes(self) -> int:
        """C."""
        return int(self.true_positive.shape[-1])

    @property
    def is_weighted(self) -> bool:
        """Whether the counts are sums of weights (float64), not numbers of rows (int64)."""
        return xp.is_float64(self.true_positive)

    @property
    def is_multilabel(self) -> bool:
        """Whether a row may have any number of classes instead of exactly one."""
        return not isinstance(self.samples, tuple)

    @property
    def false_positive(self) -> Array:
        """`[C]`: predicted as the class, but not of the class."""
        return self.subtract(self.predicted, self.true_positive)

    @property
    def false_negative(self) -> Array:
        """`[C]`: of the class, but not predicted as the class."""
        return self.subtract(self.actual, self.true_positive)

    @property
    def true_negative(self) -> Array:
        """`[C]`: neither of the class nor predicted as the class."""
        return self.subtract(self.actual_negative, self.false_positive)

    @property
    def predicted_negative(self) -> Array:
        """`[C]`: not predicted as the class."""
        return self.subtract(self.entries, self.predicted)

    @property
    def actual_negative(self) -> Array:
        """`[C]`: not of the class."""
        return self.subtract(self.entries, self.actual)

    @property
    def has_entries(self) -> bool:
        """Whether single entries of rows were left out or weighted."""
        return not _is_absent(self.class_total)

    @property
    def entries(self) -> Array:
        """`[C]`, or `[1]` if it is the same for all classes: the counted entries of the class."""
        return self.class_total if self.has_entries else xp.expand_last(self.total)

    @property
    def invalid_causes(self) -> dict[str, Array]:
        """The number of invalid rows by cause; see `dist_f1.counts.causes.CAUSES`."""
        numbers = self.with_causes(1).invalid_by_cause
        return {cause: numbers[..., i] for i, cause in enumerate(CAUSES[: numbers.shape[-1]])}

    def map(self, function: Callable[..., Any], *others: Counts) -> Counts:
        """Apply a function to each array, and to the same array of `others`."""
        fields = []
        for values in zip(self, *others, strict=True):
            if isinstance(values[0], dict):
                fields.append({k: function(*(v[k] for v in values)) for k in values[0]})
            else:
                fields.append(values[0] if _is_absent(values[0]) else function(*values))
        return Counts(*fields)

    def leaves(self) -> list[Array]:
        """Return all arrays in a fixed order: that of the fields, and of sorted names in a dict."""
        return [array for field in self for array in leaves(field)]

    def numpy(self) -> Counts:
        """Convert all fields to NumPy arrays.

        Raises:
            ValueError: The fields are symbolic, as inside a `tf.function`.
        """
        if any(is_tensor(x) and not hasattr(x, "numpy") for x in self.leaves()):
            raise ValueError(
                "These counts are symbolic: inside a tf.function they have no value yet. Return "
                "them from the function, or read them outside."
            )
        return self.map(np.asarray)

    def as_float(self) -> Counts:
        """Cast all fields to float64, the dtype of weighted counts."""
        return self.map(xp.to_float)

    def at(self, index: Any) -> Counts:
        """Return the counts at an index of the first leading axis: a group or a threshold."""
        return self.map(lambda x: xp.index_first(x, index))

    def overall(self) -> Counts:
        """Sum over the first leading axis, that of groups. Thresholds share their rows."""
        return self.map(xp.sum_first)

    def with_causes(self, number: int) -> Counts:
        """Extend `invalid_by_cause` to at least this number of causes."""
        known, zero = self.invalid_by_cause, xp.expand_last(self.invalid * 0)
        if _is_absent(known):
            known = xp.expand_last(self.invalid)
        missing = number - known.shape[-1]
        return self._replace(invalid_by_cause=xp.concat_last([known, *[zero] * missing]))

    def to_two_class(self) -> Counts:
        """Convert binary counts to two classes (negative, positive); return others unchanged."""
        if self.num_classes != 1:
            return self
        return self._replace(
            true_positive=xp.concat_last([self.true_negative, self.true_positive]),
            predicted=xp.concat_last([self.predicted_negative, self.predicted]),
            actual=xp.concat_last([self.actual_negative, self.actual]),
        )

    def subtract(self, total: Any, part: Any) -> Array:
        """Subtract sums `[..., C]`; for weights, treat rounding errors as 0."""
        difference = total - part
        if not self.is_weighted:
            return difference
        # Both are sums of the same weights in another order. A rounding error would become the
        # denominator of a score that should be 0 / 0.
        smallest = _ROUNDING * abs(self.entries)
        return xp.where(abs(difference) > smallest, difference, 0.0)

    def __add__(self, other: Any) -> Counts:
        if not isinstance(other, Counts):
            return NotImplemented
        if self.is_multilabel and other.is_multilabel:
            # The sum has the row sums that both have: those of the others have not seen all rows.
            names = self.samples.keys() & other.samples.keys()
            self = self._replace(samples={name: self.samples[name] for name in names})
            other = other._replace(samples={name: other.samples[name] for name in names})
        for name in ("true_positive", "samples", "confusion", "class_total"):
            check_same_shape(name, getattr(self, name), getattr(other, name))
        number = max(len(self.invalid_causes), len(other.invalid_causes))
        left, right = self.with_causes(number), other.with_causes(number)
        if left.is_weighted != right.is_weighted:
            left, right = left.as_float(), right.as_float()
        return left.map(lambda a, b: a + b, right)

    def __repr__(self) -> str:
        """Describe the counts in at most about 200 characters."""
        return display.to_repr(self)

    def _repr_html_(self) -> str | None:
        """Return a table for notebooks; `None` for symbolic counts."""
        return display.to_html(self)

    def __radd__(self, other: Any) -> Counts:
        """Let `sum(counts)` start from 0."""
        return self if isinstance(other, int) and other == 0 else NotImplemented

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the counts to a NumPy `.npz` file, completely or not at all."""
        atomic_write(path, files.dumps(self.numpy()._asdict()))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Counts:
        """Read a file that `save` wrote, with NumPy fields.

        Raises:
            ValueError: The file is damaged, its numbers contradict each other, or a newer version
                of dist_f1 wrote it.
        """
        return cls(**files.loads(path, os.fspath(path)))


def leaves(field: Any) -> list[Array]:
    """Return the arrays of a field in a fixed order: of sorted names in a dict."""
    if isinstance(field, dict):
        return [field[key] for key in sorted(field)]
    return [] if _is_absent(field) else [field]


def _is_absent(field: Any) -> bool:
    return isinstance(field, tuple)


def set_label_counter(function: Callable[..., Counts]) -> None:
    """Set the function behind `Counts.from_labels` (dependency injection, by the package itself).

    The value is below the counting in the order of the stages, and must not import it.
    """
    global _count_labels
    _count_labels = function


_count_labels: Callable[..., Counts]
