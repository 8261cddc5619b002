"""Averages of several ratios at once: more of them take no more operations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from dist_f1 import _arrays as xp
from dist_f1 import linear
from dist_f1.averaging import mean_of_some, only, weighted_mean
from dist_f1.counts import Counts
from dist_f1.score_names import NamedScore

# What these are averages of, and how.
_OF_ROWS = {
    "accuracy": ("micro", linear.RECALL),
    "balanced_accuracy": ("balanced", linear.RECALL),
}


def batched(
    named: Sequence[NamedScore],
    counts: Counts,
    zero_division: float,
    labels: Sequence[int] | None,
) -> list[NamedScore]:
    """Those of the scores that `evaluate` takes, if there are several."""
    if counts.is_weighted or counts.num_classes == 1 or math.isnan(zero_division):
        return []

    def fits(score: NamedScore) -> bool:
        if score.base in _OF_ROWS:
            return labels is None and not counts.is_multilabel
        return score.average in ("macro", "micro", "weighted")

    found = [score for score in named if score.spread is None and fits(score)]
    return found if len(found) > 1 else []


def evaluate(
    named: Sequence[NamedScore],
    counts: Counts,
    zero_division: float,
    labels: Sequence[int] | None,
) -> Any:
    """The scores in their order, float64 `[S]`, of counts without leading axes.

    What is above and below in them is linear in the counts, so that one product of a matrix with
    the counts gives it for all of them. Accuracy is the micro average of recall, and balanced
    accuracy its mean over the classes that occur; without rows they are NaN.
    """
    if labels is not None:
        counts = only(counts, list(labels))
    keys = [_OF_ROWS.get(score.base, (score.average, score.ratio)) for score in named]
    ratios = list(dict.fromkeys(ratio for _, ratio in keys))
    table = _table(counts, any(part.total for ratio in ratios for part in ratio[:2]))
    above, below = (
        xp.matmul(matrix[:, : table.shape[0]], table) for matrix in linear.matrices(ratios)
    )

    found: dict[str, Any] = {}
    averages = {average for average, _ in keys}
    if averages != {"micro"}:
        values = xp.divide(above, below, zero_division)
        occurs = None
        if labels is None and not counts.is_multilabel:
            occurs = _is_there(xp.to_float(counts.predicted + counts.actual))
        some = values
        if occurs is not None and (zero_division or any(r.holds_for_none for r in ratios)):
            some = values * occurs
        found["macro"] = mean_of_some(some, occurs, zero_division)
        support = table[2]
        if "weighted" in averages:
            found["weighted"] = weighted_mean(values, support, found["macro"])
        if "balanced" in averages:
            there = _is_there(support)
            some = values * there if zero_division else values
            found["balanced"] = mean_of_some(some, there, zero_division)
    if "micro" in averages:
        found["micro"] = xp.divide(xp.total(above), xp.total(below), zero_division)
    starts = {average: i * len(ratios) for i, average in enumerate(found)}
    places = [starts[average] + ratios.index(ratio) for average, ratio in keys]
    taken = xp.take(xp.concat(list(found.values())), places)
    of_rows = np.asarray([score.base in _OF_ROWS for score in named])
    return xp.where(of_rows & xp.is_zero(counts.total), math.nan, taken) if of_rows.any() else taken


def _is_there(counted: Any) -> Any:
    """1 where a class has been counted, otherwise 0."""
    return xp.divide(counted, counted, 0.0)


def _table(counts: Counts, with_total: bool) -> Any:
    """The counts that ratios are made of as rows, float64 `[3, C]`, or `[4, C]` with all rows."""
    rows = [counts.true_positive, counts.predicted, counts.actual]
    if with_total:
        rows.append(counts.actual * 0 + counts.total)
    return xp.to_float(xp.stack(rows, axis=0))
