"""Ratios of sums of counts: what precision, recall, F-beta and their like are for each class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from dist_f1.counts import Counts
from dist_f1.counts import arrays as xp


class Linear(NamedTuple):
    """So many times each of the counts of a class, and of all rows."""

    true_positive: float = 0
    predicted: float = 0
    actual: float = 0
    total: float = 0

    def of(self, counts: Counts) -> Any:
        """`[..., C]`, in float64."""
        whole = [
            (
                times,
                xp.expand_last(getattr(counts, field))
                if field == "total"
                else getattr(counts, field),
            )
            for field, times in self._asdict().items()
            if times
        ]
        if not all(float(times).is_integer() and abs(times) < 2**10 for times, _ in whole):
            # Large ones might not fit into an integer.
            whole = [(times, xp.to_float(count)) for times, count in whole]
        added = _sum([(times, count) for times, count in whole if times > 0])
        taken = [(-times, count) for times, count in whole if times < 0]
        if not taken:
            return xp.to_float(added)
        # What is left of all rows may be rounding; what is left of a class is not.
        rest = counts.subtract(added, _sum(taken)) if self.total else added - _sum(taken)
        return xp.to_float(rest)


def _sum(terms: Sequence[tuple[float, Any]]) -> Any:
    first, *others = [count if times == 1 else _times(times, count) for times, count in terms]
    for other in others:
        first = first + other
    return first


def _times(times: float, count: Any) -> Any:
    return count * (times if xp.is_float(count) else int(times))


class Ratio(NamedTuple):
    """A score of each class: `above / below`.

    `sample_average`: its name among the averages over rows, if it is there. `covers`: whether
    `below` is 0 only for a class that neither occurs nor is predicted.
    """

    above: Linear
    below: Linear
    sample_average: str | None = None
    covers: bool = False

    @property
    def holds_for_none(self) -> bool:
        """Whether it is not 0 for a class that neither occurs nor is predicted."""
        return bool(self.above.total)


PRECISION = Ratio(Linear(true_positive=1), Linear(predicted=1), "precision")
RECALL = Ratio(Linear(true_positive=1), Linear(actual=1), "recall")
SPECIFICITY = Ratio(
    Linear(true_positive=1, predicted=-1, actual=-1, total=1), Linear(actual=-1, total=1)
)
JACCARD = Ratio(Linear(true_positive=1), Linear(true_positive=-1, predicted=1, actual=1), "jaccard")


def f_beta_ratio(beta: float, sample_average: str | None = None) -> Ratio:
    """`(1 + beta^2) tp / (beta^2 actual + predicted)`, for any `beta` from 0 to infinity."""
    square = beta * beta
    if math.isinf(square):
        return RECALL
    if beta == 0.0:
        return PRECISION
    above, below = Linear(true_positive=1 + square), Linear(predicted=1, actual=square)
    return Ratio(above, below, sample_average, covers=True)


def matrices(ratios: Sequence[Ratio]) -> tuple[np.ndarray, np.ndarray]:
    """What is above and below in all ratios, as float64 `[S, 4]` to multiply counts `[4, C]`."""
    above, below = zip(*(ratio[:2] for ratio in ratios), strict=True)
    return np.asarray(above, np.float64), np.asarray(below, np.float64)
