"""`Sweep`: the counts at every threshold, and the curves and best thresholds derived from them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from dist_f1 import scores
from dist_f1.counts import Counts
from dist_f1.counts import arrays as xp
from dist_f1.counts.atomic_write import atomic_write
from dist_f1.counts.lazy_tensorflow import Array, LazyModule
from dist_f1.scores.averaging import check_averaging, nanmean, select_classes
from dist_f1.sweeps import display, files
from dist_f1.sweeps.buckets import at_thresholds
from dist_f1.sweeps.grid import Grid

if TYPE_CHECKING:
    from dist_f1.sweeps import counting
else:
    # Counting predictions takes TensorFlow; everything else here takes NumPy only.
    counting = LazyModule("dist_f1.sweeps.counting")

SweepAverage = Literal["micro", "macro", "weighted"]


class Curve(NamedTuple):
    """A precision-recall curve for each class, from the lowest threshold to the highest.

    Fields:
        thresholds: `[T + 1]`. The first is -inf, where every row is predicted.
        precision: `[T + 2, C]`, 1 where nothing is predicted. The last point has no threshold:
            the curve ends with precision 1 and recall 0.
        recall: `[T + 2, C]`, 1 for a class without rows.
    """

    thresholds: np.ndarray
    precision: Array
    recall: Array

    def __repr__(self) -> str:
        """Describe the shapes."""
        return display.curve_repr(self)


class Best(NamedTuple):
    """The best threshold, and F-beta and the counts there.

    Fields:
        threshold: `[C]`, one for each class, or a scalar, one for all classes.
        score: Shaped like `threshold`.
        counts: Counts `[C]`.
    """

    threshold: Array
    score: Array
    counts: Counts

    def __repr__(self) -> str:
        """Show the thresholds and scores of few classes."""
        return display.best_repr(self)

    def _repr_html_(self) -> str | None:
        """Return a table for notebooks, with at most 20 classes; `None` for symbolic values."""
        return display.best_html(self)


class Sweep(NamedTuple):
    """The counts at each of T thresholds.

    Each class is decided separately: it is predicted where its value is greater than the threshold.
    The counts are those of a metric with that threshold.

    Fields:
        thresholds: `[T]`, ascending.
        counts: `Counts` with a leading axis `[T]`. Every score of these counts has this axis too:
            `scores.f1(sweep.counts, "macro")` is `[T]`.

    Example:
        >>> sweep = Sweep.from_scores([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], thresholds=20)
        >>> best = sweep.best("macro")
        >>> float(best.threshold), round(float(best.score), 2)
        (0.1, 0.8)
        >>> round(float(sweep.average_precision("macro")), 3)
        0.833
    """

    thresholds: np.ndarray
    counts: Counts

    @classmethod
    def from_scores(
        cls,
        y_true: Any,
        y_score: Any,
        thresholds: int | Sequence[float] = 200,
        sample_weight: Any = None,
        *,
        num_classes: int | None = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
    ) -> Sweep:
        """Count predictions that are already computed.

        Args:
            y_true: Class ids `[N]`, or 0/1 targets `[N, C]`.
            y_score: `[N]` (binary) or `[N, C]`, probabilities, or logits with `from_logits`.
            thresholds: Number of thresholds, evenly spaced from `1 / T` to 1, or the thresholds.
            sample_weight: `[N]`; the counts are then float64.
            num_classes: C, if `y_score` does not show it.
            from_logits: Whether predictions are logits. Thresholds remain probabilities.
            ignore_class: Label of the rows to leave out.

        Raises:
            ValueError: Thresholds outside `(0, 1]`, or shapes that do not match.
        """
        grid = Grid.from_spec(thresholds)
        spec = counting.SweepSpec(grid, from_logits, ignore_class)
        buckets = counting.count_scores(spec, y_true, y_score, sample_weight, num_classes)
        return cls.from_buckets(grid, buckets)

    @classmethod
    def from_buckets(cls, grid: Grid, buckets: Counts) -> Sweep:
        """Sum counts in the buckets of `grid`; see `buckets.at_thresholds`."""
        return cls(np.asarray(grid.thresholds), at_thresholds(buckets))

    def __repr__(self) -> str:
        """Describe the thresholds and the counts."""
        return display.sweep_repr(self)

    def _repr_html_(self) -> str | None:
        """Return a table of the best thresholds for notebooks; `None` for symbolic counts."""
        return display.sweep_html(self)

    def __add__(self, other: Any) -> Sweep:
        """Merge the counts of disjoint data."""
        if not isinstance(other, Sweep):
            return NotImplemented
        if not np.array_equal(self.thresholds, other.thresholds):
            raise ValueError(
                "Sweeps with different thresholds cannot be added. Count both with the same "
                "thresholds."
            )
        return Sweep(self.thresholds, self.counts + other.counts)

    @property
    def num_classes(self) -> int:
        """C."""
        return self.counts.num_classes

    def numpy(self) -> Sweep:
        """Convert the counts to NumPy arrays."""
        return Sweep(self.thresholds, self.counts.numpy())

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the sweep to a NumPy `.npz` file, completely or not at all."""
        atomic_write(path, files.dumps(self))

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, max_bytes: int | None = None) -> Sweep:
        """Read a file that `save` wrote, with NumPy counts.

        Args:
            path: Path of the file.
            max_bytes: Maximum number of bytes of all arrays, by default 128 MiB more than the size
                of the file. Files of dist_f1 0.2.0 may need more for ten thousands of classes.

        Raises:
            ValueError: The file is damaged, its numbers contradict each other, its arrays are too
                large, or a newer version of dist_f1 wrote it.
        """
        return cls(*files.loads(path, os.fspath(path), max_bytes))

    def at(self, threshold: float) -> Counts:
        """Return the counts at one of the thresholds.

        Raises:
            ValueError: The sweep has no such threshold.
        """
        return self.counts.at(Grid(tuple(self.thresholds)).index(threshold))

    def curve(self) -> Curve:
        """Return the precision-recall curve of each class."""
        c = self.counts.as_float()
        actual, total = c.actual[:1], c.entries[:1]
        # Below the lowest threshold, every row is predicted as the class.
        true_positive = xp.concat_first(actual, c.true_positive)
        predicted = xp.concat_first(total + 0.0 * actual, c.predicted)
        precision = xp.divide(true_positive, predicted, 1.0)
        recall = xp.divide(true_positive, actual, 1.0)
        return Curve(
            np.concatenate([[-np.inf], self.thresholds]),
            xp.concat_first(precision, 0.0 * actual + 1.0),
            xp.concat_first(recall, 0.0 * actual),
        )

    def average_precision(
        self, average: SweepAverage | None = None, labels: Sequence[int] | None = None
    ) -> Array:
        """Return the area below the steps of the curve, `sum (R_i - R_i+1) P_i`.

        It is 0 without positives. It equals scikit-learn's average precision if there is a
        threshold between any two different predictions, and approximates it otherwise.

        Args:
            average: `None` (`[C]`), `"macro"`, `"weighted"` by support, or `"micro"`: the values of
                all classes as those of one class.
            labels: Classes to include, by default all.
        """
        if average not in (None, "micro", "macro", "weighted"):
            raise ValueError(
                f'average must be None, "micro", "macro" or "weighted", got {average!r}.'
            )
        sweep = self._select(labels)
        if average == "micro":
            sweep = Sweep(sweep.thresholds, _pool_classes(sweep.counts))
        _, precision, recall = sweep.curve()
        steps = (recall[:-1] - recall[1:]) * precision[:-1]
        support = xp.to_float(sweep.counts.at(0).actual)
        values = xp.where(xp.is_zero(support), 0.0, xp.sum_first(steps))
        if average is None:
            return values
        if average == "micro":
            return values[..., 0]
        return nanmean(values, support if average == "weighted" else None, 0.0)

    def best(
        self,
        average: SweepAverage | None = None,
        beta: float = 1.0,
        labels: Sequence[int] | None = None,
    ) -> Best:
        """Find the threshold with the highest F-beta; ties go to the lowest threshold.

        Args:
            average: `None` finds a threshold for each class. An average finds the one threshold for
                all classes at which it is highest.
            beta: Weight of recall relative to precision.
            labels: Classes to include, by default all.

        Returns:
            The best thresholds. Without an average, all fields are those of `labels`; with an
            average, `counts` has all classes.
        """
        selected = self._select(labels)
        values = scores.f_beta(selected.counts, beta, average)
        best = xp.argmax_first(values)
        threshold = xp.take_from_numpy(self.thresholds, best)
        if average is not None:
            return Best(threshold, xp.index_first(values, best), self.counts.at(best))
        c = selected.counts
        counts = c.at(0)._replace(
            true_positive=xp.take_per_column(c.true_positive, best),
            predicted=xp.take_per_column(c.predicted, best),
        )
        return Best(threshold, xp.take_per_column(values, best), counts)

    def _select(self, labels: Sequence[int] | None) -> Sweep:
        chosen = check_averaging(None, 0.0, labels, self.num_classes)
        if chosen is None:
            return self
        if self.num_classes == 1:
            check_positive(chosen)
            return self
        return Sweep(self.thresholds, select_classes(self.counts, chosen))


def check_positive(labels: Sequence[int]) -> None:
    """Raise `ValueError` for labels of a binary task other than the positive class."""
    if tuple(labels) != (1,):
        raise ValueError(
            f"labels={list(labels)}, but a binary task has predictions of its positive class, 1. "
            "Leave labels out."
        )


def _pool_classes(counts: Counts) -> Counts:
    """Pool the rows of all classes in one class."""

    def pool(per_class: Array) -> Array:
        return xp.expand_last(xp.sum_last(per_class))

    return counts._replace(
        true_positive=pool(counts.true_positive),
        predicted=pool(counts.predicted),
        actual=pool(counts.actual),
        total=xp.sum_last(counts.entries + 0 * counts.actual),
        samples=(),
        class_total=(),
    )
