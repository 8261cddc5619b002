"""The precision-recall curves of a sweep, with what figures and pages show of each class."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dist_f1 import scores

if TYPE_CHECKING:
    from dist_f1.sweeps.sweep import Sweep

# Values of F1 for which figures draw a line.
EQUAL_F1 = (0.2, 0.4, 0.6, 0.8)


class SweepCurves(NamedTuple):
    """NumPy values of a sweep of T thresholds and C classes.

    Fields:
        thresholds: `[T + 1]`.
        precision: `[T + 2, C]`, as in `Curve`.
        recall: `[T + 2, C]`, as in `Curve`.
        average_precision: `[C]`, NaN for a class without rows.
        best_threshold: `[C]`, the threshold with the highest F1.
        best_f1: `[C]`, F1 at the best threshold.
        best_precision: `[C]`, precision at the best threshold.
        best_recall: `[C]`, recall at the best threshold.
    """

    thresholds: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    average_precision: np.ndarray
    best_threshold: np.ndarray
    best_f1: np.ndarray
    best_precision: np.ndarray
    best_recall: np.ndarray

    @property
    def occurring(self) -> np.ndarray:
        """Ids of the classes with rows, ascending."""
        return np.flatnonzero(np.isfinite(self.average_precision))

    @property
    def worst_first(self) -> np.ndarray:
        """Ids of the classes with rows, the lowest average precision first."""
        return self.occurring[np.argsort(self.average_precision[self.occurring], kind="stable")]

    def precision_at(self, recalls: np.ndarray, k: int) -> np.ndarray:
        """Return the height of the step curve of class k at ascending recalls."""
        recall, precision = self.recall[::-1, k], self.precision[::-1, k]
        # At recall 0, precision is a convention. The curve starts at the first positive recall.
        first = int(np.argmax(recall > 0.0))
        index = np.searchsorted(recall, recalls, side="left")
        return precision[np.clip(index, first, len(recall) - 1)]

    def mean_precision_at(self, recalls: np.ndarray) -> np.ndarray:
        """Return the mean height of the step curves of all classes with rows."""
        return np.mean([self.precision_at(recalls, k) for k in self.occurring.tolist()], axis=0)


def sweep_curves(sweep: Sweep) -> SweepCurves:
    """Return the curves of a sweep, and the best threshold of each class.

    Example:
        >>> from dist_f1 import Sweep
        >>> curves = sweep_curves(Sweep.from_scores([0, 1, 1], [0.2, 0.4, 0.9], thresholds=2))
        >>> curves.best_f1.tolist(), curves.best_recall.tolist()
        ([0.6666666666666666], [0.5])
    """
    sweep = sweep.numpy()
    curve, best = sweep.curve(), sweep.best()
    counts = best.counts
    return SweepCurves(
        np.asarray(curve.thresholds),
        np.asarray(curve.precision),
        np.asarray(curve.recall),
        np.where(counts.actual > 0, np.asarray(sweep.average_precision()), math.nan),
        np.asarray(best.threshold),
        np.asarray(scores.f1(counts)),
        np.asarray(scores.precision(counts)),
        np.asarray(scores.recall(counts)),
    )


def equal_f1_line(f1: float, points: int) -> tuple[np.ndarray, np.ndarray]:
    """Return recall and precision `[points]` of the line on which F1 is constant."""
    recall = np.geomspace(f1 / (2.0 - f1), 1.0, points)
    return recall, f1 * recall / (2.0 * recall - f1)


def entries_by_class(sweep: Sweep) -> np.ndarray:
    """Return the number of counted entries of each class, `[C]`."""
    counts = sweep.counts
    return np.broadcast_to(np.asarray(counts.entries)[0], counts.actual[0].shape)
