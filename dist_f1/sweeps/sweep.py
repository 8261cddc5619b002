"""`Sweep`: the counts at every threshold, and what is derived from all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from dist_f1 import scores
from dist_f1.batch import inputs
from dist_f1.batch.decisions import DecisionRule
from dist_f1.counts import Counts
from dist_f1.counts import arrays as xp
from dist_f1.scores.averaging import check_averaging, mean, only
from dist_f1.sweeps.counting import at_thresholds, count_buckets
from dist_f1.sweeps.grid import Grid

SweepAverage = Literal["micro", "macro", "weighted"]


class Curve(NamedTuple):
    """A precision-recall curve for each class, from the lowest threshold upwards.

    `thresholds`: `[T + 1]`, the first of them -inf, where every row is predicted. `precision` and
    `recall`: `[T + 2, C]`, one more, since the curve ends with precision 1 and recall 0. Where
    nothing is predicted, precision is 1; where nothing is of the class, recall is 1.
    """

    thresholds: Any
    precision: Any
    recall: Any


class Best(NamedTuple):
    """The best threshold, F-beta there, and the counts there.

    Of each class on its own: `threshold` and `score` `[C]`; or one for all: scalars.
    """

    threshold: Any
    score: Any
    counts: Counts


class Sweep(NamedTuple):
    """The counts at each of T thresholds.

    Each class is decided on its own: positive where its score is greater than the threshold. The
    counts are those that a metric with that threshold would have.

    Fields:
        thresholds: `[T]`, ascending.
        counts: `Counts` with a leading axis `[T]`. Every score of them has it too:
            `scores.f1(sweep.counts, "macro")` is `[T]`.

    Example:
        >>> sweep = Sweep.from_scores([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], thresholds=20)
        >>> best = sweep.best("macro")
        >>> float(best.threshold), round(float(best.score), 2)
        (0.1, 0.8)
        >>> round(float(sweep.average_precision("macro")), 3)
        0.833
    """

    thresholds: Any
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
        """Counts scores that are at hand.

        Args:
            y_true: ids `[N]`, or 0/1 targets `[N, C]`.
            y_score: `[N]` (binary) or `[N, C]`, probabilities, or logits with `from_logits`.
            thresholds: their number, evenly spaced from `1 / T` to 1, or the thresholds.
            sample_weight: `[N]`; the counts are then float64.
            num_classes: C, if `y_score` does not show it.
            from_logits: thresholds still speak of probabilities.
            ignore_class: rows with this label are left out.

        Raises:
            ValueError: thresholds outside `(0, 1]`, or shapes that do not match.
        """
        grid = Grid.from_spec(thresholds)
        # Only to line the rows up: each class has a score of its own.
        rule = DecisionRule(threshold=0.5)
        rows = inputs.flatten(y_true, y_score, sample_weight, rule=rule, num_classes=num_classes)
        between = count_buckets(rows, grid, from_logits=from_logits, ignore_class=ignore_class)
        return cls.from_buckets(grid, between.numpy())

    @classmethod
    def from_buckets(cls, grid: Grid, between: Counts) -> Sweep:
        """From counts between the thresholds of `grid`."""
        return cls(np.asarray(grid.thresholds), at_thresholds(between))

    def __add__(self, other: Any) -> Sweep:
        """Merges the counts of disjoint data."""
        if not isinstance(other, Sweep):
            return NotImplemented
        if not np.array_equal(self.thresholds, other.thresholds):
            raise ValueError("Sweeps of different thresholds do not add up.")
        return Sweep(self.thresholds, self.counts + other.counts)

    @property
    def num_classes(self) -> int:
        """C."""
        return self.counts.num_classes

    def numpy(self) -> Sweep:
        """The same value with NumPy fields."""
        return Sweep(self.thresholds, self.counts.numpy())

    def at(self, threshold: float) -> Counts:
        """The counts at one of the thresholds.

        Raises:
            ValueError: it is none of them.
        """
        return self.counts.at(Grid(tuple(self.thresholds)).index(threshold))

    def curve(self) -> Curve:
        """The precision-recall curve of each class."""
        c = self.counts.as_float()
        actual, total = c.actual[:1], xp.expand_last(c.total[:1])
        # One step below the lowest threshold, every row is predicted as the class.
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
    ) -> Any:
        """The area under the steps of the curve: `sum (R_i - R_i+1) P_i`; 0 without positives.

        It is scikit-learn's of the scores as far as the thresholds tell them apart, and exactly
        that where there is one between any two scores.

        Args:
            average: `None` (`[C]`), `"macro"`, `"weighted"` by support, or `"micro"`: of the
                scores of all classes taken together.
            labels: the classes that enter, by default all.
        """
        if average not in (None, "micro", "macro", "weighted"):
            raise ValueError(
                f'average must be None, "micro", "macro" or "weighted", got {average!r}.'
            )
        sweep = self._only(labels)
        if average == "micro":
            sweep = Sweep(sweep.thresholds, _pooled(sweep.counts))
        _, precision, recall = sweep.curve()
        steps = (recall[:-1] - recall[1:]) * precision[:-1]
        support = xp.to_float(sweep.counts.at(0).actual)
        values = xp.where(xp.is_zero(support), 0.0, xp.sum_first(steps))
        if average is None:
            return values
        if average == "micro":
            return values[..., 0]
        return mean(values, support if average == "weighted" else None, 0.0)

    def best(
        self,
        average: SweepAverage | None = None,
        beta: float = 1.0,
        labels: Sequence[int] | None = None,
    ) -> Best:
        """The threshold with the highest F-beta; of several, the lowest.

        Args:
            average: `None`: a threshold for each class. Otherwise the one threshold for all
                classes at which the average is highest.
            beta: recall weighs `beta` times precision.
            labels: the classes that enter, by default all.

        Returns:
            with counts of C classes (of `labels`, if given and `average` is `None`).
        """
        if average is None:
            sweep = self._only(labels)
            values = scores.f_beta(sweep.counts, beta)
            picked = xp.argmax_first(values)
            c = sweep.counts
            at_zero = c.at(0)
            counts = at_zero._replace(
                true_positive=xp.take_per_column(c.true_positive, picked),
                predicted=xp.take_per_column(c.predicted, picked),
            )
            return Best(
                xp.take_from_numpy(self.thresholds, picked),
                xp.take_per_column(values, picked),
                counts,
            )
        values = scores.f_beta(self._only(labels).counts, beta, average)
        picked = xp.argmax_first(values)
        counts = self.counts.at(picked)
        return Best(
            xp.take_from_numpy(self.thresholds, picked), xp.index_first(values, picked), counts
        )

    def _only(self, labels: Sequence[int] | None) -> Sweep:
        chosen = check_averaging(None, 0.0, labels, self.num_classes)
        if chosen is None:
            return self
        if self.num_classes == 1:
            check_positive(chosen)
            return self
        return Sweep(self.thresholds, only(self.counts, list(chosen)))


def check_positive(labels: Sequence[int]) -> None:
    """Raises `ValueError` for another label than that of the one class which has scores."""
    if tuple(labels) != (1,):
        raise ValueError(
            f"labels={list(labels)}, but the scores of a binary task are of its positive class, 1. "
            "Leave labels out."
        )


def _pooled(counts: Counts) -> Counts:
    """One class whose rows are those of all classes."""

    def pooled(per_class: Any) -> Any:
        return xp.expand_last(xp.sum_last(per_class))

    return counts._replace(
        true_positive=pooled(counts.true_positive),
        predicted=pooled(counts.predicted),
        actual=pooled(counts.actual),
        total=counts.total * counts.num_classes,
        samples=(),
    )
