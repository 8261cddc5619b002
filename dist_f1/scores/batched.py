"""Averages of several ratios at once: more of them take no more operations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from dist_f1.counts import Counts
from dist_f1.counts import arrays as xp
from dist_f1.scores import linear
from dist_f1.scores.averaging import only
from dist_f1.scores.linear import Ratio
from dist_f1.scores.score_names import NamedScore

# What these are averages of, and over which classes.
_OF_ROWS = {
    "accuracy": ("micro", linear.RECALL),
    "balanced_accuracy": ("balanced", linear.RECALL),
}
_MEANS = ("macro", "balanced", "weighted")
_CORRELATION = "matthews_corrcoef"


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
        if score.base in _OF_ROWS or score.base == _CORRELATION:
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
    keys = [_key(score) for score in named]
    ratios = list(dict.fromkeys(ratio for _, ratio in keys if ratio is not None))
    table = _table(counts, any(part.total for ratio in ratios for part in ratio[:2]))
    above, below = (
        xp.matmul(matrix[:, : table.shape[0]], table) for matrix in linear.matrices(ratios)
    )

    averages = {average for average, _ in keys}
    order: list[tuple[str, Ratio | None]] = []
    found: list[Any] = []
    if averages & set(_MEANS):
        values = xp.divide(above, below, zero_division)
        everywhere = labels is not None or counts.is_multilabel
        found.append(xp.reshape(_means(values, table, everywhere, zero_division), [-1]))
        order += [(average, ratio) for ratio in ratios for average in _MEANS]
    if "micro" in averages:
        found.append(xp.divide(xp.sum_last(above), xp.sum_last(below), zero_division))
        order += [("micro", ratio) for ratio in ratios]
    if _CORRELATION in averages:
        found.append(xp.stack([_correlation(table)]))
        order.append((_CORRELATION, None))
    taken = xp.take_last(xp.concat_last(found), [order.index(key) for key in keys])
    of_rows = np.asarray([score.base in _OF_ROWS for score in named])
    return xp.where(of_rows & xp.is_zero(counts.total), math.nan, taken) if of_rows.any() else taken


def _key(score: NamedScore) -> tuple[str, Ratio | None]:
    if score.ratio is not None:
        return str(score.average), score.ratio
    return _OF_ROWS.get(score.base, (_CORRELATION, None))


def _table(counts: Counts, with_total: bool) -> Any:
    """The counts that ratios are made of as rows, float64 `[3, C]`, or `[4, C]` with all rows."""
    rows = [counts.true_positive, counts.predicted, counts.actual]
    if with_total:
        rows.append(counts.actual * 0 + counts.total)
    return xp.to_float(xp.stack(rows, axis=0))


def _means(values: Any, table: Any, everywhere: bool, empty: float) -> Any:
    """The means of ratios `[S, C]` over classes, `[S, 3]`, as `_MEANS` names them."""
    # What a class weighs: 1 if it is there, if it occurs, and as often as it occurs.
    rows = np.asarray([[0, 1, 1, 0], [0, 0, 1, 0], [0, 0, 1, 0]], np.float64)
    counted = xp.matmul(rows[:, : table.shape[0]], table)
    once = np.asarray([[True], [True], [False]])
    weights = xp.where(once, xp.divide(counted, counted, 0.0), counted)
    if everywhere:
        weights = xp.where(np.asarray([[True], [False], [False]]), 1.0, weights)
    below = xp.sum_last(weights)
    means = xp.divide(xp.inner(values, weights), below, empty)
    if not everywhere:
        return means
    # Without support the weighted mean is the plain one.
    return xp.where(xp.is_zero(below), means[:, :1], means)


def _correlation(table: Any) -> Any:
    """Matthews' correlation, from sums over classes; see `scores.matthews_corrcoef`."""
    table = table if table.shape[0] == 3 else table[:3]
    sums = xp.expand_last(xp.sum_last(table))
    rest = xp.reshape(xp.inner(sums, sums) - xp.inner(table, table), [-1])
    right, predicted, actual = xp.unstack(xp.reshape(sums, [-1]))
    *_, of_predicted, of_both, _, _, of_actual = xp.unstack(rest)
    covariance = of_both - predicted * (actual - right)
    return xp.divide(covariance, xp.sqrt(of_predicted * of_actual), 0.0)
