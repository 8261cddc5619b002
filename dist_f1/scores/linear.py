"""Ratios of linear combinations of counts: precision, recall, F-beta and the like, per class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from dist_f1.counts import Counts
from dist_f1.counts import arrays as xp
from dist_f1.counts.lazy_tensorflow import Array

# Integer arithmetic is exact up to this factor; larger products might overflow int64.
_MAX_FACTOR = 2**10


class Linear(NamedTuple):
    """A linear combination of the counts of a class: one factor for each count."""

    true_positive: float = 0
    predicted: float = 0
    actual: float = 0
    total: float = 0

    def of(self, counts: Counts) -> Array:
        """Evaluate the combination for each class: `[..., C]`, in float64."""
        terms = [
            (factor, counts.entries if name == "total" else getattr(counts, name))
            for name, factor in self._asdict().items()
            if factor
        ]
        if not all(float(f).is_integer() and abs(f) < _MAX_FACTOR for f, _ in terms):
            terms = [(factor, xp.to_float(count)) for factor, count in terms]
        added = _sum([(factor, count) for factor, count in terms if factor > 0])
        subtracted = [(-factor, count) for factor, count in terms if factor < 0]
        if not subtracted:
            return xp.to_float(added)
        # A small remainder of all rows may be a rounding error; that of one class is not.
        difference = counts.subtract if self.total else (lambda a, b: a - b)
        return xp.to_float(difference(added, _sum(subtracted)))


def _sum(terms: Sequence[tuple[float, Array]]) -> Array:
    first, *others = [count if f == 1 else _scale(f, count) for f, count in terms]
    for other in others:
        first = first + other
    return first


def _scale(factor: float, count: Array) -> Array:
    return count * (factor if xp.is_float(count) else int(factor))


class Ratio(NamedTuple):
    """A score of each class: `numerator / denominator`.

    Fields:
        numerator: Linear in the counts.
        denominator: Linear in the counts.
        sample_average: Name of the ratio among the sums over rows, if it is summed.
        denominator_covers_class: Whether the denominator is 0 only for a class that neither occurs
            nor is predicted.
    """

    numerator: Linear
    denominator: Linear
    sample_average: str | None = None
    denominator_covers_class: bool = False

    @property
    def is_nonzero_for_absent_class(self) -> bool:
        """Whether a class that neither occurs nor is predicted has another score than 0."""
        return bool(self.numerator.total)


PRECISION = Ratio(Linear(true_positive=1), Linear(predicted=1), "precision")
RECALL = Ratio(Linear(true_positive=1), Linear(actual=1), "recall")
SPECIFICITY = Ratio(
    Linear(true_positive=1, predicted=-1, actual=-1, total=1), Linear(actual=-1, total=1)
)
JACCARD = Ratio(Linear(true_positive=1), Linear(true_positive=-1, predicted=1, actual=1), "jaccard")


def f_beta_ratio(beta: float, sample_average: str | None = None) -> Ratio:
    """Return `(1 + beta^2) tp / (beta^2 actual + predicted)`, for beta from 0 to infinity."""
    square = beta * beta
    if math.isinf(square):
        return RECALL
    if beta == 0.0:
        return PRECISION
    numerator, denominator = Linear(true_positive=1 + square), Linear(predicted=1, actual=square)
    return Ratio(numerator, denominator, sample_average, denominator_covers_class=True)


def matrices(ratios: Sequence[Ratio]) -> tuple[np.ndarray, np.ndarray]:
    """Return all numerators and all denominators, float64 `[S, 4]`, to multiply counts `[4, C]`."""
    numerators, denominators = zip(*(ratio[:2] for ratio in ratios), strict=True)
    return np.asarray(numerators, np.float64), np.asarray(denominators, np.float64)
